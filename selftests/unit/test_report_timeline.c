/* SPDX-License-Identifier: BSD-2-Clause */
#include "pages.h"

#include "large_report.h"
#include "userspace/report_timeline.h"

/* The places at which the words stand, one after the other. */
static void expect_order(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		text = strstr(text, words[i]);
		if (!text)
			fail_msg("%s is missing, or not behind %s", words[i], i ? words[i - 1] : "the beginning");
		text += strlen(words[i]);
	}
}

static void rows_are_the_process_tree(void **state)
{
	static const char *const rows[] = {
		"class=\"in0 own\"", "<b>deploy</b>", "class=\"in1 own\"", "<b>curl</b>", "<b>cp</b>",
		"<b>schema-tool</b>", "class=\"in2\"", "<b>git</b>", "class=\"in3\"", "<b>git-remote-http</b>",
		"class=\"in1 own\"", "<b>curl</b>",
	};
	json_t *report = fixture("demo");
	char *table = written(report_timeline, report);

	(void)state;
	expect_order(table, rows, sizeof(rows) / sizeof(*rows));
	assert_int_equal(occurrences(table, "<tr"), 8);
	free(table);
	json_decref(report);
}

static void bars_and_signs_stand_where_they_belong(void **state)
{
	static const char *const lane[] = {
		"<b>git-remote-http</b>", "x1=\"24.469%\" x2=\"45.159%\"", "href=\"#v-denied\" x=\"27.791%\"",
		"<title>github, hidden, denied, at 911 ms</title>", "href=\"#v-denied\" x=\"38.758%\"",
	};
	json_t *report = fixture("demo");
	char *table = written(report_timeline, report);

	(void)state;
	assert_non_null(strstr(table, "data-duration=\"3278.000\""));
	expect_order(table, lane, sizeof(lane) / sizeof(*lane));
	assert_non_null(strstr(table, "aria-label=\"From 802 ms to 1.48 s; "
				      "times that it reached for something: 2, denied: 2\""));
	free(table);
	json_decref(report);
}

/* The strictest is painted last, and so on top. */
static void denials_are_on_top(void **state)
{
	static const char *const verdicts[] = { "deny", "allow", "audit" };
	static const char *const painted[] = { "#v-allowed", "#v-audited", "#v-denied" };
	json_t *report = json_pack("{s:[{s:i, s:f}], s:[{s:b}], s:[]}", "steps", "id", 0, "last", 9.0,
				   "dependencies", "enforced", 1, "timeline");
	char *table;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		json_array_append_new(json_object_get(report, "timeline"),
				      json_pack("{s:f, s:i, s:i, s:s, s:i}", "t", (double)i, "step", 0,
						"dependency", 0, "verdict", verdicts[i], "count", 1));
	table = written(report_timeline, report);
	expect_order(table, painted, 3);
	free(table);
	json_decref(report);
}

/* Above TIMELINE_ROWS, those are left out that reached for nothing. */
static void keeps_the_steps_that_matter(void **state)
{
	json_t *report = json_pack("{s:[], s:[], s:[]}", "steps", "dependencies", "timeline"), *steps;
	char *table;

	(void)state;
	steps = json_object_get(report, "steps");
	for (int i = 0; i < TIMELINE_ROWS + 200; i++)
		json_array_append_new(steps, json_pack("{s:i, s:o, s:s, s:f, s:f}", "id", i, "parent",
						       i ? json_integer(i - 1) : json_null(), "name",
						       i == TIMELINE_ROWS + 199 ? "the last" : "other", "first",
						       (double)i, "last", (double)i));
	json_array_append_new(json_object_get(report, "timeline"),
			      json_pack("{s:f, s:i, s:i, s:s, s:i}", "t", 1.0, "step", TIMELINE_ROWS + 199,
					"dependency", 0, "verdict", "deny", "count", 1));
	table = written(report_timeline, report);
	assert_int_equal(occurrences(table, "<tr"), TIMELINE_ROWS + 1);
	assert_non_null(strstr(table, "<b>the last</b>"));
	assert_non_null(strstr(table, "Steps that have no room here: 200"));
	free(table);
	json_decref(report);
}

static void copes_with_any_document(void **state)
{
	json_t *report = fixture("hostile"), *nothing = json_object();
	char *table = written(report_timeline, report);

	(void)state;
	/* Two of the steps are each other's parent. */
	assert_int_equal(occurrences(table, "<tr"), 5);
	assert_null(strstr(table, "nan"));
	assert_null(strstr(table, "inf"));
	free(table);
	table = written(report_timeline, nothing);
	assert_string_equal(table, "");
	free(table);
	json_decref(report);
	json_decref(nothing);
}

static void has_few_ticks(void **state)
{
	json_t *report = large_report();
	char *table = written(report_timeline, report);

	(void)state;
	assert_in_range(occurrences(table, "y2=\"100%\""), 4, 10);
	assert_non_null(strstr(table, ">15 min</text>"));
	assert_non_null(strstr(table, ">1:15 h</text>"));
	assert_int_equal(occurrences(table, "<tr"), LARGE_STEPS + 1);
	free(table);
	json_decref(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_the_process_tree),
		cmocka_unit_test(bars_and_signs_stand_where_they_belong),
		cmocka_unit_test(denials_are_on_top), cmocka_unit_test(keeps_the_steps_that_matter),
		cmocka_unit_test(copes_with_any_document), cmocka_unit_test(has_few_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
