/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of the audit log as the kernel's decisions under a policy would make them: an object is judged by
 * policy/image.h, becomes a record, and that a line.
 */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_policy.h"
#include "policy/compile.h"
#include "policy/image.h"
#include "records.h"
#include "userspace/audit/audit_json.h"

#define JUDGED_UNUSED __attribute__((unused))
#define JUDGED_BOOT "11111111-2222-3333-4444-555555555555"

/* What is recorded: as `record` in a policy says. */
enum judged_record { JUDGED_DENIED, JUDGED_ALL };

static struct text judged_log;			/* the lines so far */
static enum judged_record judged_keep;
static const char *judged_boot = JUDGED_BOOT;
static const char *judged_tool = "/usr/bin/schema-tool";

static JUDGED_UNUSED struct ruleset *judged_compile(const char *text)
{
	static const char *const folders[] = { "policy/services", NULL };
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	if (policy_parse("test.yaml", text, strlen(text), folders, &diags, &policy) ||
	    policy_compile(policy, NULL, 7, &diags, &image)) {
		diags_print(&diags, stderr, false);
		abort();
	}
	policy_free(policy);
	diags_free(&diags);
	return image;
}

static struct lineage_image *judged_image(const char *executable)
{
	struct lineage_image *image = calloc(1, sizeof(*image) + 2 * strlen(executable) + 2);

	assert(image);
	image->args = strlen(executable) + 1;
	image->arg_count = 1;
	image->size = 2 * image->args;
	strcpy(image->text, executable);
	strcpy(image->text + image->args, executable);
	return image;
}

/* A program that the tool started, which the deploy's script started. */
static void judged_line(const struct ruleset *image, struct record *record)
{
	struct lineage_process process = { .image = judged_image("/usr/bin/curl"), .ancestor_count = 2 };
	struct audit_event event = {
		.record = record, .ruleset = image, .process = &process, .hostname = "host",
		.boot_id = judged_boot,
		.realtime_ns = INT64_C(1806503035000000000), .seq = 1,
	};

	process.ancestors[0] = (struct lineage_ancestor){ { .pid = 11, .start_ns = 11 },
							  judged_image(judged_tool) };
	process.ancestors[1] = (struct lineage_ancestor){ { .pid = 10, .start_ns = 10 },
							  judged_image("./deploy") };
	assert(!audit_json_line(&judged_log, &event));
	for (int i = 0; i < 2; i++)
		free(process.ancestors[i].image);
	free(process.image);
}

static void judged_decision(const struct ruleset *image, struct record *record,
			    const struct decision *decision,
			    bool rules_only)
{
	bool defaults = decision->rule == RULE_DEFAULT && rules_only;

	if (defaults || (judged_keep == JUDGED_DENIED && decision->verdict == VERDICT_ALLOW))
		return;
	record->verdict = decision->verdict;
	record->rule = decision->rule;
	record->err = decision->err;
	record->flags = image->mode == MODE_ENFORCE ? RECORD_ENFORCED : 0;
	judged_line(image, record);
}

static JUDGED_UNUSED void judged_net(const struct ruleset *image, const char *ip, uint16_t port,
				     enum protocol proto)
{
	struct record *record = record_decision(12, 12);
	struct decision decision;

	memset(record->addr + 10, 0xff, 2);
	if (inet_pton(AF_INET, ip, record->addr + 12) != 1 && inet_pton(AF_INET6, ip, record->addr) != 1)
		abort();
	decision = image_decide_net(image, record->addr, port, proto);
	record->object = CLASS_NET;
	record->hook = HOOK_SOCKET_CONNECT;
	record->port = proto == PROTO_NONE ? 0 : port;
	record->proto = proto;
	judged_decision(image, record, &decision, false);
}

/* As judge_class() in lsm/path.bpf.h. Returns whether the access is over. */
static bool judged_class(const struct ruleset *image, enum hook hook, enum object_class class, uint8_t access,
			 const char *path, bool rules_only)
{
	struct record *record = record_decision(12, 12);
	struct decision decision = image_decide_path(image, class, access, path, NULL, 0);

	record->object = class;
	record->hook = hook;
	record->access = access;
	record->ino = 4711;
	record->dev = 8 << 20 | 1;
	record_text(record, path, strlen(path) + 1);
	judged_decision(image, record, &decision, rules_only);
	return decision.verdict == VERDICT_DENY && !(decision.rule == RULE_DEFAULT && rules_only);
}

