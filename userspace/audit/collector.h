/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Empties the ring buffer into the audit log. Of all processes that have a shared fence open, one
 * does so at a time: the one that holds PATH_COLLECTOR. The others wait for it, and take its place
 * when it goes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../fence/fence.h"
#include "audit.h"

struct collector;

/*
 * Begins to collect the records of @fence, which must outlive it, into the log at @log.
 *
 * @shared: the fence is pinned, so that there may be another collector.
 *
 * Returns 0 and *ret_collector, the caller's to collector_close(), or -errno of opening the log.
 */
int collector_open(struct fence *fence, const char *log, bool shared,
		   struct collector **ret_collector);

/* From now on, whenever this process collects into the log of the host: has it rotated as @rotation says,
 * and calls @logged, an audit_logged_fn that is also given the ruleset or NULL, for every record that has
 * become a line. */
typedef void (*collector_logged_fn)(void *ctx, const struct record *record, const struct ruleset *ruleset);
void collector_tend(struct collector *collector, const struct log_rotation *rotation,
		    collector_logged_fn logged, void *ctx);

/* How the log does that this process writes; all 0 where another one collects. */
void collector_look(const struct collector *collector, struct audit_state *ret_state);

/* Why a run of the policy in @slot is not to be started, in @mode or MODE_POLICY, whose records go to the log
 * at @log: where the policy denies what cannot be recorded, an -errno of what keeps the log from taking lines,
 * as its collector has met it or as it stands now. Else 0. */
int collector_refuses(const struct fence *fence, uint32_t slot, enum mode mode, const char *log);

/* Whether this process is the one that empties the ring. */
bool collector_active(const struct collector *collector);

/* Deals with the records there are; where there are none, waits up to @timeout_ms for some. Where the
 * shared log was renamed, goes on in a new one of its name. Returns 0, or -errno when the log cannot be
 * written: nothing is lost by that until the ring is full. */
int collector_poll(struct collector *collector, int timeout_ms);

/* Deals with all that is in the ring now: what waits there while nobody collects leaves no room for what
 * comes. Returns as collector_poll(). */
int collector_drain(struct collector *collector);

/* Opens the log anew, as audit_reopen(). Returns 0, also where another process collects. */
int collector_reopen(struct collector *collector);

/* Adds a line to the log, as audit_note(). Returns 0, -EAGAIN where another process
 * collects, or -ENOMEM. */
int collector_note(struct collector *collector, uint16_t rule, uid_t uid, uint64_t run, const char *text);

/* Polls until every decision that @run has made so far, and at least @least of them, is logged or counted
 * as lost, and returns 0; -ETIMEDOUT after @timeout_ms without any coming. */
int collector_settle(struct collector *collector, uint64_t run, uint64_t least, int timeout_ms);

/* Writes what is pending and lets go; NULL is fine. Returns 0, or -errno when the log took not
 * all. */
int collector_close(struct collector *collector);
