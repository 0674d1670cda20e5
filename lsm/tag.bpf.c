// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Who is tagged.
 *
 *	task_alloc		a child gets its parent's tag before it can run, or is not born
 *	task_newtask		tells the collector about the new process,
 *	sched_process_exec	what it executes and with which arguments,
 *	sched_process_exit	and that it is gone
 *	iter/task		lists the tagged tasks (ringfence ps)
 *
 * Threat: a task that leaves the tree, by whatever kind of fork, or whose tag is lost for want of
 * memory. The tag comes from `current`, which forks, and never from real_parent, which CLONE_PARENT
 * lets a task choose.
 */
#include "record.bpf.h"
#include "scratch.bpf.h"

SEC("lsm/task_alloc")
int BPF_PROG(tag_task_alloc, struct task_struct *task, unsigned long clone_flags, int ret)
{
	struct tag *tag;
	struct run *run;

	if (ret)
		return ret;
	tag = tag_of_current();
	if (!tag)
		return 0;
	if (bpf_task_storage_get(&tags, task, tag, BPF_LOCAL_STORAGE_GET_F_CREATE))
		return 0;
	run = bpf_map_lookup_elem(&runs, &tag->run);
	if (run)
		__sync_fetch_and_add(&run->refused_forks, 1);
	return -EAGAIN;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(tag_task_newtask, struct task_struct *task, unsigned long clone_flags)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	struct record record;
	struct tag *tag;

	if (clone_flags & CLONE_THREAD)
		return 0;
	tag = bpf_task_storage_get(&tags, task, NULL, 0);
	if (!tag)
		return 0;
	record_begin(&record, RECORD_FORK, tag, task);
	process_id_of(&record.parent, parent);
	record_submit(&record, sizeof(record));
	return 0;
}

/* The file and the arguments as execve(2) left them: nobody has run in the new image yet, so nobody
 * has changed them, and the kernel has just written the pages. */
static __always_inline __u32 exec_text(struct record *record, char *text,
				       const struct linux_binprm *bprm, struct mm_struct *mm)
{
	unsigned long start = mm->arg_start, size = mm->arg_end - start;
	long length = bpf_probe_read_kernel_str(text, PATH_LENGTH_MAX, bprm->filename);

	if (length < 0 || length > PATH_LENGTH_MAX) {
		record->flags |= RECORD_UNREADABLE;
		return 0;
	}
	if (size > ARGV_MAX) {
		size = ARGV_MAX;
		record->flags |= RECORD_TRUNCATED;
	}
	if (bpf_probe_read_user(text + length, size, (const void *)start)) {
		record->flags |= RECORD_UNREADABLE;
		return length;
	}
	return length + size;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tag_process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct tag *tag = tag_of_current();
	struct mm_struct *mm;
	struct scratch *scratch;
	struct record *record;
	__u32 size;

	if (!tag)
		return 0;
	scratch = scratch_take();
	if (!scratch) {
		struct record lost;

		record_begin(&lost, RECORD_EXEC, tag, task);
		lost.flags |= RECORD_UNREADABLE;
		record_submit(&lost, sizeof(lost));
		return 0;
	}
	record = &scratch->record;
	record_begin(record, RECORD_EXEC, tag, task);
	mm = task->mm;
	size = mm ? exec_text(record, scratch->text, bprm, mm) : 0;
	if (size > RECORD_TEXT_MAX)
		size = RECORD_TEXT_MAX;
	record->text_size = size;
	record->size = sizeof(*record) + size;
	record_submit(record, sizeof(*record) + size);
	scratch_give(scratch);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tag_process_exit, struct task_struct *task)
{
	struct tag *tag = tag_of_current();
	struct record record;

	/* do_exit() has taken this thread off `live` already. */
	if (!tag || task->signal->live.counter > 0)
		return 0;
	record_begin(&record, RECORD_EXIT, tag, task);
	record_submit(&record, sizeof(record));
	return 0;
}

SEC("iter/task")
int tagged_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tagged_task entry = {};
	struct task_struct *parent;
	struct tag *tag;

	if (!task)
		return 0;
	tag = bpf_task_storage_get(&tags, task, NULL, 0);
	if (!tag)
		return 0;
	process_id_of(&entry.process, task);
	parent = task->real_parent;
	entry.ppid = parent ? parent->tgid : 0;
	entry.tid = task->pid;
	entry.tag = *tag;
	bpf_probe_read_kernel_str(entry.comm, sizeof(entry.comm), task->comm);
	bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry));
	return 0;
}
