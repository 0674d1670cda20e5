/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/compile.h"
#include "userspace/review/draft.h"

static struct draft draft;
static struct text written;

static int begin(void **state)
{
	(void)state;
	draft = (struct draft){ .tag = strdup("t"), .mode = MODE_ENFORCE, .default_net = VERDICT_DENY };
	return 0;
}

static int finish(void **state)
{
	(void)state;
	draft_free(&draft);
	text_free(&written);
	return 0;
}

/* Writes it, and reads it as a policy. For policy_free(). */
static struct policy *read_back(void)
{
	struct policy *policy = NULL;
	struct diags diags = { 0 };

	draft_write(&draft, &written);
	assert_false(draft.failed || written.failed);
	if (policy_parse("draft", written.data, written.size, NULL, &diags, &policy)) {
		diags_print(&diags, stderr, false);
		fprintf(stderr, "%.*s", (int)written.size, written.data);
		fail();
	}
	diags_free(&diags);
	return policy;
}

static void a_draft_is_a_policy(void **state)
{
	struct draft_service *service = draft_add(&draft, "forge");
	struct policy *policy;

	(void)state;
	draft_list_add(&draft, &draft.about, "What it is.");
	draft_list_add(&draft, &service->nets, "10.0.0.0/8");
	draft_list_add(&draft, &service->nets, "2001:db8::/32");
	draft_list_add(&draft, &service->ports, "443/tcp");
	service->verdict = VERDICT_DENY;
	service->err = EHOSTUNREACH;
	service->why = strdup("is down");
	service->about = strdup("twice");
	policy = read_back();
	assert_string_equal(policy->tag, "t");
	assert_int_equal(policy->mode, MODE_ENFORCE);
	assert_int_equal(policy->defaults[CLASS_NET], VERDICT_DENY);
	assert_int_equal(policy->services[0].net_count, 2);
	assert_int_equal(policy->services[0].ports[0].lo, 443);
	assert_int_equal(policy->rules[0].err, EHOSTUNREACH);
	assert_string_equal(policy->rules[0].why, "is down");
	policy_free(policy);
}

static void what_stands_aside_is_a_comment(void **state)
{
	struct draft_service *service = draft_add(&draft, "files");
	struct policy *policy;

	(void)state;
	draft_list_add(&draft, &service->files, "/srv/x");
	service->aside = true;
	policy = read_back();
	for (size_t i = 0; i < policy->service_count; i++)
		assert_string_not_equal(policy->services[i].name, "files");
	policy_free(policy);
	text_append(&written, "", 1);
	assert_non_null(strstr(written.data, "#   files:\n#     files: [/srv/x]\n"));
}

static void long_lists_have_a_line_for_each_item(void **state)
{
	struct draft_service *service = draft_add(&draft, "files");
	struct policy *policy;

	(void)state;
	for (int i = 0; i < 100; i++)
		draft_list_format(&draft, &service->files, "/srv/file-%d", i);
	policy = read_back();
	assert_int_equal(policy->services[0].file_count, 100);
	policy_free(policy);
	text_append(&written, "", 1);
	for (const char *line = strtok(written.data, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 100);
}

static void names_are_made_names_and_told_apart(void **state)
{
	static const char *const names[][2] = {
		{ "forge", "forge" }, { "forge", "forge-2" }, { "2001:db8::/64", "2001-db8-64" },
		{ "-x-", "x" },
		{ "\xe2\x80\xae", "service" }, { "", "service-2" }, { "taken", "taken-2" },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789",
		  "012345678901234567890123456789012345678901234567890123456789012" },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789",
		  "0123456789012345678901234567890123456789012345678901-2" },
	};

	(void)state;
	draft_take_name(&draft, "taken");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_string_equal(draft_add(&draft, names[i][0])->name, names[i][1]);
}

/* Whatever it is: it comes back as it was, and nothing else does. */
static void texts_are_quoted(void **state)
{
	static const char *const paths[] = {
		"/a b", "/a\"b", "/a\\b", "/a: b", "/a # b", "/a\nb", "/a\tb", "/\xc3\xa4",
		"/\xf0\x9f\x98\x80", "/\xef\xbf\xbf",
		"/{}", "/[a, b]", "/-", "/a'b", "/\x7f", "/\xc2\x85",
	};
	size_t count = sizeof(paths) / sizeof(*paths);
	struct draft_service *service = draft_add(&draft, "null");
	struct policy *policy;

	(void)state;
	for (size_t i = 0; i < count; i++)
		draft_list_add(&draft, &service->files, paths[i]);
	service->about = strdup("\nrules: []\x1b");
	policy = read_back();
	assert_string_equal(policy->services[0].name, "null");
	assert_int_equal(policy->services[0].file_count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(policy->services[0].files[i].path, paths[i]);
	assert_false(policy->rules[0].implied);
	policy_free(policy);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_draft_is_a_policy),
		TEST(what_stands_aside_is_a_comment),
		TEST(long_lists_have_a_line_for_each_item),
		TEST(names_are_made_names_and_told_apart),
		TEST(texts_are_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
