/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/locations.h"
#include "gate.h"

#define ANSWER_S 10			/* that the daemon may take */

int gate_connect(void)
{
	const struct timeval limit = { .tv_sec = ANSWER_S };
	const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = PATH_GATE };
	int err, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (const struct sockaddr *)&name, sizeof(name))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int gate_ask(int gate, const struct gate_request *request, const int *descriptors, size_t count,
	     struct gate_answer *ret_answer)
{
	struct iovec data = { (void *)request, sizeof(*request) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(GATE_DESCRIPTORS * sizeof(int))];
	} control = {
		.head = {
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(count * sizeof(int)),
		},
	};
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };
	ssize_t got;

	if (count > GATE_DESCRIPTORS)
		return -E2BIG;
	if (count) {
		memcpy(CMSG_DATA(&control.head), descriptors, count * sizeof(*descriptors));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(*descriptors));
	}
	if (sendmsg(gate, &message, MSG_NOSIGNAL) < 0)
		return -errno;
	while ((got = recv(gate, ret_answer, sizeof(*ret_answer), 0)) < 0 && errno == EINTR)
		;
	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return got == sizeof(*ret_answer) ? 0 : got ? -EPROTO : -EPIPE;
}
