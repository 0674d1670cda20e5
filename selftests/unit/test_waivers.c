/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "policy/compile.h"
#include "policy/image.h"

#define DAY (24 * 60 * 60)
#define NS 1000000000ULL

struct judged {
	struct policy *policy;
	struct ruleset *image;
	struct diags diags;
};

/* Two services that are denied, and one waiver whose last day is @days from now. */
static struct judged judged(int days)
{
	struct judged judged = { 0 };
	time_t day = time(NULL) + days * (time_t)DAY;
	char text[1024], until[16];
	struct tm tm;

	strftime(until, sizeof(until), "%Y-%m-%d", gmtime_r(&day, &tm));
	snprintf(text, sizeof(text), "tag: t\nmode: enforce\n"
		 "services:\n"
		 "  site: {nets: [192.0.2.0/24], execs: [/usr/bin/site]}\n"
		 "  other: {nets: [198.51.100.0/24]}\n"
		 "rules: [{deny: site, errno: ENOLINK}, {deny: other}]\n"
		 "waivers: [{service: site, exec: /usr/bin/sync, owner: team, until: %s, why: moving}]\n", until);
	assert_int_equal(policy_parse("t.yaml", text, strlen(text), NULL, &judged.diags, &judged.policy), 0);
	assert_int_equal(policy_compile(judged.policy, NULL, 7, &judged.diags, &judged.image), 0);
	assert_int_equal(image_verify(judged.image, judged.image->size), 0);
	return judged;
}

static void judged_free(struct judged *judged)
{
	policy_free(judged->policy);
	free(judged->image);
	diags_free(&judged->diags);
}

static struct decision reach(const struct judged *judged, const char *what)
{
	uint8_t addr[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 };

	if (strcmp(what, "site"))
		memcpy(addr + 12, (const uint8_t[]){ 198, 51, 100, 1 }, 4);
	return image_decide_net(judged->image, addr, 443, PROTO_TCP);
}

static uint64_t now_ns(void)
{
	return time(NULL) * NS;
}

static void test_applies(void **state)
{
	struct judged it = judged(100);
	struct decision site = reach(&it, "site"), other = reach(&it, "other"), exec;
	uint32_t waived = image_waivers_of(it.image, "/usr/bin/sync");
	const struct waiver *waiver;
	const struct rule *rule;

	(void)state;
	assert_int_equal(it.diags.count, 0);
	assert_int_equal(waived, 1);
	assert_int_equal(image_waivers_of(it.image, "/usr/bin/sync2"), 0);
	assert_int_equal(image_waivers_of(it.image, "/usr/bin"), 0);
	assert_int_equal(site.verdict, VERDICT_DENY);
	assert_int_equal(site.err, -ENOLINK);

	assert_false(image_waive(it.image, 0, now_ns(), &site));
	assert_int_equal(site.verdict, VERDICT_DENY);
	assert_true(image_waive(it.image, waived, now_ns(), &site));
	assert_int_equal(site.verdict, VERDICT_AUDIT);
	assert_int_equal(site.err, 0);
	rule = image_rule(it.image, site.rule);
	assert_string_equal(image_string(it.image, rule->name), "waiver site (team)");
	assert_string_equal(image_string(it.image, rule->why), "moving");
	assert_string_equal(image_string(it.image, rule->where), "t.yaml:7");
	assert_string_equal(image_string(it.image, rule->service), "site");
	waiver = image_waiver(it.image, site.rule);
	assert_non_null(waiver);
	assert_string_equal(image_string(it.image, waiver->owner), "team");

	assert_false(image_waive(it.image, waived, now_ns(), &other));
	assert_int_equal(other.verdict, VERDICT_DENY);
	assert_null(image_waiver(it.image, other.rule));

	exec = image_decide_path(it.image, CLASS_EXEC, ACCESS_READ, "/usr/bin/site", NULL, 0);
	assert_int_equal(exec.verdict, VERDICT_DENY);
	assert_true(image_waive(it.image, waived, now_ns(), &exec));
	judged_free(&it);
}

/* Its last day is one of those on which it applies. */
static void test_ends(void **state)
{
	struct judged it = judged(0);
	uint64_t end = (time(NULL) / DAY + 1) * DAY * NS;
	struct decision site = reach(&it, "site");

	(void)state;
	assert_int_equal(it.diags.count, 1);		/* soon */
	assert_false(image_waive(it.image, 1, end, &site));
	assert_true(image_waive(it.image, 1, end - 1, &site));
	judged_free(&it);
}

static void assert_warned(int days, const char *text)
{
	struct judged it = judged(days);
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	diags_print(&it.diags, out, false);
	fclose(out);
	assert_int_equal(it.diags.errors, 0);
	if (text)
		assert_non_null(strstr(printed, text));
	else
		assert_string_equal(printed, "");
	free(printed);
	judged_free(&it);
}

