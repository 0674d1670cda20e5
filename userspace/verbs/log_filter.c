/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "../audit/log_files.h"
#include "../base/amounts.h"
#include "../runs/run_id.h"
#include "log.h"

/* --- words --------------------------------------------------------------------------------- */

bool log_words_add(struct log_words *words, const char *word)
{
	if (words->count == LOG_WORDS_MAX)
		return false;
	words->list[words->count++] = word;
	return true;
}

static bool is_one_of(const struct log_words *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (!strcmp(words->list[i], word))
			return true;
	return !words->count;
}

/* --- times --------------------------------------------------------------------------------- */

static bool set_since(struct log_filter *filter, time_t time)
{
	struct tm tm;

	if (!gmtime_r(&time, &tm) ||
	    !strftime(filter->since, sizeof(filter->since), "%Y-%m-%dT%H:%M:%S", &tm))
		return false;
	filter->since_time = time;
	return true;
}

bool log_since_parse(struct log_filter *filter, const char *text, time_t now)
{
	static const char *const formats[] = {
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d",
		"%H:%M:%S", "%H:%M",
	};
	uint64_t ago;

	if (amount_seconds(text, &ago))
		return ago <= (uint64_t)now && set_since(filter, now - (time_t)ago);
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		struct tm tm = { 0 };
		const char *rest;

		/* A time of the day is one of today's. */
		if (*formats[i] == '%' && formats[i][1] == 'H') {
			gmtime_r(&now, &tm);
			tm.tm_sec = 0;
		}
		rest = strptime(text, formats[i], &tm);
		if (rest && (!*rest || !strcmp(rest, "Z")))
			return set_since(filter, timegm(&tm));
	}
	return false;
}

/* The times of one list of files and of another: of runs the earliest, and not before what was asked for. */
time_t log_filter_since(const struct log_filter *filter)
{
	time_t since = 0;

	for (size_t i = 0; i < filter->runs.count; i++) {
		uint64_t run = 0;
		time_t begun;

		run_id_parse(filter->runs.list[i], &run);
		begun = log_files_since(run);
		since = !i || begun < since ? begun : since;
	}
	if (*filter->since && filter->since_time > 0) {
		time_t asked = log_files_since((uint64_t)filter->since_time << RUN_RANDOM_BITS);

		since = asked > since ? asked : since;
	}
	return since;
}

/* --- steps --------------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Programs whose first argument is the program that is meant. */
static bool is_interpreter(const char *name)
{
	static const char *const names[] = {
		"ash", "bash", "dash", "ksh", "lua", "node", "perl", "php", "python", "ruby", "sh", "zsh",
	};
	size_t length = strcspn(name, "-.0123456789");	/* "python3.11" */

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == length && !strncmp(names[i], name, length))
			return true;
	return false;
}

struct names {
	bool (*each)(void *ctx, const char *name);
	void *ctx;
	const char *folder;		/* of relative paths, or NULL */
};

/* A path is a name by its last part, too. */
static bool give(const struct names *names, const char *path)
{
	return path && *path && (names->each(names->ctx, path) ||
				 (strchr(path, '/') && names->each(names->ctx, last_part(path))));
}

/* And one that was started by a relative path, by the absolute one. */
static bool give_file(const struct names *names, const char *path, const char *folder)
{
	char absolute[PATH_MAX];

	return give(names, path) || (path && *path != '/' && executable_path(path, folder, absolute) &&
				     names->each(names->ctx, absolute));
}

/* The names of a program: its own, and that of the script that it interprets. */
static bool give_program(const struct names *names, const json_t *program)
{
	const char *executable = json_string_value(json_object_get(program, "executable"));
	const char *told = json_string_value(json_object_get(program, "working_directory"));
	const char *folder = told ? told : names->folder;
	const json_t *args = json_object_get(program, "args");
	const char *name = json_string_value(json_array_get(args, 0));
	const char *script = json_string_value(json_array_get(args, 1));

	if (give_file(names, executable, folder) || give(names, name))
		return true;
	if (!executable)
		executable = name;
	return executable && script && *script != '-' && is_interpreter(last_part(executable)) &&
	       give_file(names, script, folder);
}

bool log_filter_steps(const struct audit_line *line, const char *folder, bool (*each)(void *ctx, const char *name),
		      void *ctx)
{
	const json_t *process = json_object_get(line->root, "process"), *ancestor;
	const struct names names = { each, ctx, folder };
	size_t i;

	if (give(&names, line->comm) || give_program(&names, process))
		return true;
	json_array_foreach(line->ancestors, i, ancestor)
		if (give_program(&names, ancestor))
			return true;
	return false;
}

static bool is_step(void *ctx, const char *name)
{
	return is_one_of(ctx, name);
}

static bool has_step(struct log_filter *filter, const struct audit_line *line)
{
	return !filter->steps.count ||
		log_filter_steps(line, run_folders_of(&filter->folders, line), is_step, &filter->steps);
}

/* --- lines --------------------------------------------------------------------------------- */

bool log_filter_wants(struct log_filter *filter, const struct audit_line *line)
{
	struct log_words *runs = &filter->runs;

	for (size_t i = 0; i < runs->count; i++)
		runs->seen[i] |= !strcmp(runs->list[i], line->run);
	/* Without memory, it is as where the log does not tell. */
	if (filter->steps.count)
		run_folders_note(&filter->folders, line);
	log_names_note(filter, line);
	if (filter->verdicts.count && audit_line_is_note(line))
		return false;
	return is_one_of(runs, line->run) && is_one_of(&filter->services, line->service) &&
	       is_one_of(&filter->verdicts, line->verdict) && is_one_of(&filter->tags, line->tag) &&
	       strcmp(line->timestamp, filter->since) >= 0 && has_step(filter, line);
}
