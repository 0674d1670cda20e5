/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths -> known paths, one for each name -> their identities -> hash tables and filters.
 */
#include "paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lsm/decide.h"
#include "slots.h"

/* A path of the policy, with what all rules together say about it. */
struct known_path {
	const struct policy_path *source[ACCESS_KINDS];	/* where rule[] comes from, or NULL */
	uint16_t rule[ACCESS_KINDS];
	uint16_t kind;			/* PATH_EXACT or PATH_TREE */
	uint16_t length;
	uint32_t string;		/* number in strings */
	bool implied;
	uint32_t slot;			/* its place in the table */
	uint64_t hash;
	enum object_class object;
};

/* Something that exists, and a path that leads to it. */
struct known_inode {
	uint64_t ino;
	uint32_t dev;
	uint32_t path;			/* index of the known path */
	uint64_t hash;
};

struct path_compiler {
	const struct policy *policy;
	const struct path_resolver *resolver;
	struct conflicts *conflicts;
	struct intern *strings;
	struct intern keys;		/* { class, kind, number of the string } -> path */
	struct known_path *paths;
	size_t path_count, path_space;
	struct known_inode *inodes;
	size_t inode_count, inode_space;
};

static const char *const access_names[ACCESS_KINDS] = { "reading", "writing" };

static const char *object_verb(enum object_class object, int access)
{
	return object == CLASS_EXEC ? "executing" :
	       object == CLASS_SOCKET ? "talking to" : access_names[access];
}

static const struct policy_path *known_source(const struct known_path *path)
{
	return path->source[0] ? path->source[0] : path->source[1];
}

/* As its author wrote it: "/" ends a directory with all below. */
static const char *known_slash(const struct known_path *path)
{
	return path->kind == PATH_TREE ? "/" : "";
}

/* --- by name -------------------------------------------------------------------------------- */

static uint64_t path_hash(enum object_class object, const char *path, uint32_t kind)
{
	uint64_t hash = path_hash_begin(object);

	for (; *path; path++)
		hash = path_hash_step(hash, *path);
	return path_hash_end(hash, kind);
}

/* Makes room for one more entry of @size bytes. */
static int reserve(void **array, size_t used, size_t *space, size_t size)
{
	size_t want = *space ? 2 * *space : 64;
	void *grown;

	if (used < *space)
		return 0;
	grown = realloc(*array, want * size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*space = want;
	return 0;
}

/* Finds the entry of a path, or makes one that no rule speaks of yet. */
static int known_path(struct path_compiler *compiler, enum object_class object,
		      const struct policy_path *path, struct known_path **ret_known)
{
	size_t length = strlen(path->path);
	uint32_t key[3] = { object, path->tree ? PATH_TREE : PATH_EXACT }, number;
	int err;

	if (length >= PATH_LENGTH_MAX)
		return -E2BIG;
	err = intern_add(compiler->strings, path->path, length + 1, &key[2]);
	if (!err)
		err = intern_add(&compiler->keys, key, sizeof(key), &number);
	if (!err)
		err = reserve((void **)&compiler->paths, compiler->path_count,
			      &compiler->path_space, sizeof(*compiler->paths));
	if (err)
		return err;
	if (number == compiler->path_count)
		compiler->paths[compiler->path_count++] = (struct known_path) {
			.rule = { RULE_DEFAULT, RULE_DEFAULT },
			.kind = (uint16_t)key[1],
			.length = (uint16_t)length,
			.string = key[2],
			.hash = path_hash(object, path->path, key[1]),
			.object = object,
		};
	*ret_known = &compiler->paths[number];
	return 0;
}

/* What is implied would let pass what a default denies: there it does not hold. */
static bool rule_holds(const struct path_compiler *compiler, enum object_class object, size_t rule)
{
	return !compiler->policy->rules[rule].implied ||
	       compiler->policy->defaults[object] == VERDICT_ALLOW;
}

/* Rule @rule speaks of @path: of the kinds of access in @access. The rule listed first holds, and
 * what is implied, which is listed last, only where nothing is said of the path. */
static int path_claim(struct path_compiler *compiler, enum object_class object,
		      const struct policy_path *path, size_t rule, uint8_t access)
{
	bool implied = compiler->policy->rules[rule].implied;
	struct known_path *known;
	int err;

	if (!access || !rule_holds(compiler, object, rule))
		return 0;
	err = known_path(compiler, object, path, &known);
	if (!err && implied && !known->implied && known_source(known))
		return 0;
	if (!err)
		known->implied = implied;
	for (int kind = 0; kind < ACCESS_KINDS && !err; kind++) {
		if (!(access & 1 << kind))
			continue;
		if (known->rule[kind] == RULE_DEFAULT) {
			known->rule[kind] = (uint16_t)rule;
			known->source[kind] = path;
		} else if (rules_disagree(compiler->policy, known->rule[kind], rule)) {
			err = conflict_add(compiler->conflicts, known->rule[kind], rule,
					   path->where, "%s %s%s", object_verb(object, kind),
					   path->path, known_slash(known));
		}
	}
	return err;
}

static int paths_collect(struct path_compiler *compiler)
{
	const struct policy *policy = compiler->policy;
	int err = 0;

	static_assert(ACCESS_READ == 1 << 0 && ACCESS_WRITE == 1 << 1, "rule[] follows ACCESS_*");
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct policy_rule *rule = &policy->rules[i];
		const struct policy_service *service = &policy->services[rule->service];

		for (size_t j = 0; j < service->file_count && !err; j++)
			err = path_claim(compiler, CLASS_FILE, &service->files[j], i, rule->access);
		for (size_t j = 0; j < service->exec_count && !err; j++)
			err = path_claim(compiler, CLASS_EXEC, &service->execs[j], i,
					 rule->access & ACCESS_READ);
		for (size_t j = 0; j < service->socket_count && !err; j++)
			err = path_claim(compiler, CLASS_SOCKET, &service->sockets[j], i,
					 rule->access & ACCESS_READ);
	}
	return err;
}

