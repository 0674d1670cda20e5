/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "../../policy/compile.h"
#include "../../policy/image.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../runs/late.h"
#include "../runs/run_id.h"
#include "entries.h"

#define CGROUPS "/sys/fs/cgroup"
#define DEPTH_MAX 64			/* of control groups */
#define WALKS_MAX 100			/* over them: one ends where a group goes meanwhile */
#define GATHERED_MAX 64			/* groups, at a time */

/* What a policy lists. */
struct wanted {
	char *name;
	uint32_t slot;
};

struct wanted_list {
	struct wanted *items;
	size_t count;
};

struct entries {
	struct wanted_list execs, groups;
	int filled;			/* the ruleset of the programs, in the kernel; -1: there is none */
};

/* --- gathering ------------------------------------------------------------------------------ */

static int list_add(struct wanted_list *list, const char *name, uint32_t slot)
{
	struct wanted *items = realloc(list->items, (list->count + 1) * sizeof(*items));
	char *copy = strdup(name);

	if (items)
		list->items = items;
	if (!items || !copy) {
		free(copy);
		return -ENOMEM;
	}
	list->items[list->count++] = (struct wanted){ copy, slot };
	return 0;
}

static void list_free(struct wanted_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
}

static uint32_t list_find(const struct wanted_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->items[i].name, name))
			return list->items[i].slot;
	return 0;
}

static int take_table(struct wanted_list *list, const struct ruleset *image, struct table table,
		      uint32_t slot)
{
	const char *name;
	int err = 0;

	for (uint32_t i = 0; !err && (name = image_name(image, table, i)); i++)
		err = list_add(list, name, slot);
	return err;
}

static int take_image(struct entries *entries, const struct ruleset *image, uint32_t slot)
{
	return take_table(&entries->execs, image, image->enter_execs, slot) ?:
		take_table(&entries->groups, image, image->enter_cgroups, slot);
}

/* Large rulesets are not copied for nothing. */
static int take_slot(struct entries *entries, const struct fence *fence, uint32_t slot)
{
	struct ruleset header, *image = NULL;
	int err = fence_get_header(fence, slot, &header);

	if (err || (!header.enter_execs.count && !header.enter_cgroups.count))
		return err;
	err = fence_get_ruleset(fence, slot, &image) ?: take_image(entries, image, slot);
	free(image);
	return err;
}

static const struct ruleset *changed(const struct entries_change *changes, size_t count, uint32_t slot)
{
	for (size_t i = 0; i < count; i++)
		if (changes[i].slot == slot)
			return changes[i].image;
	return NULL;
}

