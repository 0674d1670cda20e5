/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linear probing in which the entry that is farther from home has the better claim to a slot
 * ("Robin Hood": Celis, Larson, Munro, 1985): the longest probe stays short where the table is
 * fairly full.
 */
#include "slots.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../lsm/decide.h"

#define SLOTS_MIN 16
static_assert(SLOTS_MIN >= HASH_PROBES, "a lookup does not come round to where it began");

int slots_add(struct slots *slots, uint64_t hash, uint32_t index)
{
	if (slots->count == slots->space) {
		size_t space = slots->space ? 2 * slots->space : 64;
		struct slot_key *keys = realloc(slots->keys, space * sizeof(*keys));

		if (!keys)
			return -ENOMEM;
		slots->keys = keys;
		slots->space = space;
	}
	slots->keys[slots->count++] = (struct slot_key) { .hash = hash, .index = index };
	return 0;
}

/* Places keys[key], and what it displaces. False: some key is out of a lookup's reach. */
static bool slots_put(struct slots *slots, uint32_t key)
{
	const size_t mask = slots->slot_count - 1;
	size_t slot = HASH_SLOT(slots->keys[key].hash, slots->slot_count), far;

	for (far = 0; far < HASH_PROBES; far++, slot = (slot + 1) & mask) {
		uint32_t there = slots->slot[slot];
		size_t there_far;

		if (there == SLOT_FREE) {
			slots->slot[slot] = key;
			return true;
		}
		there_far = (slot - HASH_SLOT(slots->keys[there].hash, slots->slot_count)) & mask;
		if (there_far < far) {
			slots->slot[slot] = key;
			key = there;
			far = there_far;
		}
	}
	return false;
}

static bool slots_fill(struct slots *slots)
{
	memset(slots->slot, 0xff, slots->slot_count * sizeof(*slots->slot));
	for (size_t i = 0; i < slots->count; i++)
		if (!slots_put(slots, (uint32_t)i))
			return false;
	return true;
}

int slots_place(struct slots *slots)
{
	size_t slot_count = SLOTS_MIN;

	if (!slots->count)
		return 0;
	while (slot_count * 2 < slots->count * 3)
		slot_count *= 2;
	for (; slot_count <= RULESET_MAX / sizeof(struct path_entry); slot_count *= 2) {
		uint32_t *slot = realloc(slots->slot, slot_count * sizeof(*slot));

		if (!slot)
			return -ENOMEM;
		slots->slot = slot;
		slots->slot_count = slot_count;
		if (!slots_fill(slots))
			continue;
		for (size_t i = 0; i < slot_count; i++)
			if (slot[i] != SLOT_FREE)
				slot[i] = slots->keys[slot[i]].index;
		return 0;
	}
	return -E2BIG;
}

void slots_free(struct slots *slots)
{
	free(slots->keys);
	free(slots->slot);
	*slots = (struct slots) { 0 };
}