/* --- by identity ---------------------------------------------------------------------------- */

static int inode_add(struct path_compiler *compiler, uint32_t path,
		     const struct path_identity *identity)
{
	const struct known_path *known = &compiler->paths[path];
	int err = reserve((void **)&compiler->inodes, compiler->inode_count,
			  &compiler->inode_space, sizeof(*compiler->inodes));

	if (err)
		return err;
	compiler->inodes[compiler->inode_count++] = (struct known_inode) {
		.ino = identity->ino,
		.dev = identity->dev,
		.path = path,
		.hash = inode_hash(known->object, identity->ino, identity->dev),
	};
	return 0;
}

/* Asks what stands at a known path now. */
static int path_resolve(struct path_compiler *compiler, uint32_t index)
{
	const struct known_path *known = &compiler->paths[index];
	const struct policy_path *source = known_source(known);
	const char *name = *source->path ? source->path : "/";
	struct path_identity *list = NULL;
	size_t count = 0;
	int err;

	if (*name == '@')
		return 0;
	err = compiler->resolver->find(compiler->resolver->ctx, name, source->tree, &list, &count);
	if (err) {
		diags_add(compiler->conflicts->diags, DIAG_ERROR, source->where, NULL, 0, NULL,
			  "cannot tell what stands at %s: %s", name, strerror(-err));
		return err;
	}
	if (count && list[0].directory && known->kind == PATH_EXACT && !known->implied) {
		char *hint = NULL;

		if (asprintf(&hint, "write %s/ for the directory and all below", name) < 0)
			hint = NULL;
		diags_add(compiler->conflicts->diags, DIAG_WARNING, source->where, NULL, 0, hint,
			  "%s is a directory: this names the directory alone, not what is in it",
			  name);
		free(hint);
	}
	for (size_t i = 0; i < count && !err; i++)
		if (list[i].ino)
			err = inode_add(compiler, index, &list[i]);
	free(list);
	return err;
}

/* Paths to one thing stand together, the longest first. */
static int inode_compare(const void *a, const void *b, void *ctx)
{
	const struct known_inode *one = a, *other = b;
	const struct known_path *paths = ctx;
	const struct known_path *path = &paths[one->path], *other_path = &paths[other->path];

	if (path->object != other_path->object)
		return path->object < other_path->object ? -1 : 1;
	if (one->dev != other->dev)
		return one->dev < other->dev ? -1 : 1;
	if (one->ino != other->ino)
		return one->ino < other->ino ? -1 : 1;
	if (path->kind != other_path->kind)
		return path->kind < other_path->kind ? -1 : 1;
	if (path->implied != other_path->implied)
		return path->implied ? 1 : -1;
	if (path->length != other_path->length)
		return path->length > other_path->length ? -1 : 1;
	return (one->path > other->path) - (one->path < other->path);
}

