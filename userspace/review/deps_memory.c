/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "deps_private.h"

#define TABLE_SIZE 32768		/* slots: four times what there may be */
#define BLOCK_SIZE 65536
#define STRING_MAX 8192			/* bytes that are kept of one; more than any path has */

struct deps_block {
	struct deps_block *next;
	size_t used;
	char bytes[BLOCK_SIZE];
};

const char *deps_keep(struct deps *deps, const char *string)
{
	struct deps_memory *memory = deps->memory;
	size_t size = text_cut(string, strlen(string), STRING_MAX);
	struct deps_block *block = memory->blocks;
	char *kept;

	if (!size)
		return "";
	if (!block || BLOCK_SIZE - block->used <= size) {
		block = malloc(sizeof(*block));
		if (!block) {
			memory->failed = true;
			return "";
		}
		block->used = 0;
		block->next = memory->blocks;
		memory->blocks = block;
	}
	kept = memcpy(block->bytes + block->used, string, size);
	kept[size] = 0;
	block->used += size + 1;
	return kept;
}

int deps_find(const struct deps_table *table, uint64_t hash)
{
	size_t i = hash & (table->size - 1);

	for (; table->slots[i].number; i = (i + 1) & (table->size - 1))
		if (table->slots[i].hash == hash)
			return table->slots[i].number - 1;
	return -1;
}

void deps_put(struct deps_table *table, uint64_t hash, uint32_t number)
{
	size_t i = hash & (table->size - 1);

	if (table->used >= table->size / 2)
		return;
	while (table->slots[i].number)
		i = (i + 1) & (table->size - 1);
	table->slots[i] = (struct deps_slot){ hash, number + 1 };
	table->used++;
}

void deps_hash_begin(struct deps *deps)
{
	deps->memory->scratch.size = 0;
}

void deps_hash_string(struct deps *deps, const char *string)
{
	text_append(&deps->memory->scratch, string, strlen(string) + 1);
}

void deps_hash_number(struct deps *deps, uint64_t number)
{
	text_append(&deps->memory->scratch, &number, sizeof(number));
}

uint64_t deps_hash_end(struct deps *deps)
{
	struct deps_memory *memory = deps->memory;

	memory->failed |= memory->scratch.failed;
	return memory->scratch.failed ? 0 : siphash(&memory->key, memory->scratch.data, memory->scratch.size);
}

static bool table_new(struct deps_table *table)
{
	table->size = TABLE_SIZE;
	table->slots = calloc(TABLE_SIZE, sizeof(*table->slots));
	return table->slots;
}

struct deps_memory *deps_memory_new(void)
{
	struct deps_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	if (!table_new(&memory->steps) || !table_new(&memory->reaches)) {
		deps_memory_free(memory);
		return NULL;
	}
	memory->key = siphash_key_new();
	memory->root = "";
	memory->launcher = -1;
	return memory;
}

void deps_memory_free(struct deps_memory *memory)
{
	struct deps_block *next;

	if (!memory)
		return;
	for (struct deps_block *block = memory->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	text_free(&memory->scratch);
	free(memory->steps.slots);
	free(memory->reaches.slots);
	free(memory->lineages);
	free(memory);
}
