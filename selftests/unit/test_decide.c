/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decide.h by itself, on small images laid out by hand: what it does with what a compiler would
 * never make, and the rules that bind it and the compiler together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "build_policy.h"
#include "policy/compile.h"
#include "policy/image.h"

/* One rule of each verdict, in a header with room behind it. */
static struct {
	struct ruleset head;
	__u64 align;
	_Alignas(64) struct rule rules[3];
	__u32 starts[8];
	_Alignas(64) struct path_entry paths[32];
	_Alignas(64) struct inode_entry inodes[32];
	char strings[64];
} image;

static struct rules rules = { .head = &image.head };

static struct table table_at(const void *place, __u32 count)
{
	return (struct table) {
		.off = (__u32)((const char *)place - (const char *)&image),
		.count = count,
	};
}

static int image_make(void **state)
{
	(void)state;
	memset(&image, 0, sizeof(image));
	image.head.size = sizeof(image);
	image.head.rules = table_at(image.rules, 3);
	for (int i = 0; i < 3; i++) {
		image.rules[i].verdict = (__u8)i;
		image.rules[i].err = -ENETUNREACH;
	}
	return 0;
}

static void filter_set(struct filter *filter, __u64 hash)
{
	filter->word[FILTER_WORD(hash)] |= FILTER_BIT(hash);
}

/* --- rules ---------------------------------------------------------------------------------- */

static void test_rule_numbers(void **state)
{
	static const __u16 special[] = { RULE_UNRESOLVED, RULE_MALFORMED, RULE_NO_RULESET,
					RULE_ALIAS, RULE_BEHALF, RULE_GUARD,
					RULE_RELEASE, RULE_REFUSED, RULE_BEGIN, RULE_END };
	struct decision decision;

	(void)state;
	for (__u16 i = 0; i < 3; i++) {
		decision = decision_of_rule(&rules, CLASS_NET, i);
		assert_int_equal(decision.rule, i);
		assert_int_equal(decision.verdict, i);
		assert_int_equal(decision.err, i == VERDICT_DENY ? -ENETUNREACH : 0);
	}
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		decision = decision_of_rule(&rules, CLASS_NET, special[i]);
		assert_int_equal(decision.rule, special[i]);
		assert_int_equal(decision.verdict, VERDICT_DENY);
		assert_int_equal(decision.err, -EPERM);
	}
	image.head.rules.off = image.head.size;		/* damaged: doubt denies */
	decision = decision_of_rule(&rules, CLASS_NET, 0);
	assert_int_equal(decision.rule, RULE_NO_RULESET);
	assert_int_equal(decision.verdict, VERDICT_DENY);
}

static void test_defaults(void **state)
{
	(void)state;
	for (__u8 verdict = 0; verdict <= VERDICT_DENY; verdict++) {
		struct decision decision;

		image.head.defaults[CLASS_EXEC] = verdict;
		decision = decision_of_rule(&rules, CLASS_EXEC, RULE_DEFAULT);
		assert_int_equal(decision.rule, RULE_DEFAULT);
		assert_int_equal(decision.verdict, verdict);
		assert_int_equal(decision.err, verdict == VERDICT_DENY ? -EPERM : 0);
		assert_int_equal(decision_of_rule(&rules, CLASS_FILE, RULE_DEFAULT).verdict,
				 VERDICT_ALLOW);
	}
}

static void test_image_at(void **state)
{
	const __u32 size = image.head.size;

	(void)state;
	assert_ptr_equal(image_at(&rules, 0, 8), &image);
	assert_ptr_equal(image_at(&rules, size - 8, 8), (char *)&image + size - 8);
	assert_null(image_at(&rules, size, 8));
	assert_null(image_at(&rules, UINT32_MAX - 7, 8));
	assert_null(image_at(&rules, 4, 8));
}

/* --- addresses ------------------------------------------------------------------------------ */

static void test_search(void **state)
{
	static const __u32 starts[8] = { 0, 5, 6, 100, 101, 5000, 0x80000000, 0xffffffff };

	(void)state;
	memcpy(image.starts, starts, sizeof(starts));
	for (__u32 count = 1; count <= 8; count++) {
		for (__u32 i = 0; i < 8; i++) {
			for (int delta = -1; delta <= 1; delta++) {
				__u32 key = starts[i] + (__u32)delta, want = 0;

				for (__u32 j = 0; j < count; j++)
					if (starts[j] <= key)
						want = j;
				assert_int_equal(search_u32(&rules, table_at(image.starts, 8), 0,
							    count, key), want);
			}
		}
	}
	/* What lies outside the image is damage. */
	assert_int_equal(search_u32(&rules, table_at(image.starts, 8), 0, 0x7fffffff, 7),
			 SEARCH_DAMAGED);
}

