/* SPDX-License-Identifier: BSD-2-Clause */
#include "pages.h"

static char *out;
static size_t out_size;
static struct html html;

static int begin(void **state)
{
	(void)state;
	html = (struct html){ .out = open_memstream(&out, &out_size) };
	return html.out ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	fclose(html.out);
	free(out);
	return 0;
}

static void expect(const char *expected)
{
	fflush(html.out);
	assert_string_equal(out, expected);
	rewind(html.out);
}

static void escapes_what_is_markup(void **state)
{
	(void)state;
	html_text(&html, "</p><b a=\"1\" c='2'>&amp;");
	expect("&lt;/p&gt;&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;");
}

static void shows_what_a_reader_would_not_see(void **state)
{
	(void)state;
	html_text(&html, "a\x1b[31m\x01\n\xe2\x80\xae" "b\xc2\x9b\\ gr\xc3\xbc\xc3\x9f");
	expect("a\\x1b[31m\\x01\\x0a\\u202eb\\u009b\\\\ gr\xc3\xbc\xc3\x9f");
}

static void writes_elements(void **state)
{
	(void)state;
	html_element(&html, "li", " class=\"x\"", "1 < 2");
	expect("<li class=\"x\">1 &lt; 2</li>");
}

static void shortens_by_columns(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *head, *tail;
	} cases[] = {
		{ "abcdef", 6, "abcdef", "abcdef" },
		{ "abcdef", 5, "abcd…", "…cdef" },
		{ "abcdef", 1, "…", "…" },
		{ "abcdef", 0, "…", "…" },
		{ "", 3, "", "" },
		{ "\xe4\xbe\x9d\xe5\xad\x98", 4, "\xe4\xbe\x9d\xe5\xad\x98", "\xe4\xbe\x9d\xe5\xad\x98" },
		{ "\xe4\xbe\x9d\xe5\xad\x98", 3, "\xe4\xbe\x9d…", "…\xe5\xad\x98" },
		{ "<<<<", 3, "&lt;&lt;…", "…&lt;&lt;" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		html_text_cut(&html, cases[i].text, cases[i].columns);
		html_put(&html, "|");
		html_text_end(&html, cases[i].text, cases[i].columns);
		fputc(0, html.out);
		fflush(html.out);
		assert_memory_equal(out, cases[i].head, strlen(cases[i].head));
		assert_int_equal(out[strlen(cases[i].head)], '|');
		assert_string_equal(out + strlen(cases[i].head) + 1, cases[i].tail);
		rewind(html.out);
	}
}

static void counts_columns(void **state)
{
	(void)state;
	assert_int_equal(html_columns("abc"), 3);
	assert_int_equal(html_columns("gr\xc3\xbc\xc3\x9f"), 4);
	assert_int_equal(html_columns("\xe4\xbe\x9d"), 2);
	assert_int_equal(html_columns("\x01"), 4);		/* \x01 */
}

static void writes_json_that_ends_no_element(void **state)
{
	json_t *json = json_pack("{s:s, s:[i,n]}", "</script><!--", "a & \"b\" \x7f\xe2\x80\xae\xe2\x80\xa8",
				 "n", 1), *back;

	(void)state;
	html_json(&html, json);
	fputc(0, html.out);
	fflush(html.out);
	assert_null(strpbrk(out, "<>&\x7f"));
	for (const char *at = out; *at; at++)
		assert_true(*at >= 0x20);
	back = json_loads(out, 0, NULL);
	assert_true(json_equal(json, back));
	json_decref(json);
	json_decref(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(escapes_what_is_markup, begin, finish),
		cmocka_unit_test_setup_teardown(shows_what_a_reader_would_not_see, begin, finish),
		cmocka_unit_test_setup_teardown(writes_elements, begin, finish),
		cmocka_unit_test_setup_teardown(shortens_by_columns, begin, finish),
		cmocka_unit_test_setup_teardown(counts_columns, begin, finish),
		cmocka_unit_test_setup_teardown(writes_json_that_ends_no_element, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
