/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From record to line: every line is read back with a JSON parser, and every field is looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/image.h"
#include "packed.h"
#include "records.h"
#include "userspace/audit/audit.h"
#include "userspace/audit/audit_json.h"

/* --- a ruleset, a log, and a look into it ------------------------------------------------- */

static const char strings[] =
	"\0\0\0\0\0\0\0\0"
	"github\0\0"
	"must deploy while GitHub is down\0\0\0\0\0\0\0\0"
	"deny github\0\0\0\0\0"
	"p/mysql.yaml:12\0";

static struct {
	struct ruleset head;
	_Alignas(32) struct rule rules[1];
	_Alignas(8) char strings[sizeof(strings) - 1];
	char rest[RULESET_CHUNK];
} image;

static char folder[64], path[128];
static struct audit *audit;
static bool has_ruleset;
static unsigned int logged;
static uint32_t last_logged_pid;

static const struct ruleset *ruleset_of(void *ctx, uint32_t policy, uint64_t generation)
{
	(void)ctx;
	assert_int_equal(policy, 0);
	assert_int_equal(generation, 7);
	return has_ruleset ? &image.head : NULL;
}

static void on_logged(void *ctx, const struct record *record)
{
	(void)ctx;
	assert_int_equal(record->kind, RECORD_DECISION);
	logged++;
	last_logged_pid = record->process.pid;
}

static void build_image(void)
{
	memset(&image, 0, sizeof(image));
	image.head = (struct ruleset){
		.magic = RULESET_MAGIC,
		.generation = 7,
		.version = ABI_VERSION,
		.size = RULESET_CHUNK,
		.mode = MODE_ENFORCE,
		.v4_shift = 32,
		.rules = { .off = (char *)image.rules - (char *)&image, .count = 1 },
		.strings = { .off = image.strings - (char *)&image, .count = sizeof(strings) - 1 },
		.tag = "mysql-deploy",
	};
	image.rules[0] = (struct rule){
		.verdict = VERDICT_DENY, .err = -EHOSTUNREACH,
		.service = 8, .why = 16, .name = 56, .where = 72,
	};
	memcpy(image.strings, strings, sizeof(image.strings));
	assert_int_equal(image_verify(&image.head, RULESET_CHUNK), 0);
}

static int open_audit_as(bool fresh)
{
	struct audit_config config = {
		.path = path, .ruleset = ruleset_of, .logged = on_logged, .fresh = fresh,
	};

	return audit_open(&config, &audit);
}

static void open_audit(void)
{
	assert_int_equal(open_audit_as(true), 0);
}

static void close_audit(void)
{
	assert_int_equal(audit_close(audit), 0);
	audit = NULL;
}

static int begin(void **state)
{
	(void)state;
	build_image();
	has_ruleset = true;
	logged = 0;
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/audit.jsonl", folder);
	open_audit();
	return 0;
}

static int finish(void **state)
{
	char pattern[160];
	glob_t found = {};

	(void)state;
	audit_close(audit);
	audit = NULL;
	snprintf(pattern, sizeof(pattern), "%s/*", folder);
	if (!glob(pattern, 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
	globfree(&found);
	return rmdir(folder);
}

static int take(const struct record *record)
{
	return audit_take(audit, record, record->size);
}

/* The lines of the log, whole ones that parse or null. */
static json_t *read_log(void)
{
	FILE *in = fopen(path, "re");
	json_t *lines = json_array();
	char *line = NULL;
	size_t capacity = 0;
	ssize_t size;

	assert_non_null(in);
	while ((size = getline(&line, &capacity, in)) > 0) {
		json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);

		assert_int_equal(line[size - 1], '\n');
		assert_true(size <= AUDIT_LINE_MAX);
		json_array_append_new(lines, json ? json : json_null());
	}
	free(line);
	fclose(in);
	return lines;
}

/* The only line that was logged. */
static json_t *only_line(void)
{
	json_t *lines, *line;

	assert_int_equal(audit_flush(audit), 0);
	lines = read_log();
	assert_int_equal(json_array_size(lines), 1);
	line = json_incref(json_array_get(lines, 0));
	json_decref(lines);
	assert_true(json_is_object(line));
	return line;
}

/* The value at "process.parent.pid"; the last part may be an index. */
static json_t *at(const json_t *json, const char *where)
{
	char copy[128], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", where);
	for (char *key = strtok_r(copy, ".", &save); key && json; key = strtok_r(NULL, ".", &save))
		json = json_is_array(json) ? json_array_get(json, atoi(key)) :
			json_object_get(json, key);
	return (json_t *)json;
}

#define assert_json_string(json, where, value) \
	do { \
		if (!json_is_string(at(json, where))) \
			fail_msg("no string %s", where); \
		assert_string_equal(json_string_value(at(json, where)), value); \
	} while (0)
#define assert_json_number(json, where, value) \
	do { \
		if (!json_is_integer(at(json, where))) \
			fail_msg("no number %s", where); \
		assert_int_equal(json_integer_value(at(json, where)), value); \
	} while (0)
#define assert_json_true(json, where) assert_true(json_is_true(at(json, where)))
#define assert_json_none(json, where) assert_null(at(json, where))

static struct record *decision_on_net(const char *ip, uint16_t port, enum protocol proto)
{
	struct record *record = record_decision(812, 2000);
	bool v6 = strchr(ip, ':') != NULL;

	record->hook = HOOK_SOCKET_CONNECT;
	record->object = CLASS_NET;
	record->err = -EHOSTUNREACH;
	record->family = v6 ? AF_INET6 : AF_INET;
	record->port = port;
	record->proto = proto;
	record->addr[10] = record->addr[11] = 0xff;
	assert_int_equal(inet_pton(record->family, ip, record->addr + (v6 ? 0 : 12)), 1);
	memcpy(record->comm, "curl", 5);
	return record;
}

static struct record *decision_on_path(enum object_class object, const void *text, size_t size)
{
	struct record *record = record_decision(812, 2000);

	record->hook = object == CLASS_FILE ? HOOK_FILE_OPEN : HOOK_BPRM_CHECK_SECURITY;
	record->object = object;
	record->access = ACCESS_READ;
	record->ino = 4711;
	record->dev = 254 << 20 | 3;
	record_text(record, text, size);
	return record;
}

/* deploy.sh, which runs curl */
static void take_family(void)
{
	struct record *root = record_exec(810, 1000, "/bin/sh\0sh\0deploy.sh");

	root->flags |= RECORD_ROOT;
	assert_int_equal(take(root), 0);
	assert_int_equal(take(record_fork(812, 2000, 810, 1000)), 0);
	assert_int_equal(take(record_exec(812, 2000, "/usr/bin/curl\0curl\0-fsSL\0https://h")), 0);
}

/* --- lines -------------------------------------------------------------------------------- */

static void logs_a_connection(void **state)
{
	char boot_id[64], entity[128], host[65];
	struct record *record;
	FILE *in = fopen("/proc/sys/kernel/random/boot_id", "re");
	json_t *line;

	(void)state;
	assert_non_null(in);
	assert_int_equal(fscanf(in, "%63s", boot_id), 1);
	fclose(in);
	gethostname(host, sizeof(host));
	take_family();
	record = decision_on_net("140.82.112.3", 443, PROTO_TCP);
	record->tid = 813;
	record->uid = 1001;
	record->gid = 1002;
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "event.kind", "event");
	assert_json_string(line, "event.category.0", "network");
	assert_json_string(line, "event.type.0", "denied");
	assert_json_string(line, "event.action", "socket_connect");
	assert_json_string(line, "event.outcome", "failure");
	assert_json_string(line, "host.hostname", host);
	assert_json_number(line, "process.pid", 812);
	snprintf(entity, sizeof(entity), "%s-812-2000", boot_id);
	assert_json_string(line, "process.entity_id", entity);
	assert_json_string(line, "process.name", "curl");
	assert_json_string(line, "process.executable", "/usr/bin/curl");
	assert_json_string(line, "process.args.2", "https://h");
	assert_int_equal(json_array_size(at(line, "process.args")), 3);
	assert_json_number(line, "process.args_count", 3);
	assert_json_number(line, "process.thread.id", 813);
	assert_json_number(line, "process.parent.pid", 810);
	snprintf(entity, sizeof(entity), "%s-810-1000", boot_id);
	assert_json_string(line, "process.parent.entity_id", entity);
	assert_json_string(line, "process.parent.executable", "/bin/sh");
	assert_json_string(line, "process.parent.args.1", "deploy.sh");
	assert_json_string(line, "user.id", "1001");
	assert_json_string(line, "group.id", "1002");
	assert_json_string(line, "destination.ip", "140.82.112.3");
	assert_json_number(line, "destination.port", 443);
	assert_json_string(line, "network.transport", "tcp");
	assert_json_string(line, "network.type", "ipv4");
	assert_json_none(line, "ringfence.family");
	assert_json_none(line, "file");
	assert_json_string(line, "rule.name", "deny github");
	assert_json_string(line, "rule.id", "p/mysql.yaml:12");
	assert_json_string(line, "rule.description", "must deploy while GitHub is down");
	assert_json_string(line, "ringfence.run", "20270331-142355-9f03ac");
	assert_json_string(line, "ringfence.tag", "mysql-deploy");
	assert_json_string(line, "ringfence.policy", "mysql.yaml");
	assert_json_number(line, "ringfence.ruleset", 7);
	assert_json_string(line, "ringfence.service", "github");
	assert_json_string(line, "ringfence.verdict", "deny");
	assert_json_string(line, "ringfence.errno", "EHOSTUNREACH");
	assert_json_true(line, "ringfence.enforced");
	assert_json_string(line, "ringfence.mode", "enforce");
	assert_json_none(line, "ringfence.reason");
	assert_int_equal(json_array_size(at(line, "ringfence.ancestors")), 1);
	assert_json_string(line, "ringfence.ancestors.0.entity_id", entity);
	assert_json_string(line, "ringfence.ancestors.0.args.0", "sh");
	assert_json_none(line, "ringfence.args_truncated");
	assert_json_none(line, "ringfence.not_utf8");
	assert_json_none(line, "ringfence.redacted");
	assert_json_none(line, "ringfence.shortened");
	assert_json_string(line, "ringfence.lineage", "complete");
	assert_json_string(line, "ringfence.boot_id", boot_id);
	assert_json_number(line, "ringfence.seq", 1);
	assert_json_number(line, "ringfence.lost_before", 0);
	json_decref(line);
}

