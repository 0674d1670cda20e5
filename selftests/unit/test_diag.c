/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/diag.h"

/* What diags_print() writes. */
static char *printed(struct diags *diags, bool color)
{
	char *text = calloc(1, 65536);
	FILE *out = fmemopen(text, 65536, "w");

	assert_non_null(out);
	diags_print(diags, out, color);
	assert_false(ferror(out));
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_printed(struct diags *diags, const char *expected)
{
	char *text = printed(diags, false);

	assert_string_equal(text, expected);
	free(text);
	diags_free(diags);
}

static void add(struct diags *diags, unsigned int line, unsigned int col, unsigned int len,
		const char *text, const char *hint, const char *message)
{
	struct diag_where where = { diags_file(diags, "a.yaml"), line, col, len };

	diags_add(diags, DIAG_ERROR, where, text, text ? strlen(text) : 0, hint, "%s", message);
}

static void test_looks_like_a_compiler(void **state)
{
	struct diags diags = { 0 };

	(void)state;
	add(&diags, 2, 5, 5, "rules:\n  - denny: github\n", "did you mean \"deny\"?", "unknown");
	assert_printed(&diags, "a.yaml:2:5: error: unknown\n"
			       "    2 |   - denny: github\n"
			       "      |     ^~~~~\n"
			       "      = hint: did you mean \"deny\"?\n");
}

static void test_whole_file(void **state)
{
	struct diags diags = { 0 };

	(void)state;
	add(&diags, 0, 0, 0, "text", NULL, "no tag");
	assert_printed(&diags, "a.yaml: error: no tag\n");
}

/* Each severity is counted by itself, and a lint is called by its name. */
static void test_severities(void **state)
{
	static const char begin[] = "a.yaml:1:1: note: 1 of 2 [overlap]\n"
				    "    1 | tag: a\n"
				    "      | ^~~\n"
				    "      = hint: a hint\n"
				    "a.yaml:1:1: warning: no lint\n"
				    "a.yaml:1:1: note: more [overlap]\n";
	struct diag_where where = { .line = 1, .col = 1, .len = 3 };
	struct diags diags = { 0 };
	char *text;

	(void)state;
	where.file = diags_file(&diags, "a.yaml");
	diags_add_lint(&diags, DIAG_NOTE, "overlap", where, "tag: a", 6, "a hint", "%d of %d", 1, 2);
	diags_add(&diags, DIAG_WARNING, where, NULL, 0, NULL, "no lint");
	assert_int_equal(diags.errors, 0);
	assert_int_equal(diags.warnings, 1);
	assert_int_equal(diags.notes, 1);
	assert_null(diags.list[1].lint);
	for (int i = 0; i < DIAG_SHOWN_MAX; i++)
		diags_add_lint(&diags, DIAG_NOTE, "overlap", where, NULL, 0, NULL, "more");
	assert_int_equal(diags.notes, DIAG_SHOWN_MAX + 1);
	text = printed(&diags, false);
	assert_memory_equal(text, begin, sizeof(begin) - 1);
	assert_non_null(strstr(text, "\n... and 1 more note\n"));
	free(text);
	diags_free(&diags);
}

static void test_no_text(void **state)
{
	struct diags diags = { 0 };

	(void)state;
	add(&diags, 3, 4, 1, NULL, NULL, "no text");
	add(&diags, 9, 1, 1, "one\ntwo\n", NULL, "no such line");
	assert_printed(&diags, "a.yaml:3:4: error: no text\na.yaml:9:1: error: no such line\n");
}

static void test_past_the_end(void **state)
{
	struct diags diags = { 0 };

	(void)state;
	add(&diags, 1, 50, 9, "abc\r\ndef", NULL, "beyond the line");
	add(&diags, 2, 3, 50, "abc\r\ndef", NULL, "longer than the line");
	assert_printed(&diags, "a.yaml:1:50: error: beyond the line\n"
			       "    1 | abc\n"
			       "      |    ^\n"
			       "a.yaml:2:3: error: longer than the line\n"
			       "    2 | def\n"
			       "      |   ^\n");
}

static void test_order(void **state)
{
	struct diags diags = { 0 };
	struct diag_where first = { diags_file(&diags, "z.yaml"), 1, 1, 1 };
	struct diag_where other = { diags_file(&diags, "b.yaml"), 1, 1, 1 };

	(void)state;
	diags_add(&diags, DIAG_ERROR, other, NULL, 0, NULL, "6");
	first.line = 2;
	diags_add(&diags, DIAG_WARNING, first, NULL, 0, NULL, "4");
	diags_add(&diags, DIAG_ERROR, first, NULL, 0, NULL, "5");
	first.line = 1;
	first.col = 2;
	diags_add(&diags, DIAG_ERROR, first, NULL, 0, NULL, "3");
	first.col = 1;
	diags_add(&diags, DIAG_ERROR, first, NULL, 0, NULL, "2");
	first.line = 0;
	diags_add(&diags, DIAG_ERROR, first, NULL, 0, NULL, "1");
	assert_int_equal(diags.errors, 5);
	assert_int_equal(diags.warnings, 1);
	assert_string_equal(diags.list[0].message, "6");
	assert_printed(&diags, "z.yaml: error: 1\n"
			       "z.yaml:1:1: error: 2\n"
			       "z.yaml:1:2: error: 3\n"
			       "z.yaml:2:1: warning: 4\n"
			       "z.yaml:2:1: error: 5\n"
			       "b.yaml:1:1: error: 6\n");
}

static void assert_first(struct diags *diags, const char *expected)
{
	char text[64];

	diags_first(diags, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* As they are printed, not as they were found; warnings do not count. */
static void test_first(void **state)
{
	struct diags diags = { 0 };
	struct diag_where where = { diags_file(&diags, "a.yaml"), 1, 1, 1 };

	(void)state;
	assert_first(&diags, "");
	diags_add(&diags, DIAG_WARNING, where, NULL, 0, NULL, "odd");
	assert_first(&diags, "");
	add(&diags, 3, 4, 1, NULL, NULL, "later");
	assert_first(&diags, "a.yaml:3:4: later");
	add(&diags, 2, 5, 1, NULL, "a hint", "sooner");
	assert_first(&diags, "a.yaml:2:5: sooner");
	add(&diags, 0, 0, 0, NULL, NULL, "no tag");
	assert_first(&diags, "a.yaml: no tag");
	diags_free(&diags);
}

static void test_caret_under_other_scripts(void **state)
{
	struct diags diags = { 0 };

	(void)state;
	/* two bytes and one column; three bytes and two columns; two bytes and none; a tab */
	add(&diags, 1, 3, 1, "\xc3\xb6x", NULL, "o");
	add(&diags, 2, 4, 1, "\n\xe3\x83\x86x", NULL, "te");
	add(&diags, 3, 4, 1, "\n\no\xcc\x88x", NULL, "combining");
	add(&diags, 4, 2, 2, "\n\n\n\txy", NULL, "tab");
	assert_printed(&diags, "a.yaml:1:3: error: o\n    1 | \xc3\xb6x\n      |  ^\n"
			       "a.yaml:2:4: error: te\n    2 | \xe3\x83\x86x\n      |   ^\n"
			       "a.yaml:3:4: error: combining\n    3 | o\xcc\x88x\n      |  ^\n"
			       "a.yaml:4:2: error: tab\n    4 |  xy\n      |  ^~\n");
}

static void test_nothing_reaches_the_terminal(void **state)
{
	struct diags diags = { 0 };

	(void)state;
	/* escape, delete, invalid UTF-8, a C1 control, right-to-left override, zero width space */
	add(&diags, 1, 9, 1, "\033[31m\177\xff x\xc2\x9b\xe2\x80\xae\xe2\x80\x8b", "h\033\a",
	    "m\033\n");
	assert_printed(&diags, "a.yaml:1:9: error: m??\n"
			       "    1 | ?[31m?? x???\n"
			       "      |         ^\n"
			       "      = hint: h??\n");
}

static void test_long_lines_are_cut(void **state)
{
	struct diags diags = { 0 };
	char line[1001], *text;

	(void)state;
	memset(line, 'x', 1000);
	memcpy(line + 500, "HERE", 4);
	line[1000] = 0;
	add(&diags, 1, 501, 4, line, NULL, "middle");
	add(&diags, 1, 1000, 1, line, NULL, "end");
	text = printed(&diags, false);
	assert_non_null(strstr(text, "    1 | ...xxxx"));
	assert_non_null(strstr(text, "xxxxHERExxxx"));
	assert_non_null(strstr(text, "xxxx...\n"));
	for (char *next, *l = text; (next = strchr(l, '\n')); l = next + 1)
		assert_true(next - l < 160);
	/* the caret stands under the H */
	assert_int_equal(strchr(text, 'H') - strchr(text, '|'),
			 strchr(text, '^') - (strstr(text, "      | ") + 6));
	free(text);
	diags_free(&diags);
}

static void test_cut_between_characters(void **state)
{
	struct diags diags = { 0 };
	char line[601], *text;

	(void)state;
	for (size_t i = 0; i < 600; i += 3)
		memcpy(line + i, "\xe2\x82\xac", 3);
	line[600] = 0;
	line[300] = line[301] = line[302] = 'x'; /* so that both ends fall inside of one */
	add(&diags, 1, 303, 1, line, NULL, "euro");
	text = printed(&diags, false);
	assert_null(strchr(text, '?'));
	free(text);
	diags_free(&diags);
}

static void test_many_faults_are_counted(void **state)
{
	struct diags diags = { 0 };
	size_t lines = 0;
	char *text;

	(void)state;
	for (unsigned int i = 0; i < 2 * DIAG_KEPT_MAX; i++)
		add(&diags, i + 1, 1, 1, NULL, NULL, "bad");
	diags_add(&diags, DIAG_WARNING, (struct diag_where){ "a.yaml", 1, 1, 1 }, NULL, 0, NULL,
		  "odd");
	assert_int_equal(diags.errors, 2 * DIAG_KEPT_MAX);
	assert_int_equal(diags.count, DIAG_KEPT_MAX + 1);
	text = printed(&diags, false);
	for (char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, DIAG_SHOWN_MAX + 2);
	assert_non_null(strstr(text, "a.yaml:1:1: warning: odd\n"));
	assert_non_null(strstr(text, "a.yaml:100:1: error: bad\n... and 1900 more errors\n"));
	free(text);
	diags_free(&diags);
}

static void test_color(void **state)
{
	struct diags diags = { 0 };
	char *text;

	(void)state;
	add(&diags, 1, 1, 1, "x", "why", "bad");
	text = printed(&diags, true);
	assert_string_equal(text, "\033[1ma.yaml:1:1:\033[0m \033[1;31merror:\033[0m bad\n"
				  "    1 | x\n"
				  "      | \033[1;32m^\033[0m\n"
				  "      \033[1;36m= hint:\033[0m why\n");
	free(text);
	diags_free(&diags);
}

static void test_file_names_are_kept_once(void **state)
{
	struct diags diags = { 0 };
	char name[] = "one.yaml";
	const char *kept = diags_file(&diags, name);

	(void)state;
	assert_ptr_not_equal(kept, name);
	assert_ptr_equal(diags_file(&diags, "one.yaml"), kept);
	assert_ptr_not_equal(diags_file(&diags, "two.yaml"), kept);
	assert_int_equal(diags.name_count, 2);
	diags_free(&diags);
	assert_int_equal(diags.name_count, 0);
}

static void test_nearest(void **state)
{
	static const char *const verdicts[] = { "allow", "audit", "deny", NULL };
	static const char *const keys[] = { "nets", "ports", "files", "execs", NULL };
	static const char *const none[] = { NULL };

	(void)state;
	assert_string_equal(diag_nearest("denny", verdicts), "deny");
	assert_string_equal(diag_nearest("dney", verdicts), "deny");
	assert_string_equal(diag_nearest("DENY", verdicts), "deny");
	assert_string_equal(diag_nearest("alow", verdicts), "allow");
	assert_string_equal(diag_nearest("adudit", verdicts), "audit");
	assert_string_equal(diag_nearest("port", keys), "ports");
	assert_string_equal(diag_nearest("net", keys), "nets");
	assert_null(diag_nearest("permit", verdicts));
	assert_null(diag_nearest("", verdicts));
	assert_null(diag_nearest("x", verdicts));
	assert_null(diag_nearest("deny", none));
	assert_null(diag_nearest("a-word-that-is-longer-than-any-name-may-be-"
				 "and-so-cannot-have-been-meant-as-one", verdicts));
}

static void test_nearest_is_the_nearest(void **state)
{
	static const char *const hosts[] = { "EHOSTDOWNS", "ENETUNREACH", "EHOSTUNREACH",
					     "EHOSTUNREACHED", NULL };

	(void)state;
	assert_string_equal(diag_nearest("EHOSTUNREACHE", hosts), "EHOSTUNREACH");
	assert_string_equal(diag_nearest("EHOSTUNREACHED", hosts), "EHOSTUNREACHED");
	assert_string_equal(diag_nearest("EHSOTUNRAECH", hosts), "EHOSTUNREACH");
}

/* The cells that are left out must not matter: compared with the whole table. */
static unsigned int slow_edits(const char *a, const char *b)
{
	unsigned int cell[12][12];
	size_t n = strlen(a), m = strlen(b);

	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			unsigned int best = 99;

			if (i && j)
				best = cell[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (i && cell[i - 1][j] + 1 < best)
				best = cell[i - 1][j] + 1;
			if (j && cell[i][j - 1] + 1 < best)
				best = cell[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    cell[i - 2][j - 2] + 1 < best)
				best = cell[i - 2][j - 2] + 1;
			cell[i][j] = i || j ? best : 0;
		}
	return cell[n][m];
}

static void test_nearest_against_the_whole_table(void **state)
{
	unsigned int random = 1;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char words[2][12] = { "", "" };
		const char *const list[] = { words[1], NULL };
		size_t length[2];

		for (int w = 0; w < 2; w++) {
			random = random * 1103515245 + 12345;
			length[w] = (random >> 16) % 11;
			for (size_t i = 0; i < length[w]; i++) {
				random = random * 1103515245 + 12345;
				words[w][i] = "abc"[(random >> 16) % 3];
			}
		}
		assert_int_equal(diag_nearest(words[0], list) != NULL,
				 slow_edits(words[0], words[1]) <= length[0] / 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_looks_like_a_compiler),
		cmocka_unit_test(test_whole_file),
		cmocka_unit_test(test_severities),
		cmocka_unit_test(test_no_text),
		cmocka_unit_test(test_past_the_end),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_caret_under_other_scripts),
		cmocka_unit_test(test_nothing_reaches_the_terminal),
		cmocka_unit_test(test_long_lines_are_cut),
		cmocka_unit_test(test_cut_between_characters),
		cmocka_unit_test(test_many_faults_are_counted),
		cmocka_unit_test(test_color),
		cmocka_unit_test(test_file_names_are_kept_once),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_nearest_is_the_nearest),
		cmocka_unit_test(test_nearest_against_the_whole_table),
	};

	return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
