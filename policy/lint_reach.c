/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * never-matches. The ruleset tells it exactly: each of its steps of addresses and ports, and each of its
 * paths, names the rule that holds there. A rule that is nowhere named holds nowhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lint_pass.h"

static const void *table_at(const struct ruleset *image, struct table table)
{
	return (const char *)image + table.off;
}

/* --- what is reached ----------------------------------------------------------------------- */

static void mark(bool *reached, const struct policy *policy, uint16_t rule)
{
	if (rule < policy->rule_count)
		reached[rule] = true;
}

static void mark_ports(const struct linter *linter, const struct port_map *map, bool *reached)
{
	const uint32_t *starts = table_at(linter->image, linter->image->port_starts);

	mark(reached, linter->policy, map->strictest);
	for (int proto = 0; proto < PROTO_COUNT; proto++)
		for (uint32_t i = 0; i < map->count[proto]; i++)
			mark(reached, linter->policy, starts[map->first[proto] + i] & 0xffff);
}

/* The table holds those port maps alone that addresses lead to (nets.c). */
static void mark_nets(const struct linter *linter, bool *reached)
{
	const struct port_map *maps = table_at(linter->image, linter->image->port_maps);

	for (uint32_t i = 0; i < linter->image->port_maps.count; i++)
		mark_ports(linter, &maps[i], reached);
}

static void mark_paths(const struct linter *linter, enum object_class object, bool *reached)
{
	struct table table = linter->image->paths[object];
	const struct path_entry *entries = table_at(linter->image, table);

	for (uint32_t i = 0; i < table.count; i++)
		for (int access = 0; entries[i].hash && access < ACCESS_KINDS; access++)
			mark(reached, linter->policy, entries[i].rule[access]);
}

/* --- in whose place others hold ------------------------------------------------------------ */

/* Which rule holds at the beginning of the first net of @service. */
static uint16_t holder_of_net(const struct ruleset *image, const struct policy_service *service)
{
	uint16_t port = service->port_count ? service->ports[0].lo : 0;
	uint8_t protos = service->port_count ? service->ports[0].protos : PROTO_ALL;

	return image_decide_net(image, service->nets[0].addr, port,
				(enum protocol)__builtin_ctz(protos)).rule;
}

static uint16_t holder_of_path(const struct ruleset *image, enum object_class object,
			       const struct policy_path *path, uint8_t access)
{
	const struct path_entry *entry = image_path(image, object, path->path,
						    path->tree ? PATH_TREE : PATH_EXACT);
	int kind = object == CLASS_FILE ? __builtin_ctz(access) : 0;

	return entry ? entry->rule[kind] : RULE_DEFAULT;
}

/* The rule that holds for the first thing that @rule names; *ret_what: that thing. */
static uint16_t find_holder(const struct linter *linter, size_t rule, struct shown *ret_what)
{
	const struct policy_service *service = lint_service(linter->policy, rule);
	const struct policy_path *path = service->file_count ? service->files :
					 service->exec_count ? service->execs : service->sockets;
	enum object_class object = service->file_count ? CLASS_FILE :
				   service->exec_count ? CLASS_EXEC : CLASS_SOCKET;

	if (service->net_count) {
		*ret_what = show_net(&service->nets[0]);
		return holder_of_net(linter->image, service);
	}
	*ret_what = show_path(path->path, path->tree);
	return holder_of_path(linter->image, object, path, linter->policy->rules[rule].access);
}

static void tell(struct linter *linter, size_t rule)
{
	struct shown what, name = lint_rule_words(linter->policy, rule);
	uint16_t holder = find_holder(linter, rule, &what);
	char *such = NULL;

	*strrchr(name.text, '"') = 0;		/* its place stands before the message */
	if (holder < linter->policy->rule_count &&
	    asprintf(&such, ", such as %s for %s", lint_rule_words(linter->policy, holder).text,
		     what.text) < 0)
		such = NULL;
	lint_add(linter, DIAG_WARNING, "never-matches", linter->policy->rules[rule].where,
		 "remove it, or have its service name what no other does",
		 "%s\" never matches: for all that it names other rules hold%s", name.text, such ? such : "");
	free(such);
}

int lint_reach(struct linter *linter)
{
	const struct policy *policy = linter->policy;
	bool *reached = calloc(policy->rule_count + 1, sizeof(*reached));

	if (!reached)
		return -ENOMEM;
	mark_nets(linter, reached);
	for (int object = CLASS_FILE; object < CLASS_COUNT; object++)
		mark_paths(linter, (enum object_class)object, reached);
	/* What is implied gives way: it is no fault of the policy's. */
	for (size_t i = 0; i < policy->rule_count; i++)
		if (!reached[i] && !policy->rules[i].implied)
			tell(linter, i);
	free(reached);
	return 0;
}