static void logs_in_audit_mode(void **state)
{
	struct record *record;
	json_t *line;

	(void)state;
	take_family();
	record = decision_on_net("2a0a:a440::1", 53, PROTO_UDP);
	record->hook = HOOK_SOCKET_SENDMSG;
	record->flags = 0;
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "event.type.0", "allowed");
	assert_json_string(line, "event.action", "socket_sendmsg");
	assert_json_string(line, "event.outcome", "success");
	assert_json_string(line, "destination.ip", "2a0a:a440::1");
	assert_json_string(line, "network.transport", "udp");
	assert_json_string(line, "network.type", "ipv6");
	assert_json_string(line, "ringfence.verdict", "deny");
	assert_json_string(line, "ringfence.errno", "EHOSTUNREACH");
	assert_true(json_is_false(at(line, "ringfence.enforced")));
	assert_json_string(line, "ringfence.mode", "audit");
	json_decref(line);
}

/* The mode is of the run; "enforced" is of this verdict. */
static void tells_the_mode_of_every_verdict(void **state)
{
	static const struct {
		enum verdict verdict;
		uint16_t flags;
		const char *mode, *type;
		bool enforced;
	} cases[] = {
		{ VERDICT_ALLOW, 0, "audit", "allowed", false },
		{ VERDICT_AUDIT, 0, "audit", "allowed", false },
		{ VERDICT_DENY, 0, "audit", "allowed", false },
		{ VERDICT_ALLOW, RECORD_ENFORCED, "enforce", "allowed", false },
		{ VERDICT_AUDIT, RECORD_ENFORCED, "enforce", "allowed", false },
		{ VERDICT_DENY, RECORD_ENFORCED, "enforce", "denied", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record *record = decision_on_net("192.0.2.1", 80, PROTO_TCP);
		json_t *line;

		record->verdict = cases[i].verdict;
		record->flags = cases[i].flags;
		assert_int_equal(take(record), 0);
		line = only_line();
		assert_json_string(line, "ringfence.mode", cases[i].mode);
		assert_json_string(line, "event.type.0", cases[i].type);
		assert_json_string(line, "event.outcome",
				   cases[i].enforced ? "failure" : "success");
		assert_true(json_is_boolean(at(line, "ringfence.enforced")));
		assert_int_equal(json_is_true(at(line, "ringfence.enforced")), cases[i].enforced);
		json_decref(line);
		assert_int_equal(truncate(path, 0), 0);
	}
}

/* The launcher's child, refused to execute the command of the run. */
static void logs_a_root_before_its_exec(void **state)
{
	struct record *record = decision_on_path(CLASS_EXEC, "/usr/bin/curl", 14);
	json_t *line;

	(void)state;
	record->flags |= RECORD_ROOT;
	record->parent = (struct process_id){ .pid = 800, .start_ns = 500 };
	memcpy(record->comm, "ringfence", sizeof("ringfence"));
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "ringfence.lineage", "complete");
	assert_json_string(line, "process.name", "ringfence");
	assert_json_none(line, "process.executable");
	assert_json_none(line, "process.args");
	assert_json_none(line, "process.args_count");
	assert_json_number(line, "process.parent.pid", 800);
	assert_json_none(line, "process.parent.executable");
	assert_int_equal(json_array_size(at(line, "ringfence.ancestors")), 0);
	assert_json_string(line, "file.path", "/usr/bin/curl");
	json_decref(line);
}

