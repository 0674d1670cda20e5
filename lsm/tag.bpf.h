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

/* --- whose turn it is ----------------------------------------------------------------------- */

/* The number of these programs. */
const volatile __u8 shift;

static __always_inline __u8 shift_on_duty(void)
{
	__u32 key = 0;
	const struct duty *now = bpf_map_lookup_elem(&duty, &key);

	return now ? now->shift : shift;
}

/*
 * Whether a hook is to be judged by this shift. While there are two, the kernel asks the newer one first: it
 * leaves a task to the older one until it is on duty itself, and then takes it over, which the older one sees
 * in the tag when it is asked a moment later. So the duty may change between the two, and neither does an
 * event pass both nor is it judged twice. @kept is the tag in the task's storage, NULL where that is busy
 * (6.1): then both judge.
 */
static __always_inline bool governs(struct tag *kept, struct tag *tag)
{
	__u8 on_duty = shift_on_duty();

	if (tag->flags & TAG_BOUND)
		return tag->shift == shift;
	if (on_duty != shift)
		return tag->shift != on_duty;
	tag->shift = shift;
	if (kept)
		kept->shift = shift;
	return true;
}

/* The same of a tracepoint, where the older one is asked first. */
static __always_inline bool governs_event(const struct tag *tag)
{
	return tag->flags & TAG_BOUND ? tag->shift == shift : shift_on_duty() == shift;
}

/* The tag of the task at hand, where it has one and this shift is to judge what it does. */
static __always_inline bool tag_of_current(struct tag *ret_tag)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct bpf_local_storage *storage = task->bpf_storage;
	struct tag *kept;

	if (!storage)
		return false;
	kept = bpf_task_storage_get(&tags, task, NULL, 0);
	if (kept)
		*ret_tag = *kept;
	else if (!tag_read(storage, ret_tag))
		return false;
	return governs(kept, ret_tag);
}

/* --- giving one ----------------------------------------------------------------------------- */

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
