/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hooks.h"

#define COMMAND_MS (2 * WAIT_MS)
#define COMMAND_OUT WORK "/out"
#define COMMAND_ERR WORK "/err"

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void pause_briefly(void)
{
	poll(NULL, 0, 20);
}

const char *self_path(void)
{
	static char path[256];

	if (!*path && readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		abort();
	return path;
}

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Waits for a child's end; kills it when the time is up. One that was never started has no pid: to kill
 * that would end the tests. */
static int reap(pid_t pid, int timeout_ms)
{
	struct pollfd event = { .fd = -1, .events = POLLIN };
	int status = 0;
	bool late;

	if (pid <= 0)
		return -ESRCH;
	event.fd = syscall(SYS_pidfd_open, pid, 0);
	late = poll(&event, 1, timeout_ms) != 1;
	if (late)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(event.fd);
	return late ? -ETIMEDOUT : shell_status(status);
}

static void become(uid_t uid, char *const argv[])
{
	if (uid && (setgroups(0, NULL) || setgid(uid) || setuid(uid)))
		_exit(99);
	execvp(argv[0], argv);
	_exit(98);
}

static void redirect(int from, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);

	dup2(fd, from);
	close(fd);
}

void command_run(struct command *command, uid_t uid, char *const argv[])
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		redirect(0, "/dev/null");
		redirect(1, COMMAND_OUT);
		redirect(2, COMMAND_ERR);
		become(uid, argv);
	}
	command->status = reap(pid, COMMAND_MS);
	read_small(COMMAND_OUT, command->out, sizeof(command->out));
	read_small(COMMAND_ERR, command->err, sizeof(command->err));
}

int background_start(struct background *background, char *const argv[])
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -errno;
	fflush(stdout);
	background->pid = fork();
	if (!background->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		redirect(2, WORK "/background-err");
		become(0, argv);
	}
	close(in[0]);
	close(out[1]);
	background->in = in[1];
	background->out = out[0];
	return background->pid < 0 ? -errno : 0;
}

bool background_line(struct background *background, char *ret_line, size_t size)
{
	struct pollfd event = { .fd = background->out, .events = POLLIN };
	int64_t end = now_ms() + WAIT_MS;
	size_t used = 0;

	while (used + 1 < size && poll(&event, 1, (int)(end - now_ms())) == 1 && now_ms() < end) {
		if (read(background->out, ret_line + used, 1) != 1)
			break;
		if (ret_line[used] == '\n') {
			ret_line[used] = 0;
			return true;
		}
		used++;
	}
	ret_line[used] = 0;
	return false;
}

int background_end(struct background *background)
{
	int status;

	close(background->in);
	status = reap(background->pid, WAIT_MS);
	close(background->out);
	return status;
}
