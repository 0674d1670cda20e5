/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files share that make the model of a run.
 *
 *	deps.c		all of it, line by line
 *	deps_peers.c	what others do on the run's behalf
 *	deps_reaches.c	what it reached for, when, and of which service that is
 *	deps_lineage.c	whose ancestors need not be parsed again
 *	deps_steps.c	which of its processes are one step
 *	deps_memory.c	strings that are kept once, numbers by hashes
 */
#pragma once

#include "../base/siphash.h"
#include "../base/text.h"
#include "deps.h"

/* Numbers by hashes. Nobody can make two of one hash (siphash.h), so that the hash stands for the key. */
struct deps_slot {
	uint64_t hash;
	uint32_t number;		/* + 1; 0: free */
};

struct deps_table {
	struct deps_slot *slots;
	size_t size;			/* a power of two */
	size_t used;
};

#define POINTS_ROOM (DEPS_POINTS_MAX + DEPS_REACHES_MAX) /* until they are gathered */

struct deps_block;
struct deps_lineage;

struct deps_memory {
	struct siphash_key key;
	struct deps_block *blocks;	/* of strings */
	struct text scratch;		/* of what is to be hashed */
	struct deps_table steps, reaches;
	struct deps_lineage *lineages;	/* of deps_lineage.c */
	uint64_t lineage_hash;		/* of the line that is read; 0: it is not to be kept */
	size_t seen;			/* reaches that were allowed and are of no service */
	int launcher;			/* step of a process before it became the command; -1: none was seen */
	bool launched;			/* it has by now */
	const char *root;		/* entity id of the run's first process, of its begin line; or "" */
	bool failed;			/* memory ran out */
};

/* --- deps_memory.c --- */

/* NULL when memory ran out. */
struct deps_memory *deps_memory_new(void);
void deps_memory_free(struct deps_memory *memory);

/* The number for that hash, or -1. */
int deps_find(const struct deps_table *table, uint64_t hash);

/* Adds one; what has no room is not found later. */
void deps_put(struct deps_table *table, uint64_t hash, uint32_t number);

/* Begins a text to be hashed, adds to it, and hashes it. */
void deps_hash_begin(struct deps *deps);
void deps_hash_string(struct deps *deps, const char *string);
void deps_hash_number(struct deps *deps, uint64_t number);
uint64_t deps_hash_end(struct deps *deps);

/* --- deps_reaches.c --- */

/* When @line was, in ns since 1970; 0 where it does not say. */
int64_t deps_time_of(const struct audit_line *line);

/* A reach as @line tells, nothing counted yet. @what: as it is named, "more" or the like. */
struct deps_reach deps_describe(struct deps *deps, const struct audit_line *line, const char *what);

/* What @line reached for: the service or, without one, the object. For free(), or NULL. */
char *deps_what(struct deps *deps, const struct audit_line *line);

/* Counts @line, of the time @t, as one more of @reach. */
void deps_count(struct deps *deps, struct deps_reach *reach, const struct audit_line *line, int64_t t);

/* Takes a decision: a line of the time @t, of the step @step. */
void deps_reaches_take(struct deps *deps, const struct audit_line *line, int64_t t, int step);

/* When all lines were read: what the services need, and a timeline of so many points as are wanted. */
void deps_reaches_finish(struct deps *deps);

/* --- deps_peers.c --- */

/* Looks in the logs for what the peers of the run did meanwhile. Returns 0 or as journal_read(). */
int deps_read_peers(struct deps *deps, const char *const *paths, size_t count);

/* --- deps_steps.c --- */

/* The step of the process that @line is about, made where it is missing; -1 where there is no room. */
int deps_step_of(struct deps *deps, const struct audit_line *line);

/* Notes that a step, and those above it, were seen. */
void deps_steps_seen(struct deps *deps, int step, int64_t t);

/* When all lines were read: which steps are the deploy's own. */
void deps_steps_finish(struct deps *deps);

/* --- deps_lineage.c --- */

/* Whether the process of a line and its ancestors are known from lines before: then *ret_line is the line without
 * them, the caller's to audit_line_free(), and *ret_step the step. Else they are to be kept. */
bool deps_lineage_known(struct deps *deps, const char *line, size_t size, struct audit_line *ret_line, int *ret_step);

/* Keeps the step for the line that deps_lineage_known() did not know. */
void deps_lineage_keep(struct deps *deps, int step);
