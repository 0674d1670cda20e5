/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "judged_lines.h"
#include "userspace/review/recorded.h"

/* Calls @each for every line of the log. */
static void each_line(void (*each)(const struct audit_line *line, void *ctx), void *ctx)
{
	const char *at = judged_log.data, *end = at + judged_log.size, *newline;
	struct audit_line line;

	for (; at < end; at = newline + 1) {
		newline = memchr(at, '\n', end - at);
		assert_non_null(newline);
		assert_int_equal(audit_line_parse(at, newline - at, &line), 0);
		each(&line, ctx);
		audit_line_free(&line);
	}
}

static void forget_lines(void)
{
	text_free(&judged_log);
	judged_keep = JUDGED_DENIED;
	judged_boot = JUDGED_BOOT;
}

/* --- exactly what was recorded ------------------------------------------------------------- */

struct tally {
	struct judge judge;
	size_t lines, verdicts[VERDICT_DENY + 1], classes[CLASS_COUNT], defaults;
};

static void expect_recorded(const struct audit_line *line, void *ctx)
{
	struct tally *tally = ctx;
	struct outcome_of_policy before, after;
	struct recorded object;

	assert_int_equal(recorded_read(line, &object, &before), RECORDED_OBJECT);
	after = recorded_judge(&tally->judge, &object, object.class);
	assert_int_equal(after.verdict, before.verdict);
	assert_int_equal(after.err, before.err);
	assert_int_equal(after.refused, before.refused);
	assert_string_equal(after.service, before.service);
	assert_string_equal(after.rule, before.rule);
	assert_string_equal(after.where, before.where);
	assert_string_equal(after.why, before.why);
	assert_string_equal(after.reason, before.reason);
	tally->lines++;
	tally->verdicts[before.verdict]++;
	tally->classes[object.class]++;
	tally->defaults += !*before.rule;
}

/* More than a hundred thousand lines, of every class and verdict, by rules and by defaults. */
static void every_recorded_verdict_is_reproduced(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	for (int defaults = 0; defaults < 2; defaults++)
		for (int keep = JUDGED_DENIED; keep <= JUDGED_ALL; keep++) {
			struct text text = { 0 };
			struct ruleset *image;

			text_append_format(&text, "%s%s", judged_policy, judged_defaults[defaults]);
			text_append(&text, "", 1);
			image = judged_compile(text.data);
			judged_keep = keep;
			for (int i = 0; i < 40000; i++)
				judged_random(image);
			tally.judge.image = image;
			each_line(expect_recorded, &tally);
			forget_lines();
			free(image);
			text_free(&text);
		}
	assert_true(tally.lines > 100000);
	for (int i = 0; i <= VERDICT_DENY; i++)
		assert_true(tally.verdicts[i] > 5000);
	for (int i = 0; i < CLASS_COUNT; i++)
		assert_true(tally.classes[i] > 5000);
	assert_true(tally.defaults > 5000);
}

/* --- what is no object ---------------------------------------------------------------------- */

static enum recorded_kind kind_of_text(const char *text)
{
	struct outcome_of_policy outcome;
	struct audit_line line;
	struct recorded object;
	enum recorded_kind kind;

	assert_int_equal(audit_line_parse(text, strlen(text), &line), 0);
	kind = recorded_read(&line, &object, &outcome);
	audit_line_free(&line);
	return kind;
}

#define LINE(event, rest, own) \
	"{\"@timestamp\":\"2027-03-31T14:23:55Z\",\"event\":{" event "}," rest \
	"\"ringfence\":{\"run\":\"20270331-142355-9f03ac\",\"verdict\":\"deny\"," own ",\"lost_before\":0}}"
#define RULE "\"rule\":{\"id\":\"p.yaml:1\",\"name\":\"deny a\"},"
#define FILE_EVENT "\"category\":[\"file\"],\"action\":\"file_open\""

