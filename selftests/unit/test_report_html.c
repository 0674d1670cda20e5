/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page as a whole: read by a reader that knows which elements and attributes it may have, and takes any
 * other for a text that got out.
 */
#include "pages.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "large_report.h"
#include "userspace/base/text.h"
#include "userspace/review/report_html.h"
#include "userspace/review/report_table.h"

#define DEPTH_MAX 64

/* --- a strict reader ------------------------------------------------------------------------- */

static const char *const elements[] = {
	"html", "head", "meta", "title", "style", "body", "a", "header", "main", "section", "h1", "h2", "p", "b",
	"em", "bdi", "code", "span", "time", "div", "dl", "dt", "dd", "ul", "ol", "li", "figure", "figcaption",
	"table", "thead", "tbody", "tr", "th", "td", "details", "summary", "label", "input", "select", "option",
	"button", "output", "script", "svg", "symbol", "g", "path", "rect", "circle", "line", "text", "use",
	"desc",
};

static const char *const void_elements[] = { "meta", "input" };

/* None of which lets a browser run or fetch something. */
static const char *const attributes[] = {
	"lang", "charset", "http-equiv", "content", "name", "class", "href", "id", "role", "tabindex", "hidden",
	"type", "min", "max", "step", "value", "title", "datetime", "scope", "colspan", "autocomplete",
	"spellcheck", "focusable", "viewBox", "width", "height", "x", "y", "dx", "x1", "x2", "y1", "y2", "cx",
	"cy", "r", "rx", "d", "transform",
};

struct reader {
	const char *at;
	char open[DEPTH_MAX][16];
	size_t depth;
	size_t scripts;
	struct text ids;		/* each within spaces */
};

static bool among(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

#define AMONG(word, words) among(word, words, sizeof(words) / sizeof(*(words)))

static void fail_at(const struct reader *reader, const char *what)
{
	fail_msg("%s at: %.120s", what, reader->at);
}

static void read_word(struct reader *reader, char ret[32])
{
	size_t size = 0;

	while (isalnum((unsigned char)*reader->at) || *reader->at == '-') {
		if (size == 31)
			fail_at(reader, "a long name");
		ret[size++] = *reader->at++;
	}
	ret[size] = 0;
}

static void note_id(struct reader *reader, const char *value, size_t size)
{
	char id[64];

	snprintf(id, sizeof(id), " %.*s ", (int)size, value);
	if (reader->ids.size && memmem(reader->ids.data, reader->ids.size, id, strlen(id)))
		fail_at(reader, "an id for the second time");
	text_append_string(&reader->ids, id);
}

static void read_attribute(struct reader *reader)
{
	char name[32];
	const char *end;

	read_word(reader, name);
	if (!AMONG(name, attributes) && strncmp(name, "aria-", 5) && strncmp(name, "data-", 5))
		fail_at(reader, "an unknown attribute");
	if (*reader->at != '=') {
		assert_string_equal(name, "hidden");
		return;
	}
	if (reader->at[1] != '"')
		fail_at(reader, "a value without quotes");
	reader->at += 2;
	end = strpbrk(reader->at, "\"<>");
	if (!end || *end != '"')
		fail_at(reader, "a value that does not end");
	if (!strcmp(name, "href") && *reader->at != '#')
		fail_at(reader, "a link that leads out of the page");
	if (!strcmp(name, "id"))
		note_id(reader, reader->at, end - reader->at);
	reader->at = end + 1;
}

/* Behind "<": an element's tag. */
static void read_open(struct reader *reader)
{
	char name[32], end[40];

	read_word(reader, name);
	if (!AMONG(name, elements))
		fail_at(reader, "an unknown element");
	while (*reader->at == ' ') {
		reader->at++;
		read_attribute(reader);
	}
	if (!strncmp(reader->at, "/>", 2)) {
		reader->at += 2;
		return;
	}
	if (*reader->at++ != '>')
		fail_at(reader, "a tag that does not end");
	if (AMONG(name, void_elements))
		return;
	assert_true(reader->depth < DEPTH_MAX);
	strcpy(reader->open[reader->depth++], name);
	reader->scripts += !strcmp(name, "script");
	if (strcmp(name, "script") && strcmp(name, "style"))
		return;
	snprintf(end, sizeof(end), "</%s", name);
	reader->at = strstr(reader->at, end);
	assert_non_null(reader->at);
}

static void read_close(struct reader *reader)
{
	char name[32];

	read_word(reader, name);
	if (!reader->depth || strcmp(reader->open[--reader->depth], name))
		fail_at(reader, "an element is closed that is not open");
	if (*reader->at++ != '>')
		fail_at(reader, "a tag that does not end");
}

/* Also that each "&" begins one of the entities that are written. */
static void read_text(struct reader *reader)
{
	static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
	bool known = false;

	if (*reader->at == '>')
		fail_at(reader, "a bracket in the text");
	for (size_t i = 0; *reader->at == '&' && i < sizeof(entities) / sizeof(*entities); i++)
		known |= !strncmp(reader->at, entities[i], strlen(entities[i]));
	if (*reader->at == '&' && !known)
		fail_at(reader, "an unknown entity");
	reader->at++;
}

static void expect_well_formed(const char *page)
{
	static const char doctype[] = "<!DOCTYPE html>\n";
	struct reader reader = { .at = page + strlen(doctype) };

	assert_memory_equal(page, doctype, strlen(doctype));
	while (*reader.at) {
		if (!strncmp(reader.at, "</", 2)) {
			reader.at += 2;
			read_close(&reader);
		} else if (*reader.at == '<') {
			reader.at++;
			read_open(&reader);
		} else {
			read_text(&reader);
		}
	}
	assert_int_equal(reader.depth, 0);
	assert_int_equal(reader.scripts, 2);
	text_free(&reader.ids);
}

/* --- help ------------------------------------------------------------------------------------ */

static int write_page(struct html *html, const json_t *report)
{
	return report_html(report, html->out);
}

static char *page_of(json_t *report)
{
	char *page;

	assert_non_null(report);
	page = written(write_page, report);
	json_decref(report);
	return page;
}

/* What stands between the first @begin and the @end behind it; the caller's to free(). */
static char *between(const char *page, const char *begin, const char *end)
{
	const char *from = strstr(page, begin), *to = from ? strstr(from + strlen(begin), end) : NULL;

	if (!to)
		fail_msg("no %s ... %s", begin, end);
	return strndup(from + strlen(begin), to - from - strlen(begin));
}

/* --- tests ----------------------------------------------------------------------------------- */

static void pages_are_well_formed(void **state)
{
	static const char *const names[] = { "demo", "empty", "incomplete", "hostile" };
	char *page;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		page = page_of(fixture(names[i]));
		expect_well_formed(page);
		free(page);
	}
	page = page_of(large_report());
	expect_well_formed(page);
	free(page);
	page = page_of(json_object());
	expect_well_formed(page);
	free(page);
}

