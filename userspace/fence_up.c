/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/file.h>
#include <unistd.h>

#include "collector.h"
#include "fence_up.h"
#include "host.h"
#include "liveness.h"
#include "locations.h"
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
	case -EUCLEAN:
		say("pins of the fence under " FENCE_PINS " were removed: it does not hold any more");
		say_remedy("ringfence unload --force, then ringfence load; only root outside the fence can have removed them");
		break;
	case -EPROTO:
		say("the fence was loaded by another version of ringfence");
		say_remedy("ringfence unload, then ringfence load");
		break;
	case -EACCES:
	case -EPERM:
		say("the fence under " FENCE_PINS " is not open to this %s",
		    geteuid() ? "user" : "process");
		say_remedy(geteuid() ? "run it as root" :
			   "a tagged process cannot reach it, root or not: what it starts is governed by its tag");
		break;
	default:
		say_errno(err, "cannot open the fence under " FENCE_PINS);
	}
}

int fence_open_told(struct fence **ret_fence)
{
	int err = fence_open(ret_fence);

	if (err)
		fence_tell_missing(err);
	return err;
}

int fence_look_told(const struct fence *fence)
{
	struct finding faults[LIVENESS_FAULTS_MAX];
	size_t count = liveness_look(fence, faults);

	for (size_t i = 0; i < count; i++) {
		say("the fence does not hold: %s: %s", faults[i].topic, faults[i].text);
		say_remedy("%s", faults[i].remedy);
	}
	return count ? -ENOTSUP : 0;
}

static void tell_tags(const struct fence *fence)
{
	for (uint32_t slot = 1; slot < POLICY_SLOTS; slot++) {
		struct ruleset header;

		if (fence_get_header(fence, slot, &header))
			break;
		say_remedy("there is a policy for tag %s", header.tag);
	}
	say_remedy("ringfence apply FILE puts another one in force");
}

int fence_find_tag_told(const struct fence *fence, const char *tag, uint32_t *ret_slot)
{
	int err = fence_find_tag(fence, tag, ret_slot, NULL, NULL);

	if (err == -ENOENT) {
		say("unknown tag \"%s\": no policy for it is in force", tag);
		tell_tags(fence);
	} else if (err) {
		say_errno(err, "cannot read the policies in force");
	}
	return err;
}

int fence_prove_told(struct fence *fence, struct collector *collector)
{
	struct probe_result result = {};
	int err;

	/* A log that takes nothing shows when the records of the probe do not arrive. */
	collector_drain(collector);
	err = probe_fence(fence, collector, &result);
	if (err == -EEXIST) {
		say("this process is tagged itself: a run cannot start another one");
		say_remedy("what it starts is governed by its own tag already");
	} else if (err) {
		say_errno(err, "cannot run the probe");
	}
	if (err)
		return err;
	if (probe_passed(&result))
		return 0;
	fence_tell_dead(&result);
	if (!result.recorded && !collector_active(collector))
		say_remedy("another process holds " PATH_COLLECTOR " and does not empty the ring "
			   "buffer: is it stopped?");
	return -ENOTSUP;
}

/* --- policies ------------------------------------------------------------------------------- */

/* A policy on its way into the kernel. */
struct applied {
	struct ruleset *image;
	uint32_t slot;
	int filled;			/* its ruleset in the kernel, -1 before */
	double compile_ms, kernel_ms;
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

		applied[i].compile_ms = now_ms() - begin;
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

/* Finds a slot for each: that of the same tag, else the next free one. */
static int find_slots(struct fence *fence, struct applied *applied, size_t count)
{
	uint32_t next = 0, vacant;

	for (size_t i = 0; i < count; i++) {
		const char *tag = applied[i].image->tag;
		int err = fence_find_tag(fence, tag, &applied[i].slot, &vacant, NULL);

		if (!err)
			continue;
		if (err != -ENOENT)
			return err;
		next = next ? next : vacant;
		if (next == POLICY_SLOTS) {
			say("%s: all %d slots hold other policies", tag, POLICY_SLOTS - 1);
			return -ENOSPC;
		}
		applied[i].slot = next++;
	}
	return 0;
}

/* All that can fail: copies every ruleset into the kernel, and its texts to where the collector
 * finds them, since a record may come the moment it is in force. */
static int fill_all(struct applied *applied, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double begin = now_ms();
		int err;

		applied[i].filled = fence_fill_ruleset(applied[i].image);
		if (applied[i].filled < 0)
			return applied[i].filled;
		applied[i].kernel_ms = now_ms() - begin;
		err = rulesets_keep(applied[i].image, applied[i].slot);
		if (err)
			return err;
	}
	return 0;
}

