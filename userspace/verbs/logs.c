/* SPDX-License-Identifier: BSD-2-Clause */
#include "logs.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../policy/diag.h"
#include "../audit/log_unpack.h"
#include "../base/locations.h"
#include "../base/say.h"
#include "../runs/run_id.h"

#define SUFFIX ".jsonl"
#define NAMES_SHOWN 10

static bool is_run(const char *word)
{
	uint64_t run;

	return run_id_parse(word, &run);
}

static bool ends_with(const char *word, const char *end)
{
	size_t size = strlen(word), length = strlen(end);

	return size > length && !strcmp(word + size - length, end);
}

bool logs_is_name(const char *word)
{
	return ends_with(word, SUFFIX) || ends_with(word, SUFFIX LOG_PACKED);
}

/* A mistyped run is not to be told as a file that is missing. */
static bool is_log(const char *word)
{
	return strchr(word, '/') || logs_is_name(word) || !access(word, F_OK);
}

int logs_add(struct logs *logs, const struct verb *verb, const char *path)
{
	if (logs->count == LOGS_MAX)
		return verb_misused(verb, "%s: at most %d logs", path, LOGS_MAX);
	logs->paths[logs->count++] = path;
	return 0;
}

int logs_add_run(struct logs *logs, const struct verb *verb, const char *run)
{
	if (!is_run(run))
		return verb_misused(verb, "\"%s\" is not the name of a run; they look like " LOGS_EXAMPLE, run);
	if (logs->run_count == LOGS_RUNS_MAX)
		return verb_misused(verb, "%s: at most %d runs", run, LOGS_RUNS_MAX);
	logs->runs[logs->run_count++] = run;
	return 0;
}

int logs_add_word(struct logs *logs, const struct verb *verb, const char *word)
{
	if (is_run(word))
		return logs_add_run(logs, verb, word);
	if (is_log(word))
		return logs_add(logs, verb, word);
	return verb_misused(verb, "\"%s\" is not the name of a run (they look like " LOGS_EXAMPLE "), and there is "
			    "no log of this name", word);
}

int logs_end(struct logs *logs, const struct verb *verb, int argc, char **argv, size_t runs_max)
{
	for (int i = optind; i < argc; i++)
		if (logs_add_word(logs, verb, argv[i]))
			return VERB_BAD;
	if (logs->run_count > runs_max)
		return verb_misused(verb, "at most %zu run%s: %s", runs_max, runs_max == 1 ? "" : "s",
				    logs->runs[runs_max]);
	if (!logs->count)
		logs->paths[logs->count++] = PATH_LOG;
	return 0;
}

void logs_unreadable(const char *path, int err)
{
	say("cannot read the log %s: %s", path, log_unpack_fault(err));
	if (err == -ENOENT && !strcmp(path, PATH_LOG))
		say_remedy("a run without the daemon writes ./ringfence-RUN.jsonl: name that file with --log");
	else if (err == -EACCES)
		say_remedy("root may read it, and the group adm");
}

void logs_without(const struct logs *logs, const char *run)
{
	say("no run %s in %s%s", run, logs->paths[0], logs->count > 1 ? " and the other logs" : "");
	say_remedy("which it has: ringfence log %s", logs->paths[0]);
}

/* --- names that occur ------------------------------------------------------------------------- */

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

void logs_append_offer(struct text *out, const char *word, const struct intern *names)
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
