/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence daemon: collects the records of the shared fence for as long as it runs, and looks every
 * second whether the fence holds. Enforcement does not need it.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector.h"
#include "fence_up.h"
#include "liveness.h"
#include "locations.h"
#include "options.h"
#include "probe.h"
#include "run_id.h"
#include "say.h"
#include "verbs.h"

#define POLL_MS 100
#define LOOK_MS 1000			/* between two looks whether the fence holds */

static const struct verb_option options[] = {
	{ 'd', "policy-dir", "DIR", "policies to load the fence with (default: " PATH_POLICIES ")" },
	{},
};

const struct verb daemon_verb = {
	.name = "daemon",
	.arguments = "[--policy-dir DIR]",
	.help = "Writes the records of all runs to " PATH_LOG ", in the foreground,\n"
		"until SIGTERM or SIGINT. Loads the fence first where it is not loaded; leaves it loaded.\n"
		"Once a second it walks a probe into every hook, and looks after the pins and the settings of\n"
		"the host that the fence depends on; what keeps the fence from holding is a line in the log.\n\n"
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

/* --- whether the fence holds ---------------------------------------------------------------- */

struct watch {
	struct fence *fence;
	struct collector *collector;
	uint64_t run;			/* of the lines that tell about it */
	int64_t next_ms;		/* when to look again */
	char line[1024];		/* what was told last; "": it holds */
	bool untold;			/* the log does not have it yet */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void note(struct watch *watch)
{
	char text[sizeof(watch->line) + 32];

	snprintf(text, sizeof(text), "%s%s", *watch->line ? "the fence does not hold: " :
		 "the fence holds again", watch->line);
	watch->untold = collector_note(watch->collector, watch->run, text);
}

/* Tells what has changed: on stderr, and as a record where this process collects, or later. */
static void tell(struct watch *watch)
{
	struct finding faults[LIVENESS_FAULTS_MAX];
	size_t count = liveness_examine(watch->fence, faults);
	char line[sizeof(watch->line)];

	liveness_line(faults, count, line, sizeof(line));
	if (!strcmp(line, watch->line)) {
		if (watch->untold)
			note(watch);
		return;
	}
	memcpy(watch->line, line, sizeof(line));
	if (!count)
		say("the fence holds again");
	for (size_t i = 0; i < count; i++) {
		say("the fence does not hold: %s: %s", faults[i].topic, faults[i].text);
		say_remedy("%s", faults[i].remedy);
	}
	note(watch);
}

/* What can be seen at once is told before the probe, which takes its time. Returns -ENOENT where the
 * fence is gone. */
static int look(struct watch *watch)
{
	struct probe_result result;
	int err = fence_look_pinned(watch->fence);

	if (err == -ENOENT || err == -ESTALE) {
		say("the fence was unloaded");
		collector_note(watch->collector, watch->run, "the fence was unloaded");
		return -ENOENT;
	}
	tell(watch);
	err = probe_fence(watch->fence, watch->collector, &result);
	if (err)
		say_errno(err, "cannot run the probe");
	fence_note_watcher(watch->fence, getpid());	/* from now on: what is old is at fault */
	tell(watch);
	watch->next_ms = now_ms() + LOOK_MS;
	return 0;
}

static int collect(struct fence *fence, struct collector *collector)
{
	struct watch watch = { .fence = fence, .collector = collector, .run = run_id_new() };
	int told = 0, active = -1, gone = 0;

	while (!stopped && !gone) {
		int err = collector_poll(collector, POLL_MS);

		if (err && err != told)
			say_errno(err, "cannot write the audit log; records wait in the kernel");
		told = err;
		if (active != collector_active(collector)) {
			active = collector_active(collector);
			say("%s", active ? "collecting into " PATH_LOG :
			    "another process collects; waiting for it to end");
		}
		if (now_ms() >= watch.next_ms)
			gone = look(&watch);
	}
	return gone;
}

int daemon_main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = stop };
	const char *folder = PATH_POLICIES;
	struct collector *collector = NULL;
	struct fence *fence = NULL;
	int id, err;

	while ((id = verb_next(&daemon_verb, argc, argv)) != VERB_END) {
		if (id != 'd')
			return 1;
		folder = optarg;
	}
	if (optind != argc)
		return verb_misused(&daemon_verb, "%s: no argument expected", argv[optind]), 1;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	err = open_fence(folder, &fence);
	if (err)
		return 1;
	err = fence_keep(fence, 0);
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
	fence_note_watcher(fence, 0);
	fence_unkeep(fence, 0);
	fence_close(fence);
	return err ? 1 : 0;
}
