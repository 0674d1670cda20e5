/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The metrics, read back by the rules of the exposition format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/), and by promtool where that is installed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/compile.h"
#include "policy/image.h"
#include "policy/policy.h"
#include "records.h"
#include "userspace/upkeep/metrics.h"

static struct metrics *metrics;
static struct metrics_state now;
static struct text text;
static struct ruleset *image;
static char folder[64], path[128];

static void compile_policy(void)
{
	static const char source[] = "tag: mysql-deploy\nmode: enforce\nservices:\n"
		"  github: {nets: [10.0.0.0/8]}\n  mirror: {files: [/srv/]}\n"
		"rules:\n  - deny: github\n  - audit: mirror\n";
	struct policy *policy = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_parse("mysql.yaml", source, strlen(source), NULL, &diags, &policy), 0);
	assert_int_equal(policy_compile(policy, NULL, 7, &diags, &image), 0);
	policy_free(policy);
	diags_free(&diags);
}

static int begin(void **state)
{
	(void)state;
	metrics = metrics_new();
	now = (struct metrics_state){
		.holds = true, .policies = { { "mysql-deploy", 7, true }, { "web", 9, false } },
		.policy_count = 2, .losses = { 11, 12, 13, 14 }, .hooks_live = 58, .hooks_missing = 1,
		.probed = 1806503035.25, .runs = 3, .log_failures = 2, .log_rotations = 4, .log_size = 4711,
	};
	compile_policy();
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/ringfence.prom", folder);
	return metrics ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	metrics_free(metrics);
	text_free(&text);
	free(image);
	unlink(path);
	return rmdir(folder);
}

/* --- a reader of the format, that takes nothing else ---------------------------------------- */

#define NAMES_MAX 64

struct reader {
	char names[NAMES_MAX][128];	/* of the metrics so far */
	char types[NAMES_MAX][16];
	size_t count;
	char samples[METRICS_SERIES_MAX * 2][256]; /* names with labels */
	size_t sample_count;
};

static const char *take_name(const char *at, char *ret_name, size_t size, bool colons)
{
	size_t length = 0;

	while (isalnum((unsigned char)at[length]) || at[length] == '_' || (colons && at[length] == ':'))
		length++;
	assert_true(length && length < size && !isdigit((unsigned char)*at));
	memcpy(ret_name, at, length);
	ret_name[length] = 0;
	return at + length;
}

static const char *take_value(const char *at)
{
	assert_int_equal(*at, '"');
	for (at++; *at != '"'; at++) {
		assert_true(*at && *at != '\n');
		if (*at == '\\') {
			at++;
			assert_true(*at == '\\' || *at == '"' || *at == 'n');
		}
	}
	return at + 1;
}

static const char *take_labels(const char *at)
{
	static const char *const allowed[] = { "hook", "verdict", "policy", "service", "version", "abi" };
	char name[128];

	do {
		bool known = false;

		at = take_name(at + 1, name, sizeof(name), false);
		for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
			known |= !strcmp(name, allowed[i]);
		assert_true(known);
		assert_int_equal(*at, '=');
		at = take_value(at + 1);
	} while (*at == ',');
	assert_int_equal(*at, '}');
	return at + 1;
}

static void read_sample(struct reader *reader, const char *line)
{
	const char *type = reader->count ? reader->types[reader->count - 1] : "";
	char name[128], *end;
	const char *at = take_name(line, name, sizeof(name), true);

	/* All samples of a metric stand together, behind its head. */
	assert_true(reader->count);
	assert_string_equal(name, reader->names[reader->count - 1]);
	if (*at == '{')
		at = take_labels(at);
	for (size_t i = 0; i < reader->sample_count; i++)
		assert_false(strlen(reader->samples[i]) == (size_t)(at - line) &&
			     !strncmp(reader->samples[i], line, at - line));
	assert_true((size_t)(at - line) < sizeof(reader->samples[0]));
	snprintf(reader->samples[reader->sample_count++], sizeof(reader->samples[0]), "%.*s", (int)(at - line),
		 line);
	assert_int_equal(*at, ' ');
	assert_true(strtod(at + 1, &end) >= 0);
	assert_true(end > at + 1 && !*end);
	assert_int_equal(!strcmp(type, "counter"), strlen(name) > 6 && !strcmp(name + strlen(name) - 6, "_total"));
}

