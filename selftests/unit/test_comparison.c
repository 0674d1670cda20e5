/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "userspace/review/comparison.h"

#define GITHUB "{\"id\":\"github/hidden/schema-tool\",\"what\":\"github\",\"service\":\"github\"," \
	"\"class\":\"net\",\"kind\":\"hidden\",\"verdict\":\"audit\",\"errno\":null,\"count\":2," \
	"\"evidence\":[\"schema-tool does so.\"]," \
	"\"objects\":[{\"object\":\"140.82.112.3:80/tcp\",\"count\":2}]}"
#define MIRROR "{\"id\":\"mirror/direct/cp\",\"what\":\"mirror\",\"service\":\"mirror\",\"class\":\"file\"," \
	"\"kind\":\"direct\",\"verdict\":\"audit\",\"errno\":null,\"count\":1}"
#define ADDRESS "{\"id\":\"10.0.0.1:40001/tcp/direct/nc\",\"what\":\"10.0.0.1:40001/tcp\",\"service\":null," \
	"\"class\":\"net\",\"kind\":\"direct\",\"verdict\":\"allow\",\"errno\":null,\"count\":1}"

static json_t *before, *after, *comparison;

static json_t *report_of(const char *dependencies, const char *rest)
{
	char text[8192];
	json_t *report;

	snprintf(text, sizeof(text), "{\"report\":1,\"run\":\"20270331-142355-9f03ac\",\"tag\":\"t\","
		 "\"policy\":\"p.yaml\",\"dependencies\":[%s]%s}", dependencies, rest);
	report = json_loads(text, 0, NULL);
	assert_non_null(report);
	return report;
}

static void compare(const char *one, const char *other)
{
	before = report_of(one, "");
	after = report_of(other, "");
	comparison = comparison_make(before, after, false);
	assert_non_null(comparison);
}

static int finish(void **state)
{
	(void)state;
	json_decref(before);
	json_decref(after);
	json_decref(comparison);
	before = after = comparison = NULL;
	return 0;
}

static size_t size_of(const char *key)
{
	return json_array_size(json_object_get(comparison, key));
}

static void expect(size_t fresh, size_t changed, size_t vanished, int same)
{
	assert_int_equal(size_of("new"), fresh);
	assert_int_equal(size_of("changed"), changed);
	assert_int_equal(size_of("vanished"), vanished);
	assert_int_equal(json_integer_value(json_object_get(comparison, "same")), same);
	assert_int_equal(comparison_is_news(comparison), fresh || changed);
}

static const char *string_at(const char *list, const char *object, const char *key)
{
	json_t *value = json_array_get(json_object_get(comparison, list), 0);

	if (object)
		value = json_object_get(value, object);
	return json_string_value(json_object_get(value, key));
}

static void the_same_is_no_news(void **state)
{
	(void)state;
	compare(GITHUB "," MIRROR, MIRROR "," GITHUB);
	expect(0, 0, 0, 2);
}

static void what_is_new_is_news_and_what_has_vanished_is_not(void **state)
{
	const json_t *fresh;

	(void)state;
	compare(MIRROR, MIRROR "," GITHUB);
	expect(1, 0, 0, 1);
	assert_string_equal(string_at("new", NULL, "id"), "github/hidden/schema-tool");
	assert_string_equal(string_at("new", NULL, "program"), "schema-tool");
	fresh = json_array_get(json_object_get(comparison, "new"), 0);
	assert_int_equal(json_array_size(json_object_get(fresh, "objects")), 1);
	finish(NULL);
	compare(MIRROR "," GITHUB, MIRROR);
	expect(0, 0, 1, 1);
	assert_string_equal(string_at("vanished", NULL, "what"), "github");
}

/* In a report @text, @from is something else. */
static const char *with(const char *text, const char *from, const char *to)
{
	static char changed[4096];
	const char *at = strstr(text, from);

	assert_non_null(at);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return changed;
}

