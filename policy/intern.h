/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives equal byte strings equal numbers, and keeps one copy of each in a single run of bytes:
 * every string begins at a multiple of INTERN_ALIGN and is padded with zeros up to the next one, so
 * that the run as it stands can be a table of the ruleset.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define INTERN_ALIGN 8
#define INTERN_UNSET UINT32_MAX		/* no number; the value of a string that has just been added */

struct intern_item {
	uint64_t hash;
	uint32_t off;			/* into bytes */
	uint32_t size;
	uint32_t value;			/* free for the caller: what the string stands for */
};

/* Zero-initialise it; intern_free() when done. Numbers count from 0 in the order of arrival. */
struct intern {
	char *bytes;
	size_t size, space;
	struct intern_item *items;
	size_t count, item_space;
	uint32_t *slots;		/* number + 1; 0: free */
	size_t slot_count;		/* a power of two, or 0 */
};

/* Numbers @size bytes at @data, which are copied if they are new; they may not be part of the run.
 * Returns 0, -ENOMEM, or -E2BIG when
 * the run would outgrow RULESET_MAX. */
int intern_add(struct intern *intern, const void *data, size_t size, uint32_t *ret_number);

/* The number of those bytes, or INTERN_UNSET where they are not there. */
uint32_t intern_find(const struct intern *intern, const void *data, size_t size);

/* The bytes of a number; good until the next intern_add(). */
static inline const void *intern_bytes(const struct intern *intern, uint32_t number)
{
	return intern->bytes + intern->items[number].off;
}

void intern_free(struct intern *intern);
