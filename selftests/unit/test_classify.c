/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run reached for -> kinds with their evidence, loops, overrides, words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_lines.h"
#include "userspace/review/classify.h"

static struct deps deps;
static struct classified classified;
static struct kinds kinds;
static struct diags diags;

static int begin(void **state)
{
	memset(&deps, 0, sizeof(deps));
	return run_setup(state);
}

static int finish(void **state)
{
	classified_free(&classified);
	if (deps.memory)
		deps_free(&deps);
	kinds_free(&kinds);
	diags_free(&diags);
	return run_teardown(state);
}

static void judge(void)
{
	const char *const paths[] = { run_path };
	const char *reading;

	run_close();
	assert_int_equal(deps_read(paths, 1, RUN_NAME, &deps, &reading), 0);
	assert_int_equal(classify(&deps, &kinds, &classified), 0);
}

/* The dependency of that id, which is there. */
static const struct dependency *get(const char *id)
{
	for (size_t i = 0; i < classified.count; i++)
		if (!strcmp(classified.list[i].id, id))
			return &classified.list[i];
	for (size_t i = 0; i < classified.count; i++)
		print_message("there is: %s\n", classified.list[i].id);
	fail_msg("no %s", id);
	return NULL;
}

static void assert_evidence(const struct dependency *dependency, size_t index, const char *sentence)
{
	const char *has = json_string_value(json_array_get(dependency->evidence, index));

	assert_string_equal(has ? has : "none", sentence);
}

static void assert_loop(const struct dependency *dependency, const char *json)
{
	json_t *loop = json_loads(json, 0, NULL);

	assert_true(json_equal(loop, dependency->loop));
	json_decref(loop);
}

/* --- the three kinds of the demo ---------------------------------------------------------- */

static void direct_is_what_a_command_line_names(void **state)
{
	const struct dependency *dependency;

	(void)state;
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS), RUN_END(0, 0));
	judge();
	dependency = get("github/direct/curl");
	assert_int_equal(dependency->kind, KIND_DIRECT);
	assert_evidence(dependency, 0, "its own command line names it: curl -fsSv -o mysql-client "
			"http://github.com/acme/mysql");
	assert_loop(dependency, "[\"github\"]");
	assert_string_equal(deps.steps[dependency->step].name, "curl");
	assert_string_equal(dependency->breaks, "It was denied with EHOSTUNREACH in this run, and the deploy ended "
			    "well: it gets along without.");
	assert_string_equal(dependency->suggestion, "Take it from a mirror that does not need github, or ship it with "
			    "the deploy, so that curl need not ask for it.");
	assert_evidence(get("releases/direct/curl"), 0, "its own command line names it: curl -fsS "
			"http://releases.internal:8080/notes");
}

/* The launcher becomes the command: what it reaches for to do so is nothing that a tool does by itself, and the step
 * is that of the command. */
static void what_the_launcher_starts_is_direct(void **state)
{
	const struct dependency *program, *file;

	(void)state;
	run_note(RULE_BEGIN, RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS));
	run_launch(CLASS_EXEC, "/srv/deploy/deploy");
	run_launch(CLASS_FILE, "/etc/group");
	run_launch(CLASS_EXEC, "/bin/sh");
	run_launch(CLASS_EXEC, "/bin/sh");
	run_processes();
	run_path_of(100, RULE_DEFAULT, CLASS_FILE, "/etc/group");
	run_path_of(100, RULE_DEFAULT, CLASS_EXEC, "/bin/ls");
	run_reaches();
	judge();
	program = get("/srv/deploy/deploy/direct/deploy");
	file = get("/etc/group/direct/deploy");
	assert_evidence(program, 0, "ringfence run executes it, to start the deploy: deploy");
	assert_evidence(file, 0, "ringfence run reached for it, to start the deploy: deploy");
	assert_evidence(file, 1, "deploy, a script of the deploy's own, reached for it itself");
	assert_int_equal(file->count, 2);
	assert_int_equal(get("/bin/sh/direct/deploy")->count, 2);
	assert_int_equal(get("/bin/ls/direct/deploy")->step, program->step);
	/* Of one root there is one step. */
	for (size_t i = 0; i < deps.step_count; i++) {
		assert_string_not_equal(deps.steps[i].name, "ringfence");
		assert_int_equal(deps.steps[i].parent < 0, (int)i == program->step);
	}
	assert_string_equal(deps.steps[program->step].executable, "./deploy");
	assert_int_equal(deps_own_step(&deps, get("github/direct/curl")->step), get("github/direct/curl")->step);
	assert_int_equal(deps.steps[get("github/direct/curl")->step].parent, program->step);
}

