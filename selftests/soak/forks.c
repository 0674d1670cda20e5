/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No untagged descendant, however a child is made, and whatever it is made short of.
 */
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

#define FORKS	3000			/* unless SOAK_FORKS says otherwise */
#define WORKERS 4			/* tagged processes that fork at once */
#define CONTROLS 60			/* forks of the untagged control: as many as the server's queue holds */
#define FORK_MS 20			/* how long one may take, at the longest */

/* --- kinds of fork -------------------------------------------------------------------------- */

/* Counted by whoever makes it. */
static void count_made(enum kind kind, bool ok)
{
	if (ok)
		shared->kind[kind].made++;
	else
		shared->kind[kind].failed++;
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (!pid) {
		crowd_attempt(KIND_FORK);
		_exit(0);
	}
	count_made(KIND_FORK, pid > 0);
}

static void by_vfork(void)
{
	pid_t pid = vfork();

	if (!pid) {
		crowd_attempt(KIND_VFORK);
		_exit(0);
	}
	count_made(KIND_VFORK, pid > 0);
}

static void by_clone3(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid) {
		crowd_attempt(KIND_CLONE3);
		_exit(0);
	}
	count_made(KIND_CLONE3, pid > 0);
}

static void *thread_main(void *unused)
{
	crowd_attempt(KIND_THREAD);
	return unused;
}

static void by_thread(void)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, thread_main, NULL);

	count_made(KIND_THREAD, !err);
	if (!err)
		pthread_join(thread, NULL);
}

static void by_double_fork(void)
{
	pid_t pid = fork();

	if (!pid) {
		pid = fork();
		if (pid)
			count_made(KIND_DOUBLE, pid > 0);
		crowd_attempt(KIND_DOUBLE);
		_exit(0);
	}
	count_made(KIND_DOUBLE, pid > 0);
}

/* The cheap kinds more often. */
static void (*const makers[])(void) = {
	by_vfork, by_thread, by_vfork, by_fork, by_thread, by_vfork, by_double_fork, by_thread,
	by_vfork, by_thread, by_vfork, by_clone3, by_thread, by_vfork,
};

void crowd_fork_each(void)
{
	by_fork();
	by_vfork();
	by_clone3();
	by_thread();
	by_double_fork();
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Forks until all of them together have made enough. */
static void worker(void)
{
	const size_t count = sizeof(makers) / sizeof(*makers);

	for (size_t i = 0; shared->claimed < shared->limit; i++) {
		shared->claimed += makers[i % count] == by_double_fork ? 2 : 1;
		makers[i % count]();
		while (wait(NULL) > 0)
			;
	}
}

static void leader(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < WORKERS; i++)
		if (!fork()) {
			worker();
			_exit(0);
		}
	while (wait(NULL) > 0)		/* grandchildren too, which come to it */
		;
}

/* --- forks ---------------------------------------------------------------------------------- */

/* The same crowd untagged: every attempt arrives, or the soak would prove nothing. */
static bool control(struct why *why)
{
	struct crowd crowd;
	struct sum sum;
	unsigned long heard;

	crowd_reset();
	shared->limit = CONTROLS;
	if (!crowd_start(&crowd, leader, why))
		return false;
	crowd_go(&crowd);
	if (!crowd_end(&crowd, WAIT_MS, why))
		return false;
	heard = crowd_heard();
	sum = crowd_sum();
	for (int i = 0; i < KINDS; i++)
		if (!shared->kind[i].through)
			return fail(why, "untagged: none of kind %d got through", i);
	return (sum.through == sum.made && heard == sum.made) ||
		fail(why, "untagged: %lu members, %lu got through, the server heard %lu", sum.made,
		     sum.through, heard);
}

bool soak_forks(char ret_figures[FIGURES_SIZE], struct why *why)
{
	unsigned long forks = soak_number("SOAK_FORKS", FORKS);
	int64_t begin = now_ms();
	struct crowd crowd;
	struct sum sum;
	bool ok;

	if (!control(why))
		return false;
	crowd_reset();
	shared->limit = forks;
	if (!crowd_start_tagged(&crowd, leader, why))
		return false;
	ok = crowd_end(&crowd, WAIT_MS + forks * FORK_MS, why) && crowd_all_denied(why);
	sum = crowd_sum();
	snprintf(ret_figures, FIGURES_SIZE, "%lu forks in %lld s, %lu failed, %lld for want of a tag: "
		 "%lu untagged", sum.made, (long long)(now_ms() - begin) / 1000, sum.failed,
		 soak_account(crowd.run).refused_forks, sum.through);
	if (ok && sum.failed * 100 > forks)
		return fail(why, "%lu of %lu forks failed", sum.failed, forks);
	/* Of a double fork, the second is not tried where the first has failed. */
	return ok && (sum.made + 2 * sum.failed >= forks || fail(why, "only %lu forks", sum.made));
}

