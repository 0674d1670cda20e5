/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paths: the compiled tables against a matcher that tries every path of the policy in turn, in a
 * made-up file system where some directories are others under another name; then the running
 * system's resolver.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "build_policy.h"
#include "policy/compile.h"
#include "policy/image.h"
#include "policy/slots.h"

/* --- a made-up file system ------------------------------------------------------------------ */

#define WORLD_LINKS 3
#define WORLD_NAMES 4096

/* What lies below `from` is what lies below `to`, as bind mounts and links make it. */
static struct {
	char from[32], to[32];
} links[WORLD_LINKS];
static size_t link_count;

/* The index of a path here is the inode number of what it leads to. */
static char names[WORLD_NAMES][64];
static size_t name_count = 1;

static bool below(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return !strncmp(path, dir, length) && (path[length] == '/' || !path[length]);
}

/* Follows links until there is none; they are made so that this ends. */
static void real_path(const char *path, char real[64])
{
	char other[128];

	snprintf(real, 64, "%s", path);
	for (size_t i = 0; i < link_count; i++) {
		if (!below(real, links[i].from))
			continue;
		snprintf(other, sizeof(other), "%s%s", links[i].to, real + strlen(links[i].from));
		assert_true(strlen(other) < 64);
		memcpy(real, other, strlen(other) + 1);
	}
}

static uint64_t inode_of(const char *path)
{
	char real[64];

	real_path(path, real);
	for (size_t i = 1; i < name_count; i++)
		if (!strcmp(names[i], real))
			return i;
	assert_true(name_count < WORLD_NAMES);
	memcpy(names[name_count], real, sizeof(real));
	return name_count++;
}

static int world_find(void *ctx, const char *path, bool tree, struct path_identity **ret_list,
		      size_t *ret_count)
{
	struct path_identity *list;

	(void)ctx;
	(void)tree;
	if (strstr(path, "/gone"))		/* nothing stands there (yet) */
		return 0;
	list = calloc(1, sizeof(*list));
	list->ino = inode_of(strcmp(path, "/") ? path : "");
	list->dev = 8 << 20 | 1;
	*ret_list = list;
	*ret_count = 1;
	return 0;
}

static const struct path_resolver world = { .find = world_find };

/* The identities of what stands at @path and of all above it. */
static size_t world_chain(const char *path, struct inode_id chain[16])
{
	char real[64];
	size_t count = 0;

	real_path(path, real);
	for (;;) {
		char *slash = strrchr(real, '/');

		chain[count++] = (struct inode_id) { .ino = inode_of(real), .dev = 8 << 20 | 1 };
		if (!slash)
			return count;
		*slash = '\0';
	}
}

/* --- the reference -------------------------------------------------------------------------- */

struct claim {
	const struct policy_path *path;
	uint16_t rule;
	uint8_t access;
	bool exec;
};

static struct claim claims[512];
static size_t claim_count;

static void claims_list(void)
{
	claim_count = 0;
	for (size_t r = 0; r < build.rule_count; r++) {
		const struct policy_rule *rule = &build.rules[r];
		const struct policy_service *s = &build.services[rule->service];

		for (size_t i = 0; i < s->file_count; i++)
			claims[claim_count++] = (struct claim) {
				&s->files[i], (uint16_t)r, rule->access, false
			};
		for (size_t i = 0; i < s->exec_count; i++)
			claims[claim_count++] = (struct claim) {
				&s->execs[i], (uint16_t)r, rule->access & ACCESS_READ, true
			};
	}
	assert_true(claim_count <= 512);
}

static bool outcomes_differ(uint16_t a, uint16_t b)
{
	const struct policy_rule *one = &build.rules[a], *other = &build.rules[b];

	return one->verdict != other->verdict ||
	       (one->verdict == VERDICT_DENY && one->err != other->err);
}

/* How near a claim is: 1 + its place in the chain when known by identity, a large number when
 * known by name, 0 when it does not match. */
static size_t nearness(const struct claim *claim, const char *path, const struct inode_id *chain,
		       size_t chain_count)
{
	const char *own = claim->path->path;

	if (!strstr(own, "/gone"))
		for (size_t i = 0; i < (claim->path->tree ? chain_count : 1); i++)
			if (chain[i].ino == inode_of(own))
				return 1 + i;
	if (claim->path->tree ? below(path, own) : !strcmp(path, own))
		return 1000;
	return 0;
}

