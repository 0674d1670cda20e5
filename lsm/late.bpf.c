// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Tagging what already runs (ringfence tag), and listing what is tagged (ringfence ps).
 *
 *	iter/task	tagged_tasks: lists the tagged tasks
 *			late_tasks: one pass over all tasks, which tags those that belong to the tree, or
 *			takes the tags back
 *	iter/task_file, iter/task_vma
 *			late_files, late_mappings: what tasks of the run hold that acts in another's name
 *
 * Threat: a tree that forks while it is tagged. A child that is in the making while its parent gets
 * the tag is missed by a pass: user space makes passes until one finds nothing to do, and
 * task_newtask (tag.bpf.c) gives the child what its parent has got meanwhile. From then on task_alloc
 * fails the forks that it cannot tag.
 */
#include "path.bpf.h"

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

/* A thread of the root, or, where the whole tree is meant, the child of a task that is in it. */
static __always_inline bool belongs(struct task_struct *task, const struct late *order)
{
	struct task_struct *parent = task->real_parent;

	if (task->tgid == (int)order->root)
		return true;
	return order->tree && parent && is_of_run(parent, order->tag.run);
}

SEC("iter/task")
int late_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct late *order = late_order();
	struct tag tag;

	if (!task || !order)
		return 0;
	if (order->undo) {
		if (is_of_run(task, order->tag.run)) {
			bpf_task_storage_delete(&tags, task);
			order->changed++;
		}
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
	struct late_ring ring = { .pid = task->tgid, .tid = task->pid, .fd = fd };

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
