/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of the report's page share: its fixtures, and a reader that takes nothing for granted.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "userspace/html.h"

static inline json_t *fixture(const char *name)
{
	char path[128];
	json_error_t error;
	json_t *report;

	snprintf(path, sizeof(path), "selftests/unit/report/%s.json", name);
	report = json_load_file(path, 0, &error);
	if (!report)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	return report;
}

/* What @write puts out; the caller's to free(). */
static inline char *written(int (*write)(struct html *html, const json_t *report), const json_t *report)
{
	char *text = NULL;
	size_t size;
	struct html html = { .out = open_memstream(&text, &size) };

	assert_non_null(html.out);
	assert_int_equal(write(&html, report), 0);
	fclose(html.out);
	assert_false(html.failed);
	return text;
}

static inline size_t occurrences(const char *text, const char *what)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		count++;
	return count;
}