static long length_rank(const struct claim *claim)
{
	return 2 * (long)strlen(claim->path->path) + !claim->path->tree;
}

static struct decision reference_one(const char *path, bool exec, uint8_t access)
{
	const struct claim *best = NULL;
	struct inode_id chain[16];
	size_t count = world_chain(path, chain), best_near = 0;
	struct decision decision = { .rule = RULE_DEFAULT };

	for (size_t i = 0; i < claim_count; i++) {
		const struct claim *claim = &claims[i];
		size_t near = nearness(claim, path, chain, count);
		long longer;

		if (claim->exec != exec || !(claim->access & access) || !near)
			continue;
		longer = best ? length_rank(claim) - length_rank(best) : 1;
		if (longer > 0 || (!longer && near < best_near)) {
			best = claim;
			best_near = near;
		}
	}
	decision.verdict = build.defaults[exec ? CLASS_EXEC : CLASS_FILE];
	if (decision.verdict == VERDICT_DENY)
		decision.err = -EPERM;
	if (best) {
		decision.rule = best->rule;
		decision.verdict = build.rules[best->rule].verdict;
		decision.err = decision.verdict == VERDICT_DENY ?
			(__s16)-build.rules[best->rule].err : 0;
	}
	return decision;
}

/* Reading and writing at once: the stricter answer; among equals that of a rule, then that for reading. */
static struct decision reference(const char *path, bool exec, uint8_t access)
{
	struct decision read = reference_one(path, exec, ACCESS_READ);
	struct decision write = reference_one(path, exec, ACCESS_WRITE);

	if (access == ACCESS_READ)
		return read;
	if (access == ACCESS_WRITE || write.verdict > read.verdict)
		return write;
	return write.verdict == read.verdict && read.rule == RULE_DEFAULT ? write : read;
}

static bool same_thing(const struct claim *a, const struct claim *b)
{
	if (!strcmp(a->path->path, b->path->path))
		return true;
	if (strstr(a->path->path, "/gone") || strstr(b->path->path, "/gone"))
		return false;
	return inode_of(a->path->path) == inode_of(b->path->path);
}

/* Whether there are claims of equal length about one thing that disagree, be they hidden by a
 * longer path or not. */
static bool reference_conflict(void)
{
	for (size_t i = 0; i < claim_count; i++)
		for (size_t j = 0; j < i; j++)
			if (claims[i].exec == claims[j].exec &&
			    claims[i].access & claims[j].access &&
			    length_rank(&claims[i]) == length_rank(&claims[j]) &&
			    outcomes_differ(claims[i].rule, claims[j].rule) &&
			    same_thing(&claims[i], &claims[j]))
				return true;
	return false;
}

/* --- random policies ------------------------------------------------------------------------ */

static void random_path(char path[32])
{
	static const char *const parts[] = { "/a", "/b", "/ab", "/a.b", "/eightbyt", "/gone" };
	uint32_t depth = build_random(4);

	path[0] = '\0';
	for (uint32_t i = 0; i <= depth && strlen(path) < 20; i++)
		strcat(path, parts[build_random(build_random(6) ? 5 : 6)]);
}

/* Links lead from names that nothing else has, so that they make no circle. */
static void random_links(void)
{
	link_count = build_random(WORLD_LINKS + 1);
	name_count = 1;
	for (size_t i = 0; i < link_count; i++) {
		random_path(links[i].to);
		random_path(links[i].from);
		for (size_t j = 0; j < WORLD_LINKS; j++)
			if (below(links[i].to, links[i].from) || below(links[i].from, links[i].to))
				links[i].from[0] = '\0';
		if (!links[i].from[0])
			snprintf(links[i].from, sizeof(links[i].from), "/link%zu", i);
		/* Only what follows in the list is looked at after a link: no circle. */
		for (size_t j = 0; j < i; j++)
			if (below(links[i].to, links[j].from))
				snprintf(links[i].to, sizeof(links[i].to), "/b");
	}
}

