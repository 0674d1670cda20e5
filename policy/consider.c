/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consider_pass.h"

static void fill_rule(struct considered *entry, const struct ruleset *image, uint16_t number)
{
	const struct rule *rule = image_rule(image, number);

	entry->service = rule ? image_string(image, rule->service) : "";
	entry->rule = rule ? image_string(image, rule->name) : "";
	entry->rule_where = rule ? image_string(image, rule->where) : "";
	entry->verdict = rule ? (enum verdict)rule->verdict : (enum verdict)image->defaults[entry->object];
}

struct considered *consider_add(struct consideration *list, const struct ruleset *image,
				enum object_class object, uint16_t number, const char *fmt, ...)
{
	struct considered *entry;
	va_list args;
	int length;

	if (list->count == list->space) {
		size_t space = list->space ? 2 * list->space : 16;
		struct considered *grown = reallocarray(list->list, space, sizeof(*grown));

		if (!grown)
			goto out_of_memory;
		list->list = grown;
		list->space = space;
	}
	entry = &list->list[list->count];
	*entry = (struct considered){ .number = number, .object = (uint8_t)object, .matches = true };
	va_start(args, fmt);
	length = vasprintf(&entry->entry, fmt, args);
	va_end(args);
	if (length < 0)
		goto out_of_memory;
	fill_rule(entry, image, number);
	list->count++;
	return entry;

out_of_memory:
	list->out_of_memory = true;
	return NULL;
}

/* The larger rank first; among equals what matches, then the rule listed first. */
static int compare(const void *a, const void *b)
{
	const struct considered *one = a, *other = b;

	for (size_t i = 0; i < sizeof(one->rank) / sizeof(*one->rank); i++)
		if (one->rank[i] != other->rank[i])
			return one->rank[i] > other->rank[i] ? -1 : 1;
	if (one->matches != other->matches)
		return one->matches ? -1 : 1;
	return (one->number > other->number) - (one->number < other->number);
}

void consider_sort(struct consideration *list, size_t from)
{
	if (list->count > from)
		qsort(list->list + from, list->count - from, sizeof(*list->list), compare);
}

void consider_default(struct consideration *list, const struct ruleset *image, const struct policy *policy,
		      enum object_class object)
{
	static const char *const names[CLASS_COUNT] = {
		[CLASS_NET] = "net",
		[CLASS_FILE] = "file",
		[CLASS_EXEC] = "exec",
		[CLASS_SOCKET] = "socket",
	};
	struct considered *entry = consider_add(list, image, object, RULE_DEFAULT, "default %s",
						names[object]);

	if (entry && policy)
		entry->entry_where = policy->default_where[object];
}

struct considered *consider_winner(struct consideration *list, size_t from, const struct decision *decision)
{
	for (size_t i = from; i < list->count; i++) {
		struct considered *entry = &list->list[i];

		if (entry->matches && entry->number == decision->rule)
			return entry;
	}
	return NULL;
}

const struct considered *consider_next(const struct consideration *list, const struct considered *entry)
{
	while (++entry < list->list + list->count)
		if (entry->matches && entry->number != RULE_DEFAULT)
			return entry;
	return NULL;
}

void consider_why(struct considered *entry, const char *why)
{
	snprintf(entry->why, sizeof(entry->why), "%s", why);
}

void consideration_free(struct consideration *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->list[i].entry);
	free(list->list);
	*list = (struct consideration){ 0 };
}
