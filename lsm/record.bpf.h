/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fills and submits audit records; counts what could not be submitted. And how a hook ends: record
 * the decision, return what the mode makes of it.
 */
#pragma once

#include "tag.bpf.h"

/* The collector polls on a timer; it is woken early only when the ring fills up, because a wakeup
 * per record costs more than the record. */
#define RING_WAKE_BYTES (RING_BYTES / 8)

static __always_inline void process_id_of(struct process_id *id, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	id->pid = task->tgid;
	id->start_ns = leader ? leader->start_boottime : 0;
}

/* What a record is begun with. */
struct record_about {
	const struct tag *tag;
	struct task_struct *task, *parent;
	__u8 kind;			/* enum record_kind */
	__u8 verdict;			/* enum verdict, of a decision */
};

/* A decision about what the task at hand does. */
static __always_inline struct record_about record_about_decision(const struct tag *tag, __u8 verdict)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct record_about about = {
		.tag = tag,
		.task = task,
		.parent = task->real_parent,
		.kind = RECORD_DECISION,
		.verdict = verdict,
	};

	return about;
}

static __always_inline struct run *run_of(__u64 run)
{
	return bpf_map_lookup_elem(&runs, &run);
}

/* Whether the tags of a run were taken back. */
static __always_inline bool is_released(__u64 run_id)
{
	const struct run *run = run_of(run_id);

	return run && run->flags & TAG_RELEASED;
}

static __always_inline struct losses *losses_here(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&losses, &key);
}

/* The fields that every record has. The rest is zero. */
static __noinline int record_begin(struct record *record, const struct record_about *about)
{
	struct task_struct *leader = about->task->group_leader;
	__u64 ids = bpf_get_current_uid_gid();
	const struct losses *lost;
	const struct run *run;

	__builtin_memset(record, 0, sizeof(*record));
	record->version = ABI_VERSION;
	record->kind = about->kind;
	record->verdict = about->verdict;
	record->size = sizeof(*record);
	record->run = about->tag->run;
	record->policy = about->tag->policy;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->cpu = bpf_get_smp_processor_id();
	process_id_of(&record->process, about->task);
	if (about->parent)
		process_id_of(&record->parent, about->parent);
	record->tid = about->task->pid;
	record->uid = ids;
	record->gid = ids >> 32;
	if (leader)			/* a thread may have a name of its own, or the kernel's (iou-wrk) */
		bpf_probe_read_kernel_str(record->comm, sizeof(record->comm), leader->comm);
	if (about->tag->flags & TAG_PROBE)
		record->flags = RECORD_PROBE;
	run = run_of(about->tag->run);
	if (run && run->pid == record->parent.pid)
		record->flags |= RECORD_ROOT;
	lost = losses_here();
	if (lost)
		record->cpu_lost = lost->decisions;
	return 0;
}

static __noinline int count_submitted(__u64 run_id, __u8 kind, __u8 verdict)
{
	struct run *run = run_of(run_id);

	if (!run || kind != RECORD_DECISION)
		return 0;
	__sync_fetch_and_add(&run->submitted, 1);
	__sync_fetch_and_add(verdict == VERDICT_DENY ? &run->denied :
			     verdict == VERDICT_AUDIT ? &run->audited : &run->allowed, 1);
	return 0;
}

static __noinline int count_repeated(__u64 run_id)
{
	struct run *run = run_of(run_id);

	if (run)
		__sync_fetch_and_add(&run->repeated, 1);
	return 0;
}

static __noinline int count_lost(__u64 run_id, __u8 kind)
{
	bool decision = kind == RECORD_DECISION;
	struct losses *lost = losses_here();
	struct run *run = run_of(run_id);

	if (lost)
		__sync_fetch_and_add(decision ? &lost->decisions : &lost->lineage, 1);
	if (run)
		__sync_fetch_and_add(decision ? &run->lost : &run->lost_lineage, 1);
	return 0;
}

