/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../audit/collector.h"
#include "../base/locations.h"
#include "../base/pid_space.h"
#include "../base/say.h"
#include "../base/version.h"
#include "../host/host.h"
#include "../policies/policies.h"
#include "../runs/run_id.h"
#include "fence_up.h"
#include "liveness.h"
#include "probe.h"

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

/* Who is behind a fence of another ringfence, and what is to be done. */
static void tell_behind(void)
{
	struct fence_behind behind;
	char name[RUN_NAME_SIZE];

	if (!pid_space_is_initial()) {
		fence_tell_view();
		return;
	}
	if (fence_other_behind(&behind)) {
		say_remedy("who is behind it cannot be told; ringfence unload --force takes it down all the same");
		return;
	}
	if (!behind.tasks) {
		say_remedy("nobody is behind it: ringfence load --replace, or a restart of ringfence.service, puts one of this in its place");
		return;
	}
	say_remedy("it goes on enforcing; what it records waits in the kernel for a daemon of that ringfence, and is counted as lost where there is no room");
	for (size_t i = 0; i < behind.runs; i++)
		say_remedy("run %s is behind it, with %zu task%s", run_id_name(behind.list[i].run, name),
			   behind.list[i].tasks, behind.list[i].tasks == 1 ? "" : "s");
	say_remedy("wait until they have ended, then ringfence load --replace, or restart ringfence.service");
	say_remedy("sooner: release them by that ringfence, or free all of them: ringfence unload --force");
}

