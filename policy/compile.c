/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts a ruleset together: the tables of nets.c and paths.c, the rules and the strings, one after
 * the other behind the header.
 */
#include "compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "nets.h"
#include "paths.h"
#include "rules.h"

#define TABLE_ALIGN 64			/* a cache line, and a multiple of every entry's size */

struct compiler {
	const struct policy *policy;
	struct diags *diags;
	struct conflicts conflicts;
	struct net_tables nets;
	struct path_tables paths;
	struct rule *rules;
	struct waiver *waivers;
	struct need *needs;
	size_t need_count;
	uint32_t *users, *groups, *enter_execs, *enter_cgroups;	/* the string of each */
	struct intern strings;
};

/* --- rules and strings ---------------------------------------------------------------------- */

/* Stores a string; NULL is "". @ret_offset: where it begins in the table. */
static int string_add(struct compiler *compiler, const char *string, uint32_t *ret_offset)
{
	uint32_t number;
	int err;

	static_assert(INTERN_ALIGN == 8, "the alignment of strings in a ruleset");
	if (!string)
		string = "";
	err = intern_add(&compiler->strings, string, strlen(string) + 1, &number);
	if (!err)
		*ret_offset = compiler->strings.items[number].off;
	return err;
}

/* Stores "mysql.yaml:12". */
static int where_add(struct compiler *compiler, struct diag_where where, uint32_t *ret_offset)
{
	char *text;
	int err;

	if (asprintf(&text, "%s:%u", where.file, where.line) < 0)
		return -ENOMEM;
	err = string_add(compiler, text, ret_offset);
	free(text);
	return err;
}

static int rule_build(struct compiler *compiler, size_t number, struct rule *rule)
{
	const struct policy_rule *source = &compiler->policy->rules[number];
	char *name = rule_name(compiler->policy, number);
	int err;

	if (!name)
		return -ENOMEM;
	rule->verdict = source->verdict;
	rule->implied = source->implied;
	rule->err = (int16_t)-source->err;
	err = string_add(compiler, compiler->policy->services[source->service].name,
			 &rule->service);
	if (!err)
		err = string_add(compiler, source->why, &rule->why);
	if (!err)
		err = string_add(compiler, name, &rule->name);
	if (!err)
		err = where_add(compiler, source->where, &rule->where);
	free(name);
	return err;
}

static int rules_build(struct compiler *compiler)
{
	size_t count = compiler->policy->rule_count, waivers = compiler->policy->waiver_count;
	uint32_t empty;
	int err;

	err = string_add(compiler, "", &empty);		/* the first: offset 0 */
	if (err || !count)
		return err;
	compiler->rules = calloc(count + waivers, sizeof(*compiler->rules));
	if (!compiler->rules)
		return -ENOMEM;
	for (size_t i = 0; i < count && !err; i++)
		err = rule_build(compiler, i, &compiler->rules[i]);
	return err;
}

/* The rule of a waiver stands behind all others. */
static int waiver_rule_build(struct compiler *compiler, const struct policy_waiver *source, struct rule *rule)
{
	const char *service = compiler->policy->services[source->service].name;
	char *name = NULL, *where = NULL;
	int err = -ENOMEM;

	if (asprintf(&name, "waiver %s (%s)", service, source->owner) < 0)
		name = NULL;
	if (asprintf(&where, "%s:%u", source->where.file, source->where.line) < 0)
		where = NULL;
	rule->verdict = VERDICT_AUDIT;
	rule->err = -EPERM;
	if (name && where)
		err = string_add(compiler, service, &rule->service) ?:
			string_add(compiler, source->why, &rule->why) ?:
			string_add(compiler, name, &rule->name) ?:
			string_add(compiler, where, &rule->where);
	free(name);
	free(where);
	return err;
}

