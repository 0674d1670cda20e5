/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "judged_lines.h"
#include "userspace/review/rehearsal_private.h"

#define SERVICES \
	"tag: t\n" \
	"mode: enforce\n" \
	"services:\n" \
	"  forge: {nets: [140.82.112.0/20], ports: [443]}\n" \
	"  mirror: {files: [/srv/mirror/]}\n" \
	"  tools: {execs: [/srv/mirror/gh]}\n" \
	"rules:\n"
static const char ran[] = SERVICES
	"  - {audit: forge, why: seen}\n"
	"  - {deny: mirror, errno: ENOENT}\n";

static struct ruleset *images[3];
static struct rehearsal rehearsal;

static int begin(void **state)
{
	(void)state;
	images[0] = judged_compile(ran);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	rehearsal_free(&rehearsal);
	for (int i = 0; i < 3; i++) {
		free(images[i]);
		images[i] = NULL;
	}
	text_free(&judged_log);
	judged_keep = JUDGED_DENIED;
	judged_tool = "/usr/bin/schema-tool";
	return 0;
}

/* Judges the log by a policy; against what was recorded, or against what another one decides. */
static void rehearse(const char *policy, const char *other)
{
	const char *at = judged_log.data, *end = at + judged_log.size, *newline;
	struct audit_line line;

	images[1] = judged_compile(policy);
	images[2] = other ? judged_compile(other) : NULL;
	rehearsal.judge.image = images[1];
	rehearsal.other.image = images[2];
	for (; at < end; at = newline + 1) {
		newline = memchr(at, '\n', end - at);
		assert_int_equal(audit_line_parse(at, newline - at, &line), 0);
		assert_int_equal(rehearsal_take(&rehearsal, &line), 0);
		audit_line_free(&line);
	}
	assert_int_equal(rehearsal_end(&rehearsal), 0);
}

static void expect_outcome(const struct rehearsal_outcome *outcome, enum verdict verdict, int err,
			   const char *rule)
{
	assert_int_equal(outcome->verdict, verdict);
	assert_int_equal(outcome->err, err);
	assert_string_equal(*outcome->rule ? outcome->rule : outcome->reason, rule);
}

static void the_same_policy_changes_nothing(void **state)
{
	(void)state;
	for (int keep = JUDGED_DENIED; keep <= JUDGED_ALL; keep++) {
		judged_keep = keep;
		judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);
		judged_net(images[0], "10.0.0.1", 443, PROTO_TCP);
		judged_open(images[0], "/srv/mirror/x", ACCESS_WRITE);
		judged_open(images[0], "/etc/passwd", ACCESS_READ);
		judged_exec(images[0], "/bin/sh");
	}
	rehearse(ran, NULL);
	assert_int_equal(rehearsal.judged, 8);
	assert_int_equal(rehearsal.counts[CHANGE_NONE], 8);
	assert_int_equal(rehearsal.allowed, 4);
	assert_int_equal(rehearsal.difference_count, 0);
}

static void differences_are_gathered_by_step_and_service(void **state)
{
	const struct rehearsal_difference *difference;

	(void)state;
	for (int i = 0; i < 10; i++)
		judged_net(images[0], i % 2 ? "140.82.112.3" : "140.82.112.4", 443, PROTO_TCP);
	for (int i = 0; i < REHEARSAL_OBJECTS; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "140.82.113.%d", i);
		judged_net(images[0], ip, 443, PROTO_TCP);
	}
	judged_tool = "/usr/bin/other-tool";
	judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);
	judged_open(images[0], "/srv/mirror/x", ACCESS_READ);
	rehearse(SERVICES "  - {deny: forge, errno: EHOSTUNREACH, why: is down}\n", NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 10 + REHEARSAL_OBJECTS + 1);
	assert_int_equal(rehearsal.counts[CHANGE_NO_LONGER_DENIED], 1);
	assert_int_equal(rehearsal.difference_count, 3);

	difference = &rehearsal.differences[0];
	assert_string_equal(difference->step, "other-tool");
	assert_int_equal(difference->count, 1);
	difference = &rehearsal.differences[1];
	assert_int_equal(difference->change, CHANGE_NEWLY_DENIED);
	assert_string_equal(difference->step, "schema-tool");
	assert_int_equal(difference->count, 10 + REHEARSAL_OBJECTS);
	expect_outcome(&difference->before, VERDICT_AUDIT, 0, "audit forge");
	expect_outcome(&difference->after, VERDICT_DENY, EHOSTUNREACH, "deny forge");
	assert_string_equal(difference->after.why, "is down");
	assert_string_equal(difference->after.where, "test.yaml:8");
	assert_string_equal(difference->objects[0].name, "140.82.112.4:443/tcp");
	assert_int_equal(difference->objects[0].count, 5);
	assert_int_equal(difference->object_count, REHEARSAL_OBJECTS);
	assert_int_equal(difference->other_objects, 2);
	difference = &rehearsal.differences[2];
	assert_int_equal(difference->change, CHANGE_NO_LONGER_DENIED);
	expect_outcome(&difference->before, VERDICT_DENY, ENOENT, "deny mirror");
	expect_outcome(&difference->after, VERDICT_ALLOW, 0, "default of file");
}

