/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of a run -> steps, what they reached for, a timeline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_lines.h"
#include "userspace/deps.h"

static struct deps read_deps(void)
{
	const char *const paths[] = { run_path };
	const char *reading;
	struct deps deps;

	run_close();
	assert_int_equal(deps_read(paths, 1, RUN_NAME, &deps, &reading), 0);
	return deps;
}

/* The number of the step of that name, -1 where there is none. */
static int step_of(const struct deps *deps, const char *name)
{
	for (size_t i = 0; i < deps->step_count; i++)
		if (!strcmp(deps->steps[i].name, name))
			return i;
	return -1;
}

static void assert_parent(const struct deps *deps, const char *child, const char *parent)
{
	int step = step_of(deps, child);

	assert_true(step >= 0);
	assert_int_equal(deps->steps[step].parent, step_of(deps, parent));
}

static void sees_steps(void **state)
{
	struct deps deps;

	(void)state;
	run_demo(NULL, NULL);
	deps = read_deps();
	assert_int_equal(deps.step_count, 6);
	assert_int_equal(deps.steps[step_of(&deps, "deploy")].parent, -1);
	assert_parent(&deps, "curl", "deploy");
	assert_parent(&deps, "schema-tool", "deploy");
	/* Process 103, a copy of schema-tool that executed nothing, is no step of its own. */
	assert_parent(&deps, "git", "schema-tool");
	assert_parent(&deps, "git-remote-http", "git");
	assert_true(deps.steps[step_of(&deps, "deploy")].own);
	assert_true(deps.steps[step_of(&deps, "schema-tool")].own);
	assert_false(deps.steps[step_of(&deps, "git")].own);
	assert_int_equal(deps_own_step(&deps, step_of(&deps, "git-remote-http")), step_of(&deps, "schema-tool"));
	assert_string_equal(deps.steps[step_of(&deps, "deploy")].script, "./deploy");
	assert_string_equal(deps.tag, "mysql-deploy");
	assert_string_equal(deps.policy, "mysql-deploy.yaml");
	assert_string_equal(deps.mode, "enforce");
	deps_free(&deps);
}

static void counts_what_was_reached_for(void **state)
{
	struct deps deps;

	(void)state;
	run_processes();
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(101, RULE_GITHUB, "140.82.112.4", 80);
	run_path_of(101, RULE_DEFAULT, CLASS_FILE, "/srv/x");
	deps = read_deps();
	assert_int_equal(deps.records, 4);
	assert_int_equal(deps.denied, 3);
	assert_int_equal(deps.allowed, 1);
	assert_int_equal(deps.reach_count, 2);
	assert_string_equal(deps.reaches[0].what, "github");
	assert_string_equal(deps.reaches[0].class, "net");
	assert_int_equal(deps.reaches[0].count, 3);
	assert_int_equal(deps.reaches[0].object_count, 2);
	assert_string_equal(deps.reaches[0].objects[0].name, "140.82.112.3:80/tcp");
	assert_int_equal(deps.reaches[0].objects[0].count, 2);
	assert_string_equal(deps.reaches[0].rule_id, "mysql-deploy.yaml:7");
	assert_string_equal(deps.reaches[1].what, "/srv/x");
	assert_string_equal(deps.reaches[1].class, "file");
	assert_string_equal(deps.reaches[1].objects[0].name, "/srv/x (read)");
	assert_int_equal(deps.service_count, 1);
	assert_int_equal(deps.services[0].verdict, DEPS_DENY);
	assert_int_equal(deps.services[0].count, 3);
	assert_in_range(deps.last - deps.first, 2900000, 3100000);
	assert_int_equal(deps.point_count, 4);
	deps_free(&deps);
}

static void names_the_first_objects(void **state)
{
	char address[32];
	struct deps deps;

	(void)state;
	run_processes();
	for (int i = 0; i < 20; i++) {
		snprintf(address, sizeof(address), "140.82.112.%d", i + 1);
		run_connect(101, RULE_GITHUB, address, 80);
	}
	deps = read_deps();
	assert_int_equal(deps.reach_count, 1);
	assert_int_equal(deps.reaches[0].object_count, DEPS_OBJECTS_MAX);
	assert_int_equal(deps.reaches[0].more_objects, 20 - DEPS_OBJECTS_MAX);
	deps_free(&deps);
}

/* What a script starts again and again is one step; with other arguments, another one. */
static void gathers_what_is_started_again(void **state)
{
	struct deps deps;

	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	for (uint32_t pid = 101; pid < 110; pid++) {
		run_start(pid, 100, RUN_CURL);
		run_connect(pid, RULE_GITHUB, "140.82.112.3", 80);
	}
	run_start(120, 100, RUN_NOTES);
	run_connect(120, RULE_RELEASES, "10.20.0.5", 8080);
	deps = read_deps();
	assert_int_equal(deps.step_count, 3);
	assert_int_equal(deps.reach_count, 2);
	assert_int_equal(deps.reaches[0].count, 9);
	deps_free(&deps);
}

