/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a script and an environment name a service, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "policy/compile.h"
#include "policy/policy.h"
#include "userspace/runs/named.h"

static const char policy_text[] =
	"tag: mysql-deploy\n"
	"mode: enforce\n"
	"services:\n"
	"  github:\n"
	"    nets: [192.0.2.0/24, \"2001:db8:1::/48\"]\n"
	"    ports: [22, 443]\n"
	"  repo-mirror:\n"
	"    nets: [198.51.100.0/24]\n"
	"rules:\n"
	"  - {deny: github, why: down}\n"
	"  - allow: repo-mirror\n";

static struct ruleset *image;

static int begin_group(void **state)
{
	struct policy *policy = NULL;
	struct diags diags = { 0 };

	(void)state;
	if (policy_parse("mysql.yaml", policy_text, strlen(policy_text), NULL, &diags, &policy) ||
	    policy_compile(policy, NULL, 1, &diags, &image))
		return -1;
	policy_free(policy);
	diags_free(&diags);
	return 0;
}

static int finish_group(void **state)
{
	(void)state;
	free(image);
	return 0;
}

/* What is found in @script and in the NAME=VALUE strings of @environment, @size bytes. */
static struct named find(const char *script, const char *environment, size_t size)
{
	struct facts facts = {};
	struct named named;

	text_append_string(&facts.lines, script);
	text_append(&facts.environment, environment, size);
	assert_int_equal(named_find(image, &facts, &named), 0);
	facts_free(&facts);
	return named;
}

static const char *string_in(const struct named *named, size_t number, const char *key)
{
	const char *string = json_string_value(json_object_get(json_array_get(named->list, number), key));

	return string ? string : "(none)";
}

/* The services of one line, "github,repo-mirror". */
static void assert_services(const char *line, const char *expected)
{
	struct named named = find(line, "", 0);
	char services[256] = "";

	for (size_t i = 0; i < json_array_size(named.list); i++) {
		strcat(services, i ? "," : "");
		strcat(services, string_in(&named, i, "service"));
	}
	assert_string_equal(services, expected);
	json_decref(named.list);
}

static void finds_names(void **state)
{
	(void)state;
	assert_services("git clone https://github.com/acme/mysql", "github");
	assert_services("GitHub=1", "github");
	assert_services("use_github_now", "github");
	assert_services("github", "github");
	assert_services("cp repo-mirror github", "repo-mirror,github");
	assert_services("Repo-Mirror.example", "repo-mirror");
	assert_services("github github", "github");
	assert_services("githubber, mygithub, github2", "");
	assert_services("repo mirror", "");
	assert_services("", "");
	assert_services("# github", "");
	assert_services("   # github", "");
	assert_services("echo # github", "github");
}

static void finds_addresses(void **state)
{
	(void)state;
	assert_services("curl 192.0.2.1", "github");
	assert_services("curl http://192.0.2.255:443/x", "github");
	assert_services("curl http://192.0.2.255:80/x", "");
	assert_services("it is 192.0.2.1.", "github");
	assert_services("ip=192.0.2.1;", "github");
	assert_services("route 192.0.2.0/24", "github");
	assert_services("curl 2001:db8:1::7", "github");
	assert_services("curl http://[2001:db8:1::7]:22/", "github");
	assert_services("curl http://[2001:db8:1::7]:80/", "");
	assert_services("curl 198.51.100.9 192.0.2.1", "repo-mirror,github");
	assert_services("curl 192.0.3.1", "");
	assert_services("version 1192.0.2.1, 192.0.2.1.5, v192.0.2.1, 192.0.2", "");
	assert_services("::", "");
	assert_services("a: b: 12:30", "");
}

static void tells_where(void **state)
{
	static const char environment[] = "HOME=/root\0GITHUB_URL=https://github.com\0MIRROR=198.51.100.7\0NOTHING\0";
	struct named named = find("#!/bin/sh\n\n\tgithub=http://github.com/acme/mysql\r\necho repo-mirror", environment,
				  sizeof(environment) - 1);

	(void)state;
	assert_int_equal(json_array_size(named.list), 4);
	assert_string_equal(string_in(&named, 0, "service"), "github");
	assert_string_equal(string_in(&named, 0, "where"), "script");
	assert_string_equal(string_in(&named, 0, "text"), "github=http://github.com/acme/mysql");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(named.list, 0), "line")), 3);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(named.list, 1), "line")), 4);
	assert_string_equal(string_in(&named, 2, "where"), "environment");
	assert_string_equal(string_in(&named, 2, "name"), "GITHUB_URL");
	assert_string_equal(string_in(&named, 2, "text"), "https://github.com");
	assert_string_equal(string_in(&named, 3, "service"), "repo-mirror");
	assert_false(named.cut);
	assert_int_equal(named.text_flags, 0);
	json_decref(named.list);
}