static __always_inline __u64 wakeup(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > RING_WAKE_BYTES ?
		BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* A record in the ring, of @size bytes, begun. What does not fit is counted, and there is NULL. */
static __always_inline struct record *record_open(const struct record_about *about, __u32 size)
{
	struct record *record;

	count_submitted(about->tag->run, about->kind, about->verdict);
	record = bpf_ringbuf_reserve(&ring, size, 0);
	if (record)
		record_begin(record, about);
	else
		count_lost(about->tag->run, about->kind);
	return record;
}

static __always_inline void record_close(struct record *record)
{
	bpf_ringbuf_submit(record, wakeup());
}

/* Submits a record that was begun elsewhere, because its size shows when it is done, with its text of
 * record->text_size bytes. Returns 0, or not 0 where it does not fit, which is counted. */
static __noinline int record_submit(struct record *record)
{
	__u32 size = record->text_size;

	if (size > RECORD_TEXT_MAX)
		size = RECORD_TEXT_MAX;
	record->text_size = size;
	size += sizeof(*record);
	record->size = size;
	count_submitted(record->run, record->kind, record->verdict);
	if (!bpf_ringbuf_output(&ring, record, size, wakeup()))
		return 0;
	count_lost(record->run, record->kind);
	return 1;
}

/* What a hook returns. The verifier wants to see its range, in 64 bits and on the copy that is
 * returned, of what comes from a function that it looks at by itself. */
static __always_inline long hook_result(long err)
{
	barrier_var(err);
	return err < -MAX_ERRNO || err > 0 ? -EPERM : err;
}

/* The ruleset of a tag; rules.head is NULL where its slot is empty, and the task is to be
 * denied. */
static __always_inline void rules_of(const struct tag *tag, struct rules *ret_rules)
{
	__u32 slot = tag->policy, first = 0;

	ret_rules->head = NULL;
	ret_rules->chunks = bpf_map_lookup_elem(&rulesets, &slot);
	if (ret_rules->chunks)
		ret_rules->head = bpf_map_lookup_elem(ret_rules->chunks, &first);
}

static __always_inline __u32 mode_of(const struct tag *tag, const struct ruleset *head)
{
	return tag->mode == MODE_POLICY ? head->mode : tag->mode;
}

/* What of the allowed is recorded of a task. */
static __always_inline __u32 recording_of(const struct tag *tag, const struct ruleset *head)
{
	return recording_in(head, mode_of(tag, head));
}

static __always_inline void outcome_of(struct outcome *ret_outcome, const struct tag *tag,
				       const struct rules *rules, const struct decision *decision)
{
	__u32 mode = MODE_ENFORCE;

	ret_outcome->generation = 0;
	if (rules->head) {
		ret_outcome->generation = rules->head->generation;
		mode = mode_of(tag, rules->head);
	}
	ret_outcome->flags = mode == MODE_AUDIT ? 0 : RECORD_ENFORCED;
	ret_outcome->err = 0;
	if (mode != MODE_AUDIT && decision->verdict == VERDICT_DENY)
		ret_outcome->err = decision->err < 0 ? decision->err : -EPERM;
	ret_outcome->unrecorded = ret_outcome->err;
	/* Not an errno that means "try again": there may be no room for long. What no rule wants a record of
	 * may be lost: a full log is no reason to stop all that a deploy does. */
	if (mode != MODE_AUDIT && decision->verdict == VERDICT_AUDIT && rules->head &&
	    rules->head->deny_unrecorded)
		ret_outcome->unrecorded = -EPERM;
}

/* What a hook returns where no record of the outcome found room. */
static __noinline long outcome_unrecorded(const struct outcome *outcome, __u64 run_id)
{
	long err = outcome->unrecorded;
	struct losses *lost;
	struct run *run;

	if (!err || outcome->err)
		return err;
	lost = losses_here();
	if (lost)
		__sync_fetch_and_add(&lost->unrecorded, 1);
	run = run_of(run_id);
	if (run)
		__sync_fetch_and_add(&run->unrecorded, 1);
	return err;
}

static __always_inline void record_outcome(struct record *record, const struct outcome *outcome,
					   const struct decision *decision)
{
	record->generation = outcome->generation;
	record->flags |= outcome->flags;
	record->rule = decision->rule;
	record->err = decision->err;
}