static void random_policy(void)
{
	uint32_t services = 1 + build_random(6);
	bool agree = build_random(2);
	char path[40];

	build_begin();
	random_links();
	for (int object = 0; object < CLASS_COUNT; object++)
		build.defaults[object] = (enum verdict)build_random(3);
	for (uint32_t s = 0; s < services; s++) {
		build_service();
		for (uint32_t i = 1 + build_random(5); i; i--) {
			random_path(path);
			if (link_count && !build_random(4))
				snprintf(path, sizeof(path), "%s",
					 links[build_random((uint32_t)link_count)].from);
			if (!build_random(30))
				path[0] = '\0';
			if (build_random(2) || !path[0])
				strcat(path, "/");
			build_path(build_random(2) ? CLASS_EXEC : CLASS_FILE, path);
		}
		if (build_random(8))
			build_rule(agree ? VERDICT_DENY : (enum verdict)build_random(3),
				   agree || build_random(2) ? EPERM : ENOENT)->access =
				(uint8_t)(1 + build_random(3));
	}
	claims_list();
}

static void check_query(const struct ruleset *image)
{
	bool exec = build_random(2);
	uint8_t access = exec ? ACCESS_READ : (uint8_t)(1 + build_random(3));
	struct decision decision, want;
	struct inode_id chain[16];
	char path[80];

	random_path(path);
	if (link_count && build_random(2)) {
		random_path(path);
		snprintf(path, 33, "%s", links[build_random((uint32_t)link_count)].from);
		if (build_random(2))
			strcat(path, "/a");
	}
	want = reference(path, exec, access);
	decision = image_decide_path(image, exec ? CLASS_EXEC : CLASS_FILE, access, path, chain,
				     world_chain(path, chain));
	assert_int_equal(decision.verdict, want.verdict);
	assert_int_equal(decision.err, want.err);
	assert_int_equal(decision.rule == RULE_DEFAULT, want.rule == RULE_DEFAULT);
	if (decision.rule != want.rule)		/* two that agree */
		assert_false(outcomes_differ(decision.rule, want.rule));
}

static void test_random_policies(void **state)
{
	size_t compiled = 0, refused = 0;

	(void)state;
	while (compiled < 4000) {
		struct ruleset *image = NULL;
		struct diags diags = { 0 };
		int err;

		random_policy();
		err = policy_compile(&build, &world, 1, &diags, &image);
		assert_int_equal(err, reference_conflict() ? -EINVAL : 0);
		assert_int_equal(diags.errors > 0, err != 0);
		diags_free(&diags);
		if (err) {
			refused++;
			continue;
		}
		assert_int_equal(image_verify(image, image->size), 0);
		for (int i = 0; i < 50; i++)
			check_query(image);
		free(image);
		compiled++;
	}
assert_true(refused > 100);
	build_end();
}

/* --- by hand -------------------------------------------------------------------------------- */

static struct ruleset *compile_ok(const struct path_resolver *resolver, size_t warnings)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_compile(&build, resolver, 1, &diags, &image), 0);
	assert_int_equal(diags.count, warnings);
	assert_int_equal(image_verify(image, image->size), 0);
	diags_free(&diags);
	return image;
}

static uint16_t rule_for(const struct ruleset *image, enum object_class object, const char *path)
{
	return image_decide_path(image, object, ACCESS_READ, path, NULL, 0).rule;
}

static void test_exact_and_tree(void **state)
{
	struct ruleset *image;

	(void)state;
	build_begin();
	build_service();
	build_path(CLASS_FILE, "/srv/mirror/");
	build_rule(VERDICT_AUDIT, EPERM);
	build_service();
	build_path(CLASS_FILE, "/srv/mirror");
	build_path(CLASS_FILE, "/srv/mirror/key");
	build_path(CLASS_EXEC, "/srv/mirror/bin/");
	build_rule(VERDICT_DENY, ENOENT);
	image = compile_ok(NULL, 0);
	assert_int_equal(rule_for(image, CLASS_FILE, "/srv/mirror"), 1);
	assert_int_equal(rule_for(image, CLASS_FILE, "/srv/mirror/key"), 1);
	assert_int_equal(rule_for(image, CLASS_FILE, "/srv/mirror/key/x"), 0);
	assert_int_equal(rule_for(image, CLASS_FILE, "/srv/mirror/keys"), 0);
	assert_int_equal(rule_for(image, CLASS_FILE, "/srv/mirrors"), RULE_DEFAULT);
	assert_int_equal(rule_for(image, CLASS_FILE, "/srv"), RULE_DEFAULT);
	assert_int_equal(rule_for(image, CLASS_EXEC, "/srv/mirror/key"), RULE_DEFAULT);
	assert_int_equal(rule_for(image, CLASS_EXEC, "/srv/mirror/bin/x/y"), 1);
	free(image);
	build_end();
}