/* Nothing that a browser would obey, and nothing that turns a text round. */
static void nothing_hostile_gets_out(void **state)
{
	char *page = page_of(fixture("hostile"));
	size_t size = strlen(page), used;

	(void)state;
	assert_null(strstr(page, "<script>alert"));
	assert_null(strstr(page, "<img"));
	assert_non_null(strstr(page, "&lt;/script&gt;&lt;script&gt;alert(1)"));
	assert_non_null(strstr(page, "&quot; onload=&quot;alert(2)&quot;"));
	assert_non_null(strstr(page, "safe\\u202e\\u2066txt.exe"));
	for (size_t i = 0; i < size; i += used) {
		int32_t code = text_next(page + i, size - i, &used);

		assert_true(code == '\n' || code == '\t' || code >= 0x20);
		assert_false((code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
			     (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
			     code == 0x61c || code == 0xfeff);
	}
	*strstr(page, "<script type=\"application/json\"") = 0;	/* where quotes are data */
	assert_null(strstr(page, "\" onload="));
	free(page);
}

/* Computed anew by another program. */
static void expect_hash(const char *page, const char *begin, const char *end, const char *directive)
{
	char path[] = "/tmp/ringfence-test-XXXXXX", command[256], hash[64], wanted[128];
	char *bytes = between(page, begin, end);
	char *policy = between(page, "Content-Security-Policy\" content=\"", "\"");
	int fd = mkstemp(path);
	FILE *pipe;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	close(fd);
	snprintf(command, sizeof(command), "sha256sum < %s | cut -c -64 | tr a-f A-F | basenc -d --base16 | base64",
		 path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%63s", hash), 1);
	pclose(pipe);
	unlink(path);
	snprintf(wanted, sizeof(wanted), "%s 'sha256-%s';", directive, hash);
	assert_non_null(strstr(policy, wanted));
	free(bytes);
	free(policy);
}

static void only_its_own_script_and_style_may_act(void **state)
{
	char *page = page_of(fixture("demo")), *policy;

	(void)state;
	policy = between(page, "Content-Security-Policy\" content=\"", "\"");
	assert_memory_equal(policy, "default-src 'none';", 19);
	assert_non_null(strstr(policy, "base-uri 'none'"));
	assert_non_null(strstr(policy, "form-action 'none'"));
	assert_null(strstr(policy, "unsafe"));
	assert_null(strstr(policy, "http:"));
	expect_hash(page, "<style>", "</style>", "style-src");
	expect_hash(page, "<script>", "</script>", "script-src");
	free(policy);
	free(page);
}

static void carries_its_data(void **state)
{
	static const char *const names[] = { "demo", "hostile" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		json_t *report = fixture(names[i]), *back;
		char *page = page_of(json_incref(report));
		char *data = between(page, "<script type=\"application/json\" id=\"report\">", "</script>");

		back = json_loads(data, 0, NULL);
		assert_non_null(back);
		assert_true(json_equal(report, back));
		json_decref(back);
		json_decref(report);
		free(data);
		free(page);
	}
}

static void says_what_a_dependency_is(void **state)
{
	char *page = page_of(fixture("demo")), *row = between(page, "<tbody id=\"d2\"", "</tbody>");

	(void)state;
	assert_non_null(strstr(page, "mysql-deploy needs github in three ways"));
	assert_non_null(strstr(row, "<dt>What to change</dt><dd>Switch the update check off"));
	assert_non_null(strstr(row, "<dt>If it is down</dt><dd>schema-tool exits"));
	assert_non_null(strstr(row, "<dt>Why hidden</dt><dd><ul><li>Nothing in the step&#39;s command line"));
	assert_non_null(strstr(row, "<code>deny github</code> (mysql.yaml:12), with <code>EHOSTUNREACH</code>: "
				    "MySQL must deploy while GitHub is down"));
	assert_non_null(strstr(row, "[2a0a:a440::3]:80/tcp"));
	assert_non_null(strstr(row, "<dt>Loop</dt><dd>mysql-deploy → <bdi>github</bdi> → mysql-deploy"));
	/* The process and all above it. */
	assert_int_equal(occurrences(row, "<span class=\"pid\">["), 4);
	assert_int_equal(occurrences(row, "<em>the step</em>"), 1);
	free(row);
	row = between(page, "<tbody id=\"d4\"", "</tbody>");
	assert_non_null(strstr(row, "through <bdi>releases</bdi>"));
	free(row);
	free(page);
}

/* Loops first, then the strictest verdict; and no more rows than anybody could read. */
static void shows_what_matters_first(void **state)
{
	json_t *report = fixture("demo"), *dependencies = json_object_get(report, "dependencies");
	static const int order[] = { 0, 2, 4, 3, 1 };
	char *page;
	const char *at;

	(void)state;
	for (int i = 0; i < TABLE_ROWS; i++)
		json_array_insert_new(dependencies, 5, json_pack("{s:s, s:n, s:s, s:s}", "what", "/srv/file",
								 "service", "kind", "hidden", "verdict", "allow"));
	page = page_of(report);
	at = page;
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		char row[16];

		snprintf(row, sizeof(row), "id=\"d%d\"", order[i]);
		at = strstr(at, row);
		assert_non_null(at);
	}
	assert_int_equal(occurrences(page, "<tbody id=\"d"), TABLE_ROWS);
	assert_non_null(strstr(page, "The least strict have no room here: 5 of 505."));
	free(page);
}

static void says_who_decided_otherwise(void **state)
{
	char *page = page_of(fixture("incomplete")), *row = between(page, "<tbody id=\"d1\"", "</tbody>");

	(void)state;
	assert_non_null(strstr(row, "storage-team says so in /etc/ringfence/kinds.yaml:3: the agent is always"));
	assert_non_null(strstr(row, "The evidence said direct"));
	assert_non_null(strstr(row, "<dt>Answered by</dt><dd><code>/usr/bin/vault</code>"));
	assert_non_null(strstr(row, "<dt>Handed on</dt>"));
	free(row);
	free(page);
}

static void warns_of_what_is_missing(void **state)
{
	char *page = page_of(fixture("incomplete")), *whole = page_of(fixture("demo")), *warning;

	(void)state;
	warning = between(page, "<section class=\"warning\"", "</section>");
	assert_non_null(strstr(warning, "the kernel's buffer was full: <b>12</b>"));
	assert_non_null(strstr(warning, "the hook sb_mount was not attached on this kernel."));
	assert_null(strstr(warning, "41"));
	assert_true(strstr(page, "class=\"warning\"") < strstr(page, "<main>"));
	assert_null(strstr(whole, "<section class=\"warning\""));
	assert_non_null(strstr(whole, "no record of the run was lost"));
	free(warning);
	free(page);
	free(whole);
}

static void says_when_there_is_nothing(void **state)
{
	char *page = page_of(fixture("empty"));

	(void)state;
	assert_non_null(strstr(page, "nightly reached for nothing"));
	assert_non_null(strstr(page, "Nothing was recorded that the run reached for."));
	assert_null(strstr(page, "<table"));
	free(page);
}

static void tells_of_a_full_disk(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	json_t *report = fixture("demo");

	(void)state;
	assert_non_null(full);
	assert_int_equal(report_html(report, full), -EIO);
	fclose(full);
	json_decref(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_well_formed), cmocka_unit_test(nothing_hostile_gets_out),
		cmocka_unit_test(only_its_own_script_and_style_may_act), cmocka_unit_test(carries_its_data),
		cmocka_unit_test(says_what_a_dependency_is), cmocka_unit_test(says_who_decided_otherwise),
		cmocka_unit_test(shows_what_matters_first), cmocka_unit_test(warns_of_what_is_missing),
		cmocka_unit_test(says_when_there_is_nothing),
		cmocka_unit_test(tells_of_a_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
