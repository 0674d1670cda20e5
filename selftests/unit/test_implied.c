/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/compile.h"
#include "policy/image.h"

#define DOCKER "/run/docker.sock"
#define CRONTAB "/etc/crontab"

/* What a policy of these lines decides. */
struct judged {
	struct policy *policy;
	struct ruleset *image;
};

static struct judged judged(const char *lines)
{
	struct judged judged = { 0 };
	struct diags diags = { 0 };
	char *text = NULL;

	assert_true(asprintf(&text, "tag: t\n%s", lines) > 0);
	assert_int_equal(policy_parse("t.yaml", text, strlen(text), NULL, &diags, &judged.policy), 0);
	assert_int_equal(policy_compile(judged.policy, NULL, 1, &diags, &judged.image), 0);
	assert_int_equal(image_verify(judged.image, judged.image->size), 0);
	diags_free(&diags);
	free(text);
	return judged;
}

static void judged_free(struct judged *judged)
{
	policy_free(judged->policy);
	free(judged->image);
}

static const char *service_of(const struct judged *judged, struct decision decision)
{
	const struct rule *rule = image_rule(judged->image, decision.rule);

	return rule ? image_string(judged->image, rule->service) : "";
}

static struct decision talk(const struct judged *judged, const char *path)
{
	return image_decide_path(judged->image, CLASS_SOCKET, ACCESS_READ, path, NULL, 0);
}

static struct decision touch(const struct judged *judged, uint8_t access, const char *path)
{
	return image_decide_path(judged->image, CLASS_FILE, access, path, NULL, 0);
}

/* A policy that says nothing audits what leaves the tree: sockets, and of files what is written. */
static void test_nothing_said(void **state)
{
	struct judged it = judged("");

	(void)state;
	assert_int_equal(talk(&it, DOCKER).verdict, VERDICT_AUDIT);
	assert_string_equal(service_of(&it, talk(&it, DOCKER)), "container-engine");
	assert_int_equal(talk(&it, "/run/user/1000/bus").verdict, VERDICT_AUDIT);
	assert_int_equal(talk(&it, "/run/service/socket").verdict, VERDICT_ALLOW);
	assert_int_equal(touch(&it, ACCESS_WRITE, CRONTAB).verdict, VERDICT_AUDIT);
	assert_int_equal(touch(&it, ACCESS_READ, CRONTAB).verdict, VERDICT_ALLOW);
	assert_int_equal(it.image->rules_said, 0);
	assert_int_equal(it.image->said[CLASS_SOCKET], 0);
	assert_int_equal(it.image->implied[CLASS_SOCKET], ACCESS_READ);
	assert_int_equal(it.image->implied[CLASS_FILE], ACCESS_WRITE);
	assert_false(it.image->names_grant);
	judged_free(&it);
}

/* A rule for the service, by its name, takes the place of the implied one. */
static void test_named_by_a_rule(void **state)
{
	struct judged it = judged("rules: [{deny: container-engine}, {allow: message-bus},"
				  " {deny: job-spools}]\n");

	(void)state;
	assert_int_equal(talk(&it, DOCKER).verdict, VERDICT_DENY);
	assert_int_equal(talk(&it, "/run/dbus/system_bus_socket").verdict, VERDICT_ALLOW);
	assert_int_equal(talk(&it, "/run/user/1000/bus").verdict, VERDICT_AUDIT);
	assert_int_equal(touch(&it, ACCESS_READ, CRONTAB).verdict, VERDICT_DENY);
	assert_int_equal(it.image->rules_said, 3);
	judged_free(&it);
}

/* A service of the same name is the policy's. */
static void test_defined_by_the_policy(void **state)
{
	struct judged it = judged("services: {container-engine: {sockets: [/opt/engine.sock]}}\n"
				  "rules: [{deny: container-engine}]\n");

	(void)state;
	assert_int_equal(talk(&it, "/opt/engine.sock").verdict, VERDICT_DENY);
	assert_int_equal(talk(&it, DOCKER).verdict, VERDICT_ALLOW);
	judged_free(&it);
}

/* Whatever is said goes before what is implied, however much shorter the path. */
static void test_gives_way(void **state)
{
	struct judged it = judged("services: {run: {sockets: [/run/]}, same: {sockets: [" DOCKER "]},"
				  " etc: {files: [/etc/]}}\n"
				  "rules: [{deny: run}, {allow: same}, {deny: etc}]\n");

	(void)state;
	assert_int_equal(talk(&it, DOCKER).verdict, VERDICT_ALLOW);
	assert_string_equal(service_of(&it, talk(&it, DOCKER)), "same");
	assert_int_equal(talk(&it, "/run/user/1000/bus").verdict, VERDICT_DENY);
	assert_int_equal(touch(&it, ACCESS_WRITE, CRONTAB).verdict, VERDICT_DENY);
	assert_true(it.image->names_grant);
	judged_free(&it);
}

