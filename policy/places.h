/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in a text a character stands: number of the character -> byte -> line and column. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "parse.h"

/* Places are found by steps from every 64th character, and lines by bisection: a text that is one
 * long line is no slower than another. */
#define PLACES_STEP 64

struct places {
	const struct source *source;
	uint32_t *steps;	/* byte offset of every PLACES_STEP-th character */
	size_t step_count;
	uint32_t *lines;	/* byte offset of the start of every line */
	size_t line_count;
};

/*
 * Checks that @source is text (UTF-8 without control characters) and notes where its lines are. The
 * first byte that is not is reported to @diags. Lines end with a line feed, as in any editor;
 * YAML's rarer line ends do not begin a line here.
 *
 * Returns 0, -EINVAL or -ENOMEM. places_free() in any case.
 */
int places_read(const struct source *source, struct diags *diags, struct places *places);

/* Byte offset of the character numbered @index from 0; the size of the text when it is past it. */
size_t places_offset(const struct places *places, size_t index);

/* The place of the bytes from @start up to @end. Of several lines only the first is underlined. */
struct diag_where places_where(const struct places *places, size_t start, size_t end);

void places_free(struct places *places);