static void what_is_not_of_the_policy_is_told_apart(void **state)
{
	static const char *const others[] = {
		LINE("\"category\":[\"process\"],\"action\":\"run-begin\"", "",
		     "\"reason\":\"a run begins\""),
		LINE("\"category\":[\"process\"],\"action\":\"run-end\"", "", "\"reason\":\"a run is over\""),
		LINE("\"category\":[\"intrusion_detection\"],\"action\":\"liveness\"", "",
		     "\"reason\":\"whether the fence holds\""),
		LINE("\"category\":[\"intrusion_detection\"],\"action\":\"ptrace_access_check\"", "",
		     "\"reason\":\"the fence protects itself\""),
		LINE("\"category\":[\"configuration\"],\"action\":\"sb_mount\"", "",
		     "\"reason\":\"done by the kernel on the task's behalf\""),
		LINE(FILE_EVENT, "\"file\":{\"path\":\"/a\"},", "\"reason\":\"path could not be resolved\""),
		LINE("\"category\":[\"network\"],\"action\":\"socket_connect\"", "",
		     "\"reason\":\"address could not be told\",\"family\":17"),
		LINE(FILE_EVENT, "", "\"reason\":\"policy is not loaded or damaged\""),
		LINE("\"category\":[\"odd\"]", RULE, "\"errno\":\"EPERM\""),
		LINE("\"action\":7", "", "\"errno\":7"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_int_equal(kind_of_text(others[i]), RECORDED_OTHER);
	/* And so is this one not. */
	assert_int_equal(kind_of_text(LINE(FILE_EVENT, RULE "\"file\":{\"path\":\"/a\"},",
					   "\"access\":\"read\"")),
			 RECORDED_OBJECT);
}

static void half_an_object_is_not_judged(void **state)
{
	static const char *const unclear[] = {
		LINE(FILE_EVENT, RULE "\"file\":{},", "\"access\":\"read\""),
		LINE(FILE_EVENT, RULE "\"file\":{\"path\":\"/a\"},",
		     "\"access\":\"read\",\"path_truncated\":true"),
		LINE(FILE_EVENT, RULE "\"file\":{\"path\":\"/a\"},", "\"errno\":\"EPERM\""),
		LINE("\"category\":[\"file\"],\"action\":\"inode_readlink\"",
		     RULE "\"file\":{\"path\":\"/a\"},",
		     "\"access\":\"read\""),
		LINE("\"category\":[\"network\"]", RULE "\"destination\":{\"ip\":\"1.2.3\",\"port\":1},",
		     "\"errno\":\"EPERM\""),
		LINE("\"category\":[\"network\"]", RULE "\"destination\":{\"ip\":\"1.2.3.4\",\"port\":65536},"
		     "\"network\":{\"transport\":\"tcp\"},", "\"errno\":\"EPERM\""),
		LINE("\"category\":[\"network\"]", RULE "\"destination\":{\"ip\":\"1.2.3.4\",\"port\":1},"
		     "\"network\":{\"transport\":\"quic\"},", "\"errno\":\"EPERM\""),
		LINE("\"category\":[\"network\"]", RULE "\"network\":{\"type\":\"unix\"},",
		     "\"errno\":\"EPERM\""),
	};
	char path[600], text[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(unclear) / sizeof(*unclear); i++)
		assert_int_equal(kind_of_text(unclear[i]), RECORDED_UNCLEAR);
	memset(path, 'x', 511);
	path[511] = 0;
	snprintf(text, sizeof(text), LINE(FILE_EVENT, RULE "\"file\":{\"path\":\"/%s\"},",
					  "\"access\":\"read\",\"shortened\":true"), path);
	assert_int_equal(kind_of_text(text), RECORDED_UNCLEAR);
	path[100] = 0;
	snprintf(text, sizeof(text), LINE(FILE_EVENT, RULE "\"file\":{\"path\":\"/%s\"},",
					  "\"access\":\"read\",\"shortened\":true"), path);
	assert_int_equal(kind_of_text(text), RECORDED_OBJECT);
}

/* --- doubt, identities, companions ----------------------------------------------------------- */

static struct outcome_of_policy judge_text(const struct judge *judge, const char *text,
					   enum object_class class,
					   struct recorded *ret_object)
{
	struct outcome_of_policy before, after;
	static struct audit_line line;

	audit_line_free(&line);
	assert_int_equal(audit_line_parse(text, strlen(text), &line), 0);
	assert_int_equal(recorded_read(&line, ret_object, &before), RECORDED_OBJECT);
	after = recorded_judge(judge, ret_object, class == CLASS_COUNT ? ret_object->class : class);
	return after;
}

static void what_a_default_let_pass_untold_is_doubt_to_a_policy_with_rules(void **state)
{
	static const char net[] = LINE("\"category\":[\"network\"],\"action\":\"socket_create\"", "",
				       "\"reason\":\"default of net\",\"family\":17");
	static const char file[] =
		LINE(FILE_EVENT, "\"file\":{},", "\"reason\":\"default of file\",\"access\":\"read\"");
	struct ruleset *silent = judged_compile("tag: t\ndefault: {net: audit, file: audit}\n");
	struct ruleset *speaks = judged_compile(judged_policy);
	struct judge judge = { .image = silent };
	struct recorded object;

	(void)state;
	assert_int_equal(judge_text(&judge, net, CLASS_COUNT, &object).verdict, VERDICT_AUDIT);
	assert_int_equal(judge_text(&judge, file, CLASS_COUNT, &object).verdict, VERDICT_AUDIT);
	judge.image = speaks;
	assert_string_equal(judge_text(&judge, net, CLASS_COUNT, &object).reason,
			    "address could not be told");
	assert_string_equal(judge_text(&judge, file, CLASS_COUNT, &object).reason,
			    "path could not be resolved");
	assert_int_equal(judge_text(&judge, file, CLASS_COUNT, &object).err, EPERM);
	free(silent);
	free(speaks);
}

/* A policy that knows "/etc/x" as inode 4711 of 8:1. */
static int find_4711(void *ctx, const char *path, bool tree, struct path_identity **ret_list,
		     size_t *ret_count)
{
	(void)ctx;
	(void)tree;
	*ret_count = 0;
	if (strcmp(path, "/etc/x"))
		return 0;
	*ret_list = calloc(1, sizeof(**ret_list));
	**ret_list = (struct path_identity){ .ino = 4711, .dev = 8 << 20 | 1 };
	*ret_count = 1;
	return 0;
}

static const struct ruleset *image_of_ctx(void *ctx)
{
	return ctx;
}

static char *this_boot(void)
{
	static char boot[64];
	FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");

	assert_non_null(in);
	assert_non_null(fgets(boot, sizeof(boot), in));
	fclose(in);
	boot[strcspn(boot, "\n")] = 0;
	return boot;
}

static void identity_counts_where_it_still_holds(void **state)
{
	static const char text[] =
		"tag: t\nservices: {s: {files: [/etc/x]}}\nrules: [{deny: s, errno: ENOENT}]\n"
		"default: {file: audit}\n";
	const struct path_resolver resolver = { .find = find_4711 };
	struct ruleset *by_name = judged_compile(text), *here = NULL;
	struct judge judge = { .image = by_name, .image_here = image_of_ctx };
	struct policy *policy = NULL;
	struct diags diags = { 0 };
	struct outcome_of_policy outcome;
	struct audit_line line;
	struct recorded object;

	(void)state;
	assert_int_equal(policy_parse("test.yaml", text, strlen(text), NULL, &diags, &policy), 0);
	assert_int_equal(policy_compile(policy, &resolver, 7, &diags, &here), 0);
	judge.ctx = here;
	/* /mnt/alias has the inode: of another boot that says nothing, of this one that it is /etc/x. */
	for (int same = 0; same < 2; same++) {
		judged_boot = same ? this_boot() : JUDGED_BOOT;
		judged_open(by_name, "/mnt/alias", ACCESS_READ);
		assert_int_equal(audit_line_parse(judged_log.data, judged_log.size, &line), 0);
		assert_int_equal(recorded_read(&line, &object, &outcome), RECORDED_OBJECT);
		assert_int_equal(object.here, same);
		outcome = recorded_judge(&judge, &object, CLASS_FILE);
		assert_int_equal(outcome.verdict, same ? VERDICT_DENY : VERDICT_AUDIT);
		audit_line_free(&line);
		forget_lines();
	}
	policy_free(policy);
	diags_free(&diags);
	free(by_name);
	free(here);
}

/* A day before its last, and one behind; by the program or one of its ancestors, or as the line says
 * itself. */
static void waivers_apply_as_they_did_then(void **state)
{
	struct ruleset *image = judged_compile("tag: t\nservices: {s: {nets: [10.0.0.0/8]}}\n"
		"rules: [{deny: s, errno: EHOSTUNREACH}]\n"
		"waivers: [{service: s, exec: /opt/sync, owner: storage, until: 2027-03-31, why: moves}]\n");
	static const char form[] = "{\"@timestamp\":\"%s\",\"event\":{\"category\":[\"network\"]},"
		"\"process\":{\"executable\":\"%s\"},\"destination\":{\"ip\":\"10.0.0.1\",\"port\":80},"
		"\"network\":{\"transport\":\"tcp\"},\"rule\":{\"id\":\"p.yaml:1\",\"name\":\"%s\"},"
		"\"ringfence\":{\"run\":\"20270331-142355-9f03ac\",\"verdict\":\"audit\","
		"\"lineage\":\"complete\","
		"\"ancestors\":[{\"executable\":\"%s\"}],\"lost_before\":0}}";
	static const struct {
		const char *when, *program, *rule, *ancestor;
		enum verdict verdict;
	} cases[] = {
		{ "2027-03-31T23:59:59.9Z", "/opt/sync", "deny s", "/bin/sh", VERDICT_AUDIT },
		{ "2027-04-01T00:00:00.1Z", "/opt/sync", "deny s", "/bin/sh", VERDICT_DENY },
		{ "2027-03-31T23:59:59.9Z", "/usr/bin/curl", "deny s", "/opt/sync", VERDICT_AUDIT },
		{ "2027-03-31T23:59:59.9Z", "/usr/bin/curl", "deny s", "/bin/sh", VERDICT_DENY },
		{ "2027-03-31T23:59:59.9Z", "./sync\",\"working_directory\":\"/opt", "deny s", "/bin/sh", VERDICT_AUDIT },
		{ "2027-03-31T23:59:59.9Z", "./sync\",\"working_directory\":\"/srv", "deny s", "/bin/sh", VERDICT_DENY },
		{ "2027-03-31T23:59:59.9Z", "/usr/bin/curl", "waiver s (storage)", "/bin/sh", VERDICT_AUDIT },
		{ "2027-03-31T23:59:59.9Z", "/usr/bin/curl", "waiver s (other)", "/bin/sh", VERDICT_DENY },
	};
	struct judge judge = { .image = image };
	struct outcome_of_policy outcome;
	struct recorded object;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), form, cases[i].when, cases[i].program, cases[i].rule,
			 cases[i].ancestor);
		outcome = judge_text(&judge, text, CLASS_COUNT, &object);
		assert_int_equal(outcome.verdict, cases[i].verdict);
		assert_false(outcome.waiver_untold);
		assert_string_equal(outcome.rule,
				    cases[i].verdict == VERDICT_AUDIT ? "waiver s (storage)" : "deny s");
	}
	free(image);
}