/* It was refused, and so there never was a command: its name is that which the run was started with. */
static void a_command_that_was_refused_has_its_name(void **state)
{
	(void)state;
	run_note(RULE_BEGIN, RUN_BEGIN_ROWS("", ""));
	run_launch(CLASS_EXEC, "/srv/deploy/deploy");
	judge();
	assert_int_equal(deps.step_count, 1);
	assert_evidence(get("/srv/deploy/deploy/direct/deploy"), 0,
			"ringfence run executes it, to start the deploy: deploy");
}

static void hidden_is_what_a_tool_does_by_itself(void **state)
{
	const struct dependency *dependency;

	(void)state;
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS), NULL);
	judge();
	dependency = get("github/hidden/schema-tool");
	assert_evidence(dependency, 0, "schema-tool was not told: neither its command line (schema-tool migrate) nor a "
			"line of deploy that calls it names github");
	assert_evidence(dependency, 1, "git-remote-http, which git started for schema-tool, reached for it: "
			"git-remote-http http://github.com/acme/schema-tool.git");
	assert_int_equal(json_array_size(dependency->evidence), 2);
	assert_string_equal(deps.steps[dependency->step].name, "schema-tool");
	assert_string_equal(deps.steps[json_integer_value(json_array_get(dependency->reached_by, 0))].name,
			    "git-remote-http");
	assert_string_equal(dependency->suggestion, "Switch off what schema-tool does by itself, an update check or "
			    "the like.");
	assert_string_equal(dependency->breaks, "It was denied with EHOSTUNREACH in this run.");
}

static void transient_is_what_a_service_needs_in_turn(void **state)
{
	const struct dependency *dependency;

	(void)state;
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS), NULL);
	judge();
	dependency = get("github/transient/curl");
	assert_string_equal(dependency->via, "releases");
	assert_evidence(dependency, 0, "releases needs github (mysql-deploy.yaml:9)");
	assert_evidence(dependency, 1, "curl reached for releases: curl -fsS http://releases.internal:8080/notes");
	assert_loop(dependency, "[\"releases\", \"github\"]");
	assert_loop(get("releases/direct/curl"), "[\"releases\", \"github\"]");
	assert_int_equal(dependency->count, 1);
	assert_string_equal(dependency->suggestion, "Remove the need of releases for github, have it answer from a "
			    "cache, or deny the call to releases: the deploy has to do without what needs github.");
	assert_string_equal(classified.sentence, "This deploy must do without github, and reaches for it in 3 ways: "
			    "1 direct, 1 hidden, 1 transient.");
}

static void without_needs_there_is_no_transient_one(void **state)
{
	(void)state;
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, ""), NULL);
	judge();
	assert_int_equal(classified.count, 3);
	assert_null(get("releases/direct/curl")->loop);
	assert_string_equal(get("releases/direct/curl")->suggestion, "Nothing, as long as the deploy may depend on it.");
}

/* Needs that need each other, and one that is denied at the end. */
static void follows_needs_through_circles(void **state)
{
	(void)state;
	run_note(RULE_BEGIN, RUN_BEGIN_ROWS("", "\"releases\":{\"needs\":[\"cache\"],\"where\":\"a:1\"},"
		 "\"cache\":{\"needs\":[\"releases\",\"github\"],\"where\":\"a:2\"}"));
	run_processes();
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(106, RULE_RELEASES, "10.20.0.5", 8080);
	judge();
	assert_loop(get("github/transient/curl"), "[\"releases\", \"cache\", \"github\"]");
	assert_evidence(get("github/transient/curl"), 0, "releases needs cache (a:1)");
	assert_evidence(get("github/transient/curl"), 1, "cache needs github (a:2)");
	assert_loop(get("cache/transient/curl"), "[\"releases\", \"cache\", \"github\"]");
}

