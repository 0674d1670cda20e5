// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Who is tagged.
 *
 *	task_alloc		a child gets its parent's tag before it can run, or is not born
 *	task_newtask		gives it what its parent got meanwhile (late.bpf.c), or takes it back where
 *				the run was released, and tells the collector about the new process,
 *	sched_process_exec	what it executes and with which arguments,
 *	sched_process_exit	and that it is gone
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
	struct run *run;
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag) || tag_give(task, &tag))
		return 0;
	run = bpf_map_lookup_elem(&runs, &tag.run);
	if (run)
		__sync_fetch_and_add(&run->refused_forks, 1);
	return -EAGAIN;
}

/* A record that is nothing but who and when. */
static __always_inline void record_lineage(const struct record_about *about)
{
	struct record *record = record_open(about, sizeof(*record));

	if (record)
		record_close(record);
}

SEC("tp_btf/task_newtask")
int BPF_PROG(tag_task_newtask, struct task_struct *task, unsigned long clone_flags)
{
	struct tag tag;
	struct record_about about = {
		.tag = &tag,
		.task = task,
		.parent = bpf_get_current_task_btf(),
		.kind = RECORD_FORK,
	};

	if (!tag_of(task, &tag) &&
	    (!tag_of(bpf_get_current_task_btf(), &tag) || !tag_give(task, &tag)))
		return 0;
	if (is_released(tag.run)) {	/* it was in the making meanwhile (late.bpf.c) */
		bpf_task_storage_delete(&tags, task);
		return 0;
	}
	if (!(clone_flags & CLONE_THREAD) && governs_event(&tag))
		record_lineage(&about);
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
	struct tag tag;
	struct record_about about = {
		.tag = &tag,
		.task = task,
		.parent = task->real_parent,
		.kind = RECORD_EXEC,
	};
	struct scratch *scratch;
	struct mm_struct *mm;

	if (!tag_of(task, &tag) || !governs_event(&tag))
		return 0;
	scratch = scratch_take();
	if (!scratch) {
		struct record *record = record_open(&about, sizeof(*record));

		if (record) {
			record->flags |= RECORD_UNREADABLE;
			record_close(record);
		}
		return 0;
	}
	record_begin(&scratch->record, &about);
	mm = task->mm;
	if (mm)
		scratch->record.text_size = exec_text(&scratch->record, scratch->text, bprm, mm);
	record_submit(&scratch->record);
	scratch_give(scratch);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tag_process_exit, struct task_struct *task)
{
	struct tag tag;
	struct record_about about = {
		.tag = &tag,
		.task = task,
		.parent = task->real_parent,
		.kind = RECORD_EXIT,
	};

	/* do_exit() has taken this thread off `live` already. */
	if (task->signal->live.counter <= 0 && tag_of(task, &tag) && governs_event(&tag))
		record_lineage(&about);
	return 0;
}
