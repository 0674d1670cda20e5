/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of a run as the collector writes it, from records of forks, execs and decisions, and under the policy of
 * the demo; for tests of what reads logs.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build_policy.h"
#include "policy/compile.h"
#include "policy/image.h"
#include "records.h"
#include "userspace/audit/audit.h"

#define RUN_NAME "20270331-142355-9f03ac"

/* The numbers of its rules. */
enum { RULE_GITHUB, RULE_RELEASES, RULE_DOCKER };

static char run_folder[64], run_path[128];
static struct audit *run_audit;
static struct ruleset *run_image;
static uint64_t run_ms;			/* of the next record */

static BUILD_UNUSED const struct ruleset *run_ruleset(void *ctx, uint32_t policy, uint64_t generation)
{
	(void)ctx;
	(void)policy;
	(void)generation;
	return run_image;
}

static struct ruleset *run_compile(void)
{
	static const char text[] =
		"tag: mysql-deploy\n"
		"services:\n"
		"  github: {nets: [140.82.112.0/20]}\n"
		"  releases: {nets: [10.20.0.5/32], ports: [8080]}\n"
		"  docker: {sockets: [/run/docker.sock]}\n"
		"rules:\n"
		"  - deny: github\n"
		"    errno: EHOSTUNREACH\n"
		"    why: MySQL must deploy while GitHub is down\n"
		"  - audit: releases\n"
		"  - audit: docker\n";
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	if (policy_parse("mysql-deploy.yaml", text, strlen(text), NULL, &diags, &policy) ||
	    policy_compile(policy, NULL, 7, &diags, &image))
		abort();
	policy_free(policy);
	diags_free(&diags);
	return image;
}

static BUILD_UNUSED void run_open(void)
{
	struct audit_config config = { .path = run_path, .ruleset = run_ruleset, .fresh = true };

	if (audit_open(&config, &run_audit))
		abort();
}

/* Before each test, and after it. */
static BUILD_UNUSED int run_setup(void **state)
{
	(void)state;
	strcpy(run_folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(run_folder))
		return -1;
	snprintf(run_path, sizeof(run_path), "%s/audit.jsonl", run_folder);
	run_image = run_compile();
	run_ms = 1000;
	run_open();
	return 0;
}

static BUILD_UNUSED void run_close(void)
{
	if (run_audit && audit_close(run_audit))
		abort();
	run_audit = NULL;
}

static BUILD_UNUSED int run_teardown(void **state)
{
	(void)state;
	run_close();
	free(run_image);
	unlink(run_path);
	return rmdir(run_folder);
}

static void run_take(struct record *record)
{
	record->time_ns = run_ms++ * 1000000;
	if (audit_take(run_audit, record, record->size) < 0)
		abort();
}

/* A process begins, and executes: @text is the executable, \0, and each argument with its \0 but the last. */
static BUILD_UNUSED void run_fork(uint32_t pid, uint32_t parent)
{
	run_take(record_fork(pid, pid, parent, parent));
}

#define run_exec(pid, text) run_exec_bytes(pid, text, sizeof(text))
static BUILD_UNUSED void run_exec_bytes(uint32_t pid, const char *text, size_t size)
{
	struct record *record = record_exec_bytes(pid, pid, text, size);

	record->flags |= pid == 100 ? RECORD_ROOT : 0;
	run_take(record);
}

#define run_start(pid, parent, text) (run_fork(pid, parent), run_exec(pid, text))

static struct record *run_decision(uint32_t pid, uint16_t rule)
{
	static const enum verdict verdicts[] = { VERDICT_DENY, VERDICT_AUDIT, VERDICT_AUDIT };
	struct record *record = record_decision(pid, pid);

	record->rule = rule;
	record->verdict = rule < 3 ? verdicts[rule] : VERDICT_ALLOW;
	record->err = record->verdict == VERDICT_DENY ? -EHOSTUNREACH : 0;
	record->flags |= pid == 100 ? RECORD_ROOT : 0;
	snprintf(record->comm, sizeof(record->comm), "p%u", pid);
	return record;
}

