/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that come piece by piece -> lines. A log is anybody's file, and may be compressed: what is kept of a
 * line that does not end is bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "text.h"

/* A line that is longer is none of ours, whatever it holds. */
#define LINES_MAX (1024 * 1024)

/* Zero-initialise the rest of it; text_free() of @rest when done. */
struct lines {
	/* Takes a line without its newline, which it has if it is @ended. Of one that is longer than LINES_MAX
	 * only the beginning may be there, and that is longer, too. Returns 0 to go on. */
	int (*each)(void *ctx, const char *line, size_t size, bool ended);
	void *ctx;
	struct text rest;		/* of a line that has not ended */
	bool overlong;			/* it is, and not all of it is kept */
};

/* Takes the next bytes. Returns 0, what @each returned, or -ENOMEM. */
int lines_take(struct lines *lines, const char *bytes, size_t size);

/* Nothing comes any more: what is left is a line, if it is not empty. Returns as lines_take(). */
int lines_end(struct lines *lines);
