/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * May this file be opened, this program be executed, this unix socket be talked to? The longest path
 * of the policy wins, known by name or by identity.
 *
 * State that the body of a loop changes lives in struct path_object, never on the stack: in the
 * kernel that is a map value, whose contents the verifier takes for unknown. Kernels before 6.7
 * look at the body of bpf_loop() once and would take what they saw there for the only thing that
 * can happen.
 */
#pragma once

#include "ruleset.h"

/* Who a file is, whatever it is called. */
struct inode_id {
	__u64 ino;
	__u32 dev;
	__u32 unused;
};

/* What a name is good for. */
enum path_name {
	NAME_OWN,			/* it is one of the task's own mount name space */
	NAME_FOREIGN,			/* of another: it may forbid, but not permit */
	NAME_PARTIAL,			/* only within its file system: to be shown, not to decide by */
};

/* A file, program or socket being judged. The caller fills in path, length, chain, depth and
 * name, says what is asked with path_ask(), and asks decide_path(), which works on the rest. */
struct path_object {
	char path[PATH_LENGTH_MAX];	/* absolute, or "@" and an abstract name; ends with 0 */
	struct inode_id chain[DENTRY_DEPTH_MAX]; /* its identity, and those of its ancestors */
	__u32 length;			/* of the path, without the 0 */
	__u32 depth;			/* of the chain */
	__u8 name;			/* enum path_name */
	__u8 object;			/* CLASS_FILE, CLASS_EXEC or CLASS_SOCKET */
	__u8 access;			/* ACCESS_* */
	__u8 differs;			/* path_compare_step() found a difference */
	/* The best match so far, by kind of access: */
	__u32 rank[ACCESS_KINDS];	/* of the best match: 0 none, else longer is higher */
	__u32 entry[ACCESS_KINDS];	/* its index in paths */
	__u16 rule[ACCESS_KINDS];
	__u16 own_rule[ACCESS_KINDS];	/* of the best match by identity alone */
	__u8 by_name[ACCESS_KINDS];	/* known by its hash alone: to be compared */
	__u8 settled;			/* there is an outcome, */
	__u8 unused;
	struct decision outcome;	/* which is the strictest candidate so far, */
	struct decision candidate;	/* and the one at hand */
	__u64 hash;			/* of path[0 … ] as far as the scan came */
};

/* FNV-1a, 64 bits (Fowler, Noll, Vo), begun apart for each class, closed with the kind. It need not
 * withstand an adversary: a match by hash is compared before it counts. */
#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL
#define HASH_MIX  0x9e3779b97f4a7c15ULL	/* 2^64 / golden ratio */

DECIDE __u64 path_hash_begin(__u32 object)
{
	return (FNV_BASIS ^ object) * FNV_PRIME;
}

DECIDE __u64 path_hash_step(__u64 hash, char c)
{
	return (hash ^ (__u8)c) * FNV_PRIME;
}

/* Never 0, which marks a free slot. */
DECIDE __u64 path_hash_end(__u64 hash, __u32 kind)
{
	hash = (hash ^ kind) * HASH_MIX;
	return (hash ^ hash >> 32) | 1;
}

DECIDE __u64 inode_hash(__u32 object, __u64 ino, __u32 dev)
{
	__u64 hash = (ino ^ (__u64)dev << 32 ^ object) * HASH_MIX;

	return hash ^ hash >> 32;
}

/* The filter's bit comes from the upper half of a hash, the slot in a table from the lower. */
#define FILTER_WORD(hash) ((hash) >> 54 & (FILTER_WORDS - 1))
#define FILTER_BIT(hash) (1ULL << ((hash) >> 48 & 63))
#define HASH_SLOT(hash, count) ((__u32)((hash) >> 1) & ((count) - 1))

DECIDE void path_ask(struct path_object *path, enum object_class object, __u8 access)
{
	path->object = object;
	path->access = access;
	path->differs = 0;
	path->settled = 0;
	for (int kind = 0; kind < ACCESS_KINDS; kind++) {
		path->rank[kind] = 0;
		path->rule[kind] = RULE_DEFAULT;
		path->by_name[kind] = 0;
	}
}

/* The tables of a class. The class is a constant to the verifier this way. */
DECIDE struct table path_table(const struct rules *rules, enum object_class object)
{
	return object == CLASS_EXEC ? rules->head->paths[CLASS_EXEC] :
	       object == CLASS_SOCKET ? rules->head->paths[CLASS_SOCKET] :
					rules->head->paths[CLASS_FILE];
}

DECIDE struct table inode_table(const struct rules *rules, enum object_class object)
{
	return object == CLASS_EXEC ? rules->head->inodes[CLASS_EXEC] :
	       object == CLASS_SOCKET ? rules->head->inodes[CLASS_SOCKET] :
					rules->head->inodes[CLASS_FILE];
}

/* Above every rank that an implied entry has. */
#define PATH_RANK_SAID (1 << 14)
_Static_assert(PATH_RANK_SAID > 2 * PATH_LENGTH_MAX + 2, "what a policy says goes before");