static void read_head(struct reader *reader, const char *line)
{
	char name[128];
	const char *at;

	if (!strncmp(line, "# HELP ", 7)) {
		at = take_name(line + 7, name, sizeof(name), true);
		assert_true(*at == ' ' && at[1]);
		for (size_t i = 0; i < reader->count; i++)
			assert_string_not_equal(name, reader->names[i]);
		assert_int_equal(strncmp(name, "ringfence_", 10), 0);
		assert_true(reader->count < NAMES_MAX);
		strcpy(reader->names[reader->count++], name);
		return;
	}
	assert_int_equal(strncmp(line, "# TYPE ", 7), 0);
	at = take_name(line + 7, name, sizeof(name), true);
	assert_string_equal(name, reader->names[reader->count - 1]);
	assert_true(!strcmp(at, " counter") || !strcmp(at, " gauge"));
	strcpy(reader->types[reader->count - 1], at + 1);
}

static void read_text(void)
{
	static struct reader reader;
	char *copy, *line, *save = NULL;

	reader = (struct reader){ 0 };
	text_free(&text);
	metrics_text(metrics, &now, &text);
	text_append(&text, "", 1);
	assert_false(text.failed);
	assert_int_equal(text.data[text.size - 2], '\n');
	copy = strdup(text.data);
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (*line == '#')
			read_head(&reader, line);
		else
			read_sample(&reader, line);
	free(copy);
}

#define assert_line(line) assert_non_null(strstr(text.data, "\n" line "\n"))

/* --- the tests ------------------------------------------------------------------------------ */

static void count(enum hook hook, enum verdict verdict, uint16_t flags, uint16_t rule, const struct ruleset *by)
{
	struct record *record = record_decision(812, 2000);

	record->hook = hook;
	record->verdict = verdict;
	record->flags = flags;
	record->rule = rule;
	metrics_count(metrics, record, by);
}

static void tells_how_it_stands(void **state)
{
	(void)state;
	read_text();
	assert_line("ringfence_build_info{version=\"0.1.0\",abi=\"7\"} 1");
	assert_line("ringfence_holds 1");
	assert_line("ringfence_enforcing 1");
	assert_line("ringfence_last_probe_timestamp_seconds 1806503035.250");
	assert_line("ringfence_policy_enforcing{policy=\"mysql-deploy\"} 1");
	assert_line("ringfence_policy_enforcing{policy=\"web\"} 0");
	assert_line("ringfence_policy_generation{policy=\"web\"} 9");
	assert_line("ringfence_lost_events_total 11");
	assert_line("ringfence_lost_process_events_total 12");
	assert_line("ringfence_unrecorded_denials_total 13");
	assert_line("ringfence_missed_entries_total 14");
	assert_line("ringfence_log_failures_total 2");
	now.holds = false;
	read_text();
	assert_line("ringfence_enforcing 0");
	now.holds = true;
	now.policies[0].enforce = false;
	read_text();
	assert_line("ringfence_holds 1");
	assert_line("ringfence_enforcing 0");
}

