/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ruleset as a whole: header, rules and strings, from a text as a user writes it; and the store
 * of strings below it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "build_policy.h"
#include "policy/compile.h"
#include "policy/image.h"
#include "policy/intern.h"

static const char text[] =
	"tag: mysql-deploy\n"
	"mode: enforce\n"
	"services:\n"
	"  github:\n"
	"    nets: [192.30.252.0/22, \"2a0a:a440::/29\"]\n"
	"    ports: [22, 443/tcp]\n"
	"    execs: [/usr/bin/gh]\n"
	"  mirror:\n"
	"    files: [/srv/mirror/, /etc/mirror.conf]\n"
	"rules:\n"
	"  - deny: github\n"
	"    errno: EHOSTUNREACH\n"
	"    why: must deploy while GitHub is down\n"
	"  - allow: mirror\n"
	"    access: read\n"
	"default: {net: audit, file: deny}\n"
	"on_log_failure: deny\n";

static struct ruleset *compile_text(const char *source, uint64_t generation)
{
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_parse("mysql.yaml", source, strlen(source), NULL, &diags, &policy),
			 0);
	assert_int_equal(policy_compile(policy, NULL, generation, &diags, &image), 0);
	assert_int_equal(diags.count, 0);
	assert_int_equal(image_verify(image, image->size), 0);
	policy_free(policy);
	diags_free(&diags);
	return image;
}

static struct decision net(const struct ruleset *image, const char *address, uint16_t port,
			   enum protocol proto)
{
	uint8_t addr[16];

	build_address(address, addr);
	return image_decide_net(image, addr, port, proto);
}

static void test_header(void **state)
{
	struct ruleset *image = compile_text(text, 0x123456789a);

	(void)state;
	assert_int_equal(memcmp(&image->magic, "RFRULE1", 8), 0);
	assert_int_equal(image->generation, 0x123456789a);
	assert_int_equal(image->version, ABI_VERSION);
	assert_int_equal(image->size % RULESET_CHUNK, 0);
	assert_int_equal(image->mode, MODE_ENFORCE);
	assert_int_equal(image->deny_unrecorded, 1);
	assert_int_equal(image->defaults[CLASS_NET], VERDICT_AUDIT);
	assert_int_equal(image->defaults[CLASS_FILE], VERDICT_DENY);
	assert_int_equal(image->defaults[CLASS_EXEC], VERDICT_ALLOW);
	assert_string_equal(image->tag, "mysql-deploy");
	free(image);
}

static void test_rules(void **state)
{
	struct ruleset *image = compile_text(text, 1);
	const struct rule *rule = image_rule(image, 0);

	(void)state;
	assert_int_equal(image->rules_said, 2);
	assert_int_equal(rule->verdict, VERDICT_DENY);
	assert_int_equal(rule->err, -EHOSTUNREACH);
	assert_string_equal(image_string(image, rule->service), "github");
	assert_string_equal(image_string(image, rule->why), "must deploy while GitHub is down");
	assert_string_equal(image_string(image, rule->name), "deny github");
	assert_string_equal(image_string(image, rule->where), "mysql.yaml:11");
	rule = image_rule(image, 1);
	assert_int_equal(rule->verdict, VERDICT_ALLOW);
	assert_int_equal(rule->why, 0);
	assert_string_equal(image_string(image, rule->name), "allow mirror");
	free(image);
}

/* Every string begins at a multiple of 8 and is padded with zeros up to the next. */
static void test_strings(void **state)
{
	struct ruleset *image = compile_text(text, 1);
	const char *strings = (const char *)image + image->strings.off;

	(void)state;
	assert_int_equal(image->strings.off % 8, 0);
	for (size_t i = 0; i < image->strings.count;) {
		size_t end = i + strlen(strings + i), next = (end / 8 + 1) * 8;

		assert_true(next <= image->strings.count);
		for (; end < next; end++)
			assert_int_equal(strings[end], 0);
		i = next;
	}
	free(image);
}

