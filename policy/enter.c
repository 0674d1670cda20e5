/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What begins a run of a policy without a launcher: executing one of its files, being in a control group or
 * a unit of the service manager.
 */
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { ENTER_EXECS, ENTER_UNITS, ENTER_CGROUPS, ENTER_KEYS };
static const char *const enter_keys[] = { "execs", "units", "cgroups", NULL };
static const struct map_type enter_type = { "enter", enter_keys, NULL };

/* --- units ---------------------------------------------------------------------------------- */

/* The kinds of unit that have processes (systemd.unit(5)). */
static bool has_processes(const char *name)
{
	static const char *const kinds[] = { ".service", ".scope", ".slice", ".socket", ".mount", ".swap" };
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t size = strlen(kinds[i]);

		if (length > size && !strcmp(name + length - size, kinds[i]))
			return true;
	}
	return false;
}

/* The groups that every host has, and that hold the fence's own daemon. */
static bool holds_fence(const char *group)
{
	static const char *const groups[] = {
		"/", "/init.scope", "/system.slice", "/ringfence.service", "/user.slice",
		"-.slice", "init.scope", "system.slice", "ringfence.service", "ringfence.socket", "user.slice",
	};

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (!strcmp(group, groups[i]))
			return true;
	return false;
}

static bool group_keep(struct checker *checker, const struct node *node, const char *name,
		       struct policy_cgroup *group)
{
	if (strlen(name) >= ENTER_NAME_MAX) {
		check_fault(checker, node, NULL, "%zu bytes are too long for a control group; at most %d",
			    strlen(name), ENTER_NAME_MAX - 1);
		return false;
	}
	if (holds_fence(name)) {
		check_fault(checker, node, "name what deploys run in, and nothing else",
			    "%s holds what every host needs: no run can be made of it", name);
		return false;
	}
	group->name = strdup(name);
	checker->out_of_memory |= !group->name;
	return group->name;
}

static bool unit_read(struct checker *checker, const struct node *node, void *ret_item)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
	const char *name = scalar_read(checker, node, "the name of a unit", POLICY_STRING_MAX);

	if (!name)
		return false;
	if (strspn(name, letters) != strlen(name)) {
		check_fault(checker, node, "deploy.service; deploy@.service for every instance of a template",
			    "\"%.80s\" is not the name of a unit", name);
		return false;
	}
	if (!has_processes(name)) {
		check_fault(checker, node, check_hint(checker, "%.*s.service", (int)strcspn(name, "."), name),
			    "\"%.80s\" names no kind of unit that has processes", name);
		return false;
	}
	return group_keep(checker, node, name, ret_item);
}

static bool cgroup_read(struct checker *checker, const struct node *node, void *ret_item)
{
	struct policy_path path = { .path = NULL };
	bool read = path_items.read(checker, node, &path);
	bool kept = read && group_keep(checker, node, *path.path ? path.path : "/", ret_item);

	if (read && !strncmp(path.path, "/sys/fs/cgroup/", 15))
		check_warning_at(checker, node_where(&checker->source, node),
				 "leave /sys/fs/cgroup away",
				 "the path of a control group begins at the root of its hierarchy");
	free(path.path);
	return kept;
}

static int group_compare(const void *a, const void *b)
{
	const struct policy_cgroup *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static const struct item_type unit_items = { sizeof(struct policy_cgroup), unit_read, group_compare };
static const struct item_type cgroup_items = { sizeof(struct policy_cgroup), cgroup_read, group_compare };

/* --- the mapping ---------------------------------------------------------------------------- */

static void refuse_root(struct checker *checker)
{
	const struct policy *policy = checker->policy;

	for (size_t i = 0; i < policy->enter_exec_count; i++)
		if (!*policy->enter_execs[i].path)
			check_fault_at(checker, policy->enter_execs[i].where,
				       "name the programs that begin a deploy",
				       "/ holds every program of the host");
}

/* Units and control groups are kept in one list: a name that begins with / is no unit's. */
static void groups_read(struct checker *checker, const struct node *units, const struct node *cgroups)
{
	struct policy *policy = checker->policy;
	size_t unit_count = 0, cgroup_count = 0;
	struct policy_cgroup *by_unit = items_read(checker, units, &unit_items, &unit_count);
	struct policy_cgroup *by_path = items_read(checker, cgroups, &cgroup_items, &cgroup_count);
	struct policy_cgroup *all = check_alloc(checker, unit_count + cgroup_count + 1, sizeof(*all));

	if (all) {
		if (unit_count)
			memcpy(all, by_unit, unit_count * sizeof(*all));
		if (cgroup_count)
			memcpy(all + unit_count, by_path, cgroup_count * sizeof(*all));
		policy->enter_cgroups = all;
		policy->enter_cgroup_count = unit_count + cgroup_count;
	}
	free(by_unit);
	free(by_path);
}

void enter_read(struct checker *checker, const struct node *key)
{
	struct policy *policy = checker->policy;
	const struct node *fields[ENTER_KEYS];

	if (!key)
		return;
	fields_read(checker, key->value, &enter_type, fields);
	policy->enter_execs = items_read(checker, fields[ENTER_EXECS], &path_items, &policy->enter_exec_count);
	refuse_root(checker);
	groups_read(checker, fields[ENTER_UNITS], fields[ENTER_CGROUPS]);
}

void enter_free(struct policy *policy)
{
	for (size_t i = 0; i < policy->enter_exec_count; i++)
		free(policy->enter_execs[i].path);
	free(policy->enter_execs);
	for (size_t i = 0; i < policy->enter_cgroup_count; i++)
		free(policy->enter_cgroups[i].name);
	free(policy->enter_cgroups);
}