#define WAIVED "waivers: [{service: forge, exec: /work/schema-tool, owner: dba, until: 2099-12-31}]\n"

/* The run begins in that folder, and a tool that was started as @tool reaches the forge. */
static void expect_waived(const char *folder, const char *tool, bool waived, uint64_t untold)
{
	void *no_state = NULL;

	begin(&no_state);
	if (folder)
		text_append_format(&judged_log, "{\"@timestamp\":\"2027-03-31T14:23:55Z\",\"event\":{\"action\":"
				   "\"run-begin\",\"category\":[\"process\"]},\"ringfence\":{\"run\":"
				   "\"20270331-142355-9f03ac\",\"verdict\":\"allow\",\"begin\":{\"directory\":\"%s\"}}}\n",
				   folder);
	judged_tool = tool;
	judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);
	rehearse(SERVICES "  - {deny: forge, errno: EHOSTUNREACH}\n" WAIVED, NULL);
	assert_int_equal(rehearsal.judged, 1);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], !waived);
	assert_int_equal(rehearsal.waivers_untold, untold);
	finish(&no_state);
}

/* A relative path is one of the folder that the run began in, as far as the log tells: that is told. */
static void waivers_are_for_what_was_started_by_a_relative_path(void **state)
{
	(void)state;
	expect_waived("/work", "/work/schema-tool", true, 0);
	expect_waived("/work", "/srv/schema-tool", false, 0);
	expect_waived("/work", "./schema-tool", true, 1);
	expect_waived("/work/sub", "../schema-tool", true, 1);
	expect_waived("/", "work/schema-tool", true, 1);
	expect_waived("/srv", "./schema-tool", false, 1);
	expect_waived(NULL, "./schema-tool", false, 1);
	expect_waived(NULL, "./other-tool", false, 0);
	expect_waived("/work", "./other-tool", false, 0);
}

static void every_kind_of_change_has_its_name(void **state)
{
	(void)state;
	judged_keep = JUDGED_ALL;
	judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);		/* audit */
	judged_net(images[0], "140.82.112.3", 80, PROTO_TCP);		/* allow */
	judged_open(images[0], "/srv/mirror/x", ACCESS_WRITE);		/* deny */
	judged_open(images[0], "/etc/x", ACCESS_WRITE);			/* allow */
	rehearse(SERVICES "  - allow: forge\n  - {deny: mirror, errno: EACCES}\n"
		 "default: {net: audit, file: deny}\n",
		 NULL);
	assert_int_equal(rehearsal.counts[CHANGE_ALLOWED], 1);
	assert_int_equal(rehearsal.counts[CHANGE_AUDITED], 1);
	assert_int_equal(rehearsal.counts[CHANGE_OTHER_ERRNO], 1);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 1);
	assert_int_equal(rehearsal.difference_count, 4);
}

