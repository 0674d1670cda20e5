/* SPDX-License-Identifier: BSD-2-Clause */
/* What persons say of dependencies: good lists, and what is wrong with bad ones, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "policy/kinds.h"

#define REST "\n  by: alice\n  why: x\n"

static void reads_overrides(void **state)
{
	static const char text[] =
		"# reviewed by the platform team\n"
		"- id: github/hidden/schema-tool\n  kind: direct\n  by: alice\n  why: the check is wanted\n"
		"- {service: releases, step: curl, kind: transient, by: bob, why: it asks others}\n";
	struct diags diags = { 0 };
	struct kinds kinds;

	(void)state;
	assert_int_equal(kinds_parse("kinds.yaml", text, strlen(text), &diags, &kinds), 0);
	assert_int_equal(kinds.count, 2);
	assert_string_equal(kinds.list[0].id, "github/hidden/schema-tool");
	assert_int_equal(kinds.list[0].kind, KIND_DIRECT);
	assert_string_equal(kinds.list[0].by, "alice");
	assert_string_equal(kinds.list[0].why, "the check is wanted");
	assert_int_equal(kinds.list[0].where.line, 2);
	assert_null(kinds.list[1].id);
	assert_string_equal(kinds.list[1].service, "releases");
	assert_string_equal(kinds.list[1].step, "curl");
	assert_int_equal(kinds.list[1].kind, KIND_TRANSIENT);
	kinds_free(&kinds);
	diags_free(&diags);
}

static void reads_an_empty_list(void **state)
{
	static const char *const texts[] = { "", "# nothing yet\n", "[]\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct diags diags = { 0 };
		struct kinds kinds;

		assert_int_equal(kinds_parse("kinds.yaml", texts[i], strlen(texts[i]), &diags, &kinds), 0);
		assert_int_equal(kinds.count, 0);
		kinds_free(&kinds);
		diags_free(&diags);
	}
}

static const struct {
	const char *text, *fault;
} bad[] = {
	{ "id: x\n", "kinds.yaml:1:1: the file is a list of overrides" },
	{ "- x\n", "kinds.yaml:1:3: an override is a mapping, not a single value" },
	{ "- kind: direct" REST, "kinds.yaml:1:3: an override of which dependency?" },
	{ "- service: x\n  kind: direct" REST, "kinds.yaml:1:3: an override of which dependency?" },
	{ "- id: x\n  step: y\n  kind: direct" REST, "kinds.yaml:1:3: \"id\" goes with neither \"service\" nor \"step\"" },
	{ "- id: x\n  by: alice\n  why: y\n", "kinds.yaml:1:3: an override without \"kind\"" },
	{ "- id: x\n  kind: direct\n  why: y\n", "kinds.yaml:1:3: an override without \"by\"" },
	{ "- id: x\n  kind: direct\n  by: y\n", "kinds.yaml:1:3: an override without \"why\"" },
	{ "- id: x\n  kind: indirect" REST,
	  "kinds.yaml:2:9: \"indirect\" is not a kind; expected direct, hidden, transient or undecided" },
	{ "- id: x\n  kind: direct\n  who: y" REST,
	  "kinds.yaml:3:3: unknown key \"who\" in an override; expected id, service, step, kind, by or why" },
	{ "- id: [x]\n  kind: direct" REST, "kinds.yaml:1:7: expected the id of a dependency, found a list" },
	{ "- id: x\n kind: direct\n", "kinds.yaml:2:2: " },
};

static void tells_what_is_wrong_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct diags diags = { 0 };
		struct kinds kinds = { .count = 42 };
		char fault[256];

		assert_int_equal(kinds_parse("kinds.yaml", bad[i].text, strlen(bad[i].text), &diags, &kinds), -EINVAL);
		diags_first(&diags, fault, sizeof(fault));
		if (strncmp(fault, bad[i].fault, strlen(bad[i].fault)))
			fail_msg("%s\nhas: %s\nnot: %s", bad[i].text, fault, bad[i].fault);
		assert_int_equal(kinds.count, 42);
		diags_free(&diags);
	}
}

static void tells_that_a_file_is_not_there(void **state)
{
	struct diags diags = { 0 };
	struct kinds kinds;
	char fault[256];

	(void)state;
	assert_int_equal(kinds_read("/nowhere/at/all", &diags, &kinds), -EINVAL);
	diags_first(&diags, fault, sizeof(fault));
	assert_non_null(strstr(fault, "cannot read it"));
	diags_free(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_overrides),
		cmocka_unit_test(reads_an_empty_list),
		cmocka_unit_test(tells_what_is_wrong_and_where),
		cmocka_unit_test(tells_that_a_file_is_not_there),
	};

	return cmocka_run_group_tests_name("kinds", tests, NULL, NULL);
}