static void test_decisions(void **state)
{
	struct ruleset *image = compile_text(text, 1);
	struct decision decision = net(image, "192.30.255.255", 22, PROTO_UDP);

	(void)state;
	assert_int_equal(decision.verdict, VERDICT_DENY);
	assert_int_equal(decision.err, -EHOSTUNREACH);
	assert_int_equal(decision.rule, 0);
	assert_int_equal(net(image, "2a0a:a447:ffff::1", 443, PROTO_TCP).rule, 0);
	assert_int_equal(net(image, "2a0a:a447:ffff::1", 443, PROTO_UDP).rule, RULE_DEFAULT);
	assert_int_equal(net(image, "192.31.0.0", 22, PROTO_TCP).verdict, VERDICT_AUDIT);
	decision = image_decide_path(image, CLASS_FILE, ACCESS_READ, "/srv/mirror/a", NULL, 0);
	assert_int_equal(decision.rule, 1);
	decision = image_decide_path(image, CLASS_FILE, ACCESS_WRITE, "/srv/mirror/a", NULL, 0);
	assert_int_equal(decision.rule, RULE_DEFAULT);
	assert_int_equal(decision.err, -EPERM);
	decision = image_decide_path(image, CLASS_FILE, ACCESS_READ | ACCESS_WRITE,
				     "/etc/mirror.conf", NULL, 0);
	assert_int_equal(decision.verdict, VERDICT_DENY);
	decision = image_decide_path(image, CLASS_EXEC, ACCESS_READ, "/usr/bin/gh", NULL, 0);
	assert_int_equal(decision.rule, 0);
	free(image);
}

/* The same policy is the same image, byte for byte. */
static void test_repeatable(void **state)
{
	struct ruleset *one = compile_text(text, 5), *other = compile_text(text, 5);

	(void)state;
	assert_int_equal(one->size, other->size);
	assert_memory_equal(one, other, one->size);
	free(one);
	free(other);
}

/* A service that no rule names costs nothing. */
static void test_unused_service(void **state)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	(void)state;
	build_begin();
	build_service();
	build_net("10.0.0.0", 8);
	build_path(CLASS_FILE, "/a");
	build_path(CLASS_EXEC, "/b");
	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), 0);
	assert_int_equal(image_verify(image, image->size), 0);
	assert_int_equal(image->v4_start.count, 0);
	assert_int_equal(image->port_maps.count, 0);
	assert_int_equal(image->paths[CLASS_FILE].count, 0);
	assert_int_equal(image->paths[CLASS_EXEC].count, 0);
	assert_int_equal(image->rules.count, 0);
	assert_int_equal(image->size, RULESET_CHUNK);
	free(image);
	build_end();
}

/* An exec reads: a rule about writing has no say over it. */
static void test_exec_counts_as_read(void **state)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	(void)state;
	build_begin();
	build_service();
	build_path(CLASS_FILE, "/a");
	build_path(CLASS_EXEC, "/b");
	build_rule(VERDICT_AUDIT, EPERM)->access = ACCESS_READ;
	build_rule(VERDICT_DENY, EPERM)->access = ACCESS_WRITE;
	build_service();
	build_path(CLASS_EXEC, "/b");
	build_rule(VERDICT_ALLOW, EPERM)->access = ACCESS_WRITE;	/* no conflict either */
	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), 0);
	assert_int_equal(image_decide_path(image, CLASS_EXEC, ACCESS_READ, "/b", NULL, 0).rule, 0);
	assert_int_equal(image_decide_path(image, CLASS_FILE, ACCESS_WRITE, "/a", NULL, 0).rule, 1);
	free(image);
	build_end();
}

/* Everything that is wrong is said in one go, where the second rule's service says it. */
static void test_conflicts_in_a_text(void **state)
{
	static const char source[] =
		"tag: t\n"
		"services:\n"
		"  a:\n"
		"    nets: [10.0.0.0/8]\n"
		"    files: [/x]\n"
		"  b:\n"
		"    nets: [10.0.0.0/8]\n"
		"  c:\n"
		"    files: [/x]\n"
		"rules:\n"
		"  - deny: a\n"
		"  - allow: b\n"
		"  - audit: c\n";
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	(void)state;
	assert_int_equal(policy_parse("t.yaml", source, strlen(source), NULL, &diags, &policy), 0);
	assert_int_equal(policy_compile(policy, NULL, 1, &diags, &image), -EINVAL);
	assert_null(image);
	assert_int_equal(diags.errors, 2);
	assert_string_equal(diags.list[0].message,
			    "rules \"deny a\" with EPERM (t.yaml:11) and \"allow b\" (t.yaml:12) "
			    "disagree on 10.0.0.0/8 ports 0-65535 and are equally specific");
	assert_int_equal(diags.list[0].where.line, 7);
	assert_int_equal(diags.list[0].where.col, 12);
	assert_string_equal(diags.list[1].message,
			    "rules \"deny a\" with EPERM (t.yaml:11) and \"audit c\" (t.yaml:13) "
			    "disagree on reading /x and are equally specific");
	assert_int_equal(diags.list[1].where.line, 9);
	policy_free(policy);
	diags_free(&diags);
}

static void compile_too_big(const char *message)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), -E2BIG);
	assert_null(image);
	assert_int_equal(diags.errors, 1);
	assert_string_equal(diags.list[0].message, message);
	diags_free(&diags);
}

