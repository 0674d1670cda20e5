/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "judged_lines.h"
#include "policy/lint.h"
#include "userspace/review/rehearsal.h"
#include "userspace/review/suggestion.h"

static const char ran[] =
	"tag: mysql-deploy\n"
	"services:\n"
	"  releases: {nets: [10.20.0.0/16], ports: [8080]}\n"
	"  forge: {nets: [140.82.112.0/20]}\n"
	"  secret: {files: [/srv/secret/]}\n"
	"  listing: {files: [/srv/list/]}\n"
	"rules:\n"
	"  - {audit: releases, why: what it needs is needed}\n"
	"  - {deny: forge, errno: EHOSTUNREACH, why: \"must do without \\\"it\\\"\"}\n"
	"  - {deny: secret, errno: EACCES, access: write}\n"
	"  - {audit: listing}\n"
	"default: {net: audit}\n";

static const char *const no_folders[] = { NULL }, *const shipped[] = { "policy/services", NULL };
static struct ruleset *image;
static struct known *known;
static struct suggestion suggestion;
static struct text draft_text;

static int begin(void **state)
{
	(void)state;
	image = judged_compile(ran);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	free(image);
	known_free(known);
	known = NULL;
	suggestion_free(&suggestion);
	text_free(&draft_text);
	text_free(&judged_log);
	judged_keep = JUDGED_DENIED;
	judged_tool = "/usr/bin/schema-tool";
	return 0;
}

static void each_line(int (*each)(void *ctx, const struct audit_line *line), void *ctx)
{
	const char *at = judged_log.data, *end = at + judged_log.size, *newline;
	struct audit_line line;

	for (; at < end; at = newline + 1) {
		newline = memchr(at, '\n', end - at);
		assert_int_equal(audit_line_parse(at, newline - at, &line), 0);
		assert_int_equal(each(ctx, &line), 0);
		audit_line_free(&line);
	}
}

static int take_line(void *ctx, const struct audit_line *line)
{
	return suggestion_take(ctx, line);
}

static int rehearse_line(void *ctx, const struct audit_line *line)
{
	return rehearsal_take(ctx, line);
}

/* The draft without its comments, folders being those where services are known. */
static void suggest(const char *const *folders)
{
	struct draft draft = { .mode = MODE_ENFORCE };
	struct text whole = { 0 };

	if (!suggestion.known)
		assert_int_equal(known_load(folders, NULL, 0, &known), 0);
	suggestion.known = known;
	each_line(take_line, &suggestion);
	draft.tag = strdup("mysql-deploy");
	suggestion_draft(&suggestion, &draft);
	draft_write(&draft, &whole);
	assert_false(draft.failed || whole.failed);
	draft_free(&draft);
	text_append(&draft_text, whole.data, whole.size);
	text_append(&draft_text, "", 1);
	text_free(&whole);
}

/* What a person reads, without comments and the blanks before them. */
static void expect_draft(const char *expected)
{
	struct text bare = { 0 };

	for (char *line = strtok(draft_text.data, "\n"); line; line = strtok(NULL, "\n")) {
		char *comment = *line == '#' ? line : strstr(line, " # ");

		if (comment)
			*comment = 0;
		for (size_t size = strlen(line); size && line[size - 1] == ' '; )
			line[--size] = 0;
		if (*line)
			text_append_format(&bare, "%s\n", line);
	}
	text_append(&bare, "", 1);
	assert_string_equal(bare.data, expected);
	text_free(&bare);
}

/* Judges the log by the draft, of which not even `check --strict` says anything. */
static struct rehearsal rehearse_draft(const char *const *folders, struct ruleset **ret_image)
{
	struct rehearsal rehearsal = { 0 };
	struct policy *policy = NULL;
	struct diags diags = { 0 };

	if (policy_parse("draft.yaml", draft_text.data, draft_text.size - 1, folders, &diags, &policy) ||
	    policy_compile(policy, NULL, 1, &diags, ret_image) || policy_lint(policy, *ret_image, &diags) ||
	    diags.warnings) {
		diags_print(&diags, stderr, false);
		fputs(draft_text.data, stderr);
		fail();
	}
	policy_free(policy);
	diags_free(&diags);
	rehearsal.judge.image = *ret_image;
	rehearsal.judge.mode = image->mode;	/* as the run was */
	each_line(rehearse_line, &rehearsal);
	assert_int_equal(rehearsal_end(&rehearsal), 0);
	return rehearsal;
}

/* --- what becomes of what -------------------------------------------------------------------- */

static void what_was_denied_stays_denied_and_what_was_reached_is_allowed(void **state)
{
	(void)state;
	judged_net(image, "140.82.112.3", 80, PROTO_TCP);
	judged_net(image, "10.20.0.5", 8080, PROTO_TCP);
	judged_net(image, "192.0.2.1", 443, PROTO_TCP);
	judged_open(image, "/srv/secret/key", ACCESS_WRITE);
	judged_open(image, "/srv/list/a", ACCESS_READ);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "host-192.0.2.1:             # once, by schema-tool\n"));
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "services:\n"
		     "  forge:\n"
		     "    nets: [140.82.112.3/32]\n"
		     "    ports: [80/tcp]\n"
		     "  listing:\n"
		     "    files: [/srv/list/a]\n"
		     "  releases:\n"
		     "    nets: [10.20.0.5/32]\n"
		     "    ports: [8080/tcp]\n"
		     "  secret:\n"
		     "    files: [/srv/secret/key]\n"
		     "  host-192.0.2.1:\n"
		     "    nets: [192.0.2.1/32]\n"
		     "    ports: [443/tcp]\n"
		     "  loopback:\n"
		     "    nets: [127.0.0.0/8, \"::1/128\"]\n"
		     "rules:\n"
		     "  - deny: forge\n"
		     "    errno: EHOSTUNREACH\n"
		     "    why: \"must do without \\\"it\\\"\"\n"
		     "  - deny: secret\n"
		     "    errno: EACCES\n"
		     "  - deny: loopback\n"
		     "    why: \"no run that this policy was made of reached it\"\n"
		     "  - audit: listing\n"
		     "  - audit: releases\n"
		     "    why: \"what it needs is needed\"\n"
		     "  - allow: host-192.0.2.1\n"
		     "default: {net: deny}\n");
}

