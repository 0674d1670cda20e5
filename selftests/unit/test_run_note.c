/* SPDX-License-Identifier: BSD-2-Clause */
/* What may become part of a line about a run, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsm/abi.h"
#include "policy/compile.h"
#include "policy/policy.h"
#include "userspace/base/text.h"
#include "userspace/runs/run_note.h"

#define BEGIN "\"command\":[\"./deploy\"],\"named\":[],\"services\":{},\"record\":\"denied\""
#define COUNTS "\"denied\":1,\"audited\":2,\"submitted\":4,\"lost\":0,\"lost_lineage\":0,\"unrecorded\":0," \
	"\"refused_forks\":0,\"repeated\":0"

static bool is_read(uint16_t rule, const char *text)
{
	json_t *note = run_note_read(rule, text, strlen(text));
	bool read = note != NULL;

	json_decref(note);
	return read;
}

static void reads_a_begin(void **state)
{
	static const char *const good[] = {
		"{" BEGIN "}",
		"{" BEGIN ",\"directory\":\"/srv\",\"script\":\"/srv/deploy\",\"user\":\"root\",\"command_cut\":true,"
			"\"named_cut\":true,\"claimed\":true,\"flags\":2}",
		"{\"command\":[],\"named\":[{\"service\":\"a\",\"where\":\"script\",\"line\":7,\"text\":\"x\"},"
			"{\"service\":\"a\",\"where\":\"environment\",\"name\":\"N\",\"text\":\"x\"}],"
			"\"services\":{\"b\":{\"needs\":[\"a\"],\"where\":\"m.yaml:9\"}},\"record\":\"all\"}",
	};
	static const char *const bad[] = {
		"", "{}", "[]", "null", "{" BEGIN, "{" BEGIN "} {}",
		"{" BEGIN ",\"run\":\"x\"}",
		"{" BEGIN ",\"directory\":7}",
		"{" BEGIN ",\"named_cut\":false}",
		"{" BEGIN ",\"flags\":-1}",
		"{" BEGIN ",\"record\":\"all\"}",	/* a key twice */
		"{" BEGIN ",\"user\":\"\xff\"}",
		"{\"command\":[7],\"named\":[],\"services\":{},\"record\":\"denied\"}",
		"{\"command\":\"x\",\"named\":[],\"services\":{},\"record\":\"denied\"}",
		"{\"command\":[],\"named\":[],\"services\":{},\"record\":\"some\"}",
		"{\"command\":[],\"named\":[],\"services\":{}}",
		"{\"command\":[],\"named\":{},\"services\":{},\"record\":\"denied\"}",
		"{\"command\":[],\"named\":[{\"service\":\"a\",\"where\":\"elsewhere\",\"text\":\"x\"}],"
			"\"services\":{},\"record\":\"denied\"}",
		"{\"command\":[],\"named\":[{\"service\":\"a\",\"where\":\"script\"}],"
			"\"services\":{},\"record\":\"denied\"}",
		"{\"command\":[],\"named\":[],\"services\":{\"b\":{\"needs\":\"a\",\"where\":\"w\"}},"
			"\"record\":\"denied\"}",
		"{\"command\":[],\"named\":[],\"services\":[],\"record\":\"denied\"}",
		"{\"status\":0," COUNTS "}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(is_read(RULE_BEGIN, good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(is_read(RULE_BEGIN, bad[i]));
}

static void reads_an_end(void **state)
{
	(void)state;
	assert_true(is_read(RULE_END, "{\"status\":0," COUNTS "}"));
	assert_true(is_read(RULE_END, "{\"status\":null," COUNTS "}"));
	assert_true(is_read(RULE_END, "{\"status\":143," COUNTS ",\"outlived_by\":3}"));
	assert_false(is_read(RULE_END, "{" COUNTS "}"));
	assert_false(is_read(RULE_END, "{\"status\":\"0\"," COUNTS "}"));
	assert_false(is_read(RULE_END, "{\"status\":-1," COUNTS "}"));
	assert_false(is_read(RULE_END, "{\"status\":0,\"denied\":1}"));
	assert_false(is_read(RULE_END, "{\"status\":0," COUNTS ",\"more\":1}"));
	assert_false(is_read(RULE_END, "{" BEGIN "}"));
}

static void takes_the_flags(void **state)
{
	static const char text[] = "{" BEGIN ",\"flags\":255}";
	json_t *note = run_note_read(RULE_BEGIN, text, strlen(text));

	(void)state;
	assert_int_equal(run_note_take_flags(note), TEXT_NOT_UTF8 | TEXT_REDACTED);
	assert_null(json_object_get(note, "flags"));
	assert_int_equal(run_note_take_flags(note), 0);
	assert_int_equal(run_note_take_flags(NULL), 0);
	json_decref(note);
}

/* --- what a launcher has to say --- */

static struct ruleset *image;

