/* SPDX-License-Identifier: BSD-2-Clause */
#include "lines.h"

#include <errno.h>
#include <string.h>

/* Keeps the beginning of a line; of one that is too long, enough to tell. */
static int keep(struct lines *lines, const char *bytes, size_t size)
{
	if (!lines->overlong)
		text_append(&lines->rest, bytes, size);
	lines->overlong = lines->rest.size > LINES_MAX;
	return lines->rest.failed ? -ENOMEM : 0;
}

static int give_rest(struct lines *lines, bool ended)
{
	int err = lines->each(lines->ctx, lines->rest.data, lines->rest.size, ended);

	lines->rest.size = 0;
	lines->overlong = false;
	return err;
}

/* One line as a whole, or the end of one that began in a piece before. */
static int give(struct lines *lines, const char *bytes, size_t size)
{
	if (!lines->rest.size)
		return lines->each(lines->ctx, bytes, size, true);
	return keep(lines, bytes, size) ?: give_rest(lines, true);
}

int lines_take(struct lines *lines, const char *bytes, size_t size)
{
	const char *at = bytes, *end = bytes + size, *newline;
	int err = 0;

	while (!err && at < end && (newline = memchr(at, '\n', end - at))) {
		err = give(lines, at, newline - at);
		at = newline + 1;
	}
	return err ?: at < end ? keep(lines, at, end - at) : 0;
}

int lines_end(struct lines *lines)
{
	return lines->rest.size ? give_rest(lines, false) : 0;
}
