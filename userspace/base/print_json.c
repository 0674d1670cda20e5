/* SPDX-License-Identifier: BSD-2-Clause */
#include "print_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

int print_json(const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	bool terminal = isatty(STDOUT_FILENO);
	struct text shown = { 0 };
	int err = text ? 0 : -ENOMEM;

	for (char *line = text, *end; line && *line; line = end + (*end == '\n')) {
		end = strchrnul(line, '\n');
		if (terminal)
			text_printable_json(&shown, line, end - line);
		else
			text_append(&shown, line, end - line);
		text_append(&shown, "\n", 1);
	}
	if (shown.failed)
		err = -ENOMEM;
	if (!err && (fwrite(shown.data, 1, shown.size, stdout) != shown.size || fflush(stdout)))
		err = -EIO;
	text_free(&shown);
	free(text);
	return err;
}
