/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a policy would have decided about what a log has: record by record, and what of it is another
 * verdict than before, gathered by step and service. "Before" is what was recorded, or what another policy
 * decides.
 *
 * Memory grows with the number of differences that can be told apart, not with the log.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "../../policy/intern.h"
#include "../audit/audit_line.h"
#include "recorded.h"

/* How a verdict differs, in the order they are shown. */
enum change {
	CHANGE_NEWLY_DENIED,
	CHANGE_NO_LONGER_DENIED,
	CHANGE_OTHER_ERRNO,
	CHANGE_AUDITED,			/* allowed before */
	CHANGE_ALLOWED,			/* audited before */
	CHANGE_OTHER_RULE,		/* the same verdict and errno, by another rule */
	CHANGE_NONE,
	CHANGE_COUNT,
};

#define REHEARSAL_OBJECTS 3		/* named per difference; the rest are counted */
#define REHEARSAL_DIFFERENCES_MAX 4096	/* with this many, steps are told apart no more */

struct rehearsal_object {
	char *name;			/* fit for a terminal */
	uint64_t count;
};

/* Strings as in struct outcome_of_policy, kept. */
struct rehearsal_outcome {
	enum verdict verdict;
	int err;
	char *service, *rule, *where, *why, *reason;
};

struct rehearsal_difference {
	enum change change;
	enum object_class class;
	char *step;			/* fit for a terminal */
	bool unrecorded;		/* before, nothing was to be recorded of it: it was allowed */
	struct rehearsal_outcome before, after;
	uint64_t count;
	struct rehearsal_object objects[REHEARSAL_OBJECTS];
	size_t object_count;
	uint64_t other_objects;		/* attempts on objects that are not named */
};

struct rehearsal {
	struct judge judge;		/* the policy that is rehearsed, */
	struct judge other;		/* and the one it is compared with; image NULL: with the log */
	uint64_t judged;		/* records, */
	uint64_t allowed;		/* of which so many were allowed: a log may have none of these */
	uint64_t not_of_policy;		/* records of RECORDED_OTHER */
	uint64_t unclear;		/* and of RECORDED_UNCLEAR */
	uint64_t counts[CHANGE_COUNT];	/* of records that were judged, and of companions without a
					 * record that differ */
	struct rehearsal_difference *differences;
	size_t difference_count;
	struct intern keys;		/* of the differences */
	struct intern seen;		/* objects of files and programs that have a record */
	struct rehearsal_companion *companions;
	size_t companion_count;
	struct intern companion_keys;
};

/* Judges a line anew. The rehearsal is zero-initialised but for its judges, whose images it borrows.
 * Returns 0 or -ENOMEM. */
int rehearsal_take(struct rehearsal *rehearsal, const struct audit_line *line);

/* To be called once after the last line: takes into account what the log has no record of, sorts.
 * Returns 0 or -ENOMEM. */
int rehearsal_end(struct rehearsal *rehearsal);

/* "newly denied" */
const char *change_name(enum change change);

/* How @after differs from @before. */
enum change change_of(const struct outcome_of_policy *before, const struct outcome_of_policy *after);

/* The whole as a JSON object, or NULL without memory. */
json_t *rehearsal_describe(const struct rehearsal *rehearsal);

void rehearsal_free(struct rehearsal *rehearsal);