static bool inode_same(const struct path_compiler *compiler, const struct known_inode *a,
		       const struct known_inode *b)
{
	const struct known_path *one = &compiler->paths[a->path];
	const struct known_path *other = &compiler->paths[b->path];

	return a->ino == b->ino && a->dev == b->dev && one->object == other->object &&
	       one->kind == other->kind;
}

static int inode_conflict(struct path_compiler *compiler, const struct known_path *one,
			  const struct known_path *other, int access)
{
	const struct policy_path *first = one->source[access], *second = other->source[access];

	if (one->rule[access] > other->rule[access]) {
		first = other->source[access];
		second = one->source[access];
	}
	return conflict_add(compiler->conflicts, one->rule[access], other->rule[access],
			    second->where, "%s %s%s and %s%s, which lead to the same place",
			    object_verb(one->object, access), first->path, known_slash(one),
			    second->path, known_slash(one));
}

/* Of all paths of one kind that lead to one thing, the longest that has a rule for an access
 * holds for it. Moves those that hold for any to @kept; the others would never be asked. */
static int inode_settle(struct path_compiler *compiler, const struct known_inode *group,
			size_t count, struct known_inode *kept, size_t *kept_count)
{
	const struct known_inode *best[ACCESS_KINDS] = { NULL };
	int err = 0;

	for (size_t i = 0; i < count; i++) {
		const struct known_path *path = &compiler->paths[group[i].path];
		bool keep = false;

		for (int access = 0; access < ACCESS_KINDS && !err; access++) {
			const struct known_path *held;

			if (path->rule[access] == RULE_DEFAULT)
				continue;
			if (!best[access]) {
				best[access] = &group[i];
				keep = true;
				continue;
			}
			held = &compiler->paths[best[access]->path];
			if (held != path && held->implied == path->implied &&
			    held->length == path->length &&
			    rules_disagree(compiler->policy, held->rule[access],
					   path->rule[access]))
				err = inode_conflict(compiler, held, path, access);
		}
		if (keep)
			kept[(*kept_count)++] = group[i];
	}
	return err;
}

static int inodes_settle(struct path_compiler *compiler)
{
	struct known_inode *kept;
	size_t kept_count = 0, group;
	int err = 0;

	if (!compiler->inode_count)
		return 0;
	qsort_r(compiler->inodes, compiler->inode_count, sizeof(*compiler->inodes), inode_compare,
		compiler->paths);
	kept = malloc(compiler->inode_count * sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < compiler->inode_count && !err; i += group) {
		const struct known_inode *first = &compiler->inodes[i];

		for (group = 1; i + group < compiler->inode_count; group++)
			if (!inode_same(compiler, first, first + group))
				break;
		err = inode_settle(compiler, first, group, kept, &kept_count);
	}
	free(compiler->inodes);
	compiler->inodes = kept;
	compiler->inode_count = kept_count;
	return err;
}

static int paths_resolve(struct path_compiler *compiler)
{
	int err = 0;

	if (!compiler->resolver)
		return 0;
	for (size_t i = 0; i < compiler->path_count && !err; i++)
		err = path_resolve(compiler, (uint32_t)i);
	return err ? err : inodes_settle(compiler);
}

/* --- tables --------------------------------------------------------------------------------- */

static void filter_add(struct filter *filter, uint64_t hash)
{
	filter->word[FILTER_WORD(hash)] |= FILTER_BIT(hash);
}

static struct path_entry path_entry(const struct path_compiler *compiler,
				    const struct known_path *known)
{
	return (struct path_entry) {
		.hash = known->hash,
		.string = compiler->strings->items[known->string].off,
		.length = known->length,
		.kind = known->kind | (known->implied ? PATH_IMPLIED : 0),
		.rule = { known->rule[0], known->rule[1] },
	};
}

static int path_table_build(struct path_compiler *compiler, enum object_class object,
			    struct path_tables *tables)
{
	struct slots slots = { 0 };
	struct path_entry *table = NULL;
	int err = 0;

