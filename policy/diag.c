/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "utf8.h"

/* Of a longer line so much is kept before and from the column of the fault, in bytes. */
#define SOURCE_BEFORE 60
#define SOURCE_FROM 80

#define NEAREST_LENGTH_MAX 64	/* longer words have no nearest one */
#define NEAREST_EDITS_MAX 3

/* --- characters ---------------------------------------------------------------------------- */

struct code_range {
	uint32_t first, last;
};

static bool code_in(uint32_t code, const struct code_range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* Control characters, and those that a terminal turns into a different order or into nothing: a
 * text must not be able to make its own fault look like something else. */
static bool code_printable(uint32_t code)
{
	static const struct code_range hidden[] = {
		{ 0x00, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },	    { 0x61c, 0x61c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
		{ 0xfff0, 0xffff }, { 0xe0000, 0x10ffff },
	};

	return !code_in(code, hidden, sizeof(hidden) / sizeof(*hidden));
}

/* Columns a character takes on a terminal: the blocks that matter of Unicode's East Asian Width. */
static unsigned int code_width(uint32_t code)
{
	static const struct code_range combining[] = {
		{ 0x300, 0x36f }, { 0x1ab0, 0x1aff }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
	};
	static const struct code_range wide[] = {
		{ 0x1100, 0x115f },   { 0x2e80, 0xa4cf },   { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
		{ 0xfe30, 0xfe6f },   { 0xff01, 0xff60 },   { 0xffe0, 0xffe6 },
		{ 0x1f300, 0x1faff }, { 0x20000, 0x3fffd },
	};

	if (code_in(code, combining, sizeof(combining) / sizeof(*combining)))
		return 0;
	return code_in(code, wide, sizeof(wide) / sizeof(*wide)) ? 2 : 1;
}

/* Prints text that may hold anything. Returns the columns it takes. */
static unsigned int print_text(const char *text, size_t size, FILE *out)
{
	unsigned int width = 0;

	while (size) {
		uint32_t code;
		size_t length = utf8_decode(text, size, &code);

		if (length && code_printable(code)) {
			fwrite(text, 1, length, out);
			width += code_width(code);
		} else {
			fputc(length && code == '\t' ? ' ' : '?', out);
			width++;
		}
		text += length ? length : 1;
		size -= length ? length : 1;
	}
	return width;
}

/* --- the list ------------------------------------------------------------------------------ */

const char *diags_file(struct diags *diags, const char *name)
{
	char **names;
	char *copy;

	for (size_t i = 0; i < diags->name_count; i++)
		if (!strcmp(diags->names[i], name))
			return diags->names[i];
	names = reallocarray(diags->names, diags->name_count + 1, sizeof(*names));
	if (names)
		diags->names = names;
	copy = names ? strdup(name) : NULL;
	if (!copy) {
		diags->out_of_memory = true;
		return "?";
	}
	diags->names[diags->name_count++] = copy;
	return copy;
}

/* The line numbered @number of a text, without what ends it; NULL when there is none. */
static const char *text_line(const char *text, size_t size, unsigned int number, size_t *ret_length)
{
	const char *end = text + size;
	const char *next;

	while (--number) {
		next = memchr(text, '\n', (size_t)(end - text));
		if (!next)
			return NULL;
		text = next + 1;
	}
	next = memchr(text, '\n', (size_t)(end - text));
	if (!next)
		next = end;
	if (next > text && next[-1] == '\r')
		next--;
	*ret_length = (size_t)(next - text);
	return text;
}

static bool utf8_continues(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Copies the line of the fault, or the part around the column. Returns false without memory. */
static bool source_copy(struct diag *diag, const char *text, size_t size)
{
	size_t length, at, start, end;
	const char *line;

	if (!text || !diag->where.line)
		return true;
	line = text_line(text, size, diag->where.line, &length);
	if (!line)
		return true;
	at = diag->where.col ? diag->where.col - 1 : 0;
	if (at > length)
		at = length;
	start = at > SOURCE_BEFORE ? at - SOURCE_BEFORE : 0;
	while (start && start < at && utf8_continues(line[start]))
		start++;
	end = length - at > SOURCE_FROM ? at + SOURCE_FROM : length;
	while (end < length && end > at && utf8_continues(line[end]))
		end--;
	diag->source_col = (unsigned int)start + 1;
	diag->source_cut = end < length;
	diag->source = strndup(line + start, end - start);
	return diag->source;
}

static void diag_clear(struct diag *diag)
{
	free(diag->message);
	free(diag->hint);
	free(diag->source);
}

static size_t *severity_total(struct diags *diags, enum diag_severity severity)
{
	return severity == DIAG_ERROR ? &diags->errors :
	       severity == DIAG_WARNING ? &diags->warnings : &diags->notes;
}

/* Adds @diag, whose texts are still to be filled in. */
static void add(struct diags *diags, struct diag diag, const char *text, size_t size,
		const char *hint, const char *fmt, va_list args)
{
	struct diag *list;

	if ((*severity_total(diags, diag.severity))++ >= DIAG_KEPT_MAX)
		return;
	if (vasprintf(&diag.message, fmt, args) < 0)
		diag.message = NULL;
	if (hint)
		diag.hint = strdup(hint);
	if (!diag.message || (hint && !diag.hint) || !source_copy(&diag, text, size))
		goto out_of_memory;
	list = reallocarray(diags->list, diags->count + 1, sizeof(*list));
	if (!list)
		goto out_of_memory;
	diags->list = list;
	diags->list[diags->count++] = diag;
	return;

out_of_memory:
	diag_clear(&diag);
	diags->out_of_memory = true;
}

void diags_vadd(struct diags *diags, enum diag_severity severity, struct diag_where where,
		const char *text, size_t size, const char *hint, const char *fmt, va_list args)
{
	add(diags, (struct diag){ .severity = severity, .where = where }, text, size, hint, fmt, args);
}

void diags_add(struct diags *diags, enum diag_severity severity, struct diag_where where,
	       const char *text, size_t size, const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	diags_vadd(diags, severity, where, text, size, hint, fmt, args);
	va_end(args);
}

void diags_add_lint(struct diags *diags, enum diag_severity severity, const char *lint,
		    struct diag_where where, const char *text, size_t size, const char *hint,
		    const char *fmt, ...)
{
	struct diag diag = { .severity = severity, .lint = lint, .where = where };
	va_list args;

	va_start(args, fmt);
	add(diags, diag, text, size, hint, fmt, args);
	va_end(args);
}

void diags_free(struct diags *diags)
{
	for (size_t i = 0; i < diags->count; i++)
		diag_clear(&diags->list[i]);
	for (size_t i = 0; i < diags->name_count; i++)
		free(diags->names[i]);
	free(diags->list);
	free(diags->names);
	*diags = (struct diags){ 0 };
}

/* --- printing ------------------------------------------------------------------------------ */

static size_t file_rank(const struct diags *diags, const char *file)
{
	size_t rank = 0;

	while (rank < diags->name_count && strcmp(diags->names[rank], file))
		rank++;
	return rank;
}

static int diag_compare(const void *left, const void *right, void *arg)
{
	const struct diag *a = *(const struct diag *const *)left;
	const struct diag *b = *(const struct diag *const *)right;
	size_t rank_a = file_rank(arg, a->where.file), rank_b = file_rank(arg, b->where.file);

	if (rank_a != rank_b)
		return rank_a < rank_b ? -1 : 1;
	if (strcmp(a->where.file, b->where.file))
		return strcmp(a->where.file, b->where.file);
	if (a->where.line != b->where.line)
		return a->where.line < b->where.line ? -1 : 1;
	if (a->where.col != b->where.col)
		return a->where.col < b->where.col ? -1 : 1;
	return a < b ? -1 : a > b;	/* at one place: in the order they were added */
}

struct palette {
	const char *place, *severity[DIAG_SEVERITIES], *mark, *hint, *end;
};

static const struct palette plain = { "", { "", "", "" }, "", "", "" };
static const struct palette colored = {
	.place = "\033[1m",
	.severity = {
		[DIAG_ERROR] = "\033[1;31m",
		[DIAG_WARNING] = "\033[1;35m",
		[DIAG_NOTE] = "\033[1;36m",
	},
	.mark = "\033[1;32m",
	.hint = "\033[1;36m",
	.end = "\033[0m",
};

static void print_source(const struct diag *diag, const struct palette *palette, FILE *out)
{
	size_t size = strlen(diag->source);
	size_t at = diag->where.col > diag->source_col ? diag->where.col - diag->source_col : 0;
	size_t marked = diag->where.len;
	unsigned int indent = 0, width;

	if (at > size)
		at = size;
	if (marked > size - at)
		marked = size - at;
	fprintf(out, "%5u | ", diag->where.line);
	if (diag->source_col > 1)
		indent = (unsigned int)fprintf(out, "...");
	indent += print_text(diag->source, at, out);
	width = print_text(diag->source + at, marked, out);
	print_text(diag->source + at + marked, size - at - marked, out);
	fprintf(out, "%s\n      | %*s%s^", diag->source_cut ? "..." : "", (int)indent, "",
		palette->mark);
	while (width-- > 1)
		fputc('~', out);
	fprintf(out, "%s\n", palette->end);
}

const char *diag_severity_name(enum diag_severity severity)
{
	static const char *const names[DIAG_SEVERITIES] = {
		[DIAG_ERROR] = "error",
		[DIAG_WARNING] = "warning",
		[DIAG_NOTE] = "note",
	};

	return names[severity];
}

static void print_diag(const struct diag *diag, const struct palette *palette, FILE *out)
{
	fputs(palette->place, out);
	print_text(diag->where.file, strlen(diag->where.file), out);
	if (diag->where.line)
		fprintf(out, ":%u:%u", diag->where.line, diag->where.col);
	fprintf(out, ":%s %s%s:%s ", palette->end, palette->severity[diag->severity],
		diag_severity_name(diag->severity), palette->end);
	print_text(diag->message, strlen(diag->message), out);
	if (diag->lint)
		fprintf(out, " [%s]", diag->lint);
	fputc('\n', out);
	if (diag->source)
		print_source(diag, palette, out);
	if (diag->hint) {
		fprintf(out, "      %s= hint:%s ", palette->hint, palette->end);
		print_text(diag->hint, strlen(diag->hint), out);
		fputc('\n', out);
	}
}

static void print_rest(size_t total, const char *word, FILE *out)
{
	if (total > DIAG_SHOWN_MAX)
		fprintf(out, "... and %zu more %s%s\n", total - DIAG_SHOWN_MAX, word,
			total - DIAG_SHOWN_MAX > 1 ? "s" : "");
}

void diags_first(struct diags *diags, char *ret_text, size_t size)
{
	const struct diag *first = NULL;

	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *diag = &diags->list[i];

		if (diag->severity == DIAG_ERROR && (!first || diag_compare(&diag, &first, diags) < 0))
			first = diag;
	}
	ret_text[0] = 0;
	if (first && first->where.line)
		snprintf(ret_text, size, "%s:%u:%u: %s", first->where.file, first->where.line,
			 first->where.col, first->message);
	else if (first)
		snprintf(ret_text, size, "%s: %s", first->where.file, first->message);
}

struct diag **diags_sorted(struct diags *diags)
{
	struct diag **sorted = reallocarray(NULL, diags->count + 1, sizeof(*sorted));

	if (!sorted) {
		diags->out_of_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < diags->count; i++)
		sorted[i] = &diags->list[i];
	qsort_r(sorted, diags->count, sizeof(*sorted), diag_compare, diags);
	return sorted;
}

void diags_print(struct diags *diags, FILE *out, bool color)
{
	struct diag **sorted = diags_sorted(diags);
	size_t shown[DIAG_SEVERITIES] = { 0 };

	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *diag = sorted ? sorted[i] : &diags->list[i];

		if (shown[diag->severity]++ < DIAG_SHOWN_MAX)
			print_diag(diag, color ? &colored : &plain, out);
	}
	free(sorted);
	print_rest(diags->errors, "error", out);
	print_rest(diags->warnings, "warning", out);
	print_rest(diags->notes, "note", out);
	if (diags->out_of_memory)
		fputs("error: out of memory; not every fault is listed\n", out);
}

/* --- did you mean -------------------------------------------------------------------------- */

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned int smaller(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * Insertions, deletions, replacements and swaps of neighbours that turn @a into @b, letter case
 * aside; anything beyond @limit is returned as @limit + 1. Only the cells within @limit of the
 * diagonal are looked at, so a long list of words costs little (optimal string alignment; Ukkonen's
 * cut-off).
 */
static unsigned int edits(const char *a, size_t a_length, const char *b, size_t b_length,
			  unsigned int limit)
{
	unsigned char rows[3][NEAREST_LENGTH_MAX + 2];

	memset(rows, (int)limit + 1, sizeof(rows));
	for (size_t j = 0; j <= smaller((unsigned int)b_length, limit); j++)
		rows[0][j] = (unsigned char)j;
	for (size_t i = 1; i <= a_length; i++) {
		const unsigned char *before = rows[(i + 1) % 3], *last = rows[(i + 2) % 3];
		unsigned char *row = rows[i % 3];
		size_t from = i > limit ? i - limit : 1;
		size_t to = smaller((unsigned int)b_length, (unsigned int)i + limit);
		unsigned int best = limit + 1;

		memset(row, (int)limit + 1, sizeof(rows[0]));
		if (i <= limit)
			best = row[0] = (unsigned char)i;
		for (size_t j = from; j <= to; j++) {
			unsigned int cost = last[j - 1] + !same_letter(a[i - 1], b[j - 1]);

			cost = smaller(cost, smaller(last[j], row[j - 1]) + 1u);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				cost = smaller(cost, before[j - 2] + 1u);
			row[j] = (unsigned char)smaller(cost, limit + 1);
			best = smaller(best, row[j]);
		}
		if (best > limit)
			return limit + 1;
	}
	return rows[a_length % 3][b_length];
}

const char *diag_nearest(const char *word, const char *const *words)
{
	size_t length = strlen(word);
	unsigned int limit = smaller((unsigned int)(length / 3), NEAREST_EDITS_MAX);
	const char *nearest = NULL;

	if (length > NEAREST_LENGTH_MAX)
		return NULL;
	for (; *words; words++) {
		size_t other = strlen(*words);
		unsigned int distance;

		if (other > NEAREST_LENGTH_MAX || other > length + limit || length > other + limit)
			continue;
		distance = edits(word, length, *words, other, limit);
		if (distance > limit)
			continue;
		nearest = *words;
		if (!distance)
			break;
		limit = distance - 1;	/* from here on only a nearer one will do */
	}
	return nearest;
}
