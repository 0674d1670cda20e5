/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of the policies in force: programs and control groups that begin a run without a launcher (`enter`
 * in a policy), taken from the rulesets of all slots together.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../fence/fence.h"

struct entries;

/* A ruleset that is about to be put in force in a slot. */
struct entries_change {
	uint32_t slot;
	const struct ruleset *image;
};

/*
 * Gathers the entries of what will be in force, and copies what the kernel needs for those by program into
 * it. Nothing changes yet. To be called with PATH_LOCK held.
 *
 * @rescue: where two policies have the same entry, that of the lower slot holds, and this is told.
 *
 * Returns 0 and *ret_entries, the caller's to entries_free(); -EINVAL where two policies have the same
 * entry, or -errno; all have been told.
 */
int entries_prepare(struct fence *fence, const struct entries_change *changes, size_t count,
		    bool rescue, struct entries **ret_entries);

/* Puts them in force, in place of those before. Whoever is in a control group by then is noted for
 * entries_gather(). Returns 0 or -errno, which has been told. */
int entries_put(struct fence *fence, const struct entries *entries);

/* NULL is fine. */
void entries_free(struct entries *entries);

/* Tags who is in a control group that is entered and came in otherwise than alone: threads of what was
 * moved, and processes that were there before. To be called now and then, with PATH_LOCK held; costs little
 * where there is nobody. Tells what cannot be tagged. */
void entries_gather(struct fence *fence);
