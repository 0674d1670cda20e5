/* SPDX-License-Identifier: BSD-2-Clause */
#include "numbers.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_AT_FIRST 64

/* The slot of a hash, or the free one where it belongs. There always is one: half of them are free. */
static struct numbers_slot *slot_of(const struct numbers *numbers, uint64_t hash)
{
	size_t i = hash & (numbers->size - 1);

	while (numbers->slots[i].taken && numbers->slots[i].hash != hash)
		i = (i + 1) & (numbers->size - 1);
	return &numbers->slots[i];
}

static int grow(struct numbers *numbers)
{
	struct numbers grown = { .size = numbers->size ? 2 * numbers->size : SIZE_AT_FIRST, .count = numbers->count };

	grown.slots = calloc(grown.size, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < numbers->size; i++)
		if (numbers->slots[i].taken)
			*slot_of(&grown, numbers->slots[i].hash) = numbers->slots[i];
	free(numbers->slots);
	*numbers = grown;
	return 0;
}

bool numbers_find(const struct numbers *numbers, uint64_t hash, uint32_t *ret_number)
{
	const struct numbers_slot *slot = numbers->size ? slot_of(numbers, hash) : NULL;

	if (!slot || !slot->taken)
		return false;
	*ret_number = slot->number;
	return true;
}

int numbers_add(struct numbers *numbers, size_t max, uint64_t hash, uint32_t number)
{
	int err = 0;

	if (numbers->count >= max)
		return -ENOSPC;
	if (2 * (numbers->count + 1) > numbers->size)
		err = grow(numbers);
	if (err)
		return err;
	*slot_of(numbers, hash) = (struct numbers_slot){ hash, number, true };
	numbers->count++;
	return 0;
}

void numbers_free(struct numbers *numbers)
{
	free(numbers->slots);
	*numbers = (struct numbers){ 0 };
}
