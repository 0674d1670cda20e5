/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a policy would have decided about what a log has: record by record, and what of it is another
 * outcome than before, gathered by step and service. "Before" is what was recorded, or what another policy
 * decides.
 *
 * An outcome is a verdict and whether it is in force: what audit mode recorded as denied went through.
 *
 * Memory is bounded, however long a log is and whatever it was made up for: about 80 MB at worst. What has no room
 * of its own is gathered, and counted all the same.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "../audit/audit_line.h"
#include "../audit/executable.h"
#include "recorded.h"

/* How an outcome differs, in the order they are shown. */
enum change {
	CHANGE_NEWLY_DENIED,		/* it went through before, and is refused now */
	CHANGE_NO_LONGER_DENIED,	/* it was refused before, and goes through now */
	CHANGE_NEWLY_WOULD_DENY,	/* it goes through, but now is recorded as denied: audit mode, */
	CHANGE_NO_LONGER_WOULD_DENY,	/* or only was before */
	CHANGE_OTHER_ERRNO,
	CHANGE_AUDITED,			/* allowed before */
	CHANGE_ALLOWED,			/* audited before */
	CHANGE_OTHER_RULE,		/* the same verdict and errno, by another rule */
	CHANGE_NONE,
	CHANGE_COUNT,
};

#define REHEARSAL_OBJECTS 3		/* named per difference; the rest are counted */
#define REHEARSAL_DIFFERENCES_MAX 4096	/* that are told apart; the rest are gathered by change */
#define REHEARSAL_COMPANIONS_MAX 8192	/* that are kept until it is known whether the log has them */
#define REHEARSAL_SEEN_MAX (1 << 19)	/* records that may be those of companions */
#define REHEARSAL_TEXT_MAX 512		/* bytes that are kept of a rule, a reason and the like, */
#define REHEARSAL_NAME_MAX 1024		/* and of a step or an object */

struct rehearsal_object {
	char *name;			/* fit for a terminal */
	uint64_t count;
};

/* Strings as in struct outcome_of_policy, kept. */
struct rehearsal_outcome {
	enum verdict verdict;
	int err;
	bool refused;
	char *service, *rule, *where, *why, *reason;
};

struct rehearsal_difference {
	enum change change;
	bool more;			/* several that had no room: nothing but the change and the count is known */
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
	uint64_t allowed;		/* of which so many were allowed: a log may have none of these, */
	uint64_t same_verdict;		/* and so many have the verdict and errno that they had before, in force
					 * or not */
	uint64_t not_of_policy;		/* records of RECORDED_OTHER */
	uint64_t unclear;		/* and of RECORDED_UNCLEAR */
	uint64_t waivers_untold;	/* judged, but for where a program was started: a waiver may have applied */
	/* Of records that were judged; of one that is the same, the companion that differs and has no record: */
	uint64_t counts[CHANGE_COUNT];
	uint64_t let_through;		/* newly denied, and recorded as denied before: in audit mode */
	uint64_t would_deny;		/* let through before, and now, but recorded as denied now: in audit mode */
	uint64_t same_denied;		/* that are the same, and refused; */
	uint64_t same_would_deny;	/* or recorded as denied */
	struct rehearsal_difference *differences;
	size_t difference_count;
	uint64_t gathered;		/* what differs and had no room of its own */
	uint64_t unsure;		/* companions that may have a record: there was no room to tell */
	struct run_folders folders;	/* of the runs that began so far */
	struct rehearsal_memory *memory;	/* of rehearsal_memory.c */
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

/* The service that a difference is about, or "". */
const char *rehearsal_service(const struct rehearsal_difference *difference);

/* The whole as a JSON object, or NULL without memory. */
json_t *rehearsal_describe(const struct rehearsal *rehearsal);

void rehearsal_free(struct rehearsal *rehearsal);