static void known_services_come_first(void **state)
{
	(void)state;
	judged_net(image, "140.82.112.3", 80, PROTO_TCP);
	judged_net(image, "140.82.112.3", 25, PROTO_TCP);	/* not a port of the known one */
	suggest(shipped);
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "include: [github]\n"
		     "services:\n"
		     "  forge:\n"
		     "    nets: [140.82.112.3/32]\n"
		     "    ports: [25/tcp]\n"
		     "rules:\n"
		     "  - deny: github\n"
		     "    errno: EHOSTUNREACH\n"
		     "    why: \"must do without \\\"it\\\"\"\n"
		     "  - deny: forge\n"
		     "    errno: EHOSTUNREACH\n"
		     "    why: \"must do without \\\"it\\\"\"\n"
		     "default: {net: audit}\n");
}

/* One that is let pass within a service that is denied is an exception, which no range makes wider. */
static void exceptions_are_more_specific(void **state)
{
	static const char policy[] =
		"tag: t\nservices: {all: {nets: [140.82.112.0/20]}, ours: {nets: [140.82.112.4/31]}}\n"
		"rules: [{deny: all, errno: EHOSTUNREACH}, {allow: ours}]\n";
	struct ruleset *draft_image = NULL;
	struct rehearsal rehearsal;

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_keep = JUDGED_ALL;
	judged_net(image, "140.82.112.4", 443, PROTO_TCP);
	judged_net(image, "140.82.112.5", 443, PROTO_TCP);
	judged_net(image, "140.82.112.6", 443, PROTO_TCP);
	suggest(shipped);
	rehearsal = rehearse_draft(shipped, &draft_image);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED] + rehearsal.counts[CHANGE_NO_LONGER_DENIED],
			 0);
	rehearsal_free(&rehearsal);
	free(draft_image);
	assert_non_null(strstr(draft_text.data, "include: [github]"));
	assert_non_null(strstr(draft_text.data, "nets: [140.82.112.4/32, 140.82.112.5/32]"));
}

/* What the known service names alone, nothing is more specific than: then it is of no use. */
static void what_has_no_exceptions_is_not_included(void **state)
{
	static const char policy[] =
		"tag: t\nservices: {all: {nets: [4.208.26.0/24]}, ours: {nets: [4.208.26.198]}}\n"
		"rules: [{deny: all, errno: EHOSTUNREACH}, {allow: ours}]\n";
	struct ruleset *draft_image = NULL;
	struct rehearsal rehearsal;

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_keep = JUDGED_ALL;
	judged_net(image, "4.208.26.198", 443, PROTO_TCP);
	judged_net(image, "4.208.26.200", 443, PROTO_TCP);
	suggest(shipped);
	assert_null(strstr(draft_text.data, "include:"));
	rehearsal = rehearse_draft(shipped, &draft_image);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED] + rehearsal.counts[CHANGE_NO_LONGER_DENIED],
			 0);
	rehearsal_free(&rehearsal);
	free(draft_image);
}

/* Two ranges of the same length and ports would be equally specific. */
static void a_range_is_made_once(void **state)
{
	static const char policy[] = "tag: t\nservices: {s: {nets: [192.0.2.0/30]}}\nrules: [{audit: s}]\n"
		"default: {net: audit}\n";
	struct ruleset *draft_image = NULL;
	struct rehearsal rehearsal;

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_net(image, "192.0.2.1", 443, PROTO_TCP);
	judged_net(image, "192.0.2.2", 443, PROTO_TCP);
	judged_net(image, "192.0.2.11", 443, PROTO_TCP);
	judged_net(image, "192.0.2.12", 443, PROTO_TCP);
	suggest(no_folders);
	rehearsal = rehearse_draft(no_folders, &draft_image);
	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 0);
	rehearsal_free(&rehearsal);
	free(draft_image);
	assert_non_null(strstr(draft_text.data, "nets: [192.0.2.0/24]"));
	assert_non_null(strstr(draft_text.data, "nets: [192.0.2.11/32]"));
}

