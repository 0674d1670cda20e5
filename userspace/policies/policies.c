/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../audit/rulesets.h"
#include "../base/say.h"
#include "entries.h"
#include "faulty.h"
#include "last_good.h"
#include "policies.h"
#include "policy_file.h"

struct each {
	const char *file;
	struct ruleset *image;
	bool rescued;			/* from its last good text */
	uint32_t slot;
	int filled;			/* its ruleset in the kernel, -1 before */
	int before;			/* that which it replaces; -1: none, or not replaced */
	bool switched;
	double compile_ms, kernel_ms;
};

struct policies {
	size_t count;
	bool rescue;
	struct each each[];
};

/* Of a try that changes nothing. */
#define BEFORE_STAYS "what was in force before stays so, as does that of all files that were to be applied with it"

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* --- compiling ------------------------------------------------------------------------------ */

/* In place of a text with a fault, the last good one. Where there is nothing to be had, it is left out. */
static int compile_rescue(struct each *each, uint64_t generation, const char *fault)
{
	char root[LAST_GOOD_ROOT_SIZE], date[32], instead[96], other_fault[POLICY_FAULT_SIZE];
	int err = last_good_find(each->file, root, date);

	if (err) {
		say("%s: there is no last good text of it: no policy of it is in force", each->file);
		faulty_note(each->file, fault, "there is no last good text of it: no policy of it is in force");
		return 0;
	}
	err = policy_file_compile_under(root, each->file, true, generation, other_fault, &each->image);
	if (err == -EINVAL) {
		faulty_note(each->file, fault, "its last good text has a fault by now, too: no policy of it is in force");
		return 0;
	}
	if (err)
		return err;
	each->rescued = true;
	snprintf(instead, sizeof(instead), "its last good text, of %s, is taken instead", date);
	say("%s: %s", each->file, instead);
	say_remedy("mend what stands above; then: ringfence apply %s", each->file);
	faulty_note(each->file, fault, instead);
	return 0;
}

static int compile(struct each *each, uint64_t generation, bool rescue)
{
	char fault[POLICY_FAULT_SIZE];
	double begin = now_ms();
	int err = policy_file_compile_under("", each->file, true, generation, fault, &each->image);

	if (err == -EINVAL && rescue)
		err = compile_rescue(each, generation, fault);
	else if (err == -EINVAL)
		faulty_note(each->file, fault, BEFORE_STAYS);
	each->compile_ms = now_ms() - begin;
	return err;
}

static void close_gaps(struct policies *policies)
{
	size_t kept = 0;

	for (size_t i = 0; i < policies->count; i++)
		if (policies->each[i].image)
			policies->each[kept++] = policies->each[i];
	policies->count = kept;
}

/* All of them, so that every fault of every file is told. */
static int compile_all(struct policies *policies, uint64_t generation, bool rescue)
{
	int err = 0;

	for (size_t i = 0; i < policies->count; i++) {
		int fault = compile(&policies->each[i], generation + i, rescue);

		err = err ?: fault;
	}
	close_gaps(policies);
	return err;
}

static bool was_in_force(const struct each *each)
{
	char root[LAST_GOOD_ROOT_SIZE], date[32];

	return !last_good_find(each->file, root, date);
}

static void note_twin(const struct each *each, const struct each *other, bool left_out)
{
	char fault[POLICY_FAULT_SIZE];

	snprintf(fault, sizeof(fault), "%s: it is for tag %s, as %s is: one policy per tag", each->file,
		 each->image->tag, other->file);
	faulty_note(each->file, fault, left_out ? "no policy of it is in force" : BEFORE_STAYS);
	if (left_out)
		say("%s is left out", each->file);
}

/* Of two for the same tag none is in force; at a boot the one is that has been so before, else the first. */
static int check_tags(struct policies *policies, bool rescue)
{
	struct each *each = policies->each;

	for (size_t i = 0; i < policies->count; i++)
		for (size_t j = 0; j < i && each[i].image; j++) {
			size_t out = i;

			if (!each[j].image || strcmp(each[i].image->tag, each[j].image->tag))
				continue;
			say("%s and %s are both for tag %s: one policy per tag", each[j].file,
			    each[i].file, each[i].image->tag);
			if (was_in_force(&each[i]) && !was_in_force(&each[j]))
				out = j;
			note_twin(&each[out], &each[i + j - out], rescue);
			if (!rescue)
				return -EINVAL;
			free(each[out].image);
			each[out].image = NULL;
		}
	close_gaps(policies);
	return 0;
}

int policies_compile(char **files, size_t count, uint64_t generation, bool rescue,
		     struct policies **ret_policies)
{
	struct policies *policies = calloc(1, sizeof(*policies) + count * sizeof(*policies->each));
	int err;

	if (!policies)
		return -ENOMEM;
	policies->count = count;
	policies->rescue = rescue;
	for (size_t i = 0; i < count; i++)
		policies->each[i] = (struct each){ .file = files[i], .filled = -1, .before = -1 };
	err = compile_all(policies, generation, rescue) ?: check_tags(policies, rescue);
	if (err)
		policies_free(policies);
	else
		*ret_policies = policies;
	return err;
}

/* --- putting them in force ------------------------------------------------------------------ */

/* Finds a slot for each: that of the same tag, else the next free one. */
static int find_slots(struct fence *fence, struct policies *policies)
{
	uint32_t next = 0, vacant;

	for (size_t i = 0; i < policies->count; i++) {
		struct each *each = &policies->each[i];
		int err = fence_find_tag(fence, each->image->tag, &each->slot, &vacant, NULL);

		if (!err)
			continue;
		if (err != -ENOENT)
			return err;
		next = next ? next : vacant;
		if (next == POLICY_SLOTS) {
			say("%s: all %d slots hold other policies", each->image->tag, POLICY_SLOTS - 1);
			return -ENOSPC;
		}
		each->slot = next++;
	}
	return 0;
}

