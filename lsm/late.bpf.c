// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Tagging what already runs (ringfence tag), taking the tags of a run back (ringfence release), and
 * listing what is tagged (ringfence ps).
 *
 *	iter/task	tagged_tasks: lists the tagged tasks
 *			late_tasks: one pass over all tasks, which tags those that belong to the tree, or
 *			takes the tags back
 *	iter/task_file, iter/task_vma
 *			late_files, late_mappings: what tasks of the run hold that acts in another's name
 *	sched_process_exit, task_newtask
 *			late_process_exit, late_newtask: who is left behind by a task of the tree
 *
 * Threat: a tree that forks while it is tagged. A child that is in the making while its parent gets
 * the tag is missed by a pass: user space makes passes until one finds nothing to do, and
 * task_newtask (tag.bpf.c) gives the child what its parent has got meanwhile. From then on task_alloc
 * fails the forks that it cannot tag. And a child whose parent ends before a pass came to it: nothing
 * shows any more that it is of the tree, so it is noted when its parent ends.
 *
 * Linux 7 runs programs on tracepoints with preemption, and leaves one out while another process is
 * inside of it on the same CPU: a fork or an exit that nobody saw. It counts them
 * (recursion_misses), and user space, which compares, then takes every tag back.
 *
 * The same race the other way round: a child in the making has its parent's tag already when that one's
 * is taken back. Its run is marked as released before, and task_newtask (tag.bpf.c) frees it.
 */
#include "enter.bpf.h"
#include "path.bpf.h"
#include "processes.bpf.h"
#include "scratch.bpf.h"

SEC("iter/task")
int tagged_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tagged_task entry = {};
	struct task_struct *parent;

	if (!task || !tag_of(task, &entry.tag))
		return 0;
	process_id_of(&entry.process, task);
	parent = task->real_parent;
	entry.ppid = parent ? parent->tgid : 0;
	entry.tid = task->pid;
	bpf_probe_read_kernel_str(entry.comm, sizeof(entry.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry));
	return 0;
}

static __always_inline struct late *late_order(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&late, &key);
}

static __always_inline bool is_of_run(struct task_struct *task, __u64 run)
{
	struct tag tag;

	return tag_of(task, &tag) && tag.run == run;
}

/* --- orphans -------------------------------------------------------------------------------- */

/* Ancestors that are looked at, and children of one task: more of them are not known to be of the
 * tree, and that is said. */
#define ANCESTORS_MAX 512
#define CHILDREN_MAX 4096

static __always_inline bool is_orphan(__u64 task)
{
	struct process_id id = {
		.pid = KREAD(task_struct, task, tgid),
		.start_ns = KREAD(task_struct, task, group_leader, start_boottime),
	};

	return bpf_map_lookup_elem(&late_orphans, &id);
}

struct ancestry {
	__u64 task;			/* struct task_struct * */
	int root;
	bool found, ended;
};

/* The parent is read first: where it has been another one by then, the note has been made, too. */
static long ancestry_step(__u32 i, void *ctx)
{
	struct ancestry *ancestry = ctx;
	__u64 task = ancestry->task;

	ancestry->task = (__u64)KREAD(task_struct, task, real_parent);
	ancestry->found = KREAD(task_struct, task, tgid) == ancestry->root || is_orphan(task);
	ancestry->ended = ancestry->found || !ancestry->task || ancestry->task == task;
	return ancestry->ended;
}

/* Whether a task is of the tree, tagged or not. */
static __always_inline bool descends(struct task_struct *task, struct late *order)
{
	struct ancestry ancestry = { .task = (__u64)task, .root = order->root };

	bpf_loop(ANCESTORS_MAX, ancestry_step, &ancestry, 0);
	if (!ancestry.ended)
		__sync_fetch_and_add(&order->missed, 1);
	return ancestry.found;
}

struct brood {
	__u64 node;			/* struct list_head *, the sibling of a child */
	__u64 end;
	bool missed;
};

static long brood_step(__u32 i, void *ctx)
{
	struct brood *brood = ctx;
	__u64 child = brood->node - bpf_core_field_offset(struct task_struct, sibling);
	struct process_id id = {};
	__u32 nothing = 0;

	if (brood->node == brood->end)
		return 1;
	id.pid = KREAD(task_struct, child, tgid);
	id.start_ns = KREAD(task_struct, child, start_boottime);
	if (bpf_map_update_elem(&late_orphans, &id, &nothing, BPF_ANY))
		brood->missed = true;
	brood->node = (__u64)KREAD(list_head, brood->node, next);
	return 0;
}

/* Nobody but this task and its threads adds to the list or takes from it; where one of them does so
 * meanwhile and the end is not reached, user space is told. */
