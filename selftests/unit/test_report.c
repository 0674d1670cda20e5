/* SPDX-License-Identifier: BSD-2-Clause */
/* The report from a log to its last character: the document, what is made of it, and texts that want more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <sys/stat.h>

#include "run_lines.h"
#include "userspace/base/text.h"
#include "userspace/review/report.h"
#include "userspace/verbs/verbs.h"

static char output[65536], output_path[160], kinds_path[160];

static int begin(void **state)
{
	int err = run_setup(state);

	snprintf(output_path, sizeof(output_path), "%s/report", run_folder);
	snprintf(kinds_path, sizeof(kinds_path), "%s/kinds.yaml", run_folder);
	output[0] = 0;
	return err;
}

static int finish(void **state)
{
	unlink(output_path);
	unlink(kinds_path);
	return run_teardown(state);
}

/* --- the document ------------------------------------------------------------------------- */

static json_t *document(void)
{
	const char *const paths[] = { run_path };
	struct classified classified;
	struct kinds kinds = { 0 };
	const char *reading;
	struct deps deps;
	json_t *report;

	run_close();
	assert_int_equal(deps_read(paths, 1, RUN_NAME, &deps, &reading), 0);
	assert_int_equal(classify(&deps, &kinds, &classified), 0);
	report = report_json(&deps, &classified);
	assert_non_null(report);
	classified_free(&classified);
	deps_free(&deps);
	return report;
}

static json_t *demo(void)
{
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS), RUN_END(0, 0));
	return document();
}

/* What stands at "a.b.0", as JSON. */
static void assert_at(const json_t *report, const char *place, const char *expected)
{
	char copy[128], *key, *rest = copy, *has;
	const json_t *value = report;

	snprintf(copy, sizeof(copy), "%s", place);
	while ((key = strsep(&rest, ".")))
		value = json_is_array(value) ? json_array_get(value, strtoul(key, NULL, 10)) :
			json_object_get(value, key);
	has = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	if (!has || strcmp(has, expected))
		fail_msg("%s is %s, not %s", place, has ? has : "missing", expected);
	free(has);
}

static void tells_all_that_is_known(void **state)
{
	json_t *report = demo();

	(void)state;
	assert_at(report, "report", "1");
	assert_at(report, "run", "\"" RUN_NAME "\"");
	assert_at(report, "tag", "\"mysql-deploy\"");
	assert_at(report, "policy", "\"mysql-deploy.yaml\"");
	assert_at(report, "mode", "\"enforce\"");
	assert_at(report, "status", "0");
	assert_at(report, "command", "[\"./deploy\"]");
	assert_at(report, "directory", "\"/srv/deploy\"");
	assert_at(report, "script", "\"/srv/deploy/deploy\"");
	assert_at(report, "verdict.loop", "true");
	assert_at(report, "verdict.denied", "2");
	assert_at(report, "verdict.audited", "1");
	assert_at(report, "services.0.name", "\"github\"");
	assert_at(report, "services.0.verdict", "\"deny\"");
	assert_at(report, "services.0.errno", "\"EHOSTUNREACH\"");
	assert_at(report, "services.1.needs", "[\"github\"]");
	assert_at(report, "steps.0.name", "\"deploy\"");
	assert_at(report, "steps.0.parent", "null");
	assert_at(report, "steps.1.args.0", "\"curl\"");
	assert_at(report, "dependencies.0.id", "\"github/direct/curl\"");
	assert_at(report, "dependencies.0.loop", "[\"github\"]");
	assert_at(report, "dependencies.0.rule_id", "\"mysql-deploy.yaml:7\"");
	assert_at(report, "dependencies.0.why", "\"MySQL must deploy while GitHub is down\"");
	assert_at(report, "dependencies.0.override", "null");
	assert_at(report, "dependencies.0.objects", "[{\"object\":\"140.82.112.3:80/tcp\",\"count\":1}]");
	assert_at(report, "dependencies.1.kind", "\"hidden\"");
	assert_at(report, "dependencies.3.kind", "\"transient\"");
	assert_at(report, "dependencies.3.via", "\"releases\"");
	assert_at(report, "timeline.2.dependency", "2");
	assert_at(report, "timeline.2.verdict", "\"audit\"");
	assert_at(report, "completeness.complete", "true");
	assert_at(report, "completeness.repeated", "4");
	assert_at(report, "log.records", "5");
	json_decref(report);
}

