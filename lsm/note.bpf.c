// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What launchers and operators have recorded about a run: that it begins, that it is over, that its tags are
 * about to be taken back.
 *
 *	iter/task	note_run: records what the process that starts it has written into `notice`
 *
 * Threat: a line about a run that the run itself has written. It goes the way of decisions, through the ring,
 * and in their order; the map and the program are the fence's own, which tagged processes are kept from.
 */
#include "record.bpf.h"
#include "scratch.bpf.h"

/* As a decision that is neither a denial nor an access: it is submitted, and then logged or lost. */
static __noinline int submit_note(struct record *record)
{
	struct run *run = run_of(record->run);
	__u32 size = record->text_size;

	if (size > RECORD_TEXT_MAX)
		size = RECORD_TEXT_MAX;
	size += sizeof(*record);
	record->size = size;
	if (run)
		__sync_fetch_and_add(&run->submitted, 1);
	if (bpf_ringbuf_output(&ring, record, size, wakeup()))
		count_lost(record->run, record->kind);
	return 0;
}

static __always_inline void record_note(struct scratch *scratch, const struct notice *note,
					struct task_struct *task)
{
	struct tag tag = { .run = note->about.run, .policy = note->about.policy };
	struct record_about about = {
		.tag = &tag,
		.task = task,
		.parent = task->real_parent,
		.kind = RECORD_DECISION,
		.verdict = note->about.verdict,
	};
	struct record *record = &scratch->record;
	__u32 size = note->size;

	record_begin(record, &about);
	if (!note->about.pid)
		record->flags |= RECORD_ROOT;	/* nobody above is of the run */
	if (note->about.mode == MODE_ENFORCE)
		record->flags |= RECORD_ENFORCED;
	record->generation = note->about.generation;
	record->rule = note->about.rule;
	record->err = note->about.err;
	record->object = CLASS_FENCE;
	if (size > NOTICE_TEXT_MAX || bpf_probe_read_kernel(scratch->text, size, note->text))
		return;
	record->text_size = size;
	submit_note(record);
}

/* Called for each task: the one that the note is about is waited for, and where there is none, the end. */
SEC("iter/task")
int note_run(struct bpf_iter__task *ctx)
{
	struct task_struct *self = bpf_get_current_task_btf(), *task = ctx->task;
	struct scratch *scratch;
	struct notice *note;
	__u32 pid = self->tgid;

	note = bpf_map_lookup_elem(&notice, &pid);
	if (!note || !note->pending)
		return 0;
	if (note->about.pid && task && task->pid != (int)note->about.pid)
		return 0;
	scratch = scratch_take();
	if (!scratch)
		return 0;
	note->pending = 0;
	if (note->about.pid && task)
		record_note(scratch, note, task);
	else
		record_note(scratch, note, self);
	scratch_give(scratch);
	return 0;
}