static void neighbours_become_a_range(void **state)
{
	(void)state;
	judged_net(image, "192.0.2.9", 443, PROTO_TCP);
	judged_net(image, "192.0.2.200", 443, PROTO_TCP);
	judged_net(image, "192.0.3.1", 443, PROTO_TCP);
	judged_net(image, "192.0.2.77", 53, PROTO_UDP);
	judged_net(image, "2001:db8::1", 443, PROTO_TCP);
	judged_net(image, "2001:db8::ffff:1", 443, PROTO_TCP);
	judged_net(image, "2001:db8:0:1::1", 443, PROTO_TCP);
	suggest(no_folders);
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "services:\n"
		     "  net-192.0.2.0-24:\n"
		     "    nets: [192.0.2.0/24]\n"
		     "    ports: [443/tcp]\n"
		     "  host-192.0.3.1:\n"
		     "    nets: [192.0.3.1/32]\n"
		     "    ports: [443/tcp]\n"
		     "  net-2001-db8-64:\n"
		     "    nets: [\"2001:db8::/64\"]\n"
		     "    ports: [443/tcp]\n"
		     "  host-2001-db8-0-1-1:\n"
		     "    nets: [\"2001:db8:0:1::1/128\"]\n"
		     "    ports: [443/tcp]\n"
		     "  host-192.0.2.77:\n"
		     "    nets: [192.0.2.77/32]\n"
		     "    ports: [53/udp]\n"
		     "  loopback:\n"
		     "    nets: [127.0.0.0/8, \"::1/128\"]\n"
		     "rules:\n"
		     "  - deny: loopback\n"
		     "    why: \"no run that this policy was made of reached it\"\n"
		     "  - allow: net-192.0.2.0-24\n"
		     "  - allow: host-192.0.3.1\n"
		     "  - allow: net-2001-db8-64\n"
		     "  - allow: host-2001-db8-0-1-1\n"
		     "  - allow: host-192.0.2.77\n"
		     "default: {net: deny}\n");
}

static void ports_that_are_handed_out_are_a_range_and_none_is_all(void **state)
{
	(void)state;
	judged_net(image, "127.0.0.1", 40000, PROTO_TCP);
	judged_net(image, "127.0.0.1", 40001, PROTO_TCP);
	judged_net(image, "127.0.0.1", 50000, PROTO_TCP);
	judged_net(image, "127.0.0.1", 80, PROTO_TCP);
	judged_net(image, "192.0.2.1", 0, PROTO_NONE);
	judged_net(image, "192.0.2.1", 443, PROTO_TCP);
	suggest(no_folders);
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "services:\n"
		     "  host-192.0.2.1:\n"
		     "    nets: [192.0.2.1/32]\n"
		     "  host-127.0.0.1:\n"
		     "    nets: [127.0.0.1/32]\n"
		     "    ports: [80/tcp, 32768-65535/tcp]\n"
		     "rules:\n"
		     "  - allow: host-192.0.2.1\n"
		     "  - allow: host-127.0.0.1\n"
		     "default: {net: deny}\n");
}

/* Reading was let pass: only writing is denied. */
static void an_access_that_passed_is_not_denied(void **state)
{
	(void)state;
	judged_keep = JUDGED_ALL;
	judged_open(image, "/srv/secret/key", ACCESS_WRITE);
	judged_open(image, "/srv/secret/key", ACCESS_READ);
	judged_open(image, "/srv/secret/key", ACCESS_READ | ACCESS_WRITE);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "  - deny: secret\n    access: write\n    errno: EACCES\n"));
}

static void folders_stand_for_many_files(void **state)
{
	static const char *const paths[] = {
		"/srv/list/a", "/srv/list/b", "/srv/list/c/d", "/srv/list/c-e", "/var/one", "/var/two",
		"/var/three",
		"/var/deep/x/1", "/var/deep/x/2", "/var/deep/x/3", "/srv/list", "/usr/lib/x",
	};

	(void)state;
	judged_keep = JUDGED_ALL;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		judged_open(image, paths[i], ACCESS_READ);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "  listing:                    # 5 times, by schema-tool\n"
			       "    files: [/srv/list, /srv/list/]\n"));
	assert_non_null(strstr(draft_text.data, "#   files:                    # 6 times, by schema-tool\n"
			       "#     files: [/var/deep/x/, /var/one, /var/three, /var/two]\n"));
}

/* A folder is one service's: of another that has files there, they stay what they are. */
static void a_folder_stands_for_one_service(void **state)
{
	static const char policy[] = "tag: t\nservices:\n"
		"  a: {files: [/srv/x/a1, /srv/x/a2, /srv/x/a3]}\n"
		"  b: {files: [/srv/x/b1, /srv/x/b2, /srv/x/b3]}\n"
		"rules: [{audit: a}, {audit: b}]\n";
	static const char *const paths[] = {
		"/srv/x/a1", "/srv/x/a2", "/srv/x/a3", "/srv/x/b1", "/srv/x/b2", "/srv/x/b3",
	};
	struct ruleset *draft_image = NULL;
	struct rehearsal rehearsal;

	(void)state;
	free(image);
	image = judged_compile(policy);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		judged_open(image, paths[i], ACCESS_READ);
	suggest(no_folders);
	rehearsal = rehearse_draft(no_folders, &draft_image);
	assert_int_equal(rehearsal.counts[CHANGE_NONE], 6);
	rehearsal_free(&rehearsal);
	free(draft_image);
	assert_non_null(strstr(draft_text.data, "    files: [/srv/x/]\n"));
	assert_non_null(strstr(draft_text.data, "    files: [/srv/x/b1, /srv/x/b2, /srv/x/b3]\n"));
}

static void what_every_policy_has_needs_no_word(void **state)
{
	static const char policy[] = "tag: t\nrules: [{deny: container-engine, errno: ECONNREFUSED}]\n";

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_socket(image, "/run/docker.sock");
	judged_socket(image, "/run/dbus/system_bus_socket");
	suggest(no_folders);
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "rules:\n"
		     "  - deny: container-engine\n"
		     "    errno: ECONNREFUSED\n"
		     "default: {net: audit}\n");
}

