/* SPDX-License-Identifier: BSD-2-Clause */
/* What may become part of a line about a run, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lsm/abi.h"
#include "userspace/run_note.h"
#include "userspace/text.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_begin),
		cmocka_unit_test(reads_an_end),
		cmocka_unit_test(takes_the_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
