/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies on their way into the kernel: compiled all together, put in force all together.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../fence/fence.h"

struct policies;

/*
 * Compiles policy files, and tells every fault of each. Generations are counted from @generation on.
 *
 * @rescue: in place of a file with a fault, the last good text of it is taken; where there is none
 *	    either, the policy is left out; so is one of two for the same tag. All of it is told.
 *
 * A fault of one of PATH_POLICIES is noted as well, see faulty.h.
 *
 * Returns 0 and *ret_policies, the caller's to policies_free(), or -errno.
 */
int policies_compile(char **files, size_t count, uint64_t generation, bool rescue,
		     struct policies **ret_policies);

/* Puts them in force, each in place of that of the same tag, once all are in the kernel; prints a line
 * for each, and keeps the texts of those in PATH_POLICIES as their last good ones. To be called with
 * PATH_LOCK held. Returns 0 or -errno, which has been told. */
int policies_put(struct fence *fence, struct policies *policies);

/* NULL is fine. */
void policies_free(struct policies *policies);
