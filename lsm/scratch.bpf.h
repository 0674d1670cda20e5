/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A buffer from the pool `scratches`, held by one program run at a time.
 */
#pragma once

#include "maps.bpf.h"

/* Where the kernel has them (6.11), a program is not preempted while it holds a buffer, so that no
 * more are held than there are CPUs. Elsewhere preemption inside a hook takes preempt=full, and the
 * pool is large enough for many. */
extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;

#define SCRATCH_TRIES 16

struct scratch_search {
	__u32 first;
	__u32 found;			/* key + 1 */
};

/* Picked by the task, and well apart. */
static long scratch_step(__u32 i, void *ctx)
{
	struct scratch_search *search = ctx;
	__u32 key = (search->first + i * 31) % SCRATCH_COUNT;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &key);

	if (!scratch || __sync_val_compare_and_swap(&scratch->taken, 0, 1))
		return 0;
	search->found = key + 1;
	return 1;
}

/* A free buffer, or NULL when SCRATCH_TRIES of them were taken: the caller then doubts. */
static __always_inline struct scratch *scratch_take(void)
{
	struct scratch_search search = {
		/* 2^32 / golden ratio: neighbours are far apart */
		.first = (__u32)bpf_get_current_pid_tgid() * 0x9e3779b1 >> 16,
	};
	struct scratch *scratch = NULL;
	__u32 key;

	if (bpf_preempt_disable)
		bpf_preempt_disable();
	bpf_loop(SCRATCH_TRIES, scratch_step, &search, 0);
	key = search.found - 1;
	if (search.found)
		scratch = bpf_map_lookup_elem(&scratches, &key);
	if (!scratch && bpf_preempt_enable)
		bpf_preempt_enable();
	return scratch;
}

static __always_inline void scratch_give(struct scratch *scratch)
{
	__sync_lock_test_and_set(&scratch->taken, 0);
	if (bpf_preempt_enable)
		bpf_preempt_enable();
}
