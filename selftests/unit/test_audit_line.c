/* SPDX-License-Identifier: BSD-2-Clause */
/* What was written to the log is read back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "records.h"
#include "userspace/audit/audit_json.h"
#include "userspace/audit/audit_line.h"

#define BOOT "3f9d1c2e-0000-4000-8000-000000000001"

static struct lineage_process process;

/* Writes the line of @event and reads it. */
static void round_trip(struct audit_event event, struct audit_line *ret_line)
{
	struct text text = { 0 };

	event.process = &process;
	event.hostname = "h";
	event.boot_id = BOOT;
	event.seq = 17;
	assert_int_equal(audit_json_line(&text, &event), 0);
	assert_int_equal(text.data[text.size - 1], '\n');
	assert_int_equal(audit_line_parse(text.data, text.size, ret_line), 0);
	text_free(&text);
}

static struct record *net_record(void)
{
	static const uint8_t loopback[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	struct record *record = record_decision(812, 77);

	record->object = CLASS_NET;
	memcpy(record->addr, loopback, sizeof(loopback));
	record->port = 80;
	record->proto = PROTO_TCP;
	return record;
}

static void assert_object(const struct audit_line *line, const char *expected)
{
	struct text text = { 0 };

	audit_line_object(&text, line);
	text_append(&text, "", 1);
	assert_string_equal(text.data, expected);
	text_free(&text);
}

static void keeps_the_peer(void **state)
{
	static const struct peer peer = {
		.id = { .pid = 99, .start_ns = 5 },
		.name = "nginx",
		.executable = "/usr/sbin/nginx",
		.unit = "nginx.service",
	};
	struct audit_event event = { .record = net_record(), .peer = &peer, .local = true };
	struct text text = { 0 };
	struct audit_line line;

	(void)state;
	round_trip(event, &line);
	assert_int_equal(line.peer_pid, 99);
	assert_string_equal(line.peer_name, "nginx");
	assert_string_equal(line.peer_executable, "/usr/sbin/nginx");
	assert_string_equal(line.peer_unit, "nginx.service");
	assert_string_equal(line.peer_entity, BOOT "-99-5");
	assert_true(line.local);
	assert_false(line.peer_unknown);
	assert_false(audit_line_is_note(&line));
	assert_string_equal(line.action, "socket_connect");
	assert_string_equal(line.mode, "enforce");
	assert_int_equal(line.ruleset, 7);
	assert_null(line.begin);
	assert_null(line.end);
	assert_object(&line, "127.0.0.1:80/tcp");
	audit_line_peer(&text, &line);
	text_append(&text, "", 1);
	assert_string_equal(text.data, " (nginx 99, nginx.service)");
	text_free(&text);
	audit_line_free(&line);
}

/* One whose start is known to the tick only is not given the name of another. */
static void keeps_a_peer_without_its_start(void **state)
{
	static const struct peer peer = { .id = { .pid = 99 } };
	struct audit_event event = { .record = net_record(), .peer = &peer, .local = true };
	struct audit_line line;

	(void)state;
	round_trip(event, &line);
	assert_int_equal(line.peer_pid, 99);
	assert_string_equal(line.peer_entity, "");
	assert_string_equal(line.peer_unit, "");
	audit_line_free(&line);
}

static void keeps_that_nobody_was_found(void **state)
{
	struct audit_event event = { .record = net_record(), .local = true, .peer_unknown = true };
	struct text text = { 0 };
	struct audit_line line;

	(void)state;
	round_trip(event, &line);
	assert_int_equal(line.peer_pid, 0);
	assert_true(line.local);
	assert_true(line.peer_unknown);
	audit_line_peer(&text, &line);
	text_append(&text, "", 1);
	assert_string_equal(text.data, " (on this host; who accepts there, if anybody, is not known)");
	text_free(&text);
	audit_line_free(&line);
	event.local = event.peer_unknown = false;
	round_trip(event, &line);
	assert_false(line.local);
	assert_false(line.peer_unknown);
	assert_object(&line, "127.0.0.1:80/tcp");
	audit_line_free(&line);
}

static struct record *note_record(uint16_t rule, const char *text)
{
	struct record *record = record_new(RECORD_DECISION, 812, 77);