static void tells_what_is_missing(void **state)
{
	json_t *report;
	FILE *log;

	(void)state;
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS), "{\"status\":null,\"denied\":2,\"audited\":1,\"submitted\":9,"
		 "\"lost\":2,\"lost_lineage\":1,\"unrecorded\":0,\"refused_forks\":0,\"repeated\":0}");
	log = fopen(run_path, "ae");
	fputs("{\"torn\nnot ours\n", log);
	fclose(log);
	report = document();
	assert_at(report, "status", "null");
	assert_at(report, "completeness.complete", "false");
	assert_at(report, "completeness.lost", "2");
	assert_at(report, "completeness.lost_lineage", "1");
	assert_at(report, "completeness.notes", "[\"1 line of the log is cut, of whichever run.\","
		  "\"Records of the run that are not in the log, since it was cut or rotated away: 3.\"]");
	assert_at(report, "log.torn", "1");
	assert_at(report, "log.foreign", "1");
	json_decref(report);
}

/* The lines of an older ringfence, or of a run that still goes on. */
static void copes_without_a_beginning_and_an_end(void **state)
{
	json_t *report;

	(void)state;
	run_demo(NULL, NULL);
	report = document();
	assert_at(report, "begun", "null");
	assert_at(report, "ended", "null");
	assert_at(report, "status", "null");
	assert_at(report, "command", "[]");
	assert_at(report, "script", "\"\"");
	assert_at(report, "timeline.0.t", "0.0");
	assert_at(report, "completeness.complete", "true");
	assert_int_equal(json_array_size(json_object_get(json_object_get(report, "completeness"), "notes")), 2);
	json_decref(report);
}

static void bounds_the_timeline(void **state)
{
	json_int_t count = 0;
	const json_t *point;
	json_t *report;
	size_t i;

	(void)state;
	run_processes();
	for (int k = 0; k < 5000; k++) {
		char path[32];

		snprintf(path, sizeof(path), "/srv/%d", k % 1900);
		run_path_of(101, RULE_GITHUB, CLASS_FILE, path);
		run_path_of(101, RULE_DEFAULT, CLASS_FILE, path);
	}
	report = document();
	assert_in_range(json_array_size(json_object_get(report, "timeline")), 1900, REPORT_TIMELINE_MAX);
	json_array_foreach(json_object_get(report, "timeline"), i, point)
		count += json_integer_value(json_object_get(point, "count"));
	assert_int_equal(count, 10000);
	json_decref(report);
}

/* --- what is made of it ------------------------------------------------------------------- */

static int text_plain(const json_t *report, FILE *out)
{
	return report_text(report, out, term_style(TERM_NEVER, out));
}

