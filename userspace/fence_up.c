/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector.h"
#include "fence_up.h"
#include "host.h"
#include "paths.h"
#include "policy_file.h"
#include "probe.h"
#include "rulesets.h"
#include "say.h"

void fence_tell_dead(const struct probe_result *result)
{
	char names[256];

	probe_missed(result, names, sizeof(names));
	if (*names)
		say("the fence is loaded but does not hold: the probe was not denied at %s", names);
	else
		say("the probe was denied, but its records did not arrive in the audit log");
	host_explain(0);
}

void fence_tell_missing(int err)
{
	switch (err) {
	case -ENOENT:
		say("the fence is not loaded");
		say_remedy("ringfence load, as root; or ringfence run --policy FILE, which needs no loaded fence");
		break;
	case -EPROTO:
		say("the fence was loaded by another version of ringfence");
		say_remedy("ringfence unload, then ringfence load");
		break;
	case -EACCES:
	case -EPERM:
		say("the fence under " FENCE_PINS " is not open to this user");
		say_remedy("run it as root");
		break;
	default:
		say_errno(err, "cannot open the fence under " FENCE_PINS);
	}
}

/* --- policies ------------------------------------------------------------------------------- */

struct applied {
	struct ruleset *image;
	double compiled_ms;
};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static int compile_files(char **files, size_t count, uint64_t generation, struct applied *applied)
{
	int err = 0;

	/* All of them, so that every fault of every file is told. */
	for (size_t i = 0; i < count; i++) {
		double begin = now_ms();
		int fault = policy_file_compile(files[i], true, generation + i, &applied[i].image);

		applied[i].compiled_ms = now_ms() - begin;
		err = err ?: fault;
	}
	for (size_t i = 0; !err && i < count; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(applied[i].image->tag, applied[j].image->tag)) {
				say("%s and %s are both for tag %s: one policy per tag", files[j],
				    files[i], applied[i].image->tag);
				err = -EINVAL;
			}
	return err;
}

/* Finds a slot for each: that of the same tag, else a free one. */
static int find_slots(struct fence *fence, const struct applied *applied, size_t count,
		      uint32_t *slots)
{
	bool taken[POLICY_SLOTS] = { true };

	for (uint32_t slot = 1; slot < POLICY_SLOTS; slot++) {
		struct ruleset header;
		int err = fence_get_header(fence, slot, &header);

		if (err && err != -ENOENT)
			return err;
		taken[slot] = !err;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t slot;

		if (!fence_find_tag(fence, applied[i].image->tag, &slots[i], NULL, NULL))
			continue;
		for (slot = 1; slot < POLICY_SLOTS && taken[slot]; slot++)
			;
		if (slot == POLICY_SLOTS) {
			say("%s: all %d slots hold other policies", applied[i].image->tag,
			    POLICY_SLOTS - 1);
			return -ENOSPC;
		}
		taken[slot] = true;
		slots[i] = slot;
	}
	return 0;
}

static int put_all(struct fence *fence, const struct applied *applied, size_t count)
{
	uint32_t slots[POLICY_SLOTS];
	int err = count < POLICY_SLOTS ? find_slots(fence, applied, count, slots) : -ENOSPC;

	/* Texts first: a record of the new ruleset may come the moment it is in force. */
	for (size_t i = 0; !err && i < count; i++)
		err = rulesets_keep(applied[i].image, slots[i]);
	for (size_t i = 0; !err && i < count; i++) {
		const struct ruleset *image = applied[i].image;
		double begin = now_ms(), kernel_ms;

		err = fence_put_ruleset(fence, slots[i], image);
		kernel_ms = now_ms() - begin;
		if (!err)
			printf("%s: generation %llu active in %s mode, %u rules, %u KiB, "
			       "%.1f ms from text to active (%.1f compiling, %.1f in the kernel)\n",
			       image->tag, (unsigned long long)image->generation,
			       image->mode == MODE_ENFORCE ? "enforce" : "audit",
			       image->rules.count, image->size / 1024,
			       applied[i].compiled_ms + kernel_ms, applied[i].compiled_ms, kernel_ms);
	}
	if (err)
		say_errno(err, "cannot put the policies in force");
	return err;
}

static void free_applied(struct applied *applied, size_t count)
{
	for (size_t i = 0; applied && i < count; i++)
		free(applied[i].image);
	free(applied);
}

int fence_apply_files(struct fence *fence, char **files, size_t count)
{
	struct applied *applied = calloc(count ?: 1, sizeof(*applied));
	uint64_t generation = 0;
	uint32_t slot;
	int err = -ENOMEM;

	if (applied) {
		err = fence_find_tag(fence, "", &slot, NULL, &generation);
		err = err == -ENOENT ? 0 : err;
	}
	if (!err)
		err = compile_files(files, count, generation + 1, applied) ?:
			put_all(fence, applied, count);
	free_applied(applied, count);
	return err;
}

/* --- the fence ------------------------------------------------------------------------------ */

static int prove(struct fence *fence)
{
	struct collector *collector = NULL;
	struct probe_result result = {};
	int err = path_make(PATH_LOGS);

	if (!err)
		err = collector_open(fence, PATH_LOG, true, &collector);
	if (err) {
		say_errno(err, "cannot open the audit log " PATH_LOG);
		return err;
	}
	err = probe_fence(fence, collector, &result);
	if (err) {
		say_errno(err, "cannot run the probe");
	} else if (!probe_passed(&result)) {
		fence_tell_dead(&result);
		err = -ENOTSUP;
	}
	collector_close(collector);
	return err;
}

static int load_and_pin(const struct applied *applied, size_t count, struct fence **ret_fence)
{
	struct fence *fence = NULL;
	int err = fence_load(&fence);

	if (err) {
		host_explain(err);
		return err;
	}
	err = probe_install(fence) ?: put_all(fence, applied, count);
	if (!err && (err = fence_pin(fence)))
		say_errno(err, "cannot pin the fence under " FENCE_PINS);
	if (!err && (err = prove(fence)))
		fence_unpin();
	if (err) {
		fence_close(fence);
		return err;
	}
	*ret_fence = fence;
	return 0;
}

/* The policies first: where one is faulty, nothing is loaded. */
static int bring_up(char **files, size_t count, struct fence **ret_fence)
{
	struct applied *applied;
	int err;

	if (!access(FENCE_PINS, F_OK))
		return -EEXIST;
	applied = calloc(count ?: 1, sizeof(*applied));
	if (!applied)
		return -ENOMEM;
	err = compile_files(files, count, 1, applied) ?: load_and_pin(applied, count, ret_fence);
	free_applied(applied, count);
	return err;
}

int fence_bring_up(const char *folder, struct fence **ret_fence)
{
	char pattern[PATH_MAX];
	glob_t found = {};
	int err, lock;

	lock = path_lock(PATH_LOCK, true);
	if (lock < 0) {
		say_errno(lock, "cannot lock " PATH_LOCK);
		return lock;
	}
	snprintf(pattern, sizeof(pattern), "%s/*.yaml", folder);
	glob(pattern, 0, NULL, &found);
	err = bring_up(found.gl_pathv, found.gl_pathc, ret_fence);
	globfree(&found);
	close(lock);
	return err;
}