static void test_normalise(void **state)
{
	struct endpoint v6 = { 0 };
	struct endpoint v4 = { .lo = ENDPOINT_V4_MAPPED << 32 };
	struct endpoint other = { .lo = ENDPOINT_V4_MAPPED << 32 | 2 };

	(void)state;
	assert_false(endpoint_is_v4(&v6));
	assert_true(endpoint_is_v4(&v4));
	endpoint_normalise(&v6);
	assert_true(v6.hi == 0 && v6.lo == 1);
	endpoint_normalise(&v4);
	assert_true(v4.hi == 0 && v4.lo == (ENDPOINT_V4_MAPPED << 32 | 0x7f000001));
	endpoint_normalise(&other);
	assert_true(other.lo == (ENDPOINT_V4_MAPPED << 32 | 2));
}

/* --- paths ---------------------------------------------------------------------------------- */

static __u64 hash_of(enum object_class object, const char *path, __u32 kind)
{
	__u64 hash = path_hash_begin(object);

	for (; *path; path++)
		hash = path_hash_step(hash, *path);
	return path_hash_end(hash, kind);
}

static void test_hashes(void **state)
{
	const __u64 hash = hash_of(CLASS_FILE, "/a", PATH_EXACT);

	(void)state;
	assert_int_not_equal(hash, hash_of(CLASS_FILE, "/a", PATH_TREE));
	assert_int_not_equal(hash, hash_of(CLASS_EXEC, "/a", PATH_EXACT));
	assert_int_not_equal(hash, hash_of(CLASS_FILE, "/b", PATH_EXACT));
	for (int i = 0; i < 100000; i++)		/* 0 marks a free slot */
		assert_int_not_equal(path_hash_end((__u64)build_random(UINT32_MAX) << 32 |
						   build_random(UINT32_MAX), PATH_TREE), 0);
	assert_int_not_equal(inode_hash(CLASS_FILE, 1, 2), inode_hash(CLASS_EXEC, 1, 2));
}

/* An entry for what has the hash of @hashed, but says it is @string; one of each kind. */
static void path_put(const char *hashed, const char *string, __u16 kind, __u16 rule)
{
	__u64 hash = hash_of(CLASS_FILE, hashed, kind);
	__u32 offset = kind == PATH_EXACT ? 8 : sizeof(image.strings) / 2;

	image.head.paths[CLASS_FILE] = table_at(image.paths, 32);
	image.head.strings = table_at(image.strings, sizeof(image.strings));
	snprintf(image.strings + offset, sizeof(image.strings) / 2 - 8, "%s", string);
	image.paths[HASH_SLOT(hash, 32)] = (struct path_entry) {
		.hash = hash,
		.string = offset,
		.length = (__u16)strlen(string),
		.kind = kind,
		.rule = { rule, rule },
	};
	filter_set(&image.head.path_filter, hash);
}

static struct decision judge(const char *path)
{
	return image_decide_path(&image.head, CLASS_FILE, ACCESS_READ, path, NULL, 0);
}

/* A hash that lies is found out: no rule holds for what it does not name. */
static void test_hash_is_confirmed(void **state)
{
	(void)state;
	path_put("/srv/mirror/x", "/srv/mirror/x", PATH_EXACT, VERDICT_AUDIT);
	assert_int_equal(judge("/srv/mirror/x").rule, VERDICT_AUDIT);
	path_put("/srv/mirror/x", "/srv/mirror/y", PATH_EXACT, VERDICT_ALLOW);
	assert_int_equal(judge("/srv/mirror/x").rule, RULE_UNRESOLVED);
	assert_int_equal(judge("/srv/mirror/x").verdict, VERDICT_DENY);
	path_put("/srv/mirrorXY", "/srv/mirror", PATH_EXACT, VERDICT_ALLOW);
	assert_int_equal(judge("/srv/mirrorXY").rule, RULE_UNRESOLVED);
	path_put("/srv/mirrorXY", "/srv/mirror", PATH_TREE, VERDICT_ALLOW);
	assert_int_equal(judge("/srv/mirrorXY").rule, RULE_UNRESOLVED);
	assert_int_equal(judge("/srv/mirrorXY/file").rule, RULE_UNRESOLVED);
	path_put("/srv", "/srv/mirror", PATH_TREE, VERDICT_ALLOW);
	assert_int_equal(judge("/srv").rule, RULE_UNRESOLVED);
	path_put("/srv", "/sry", PATH_TREE, VERDICT_ALLOW);
	assert_int_equal(judge("/srv/other").rule, RULE_UNRESOLVED);
	image.paths[HASH_SLOT(hash_of(CLASS_FILE, "/srv", PATH_TREE), 32)].string = UINT32_MAX - 7;
	assert_int_equal(judge("/srv/other").rule, RULE_UNRESOLVED);
}

