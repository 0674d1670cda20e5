/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/file.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "../base/locations.h"
#include "../base/pid_space.h"
#include "audit.h"
#include "collector.h"
#include "rulesets.h"

/* Lines kept in memory while the log takes none; past that, records stay in the ring. */
#define PENDING_MAX (8 * 1024 * 1024)
#define PASSIVE_MS 20			/* how often a waiting collector looks again */
#define ROUND_MAX 16384			/* records per poll: under a flood the caller, too, has its turn */

struct collector {
	struct fence *fence;
	const char *log;
	struct rulesets *rulesets;
	struct audit *audit;		/* NULL while another process collects */
	struct ring_buffer *ring;
	int lock;			/* -1: not shared, or not ours */
	bool shared;
	int error;			/* of the audit log, met inside a callback */
	int round;			/* records taken in this poll */
	int fault;			/* of the log, as the fence knows it; 1: not yet */
	struct log_rotation rotation;
	collector_logged_fn logged;	/* or NULL */
	void *ctx;			/* its */
};

static void on_logged(void *ctx, const struct record *record)
{
	struct collector *collector = ctx;

	fence_count_logged(collector->fence, record->run);
	if (collector->logged && !(record->flags & RECORD_PROBE))
		collector->logged(collector->ctx, record, rulesets_find(collector->rulesets, record->policy,
									  record->generation));
}

static const struct ruleset *on_ruleset(void *ctx, uint32_t slot, uint64_t generation)
{
	struct collector *collector = ctx;

	return rulesets_find(collector->rulesets, slot, generation);
}

/* Called by libbpf for each record; a negative return would end this round after it. */
static int on_record(void *ctx, void *data, size_t size)
{
	struct collector *collector = ctx;
	int err = audit_take(collector->audit, data, size);

	if (!err && audit_pending(collector->audit) > PENDING_MAX)
		err = audit_flush(collector->audit);
	if (err)
		collector->error = err;
	if (err && err != -EBADMSG)
		return err;
	return ++collector->round < ROUND_MAX ? 0 : -EAGAIN;
}

/* Becomes the process that empties the ring, if nobody else is. Returns 0, -EWOULDBLOCK, or
 * -errno. */
static int activate(struct collector *collector)
{
	struct audit_config config = {
		.path = collector->log,
		.ruleset = on_ruleset,
		.logged = on_logged,
		.ctx = collector,
		.fresh = !collector->shared,
		.host = collector->shared,
		.foreign_numbers = !pid_space_initial_is_shown(),
		.rotation = &collector->rotation,
	};
	int err;

	if (collector->shared) {
		int lock = path_lock(PATH_COLLECTOR, LOCK_EX | LOCK_NB);

		if (lock < 0)
			return lock;
		collector->lock = lock;
	}
	err = audit_open(&config, &collector->audit);
	if (err == -EWOULDBLOCK)
		err = -EBUSY;		/* the log has another writer; not: the ring has */
	if (!err) {
		collector->ring = ring_buffer__new(fence_ring(collector->fence), on_record,
						   collector, NULL);
		if (collector->ring)
			return 0;
		err = -errno;
		audit_close(collector->audit);
		collector->audit = NULL;
	}
	if (collector->lock >= 0)
		close(collector->lock);
	collector->lock = -1;
	return err;
}

int collector_open(struct fence *fence, const char *log, bool shared,
		   struct collector **ret_collector)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	int err;

	if (!collector)
		return -ENOMEM;
	collector->fence = fence;
	collector->log = log;
	collector->shared = shared;
	collector->lock = -1;
	collector->fault = 1;
	collector->rulesets = rulesets_new(fence);
	err = collector->rulesets ? activate(collector) : -ENOMEM;
	if (err && err != -EWOULDBLOCK) {
		collector_close(collector);
		return err;
	}
	*ret_collector = collector;
	return 0;
}

void collector_tend(struct collector *collector, const struct log_rotation *rotation,
		    collector_logged_fn logged, void *ctx)
{
	collector->rotation = *rotation;
	collector->logged = logged;
	collector->ctx = ctx;
}

