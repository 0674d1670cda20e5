/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images as they come from a file or a map: what is not one is refused, and what passes can be
 * evaluated without a read outside it (the sanitizers watch: every image here ends where its memory
 * ends).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "build_policy.h"
#include "policy/compile.h"
#include "policy/consider.h"
#include "policy/image.h"

static struct ruleset *good;

static int find_numbered(void *ctx, const char *path, bool tree, struct path_identity **ret_list,
			 size_t *ret_count)
{
	(void)ctx;
	(void)tree;
	*ret_list = calloc(1, sizeof(**ret_list));
	(*ret_list)->ino = strlen(path);
	(*ret_list)->dev = 1;
	*ret_count = 1;
	return 0;
}

/* Every table has something in it. */
static int good_make(void **state)
{
	const struct path_resolver resolver = { .find = find_numbered };
	struct diags diags = { 0 };

	(void)state;
	build_begin();
	build.defaults[CLASS_NET] = VERDICT_AUDIT;
	build_service();
	for (int i = 0; i < 40; i++) {
		char net[16];

		snprintf(net, sizeof(net), "10.%d.0.0", 2 * i);
		build_net(net, 16);
	}
	build_net("2001:db8::", 32);
	build_ports(80, 90, PROTO_BIT(PROTO_TCP));
	build_ports(85, 85, PROTO_ALL);
	build_path(CLASS_FILE, "/srv/mirror/");
	build_path(CLASS_FILE, "/etc/secret");
	build_path(CLASS_EXEC, "/usr/bin/gh");
	build_need("s1");
	build_need("s2");
	build_rule(VERDICT_DENY, EHOSTUNREACH)->why = (char *)"for the test";
	build_service();
	build_net("10.4.0.0", 24);
	build_rule(VERDICT_ALLOW, EPERM);
	build_service();
	build_need("s0");
	return policy_compile(&build, &resolver, 7, &diags, &good);
}

static int good_free(void **state)
{
	(void)state;
	free(good);
	build_end();
	return 0;
}

static struct ruleset *good_copy(void)
{
	struct ruleset *copy = malloc(good->size);

	assert_non_null(copy);
	memcpy(copy, good, good->size);
	return copy;
}

/* --- verification --------------------------------------------------------------------------- */

static void test_good_passes(void **state)
{
	(void)state;
	assert_int_equal(image_verify(good, good->size), 0);
}

static void test_truncated(void **state)
{
	(void)state;
	for (size_t size = 0; size < good->size; size += size < 1024 ? 1 : 509) {
		void *part = malloc(size ? size : 1);

		memcpy(part, good, size);
		assert_int_equal(image_verify(part, size), -EBADMSG);
		free(part);
	}
	assert_int_equal(image_verify(good, good->size + 1), -EBADMSG);
}

static void test_misaligned(void **state)
{
	char *copy = malloc(good->size + 1);

	(void)state;
	memcpy(copy + 1, good, good->size);
	assert_int_equal(image_verify(copy + 1, good->size), -EBADMSG);
	free(copy);
}

/* Writes @value into the 4 or 8 bytes of a copy at @offset. */
static int verify_with(size_t offset, size_t width, uint64_t value)
{
	struct ruleset *copy = good_copy();
	int err;

	memcpy((char *)copy + offset, &value, width);
	err = image_verify(copy, good->size);
	free(copy);
	return err;
}

#define VERIFY_WITH(field, value) \
	verify_with(offsetof(struct ruleset, field), sizeof(good->field), (uint64_t)(value))

