/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence tag: puts behind the fence what already runs.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../audit/collector.h"
#include "../base/locations.h"
#include "../base/options.h"
#include "../base/pid_space.h"
#include "../base/say.h"
#include "../runs/late.h"
#include "../runs/run_id.h"
#include "../runs/runs.h"
#include "../upkeep/fence_up.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 't', "tag", "TAG", "the policy that is to govern it (needed)" },
	{ 'p', "pid", "PID", "the process (needed)" },
	{ 'T', "tree", NULL, "with all its descendants; else its threads alone, and the children it has from now on" },
	{},
};

const struct verb tag_verb = {
	.name = "tag",
	.arguments = "--tag TAG --pid PID [--tree]",
	.help = "Tags a process that already runs, as a run of its own on the loaded fence. What it had opened\n"
		"before is judged when it is used. What was done before, and what it has mapped already, is\n"
		"not undone: to be sure, start it with ringfence run.\n\n"
		"Refuses, with no tag left behind, a process that is tagged already, one that holds an\n"
		"io_uring (its maker may act for it), a tree that forks faster than it can be tagged or\n"
		"that this command is part of, process 1 and kernel threads. In a pid name space of its own, as in\n"
		"a container, PID is the number that the process has there.\n\n"
		"Exit status: 0 when all of it is tagged, 1 when none is.",
	.options = options,
};

struct order {
	const char *tag_name;
	uint32_t pid;
	bool tree;

	struct fence *fence;
	struct collector *collector;
	struct tag tag;
	int lock;
};

static int parse_pid(struct order *order, const char *text)
{
	char *end;
	unsigned long pid = strtoul(text, &end, 10);

	if (*end || !pid || pid > INT32_MAX)
		return verb_misused(&tag_verb, "--pid %s: expected the number of a process", text);
	order->pid = pid;
	return 0;
}

static int parse(struct order *order, int argc, char **argv)
{
	int id;

	while ((id = verb_next(&tag_verb, argc, argv)) != VERB_END) {
		if (id == 't')
			order->tag_name = optarg;
		else if (id == 'T')
			order->tree = true;
		else if (id != 'p' || parse_pid(order, optarg))
			return -EINVAL;
	}
	if (optind != argc)
		return verb_misused(&tag_verb, "%s: no argument expected", argv[optind]);
	if (!order->tag_name)
		return verb_misused(&tag_verb, "--tag is missing: which policy governs it?");
	if (!order->pid)
		return verb_misused(&tag_verb, "--pid is missing: which process?");
	return 0;
}

/* --- who is not to be tagged ---------------------------------------------------------------- */

#define KERNEL_THREAD 0x200000		/* PF_KTHREAD */

/* Parent and flags of a process (proc_pid_stat(5)); false where there is none. */
static bool read_process(uint32_t pid, uint32_t *ret_parent, unsigned int *ret_flags)
{
	char path[32], text[512] = "", *after_name;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	after_name = strrchr(text, ')');
	return after_name && sscanf(after_name, ") %*c %u %*d %*d %*d %*d %u", ret_parent, ret_flags) == 2;
}

/* Whether this process descends from @pid. */
static bool holds_us(uint32_t pid)
{
	uint32_t process = getpid();
	unsigned int flags;

	while (process && process != pid)
		if (!read_process(process, &process, &flags))
			return false;
	return process == pid;
}

static int refuse_by_rank(const struct order *order)
{
	unsigned int flags = 0;
	uint32_t parent;

	/* What is read there is read of processes by their numbers, and so is what the user has read. */
	if (!pid_space_is_shown()) {
		say("/proc shows the processes of another pid name space: which one is meant by %u cannot be told",
		    order->pid);
		say_remedy("mount -t proc proc /proc in this one (unshare has --mount-proc), or call it outside of it");
		return -EPERM;
	}
	if (order->pid == 1 && pid_space_is_initial()) {
		say("process 1 is the parent of all that the host starts: it is not tagged");
		return -EPERM;
	}
	if (read_process(order->pid, &parent, &flags) && flags & KERNEL_THREAD) {
		say("process %u is a kernel thread: it works for everybody, and is not tagged", order->pid);
		return -EPERM;
	}
	if (order->tree ? holds_us(order->pid) : order->pid == (uint32_t)getpid()) {
		say("this command is part of the tree of process %u, and would be tagged itself", order->pid);
		say_remedy("call it from outside of that tree");
		return -EPERM;
	}
	return 0;
}

