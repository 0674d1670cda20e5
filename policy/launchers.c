/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who, besides root, may start runs of a policy: users and groups, by name or number. They are looked up
 * when somebody asks, on the host where that is: a policy can be checked where they do not exist.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"

static bool launcher_read(struct checker *checker, const struct node *node, void *ret_item)
{
	struct policy_launcher *launcher = ret_item;
	const char *name = name_read(checker, node, "the name of a user or group");

	if (!name)
		return false;
	launcher->name = strdup(name);
	checker->out_of_memory |= !launcher->name;
	return launcher->name;
}

static int launcher_compare(const void *a, const void *b)
{
	const struct policy_launcher *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static const struct item_type launcher_items = {
	sizeof(struct policy_launcher), launcher_read, launcher_compare,
};

void launchers_read(struct checker *checker, const struct node *users, const struct node *groups)
{
	struct policy *policy = checker->policy;

	policy->users = items_read(checker, users, &launcher_items, &policy->user_count);
	policy->groups = items_read(checker, groups, &launcher_items, &policy->group_count);
}

void launchers_free(struct policy_launcher *launchers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(launchers[i].name);
	free(launchers);
}