static void test_limits(void **state)
{
	char tag[TAG_NAME_MAX + 1];
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	(void)state;
	memset(tag, 'x', sizeof(tag));
	tag[TAG_NAME_MAX] = '\0';
	build_begin();
	build.tag = tag;
	compile_too_big("the tag is too long");
	tag[TAG_NAME_MAX - 1] = '\0';
	build_service();
	build_net("10.0.0.0", 8);
	for (int i = 0; i < RULE_COUNT_MAX; i++)
		build_rule(VERDICT_DENY, EPERM);
	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), 0);
	assert_int_equal(image_verify(image, image->size), 0);
	assert_int_equal(net(image, "10.1.1.1", 1, PROTO_TCP).rule, 0);
	free(image);
	build_rule(VERDICT_DENY, EPERM);
	compile_too_big("the policy has too many rules");
	build_end();
}

/* As many rules as there may be, one net and one path each, so that nothing can be shared. */
static void test_many_rules(void **state)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };
	struct decision decision;
	char path[32];

	(void)state;
	build_begin();
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t number = htonl(0x0a000000 | i << 8);
		uint8_t addr[16] = { [10] = 0xff, [11] = 0xff };

		memcpy(addr + 12, &number, 4);
		snprintf(path, sizeof(path), "/srv/%u/", i);
		build_service();
		build_net_bytes(addr, 120);
		build_ports((uint16_t)i, (uint16_t)i, PROTO_ALL);
		build_path(CLASS_FILE, path);
		build_rule(VERDICT_DENY, 1 + (int)i % 100);
	}
	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), 0);
	assert_int_equal(diags.count, 0);
	for (uint32_t i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "10.%u.%u.77", i >> 8, i & 255);
		assert_int_equal(net(image, path, (uint16_t)i, PROTO_UDP).rule, i);
		assert_int_equal(net(image, path, (uint16_t)(i + 1), PROTO_UDP).rule, RULE_DEFAULT);
		snprintf(path, sizeof(path), "/srv/%u/x", i);
		decision = image_decide_path(image, CLASS_FILE, ACCESS_READ, path, NULL, 0);
		assert_int_equal(decision.err, -(1 + (int)i % 100));
	}
	free(image);
	build_end();
}

/* --- interned strings ----------------------------------------------------------------------- */

static void test_launchers(void **state)
{
	struct ruleset *image = compile_text("tag: t\nusers: [deploy, 1001]\ngroups: [deployers]\n"
					     "services: {a: {nets: [192.0.2.1]}}\n"
					     "rules: [{deny: a}]\n", 1);

	(void)state;
	assert_int_equal(image_verify(image, image->size), 0);
	assert_string_equal(image_name(image, image->users, 0), "deploy");
	assert_string_equal(image_name(image, image->users, 1), "1001");
	assert_null(image_name(image, image->users, 2));
	assert_string_equal(image_name(image, image->groups, 0), "deployers");
	assert_null(image_name(image, image->groups, 1));
	free(image);
}

static void test_enter(void **state)
{
	struct ruleset *image = compile_text("tag: t\nservices: {a: {nets: [192.0.2.1]}}\n"
					     "rules: [{deny: a}]\n"
					     "enter: {execs: [/bin/deploy, /srv/d/], units: [d.service]}\n", 1);

	(void)state;
	assert_int_equal(image_verify(image, image->size), 0);
	assert_string_equal(image_name(image, image->enter_execs, 0), "/bin/deploy");
	assert_string_equal(image_name(image, image->enter_execs, 1), "/srv/d/");
	assert_null(image_name(image, image->enter_execs, 2));
	assert_string_equal(image_name(image, image->enter_cgroups, 0), "d.service");
	assert_null(image_name(image, image->enter_cgroups, 1));
	free(image);
}

static void test_intern(void **state)
{
	struct intern intern = { 0 };
	uint32_t number, again;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		char string[16];
		size_t size = (size_t)snprintf(string, sizeof(string), "%u", i);

		assert_int_equal(intern_add(&intern, string, i ? size : 0, &number), 0);
		assert_int_equal(number, i);
		assert_int_equal(intern.items[number].off % INTERN_ALIGN, 0);
		assert_int_equal(intern_add(&intern, string, i ? size : 0, &again), 0);
		assert_int_equal(again, number);
	}
	assert_int_equal(intern.count, 5000);
	assert_int_equal(intern.items[0].size, 0);
	assert_memory_equal(intern_bytes(&intern, 4999), "4999\0\0\0\0", 8);
	assert_int_equal(intern_add(&intern, "", (size_t)RULESET_MAX + 1, &number), -E2BIG);
	intern_free(&intern);
	assert_int_equal(intern.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_unused_service),
		cmocka_unit_test(test_exec_counts_as_read),
		cmocka_unit_test(test_conflicts_in_a_text),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_launchers),
		cmocka_unit_test(test_enter),
		cmocka_unit_test(test_intern),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
