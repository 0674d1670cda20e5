/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rulesets by generation, for the texts of records: a record may be read when its ruleset has been
 * replaced already, so apply keeps the last few images in PATH_RULESETS.
 */
#pragma once

#include <stdint.h>

#include "../fence/fence.h"

#define RULESETS_KEPT 16		/* generations per slot */

struct rulesets;

/* An empty cache over @fence, which must outlive it; NULL for want of memory. */
struct rulesets *rulesets_new(const struct fence *fence);

/* The image of that generation, from the cache, the kernel, or what apply kept; NULL where it is
 * not to be had any more. Borrowed until the next call. An audit_ruleset_fn with a struct rulesets
 * as @ctx. */
const struct ruleset *rulesets_find(void *ctx, uint32_t slot, uint64_t generation);

/* Keeps a copy of @image, and drops older ones of its slot past RULESETS_KEPT. Returns 0 or
 * -errno. */
int rulesets_keep(const struct ruleset *image, uint32_t slot);

/* NULL is fine. */
void rulesets_free(struct rulesets *rulesets);