static int waivers_build(struct compiler *compiler)
{
	const struct policy *policy = compiler->policy;
	int err = 0;

	compiler->waivers = calloc(policy->waiver_count + 1, sizeof(*compiler->waivers));
	if (!compiler->waivers)
		return -ENOMEM;
	for (size_t i = 0; !err && i < policy->waiver_count; i++) {
		const struct policy_waiver *source = &policy->waivers[i];
		struct waiver *waiver = &compiler->waivers[i];
		size_t number = policy->rule_count + i;

		waiver->until_ns = (uint64_t)source->until * 1000000000;
		waiver->rule = (uint16_t)number;
		waiver->length = (uint16_t)strlen(source->exec);
		err = waiver_rule_build(compiler, source, &compiler->rules[number]) ?:
			string_add(compiler, source->exec, &waiver->exec) ?:
			string_add(compiler, source->owner, &waiver->owner);
		waiver->service = compiler->rules[number].service;
	}
	return err;
}

static int names_build(struct compiler *compiler, const struct policy_launcher *launchers, size_t count,
		       uint32_t **ret_names)
{
	uint32_t *names = calloc(count + 1, sizeof(*names));
	int err = names ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < count; i++)
		err = string_add(compiler, launchers[i].name, &names[i]);
	*ret_names = names;
	return err;
}

/* A directory with all below keeps its slash. */
static int execs_build(struct compiler *compiler)
{
	const struct policy *policy = compiler->policy;
	int err = 0;

	compiler->enter_execs = calloc(policy->enter_exec_count + 1, sizeof(*compiler->enter_execs));
	if (!compiler->enter_execs)
		return -ENOMEM;
	for (size_t i = 0; !err && i < policy->enter_exec_count; i++) {
		const struct policy_path *exec = &policy->enter_execs[i];
		char *text;

		if (asprintf(&text, "%s%s", exec->path, exec->tree ? "/" : "") < 0)
			return -ENOMEM;
		err = string_add(compiler, text, &compiler->enter_execs[i]);
		free(text);
	}
	return err;
}

static int cgroups_build(struct compiler *compiler)
{
	const struct policy *policy = compiler->policy;
	int err = 0;

	compiler->enter_cgroups = calloc(policy->enter_cgroup_count + 1, sizeof(*compiler->enter_cgroups));
	if (!compiler->enter_cgroups)
		return -ENOMEM;
	for (size_t i = 0; !err && i < policy->enter_cgroup_count; i++)
		err = string_add(compiler, policy->enter_cgroups[i].name, &compiler->enter_cgroups[i]);
	return err;
}

static int launchers_build(struct compiler *compiler)
{
	const struct policy *policy = compiler->policy;

	return names_build(compiler, policy->users, policy->user_count, &compiler->users) ?:
		names_build(compiler, policy->groups, policy->group_count, &compiler->groups);
}

static int need_build(struct compiler *compiler, const struct policy_service *service, uint32_t where,
		      size_t number)
{
	struct need *need = &compiler->needs[compiler->need_count++];

	need->where = where;
	return string_add(compiler, service->name, &need->service) ?:
		string_add(compiler, service->needs[number].name, &need->needs);
}

static int needs_build(struct compiler *compiler)
{
	const struct policy *policy = compiler->policy;
	size_t count = 0;
	int err = 0;

	for (size_t i = 0; i < policy->service_count; i++)
		count += policy->services[i].need_count;
	compiler->needs = calloc(count + 1, sizeof(*compiler->needs));
	if (!compiler->needs)
		return -ENOMEM;
	for (size_t i = 0; !err && i < policy->service_count; i++) {
		const struct policy_service *service = &policy->services[i];
		uint32_t where = 0;

		if (service->need_count)
			err = where_add(compiler, service->where, &where);
		for (size_t j = 0; !err && j < service->need_count; j++)
			err = need_build(compiler, service, where, j);
	}
	return err;
}

/* --- the image ------------------------------------------------------------------------------ */

/* A table of the ruleset: which one, and what it holds. */
struct part {
	size_t table;			/* offset of its struct table in the header */
	const void *data;
	size_t count, size;
};