static void the_same_verdict_by_another_rule_is_no_other_verdict(void **state)
{
	(void)state;
	judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);
	judged_open(images[0], "/srv/mirror/x", ACCESS_WRITE);
	rehearse(SERVICES "  - audit: mirror\ndefault: {net: audit}\n", NULL);
	assert_int_equal(rehearsal.counts[CHANGE_OTHER_RULE], 1);
	assert_int_equal(rehearsal.counts[CHANGE_NO_LONGER_DENIED], 1);
}

static void two_policies_are_compared_whatever_was_recorded(void **state)
{
	(void)state;
	judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);
	judged_open(images[0], "/srv/mirror/x", ACCESS_WRITE);
	rehearse(SERVICES "  - {deny: forge, errno: EHOSTUNREACH}\n",
		 SERVICES "  - {deny: forge, errno: EPERM}\n");
	assert_int_equal(rehearsal.judged, 2);
	assert_int_equal(rehearsal.counts[CHANGE_NONE], 1);
	assert_int_equal(rehearsal.counts[CHANGE_OTHER_ERRNO], 1);
	expect_outcome(&rehearsal.differences[0].before, VERDICT_DENY, EPERM, "deny forge");
}

/* --- what a system call is judged by as well -------------------------------------------------- */

static void a_program_that_may_not_be_executed_may_not_be_read(void **state)
{
	(void)state;
	judged_keep = JUDGED_ALL;
	for (int i = 0; i < 3; i++)
		judged_class(images[0], HOOK_FILE_OPEN, CLASS_FILE, ACCESS_READ, "/opt/gh", false);
	judged_class(images[0], HOOK_FILE_OPEN, CLASS_FILE, ACCESS_WRITE, "/opt/gh", false);
	judged_class(images[0], HOOK_FILE_OPEN, CLASS_FILE, ACCESS_READ, "/opt/other", false);
	rehearse("tag: t\nmode: enforce\nservices: {tools: {execs: [/opt/gh]}}\nrules: [{deny: tools, errno: EACCES}]\n",
		 NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 3);
	assert_int_equal(rehearsal.counts[CHANGE_NONE], 2);
	assert_int_equal(rehearsal.difference_count, 1);
	assert_true(rehearsal.differences[0].unrecorded);
	assert_int_equal(rehearsal.differences[0].class, CLASS_EXEC);
	assert_int_equal(rehearsal.differences[0].count, 3);
	assert_string_equal(rehearsal.differences[0].objects[0].name, "/opt/gh");
}

/* Where the log has that record, it tells, and nothing is counted twice: wherever it stands. */
static void what_was_recorded_of_it_tells(void **state)
{
	static const char policy[] = "tag: t\nmode: enforce\nservices: {tools: {execs: [/opt/gh]}, all: {files: [/opt/]}}\n"
		"rules: [{deny: tools, errno: EACCES}, {audit: all}]\n";

	(void)state;
	free(images[0]);
	images[0] = judged_compile(policy);
	judged_open(images[0], "/opt/gh", ACCESS_READ);
	judged_exec(images[0], "/opt/gh");
	rehearse(policy, NULL);
	assert_int_equal(rehearsal.judged, 4);
	assert_int_equal(rehearsal.counts[CHANGE_NONE], 4);
	assert_int_equal(rehearsal.difference_count, 0);
}

static void one_denial_for_another_is_none_that_is_new(void **state)
{
	(void)state;
	judged_open(images[0], "/srv/mirror/gh", ACCESS_READ);	/* denied as a file: nobody asked further */
	assert_int_equal(rehearsal.difference_count, 0);
	rehearse(SERVICES "  - {deny: tools, errno: EACCES}\n", NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 0);
	assert_int_equal(rehearsal.counts[CHANGE_OTHER_ERRNO], 1);
	expect_outcome(&rehearsal.differences[0].after, VERDICT_DENY, EACCES, "deny tools");
}

/* Defaults are not asked for stat(2) and the like. */
static void who_only_looks_meets_rules_alone(void **state)
{
	(void)state;
	judged_look(images[0], "/srv/mirror/x");
	judged_look(images[0], "/etc/x");
	rehearse(SERVICES "  - allow: forge\ndefault: {file: deny}\n", NULL);
	assert_int_equal(rehearsal.judged, 1);
	assert_int_equal(rehearsal.counts[CHANGE_NO_LONGER_DENIED], 1);
}

