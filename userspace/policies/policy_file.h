/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy file on its way to a ruleset, with its faults told on stderr.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../../policy/compile.h"

#define POLICY_FAULT_SIZE 1024

/*
 * Reads, checks and compiles the policy in @path, and prints every fault and warning.
 *
 * @resolved: look up the identities of its paths on this host.
 * @ret_image: the caller's to free().
 *
 * Returns 0, -EINVAL for a policy with faults, or -ENOMEM and the like; all have been told.
 */
int policy_file_compile(const char *path, bool resolved, uint64_t generation,
			struct ruleset **ret_image);

/*
 * The same for who looks at more than the ruleset, and prints by itself.
 *
 * @diags: receives faults and warnings; zeroed before. The caller's to diags_free(), after the policy.
 * @ret_policy: the caller's to policy_free(); it borrows from @diags.
 *
 * What is no fault of the policy (-ENOMEM and the like) has been told; nothing else has.
 */
int policy_file_parts(const char *path, bool resolved, uint64_t generation, struct diags *diags,
		      struct policy **ret_policy, struct ruleset **ret_image);

/* The same for copies of the files under the folder @root: see policy_read_under(). @ret_fault: the first fault, as
 * diags_first() writes it. */
int policy_file_compile_under(const char *root, const char *path, bool resolved, uint64_t generation,
			      char ret_fault[POLICY_FAULT_SIZE], struct ruleset **ret_image);
