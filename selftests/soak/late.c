/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `ringfence tag` on a tree that forks while it is tagged: once it has said that it succeeded, nobody
 * who was in the tree when it began, and nobody who came from there, is free. It begins when the kernel
 * has the order, which shows in the fence's map `late`.
 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lsm/abi.h"
#include "soak.h"

#define BRANCHES   2			/* processes below the root that fork */
#define ORPHANS	   8			/* that stay until the end of a trial */
#define CALM_US	   30000		/* between two attempts, until the kernel has the order */
#define BUSY_US	   5000			/* and from then on: others are to run as well */
#define ATTEMPTS   3			/* of a leaf */
#define MET	   10			/* attempts of each kind that are to be met before and after */

/* --- the tree ------------------------------------------------------------------------------- */

static void rest(void)
{
	usleep(shared->calm);
}

static void *thread_main(void *unused)
{
	while (!shared->stop) {
		crowd_attempt(KIND_THREAD);
		rest();
	}
	return unused;
}

static void leaf(void)
{
	for (int i = 0; i < ATTEMPTS && !shared->stop; i++) {
		crowd_attempt(KIND_FORK);
		rest();
	}
	_exit(0);
}

/* Outlives its parent, who says as the last thing it does whether the kernel had the order then: what
 * had left the tree before, nobody can find, and it makes no attempt. */
static void orphan(int parent)
{
	char ordered = 0;

	if (read(parent, &ordered, 1) != 1 || !ordered)
		_exit(0);
	for (bool stays = shared->claimed++ < ORPHANS; stays && !shared->stop; rest())
		crowd_attempt(KIND_DOUBLE);
	_exit(0);
}

static void parent_of_orphan(void)
{
	int says[2];
	char ordered;

	if (pipe(says))
		_exit(1);
	if (!fork())
		orphan(says[0]);
	rest();
	ordered = shared->ordered;
	_exit(write(says[1], &ordered, 1) != 1);
}

static void branch(void)
{
	while (!shared->stop) {
		if (!fork())
			parent_of_orphan();
		if (!fork())
			leaf();
		rest();
		while (wait(NULL) > 0)
			;
	}
	_exit(0);
}

static void *forking_thread_main(void *unused)
{
	while (!shared->stop) {
		pid_t pid = fork();

		if (!pid)
			leaf();
		rest();
		waitpid(pid, NULL, 0);
	}
	return unused;
}

static void tree(void)
{
	pthread_t threads[2];

	for (int i = 0; i < BRANCHES; i++)
		if (!fork())
			branch();
	pthread_create(&threads[0], NULL, thread_main, NULL);
	pthread_create(&threads[1], NULL, forking_thread_main, NULL);
	while (!shared->stop) {
		if (!fork())
			leaf();
		rest();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

/* --- a trial -------------------------------------------------------------------------------- */

struct trials {
	unsigned long tagged, refused, orphans;
	int64_t tag_ms;			/* all calls together */
};

/* Sets @shared->ordered as soon as the kernel has an order about the process; a moment late is no harm.
 * In a process of its own, which ends with that. */
static pid_t watch_for_order(pid_t root)
{
	union bpf_attr open = { .map_id = fence_map_id("late") };
	__u32 first = 0;
	struct late order = {};
	union bpf_attr look = {
		.map_fd = bpf_call(BPF_MAP_GET_FD_BY_ID, &open),
		.key = (uintptr_t)&first,
		.value = (uintptr_t)&order,
	};
	pid_t pid = fork();

	if (!pid) {
		while (!shared->stop && !bpf_call(BPF_MAP_LOOKUP_ELEM, &look) &&
		       order.root != (__u32)root)
			usleep(500);
		shared->ordered = order.root == (__u32)root;
		shared->calm = BUSY_US;
		_exit(0);
	}
	close((int)look.map_fd);
	return pid;
}

/* Whether each kind of member has met @count more than @before of what @of counts. */
static bool enough(bool denied, const unsigned long before[KINDS])
{
	static const enum kind kinds[] = { KIND_FORK, KIND_THREAD };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct tally *tally = &shared->kind[kinds[i]];

		if ((denied ? tally->denied : tally->through) < before[kinds[i]] + MET)
			return false;
	}
	return true;
}

/* After `ringfence tag` has said yes. */
static bool none_survives(struct why *why)
{
	unsigned long before[KINDS], survivors = 0, heard;

	shared->tagged = 1;
	crowd_heard();			/* room for what comes from now on */
	for (int i = 0; i < KINDS; i++)
		before[i] = shared->kind[i].denied;
	if (!crowd_wait(enough(true, before)))
		return fail(why, "the tagged tree is not denied anything");
	heard = crowd_heard_tagged();
	for (int i = 0; i < KINDS; i++)
		survivors += shared->survivors[i];
	return (!survivors && !heard) ||
		fail(why, "attempts of survivors: fork %lu, thread %lu, orphan %lu; the server heard %lu",
		     shared->survivors[KIND_FORK], shared->survivors[KIND_THREAD],
		     shared->survivors[KIND_DOUBLE], heard);
}

/* A tree that cannot be tagged may be refused, with a reason. */
static bool is_refusal(const struct why *why)
{
	return strstr(why->text, "faster than it can be tagged");
}

static bool trial(struct trials *trials, struct why *why)
{
	static const unsigned long none[KINDS];
	struct crowd crowd;
	int64_t begin;
	pid_t watcher;
	bool ok;

	crowd_reset();
	shared->calm = CALM_US;
	if (!crowd_start(&crowd, tree, why))
		return false;
	crowd_go(&crowd);
	ok = crowd_wait(enough(false, none)) || fail(why, "the untagged tree is denied something");
	watcher = watch_for_order(crowd.pid);
	begin = now_ms();
	if (ok) {
		ok = crowd_tag(&crowd, why);
		trials->tag_ms += now_ms() - begin;
		if (ok) {
			trials->tagged++;
			ok = none_survives(why);
		} else if (is_refusal(why)) {
			trials->refused++;
			ok = true;
		}
	}
	trials->orphans += shared->claimed;
	shared->stop = 1;
	waitpid(watcher, NULL, 0);
	return crowd_end(&crowd, WAIT_MS, why) && ok;
}

bool soak_late(char ret_figures[FIGURES_SIZE], struct why *why)
{
	unsigned long count = soak_number("SOAK_TRIALS", 8), failed = 0;
	struct trials trials = {};

	for (unsigned long i = 0; i < count; i++) {
		failed += !trial(&trials, why);
		soak_forget_log();
	}
	snprintf(ret_figures, FIGURES_SIZE,
		 "%lu trees tagged, %lu refused, %lu trials failed; %lld ms per tag, %lu orphans meanwhile",
		 trials.tagged, trials.refused, failed, (long long)(trials.tag_ms / (count ?: 1)),
		 trials.orphans);
	if (!failed && trials.refused > count / 10 + 1)
		return fail(why, "%lu of %lu trees were refused", trials.refused, count);
	if (!failed && !trials.orphans && count > 20)
		return fail(why, "nobody was orphaned meanwhile");
	return !failed;
}
