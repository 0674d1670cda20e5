/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that a run did not open: handed over on request by a process outside of it, or inherited
 * from the launcher.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks.h"

static const struct sockaddr_un address = { AF_UNIX, WORK "/giver" };
static pid_t giver;

pid_t giver_pid(void)
{
	return giver;
}

static void hand_over(int client, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
	} };
	struct iovec text = { "", 1 };
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	sendmsg(client, &message, MSG_NOSIGNAL);
}

static void serve(int client)
{
	const struct vector *vector;
	uint32_t number;
	int fd;

	if (read(client, &number, sizeof(number)) != sizeof(number))
		return;
	vector = vector_at(number);
	fd = vector && vector->open ? vector->open(vector) : -1;
	if (fd >= 0) {
		hand_over(client, fd);
		close(fd);
	}
}

void giver_start(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;

	unlink(address.sun_path);
	if (bind(listener, (const struct sockaddr *)&address, sizeof(address)) || listen(listener, 64))
		abort();
	fflush(stdout);
	giver = fork();
	if (giver) {
		close(listener);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((client = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve(client);
		close(client);
	}
	_exit(0);
}

void giver_stop(void)
{
	kill(giver, SIGKILL);
	waitpid(giver, NULL, 0);
}

int giver_ask(const struct vector *vector)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {};
	char byte;
	struct iovec text = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -ENODATA;
	uint32_t number = vector_number(vector);

	if (connect(server, (const struct sockaddr *)&address, sizeof(address)) ||
	    write(server, &number, sizeof(number)) != sizeof(number) ||
	    recvmsg(server, &message, MSG_CMSG_CLOEXEC) < 0)
		fd = -errno;
	else if (message.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	close(server);
	return fd;
}

void inherited_open(void)
{
	for (uint32_t i = 0; i < vector_count(); i++) {
		const struct vector *vector = vector_at(i);
		int fd = vector->inherited && !vector_missing(vector) ? vector->open(vector) : -1;

		if (fd < 0)
			continue;
		dup2(fd, INHERITED_FD(vector));
		close(fd);
	}
}

void inherited_close(void)
{
	for (uint32_t i = 0; i < vector_count(); i++)
		if (vector_at(i)->inherited)
			close(INHERITED_FD(vector_at(i)));
}