static void test_filter_is_asked_first(void **state)
{
	(void)state;
	path_put("/a", "/a", PATH_EXACT, VERDICT_DENY);
	assert_int_equal(judge("/a").rule, VERDICT_DENY);
	memset(&image.head.path_filter, 0, sizeof(image.head.path_filter));
	assert_int_equal(judge("/a").rule, RULE_DEFAULT);
}

static void test_identity_probes(void **state)
{
	const struct inode_id id = { .ino = 7, .dev = 3 };
	__u64 hash = inode_hash(CLASS_FILE, id.ino, id.dev);
	__u32 home = HASH_SLOT(hash, 32);
	struct decision decision;

	(void)state;
	path_put("/elsewhere", "/elsewhere", PATH_TREE, VERDICT_DENY);
	image.head.inodes[CLASS_FILE] = table_at(image.inodes, 32);
	filter_set(&image.head.inode_filter, hash);
	for (__u32 far = 0; far <= HASH_PROBES; far++) {
		memset(image.inodes, 0, sizeof(image.inodes));
		for (__u32 i = 0; i < far; i++)			/* others on the way */
			image.inodes[(home + i) % 32] = (struct inode_entry) { .ino = 8, .dev = 3 };
		image.inodes[(home + far) % 32] = (struct inode_entry) {
			.ino = id.ino,
			.dev = id.dev,
			.path = HASH_SLOT(hash_of(CLASS_FILE, "/elsewhere", PATH_TREE), 32),
		};
		decision = image_decide_path(&image.head, CLASS_FILE, ACCESS_WRITE, "/x", &id, 1);
		assert_int_equal(decision.rule, far < HASH_PROBES ? VERDICT_DENY : RULE_DEFAULT);
	}
}

/* Of two paths of equal length the exact one wins, though the tree is known by identity. */
static void test_exact_beats_tree(void **state)
{
	const struct inode_id id = { .ino = 7, .dev = 3 };
	__u64 hash = inode_hash(CLASS_FILE, id.ino, id.dev);
	struct decision decision;

	(void)state;
	path_put("/exact", "/exact", PATH_EXACT, VERDICT_ALLOW);
	path_put("/trees", "/trees", PATH_TREE, VERDICT_DENY);
	image.head.inodes[CLASS_FILE] = table_at(image.inodes, 32);
	filter_set(&image.head.inode_filter, hash);
	image.inodes[HASH_SLOT(hash, 32)] = (struct inode_entry) {
		.ino = id.ino,
		.dev = id.dev,
		.path = HASH_SLOT(hash_of(CLASS_FILE, "/trees", PATH_TREE), 32),
	};
	decision = image_decide_path(&image.head, CLASS_FILE, ACCESS_READ, "/exact", &id, 1);
	assert_int_equal(decision.rule, VERDICT_ALLOW);
	decision = image_decide_path(&image.head, CLASS_FILE, ACCESS_READ, "/exac", &id, 1);
	assert_int_equal(decision.rule, VERDICT_DENY);
}

/* What a name is good for. */
static struct decision judge_as(enum path_name name, const char *path, const struct inode_id *id)
{
	static struct path_object judged;

	memset(&judged, 0, sizeof(judged));
	snprintf(judged.path, sizeof(judged.path), "%s", path);
	judged.length = (__u32)strlen(path);
	judged.depth = id ? 1 : 0;
	if (id)
		judged.chain[0] = *id;
	judged.name = (__u8)name;
	path_ask(&judged, CLASS_FILE, ACCESS_READ);
	decide_path(&rules, &judged);
	return judged.outcome;
}

