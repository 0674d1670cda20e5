/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One or many audit logs -> their records, one after the other, in memory that does not grow with them.
 * A log may hold anything: what is no record is counted, never a failure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../audit/audit_line.h"
#include "../runs/run_id.h"

/* Each line is a record, torn, foreign or newer. */
struct journal_counts {
	uint64_t files;			/* with those that were rotated away */
	uint64_t damaged;		/* of these, compressed ones without their end, or with other bytes */
	uint64_t bytes, lines;		/* unpacked */
	uint64_t records;		/* lines that are records, of any run */
	uint64_t torn;			/* begun and not ended, or ended and not begun */
	uint64_t foreign;		/* JSON or not, but nothing that ringfence writes */
	uint64_t newer;			/* of ringfence, with what this one does not know */
	uint64_t not_utf8;		/* read with U+FFFD in the place of what is none */
	uint64_t lost;			/* what lost_before says: of all lines, or, where one run is asked for,
					 * of its lines and of those of others between its first and last */
	const char *reading;		/* the log that was read last: of an error, where it was */
};

struct journal_options {
	const char *run;		/* only its records; NULL: all. Others are counted without being parsed */
	bool liveness;			/* also the daemon's lines about whether the fence holds */
	bool progress;			/* on stderr, where that is a terminal */
	/* Looks at a line, without its newline, before it is parsed: true for one that need not be, since
	 * all of it is known. It counts as a record. NULL: none is. */
	bool (*known)(void *ctx, const char *line, size_t size);
	/* Is told of a file that cannot be read, to its end or at all; the others are read all the same. NULL:
	 * with the first of these, reading is over. */
	void (*unread)(void *ctx, const char *path, int err);
	void *unread_ctx;
};

/*
 * Reads the logs at @paths, each with what was rotated away from it, in the order of their first lines and no file
 * twice, whatever is named; what gzip has packed, too. Calls @each for every record (the line is valid until it
 * returns) as long as it returns 0.
 *
 * Returns 0, what @each returned, -ENOENT and the like for a log that cannot be read (told by the
 * caller: log_unpack_fault()), or -ENOMEM; *ret_counts says what was seen up to then.
 */
int journal_read(const char *const *paths, size_t count, const struct journal_options *options,
		 int (*each)(void *ctx, const struct audit_line *line), void *ctx,
		 struct journal_counts *ret_counts);

/* Tells @unread of each file that cannot be opened, of all logs, before any is read. Returns 0, or what the first of
 * them had. */
int journal_check(const char *const *paths, size_t count, void (*unread)(void *ctx, const char *path, int err),
		  void *ctx);

/* Finds the run that began last of those in the logs, without the daemon's own. Returns 0, -ENODATA where there is none, or as
 * journal_read(); *ret_counts->reading says of which log. */
int journal_newest_run(const char *const *paths, size_t count, char ret_run[RUN_NAME_SIZE],
		       struct journal_counts *ret_counts);
