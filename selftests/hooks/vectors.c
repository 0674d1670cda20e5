/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "hooks.h"

static const struct vector *const parts[] = {
	connect_vectors, send_vectors, open_vectors, exec_vectors, tree_vectors,
};

static const struct vector *table[VECTORS_MAX];
static size_t count;

static void fill(void)
{
	for (size_t part = 0; part < sizeof(parts) / sizeof(*parts); part++)
		for (const struct vector *vector = parts[part]; vector->name; vector++) {
			if (count == VECTORS_MAX)
				abort();
			table[count++] = vector;
		}
}

size_t vector_count(void)
{
	if (!count)
		fill();
	return count;
}

const struct vector *vector_at(uint32_t number)
{
	return number < vector_count() ? table[number] : NULL;
}

uint32_t vector_number(const struct vector *vector)
{
	for (uint32_t i = 0; i < vector_count(); i++)
		if (table[i] == vector)
			return i;
	abort();
}

void vector_comm(const struct vector *vector, char ret_comm[16])
{
	snprintf(ret_comm, 16, "vector-%u", vector_number(vector));
}

void vector_bear_name(const struct vector *vector)
{
	char comm[16];

	vector_comm(vector, comm);
	prctl(PR_SET_NAME, comm);
}

const char *vector_path(const struct vector *vector, const char *file)
{
	static char paths[8][512];
	static unsigned int turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof(paths[0]), WORK "/files/%s%s%s", vector->name, *file ? "/" : "",
		 file);
	return path;
}
