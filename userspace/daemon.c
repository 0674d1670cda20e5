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
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "collector.h"
#include "entries.h"
#include "fence_up.h"
#include "gate.h"
#include "liveness.h"
#include "locations.h"
#include "options.h"
#include "probe.h"
#include "run_id.h"
#include "runs.h"
#include "say.h"
#include "service.h"
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
		"A policy with a fault is then replaced by its last good text, or left out. SIGHUP: opens the log\n"
		"anew, and puts the policies in force anew, all or none.\n"
		"Once a second it walks a probe into every hook, and looks after the pins and the settings of\n"
		"the host that the fence depends on; what keeps the fence from holding is a line in the log.\n\n"
		"Exit status: 0 when told to stop; 1 on failure, also when the fence was unloaded.",
	.options = options,
	.colored = true,
};

static volatile sig_atomic_t stopped, hung_up;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void hang_up(int signal)
{
	(void)signal;
	hung_up = 1;
}

/* Opens the pinned fence, and only that: a fence that we loaded ourselves would outlive its pins
 * with us. */
static int open_fence(const char *folder, struct fence **ret_fence)
{
	int err = fence_open(ret_fence);

	if (err == -ENOENT) {
		struct fence *loaded = NULL;

		err = fence_bring_up(folder, true, &loaded);
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
	bool ready;			/* the service manager has been told */
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
	watch->untold = collector_note(watch->collector, RULE_LIVENESS, getuid(), watch->run, text);
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

/* To the service manager: that it holds, with a probe to show for it; and that records come through,
 * without which this process had better be started anew. A log that takes none is no reason. */
static void tell_manager(struct watch *watch, const struct probe_result *result, int log_error)
{
	if (!watch->ready && !*watch->line && probe_passed(result)) {
		service_ready("the fence holds");
		watch->ready = true;
	} else if (watch->ready) {
		service_status(*watch->line ? watch->line : "the fence holds");
	}
	if (result->recorded || log_error)
		service_ping();
}

/* Runs that no launcher looks after. The lock is that of whoever changes the fence, and comes back here. */
static void tend_entries(struct fence *fence)
{
	int lock = path_lock(PATH_LOCK, LOCK_EX | LOCK_NB);

	if (lock < 0)
		return;
	entries_gather(fence);
	runs_sweep(fence);
	close(lock);
}

/* What can be seen at once is told before the probe, which takes its time. Returns -ENOENT where the
 * fence is gone. */
static int look(struct watch *watch, int log_error)
{
	struct probe_result result = {};
	int err = fence_look_pinned(watch->fence);

	if (err == -ENOENT || err == -ESTALE) {
		say("the fence was unloaded");
		collector_note(watch->collector, RULE_LIVENESS, getuid(), watch->run,
			       "the fence was unloaded");
		return -ENOENT;
	}
	tell(watch);
	err = probe_fence(watch->fence, watch->collector, &result);
	if (err)
		say_errno(err, "cannot run the probe");
	fence_note_watcher(watch->fence, getpid());	/* from now on: what is old is at fault */
	tell(watch);
	tell_manager(watch, &result, log_error);
	tend_entries(watch->fence);
	watch->next_ms = now_ms() + LOOK_MS;
	return 0;
}

/* --- what it does --------------------------------------------------------------------------- */

/* The log, which may have been rotated, and the policies. Where one has a fault, none changes. */
static void reload(struct watch *watch, const char *folder)
{
	int err;

	service_reloading();
	hung_up = 0;
	err = collector_reopen(watch->collector);
	if (err)
		say_errno(err, "cannot open the audit log " PATH_LOG " anew; the old one is written on");
	if (fence_apply_folder(watch->fence, folder))
		say("the policies in force stay as they are");
	if (watch->ready)
		service_ready(*watch->line ? watch->line : "the fence holds");
}

/* Where ordinary users ask. Runs of root need it as little as the fence does. */
static struct gate *open_gate(struct fence *fence, struct collector *collector)
{
	struct gate *gate = NULL;
	int err = gate_open(service_socket(), fence, collector, &gate);

	if (err)
		say_errno(err, "ordinary users cannot start runs: cannot listen at " PATH_GATE);
	return gate;
}

static int collect(struct fence *fence, struct collector *collector, const char *folder)
{
	struct gate *gate = open_gate(fence, collector);
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
		if (hung_up)
			reload(&watch, folder);
		if (now_ms() >= watch.next_ms)
			gone = look(&watch, err);
		if (gate)
			gate_serve(gate, watch.ready && !*watch.line ? NULL :
				   *watch.line ? watch.line : "no probe has passed yet");
	}
	gate_close(gate);
	return gone;
}

int daemon_main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = stop }, reload_action = { .sa_handler = hang_up };
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
	sigaction(SIGHUP, &reload_action, NULL);
	err = open_fence(folder, &fence);
	if (err)
		return 1;
	err = fence_keep(fence, 0);
	if (err)
		say_errno(err, "cannot have this process protected from tagged ones");
	err = path_make_logs() ?: collector_open(fence, PATH_LOG, true, &collector);
	if (err)
		say_errno(err, "cannot open the audit log " PATH_LOG);
	else
		err = collect(fence, collector, folder);
	service_stopping();
	if (collector_close(collector)) {
		say("records are lost: the audit log did not take the last of them");
		err = -EIO;
	}
	fence_note_watcher(fence, 0);
	fence_unkeep(fence, 0);
	fence_close(fence);
	return err ? 1 : 0;
}
