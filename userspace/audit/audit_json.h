/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One decision and its lineage -> one line of the audit log.
 *
 * The names are those of the Elastic Common Schema (https://www.elastic.co/docs/reference/ecs);
 * what that has no name for stands under "ringfence". Written straight into the buffer, since a
 * tree of JSON values per line costs three times as much, and since a library that refuses a string
 * which is no UTF-8 would lose the line of just the process that plays tricks.
 *
 * process.entity_id is "BOOT_ID-PID-START_NS": unique over hosts and boots, and joined by eye.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../lsm/abi.h"
#include "../base/peer.h"
#include "../base/text.h"
#include "lineage.h"

/* With the newline. A line that would be longer gives up the arguments of ancestors first, then
 * most of everything else that processes choose, and says "shortened". */
#define AUDIT_LINE_MAX 65536

#define AUDIT_BOOT_ID_SIZE 37		/* a UUID and the final 0 */

struct audit_event {
	const struct record *record;	/* of kind RECORD_DECISION, checked */
	const struct ruleset *ruleset;	/* that decided, or NULL */
	const struct lineage_process *process;
	const struct peer *peer;	/* who is at the other end, or NULL where there is none */
	bool local;			/* the destination is an address of this host, */
	bool peer_unknown;		/* and who accepts there could not be found */
	const char *hostname;
	const char *boot_id;
	int64_t realtime_ns;		/* what CLOCK_REALTIME is ahead of CLOCK_BOOTTIME */
	uint64_t seq;
	uint64_t lost_before;
};

/* Appends the line with its newline. Returns 0, or -ENOMEM with @out as long as it was. */
int audit_json_line(struct text *out, const struct audit_event *event);