static void what_the_default_denied_is_left_denied(void **state)
{
	static const char policy[] = "tag: t\nservices: {s: {nets: [10.0.0.1]}}\nrules: [{allow: s}]\n"
		"default: {net: deny}\n";

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_keep = JUDGED_ALL;
	judged_net(image, "10.0.0.1", 443, PROTO_TCP);
	judged_net(image, "10.0.0.2", 443, PROTO_TCP);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "# Denied by the default, and given no rule:\n"
			       "#   10.0.0.2:443/tcp  once, by schema-tool\n"));
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "services:\n"
		     "  s:\n"
		     "    nets: [10.0.0.1/32]\n"
		     "    ports: [443/tcp]\n"
		     "  loopback:\n"
		     "    nets: [127.0.0.0/8, \"::1/128\"]\n"
		     "rules:\n"
		     "  - deny: loopback\n"
		     "    why: \"no run that this policy was made of reached it\"\n"
		     "  - allow: s\n"
		     "default: {net: deny}\n");
}

/* What is allowed without a word, and what is audited with one. */
static void what_every_process_opens_needs_a_word_to_be_audited(void **state)
{
	static const char policy[] = "tag: t\nrecord: all\nrules: [{audit: system-files}]\n";

	(void)state;
	judged_keep = JUDGED_ALL;
	judged_open(image, "/usr/lib/x", ACCESS_READ);
	judged_open(image, "/dev/null", ACCESS_WRITE);
	suggest(no_folders);
	assert_null(strstr(draft_text.data, "system-files"));
	assert_null(strstr(draft_text.data, "/usr/lib"));
	assert_null(strstr(draft_text.data, "/dev/null"));
	suggestion_free(&suggestion);
	text_free(&draft_text);
	text_free(&judged_log);
	known_free(known);
	free(image);
	image = judged_compile(policy);
	judged_open(image, "/usr/lib/x", ACCESS_READ);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "  - audit: system-files"));
}

static void waivers_are_told(void **state)
{
	static const char policy[] = "tag: t\nservices: {s: {nets: [10.0.0.0/8]}}\nrules: [{deny: s}]\n"
		"waivers: [{service: s, exec: /usr/bin/schema-tool, owner: storage, until: 2027-03-31, "
		"why: moves}]\n";
	struct record *record;

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_net(image, "10.0.0.1", 443, PROTO_TCP);
	record = record_decision(12, 12);
	memcpy(record->addr, (uint8_t[16]){ [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 }, 16);
	record->port = 443;
	record->hook = HOOK_SOCKET_CONNECT;
	record->verdict = VERDICT_AUDIT;
	record->err = 0;
	record->rule = image->rules.count - 1;
	judged_line(image, record);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "# 1 record passed by waivers"));
	assert_non_null(strstr(draft_text.data, "#   service s, for /usr/bin/curl (step schema-tool): storage, until 2027-03-31\n"));
	assert_non_null(strstr(draft_text.data, "  - deny: s\n"));
}

static void steps_are_counted(void **state)
{
	static const char *const tools[] = { "/bin/a", "/bin/b", "/bin/c", "/bin/d", "/bin/e", "/bin/f" };

	(void)state;
	for (int i = 0; i < 6; i++)
		for (int k = 0; k <= i % 5; k++) {
			judged_tool = tools[i];
			judged_net(image, "192.0.2.1", 443, PROTO_TCP);
		}
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "# 16 times: d 4, c 3, b 2, a 1, others 6\n"));
}

/* A log is anybody's: what is in it makes no policy of its own. */
/* "/" in a policy is all that there is. */
static void the_root_is_not_all_below_it(void **state)
{
	static const char policy[] = "tag: t\nservices: {s: {files: [/]}, x: {files: [/etc/, /srv/]}}\n"
		"rules: [{deny: s}, {allow: x}]\n";

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_open(image, "/", ACCESS_READ);
	judged_open(image, "//", ACCESS_READ);
	judged_open(image, "/opt/./x", ACCESS_READ);
	judged_open(image, "/opt/x/", ACCESS_READ);
	judged_open(image, "/opt/x", ACCESS_READ);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "    files: [/opt/x]\n"));
	assert_non_null(strstr(draft_text.data, "# 4 records are of what no policy can name"));
}

static void names_from_a_log_are_only_names(void **state)
{
	static const char policy[] = "tag: t\nservices: {s: {sockets: [\"/run/a\\n- b: [\\\"\\\\x\"]}}\n"
		"rules: [{deny: s, errno: ENOENT, why: \"# no: \\\"comment\\\"\"}]\n";
	struct ruleset *draft_image = NULL;
	struct rehearsal rehearsal;

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_tool = "/bin/tool\nrules: []\n\xe2\x80\xae";
	judged_socket(image, "/run/a\n- b: [\"\\x");
	suggest(no_folders);
	rehearsal = rehearse_draft(no_folders, &draft_image);
	assert_int_equal(rehearsal.judged, 1);
	assert_int_equal(rehearsal.counts[CHANGE_NONE], 1);
	rehearsal_free(&rehearsal);
	free(draft_image);
	for (const char *c = draft_text.data; *c; c++)
		assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
}

/* --- what services need ----------------------------------------------------------------------- */

#define NOTE_RUN "20270331-142355-9f03ac"

