/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Judges what no rule of a policy speaks of: what the kernel would do on a task's behalf, and what a
 * task would do to the fence or to what stands outside of it.
 */
#pragma once

#include "record.bpf.h"

#define ACT_TEXT 48

/* What is done, with the verdict. Passed by address, as struct path_question is. */
struct act {
	struct tag tag;
	struct process_id peer;		/* whom it concerns, if it is a process */
	char text[ACT_TEXT];		/* what it is: "mount nfs" */
	struct decision decision;	/* judge_act() puts its err here, */
	struct outcome outcome;		/* and this */
	__u8 hook;			/* enum hook */
	__u8 object;			/* CLASS_KERNEL or CLASS_FENCE */
	__u8 unused[6];
};

/* Puts a constant of fewer than ACT_TEXT bytes into the text. */
#define act_says(act, words) __builtin_memcpy((act)->text, words, sizeof(words))

/* Puts the string at a kernel address behind a constant. */
#define act_says_of(act, words, name) do { \
	act_says(act, words); \
	bpf_probe_read_kernel_str((act)->text + sizeof(words) - 1, ACT_TEXT - sizeof(words) + 1, \
				  name); \
} while (0)

/* Records the act and returns what the hook is to return, to be passed through hook_result(). */
__noinline long judge_act(struct act *act)
{
	struct record_about about;
	struct record *record;
	struct rules rules;

	if (!act)
		return -EPERM;
	act->decision.err = act->decision.verdict == VERDICT_DENY ? -EPERM : 0;
	rules_of(&act->tag, &rules);
	outcome_of(&act->outcome, &act->tag, &rules, &act->decision);
	about = record_about_decision(&act->tag, act->decision.verdict);
	record = record_open(&about, sizeof(*record) + ACT_TEXT);
	if (!record)
		return outcome_unrecorded(&act->outcome, act->tag.run);
	record_outcome(record, &act->outcome, &act->decision);
	record->hook = act->hook;
	record->object = act->object;
	record->peer = act->peer;
	record->text_size = ACT_TEXT;
	record->size = sizeof(*record) + ACT_TEXT;
	__builtin_memcpy(record + 1, act->text, ACT_TEXT);
	record_close(record);
	return act->outcome.err;
}

/* An act against the fence. */
static __always_inline struct act act_against_fence(enum hook hook)
{
	struct act act = {
		.hook = hook,
		.object = CLASS_FENCE,
		.decision = { .rule = RULE_GUARD, .verdict = VERDICT_DENY },
	};

	return act;
}