static void who_executes_a_program_opens_it(void **state)
{
	(void)state;
	judged_keep = JUDGED_ALL;
	judged_class(images[0], HOOK_BPRM_CHECK_SECURITY, CLASS_EXEC, ACCESS_READ, "/opt/x", false);
	rehearse("tag: t\nmode: enforce\nservices: {s: {files: [/opt/]}}\nrules: [{deny: s}]\n", NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 1);
	assert_int_equal(rehearsal.differences[0].class, CLASS_FILE);
}

/* --- in which mode --------------------------------------------------------------------------- */

#define AUDITED "tag: t\nmode: audit\nservices: {forge: {nets: [140.82.112.0/20]}, mirror: {files: [/srv/mirror/]}}\n"
#define ENFORCED "tag: t\nmode: enforce\nservices: {forge: {nets: [140.82.112.0/20]}, mirror: {files: [/srv/mirror/]}}\n"
#define DENIED "rules: [{deny: forge, errno: EHOSTUNREACH}]\n"

/* A denial, and two that were allowed, under that policy. */
static void record_under(const char *policy)
{
	free(images[0]);
	images[0] = judged_compile(policy);
	judged_keep = JUDGED_ALL;
	judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);
	judged_net(images[0], "10.0.0.1", 443, PROTO_TCP);
	judged_class(images[0], HOOK_FILE_OPEN, CLASS_FILE, ACCESS_WRITE, "/srv/mirror/x", false);
}

static void in_the_mode_of_the_run_nothing_differs(void **state)
{
	static const char *const policies[] = { AUDITED DENIED, ENFORCED DENIED };

	for (int enforced = 0; enforced < 2; enforced++) {
		record_under(policies[enforced]);
		rehearse(policies[enforced], NULL);
		assert_int_equal(rehearsal.judged, 3);
		assert_int_equal(rehearsal.same_verdict, 3);
		assert_int_equal(rehearsal.counts[CHANGE_NONE], 3);
		assert_int_equal(rehearsal.same_denied, enforced);
		assert_int_equal(rehearsal.same_would_deny, !enforced);
		assert_int_equal(rehearsal.would_deny, !enforced);
		finish(state);
	}
}

/* The verdict is the same, and what comes of it is not. */
static void what_audit_mode_let_through_is_newly_denied_when_enforced(void **state)
{
	(void)state;
	record_under(AUDITED DENIED);
	rehearse(ENFORCED DENIED, NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 1);
	assert_int_equal(rehearsal.let_through, 1);
	assert_int_equal(rehearsal.same_verdict, 3);
	assert_int_equal(rehearsal.would_deny, 0);
	assert_int_equal(rehearsal.difference_count, 1);
	assert_false(rehearsal.differences[0].before.refused);
	assert_true(rehearsal.differences[0].after.refused);
	expect_outcome(&rehearsal.differences[0].before, VERDICT_DENY, EHOSTUNREACH, "deny forge");
	expect_outcome(&rehearsal.differences[0].after, VERDICT_DENY, EHOSTUNREACH, "deny forge");
}

static void what_was_enforced_goes_through_in_audit_mode(void **state)
{
	(void)state;
	record_under(ENFORCED DENIED);
	rehearse(AUDITED DENIED, NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NO_LONGER_DENIED], 1);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 0);
	assert_int_equal(rehearsal.same_verdict, 3);
	assert_int_equal(rehearsal.would_deny, 0);	/* it is denied already */
}

static void audit_mode_denies_nothing(void **state)
{
	(void)state;
	record_under(AUDITED DENIED);
	rehearse(AUDITED "rules: [{deny: mirror}]\n", NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 0);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_WOULD_DENY], 1);
	assert_int_equal(rehearsal.counts[CHANGE_NO_LONGER_WOULD_DENY], 1);
	assert_int_equal(rehearsal.would_deny, 1);
}