static int switch_to(struct fence *fence, const struct applied *applied)
{
	const struct ruleset *image = applied->image;
	double begin = now_ms(), kernel_ms;
	int err = fence_switch_ruleset(fence, applied->slot, applied->filled);

	if (err)
		return err;
	kernel_ms = applied->kernel_ms + now_ms() - begin;
	printf("%s: generation %llu active in %s mode, %u rule%s, %u KiB, "
	       "%.1f ms from text to active (%.1f compiling, %.1f in the kernel)\n",
	       image->tag, (unsigned long long)image->generation,
	       image->mode == MODE_ENFORCE ? "enforce" : "audit",
	       image->rules_said, image->rules_said == 1 ? "" : "s", image->size / 1024,
	       applied->compile_ms + kernel_ms, applied->compile_ms, kernel_ms);
	return 0;
}

static int put_all(struct fence *fence, struct applied *applied, size_t count)
{
	int err = find_slots(fence, applied, count) ?: fill_all(applied, count);

	for (size_t i = 0; !err && i < count; i++)
		err = switch_to(fence, &applied[i]);
	if (err)
		say_errno(err, "cannot put the policies in force");
	return err;
}

static struct applied *new_applied(size_t count)
{
	struct applied *applied = calloc(count ?: 1, sizeof(*applied));

	for (size_t i = 0; applied && i < count; i++)
		applied[i].filled = -1;
	return applied;
}

static void free_applied(struct applied *applied, size_t count)
{
	for (size_t i = 0; applied && i < count; i++) {
		free(applied[i].image);
		if (applied[i].filled >= 0)
			close(applied[i].filled);
	}
	free(applied);
}

int fence_apply_files(struct fence *fence, char **files, size_t count)
{
	struct applied *applied = new_applied(count);
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

/* With a collector of our own: the fence is not pinned yet, so nobody else can have its records. */
static int prove_new(struct fence *fence)
{
	struct collector *collector = NULL;
	int err = collector_open(fence, "/dev/null", false, &collector);

	if (err)
		say_errno(err, "cannot run the probe");
	else
		err = fence_prove_told(fence, collector);
	collector_close(collector);
	return err;
}

static int load_and_pin(struct applied *applied, size_t count, struct fence **ret_fence)
{
	struct fence *fence = NULL;
	int err = host_check_kernel() ?: fence_load(&fence);

	if (err) {
		host_explain(err);
		return err;
	}
	err = probe_install(fence) ?: prove_new(fence) ?: put_all(fence, applied, count);
	if (!err && (err = fence_pin(fence)))
		say_errno(err, "cannot pin the fence under " FENCE_PINS);
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
	applied = new_applied(count);
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

	if (access(folder, R_OK) && (errno != ENOENT || strcmp(folder, PATH_POLICIES))) {
		err = -errno;
		say_errno(err, "%s", folder);
		return err;
	}
	lock = path_lock(PATH_LOCK, LOCK_EX);
	if (lock < 0) {
		say_errno(lock, "cannot lock " PATH_LOCK);
		return lock;
	}
	snprintf(pattern, sizeof(pattern), "%s/*.yaml", folder);
	glob(pattern, 0, NULL, &found);
	if (!found.gl_pathc)
		say("warning: there is no policy %s", pattern);
	err = bring_up(found.gl_pathv, found.gl_pathc, ret_fence);
	globfree(&found);
	close(lock);
	return err;
}
