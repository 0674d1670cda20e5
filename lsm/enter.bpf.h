/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who is in a control group that a run is made of.
 */
#pragma once

#include "guard.bpf.h"

#define PF_FORKNOEXEC 0x40		/* forked, and has executed nothing yet */
#define PF_KTHREAD 0x200000

static __always_inline __u64 group_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* What comes of being in the control group that a task is in, or NULL. */
static __always_inline struct entry *entry_of_group(struct task_struct *task)
{
	__u64 group = group_of(task);

	return bpf_map_lookup_elem(&enter_groups, &group);
}

/* Who is never let in: the first process, those of the kernel, and who holds the fence. And a child of the
 * service manager on its way to its program: it still works for the manager, mounts for instance what its
 * unit is to see, and is in once it executes that. */
static __always_inline bool is_exempt(struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	struct process_id id;

	return task->tgid == 1 || task->flags & PF_KTHREAD || is_keeper(&id, task) ||
	       (task->flags & PF_FORKNOEXEC && parent && parent->tgid == 1);
}