static void test_root_tree(void **state)
{
	struct ruleset *image;

	(void)state;
	build_begin();
	build_service();
	build_path(CLASS_FILE, "/");
	build_rule(VERDICT_AUDIT, EPERM);
	image = compile_ok(&world, 0);
	assert_int_equal(rule_for(image, CLASS_FILE, "/"), 0);
	assert_int_equal(rule_for(image, CLASS_FILE, "/a"), 0);
	assert_int_equal(rule_for(image, CLASS_FILE, "/a/b"), 0);
	assert_int_equal(rule_for(image, CLASS_EXEC, "/a/b"), RULE_DEFAULT);
	free(image);
	build_end();
}

static void test_longest_paths(void **state)
{
	char path[PATH_LENGTH_MAX + 16] = "/";
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	(void)state;
	memset(path + 1, 'x', PATH_LENGTH_MAX - 2);
	build_begin();
	build_service();
	build_path(CLASS_FILE, path);
	build_rule(VERDICT_AUDIT, EPERM);
	image = compile_ok(NULL, 0);
	assert_int_equal(rule_for(image, CLASS_FILE, path), 0);
	path[PATH_LENGTH_MAX - 2] = 'y';
	assert_int_equal(rule_for(image, CLASS_FILE, path), RULE_DEFAULT);
	path[PATH_LENGTH_MAX - 1] = 'x';
	assert_int_equal(rule_for(image, CLASS_FILE, path), RULE_UNRESOLVED);
	assert_int_equal(rule_for(image, CLASS_EXEC, path), RULE_DEFAULT);	/* has no paths */
	free(image);
	image = NULL;
	build_path(CLASS_FILE, path);
	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), -E2BIG);
	assert_int_equal(diags.errors, 1);
	diags_free(&diags);
	build_end();
}

/* Too many ancestors: nobody looks at the rest. */
static void test_deep_chain(void **state)
{
	struct inode_id chain[DENTRY_DEPTH_MAX + 1] = { 0 };
	struct ruleset *image;
	struct decision decision;

	(void)state;
	build_begin();
	build_service();
	build_path(CLASS_FILE, "/a/");
	build_rule(VERDICT_AUDIT, EPERM);
	image = compile_ok(NULL, 0);
	decision = image_decide_path(image, CLASS_FILE, ACCESS_READ, "/b", chain,
				     DENTRY_DEPTH_MAX);
	assert_int_equal(decision.rule, RULE_DEFAULT);
	decision = image_decide_path(image, CLASS_FILE, ACCESS_READ, "/b", chain,
				     DENTRY_DEPTH_MAX + 1);
	assert_int_equal(decision.rule, RULE_UNRESOLVED);
	assert_int_equal(decision.verdict, VERDICT_DENY);
	free(image);
	build_end();
}

static void compile_conflict(const char *message)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_compile(&build, &world, 1, &diags, &image), -EINVAL);
	assert_null(image);
	assert_int_equal(diags.errors, 1);
	assert_string_equal(diags.list[0].message, message);
	diags_free(&diags);
}

static void test_conflicts_name_both(void **state)
{
	(void)state;
	link_count = 0;
	build_begin();
	for (int s = 0; s < 2; s++) {
		build_service();
		build_path(CLASS_FILE, "/a/b/");
		build_path(CLASS_FILE, "/a/c/");
		build_rule(s ? VERDICT_ALLOW : VERDICT_DENY, ENOENT);
	}
	compile_conflict("rules \"deny s0\" with ENOENT (test.yaml:4) and \"allow s1\" "
			 "(test.yaml:8) disagree on reading /a/b/ and are equally specific");
	build.rules[0].access = ACCESS_WRITE;
	build.rules[1].access = ACCESS_READ;
	free(compile_ok(&world, 0));

	link_count = 1;
	strcpy(links[0].from, "/x/y");
	strcpy(links[0].to, "/a/b");
	build_begin();
	build_service();
	build_path(CLASS_EXEC, "/x/y");
	build_rule(VERDICT_ALLOW, EPERM);
	build_service();
	build_path(CLASS_EXEC, "/a/b");
	build_rule(VERDICT_DENY, EPERM);
	compile_conflict("rules \"allow s0\" (test.yaml:3) and \"deny s1\" with EPERM "
			 "(test.yaml:6) disagree on executing /x/y and /a/b, which lead to the "
			 "same place and are equally specific");
	build.rules[1].verdict = VERDICT_ALLOW;
	free(compile_ok(&world, 0));
	link_count = 0;
	build_end();
}