static void test_scalar_fields(void **state)
{
	(void)state;
	assert_int_equal(VERIFY_WITH(generation, 1ULL << 40), 0);	/* any will do */
	assert_int_equal(VERIFY_WITH(magic, RULESET_MAGIC + 1), -EBADMSG);
	assert_int_equal(VERIFY_WITH(version, ABI_VERSION + 1), -EBADMSG);
	assert_int_equal(VERIFY_WITH(version, 0), -EBADMSG);
	assert_int_equal(VERIFY_WITH(size, good->size + RULESET_CHUNK), -EBADMSG);
	assert_int_equal(VERIFY_WITH(size, good->size - RULESET_CHUNK), -EBADMSG);
	assert_int_equal(VERIFY_WITH(mode, MODE_POLICY), -EBADMSG);
	assert_int_equal(VERIFY_WITH(mode, MODE_ENFORCE + 1), -EBADMSG);
	assert_int_equal(VERIFY_WITH(mode, MODE_AUDIT), 0);
	assert_int_equal(VERIFY_WITH(deny_unrecorded, 1), 0);
	assert_int_equal(VERIFY_WITH(deny_unrecorded, 2), -EBADMSG);
	assert_int_equal(VERIFY_WITH(record, RECORDING_ALL), 0);
	assert_int_equal(VERIFY_WITH(record, RECORDING_ALL + 1), -EBADMSG);
	for (int object = 0; object < CLASS_COUNT; object++) {
		assert_int_equal(VERIFY_WITH(defaults[object], VERDICT_DENY), 0);
		assert_int_equal(VERIFY_WITH(defaults[object], VERDICT_DENY + 1), -EBADMSG);
	}
	for (uint32_t shift = 0; shift < 70; shift++)
		assert_int_equal(VERIFY_WITH(v4_shift, shift),
				 shift == good->v4_shift ? 0 : -EBADMSG);
	assert_int_equal(VERIFY_WITH(tag[0], 0), -EBADMSG);
}

static void test_tag_must_end(void **state)
{
	struct ruleset *copy = good_copy();

	(void)state;
	memset(copy->tag, 'x', sizeof(copy->tag));
	assert_int_equal(image_verify(copy, copy->size), -EBADMSG);
	free(copy);
}

/* An entry past the end, an offset out of place, and numbers that overflow. */
static void test_tables(void **state)
{
	static const struct {
		size_t offset, entry;
	} tables[] = {
#define TABLE(name, type) { offsetof(struct ruleset, name), sizeof(type) }
		TABLE(v4_index, uint32_t), TABLE(v4_start, uint32_t), TABLE(v4_map, uint32_t),
		TABLE(v6_start, struct v6_start), TABLE(v6_map, uint32_t),
		TABLE(port_maps, struct port_map), TABLE(port_starts, uint32_t),
		TABLE(paths[CLASS_NET], struct path_entry),
		TABLE(paths[CLASS_FILE], struct path_entry),
		TABLE(paths[CLASS_EXEC], struct path_entry),
		TABLE(paths[CLASS_SOCKET], struct path_entry),
		TABLE(inodes[CLASS_NET], struct inode_entry),
		TABLE(inodes[CLASS_FILE], struct inode_entry),
		TABLE(inodes[CLASS_EXEC], struct inode_entry),
		TABLE(inodes[CLASS_SOCKET], struct inode_entry),
		TABLE(rules, struct rule), TABLE(users, uint32_t), TABLE(groups, uint32_t),
		TABLE(enter_execs, uint32_t), TABLE(enter_cgroups, uint32_t),
		TABLE(waivers, struct waiver), TABLE(needs, struct need), TABLE(strings, char),
#undef TABLE
	};
	/* v4_index … strings are all of the header between v4_shift and tag. */
	assert_int_equal(sizeof(tables) / sizeof(*tables) * sizeof(struct table),
			 offsetof(struct ruleset, tag) - offsetof(struct ruleset, v4_index));

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		const size_t off = tables[i].offset, count = off + offsetof(struct table, count);
		const uint32_t bad_offs[] = {
			1, tables[i].entry - 1, 64, sizeof(struct ruleset) - 64,
			good->size - tables[i].entry + 1, good->size, UINT32_MAX,
			UINT32_MAX - (uint32_t)tables[i].entry + 1,
		};
		const uint32_t bad_counts[] = {
			good->size / (uint32_t)tables[i].entry, UINT32_MAX, 0x10000001, 0x80000003,
		};

		for (size_t j = 0; j < sizeof(bad_offs) / sizeof(*bad_offs); j++)
			assert_int_equal(verify_with(off, 4, bad_offs[j]), -EBADMSG);
		for (size_t j = 0; j < sizeof(bad_counts) / sizeof(*bad_counts); j++)
			assert_int_equal(verify_with(count, 4, bad_counts[j]), -EBADMSG);
	}
	assert_int_equal(VERIFY_WITH(v4_start.count, good->v4_start.count - 1), -EBADMSG);
	assert_int_equal(VERIFY_WITH(v4_map.count, good->v4_map.count - 1), -EBADMSG);
	assert_int_equal(VERIFY_WITH(v4_index.count, good->v4_index.count - 1), -EBADMSG);
	assert_int_equal(VERIFY_WITH(v6_start.count, good->v6_start.count - 1), -EBADMSG);
	assert_int_equal(VERIFY_WITH(paths[CLASS_FILE].count, 15), -EBADMSG);
	assert_int_equal(VERIFY_WITH(inodes[CLASS_EXEC].count, 15), -EBADMSG);
	assert_int_equal(VERIFY_WITH(strings.count, good->strings.count - 1), -EBADMSG);
	assert_int_equal(VERIFY_WITH(strings.count, 0), -EBADMSG);
}