/* It has no address, and none is made up; what is known of it is the family that was passed. */
static void logs_no_address_that_could_not_be_told(void **state)
{
	static const struct {
		uint16_t rule, family;
	} cases[] = {
		{ RULE_MALFORMED, AF_INET }, { RULE_MALFORMED, AF_INET6 },
		{ RULE_MALFORMED, AF_UNSPEC }, { RULE_DEFAULT, AF_INET },
		{ RULE_DEFAULT, AF_VSOCK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record *record = decision_on_net("192.0.2.1", 443, PROTO_TCP);
		json_t *line;

		memset(record->addr, 0, sizeof(record->addr));
		record->rule = cases[i].rule;
		record->family = cases[i].family;
		assert_int_equal(take(record), 0);
		line = only_line();
		assert_json_none(line, "destination");
		assert_json_none(line, "network");
		assert_json_number(line, "ringfence.family", cases[i].family);
		json_decref(line);
		assert_int_equal(truncate(path, 0), 0);
	}
}

static void logs_a_file(void **state)
{
	struct record *record = decision_on_path(CLASS_FILE, "/srv/mirror/x\0", 15);
	json_t *line;

	(void)state;
	record->verdict = VERDICT_AUDIT;
	record->flags = 0;
	record->err = 0;
	record->access = ACCESS_READ | ACCESS_WRITE;
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "event.category.0", "file");
	assert_json_string(line, "event.type.0", "allowed");
	assert_json_string(line, "event.action", "file_open");
	assert_json_string(line, "file.path", "/srv/mirror/x");
	assert_json_string(line, "file.inode", "4711");
	assert_json_string(line, "file.device", "254:3");
	assert_json_none(line, "destination");
	assert_json_string(line, "ringfence.access", "read,write");
	assert_json_string(line, "ringfence.verdict", "audit");
	assert_json_none(line, "ringfence.errno");
	assert_json_none(line, "ringfence.script");
	/* Nothing is known of this process but what the record says. */
	assert_json_number(line, "process.pid", 812);
	assert_json_string(line, "process.name", "test");
	assert_json_none(line, "process.executable");
	assert_json_string(line, "ringfence.lineage", "incomplete");
	json_decref(line);
}

static void logs_an_exec_of_a_script(void **state)
{
	static const char text[] = "/usr/bin/python3\0/opt/deploy.py";
	struct record *record = decision_on_path(CLASS_EXEC, text, sizeof(text));
	json_t *line;

	(void)state;
	record->script = sizeof("/usr/bin/python3");
	record->flags |= RECORD_TRUNCATED;
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "event.category.0", "process");
	assert_json_string(line, "event.action", "bprm_check_security");
	assert_json_string(line, "file.path", "/usr/bin/python3");
	assert_json_string(line, "ringfence.script", "/opt/deploy.py");
	assert_json_true(line, "ringfence.path_truncated");
	json_decref(line);
}

static void logs_why_without_a_rule(void **state)
{
	static const struct {
		enum object_class object;
		uint16_t rule;
		const char *reason;
	} cases[] = {
		{ CLASS_NET, RULE_DEFAULT, "default of net" },
		{ CLASS_FILE, RULE_DEFAULT, "default of file" },
		{ CLASS_EXEC, RULE_DEFAULT, "default of exec" },
		{ CLASS_FILE, RULE_UNRESOLVED, "path could not be resolved" },
		{ CLASS_NET, RULE_MALFORMED, "address could not be told" },
		{ CLASS_NET, RULE_NO_RULESET, "policy is not loaded or damaged" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record *record = cases[i].object == CLASS_NET ?
			decision_on_net("192.0.2.1", 80, PROTO_NONE) :
			decision_on_path(cases[i].object, "", 0);
		json_t *line;

		record->rule = cases[i].rule;
		record->flags |= cases[i].object == CLASS_NET ? 0 : RECORD_UNREADABLE;
		assert_int_equal(take(record), 0);
		line = only_line();
		assert_json_none(line, "rule");
		assert_json_none(line, "ringfence.service");
		assert_json_string(line, "ringfence.reason", cases[i].reason);
		assert_json_string(line, "ringfence.policy", "mysql-deploy");
		assert_json_none(line, "network.transport");
		assert_json_none(line, "destination.port");
		assert_json_none(line, "file.path");
		if (cases[i].rule == RULE_MALFORMED)
			assert_json_none(line, "destination");
		json_decref(line);
		assert_int_equal(truncate(path, 0), 0);
	}
}

static void logs_numbers_without_the_ruleset(void **state)
{
	struct record *record = decision_on_net("192.0.2.1", 80, PROTO_TCP);
	json_t *line;

	(void)state;
	has_ruleset = false;
	record->rule = 65;
	record->err = -4000;
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "rule.id", "65");
	assert_json_none(line, "rule.name");
	assert_json_none(line, "ringfence.tag");
	assert_json_number(line, "ringfence.slot", 0);
	assert_json_string(line, "ringfence.errno", "4000");
	assert_json_string(line, "ringfence.reason", "ruleset is gone: rule by number only");
	json_decref(line);
}

static struct record *decision_on_act(enum object_class object, enum hook hook, uint16_t rule,
				      const char *act)
{
	struct record *record = record_decision(812, 2000);

	record->object = object;
	record->hook = hook;
	record->rule = rule;
	record_text(record, act, strlen(act) + 1);
	return record;
}

/* By the path or the abstract name it was bound to; who listens there is told, where it is known. */
static void logs_a_unix_socket(void **state)
{
	static const struct {
		const char *address;
		uint64_t ino;
	} cases[] = { { "/run/docker.sock", 4711 }, { "@name", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record *record = decision_on_path(CLASS_SOCKET, cases[i].address,
							 strlen(cases[i].address) + 1);
		json_t *line;

		record->hook = HOOK_UNIX_STREAM_CONNECT;
		record->ino = cases[i].ino;
		assert_int_equal(take(record), 0);
		line = only_line();
		assert_json_string(line, "event.category.0", "network");
		assert_json_string(line, "event.type.0", "denied");
		assert_json_string(line, "event.action", "unix_stream_connect");
		assert_json_string(line, "destination.address", cases[i].address);
		assert_json_string(line, "network.type", "unix");
		assert_json_none(line, "destination.ip");
		assert_json_none(line, "destination.port");
		assert_json_none(line, "network.transport");
		assert_json_none(line, "file.path");
		if (cases[i].ino)
			assert_json_string(line, "file.inode", "4711");
		else
			assert_json_none(line, "file");
		assert_json_none(line, "ringfence.access");
		assert_json_none(line, "ringfence.family");
		assert_json_none(line, "ringfence.act");
		assert_json_none(line, "ringfence.peer");
		json_decref(line);
		assert_int_equal(truncate(path, 0), 0);
	}
}

/* An address that could not be read is not made up. */
static void logs_a_unix_socket_without_its_name(void **state)
{
	struct record *record = decision_on_path(CLASS_SOCKET, "", 0);
	json_t *line;

	(void)state;
	record->hook = HOOK_UNIX_MAY_SEND;
	record->rule = RULE_UNRESOLVED;
	record->flags |= RECORD_UNREADABLE;
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "event.action", "unix_may_send");
	assert_json_none(line, "destination.address");
	assert_json_string(line, "network.type", "unix");
	assert_json_string(line, "ringfence.reason", "path could not be resolved");
	json_decref(line);
}