/* Of two that are needed, only one leads to what is denied. */
static void tells_needs_apart(void **state)
{
	(void)state;
	run_note(RULE_BEGIN, RUN_BEGIN_ROWS("", "\"releases\":{\"needs\":[\"cache\",\"github\"],\"where\":\"a:1\"}"));
	run_processes();
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(106, RULE_RELEASES, "10.20.0.5", 8080);
	judge();
	assert_loop(get("github/transient/curl"), "[\"releases\", \"github\"]");
	assert_null(get("cache/transient/curl")->loop);
}

/* Nothing of this run reached for what its policy denies, but for something that needs that. */
static void knows_what_is_denied_and_was_not_reached_for(void **state)
{
	(void)state;
	run_note(RULE_BEGIN, "{\"command\":[\"./deploy\"],\"named\":[],\"services\":{" RUN_NEEDS "},\"denied\":[\"github\"],"
		 "\"record\":\"all\"}");
	run_processes();
	run_connect(106, RULE_RELEASES, "10.20.0.5", 8080);
	judge();
	assert_loop(get("github/transient/curl"), "[\"releases\", \"github\"]");
	assert_string_equal(classified.sentence, "This deploy must do without github, and reaches for it in one way, "
			    "transient.");
}

/* --- other evidence ----------------------------------------------------------------------- */

static void direct_is_what_the_script_itself_does(void **state)
{
	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_connect(100, RULE_GITHUB, "140.82.112.3", 80);
	run_fork(101, 100);
	run_path_of(101, RULE_GITHUB, CLASS_EXEC, "/usr/bin/gh");
	judge();
	assert_evidence(get("github/direct/deploy"), 0, "deploy, a script of the deploy's own, reached for it itself");
	assert_evidence(get("github/direct/deploy/exec"), 0, "deploy, a script of the deploy's own, executes it");
}

static void direct_is_what_a_line_of_the_script_names(void **state)
{
	(void)state;
	run_demo(RUN_BEGIN_ROWS("{\"service\":\"github\",\"where\":\"script\",\"line\":12,"
				"\"text\":\"  schema-tool --from $github migrate\"}", ""), NULL);
	judge();
	assert_evidence(get("github/direct/schema-tool"), 0, "line 12 of deploy names both it and the program: "
			"schema-tool --from $github migrate");
}

static void direct_is_what_the_environment_names(void **state)
{
	(void)state;
	run_demo(RUN_BEGIN_ROWS("{\"service\":\"github\",\"where\":\"environment\",\"name\":\"ORIGIN\","
				"\"text\":\"https://github.com\"}", ""), NULL);
	judge();
	assert_evidence(get("github/direct/schema-tool"), 0,
			"the environment that the deploy was given names it: ORIGIN=https://github.com");
}

static void direct_is_an_address_in_a_command_line(void **state)
{
	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, "/usr/bin/nc\0nc\x00" "140.82.112.3\x00" "80");
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_start(102, 100, "/usr/bin/telnet\0telnet\x00" "140.82.112.33\x00" "80");
	run_connect(102, RULE_GITHUB, "140.82.112.3", 80);
	judge();
	get("github/direct/nc");
	get("github/hidden/telnet");
}

static void words_are_whole(void **state)
{
	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, "/usr/bin/a\0a\0https://mygithubmirror.example/");
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_start(102, 100, "/usr/bin/b\0b\0--origin=GitHub:acme");
	run_connect(102, RULE_GITHUB, "140.82.112.3", 80);
	judge();
	get("github/hidden/a");
	get("github/direct/b");
}

static void files_are_named_by_their_path(void **state)
{
	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, "/bin/cat\0cat\0conf/key.pem");
	run_path_of(101, RULE_GITHUB, CLASS_FILE, "/srv/deploy/conf/key.pem");
	run_start(102, 100, "/bin/tar\0tar\0x");
	run_path_of(102, RULE_GITHUB, CLASS_FILE, "/srv/deploy/conf/key.pem");
	judge();
	get("github/direct/cat");
	get("github/hidden/tar");
}

/* The work goes on in a process that is not of the run. */
static void tells_of_work_that_is_handed_off(void **state)
{
	const struct dependency *dependency;

	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, "/usr/bin/docker\0docker\0ps");
	run_path_of(101, RULE_DOCKER, CLASS_SOCKET, "/run/docker.sock");
	run_connect(101, RULE_RELEASES, "10.20.0.5", 8080);
	judge();
	dependency = get("docker/direct/docker");
	assert_true(dependency->handoff);
	assert_evidence(dependency, 0, "its own command line names it: docker ps");
	assert_evidence(dependency, 1, "a process, a process outside of the run, accepts it: what that does in turn is "
			"not recorded");
	assert_false(get("releases/hidden/docker")->handoff);
}