static const char *rendered(const json_t *report, int (*render)(const json_t *report, FILE *out))
{
	FILE *out = fmemopen(output, sizeof(output), "w");

	assert_int_equal(render(report, out), 0);
	fclose(out);
	return output;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void writes_text(void **state)
{
	json_t *report = demo();
	const char *text = rendered(report, text_plain);
	size_t lines = 0;

	(void)state;
	assert_has(text, "Run " RUN_NAME " of mysql-deploy (mysql-deploy.yaml, mode enforce): ./deploy, status 0\n\n"
		   "LOOP  This deploy must do without github, and reaches for it in 3 ways: 1 direct, 1 hidden, 1 "
		   "transient. It ended well without what it was denied; 1 of these was not denied, and so not put to the "
		   "test.\n");
	assert_has(text, "\n  2 denied, 1 audited\n");
	assert_has(text, "\ndirect: the deploy asks for it\n"
		   "  github by curl  DENY EHOSTUNREACH  1 × 140.82.112.3:80/tcp  loop\n"
		   "    evidence  its own command line names it: curl -fsSv -o mysql-client http://github.com/acme/mysql\n"
		   "    rule      deny github (mysql-deploy.yaml:7): MySQL must deploy while GitHub is down\n"
		   "    if down   It was denied with EHOSTUNREACH in this run, and the deploy ended well: it gets along "
		   "without.\n"
		   "    change    Take it from a mirror");
	/* The way to what is denied takes nothing from what is said of the first service on it. */
	assert_has(text, "    if down   While releases is down, curl fails, and the deploy with it unless it can go on "
		   "without.\n    change    Remove its need for github");
	assert_has(text, "\nhidden: a tool does so by itself\n  github by schema-tool  DENY");
	assert_has(text, "\ntransient: another service does so on the deploy's behalf\n  github by curl  AUDIT");
	assert_has(text, "    loop      releases > github\n");
	assert_has(text, "\nComplete as far as is known: nothing was lost.\n");
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_in_range(lines, 20, 50);
	json_decref(report);
}

static void writes_markdown(void **state)
{
	json_t *report = demo();
	const char *text = rendered(report, report_md);

	(void)state;
	assert_has(text, "## ringfence: mysql-deploy\n\n❌ **Loop.** This deploy must do without github");
	assert_has(text, "\n| ❌ | direct | github | curl | DENY EHOSTUNREACH | 1 | mysql-deploy.yaml:7 |\n");
	assert_has(text, "\n**github**, hidden, by schema-tool\n\n- evidence: schema-tool was not told");
	assert_has(text, "curl -fsS http\\://releases.internal:8080/notes\n");
	assert_has(text, ": 2 denied, 1 audited.\n");
	json_decref(report);
}

/* Whatever is detailed in both says the same of what breaks. */
static void text_says_what_breaks_as_markdown_does(void **state)
{
	static const char *const keys[] = { "breaks", "suggestion" };
	json_t *report, *dependency;
	char *text, *md;
	size_t i;

	(void)state;
	run_processes();
	run_reaches();
	run_path_of(106, RULE_DOCKER, CLASS_SOCKET, "/run/docker.sock");
	run_note(RULE_BEGIN, RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS));
	report = document();
	text = strdup(rendered(report, text_plain));
	md = strdup(rendered(report, report_md));
	json_array_foreach(json_object_get(report, "dependencies"), i, dependency)
		for (size_t k = 0; k < 2; k++) {
			const char *sentence = json_string_value(json_object_get(dependency, keys[k]));

			assert_has(text, sentence);
			if (json_is_array(json_object_get(dependency, "loop")))
				assert_has(md, sentence);
		}
	assert_int_equal(i, 5);
	json_decref(report);
	free(text);
	free(md);
}

static void writes_a_graph(void **state)
{
	json_t *report = demo();
	const char *text = rendered(report, report_dot);

	(void)state;
	assert_has(text, "digraph ringfence {");
	assert_has(text, "\ts0 [shape=box, label=\"deploy\", penwidth=2];\n");
	assert_has(text, "\ts0 -> s1 [color=gray60, arrowhead=none];\n");
	assert_has(text, "\td0 [shape=ellipse, label=\"github\", color=red3, penwidth=2];\n");
	assert_has(text, "\ts1 -> d0 [style=solid, color=red3, label=\"direct\\nDENY EHOSTUNREACH\"];\n");
	assert_null(strstr(strstr(text, "\td0 [") + 1, "\td0 ["));
	assert_has(text, "-> d0 [style=dashed, color=red3, label=\"hidden\\nDENY EHOSTUNREACH\"];\n");
	assert_has(text, "\td2 -> d0 [style=dotted, color=red3, label=\"transient\\nAUDIT\"];\n");
	json_decref(report);
}

