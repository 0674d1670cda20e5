/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a line says of its process and of that one's ancestors is most of it, and the same in all lines of the
 * process. It is parsed once; after that the line is parsed without it. Marks are as audit_json.c writes them, and
 * inside of a string a quote has a backslash before it: no process can have them in its texts.
 */
#include <stdlib.h>
#include <string.h>

#include "deps_private.h"

#define CACHE_SIZE 16384		/* processes; a power of two */

struct deps_lineage {
	uint64_t hash;			/* 0: none */
	int step;
};

/* Where @mark begins behind @at, or NULL. */
static const char *find(const char *at, const char *end, const char *mark)
{
	return at ? memmem(at, end - at, mark, strlen(mark)) : NULL;
}

/* The two parts of a line, each with the comma behind it. */
struct parts {
	const char *process, *process_end;
	const char *ancestors, *ancestors_end;
};

static bool find_parts(const char *line, size_t size, struct parts *ret_parts)
{
	const char *end = line + size;
	struct parts parts = { .process = find(line, end, "\"process\":{") };

	parts.process_end = find(parts.process, end, "\"user\":{\"id\":");
	parts.ancestors = find(parts.process_end, end, "\"ancestors\":[");
	parts.ancestors_end = find(parts.ancestors, end, "\"lineage\":\"");
	*ret_parts = parts;
	return parts.ancestors_end;
}

/* The hash of both parts, and of what is said of how much of them is known. */
static uint64_t hash_of(struct deps *deps, const struct parts *parts, const char *end)
{
	const char *said = find(parts->ancestors_end, end, ",");
	struct text *scratch = &deps->memory->scratch;

	deps_hash_begin(deps);
	text_append(scratch, parts->process, parts->process_end - parts->process);
	text_append(scratch, parts->ancestors, (said ? said : end) - parts->ancestors);
	return deps_hash_end(deps);
}

bool deps_lineage_known(struct deps *deps, const char *line, size_t size, struct audit_line *ret_line, int *ret_step)
{
	struct deps_memory *memory = deps->memory;
	struct deps_lineage *cached;
	struct text *rest = &memory->scratch;
	struct parts parts;

	memory->lineage_hash = 0;
	if (!memory->lineages || !find_parts(line, size, &parts))
		return false;
	memory->lineage_hash = hash_of(deps, &parts, line + size);
	cached = &memory->lineages[memory->lineage_hash % CACHE_SIZE];
	if (!memory->lineage_hash || cached->hash != memory->lineage_hash)
		return false;
	rest->size = 0;
	text_append(rest, line, parts.process - line);
	text_append(rest, parts.process_end, parts.ancestors - parts.process_end);
	text_append(rest, parts.ancestors_end, line + size - parts.ancestors_end);
	if (rest->failed || audit_line_parse(rest->data, rest->size, ret_line)) {
		memory->lineage_hash = 0;
		return false;
	}
	*ret_step = cached->step;
	return true;
}

void deps_lineage_keep(struct deps *deps, int step)
{
	struct deps_memory *memory = deps->memory;

	if (!memory->lineages)
		memory->lineages = calloc(CACHE_SIZE, sizeof(*memory->lineages));
	if (memory->lineages && memory->lineage_hash)
		memory->lineages[memory->lineage_hash % CACHE_SIZE] =
			(struct deps_lineage){ memory->lineage_hash, step };
	memory->lineage_hash = 0;
}