static int failing_find(void *ctx, const char *path, bool tree, struct path_identity **ret_list,
			size_t *ret_count)
{
	(void)ctx;
	(void)path;
	(void)tree;
	(void)ret_list;
	(void)ret_count;
	return -EACCES;
}

static void test_resolver_fails(void **state)
{
	const struct path_resolver failing = { .find = failing_find };
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	(void)state;
	build_begin();
	build_service();
	build_path(CLASS_FILE, "/a");
	build_rule(VERDICT_DENY, EPERM);
	assert_int_equal(policy_compile(&build, &failing, 1, &diags, &image), -EACCES);
	assert_null(image);
	assert_string_equal(diags.list[0].message,
			    "cannot tell what stands at /a: Permission denied");
	diags_free(&diags);
	build_end();
}

/* 10,000 paths: each is found, and no other is; 128 bytes each are enough. */
static void test_many_paths(void **state)
{
	char path[64];
	struct ruleset *image;

	(void)state;
	link_count = 0;
	build_begin();
	build_service();
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), "/srv/mirror/%d/packages/file", i);
		build_path(CLASS_FILE, path);
	}
	build_rule(VERDICT_DENY, EPERM);
	image = compile_ok(NULL, 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "/srv/mirror/%d/packages/file", i);
		assert_int_equal(rule_for(image, CLASS_FILE, path), i < 10000 ? 0 : RULE_DEFAULT);
	}
	assert_true(image->size - sizeof(*image) <= 128 * 10000);
	free(image);
	build_end();
}

static void test_slots_reach(void **state)
{
	struct slots slots = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		for (uint32_t j = 0; j < (i ? 100000 : HASH_PROBES); j++)
			assert_int_equal(slots_add(&slots, i ? inode_hash(1, j, i) : 77, j), 0);
		assert_int_equal(slots_place(&slots), 0);
		for (size_t slot = 0; slot < slots.slot_count; slot++) {
			size_t home, far;

			if (slots.slot[slot] == SLOT_FREE)
				continue;
			home = HASH_SLOT(slots.keys[slots.slot[slot]].hash, slots.slot_count);
			far = (slot - home) & (slots.slot_count - 1);
			assert_true(far < HASH_PROBES);
			for (size_t back = 0; back < far; back++)	/* no gap on the way */
				assert_int_not_equal(slots.slot[(home + back) &
						     (slots.slot_count - 1)], SLOT_FREE);
		}
		slots_free(&slots);
	}
	for (uint32_t j = 0; j <= HASH_PROBES; j++)
		assert_int_equal(slots_add(&slots, 77, j), 0);
	assert_int_equal(slots_place(&slots), -E2BIG);
	slots_free(&slots);
}

/* --- the running system --------------------------------------------------------------------- */

static char directory[] = "/tmp/ringfence-paths-XXXXXX";

static int directory_make(void **state)
{
	(void)state;
	if (!mkdtemp(directory) || chdir(directory))
		return -1;
	return mkdir("dir", 0700) || mkdir("dir/with space", 0700) ||
	       mkdir("dir/back\\040", 0700) || mkdir("dirs", 0700) ||
	       symlink("dir", "link") || symlink("loop", "loop") ||
	       close(open("file", O_CREAT | O_WRONLY, 0600));
}

static int directory_remove(void **state)
{
	(void)state;
	return unlink("file") || unlink("loop") || unlink("link") || rmdir("dirs") ||
	       rmdir("dir/back\\040") || rmdir("dir/with space") || unlink("mounts") ||
	       rmdir("dir") || chdir("/") || rmdir(directory);
}

static const char *in_directory(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s%s", directory, *name ? "/" : "", name);
	return path;
}

static void check_identity(const struct path_identity *identity, const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(identity->ino, st.st_ino);
	assert_int_equal(identity->dev, major(st.st_dev) << 20 | minor(st.st_dev));
	assert_int_equal(identity->directory, S_ISDIR(st.st_mode));
}

static void find_one(const char *name, const char *real)
{
	struct path_identity *list = NULL;
	size_t count = 0;

	assert_int_equal(path_resolver_system.find(path_resolver_system.ctx, in_directory(name),
						   true, &list, &count), 0);
	assert_int_equal(count, real ? 1 : 0);
	if (real)
		check_identity(&list[0], in_directory(real));
	free(list);
}

