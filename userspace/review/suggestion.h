/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs reached -> a draft of a policy for the next one: what a rule denied stays denied, in the same
 * way; what else it reached in the network is allowed, and all else is not.
 *
 * An object goes, by the first of these that it fits: to a known service; to one by the name that its
 * record has; to the range of its neighbours.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../../policy/intern.h"
#include "../audit/audit_line.h"
#include "draft.h"
#include "known.h"

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

struct suggestion {
	const struct known *known;
	struct reached *objects;
	size_t object_count;
	struct intern keys;		/* of the objects */
	struct intern strings;
	struct intern runs;		/* by name */
	struct intern tags;
	uint64_t records;		/* that are of the policy, */
	uint64_t by_default;		/* of which so many were let pass because no rule matched, */
	uint64_t by_rule;		/* so many were allowed by a rule, */
	uint64_t default_denied;	/* and so many denied, in the network, because none matched */
	uint64_t untold;		/* of the policy, but of what no policy can name */
	uint64_t waived;		/* that passed by a waiver, */
	struct intern waivers;		/* by owner and last day */
};

/* Takes a line into account. The suggestion is zero-initialised but for `known`, which it borrows.
 * Returns 0 or -ENOMEM. */
int suggestion_take(struct suggestion *suggestion, const struct audit_line *line);

/* Makes a draft of what was taken, to be called once: *ret_draft is zeroed but for its tag and mode, and
 * the caller's to draft_free(), `failed` where memory ran out. */
void suggestion_draft(struct suggestion *suggestion, struct draft *draft);

/* Appends a line for each object that was let pass, and that the ruleset would deny. Returns how many
 * there are. */
size_t suggestion_denied(const struct suggestion *suggestion, const struct ruleset *image, struct text *out);

void suggestion_free(struct suggestion *suggestion);

/* --- suggestion_nets.c ------------------------------------------------------------------------- */

/* Adds services for addresses, @objects sorted by address, protocol and port: one for each set of ports
 * that they have in common. Neighbours become a range, unless @exact.
 *
 * @name: of the services; NULL: by their addresses, a service for each range.
 * @add:  called with each service, without its rule yet, and the objects in it.
 */
typedef void (*suggestion_nets_fn)(void *ctx, struct draft_service *service, struct reached **objects,
				   size_t count);
int suggestion_nets(struct draft *draft, const char *name, struct reached **objects, size_t count, bool exact,
		    suggestion_nets_fn add, void *ctx);
