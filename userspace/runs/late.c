/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "late.h"
#include "runs.h"

/* How often a pass must find nothing to do: one may have missed a child in the making, whose parent
 * then was tagged already; the next one finds it. */
#define QUIET_PASSES 3
#define PASSES_SECONDS 10		/* until the tree is said to have no end */

static bool same(const struct late *a, const struct late *b)
{
	return a->changed == b->changed && a->failed == b->failed && a->missed == b->missed;
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Makes passes until QUIET_PASSES of them had nothing to do, or something is in the way. */
static int make_passes(struct fence *fence, const struct late *order, struct late_result *result)
{
	time_t end = seconds() + PASSES_SECONDS;
	struct late before = { 0 };
	int quiet = 0;

	while (quiet < QUIET_PASSES) {
		struct late done;
		int err = fence_late_pass(fence, &done);

		if (err)
			return err;
		result->passes++;
		result->tasks = done.changed;
		quiet = done.changed != before.changed || done.failed != before.failed ? 0 : quiet + 1;
		if (done.others && !order->group)
			result->refusal = LATE_OTHERS;
		else if (done.missed)
			result->refusal = LATE_NO_END;
		else if (seconds() >= end && quiet < QUIET_PASSES)
			result->refusal = done.failed != before.failed ? LATE_NO_MEMORY : LATE_NO_END;
		if (result->refusal)
			return 0;
		before = done;
	}
	if (!result->tasks && !order->group)
		result->refusal = LATE_NO_PROCESS;
	return 0;
}

/* Half a tree, and an order that nobody carries out, are no place to end. */
static void hold_signals(sigset_t *ret_before)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, ret_before);
}

static uint64_t boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Takes every tag of the run back. The same race, the same answer; *ret_tasks (may be NULL) had one. */
static int take_back(struct fence *fence, struct late *order, size_t *ret_tasks)
{
	time_t end = seconds() + PASSES_SECONDS;
	struct late before = { 0 };
	int quiet = 0, err;

	order->undo = 1;
	err = fence_late_order(fence, order);
	while (!err && quiet < QUIET_PASSES) {
		struct late done;

		err = fence_late_pass(fence, &done);
		if (err)
			break;
		quiet = same(&done, &before) ? quiet + 1 : 0;
		before = done;
		if (quiet < QUIET_PASSES && seconds() >= end)
			err = -ETIMEDOUT;
	}
	if (ret_tasks)
		*ret_tasks = before.changed;
	return err;
}

static int find_ring(struct fence *fence, struct late_result *result)
{
	int err = fence_late_ring(fence, &result->ring);

	if (!err)
		result->refusal = LATE_RING;
	return err == -ENOENT ? 0 : err;
}

int late_tag(struct fence *fence, const struct tag *tag, uint32_t pid, bool tree,
	     struct late_result *ret_result)
{
	struct late order = { .tag = *tag, .tree = tree };
	sigset_t before;
	int err = fence_number(fence, pid, &order.root);

	*ret_result = (struct late_result){ 0 };
	if (err == -ESRCH)
		ret_result->refusal = LATE_NO_PROCESS;
	if (err)
		return err == -ESRCH ? 0 : err;
	hold_signals(&before);
	order.renewed_ns = boot_ns();
	err = fence_late_order(fence, &order) ?: make_passes(fence, &order, ret_result);
	if (!err && !ret_result->refusal)
		err = find_ring(fence, ret_result);
	if (err || ret_result->refusal) {
		int undone = take_back(fence, &order, NULL);

		err = err ?: undone;
	}
	fence_late_order(fence, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* Somebody else may have opened the account. */
static int open_group_account(struct fence *fence, const struct tag *tag)
{
	struct run account = { .policy = tag->policy, .pid = 1, .flags = TAG_ENTERED };
	int err = runs_begin(fence, tag->run, &account);

	return err == -EEXIST ? 0 : err;
}

int late_gather(struct fence *fence, const struct tag *tag, struct late_result *ret_result)
{
	struct late order = { .tag = *tag, .group = 1, .renewed_ns = boot_ns() };
	sigset_t before;
	int err;

	hold_signals(&before);
	*ret_result = (struct late_result){ 0 };
	err = open_group_account(fence, tag) ?: fence_late_order(fence, &order) ?:
		make_passes(fence, &order, ret_result);
	if (!err && !ret_result->refusal)
		err = find_ring(fence, ret_result);
	fence_late_order(fence, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

int late_release(struct fence *fence, uint64_t run, size_t *ret_tasks)
{
	struct late order = { .tag = { .run = run }, .renewed_ns = boot_ns() };
	sigset_t before;
	int err;

	hold_signals(&before);
	err = take_back(fence, &order, ret_tasks);
	fence_late_order(fence, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}
