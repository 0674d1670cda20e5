/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whether a waiver that a task has applies to what is judged.
 */
#pragma once

#include "record.bpf.h"
#include "decide.h"

/* Puts the outcome of a waiver in the place of a deny. The clock is that of the host: a day more or less in
 * it is a day more or less of the waiver. */
static __noinline int waive(const struct rules *rules, const struct tag *tag, struct decision *decision)
{
	if (!tag->waived || !rules->head || tag->waived_under != (__u32)rules->head->generation)
		return 0;
	return decide_waiver(rules, decision, tag->waived, bpf_ktime_get_tai_ns());
}
