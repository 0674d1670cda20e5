/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * May this task reach what a rule denies all the same? Waivers of its policy are for a program and all that
 * it starts, for one service, until a day is over.
 */
#pragma once

#include "ruleset.h"

/*
 * Puts the outcome of a waiver in the place of a rule's deny, where one applies. Not where other rules had a say
 * as well: a waiver is for what one service denies, and must not hide what another does.
 *
 * @waived: those that the task has, a bit for each of the ruleset
 * @now_ns: since 1970
 */
DECIDE_STEP int decide_waiver(const struct rules *rules, struct decision *decision, __u32 waived, __u64 now_ns)
{
	const struct rule *rule;
	__u32 service;

	if (decision->verdict != VERDICT_DENY || decision->rule >= RULE_SPECIAL || decision->shared)
		return 0;
	rule = image_entry(rules, rules->head->rules, decision->rule, struct rule);
	if (!rule)
		return 0;
	service = rule->service;
	for (__u32 i = 0; i < WAIVERS_MAX; i++) {
		const struct waiver *waiver;

		if (!(waived & 1 << i) || i >= rules->head->waivers.count)
			continue;
		waiver = image_entry(rules, rules->head->waivers, i, struct waiver);
		if (!waiver || waiver->service != service || waiver->until_ns <= now_ns)
			continue;
		*decision = decision_of_rule(rules, CLASS_NET, waiver->rule);
		return 1;
	}
	return 0;
}