static void assert_need(uint32_t number, const char *service, const char *needs)
{
	struct image_need need = { 0 };

	assert_true(image_need(good, number, &need));
	assert_string_equal(need.service, service);
	assert_string_equal(need.needs, needs);
}

/* Who needs whom, and where the one that does is defined. */
static void test_needs(void **state)
{
	size_t last = good->needs.off + (good->needs.count - 1) * sizeof(struct need);
	struct image_need need = { 0 };
	const char *where = "untouched";

	(void)state;
	assert_int_equal(good->needs.count, 3);
	assert_need(0, "s0", "s1");
	assert_need(1, "s0", "s2");
	assert_need(2, "s2", "s0");
	assert_false(image_need(good, 3, &need));
	assert_false(image_need(good, UINT32_MAX, &need));
	assert_string_equal(image_needs(good, "s0", 1, &where), "s2");
	assert_string_equal(where, "test.yaml:1");
	assert_null(image_needs(good, "s0", 2, &where));
	assert_string_equal(where, "test.yaml:1");
	assert_string_equal(image_needs(good, "s2", 0, NULL), "s0");
	assert_null(image_needs(good, "s1", 0, NULL));
	assert_int_equal(verify_with(last + offsetof(struct need, service), 4, good->strings.count),
			 -EBADMSG);
	assert_int_equal(verify_with(last + offsetof(struct need, needs), 4, UINT32_MAX), -EBADMSG);
	assert_int_equal(verify_with(last + offsetof(struct need, where), 4, 1 << 30), -EBADMSG);
}

static void test_recording(void **state)
{
	struct ruleset *copy = good_copy();

	(void)state;
	assert_int_equal(copy->mode, MODE_ENFORCE);
	assert_string_equal(image_recording(copy, MODE_POLICY), "denied");
	assert_string_equal(image_recording(copy, MODE_AUDIT), "all");
	copy->mode = MODE_AUDIT;
	assert_string_equal(image_recording(copy, MODE_POLICY), "all");
	assert_string_equal(image_recording(copy, MODE_ENFORCE), "denied");
	copy->record = RECORDING_MATCHED;
	assert_string_equal(image_recording(copy, MODE_ENFORCE), "matched");
	assert_string_equal(image_recording(copy, MODE_AUDIT), "matched");
	free(copy);
}

