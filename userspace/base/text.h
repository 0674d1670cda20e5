/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes from processes -> text that is safe to log and to show.
 *
 * Names, paths and arguments are bytes; a log is UTF-8, and a terminal obeys control characters.
 * Secrets that stand in arguments are taken out before anything is kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing run of bytes. Zero-initialise it; text_free() when done. */
struct text {
	char *data;
	size_t size;
	size_t capacity;
	bool failed;			/* memory ran out: something is missing from here on */
};

/* Appends; sets `failed` when memory runs out. */
void text_append(struct text *text, const void *bytes, size_t size);
void text_append_string(struct text *text, const char *string);
void text_append_format(struct text *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Releases the bytes; the struct itself is the caller's, and empty. */
void text_free(struct text *text);

/* What was done to a text. */
#define TEXT_NOT_UTF8	1		/* U+FFFD stands where bytes were no UTF-8 */
#define TEXT_REDACTED	2		/* *** stands where a secret was */

/*
 * Decodes the character at @bytes (@size > 0). Well-formed as of Unicode 15, table 3-7.
 *
 * Returns the code point, or -1 for an ill-formed sequence; *ret_used is how many bytes it takes,
 * for an ill-formed one its maximal subpart (Unicode 15, section 3.9), always at least 1.
 */
int32_t text_next(const char *bytes, size_t size, size_t *ret_used);

/* Appends @bytes as well-formed UTF-8. Returns TEXT_NOT_UTF8 or 0. */
unsigned int text_clean(struct text *out, const char *bytes, size_t size);

/* The first @max bytes of @bytes at most, without half a character at the end. Returns the size. */
size_t text_cut(const char *bytes, size_t size, size_t max);

/* Appends UTF-8 for people: what a terminal would obey (control characters, C1 too) or what would
 * make it show another order (bidirectional controls) becomes \x1b or \u202e, a backslash \\. */
void text_printable(struct text *out, const char *utf8, size_t size);

/* Both, of a string, for a terminal as well as for JSON: writes what fits into @size bytes. */
void text_show(const char *bytes, char *ret_text, size_t size);

/* Appends a line of JSON with the same characters as \u escapes: to a parser nothing changes. */
void text_printable_json(struct text *out, const char *json, size_t size);

/*
 * Appends an argv, each argument ending with a 0, cleaned and redacted.
 *
 * @argv:  @size bytes, the arguments ending with a 0; the last one may lack it
 * @cut:   the last argument goes on beyond @size: a secret that only began is one, too
 * @ret_count: number of arguments
 *
 * Redacted are: userinfo in URLs; what a name like password, token, secret or api-key is given, in
 * options (--token=X, --token X), assignments, URL queries and JSON; the headers that carry
 * credentials; well-known shapes of tokens; and the options of a few programs that take passwords.
 * The tables stand in text.c. Returns TEXT_*.
 */
unsigned int text_argv(struct text *out, const char *argv, size_t size, bool cut,
		       unsigned int *ret_count);
