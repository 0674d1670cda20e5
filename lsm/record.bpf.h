/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fills and submits audit records; counts what could not be submitted. And how a hook ends: record
 * the decision, return what the mode makes of it.
 */
#pragma once

#include "maps.bpf.h"

/* The collector polls on a timer; it is woken early only when the ring fills up, because a wakeup
 * per record costs more than the record. */
#define RING_WAKE_BYTES (RING_BYTES / 8)

static __always_inline struct tag *tag_of_current(void)
{
	return bpf_task_storage_get(&tags, bpf_get_current_task_btf(), NULL, 0);
}

static __always_inline void process_id_of(struct process_id *id, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	id->pid = task->tgid;
	id->start_ns = leader ? leader->start_boottime : 0;
}

/* The fields that every record has, about the task at hand. The rest is zero. */
static __always_inline void record_begin(struct record *record, enum record_kind kind,
					 const struct tag *tag, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	__u64 ids = bpf_get_current_uid_gid();

	__builtin_memset(record, 0, sizeof(*record));
	record->version = ABI_VERSION;
	record->kind = kind;
	record->size = sizeof(*record);
	record->run = tag->run;
	record->policy = tag->policy;
	if (tag->flags & TAG_PROBE)
		record->flags = RECORD_PROBE;
	record->time_ns = bpf_ktime_get_boot_ns();
	record->cpu = bpf_get_smp_processor_id();
	process_id_of(&record->process, task);
	if (parent)
		process_id_of(&record->parent, parent);
	record->tid = task->pid;
	record->uid = ids;
	record->gid = ids >> 32;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
}

static __always_inline void record_count_lost(const struct record *record, struct run *run,
					      struct losses *lost)
{
	bool decision = record->kind == RECORD_DECISION;

	if (lost)
		__sync_fetch_and_add(decision ? &lost->decisions : &lost->lineage, 1);
	if (run)
		__sync_fetch_and_add(decision ? &run->lost : &run->lost_lineage, 1);
}

/* Submits @size bytes from @record on. Never changes a verdict: what does not fit is counted. */
static __always_inline void record_submit(struct record *record, __u32 size)
{
	struct run *run = bpf_map_lookup_elem(&runs, &record->run);
	__u32 key = 0;
	struct losses *lost = bpf_map_lookup_elem(&losses, &key);
	__u64 wake = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > RING_WAKE_BYTES ?
		BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	if (run && record->kind == RECORD_DECISION) {
		__sync_fetch_and_add(&run->submitted, 1);
		__sync_fetch_and_add(record->verdict == VERDICT_DENY ? &run->denied :
				     &run->audited, 1);
	}
	if (run && run->pid == record->parent.pid)
		record->flags |= RECORD_ROOT;
	if (lost)
		record->cpu_lost = lost->decisions;
	if (bpf_ringbuf_output(&ring, record, size, wake))
		record_count_lost(record, run, lost);
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

/* Writes a decision into its record and tells what the hook returns: the errno where the mode
 * enforces, 0 where it only records. Without a ruleset there is no mode, and no doubt either. */
static __always_inline long record_decision(struct record *record, const struct rules *rules,
					    const struct tag *tag, struct decision decision)
{
	__u32 mode = MODE_ENFORCE;
	long err = decision.err;

	if (rules->head) {
		record->generation = rules->head->generation;
		mode = tag->mode == MODE_POLICY ? rules->head->mode : tag->mode;
	}
	record->rule = decision.rule;
	record->err = decision.err;
	record->verdict = decision.verdict;
	if (mode == MODE_AUDIT)
		return 0;
	record->flags |= RECORD_ENFORCED;
	if (decision.verdict != VERDICT_DENY)
		return 0;
	/* The verifier wants to see the range, in 64 bits and on the copy that is returned. */
	barrier_var(err);
	if (err < -MAX_ERRNO || err >= 0)
		err = -EPERM;
	return err;
}