static uint64_t own_start(void)
{
	FILE *in = fopen("/proc/self/stat", "re");
	char stat[1024];

	assert_non_null(in);
	assert_non_null(fgets(stat, sizeof(stat), in));
	fclose(in);
	return peer_start_ticks(stat) * KEEPER_TICK_NS;
}

/* What is known of a process outside: all of one that lives, of one that does not its identity. */
static void logs_the_peer(void **state)
{
	const struct process_id gone = { .pid = 812, .start_ns = 77 };
	char self[256] = "", entity[128];
	struct process_id id = { .pid = getpid(), .start_ns = own_start() };
	struct record *record;
	json_t *lines;

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	for (int i = 0; i < 2; i++) {
		record = decision_on_path(CLASS_SOCKET, "@name", 6);
		record->peer = i ? gone : id;
		assert_int_equal(take(record), 0);
	}
	assert_int_equal(audit_flush(audit), 0);
	lines = read_log();
	assert_json_number(lines, "0.ringfence.peer.pid", getpid());
	assert_json_string(lines, "0.ringfence.peer.name", "test_audit");
	assert_json_string(lines, "0.ringfence.peer.executable", self);
	assert_json_number(lines, "1.ringfence.peer.pid", 812);
	snprintf(entity, sizeof(entity), "%s-812-77",
		 json_string_value(at(lines, "1.ringfence.boot_id")));
	assert_json_string(lines, "1.ringfence.peer.entity_id", entity);
	assert_json_none(lines, "1.ringfence.peer.name");
	assert_json_none(lines, "1.ringfence.peer.executable");
	json_decref(lines);
}

/* A collector in a container finds other processes under these numbers. */
static void looks_up_no_foreign_numbers(void **state)
{
	struct audit_config config = {
		.path = path, .ruleset = ruleset_of, .fresh = true, .foreign_numbers = true,
	};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(name);
	struct record *record;
	json_t *lines;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&name, size) ?: listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &size), 0);
	for (int foreign = 0; foreign < 2; foreign++) {
		config.foreign_numbers = foreign;
		close_audit();
		assert_int_equal(audit_open(&config, &audit), 0);
		record = decision_on_net("127.0.0.1", ntohs(name.sin_port), PROTO_TCP);
		record->process.pid = getpid();
		assert_int_equal(take(record), 0);
		record = decision_on_path(CLASS_SOCKET, "@name", 6);
		record->peer = (struct process_id){ .pid = getpid(), .start_ns = own_start() };
		assert_int_equal(take(record), 0);
		assert_int_equal(audit_flush(audit), 0);
	}
	close(listener);
	lines = read_log();
	assert_json_string(lines, "0.ringfence.peer.name", "test_audit");
	assert_json_string(lines, "1.ringfence.peer.name", "test_audit");
	assert_true(json_is_true(at(lines, "2.ringfence.local")));
	assert_true(json_is_true(at(lines, "2.ringfence.peer_unknown")));
	assert_json_none(lines, "2.ringfence.peer");
	assert_json_number(lines, "3.ringfence.peer.pid", getpid());
	assert_json_none(lines, "3.ringfence.peer.name");
	json_decref(lines);
}

/* What has no object but a name for what was done: by the kernel, or to the fence. */
static void logs_an_act(void **state)
{
	static const struct {
		enum object_class object;
		enum hook hook;
		uint16_t rule;
		const char *act, *category, *action, *reason;
	} cases[] = {
		{ CLASS_KERNEL, HOOK_SB_MOUNT, RULE_BEHALF, "mount of nfs", "configuration",
		  "sb_mount", "done by the kernel on the task's behalf" },
		{ CLASS_KERNEL, HOOK_MOVE_MOUNT, RULE_ALIAS, "mount", "configuration",
		  "move_mount", "files would get other names, and names decide here" },
		{ CLASS_FENCE, HOOK_BPF, RULE_GUARD, "bpf program load", "intrusion_detection",
		  "bpf", "the fence protects itself" },
		{ CLASS_FENCE, HOOK_TASK_KILL, RULE_GUARD, "signal", "intrusion_detection",
		  "task_kill", "the fence protects itself" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *line;

		assert_int_equal(take(decision_on_act(cases[i].object, cases[i].hook,
						      cases[i].rule, cases[i].act)), 0);
		line = only_line();
		assert_json_string(line, "event.category.0", cases[i].category);
		assert_json_string(line, "event.action", cases[i].action);
		assert_json_string(line, "ringfence.act", cases[i].act);
		assert_json_string(line, "ringfence.reason", cases[i].reason);
		assert_json_none(line, "file");
		assert_json_none(line, "destination");
		assert_json_none(line, "network");
		assert_json_none(line, "rule");
		assert_json_none(line, "ringfence.service");
		assert_json_none(line, "ringfence.access");
		json_decref(line);
		assert_int_equal(truncate(path, 0), 0);
	}
}

/* Under the run that is released, whatever account it was submitted under; what the operator writes can
 * pass for nothing else. */
static void logs_a_release(void **state)
{
	static const char text[] = "20270331-142355-9f03ac\0say \"run\":\"x\" \xff\0" "12\0" "1000\0alice";
	struct record *record = record_new(RECORD_DECISION, 99, 50);
	json_t *line;

	(void)state;
	record->run = TEST_RUN + 1;
	record->rule = RULE_RELEASE;
	record->verdict = VERDICT_AUDIT;
	record->object = CLASS_FENCE;
	record->flags = RECORD_ROOT;
	record_text(record, text, sizeof(text));
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "event.kind", "event");
	assert_json_string(line, "event.type.0", "change");
	assert_json_string(line, "event.action", "release");
	assert_json_string(line, "event.outcome", "success");
	assert_json_string(line, "ringfence.run", "20270331-142355-9f03ac");
	assert_json_string(line, "ringfence.verdict", "audit");
	assert_json_string(line, "ringfence.reason", "say \"run\":\"x\" \xef\xbf\xbd");
	assert_json_string(line, "ringfence.act", "release of 12 tasks by alice");
	assert_json_number(line, "ringfence.tasks", 12);
	assert_json_string(line, "ringfence.login.uid", "1000");
	assert_json_string(line, "ringfence.login.name", "alice");
	assert_json_none(line, "ringfence.errno");
	assert_json_none(line, "rule");
	json_decref(line);
}

