/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An open-addressed table of hashes over one growing run of bytes.
 */
#include "intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lsm/decide.h"

static uint64_t intern_hash(const char *data, size_t size)
{
	uint64_t hash = FNV_BASIS;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)data[i]) * FNV_PRIME;
	return hash ^ hash >> 32;
}

/* Makes room for @extra more entries of @entry bytes in an array that doubles. */
static int intern_grow(void **array, size_t used, size_t *space, size_t extra, size_t entry)
{
	size_t want = *space ? *space : 64;
	void *grown;

	if (used + extra <= *space)
		return 0;
	while (want < used + extra)
		want *= 2;
	grown = realloc(*array, want * entry);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*space = want;
	return 0;
}

static int intern_rehash(struct intern *intern)
{
	size_t slot_count = intern->slot_count ? intern->slot_count * 2 : 64;
	uint32_t *slots = calloc(slot_count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < intern->count; i++) {
		size_t slot = intern->items[i].hash & (slot_count - 1);

		while (slots[slot])
			slot = (slot + 1) & (slot_count - 1);
		slots[slot] = (uint32_t)i + 1;
	}
	free(intern->slots);
	intern->slots = slots;
	intern->slot_count = slot_count;
	return 0;
}

/* The slot that holds the string, or the free one where it belongs. */
static size_t intern_slot(const struct intern *intern, const void *data, size_t size, uint64_t hash)
{
	size_t slot = hash & (intern->slot_count - 1);

	for (;; slot = (slot + 1) & (intern->slot_count - 1)) {
		const struct intern_item *item;

		if (!intern->slots[slot])
			return slot;
		item = &intern->items[intern->slots[slot] - 1];
		if (item->hash == hash && item->size == size &&
		    (!size || !memcmp(intern->bytes + item->off, data, size)))
			return slot;
	}
}

/* Copies a new string to the end of the run. */
static int intern_append(struct intern *intern, const void *data, size_t size, uint64_t hash)
{
	size_t padded = (size + INTERN_ALIGN - 1) & ~(size_t)(INTERN_ALIGN - 1);
	int err;

	if (padded > RULESET_MAX - intern->size)
		return -E2BIG;
	err = intern_grow((void **)&intern->bytes, intern->size, &intern->space, padded, 1);
	if (!err)
		err = intern_grow((void **)&intern->items, intern->count, &intern->item_space, 1,
				  sizeof(*intern->items));
	if (err)
		return err;
	intern->items[intern->count++] = (struct intern_item) {
		.hash = hash,
		.off = (uint32_t)intern->size,
		.size = (uint32_t)size,
		.value = INTERN_UNSET,
	};
	if (!padded)
		return 0;
	memset(intern->bytes + intern->size + padded - INTERN_ALIGN, 0, INTERN_ALIGN);
	memcpy(intern->bytes + intern->size, data, size);
	intern->size += padded;
	return 0;
}

int intern_add(struct intern *intern, const void *data, size_t size, uint32_t *ret_number)
{
	uint64_t hash;
	size_t slot;
	int err = 0;

	if (size > RULESET_MAX)
		return -E2BIG;
	hash = intern_hash(data, size);
	if (intern->count * 2 >= intern->slot_count)
		err = intern_rehash(intern);
	if (err)
		return err;
	slot = intern_slot(intern, data, size, hash);
	if (!intern->slots[slot]) {
		err = intern_append(intern, data, size, hash);
		if (err)
			return err;
		intern->slots[slot] = (uint32_t)intern->count;
	}
	*ret_number = intern->slots[slot] - 1;
	return 0;
}

uint32_t intern_find(const struct intern *intern, const void *data, size_t size)
{
	if (!intern->slot_count)
		return INTERN_UNSET;
	/* A free slot holds 0, the number + 1 of none. */
	return intern->slots[intern_slot(intern, data, size, intern_hash(data, size))] - 1;
}

void intern_free(struct intern *intern)
{
	free(intern->bytes);
	free(intern->items);
	free(intern->slots);
	*intern = (struct intern) { 0 };
}