static void counts_events(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		count(HOOK_SOCKET_CONNECT, VERDICT_DENY, RECORD_ENFORCED, 0, image);
	count(HOOK_SOCKET_CONNECT, VERDICT_DENY, 0, 0, image);
	count(HOOK_FILE_OPEN, VERDICT_AUDIT, RECORD_ENFORCED, 1, image);
	count(HOOK_FILE_OPEN, VERDICT_DENY, RECORD_ENFORCED, RULE_DEFAULT, image);
	count(HOOK_FILE_OPEN, VERDICT_DENY, RECORD_ENFORCED, 0, NULL);
	count(HOOK_SOCKET_CONNECT, VERDICT_DENY, RECORD_ENFORCED, 0, image);
	/* Of no hook. */
	count(0, VERDICT_AUDIT, 0, RULE_LIVENESS, NULL);
	count(0, VERDICT_AUDIT, 0, RULE_RELEASE, NULL);
	count(0, VERDICT_DENY, 0, RULE_REFUSED, NULL);
	count(0, VERDICT_ALLOW, 0, RULE_BEGIN, NULL);
	count(0, VERDICT_ALLOW, 0, RULE_END, NULL);
	read_text();
#define EVENTS(hook, verdict, policy, service) \
	"ringfence_events_total{hook=\"" hook "\",verdict=\"" verdict "\",policy=\"" policy \
	"\",service=\"" service "\"} "
	assert_line(EVENTS("socket_connect", "deny", "mysql-deploy", "github") "4");
	assert_line(EVENTS("socket_connect", "would_deny", "mysql-deploy", "github") "1");
	assert_line(EVENTS("file_open", "audit", "mysql-deploy", "mirror") "1");
	assert_line(EVENTS("file_open", "deny", "mysql-deploy", "(none)") "1");
	assert_line(EVENTS("file_open", "deny", "(unknown)", "(none)") "1");
	assert_line("ringfence_released_runs_total 1");
	assert_line("ringfence_refused_runs_total 1");
	assert_null(strstr(text.data, "task_alloc"));
}

/* Policies come and go: past a limit they are one. */
static void has_a_limit(void **state)
{
	size_t series = 0;

	(void)state;
	for (int i = 0; i < 2 * METRICS_SERIES_MAX; i++) {
		snprintf(image->tag, sizeof(image->tag), "tag-%d", i);
		count(HOOK_SOCKET_CONNECT, VERDICT_DENY, RECORD_ENFORCED, 0, image);
	}
	read_text();
	for (const char *at = text.data; (at = strstr(at, "ringfence_events_total{")); at++)
		series++;
	assert_int_equal(series, METRICS_SERIES_MAX + 1);
	assert_line(EVENTS("socket_connect", "deny", "(others)", "(others)") "1024");
}

static void escapes_labels(void **state)
{
	(void)state;
	strcpy(image->tag, "a\"b\\c\nd");
	count(HOOK_SOCKET_CONNECT, VERDICT_DENY, RECORD_ENFORCED, 0, image);
	read_text();
	assert_line(EVENTS("socket_connect", "deny", "a\\\"b\\\\c\\nd", "github") "1");
}

static void writes_as_a_whole(void **state)
{
	struct stat first, second;
	char temp[160];

	(void)state;
	umask(0077);
	assert_int_equal(metrics_write(metrics, &now, path), 0);
	umask(0022);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(first.st_mode & 07777, 0644);
	/* The same again is not written; what is new takes the place of the old file. */
	assert_int_equal(metrics_write(metrics, &now, path), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_equal(second.st_ino, first.st_ino);
	assert_int_equal(link(path, (snprintf(temp, sizeof(temp), "%s/old", folder), temp)), 0);
	now.runs++;
	assert_int_equal(metrics_write(metrics, &now, path), 0);
	assert_int_equal(stat(path, &second), 0);
	assert_int_not_equal(second.st_ino, first.st_ino);
	unlink(temp);
	/* One that somebody has removed comes back. */
	unlink(path);
	assert_int_equal(metrics_write(metrics, &now, path), 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(metrics_write(metrics, (now.runs++, &now), "/nowhere/at/all.prom"), -ENOENT);
	snprintf(temp, sizeof(temp), "%s.new", path);
	assert_int_equal(access(temp, F_OK), -1);
}

static void promtool_agrees(void **state)
{
	char command[256];

	(void)state;
	if (system("command -v promtool >/dev/null"))
		skip();
	counts_events(state);
	assert_int_equal(metrics_write(metrics, &now, path), 0);
	snprintf(command, sizeof(command), "promtool check metrics <%s", path);
	assert_int_equal(system(command), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
	const struct CMUnitTest tests[] = {
		TEST(tells_how_it_stands),
		TEST(counts_events),
		TEST(has_a_limit),
		TEST(escapes_labels),
		TEST(writes_as_a_whole),
		TEST(promtool_agrees),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
