/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A buffer from the pool `scratches`, held by one program run at a time.
 */
#pragma once

#include "maps.bpf.h"

#define SCRATCH_TRIES 16

/* A free buffer, or NULL when SCRATCH_TRIES of them were taken: as many programs would have to be
 * preempted in mid-run, on buffers next to each other. The caller then doubts. */
static __always_inline struct scratch *scratch_take(void)
{
	__u32 first = bpf_get_smp_processor_id() * 4;

	for (__u32 try = 0; try < SCRATCH_TRIES; try++) {
		__u32 key = (first + try) % SCRATCH_COUNT;
		struct scratch *scratch = bpf_map_lookup_elem(&scratches, &key);

		if (!scratch)
			return NULL;
		if (__sync_val_compare_and_swap(&scratch->taken, 0, 1) == 0)
			return scratch;
	}
	return NULL;
}

static __always_inline void scratch_give(struct scratch *scratch)
{
	__sync_lock_test_and_set(&scratch->taken, 0);
}