static void test_system_identity(void **state)
{
	char longer[300];

	(void)state;
	find_one("file", "file");
	find_one("dir", "dir");
	find_one("link", "dir");
	find_one("absent", NULL);
	find_one("file/below", NULL);
	find_one("loop", NULL);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	find_one(longer, NULL);
}

/* /proc is mounted wherever this runs. */
static void test_system_mounts(void **state)
{
	struct path_identity *list = NULL;
	struct stat st;
	size_t count = 0, i;

	(void)state;
	assert_int_equal(stat("/proc", &st), 0);
	assert_int_equal(path_resolver_system.find(NULL, "/", true, &list, &count), 0);
	check_identity(&list[0], "/");
	for (i = 1; i < count; i++)
		if (list[i].ino == st.st_ino &&
		    list[i].dev == (major(st.st_dev) << 20 | minor(st.st_dev)))
			break;
	assert_true(i < count);
	free(list);
	list = NULL;
	assert_int_equal(path_resolver_system.find(NULL, "/", false, &list, &count), 0);
	assert_int_equal(count, 1);
	free(list);
}

/* A mount table of our own: what is below the directory counts, escapes are undone, and what
 * cannot be looked at is left out. */
static void test_mount_table(void **state)
{
	struct path_identity *list = NULL;
	size_t count = 0;
	FILE *file = fopen("mounts", "w");

	(void)state;
	assert_non_null(file);
	fprintf(file, "20 1 8:1 / / rw - ext4 /dev/a rw\n"
		"21 20 8:2 / %1$s/dir rw - ext4 /dev/a rw\n"
		"22 20 8:2 / %1$s/dir/with\\040space rw shared:1 - ext4 /dev/a rw\n"
		"23 20 8:2 / %1$s/dir/back\\134040 rw - ext4 /dev/a rw\n"
		"24 20 8:2 / %1$s/dir/absent rw - ext4 /dev/a rw\n"
		"25 20 8:2 / %1$s/dirs rw - ext4 /dev/a rw\n"
		"26 20 8:2\n\n", directory);
	fclose(file);
	assert_int_equal(path_resolver_system.find((void *)"mounts", in_directory("link"), true,
						   &list, &count), 0);
	assert_int_equal(count, 3);
	check_identity(&list[0], in_directory("dir"));
	check_identity(&list[1], in_directory("dir/with space"));
	check_identity(&list[2], in_directory("dir/back\\040"));
	free(list);
}

/* The directory is known under its other name; the file system mounted below it as well. */
static void test_system_compiled(void **state)
{
	const struct path_resolver resolver = {
		.find = path_resolver_system.find,
		.ctx = (void *)"mounts",
	};
	struct inode_id chain = { 0 };
	struct ruleset *image;
	struct stat st;
	char tree[300];

	(void)state;
	build_begin();
	build_service();
	snprintf(tree, sizeof(tree), "%s/", in_directory("link"));
	build_path(CLASS_FILE, tree);
	build_path(CLASS_FILE, in_directory("dirs"));		/* warns: a directory */
	build_rule(VERDICT_DENY, EPERM);
	image = compile_ok(&resolver, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(in_directory(i ? "dir" : "dir/with space"), &st), 0);
		chain.ino = st.st_ino;
		chain.dev = (__u32)(major(st.st_dev) << 20 | minor(st.st_dev));
		assert_int_equal(image_decide_path(image, CLASS_FILE, ACCESS_READ, "/elsewhere",
						   &chain, 1).rule, 0);
		assert_int_equal(image_decide_path(image, CLASS_EXEC, ACCESS_READ, "/elsewhere",
						   &chain, 1).rule, RULE_DEFAULT);
	}
	free(image);
	build_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_policies),
		cmocka_unit_test(test_exact_and_tree),
		cmocka_unit_test(test_root_tree),
		cmocka_unit_test(test_longest_paths),
		cmocka_unit_test(test_deep_chain),
		cmocka_unit_test(test_conflicts_name_both),
		cmocka_unit_test(test_resolver_fails),
		cmocka_unit_test(test_many_paths),
		cmocka_unit_test(test_slots_reach),
		cmocka_unit_test(test_system_identity),
		cmocka_unit_test(test_system_mounts),
		cmocka_unit_test(test_mount_table),
		cmocka_unit_test(test_system_compiled),
	};

	return cmocka_run_group_tests_name("paths", tests, directory_make, directory_remove);
}
