/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs reached -> a draft of a policy for the next one: what a rule denied stays denied, in the same
 * way; what else it reached in the network is allowed, and all else is not.
 *
 * An object goes, by the first of these that it fits: to a known service; to one by the name that its
 * record has; to the range of its neighbours.
 *
 * Its size is bounded, however long the log is; what does not fit is counted, and the draft says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../../policy/intern.h"
#include "../audit/audit_line.h"
#include "../base/siphash.h"
#include "../runs/run_id.h"
#include "draft.h"
#include "known.h"

#define SUGGESTION_OBJECTS_MAX 8192
#define SUGGESTION_SEEN_MAX 4096	/* of these, files and the like that were let pass */
#define SUGGESTION_RUNS_MAX 4096	/* that are counted, */
#define SUGGESTION_RUNS_NAMED 5		/* and named */
#define SUGGESTION_TAGS_MAX 64
#define SUGGESTION_WAIVERS_MAX 20
#define SUGGESTION_NEEDS_MAX 128

/* What became of an object; of several the greatest holds. */
enum fate {
	FATE_DEFAULT_DENIED,		/* no rule matched, and the default denied it */
	FATE_REACHED,
	FATE_AUDITED,			/* a rule had it recorded */
	FATE_DENIED,			/* by a rule */
	FATE_COUNT,
};

#define REACHED_STEPS 4			/* named per object; the rest are counted */

struct reached_step {
	uint32_t name;			/* in `strings` */
	uint64_t count;
};

struct reached {
	enum object_class class;
	uint8_t addr[16];		/* of CLASS_NET, */
	uint16_t port;
	enum protocol proto;
	uint32_t path;			/* of the others, in `strings` */
	uint8_t access[FATE_COUNT];	/* ACCESS_* that came to each fate */
	enum fate fate;
	int err;
	uint32_t service, why;		/* in `strings`, of the record that decided on `fate` */
	uint64_t count;
	struct reached_step steps[REACHED_STEPS];
	uint64_t other_steps;
	size_t known;			/* in `known`, or how many there are; */
	bool known_exact;		/* that names just this */
	bool exception;			/* lies within a known service that is denied, and is not */
	bool done;			/* has its place in the draft */
};

/* What the policy of a run says that a service needs: both in `strings`. */
struct suggestion_need {
	uint32_t service, needs;
	bool denied;			/* a rule denies what is needed */
};

struct suggestion {
	const struct known *known;
	struct reached *objects;
	size_t object_count;
	size_t seen;			/* of these, what was let pass when it was first met, and is no address */
	struct siphash_key key;
	bool has_key;
	struct intern keys;		/* of the objects: hashes */
	struct intern strings;
	struct intern runs;		/* hashes of their names; the value: what its command is called, in
					 * `strings` */
	char run_names[SUGGESTION_RUNS_NAMED][RUN_NAME_SIZE];	/* of the first */
	bool more_runs, more_tags, more_waivers;	/* than there is room for */
	struct intern tags;
	struct suggestion_need needs[SUGGESTION_NEEDS_MAX];
	size_t need_count;
	bool needs_cut;			/* not all of them are known */
	uint64_t records;		/* that are of the policy, */
	uint64_t by_default;		/* of which so many were let pass because no rule matched, */
	uint64_t by_rule;		/* so many were allowed by a rule, */
	uint64_t default_denied;	/* and so many denied, in the network, because none matched */
	uint64_t untold;		/* of the policy, but of what no policy can name */
	uint64_t no_room, no_room_net;	/* of what found no room, and of addresses among that */
	uint64_t waived;		/* that passed by a waiver, */
	struct intern waivers;		/* by service, program, owner and last day */
};

/* Takes a line into account. The suggestion is zero-initialised but for `known`, which it borrows.
 * Returns 0 or -ENOMEM. */
int suggestion_take(struct suggestion *suggestion, const struct audit_line *line);

/* Whether what it knows is not all that it was given. */
static inline bool suggestion_is_cut(const struct suggestion *suggestion)
{
	return suggestion->no_room > 0;
}

/* Makes a draft of what was taken, to be called once: *ret_draft is zeroed but for its tag and mode, and
 * the caller's to draft_free(), `failed` where memory ran out. */
void suggestion_draft(struct suggestion *suggestion, struct draft *draft);

/* Appends a line for each object that was let pass, and that the ruleset would deny. Returns how many
 * there are. */
size_t suggestion_denied(const struct suggestion *suggestion, const struct ruleset *image, struct text *out);

void suggestion_free(struct suggestion *suggestion);