/* Each of the texts is the command of the root; and whether what it starts is the deploy's own. */
static void tells_scripts_from_tools(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		bool own;
	} roots[] = {
#define ROOT(text, own) { text, sizeof(text), own }
		ROOT("./deploy\0/bin/sh\0./deploy", true),
		ROOT("./deploy\0/bin/sh\0-e\0./deploy", true),
		ROOT("/usr/bin/bash\0bash\0deploy.sh\0x", true),
		ROOT("/usr/bin/bash\0bash\0-eo\0pipefail\0deploy.sh", true),
		ROOT("/bin/sh\0sh\0-c\0cd x && ./y", true),
		ROOT("/usr/bin/python3.11\0python3\0-u\0deploy.py", true),
		ROOT("/bin/busybox\0sh\0./deploy", true),
		ROOT("/usr/bin/python3\0python3\0-m\0ansible", false),
		ROOT("/usr/bin/make\0make\0deploy", false),
		ROOT("/usr/local/bin/deploy\0deploy", false),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		struct deps deps;

		if (i) {
			unlink(run_path);
			run_open();
		}
		run_exec_bytes(100, roots[i].text, roots[i].size);
		run_start(101, 100, RUN_CURL);
		run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
		deps = read_deps();
		if (deps.steps[step_of(&deps, "curl")].own != roots[i].own)
			fail_msg("%s", roots[i].text);
		deps_free(&deps);
	}
}

/* make starts a script of the same folder, and what that starts is the deploy's own; not what one elsewhere does. */
static void knows_scripts_of_the_same_folder(void **state)
{
	struct deps deps;

	(void)state;
	run_note(RULE_BEGIN, RUN_BEGIN_ROWS("", ""));
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, "/usr/bin/make\0make\0all");
	run_start(102, 101, "steps/one\0/bin/sh\0steps/one");
	run_start(103, 102, RUN_CURL);
	run_start(104, 101, "/opt/x/tool\0/bin/sh\0/opt/x/tool");
	run_start(105, 104, "/usr/bin/wget\0wget\0x");
	run_start(106, 101, "../up\0/bin/sh\0../up");
	run_start(107, 106, "/usr/bin/nc\0nc\0x");
	run_connect(103, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(105, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(107, RULE_GITHUB, "140.82.112.3", 80);
	deps = read_deps();
	assert_true(deps.steps[step_of(&deps, "curl")].own);
	assert_false(deps.steps[step_of(&deps, "wget")].own);
	assert_false(deps.steps[step_of(&deps, "nc")].own);
	assert_int_equal(deps_own_step(&deps, step_of(&deps, "wget")), step_of(&deps, "make"));
	deps_free(&deps);
}

static void takes_the_beginning_and_the_end(void **state)
{
	struct deps deps;

	(void)state;
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS), RUN_END(3, 5));
	deps = read_deps();
	assert_true(deps.has_begin);
	assert_true(deps.has_end);
	assert_true(deps.begun < deps.first + 1 && deps.ended == deps.last);
	assert_int_equal(deps.records, 3);
	assert_int_equal(json_integer_value(json_object_get(deps.end, "status")), 3);
	assert_string_equal(json_string_value(json_object_get(deps.begin, "script")), "/srv/deploy/deploy");
	deps_free(&deps);
}

static void does_not_know_steps_whose_records_were_lost(void **state)
{
	struct deps deps;

	(void)state;
	run_exec(105, "/usr/bin/git\0git\0fetch");
	run_connect(105, RULE_GITHUB, "140.82.112.3", 80);
	deps = read_deps();
	assert_int_equal(deps.incomplete, 1);
	assert_true(deps.steps[0].unknown_parents);
	assert_int_equal(deps_own_step(&deps, 0), -1);
	deps_free(&deps);
}

static void sees_what_a_process_becomes(void **state)
{
	struct deps deps;

	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, RUN_CURL);
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_exec(101, RUN_NOTES);
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	deps = read_deps();
	assert_int_equal(deps.step_count, 3);
	assert_int_equal(deps.reach_count, 2);
	assert_int_equal(deps.reaches[0].count, 1);
	assert_int_equal(deps.reaches[1].count, 2);
	assert_true(deps.steps[deps.reaches[1].step].last > deps.steps[deps.reaches[0].step].last);
	deps_free(&deps);
}

