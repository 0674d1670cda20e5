/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence daemon: collects the records of the shared fence for as long as it runs. Enforcement
 * does not need it.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "collector.h"
#include "fence_up.h"
#include "locations.h"
#include "options.h"
#include "say.h"
#include "verbs.h"

#define POLL_MS 100
#define LOOK_ROUNDS 10			/* polls between two looks whether the fence is loaded */

static const struct verb_option options[] = {
	{ 'd', "policy-dir", "DIR", "policies to load the fence with (default: " PATH_POLICIES ")" },
	{},
};

static const struct verb verb = {
	.name = "daemon",
	.arguments = "[--policy-dir DIR]",
	.help = "Writes the records of all runs to " PATH_LOG ", in the foreground,\n"
		"until SIGTERM or SIGINT. Loads the fence first where it is not loaded; leaves it loaded.\n\n"
		"Exit status: 0 when told to stop; 1 on failure, also when the fence was unloaded.",
	.options = options,
	.colored = true,
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* Opens the pinned fence, and only that: a fence that we loaded ourselves would outlive its pins
 * with us. */
static int open_fence(const char *folder, struct fence **ret_fence)
{
	int err = fence_open(ret_fence);

	if (err == -ENOENT) {
		struct fence *loaded = NULL;

		err = fence_bring_up(folder, &loaded);
		fence_close(loaded);
		if (err && err != -EEXIST)
			return err;	/* told */
		err = fence_open(ret_fence);
	}
	if (err)
		fence_tell_missing(err);
	return err;
}

/* Whether the fence that we collect for is still the one that is loaded. */
static bool in_place(const struct fence *fence)
{
	struct about ours = {}, theirs = {};
	struct fence *pinned = NULL;

	if (fence_open(&pinned))
		return false;
	fence_about(fence, &ours);
	fence_about(pinned, &theirs);
	fence_close(pinned);
	return ours.loaded_ns == theirs.loaded_ns;
}

static int collect(const struct fence *fence, struct collector *collector)
{
	int told = 0, active = -1;

	for (unsigned int round = 0; !stopped; round++) {
		int err = collector_poll(collector, POLL_MS);

		if (err && err != told)
			say_errno(err, "cannot write the audit log; records wait in the kernel");
		told = err;
		if (active != collector_active(collector)) {
			active = collector_active(collector);
			say("%s", active ? "collecting into " PATH_LOG :
			    "another process collects; waiting for it to end");
		}
		if (round % LOOK_ROUNDS == 0 && !in_place(fence)) {
			say("the fence was unloaded");
			return -ENOENT;
		}
	}
	return 0;
}

int daemon_main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = stop };
	const char *folder = PATH_POLICIES;
	struct collector *collector = NULL;
	struct fence *fence = NULL;
	int id, err;

	while ((id = verb_next(&verb, argc, argv)) != VERB_END) {
		if (id != 'd')
			return 1;
		folder = optarg;
	}
	if (optind != argc)
		return verb_misused(&verb, "%s: no argument expected", argv[optind]), 1;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	err = open_fence(folder, &fence);
	if (err)
		return 1;
	err = fence_keep(fence);
	if (err)
		say_errno(err, "cannot have this process protected from tagged ones");
	err = path_make(PATH_LOGS) ?: collector_open(fence, PATH_LOG, true, &collector);
	if (err)
		say_errno(err, "cannot open the audit log " PATH_LOG);
	else
		err = collect(fence, collector);
	if (collector_close(collector)) {
		say("records are lost: the audit log did not take the last of them");
		err = -EIO;
	}
	fence_unkeep(fence);
	fence_close(fence);
	return err ? 1 : 0;
}
