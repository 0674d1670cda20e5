/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that make the model of a run: deps.c from its records, deps_steps.c its steps. */
#pragma once

#include "deps.h"
#include "siphash.h"
#include "text.h"

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

struct deps_block;

struct deps_memory {
	struct siphash_key key;
	struct deps_block *blocks;	/* of strings */
	struct text scratch;		/* of what is to be hashed */
	struct deps_table steps, reaches;
	size_t seen;			/* reaches that were allowed and are of no service */
	const char *root;		/* entity id of the run's first process, of its begin line; or "" */
	bool failed;			/* memory ran out */
};

/* The number for that hash, or -1. */
int deps_find(const struct deps_table *table, uint64_t hash);

/* Adds one; what has no room is not found later. */
void deps_put(struct deps_table *table, uint64_t hash, uint32_t number);

/* Begins a text to be hashed, adds to it, and hashes it. */
void deps_hash_begin(struct deps *deps);
void deps_hash_string(struct deps *deps, const char *string);
void deps_hash_number(struct deps *deps, uint64_t number);
uint64_t deps_hash_end(struct deps *deps);

/* --- deps_steps.c --- */

/* The step of the process that @line is about, made where it is missing; -1 where there is no room. @t: of the
 * line. */
int deps_step_of(struct deps *deps, const struct audit_line *line, int64_t t);

/* When all lines were read: which steps are the deploy's own. */
void deps_steps_finish(struct deps *deps);
