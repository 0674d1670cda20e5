/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static bool need_read(struct checker *checker, const struct node *node, void *ret_item)
{
	const char *name = scalar_read(checker, node, "the name of a service", POLICY_STRING_MAX);
	struct policy_need *need = ret_item;

	if (!name)
		return false;
	need->name = strdup(name);
	checker->out_of_memory |= !need->name;
	return need->name;
}

static int need_compare(const void *a, const void *b)
{
	const struct policy_need *left = a, *right = b;

	return strcmp(left->name, right->name);
}

const struct item_type need_items = { sizeof(struct policy_need), need_read, need_compare };

/* Of an included file the text is gone by now: its line cannot be shown. */
__attribute__((format(printf, 4, 5)))
static void need_fault(struct checker *checker, const struct policy_need *need, const char *hint,
		       const char *fmt, ...)
{
	const struct source *source = &checker->source;
	bool shown = need->where.file == source->name;
	va_list args;

	va_start(args, fmt);
	diags_vadd(checker->diags, DIAG_ERROR, need->where, shown ? source->text : NULL,
		   shown ? source->size : 0, hint, fmt, args);
	va_end(args);
}

static void need_check(struct checker *checker, const struct service_index *index,
		       const struct policy_service *service, const struct policy_need *need)
{
	size_t needed;

	if (!strcmp(need->name, service->name))
		need_fault(checker, need, "name the others that it needs, or remove the key",
			   "the service \"%.80s\" needs itself", need->name);
	else if (service_index_find(index, need->name, &needed))
		checker->states[needed].needed = true;
	else if (!checker->services_missing)
		need_fault(checker, need, service_index_hint(checker, index, need->name),
			   "there is no service \"%.80s\"", need->name);
}

static bool any_needs(const struct policy *policy)
{
	for (size_t i = 0; i < policy->service_count; i++)
		if (policy->services[i].need_count)
			return true;
	return false;
}

void needs_check(struct checker *checker)
{
	const struct policy *policy = checker->policy;
	struct service_index index = { 0 };

	if (!any_needs(policy))
		return;
	if (service_index_create(checker, &index))
		for (size_t i = 0; i < policy->service_count; i++)
			for (size_t j = 0; j < policy->services[i].need_count; j++)
				need_check(checker, &index, &policy->services[i],
					   &policy->services[i].needs[j]);
	service_index_free(&index);
}

void needs_free(struct policy_need *needs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(needs[i].name);
	free(needs);
}
