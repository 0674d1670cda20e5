/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence release: break-glass. Takes the tags of one run back, after the audit log says who does so
 * and why.
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../audit/collector.h"
#include "../base/identity.h"
#include "../base/locations.h"
#include "../base/options.h"
#include "../base/pid_space.h"
#include "../base/say.h"
#include "../runs/late.h"
#include "../runs/run_id.h"
#include "../runs/runs.h"
#include "../upkeep/fence_up.h"
#include "verbs.h"

#define REASON_MAX 512			/* bytes */
#define LOCK_MS 10000			/* how long others may hold PATH_LOCK */
#define LOCK_EACH_MS 50
#define SETTLE_MS 10000			/* how long the record may take into the log */
#define EXIT_REFUSED 1
#define EXIT_PARTLY 2

static const struct verb_option options[] = {
	{ 'r', "run", "RUN", "the run that is to be free, such as 20270331-142355-9f03ac (needed)" },
	{ 'w', "reason", "TEXT", "why: it is kept in the audit log (needed)" },
	{},
};

const struct verb release_verb = {
	.name = "release",
	.arguments = "--run RUN --reason TEXT",
	.help = "Break-glass: takes the tags of one run back from all its processes, and from those that are\n"
		"in the making. They go on as if they had never been tagged; what they were denied before is\n"
		"not undone. Other runs stay behind the fence. For root outside of every run; in a pid name space of its\n"
		"own, as in a container, for runs that were started there.\n\n"
		"First a record is written to " PATH_LOG " (event.action \"release\":\n"
		"the run, the reason, user and login user, the number of tasks that were tagged then). Where it\n"
		"cannot be written, nothing is released. ringfence runs lists the runs there are.\n\n"
		"Exit status: 0 when no task of the run is tagged any more; 1 when it was refused, and nothing has\n"
		"changed; 2 when it was begun and not all could be freed.",
	.options = options,
};

struct order {
	uint64_t run;
	const char *run_name;
	const char *reason;

	struct fence *fence;
	struct collector *collector;
	size_t tasks;			/* that are tagged before */
	int lock;
};

static bool is_blank(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return !*text;
}

static int parse(struct order *order, int argc, char **argv)
{
	int id;

	while ((id = verb_next(&release_verb, argc, argv)) != VERB_END) {
		if (id == 'r')
			order->run_name = optarg;
		else if (id == 'w')
			order->reason = optarg;
		else
			return -EINVAL;
	}
	if (optind != argc)
		return verb_misused(&release_verb, "%s: no argument expected", argv[optind]);
	if (!order->run_name)
		return verb_misused(&release_verb, "--run is missing: ringfence runs lists those there are");
	if (!run_id_parse(order->run_name, &order->run))
		return verb_misused(&release_verb, "\"%s\" is not the name of a run; they look like "
				    "20270331-142355-9f03ac", order->run_name);
	if (!order->reason || is_blank(order->reason))
		return verb_misused(&release_verb, "--reason is missing: who reads the audit log will ask for it");
	if (strlen(order->reason) > REASON_MAX)
		return verb_misused(&release_verb, "--reason is longer than %d bytes", REASON_MAX);
	return 0;
}

/* --- may it be? ----------------------------------------------------------------------------- */

/* Not for ever: whoever can open the file can hold the lock, a tagged root as well. */
static int take_lock(struct order *order)
{
	for (int left = LOCK_MS; ; left -= LOCK_EACH_MS) {
		order->lock = path_lock(PATH_LOCK, LOCK_EX | LOCK_NB);
		if (order->lock != -EWOULDBLOCK || left <= 0)
			break;
		poll(NULL, 0, LOCK_EACH_MS);
	}
	if (order->lock >= 0)
		return 0;
	if (order->lock == -EWOULDBLOCK) {
		say("another process holds " PATH_LOCK ": is a ringfence load, apply, tag or run at work?");
		say_remedy("fuser -v " PATH_LOCK " shows which");
	} else {
		say_errno(order->lock, "cannot lock " PATH_LOCK);
	}
	return order->lock;
}

struct launcher {
	const struct run *account;
	bool seen;
};

static int find_launcher(void *ctx, const struct seen_process *process)
{
	struct launcher *launcher = ctx;

	launcher->seen |= process->process.pid == launcher->account->pid &&
		process->process.start_ns <= launcher->account->started_ns;
	return 0;
}

/* Whether every task of a run is in the pid name space of this process, where passes find it: nobody leaves it, so
 * that is where the launcher is. */
static int see_all(const struct order *order, const struct run *account)
{
	struct launcher launcher = { .account = account };
	int err;

	if (pid_space_is_initial())
		return 0;
	err = fence_processes(order->fence, find_launcher, &launcher);
	if (!err && launcher.seen && !(account->flags & TAG_ENTERED))
		return 0;
	say("not all of run %s need be in the pid name space of this process: what is outside could not be released",
	    order->run_name);
	say_remedy(FENCE_HOST_REMEDY);
	return err ?: -EPERM;
}

static int find_run(const struct order *order)
{
	struct run account;
	uint64_t logged;
	int err = fence_get_run(order->fence, order->run, &account, &logged);

	if (!err && account.flags & TAG_PROBE)
		err = -ENOENT;
	if (!err)
		return see_all(order, &account);
	if (err == -ENOENT) {
		say("there is no run %s on the loaded fence", order->run_name);
		say_remedy("ringfence runs lists those there are; a run with --policy has a fence of its own,"
			   " which ends with its processes");
	} else {
		say_errno(err, "cannot read the account of run %s", order->run_name);
	}
	return err;
}