/* The log anew, as no collector writes it: a process is then parsed in each of its lines. */
static void reformat_log(void)
{
	static char line[65536];
	FILE *in = fopen(run_path, "re"), *out;
	char *process;

	assert_int_equal(unlink(run_path), 0);
	out = fopen(run_path, "we");
	while (fgets(line, sizeof(line), in)) {
		process = strstr(line, "\"process\":");
		assert_non_null(process);
		fprintf(out, "%.*s %s", (int)(process + 10 - line), line, process + 10);
	}
	fclose(in);
	fclose(out);
}

/* What is known of a process from lines before is what its other lines say. */
static void knows_processes_again(void **state)
{
	struct deps deps, anew;

	(void)state;
	run_processes();
	for (int i = 0; i < 50; i++) {
		run_reaches();
		run_path_of(101 + i % 6, RULE_DEFAULT, CLASS_FILE, "/srv/x");
	}
	deps = read_deps();
	reformat_log();
	anew = read_deps();
	assert_int_equal(deps.records, 200);
	assert_int_equal(anew.records, deps.records);
	assert_int_equal(anew.step_count, deps.step_count);
	assert_int_equal(anew.reach_count, deps.reach_count);
	for (size_t i = 0; i < deps.step_count; i++) {
		assert_string_equal(anew.steps[i].entity, deps.steps[i].entity);
		assert_int_equal(anew.steps[i].first, deps.steps[i].first);
		assert_int_equal(anew.steps[i].last, deps.steps[i].last);
	}
	for (size_t i = 0; i < deps.reach_count; i++) {
		assert_int_equal(anew.reaches[i].step, deps.reaches[i].step);
		assert_int_equal(anew.reaches[i].count, deps.reaches[i].count);
		assert_string_equal(anew.reaches[i].what, deps.reaches[i].what);
	}
	deps_free(&deps);
	deps_free(&anew);
}

/* Lines that differ in the ancestors alone, as none are written. */
static void takes_no_ancestors_for_others(void **state)
{
	struct deps deps;
	FILE *out;

	(void)state;
	run_close();
	out = fopen(run_path, "we");
	for (int i = 0; i < 4; i++)
		fprintf(out, "{\"@timestamp\":\"2027-03-31T14:23:55.1Z\",\"process\":{\"pid\":7,\"entity_id\":\"x\",\"executable\":"
			"\"/x\"},\"user\":{\"id\":\"0\"},\"ringfence\":{\"run\":\"" RUN_NAME "\",\"verdict\":\"deny\","
			"\"ancestors\":[{\"executable\":\"/parent%d\"}],\"lineage\":\"complete\",\"lost_before\":0}}\n", i % 2);
	fclose(out);
	deps = read_deps();
	assert_int_equal(deps.step_count, 4);
	assert_int_equal(deps.reach_count, 2);
	assert_int_equal(deps.reaches[0].count, 2);
	assert_int_equal(deps.reaches[1].count, 2);
	deps_free(&deps);
}

/* More programs, objects and moments than there is room for: memory and what is written stay bounded, and nothing
 * goes uncounted. */
static void gathers_what_has_no_room(void **state)
{
	enum { COUNT = DEPS_STEPS_MAX + 1000 };
	uint64_t count = 0, points = 0;
	size_t more = 0;
	struct deps deps;

	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	for (int i = 0; i < COUNT; i++) {
		char text[64] = "/bin/x\0x\0";
		size_t size = 9 + snprintf(text + 9, sizeof(text) - 9, "%d", i) + 1;

		run_fork(200 + i, 100);
		run_exec_bytes(200 + i, text, size);
		snprintf(text, sizeof(text), "/srv/%d", i);
		run_path_of(200 + i, i % 2 ? RULE_DEFAULT : RULE_GITHUB, CLASS_FILE, text);
		run_take(record_exit(200 + i, 200 + i));
	}
	deps = read_deps();
	assert_int_equal(deps.records, COUNT);
	assert_int_equal(deps.step_count, DEPS_STEPS_MAX);
	assert_true(deps.steps_gathered > 0);
	assert_true(deps.reaches_gathered > 0);
	assert_true(deps.reach_count <= DEPS_REACHES_MAX);
	for (size_t i = 0; i < deps.reach_count; i++) {
		count += deps.reaches[i].count;
		more += deps.reaches[i].more;
	}
	assert_int_equal(count, COUNT);
	assert_in_range(more, 1, 2);
	for (size_t i = 0; i < deps.point_count; i++)
		points += deps.points[i].count;
	assert_int_equal(points, COUNT);
	deps_free(&deps);
}

