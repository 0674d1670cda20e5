/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records -> the audit log: JSON lines with the names of the Elastic Common Schema.
 *
 * Forks, execs and exits are not logged; they tell who the parents of a process are and which argv
 * it had (lineage.h), so that nothing is read later from /proc.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../lsm/abi.h"
#include "log_files.h"

struct audit;

/* Where the texts of a decision come from: the ruleset of that generation in slot @policy, or NULL
 * when it is not to be had any more (the line then carries numbers only, and says so). Borrowed
 * until the next call. */
typedef const struct ruleset *(*audit_ruleset_fn)(void *ctx, uint32_t policy,
						  uint64_t generation);

/* Told once per decision record after its line is written to the file (or, for a record of a probe,
 * which has no line, at once). The record comes without its text: text_size is 0. */
typedef void (*audit_logged_fn)(void *ctx, const struct record *record);

struct audit_config {
	const char *path;		/* of the log; made with mode 0640, appended to */
	audit_ruleset_fn ruleset;
	audit_logged_fn logged;		/* may be NULL */
	void *ctx;			/* for both */
	/* The fence was made for this log: every record of its life comes here, so a CPU's counter
	 * of losses was 0 before its first record. Where this is false (a collector that starts
	 * again on a fence that lives), losses are counted from the first record of each CPU on. */
	bool fresh;
	/* It is the log of the host, not of one run: made of the group of its folder, and anew, with that,
	 * where somebody removes it. */
	bool host;
	/* /proc has other numbers for processes than records have: who is at the other end is not looked up. */
	bool foreign_numbers;
	const struct log_rotation *rotation;	/* of the host's log; NULL: never. Borrowed */
};

/* How the log does. */
struct audit_state {
	uint64_t rotations;		/* made by this process */
	int rotation_fault;		/* -errno of the last that failed, until one succeeds */
	uint64_t size;			/* of the file that is written */
};

/*
 * Opens a log. The sequence goes on behind the last line that this boot wrote, also where that was rotated
 * away; a last line that is incomplete (a crash) is ended first, so that it spoils no other.
 *
 * Returns 0 and *ret_audit, the caller's to audit_close(), or -errno of open(2) and the like;
 * -EAGAIN when another process is writing this log: two sequences in one file would be none.
 */
int audit_open(const struct audit_config *config, struct audit **ret_audit);

/* Takes one record as it came out of the ring buffer (aligned to 8 bytes). Lines are kept in memory
 * until audit_flush(), so a caller whose audit_flush() fails had better stop taking when much is
 * pending: what then does not fit the ring buffer is counted.
 *
 * Returns 0, -ENOMEM (a decision then counts as lost before the next line), or -EBADMSG for bytes
 * that are no record of this version. */
int audit_take(struct audit *audit, const void *data, size_t size);

/* Adds a line that no hook is the cause of, told by this process: @rule is RULE_LIVENESS, about the fence
 * itself, or RULE_REFUSED, about user @uid, who may not start a run. As of @run. Returns 0 or -ENOMEM. */
int audit_note(struct audit *audit, uint16_t rule, uid_t uid, uint64_t run, const char *text);

/* Bytes of lines that are not written yet. */
size_t audit_pending(const struct audit *audit);

/* Writes what is pending. What the file did not take stays pending, and a line that it took half of
 * is finished by the next call. Rotates the log where that is due, between two lines: a rotation that
 * fails is tried again a minute later. What went into a file that was removed meanwhile goes into the next.
 * Returns 0, or -errno of write(2), or of opening the log anew. */
int audit_flush(struct audit *audit);

void audit_look(const struct audit *audit, struct audit_state *ret_state);

/* After the log was rotated away: opens config.path again and goes on there, with the same sequence
 * and everything known about processes. What is pending and the old file does not take goes to the
 * new one. Returns 0, or as audit_open(); the old file is then still in use. */
int audit_reopen(struct audit *audit);

/* Has the host's log, with its folder and what was rotated away, belong to the group that reads logs, where it
 * is root's: whoever makes folders for services may have taken it back. */
void audit_give(const struct audit *audit);

/* Flushes and closes; NULL is fine. Returns what audit_flush() returned. */
int audit_close(struct audit *audit);
