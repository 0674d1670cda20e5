/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whose tag it is, and how a task gets one.
 *
 * Linux 6.1 refuses to look into task storage while another task on the same CPU is inside of it
 * (bpf_task_storage_trylock()), which under preempt=full one that was preempted there may be: the
 * helper then has no answer for a task that is tagged. What it would have found is read from the
 * storage itself, and what it would have made is tried again until the other is out.
 */
#pragma once

#include "maps.bpf.h"

/* How many elements of a task's storage are looked at: one for every BPF map that has something on
 * the task. */
#define STORAGE_ELEMENTS 64

struct storage_walk {
	__u64 node;			/* struct hlist_node *, the snode of an element */
	__u64 found;			/* its sdata, where that belongs to the map `tags` */
};

static long storage_step(__u32 i, void *ctx)
{
	struct storage_walk *walk = ctx;
	__u64 element = walk->node - bpf_core_field_offset(struct bpf_local_storage_elem, snode);
	struct bpf_local_storage_map *owner = NULL;

	if (!walk->node)
		return 1;
	owner = KREAD(bpf_local_storage_elem, element, sdata.smap);
	if ((void *)owner == (void *)&tags) {
		walk->found = element + bpf_core_field_offset(struct bpf_local_storage_elem, sdata);
		return 1;
	}
	walk->node = (__u64)KREAD(hlist_node, walk->node, next);
	return 0;
}

static __always_inline bool tag_read(struct bpf_local_storage *storage, struct tag *ret_tag)
{
	struct storage_walk walk = { .node = (__u64)KREAD(bpf_local_storage, storage, list.first) };

	bpf_loop(STORAGE_ELEMENTS, storage_step, &walk, 0);
	return walk.found &&
	       !bpf_probe_read_kernel(ret_tag, sizeof(*ret_tag), (const void *)walk.found +
				      bpf_core_field_offset(struct bpf_local_storage_data, data));
}

/* The tag of a task, or false. Nearly all tasks have no storage at all: this is the whole price that
 * they pay. */
static __always_inline bool tag_of(struct task_struct *task, struct tag *ret_tag)
{
	struct bpf_local_storage *storage = task->bpf_storage;
	struct tag *tag;

	if (!storage)
		return false;
	tag = bpf_task_storage_get(&tags, task, NULL, 0);
	if (!tag)
		return tag_read(storage, ret_tag);
	*ret_tag = *tag;
	return true;
}

static __always_inline bool tag_of_current(struct tag *ret_tag)
{
	return tag_of(bpf_get_current_task_btf(), ret_tag);
}

/* Per CPU: how many are inside of task storage (6.1; later kernels have no such counter, or ask it
 * only of other kinds of program). */
extern const int bpf_task_storage_busy __weak __ksym;

/* Spinning until the scheduler has let the other one finish: that is a tick or two. */
#define TAG_TRIES (1 << 20)

struct tag_give {
	struct task_struct *task;
	struct tag *tag;
	bool given;
	__u32 idle;			/* tries in a row after which nobody was inside */
};

/* Whoever was in the way of a try may be out before we look: only several in a row mean that it was
 * memory. */
#define IDLE_TRIES 64

static long tag_give_step(__u32 i, void *ctx)
{
	struct tag_give *give = ctx;
	const int *busy;

	if (bpf_task_storage_get(&tags, give->task, give->tag, BPF_LOCAL_STORAGE_GET_F_CREATE)) {
		give->given = true;
		return 1;
	}
	busy = bpf_this_cpu_ptr(&bpf_task_storage_busy);
	give->idle = *busy ? 0 : give->idle + 1;
	return give->idle == IDLE_TRIES;
}

/* Gives @task a copy of @tag, unless it has one. False: there was no memory. */
static __always_inline bool tag_give(struct task_struct *task, struct tag *tag)
{
	struct tag_give give = { .task = task, .tag = tag };

	if (bpf_task_storage_get(&tags, task, tag, BPF_LOCAL_STORAGE_GET_F_CREATE))
		return true;
	if (!&bpf_task_storage_busy)
		return false;
	bpf_loop(TAG_TRIES, tag_give_step, &give, 0);
	return give.given;
}
