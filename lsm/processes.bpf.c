// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What processes are called.
 *
 *	iter/task	seen_processes: lists the processes that its reader can see, each with the number that
 *			the reader's pid name space has for it, and the one by which it is known here
 *
 * Threat: a number that user space has read in a container, and that is another process's here. User space
 * hands over no number that was not looked up in this list, unless it is in the initial pid name space.
 */
#include "processes.bpf.h"
#include "record.bpf.h"

SEC("iter/task")
int seen_processes(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *parent;
	struct seen_process seen = {};

	if (!task || task->pid != task->tgid)
		return 0;
	process_id_of(&seen.process, task);
	seen.pid = process_here(task);
	parent = task->real_parent;
	seen.ppid = parent ? process_here(parent) : 0;
	bpf_seq_write(ctx->meta->seq, &seen, sizeof(seen));
	return 0;
}
