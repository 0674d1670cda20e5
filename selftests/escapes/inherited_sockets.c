/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets that somebody else has connected: inherited from the launcher, or passed by a process outside
 * the run. Judged by their peer when they are received, and whenever they are used, by whatever call.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define TEXT FILE_WRITTEN

static int descriptor(const struct vector *vector)
{
	return vector->inherited ? INHERITED_FD(vector) : giver_ask(vector);
}

static int act_write(const struct vector *vector, struct report *report)
{
	int fd = descriptor(vector);

	(void)report;
	if (fd < 0)
		return fd;
	return write(fd, TEXT, sizeof(TEXT)) < 0 ? -errno : 0;
}

static int act_writev(const struct vector *vector, struct report *report)
{
	struct iovec text = { TEXT, sizeof(TEXT) };

	(void)report;
	return writev(descriptor(vector), &text, 1) < 0 ? -errno : 0;
}

static int act_send(const struct vector *vector, struct report *report)
{
	(void)report;
	return send(descriptor(vector), TEXT, sizeof(TEXT), 0) < 0 ? -errno : 0;
}

/* A stream goes where it is connected to, whatever address a message on it bears. */
static int act_send_with_name(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage other;
	socklen_t size = place_address_as(vector->what, 80, &other);
	struct iovec text = { TEXT, sizeof(TEXT) };
	struct msghdr message = {
		.msg_name = &other, .msg_namelen = size, .msg_iov = &text, .msg_iovlen = 1,
	};

	(void)report;
	return sendmsg(descriptor(vector), &message, 0) < 0 ? -errno : 0;
}

/* UDP over IPv6 takes an address of no family for none, and sends to the peer. */
static int act_send_without_family(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage other;
	socklen_t size = place_address_as(vector->what, 80, &other);

	(void)report;
	other.ss_family = AF_UNSPEC;
	return sendto(descriptor(vector), TEXT, sizeof(TEXT), 0, (struct sockaddr *)&other, size) < 0 ?
		-errno : 0;
}

static int act_sendmmsg(const struct vector *vector, struct report *report)
{
	struct iovec text = { TEXT, sizeof(TEXT) };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &text, .msg_iovlen = 1 } };

	(void)report;
	return sendmmsg(descriptor(vector), &message, 1, 0) < 0 ? -errno : 0;
}

static int act_sendfile(const struct vector *vector, struct report *report)
{
	int from = memfd_create("text", MFD_CLOEXEC);
	off_t begin = 0;

	(void)report;
	if (write(from, TEXT, sizeof(TEXT)) < 0)
		return -errno;
	return sendfile(descriptor(vector), from, &begin, sizeof(TEXT)) < 0 ? -errno : 0;
}

static int act_splice(const struct vector *vector, struct report *report)
{
	int ends[2];

	(void)report;
	if (pipe2(ends, O_CLOEXEC) || write(ends[1], TEXT, sizeof(TEXT)) < 0)
		return -errno;
	return splice(ends[0], NULL, descriptor(vector), NULL, sizeof(TEXT), 0) < 0 ? -errno : 0;
}

static int act_read(const struct vector *vector, struct report *report)
{
	return read(descriptor(vector), report->got, sizeof(report->got) - 1) < 0 ? -errno : 0;
}

static int act_receive(const struct vector *vector, struct report *report)
{
	return recv(descriptor(vector), report->got, sizeof(report->got) - 1, 0) < 0 ? -errno : 0;
}

static int act_splice_from(const struct vector *vector, struct report *report)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) ||
	    splice(descriptor(vector), NULL, ends[1], NULL, sizeof(report->got) - 1, 0) < 0)
		return -errno;
	return read(ends[0], report->got, sizeof(report->got) - 1) < 0 ? -errno : 0;
}

