/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence load, unload: the shared fence, up and down.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../upkeep/fence_up.h"
#include "verbs.h"

static const struct verb_option load_options[] = {
	{ 'd', "policy-dir", "DIR", "put the policies DIR/*.yaml in force (default: " PATH_POLICIES ")" },
	{ 'r', "rescue", NULL, "for a boot: in place of a policy with a fault, its last good text, or none" },
	{ 'R', "replace", NULL, "put this ringfence's programs in the place of those that are loaded" },
	{ 'n', "dry-run", NULL, "with --replace: only tell whether that can be done" },
	{},
};

const struct verb load_verb = {
	.name = "load",
	.arguments = "[--policy-dir DIR] [--rescue] [--replace [--dry-run]]",
	.help = "Loads the fence into the kernel, puts the policies in force, pins all of it under\n"
		FENCE_PINS ", and proves with a denied probe that it is live. From then\n"
		"on it needs no process to hold.\n\n"
		"Where a fence is loaded, --replace hands it over to this ringfence's programs, after a probe has\n"
		"been denied by them: runs, tags, policies and records stay, and no task is without a fence for a\n"
		"moment. A daemon that starts does so by itself where the programs are of another build. Where the\n"
		"two cannot use the same maps, the fence is put anew, and only when nobody is behind it.\n\n"
		"Exit status: 0 when the fence is up, 1 when it is not (then nothing is left behind), also\n"
		"when it was loaded before, or could not be replaced: then it is as it was.",
	.options = load_options,
	.colored = true,
};

static void tell_loaded(void)
{
	struct about about = {};

	say("the fence is loaded already");
	if (fence_is_of_other_build(&about))
		say_remedy("its programs are of another build (ringfence %.*s): ringfence load --replace puts this one's in their place, with no gap",
			   (int)sizeof(about.release), about.release);
	say_remedy("ringfence apply FILE... changes its policies, ringfence unload takes it down");
}

static int load(const char *folder, bool rescue)
{
	struct fence *fence = NULL;
	int err = fence_bring_up(folder, rescue, &fence);

	if (err == -EEXIST)
		tell_loaded();
	if (err)
		return 1;
	puts("the fence is up");
	fence_close(fence);
	return 0;
}

static int replace(const char *folder, bool rescue)
{
	int err = fence_hand_over(folder, rescue);

	if (err == -ENOENT)
		return load(folder, rescue);
	if (err) {
		say("the fence that is loaded stays as it is");
		return 1;
	}
	puts("the fence is up: its programs were replaced");
	return 0;
}

int load_main(int argc, char **argv)
{
	bool rescue = false, replaces = false, dry = false;
	const char *folder = PATH_POLICIES;
	int id;

	while ((id = verb_next(&load_verb, argc, argv)) != VERB_END) {
		if (id == 'r')
			rescue = true;
		else if (id == 'R')
			replaces = true;
		else if (id == 'n')
			dry = true;
		else if (id == 'd')
			folder = optarg;
		else
			return 1;
	}
	if (optind != argc)
		return verb_misused(&load_verb, "%s: no argument expected", argv[optind]), 1;
	if (dry && !replaces)
		return verb_misused(&load_verb, "--dry-run goes with --replace"), 1;
	if (fence_see_all_told("load"))
		return 1;
	if (dry)
		return fence_may_hand_over() ? 1 : 0;
	return replaces ? replace(folder, rescue) : load(folder, rescue);
}

static const struct verb_option unload_options[] = {
	{ 'f', "force", NULL, "even while tagged processes run: they are free from then on" },
	{},
};

const struct verb unload_verb = {
	.name = "unload",
	.arguments = "[--force]",
	.help = "Takes the fence down: programs, policies and tags are gone from the kernel a moment later.\n\n"
		"Exit status: 0 when it is down, 1 when it is not, because tagged processes run or it was not\n"
		"loaded.",
	.options = unload_options,
};

static int count_task(void *ctx, const struct tagged_task *task)
{
	if (!(task->tag.flags & TAG_PROBE))
		++*(size_t *)ctx;
	return 0;
}

/* How many tasks are tagged, also behind a fence of another ABI_VERSION. */
static int count_tasks(size_t *ret_tasks)
{
	struct fence_behind behind = {};
	struct fence *fence = NULL;
	int err = fence_open(&fence);

	if (err == -EPROTO) {
		err = fence_other_behind(&behind);
		*ret_tasks = behind.tasks;
	} else if (!err) {
		err = fence_tasks(fence, count_task, ret_tasks);
	}
	fence_close(fence);
	return err;
}

/* Whether tagged tasks forbid it. */
static int held_by_tasks(void)
{
	size_t tasks = 0;
	int err = count_tasks(&tasks);

	if (err == -EUCLEAN) {
		say("pins of the fence were removed, so its tagged tasks cannot be counted");
		say_remedy("ringfence unload --force takes it down all the same");
	} else if (err) {
		say_errno(err, "cannot list the tagged tasks");
		say_remedy("ringfence unload --force takes the fence down all the same");
	}
	if (!tasks)
		return err != 0;
	say("%zu tagged task%s would be free", tasks, tasks == 1 ? "" : "s");
	say_remedy("ringfence ps shows them; ringfence unload --force takes the fence down all the same");
	return 1;
}

int unload_main(int argc, char **argv)
{
	int id, err, lock, force = 0;

	while ((id = verb_next(&unload_verb, argc, argv)) != VERB_END) {
		if (id != 'f')
			return 1;
		force = 1;
	}
	if (optind != argc)
		return verb_misused(&unload_verb, "%s: no argument expected", argv[optind]), 1;
	if (access(FENCE_PINS, F_OK)) {
		fence_tell_missing(-errno);
		return 1;
	}
	if (!force && fence_see_all_told("unload"))
		return 1;
	lock = path_lock(PATH_LOCK, LOCK_EX);
	if (lock < 0) {
		say_errno(lock, "cannot lock " PATH_LOCK);
		return 1;
	}
	err = !force && held_by_tasks() ? -EBUSY : 0;
	if (!err && (err = fence_unpin()))
		say_errno(err, "cannot remove " FENCE_PINS);
	close(lock);
	if (err)
		return 1;
	puts("the fence is down");
	return 0;
}
