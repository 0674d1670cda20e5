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

/* A free buffer, or NULL when SCRATCH_TRIES of them, picked by the task and well apart, were taken:
 * the caller then doubts. */
static __always_inline struct scratch *scratch_take(void)
{
	__u32 first = (__u32)bpf_get_current_pid_tgid() * 0x9e3779b1;	/* 2^32 / golden ratio */

	if (bpf_preempt_disable)
		bpf_preempt_disable();
	for (__u32 try = 0; try < SCRATCH_TRIES; try++) {
		__u32 key = ((first >> 16) + try * 31) % SCRATCH_COUNT;
		struct scratch *scratch = bpf_map_lookup_elem(&scratches, &key);

		if (scratch && __sync_val_compare_and_swap(&scratch->taken, 0, 1) == 0)
			return scratch;
	}
	if (bpf_preempt_enable)
		bpf_preempt_enable();
	return NULL;
}

static __always_inline void scratch_give(struct scratch *scratch)
{
	__sync_lock_test_and_set(&scratch->taken, 0);
	if (bpf_preempt_enable)
		bpf_preempt_enable();
}