static void a_mode_may_be_asked_for(void **state)
{
	(void)state;
	record_under(AUDITED DENIED);
	rehearsal.judge.mode = MODE_ENFORCE;
	rehearse(AUDITED DENIED, NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 1);
	finish(state);
	record_under(AUDITED DENIED);
	rehearsal.judge.mode = MODE_AUDIT;
	rehearse(ENFORCED DENIED, NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 0);
	assert_int_equal(rehearsal.would_deny, 1);
}

static bool forge_is_down(void *ctx, const char *service)
{
	(void)ctx;
	return !strcmp(service, "forge");
}

/* What is down cannot be reached, whatever a policy's mode is. */
static void what_is_down_is_down_in_audit_mode(void **state)
{
	(void)state;
	record_under(AUDITED DENIED);
	rehearsal.judge.is_down = forge_is_down;
	rehearse(AUDITED "rules: [{deny: forge, errno: EHOSTUNREACH}, {deny: mirror}]\n", NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 1);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_WOULD_DENY], 1);
	assert_string_equal(rehearsal_service(&rehearsal.differences[0]), "forge");
}

#define GH "tag: t\nmode: audit\nservices: {tools: {execs: [/usr/bin/gh]}, gh-files: {files: [/usr/bin/gh]}}\n"
#define GH_IS_DOWN GH "rules: [{deny: gh-files, errno: EHOSTUNREACH}, {deny: tools}]\n"

static bool are_files_down(void *ctx, const char *service)
{
	(void)ctx;
	return !strcmp(service, "gh-files");
}

/* An execution under a policy of audit mode, put to one where the file is down. */
static void execute_what_is_down(const char *policy)
{
	free(images[0]);
	images[0] = judged_compile(policy);
	judged_keep = JUDGED_ALL;
	judged_class(images[0], HOOK_BPRM_CHECK_SECURITY, CLASS_EXEC, ACCESS_READ, "/usr/bin/gh", false);
	rehearsal.judge.is_down = are_files_down;
	rehearse(GH_IS_DOWN, NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 1);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_WOULD_DENY], 0);
	assert_int_equal(rehearsal.difference_count, 1);
	assert_true(rehearsal.differences[0].after.refused);
	expect_outcome(&rehearsal.differences[0].after, VERDICT_DENY, EHOSTUNREACH, "deny gh-files");
}

/* A denial that is only recorded does not hide one that refuses. */
static void what_is_refused_prevails_over_what_is_recorded(void **state)
{
	(void)state;
	execute_what_is_down(GH);
	assert_int_equal(rehearsal.let_through, 0);
	finish(state);
	execute_what_is_down(GH "rules: [{deny: tools}]\n");
	assert_int_equal(rehearsal.let_through, 1);
}

/* Refused by the file's rule then as now: that another rule has it recorded as well is nothing new. */
static void what_was_refused_before_is_not_newly_denied(void **state)
{
	(void)state;
	free(images[0]);
	images[0] = judged_compile(GH);
	judged_keep = JUDGED_ALL;
	judged_class(images[0], HOOK_BPRM_CHECK_SECURITY, CLASS_EXEC, ACCESS_READ, "/usr/bin/gh", false);
	rehearsal.judge.is_down = are_files_down;
	rehearse(GH_IS_DOWN, "tag: t\nmode: enforce\nservices: {gh-files: {files: [/usr/bin/gh]}}\n"
		 "rules: [{deny: gh-files, errno: EHOSTUNREACH}]\n");
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 0);
	assert_int_equal(rehearsal.counts[CHANGE_NONE], 1);
	assert_int_equal(rehearsal.same_denied, 1);
}

static void each_of_two_policies_has_its_mode(void **state)
{
	(void)state;
	record_under(AUDITED DENIED);
	rehearse(ENFORCED DENIED, AUDITED DENIED);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 1);
	assert_int_equal(rehearsal.let_through, 1);
}

/* --- bounds, JSON ------------------------------------------------------------------------------ */

#define FORGE_IS_DOWN SERVICES "  - {deny: forge, errno: EHOSTUNREACH}\n"

