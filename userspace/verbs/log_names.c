/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was asked for by a name that nothing in the log has: mistyped, most likely. What the names are that there are
 * was chosen by processes that are not trusted.
 */
#include <stdlib.h>
#include <string.h>

#include "../../policy/diag.h"
#include "../base/text.h"
#include "log.h"

#define NAMES_MAX 1024			/* of a kind: kept to be offered */
#define NAMES_SHOWN 10

/* --- while it is read ------------------------------------------------------------------------- */

/* Notes a name of the kind that @ctx, words, are of. Goes on for more. */
static bool note(void *ctx, const char *name)
{
	struct log_words *words = ctx;
	uint32_t number;
	bool asked = false;

	for (size_t i = 0; i < words->count; i++)
		if (!strcmp(words->list[i], name))
			asked = words->seen[i] = true;
	if (!asked && *name && words->others.count < NAMES_MAX)
		intern_add(&words->others, name, strlen(name) + 1, &number);
	return false;
}

static bool all_seen(const struct log_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		if (!words->seen[i])
			return false;
	return true;
}

void log_names_note(struct log_filter *filter, const struct audit_line *line)
{
	if (!all_seen(&filter->services))
		note(&filter->services, line->service);
	if (!all_seen(&filter->tags))
		note(&filter->tags, line->tag);
	if (!all_seen(&filter->steps))
		log_filter_steps(line, note, &filter->steps);
}

/* --- and at the end --------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in order, with a NULL behind them; for free(). NULL without memory. */
static const char **list_names(const struct intern *names)
{
	const char **list = calloc(names->count + 1, sizeof(*list));

	for (uint32_t i = 0; list && i < names->count; i++)
		list[i] = intern_bytes(names, i);
	if (list && names->count)
		qsort(list, names->count, sizeof(*list), by_text);
	return list;
}

static void append_name(struct text *out, const char *before, const char *name)
{
	text_append_string(out, before);
	text_printable(out, name, strlen(name));
}

/* "; did you mean github?" or "; there are github, mirror" */
static void append_offer(struct text *out, const char *word, const struct intern *names)
{
	const char **list = list_names(names), *near = list ? diag_nearest(word, list) : NULL;

	if (near) {
		append_name(out, "; did you mean ", near);
		text_append_string(out, "?");
	}
	for (size_t i = 0; list && !near && i < names->count && i < NAMES_SHOWN; i++)
		append_name(out, i ? ", " : "; there are ", list[i]);
	if (list && !near && names->count > NAMES_SHOWN)
		text_append_string(out, " and others");
	free(list);
}

static void tell(const struct log *log, const char *kind, const struct log_words *words)
{
	for (size_t i = 0; i < words->count; i++) {
		struct text out = { 0 };

		if (words->seen[i])
			continue;
		append_name(&out, kind, words->list[i]);
		append_name(&out, " in ", log->logs.paths[0]);
		text_append_string(&out, log->logs.count > 1 ? " and the other logs" : "");
		append_offer(&out, words->list[i], &words->others);
		fprintf(stderr, "ringfence log: no %.*s\n", (int)out.size, out.size ? out.data : "");
		text_free(&out);
	}
}

void log_names_tell(const struct log *log)
{
	tell(log, "service ", &log->filter.services);
	tell(log, "tag ", &log->filter.tags);
	tell(log, "step ", &log->filter.steps);
}

void log_names_free(struct log_filter *filter)
{
	intern_free(&filter->services.others);
	intern_free(&filter->tags.others);
	intern_free(&filter->steps.others);
}
