/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An audit log as the files that it is made of: the one that is written, "audit.jsonl", and those that were
 * rotated away from it, each named by when that was, in UTC: "audit-20270331-142355-123.jsonl". Names sort
 * by time. The milliseconds may be missing, and ".gz" may follow: logrotate(8) names files so, and compresses
 * them. While it does both are there, and the one that it was made from is read.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* When a log is rotated; 0: not for that reason. */
struct log_rotation {
	uint64_t size;			/* bytes that no file is to exceed */
	time_t age;			/* seconds since its first line */
	unsigned int keep;		/* rotated files that are kept; 0: all */
};

/* What of a log is read; 0: all of it. */
struct log_part {
	time_t since;			/* without files that were last written before */
	uint64_t tail;			/* the last so many bytes, from a whole line on */
};

struct log_files {
	char **rotated;			/* the oldest first */
	size_t count;
	FILE *last;			/* the one that is written; NULL where there is none */
};

/* Opens the log at @path and finds what was rotated away from it, last written at @since or later (0: all),
 * so that each line there is now is in exactly one of the files, whoever rotates meanwhile. Returns 0 and
 * *ret_files, the caller's to log_files_close(); -ENOENT where there is no file at all, or -errno. */
int log_files_open(const char *path, time_t since, struct log_files *ret_files);
void log_files_close(struct log_files *files);

/* Whether lines may come to a file of a log, as long as that has not been rotated: not where it is compressed. */
bool log_files_is_growing(FILE *in);

/* Opens one that was rotated away, which may have been compressed since it was found. NULL and errno; ENOENT: removed
 * as too old. */
FILE *log_files_open_rotated(const char *path);

/* Calls @each for every line of the log, with its newline if it has one and a 0 behind it, the oldest first, as
 * long as it returns 0. What is longer than LINES_MAX, or is missing from a compressed file that is damaged, or
 * is in a rotated one that cannot be opened, is left out. Returns what it returned, or as log_files_open(), or -errno of reading. */
int log_files_read(const char *path, struct log_part part,
		   int (*each)(void *ctx, const char *line, size_t size), void *ctx);

/* When the files begin that may have lines of @run. A day early: clocks are set. */
time_t log_files_since(uint64_t run);

/* Writes the name that the log at @path is to be rotated to now: behind all that are there. Returns 0,
 * -ENAMETOOLONG or -errno. */
int log_files_name(const char *path, char ret_name[PATH_MAX]);

/* Removes all rotated files but the newest @keep; and names that lead to the file that is written, as a
 * rotation leaves that was interrupted. */
void log_files_prune(const char *path, unsigned int keep);
void log_files_unlink_twins(const char *path);

/* Whether the log at @path would take a line now. Returns 0; -ENOSPC on a full file system, -EROFS and the
 * like, or -ENOENT where it is not there. Writes nothing. */
int log_files_writable(const char *path);