/* The same by identity: another, longer name for the same thing does not matter. */
static void test_gives_way_by_identity(void **state)
{
	struct inode_id chain[] = { { .ino = 7, .dev = 1 }, { .ino = 8, .dev = 1 } };
	struct judged it = judged("services: {a: {sockets: [/a/]}}\nrules: [{deny: a}]\n");
	struct ruleset *image = it.image;
	struct decision decision = image_decide_path(image, CLASS_SOCKET, ACCESS_READ, DOCKER, chain, 2);

	(void)state;
	assert_int_equal(decision.verdict, VERDICT_AUDIT);
	decision = image_decide_path(image, CLASS_SOCKET, ACCESS_READ, "/a" DOCKER, chain, 2);
	assert_int_equal(decision.verdict, VERDICT_DENY);
	judged_free(&it);
}

/* It never lets pass what the default denies. */
static void test_default_denies(void **state)
{
	struct judged it = judged("default: {file: deny, socket: deny}\n");

	(void)state;
	assert_int_equal(talk(&it, DOCKER).verdict, VERDICT_DENY);
	assert_int_equal(touch(&it, ACCESS_WRITE, CRONTAB).verdict, VERDICT_DENY);
	assert_int_equal(it.image->implied[CLASS_SOCKET], 0);
	assert_false(it.image->names_grant);
	judged_free(&it);
}

/* What is implied alone is no reason to doubt: a name that cannot be told is not denied. */
static void test_no_doubt(void **state)
{
	struct judged it = judged("");
	char path[PATH_LENGTH_MAX + 8];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	assert_int_equal(talk(&it, path).verdict, VERDICT_ALLOW);
	assert_int_equal(touch(&it, ACCESS_WRITE, path).verdict, VERDICT_ALLOW);
	judged_free(&it);
}

static const char *rule_service(const struct judged *judged, uint8_t access, const char *path)
{
	return service_of(judged, touch(judged, access, path));
}

/* Whether the kernel would record it in that mode. */
static bool is_told(const struct judged *judged, enum mode mode, struct decision decision)
{
	return decision_is_told(judged->image, recording_in(judged->image, mode), &decision);
}

/* What every process reads is not recorded, where all else is; and is no reason to look at a file. */
static void test_system_files(void **state)
{
	struct judged it = judged("");

	(void)state;
	assert_string_equal(rule_service(&it, ACCESS_READ, "/usr/lib/libc.so.6"), "system-files");
	assert_string_equal(rule_service(&it, ACCESS_READ, "/proc/self/status"), "system-files");
	assert_string_equal(rule_service(&it, ACCESS_READ, "/etc/ld.so.cache"), "system-files");
	assert_string_equal(rule_service(&it, ACCESS_WRITE, "/usr/lib/libc.so.6"), "");
	assert_string_equal(rule_service(&it, ACCESS_READ, "/usr.conf"), "");
	assert_string_equal(rule_service(&it, ACCESS_READ, "/etc/hostname"), "");
	assert_string_equal(rule_service(&it, ACCESS_WRITE, "/dev/null"), "null-devices");
	assert_string_equal(rule_service(&it, ACCESS_WRITE, "/dev/sda"), "");
	assert_string_equal(rule_service(&it, ACCESS_WRITE, "/etc/ld.so.preload"), "system-hooks");
	assert_int_equal(touch(&it, ACCESS_READ, "/usr/lib/libc.so.6").verdict, VERDICT_ALLOW);
	assert_false(is_told(&it, MODE_AUDIT, touch(&it, ACCESS_READ, "/usr/lib/libc.so.6")));
	assert_true(is_told(&it, MODE_AUDIT, touch(&it, ACCESS_READ, "/etc/hostname")));
	assert_false(is_told(&it, MODE_ENFORCE, touch(&it, ACCESS_READ, "/etc/hostname")));
	assert_int_equal(it.image->implied[CLASS_FILE], ACCESS_WRITE);
	assert_int_equal(it.image->said[CLASS_FILE], 0);
	judged_free(&it);
}

/* Where what no rule matches is not recorded, the ruleset is without them. */
static void test_system_files_left_out(void **state)
{
	static const char *const records[] = { "denied", "matched" };

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		char lines[64];
		struct judged it;

		snprintf(lines, sizeof(lines), "record: %s\n", records[i]);
		it = judged(lines);
		assert_string_equal(rule_service(&it, ACCESS_READ, "/usr/lib/libc.so.6"), "");
		assert_string_equal(rule_service(&it, ACCESS_WRITE, "/etc/ld.so.preload"), "system-hooks");
		assert_false(is_told(&it, MODE_AUDIT, touch(&it, ACCESS_READ, "/etc/hostname")));
		judged_free(&it);
	}
}