static JUDGED_UNUSED void judged_open(const struct ruleset *image, const char *path, uint8_t access)
{
	if (!judged_class(image, HOOK_FILE_OPEN, CLASS_FILE, access, path, false) && access & ACCESS_READ)
		judged_class(image, HOOK_FILE_OPEN, CLASS_EXEC, ACCESS_READ, path, true);
}

/* The program is opened to be executed, and executed. */
static JUDGED_UNUSED void judged_exec(const struct ruleset *image, const char *path)
{
	if (!judged_class(image, HOOK_FILE_OPEN, CLASS_FILE, ACCESS_READ, path, false))
		judged_class(image, HOOK_BPRM_CHECK_SECURITY, CLASS_EXEC, ACCESS_READ, path, false);
}

static JUDGED_UNUSED void judged_look(const struct ruleset *image, const char *path)
{
	judged_class(image, HOOK_INODE_GETATTR, CLASS_FILE, ACCESS_READ, path, true);
}

static JUDGED_UNUSED void judged_socket(const struct ruleset *image, const char *path)
{
	judged_class(image, HOOK_UNIX_STREAM_CONNECT, CLASS_SOCKET, ACCESS_READ, path, false);
}

/* --- something of everything ---------------------------------------------------------------- */

static JUDGED_UNUSED const char judged_policy[] =
	"tag: t\n"
	"mode: enforce\n"
	"services:\n"
	"  forge: {nets: [140.82.112.0/20, \"2a0a:a440::/29\"], ports: [22, 80, 443/tcp, 9418/udp]}\n"
	"  inside: {nets: [140.82.112.3], ports: [443]}\n"
	"  mirror: {files: [/srv/mirror/, /srv/list]}\n"
	"  secret: {files: [/srv/mirror/secret/]}\n"
	"  written: {files: [/var/state/]}\n"
	"  tools: {execs: [/usr/bin/gh, /opt/tools/]}\n"
	"  engine: {sockets: [/run/engine/, \"@engine\"]}\n"
	"rules:\n"
	"  - {deny: forge, errno: EHOSTUNREACH, why: is down}\n"
	"  - allow: inside\n"
	"  - audit: mirror\n"
	"  - {deny: secret, errno: ENOENT}\n"
	"  - {deny: written, errno: EROFS, access: write}\n"
	"  - {audit: tools, why: seen}\n"
	"  - {deny: engine, errno: ECONNREFUSED}\n";
static JUDGED_UNUSED const char *const judged_defaults[] =
	{ "", "default: {net: deny, file: audit, exec: deny, socket: audit}\n" };

static const char *judged_random_path(void)
{
	static const char *const paths[] = {
		"/srv/mirror/a", "/srv/mirror", "/srv/mirror/secret/x", "/srv/mirror/secret", "/srv/list",
		"/srv/lists",
		"/var/state/y", "/usr/bin/gh", "/opt/tools/z", "/opt/toolsy", "/etc/passwd", "/",
		"/run/engine/s",
		"/run/docker.sock", "/etc/crontab", "/a\xff\n\"b\\",
	};

	return paths[build_random(sizeof(paths) / sizeof(*paths))];
}

static JUDGED_UNUSED void judged_random_net(const struct ruleset *image)
{
	static const char *const prefixes[] = { "140.82.112.3", "140.82.1%02u.%u", "10.0.%u.%u",
						"2a0a:a440::%u:%u",
						"2001:db8::%u:%u" };
	static const uint16_t ports[] = { 22, 23, 80, 443, 9418, 65535, 0 };
	char ip[INET6_ADDRSTRLEN];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(ip, sizeof(ip), prefixes[build_random(5)], build_random(32), build_random(256));
#pragma GCC diagnostic pop
	judged_net(image, ip, ports[build_random(7)], build_random(PROTO_NONE + 1));
}

static JUDGED_UNUSED void judged_random(const struct ruleset *image)
{
	switch (build_random(5)) {
	case 0:
		judged_random_net(image);
		break;
	case 1:
		judged_open(image, judged_random_path(), 1 + build_random(3));
		break;
	case 2:
		judged_exec(image, judged_random_path());
		break;
	case 3:
		judged_look(image, judged_random_path());
		break;
	case 4:
		judged_socket(image, build_random(3) ? judged_random_path() : "@engine");
		break;
	}
}