struct tally {
	uint64_t run;
	uint32_t self;			/* this process */
	size_t tasks;
	bool ourselves;			/* which is tagged */
};

static int count_task(void *ctx, const struct tagged_task *task)
{
	struct tally *tally = ctx;

	tally->tasks += task->tag.run == tally->run;
	tally->ourselves |= task->process.pid == tally->self;
	return 0;
}

/* The fence keeps its maps from tagged processes, but in audit mode it only records that. */
static int count_tasks(struct order *order)
{
	struct tally tally = { .run = order->run };
	int err = fence_number(order->fence, 0, &tally.self) ?: fence_tasks(order->fence, count_task, &tally);

	if (err) {
		say_errno(err, "cannot list the tagged tasks");
	} else if (tally.ourselves) {
		say("this process is part of a run, and a run does not release itself or others");
		say_remedy("call it as root outside of every run");
		err = -EPERM;
	}
	order->tasks = tally.tasks;
	return err;
}

static int prepare(struct order *order)
{
	int err = access(FENCE_PINS, F_OK) ? -errno : 0;

	if (err) {
		fence_tell_missing(err);
		return err;
	}
	err = take_lock(order) ?: fence_open_told(&order->fence) ?: find_run(order) ?: count_tasks(order);
	if (err)
		return err;
	err = path_make_logs() ?: collector_open(order->fence, PATH_LOG, true, &order->collector);
	if (err) {
		say_errno(err, "nothing is released: cannot write the audit log " PATH_LOG);
		say_remedy("ringfence unload --force takes the whole fence down, without a record");
	}
	return err;
}

/* --- the record ----------------------------------------------------------------------------- */

/* Who logged in, whatever they have become since: "" where nobody did, as at boot. */
static void read_login(char *ret_uid, size_t size)
{
	FILE *file = fopen("/proc/self/loginuid", "re");
	unsigned int uid = -1;

	ret_uid[0] = 0;
	if (file && fscanf(file, "%u", &uid) == 1 && uid != (unsigned int)-1)
		snprintf(ret_uid, size, "%u", uid);
	if (file)
		fclose(file);
}

/* The strings that struct notice speaks of. */
static int write_text(const struct order *order, char *ret_text, size_t size, size_t *ret_used)
{
	char uid[16], name[64] = "";
	int used;

	read_login(uid, sizeof(uid));
	if (*uid)
		identity_name(strtoul(uid, NULL, 10), name, sizeof(name));
	used = snprintf(ret_text, size, "%s%c%s%c%zu%c%s%c%s", order->run_name, 0, order->reason, 0,
			order->tasks, 0, uid, 0, name);
	if (used < 0 || (size_t)used >= size)
		return -E2BIG;
	*ret_used = used + 1;
	return 0;
}

/* Whether the one record of account @id came to stand in the log. */
static int wait_for_log(struct order *order, uint64_t id)
{
	struct run account;
	uint64_t logged;
	int err = collector_settle(order->collector, id, 1, SETTLE_MS) ?:
		fence_get_run(order->fence, id, &account, &logged);

	return err ?: logged ? 0 : -ENOBUFS;
}

/* Goes the way of decisions, through the ring, into the log of whoever collects. An account of its own
 * tells when it stands there. One that is late may come to stand there yet: then another follows it. */
static int submit(struct order *order, const char *text, size_t size)
{
	struct run account = { .pid = getpid(), .uid = getuid(), .flags = TAG_PROBE };
	struct notice_about about = { .rule = RULE_RELEASE, .verdict = VERDICT_AUDIT };
	uint64_t id = run_id_new();
	int err = runs_begin(order->fence, id, &account);

	if (err)
		return err;
	about.run = id;
	err = fence_note(order->fence, &about, text, size) ?: wait_for_log(order, id);
	about.err = err;
	if (err)
		fence_note(order->fence, &about, text, size);
	fence_end_run(order->fence, id);
	return err;
}

static int record(struct order *order)
{
	char text[NOTICE_TEXT_MAX];
	size_t size;
	int err = write_text(order, text, sizeof(text), &size) ?: submit(order, text, size);

	if (!err)
		return 0;
	if (err == -ETIMEDOUT || err == -ENOBUFS) {
		say("nothing is released: the record of it did not arrive in the audit log " PATH_LOG);
		say_remedy("is the process that holds " PATH_COLLECTOR " stopped, or the disk of the log full?");
	} else {
		say_errno(err, "nothing is released: cannot write the record of it to the audit log " PATH_LOG);
	}
	say_remedy("ringfence unload --force takes the whole fence down, without a record");
	return err;
}

/* --- releasing ------------------------------------------------------------------------------ */

static int release(struct order *order)
{
	size_t tasks = 0;
	int err = late_release(order->fence, order->run, &tasks);

	if (err) {
		say_errno(err, "%zu task%s of run %s freed, but not all of it", tasks,
			  tasks == 1 ? "" : "s", order->run_name);
		say_remedy("call it again; ringfence ps --run %s shows what is left", order->run_name);
		return EXIT_PARTLY;
	}
	printf("run %s: %zu task%s freed\n", order->run_name, tasks, tasks == 1 ? "" : "s");
	return 0;
}

int release_main(int argc, char **argv)
{
	struct order order = { .lock = -1 };
	int status = EXIT_REFUSED;

	if (parse(&order, argc, argv))
		return EXIT_REFUSED;
	if (!prepare(&order) && !record(&order))
		status = release(&order);
	if (collector_close(order.collector))
		say("the audit log did not take the last records");
	fence_close(order.fence);
	if (order.lock >= 0)
		close(order.lock);
	return status;
}