/* The line that a run begins, with what it says of services; and what the launcher does then. */
static void begin_run(const char *services, const char *denied)
{
	text_append_format(&judged_log, "{\"@timestamp\":\"2027-03-31T14:23:55.1Z\",\"event\":{\"category\":[\"process\"],"
			   "\"action\":\"run-begin\"},\"process\":{\"pid\":10,\"name\":\"ringfence\"},\"ringfence\":{"
			   "\"run\":\"" NOTE_RUN "\",\"tag\":\"t\",\"verdict\":\"allow\",\"mode\":\"audit\","
			   "\"reason\":\"a run begins\",\"begin\":{\"command\":[\"sh\",\"./deploy.sh\"],\"named\":[],"
			   "\"services\":{%s},\"denied\":[%s],\"record\":\"all\"},\"ancestors\":[],"
			   "\"lineage\":\"complete\",\"seq\":1,\"lost_before\":0}}\n", services, denied);
}

static void launch(const char *program)
{
	text_append_format(&judged_log, "{\"@timestamp\":\"2027-03-31T14:23:55.2Z\",\"event\":{\"category\":[\"process\"],"
			   "\"action\":\"bprm_check_security\"},\"process\":{\"pid\":10,\"name\":\"ringfence\"},"
			   "\"file\":{\"path\":\"%s\"},\"ringfence\":{\"run\":\"" NOTE_RUN "\",\"tag\":\"t\","
			   "\"verdict\":\"allow\",\"mode\":\"audit\",\"reason\":\"default of exec\",\"ancestors\":[],"
			   "\"lineage\":\"complete\",\"seq\":2,\"lost_before\":0}}\n", program);
}

#define NEEDS(service, ...) "\"" service "\":{\"needs\":[" __VA_ARGS__ "],\"where\":\"x.yaml:1\"}"

static void expect_sound(const char *const *folders)
{
	struct ruleset *draft_image = NULL;
	struct rehearsal rehearsal = rehearse_draft(folders, &draft_image);

	assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 0);
	rehearsal_free(&rehearsal);
	free(draft_image);
}

static void needs_are_written(void **state)
{
	(void)state;
	begin_run(NEEDS("releases", "\"forge\""), "\"forge\"");
	judged_net(image, "10.20.0.5", 8080, PROTO_TCP);
	judged_net(image, "140.82.112.3", 80, PROTO_TCP);
	suggest(no_folders);
	expect_sound(no_folders);
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "services:\n"
		     "  forge:\n"
		     "    nets: [140.82.112.3/32]\n"
		     "    ports: [80/tcp]\n"
		     "  releases:\n"
		     "    nets: [10.20.0.5/32]\n"
		     "    ports: [8080/tcp]\n"
		     "    needs: [forge]\n"
		     "rules:\n"
		     "  - deny: forge\n"
		     "    errno: EHOSTUNREACH\n"
		     "    why: \"must do without \\\"it\\\"\"\n"
		     "  - audit: releases\n"
		     "    why: \"what it needs is needed\"\n"
		     "default: {net: audit}\n");
}

/* What is known by its addresses goes by another name in the draft, and what needs it says that one. */
static void needs_are_called_as_in_the_draft(void **state)
{
	(void)state;
	begin_run(NEEDS("releases", "\"forge\""), "");
	judged_net(image, "10.20.0.5", 8080, PROTO_TCP);
	judged_net(image, "140.82.112.3", 80, PROTO_TCP);
	suggest(shipped);
	expect_sound(shipped);
	assert_non_null(strstr(draft_text.data, "include: [github]\n"));
	assert_non_null(strstr(draft_text.data, "    needs: [github]\n"));
}

/* It is denied by a rule that nothing came to: that was so in the run, and stays so. */
static void what_is_needed_and_known_is_included(void **state)
{
	(void)state;
	begin_run(NEEDS("releases", "\"github\", \"container-engine\""), "\"github\"");
	judged_net(image, "10.20.0.5", 8080, PROTO_TCP);
	suggest(shipped);
	expect_sound(shipped);
	assert_non_null(strstr(draft_text.data, "include: [github]\n"));
	assert_non_null(strstr(draft_text.data, "    needs: [github, container-engine]\n"));
	assert_non_null(strstr(draft_text.data, "  - deny: github              # needed by releases, and denied: "
			       "nothing came to it\n"));
}

/* Nothing tells what they are: they are there, and stand for nobody. */
static void what_is_needed_and_not_known_stands_in(void **state)
{
	(void)state;
	begin_run(NEEDS("releases", "\"registry\"") "," NEEDS("registry", "\"github\", \"null\"") ","
		  NEEDS("elsewhere", "\"nobody\""), "\"github\"");
	judged_net(image, "10.20.0.5", 8080, PROTO_TCP);
	judged_net(image, "192.0.2.7", 80, PROTO_TCP);
	judged_net(image, "192.0.2.9", 80, PROTO_TCP);
	suggest(no_folders);
	expect_sound(no_folders);
	assert_non_null(strstr(draft_text.data, "#   registry\n#   github\n#   null\n"));
	assert_null(strstr(draft_text.data, "nobody"));
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "services:\n"
		     "  releases:\n"
		     "    nets: [10.20.0.5/32]\n"
		     "    ports: [8080/tcp]\n"
		     "    needs: [registry]\n"
		     "  net-192.0.2.0-24:\n"
		     "    nets: [192.0.2.0/24]\n"
		     "    ports: [80/tcp]\n"
		     "  registry:\n"
		     "    nets: [198.51.100.1/32]\n"
		     "    needs: [github, \"null\"]\n"
		     "  github:\n"
		     "    nets: [198.51.100.2/32]\n"
		     "  \"null\":\n"
		     "    nets: [198.51.100.3/32]\n"
		     "  loopback:\n"
		     "    nets: [127.0.0.0/8, \"::1/128\"]\n"
		     "rules:\n"
		     "  - deny: github\n"
		     "  - deny: loopback\n"
		     "    why: \"no run that this policy was made of reached it\"\n"
		     "  - audit: releases\n"
		     "    why: \"what it needs is needed\"\n"
		     "  - allow: net-192.0.2.0-24\n"
		     "default: {net: deny}\n");
}

