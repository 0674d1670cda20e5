/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the reader of an iterator calls a process. All else in the kernel programs goes by the numbers of the
 * initial pid name space.
 */
#pragma once

#include "maps.bpf.h"

static __always_inline struct upid upid_at(struct pid *pid, unsigned int level)
{
	const char *first = (const char *)pid + bpf_core_field_offset(struct pid, numbers);
	const struct upid *at = (const void *)(first + level * bpf_core_type_size(struct upid));
	struct upid upid = {};

	upid.nr = BPF_CORE_READ(at, nr);
	upid.ns = BPF_CORE_READ(at, ns);
	return upid;
}

/* The number of a thread in the pid name space of the task at hand; 0 where it has none there. */
static __always_inline __u32 number_here(struct task_struct *thread)
{
	struct pid *here = BPF_CORE_READ(bpf_get_current_task_btf(), thread_pid);
	struct pid *there = BPF_CORE_READ(thread, thread_pid);
	unsigned int level = BPF_CORE_READ(here, level);
	struct upid upid;

	if (!there || BPF_CORE_READ(there, level) < level)
		return 0;
	upid = upid_at(there, level);
	return upid.ns == upid_at(here, level).ns ? upid.nr : 0;
}

static __always_inline __u32 process_here(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	return leader ? number_here(leader) : 0;
}