static void logs_a_release_that_failed(void **state)
{
	static const char text[] = "20270331-142355-9f03ac\0why\0" "1\0\0";
	struct record *record = record_new(RECORD_DECISION, 99, 50);
	json_t *line;

	(void)state;
	record->rule = RULE_RELEASE;
	record->verdict = VERDICT_AUDIT;
	record->object = CLASS_FENCE;
	record->err = -ETIMEDOUT;
	record_text(record, text, sizeof(text));
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "event.outcome", "failure");
	assert_json_string(line, "ringfence.act", "release of 1 task was not carried out");
	assert_json_string(line, "ringfence.errno", "ETIMEDOUT");
	assert_json_none(line, "ringfence.login");
	json_decref(line);
}

static void stamps_the_time(void **state)
{
	struct record *record = decision_on_net("192.0.2.1", 80, PROTO_TCP);
	struct timespec boot, real;
	struct tm tm = { 0 };
	const char *rest;
	json_t *line;
	long ns;

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &real);
	record->time_ns = boot.tv_sec * UINT64_C(1000000000) + boot.tv_nsec;
	assert_int_equal(take(record), 0);
	line = only_line();
	rest = strptime(json_string_value(at(line, "@timestamp")), "%Y-%m-%dT%H:%M:%S", &tm);
	assert_non_null(rest);
	assert_int_equal(strlen(rest), sizeof(".123456789Z") - 1);
	assert_int_equal(rest[10], 'Z');
	ns = (timegm(&tm) - real.tv_sec) * 1000000000 + atol(rest + 1) - real.tv_nsec;
	assert_true(labs(ns) < 400000000);
	json_decref(line);
}

static void flags_bytes_and_secrets(void **state)
{
	struct record *record;
	json_t *line;

	(void)state;
	assert_int_equal(take(record_exec(812, 2000, "/a\xff\0x\0--token\0s3cret\0\xc3(\033")), 0);
	record = decision_on_path(CLASS_FILE, "/\xfe\"\\\n\t\x01", 8);
	memcpy(record->comm, "0123456789abcd\xc3\xbc", 16);
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_string(line, "process.executable", "/a\xef\xbf\xbd");
	assert_json_string(line, "process.args.2", "***");
	assert_json_string(line, "process.args.3", "\xef\xbf\xbd(\033");
	assert_json_string(line, "file.path", "/\xef\xbf\xbd\"\\\n\t\x01");
	assert_json_string(line, "process.name", "0123456789abcd\xc3\xbc");
	assert_json_true(line, "ringfence.not_utf8");
	assert_json_true(line, "ringfence.redacted");
	json_decref(line);
}

/* As much as can be, and of what takes most room: control characters. */
static void keeps_a_line_short(void **state)
{
	static char text[RECORD_TEXT_MAX];
	struct record *record;
	json_t *line;

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		memset(text, 1, ARGV_MAX);
		text[0] = '/';
		text[ARGV_MAX / 2] = 0;
		/* Every other ancestor has arguments of one byte. */
		for (size_t k = ARGV_MAX / 2; i % 2 && k < ARGV_MAX; k += 2)
			text[k] = 0;
		assert_int_equal(take(record_fork(801 + i, 1, 800 + i, 1)), 0);
		record = record_exec_bytes(801 + i, 1, text, ARGV_MAX);
		record->flags |= RECORD_TRUNCATED;
		assert_int_equal(take(record), 0);
	}
	memset(text, 1, sizeof(text));
	text[PATH_LENGTH_MAX - 1] = 0;
	record = decision_on_path(CLASS_EXEC, text, sizeof(text));
	record->process = (struct process_id){ .pid = 820, .start_ns = 1 };
	record->script = PATH_LENGTH_MAX;
	assert_int_equal(take(record), 0);
	line = only_line();
	assert_json_true(line, "ringfence.shortened");
	assert_json_true(line, "ringfence.args_truncated");
	assert_json_true(line, "ringfence.ancestors_truncated");
	assert_int_equal(json_string_length(at(line, "file.path")), 512);
	assert_int_equal(json_array_size(at(line, "ringfence.ancestors")), 4);
	json_decref(line);
}

/* Long, but not that long: the process keeps its own arguments, and ancestors some of theirs. */
static void shortens_ancestors_first(void **state)
{
	static char text[ARGV_MAX] = "/bin/x\0x";
	json_t *line;

	(void)state;
	memset(text + 9, 1, sizeof(text) - 10);
	for (uint32_t i = 0; i < 12; i++) {
		assert_int_equal(take(record_fork(801 + i, 2000, 800 + i, 2000)), 0);
		assert_int_equal(take(record_exec_bytes(801 + i, 2000, text, sizeof(text))), 0);
	}
	assert_int_equal(take(decision_on_net("192.0.2.1", 80, PROTO_TCP)), 0);
	line = only_line();
	assert_json_true(line, "ringfence.shortened");
	assert_json_none(line, "ringfence.args_truncated");
	assert_int_equal(json_string_length(at(line, "process.args.1")), ARGV_MAX - 10);
	assert_int_equal(json_string_length(at(line, "ringfence.ancestors.1.args.1")), 254);
	assert_int_equal(json_array_size(at(line, "ringfence.ancestors")), 12);
	json_decref(line);
}

/* --- losses ------------------------------------------------------------------------------- */

static void take_on_cpu(uint32_t cpu, uint64_t lost, enum record_kind kind, uint16_t flags)
{
	struct record *record = decision_on_net("192.0.2.1", 80, PROTO_TCP);

	record->kind = kind;
	record->cpu = cpu;
	record->cpu_lost = lost;
	record->flags = flags;
	assert_int_equal(take(record), 0);
}

static void expect_losses(const int *expected, size_t count)
{
	json_t *lines;

	assert_int_equal(audit_flush(audit), 0);
	lines = read_log();
	assert_int_equal(json_array_size(lines), count);
	for (size_t i = 0; i < count; i++)
		assert_json_number(json_array_get(lines, i), "ringfence.lost_before", expected[i]);
	json_decref(lines);
}

