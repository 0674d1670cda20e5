/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A ruleset at hand: reaching the entries of its image, and what a rule of it decides.
 *
 * Compiled into the kernel programs and into user space. The two sides differ in three things only,
 * which stand right below: how a byte of the image is reached, how a long loop is written, and
 * where memory comes from (the caller passes it in).
 */
#pragma once

#include "abi.h"

#ifdef __bpf__

/* A ruleset at hand: the map that holds its chunks, and its first chunk. */
struct rules {
	void *chunks;
	const struct ruleset *head;
};

#define DECIDE static __always_inline
/* A step of a decision: hands on what it finds in memory that the caller passes. The verifier looks
 * at it for itself, and not once for every way through the steps before. */
#define DECIDE_STEP static __noinline
#define DECIDE_EPERM 1

/* The entry of @size bytes (a power of two) at @off, or NULL. The AND takes nothing away from a
 * sound offset; it is what the verifier wants to see, and barrier_var() keeps the compiler from
 * adding to `data` before it was compared with NULL. */
DECIDE const void *image_at(const struct rules *rules, __u32 off, __u32 size)
{
	__u32 chunk = off / RULESET_CHUNK;
	const char *data = bpf_map_lookup_elem(rules->chunks, &chunk);

	if (!data)
		return NULL;
	barrier_var(data);
	off &= RULESET_CHUNK - size;
	return data + off;
}

/* Calls step(i, ctx) for i = 0 … count - 1 until it returns 1. */
#define decide_loop(count, step, ctx) bpf_loop(count, step, ctx, 0)

#else /* user space */

#include <errno.h>
#include <stdbool.h>

struct rules {
	const struct ruleset *head;
};

#define DECIDE static inline __attribute__((unused))
#define DECIDE_STEP DECIDE
#define DECIDE_EPERM EPERM

DECIDE const void *image_at(const struct rules *rules, __u32 off, __u32 size)
{
	if (off % size || off > rules->head->size - size)
		return NULL;
	return (const char *)rules->head + off;
}

DECIDE void decide_loop(__u32 count, long (*step)(__u32 i, void *ctx), void *ctx)
{
	for (__u32 i = 0; i < count; i++)
		if (step(i, ctx))
			break;
}

#endif

/* What was decided. `err` is what a deny returns, 0 for the others. */
struct decision {
	__u16 rule;			/* number, or RULE_* */
	__s16 err;
	__u8 verdict;			/* enum verdict */
	__u8 shared;			/* more than that rule had a say: decide_path() */
};

/* Entry @i of @table, which holds entries of type @type; NULL only for a damaged image. */
#define image_entry(rules, table, i, type) \
	((const type *)image_at(rules, (table).off + (i) * (__u32)sizeof(type), sizeof(type)))

/* A deny that no rule stands behind. */
DECIDE struct decision decision_doubt(__u16 why)
{
	struct decision decision = {
		.rule = why,
		.err = -DECIDE_EPERM,
		.verdict = VERDICT_DENY,
	};

	return decision;
}

/* What of the allowed is recorded of a task in that mode. */
DECIDE enum recording recording_in(const struct ruleset *head, enum mode mode)
{
	if (head->record != RECORDING_BY_MODE)
		return head->record;
	return mode == MODE_AUDIT ? RECORDING_ALL : RECORDING_DENIED;
}

/* Whether what was allowed is to be recorded. */
DECIDE bool decision_is_told(const struct ruleset *head, enum recording recording,
			     const struct decision *decision)
{
	if (decision->rule < head->rules_said)
		return recording >= RECORDING_MATCHED;
	return decision->rule == RULE_DEFAULT && recording == RECORDING_ALL;
}

DECIDE struct decision decision_of_rule(const struct rules *rules, enum object_class object,
					__u16 number)
{
	struct decision decision = { .rule = number };
	const struct rule *rule;

	if (number == RULE_DEFAULT) {
		if (object >= CLASS_COUNT)
			return decision;
		decision.verdict = rules->head->defaults[object];
		decision.err = decision.verdict == VERDICT_DENY ? -DECIDE_EPERM : 0;
		return decision;
	}
	if (number >= RULE_SPECIAL)
		return decision_doubt(number);
	rule = image_entry(rules, rules->head->rules, number, struct rule);
	if (!rule)
		return decision_doubt(RULE_NO_RULESET);
	decision.verdict = rule->verdict;
	decision.err = rule->verdict == VERDICT_DENY ? rule->err : 0;
	return decision;
}
