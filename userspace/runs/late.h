/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tagging a process that already runs, with all its threads, and all its descendants where they are
 * meant, and taking the tags of a run back: passes over all tasks until one finds nothing to do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../fence/fence.h"

/* Why a tree was not tagged. */
enum late_refusal {
	LATE_TAGGED,			/* it was */
	LATE_NO_PROCESS,		/* it has ended */
	LATE_OTHERS,			/* some of it has another run's tag already */
	LATE_NO_MEMORY,			/* the kernel could not store some tags */
	LATE_NO_END,			/* it forks faster than it can be tagged */
	LATE_RING,			/* it holds an io_uring, which acts in its maker's name */
};

struct late_result {
	enum late_refusal refusal;
	struct late_ring ring;		/* LATE_RING: who holds which */
	size_t tasks;			/* that got the tag */
	size_t passes;
};

/*
 * Tags process @pid, as this process's pid name space has it, and with @tree its descendants, with @tag: all of them
 * or none. To be called with PATH_LOCK held. Signals that would end this process wait until it is done.
 *
 * Returns 0 and *ret_result, or -errno where passes could not be made (the tags are then taken back
 * as far as that works).
 */
int late_tag(struct fence *fence, const struct tag *tag, uint32_t pid, bool tree,
	     struct late_result *ret_result);

/*
 * Tags whoever is in the control groups of a run (abi.h: struct entry) and has no tag yet. What it has tagged
 * stays tagged, whatever comes. Opens the account of the run. Otherwise as late_tag().
 */
int late_gather(struct fence *fence, const struct tag *tag, struct late_result *ret_result);

/*
 * Takes the tags of @run back from all its tasks in the pid name space of this process, and from those that are in
 * the making. Its account, which
 * stays, is marked TAG_RELEASED. To be called with PATH_LOCK held. Signals that would end this process wait
 * until it is done.
 *
 * Returns 0 and in *ret_tasks how many tasks had one; -ETIMEDOUT when there was no end to it, or another
 * -errno where passes could not be made: then some may still be tagged.
 */
int late_release(struct fence *fence, uint64_t run, size_t *ret_tasks);
