/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence daemon: collects the records of the shared fence for as long as it runs, and looks every
 * second whether the fence holds. Enforcement does not need it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "../audit/collector.h"
#include "../base/amounts.h"
#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../host/service.h"
#include "../launch/gate.h"
#include "../policies/entries.h"
#include "../runs/run_id.h"
#include "../runs/runs.h"
#include "../upkeep/fence_up.h"
#include "../upkeep/liveness.h"
#include "../upkeep/metrics.h"
#include "../upkeep/probe.h"
#include "verbs.h"

#define POLL_MS 100
#define LOOK_MS 1000			/* between two looks whether the fence holds */

#define UNTENDED_MS 20000		/* longer than a hand-over of the fence takes */
#define METRICS_MS 5000			/* between two writings of the metrics */
#define LOG_SIZE_MIN (1 << 20)
#define LOG_KEEP_MAX 10000

/* A busy host fills some of these a day; a quiet one has two weeks. Less than 1 GiB in any case. */
static const struct log_rotation rotation_by_default = {
	.size = 64 << 20,
	.age = 24 * 60 * 60,
	.keep = 14,
};

static const struct verb_option options[] = {
	{ 'd', "policy-dir", "DIR", "policies to load the fence with (default: " PATH_POLICIES ")" },
	{ 's', "log-size", "SIZE", "rotate the log before it is larger, such as 64M (the default); 0: never" },
	{ 'a', "log-age", "AGE", "rotate the log when its first line is so old, such as 1d (the default); 0: never" },
	{ 'k', "log-keep", "COUNT", "rotated logs that are kept (default: 14)" },
	{ 'm', "metrics", "FILE", "write metrics to this file, *.prom, for the textfile collector of node_exporter" },
	{},
};

