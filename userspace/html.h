/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes HTML of which parts are not to be trusted.
 *
 * Markup is what this program wrote itself; all else goes through html_text(), which leaves nothing in it
 * that a browser would obey, and shows control and bidirectional characters as a terminal is shown them.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct html {
	FILE *out;
	bool failed;			/* memory ran out: something is missing */
};

/* Writes markup as it is. */
void html_put(struct html *html, const char *markup);
void html_format(struct html *html, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes text, for the content of an element or an attribute's value in double quotes. */
void html_text(struct html *html, const char *utf8);

/* The same, shortened to @columns (as html_columns() counts them) with an ellipsis for what is left out. */
void html_text_cut(struct html *html, const char *utf8, size_t columns);

/* As that, but the end is kept: of paths, which begin alike. */
void html_text_end(struct html *html, const char *utf8, size_t columns);

/* Writes <@tag@attributes>text</@tag>; @attributes begin with a space, or are "". */
void html_element(struct html *html, const char *tag, const char *attributes, const char *utf8);

/* How many columns of a fixed-width font html_text() takes for it; wide characters take two. */
size_t html_columns(const char *utf8);

/* Writes JSON for a <script type="application/json">: with nothing in it that could end the element. */
void html_json(struct html *html, const json_t *json);