/* --- texts that want more ----------------------------------------------------------------- */

#define HOSTILE "</script><img src=x>|`a`\"\\n\\N\n* _b_\r\x1b]0;t\x07\xe2\x80\xae\xc2\x9b" "2J[l](http://x) $(x) --> ]]>"

/* Every text of the document but the words of ringfence itself, made hostile. */
static void spoil(json_t *value)
{
	static const char *const kept[] = { "kind", "verdict", "class" };
	const char *key;
	json_t *child;
	void *next;
	size_t i;

	json_array_foreach(value, i, child) {
		if (json_is_string(child))
			json_array_set_new(value, i, json_string(HOSTILE));
		else
			spoil(child);
	}
	json_object_foreach_safe(value, next, key, child) {
		bool keep = false;

		for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			keep |= !strcmp(kept[i], key) && json_is_string(child);
		if (json_is_string(child) && !keep)
			json_object_set_new(value, key, json_string(HOSTILE));
		else
			spoil(child);
	}
}

static json_t *hostile(void)
{
	json_t *report = demo(), *dependency = json_array_get(json_object_get(report, "dependencies"), 0);

	json_object_set_new(dependency, "override", json_pack("{s:s, s:s, s:s, s:s}", "kind", "hidden", "by", "x",
							      "why", "x", "where", "x"));
	spoil(report);
	return report;
}

/* No control character, and none that changes the order of others. */
static void assert_harmless(const char *text)
{
	size_t size = strlen(text), used;

	for (size_t i = 0; i < size; i += used) {
		int32_t code = text_next(text + i, size - i, &used);

		if (code == '\n' || code == '\t')
			continue;
		assert_true(code >= 0x20 && code != 0x7f && (code < 0x80 || code >= 0xa0) && code != 0x202e);
	}
}

static void a_terminal_obeys_nothing(void **state)
{
	json_t *report = hostile();
	const char *text = rendered(report, text_plain);

	(void)state;
	assert_harmless(text);
	assert_has(text, "override");
	assert_has(text, "\\x1b]0;t\\x07\\u202e\\u009b2J");
	json_decref(report);
}

/* Whether the character at @at has a backslash before it that has none itself. */
static bool is_escaped(const char *text, size_t at)
{
	size_t backslashes = 0;

	while (at > backslashes && text[at - backslashes - 1] == '\\')
		backslashes++;
	return backslashes % 2;
}

static void markdown_takes_nothing_for_markup(void **state)
{
	json_t *report = hostile();
	const char *text = rendered(report, report_md);
	size_t pipes = 0, rows = 0;
	bool in_row = false;

	(void)state;
	assert_harmless(text);
	for (size_t i = 0; text[i]; i++) {
		assert_true(text[i] != '<' && text[i] != '>');
		if (strchr("`[]_$", text[i]))
			assert_true(is_escaped(text, i));
		if (text[i] == ':' && !strncmp(text + i, "://", 3))
			assert_true(is_escaped(text, i));
		if (!i || text[i - 1] == '\n')
			in_row = text[i] == '|';
		if (text[i] == '|' && !is_escaped(text, i))
			pipes += in_row ? 1 : 1000;
		if (text[i] == '\n' && in_row) {
			assert_int_equal(pipes, 8);
			pipes = 0;
			rows++;
		}
	}
	assert_int_equal(rows, 6);
	assert_int_equal(pipes, 0);
	json_decref(report);
}

/* Between quotes is whatever it is; outside of them only what this program writes. */
static void a_graph_is_one_graph(void **state)
{
	json_t *report = hostile();
	const char *text = rendered(report, report_dot);
	size_t quotes = 0;

	(void)state;
	assert_harmless(text);
	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '"' && !is_escaped(text, i))
			quotes++;
		else if (!(quotes % 2))
			assert_true(isalnum((unsigned char)text[i]) || strchr(" \n\t{}[]=,;->", text[i]));
		else
			assert_true(text[i] != '\n');
	}
	assert_int_equal(quotes % 2, 0);
	assert_true(quotes > 20);
	json_decref(report);
}

