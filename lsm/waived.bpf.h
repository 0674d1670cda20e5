/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which waivers a task has: it gets them with the program that they are for, and hands them on to all that it
 * starts. They belong to one ruleset; under the next one they do not apply until that program is executed
 * again.
 *
 * Threat: a task that gets a waiver without becoming that program. The program is known by its path in the
 * task's own mount name space (a name from elsewhere permits nothing), mounts that give other names are
 * denied to a policy with waivers (names_grant), and what was noted for an execution counts only once that
 * cannot fail any more.
 */
#pragma once

#include "path.bpf.h"

struct waiver_walk {
	struct scratch *scratch;
	struct rules rules;
};

/* Whether the path at hand is that of waiver @i; those that are go into scratch->news, a bit each. */
static long waiver_step(__u32 i, void *ctx)
{
	struct waiver_walk *waivers = ctx;
	struct path_walk walk = { .rules = &waivers->rules, .path = &waivers->scratch->path };
	const struct waiver *waiver = image_entry(&waivers->rules, waivers->rules.head->waivers, i, struct waiver);

	if (!waiver || waiver->length != walk.path->length)
		return 0;
	walk.string = waivers->rules.head->strings.off + waiver->exec;
	walk.length = waiver->length;
	walk.path->differs = 0;
	bpf_loop((walk.length + 7) / 8, path_compare_step, &walk, 0);
	if (!walk.path->differs)
		waivers->scratch->news |= 1 << (i & (WAIVERS_MAX - 1));
	return 0;
}

static __noinline int find_waivers(struct scratch *scratch, const struct rules *rules)
{
	struct waiver_walk walk = { .scratch = scratch, .rules = *rules };

	scratch->news = 0;
	if (scratch->path.name == NAME_OWN)
		bpf_loop(rules->head->waivers.count, waiver_step, &walk, 0);
	return 0;
}

/* A bit for each waiver of the ruleset that is for the program at @place. */
static __noinline int waivers_of_program(const struct rules *rules, const struct place *place)
{
	struct scratch *scratch = scratch_take();
	int waivers = 0;

	if (!scratch)
		return 0;
	if (walk_place(scratch, place)) {
		find_waivers(scratch, rules);
		waivers = scratch->news;
	}
	scratch_give(scratch);
	return waivers;
}

/* Notes what the program that is about to be executed is let pass. */
static __noinline int note_waivers(const struct tag *tag, const struct place *place)
{
	__u64 key = (__u64)bpf_get_current_task_btf();
	struct waiving noted = {};
	struct rules rules;

	rules_of(tag, &rules);
	if (!rules.head || !rules.head->waivers.count)
		return 0;
	noted.generation = rules.head->generation;
	noted.waivers = waivers_of_program(&rules, place);
	if (noted.waivers)
		bpf_map_update_elem(&waiving, &key, &noted, BPF_ANY);
	else
		bpf_map_delete_elem(&waiving, &key);
	return 0;
}

/* The same of a program that begins a run, and so has no tag yet. */
static __noinline int note_waivers_of_entry(const struct place *place)
{
	__u64 key = (__u64)bpf_get_current_task_btf();
	const struct entry *entry = bpf_map_lookup_elem(&entering, &key);
	struct tag tag = {};

	if (!entry)
		return 0;
	tag.policy = entry->policy;
	return note_waivers(&tag, place);
}

/* Adds what was noted, where its ruleset is still in force. */
static __always_inline void add_waivers(struct tag *kept, const struct waiving *noted)
{
	struct rules rules;

	rules_of(kept, &rules);
	if (!rules.head || (__u32)rules.head->generation != noted->generation)
		return;
	if (kept->waived_under != noted->generation)
		kept->waived = 0;
	kept->waived_under = noted->generation;
	kept->waived |= noted->waivers;
}

/* The execution cannot fail any more. Where the storage is busy (tag.bpf.h) there is no waiver this time. */
static __noinline int take_waivers(struct task_struct *task)
{
	__u64 key = (__u64)task;
	struct waiving *noted = bpf_map_lookup_elem(&waiving, &key);
	struct tag *kept;

	if (!noted)
		return 0;
	kept = bpf_task_storage_get(&tags, task, NULL, 0);
	if (kept)
		add_waivers(kept, noted);
	bpf_map_delete_elem(&waiving, &key);
	return 0;
}
