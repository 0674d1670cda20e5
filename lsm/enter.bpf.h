/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who is in a control group that a run is made of.
 */
#pragma once

#include "guard.bpf.h"

#define PF_FORKNOEXEC 0x40		/* forked, and has executed nothing yet */
#define PF_KTHREAD 0x200000

/* What comes of being in a control group, or NULL. Where its run was released, nothing does any more. */
static __always_inline struct entry *entry_of_group(__u64 group)
{
	struct entry *entry = bpf_map_lookup_elem(&enter_groups, &group);

	return entry && !is_released(entry->run) ? entry : NULL;
}

static __always_inline struct entry *entry_of_task(struct task_struct *task)
{
	return entry_of_group(BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id));
}

/* A child of the service manager on its way to its program, and still a copy of it: it works for the manager,
 * mounts for instance what its unit is to see, and is in once it executes that. */
static __always_inline bool is_on_its_way(struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;

	return task->flags & PF_FORKNOEXEC && parent && parent->tgid == 1 &&
	       BPF_CORE_READ(task, mm, exe_file) == BPF_CORE_READ(parent, mm, exe_file);
}

/* Who is never let in: the first process, those of the kernel, and who holds the fence. */
static __always_inline bool is_exempt(struct task_struct *task)
{
	struct process_id id;

	return task->tgid == 1 || task->flags & PF_KTHREAD || is_keeper(&id, task) || is_on_its_way(task);
}
