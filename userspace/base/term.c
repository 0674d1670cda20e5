/* SPDX-License-Identifier: BSD-2-Clause */
#include "term.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct term_style plain = { "", "", "", "", "", "" };

static const struct term_style coloured = {
	.bad = "\033[1;31m",
	.warn = "\033[33m",
	.good = "\033[32m",
	.dim = "\033[2m",
	.bold = "\033[1m",
	.reset = "\033[0m",
};

bool term_color_parse(const char *word, enum term_color *ret_color)
{
	static const char *const words[] = { "auto", "always", "never" };

	static_assert(sizeof(words) / sizeof(words[0]) == TERM_NEVER + 1, "a word per choice");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i])) {
			*ret_color = i;
			return true;
		}
	return false;
}

static bool wants_color(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no_color && *no_color)
		return false;
	return term && strcmp(term, "dumb") && isatty(fileno(out));
}

const struct term_style *term_style(enum term_color color, FILE *out)
{
	if (color == TERM_NEVER || (color == TERM_AUTO && !wants_color(out)))
		return &plain;
	return &coloured;
}