/* Nobody may listen there. */
static void does_not_claim_that_somebody_accepts(void **state)
{
	const char *const paths[] = { run_path };
	const struct dependency *dependency;
	const char *reading;

	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_connect(100, RULE_RELEASES, "127.0.0.1", 8080);
	run_close();
	assert_int_equal(deps_read(paths, 1, RUN_NAME, &deps, &reading), 0);
	assert_int_equal(deps.reach_count, 1);
	deps.reaches[0].local = deps.reaches[0].peer_unknown = true;
	assert_int_equal(classify(&deps, &kinds, &classified), 0);
	dependency = get("releases/direct/deploy");
	assert_true(dependency->handoff);
	assert_evidence(dependency, 1, "it is on this host; who accepts there, if anybody, is not known, and what that "
			"does in turn is not recorded");
	assert_null(strstr(dependency->suggestion, "the process at the other end"));
}

/* The execution of a script is one denial, also where its interpreter reads it. */
static void a_script_that_is_read_to_be_executed_is_one_dependency(void **state)
{
	const struct dependency *dependency;

	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_path_of(100, RULE_GITHUB, CLASS_EXEC, "/srv/deploy/rollback");
	run_start(101, 100, "/srv/deploy/rollback\0/bin/sh\0/srv/deploy/rollback");
	run_path_of(101, RULE_GITHUB, CLASS_FILE, "/srv/deploy/rollback");
	/* Audited, and so not for that reason alone. */
	run_path_of(101, RULE_RELEASES, CLASS_FILE, "/srv/deploy/rollback");
	judge();
	dependency = get("github/direct/deploy");
	assert_int_equal(dependency->count, 2);
	assert_int_equal(json_array_size(dependency->reached_by), 1);
	assert_evidence(dependency, 0, "deploy, a script of the deploy's own, executes it");
	assert_evidence(dependency, 1, "to execute it, its interpreter reads it: rollback");
	assert_evidence(get("releases/direct/rollback"), 0, "rollback is a script, and its interpreter reads it");
	assert_int_equal(classified.count, 2);
}

/* One that the script opens besides is a dependency of its own. */
static void another_file_that_a_script_reads_is_its_own(void **state)
{
	(void)state;
	run_note(RULE_BEGIN, RUN_BEGIN_ROWS("", ""));
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_path_of(100, RULE_GITHUB, CLASS_EXEC, "/srv/deploy/rollback");
	run_start(101, 100, "/srv/deploy/rollback\0/bin/sh\0/srv/deploy/rollback");
	run_path_of(101, RULE_GITHUB, CLASS_FILE, "/srv/deploy/key");
	judge();
	assert_int_equal(get("github/direct/deploy")->count, 1);
	assert_evidence(get("github/direct/rollback"), 0, "rollback, a script of the deploy's own, reached for it itself");
}

/* The peer is tagged, too, in a run of its own; what it does before this one begins is none of its business. */
static void follows_peers_that_are_tagged(void **state)
{
	struct record *record;

	(void)state;
	for (int i = 0; i < 3; i++) {
		if (i == 1) {
			run_exec(100, "./deploy\0/bin/sh\0./deploy");
			run_start(101, 100, "/usr/bin/docker\0docker\0ps");
			run_path_of(101, RULE_DOCKER, CLASS_SOCKET, "/run/docker.sock");
		}
		record = run_decision(50, i ? RULE_GITHUB : RULE_RELEASES);
		record->object = CLASS_NET;
		record->run = TEST_RUN + 1;
		build_address("140.82.112.3", record->addr);
		record->port = 443;
		run_take(record);
	}
	run_connect(101, RULE_GITHUB, "140.82.112.3", 443);
	judge();
	assert_int_equal(classified.count, 3);
	assert_string_equal(get("github/transient/docker")->via, "docker");
	assert_int_equal(get("github/transient/docker")->count, 2);
	assert_loop(get("github/transient/docker"), "[\"docker\", \"github\"]");
	assert_evidence(get("github/transient/docker"), 0, "the process, which accepts it, reached for github itself "
			"while the run went on, as its own run 20270331-142355-9f03ad tells");
}