	record->rule = rule;
	record->object = CLASS_FENCE;
	record->verdict = VERDICT_ALLOW;
	record->flags = RECORD_ROOT | RECORD_ENFORCED;
	record->generation = 7;
	record_text(record, text, strlen(text));
	return record;
}

static void keeps_a_begin(void **state)
{
	static const char text[] =
		"{\"command\":[\"./deploy\",\"a\\u001bb\"],\"directory\":\"/srv/deploy\",\"named\":[{\"service\":\"github\","
		"\"where\":\"script\",\"line\":7,\"text\":\"x\"}],\"services\":{},\"record\":\"denied\",\"flags\":2}";
	struct audit_event event = { .record = note_record(RULE_BEGIN, text) };
	struct audit_line line;

	(void)state;
	round_trip(event, &line);
	assert_true(audit_line_is_note(&line));
	assert_string_equal(line.action, "run-begin");
	assert_string_equal(line.category, "process");
	assert_string_equal(line.verdict, "allow");
	assert_string_equal(line.reason, "a run begins");
	assert_string_equal(line.mode, "enforce");
	assert_string_equal(line.entity_id, BOOT "-812-77");
	assert_int_equal(line.ruleset, 7);
	assert_false(line.enforced);
	assert_null(line.end);
	assert_non_null(line.begin);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(
		json_object_get(line.begin, "named"), 0), "line")), 7);
	assert_null(json_object_get(line.begin, "flags"));
	assert_int_equal(json_array_size(line.args), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(line.root, "process"),
							       "working_directory")), "/srv/deploy");
	assert_true(json_is_true(json_object_get(json_object_get(line.root, "ringfence"), "redacted")));
	assert_object(&line, "run begins: ./deploy a\\x1bb in /srv/deploy");
	audit_line_free(&line);
}

static void keeps_an_end(void **state)
{
	static const char text[] =
		"{\"status\":143,\"denied\":3,\"audited\":2,\"submitted\":6,\"lost\":0,\"lost_lineage\":0,\"unrecorded\":4,"
		"\"refused_forks\":0,\"repeated\":0}";
	struct audit_event event = { .record = note_record(RULE_END, text) };
	struct audit_line line;

	(void)state;
	round_trip(event, &line);
	assert_true(audit_line_is_note(&line));
	assert_string_equal(line.action, "run-end");
	assert_string_equal(line.reason, "a run is over");
	assert_string_equal(json_string_value(json_array_get(json_object_get(
		json_object_get(line.root, "event"), "type"), 0)), "end");
	assert_null(line.begin);
	assert_int_equal(json_integer_value(json_object_get(line.end, "submitted")), 6);
	assert_object(&line, "run is over: status 143, 3 denied, 0 lost, 4 denied without a record");
	line.mode = "audit";
	assert_object(&line, "run is over: status 143, 3 would have been denied, 0 lost, 4 denied without a record");
	audit_line_free(&line);
}

/* What is no such object comes into no line; the line tells the rest. */
static void drops_a_note_that_is_none(void **state)
{
	struct audit_event event = { .record = note_record(RULE_BEGIN, "{\"verdict\":\"deny\"}") };
	struct audit_line line;

	(void)state;
	round_trip(event, &line);
	assert_string_equal(line.action, "run-begin");
	assert_null(line.begin);
	assert_object(&line, "run begins");
	audit_line_free(&line);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_peer),
		cmocka_unit_test(keeps_a_peer_without_its_start),
		cmocka_unit_test(keeps_that_nobody_was_found),
		cmocka_unit_test(keeps_a_begin),
		cmocka_unit_test(keeps_an_end),
		cmocka_unit_test(drops_a_note_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
