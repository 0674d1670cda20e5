/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run reached for -> its dependencies: of which kind each is and why that is said, whether it closes a
 * loop, what breaks without it and what could be changed.
 *
 * Of the deploy's own are the root of the run, what its script starts, and what scripts below the same folder
 * start. A dependency is
 *
 *	direct		where the command line of such a step, a line of the script or the environment names it,
 *			or the script itself reached for it, or the launcher, to become the command
 *	hidden		where none does: a tool did so by itself
 *	transient	where a service that was reached for needs it in turn, as the policy says, or a process outside
 *			of the run that accepted something from it reached for it meanwhile, as the log says
 *	undecided	where the step is not known
 *
 * A service that a rule denies is one that the deploy must do without. What leads to one is a loop.
 */
#pragma once

#include "deps.h"
#include "../../policy/kinds.h"

/* Strings are as untrusted as the log. */
struct dependency {
	char *id;			/* "github/hidden/schema-tool": the same in every run */
	const char *what;		/* the service or, without one, the object */
	const char *service;		/* "": none */
	const struct deps_reach *reach;	/* the first that it is made of: how that was judged, and who was there */
	enum dependency_kind kind;
	enum dependency_kind said;	/* by the evidence; differs where a person overrode that */
	const struct kind_override *override;	/* or NULL */
	json_t *evidence;		/* sentences */
	bool handoff;			/* a process outside of the tree goes on with the work */
	const char *via;		/* what needs it in turn, where it is transient; else "" */
	json_t *loop;			/* from what was reached for to what is denied, or NULL */
	int step;			/* the deploy's own, or -1 */
	json_t *reached_by;		/* numbers of steps */
	uint64_t count;
	int64_t first, last;
	struct deps_object objects[DEPS_OBJECTS_MAX];
	size_t object_count;
	uint64_t more_objects;
	char *breaks, *suggestion;
	uint64_t hash;
};

struct classified {
	struct dependency *list;
	size_t count, room;
	size_t *of_reach;		/* the dependency that each reach is part of */
	char *sentence;			/* the verdict */
	bool loop;
};

/*
 * Classifies what @deps holds. @kinds: what persons say, borrowed.
 *
 * Returns 0 and *ret_classified, the caller's to classified_free() before the model goes; or -ENOMEM.
 */
int classify(struct deps *deps, const struct kinds *kinds, struct classified *ret_classified);

void classified_free(struct classified *classified);

/* Appends the command line of a step as one would type it, at most @max bytes of it. */
void classify_command(struct text *out, const struct deps_step *step, size_t max);
