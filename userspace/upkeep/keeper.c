/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "keeper.h"

#define POLL_MS 200
#define SETTLE_MS 5000
#define PASSES 3

struct tally {
	uint64_t run;
	size_t processes;
};

static int count_process(void *ctx, const struct tagged_task *task)
{
	struct tally *tally = ctx;

	if (task->tag.run == tally->run && task->tid == task->process.pid)
		tally->processes++;
	return 0;
}

int keeper_count(const struct fence *fence, uint64_t run, size_t *ret_processes)
{
	struct tally tally = { .run = run };

	for (int pass = 0; pass < PASSES && !tally.processes; pass++) {
		int err = fence_tasks(fence, count_process, &tally);

		if (err)
			return err;
	}
	*ret_processes = tally.processes;
	return 0;
}

void keeper_wait(struct fence *fence, struct collector *collector, uint64_t run)
{
	size_t processes = 1;

	/* What cannot be counted may be there. */
	while (keeper_count(fence, run, &processes) || processes)
		if (collector_poll(collector, POLL_MS))
			poll(NULL, 0, POLL_MS);
	collector_settle(collector, run, 0, SETTLE_MS);
}

/* Away from the terminal and the session of the launcher, and with its own signals. */
static void become_background(void)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void guard_main(struct fence *fence, const char *log, uint64_t run, int launcher)
{
	struct collector *collector = NULL;
	char byte;
	int err;

	become_background();
	while ((err = read(launcher, &byte, 1)) < 0 && errno == EINTR)
		;
	if (err == 1)
		_exit(0);
	/* A log that cannot be opened must not end the fence. */
	while (collector_open(fence, log, false, &collector))
		poll(NULL, 0, POLL_MS);
	keeper_wait(fence, collector, run);
	_exit(collector_close(collector) ? 1 : 0);
}

int keeper_guard(struct fence *fence, struct collector *collector, const char *log, uint64_t run)
{
	int ends[2], err = 0;
	pid_t guard;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	guard = fork();
	if (!guard) {
		close(ends[1]);
		collector_close(collector);	/* the copy: nothing is pending in it */
		guard_main(fence, log, run, ends[0]);
	}
	if (guard < 0)
		err = -errno;
	close(ends[0]);
	if (guard > 0 && (err = fence_keep(fence, guard))) {
		keeper_dismiss(ends[1]);
		return err;
	}
	if (err) {
		close(ends[1]);
		return err;
	}
	return ends[1];
}

void keeper_dismiss(int guard)
{
	if (guard < 0)
		return;
	signal(SIGPIPE, SIG_IGN);	/* should it be gone */
	while (write(guard, "", 1) < 0 && errno == EINTR)
		;
	close(guard);
}

pid_t keeper_hold(struct fence *fence, struct collector *collector, uint64_t run)
{
	pid_t keeper = fork();

	if (keeper)
		return keeper < 0 ? -errno : keeper;
	become_background();
	keeper_wait(fence, collector, run);
	_exit(collector_close(collector) ? 1 : 0);
}
