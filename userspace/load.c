/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence load, unload: the shared fence, up and down.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "fence_up.h"
#include "locations.h"
#include "options.h"
#include "say.h"
#include "verbs.h"

static const struct verb_option load_options[] = {
	{ 'd', "policy-dir", "DIR", "put the policies DIR/*.yaml in force (default: " PATH_POLICIES ")" },
	{ 'r', "rescue", NULL, "for a boot: in place of a policy with a fault, its last good text, or none" },
	{},
};

const struct verb load_verb = {
	.name = "load",
	.arguments = "[--policy-dir DIR] [--rescue]",
	.help = "Loads the fence into the kernel, puts the policies in force, pins all of it under\n"
		FENCE_PINS ", and proves with a denied probe that it is live. From then\n"
		"on it needs no process to hold.\n\n"
		"Exit status: 0 when the fence is up, 1 when it is not (then nothing is left behind), also\n"
		"when it was loaded before.",
	.options = load_options,
	.colored = true,
};

int load_main(int argc, char **argv)
{
	const char *folder = PATH_POLICIES;
	struct fence *fence = NULL;
	bool rescue = false;
	int id, err;

	while ((id = verb_next(&load_verb, argc, argv)) != VERB_END) {
		if (id == 'r')
			rescue = true;
		else if (id == 'd')
			folder = optarg;
		else
			return 1;
	}
	if (optind != argc)
		return verb_misused(&load_verb, "%s: no argument expected", argv[optind]), 1;
	err = fence_bring_up(folder, rescue, &fence);
	if (err == -EEXIST) {
		say("the fence is loaded already");
		say_remedy("ringfence apply FILE... changes its policies, ringfence unload takes it down");
	}
	if (err)
		return 1;
	puts("the fence is up");
	fence_close(fence);
	return 0;
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

/* Whether tagged tasks forbid it. */
static int held_by_tasks(void)
{
	struct fence *fence = NULL;
	size_t tasks = 0;
	int err = fence_open(&fence);

	if (err == -EPROTO || err == -EUCLEAN) {
		say("%s, so its tagged tasks cannot be counted", err == -EPROTO ?
		    "the fence was loaded by another version of ringfence" :
		    "pins of the fence were removed");
		say_remedy("ringfence unload --force takes it down all the same");
		return 1;
	}
	if (err) {
		say_errno(err, "cannot open the fence under " FENCE_PINS);
		return 1;
	}
	err = fence_tasks(fence, count_task, &tasks);
	fence_close(fence);
	if (err)
		say_errno(err, "cannot list the tagged tasks");
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
