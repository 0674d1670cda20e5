/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lays out a hash table of the ruleset: which entry stands in which slot, so that every one is
 * found within HASH_PROBES of HASH_SLOT(hash, slot_count) (lsm/decide.h).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SLOT_FREE UINT32_MAX

struct slot_key {
	uint64_t hash;
	uint32_t index;			/* the caller's name for the entry */
};

/* Zero-initialise it; slots_free() when done. */
struct slots {
	struct slot_key *keys;
	size_t count, space;
	uint32_t *slot;			/* after slots_place(): an index, or SLOT_FREE */
	size_t slot_count;		/* a power of two; 0 for no entries */
};

/* Adds an entry. Returns 0 or -ENOMEM. */
int slots_add(struct slots *slots, uint64_t hash, uint32_t index);

/* Gives each entry a slot in the smallest table that will do. Returns 0, -ENOMEM, or -E2BIG when no
 * table of RULESET_MAX bytes does (more than HASH_PROBES equal hashes). */
int slots_place(struct slots *slots);

void slots_free(struct slots *slots);
