/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wrong with a text, and where: every fault found in one go, printed as compilers do.
 *
 *	mysql.yaml:7:11: error: unknown verdict "denny"; expected allow, audit or deny
 *	    7 |   - denny: github
 *	      |     ^~~~~
 *	      = hint: did you mean "deny"?
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum diag_severity {
	DIAG_ERROR,
	DIAG_WARNING,
	DIAG_NOTE,			/* good to know; nothing has to be done about it */
	DIAG_SEVERITIES,
};

/* A place in a text. Lines and columns count from 1; line 0 means the file as a whole. Columns
 * count bytes. `file` is borrowed: it lives as long as the struct diags it was named in. */
struct diag_where {
	const char *file;
	unsigned int line;
	unsigned int col;
	unsigned int len;		/* bytes to underline, at least 1 */
};

struct diag {
	enum diag_severity severity;
	const char *lint;		/* the lint that found it, or NULL; outlives all diagnostics */
	struct diag_where where;
	char *message;
	char *hint;			/* what to do, or NULL */
	char *source;			/* the line of text, or NULL where there is none to show; */
	unsigned int source_col;	/* of a long line the part around the fault: the column of
					 * its first byte */
	bool source_cut;		/* and whether more follows */
};

/* Of each severity so many are kept, and so many of those printed: the rest are only counted, so
 * that a text which is nothing but faults costs no more than one with a few. */
#define DIAG_KEPT_MAX 1000
#define DIAG_SHOWN_MAX 100

/* A growing list of faults. Zero-initialise it; diags_free() when done. */
struct diags {
	struct diag *list;
	size_t count;
	size_t errors;			/* how many were added, also those not kept */
	size_t warnings;
	size_t notes;
	bool out_of_memory;		/* a fault could not be stored: treat as an error */
	char **names;			/* file names given out by diags_file() */
	size_t name_count;
};

/* Keeps a copy of a file name for as long as @diags lives, so that diag_where can borrow it.
 * Returns the copy, or "?" when memory ran out. */
const char *diags_file(struct diags *diags, const char *name);

/* Adds a fault. @text/@size is the whole text of where.file, from which the source line is copied
 * (NULL: none is shown). @hint may be NULL. */
void diags_add(struct diags *diags, enum diag_severity severity, struct diag_where where,
	       const char *text, size_t size, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));
void diags_vadd(struct diags *diags, enum diag_severity severity, struct diag_where where,
		const char *text, size_t size, const char *hint, const char *fmt, va_list args)
	__attribute__((format(printf, 7, 0)));

/* The same for what the lint @lint found. */
void diags_add_lint(struct diags *diags, enum diag_severity severity, const char *lint,
		    struct diag_where where, const char *text, size_t size, const char *hint,
		    const char *fmt, ...) __attribute__((format(printf, 8, 9)));

/* "error", "warning" or "note" */
const char *diag_severity_name(enum diag_severity severity);

/* The faults that were kept, in the order in which they are printed: pointers into @diags, diags->count of
 * them, for free(). NULL when memory ran out. */
struct diag **diags_sorted(struct diags *diags);

/* Prints the faults in the order of file, line and column, and how many more there are beyond
 * DIAG_SHOWN_MAX; @color decorates for a terminal. Files come in the order of diags_file(). Bytes
 * that are not printable are shown as '?', tabs as one space, and long lines are cut around the
 * caret. */
void diags_print(struct diags *diags, FILE *out, bool color);

/* Writes the error that diags_print() prints first, as one line without its source, FILE:LINE:COL: MESSAGE, and
 * with bytes as they are; "" where there is none. */
void diags_first(struct diags *diags, char *ret_text, size_t size);

/* Releases what the list holds; the struct itself is the caller's. */
void diags_free(struct diags *diags);

/* The word of @words (NULL-terminated) nearest to @word by edit distance, or NULL when none is
 * near enough to be what was meant. */
const char *diag_nearest(const char *word, const char *const *words);
