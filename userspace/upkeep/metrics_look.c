/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the fence stands, for its metrics.
 */
#include <stdio.h>
#include <time.h>

#include "metrics.h"

static void look_at_policies(const struct fence *fence, struct metrics_state *state)
{
	struct ruleset header;

	for (uint32_t slot = 1; slot < POLICY_SLOTS && !fence_get_header(fence, slot, &header); slot++) {
		struct metrics_policy *policy = &state->policies[state->policy_count++];

		snprintf(policy->tag, sizeof(policy->tag), "%s", header.tag);
		policy->generation = header.generation;
		policy->enforce = header.mode == MODE_ENFORCE;
	}
}

/* A time since the boot in seconds since 1970. */
static double in_real_time(uint64_t boot_ns)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (double)(real.tv_sec - boot.tv_sec) + (double)(real.tv_nsec - boot.tv_nsec) / 1e9 +
	       (double)boot_ns / 1e9;
}

static void look_at_hooks(const struct fence *fence, struct metrics_state *state)
{
	bool attached[HOOK_COUNT];

	fence_hooks(fence, attached);
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		state->hooks_live += attached[hook];
	state->hooks_missing = HOOK_COUNT - state->hooks_live;
}

static int count_run(void *ctx, uint64_t run, const struct run *account)
{
	struct metrics_state *state = ctx;

	(void)run;
	(void)account;
	state->runs++;
	return 0;
}

void metrics_look(const struct fence *fence, struct metrics_state *state)
{
	struct about about = {};

	look_at_policies(fence, state);
	look_at_hooks(fence, state);
	fence_losses(fence, &state->losses);
	fence_about(fence, &about);
	state->probed = about.probed_ns ? in_real_time(about.probed_ns) : 0;
	fence_runs(fence, count_run, state);
}
