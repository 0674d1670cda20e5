/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logs as they were named -> the files that they are made of, in the order that they are read: by what they begin
 * with, since a shell names "audit.jsonl" before "audit.jsonl.1", which is older; and none of them twice, by
 * whatever names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

struct journal_log {
	const char *path;		/* borrowed */
	char begins[32];		/* the time of its first line; "": not known */
	size_t place;			/* where it was named */
};

struct journal_files {
	struct journal_log *logs;	/* in the order that they are read */
	size_t count;
	uint64_t total;			/* bytes of all, unpacked */
	struct journal_identity *taken;	/* files that were read, or are being */
	size_t taken_count;
};

/* Orders the logs at @paths, each with what was rotated away from it and last written at @since or later (0: all).
 * One that cannot be read is there all the same. Returns 0 and *ret_files, the caller's to journal_files_free(), or
 * -ENOMEM. */
int journal_files_order(const char *const *paths, size_t count, time_t since, struct journal_files *ret_files);
void journal_files_free(struct journal_files *files);

/* Whether the log at @path is no regular file, which only who reads it may open. */
bool journal_files_is_stream(const char *path);

/* Takes a file up: returns 1, 0 for one that was taken before, or -ENOMEM. */
int journal_files_take(struct journal_files *files, const struct stat *st);