#define PART(name, from, n) \
	{ offsetof(struct ruleset, name), from, n, sizeof(*(from)) }
#define PART_COUNT 21

static void parts_list(const struct compiler *compiler, struct part parts[PART_COUNT])
{
	const struct net_tables *nets = &compiler->nets;
	const struct path_tables *paths = &compiler->paths;
	const struct intern *strings = &compiler->strings;
	const uint32_t *port_starts = (const uint32_t *)nets->ports.lists.bytes;
	const struct part list[PART_COUNT] = {
		PART(v4_index, nets->v4_index, nets->v4_index_count),
		PART(v4_start, nets->v4_start, nets->v4_count),
		PART(v4_map, nets->v4_map, nets->v4_count),
		PART(v6_start, nets->v6_start, nets->v6_count),
		PART(v6_map, nets->v6_map, nets->v6_count),
		PART(port_maps, nets->maps, nets->map_count),
		PART(port_starts, port_starts, nets->ports.lists.size / sizeof(*port_starts)),
		PART(paths[CLASS_FILE], paths->paths[CLASS_FILE], paths->path_count[CLASS_FILE]),
		PART(paths[CLASS_EXEC], paths->paths[CLASS_EXEC], paths->path_count[CLASS_EXEC]),
		PART(paths[CLASS_SOCKET], paths->paths[CLASS_SOCKET],
		     paths->path_count[CLASS_SOCKET]),
		PART(inodes[CLASS_FILE], paths->inodes[CLASS_FILE], paths->inode_count[CLASS_FILE]),
		PART(inodes[CLASS_EXEC], paths->inodes[CLASS_EXEC], paths->inode_count[CLASS_EXEC]),
		PART(inodes[CLASS_SOCKET], paths->inodes[CLASS_SOCKET],
		     paths->inode_count[CLASS_SOCKET]),
		PART(rules, compiler->rules, compiler->policy->rule_count + compiler->policy->waiver_count),
		PART(users, compiler->users, compiler->policy->user_count),
		PART(groups, compiler->groups, compiler->policy->group_count),
		PART(enter_execs, compiler->enter_execs, compiler->policy->enter_exec_count),
		PART(enter_cgroups, compiler->enter_cgroups, compiler->policy->enter_cgroup_count),
		PART(waivers, compiler->waivers, compiler->policy->waiver_count),
		PART(needs, compiler->needs, compiler->need_count),
		PART(strings, strings->bytes, strings->size),
	};

	memcpy(parts, list, sizeof(list));
}

static size_t part_align(size_t offset, size_t align)
{
	return (offset + align - 1) / align * align;
}

static void header_fill(const struct compiler *compiler, uint64_t generation, struct ruleset *head)
{
	const struct policy *policy = compiler->policy;

	head->magic = RULESET_MAGIC;
	head->generation = generation;
	head->version = ABI_VERSION;
	head->mode = (uint8_t)policy->mode;
	head->deny_unrecorded = policy->deny_unrecorded;
	head->record = (uint8_t)policy->record;
	for (int object = 0; object < CLASS_COUNT; object++)
		head->defaults[object] = (uint8_t)policy->defaults[object];
	head->v4_shift = compiler->nets.v4_count ? compiler->nets.v4_shift : 32;
	strcpy(head->tag, policy->tag);		/* policy_fits() has measured it */
	memcpy(head->said, compiler->paths.said, sizeof(head->said));
	memcpy(head->implied, compiler->paths.implied, sizeof(head->implied));
	while (head->rules_said < policy->rule_count && !policy->rules[head->rules_said].implied)
		head->rules_said++;
	head->names_grant = compiler->paths.names_grant || policy->waiver_count;
	head->path_filter = compiler->paths.path_filter;
	head->inode_filter = compiler->paths.inode_filter;
}

static int image_build(const struct compiler *compiler, uint64_t generation,
		       struct ruleset **ret_image)
{
	struct part parts[PART_COUNT];
	size_t size = sizeof(struct ruleset);
	struct ruleset *head;