/* Three ranges are all the addresses that stand for nobody. */
static void what_nothing_can_stand_in_for_is_left_out(void **state)
{
	static const char *const taken[] = { "192.0.2.7", "192.0.2.9", "198.51.100.1", "198.51.100.2", "203.0.113.1",
					     "203.0.113.2" };

	(void)state;
	begin_run(NEEDS("releases", "\"registry\", \"forge\"") "," NEEDS("registry", "\"github\""), "");
	judged_net(image, "10.20.0.5", 8080, PROTO_TCP);
	judged_net(image, "140.82.112.3", 80, PROTO_TCP);
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		judged_net(image, taken[i], 80, PROTO_TCP);
	suggest(no_folders);
	expect_sound(no_folders);
	assert_non_null(strstr(draft_text.data, "# releases needs registry, which is in no record; no address"));
	assert_non_null(strstr(draft_text.data, "    needs: [forge]\n"));
	assert_null(strstr(draft_text.data, "  registry:"));
}

#define MIRROR "tag: mysql-deploy\nservices:\n  mirror: {files: [/srv/mirror/], execs: [/srv/gh]}\n" \
	"  releases: {nets: [10.20.0.0/16], needs: [mirror]}\n" \
	"rules: [{allow: mirror}, {allow: releases}]\nrecord: all\n"

static void reach_mirror(void)
{
	free(image);
	image = judged_compile(MIRROR);
	judged_keep = JUDGED_ALL;
	begin_run(NEEDS("releases", "\"mirror\"") "," NEEDS("mirror", "\"forge\""), "");
	judged_net(image, "10.20.0.5", 8080, PROTO_TCP);
	judged_open(image, "/srv/mirror/x", ACCESS_READ);
	judged_exec(image, "/srv/gh");
	judged_open(image, "/srv/else", ACCESS_READ);
}

/* Files that are let pass have no rule, and are reached all the same. */
static void what_is_needed_and_reached_without_a_rule_is_no_stranger(void **state)
{
	(void)state;
	reach_mirror();
	suggest(no_folders);
	expect_sound(no_folders);
	assert_null(strstr(draft_text.data, "#   mirror\n"));
	assert_non_null(strstr(draft_text.data, "#     files: [/srv/else, /srv/gh]\n"));
	expect_draft("tag: mysql-deploy\n"
		     "mode: enforce\n"
		     "services:\n"
		     "  releases:\n"
		     "    nets: [10.20.0.5/32]\n"
		     "    ports: [8080/tcp]\n"
		     "    needs: [mirror]\n"
		     "  mirror:\n"
		     "    files: [/srv/mirror/x]\n"
		     "    execs: [/srv/gh]\n"
		     "    needs: [forge]\n"
		     "  forge:\n"
		     "    nets: [192.0.2.1/32]\n"
		     "  loopback:\n"
		     "    nets: [127.0.0.0/8, \"::1/128\"]\n"
		     "rules:\n"
		     "  - deny: loopback\n"
		     "    why: \"no run that this policy was made of reached it\"\n"
		     "  - allow: releases\n"
		     "default: {net: deny}\n");
}

/* A service file that defines another one of that name is not included, and is not what is needed. */
static void what_is_known_by_the_same_name_is_not_meant(void **state)
{
	char folder[] = "/tmp/ringfence-test-XXXXXX", path[64];
	const char *const folders[] = { folder, NULL };
	FILE *out;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/mirror.yaml", folder);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs("services: {mirror: {nets: [10.99.0.0/16]}}\n", out);
	fclose(out);
	reach_mirror();
	suggest(folders);
	expect_sound(folders);
	unlink(path);
	rmdir(folder);
	assert_null(strstr(draft_text.data, "include:"));
	assert_non_null(strstr(draft_text.data, "    needs: [mirror]\n"));
	assert_non_null(strstr(draft_text.data, "    files: [/srv/mirror/x]\n"));
}

static void that_no_service_is_known_is_said(void **state)
{
	(void)state;
	judged_net(image, "140.82.112.3", 80, PROTO_TCP);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "# No service file was found, such as the list of GitHub's"));
	text_free(&draft_text);
	suggestion_free(&suggestion);
	known_free(known);
	suggest(shipped);
	assert_null(strstr(draft_text.data, "No service file"));
}

