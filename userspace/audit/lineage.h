/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who the ancestors of a process are, and what each of them was when it forked: kept from the
 * records of forks, execs and exits, so that nothing is read from /proc when it may be too late.
 *
 * A process takes with it, at birth, its parent's executable and argv and the parent's own chain.
 * An exec of the parent afterwards changes nothing about that, and neither does its exit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../lsm/abi.h"

#define LINEAGE_DEPTH 16		/* ancestors kept; more are only known to have been */
#define LINEAGE_PROCESSES_MAX 65536
#define LINEAGE_BYTES_MAX (64 << 20)	/* of executables and argvs */

/* What an exec made of a process. Cleaned and redacted (text.h). Shared, never changed. */
struct lineage_image {
	size_t refs;
	unsigned int text_flags;	/* TEXT_* */
	bool cut;			/* argv is longer than what was recorded */
	bool unreadable;		/* argv could not be read */
	unsigned int arg_count;
	size_t args;			/* offset in text of the first argument */
	size_t size;			/* of text */
	char text[];			/* the executable, 0, then each argument and 0 */
};

struct lineage_ancestor {
	struct process_id id;
	struct lineage_image *image;	/* NULL: not known */
};

struct lineage_process {
	struct process_id id;
	struct lineage_image *image;	/* NULL: not known, or before_exec */
	struct lineage_ancestor ancestors[LINEAGE_DEPTH];	/* the parent first */
	unsigned int ancestor_count;
	bool deeper;			/* it has more ancestors than are kept */
	bool gap;			/* the chain does not reach the root: records are missing */
	/* At its last decision it was the root of its run on the way to its first exec, a copy of
	 * the launcher: it has no image yet, none is missing. */
	bool before_exec;
	/* of the table: */
	struct lineage_process *next;
	struct lineage_process *older, *newer;
};

struct lineage;

/*
 * An empty table.
 *
 * @process_max, @byte_max: when it holds more, what was not heard of for the longest time is
 *			    forgotten, and lines about it say that its lineage is incomplete
 *
 * Returns 0 and *ret_lineage, the caller's to lineage_free(), or -ENOMEM.
 */
int lineage_new(size_t process_max, size_t byte_max, struct lineage **ret_lineage);

/* NULL is fine. */
void lineage_free(struct lineage *lineage);

/*
 * Learns from a record of any kind, already checked to be well-formed. A process that nothing is
 * known of is the root of its run where the record says so (RECORD_ROOT); otherwise its records are
 * missing.
 *
 * @ret_process: receives the process that the record is about, NULL after its exit; borrowed until
 *		 the next call. May be NULL.
 *
 * Returns 0 or -ENOMEM.
 */
int lineage_take(struct lineage *lineage, const struct record *record,
		 const struct lineage_process **ret_process);

/* Is something about this process or its ancestors not known? */
bool lineage_incomplete(const struct lineage_process *process);

/* When a process began of which records have come: to the nanosecond, of one that began in that clock tick
 * (KEEPER_TICK_NS). 0 where there is no such. */
uint64_t lineage_start(struct lineage *lineage, uint32_t pid, unsigned long long ticks);

/* Processes, and bytes of executables and argvs, held now. */
size_t lineage_processes(const struct lineage *lineage);
size_t lineage_bytes(const struct lineage *lineage);