static void another_verdict_or_errno_is_a_change(void **state)
{
	(void)state;
	compare(GITHUB, with(GITHUB, "\"audit\",\"errno\":null", "\"deny\",\"errno\":\"EHOSTUNREACH\""));
	expect(0, 1, 0, 0);
	assert_string_equal(string_at("changed", "before", "verdict"), "audit");
	assert_string_equal(string_at("changed", "after", "verdict"), "deny");
	assert_string_equal(string_at("changed", "after", "errno"), "EHOSTUNREACH");
	finish(NULL);
	compare(GITHUB, with(GITHUB, "\"count\":2", "\"count\":200"));
	expect(0, 0, 0, 1);
}

static void another_kind_is_a_change_and_not_two_dependencies(void **state)
{
	(void)state;
	compare(GITHUB, with(GITHUB, "github/hidden/schema-tool\",\"what\":\"github\",\"service\":\"github\","
			     "\"class\":\"net\",\"kind\":\"hidden\"",
			     "github/direct/schema-tool\",\"what\":\"github\",\"service\":\"github\","
			     "\"class\":\"net\",\"kind\":\"direct\""));
	expect(0, 1, 0, 0);
	assert_string_equal(string_at("changed", "before", "kind"), "hidden");
	assert_string_equal(string_at("changed", "after", "kind"), "direct");
}

/* The id is by what the evidence tells. */
static void what_a_person_says_of_it_is_a_change_as_well(void **state)
{
	(void)state;
	compare(GITHUB, with(GITHUB, "\"kind\":\"hidden\"",
			     "\"kind\":\"direct\",\"override\":{\"kind\":\"hidden\",\"by\":\"alice\"}"));
	expect(0, 1, 0, 0);
	assert_string_equal(string_at("changed", NULL, "program"), "schema-tool");
}

/* Ids that are taken are made longer, in the order of the log. */
static void longer_ids_are_the_same_dependency(void **state)
{
	char both[4096];

	(void)state;
	snprintf(both, sizeof(both), "%s,%s", MIRROR,
		 with(GITHUB, "schema-tool\",\"what", "schema-tool/net/deny\",\"what"));
	compare(GITHUB "," MIRROR, both);
	expect(0, 0, 0, 2);
}

#define CURL(id, verdict, err) "{\"id\":\"github/direct/curl" id "\",\"what\":\"github\"," \
	"\"service\":\"github\",\"class\":\"net\",\"kind\":\"direct\",\"verdict\":\"" verdict "\"," \
	"\"errno\":" err ",\"count\":1,\"objects\":[{\"object\":\"10.0.0.6:80/tcp\",\"count\":1}]}"
#define DENIED CURL("", "deny", "\"EPERM\"")

/* One of two steps that call the same program is let through by now. */
static void another_verdict_of_one_of_several_is_a_change(void **state)
{
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	compare(DENIED, DENIED "," CURL("/net", "audit", "null"));
	expect(0, 1, 0, 0);
	assert_string_equal(string_at("changed", "before", "verdict"), "deny");
	assert_string_equal(string_at("changed", "after", "verdict"), "deny");
	comparison_print(comparison, out, term_style(TERM_NEVER, out));
	fclose(out);
	assert_non_null(strstr(printed, "changed   github  step curl: deny EPERM -> deny EPERM and audit\n"));
	free(printed);
	finish(NULL);
	/* Several of the same verdicts are no news, in whatever order and of however many rules. */
	compare(CURL("", "audit", "null") "," CURL("/net", "deny", "\"EPERM\""),
		DENIED "," CURL("/net", "deny", "\"EPERM\"") "," CURL("/net/audit", "audit", "null"));
	expect(0, 0, 0, 1);
	finish(NULL);
	compare(DENIED "," CURL("/net", "deny", "\"EACCES\""), DENIED);
	expect(0, 1, 0, 0);
}

static void several_with_one_key_are_told_as_one(void **state)
{
	const json_t *fresh;

	(void)state;
	compare("", CURL("", "audit", "null") "," CURL("/net", "deny", "\"EPERM\""));
	expect(1, 0, 0, 0);
	fresh = json_array_get(json_object_get(comparison, "new"), 0);
	assert_string_equal(string_at("new", NULL, "verdict"), "deny");
	assert_int_equal(json_integer_value(json_object_get(fresh, "count")), 2);
	assert_int_equal(json_array_size(json_object_get(fresh, "objects")), 1);
	assert_int_equal(json_array_size(json_object_get(fresh, "verdicts")), 2);
}