	for (size_t i = 0; i < compiler->path_count && !err; i++)
		if (compiler->paths[i].object == object)
			err = slots_add(&slots, compiler->paths[i].hash, (uint32_t)i);
	if (!err)
		err = slots_place(&slots);
	if (!err && slots.slot_count) {
		table = calloc(slots.slot_count, sizeof(*table));
		err = table ? 0 : -ENOMEM;
	}
	for (size_t slot = 0; slot < slots.slot_count && !err; slot++) {
		struct known_path *known;

		if (slots.slot[slot] == SLOT_FREE)
			continue;
		known = &compiler->paths[slots.slot[slot]];
		known->slot = (uint32_t)slot;
		table[slot] = path_entry(compiler, known);
		filter_add(&tables->path_filter, known->hash);
	}
	tables->paths[object] = table;
	tables->path_count[object] = table ? slots.slot_count : 0;
	slots_free(&slots);
	return err;
}

/* After path_table_build(), which says where the paths stand. */
static int inode_table_build(const struct path_compiler *compiler, enum object_class object,
			     struct path_tables *tables)
{
	struct slots slots = { 0 };
	struct inode_entry *table = NULL;
	int err = 0;

	for (size_t i = 0; i < compiler->inode_count && !err; i++)
		if (compiler->paths[compiler->inodes[i].path].object == object)
			err = slots_add(&slots, compiler->inodes[i].hash, (uint32_t)i);
	if (!err)
		err = slots_place(&slots);
	if (!err && slots.slot_count) {
		table = calloc(slots.slot_count, sizeof(*table));
		err = table ? 0 : -ENOMEM;
	}
	for (size_t slot = 0; slot < slots.slot_count && !err; slot++) {
		const struct known_inode *inode;

		if (slots.slot[slot] == SLOT_FREE)
			continue;
		inode = &compiler->inodes[slots.slot[slot]];
		table[slot] = (struct inode_entry) {
			.ino = inode->ino,
			.dev = inode->dev,
			.path = compiler->paths[inode->path].slot,
		};
		filter_add(&tables->inode_filter, inode->hash);
	}
	tables->inodes[object] = table;
	tables->inode_count[object] = table ? slots.slot_count : 0;
	slots_free(&slots);
	return err;
}

/* An implied rule that allows changes nothing: it says what not to record, and is no reason to look at a
 * path. */
static bool is_silent(const struct policy *policy, uint16_t rule)
{
	return policy->rules[rule].implied && policy->rules[rule].verdict == VERDICT_ALLOW;
}

/* Of which accesses to each class rules speak, and whether a name permits what is denied. */
static void paths_sum_up(const struct path_compiler *compiler, struct path_tables *tables)
{
	const struct policy *policy = compiler->policy;
	bool denies[CLASS_COUNT], permits[CLASS_COUNT] = { false };

	for (int object = 0; object < CLASS_COUNT; object++)
		denies[object] = policy->defaults[object] == VERDICT_DENY;
	for (size_t i = 0; i < compiler->path_count; i++) {
		const struct known_path *path = &compiler->paths[i];
		uint8_t *spoken = path->implied ? tables->implied : tables->said;

		for (int access = 0; access < ACCESS_KINDS; access++) {
			if (path->rule[access] == RULE_DEFAULT || is_silent(policy, path->rule[access]))
				continue;
			spoken[path->object] |= 1 << access;
			if (policy->rules[path->rule[access]].verdict == VERDICT_DENY)
				denies[path->object] = true;
			else if (!path->implied)
				permits[path->object] = true;
		}
	}
	for (int object = 0; object < CLASS_COUNT; object++)
		tables->names_grant |= denies[object] && permits[object];
}

int paths_compile(const struct policy *policy, const struct path_resolver *resolver,
		  struct conflicts *conflicts, struct intern *strings, struct path_tables *tables)
{
	static const enum object_class objects[] = { CLASS_FILE, CLASS_EXEC, CLASS_SOCKET };
	struct path_compiler compiler = {
		.policy = policy,
		.resolver = resolver,
		.conflicts = conflicts,
		.strings = strings,
	};
	int err;

	err = paths_collect(&compiler);
	if (!err)
		err = paths_resolve(&compiler);
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects) && !err; i++) {
		err = path_table_build(&compiler, objects[i], tables);
		if (!err)
			err = inode_table_build(&compiler, objects[i], tables);
	}
	paths_sum_up(&compiler, tables);
	intern_free(&compiler.keys);
	free(compiler.paths);
	free(compiler.inodes);
	return err;
}

void path_tables_free(struct path_tables *tables)
{
	for (int object = 0; object < CLASS_COUNT; object++) {
		free(tables->paths[object]);
		free(tables->inodes[object]);
	}
	*tables = (struct path_tables) { 0 };
}