/* The copy of a descriptor is no other socket. */
static int act_duplicate(const struct vector *vector, struct report *report)
{
	(void)report;
	return send(dup(descriptor(vector)), TEXT, sizeof(TEXT), 0) < 0 ? -errno : 0;
}

#define TCP(ip)		.place = { AF_INET, SOCK_STREAM, 0, ip, 80 }
#define TCP6(ip)	.place = { AF_INET6, SOCK_STREAM, 0, ip, 80 }
#define MPTCP(ip)	.place = { AF_INET, SOCK_STREAM, IPPROTO_MPTCP, ip, 80 }
#define UDP(ip)		.place = { AF_INET, SOCK_DGRAM, 0, ip, 80 }
#define RAW(ip)		.place = { AF_INET, SOCK_RAW, 253, ip, 0 }

#define WRITE .hook = "file_permission", .prepare = far_prepare, .count = far_count_heard, \
	.open = far_connect, .inherited = true
#define SEND .hook = "socket_sendmsg", .prepare = far_prepare, .count = far_count_heard, \
	.open = far_connect, .inherited = true
#define READ .prepare = far_prepare, .count = far_as_reported, .open = far_connect_and_greet, \
	.inherited = true
/* Whoever is refused a descriptor learns only that it did not come. */
#define PASS .hook = "file_receive", .prepare = far_prepare, .count = far_count_heard, \
	.open = far_connect, .hides_errno = true

const struct vector inherited_sockets_vectors[] = {
	{ WRITE, .name = "inherited-write", .act = act_write, TCP("127.5.1.1") },
	{ WRITE, .name = "inherited-writev", .act = act_writev, TCP("127.5.1.2") },
	{ WRITE, .name = "inherited-sendfile", .act = act_sendfile, TCP("127.5.1.3") },
	{ WRITE, .name = "inherited-splice", .act = act_splice, TCP("127.5.1.4") },
	{ WRITE, .name = "inherited-write-ipv6", .act = act_write, TCP6("fd00:1::6") },
	{ WRITE, .name = "inherited-write-udp", .act = act_write, UDP("127.5.1.5") },
	{ WRITE, .name = "inherited-splice-udp", .act = act_splice, UDP("127.5.1.6") },
	{ WRITE, .name = "inherited-write-raw", .act = act_write, RAW("127.5.1.7") },
	{ SEND, .name = "inherited-send", .act = act_send, TCP("127.5.1.8") },
	{ SEND, .name = "inherited-send-with-name", .act = act_send_with_name, .what = "127.5.9.9",
	  TCP("127.5.1.9") },
	{ SEND, .name = "inherited-send-without-family", .act = act_send_without_family,
	  .judged = BY_DOUBT, .what = "2001:db8::1",
	  .place = { AF_INET6, SOCK_DGRAM, 0, "fd00:1::6", 84 } },
	{ SEND, .name = "inherited-sendmmsg", .act = act_sendmmsg, TCP("127.5.1.10") },
	{ SEND, .name = "inherited-send-udp", .act = act_send, UDP("127.5.1.11") },
	{ SEND, .name = "inherited-send-mptcp", .act = act_send, MPTCP("127.5.1.18") },
	{ SEND, .name = "inherited-duplicate", .act = act_duplicate, TCP("127.5.1.12") },
	{ READ, .hook = "file_permission", .name = "inherited-read", .act = act_read,
	  TCP("127.5.1.13") },
	{ READ, .hook = "file_permission", .name = "inherited-splice-from", .act = act_splice_from,
	  TCP("127.5.1.14") },
	{ READ, .hook = "socket_recvmsg", .name = "inherited-receive", .act = act_receive,
	  TCP("127.5.1.15") },
	{ PASS, .name = "passed-write", .act = act_write, TCP("127.5.1.16") },
	{ PASS, .name = "passed-write-ipv6", .act = act_write, TCP6("fd00:1::7") },
	{ PASS, .name = "passed-write-udp", .act = act_write, UDP("127.5.1.17") },
	{},
};