/* A name of another mount name space may forbid, but not permit; a partial one says nothing. */
static void test_names_of_others(void **state)
{
	static const struct {
		__u16 rule;
		__u8 def;
		__u16 by_own, by_foreign, by_partial;
	} cases[] = {
		{ VERDICT_ALLOW, VERDICT_DENY, VERDICT_ALLOW, RULE_DEFAULT, RULE_DEFAULT },
		{ VERDICT_ALLOW, VERDICT_AUDIT, VERDICT_ALLOW, RULE_DEFAULT, RULE_DEFAULT },
		{ VERDICT_AUDIT, VERDICT_DENY, VERDICT_AUDIT, RULE_DEFAULT, RULE_DEFAULT },
		{ VERDICT_AUDIT, VERDICT_ALLOW, VERDICT_AUDIT, VERDICT_AUDIT, RULE_DEFAULT },
		{ VERDICT_DENY, VERDICT_ALLOW, VERDICT_DENY, VERDICT_DENY, RULE_DEFAULT },
		{ VERDICT_DENY, VERDICT_AUDIT, VERDICT_DENY, VERDICT_DENY, RULE_DEFAULT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		path_put("/a", "/a", PATH_EXACT, cases[i].rule);
		image.head.defaults[CLASS_FILE] = cases[i].def;
		assert_int_equal(judge_as(NAME_OWN, "/a", NULL).rule, cases[i].by_own);
		assert_int_equal(judge_as(NAME_FOREIGN, "/a", NULL).rule, cases[i].by_foreign);
		assert_int_equal(judge_as(NAME_PARTIAL, "/a", NULL).rule, cases[i].by_partial);
	}
}

/* Identity holds whatever the name is good for; of a foreign name and identity, the stricter. */
static void test_names_of_others_and_identity(void **state)
{
	const struct inode_id id = { .ino = 7, .dev = 3 };
	__u64 hash = inode_hash(CLASS_FILE, id.ino, id.dev);

	(void)state;
	image.head.inodes[CLASS_FILE] = table_at(image.inodes, 32);
	filter_set(&image.head.inode_filter, hash);
	image.inodes[HASH_SLOT(hash, 32)] = (struct inode_entry) {
		.ino = id.ino,
		.dev = id.dev,
		.path = HASH_SLOT(hash_of(CLASS_FILE, "/tree", PATH_TREE), 32),
	};
	for (__u16 tree = 0; tree <= VERDICT_DENY; tree++) {
		for (__u16 name = 0; name <= VERDICT_DENY; name++) {
			__u16 stricter = tree > name ? tree : name;

			path_put("/longer", "/longer", PATH_EXACT, name);
			path_put("/tree", "/tree", PATH_TREE, tree);
			assert_int_equal(judge_as(NAME_OWN, "/longer", &id).rule, name);
			assert_int_equal(judge_as(NAME_FOREIGN, "/longer", &id).rule, stricter);
			assert_int_equal(judge_as(NAME_PARTIAL, "/longer", &id).rule, tree);
			/* Where no entry has the name, there is but one voice. */
			assert_int_equal(judge_as(NAME_FOREIGN, "/other", &id).rule, tree);
			/* Though a waiver for the one would hide the other. */
			assert_true(judge_as(NAME_FOREIGN, "/longer", &id).shared);
			assert_false(judge_as(NAME_OWN, "/longer", &id).shared);
		}
	}
}

/* A foreign name whose hash lies is found out as well. */
static void test_foreign_hash_is_confirmed(void **state)
{
	(void)state;
	path_put("/a", "/b", PATH_EXACT, VERDICT_ALLOW);
	assert_int_equal(judge_as(NAME_FOREIGN, "/a", NULL).rule, RULE_UNRESOLVED);
	assert_int_equal(judge_as(NAME_PARTIAL, "/a", NULL).rule, RULE_DEFAULT);
}

/* An open for reading and writing is as strict as the stricter of both, be it the default. */
static void test_both_accesses(void **state)
{
	struct path_entry *entry;

	(void)state;
	path_put("/a", "/a", PATH_EXACT, RULE_DEFAULT);
	entry = &image.paths[HASH_SLOT(hash_of(CLASS_FILE, "/a", PATH_EXACT), 32)];
	for (__u16 read = 0; read <= 3; read++) {
		for (__u16 write = 0; write <= 3; write++) {
			for (__u8 def = 0; def <= VERDICT_DENY; def++) {
				__u16 one = read < 3 ? read : def, other = write < 3 ? write : def;
				struct decision decision;

				entry->rule[0] = read < 3 ? read : RULE_DEFAULT;
				entry->rule[1] = write < 3 ? write : RULE_DEFAULT;
				image.head.defaults[CLASS_FILE] = def;
				decision = image_decide_path(&image.head, CLASS_FILE,
							     ACCESS_READ | ACCESS_WRITE, "/a",
							     NULL, 0);
				assert_int_equal(decision.verdict, one > other ? one : other);
			}
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, image_make)
	const struct CMUnitTest tests[] = {
		TEST(test_rule_numbers),
		TEST(test_defaults),
		TEST(test_image_at),
		TEST(test_search),
		TEST(test_normalise),
		TEST(test_hashes),
		TEST(test_hash_is_confirmed),
		TEST(test_filter_is_asked_first),
		TEST(test_identity_probes),
		TEST(test_exact_beats_tree),
		TEST(test_names_of_others),
		TEST(test_names_of_others_and_identity),
		TEST(test_foreign_hash_is_confirmed),
		TEST(test_both_accesses),
	};

	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