static void counts_losses_of_a_fresh_fence(void **state)
{
	static const int expected[] = { 2, 0, 6, 0, 0 };

	(void)state;
	take_on_cpu(0, 2, RECORD_DECISION, 0);
	take_on_cpu(0, 2, RECORD_DECISION, 0);
	take_on_cpu(3, 1, RECORD_EXEC, 0);
	take_on_cpu(0, 7, RECORD_DECISION, RECORD_PROBE);
	take_on_cpu(1, 0, RECORD_DECISION, 0);
	/* Late: submitted before what was seen already. */
	take_on_cpu(0, 6, RECORD_DECISION, 0);
	take_on_cpu(0, 7, RECORD_DECISION, 0);
	expect_losses(expected, 5);
}

static void counts_losses_from_the_first_record(void **state)
{
	static const int expected[] = { 0, 3 };

	(void)state;
	close_audit();
	assert_int_equal(open_audit_as(false), 0);
	take_on_cpu(2, 100, RECORD_DECISION, 0);
	take_on_cpu(2, 103, RECORD_DECISION, 0);
	expect_losses(expected, 2);
}

static void probes_have_no_line(void **state)
{
	(void)state;
	take_on_cpu(0, 0, RECORD_DECISION, RECORD_PROBE | RECORD_ENFORCED);
	assert_int_equal(audit_pending(audit), 0);
	assert_int_equal(logged, 1);
	take_on_cpu(0, 0, RECORD_FORK, RECORD_PROBE);
	assert_int_equal(logged, 1);
}

static void refuses_what_is_no_record(void **state)
{
	struct record *record;

	(void)state;
#define assert_refused(field, value) \
	do { \
		record = decision_on_path(CLASS_EXEC, "/a", 3); \
		record->field = value; \
		assert_int_equal(audit_take(audit, record, sizeof(*record) + 3), -EBADMSG); \
	} while (0)
	assert_refused(version, ABI_VERSION + 1);
	assert_refused(kind, RECORD_EXIT + 1);
	assert_refused(size, sizeof(struct record) + 4);
	assert_refused(size, sizeof(struct record) - 1);
	assert_refused(text_size, 4);
	assert_refused(text_size, UINT32_MAX);
	assert_refused(cpu, 65536);
	assert_refused(verdict, VERDICT_DENY + 1);
	assert_refused(hook, HOOK_COUNT);
	assert_refused(object, OBJECT_COUNT);
	assert_refused(proto, PROTO_NONE + 1);
	assert_refused(access, 4);
	assert_refused(script, 3);
	assert_refused(err, 1);
	record = decision_on_path(CLASS_EXEC, "/a", 3);
	assert_int_equal(audit_take(audit, record, sizeof(*record) - 1), -EBADMSG);
	assert_int_equal(audit_take(audit, record, 0), -EBADMSG);
	assert_int_equal(audit_pending(audit), 0);
}

/* --- files that do not take everything ---------------------------------------------------- */

static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void take_numbered(uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct record *record = decision_on_net("192.0.2.1", 80, PROTO_TCP);

		record->process.pid = i;
		assert_int_equal(take(record), 0);
	}
}

static void expect_numbered(uint32_t count)
{
	json_t *lines = read_log();

	assert_int_equal(json_array_size(lines), count);
	for (uint32_t i = 1; i <= count; i++) {
		assert_json_number(json_array_get(lines, i - 1), "process.pid", i);
		assert_json_number(json_array_get(lines, i - 1), "ringfence.seq", i);
	}
	json_decref(lines);
}

static void loses_nothing_when_the_file_is_full(void **state)
{
	size_t pending, line;
	struct stat st;

	(void)state;
	take_numbered(1, 1);
	line = audit_pending(audit);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(logged, 1);
	take_numbered(2, 9);
	pending = audit_pending(audit);
	/* Room for three lines more and half of the next. */
	set_file_limit(line * 4 + line / 2);
	assert_int_equal(audit_flush(audit), -EFBIG);
	assert_int_equal(logged, 4);
	assert_int_equal(last_logged_pid, 4);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(audit_pending(audit), pending - (st.st_size - line));
	set_file_limit(line * 5 + line / 2);
	assert_int_equal(audit_flush(audit), -EFBIG);
	assert_int_equal(logged, 5);
	take_numbered(11, 5);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(audit_pending(audit), 0);
	assert_int_equal(logged, 15);
	expect_numbered(15);
}

static void reports_a_full_device(void **state)
{
	struct audit_config config = { .path = "/dev/full", .ruleset = ruleset_of };
	struct audit *full;

	(void)state;
	assert_int_equal(audit_open(&config, &full), 0);
	assert_int_equal(audit_take(full, decision_on_net("192.0.2.1", 1, PROTO_TCP),
				    sizeof(struct record)), 0);
	assert_true(audit_pending(full) > 0);
	assert_int_equal(audit_flush(full), -ENOSPC);
	assert_true(audit_pending(full) > 0);
	assert_int_equal(audit_close(full), -ENOSPC);
}

static void goes_on_in_the_next_file_after_half_a_line(void **state)
{
	char old[160];
	size_t line;

	(void)state;
	take_numbered(1, 1);
	line = audit_pending(audit);
	set_file_limit(line / 2);
	assert_int_equal(audit_flush(audit), -EFBIG);
	assert_int_equal(logged, 0);
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	set_file_limit(RLIM_INFINITY);
	/* The old file takes the rest after all. */
	assert_int_equal(audit_reopen(audit), 0);
	assert_int_equal(logged, 1);
	take_numbered(2, 1);
	set_file_limit(line / 2);
	assert_int_equal(audit_flush(audit), -EFBIG);
	assert_int_equal(unlink(path), 0);
	/* And this one does not. */
	assert_int_equal(audit_reopen(audit), 0);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(logged, 2);
	json_decref(only_line());
}

/* --- closing and opening ------------------------------------------------------------------ */

static void append_to_log(const char *text)
{
	FILE *out = fopen(path, "ae");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void goes_on_with_the_sequence(void **state)
{
	struct stat st;

	(void)state;
	take_numbered(1, 3);
	close_audit();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0);
	open_audit();
	take_numbered(4, 2);
	close_audit();
	expect_numbered(5);
}

static void begins_anew_after_a_boot(void **state)
{
	json_t *lines;

	(void)state;
	append_to_log("{\"@timestamp\":\"x\",\"ringfence\":{\"run\":\"x\",\"verdict\":\"deny\","
		      "\"boot_id\":\"another\",\"seq\":77}}\n");
	close_audit();
	open_audit();
	take_numbered(1, 1);
	close_audit();
	lines = read_log();
	assert_json_number(json_array_get(lines, 1), "ringfence.seq", 1);
	json_decref(lines);
}