static int begin_group(void **state)
{
	static const char policy_text[] = "tag: t\nmode: enforce\nservices:\n"
		"  github: {nets: [192.0.2.0/24]}\n"
		"  releases: {nets: [198.51.100.0/24], needs: [github]}\n"
		"rules: [{deny: github}]\n";
	struct policy *policy = NULL;
	struct diags diags = { 0 };

	(void)state;
	if (policy_parse("t.yaml", policy_text, strlen(policy_text), NULL, &diags, &policy) ||
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

static json_t *begin_of(const struct facts *facts, const struct run_starter *starter)
{
	struct text text = { 0 };
	json_t *note;

	assert_int_equal(run_note_begin(&text, image, MODE_POLICY, facts, starter), 0);
	assert_true(text.size <= NOTICE_TEXT_MAX);
	note = run_note_read(RULE_BEGIN, text.data, text.size);
	assert_non_null(note);
	text_free(&text);
	return note;
}

static void makes_a_note(void **state)
{
	static const struct run_starter starter = { .user = "root" };
	struct facts facts = {};
	json_t *note, *needed;

	(void)state;
	text_append(&facts.command, "./deploy\0--token=abc\0", sizeof("./deploy\0--token=abc"));
	text_append_string(&facts.directory, "/srv/\xff");
	text_append_string(&facts.script, "/srv/deploy");
	text_append_string(&facts.lines, "github\n");
	note = begin_of(&facts, &starter);
	assert_string_equal(json_string_value(json_array_get(json_object_get(note, "command"), 1)), "--token=***");
	assert_int_equal(json_array_size(json_object_get(note, "command")), 2);
	assert_string_equal(json_string_value(json_object_get(note, "directory")), "/srv/\xef\xbf\xbd");
	assert_string_equal(json_string_value(json_object_get(note, "script")), "/srv/deploy");
	assert_string_equal(json_string_value(json_object_get(note, "user")), "root");
	assert_int_equal(json_array_size(json_object_get(note, "named")), 1);
	assert_string_equal(json_string_value(json_object_get(note, "record")), "denied");
	needed = json_object_get(json_object_get(note, "services"), "releases");
	assert_int_equal(json_object_size(json_object_get(note, "services")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(needed, "needs"), 0)), "github");
	assert_string_equal(json_string_value(json_object_get(needed, "where")), "t.yaml:5");
	assert_int_equal(json_array_size(json_object_get(note, "denied")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(note, "denied"), 0)), "github");
	assert_null(json_object_get(note, "services_cut"));
	assert_null(json_object_get(note, "named_cut"));
	assert_null(json_object_get(note, "command_cut"));
	assert_null(json_object_get(note, "claimed"));
	assert_int_equal(run_note_take_flags(note), TEXT_REDACTED | TEXT_NOT_UTF8);
	json_decref(note);
	facts_free(&facts);
}

/* Whatever there is, it fits a record, and says what is missing. */
static void fits_a_notice(void **state)
{
	static const struct run_starter starter = { .user = "u", .claimed = true };
	struct facts facts = {};
	char name[32];
	json_t *note;

	(void)state;
	for (int i = 0; i < FACTS_COMMAND_MAX; i++)
		text_append(&facts.command, "\x01", 1);
	for (int i = 0; i < FACTS_PATH_MAX; i++) {
		text_append(&facts.directory, "\x02", 1);
		text_append(&facts.script, "\x03", 1);
	}
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "github %d ", i);
		text_append_string(&facts.lines, name);
		for (int k = 0; k < 200; k++)
			text_append(&facts.lines, "\"", 1);
		text_append(&facts.lines, "\n", 1);
	}
	note = begin_of(&facts, &starter);
	assert_true(json_is_true(json_object_get(note, "command_cut")));
	assert_true(json_is_true(json_object_get(note, "claimed")));
	assert_true(json_is_true(json_object_get(note, "named_cut")));
	json_decref(note);
	facts_free(&facts);
}

static void makes_an_end(void **state)
{
	static const struct run account = { .submitted = 9, .denied = 3, .audited = 5, .lost = 1, .lost_lineage = 7, .repeated = 8,
					    .unrecorded = 2, .refused_forks = 4 };
	struct text text = { 0 };
	json_t *note;

	(void)state;
	assert_int_equal(run_note_end(&text, &account, 143, 0), 0);
	note = run_note_read(RULE_END, text.data, text.size);
	assert_int_equal(json_integer_value(json_object_get(note, "status")), 143);
	assert_int_equal(json_integer_value(json_object_get(note, "submitted")), 9);
	assert_int_equal(json_integer_value(json_object_get(note, "denied")), 3);
	assert_int_equal(json_integer_value(json_object_get(note, "audited")), 5);
	assert_int_equal(json_integer_value(json_object_get(note, "lost")), 1);
	assert_int_equal(json_integer_value(json_object_get(note, "lost_lineage")), 7);
	assert_int_equal(json_integer_value(json_object_get(note, "unrecorded")), 2);
	assert_int_equal(json_integer_value(json_object_get(note, "refused_forks")), 4);
	assert_int_equal(json_integer_value(json_object_get(note, "repeated")), 8);
	assert_null(json_object_get(note, "outlived_by"));
	json_decref(note);
	text_free(&text);
	assert_int_equal(run_note_end(&text, &account, -1, 2), 0);
	note = run_note_read(RULE_END, text.data, text.size);
	assert_true(json_is_null(json_object_get(note, "status")));
	assert_int_equal(json_integer_value(json_object_get(note, "outlived_by")), 2);
	json_decref(note);
	text_free(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_begin),
		cmocka_unit_test(reads_an_end),
		cmocka_unit_test(takes_the_flags),
		cmocka_unit_test(makes_a_note),
		cmocka_unit_test(fits_a_notice),
		cmocka_unit_test(makes_an_end),
	};

	return cmocka_run_group_tests(tests, begin_group, finish_group);
}
