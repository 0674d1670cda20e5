/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was asked for by a name that nothing in the log has: mistyped, most likely. What the names are that there are
 * was chosen by processes that are not trusted.
 */
#include <string.h>

#include "../base/text.h"
#include "log.h"

#define NAMES_MAX 1024			/* of a kind: kept to be offered */

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
		log_filter_steps(line, run_folders_of(&filter->folders, line), note, &filter->steps);
}

/* --- and at the end --------------------------------------------------------------------------- */

static void append_name(struct text *out, const char *before, const char *name)
{
	text_append_string(out, before);
	text_printable(out, name, strlen(name));
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
		logs_append_offer(&out, words->list[i], &words->others);
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
	run_folders_free(&filter->folders);
}
