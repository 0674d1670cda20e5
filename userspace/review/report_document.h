/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the report, which is one JSON document, for those who print it. Whatever is missing from it, or of
 * another type than it should be, is as if it were empty: a report is printed of any document.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/text.h"

enum document_kind {
	DOCUMENT_DIRECT,
	DOCUMENT_HIDDEN,
	DOCUMENT_TRANSIENT,
	DOCUMENT_UNDECIDED,
	DOCUMENT_KINDS,
};

/* The strictest first. */
enum document_verdict {
	DOCUMENT_DENIED,
	DOCUMENT_WOULD_DENY,
	DOCUMENT_AUDITED,
	DOCUMENT_ALLOWED,
	DOCUMENT_VERDICTS,
};

/* "direct"; "would have been denied". */
const char *document_kind_name(enum document_kind kind);
const char *document_verdict_name(enum document_verdict verdict);

/* What stands at @key of @object; "", 0 or false where there is nothing of that type. Strings belong to the
 * document. Times are milliseconds, never negative and never more than DOCUMENT_TIME_MAX. */
#define DOCUMENT_TIME_MAX 1e12
const char *document_string(const json_t *object, const char *key);
uint64_t document_count(const json_t *object, const char *key);
double document_time(const json_t *object, const char *key);
bool document_flag(const json_t *object, const char *key);

enum document_kind document_kind_of(const json_t *dependency);
enum document_verdict document_verdict_of(const json_t *dependency);
enum document_verdict document_verdict_parse(const char *verdict, bool enforced);

/* The index in "steps" of the step whose id is @id, or -1. */
ssize_t document_step(const json_t *report, const json_t *id);

/* What a step is called: its name, its program, or "a process that is not known". */
const char *document_step_name(const json_t *step);

/* Appends the strings of @args as a command line, each argument quoted where it would be read as several: to
 * be read, not to be pasted. As untrusted as they were. */
void document_command(struct text *out, const json_t *args, bool cut);

/* Appends how often what came to which verdict: "2 denied, 7 allowed"; without those that nothing came to. */
void document_counts(struct text *out, const json_t *report);

/* "2027-03-31T14:23:55.123Z" -> milliseconds since 1970; -1 for what is no such time. */
double document_parse_time(const char *iso);

/* How long the run took, as far as it is known: to its end, or to the last that is known of it. */
double document_duration(const json_t *report);

/* "412 ms", "3.28 s", "2 min 5 s", "1 h 12 min". Returns @ret_text. */
#define DOCUMENT_SPAN_SIZE 32
const char *document_span(double ms, char ret_text[DOCUMENT_SPAN_SIZE]);
