/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCTP: an association has several addresses at its far end, and they come by other ways than the
 * address of connect(2). The far side is a server at the one that is denied.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sctp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define TEXT FILE_WRITTEN

static int open_socket(int type)
{
	return socket(AF_INET, type | SOCK_CLOEXEC, IPPROTO_SCTP);
}

static const char *missing_sctp(const struct vector *vector)
{
	int fd = open_socket(SOCK_STREAM);

	(void)vector;
	if (fd < 0)
		return "the kernel has no SCTP";
	close(fd);
	return NULL;
}

static int act_connect(const struct vector *vector, struct report *report)
{
	(void)report;
	return far_connect(vector) < 0 ? -errno : 0;
}

/* --- several addresses ---------------------------------------------------------------------- */

/* Where nobody answers: it is sent through the loopback device, and is nobody's there. */
#define NOWHERE "198.18.9.9"

/* So that what is sent there is lost, and not refused. */
static void prepare_nowhere(const struct vector *vector)
{
	need(!system("ip route replace " NOWHERE " dev lo"), vector);
	far_prepare(vector);
}

/* Has it try the next address after a moment: the kernel would wait for three seconds. */
static void be_impatient(int fd)
{
	struct sctp_rtoinfo timeouts = { .srto_initial = 100, .srto_min = 50, .srto_max = 200 };

	setsockopt(fd, IPPROTO_SCTP, SCTP_RTOINFO, &timeouts, sizeof(timeouts));
}

/* sctp_connectx(3) with the address @what, where there is one, and the vector's. */
static int act_connectx(const struct vector *vector, struct report *report)
{
	char list[2 * sizeof(struct sockaddr_in)];
	struct sockaddr_storage address;
	int fd = open_socket(SOCK_STREAM);
	socklen_t size = 0;

	(void)report;
	be_impatient(fd);
	if (vector->what) {
		place_address_as(vector->what, vector->place.port, &address);
		memcpy(list, &address, sizeof(struct sockaddr_in));
		size += sizeof(struct sockaddr_in);
	}
	place_address(&vector->place, &address);
	memcpy(list + size, &address, sizeof(struct sockaddr_in));
	size += sizeof(struct sockaddr_in);
	return setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, list, size) < 0 ? -errno : 0;
}

/* The call that returns the association, too: a getsockopt(2). */
static int act_connectx3(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	struct sctp_getaddrs_old list = {
		.addr_num = place_address(&vector->place, &address),
		.addrs = (struct sockaddr *)&address,
	};
	socklen_t size = sizeof(list);

	(void)report;
	return getsockopt(open_socket(SOCK_STREAM), IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX3, &list, &size) ?
		-errno : 0;
}

/* sctp_sendv(3): a message to @what, which brings the vector's address along as another. */
static int act_sendv(const struct vector *vector, struct report *report)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct in_addr))];
		struct cmsghdr header;
	} control = { .header = {
		.cmsg_level = IPPROTO_SCTP, .cmsg_type = SCTP_DSTADDRV4,
		.cmsg_len = CMSG_LEN(sizeof(struct in_addr)),
	} };
	struct sockaddr_storage first;
	struct iovec text = { TEXT, sizeof(TEXT) };
	struct msghdr message = {
		.msg_name = &first,
		.msg_namelen = place_address_as(vector->what, vector->place.port, &first),
		.msg_iov = &text, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd = open_socket(SOCK_STREAM);

	(void)report;
	be_impatient(fd);
	inet_pton(AF_INET, vector->place.ip, CMSG_DATA(&control.header));
	return sendmsg(fd, &message, 0) < 0 ? -errno : 0;
}

/* --- one socket, many peers ----------------------------------------------------------------- */

static int act_send_to(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);

	(void)report;
	return sendto(open_socket(SOCK_SEQPACKET), TEXT, sizeof(TEXT), 0,
		      (struct sockaddr *)&address, size) < 0 ? -errno : 0;
}