/* --- a fork bomb ---------------------------------------------------------------------------- */

#define BOMB_GROUP "/sys/fs/cgroup/soak-bomb"
#define BOMB_TASKS "64"

/* Has a child that has two, as far as there is room. */
static void explode(void)
{
	pid_t pid;

	if (shared->claimed >= shared->limit)
		return;
	pid = fork();
	if (!pid) {
		crowd_attempt(KIND_FORK);
		explode();
		explode();
		_exit(0);
	}
	count_made(KIND_FORK, pid > 0);
	if (pid > 0)
		shared->claimed++;
	else
		sched_yield();
}

/* Lights it again and again, lest it dies out. */
static void bomb(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN);
	while (shared->claimed < shared->limit)
		explode();
	wait(NULL);			/* until there is nobody left */
}

bool soak_bomb(char ret_figures[FIGURES_SIZE], struct why *why)
{
	struct crowd crowd;
	struct sum sum;
	char pid[16];
	bool ok;

	crowd_reset();
	shared->limit = soak_number("SOAK_FORKS", FORKS) / 10;
	mkdir(BOMB_GROUP, 0755);
	write_small(BOMB_GROUP "/pids.max", BOMB_TASKS);
	if (!crowd_start(&crowd, bomb, why))
		return false;
	snprintf(pid, sizeof(pid), "%d", crowd.pid);
	ok = !write_small(BOMB_GROUP "/cgroup.procs", pid) || fail(why, "no group " BOMB_GROUP);
	ok = ok && crowd_tag(&crowd, why);
	if (ok)
		crowd_go(&crowd);
	ok = crowd_end(&crowd, WAIT_MS + shared->limit * FORK_MS, why) && ok && crowd_all_denied(why);
	sum = crowd_sum();
	snprintf(ret_figures, FIGURES_SIZE, "%lu forks, %lu failed for pids.max: %lu untagged", sum.made,
		 sum.failed, sum.through);
	return ok && ((sum.made >= shared->limit && sum.failed) ||
		      fail(why, "%lu forks, %lu failed", sum.made, sum.failed));
}

/* --- no memory for tags --------------------------------------------------------------------- */

/* 1000 of them, fewer in a small soak. None is waited for before the end: until then it holds its tag. */
static void family(void)
{
	for (unsigned long i = 0; i < shared->limit; i++)
		by_fork();
	while (wait(NULL) > 0)
		;
}

/* The fence was loaded from within a control group, and what its maps take is charged to that. */
bool soak_memory(char ret_figures[FIGURES_SIZE], struct why *why)
{
	const char *group = getenv("SOAK_LOADER");
	struct account account;
	struct crowd crowd;
	char limit[256];
	struct sum sum;
	bool ok;

	crowd_reset();
	shared->limit = soak_number("SOAK_FORKS", FORKS) / 10;
	if (shared->limit > 1000)
		shared->limit = 1000;
	snprintf(limit, sizeof(limit), "%s/memory.max", group ?: "");
	if (!crowd_start(&crowd, family, why) || !crowd_tag(&crowd, why))
		return false;
	ok = !write_small(limit, "0") || fail(why, "cannot write %s", limit);
	crowd_go(&crowd);
	ok = crowd_end(&crowd, WAIT_MS + shared->limit * FORK_MS, why) && ok && crowd_all_denied(why);
	write_small(limit, "max");
	sum = crowd_sum();
	account = soak_account(crowd.run);
	snprintf(ret_figures, FIGURES_SIZE, "%lu forks, %lu failed, %lld for want of a tag: %lu untagged",
		 sum.made, sum.failed, account.refused_forks, sum.through);
	if (ok && sum.made + sum.failed != shared->limit)
		return fail(why, "%lu forks and %lu failures are not %lu", sum.made, sum.failed,
			    shared->limit);
	return ok && ((long long)sum.failed == account.refused_forks ||
		      fail(why, "%lu failures, but %lld refused", sum.failed, account.refused_forks));
}
