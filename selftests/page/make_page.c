/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_page FILE.json | --large: writes the page of a report to stdout.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "selftests/unit/large_report.h"
#include "userspace/report_html.h"

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *report;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: make_page FILE.json|--large\n");
		return 2;
	}
	report = strcmp(argv[1], "--large") ? json_load_file(argv[1], 0, &error) : large_report();
	if (!report) {
		fprintf(stderr, "make_page: %s:%d: %s\n", argv[1], error.line, error.text);
		return 1;
	}
	err = report_html(report, stdout);
	json_decref(report);
	if (err < 0)
		fprintf(stderr, "make_page: %s\n", strerror(-err));
	return err < 0;
}