static void does_not_decide_what_is_not_known(void **state)
{
	const struct dependency *dependency;

	(void)state;
	run_exec(105, "/usr/bin/git\0git\0fetch\0http://github.com");
	run_connect(105, RULE_GITHUB, "140.82.112.3", 80);
	judge();
	dependency = get("github/undecided/?");
	assert_int_equal(dependency->step, -1);
	assert_int_equal(json_array_size(dependency->reached_by), 1);
	assert_loop(dependency, "[\"github\"]");
}

/* Redacted and cut command lines name what they still name, and say that they are not whole. */
static void copes_with_what_is_left_of_command_lines(void **state)
{
	static char text[3000] = "/usr/bin/a\0a\0--token=github\0";

	(void)state;
	memset(text + 28, 'x', sizeof(text) - 30);
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, "/usr/bin/b\0b\0https://u:p@github.com/x");
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_fork(102, 100);
	run_exec_bytes(102, text, sizeof(text));
	run_connect(102, RULE_GITHUB, "140.82.112.3", 80);
	judge();
	assert_evidence(get("github/direct/b"), 0, "its own command line names it: b https://***@github.com/x");
	assert_non_null(strstr(json_string_value(json_array_get(get("github/hidden/a")->evidence, 0)), "--token=*** xxx"));
}

/* --- what to change ----------------------------------------------------------------------- */

static void names_an_option_that_is_known(void **state)
{
	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(102, 100, RUN_TOOL);
	run_start(105, 102, "/usr/bin/git\0git\0ls-remote");
	run_connect(105, RULE_GITHUB, "140.82.112.3", 80);
	run_start(107, 100, "/usr/bin/schema-tool\0/bin/bash\0/usr/bin/schema-tool\0--no-update-check\0migrate");
	run_path_of(107, RULE_DEFAULT, CLASS_FILE, "/srv/x");
	run_start(108, 100, "/usr/bin/terraform\0terraform\0plan");
	run_connect(108, RULE_GITHUB, "140.82.112.3", 80);
	judge();
	assert_string_equal(get("github/hidden/schema-tool")->suggestion,
			    "Switch off what schema-tool does by itself, an update check or the like: another step calls "
			    "it with --no-update-check, and did without.");
	assert_non_null(strstr(get("github/hidden/terraform")->suggestion, "CHECKPOINT_DISABLE=1"));
}

static void would_deny(uint32_t pid, enum object_class class, uint8_t access, const char *name)
{
	struct record *record = run_decision(pid, RULE_GITHUB);

	record->object = class;
	record->hook = HOOK_FILE_OPEN;
	record->access = access;
	record->flags &= ~RECORD_ENFORCED;
	record_text(record, name, strlen(name));
	run_take(record);
}

/* Files and programs have no mirror and are not down. */
static void advice_is_by_what_was_reached_for(void **state)
{
	const struct dependency *read, *written, *executed;

	(void)state;
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, "/bin/cat\0cat\0/srv/key");
	would_deny(101, CLASS_FILE, ACCESS_READ, "/srv/key");
	run_start(102, 100, "/bin/tee\0tee\0/srv/out");
	would_deny(102, CLASS_FILE, ACCESS_WRITE, "/srv/out");
	would_deny(100, CLASS_EXEC, 0, "/usr/bin/wget");
	run_start(103, 100, "/bin/tar\0tar\0x");
	would_deny(103, CLASS_FILE, ACCESS_READ, "/srv/hidden");
	judge();
	read = get("github/direct/cat");
	written = get("github/direct/tee");
	executed = get("github/direct/deploy");
	assert_string_equal(read->suggestion, "Have another copy of github where the deploy may read, or allow it.");
	assert_string_equal(read->breaks, "Without github, cat fails, and the deploy with it unless it can go on "
			    "without.");
	assert_string_equal(written->suggestion, "Write elsewhere than to github, or allow it.");
	assert_string_equal(written->breaks, "Without writing to github, tee fails, and the deploy with it unless it "
			    "can go on without.");
	assert_string_equal(executed->suggestion, "Do without github, or use another program, or allow it.");
	assert_string_equal(executed->breaks, "Without github, deploy fails, and the deploy with it unless it can go "
			    "on without.");
	assert_string_equal(get("github/hidden/tar")->suggestion, read->suggestion);
	assert_string_equal(get("github/hidden/tar")->breaks, "Without github, tar fails, or does without: nobody "
			    "asked it to.");
}

