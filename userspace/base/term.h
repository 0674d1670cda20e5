/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Colour or none: --color=auto|always|never, NO_COLOR (https://no-color.org) and the terminal.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum term_color {
	TERM_AUTO,
	TERM_ALWAYS,
	TERM_NEVER,
};

/* Escape sequences to print around a word, each "" where there is no colour. */
struct term_style {
	const char *bad;		/* refused */
	const char *warn;		/* would have been refused; lost */
	const char *good;
	const char *dim;		/* what can be skipped */
	const char *bold;
	const char *reset;
};

/* "auto", "always", "never"; false, and *ret_color untouched, for another word. */
bool term_color_parse(const char *word, enum term_color *ret_color);

/* The style for what is printed to @out. TERM_AUTO: colour on a terminal that is not "dumb", unless
 * NO_COLOR is set and not empty. */
const struct term_style *term_style(enum term_color color, FILE *out);