static void steps_without_end_do_not_take_memory_without_end(void **state)
{
	char tool[32];

	(void)state;
	judged_tool = tool;
	for (int i = 0; i < REHEARSAL_DIFFERENCES_MAX + 100; i++) {
		snprintf(tool, sizeof(tool), "/bin/tool%d", i);
		judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);
	}
	rehearse(FORGE_IS_DOWN, NULL);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], REHEARSAL_DIFFERENCES_MAX + 100);
	assert_int_equal(rehearsal.difference_count, REHEARSAL_DIFFERENCES_MAX + 1);
	assert_true(rehearsal.differences[REHEARSAL_DIFFERENCES_MAX].more);
	assert_int_equal(rehearsal.differences[REHEARSAL_DIFFERENCES_MAX].count, 100);
	assert_int_equal(rehearsal.gathered, 100);
}

/* Takes a line as somebody may have written it. */
static void take_text(const char *text)
{
	struct audit_line line;

	assert_int_equal(audit_line_parse(text, strlen(text), &line), 0);
	assert_int_equal(rehearsal_take(&rehearsal, &line), 0);
	audit_line_free(&line);
}

/* What a line says of its rule is the line's alone. */
static void rules_without_end_do_not_either(void **state)
{
	static char name[8 * 1024], text[sizeof(name) + 1024];
	const struct rehearsal_difference *first;

	(void)state;
	images[1] = judged_compile(FORGE_IS_DOWN);
	rehearsal.judge.image = images[1];
	memset(name, 'x', sizeof(name) - 1);
	for (int i = 0; i < REHEARSAL_DIFFERENCES_MAX + 100; i++) {
		snprintf(text, sizeof(text), "{\"@timestamp\":\"2027-03-31T14:23:55Z\",\"event\":{\"category\":"
			 "[\"network\"],\"action\":\"socket_connect\"},\"destination\":{\"ip\":\"140.82.112.3\","
			 "\"port\":443},\"network\":{\"transport\":\"tcp\"},\"rule\":{\"id\":\"p:1\","
			 "\"name\":\"%d %s\"},\"ringfence\":{\"run\":\"20270331-142355-9f03ac\","
			 "\"verdict\":\"audit\",\"lost_before\":0}}", i, name);
		take_text(text);
	}
	assert_int_equal(rehearsal_end(&rehearsal), 0);
	first = &rehearsal.differences[0];
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], REHEARSAL_DIFFERENCES_MAX + 100);
	assert_int_equal(rehearsal.difference_count, REHEARSAL_DIFFERENCES_MAX + 1);
	assert_int_equal(rehearsal.gathered, 100);
	assert_true(strlen(first->before.rule) <= REHEARSAL_TEXT_MAX);
	assert_string_equal(first->before.rule + strlen(first->before.rule) - strlen("x…"), "x…");
}

#define TOOLS_DENIED "tag: t\nmode: enforce\nservices: {tools: {execs: [/opt/]}}\nrules: [{deny: tools}]\n"

/* More reads of programs than can be kept until it is known whether the log has their execution, too: they count, be
 * it that it has. */
static void companions_without_end_are_counted(void **state)
{
	const uint64_t count = REHEARSAL_COMPANIONS_MAX + 50;
	char path[32];

	(void)state;
	judged_keep = JUDGED_ALL;
	for (unsigned int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/opt/%u", i);
		judged_class(images[0], HOOK_FILE_OPEN, CLASS_FILE, ACCESS_READ, path, false);
	}
	/* One that was kept, and one of those that were not. */
	judged_class(images[0], HOOK_BPRM_CHECK_SECURITY, CLASS_EXEC, ACCESS_READ, "/opt/0", false);
	judged_class(images[0], HOOK_BPRM_CHECK_SECURITY, CLASS_EXEC, ACCESS_READ, path, false);
	rehearse(TOOLS_DENIED, NULL);
	assert_int_equal(rehearsal.judged, count + 2);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 2 + count - 1);
	assert_int_equal(rehearsal.unsure, 50);
	assert_int_equal(rehearsal.difference_count, 2);
}

