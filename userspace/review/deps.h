/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of one run -> what it reached for, by which of its programs, when and how often: the model that a
 * report is made from. Its size is bounded, however long the log is; what does not fit is gathered and counted.
 *
 * A step is a program with its arguments that another step started, however often: what forks and executes
 * nothing is still its parent's step.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../audit/audit_line.h"
#include "journal.h"

#define DEPS_STEPS_MAX 4096
#define DEPS_REACHES_MAX 4096
#define DEPS_SEEN_MAX 2048		/* of these, what was allowed and is of no service */
#define DEPS_SERVICES_MAX 1024
#define DEPS_POINTS_MAX 2000		/* of the timeline, when it is done */
#define DEPS_OBJECTS_MAX 16		/* that are named of a dependency */
#define DEPS_LIVENESS_MAX 64
#define DEPS_PEERS_MAX 16		/* whose own work is looked for, */
#define DEPS_WORKS_MAX 256		/* and different works of theirs */
#define DEPS_ARGS_MAX 4096		/* bytes of a step's arguments */

/* Strings are UTF-8, "" where something is not known, and as untrusted as the log. They belong to the model. */
struct deps_step {
	int parent;			/* -1: a root, or not known */
	uint64_t pid;			/* of the first that was seen */
	const char *entity, *executable, *name;
	const char *script;		/* the file that it interprets; "" where that is none */
	const json_t *args;		/* strings */
	bool args_cut;
	bool inlined;			/* a shell that is given its commands as an argument */
	bool unknown_parents;		/* it has some, and no record tells which */
	bool own;			/* of the deploy itself, not of what its tools do */
	bool interprets;		/* a script of the deploy's: what it starts is its own */
	int64_t first, last;		/* ns since 1970 */
	uint64_t image;			/* a hash of the program and its arguments */
};

struct deps_object {
	const char *name;
	uint64_t count;
};

enum deps_verdict {
	DEPS_ALLOW,
	DEPS_AUDIT,
	DEPS_DENY,
};

/* What one step reached for and how that was judged. */
struct deps_reach {
	const char *what;		/* the service or, without one, the object */
	const char *service, *class;
	int step;			/* -1: not known */
	enum deps_verdict verdict;
	bool enforced;
	const char *err, *rule, *rule_id, *why, *reason;
	const char *peer_name, *peer_executable, *peer_unit, *peer_entity;
	uint64_t peer_pid;
	bool local, peer_unknown;
	bool launch;			/* by the launcher, to become the command */
	bool more;			/* several that had no room of their own */
	uint64_t count, incomplete;	/* records, and those whose lineage is incomplete */
	int64_t first, last;
	struct deps_object objects[DEPS_OBJECTS_MAX];
	size_t object_count;
	uint64_t more_objects;		/* records of objects that are not named */
	size_t point;			/* of the timeline, its last one, + 1; 0: none */
	size_t of_service;		/* its number + 1; 0: of none */
};

/* Several records of a reach at about the same time. */
struct deps_point {
	int64_t t;			/* ns since 1970 */
	size_t reach;
	uint64_t count;
};

/* What a process outside of the run, which accepted something from it, or one that it started, reached for itself
 * while the run went on: the log has it where that is tagged, too. */
struct deps_work {
	const char *peer;		/* its entity id */
	const char *run, *tag;		/* of its own */
	struct deps_reach reach;
};

struct deps_service {
	const char *name;
	enum deps_verdict verdict;	/* the strictest that was seen */
	const char *err, *rule, *rule_id, *why;
	uint64_t count;			/* 0: only needed by others */
};

struct deps {
	char run[RUN_NAME_SIZE];
	const char *tag, *policy, *mode;
	bool has_begin, has_end;
	int64_t begun, ended;		/* ns since 1970, of these lines */
	int64_t first, last;		/* of any; 0: there are none */
	json_t *begin, *end;		/* what these lines say (contract of the audit log), or NULL */
	struct deps_step *steps;
	size_t step_count;
	struct deps_reach *reaches;
	size_t reach_count;
	struct deps_point *points;	/* in the order of the log */
	size_t point_count;
	int64_t bucket;			/* ns that a point stands for; 0: each for itself; */
	int64_t base;			/* where the first of them begins */
	struct deps_service *services;
	size_t service_count;
	struct deps_work *works;
	size_t work_count;
	json_t *liveness;		/* lines */
	uint64_t records;		/* of the run, without those about its beginning and end */
	uint64_t denied, would_deny, audited, allowed;
	uint64_t incomplete;		/* whose lineage is */
	uint64_t steps_gathered, reaches_gathered;	/* records that found no room of their own */
	uint64_t needs_gathered;	/* transient dependencies, likewise */
	struct journal_counts log;
	struct deps_memory *memory;	/* of deps.c */
};

/*
 * Reads the run @run out of the logs at @paths.
 *
 * Returns 0 and *ret_deps, the caller's to deps_free(): no record of the run is no failure, `records` is 0 then
 * and has_begin false. As journal_read() otherwise; *ret_reading is the log where it was.
 */
int deps_read(const char *const *paths, size_t count, const char *run, struct deps *ret_deps,
	      const char **ret_reading);

/* Releases what the model holds; the struct itself is the caller's. */
void deps_free(struct deps *deps);

/* Whether work goes on in a process that is not of the run: what was reached for was not denied, and that accepts. */
bool deps_is_handed_off(const struct deps *deps, const struct deps_reach *reach);

/* The step of the deploy's own at or above @step; -1 where it is not known. */
int deps_own_step(const struct deps *deps, int step);

/* Keeps a copy of @string as long as the model lives. "" where there is no memory. */
const char *deps_keep(struct deps *deps, const char *string);