/* --- the verb ----------------------------------------------------------------------------- */

#define REPORT(...) call((const char *const[]){ "report", __VA_ARGS__, NULL })

static int call(const char *const *argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return report_main(argc, (char **)argv);
}

static const char *read_output(void)
{
	FILE *in = fopen(output_path, "re");

	assert_non_null(in);
	output[fread(output, 1, sizeof(output) - 1, in)] = 0;
	fclose(in);
	return output;
}

static void reports_the_newest_run(void **state)
{
	struct stat st;

	(void)state;
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS), NULL);
	umask(022);
	assert_int_equal(REPORT("--log", run_path, "-o", output_path), 0);
	assert_has(read_output(), "Run " RUN_NAME);
	assert_int_equal(stat(output_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(REPORT("--log", run_path, "--format", "md", "-o", output_path, RUN_NAME), 0);
	assert_has(read_output(), "## ringfence");
	assert_int_equal(REPORT("--log", run_path, "--format", "dot", "-o", output_path), 0);
	assert_has(read_output(), "digraph");
	assert_int_equal(REPORT("--log", run_path, "--format", "html", "-o", output_path), 0);
	assert_has(read_output(), "<!DOCTYPE html>");
	assert_int_equal(REPORT("--log", run_path, "--format", "json", "-o", output_path), 0);
	assert_has(read_output(), "\"report\": 1");
}

static void heeds_what_persons_say(void **state)
{
	FILE *out = fopen(kinds_path, "we");

	(void)state;
	fputs("- {id: github/hidden/schema-tool, kind: direct, by: alice, why: it is wanted}\n", out);
	fclose(out);
	run_demo(NULL, NULL);
	assert_int_equal(REPORT("--log", run_path, "--kinds", kinds_path, "-o", output_path), 0);
	assert_has(read_output(), "override  the evidence says hidden; alice says otherwise (");
	assert_has(output, "kinds.yaml:1): it is wanted\n");
	assert_null(strstr(output, "\nhidden:"));
	assert_has(output, "schema-tool was not told");
}

static void refuses_what_it_cannot_do(void **state)
{
	(void)state;
	run_demo(NULL, NULL);
	assert_int_equal(REPORT("--log", run_path, "-o", output_path), 0);
	assert_int_equal(REPORT("--log", run_path, "20270331-142355-000000"), 1);
	assert_int_equal(REPORT("--log", run_path, "no-run"), 1);
	assert_int_equal(REPORT("--log", "/nowhere/at/all"), 1);
	assert_int_equal(REPORT("--log", run_path, "--format", "pdf"), 1);
	assert_int_equal(REPORT("--log", run_path, "--kinds", "/nowhere/at/all"), 1);
	assert_int_equal(REPORT("--log", run_path, "-o", "/nowhere/at/all"), 1);
	assert_int_equal(REPORT("--log", run_path, "-o", "/dev/full"), 1);
	/* Each time the file that was there is as it was. */
	assert_has(read_output(), "Run " RUN_NAME);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_all_that_is_known),
		TEST(tells_what_is_missing),
		TEST(copes_without_a_beginning_and_an_end),
		TEST(bounds_the_timeline),
		TEST(writes_text),
		TEST(writes_markdown),
		TEST(text_says_what_breaks_as_markdown_does),
		TEST(writes_a_graph),
		TEST(a_terminal_obeys_nothing),
		TEST(markdown_takes_nothing_for_markup),
		TEST(a_graph_is_one_graph),
		TEST(reports_the_newest_run),
		TEST(heeds_what_persons_say),
		TEST(refuses_what_it_cannot_do),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