static void test_rules_and_strings(void **state)
{
	size_t first = good->rules.off;

	(void)state;
	assert_int_equal(verify_with(first, 1, VERDICT_DENY + 1), -EBADMSG);
	assert_int_equal(verify_with(first + offsetof(struct rule, err), 2, 1), -EBADMSG);
	assert_int_equal(verify_with(first + offsetof(struct rule, err), 2, 0), -EBADMSG);
	assert_int_equal(verify_with(first + offsetof(struct rule, err), 2, 0x8000), -EBADMSG);
	assert_int_equal(verify_with(first + offsetof(struct rule, service), 4, UINT32_MAX),
			 -EBADMSG);
	assert_int_equal(verify_with(first + offsetof(struct rule, why), 4, good->strings.count),
			 -EBADMSG);
	assert_int_equal(verify_with(first + offsetof(struct rule, name), 4, 1 << 30), -EBADMSG);
	assert_int_equal(verify_with(first + offsetof(struct rule, where), 4, 1 << 30), -EBADMSG);
	assert_int_equal(verify_with(good->strings.off, 1, 'x'), -EBADMSG);
	assert_int_equal(verify_with(good->strings.off + good->strings.count - 1, 1, 'x'),
			 -EBADMSG);
}

/* --- what passes does no harm --------------------------------------------------------------- */

static void consider(const struct ruleset *image, const char *path, const struct inode_id chain[2])
{
	struct consideration list;
	uint8_t addr[16];

	build_address(path[0] == '/' ? "10.4.0.9" : "2001:db8::1", addr);
	assert_int_equal(consider_net(image, NULL, addr, 85, (enum protocol)(path[0] % 4), &list), 0);
	consideration_free(&list);
	assert_int_equal(consider_open(image, NULL, ACCESS_READ, path, chain, 2, &list), 0);
	consideration_free(&list);
	assert_int_equal(consider_socket(image, NULL, path, chain, 2, &list), 0);
	consideration_free(&list);
}

static void evaluate(const struct ruleset *image)
{
	static const char *const paths[] = {
		"/srv/mirror", "/srv/mirror/x/y", "/etc/secret", "/usr/bin/gh", "", "x", "/",
	};
	const struct inode_id chain[] = { { .ino = 11, .dev = 1 }, { .ino = 1, .dev = 1 } };
	uint8_t addr[16];

	for (int i = 0; i < 48; i++) {
		build_address(i % 3 ? "10.4.0.9" : "2001:db8::1", addr);
		addr[12 + i % 4] ^= (uint8_t)(1 << i / 6);
		image_decide_net(image, addr, (uint16_t)(80 + i), (enum protocol)(i % 4));
	}
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		for (int object = CLASS_FILE; object < CLASS_COUNT; object++)
			image_decide_path(image, (enum object_class)object,
					  ACCESS_READ | ACCESS_WRITE, paths[i], chain, 2);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		consider(image, paths[i], chain);
	for (uint32_t i = 0; i <= image->rules.count; i++) {
		const struct rule *rule = image_rule(image, (uint16_t)i);

		if (rule)
			assert_true(strlen(image_string(image, rule->name)) < image->size);
	}
}

/* Every bit of the header's fields, one after the other. */
static void test_flipped_header(void **state)
{
	struct ruleset *copy = good_copy();
	size_t refused = 0, bits = 8 * offsetof(struct ruleset, path_filter);

	(void)state;
	for (size_t bit = 0; bit < bits; bit++) {
		((uint8_t *)copy)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (image_verify(copy, good->size))
			refused++;
		else
			evaluate(copy);
		((uint8_t *)copy)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* The generation, the letters of the tag, and offsets that stay in the image may pass. */
	assert_true(refused > bits / 4);
	free(copy);
}

/* Several random bytes anywhere, most of them where something stands. */
static void test_damaged_anywhere(void **state)
{
	struct ruleset *copy = good_copy();
	uint32_t end = good->strings.off + good->strings.count;
	size_t passed = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		for (uint32_t i = 1 + build_random(8); i; i--) {
			uint32_t from = build_random(4) ? sizeof(struct ruleset) : 0;

			((uint8_t *)copy)[from + build_random(end - from)] =
				(uint8_t)(build_random(3) ? build_random(256) : 0xff);
		}
		if (!image_verify(copy, good->size)) {
			passed++;
			evaluate(copy);
		}
		memcpy(copy, good, good->size);
	}
	assert_true(passed > 1000);
	free(copy);
}