/* Who opens a file for both kinds of access is denied by two rules, and one of them is waived: as in the kernel,
 * that does not help. */
static void a_waiver_is_for_what_one_rule_denies(void **state)
{
	struct ruleset *image = judged_compile("tag: t\nservices: {tree: {files: [/srv/]}, kept: {files: [/srv/kept]}}\n"
		"rules: [{deny: tree}, {deny: kept, access: write}]\n"
		"waivers: [{service: tree, exec: /opt/sync, owner: team, until: 2099-12-31}]\n");
	static const char form[] = LINE(FILE_EVENT, "\"process\":{\"executable\":\"/opt/sync\"},"
					"\"file\":{\"path\":\"%s\"}," RULE, "\"access\":\"%s\"");
	static const struct {
		const char *path, *access;
		enum verdict verdict;
	} cases[] = {
		{ "/srv/kept", "read", VERDICT_AUDIT },
		{ "/srv/kept", "write", VERDICT_DENY },
		{ "/srv/kept", "read,write", VERDICT_DENY },
		{ "/srv/other", "read,write", VERDICT_AUDIT },
	};
	struct judge judge = { .image = image };
	struct recorded object;
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), form, cases[i].path, cases[i].access);
		assert_int_equal(judge_text(&judge, text, CLASS_COUNT, &object).verdict, cases[i].verdict);
	}
	free(image);
}

