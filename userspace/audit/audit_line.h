/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a line of the audit log back: what audit_json.h wrote, from a file that may hold anything.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/text.h"

/* Strings are "" where a line has none, and belong to `root`. They are UTF-8, but not fit for a
 * terminal: text_printable(). */
struct audit_line {
	json_t *root;
	const char *timestamp;
	const char *action;		/* the hook that asked, or "run-begin", "run-end", "release", ... */
	const char *run, *tag, *policy, *service;
	const char *mode;		/* "enforce" or "audit" */
	const char *verdict;		/* "allow", "audit" or "deny" */
	const char *err;		/* "EPERM" */
	const char *rule, *rule_id, *why, *reason;
	const char *category;		/* "network", "file" or "process" */
	const char *address;		/* of a unix socket */
	const char *act;		/* where there is no object: what it was, "ptrace" */
	const char *peer_name, *peer_executable, *peer_entity;
	const char *peer_unit;		/* "nginx.service" */
	uint64_t peer_pid;		/* who is at the other end; 0: nobody that is known */
	bool local;			/* the destination is an address of that host, */
	bool peer_unknown;		/* and who accepted there was not found */
	const char *ip, *transport, *path, *access, *script;
	const json_t *family;		/* AF_*, where there is no ip; or NULL */
	const char *comm, *entity_id;
	const json_t *args, *ancestors;	/* NULL where not known */
	const json_t *begin, *end;	/* of a run: what its line of that action says; else NULL */
	uint64_t ruleset;		/* its generation */
	uint64_t pid, port, seq, lost_before;
	const char *boot_id;
	bool enforced;			/* denied, and not only recorded */
	bool incomplete;		/* its lineage */
	bool deeper;			/* there are more ancestors */
};

/* Parses @line, the caller's to audit_line_free(). Returns 0, or -EBADMSG for what is no line of
 * the log, *ret_line untouched. */
int audit_line_parse(const char *line, size_t size, struct audit_line *ret_line);

void audit_line_free(struct audit_line *line);

/* Whether it tells that a run begins or is over, and nothing that the run reached for. */
bool audit_line_is_note(const struct audit_line *line);

/* Appends what was reached for, fit for a terminal: "140.82.112.3:443/tcp", "/etc/x (write)"; or what became
 * of a run: "run begins: ./deploy in /srv/deploy". */
void audit_line_object(struct text *out, const struct audit_line *line);

/* Appends who is at the other end, where that is told: " (nginx 812, nginx.service)". */
void audit_line_peer(struct text *out, const struct audit_line *line);