static __always_inline void note_children(struct task_struct *task, struct late *order)
{
	__u64 end = (__u64)task + bpf_core_field_offset(struct task_struct, children);
	struct brood brood = { .node = (__u64)KREAD(list_head, end, next), .end = end };

	bpf_loop(CHILDREN_MAX, brood_step, &brood, 0);
	if (brood.missed || brood.node != end)
		__sync_fetch_and_add(&order->missed, 1);
}

static __always_inline bool is_stale(const struct late *order)
{
	return bpf_ktime_get_boot_ns() > order->renewed_ns + LATE_STALE_NS;
}

/* An order for a whole tree that is being carried out, or NULL. One that nobody carries out any more
 * must not cost every process of the host a walk when it ends. */
static __always_inline struct late *late_order_for_tree(void)
{
	struct late *order = late_order();

	return order && order->root && order->tree && !order->undo && !is_stale(order) ? order : NULL;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(late_process_exit, struct task_struct *task)
{
	struct late *order = late_order_for_tree();

	if (order && descends(task, order))
		note_children(task, order);
	return 0;
}

/* With CLONE_PARENT a child is its maker's sibling, and may be one of the root. */
SEC("tp_btf/task_newtask")
int BPF_PROG(late_newtask, struct task_struct *task, unsigned long clone_flags)
{
	struct process_id id = { .pid = task->tgid, .start_ns = task->start_boottime };
	struct late *order = late_order_for_tree();
	__u32 nothing = 0;

	if (!order || !(clone_flags & CLONE_PARENT) || clone_flags & CLONE_THREAD)
		return 0;
	if (descends(bpf_get_current_task_btf(), order) &&
	    bpf_map_update_elem(&late_orphans, &id, &nothing, BPF_ANY))
		__sync_fetch_and_add(&order->missed, 1);
	return 0;
}

/* --- passes --------------------------------------------------------------------------------- */

/* Whether a task is in a control group of a run. */
static __always_inline bool is_in_group(struct task_struct *task, __u64 run)
{
	const struct entry *entry = entry_of_task(task);

	return entry && entry->run == run && !is_exempt(task);
}

/* A thread of the root, or, where the whole tree is meant, the child of a task that is in it, or was. */
static __always_inline bool belongs(struct task_struct *task, const struct late *order)
{
	struct task_struct *parent = task->real_parent;

	if (order->group)
		return is_in_group(task, order->tag.run);
	if (task->tgid == (int)order->root)
		return true;
	if (!order->tree)
		return false;
	return (parent && is_of_run(parent, order->tag.run)) || is_orphan((__u64)task);
}

/* On 6.1 a task storage that another one on this CPU is inside of is not to be changed: the next pass
 * comes back to it. */
static __always_inline void take_back(struct task_struct *task, struct late *order)
{
	struct run *run = run_of(order->tag.run);

	if (run)
		run->flags |= TAG_RELEASED;
	if (!is_of_run(task, order->tag.run))
		return;
	if (bpf_task_storage_delete(&tags, task))
		order->failed++;
	else
		order->changed++;
}

SEC("iter/task")
int late_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct late *order = late_order();
	struct tag tag;

	if (!task || !order)
		return 0;
	if (is_stale(order))		/* user space was stopped: nobody was noted meanwhile */
		order->missed++;
	order->renewed_ns = bpf_ktime_get_boot_ns();
	if (order->undo) {
		take_back(task, order);
		return 0;
	}
	if (!belongs(task, order))
		return 0;
	tag = order->tag;
	if (!tag_of(task, &tag)) {
		if (tag_give(task, &tag))
			order->changed++;
		else
			order->failed++;
	} else if (tag.run != order->tag.run) {
		order->others++;
	}
	return 0;
}

static __always_inline void report_ring(struct seq_file *seq, struct task_struct *task, int fd)
{
	struct late_ring ring = { .pid = process_here(task), .fd = fd };

	bpf_seq_write(seq, &ring, sizeof(ring));
}

SEC("iter/task_file")
int late_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct late *order = late_order();
	struct file *file = ctx->file;

	if (task && file && order && is_of_run(task, order->tag.run) && is_ring(file))
		report_ring(ctx->meta->seq, task, ctx->fd);
	return 0;
}

/* A ring whose descriptor is closed lives on in its mapping, and with a thread of its own polls it
 * (IORING_SETUP_SQPOLL). */
SEC("iter/task_vma")
int late_mappings(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *task = ctx->task;
	struct vm_area_struct *vma = ctx->vma;
	struct late *order = late_order();
	struct file *file;

	if (!task || !vma || !order || !is_of_run(task, order->tag.run))
		return 0;
	file = vma->vm_file;
	if (file && is_ring(file))
		report_ring(ctx->meta->seq, task, -1);
	return 0;
}