static enum object_class companion_of(enum hook hook, enum object_class class, uint8_t access)
{
	const struct recorded object = { .hook = hook, .class = class, .access = access, .whole = true,
					 .path = "/a" };

	return recorded_companion(&object);
}

static void who_reads_must_be_allowed_to_execute(void **state)
{
	(void)state;
	assert_int_equal(companion_of(HOOK_FILE_OPEN, CLASS_FILE, ACCESS_READ), CLASS_EXEC);
	assert_int_equal(companion_of(HOOK_FILE_OPEN, CLASS_FILE, ACCESS_WRITE), CLASS_COUNT);
	assert_int_equal(companion_of(HOOK_FILE_OPEN, CLASS_EXEC, ACCESS_READ), CLASS_FILE);
	assert_int_equal(companion_of(HOOK_BPRM_CHECK_SECURITY, CLASS_EXEC, ACCESS_READ), CLASS_FILE);
	assert_int_equal(companion_of(HOOK_INODE_GETATTR, CLASS_FILE, ACCESS_READ), CLASS_COUNT);
	assert_int_equal(companion_of(HOOK_PATH_UNLINK, CLASS_FILE, ACCESS_WRITE), CLASS_COUNT);
	assert_int_equal(companion_of(HOOK_UNIX_STREAM_CONNECT, CLASS_SOCKET, ACCESS_READ), CLASS_COUNT);
	assert_int_equal(companion_of(HOOK_SOCKET_CONNECT, CLASS_NET, ACCESS_READ), CLASS_COUNT);
}