/* What the launcher does to become the command is the command's doing. */
static void the_launcher_goes_by_its_command(void **state)
{
	(void)state;
	begin_run("", "");
	launch("/usr/bin/bash");
	judged_net(image, "140.82.112.3", 80, PROTO_TCP);
	suggest(no_folders);
	assert_non_null(strstr(draft_text.data, "#   programs:                 # once, by deploy.sh\n"));
	assert_null(strstr(draft_text.data, "ringfence\n"));
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* A log that was made up: more of everything than a draft has room for. */
static void what_finds_no_room_is_told(void **state)
{
	static const char policy[] = "tag: t\nservices: {s: {files: [/srv/secret/]}}\n"
		"rules: [{deny: s, errno: EACCES}]\nrecord: all\n";
	char tool[64], path[4096];
	size_t strings;

	(void)state;
	free(image);
	image = judged_compile(policy);
	judged_keep = JUDGED_ALL;
	judged_tool = tool;
	memset(path, 'x', sizeof(path));
	assert_int_equal(known_load(no_folders, NULL, 0, &known), 0);
	suggestion.known = known;
	for (int i = 0; i < SUGGESTION_SEEN_MAX + SUGGESTION_OBJECTS_MAX + 200; i++) {
		char ip[64];

		snprintf(tool, sizeof(tool), "/usr/bin/tool-%d", i);
		snprintf(path, 64, "/opt/%d/", i);
		path[strlen(path)] = 'x';
		path[200] = 0;
		snprintf(ip, sizeof(ip), "192.%d.%d.1", i >> 8, i & 255);
		judged_open(image, path, ACCESS_READ);
		if (i > SUGGESTION_SEEN_MAX)
			judged_net(image, ip, 443, PROTO_TCP);
		if (i == SUGGESTION_SEEN_MAX + 7)
			judged_open(image, "/srv/secret/key", ACCESS_READ);
		each_line(take_line, &suggestion);
		text_free(&judged_log);
	}
	assert_int_equal(suggestion.object_count, SUGGESTION_OBJECTS_MAX);
	assert_int_equal(suggestion.keys.count, SUGGESTION_OBJECTS_MAX);
	assert_int_equal(suggestion.seen, SUGGESTION_SEEN_MAX);
	assert_int_equal(suggestion.no_room_net, SUGGESTION_SEEN_MAX + 200);
	/* Whatever comes by those that there are: their steps are counted, and not kept. */
	strings = suggestion.strings.size;
	for (int i = 0; i < 500; i++) {
		snprintf(tool, sizeof(tool), "/usr/bin/other-%d", i);
		judged_open(image, "/srv/secret/key", ACCESS_READ);
	}
	suggest(no_folders);
	assert_in_range(suggestion.strings.size, strings, strings + 4096);
	expect_sound(no_folders);
	assert_non_null(strstr(draft_text.data, "# NOT COMPLETE: "));
	assert_non_null(strstr(draft_text.data, "  - deny: s\n    errno: EACCES\n"));
	assert_non_null(strstr(draft_text.data, "default: {net: audit}"));
}

/* Services of one name are numbered, and none of the numbers is tried for each of them anew. */
static void many_services_of_one_name_are_told_apart(void **state)
{
	static const char policy[] = "tag: t\nservices: {s: {nets: [192.0.0.0/8]}}\nrules: [{audit: s}]\n";

	(void)state;
	free(image);
	image = judged_compile(policy);
	for (int i = 1; i <= 3000; i++) {
		char ip[64];

		snprintf(ip, sizeof(ip), "192.1.%d.%d", i >> 8, i & 255);
		judged_net(image, ip, i, PROTO_TCP);
	}
	suggest(no_folders);
	expect_sound(no_folders);
	assert_non_null(strstr(draft_text.data, "\n  s-3000:"));
}

static size_t count_of(const char *needle)
{
	size_t count = 0;

	for (const char *at = draft_text.data; (at = strstr(at, needle)); at++)
		count++;
	return count;
}

/* What needs another, in many parts each, does not need all of them by all. */
static void many_services_that_need_many_list_a_few(void **state)
{
	static const char policy[] = "tag: t\nservices: {a: {nets: [192.0.0.0/8]}, b: {nets: [193.0.0.0/8]}}\n"
		"rules: [{audit: a}, {audit: b}]\n";

	(void)state;
	free(image);
	image = judged_compile(policy);
	begin_run(NEEDS("a", "\"a\", \"b\"") "," NEEDS("b", "\"b\""), "");
	for (int i = 1; i <= 100; i++) {
		char ip[64];

		snprintf(ip, sizeof(ip), "192.1.0.%d", i);
		judged_net(image, ip, i, PROTO_TCP);
		snprintf(ip, sizeof(ip), "193.1.0.%d", i);
		judged_net(image, ip, i, PROTO_TCP);
	}
	suggest(no_folders);
	expect_sound(no_folders);
	assert_int_equal(suggestion.need_count, 1);
	assert_non_null(strstr(draft_text.data, "\n  a-100:"));
	assert_int_equal(count_of("    needs:\n"), 100);
	assert_int_equal(count_of("      - b"), 100 * 64);
	assert_int_equal(count_of("      - a"), 0);
	assert_non_null(strstr(draft_text.data, "# Of what a service needs, no more than 64 are listed.\n"));
}

/* Nobody writes more of them than there can be needs. */
static void of_what_is_denied_the_first_are_looked_at(void **state)
{
	struct text denied = { 0 };

	(void)state;
	assert_int_equal(known_load(no_folders, NULL, 0, &known), 0);
	suggestion.known = known;
	for (int i = 1; i < SUGGESTION_NEEDS_MAX; i++)
		text_append_format(&denied, "\"d%d\",", i);
	text_append_string(&denied, "\"last\",\"more\"");
	text_append(&denied, "", 1);
	begin_run(NEEDS("s", "\"last\", \"more\""), denied.data);
	each_line(take_line, &suggestion);
	text_free(&denied);
	assert_int_equal(suggestion.need_count, 2);
	assert_true(suggestion.needs[0].denied);
	assert_false(suggestion.needs[1].denied);
}

static void runs_tags_and_needs_are_bounded(void **state)
{
	struct audit_line line = { .run = "", .tag = "" };
	char run[64], tag[64];

	(void)state;
	assert_int_equal(known_load(no_folders, NULL, 0, &known), 0);
	suggestion.known = known;
	begin_run("", "");
	assert_int_equal(audit_line_parse(judged_log.data, judged_log.size - 1, &line), 0);
	for (int i = 0; i < SUGGESTION_RUNS_MAX + 10; i++) {
		snprintf(run, sizeof(run), "20270331-142355-%06x", i);
		snprintf(tag, sizeof(tag), "tag-%d", i);
		line.run = run;
		line.tag = tag;
		assert_int_equal(suggestion_take(&suggestion, &line), 0);
	}
	audit_line_free(&line);
	assert_int_equal(suggestion.runs.count, SUGGESTION_RUNS_MAX);
	assert_true(suggestion.more_runs);
	assert_int_equal(suggestion.tags.count, SUGGESTION_TAGS_MAX);
	assert_true(suggestion.more_tags);
	text_free(&judged_log);
	for (int i = 0; i < 2 * SUGGESTION_NEEDS_MAX; i++) {
		char needs[128];

		snprintf(needs, sizeof(needs), NEEDS("s%d", "\"n%d\""), i, i);
		begin_run(needs, "");
	}
	each_line(take_line, &suggestion);
	assert_int_equal(suggestion.need_count, SUGGESTION_NEEDS_MAX);
	assert_true(suggestion.needs_cut);
}

/* --- round trips ------------------------------------------------------------------------------ */

/* Whatever was reached: the draft is a policy, denies nothing that passed, and lets nothing pass that a
 * rule denied. */
static void a_draft_denies_what_was_denied_and_nothing_else(void **state)
{
	uint64_t judged = 0, denied = 0;

	(void)state;
	for (int round = 0; round < 40; round++) {
		struct ruleset *draft_image = NULL;
		struct rehearsal rehearsal;
		struct text text = { 0 }, told = { 0 };

		text_append_format(&text, "%s%s", judged_policy, judged_defaults[round % 2]);
		text_append(&text, "", 1);
		free(image);
		image = judged_compile(text.data);
		judged_keep = JUDGED_ALL;
		for (int i = 0; i < 20 << round % 5; i++)
			judged_random(image);
		suggest(round % 3 ? shipped : no_folders);
		rehearsal = rehearse_draft(shipped, &draft_image);
		if (rehearsal.counts[CHANGE_NEWLY_DENIED] ||
		    suggestion_denied(&suggestion, draft_image, &told))
			fputs(draft_text.data, stderr);
		assert_int_equal(rehearsal.counts[CHANGE_NEWLY_DENIED], 0);
		assert_int_equal(suggestion_denied(&suggestion, draft_image, &told), 0);
		for (size_t i = 0; i < rehearsal.difference_count; i++) {
			const struct rehearsal_difference *it = &rehearsal.differences[i];

			/* Of what a default denied, files may pass, and a known service may deny it
			 * otherwise. */
			if (it->change == CHANGE_NO_LONGER_DENIED || it->change == CHANGE_OTHER_ERRNO)
				assert_string_equal(it->before.rule, "");
			if (it->change == CHANGE_NO_LONGER_DENIED)
				assert_int_not_equal(it->class, CLASS_NET);
		}
		judged += rehearsal.judged;
		denied += rehearsal.counts[CHANGE_NONE];
		rehearsal_free(&rehearsal);
		free(draft_image);
		text_free(&text);
		text_free(&told);
		text_free(&draft_text);
		text_free(&judged_log);
		suggestion_free(&suggestion);
		known_free(known);
		known = NULL;
	}
	assert_true(judged > 2000);
	assert_true(denied > 500);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_denied_stays_denied_and_what_was_reached_is_allowed),
		TEST(known_services_come_first),
		TEST(exceptions_are_more_specific),
		TEST(what_has_no_exceptions_is_not_included),
		TEST(a_range_is_made_once),
		TEST(neighbours_become_a_range),
		TEST(ports_that_are_handed_out_are_a_range_and_none_is_all),
		TEST(an_access_that_passed_is_not_denied),
		TEST(folders_stand_for_many_files),
		TEST(a_folder_stands_for_one_service),
		TEST(what_every_policy_has_needs_no_word),
		TEST(what_the_default_denied_is_left_denied),
		TEST(what_every_process_opens_needs_a_word_to_be_audited),
		TEST(waivers_are_told),
		TEST(steps_are_counted),
		TEST(the_root_is_not_all_below_it),
		TEST(names_from_a_log_are_only_names),
		TEST(needs_are_written),
		TEST(needs_are_called_as_in_the_draft),
		TEST(what_is_needed_and_known_is_included),
		TEST(what_is_needed_and_not_known_stands_in),
		TEST(what_nothing_can_stand_in_for_is_left_out),
		TEST(what_is_needed_and_reached_without_a_rule_is_no_stranger),
		TEST(what_is_known_by_the_same_name_is_not_meant),
		TEST(that_no_service_is_known_is_said),
		TEST(the_launcher_goes_by_its_command),
		TEST(what_finds_no_room_is_told),
		TEST(many_services_of_one_name_are_told_apart),
		TEST(many_services_that_need_many_list_a_few),
		TEST(of_what_is_denied_the_first_are_looked_at),
		TEST(runs_tags_and_needs_are_bounded),
		TEST(a_draft_denies_what_was_denied_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