/* --- reading -------------------------------------------------------------------------------- */

/* What may not be executed may not be read, and what may not be read may not be executed. */
static void test_open_and_exec(void **state)
{
	static const struct {
		const char *path;
		enum verdict read, write, exec;
		enum object_class read_by, exec_by;
	} cases[] = {
		{ "/srv/mirror/x", VERDICT_DENY, VERDICT_DENY, VERDICT_DENY, CLASS_FILE, CLASS_FILE },
		{ "/usr/bin/gh", VERDICT_DENY, VERDICT_ALLOW, VERDICT_DENY, CLASS_EXEC, CLASS_EXEC },
		{ "/usr/bin/other", VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW, CLASS_FILE, CLASS_EXEC },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *path = cases[i].path;
		enum object_class object;

		assert_int_equal(image_decide_open(good, ACCESS_READ, path, NULL, 0, &object).verdict,
				 cases[i].read);
		assert_int_equal(object, cases[i].read_by);
		assert_int_equal(image_decide_open(good, ACCESS_WRITE, path, NULL, 0, &object).verdict,
				 cases[i].write);
		assert_int_equal(object, CLASS_FILE);
		assert_int_equal(image_decide_exec(good, path, NULL, 0, &object).verdict, cases[i].exec);
		assert_int_equal(object, cases[i].exec_by);
	}
}

static void test_entries_of_paths(void **state)
{
	(void)state;
	assert_non_null(image_path(good, CLASS_FILE, "/srv/mirror", PATH_TREE));
	assert_int_equal(image_path(good, CLASS_FILE, "/srv/mirror", PATH_TREE)->rule[0], 0);
	assert_non_null(image_path(good, CLASS_EXEC, "/usr/bin/gh", PATH_EXACT));
	assert_null(image_path(good, CLASS_FILE, "/srv/mirror", PATH_EXACT));
	assert_null(image_path(good, CLASS_FILE, "/usr/bin/gh", PATH_EXACT));
	assert_null(image_path(good, CLASS_FILE, "/srv", PATH_TREE));
	assert_null(image_path(good, CLASS_SOCKET, "/srv/mirror", PATH_TREE));
}

static void test_rule_and_string(void **state)
{
	const struct rule *rule = image_rule(good, 0);

	(void)state;
	assert_non_null(rule);
	assert_string_equal(image_string(good, rule->name), "deny s0");
	assert_string_equal(image_string(good, rule->why), "for the test");
	assert_non_null(image_rule(good, 1));
	assert_null(image_rule(good, 2));
	for (uint32_t number = RULE_SPECIAL; number <= UINT16_MAX; number++)
		assert_null(image_rule(good, (uint16_t)number));
	assert_string_equal(image_string(good, 0), "");
	assert_string_equal(image_string(good, good->strings.count), "");
	assert_string_equal(image_string(good, UINT32_MAX), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_passes),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_misaligned),
		cmocka_unit_test(test_scalar_fields),
		cmocka_unit_test(test_tag_must_end),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_recording),
		cmocka_unit_test(test_rules_and_strings),
		cmocka_unit_test(test_flipped_header),
		cmocka_unit_test(test_damaged_anywhere),
		cmocka_unit_test(test_open_and_exec),
		cmocka_unit_test(test_entries_of_paths),
		cmocka_unit_test(test_rule_and_string),
	};

	return cmocka_run_group_tests_name("image", tests, good_make, good_free);
}