/* --- steps ---------------------------------------------------------------------------------- */

static void expect_step(const char *ancestors, const char *own, const char *step)
{
	struct audit_line line;
	struct text text = { 0 }, found = { 0 };

	text_append_format(&text,
			   LINE(FILE_EVENT, "\"process\":{\"name\":\"cp\",\"executable\":\"/bin/cp\"},",
				       "\"ancestors\":[%s],%s"), ancestors, own);
	assert_int_equal(audit_line_parse(text.data, text.size, &line), 0);
	recorded_step(&found, &line);
	text_append(&found, "", 1);
	assert_string_equal(found.data, step);
	audit_line_free(&line);
	text_free(&text);
	text_free(&found);
}

static void a_step_is_what_the_root_started(void **state)
{
	(void)state;
	expect_step("", "\"lineage\":\"complete\"", "cp");
	expect_step("{\"executable\":\"./deploy\"}", "\"lineage\":\"complete\"", "cp");
	expect_step("{\"executable\":\"/usr/bin/tool\\u001b\"},{\"executable\":\"./deploy\"}",
		    "\"lineage\":\"complete\"", "tool\\x1b");
	expect_step("{},{\"executable\":\"./deploy\"}", "\"lineage\":\"complete\"", "?");
	expect_step("{\"executable\":\"/usr/bin/tool\"},{\"executable\":\"./deploy\"}",
		    "\"lineage\":\"incomplete\"",
		    "cp?");
	expect_step("{\"executable\":\"/usr/bin/tool\"},{\"executable\":\"./deploy\"}",
		    "\"lineage\":\"complete\",\"ancestors_truncated\":true", "cp?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_recorded_verdict_is_reproduced),
		cmocka_unit_test(what_is_not_of_the_policy_is_told_apart),
		cmocka_unit_test(half_an_object_is_not_judged),
		cmocka_unit_test(what_a_default_let_pass_untold_is_doubt_to_a_policy_with_rules),
		cmocka_unit_test(identity_counts_where_it_still_holds),
		cmocka_unit_test(waivers_apply_as_they_did_then),
		cmocka_unit_test(a_waiver_is_for_what_one_rule_denies),
		cmocka_unit_test(who_reads_must_be_allowed_to_execute),
		cmocka_unit_test(a_step_is_what_the_root_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
