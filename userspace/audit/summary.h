/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one run was denied, from its audit log, in the few lines that a person reads at its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../base/term.h"

#define SUMMARY_OBJECTS 3	/* objects and programs named per group; the rest are counted */
#define SUMMARY_COLUMNS 80	/* of a terminal, */
#define SUMMARY_ROWS 18		/* of which the groups take so many rows: with what is above and below, a screen */

struct summary_item {
	char *name;			/* fit for a terminal */
	uint64_t count;
};

enum summary_kind {
	SUMMARY_DENIED,			/* refused */
	SUMMARY_WOULD_DENY,		/* in audit mode */
	SUMMARY_AUDITED,
	SUMMARY_ALLOWED,
	SUMMARY_KINDS,
};

/* What one rule did to one service. Strings are fit for a terminal. */
struct summary_group {
	enum summary_kind kind;
	char *service;			/* "" where no service was named: see reason */
	char *rule;			/* "deny github (mysql.yaml:12)", or why there is none */
	char *why;			/* or "" */
	char *err;			/* "EHOSTUNREACH", or "" */
	uint64_t count;
	struct summary_item objects[SUMMARY_OBJECTS];
	size_t object_count;
	uint64_t other_objects;		/* attempts on objects that are not listed */
	struct summary_item programs[SUMMARY_OBJECTS];
	size_t program_count;
	uint64_t other_programs;
};

struct summary {
	uint64_t run;
	char *path;			/* of the log */
	uint64_t lines;			/* of the run, but for those that tell of its beginning and end */
	uint64_t counts[SUMMARY_KINDS];
	struct summary_group *groups;	/* by kind, then in the order of the log; none of what was allowed */
	size_t group_count;
	uint64_t processes;		/* distinct ones, of those with a line */
	/* Records of this host that are not in the log, before a line of this run or between two.
	 * A caller that knows the kernel's account of the run (struct run) may raise it. */
	uint64_t lost;
	uint64_t incomplete;		/* lines whose lineage is incomplete */
	uint64_t broken;		/* lines of the file that could not be read */
};

/*
 * Sums up what the log at @path, with what was rotated away from it, says about @run.
 *
 * Returns 0 and *ret_summary, the caller's to summary_free() (no line of the run is no failure:
 * `lines` is 0), -errno of reading the file, or -ENOMEM.
 */
int summary_read(const char *path, uint64_t run, struct summary *ret_summary);

/* Prints it, one line when nothing was denied, and never more than a screen: groups that find no room are
 * counted. */
void summary_print(const struct summary *summary, FILE *out, const struct term_style *style);

/* Releases what the summary holds; the struct itself is the caller's. */
void summary_free(struct summary *summary);