/* An association that was made outside, on a socket that may have many. */
static int open_many(const struct vector *vector)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);
	int fd = open_socket(SOCK_SEQPACKET);

	return connect(fd, (struct sockaddr *)&address, size) ? -1 : fd;
}

/* The same; and then the socket asks for another, in vain, which is all it remembers of peers. */
static int open_many_and_ask(const struct vector *vector)
{
	struct sockaddr_storage address;
	socklen_t size = place_address_as(vector->what, vector->place.port, &address);
	int fd = open_many(vector);

	return connect(fd, (struct sockaddr *)&address, size) ? fd : -1;
}

/* The message brings the number of its association along. */
static int send_by_number(const struct vector *vector, sctp_assoc_t number)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct sctp_sndinfo))];
		struct cmsghdr header;
	} control = { .header = {
		.cmsg_level = IPPROTO_SCTP, .cmsg_type = SCTP_SNDINFO,
		.cmsg_len = CMSG_LEN(sizeof(struct sctp_sndinfo)),
	} };
	struct sctp_sndinfo info = { .snd_assoc_id = number };
	struct iovec text = { TEXT, sizeof(TEXT) };
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &info, sizeof(info));
	return sendmsg(INHERITED_FD(vector), &message, 0) < 0 ? -errno : 0;
}

static int act_send_by_number(const struct vector *vector, struct report *report)
{
	struct {
		struct sctp_assoc_ids ids;
		sctp_assoc_t first;
	} known = {};
	socklen_t size = sizeof(known);

	(void)report;
	if (getsockopt(INHERITED_FD(vector), IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &known, &size))
		return -errno;
	return send_by_number(vector, known.first);
}

/* On a stream, which has one peer whatever its messages bring along. */
static int act_send_on_stream(const struct vector *vector, struct report *report)
{
	(void)report;
	return send_by_number(vector, 0);
}

#define SCTP(ip)	.place = { AF_INET, SOCK_STREAM, IPPROTO_SCTP, ip, 80 }
#define SCTP_DOUBT(ip)	SCTP(ip), .judged = BY_DOUBT, .nets = ""
#define LIST .hook = "sctp_bind_connect", .missing = missing_sctp, .count = far_count
#define SEND .hook = "socket_sendmsg", .missing = missing_sctp
#define INHERITED SEND, .inherited = true, .prepare = far_prepare, .count = far_count_heard

const struct vector sctp_vectors[] = {
	{ .hook = "socket_connect", .missing = missing_sctp, .prepare = far_prepare,
	  .count = far_count, .name = "sctp-connect", .act = act_connect, SCTP("198.18.1.1") },
	{ LIST, .prepare = far_prepare, .name = "sctp-connectx", .act = act_connectx,
	  SCTP("198.18.1.2") },
	{ LIST, .prepare = prepare_nowhere, .name = "sctp-connectx-second", .act = act_connectx,
	  .what = NOWHERE, SCTP("198.18.1.3") },
	{ LIST, .prepare = far_prepare, .name = "sctp-connectx3", .act = act_connectx3,
	  SCTP("198.18.1.4") },
	{ SEND, .prepare = far_prepare, .count = far_count, .name = "sctp-send-to",
	  .act = act_send_to, SCTP("198.18.1.5") },
	{ SEND, .prepare = prepare_nowhere, .count = far_count, .name = "sctp-sendv",
	  .act = act_sendv, .what = NOWHERE, SCTP_DOUBT("198.18.1.6") },
	{ INHERITED, .name = "sctp-inherited-many", .act = act_send_by_number,
	  .open = open_many_and_ask, .what = "198.18.1.9", SCTP_DOUBT("198.18.1.7") },
	{ INHERITED, .name = "sctp-inherited", .act = act_send_on_stream, .open = far_connect,
	  SCTP("198.18.1.8") },
	{},
};
