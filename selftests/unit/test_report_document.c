/* SPDX-License-Identifier: BSD-2-Clause */
#include "pages.h"

#include "userspace/report_document.h"

static void takes_what_is_missing_for_empty(void **state)
{
	json_t *odd = json_pack("{s:i, s:s, s:i, s:f, s:f}", "string", 7, "count", "many", "less", -3, "time", -1.0,
				"late", 1e300);

	(void)state;
	assert_string_equal(document_string(odd, "string"), "");
	assert_string_equal(document_string(NULL, "string"), "");
	assert_int_equal(document_count(odd, "count"), 0);
	assert_int_equal(document_count(odd, "less"), 0);
	assert_true(document_time(odd, "time") == 0);
	assert_true(document_time(odd, "late") == DOCUMENT_TIME_MAX);
	assert_false(document_flag(odd, "count"));
	assert_int_equal(document_kind_of(odd), DOCUMENT_UNDECIDED);
	json_decref(odd);
}

static void tells_verdicts_apart(void **state)
{
	(void)state;
	assert_int_equal(document_verdict_parse("deny", true), DOCUMENT_DENIED);
	assert_int_equal(document_verdict_parse("deny", false), DOCUMENT_WOULD_DENY);
	assert_int_equal(document_verdict_parse("audit", true), DOCUMENT_AUDITED);
	assert_int_equal(document_verdict_parse("allow", false), DOCUMENT_ALLOWED);
}

/* Ids are the places, as a rule; where they are not, they are looked for. */
static void finds_steps(void **state)
{
	json_t *report = json_pack("{s:[{s:i},{s:i},{s:s}]}", "steps", "id", 0, "id", 77, "id", "2");
	const struct {
		json_t *id;
		ssize_t index;
	} cases[] = {
		{ json_integer(0), 0 }, { json_integer(77), 1 }, { json_integer(1), -1 }, { json_integer(2), -1 },
		{ json_integer(-1), -1 }, { json_null(), -1 }, { json_string("0"), -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(document_step(report, cases[i].id), cases[i].index);
		json_decref(cases[i].id);
	}
	assert_int_equal(document_step(report, NULL), -1);
	json_decref(report);
}

static void names_steps(void **state)
{
	static const struct {
		const char *name, *executable, *expected;
	} cases[] = {
		{ "schema-tool", "/usr/bin/bash", "schema-tool" },
		{ "", "/usr/bin/curl", "curl" },
		{ "", "/", "/" },
		{ "", "", "a process that is not known" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *step = json_pack("{s:s, s:s}", "name", cases[i].name, "executable", cases[i].executable);

		assert_string_equal(document_step_name(step), cases[i].expected);
		json_decref(step);
	}
}

static void writes_command_lines(void **state)
{
	json_t *args = json_pack("[s,s,i,s,s]", "curl", "-H", 3, "a b", "");
	struct text text = {};

	(void)state;
	document_command(&text, args, true);
	text_append(&text, "", 1);
	assert_string_equal(text.data, "curl -H 'a b' '' …");
	text_free(&text);
	document_command(&text, NULL, false);
	assert_int_equal(text.size, 0);
	text_free(&text);
	json_decref(args);
}

static void reads_times(void **state)
{
	(void)state;
	assert_true(document_parse_time("1970-01-01T00:00:01Z") == 1000);
	assert_true(document_parse_time("2027-03-31T14:23:55.250Z") -
		    document_parse_time("2027-03-31T14:23:54Z") == 1250);
	assert_true(document_parse_time("2027-03-31") == -1);
	assert_true(document_parse_time("2027-03-31T14:23:55+02:00") == -1);
	assert_true(document_parse_time("2027-13-45T99:99:99Z") == -1);
	assert_true(document_parse_time("") == -1);
}

/* To its end; where that is not known, to the last that was seen. */
static void knows_how_long_a_run_took(void **state)
{
	json_t *ended = json_pack("{s:s, s:s, s:[{s:f}]}", "begun", "2027-03-31T14:23:55.000Z", "ended",
				  "2027-03-31T14:23:58.500Z", "steps", "last", 100.0);
	json_t *killed = json_pack("{s:n, s:n, s:[{s:f}], s:[{s:f}]}", "begun", "ended", "steps", "last", 100.0,
				   "timeline", "t", 250.0);

	(void)state;
	assert_true(document_duration(ended) == 3500);
	assert_true(document_duration(killed) == 250);
	json_decref(ended);
	json_decref(killed);
}

static void writes_spans(void **state)
{
	static const struct {
		double ms;
		const char *expected;
	} cases[] = {
		{ 0, "0 ms" }, { 412.4, "412 ms" }, { 3278, "3.28 s" }, { 42100, "42.1 s" }, { 59700, "1 min 0 s" },
		{ 125000, "2 min 5 s" }, { 5400000, "1 h 30 min" },
	};
	char span[DOCUMENT_SPAN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(document_span(cases[i].ms, span), cases[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_missing_for_empty), cmocka_unit_test(tells_verdicts_apart),
		cmocka_unit_test(finds_steps), cmocka_unit_test(names_steps),
		cmocka_unit_test(writes_command_lines), cmocka_unit_test(reads_times),
		cmocka_unit_test(knows_how_long_a_run_took), cmocka_unit_test(writes_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