	static_assert(TABLE_ALIGN % sizeof(struct rule) == 0, "no entry lies across two chunks");
	parts_list(compiler, parts);
	for (size_t i = 0; i < PART_COUNT; i++)
		size = part_align(size, TABLE_ALIGN) + parts[i].count * parts[i].size;
	size = part_align(size, RULESET_CHUNK);
	if (size > RULESET_MAX)
		return -E2BIG;
	head = calloc(1, size);
	if (!head)
		return -ENOMEM;

	header_fill(compiler, generation, head);
	head->size = (uint32_t)size;
	size = sizeof(*head);
	for (size_t i = 0; i < PART_COUNT; i++) {
		struct table *table = (struct table *)((char *)head + parts[i].table);

		if (!parts[i].count)
			continue;
		table->off = (uint32_t)part_align(size, TABLE_ALIGN);
		table->count = (uint32_t)parts[i].count;
		memcpy((char *)head + table->off, parts[i].data, parts[i].count * parts[i].size);
		size = table->off + parts[i].count * parts[i].size;
	}
	*ret_image = head;
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------ */

static void complain(struct compiler *compiler, const char *message)
{
	const char *file = compiler->policy->file;
	struct diag_where where = { .file = diags_file(compiler->diags, file ? file : "?") };

	diags_add(compiler->diags, DIAG_ERROR, where, NULL, 0, NULL, "%s", message);
}

static bool policy_fits(struct compiler *compiler)
{
	if (strlen(compiler->policy->tag) >= TAG_NAME_MAX)
		complain(compiler, "the tag is too long");
	else if (compiler->policy->rule_count + compiler->policy->waiver_count > RULE_COUNT_MAX)
		complain(compiler, "the policy has too many rules");
	else
		return true;
	return false;
}

static int tables_build(struct compiler *compiler, const struct path_resolver *resolver)
{
	const char *too_large = "the rules of this policy make too large a ruleset";
	int err;

	err = rules_build(compiler) ?: waivers_build(compiler) ?: launchers_build(compiler) ?: execs_build(compiler) ?:
		cgroups_build(compiler) ?: needs_build(compiler);
	if (!err) {
		too_large = "the nets of this policy make too large a ruleset";
		err = nets_compile(compiler->policy, &compiler->conflicts, &compiler->nets);
	}
	if (!err) {
		too_large = "the paths of this policy make too large a ruleset";
		err = paths_compile(compiler->policy, resolver, &compiler->conflicts,
				    &compiler->strings, &compiler->paths);
	}
	if (err == -E2BIG)
		complain(compiler, too_large);
	return err;
}

static int compile(struct compiler *compiler, const struct path_resolver *resolver,
		   uint64_t generation, struct ruleset **ret_image)
{
	size_t errors = compiler->diags->errors;
	int err;

	if (!policy_fits(compiler))
		return -E2BIG;
	err = tables_build(compiler, resolver);
	if (err)
		return err;
	if (compiler->diags->errors > errors)
		return -EINVAL;
	if (compiler->diags->out_of_memory)
		return -ENOMEM;
	err = image_build(compiler, generation, ret_image);
	if (err == -E2BIG)
		complain(compiler, "this policy makes too large a ruleset");
	return err;
}

int policy_compile(const struct policy *policy, const struct path_resolver *resolver,
		   uint64_t generation, struct diags *diags, struct ruleset **ret_image)
{
	struct compiler compiler = {
		.policy = policy,
		.diags = diags,
		.conflicts = { .policy = policy, .diags = diags },
	};
	int err;

	err = compile(&compiler, resolver, generation, ret_image);
	net_tables_free(&compiler.nets);
	path_tables_free(&compiler.paths);
	conflicts_free(&compiler.conflicts);
	intern_free(&compiler.strings);
	free(compiler.rules);
	free(compiler.waivers);
	free(compiler.needs);
	free(compiler.users);
	free(compiler.groups);
	free(compiler.enter_execs);
	free(compiler.enter_cgroups);
	return err;
}