static void only_services_may_be_asked_for(void **state)
{
	(void)state;
	before = report_of(GITHUB, "");
	after = report_of(GITHUB "," ADDRESS, "");
	comparison = comparison_make(before, after, true);
	expect(0, 0, 0, 1);
	json_decref(comparison);
	comparison = comparison_make(before, after, false);
	expect(1, 0, 0, 1);
	assert_string_equal(string_at("new", NULL, "program"), "nc");
}

static bool has_note(const json_t *object, const char *text)
{
	const json_t *notes = json_object_get(object, "notes");

	for (size_t i = 0; i < json_array_size(notes); i++)
		if (strstr(json_string_value(json_array_get(notes, i)), text))
			return true;
	return false;
}

static void what_may_be_missing_is_said(void **state)
{
	(void)state;
	before = report_of(GITHUB, ",\"completeness\":{\"complete\":true,\"lost\":0,\"notes\":[]},"
			   "\"verdict\":{\"allowed\":3}");
	after = report_of(GITHUB, ",\"completeness\":{\"complete\":false,\"lost\":12,\"notes\":[\"Cut.\"]},"
			  "\"verdict\":{\"allowed\":0}");
	json_object_set_new(after, "policy", json_string("q.yaml"));
	comparison = comparison_make(before, after, false);
	expect(0, 0, 0, 1);
	assert_true(json_is_true(json_object_get(json_object_get(comparison, "before"), "complete")));
	assert_false(json_is_true(json_object_get(json_object_get(comparison, "after"), "complete")));
	assert_true(has_note(json_object_get(comparison, "after"), "12 records were lost"));
	assert_true(has_note(json_object_get(comparison, "after"), "Cut."));
	assert_true(has_note(comparison, "different policies"));
	assert_true(has_note(comparison, "What was allowed is recorded of the first run alone"));
}

/* A baseline is a file that anybody may have written. */
static void nothing_is_taken_for_granted(void **state)
{
	static const char odd[] = "7, null, {}, {\"id\":7}, {\"id\":\"x\",\"what\":\"longer than the id\"},"
		"{\"id\":\"\\u001b[2J/direct/p\",\"what\":\"\\u001b[2J\",\"kind\":\"direct\",\"objects\":7,"
		"\"evidence\":[7,\"\\u202e\"],\"count\":\"x\"}";
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	compare("", odd);
	assert_int_equal(size_of("new"), 3);
	comparison_print(comparison, out, term_style(TERM_NEVER, out));
	fclose(out);
	for (size_t i = 0; i < size; i++)
		assert_true(printed[i] == '\n' || (unsigned char)printed[i] >= 0x20);
	assert_null(strstr(printed, "\xe2\x80\xae"));
	free(printed);
}

static void people_read_it_in_a_few_lines(void **state)
{
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	compare(MIRROR, GITHUB);
	comparison_print(comparison, out, term_style(TERM_NEVER, out));
	fclose(out);
	assert_string_equal(printed,
		"- 20270331-142355-9f03ac of t (p.yaml): not complete: dependencies may be missing\n"
		"+ 20270331-142355-9f03ac of t (p.yaml): not complete: dependencies may be missing\n"
		"new       github  hidden, step schema-tool: audit, 2 times: 140.82.112.3:80/tcp\n"
		"    schema-tool does so.\n"
		"vanished  mirror  direct, step cp: audit, 1 time\n"
		"1 new, 0 changed, 1 vanished, 0 the same\n");
	free(printed);
}

#define TEST(function) cmocka_unit_test_teardown(function, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_is_no_news),
		TEST(what_is_new_is_news_and_what_has_vanished_is_not),
		TEST(another_verdict_or_errno_is_a_change),
		TEST(another_kind_is_a_change_and_not_two_dependencies),
		TEST(what_a_person_says_of_it_is_a_change_as_well),
		TEST(longer_ids_are_the_same_dependency),
		TEST(another_verdict_of_one_of_several_is_a_change),
		TEST(several_with_one_key_are_told_as_one),
		TEST(only_services_may_be_asked_for),
		TEST(what_may_be_missing_is_said),
		TEST(nothing_is_taken_for_granted),
		TEST(people_read_it_in_a_few_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
