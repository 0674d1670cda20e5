/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "hooks.h"

#define CLASS(name) extern const struct vector name##_vectors[];
#include "../escapes/classes.h"
#undef CLASS

static const struct class classes[] = {
#define CLASS(name) { #name, name##_vectors },
#include "../escapes/classes.h"
#undef CLASS
};
#define CLASSES (sizeof(classes) / sizeof(*classes))

static const struct vector *table[VECTORS_MAX];
static size_t count;

const struct class *class_at(size_t number)
{
	return number < CLASSES ? &classes[number] : NULL;
}

static void fill(void)
{
	for (size_t class = 0; class < CLASSES; class++)
		for (const struct vector *vector = classes[class].vectors; vector->name; vector++) {
			if (count == VECTORS_MAX)
				abort();
			table[count++] = vector;
		}
}

void need(bool condition, const struct vector *vector)
{
	if (condition)
		return;
	printf("# %s cannot be prepared: %s\n", vector->name, strerror(errno));
	fflush(stdout);
	abort();
}

/* The tester asks the kernel and tells the actor, for whom the answer might be the fence's. */
#define MISSING_VARIABLE "HOOKS_MISSING"

static const char *missing[VECTORS_MAX];

void vectors_examine(void)
{
	char told[VECTORS_MAX + 1] = "";

	for (uint32_t i = 0; i < vector_count(); i++) {
		const struct vector *vector = vector_at(i);

		missing[i] = vector->missing ? vector->missing(vector) : NULL;
		told[i] = missing[i] ? '1' : '0';
	}
	setenv(MISSING_VARIABLE, told, 1);
}

const char *vector_missing(const struct vector *vector)
{
	const char *told = getenv(MISSING_VARIABLE);
	uint32_t number = vector_number(vector);

	return missing[number] ?: told && told[number] == '1' ? "told by the tester" : NULL;
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

	if (*file == '/')
		snprintf(path, sizeof(paths[0]), "%s", file);
	else
		snprintf(path, sizeof(paths[0]), WORK "/files/%s%s%s", vector->name,
			 *file ? "/" : "", file);
	return path;
}
