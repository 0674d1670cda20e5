/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a line of the audit log back: what audit_json.h wrote, from a file that may hold anything.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

/* Strings are "" where a line has none, and belong to `root`. They are UTF-8, but not fit for a
 * terminal: text_printable(). */
struct audit_line {
	json_t *root;
	const char *timestamp;
	const char *run, *tag, *service;
	const char *verdict;		/* "allow", "audit" or "deny" */
	const char *err;		/* "EPERM" */
	const char *rule, *rule_id, *why, *reason;
	const char *category;		/* "network", "file" or "process" */
	const char *address;		/* of a unix socket */
	const char *act;		/* where there is no object: what it was, "ptrace" */
	const char *peer_name;
	uint64_t peer_pid;		/* who is at the other end; 0: nobody that is known */
	const char *ip, *transport, *path, *access, *script;
	const json_t *family;		/* AF_*, where there is no ip; or NULL */
	const char *comm, *entity_id;
	const json_t *args, *ancestors;	/* NULL where not known */
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

/* Appends what was reached for, fit for a terminal: "140.82.112.3:443/tcp", "/etc/x (write)". */
void audit_line_object(struct text *out, const struct audit_line *line);