static void takes_secrets_out(void **state)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{ "curl https://u:hunter2@github.com/", "curl https://***@github.com/" },
		{ "curl -H \"Authorization: Bearer hunter2 x\" github", "curl -H \"Authorization: ***\" github" },
		{ "tool --token hunter2 github", "tool --token *** github" },
		{ "mysql -phunter2 -h github", "mysql -p*** -h github" },
		{ "TOKEN=hunter2 git push github", "TOKEN=***" },
		{ "a  github	b", "a  github b" },
	};
	static const char environment[] = "GITHUB_TOKEN=https://github.com/hunter2\0URL=http://a:hunter2@github/\0";
	struct named named;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		named = find(cases[i].line, "", 0);
		assert_int_equal(json_array_size(named.list), 1);
		assert_string_equal(string_in(&named, 0, "text"), cases[i].expected);
		json_decref(named.list);
	}
	named = find("", environment, sizeof(environment) - 1);
	assert_int_equal(json_array_size(named.list), 2);
	assert_string_equal(string_in(&named, 0, "text"), "***");
	assert_string_equal(string_in(&named, 1, "text"), "http://***@github/");
	assert_int_equal(named.text_flags, TEXT_REDACTED);
	json_decref(named.list);
}

/* Of a long line the part that names the service; whole characters; U+FFFD where there are none. */
static void cuts_long_lines(void **state)
{
	char line[4096];
	struct named named;

	(void)state;
	strcpy(line, "x ");
	for (int i = 0; i < 300; i++)
		strcat(line, "ä");
	strcat(line, " github ");
	for (int i = 0; i < 300; i++)
		strcat(line, "ö");
	named = find(line, "", 0);
	assert_int_equal(json_array_size(named.list), 1);
	assert_non_null(strstr(string_in(&named, 0, "text"), " github "));
	assert_true(strlen(string_in(&named, 0, "text")) <= NAMED_TEXT_MAX);
	assert_true(strlen(string_in(&named, 0, "text")) > NAMED_TEXT_MAX - 4);
	json_decref(named.list);
	named = find("github \xff\xfe", "", 0);
	assert_string_equal(string_in(&named, 0, "text"), "github \xef\xbf\xbd\xef\xbf\xbd");
	assert_int_equal(named.text_flags, TEXT_NOT_UTF8);
	json_decref(named.list);
}

/* As many as there is room for; a script leaves room for the environment. */
static void keeps_so_many(void **state)
{
	struct text script = { 0 }, environment = { 0 };
	struct named named;

	(void)state;
	for (int i = 0; i < 100; i++)
		text_append_string(&script, "github\n");
	for (int i = 0; i < 20; i++)
		text_append(&environment, "A=github", sizeof("A=github"));
	text_append(&script, "", 1);
	named = find(script.data, "A=github\0", sizeof("A=github"));
	assert_int_equal(json_array_size(named.list), NAMED_MAX);
	assert_string_equal(string_in(&named, NAMED_MAX - 2, "where"), "script");
	assert_string_equal(string_in(&named, NAMED_MAX - 1, "where"), "environment");
	assert_true(named.cut);
	json_decref(named.list);
	named = find("", environment.data, environment.size);
	assert_int_equal(json_array_size(named.list), 16);
	assert_true(named.cut);
	json_decref(named.list);
	text_free(&script);
	text_free(&environment);
}

static void stands_any_bytes(void **state)
{
	struct facts facts = {};
	struct named named;
	char bytes[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7;
	text_append(&facts.lines, bytes, sizeof(bytes));
	text_append(&facts.environment, bytes, sizeof(bytes));
	text_append_string(&facts.environment, "http://a:b=github@c=github");
	assert_int_equal(named_find(image, &facts, &named), 0);
	json_decref(named.list);
	facts_free(&facts);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_names),
		cmocka_unit_test(finds_addresses),
		cmocka_unit_test(tells_where),
		cmocka_unit_test(takes_secrets_out),
		cmocka_unit_test(cuts_long_lines),
		cmocka_unit_test(keeps_so_many),
		cmocka_unit_test(stands_any_bytes),
	};

	return cmocka_run_group_tests(tests, begin_group, finish_group);
}