/* Takes a matching entry into account, for each kind of access it has a rule for. */
DECIDE void path_offer(struct path_object *path, const struct path_entry *entry, __u32 index,
		       bool by_name)
{
	__u32 rank = 1 + 2 * (__u32)entry->length + (entry->kind & PATH_EXACT ? 1 : 0);

	if (!(entry->kind & PATH_IMPLIED))
		rank += PATH_RANK_SAID;
	for (int kind = 0; kind < ACCESS_KINDS; kind++) {
		if (entry->rule[kind] == RULE_DEFAULT || rank <= path->rank[kind])
			continue;
		path->rank[kind] = rank;
		path->entry[kind] = index;
		path->rule[kind] = entry->rule[kind];
		path->by_name[kind] = by_name;
	}
}

/* A walk over a path_object, and what is looked for in a table on the way. */
struct path_walk {
	const struct rules *rules;
	struct path_object *path;
	struct table table;
	__u64 hash;
	struct inode_id inode;		/* path_inode_step() */
	__u32 kinds;
	__u32 string;			/* path_compare_step(): offset of the other string, */
	__u32 length;			/* and how much of it to compare */
};

static long path_inode_step(__u32 i, void *ctx)
{
	struct path_walk *walk = ctx;
	__u32 slot = (HASH_SLOT(walk->hash, walk->table.count) + i) & (walk->table.count - 1);
	const struct inode_entry *inode =
		image_entry(walk->rules, walk->table, slot, struct inode_entry);
	const struct path_entry *entry;
	__u32 index;

	if (!inode || !inode->ino)
		return 1;
	if (inode->ino != walk->inode.ino || inode->dev != walk->inode.dev)
		return 0;
	index = inode->path;
	entry = image_entry(walk->rules, path_table(walk->rules, walk->path->object), index,
			    struct path_entry);
	if (entry && entry->kind & walk->kinds)
		path_offer(walk->path, entry, index, false);
	return 0;
}

/* Offers the identity at place @i of the chain: its own as either kind, an ancestor's as a tree. */
static long path_chain_step(__u32 i, void *ctx)
{
	struct path_walk *walk = ctx;
	struct path_walk probe = {
		.rules = walk->rules,
		.path = walk->path,
		.table = walk->table,
		.inode = walk->path->chain[i & (DENTRY_DEPTH_MAX - 1)],
		.kinds = i ? PATH_TREE : PATH_EXACT | PATH_TREE,
	};
	const struct filter *filter = &walk->rules->head->inode_filter;

	probe.hash = inode_hash(walk->path->object, probe.inode.ino, probe.inode.dev);
	if (filter->word[FILTER_WORD(probe.hash)] & FILTER_BIT(probe.hash))
		decide_loop(HASH_PROBES, path_inode_step, &probe);
	return 0;
}

static long path_name_step(__u32 i, void *ctx)
{
	struct path_walk *walk = ctx;
	__u32 slot = (HASH_SLOT(walk->hash, walk->table.count) + i) & (walk->table.count - 1);
	const struct path_entry *entry =
		image_entry(walk->rules, walk->table, slot, struct path_entry);

	if (!entry || !entry->hash)
		return 1;
	if (entry->hash == walk->hash)
		path_offer(walk->path, entry, slot, true);
	return 0;
}

/* Hashes the path byte by byte, and offers what comes before each slash as a tree; at its end, all
 * of it, as an exact path and, one step later, as a tree. */
static long path_scan_step(__u32 i, void *ctx)
{
	struct path_walk *walk = ctx;
	struct path_object *path = walk->path;
	char c = i < path->length ? path->path[i & (PATH_LENGTH_MAX - 1)] : '/';

	if (c == '/') {
		struct path_walk probe = {
			.rules = walk->rules,
			.path = path,
			.table = walk->table,
			.hash = path_hash_end(path->hash, i == path->length ? PATH_EXACT :
									      PATH_TREE),
		};
		const struct filter *filter = &walk->rules->head->path_filter;

		if (filter->word[FILTER_WORD(probe.hash)] & FILTER_BIT(probe.hash))
			decide_loop(HASH_PROBES, path_name_step, &probe);
	}
	if (i < path->length)
		path->hash = path_hash_step(path->hash, c);
	return i > path->length;
}

/* Eight bytes at a time; those past the end of the shorter string are masked away. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the mask takes the lowest bytes");

static long path_compare_step(__u32 i, void *ctx)
{
	struct path_walk *walk = ctx;
	const __u64 *want = image_at(walk->rules, walk->string + i * 8, 8);
	__u64 have, mask = ~0ULL;
	__u32 left = walk->length - i * 8;

	if (!want) {
		walk->path->differs = 1;
		return 1;
	}
	__builtin_memcpy(&have, &walk->path->path[i * 8 & (PATH_LENGTH_MAX - 8)], 8);
	if (left < 8)
		mask >>= 64 - 8 * left;
	if (!((*want ^ have) & mask))
		return 0;
	walk->path->differs = 1;
	return 1;
}

/* Whether the entry ends where a match of its kind has to: at the path's end, or at a slash. */
DECIDE bool path_ends(const struct path_object *path, const struct path_entry *entry)
{
	char next = path->path[entry->length & (PATH_LENGTH_MAX - 1)];

	if (entry->kind & PATH_EXACT || path->length <= entry->length)
		return path->length == entry->length;
	return next == '/';
}