static BUILD_UNUSED void run_connect(uint32_t pid, uint16_t rule, const char *address, uint16_t port)
{
	struct record *record = run_decision(pid, rule);

	record->object = CLASS_NET;
	build_address(address, record->addr);
	record->port = port;
	record->proto = PROTO_TCP;
	run_take(record);
}

/* A file, the socket /run/docker.sock that process 50 listens on, a program. */
static BUILD_UNUSED void run_path_of(uint32_t pid, uint16_t rule, enum object_class class, const char *name)
{
	struct record *record = run_decision(pid, rule);

	record->object = class;
	record->hook = HOOK_FILE_OPEN;
	record->access = class == CLASS_FILE ? ACCESS_READ : 0;
	record_text(record, name, strlen(name));
	if (class == CLASS_SOCKET)
		record->peer = (struct process_id){ .pid = 50, .start_ns = 50 };
	run_take(record);
}

/* What the launcher does to become the command: it is the root already, and not what it will be. */
static BUILD_UNUSED void run_launch(enum object_class class, const char *name)
{
	struct record *record = run_decision(100, RULE_DEFAULT);

	record->object = class;
	record->hook = class == CLASS_EXEC ? HOOK_BPRM_CHECK_SECURITY : HOOK_FILE_OPEN;
	record->access = ACCESS_READ;
	strcpy(record->comm, "ringfence");
	record_text(record, name, strlen(name));
	run_take(record);
}

static BUILD_UNUSED void run_note(uint16_t rule, const char *json)
{
	struct record *record = record_new(RECORD_DECISION, 100, 100);

	record->rule = rule;
	record->object = CLASS_FENCE;
	record->flags = RECORD_ROOT | RECORD_ENFORCED;
	record->generation = 7;
	record_text(record, json, strlen(json));
	run_take(record);
}

#define RUN_BEGIN_ROWS(named, services) \
	"{\"command\":[\"./deploy\"],\"directory\":\"/srv/deploy\",\"script\":\"/srv/deploy/deploy\"," \
	"\"user\":\"root\",\"named\":[" named "],\"services\":{" services "},\"record\":\"all\"}"
#define RUN_NAMED "{\"service\":\"github\",\"where\":\"script\",\"line\":7," \
	"\"text\":\"github=http://github.com/acme/mysql\"}"
#define RUN_NEEDS "\"releases\":{\"needs\":[\"github\"],\"where\":\"mysql-deploy.yaml:9\"}"
#define RUN_END(status, lost) \
	"{\"status\":" #status ",\"denied\":2,\"audited\":1,\"submitted\":3,\"lost\":" #lost \
	",\"lost_lineage\":0,\"unrecorded\":0,\"refused_forks\":0,\"repeated\":4}"

#define RUN_CURL "/usr/bin/curl\0curl\0-fsSv\0-o\0mysql-client\0http://github.com/acme/mysql"
#define RUN_TOOL "/usr/bin/schema-tool\0/bin/bash\0/usr/bin/schema-tool\0migrate"
#define RUN_NOTES "/usr/bin/curl\0curl\0-fsS\0http://releases.internal:8080/notes"

/* The processes of the demo: its script, 100; curl, 101; schema-tool, 102, and git, 104, whose helper is 105; curl
 * again, 106. */
static BUILD_UNUSED void run_processes(void)
{
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, RUN_CURL);
	run_start(102, 100, RUN_TOOL);
	run_fork(103, 102);
	run_start(104, 103, "/usr/bin/git\0git\0ls-remote\0--tags\0http://github.com/acme/schema-tool.git");
	run_start(105, 104, "/usr/lib/git-core/git-remote-http\0git-remote-http\0http://github.com/acme/schema-tool.git");
	run_start(106, 100, RUN_NOTES);
}

/* What they reach for: a direct dependency on GitHub, a hidden one, and a service that needs it in turn. */
static BUILD_UNUSED void run_reaches(void)
{
	run_connect(101, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(105, RULE_GITHUB, "140.82.112.3", 80);
	run_connect(106, RULE_RELEASES, "10.20.0.5", 8080);
}

static BUILD_UNUSED void run_demo(const char *begin, const char *end)
{
	if (begin)
		run_note(RULE_BEGIN, begin);
	run_processes();
	run_reaches();
	if (end)
		run_note(RULE_END, end);
	run_close();
}
