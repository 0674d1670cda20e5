/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../audit/log_files.h"
#include "../audit/log_unpack.h"

#define HEAD_SIZE 4096			/* of a log: its first line says when it was within that */
#define TIME_MARK "\"@timestamp\":\""

struct journal_identity {
	dev_t dev;
	ino_t ino;
};

/* What is no file, such as a pipe, can be read once, and is not opened before that: who writes to it would be left
 * with nobody who reads. */
bool journal_files_is_stream(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode);
}

static void find_begin(FILE *in, char ret_begins[32])
{
	char head[HEAD_SIZE + 1];
	ssize_t size = in ? log_unpack_read(in, head, HEAD_SIZE) : 0;
	const char *at;

	head[size > 0 ? size : 0] = 0;
	at = strstr(head, TIME_MARK);
	if (at)
		snprintf(ret_begins, 32, "%.*s", (int)strcspn(at + strlen(TIME_MARK), "\""), at + strlen(TIME_MARK));
	if (in)
		fclose(in);
}

static void look_at(struct journal_files *files, struct journal_log *log, time_t since)
{
	struct log_files parts;

	if (journal_files_is_stream(log->path) || log_files_open(log->path, since, &parts))
		return;
	for (size_t i = 0; i < parts.count; i++)
		files->total += log_unpack_size(parts.rotated[i]);
	if (parts.last) {
		files->total += log_unpack_size(log->path);
		find_begin(log_unpack_open(log->path), log->begins);
	}
	if (parts.count)
		find_begin(log_files_open_rotated(parts.rotated[0]), log->begins);
	log_files_close(&parts);
}

static int by_begin(const void *a, const void *b)
{
	const struct journal_log *one = a, *other = b;

	return strcmp(one->begins, other->begins) ?: one->place < other->place ? -1 : one->place > other->place;
}

int journal_files_order(const char *const *paths, size_t count, time_t since, struct journal_files *ret_files)
{
	struct journal_files files = { .logs = calloc(count ?: 1, sizeof(*files.logs)), .count = count };

	if (!files.logs)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		files.logs[i] = (struct journal_log){ .path = paths[i], .place = i };
		look_at(&files, &files.logs[i], since);
		/* Where that is not known, a log stays behind the one that was named before it. */
		if (i && !*files.logs[i].begins)
			strcpy(files.logs[i].begins, files.logs[i - 1].begins);
	}
	qsort(files.logs, count, sizeof(*files.logs), by_begin);
	*ret_files = files;
	return 0;
}

void journal_files_free(struct journal_files *files)
{
	free(files->logs);
	free(files->taken);
	*files = (struct journal_files){ 0 };
}

int journal_files_take(struct journal_files *files, const struct stat *st)
{
	struct journal_identity *taken;

	if (!S_ISREG(st->st_mode))
		return 1;
	for (size_t i = 0; i < files->taken_count; i++)
		if (files->taken[i].dev == st->st_dev && files->taken[i].ino == st->st_ino)
			return 0;
	taken = reallocarray(files->taken, files->taken_count + 1, sizeof(*taken));
	if (!taken)
		return -ENOMEM;
	files->taken = taken;
	taken[files->taken_count++] = (struct journal_identity){ st->st_dev, st->st_ino };
	return 1;
}