static void ends_a_broken_line(void **state)
{
	json_t *lines;

	(void)state;
	take_numbered(1, 2);
	close_audit();
	append_to_log("{\"@timestamp\":\"2027-03-31T14:2");
	open_audit();
	take_numbered(3, 1);
	close_audit();
	lines = read_log();
	assert_int_equal(json_array_size(lines), 4);
	assert_true(json_is_null(json_array_get(lines, 2)));
	assert_json_number(json_array_get(lines, 3), "ringfence.seq", 3);
	json_decref(lines);
}

static void follows_a_rotation(void **state)
{
	char old[160];
	json_t *line;

	(void)state;
	take_family();
	take_numbered(1, 1);
	assert_int_equal(audit_reopen(audit), 0);
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	assert_int_equal(audit_reopen(audit), 0);
	assert_int_equal(take(decision_on_net("192.0.2.1", 80, PROTO_TCP)), 0);
	line = only_line();
	assert_json_number(line, "ringfence.seq", 2);
	assert_json_string(line, "process.parent.executable", "/bin/sh");
	json_decref(line);
}

/* --- rotating ----------------------------------------------------------------------------- */

static struct log_rotation rotation;

static void open_as_host(void)
{
	struct audit_config config = {
		.path = path, .ruleset = ruleset_of, .logged = on_logged, .fresh = true, .host = true,
		.rotation = &rotation,
	};

	assert_int_equal(audit_open(&config, &audit), 0);
}

/* As the log of the host, empty. */
static void become_host(struct log_rotation how)
{
	close_audit();
	unlink(path);
	rotation = how;
	open_as_host();
}

static size_t count_rotated(void)
{
	struct log_files files;
	size_t count;

	assert_int_equal(log_files_open(path, 0, &files), 0);
	count = files.count;
	log_files_close(&files);
	return count;
}

struct numbers {
	int next;			/* of the line to come */
};

static int expect_next(void *ctx, const char *line, size_t size)
{
	struct numbers *numbers = ctx;
	json_t *json = json_loadb(line, size, 0, NULL);

	assert_non_null(json);
	assert_json_number(json, "ringfence.seq", numbers->next);
	assert_json_number(json, "process.pid", numbers->next);
	json_decref(json);
	numbers->next++;
	return 0;
}

/* All lines, from @first on, are in the files of the log, in their order. */
static void expect_all(int first, int last)
{
	struct numbers numbers = { first };
	struct log_part all = { 0 };

	assert_int_equal(log_files_read(path, all, expect_next, &numbers), 0);
	assert_int_equal(numbers.next, last + 1);
}

static size_t line_size(void)
{
	size_t size;

	take_numbered(1, 1);
	size = audit_pending(audit);
	assert_int_equal(audit_flush(audit), 0);
	return size;
}