static void test_warnings(void **state)
{
	(void)state;
	assert_warned(-1, "t.yaml:7:68: warning: expired: this waiver does not apply any more");
	assert_warned(0, "this waiver ends in 1 day");
	assert_warned(13, "this waiver ends in 14 days");
	assert_warned(14, NULL);
}

static void test_expired_does_not_apply(void **state)
{
	struct judged it = judged(-1);
	struct decision site = reach(&it, "site");

	(void)state;
	assert_false(image_waive(it.image, 1, now_ns(), &site));
	assert_int_equal(site.verdict, VERDICT_DENY);
	judged_free(&it);
}

/* Of two that deny the same, one would be waived with the other. */
static void test_same_object_of_another(void **state)
{
	static const char text[] = "tag: t\nmode: enforce\n"
		"services: {one: {nets: [192.0.2.0/24]}, other: {nets: [192.0.2.0/24]}}\n"
		"rules: [{deny: one}, {deny: other}]\n";
	static const char waiver[] = "waivers: [{service: one, exec: /usr/bin/sync, owner: team, until: 2099-12-31}]\n";

	(void)state;
	for (int waived = 0; waived < 2; waived++) {
		struct policy *policy = NULL;
		struct ruleset *image = NULL;
		struct diags diags = { 0 };
		char both[1024];

		snprintf(both, sizeof(both), "%s%s", text, waived ? waiver : "");
		assert_int_equal(policy_parse("t.yaml", both, strlen(both), NULL, &diags, &policy), 0);
		assert_int_equal(policy_compile(policy, NULL, 1, &diags, &image), waived ? -EINVAL : 0);
		policy_free(policy);
		free(image);
		diags_free(&diags);
	}
}

static void test_far_future(void **state)
{
	static const char text[] = "tag: t\nservices: {one: {nets: [192.0.2.0/24]}}\nrules: [{deny: one}]\n"
		"waivers: [{service: one, exec: /usr/bin/sync, owner: team, until: 2560-01-01}]\n";
	struct policy *policy = NULL;
	struct diags diags = { 0 };

	(void)state;
	assert_int_equal(policy_parse("t.yaml", text, strlen(text), NULL, &diags, &policy), -EINVAL);
	diags_free(&diags);
}

/* What one service denies is waived, and not what another does by the way: who opens a file for both kinds of
 * access is denied by two rules, though one of them is the weightier. */
static void test_two_rules_at_once(void **state)
{
	static const char text[] = "tag: t\nmode: enforce\n"
		"services: {tree: {files: [/srv/]}, kept: {files: [/srv/kept]}}\n"
		"rules: [{deny: tree}, {deny: kept, access: write}]\n"
		"waivers: [{service: tree, exec: /usr/bin/sync, owner: team, until: 2099-12-31}]\n";
	static const struct {
		const char *path;
		uint8_t access;
		bool waived;
	} cases[] = {
		{ "/srv/kept", ACCESS_READ, true },
		{ "/srv/kept", ACCESS_WRITE, false },
		{ "/srv/kept", ACCESS_READ | ACCESS_WRITE, false },
		{ "/srv/other", ACCESS_READ, true },
		{ "/srv/other", ACCESS_WRITE, true },
		{ "/srv/other", ACCESS_READ | ACCESS_WRITE, true },
	};
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	(void)state;
	assert_int_equal(policy_parse("t.yaml", text, strlen(text), NULL, &diags, &policy), 0);
	assert_int_equal(policy_compile(policy, NULL, 7, &diags, &image), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct decision decision = image_decide_path(image, CLASS_FILE, cases[i].access, cases[i].path,
							     NULL, 0);

		assert_int_equal(decision.verdict, VERDICT_DENY);
		assert_int_equal(image_waive(image, 1, now_ns(), &decision), cases[i].waived);
		assert_int_equal(decision.verdict, cases[i].waived ? VERDICT_AUDIT : VERDICT_DENY);
	}
	policy_free(policy);
	free(image);
	diags_free(&diags);
}

/* Doubt is no rule: nothing waives it. */
static void test_doubt(void **state)
{
	struct judged it = judged(100);
	struct decision doubt = decision_doubt(RULE_UNRESOLVED);

	(void)state;
	assert_false(image_waive(it.image, 1, now_ns(), &doubt));
	assert_int_equal(doubt.verdict, VERDICT_DENY);
	judged_free(&it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_applies),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_expired_does_not_apply),
		cmocka_unit_test(test_same_object_of_another),
		cmocka_unit_test(test_far_future),
		cmocka_unit_test(test_two_rules_at_once),
		cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