/* Compares the entry that a hash found with the path: sets `differs` when they differ after all. */
DECIDE void path_compare(struct path_walk *walk, __u32 index)
{
	struct path_object *path = walk->path;
	const struct path_entry *entry =
		image_entry(walk->rules, path_table(walk->rules, path->object), index,
			    struct path_entry);

	path->differs = 1;
	if (!entry || !path_ends(path, entry))
		return;
	path->differs = 0;
	walk->string = walk->rules->head->strings.off + entry->string;
	walk->length = entry->length;
	decide_loop((entry->length + 7) / 8, path_compare_step, walk);
}

/* Each kind of access has two candidates: the best match; and where that is by a foreign name, the
 * best by identity alone, since such a name may forbid, but not permit. */
#define PATH_CANDIDATES (2 * ACCESS_KINDS)

/* Which of two decisions holds: the stricter one; of two that are as strict, the one that a rule of the
 * policy's own stands behind, since what no rule matches may not be meant, or not be recorded. */
DECIDE __u32 decision_weight(const struct rules *rules, const struct decision *decision)
{
	__u32 weight = 4 * decision->verdict;

	if (decision->rule < rules->head->rules_said)
		return weight + 2;
	return decision->rule == RULE_DEFAULT ? weight + 1 : weight;
}

/* Of the candidates the weightiest holds. */
static long path_settle_step(__u32 i, void *ctx)
{
	struct path_walk *walk = ctx;
	struct path_object *path = walk->path;
	__u32 kind = i & (ACCESS_KINDS - 1);
	bool own = i >= ACCESS_KINDS;
	__u16 rule = path->rule[kind];

	if (!(path->access & 1 << kind) || (own && !(path->name == NAME_FOREIGN && path->by_name[kind])))
		return 0;
	if (own)
		rule = path->own_rule[kind];
	else if (path->by_name[kind])
		path_compare(walk, path->entry[kind]);
	if (path->differs) {
		path->outcome = decision_doubt(RULE_UNRESOLVED);
		return 1;
	}
	path->candidate = decision_of_rule(walk->rules, path->object, rule);
	if (!path->settled ||
	    decision_weight(walk->rules, &path->candidate) > decision_weight(walk->rules, &path->outcome))
		path->outcome = path->candidate;
	path->settled = 1;
	return 0;
}

/* Finds the best match by identity. */
DECIDE_STEP int path_find_identity(const struct rules *rules, struct path_object *path)
{
	struct path_walk walk = { .rules = rules, .path = path };

	walk.table = inode_table(rules, path->object);
	if (walk.table.count)
		decide_loop(path->depth, path_chain_step, &walk);
	for (int kind = 0; kind < ACCESS_KINDS; kind++)
		path->own_rule[kind] = path->rule[kind];
	return 0;
}

/* Finds a better one by name. */
DECIDE_STEP int path_find_name(const struct rules *rules, struct path_object *path)
{
	struct path_walk walk = { .rules = rules, .path = path };

	walk.table = path_table(rules, path->object);
	path->hash = path_hash_begin(path->object);
	if (walk.table.count && path->name != NAME_PARTIAL)
		decide_loop(path->length + 2, path_scan_step, &walk);
	return 0;
}

/* Whether more than one rule had a say: each about another kind of access, or one of them about a name that
 * another mount name space knows the object by. */
DECIDE bool path_is_shared(const struct path_object *path)
{
	if (path->name == NAME_FOREIGN)
		return true;
	return (path->access & (ACCESS_READ | ACCESS_WRITE)) == (ACCESS_READ | ACCESS_WRITE) &&
	       path->rule[0] != path->rule[1];
}
_Static_assert(ACCESS_KINDS == 2 && ACCESS_READ == 1 << 0 && ACCESS_WRITE == 1 << 1, "a rule for each kind");

/* Settles for one of the matches that were found. */
DECIDE_STEP int path_settle(const struct rules *rules, struct path_object *path)
{
	struct path_walk walk = { .rules = rules, .path = path };

	decide_loop(PATH_CANDIDATES, path_settle_step, &walk);
	path->outcome.shared = path_is_shared(path);
	return 0;
}

/* Judges a path: path->outcome is the strictest verdict on the kinds of access that are asked for. */
DECIDE void decide_path(const struct rules *rules, struct path_object *path)
{
	path_find_identity(rules, path);
	path_find_name(rules, path);
	path_settle(rules, path);
}