static int take_all(struct entries *entries, const struct fence *fence,
		    const struct entries_change *changes, size_t count)
{
	for (uint32_t slot = 1; slot < POLICY_SLOTS; slot++) {
		const struct ruleset *image = changed(changes, count, slot);
		int err = image ? take_image(entries, image, slot) : take_slot(entries, fence, slot);

		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

/* --- two policies, one entry ---------------------------------------------------------------- */

static void tag_at(const struct fence *fence, const struct entries_change *changes, size_t count,
		   uint32_t slot, char ret_tag[TAG_NAME_MAX])
{
	const struct ruleset *image = changed(changes, count, slot);
	struct ruleset header = { .tag = "?" };

	if (!image)
		fence_get_header(fence, slot, &header);
	snprintf(ret_tag, TAG_NAME_MAX, "%s", image ? image->tag : header.tag);
}

/* Whether two paths lead to the same place now. */
static bool is_same(const char *one, const char *other)
{
	struct stat first, second;

	return !strcmp(one, other) ||
	       (*one == '/' && !stat(one, &first) && !stat(other, &second) &&
		first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

/* Those of another policy that are listed before and are the same. */
static const struct wanted *find_other(const struct wanted_list *list, const struct wanted *item)
{
	for (const struct wanted *each = list->items; each < item; each++)
		if (each->slot != item->slot && is_same(each->name, item->name))
			return each;
	return NULL;
}

static int check_list(const struct wanted_list *list, const struct fence *fence,
		      const struct entries_change *changes, size_t count)
{
	char one[TAG_NAME_MAX], other[TAG_NAME_MAX];
	int err = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct wanted *item = &list->items[i], *first = find_other(list, item);

		if (!first)
			continue;
		tag_at(fence, changes, count, first->slot, one);
		tag_at(fence, changes, count, item->slot, other);
		say("%s begins runs of both tag %s and tag %s: which of them?", item->name, one, other);
		if (strcmp(first->name, item->name))
			say_remedy("%s leads to the same place", first->name);
		err = -EINVAL;
	}
	if (err)
		say_remedy("leave it under `enter` in one of the two policies");
	return err;
}

static int check_lists(const struct entries *entries, const struct fence *fence,
		       const struct entries_change *changes, size_t count, bool rescue)
{
	int execs = check_list(&entries->execs, fence, changes, count);
	int groups = check_list(&entries->groups, fence, changes, count);

	return rescue ? 0 : execs ?: groups;
}

/* --- programs ------------------------------------------------------------------------------- */

/* What the service manager executes before the program of a unit, already in the unit's control group. */
static char executor[] = "/usr/lib/systemd/systemd-executor";

/* A policy of which rule N has the entries of slot N, and rule ENTRY_NONE what is none. */
struct list_of_entries {
	struct policy policy;
	struct policy_service services[POLICY_SLOTS];
	struct policy_rule rules[POLICY_SLOTS];
	struct policy_path none;
	char names[POLICY_SLOTS][TAG_NAME_MAX];
};

static int exec_add(struct policy_service *service, const char *name)
{
	struct policy_path *execs = realloc(service->execs, (service->exec_count + 1) * sizeof(*execs));
	size_t length = strlen(name);
	char *path;

	if (!execs)
		return -ENOMEM;
	service->execs = execs;
	path = strdup(name);
	if (!path)
		return -ENOMEM;
	execs[service->exec_count] = (struct policy_path){
		.where = service->where, .path = path, .tree = name[length - 1] == '/',
	};
	if (execs[service->exec_count++].tree)
		path[length - 1] = 0;
	return 0;
}

static int list_programs(struct list_of_entries *list, const struct wanted_list *execs,
			 struct diags *diags)
{
	static char tag[] = "entries", file[] = "enter";
	int err = 0;

	list->policy = (struct policy){
		.file = file, .tag = tag, .mode = MODE_AUDIT,
		.services = list->services, .service_count = POLICY_SLOTS,
		.rules = list->rules, .rule_count = POLICY_SLOTS,
	};
	for (uint32_t slot = 0; slot < POLICY_SLOTS; slot++) {
		struct diag_where where = { .file = diags_file(diags, file) };

		snprintf(list->names[slot], sizeof(list->names[slot]), "slot-%u", slot);
		list->services[slot] = (struct policy_service){ .where = where, .name = list->names[slot] };
		list->rules[slot] = (struct policy_rule){
			.where = where, .verdict = slot == ENTRY_NONE ? VERDICT_ALLOW : VERDICT_AUDIT,
			.err = EPERM, .access = ACCESS_READ, .service = slot,
		};
	}
	err = exec_add(&list->services[ENTRY_NONE], executor);
	for (size_t i = 0; !err && i < execs->count; i++)
		err = exec_add(&list->services[execs->items[i].slot], execs->items[i].name);
	return err;
}

static void programs_free(struct list_of_entries *list)
{
	for (uint32_t slot = 0; slot < POLICY_SLOTS; slot++) {
		for (size_t i = 0; i < list->services[slot].exec_count; i++)
			free(list->services[slot].execs[i].path);
		free(list->services[slot].execs);
	}
	free(list);
}

/* Compiles the programs of all policies as one ruleset, as every policy is: the same paths mean the same. */
static int compile_programs(const struct wanted_list *execs, struct ruleset **ret_image)
{
	struct list_of_entries *list = calloc(1, sizeof(*list));
	struct diags diags = {};
	int err;

	if (!list)
		return -ENOMEM;
	err = list_programs(list, execs, &diags) ?:
		policy_compile(&list->policy, &path_resolver_system, 1, &diags, ret_image);
	diags_print(&diags, stderr, *verb_style(stderr)->reset);
	diags_free(&diags);
	programs_free(list);
	return err;
}

/* A file of another kind is executed by shells alone, which read it. */
static void warn_of_scripts(const struct wanted_list *execs)
{
	char magic[4] = "";

	for (size_t i = 0; i < execs->count; i++) {
		int fd = open(execs->items[i].name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		ssize_t got = fd < 0 ? -1 : read(fd, magic, sizeof(magic));

		if (fd >= 0)
			close(fd);
		if (got < 0 || !strncmp(magic, "#!", 2) || !memcmp(magic, "\177ELF", 4))
			continue;
		say("warning: %s begins no run: no program, and no script with an interpreter",
		    execs->items[i].name);
		say_remedy("its first line is to be #!/bin/sh or the like");
	}
}

static int fill_programs(struct entries *entries)
{
	struct ruleset *image = NULL;
	int err;

	if (!entries->execs.count && !entries->groups.count)
		return 0;
	warn_of_scripts(&entries->execs);
	err = compile_programs(&entries->execs, &image);
	if (!err) {
		entries->filled = fence_fill_ruleset(image);
		err = entries->filled < 0 ? entries->filled : 0;
	}
	free(image);
	return err;
}

/* --- preparing ------------------------------------------------------------------------------ */

int entries_prepare(struct fence *fence, const struct entries_change *changes, size_t count,
		    bool rescue, struct entries **ret_entries)
{
	struct entries *entries = calloc(1, sizeof(*entries));
	int err;

	if (!entries)
		return -ENOMEM;
	entries->filled = -1;
	err = take_all(entries, fence, changes, count);
	if (!err)
		err = check_lists(entries, fence, changes, count, rescue);
	if (!err && entries->groups.count > ENTER_NAMES_MAX) {
		say("%zu control groups are entered; at most %d can be", entries->groups.count,
		    ENTER_NAMES_MAX);
		err = -E2BIG;
	}
	err = err ?: fill_programs(entries);
	if (err) {
		entries_free(entries);
		return err;
	}
	*ret_entries = entries;
	return 0;
}

void entries_free(struct entries *entries)
{
	if (!entries)
		return;
	list_free(&entries->execs);
	list_free(&entries->groups);
	if (entries->filled >= 0)
		close(entries->filled);
	free(entries);
}

/* --- control groups that are there ---------------------------------------------------------- */

/* nftw(3) has no argument for its caller. */
static struct {
	struct fence *fence;
	const struct entries *entries;
	bool dropping;			/* what is entered no more goes before more comes: there is no endless room */
	struct entry above[DEPTH_MAX];	/* of the groups on the way down */
	int err;
} walk;

/* "deploy@main.service" -> "deploy@.service". False: it is no instance. */
static bool name_template(const char *unit, char ret_name[ENTER_NAME_MAX])
{
	const char *at = strchr(unit, '@'), *kind = strrchr(unit, '.');

	if (!at || !kind || kind < at)
		return false;
	snprintf(ret_name, ENTER_NAME_MAX, "%.*s%s", (int)(at + 1 - unit), unit, kind);
	return true;
}

/* Whether a group is below what is no slice. */
static bool is_nested(const char *path)
{
	static const char slice[] = ".slice";
	const size_t size = sizeof(slice) - 1;

	for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/'))
		if ((size_t)(end - path) < size || strncmp(end - size, slice, size))
			return true;
	return false;
}

/* As enter.bpf.c finds it for those that are made later. */
static uint32_t slot_of_group(const struct wanted_list *groups, const char *path)
{
	const char *unit = strrchr(path, '/') + 1;
	char template[ENTER_NAME_MAX];
	uint32_t slot = list_find(groups, path);

	if (slot || is_nested(path))
		return slot;
	slot = list_find(groups, unit);
	return slot || !name_template(unit, template) ? slot : list_find(groups, template);
}

/* One that the kernel has noted already goes on with its run. */
static int put_group(const char *path, uint64_t group, struct entry *entry)
{
	struct entry before;
	bool known = !fence_get_enter_group(walk.fence, group, &before);
	int err;

	if (walk.dropping != !entry->policy)
		return 0;
	if (walk.dropping) {
		if (known)
			fence_drop_enter_group(walk.fence, group);
		return 0;
	}
	if (known && before.policy == entry->policy) {
		*entry = before;
		return 0;
	}
	err = fence_put_enter_group(walk.fence, group, entry, false);
	if (!err && access(path, F_OK))		/* it has gone meanwhile, and nobody would take it out */
		fence_drop_enter_group(walk.fence, group);
	return err;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + strlen(CGROUPS);
	struct entry entry = {};
	uint32_t slot;

	if (type != FTW_D || ftw->level >= DEPTH_MAX)
		return 0;
	slot = *name ? slot_of_group(&walk.entries->groups, name) : 0;
	if (slot)
		entry = (struct entry){ .run = run_id_new(), .policy = slot, .stragglers = 1 };
	else if (ftw->level)
		entry = walk.above[ftw->level - 1];
	if (entry.policy)
		entry.stragglers = 1;
	walk.err = put_group(path, st->st_ino, &entry);
	walk.above[ftw->level] = entry;
	return walk.err;
}

/* Groups come and go meanwhile. */
static int walk_groups(bool dropping)
{
	walk.dropping = dropping;
	for (int i = 0; i < WALKS_MAX; i++) {
		walk.err = 0;
		if (!nftw(CGROUPS, visit, 16, FTW_PHYS | FTW_MOUNT))
			return 0;
		if (walk.err || errno != ENOENT)
			break;
	}
	return walk.err ?: -errno;
}

/* Where the hierarchy of cgroup v2 is not mounted there, nobody can be found in it. */
static int put_groups(struct fence *fence, const struct entries *entries)
{
	struct statfs fs;

	if (statfs(CGROUPS, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC) {
		if (entries->groups.count)
			say("warning: cgroup v2 is not mounted at " CGROUPS ": only control groups made from now on are entered");
		return 0;
	}
	walk.fence = fence;
	walk.entries = entries;
	return walk_groups(true) ?: walk_groups(false);
}

/* --- putting them in force ------------------------------------------------------------------ */

/* The new ones are there before the old ones go. */
static int put_names(struct fence *fence, const struct wanted_list *groups)
{
	struct enter_name name, gone[ENTER_NAMES_MAX / 8], *last = NULL;
	size_t count;
	int err = 0;

	for (size_t i = 0; !err && i < groups->count; i++)
		err = fence_put_enter_name(fence, groups->items[i].name, groups->items[i].slot);
	do {
		count = 0;
		last = NULL;
		while (!err && count < sizeof(gone) / sizeof(*gone) &&
		       !fence_next_enter_name(fence, last, &name)) {
			if (!list_find(groups, name.text))
				gone[count++] = name;
			last = &name;
		}
		for (size_t i = 0; !err && i < count; i++)
			err = fence_put_enter_name(fence, gone[i].text, 0);
	} while (!err && count == sizeof(gone) / sizeof(*gone));
	return err;
}

static int put_programs(struct fence *fence, const struct entries *entries)
{
	int err;

	if (entries->filled >= 0)
		return fence_switch_ruleset(fence, ENTRY_SLOT, entries->filled);
	err = fence_drop_ruleset(fence, ENTRY_SLOT);
	return err == -ENOENT ? 0 : err;
}

int entries_put(struct fence *fence, const struct entries *entries)
{
	int err = put_programs(fence, entries) ?: put_names(fence, &entries->groups) ?:
		put_groups(fence, entries);

	if (err)
		say_errno(err, "cannot put in force what begins runs (`enter`)");
	return err;
}

/* --- who came in otherwise ------------------------------------------------------------------ */

static void tell_ring(const struct late_ring *ring)
{
	say("process %u came into a control group that is entered, and holds an io_uring: what its maker does on its behalf is not fenced",
	    ring->pid);
	say_remedy("start it within the control group");
}

/* The note is taken away first: what comes in from now on is noted again. */
static void gather(struct fence *fence, uint64_t group)
{
	static int told;		/* the failure that was told last */
	struct late_result result = {};
	struct entry entry;
	struct tag tag;
	int err = fence_get_enter_group(fence, group, &entry);

	if (err)
		return;			/* it has gone */
	tag = (struct tag){ .run = entry.run, .policy = entry.policy };
	entry.stragglers = 0;
	if (fence_put_enter_group(fence, group, &entry, true))
		return;
	err = late_gather(fence, &tag, &result);
	if (err && err != told)
		say_errno(err, "cannot tag who is in control group %llu; trying again", (unsigned long long)group);
	told = err;
	if (!err && result.refusal == LATE_RING) {
		tell_ring(&result.ring);
	} else if (err || result.refusal) {
		entry.stragglers = 1;
		fence_put_enter_group(fence, group, &entry, true);
	}
}

struct gathered {
	uint64_t groups[GATHERED_MAX];
	size_t count;
};

static int take_group(void *ctx, uint64_t group, const struct entry *entry)
{
	struct gathered *gathered = ctx;

	if (entry->stragglers)
		gathered->groups[gathered->count++] = group;
	return gathered->count == GATHERED_MAX;
}

void entries_gather(struct fence *fence)
{
	struct gathered gathered = {};

	fence_enter_groups(fence, take_group, &gathered);
	for (size_t i = 0; i < gathered.count; i++)
		gather(fence, gathered.groups[i]);
}