/* More records than can be remembered: what may have one of those is counted as if it had none, and that is told. */
static void records_without_end_leave_a_doubt(void **state)
{
	const struct audit_line line = { .run = "20270331-142355-9f03ac" };
	char path[32];

	(void)state;
	judged_keep = JUDGED_ALL;
	for (int i = 0; i <= REHEARSAL_SEEN_MAX; i++) {
		snprintf(path, sizeof(path), "/opt/%d", i);
		assert_int_equal(rehearsal_see(&rehearsal, &line, "schema-tool", CLASS_EXEC, path), 0);
	}
	judged_class(images[0], HOOK_FILE_OPEN, CLASS_FILE, ACCESS_READ, path, false);
	judged_class(images[0], HOOK_BPRM_CHECK_SECURITY, CLASS_EXEC, ACCESS_READ, path, false);
	rehearse(TOOLS_DENIED, NULL);
	assert_int_equal(rehearsal.judged, 2);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 2);
	assert_int_equal(rehearsal.unsure, 1);
}

/* What no policy speaks of need not be remembered. */
static void what_is_allowed_takes_no_memory(void **state)
{
	char path[32];

	(void)state;
	judged_keep = JUDGED_ALL;
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/home/%d", i);
		judged_open(images[0], path, ACCESS_READ);
	}
	rehearse(TOOLS_DENIED, NULL);
	assert_int_equal(rehearsal.judged, 1000);
	assert_null(rehearsal.memory);
}

static void the_whole_is_to_be_had_as_json(void **state)
{
	json_t *json, *difference;

	(void)state;
	judged_net(images[0], "140.82.112.3", 443, PROTO_TCP);
	judged_open(images[0], "/srv/mirror/x", ACCESS_WRITE);
	rehearse(SERVICES "  - {deny: forge, errno: EHOSTUNREACH, why: is down}\n", NULL);
	json = rehearsal_describe(&rehearsal);
	assert_non_null(json);
	assert_int_equal(json_integer_value(json_object_get(json, "judged")), 2);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "counts"),
							    "newly denied")), 1);
	difference = json_array_get(json_object_get(json, "differences"), 0);
	assert_string_equal(json_string_value(json_object_get(difference, "step")), "schema-tool");
	assert_string_equal(json_string_value(json_object_get(difference, "service")), "forge");
	assert_string_equal(json_string_value(json_object_get(json_object_get(difference, "after"), "errno")),
			    "EHOSTUNREACH");
	assert_string_equal(json_string_value(json_object_get(json_object_get(difference, "before"),
							      "verdict")),
			    "audit");
	assert_true(json_is_true(json_object_get(json_object_get(difference, "after"), "enforced")));
	assert_string_equal(json_string_value(json_object_get(json, "mode")), "enforce");
	json_decref(json);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_policy_changes_nothing),
		TEST(differences_are_gathered_by_step_and_service),
		cmocka_unit_test(waivers_are_for_what_was_started_by_a_relative_path),
		TEST(every_kind_of_change_has_its_name),
		TEST(the_same_verdict_by_another_rule_is_no_other_verdict),
		TEST(two_policies_are_compared_whatever_was_recorded),
		TEST(a_program_that_may_not_be_executed_may_not_be_read),
		TEST(what_was_recorded_of_it_tells),
		TEST(one_denial_for_another_is_none_that_is_new),
		TEST(who_only_looks_meets_rules_alone),
		TEST(who_executes_a_program_opens_it),
		TEST(in_the_mode_of_the_run_nothing_differs),
		TEST(what_audit_mode_let_through_is_newly_denied_when_enforced),
		TEST(what_was_enforced_goes_through_in_audit_mode),
		TEST(audit_mode_denies_nothing),
		TEST(a_mode_may_be_asked_for),
		TEST(what_is_down_is_down_in_audit_mode),
		TEST(what_is_refused_prevails_over_what_is_recorded),
		TEST(what_was_refused_before_is_not_newly_denied),
		TEST(each_of_two_policies_has_its_mode),
		TEST(steps_without_end_do_not_take_memory_without_end),
		TEST(rules_without_end_do_not_either),
		TEST(companions_without_end_are_counted),
		TEST(records_without_end_leave_a_doubt),
		TEST(what_is_allowed_takes_no_memory),
		TEST(the_whole_is_to_be_had_as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