const struct verb daemon_verb = {
	.name = "daemon",
	.arguments = "[OPTION]...",
	.help = "Writes the records of all runs to " PATH_LOG ", in the foreground,\n"
		"until SIGTERM or SIGINT. Loads the fence first where it is not loaded; leaves it loaded.\n"
		"A policy with a fault is then replaced by its last good text, or left out. Where the programs of\n"
		"the loaded fence are of another build, hands it over to its own first, as ringfence load\n"
		"--replace does. SIGHUP: opens the log anew, and puts the policies in force anew, all or none.\n"
		"Once a second it walks a probe into every hook, and looks after the pins and the settings of\n"
		"the host that the fence depends on; what keeps the fence from holding is a line in the log.\n\n"
		"Rotates the log: " PATH_LOGS "/audit-20270331-142355-123.jsonl is named by when that\n"
		"was, in UTC. No line is lost, and the numbers of lines go on.\n\n"
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

/* An upgrade that fails leaves what was there: it holds, and is collected from. */
static void upgrade(const char *folder)
{
	struct about about = {};

	fence_finish_hand_over();
	if (!fence_is_of_other_build(&about))
		return;
	say("the programs of the fence are of another build, ringfence %.*s: handing over",
	    (int)sizeof(about.release), about.release);
	if (fence_hand_over(folder, true))
		say("the programs that are loaded stay; ringfence load --replace tries again");
	else
		say("handed over: the programs of the fence are this build's");
}

/* A fence whose maps are of another shape cannot be collected from, nor proven. It goes on enforcing; as soon
 * as nobody is behind it, it is replaced. Returns -ECANCELED when told to stop. */
static int await_end(const char *folder)
{
	struct fence_behind behind;
	int err;

	say("waiting until nobody is behind it any more; then it is replaced");
	service_ready("the fence is that of another ringfence, which enforces; waiting until nobody is behind it");
	do {
		do {
			poll(NULL, 0, LOOK_MS);
			service_ping();
			if (stopped)
				return -ECANCELED;
		} while (!access(FENCE_PINS, F_OK) && (fence_other_behind(&behind) || behind.tasks));
		err = fence_hand_over(folder, true);
	} while (err == -EBUSY);
	return err;
}

/* The pinned fence is opened, and only that: a fence that we loaded ourselves would outlive its pins with
 * us. */
static int open_fence(const char *folder, struct fence **ret_fence)
{
	int err;

	upgrade(folder);
	err = fence_open(ret_fence);
	if (err == -EPROTO) {
		err = fence_hand_over(folder, true);
		if (err == -EBUSY)
			err = await_end(folder);
		if (err && err != -ENOENT)
			return err;	/* told */
		err = err ?: fence_open(ret_fence);
	}
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

struct order {
	const char *folder;		/* of policies */
	struct log_rotation rotation;
	const char *metrics;		/* the file, or NULL */
};

/* --- whether the fence holds ---------------------------------------------------------------- */

struct watch {
	struct fence *fence;
	struct collector *collector;
	uint64_t run;			/* of the lines that tell about it */
	int64_t next_ms;		/* when to look again */
	char line[1024];		/* what was told last; "": it holds */
	bool untold;			/* the log does not have it yet */
	bool ready;			/* the service manager has been told */
	int64_t tended_ms;		/* when the runs without a launcher were looked after last */
	int tend_error;			/* what kept it from that since */
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

static size_t untended(const struct watch *watch, struct finding *ret_fault)
{
	int64_t late_ms = now_ms() - watch->tended_ms;

	if (!watch->tend_error || late_ms < UNTENDED_MS)
		return 0;
	*ret_fault = (struct finding){ .topic = "entries" };
	snprintf(ret_fault->text, sizeof(ret_fault->text),
		 "who is moved into an entered control group has not been tagged for some time, nor were runs that are over swept: %s",
		 watch->tend_error == -EAGAIN ? "another process holds " PATH_LOCK : strerror(-watch->tend_error));
	snprintf(ret_fault->remedy, sizeof(ret_fault->remedy),
		 "lslocks shows who holds " PATH_LOCK "; is it stopped?");
	return 1;
}

/* Tells what has changed: on stderr, and as a record where this process collects, or later. */
static void tell(struct watch *watch)
{
	struct finding faults[LIVENESS_FAULTS_MAX + 1];
	size_t count = liveness_examine(watch->fence, faults);
	char line[sizeof(watch->line)];

	count += untended(watch, &faults[count]);
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
static void tend_entries(struct watch *watch)
{
	int lock = path_lock(PATH_LOCK, LOCK_EX | LOCK_NB);

	watch->tend_error = lock < 0 ? lock : 0;
	if (lock >= 0) {
		entries_gather(watch->fence);
		watch->tend_error = runs_sweep(watch->fence);
		close(lock);
	}
	if (!watch->tend_error)
		watch->tended_ms = now_ms();
}

/* Stays with the fence that is pinned, whatever programs it has by now. Returns an errno where it is gone. */
static int follow(struct watch *watch)
{
	int err = fence_follow(watch->fence);
	const char *what = err == -ENOENT ? "the fence was unloaded" :
			   err == -ESTALE ? "another fence was loaded in the place of this one" :
			   err == -EPROTO ? "another ringfence has put its fence in the place of this one" : NULL;

	if (!what)
		return 0;
	say("%s", what);
	collector_note(watch->collector, RULE_LIVENESS, getuid(), watch->run, what);
	return err;
}

/* What can be seen at once is told before the probe, which takes its time. Returns as follow(). */
static int look(struct watch *watch, int log_error)
{
	struct probe_result result = {};
	int err = follow(watch);

	if (err)
		return err;
	tell(watch);
	err = probe_fence(watch->fence, watch->collector, &result);
	if (err)
		say_errno(err, "cannot run the probe");
	fence_note_watcher(watch->fence, getpid());	/* from now on: what is old is at fault */
	tell(watch);
	tell_manager(watch, &result, log_error);
	tend_entries(watch);
	watch->next_ms = now_ms() + LOOK_MS;
	return 0;
}

/* --- how the log does ------------------------------------------------------------------------- */

struct keeping {
	struct collector *collector;
	int fault;			/* of the log, as it was told; 0: none */
	uint64_t failures;		/* how often there began to be one */
	int rotation_fault;		/* likewise */
};

static void tell_log(struct keeping *keeping, int err)
{
	struct audit_state state;

	if (err && err != keeping->fault) {
		say_errno(err, "cannot write the audit log; records wait in the kernel");
		keeping->failures++;
	} else if (!err && keeping->fault) {
		say("the audit log takes lines again");
	}
	keeping->fault = err;
	collector_look(keeping->collector, &state);
	if (state.rotation_fault && state.rotation_fault != keeping->rotation_fault)
		say_errno(state.rotation_fault, "cannot rotate the audit log; it grows on");
	keeping->rotation_fault = state.rotation_fault;
}

/* --- metrics ---------------------------------------------------------------------------------- */

struct publishing {
	const char *path;		/* NULL: not wanted */
	struct metrics *metrics;
	int64_t next_ms;
	int told;			/* the failure that was told last */
};

static int begin_publishing(struct publishing *publishing, const char *path)
{
	*publishing = (struct publishing){ .path = path, .metrics = metrics_new() };
	return publishing->metrics ? 0 : -ENOMEM;
}

static void publish(struct publishing *publishing, const struct watch *watch, const struct keeping *keeping)
{
	struct metrics_state state = {
		.holds = watch->ready && !*watch->line,
		.log_failing = keeping->fault,
		.log_failures = keeping->failures,
	};
	struct audit_state log;
	int err;

	if (!publishing->path || now_ms() < publishing->next_ms)
		return;
	collector_look(keeping->collector, &log);
	state.log_rotations = log.rotations;
	state.log_size = log.size;
	metrics_look(watch->fence, &state);
	err = metrics_write(publishing->metrics, &state, publishing->path);
	if (err && err != publishing->told)
		say_errno(err, "cannot write the metrics to %s", publishing->path);
	publishing->told = err;
	publishing->next_ms = now_ms() + METRICS_MS;
}

/* Nobody is to take for true what nobody keeps true. */
static void end_publishing(struct publishing *publishing)
{
	if (publishing->path)
		unlink(publishing->path);
	metrics_free(publishing->metrics);
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

static int collect(struct fence *fence, struct collector *collector, const struct order *order)
{
	struct watch watch = { .fence = fence, .collector = collector, .run = run_id_new(),
			       .tended_ms = now_ms() };
	struct keeping keeping = { .collector = collector };
	struct publishing publishing;
	int active = -1, gone = begin_publishing(&publishing, order->metrics);
	struct gate *gate = open_gate(fence, collector);

	collector_tend(collector, &order->rotation, metrics_count, publishing.metrics);
	while (!stopped && !gone) {
		int err = collector_poll(collector, POLL_MS);

		tell_log(&keeping, err);
		if (active != collector_active(collector)) {
			active = collector_active(collector);
			say("%s", active ? "collecting into " PATH_LOG :
			    "another process collects; waiting for it to end");
		}
		if (hung_up)
			reload(&watch, order->folder);
		if (now_ms() >= watch.next_ms)
			gone = look(&watch, err);
		if (gate)
			gate_serve(gate, watch.ready && !*watch.line ? NULL :
				   *watch.line ? watch.line : "no probe has passed yet");
		publish(&publishing, &watch, &keeping);
	}
	gate_close(gate);
	collector_tend(collector, &order->rotation, NULL, NULL);
	end_publishing(&publishing);
	return gone;
}

/* Any user may read the file, and the collector reads what is called so. */
static int parse_metrics(struct order *order)
{
	const char *dot = strrchr(optarg, '.');

	if (*optarg != '/' || !dot || strcmp(dot, ".prom"))
		return verb_misused(&daemon_verb, "--metrics %s: expected the full path of a file that ends in .prom",
				    optarg);
	order->metrics = optarg;
	return 0;
}

static int parse_option(struct order *order, int id)
{
	uint64_t number;

	switch (id) {
	case 'd':
		order->folder = optarg;
		return 0;
	case 's':
		if (!amount_bytes(optarg, &order->rotation.size) ||
		    (order->rotation.size && order->rotation.size < LOG_SIZE_MIN))
			return verb_misused(&daemon_verb, "--log-size %s: expected a size of at least 1M, such as 64M, or 0",
					    optarg);
		return 0;
	case 'a':
		if (!amount_seconds(optarg, &number))
			return verb_misused(&daemon_verb, "--log-age %s: expected a time such as 36h, 1d or 2w, or 0",
					    optarg);
		order->rotation.age = number;
		return 0;
	case 'k':
		if (!amount_number(optarg, LOG_KEEP_MAX, &number) || !number)
			return verb_misused(&daemon_verb, "--log-keep %s: expected a number from 1 to %d", optarg,
					    LOG_KEEP_MAX);
		order->rotation.keep = number;
		return 0;
	case 'm':
		return parse_metrics(order);
	default:
		return VERB_BAD;
	}
}

int daemon_main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = stop }, reload_action = { .sa_handler = hang_up };
	struct order order = { .folder = PATH_POLICIES, .rotation = rotation_by_default };
	struct collector *collector = NULL;
	struct fence *fence = NULL;
	int id, err;

	while ((id = verb_next(&daemon_verb, argc, argv)) != VERB_END)
		if (parse_option(&order, id))
			return 1;
	if (optind != argc)
		return verb_misused(&daemon_verb, "%s: no argument expected", argv[optind]), 1;
	if (fence_see_all_told("daemon"))
		return 1;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &reload_action, NULL);
	err = open_fence(order.folder, &fence);
	if (err)
		return 1;
	err = fence_keep(fence, 0);
	if (err)
		say_errno(err, "cannot have this process protected from tagged ones");
	err = path_make_logs() ?: collector_open(fence, PATH_LOG, true, &collector);
	if (err)
		say_errno(err, "cannot open the audit log " PATH_LOG);
	else
		err = collect(fence, collector, &order);
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
