/* SPDX-License-Identifier: BSD-2-Clause */
#include "html.h"

#include <stdarg.h>
#include <string.h>

#include "../base/text.h"

void html_put(struct html *html, const char *markup)
{
	fputs(markup, html->out);
}

void html_format(struct html *html, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(html->out, fmt, args);
	va_end(args);
}

/* --- text ------------------------------------------------------------------------------------ */

/* What is fit to be shown; the caller's to text_free(). */
static struct text printable(struct html *html, const char *utf8)
{
	struct text text = {};

	text_printable(&text, utf8, strlen(utf8));
	html->failed |= text.failed;
	return text;
}

static const char *entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void escape(struct html *html, const char *bytes, size_t size)
{
	size_t run = 0;

	for (size_t i = 0; i < size; i++) {
		const char *entity = entity_of(bytes[i]);

		if (!entity)
			continue;
		fwrite(bytes + run, 1, i - run, html->out);
		fputs(entity, html->out);
		run = i + 1;
	}
	fwrite(bytes + run, 1, size - run, html->out);
}

void html_text(struct html *html, const char *utf8)
{
	struct text text = printable(html, utf8);

	escape(html, text.data ?: "", text.size);
	text_free(&text);
}

/* East Asian characters and pictures, roughly: to take one for wide that is not costs a little room. */
static size_t columns_of(int32_t code)
{
	return (code >= 0x1100 && code < 0x1160) || (code >= 0x2e80 && code < 0xd7a4) ||
	       (code >= 0xf900 && code < 0xfb00) || (code >= 0xfe30 && code < 0xfe70) ||
	       (code >= 0xff00 && code < 0xff61) || code >= 0x1f000 ? 2 : 1;
}

/* The columns of @size bytes; *ret_fit: how many bytes of them fit into @max. */
static size_t measure(const char *bytes, size_t size, size_t max, size_t *ret_fit)
{
	size_t columns = 0, used;

	*ret_fit = 0;
	for (size_t i = 0; i < size; i += used) {
		columns += columns_of(text_next(bytes + i, size - i, &used));
		if (columns <= max)
			*ret_fit = i + used;
	}
	return columns;
}

size_t html_columns(const char *utf8)
{
	struct html html = {};
	struct text text = printable(&html, utf8);
	size_t fit, columns = measure(text.data ?: "", text.size, SIZE_MAX, &fit);

	text_free(&text);
	return columns;
}

void html_text_cut(struct html *html, const char *utf8, size_t columns)
{
	struct text text = printable(html, utf8);
	size_t fit;

	if (measure(text.data ?: "", text.size, columns, &fit) <= columns) {
		escape(html, text.data ?: "", text.size);
	} else {
		measure(text.data, text.size, columns ? columns - 1 : 0, &fit);
		escape(html, text.data, fit);
		html_put(html, "…");
	}
	text_free(&text);
}

void html_text_end(struct html *html, const char *utf8, size_t columns)
{
	struct text text = printable(html, utf8);
	size_t at = 0, used, fit, left = measure(text.data ?: "", text.size, columns, &fit);

	if (left > columns) {
		html_put(html, "…");
		for (; left && left >= columns; at += used)
			left -= columns_of(text_next(text.data + at, text.size - at, &used));
	}
	escape(html, text.data ? text.data + at : "", text.size - at);
	text_free(&text);
}

void html_element(struct html *html, const char *tag, const char *attributes, const char *utf8)
{
	html_format(html, "<%s%s>", tag, attributes);
	html_text(html, utf8);
	html_format(html, "</%s>", tag);
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* Outside of strings JSON has none of these characters, and inside of them the escape means the same. */
static int write_json(const char *bytes, size_t size, void *ctx)
{
	struct html *html = ctx;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '<' || bytes[i] == '>' || bytes[i] == '&' || bytes[i] == 0x7f)
			fprintf(html->out, "\\u%04x", bytes[i]);
		else
			putc(bytes[i], html->out);
	}
	return 0;
}

void html_json(struct html *html, const json_t *json)
{
	if (json_dump_callback(json, write_json, html, JSON_COMPACT | JSON_ENSURE_ASCII) < 0)
		html->failed = true;
}
