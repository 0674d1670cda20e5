/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same few objects, reached for by tagged and by untagged processes: what selftests/untagged runs.
 *
 * An object is a word on the command line: tcp:IP:PORT, unix:PATH, file:PATH or exec:PATH.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hooks.h"

#define PACE_NS 100000000	/* between two rounds: others want to run, too */

/* Reads a byte, to see that somebody is at the other end. Returns 0 or -errno; closes @fd. */
static int hear(int fd)
{
	char byte;
	ssize_t got = fd < 0 ? -1 : read(fd, &byte, 1);
	int err = got < 0 ? -errno : got ? 0 : -ENODATA;

	if (fd >= 0)
		close(fd);
	return err;
}

static int reach_tcp(const char *place)
{
	const char *colon = strchr(place, ':');
	struct sockaddr_storage address;
	int err, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char ip[64];
	socklen_t size;

	snprintf(ip, sizeof(ip), "%.*s", colon ? (int)(colon - place) : 0, place);
	size = place_address_as(ip, colon ? atoi(colon + 1) : 0, &address);
	if (!connect(fd, (struct sockaddr *)&address, size))
		return hear(fd);
	err = -errno;
	close(fd);
	return err;
}

static int reach_unix(const char *path)
{
	int err, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t size = unix_address_by_path(path, &address);

	err = connect(fd, (struct sockaddr *)&address, size) ? -errno : 0;
	close(fd);
	return err;
}

static int reach_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : hear(fd);
}

/* In a child, whose output nobody wants. Its failures come back through a pipe that exec closes. */
static void exec_quietly(const char *path, int failed)
{
	int err, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDOUT_FILENO);
	execl(path, path, "--version", NULL);
	err = -errno;
	_exit(write(failed, &err, sizeof(err)) != sizeof(err));
}

static int reach_exec(const char *path)
{
	int failed[2], status = 0, err = 0;
	pid_t pid;

	if (pipe2(failed, O_CLOEXEC))
		return -errno;
	fflush(stdout);
	pid = fork();
	if (!pid)
		exec_quietly(path, failed[1]);
	close(failed[1]);
	if (read(failed[0], &err, sizeof(err)) != sizeof(err))
		err = 0;
	close(failed[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return err ?: status ? -EBADMSG : 0;
}

static const struct {
	const char *prefix;
	int (*reach)(const char *what);
} kinds[] = {
	{ "tcp:", reach_tcp },
	{ "unix:", reach_unix },
	{ "file:", reach_file },
	{ "exec:", reach_exec },
};

/* Returns 0, or -errno of what stood in the way. */
static int reach(const char *object)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strncmp(object, kinds[i].prefix, strlen(kinds[i].prefix)))
			return kinds[i].reach(object + strlen(kinds[i].prefix));
	return -EINVAL;
}

/* Reaches for each object; prints on one line what it met. Returns how many were out of reach. */
static int reach_all(int count, char **objects)
{
	int refused = 0;

	for (int i = 0; i < count; i++) {
		int err = reach(objects[i]);

		printf("%s%s", i ? " " : "", err ? strerrorname_np(-err) : "reached");
		refused += err != 0;
	}
	printf("\n");
	fflush(stdout);
	return refused;
}

/* hooks reach OBJECT...: once. Fails unless all were reached. */
int reach_main(int argc, char **argv)
{
	return argc < 3 || reach_all(argc - 2, argv + 2);
}

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

/* hooks reach-on OBJECT...: round after round, a line each, until SIGTERM; the round is finished. */
int reach_on_main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = stop, .sa_flags = SA_RESTART };

	sigaction(SIGTERM, &action, NULL);
	while (!stopped) {
		reach_all(argc - 2, argv + 2);
		nanosleep(&(struct timespec){ .tv_nsec = PACE_NS }, NULL);
	}
	return 0;
}