static void tells_what_an_outage_breaks(void **state)
{
	(void)state;
	run_demo(RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS), RUN_END(7, 0));
	judge();
	assert_string_equal(get("github/direct/curl")->breaks,
			    "It was denied with EHOSTUNREACH in this run, and the deploy ended with status 7.");
	assert_string_equal(get("github/transient/curl")->breaks,
			    "While github is down, releases may have no answer, and with it curl fails, and the deploy "
			    "with it unless it can go on without.");
	assert_non_null(strstr(classified.sentence, "Denied that, it ended with status 7."));
}

static void says_that_there_is_no_loop(void **state)
{
	(void)state;
	run_processes();
	run_connect(106, RULE_RELEASES, "10.20.0.5", 8080);
	judge();
	assert_false(classified.loop);
	assert_string_equal(classified.sentence, "No loop was seen: nothing that was reached for is a service that the "
			    "deploy must do without.");
}

/* In audit mode nothing is denied. */
static void says_what_would_have_been_denied(void **state)
{
	struct record *record;

	(void)state;
	run_processes();
	record = run_decision(106, RULE_DEFAULT);
	record->verdict = VERDICT_DENY;
	record->err = -EPERM;
	record->flags &= ~RECORD_ENFORCED;
	record->object = CLASS_NET;
	build_address("10.9.8.7", record->addr);
	record->port = 80;
	record->proto = PROTO_TCP;
	run_take(record);
	judge();
	assert_false(classified.loop);
	assert_non_null(strstr(classified.sentence, " 1 of its attempts would have been denied without a rule"));
}

/* --- what persons say --------------------------------------------------------------------- */

static void read_kinds(const char *text)
{
	assert_int_equal(kinds_parse("kinds.yaml", text, strlen(text), &diags, &kinds), 0);
}

static void a_person_overrides_and_hides_nothing(void **state)
{
	const struct dependency *dependency;

	(void)state;
	read_kinds("- id: github/hidden/schema-tool\n  kind: direct\n  by: alice\n  why: the check is wanted\n"
		   "- service: releases\n  step: curl\n  kind: hidden\n  by: bob\n  why: x\n"
		   "- id: github/hidden/other\n  kind: direct\n  by: alice\n  why: y\n");
	run_demo(NULL, NULL);
	judge();
	dependency = get("github/hidden/schema-tool");
	assert_int_equal(dependency->kind, KIND_DIRECT);
	assert_int_equal(dependency->said, KIND_HIDDEN);
	assert_string_equal(dependency->override->by, "alice");
	assert_int_equal(dependency->override->where.line, 1);
	assert_int_equal(json_array_size(dependency->evidence), 3);
	assert_int_equal(get("releases/direct/curl")->kind, KIND_HIDDEN);
	assert_null(get("github/direct/curl")->override);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(direct_is_what_a_command_line_names),
		TEST(what_the_launcher_starts_is_direct),
		TEST(a_command_that_was_refused_has_its_name),
		TEST(hidden_is_what_a_tool_does_by_itself),
		TEST(transient_is_what_a_service_needs_in_turn),
		TEST(without_needs_there_is_no_transient_one),
		TEST(follows_needs_through_circles),
		TEST(tells_needs_apart),
		TEST(knows_what_is_denied_and_was_not_reached_for),
		TEST(direct_is_what_the_script_itself_does),
		TEST(direct_is_what_a_line_of_the_script_names),
		TEST(direct_is_what_the_environment_names),
		TEST(direct_is_an_address_in_a_command_line),
		TEST(words_are_whole),
		TEST(files_are_named_by_their_path),
		TEST(tells_of_work_that_is_handed_off),
		TEST(does_not_claim_that_somebody_accepts),
		TEST(a_script_that_is_read_to_be_executed_is_one_dependency),
		TEST(another_file_that_a_script_reads_is_its_own),
		TEST(follows_peers_that_are_tagged),
		TEST(does_not_decide_what_is_not_known),
		TEST(copes_with_what_is_left_of_command_lines),
		TEST(names_an_option_that_is_known),
		TEST(advice_is_by_what_was_reached_for),
		TEST(tells_what_an_outage_breaks),
		TEST(says_that_there_is_no_loop),
		TEST(says_what_would_have_been_denied),
		TEST(a_person_overrides_and_hides_nothing),
	};

	return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
