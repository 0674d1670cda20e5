/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "hooks.h"

static bool is_note(const json_t *record)
{
	return !strncmp(record_text(record, "event.action"), "run-", 4);
}

static bool is_of_run_or_note(const json_t *record, const void *run)
{
	return !run || !strcmp(record_text(record, "ringfence.run"), run);
}

static bool is_of_run(const json_t *record, const void *run)
{
	return is_of_run_or_note(record, run) && !is_note(record);
}

static bool is_of_ruleset(const json_t *record, const void *generation)
{
	return !is_note(record) && json_integer_value(record_value(record, "ringfence.ruleset")) ==
		*(const long long *)generation;
}

static void read_lines(struct journal *journal, const char *path,
		       bool (*wanted)(const json_t *record, const void *ctx), const void *ctx)
{
	static char line[128 * 1024];
	FILE *file = fopen(path, "re");
	json_error_t error;

	journal->lines = json_array();
	journal->error[0] = 0;
	if (!file) {
		/* A run without a record may leave no log. */
		if (errno != ENOENT)
			snprintf(journal->error, sizeof(journal->error), "%s: %m", path);
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		json_t *record = json_loads(line, 0, &error);

		if (!record)
			snprintf(journal->error, sizeof(journal->error), "no JSON: %.100s",
				 error.text);
		else if (wanted(record, ctx))
			json_array_append_new(journal->lines, record);
		else
			json_decref(record);
	}
	fclose(file);
}

void journal_read(struct journal *journal, const char *path, const char *run)
{
	read_lines(journal, path, is_of_run, run);
}

void journal_read_all(struct journal *journal, const char *path, const char *run)
{
	read_lines(journal, path, is_of_run_or_note, run);
}

bool line_is_note(const char *line)
{
	return strstr(line, "\"action\":\"run-") != NULL;
}

void journal_read_ruleset(struct journal *journal, const char *path, long long generation)
{
	read_lines(journal, path, is_of_ruleset, &generation);
}

void journal_free(struct journal *journal)
{
	json_decref(journal->lines);
	journal->lines = NULL;
}

const json_t *record_value(const json_t *record, const char *path)
{
	while (record && *path) {
		size_t length = strcspn(path, ".");
		char key[NAME_SIZE];

		snprintf(key, sizeof(key), "%.*s", (int)length, path);
		if (json_is_array(record))
			record = json_array_get(record, (size_t)(key[0] - '0'));
		else
			record = json_object_get(record, key);
		path += length + (path[length] == '.');
	}
	return record;
}

const char *record_text(const json_t *record, const char *path)
{
	return json_string_value(record_value(record, path)) ?: "";
}

size_t journal_count(const struct journal *journal, const char *path, const char *text)
{
	size_t count = 0, i;
	json_t *record;

	json_array_foreach(journal->lines, i, record)
		count += !strcmp(record_text(record, path), text);
	return count;
}

void journal_scan(const char *path, bool (*each)(void *ctx, const char *line), void *ctx)
{
	static char line[128 * 1024];
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file) && each(ctx, line))
		;
	if (file)
		fclose(file);
}