void collector_look(const struct collector *collector, struct audit_state *ret_state)
{
	*ret_state = (struct audit_state){ 0 };
	if (collector->audit)
		audit_look(collector->audit, ret_state);
}

int collector_refuses(const struct fence *fence, uint32_t slot, enum mode mode, const char *log)
{
	struct ruleset header;
	int err = fence_get_header(fence, slot, &header);

	if (err)
		return err;
	if (!header.deny_unrecorded || (mode == MODE_POLICY ? header.mode : mode) == MODE_AUDIT)
		return 0;
	return fence_log_fault(fence) ?: log_files_writable(log);
}

bool collector_active(const struct collector *collector)
{
	return collector->audit;
}

static int take_turn(struct collector *collector, int timeout_ms)
{
	int err = activate(collector);

	if (err == -EWOULDBLOCK) {
		poll(NULL, 0, timeout_ms < PASSIVE_MS ? timeout_ms : PASSIVE_MS);
		return 0;
	}
	return err;
}

/* Writes what is pending, and lets those know who are about to rely on the log. The host's own log is
 * rotated, or removed. Any other may stand in a folder of the deploy's, where its name could be a link by
 * now. */
static int write_log(struct collector *collector)
{
	int err = collector->shared ? audit_reopen(collector->audit) : audit_flush(collector->audit);

	if (err != collector->fault && !fence_note_log(collector->fence, err))
		collector->fault = err;
	return err;
}

int collector_poll(struct collector *collector, int timeout_ms)
{
	int count, err;

	if (!collector->audit)
		return take_turn(collector, timeout_ms);
	collector->error = 0;
	collector->round = 0;
	if (audit_pending(collector->audit) < PENDING_MAX) {
		/* The kernel wakes us only when the ring fills up: look first, then wait. */
		count = ring_buffer__consume(collector->ring);
		if (!count && timeout_ms) {
			ring_buffer__poll(collector->ring, timeout_ms);
			ring_buffer__consume(collector->ring);
		}
	}
	err = write_log(collector);
	return err ?: collector->error;
}

int collector_reopen(struct collector *collector)
{
	int err = collector->audit ? audit_reopen(collector->audit) : 0;

	if (collector->audit)
		audit_give(collector->audit);
	return err;
}

int collector_note(struct collector *collector, uint16_t rule, uid_t uid, uint64_t run, const char *text)
{
	return collector->audit ? audit_note(collector->audit, rule, uid, run, text) : -EAGAIN;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int collector_drain(struct collector *collector)
{
	int64_t room = RING_BYTES / sizeof(struct record);	/* more has come since we began */
	int err;

	do {
		err = collector_poll(collector, 0);
		room -= collector->round;
	} while (!err && collector->audit && collector->round && room > 0);
	return err;
}

int collector_settle(struct collector *collector, uint64_t run, uint64_t least, int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	uint64_t settled = 0, goal = 0;

	for (;;) {
		struct run account;
		uint64_t logged;
		int err = collector_poll(collector, 0);

		/* A log that is full may have room again before the time is up. */
		if (err && now_ms() >= end)
			return err;
		err = fence_get_run(collector->fence, run, &account, &logged);
		if (err)
			return err;
		/* What comes later is not waited for: there may be no end to it. */
		if (!goal)
			goal = account.submitted > least ? account.submitted : least;
		if (logged + account.lost >= goal)
			return 0;
		if (logged + account.lost > settled) {
			settled = logged + account.lost;
			end = now_ms() + timeout_ms;
		}
		if (now_ms() >= end)
			return -ETIMEDOUT;
		poll(NULL, 0, 1);
	}
}

int collector_close(struct collector *collector)
{
	int err;

	if (!collector)
		return 0;
	err = audit_close(collector->audit);
	ring_buffer__free(collector->ring);
	rulesets_free(collector->rulesets);
	if (collector->lock >= 0)
		close(collector->lock);
	free(collector);
	return err;
}