/* A policy may have its own mind about them. */
static void test_system_files_named(void **state)
{
	struct judged it = judged("services: {share: {files: [/usr/share/secret/]}}\n"
				  "rules: [{deny: share}, {audit: null-devices}]\n");

	(void)state;
	assert_int_equal(touch(&it, ACCESS_READ, "/usr/share/secret/x").verdict, VERDICT_DENY);
	assert_int_equal(touch(&it, ACCESS_READ, "/usr/share/public").verdict, VERDICT_ALLOW);
	assert_int_equal(touch(&it, ACCESS_WRITE, "/dev/null").verdict, VERDICT_AUDIT);
	judged_free(&it);
	it = judged("services: {system-files: {files: [/opt/]}}\n");
	assert_string_equal(rule_service(&it, ACCESS_READ, "/usr/lib/libc.so.6"), "");
	judged_free(&it);
	it = judged("default: {file: audit}\n");
	assert_int_equal(touch(&it, ACCESS_READ, "/usr/lib/libc.so.6").verdict, VERDICT_AUDIT);
	judged_free(&it);
	it = judged("default: {file: deny}\n");
	assert_int_equal(touch(&it, ACCESS_READ, "/usr/lib/libc.so.6").verdict, VERDICT_DENY);
	judged_free(&it);
}

#define BOTH (ACCESS_READ | ACCESS_WRITE)

/* Of a file that is read and written, what is said of either counts before what is not. */
static void test_read_and_written(void **state)
{
	struct judged it = judged("services: {a: {files: [/a]}}\nrules: [{allow: a, access: write}]\n");

	(void)state;
	assert_string_equal(rule_service(&it, BOTH, "/a"), "a");
	assert_true(is_told(&it, MODE_AUDIT, touch(&it, BOTH, "/usr/lib/x")));
	assert_false(is_told(&it, MODE_AUDIT, touch(&it, BOTH, "/dev/null")));
	judged_free(&it);
	it = judged("services: {a: {files: [/a]}}\nrules: [{deny: a, access: write, errno: ENOENT}]\n"
		    "default: {file: deny}\n");
	assert_string_equal(rule_service(&it, BOTH, "/a"), "a");
	assert_int_equal(touch(&it, BOTH, "/a").err, -ENOENT);
	assert_int_equal(touch(&it, ACCESS_READ, "/a").err, -EPERM);
	judged_free(&it);
}

/* What of the allowed is recorded: by a rule of the policy's own, by none, in either mode. */
static void test_record(void **state)
{
	static const struct {
		const char *record;
		bool matched[2], unmatched[2];		/* in audit, in enforce mode */
	} expected[] = {
		{ "", { true, false }, { true, false } },
		{ "record: denied\n", { false, false }, { false, false } },
		{ "record: matched\n", { true, true }, { false, false } },
		{ "record: all\n", { true, true }, { true, true } },
	};
	static const enum mode modes[] = { MODE_AUDIT, MODE_ENFORCE };

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		char lines[160];
		struct judged it;

		snprintf(lines, sizeof(lines), "%sservices: {a: {files: [/a]}}\nrules: [{allow: a}]\n",
			 expected[i].record);
		it = judged(lines);
		for (int mode = 0; mode < 2; mode++) {
			assert_int_equal(is_told(&it, modes[mode], touch(&it, ACCESS_READ, "/a")),
					 expected[i].matched[mode]);
			assert_int_equal(is_told(&it, modes[mode], touch(&it, ACCESS_READ, "/b")),
					 expected[i].unmatched[mode]);
		}
		judged_free(&it);
	}
}

/* The file may be included by its name; then it is still the same. */
static void test_included_by_name(void **state)
{
	static const char *const dirs[] = { "policy/services", NULL };
	static const char text[] = "tag: t\ninclude: [handoff]\nrules: [{deny: message-bus}]\n";
	struct diags diags = { 0 };
	struct judged it = { 0 };

	(void)state;
	assert_int_equal(policy_parse("t.yaml", text, strlen(text), dirs, &diags, &it.policy), 0);
	assert_int_equal(policy_compile(it.policy, NULL, 1, &diags, &it.image), 0);
	assert_int_equal(diags.count, 0);
	assert_int_equal(talk(&it, DOCKER).verdict, VERDICT_AUDIT);
	assert_int_equal(talk(&it, "/run/dbus/system_bus_socket").verdict, VERDICT_DENY);
	diags_free(&diags);
	judged_free(&it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_named_by_a_rule),
		cmocka_unit_test(test_defined_by_the_policy),
		cmocka_unit_test(test_gives_way),
		cmocka_unit_test(test_gives_way_by_identity),
		cmocka_unit_test(test_default_denies),
		cmocka_unit_test(test_no_doubt),
		cmocka_unit_test(test_system_files),
		cmocka_unit_test(test_system_files_left_out),
		cmocka_unit_test(test_system_files_named),
		cmocka_unit_test(test_read_and_written),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_included_by_name),
	};

	return cmocka_run_group_tests_name("implied", tests, NULL, NULL);
}