static void tell_other(void)
{
	struct about about = {};
	int err = fence_other_about(&about);

	if (err)
		say_errno(err, "cannot tell which ringfence loaded the fence");
	else
		say("the fence was loaded by ringfence %.*s, with maps of version %u that this ringfence "
		    RINGFENCE_VERSION " cannot use (it has version %u%s)", (int)sizeof(about.release),
		    about.release, about.version, ABI_VERSION,
		    about.version == ABI_VERSION ? ", of other shapes" : "");
	tell_behind();
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
		tell_other();
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

int fence_see_all_told(const char *verb)
{
	if (pid_space_is_initial())
		return 0;
	say("ringfence %s has to see all processes of the host, and this is a pid name space of its own, as in a container",
	    verb);
	say_remedy(FENCE_HOST_REMEDY);
	say_remedy("ringfence run --policy FILE needs no loaded fence, and works here");
	return -EPERM;
}

void fence_tell_view(void)
{
	if (pid_space_is_initial())
		return;
	say("this is a pid name space of its own: tagged tasks outside of it are not shown");
	say_remedy(FENCE_HOST_REMEDY);
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

int fence_find_tag_told(const struct fence *fence, const char *name, struct tag *tag)
{
	uint32_t slot = 0;
	int err = fence_find_tag(fence, name, &slot, NULL, NULL);

	if (err == -ENOENT) {
		say("unknown tag \"%s\": no policy for it is in force", name);
		tell_tags(fence);
	} else if (err) {
		say_errno(err, "cannot read the policies in force");
	}
	tag->policy = slot;
	return err;
}

int fence_recordable_told(const struct fence *fence, uint32_t slot, enum mode mode, const char *log)
{
	int err = collector_refuses(fence, slot, mode, log);

	if (err) {
		say_errno(err, "the audit log %s cannot be written", log);
		say_remedy("its policy says on_log_failure: deny: make room there; --mode audit starts it all the "
			   "same");
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

int fence_apply_files(struct fence *fence, char **files, size_t count)
{
	struct policies *policies = NULL;
	uint64_t generation = 0;
	uint32_t slot;
	int err = fence_find_tag(fence, "", &slot, NULL, &generation);

	if (err && err != -ENOENT)
		return err;
	err = policies_compile(files, count, generation + 1, false, &policies) ?:
		policies_put(fence, policies);
	policies_free(policies);
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

/* @pin: fence_pin() or fence_replace(). */
static int load_and_pin(struct policies *policies, int (*pin)(struct fence *fence), struct fence **ret_fence)
{
	struct fence *fence = NULL;
	int err = host_check() ?: fence_load(&fence);

	if (err) {
		host_explain(err);
		return err;
	}
	err = probe_install(fence) ?: prove_new(fence) ?: policies_put(fence, policies);
	if (!err && (err = pin(fence)))
		say_errno(err, "cannot pin the fence under " FENCE_PINS);
	if (err) {
		fence_close(fence);
		return err;
	}
	*ret_fence = fence;
	return 0;
}

/* The policies first: where one is faulty, and not rescued, nothing is loaded. */
static int bring_up(const glob_t *files, bool rescue, int (*pin)(struct fence *fence), struct fence **ret_fence)
{
	struct policies *policies = NULL;
	int err = policies_compile(files->gl_pathv, files->gl_pathc, 1, rescue, &policies) ?:
		load_and_pin(policies, pin, ret_fence);

	policies_free(policies);
	return err;
}

static int lock_told(void)
{
	int lock = path_lock(PATH_LOCK, LOCK_EX);

	if (lock < 0)
		say_errno(lock, "cannot lock " PATH_LOCK);
	return lock;
}

/* The policies of a folder. Only that of the host may be missing. */
static int find_policies(const char *folder, glob_t *ret_found)
{
	char pattern[PATH_MAX];

	if (access(folder, R_OK) && (errno != ENOENT || strcmp(folder, PATH_POLICIES))) {
		int err = -errno;

		say_errno(err, "%s", folder);
		return err;
	}
	snprintf(pattern, sizeof(pattern), "%s/*.yaml", folder);
	glob(pattern, 0, NULL, ret_found);
	if (!ret_found->gl_pathc)
		say("warning: there is no policy %s", pattern);
	return 0;
}

int fence_apply_folder(struct fence *fence, const char *folder)
{
	glob_t found = {};
	int err = find_policies(folder, &found), lock;

	if (err)
		return err;
	lock = lock_told();
	err = lock < 0 ? lock : fence_apply_files(fence, found.gl_pathv, found.gl_pathc);
	globfree(&found);
	if (lock >= 0)
		close(lock);
	return err;
}

int fence_bring_up(const char *folder, bool rescue, struct fence **ret_fence)
{
	glob_t found = {};
	int err = find_policies(folder, &found), lock;

	if (err)
		return err;
	lock = lock_told();
	if (lock < 0)
		err = lock;
	else
		err = access(FENCE_PINS, F_OK) ? bring_up(&found, rescue, fence_pin, ret_fence) : -EEXIST;
	globfree(&found);
	if (lock >= 0)
		close(lock);
	return err;
}

/* --- handing over --------------------------------------------------------------------------- */

/* The ring is that of both: whoever collects goes on. */
static int prove_beside(struct fence *fence)
{
	struct collector *collector = NULL;
	int err = path_make_logs() ?: collector_open(fence, PATH_LOG, true, &collector);

	if (err)
		say_errno(err, "cannot write the audit log " PATH_LOG);
	else
		err = fence_prove_told(fence, collector);
	collector_close(collector);
	return err;
}

/* The canary's policy is that of both, too: the last one is put back where it comes to nothing. */
static int put_beside(struct fence *pinned)
{
	struct ruleset *canary = NULL;
	struct fence *fence = NULL;
	int err = host_check() ?: fence_load_beside(pinned, &fence);

	if (err) {
		host_explain(err);
		return err;
	}
	err = fence_get_ruleset(pinned, 0, &canary) ?: probe_install(fence) ?: prove_beside(fence);
	if (!err && (err = fence_replace(fence)))
		say_errno(err, "cannot replace the pins under " FENCE_PINS);
	if (err && canary)
		fence_put_ruleset(pinned, 0, canary);
	free(canary);
	fence_close(fence);
	return err;
}

/* Returns 0 where nobody is behind a fence of another ringfence; else tells, and returns -EBUSY. */
static int nobody_behind(void)
{
	struct fence_behind behind;

	if (!fence_other_behind(&behind) && !behind.tasks)
		return 0;
	tell_other();
	return -EBUSY;
}

/* With all that a fence has. With PATH_LOCK held nobody gets behind the one that goes. */
static int put_anew(const char *folder, bool rescue)
{
	int64_t waiting = fence_other_waiting();
	struct fence *fence = NULL;
	glob_t found = {};
	int err = nobody_behind() ?: find_policies(folder, &found);

	if (err)
		return err;
	err = bring_up(&found, rescue, fence_replace, &fence);
	globfree(&found);
	fence_close(fence);
	if (!err && waiting > 0)
		say("warning: %lld bytes of records that waited in the fence of another ringfence are lost: its daemon was not there to collect them",
		    (long long)waiting);
	return err;
}

static int hand_over(const char *folder, bool rescue)
{
	struct fence *pinned = NULL;
	int err = fence_settle() ?: fence_open(&pinned) ?: fence_fits(pinned);

	if (!err)
		err = put_beside(pinned);
	else if (err == -EPROTO)
		err = put_anew(folder, rescue);
	else if (err != -ENOENT)
		fence_tell_missing(err);
	fence_close(pinned);
	return err;
}

int fence_hand_over(const char *folder, bool rescue)
{
	int lock = lock_told(), err = lock < 0 ? lock : hand_over(folder, rescue);

	if (lock >= 0)
		close(lock);
	return err;
}

void fence_finish_hand_over(void)
{
	int lock, err;

	if (!fence_unsettled())
		return;
	lock = lock_told();
	err = lock < 0 ? 0 : fence_settle();
	if (err)
		say_errno(err, "cannot finish the hand-over that left pins beside " FENCE_PINS);
	if (lock >= 0)
		close(lock);
}

int fence_may_hand_over(void)
{
	struct fence *pinned = NULL;
	int err = fence_open(&pinned) ?: fence_fits(pinned);

	if (err == -EPROTO)
		err = nobody_behind();
	else if (err)
		fence_tell_missing(err);
	fence_close(pinned);
	return err;
}

bool fence_is_of_other_build(struct about *ret_about)
{
	return !fence_other_about(ret_about) && ret_about->version == ABI_VERSION &&
	       strncmp(ret_about->build, fence_build(), sizeof(ret_about->build));
}
