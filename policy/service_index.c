/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define SERVICES_SHOWN 8		/* where none comes near a name */

static int name_compare(const void *a, const void *b)
{
	const struct service_name *left = a, *right = b;

	return strcmp(left->name, right->name);
}

bool service_index_create(struct checker *checker, struct service_index *index)
{
	const struct policy *policy = checker->policy;

	index->count = policy->service_count;
	index->names = check_alloc(checker, index->count + 1, sizeof(*index->names));
	index->words = check_alloc(checker, index->count + 1, sizeof(*index->words));
	if (!index->names || !index->words)
		return false;
	for (size_t i = 0; i < index->count; i++)
		index->names[i] = (struct service_name){ policy->services[i].name, i };
	qsort(index->names, index->count, sizeof(*index->names), name_compare);
	for (size_t i = 0; i < index->count; i++)
		index->words[i] = index->names[i].name;
	return true;
}

void service_index_free(struct service_index *index)
{
	free(index->names);
	free(index->words);
}

/* The services of the policy's own: those that every policy has besides are many. */
static const char *known_hint(struct checker *checker)
{
	const struct policy *policy = checker->policy;
	const char *names[SERVICES_SHOWN + 1];
	size_t count = 0;

	for (size_t i = 0; i < policy->service_count; i++) {
		if (policy->services[i].implied)
			continue;
		if (count == SERVICES_SHOWN)
			return NULL;	/* too many to help */
		names[count++] = policy->services[i].name;
	}
	names[count] = NULL;
	return count ? check_hint(checker, "write %s; or define it under services, or include its file",
				  word_list(names).text) : NULL;
}

const char *service_index_hint(struct checker *checker, const struct service_index *index, const char *name)
{
	const char *hint = check_nearest(checker, name, index->words);

	return hint ?: include_hint(checker, name) ?: known_hint(checker) ?:
		"define it under services, or include its file";
}

bool service_index_find(const struct service_index *index, const char *name, size_t *ret_service)
{
	const struct service_name wanted = { .name = name };
	const struct service_name *found =
		bsearch(&wanted, index->names, index->count, sizeof(wanted), name_compare);

	if (found)
		*ret_service = found->service;
	return found;
}

bool service_find(struct checker *checker, const struct service_index *index, const struct node *node,
		  size_t *ret_service)
{
	const char *name = scalar_read(checker, node, "the name of a service", POLICY_STRING_MAX);

	if (!name)
		return false;
	if (service_index_find(index, name, ret_service))
		return true;
	if (!checker->services_missing)
		check_fault(checker, node, service_index_hint(checker, index, name),
			    "there is no service \"%.80s\"", name);
	return false;
}
