/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers by hashes, up to a bound: what a log is made up of need not have one. The hashes are of siphash.h, so that
 * nobody can make two of one value and the hash stands for the key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct numbers_slot {
	uint64_t hash;
	uint32_t number;
	bool taken;
};

/* Zero-initialise it; numbers_free() when done. */
struct numbers {
	struct numbers_slot *slots;
	size_t size;			/* a power of two, or 0 */
	size_t count;			/* of those that are there */
};

/* Whether a number is there for that hash; *ret_number is untouched where none is. */
bool numbers_find(const struct numbers *numbers, uint64_t hash, uint32_t *ret_number);

/* Adds one for a hash that has none. Returns 0, -ENOSPC where there are @max already, or -ENOMEM. */
int numbers_add(struct numbers *numbers, size_t max, uint64_t hash, uint32_t number);

void numbers_free(struct numbers *numbers);
