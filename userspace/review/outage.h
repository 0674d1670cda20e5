/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy that is asked what it would decide, without being in force; as it stands, or as if services were
 * down.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../../policy/compile.h"

struct outage;

/*
 * Reads, checks and compiles the policy in @path, and prints every fault and warning.
 *
 * @down: names of @count services. For each, whatever the policy says about it gives way to "deny: NAME,
 * 	  errno: EHOSTUNREACH". One that the policy does not have is taken from the service files that it
 * 	  could include. The names must live as long as the outage.
 *
 * Returns 0 and *ret_outage, the caller's to outage_close(); -EINVAL for a policy with faults or a service
 * that nobody knows, or -ENOMEM and the like; all have been told.
 */
int outage_open(const char *path, const char *const *down, size_t count, struct outage **ret_outage);

/* Whether the service is one of those that are down. @ctx: the outage. */
bool outage_is_down(void *ctx, const char *service);

/* The ruleset that knows paths by their names alone. */
const struct ruleset *outage_image(const struct outage *outage);

/* The one that knows the identities, too, that they have here and now; compiled when it is first asked
 * for. NULL where that cannot be. @ctx: the outage. */
const struct ruleset *outage_image_here(void *ctx);

/* NULL is fine. */
void outage_close(struct outage *outage);
