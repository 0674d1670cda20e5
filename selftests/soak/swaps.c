/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies that are swapped, and processes of ringfence that are killed, while a crowd runs into the
 * fence.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

#define POLICY_A WORK "/soak-a.yaml"	/* both deny the same, with another errno */
#define POLICY_B WORK "/soak-b.yaml"
#define CALM_US	 2000			/* a load, and time for others */
#define KILL_APPLY 5			/* every so many swaps */
#define KILL_DAEMON 20
#define KILL_RUN 20
#define FORGET_LOG 50

/* --- swaps ---------------------------------------------------------------------------------- */

static void load(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);	/* it waits for grandchildren, too */
	for (int i = 0; i < 2; i++)
		if (!fork()) {
			crowd_talk(KIND_FORK);
			_exit(0);
		}
	while (!shared->stop) {
		crowd_fork_each();
		usleep(shared->calm);
	}
	while (wait(NULL) > 0)
		;
}

struct swaps {
	struct background daemon;
	unsigned long done, applies_killed, daemons_killed, runs_killed;
};

static const char *policy_of(unsigned long number)
{
	return number % 2 ? POLICY_B : POLICY_A;
}

static bool swap(struct swaps *swaps, struct why *why)
{
	struct command command;

	command_run(&command, 0, COMMAND("ringfence", "apply", (char *)policy_of(swaps->done)));
	swaps->done++;
	return !command.status || fail(why, "swap %lu ended with %d: %.300s", swaps->done, command.status,
				       command.err);
}

/* A swap that is killed somewhere in its midst: a little later every time. */
static bool kill_apply(struct swaps *swaps, struct why *why)
{
	struct background apply;

	if (background_start(&apply, COMMAND("ringfence", "apply", (char *)policy_of(swaps->done))))
		return fail(why, "cannot start ringfence apply");
	usleep(swaps->applies_killed % 20 * 5000);
	kill(apply.pid, SIGKILL);
	swaps->applies_killed++;
	return background_end(&apply) >= 0 || fail(why, "ringfence apply cannot be killed");
}

static bool kill_daemon(struct swaps *swaps, struct why *why)
{
	kill(swaps->daemon.pid, SIGKILL);
	swaps->daemons_killed++;
	if (background_end(&swaps->daemon) != 128 + SIGKILL)
		return fail(why, "the daemon had ended before");
	return soak_daemon_start(&swaps->daemon, why);
}

/* The launcher of a run is killed, and what it started goes on. */
static bool kill_run(struct swaps *swaps, struct why *why)
{
	struct tally *members = &shared->kind[KIND_CLONE3];
	struct background run;
	unsigned long before = members->denied;
	bool ok;

	if (background_start(&run, COMMAND("ringfence", "run", "--tag", TAG, "--quiet", "--",
					   (char *)self_path(), "member")))
		return fail(why, "cannot start ringfence run");
	ok = crowd_wait(members->denied > before) || fail(why, "ringfence run started nothing");
	kill(run.pid, SIGKILL);
	swaps->runs_killed++;
	background_end(&run);
	before = members->denied;
	return ok && (crowd_wait(members->denied > before || members->through) ||
		      fail(why, "the command of a killed launcher has gone"));
}

static bool swap_all(struct swaps *swaps, unsigned long count, struct why *why)
{
	for (unsigned long i = 1; i <= count; i++) {
		if (!swap(swaps, why) ||
		    (i % KILL_APPLY == 0 && !kill_apply(swaps, why)) ||
		    (i % KILL_DAEMON == 0 && !kill_daemon(swaps, why)) ||
		    (i % KILL_RUN == 0 && !kill_run(swaps, why)))
			return false;
		if (i % FORGET_LOG == 0)
			soak_forget_log();
		if (crowd_sum().through)
			return crowd_all_denied(why);
	}
	return true;
}

bool soak_swaps(char ret_figures[FIGURES_SIZE], struct why *why)
{
	struct swaps swaps = {};
	struct crowd crowd;
	struct sum sum;
	bool ok;

	soak_policy_write(POLICY_A, "EHOSTUNREACH");
	soak_policy_write(POLICY_B, "ETIMEDOUT");
	crowd_reset();
	shared->calm = CALM_US;
	if (!soak_daemon_start(&swaps.daemon, why))
		return false;
	ok = crowd_start_tagged(&crowd, load, why);
	if (ok) {
		ok = swap_all(&swaps, soak_number("SOAK_SWAPS", 20), why);
		shared->stop = 1;
		ok = crowd_end(&crowd, WAIT_MS, why) && ok;
		ok = (crowd_wait(!shared->members) || fail(why, "members go on")) && ok &&
			crowd_all_denied(why);
	}
	kill(swaps.daemon.pid, SIGTERM);
	background_end(&swaps.daemon);
	sum = crowd_sum();
	snprintf(ret_figures, FIGURES_SIZE, "%lu swaps, kill -9 of %lu apply, %lu daemon, %lu run; "
		 "%lu attempts: %lu escapes", swaps.done, swaps.applies_killed, swaps.daemons_killed,
		 swaps.runs_killed, sum.made, sum.through);
	return ok;
}

int member_main(void)
{
	if (!crowd_join())
		return 1;
	shared->members++;
	crowd_talk(KIND_CLONE3);
	shared->members--;
	return 0;
}

/* --- a connection that was there before ----------------------------------------------------- */

#define STREAM_PORT 8

/* Sends one byte when it is told to, and says what that met. */
static void sender(void)
{
	struct sockaddr_storage address;
	socklen_t size = place_address_as("127.5.1.2", STREAM_PORT, &address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	shared->met = connect(fd, (struct sockaddr *)&address, size) ? -errno : 1;
	shared->step = 1;
	for (int step = 2; step <= 3 && !shared->stop; usleep(1000))
		if (shared->claimed >= (unsigned long)step) {
			shared->met = send(fd, "s", 1, MSG_NOSIGNAL) == 1 ? 1 : -errno;
			shared->step = step++;
		}
}

/* Has the sender take its next step: 1, or the -errno that it met. */
static int step(int number)
{
	shared->claimed = number;
	return crowd_wait(shared->step == number) ? shared->met : -ETIMEDOUT;
}

/* All that the server hears until the sender has ended. */
static ssize_t hear(int server)
{
	int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	ssize_t count, all = 0;
	char text[16];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while ((count = recv(fd, text, sizeof(text), 0)) > 0)
		all += count;
	close(fd);
	return count < 0 ? -errno : all;
}

bool soak_connection(char ret_figures[FIGURES_SIZE], struct why *why)
{
	int server = far_listen("127.5.1.2", STREAM_PORT), before = 0, after = 0;
	struct crowd crowd;
	ssize_t heard = -1;
	bool ok;

	crowd_reset();
	ok = soak_policy("", why);
	if (ok && crowd_start_tagged(&crowd, sender, why)) {
		before = step(1) == 1 ? step(2) : shared->met;
		ok = soak_policy("EHOSTUNREACH", why);
		after = step(3);
		ok = crowd_end(&crowd, WAIT_MS, why) && ok;
		heard = hear(server);
	}
	close(server);
	snprintf(ret_figures, FIGURES_SIZE, "allowed: sent; denied: %s, and the server heard %zd byte",
		 after < 0 ? strerrorname_np(-after) : "sent", heard);
	if (ok && before != 1)
		return fail(why, "where it was allowed it met %s", strerrorname_np(-before));
	return ok && ((after == -EHOSTUNREACH && heard == 1) ||
		      fail(why, "%s", ret_figures));
}