static void rotates_by_size(void **state)
{
	struct audit_state how;
	struct stat st;
	size_t line;

	(void)state;
	line = line_size();
	become_host((struct log_rotation){ .size = 10 * line + line / 2 });
	/* In one go, and one by one: no file is larger, and no line is in two. */
	take_numbered(1, 25);
	assert_int_equal(audit_flush(audit), 0);
	for (uint32_t i = 26; i <= 40; i++) {
		take_numbered(i, 1);
		assert_int_equal(audit_flush(audit), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_true((size_t)st.st_size <= rotation.size);
	}
	assert_int_equal(count_rotated(), 3);
	expect_all(1, 40);
	audit_look(audit, &how);
	assert_int_equal(how.rotations, 3);
	assert_int_equal(how.rotation_fault, 0);
}

static void keeps_the_newest(void **state)
{
	size_t line;

	(void)state;
	line = line_size();
	become_host((struct log_rotation){ .size = 2 * line + line / 2, .keep = 3 });
	take_numbered(1, 20);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(count_rotated(), 3);
	expect_all(13, 20);
}

static void rotates_by_age(void **state)
{
	(void)state;
	become_host((struct log_rotation){ .age = 3600 });
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(count_rotated(), 0);		/* what is empty has no age */
	take_numbered(1, 2);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(count_rotated(), 0);
	rotation.age = 1;
	for (int i = 0; i < 300 && !count_rotated(); i++) {
		assert_int_equal(audit_flush(audit), 0);
		poll(NULL, 0, 20);
	}
	rotation.age = 0;
	assert_int_equal(count_rotated(), 1);
	take_numbered(3, 1);
	assert_int_equal(audit_flush(audit), 0);
	expect_all(1, 3);
}

/* Whoever writes it next goes by the first line. */
static void age_outlives_the_writer(void **state)
{
	(void)state;
	become_host((struct log_rotation){ .age = 3600 });
	append_to_log("{\"@timestamp\":\"2001-02-03T04:05:06.000000000Z\",\"process\":{\"pid\":1},"
		      "\"ringfence\":{\"run\":\"x\",\"verdict\":\"deny\",\"seq\":1}}\n");
	close_audit();
	open_as_host();
	assert_int_equal(count_rotated(), 0);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(count_rotated(), 1);
}

static void pack_rotated(bool cut)
{
	struct log_files files;

	assert_int_equal(log_files_open(path, 0, &files), 0);
	for (size_t i = 0; i < files.count; i++) {
		pack(files.rotated[i]);
		if (cut)
			pack_a_head(files.rotated[i], false);
	}
	log_files_close(&files);
}

/* Right after a rotation, when the log itself has no line. */
static void outlive_a_rotation(bool packed, bool cut)
{
	struct stat st;

	become_host((struct log_rotation){ .age = 1 });
	take_numbered(1, 3);
	assert_int_equal(audit_flush(audit), 0);
	for (int i = 0; i < 300 && !count_rotated(); i++) {
		assert_int_equal(audit_flush(audit), 0);
		poll(NULL, 0, 20);
	}
	rotation.age = 0;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	close_audit();
	if (packed)
		pack_rotated(cut);
	open_as_host();
	take_numbered(4, 2);
	assert_int_equal(audit_flush(audit), 0);
	expect_all(1, 5);
}

static void sequence_outlives_a_rotation(void **state)
{
	(void)state;
	outlive_a_rotation(false, false);
}

static void sequence_outlives_compression(void **state)
{
	(void)state;
	outlive_a_rotation(true, false);
}

/* As where the host went down while gzip wrote. */
static void sequence_outlives_a_cut(void **state)
{
	(void)state;
	outlive_a_rotation(true, true);
}

/* Half a line is finished first; and where no new file can be made, the old one takes all. */
static void rotation_loses_nothing(void **state)
{
	struct audit_state how;
	char fresh[160];
	size_t line;

	(void)state;
	line = line_size();
	become_host((struct log_rotation){ .size = 2 * line + line / 2 });
	take_numbered(1, 9);
	set_file_limit(line + line / 2);
	assert_int_equal(audit_flush(audit), -EFBIG);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(count_rotated(), 4);
	expect_all(1, 9);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(symlink("/nowhere", fresh), 0);
	take_numbered(10, 9);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(count_rotated(), 4);
	expect_all(1, 18);
	audit_look(audit, &how);
	assert_int_equal(how.rotation_fault, -ELOOP);
}

/* A rotation that was cut short leaves the file under both names. */
static void interrupted_rotation_is_undone(void **state)
{
	char twin[160];

	(void)state;
	become_host((struct log_rotation){ 0 });
	take_numbered(1, 2);
	assert_int_equal(audit_flush(audit), 0);
	snprintf(twin, sizeof(twin), "%s/audit-20270331-142355-123.jsonl", folder);
	assert_int_equal(link(path, twin), 0);
	expect_all(1, 2);
	close_audit();
	open_as_host();
	assert_int_equal(access(twin, F_OK), -1);
	expect_all(1, 2);
}

/* What is written to a file that has no name any more would be lost. */
static void comes_back_after_removal(void **state)
{
	struct stat st;

	(void)state;
	become_host((struct log_rotation){ 0 });
	take_numbered(1, 2);
	assert_int_equal(audit_flush(audit), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	take_numbered(3, 2);
	assert_int_equal(audit_flush(audit), 0);
	expect_all(3, 4);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(logged, 4);
	/* And where it cannot be made, lines wait. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	take_numbered(5, 2);
	assert_int_equal(audit_flush(audit), -EISDIR);
	assert_int_equal(audit_reopen(audit), -EISDIR);
	assert_int_equal(logged, 4);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(audit_reopen(audit), 0);
	expect_all(5, 6);
	assert_int_equal(logged, 6);
}

static void belongs_to_the_group_of_its_folder(void **state)
{
	struct log_files files;
	struct stat st;
	size_t line;

	(void)state;
	if (geteuid())
		skip();
	line = line_size();
	assert_int_equal(chown(folder, -1, 4711), 0);
	umask(0077);
	become_host((struct log_rotation){ .size = 2 * line });
	take_numbered(1, 3);
	assert_int_equal(audit_flush(audit), 0);
	umask(0022);
	assert_int_equal(log_files_open(path, 0, &files), 0);
	assert_int_equal(files.count, 1);
	/* And again, where somebody has made all of it root's. */
	assert_int_equal(chown(path, -1, 0) | chown(files.rotated[0], -1, 0), 0);
	audit_give(audit);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stat(i ? files.rotated[0] : path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(st.st_gid, 4711);
	}
	log_files_close(&files);
}

static void has_one_writer(void **state)
{
	struct audit *first = audit;

	(void)state;
	assert_int_equal(open_audit_as(true), -EAGAIN);
	assert_ptr_equal(audit, first);
}

static void reports_what_cannot_be_opened(void **state)
{
	struct audit_config config = { .path = "/nowhere/at/all", .ruleset = ruleset_of };
	struct audit *none = NULL;

	(void)state;
	assert_int_equal(audit_open(&config, &none), -ENOENT);
	assert_null(none);
	assert_int_equal(audit_close(NULL), 0);
}

/* What the daemon says of the fence stands in the sequence, belongs to no policy, and can be read back by
 * who shows the log. */
static void notes_about_the_fence(void **state)
{
	json_t *line;

	(void)state;
	assert_int_equal(audit_note(audit, RULE_LIVENESS, getuid(), 0x1234, "the fence does not hold: \"pins\""), 0);
	line = only_line();
	assert_json_string(line, "event.kind", "alert");
	assert_json_string(line, "event.action", "liveness");
	assert_json_string(line, "event.type.0", "info");
	assert_json_string(line, "ringfence.act", "the fence does not hold: \"pins\"");
	assert_json_string(line, "ringfence.reason", "whether the fence holds");
	assert_json_string(line, "ringfence.verdict", "audit");
	assert_json_number(line, "ringfence.seq", 1);
	assert_json_number(line, "process.pid", getpid());
	assert_json_none(line, "ringfence.tag");
	assert_json_none(line, "ringfence.slot");
	assert_json_none(line, "rule");
	json_decref(line);
}

/* Whom the daemon let start nothing: it is about that user. */
static void notes_about_users(void **state)
{
	json_t *line;

	(void)state;
	assert_int_equal(audit_note(audit, RULE_REFUSED, 1000, 0x1234, "user deploy (1000) may not"), 0);
	line = only_line();
	assert_json_string(line, "event.kind", "event");
	assert_json_string(line, "event.action", "run");
	assert_json_string(line, "event.type.0", "denied");
	assert_json_string(line, "event.outcome", "failure");
	assert_json_string(line, "user.id", "1000");
	assert_json_string(line, "ringfence.act", "user deploy (1000) may not");
	assert_json_string(line, "ringfence.verdict", "deny");
	assert_json_none(line, "ringfence.tag");
	assert_json_none(line, "ringfence.slot");
	json_decref(line);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(logs_a_connection),
		TEST(logs_in_audit_mode),
		TEST(tells_the_mode_of_every_verdict),
		TEST(logs_a_root_before_its_exec),
		TEST(logs_no_address_that_could_not_be_told),
		TEST(logs_a_file),
		TEST(logs_an_exec_of_a_script),
		TEST(logs_why_without_a_rule),
		TEST(logs_numbers_without_the_ruleset),
		TEST(logs_a_unix_socket),
		TEST(logs_a_unix_socket_without_its_name),
		TEST(logs_the_peer),
		TEST(looks_up_no_foreign_numbers),
		TEST(logs_an_act),
		TEST(logs_a_release),
		TEST(logs_a_release_that_failed),
		TEST(stamps_the_time),
		TEST(flags_bytes_and_secrets),
		TEST(keeps_a_line_short),
		TEST(shortens_ancestors_first),
		TEST(counts_losses_of_a_fresh_fence),
		TEST(counts_losses_from_the_first_record),
		TEST(probes_have_no_line),
		TEST(refuses_what_is_no_record),
		TEST(loses_nothing_when_the_file_is_full),
		TEST(reports_a_full_device),
		TEST(goes_on_in_the_next_file_after_half_a_line),
		TEST(goes_on_with_the_sequence),
		TEST(begins_anew_after_a_boot),
		TEST(ends_a_broken_line),
		TEST(follows_a_rotation),
		TEST(rotates_by_size),
		TEST(keeps_the_newest),
		TEST(rotates_by_age),
		TEST(age_outlives_the_writer),
		TEST(sequence_outlives_a_rotation),
		TEST(sequence_outlives_compression),
		TEST(sequence_outlives_a_cut),
		TEST(rotation_loses_nothing),
		TEST(interrupted_rotation_is_undone),
		TEST(comes_back_after_removal),
		TEST(belongs_to_the_group_of_its_folder),
		TEST(has_one_writer),
		TEST(notes_about_the_fence),
		TEST(notes_about_users),
		TEST(reports_what_cannot_be_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