/* All that can fail: copies every ruleset into the kernel, and its texts to where the collector
 * finds them, since a record may come the moment it is in force. */
static int fill_all(struct policies *policies)
{
	for (size_t i = 0; i < policies->count; i++) {
		struct each *each = &policies->each[i];
		double begin = now_ms();
		int err;

		each->filled = fence_fill_ruleset(each->image);
		if (each->filled < 0)
			return each->filled;
		each->kernel_ms = now_ms() - begin;
		err = rulesets_keep(each->image, each->slot);
		if (err)
			return err;
	}
	return 0;
}

static int switch_to(struct fence *fence, struct each *each)
{
	double begin = now_ms();
	int err, before = fence_open_ruleset(fence, each->slot);

	if (before < 0 && before != -ENOENT)
		return before;
	each->before = before < 0 ? -1 : before;
	err = fence_switch_ruleset(fence, each->slot, each->filled);
	each->switched = !err;
	each->kernel_ms += now_ms() - begin;
	return err;
}

static int switch_all(struct fence *fence, struct policies *policies)
{
	int err = 0;

	for (size_t i = 0; !err && i < policies->count; i++)
		err = switch_to(fence, &policies->each[i]);
	if (err)
		say_errno(err, "cannot put the policies in force");
	return err;
}

/* A slot that was free before is the last, and is so again. */
static void switch_back(struct fence *fence, const struct policies *policies)
{
	int err = 0;

	for (size_t i = policies->count; i--;) {
		const struct each *each = &policies->each[i];

		if (each->switched && each->before >= 0)
			err = fence_switch_ruleset(fence, each->slot, each->before) ?: err;
		else if (each->switched)
			err = fence_drop_ruleset(fence, each->slot) ?: err;
	}
	if (err)
		say_errno(err, "cannot put the policies before back in force");
}

static void tell_in_force(const struct policies *policies)
{
	for (size_t i = 0; i < policies->count; i++) {
		const struct each *each = &policies->each[i];
		const struct ruleset *image = each->image;

		printf("%s: generation %llu active in %s mode, %u rule%s, %u KiB, "
		       "%.1f ms from text to active (%.1f compiling, %.1f in the kernel)\n",
		       image->tag, (unsigned long long)image->generation,
		       image->mode == MODE_ENFORCE ? "enforce" : "audit",
		       image->rules_said, image->rules_said == 1 ? "" : "s", image->size / 1024,
		       each->compile_ms + each->kernel_ms, each->compile_ms, each->kernel_ms);
	}
}

/* What cannot be kept is no reason not to be in force. */
static void keep_texts(const struct policies *policies)
{
	for (size_t i = 0; i < policies->count; i++) {
		const struct each *each = &policies->each[i];
		int err;

		if (each->rescued)
			continue;
		faulty_clear(each->file);
		err = last_good_keep(each->file);
		if (err)
			say_errno(err, "warning: cannot keep %s as the last good text", each->file);
	}
}

/* Two policies with the same entry are a fault of theirs, which has been told; nothing has changed. A boot goes
 * on without what begins runs, rather than without a fence. */
static int prepare_entries(struct fence *fence, const struct policies *policies,
			   struct entries **ret_entries)
{
	struct entries_change *changes = calloc(policies->count + 1, sizeof(*changes));
	int err;

	if (!changes)
		return -ENOMEM;
	for (size_t i = 0; i < policies->count; i++)
		changes[i] = (struct entries_change){ policies->each[i].slot, policies->each[i].image };
	err = entries_prepare(fence, changes, policies->count, policies->rescue, ret_entries);
	free(changes);
	if (err && policies->rescue)
		say_errno(err, "nothing begins a run by itself (`enter`)");
	return policies->rescue ? 0 : err;
}

/* What begins runs is put in force after the policies that it names. Where that fails, all is as before; a
 * boot goes on without. */
static int put_entries(struct fence *fence, struct policies *policies, const struct entries *entries,
		       const struct entries *before)
{
	int err = entries ? entries_put(fence, entries) : 0;

	if (!err || policies->rescue)
		return 0;
	switch_back(fence, policies);
	if (entries_put(fence, before))
		say_remedy("what began runs before may be incomplete, too: ringfence apply with policies that have less of it");
	else
		say_remedy("nothing has changed: what was in force before still is");
	return err;
}

int policies_put(struct fence *fence, struct policies *policies)
{
	struct entries *entries = NULL, *before = NULL;
	int err = find_slots(fence, policies) ?: fill_all(policies) ?:
		prepare_entries(fence, policies, &entries) ?: entries_prepare(fence, NULL, 0, true, &before) ?:
		switch_all(fence, policies);

	if (err)
		switch_back(fence, policies);
	err = err ?: put_entries(fence, policies, entries, before);
	if (!err) {
		keep_texts(policies);
		tell_in_force(policies);
	}
	entries_free(entries);
	entries_free(before);
	entries_gather(fence);
	return err;
}

void policies_free(struct policies *policies)
{
	for (size_t i = 0; policies && i < policies->count; i++) {
		free(policies->each[i].image);
		if (policies->each[i].filled >= 0)
			close(policies->each[i].filled);
		if (policies->each[i].before >= 0)
			close(policies->each[i].before);
	}
	free(policies);
}