static void gathers_moments(void **state)
{
	uint64_t points = 0;
	struct deps deps;

	(void)state;
	run_processes();
	for (int i = 0; i < 20000; i++)
		run_connect(i % 2 ? 101 : 106, i % 2 ? RULE_GITHUB : RULE_RELEASES, "10.20.0.5", 8080);
	deps = read_deps();
	assert_true(deps.bucket > 0);
	assert_in_range(deps.point_count, DEPS_POINTS_MAX / 4, DEPS_POINTS_MAX);
	for (size_t i = 0; i < deps.point_count; i++) {
		points += deps.points[i].count;
		assert_true(!i || deps.points[i].t >= deps.points[i - 1].t);
	}
	assert_int_equal(points, 20000);
	deps_free(&deps);
}

static void reads_no_record_of_an_unknown_run(void **state)
{
	const char *const paths[] = { run_path }, *const nowhere[] = { "/nowhere/at/all" };
	const char *reading = NULL;
	struct deps deps;

	(void)state;
	run_demo(NULL, NULL);
	assert_int_equal(deps_read(paths, 1, "20270331-142355-000000", &deps, &reading), 0);
	assert_int_equal(deps.records, 0);
	assert_false(deps.has_begin);
	deps_free(&deps);
	assert_int_equal(deps_read(nowhere, 1, RUN_NAME, &deps, &reading), -ENOENT);
	assert_string_equal(reading, "/nowhere/at/all");
}

/* Lines that no ringfence writes: circles of parents, times that are none, a thousand ancestors. */
static void copes_with_lines_that_were_made_up(void **state)
{
	static const char *const lines[] = {
		"\"@timestamp\":\"x\",\"process\":{\"entity_id\":\"b\",\"executable\":\"/y\"},\"ringfence\":{\"run\":\"" RUN_NAME
		"\",\"verdict\":\"deny\",\"ancestors\":[{\"entity_id\":\"a\",\"executable\":\"/x\"}],\"lineage\":\"incomplete\"}",
		"\"@timestamp\":\"9999-99-99T99:99:99.9\",\"process\":{\"entity_id\":\"a\",\"executable\":\"/x\"},\"ringfence\":"
		"{\"run\":\"" RUN_NAME "\",\"verdict\":\"deny\",\"ancestors\":[{\"entity_id\":\"b\",\"executable\":\"/y\"}],"
		"\"lineage\":\"complete\"}",
		"\"@timestamp\":\"2027-03-31T14:23:55\",\"process\":[],\"event\":{\"action\":\"run-begin\"},\"ringfence\":"
		"{\"run\":\"" RUN_NAME "\",\"verdict\":\"allow\",\"begin\":{\"services\":{\"a\":{\"needs\":[1,\"b\"]},\"b\":"
		"{\"needs\":[\"a\"]},\"c\":7},\"script\":7,\"directory\":[]}}",
		"\"@timestamp\":\"2027\",\"event\":{\"action\":\"run-end\"},\"ringfence\":{\"run\":\"" RUN_NAME
		"\",\"verdict\":\"allow\",\"end\":[]}",
	};
	struct deps deps;
	FILE *out;

	(void)state;
	run_close();
	out = fopen(run_path, "we");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		fprintf(out, "{%s}\n", lines[i]);
	fprintf(out, "{\"@timestamp\":\"2027\",\"ringfence\":{\"run\":\"" RUN_NAME "\",\"verdict\":\"deny\",\"ancestors\":[");
	for (int i = 0; i < 1000; i++)
		fprintf(out, "%s{\"entity_id\":\"%d\",\"executable\":\"/%d\"}", i ? "," : "", i, i);
	fprintf(out, "]}}\n");
	fclose(out);
	deps = read_deps();
	assert_int_equal(deps.records, 3);
	for (size_t i = 0; i < deps.step_count; i++)
		deps_own_step(&deps, i);
	deps_free(&deps);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, run_setup, run_teardown)
	const struct CMUnitTest tests[] = {
		TEST(sees_steps),
		TEST(counts_what_was_reached_for),
		TEST(names_the_first_objects),
		TEST(gathers_what_is_started_again),
		TEST(tells_scripts_from_tools),
		TEST(knows_scripts_of_the_same_folder),
		TEST(takes_the_beginning_and_the_end),
		TEST(does_not_know_steps_whose_records_were_lost),
		TEST(sees_what_a_process_becomes),
		TEST(knows_processes_again),
		TEST(takes_no_ancestors_for_others),
		TEST(gathers_what_has_no_room),
		TEST(gathers_moments),
		TEST(reads_no_record_of_an_unknown_run),
		TEST(copes_with_lines_that_were_made_up),
	};

	return cmocka_run_group_tests_name("deps", tests, NULL, NULL);
}
