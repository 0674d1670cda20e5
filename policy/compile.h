/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy -> ruleset: the flat image of lsm/abi.h that the kernel's maps hold.
 */
#pragma once

#include "policy.h"

/* What a path is now: its identity. `ino` 0: there is no such thing. */
struct path_identity {
	uint64_t ino;
	uint32_t dev;			/* major << 20 | minor, as the kernel holds it */
	bool directory;
};

/*
 * Tells what stands at a path, so that the ruleset knows it under every other name as well.
 *
 * find: fills *ret_list with the identities of @path, the path's own one first, and for a @tree
 * also
 *	 the roots of the file systems mounted below it (`directory` true); *ret_count of them, the
 *	 list is the caller's to free(). Nothing there: 0 of them and no error.
 *	 Returns 0, or -errno when it cannot be told.
 */
struct path_resolver {
	int (*find)(void *ctx, const char *path, bool tree, struct path_identity **ret_list,
		    size_t *ret_count);
	void *ctx;
};

/* Asks the running system: stat(2), following links, and /proc/self/mountinfo. */
extern const struct path_resolver path_resolver_system;

/*
 * Compiles @policy into a new image.
 *
 * @resolver:	tells identities; NULL compiles for paths by name only (check, explain elsewhere).
 * @generation:	goes into the header.
 * @diags:	receives conflicts that only show here (two equally specific rules that disagree,
 *		naming both; also two paths that turn out to be one file) and warnings (a path without
 *		a trailing slash that is a directory).
 * @ret_image:	receives the image, ruleset->size bytes, zero-padded to RULESET_CHUNK; the caller's
 *		to free().
 *
 * Returns 0, -EINVAL when @diags holds errors, -E2BIG when a table outgrows its limit, -ENOMEM, or
 * the resolver's error.
 */
int policy_compile(const struct policy *policy, const struct path_resolver *resolver,
		   uint64_t generation, struct diags *diags, struct ruleset **ret_image);