/* --- tagging -------------------------------------------------------------------------------- */

static int prepare(struct order *order)
{
	int err = access(FENCE_PINS, F_OK) ? -errno : 0;

	if (err) {
		fence_tell_missing(err);
		return err;
	}
	order->lock = path_lock(PATH_LOCK, LOCK_EX);
	err = order->lock < 0 ? order->lock : fence_open_told(&order->fence);
	if (!err)
		err = fence_find_tag_told(order->fence, order->tag_name, &order->tag);
	if (!err) {
		err = path_make_logs() ?: collector_open(order->fence, PATH_LOG, true,
							     &order->collector);
		if (err)
			say_errno(err, "cannot write the audit log " PATH_LOG);
	}
	return err ?: fence_look_told(order->fence) ?: fence_prove_told(order->fence, order->collector) ?:
		fence_recordable_told(order->fence, order->tag.policy, MODE_POLICY, PATH_LOG);
}

static int refused(const struct order *order, const struct late_result *result)
{
	const char *rest = "nothing is tagged";

	switch (result->refusal) {
	case LATE_TAGGED:
		return 0;
	case LATE_NO_PROCESS:
		say("there is no process %u", order->pid);
		break;
	case LATE_OTHERS:
		say("process %u, or one below it, is part of another run: %s", order->pid, rest);
		say_remedy("ringfence ps shows which");
		break;
	case LATE_NO_MEMORY:
		say("the kernel could not store every tag: %s", rest);
		say_remedy("was the fence loaded from within a cgroup with memory.max? Load it outside");
		break;
	case LATE_NO_END:
		say("the tree forks faster than it can be tagged: %s after %zu passes", rest,
		    result->passes);
		say_remedy("stop it for a moment (kill -STOP), or start it with ringfence run");
		break;
	case LATE_RING:
		say("process %u holds an io_uring (%s): %s", result->ring.pid,
		    result->ring.fd < 0 ? "mapped" : "open", rest);
		say_remedy("what its maker does on its behalf is not fenced; start it with ringfence run");
		break;
	}
	return 1;
}

static int tag(struct order *order)
{
	struct run account = { .pid = getpid(), .uid = getuid(), .policy = order->tag.policy };
	struct late_result result;
	char name[RUN_NAME_SIZE];
	int err;

	order->tag.run = run_id_new();
	err = runs_begin(order->fence, order->tag.run, &account);
	if (err) {
		say_errno(err, "cannot open an account for the run");
		return 1;
	}
	err = late_tag(order->fence, &order->tag, order->pid, order->tree, &result);
	if (err)
		say_errno(err, "cannot tag process %u", order->pid);
	if (err || refused(order, &result)) {
		fence_end_run(order->fence, order->tag.run);
		return 1;
	}
	printf("run %s: %zu task%s tagged in %zu passes\n", run_id_name(order->tag.run, name),
	       result.tasks, result.tasks == 1 ? "" : "s", result.passes);
	return 0;
}

int tag_main(int argc, char **argv)
{
	struct order order = { .lock = -1 };
	int status = 1;

	if (parse(&order, argc, argv))
		return 1;
	if (!refuse_by_rank(&order) && !prepare(&order))
		status = tag(&order);
	if (collector_close(order.collector))
		say("the audit log did not take the last records");
	fence_close(order.fence);
	if (order.lock >= 0)
		close(order.lock);
	return status;
}
