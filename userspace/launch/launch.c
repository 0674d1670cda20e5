/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/descriptors.h"
#include "../base/identity.h"
#include "../base/say.h"
#include "launch.h"

#define POLL_MS 50

static void passed_signals(sigset_t *ret_set)
{
	static const int signals[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH,
	};

	sigemptyset(ret_set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(ret_set, signals[i]);
}

/* --- the child ------------------------------------------------------------------------------ */

/* What goes back to the parent, where the command does not come to be. */
struct failure {
	const char *why;		/* what went wrong before: a text of this program; NULL: execve(2) */
	int err;			/* a positive errno */
};

static void give_up(int failed, struct failure failure, int status)
{
	_exit(write(failed, &failure, sizeof(failure)) < 0 ? LAUNCH_FAILED : status);
}

/* Waits to be tagged, then becomes the command. */
static void child_main(int go, int failed, const struct launch_order *order, const sigset_t *signals)
{
	int err = order->keep_fds ? 0 : -descriptors_close_later();
	char byte;

	if (read(go, &byte, 1) != 1)
		_exit(LAUNCH_FAILED);
	if (err)
		give_up(failed, (struct failure){ "cannot close the descriptors that the command is not to have",
						  err }, LAUNCH_FAILED);
	err = order->user ? -identity_become(order->user) : 0;
	if (err)
		give_up(failed, (struct failure){ "cannot become the user of --user", err }, LAUNCH_FAILED);
	sigprocmask(SIG_SETMASK, signals, NULL);
	execvp(order->argv[0], order->argv);
	err = errno;
	give_up(failed, (struct failure){ NULL, err },
		err == ENOENT ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE);
}

/* --- the parent ----------------------------------------------------------------------------- */

/* Tags the child and lets it go. Returns its pidfd or -errno. */
static int release(const struct launch_order *order, pid_t child, int go)
{
	int err, pidfd = syscall(SYS_pidfd_open, child, 0);

	if (pidfd < 0) {
		err = -errno;
		say_errno(err, "cannot start the command");
		return err;
	}
	err = order->tag(order->ctx, child, pidfd);
	if (!err && write(go, "", 1) != 1)
		err = -errno;
	if (err) {
		close(pidfd);
		return err;
	}
	return pidfd;
}

static int refused(const char *command, const struct failure *failure)
{
	int err = failure->err;

	if (failure->why) {
		say_errno(err, "%s", failure->why);
		return LAUNCH_FAILED;
	}
	if (err == ENOENT && !strchr(command, '/')) {
		say("%s: command not found", command);
		return LAUNCH_NOT_FOUND;
	}
	say_errno(err, "%s", command);
	return err == ENOENT ? LAUNCH_NOT_FOUND : LAUNCH_NOT_EXECUTABLE;
}

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

int launch(const struct launch_order *order, pid_t *ret_pid, int *ret_pidfd)
{
	int go[2], failed[2], pidfd, err = 0;
	struct failure failure;
	sigset_t passed, before;
	pid_t child;

	if (pipe2(go, O_CLOEXEC)) {
		say_errno(errno, "cannot start the command");
		return LAUNCH_FAILED;
	}
	if (pipe2(failed, O_CLOEXEC)) {
		say_errno(errno, "cannot start the command");
		close_pair(go);
		return LAUNCH_FAILED;
	}
	passed_signals(&passed);
	sigprocmask(SIG_BLOCK, &passed, &before);
	child = fork();
	if (!child) {
		/* Its own end of `go` must not keep it waiting when the parent is gone. */
		close(go[1]);
		child_main(go[0], failed[1], order, &before);
	}
	if (child < 0)
		say_errno(errno, "cannot start the command");
	pidfd = child < 0 ? -errno : release(order, child, go[1]);
	close_pair(go);
	close(failed[1]);
	if (pidfd >= 0 && read(failed[0], &failure, sizeof(failure)) == sizeof(failure))
		err = refused(order->argv[0], &failure);
	close(failed[0]);
	if (pidfd < 0)
		err = LAUNCH_FAILED;
	if (err) {
		if (child > 0)
			waitpid(child, NULL, 0);
		if (pidfd >= 0)
			close(pidfd);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return err;
	}
	*ret_pid = child;
	*ret_pidfd = pidfd;
	return 0;
}

/* The terminal sends to the whole foreground group (si_code SI_KERNEL): the command has it
 * already. */
static void pass_signal(int signals, int pidfd)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == sizeof(info) && info.ssi_code != SI_KERNEL)
		syscall(SYS_pidfd_send_signal, pidfd, info.ssi_signo, NULL, 0);
}

int launch_wait(pid_t pid, int pidfd, struct collector *collector)
{
	struct pollfd events[2] = { { .fd = pidfd, .events = POLLIN }, { .events = POLLIN } };
	sigset_t passed;
	int status = 0, told = 0;

	passed_signals(&passed);
	events[1].fd = signalfd(-1, &passed, SFD_CLOEXEC | SFD_NONBLOCK);
	while (!(events[0].revents & POLLIN)) {
		int err = collector ? collector_poll(collector, 0) : 0;

		if (err && !told++)
			say_errno(err, "cannot write the audit log; records wait in the kernel");
		if (poll(events, 2, POLL_MS) > 0 && events[1].revents & POLLIN)
			pass_signal(events[1].fd, pidfd);
	}
	if (events[1].fd >= 0)
		close(events[1].fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return LAUNCH_FAILED;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
