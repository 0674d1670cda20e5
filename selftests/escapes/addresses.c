/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket_connect: connect(2), by streams and by datagram sockets that fix their peer. Every vector
 * has an address or a port of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define HOOK "socket_connect"

/* A datagram socket has reached nobody before it sends. */
static int connect_and_send(int fd, int type, const void *address, socklen_t size)
{
	if (connect(fd, address, size))
		return -errno;
	if (type != SOCK_STREAM && send(fd, FILE_WRITTEN, sizeof(FILE_WRITTEN), 0) < 0)
		return -errno;
	return 0;
}

/* By a socket of @family, to @address. */
static int reach(const struct vector *vector, int family, const void *address, socklen_t size)
{
	int fd = socket(family, vector->place.type | SOCK_CLOEXEC, vector->place.protocol);
	int err;

	if (fd < 0)
		return -errno;
	err = connect_and_send(fd, vector->place.type, address, size);
	close(fd);
	return err;
}

static int reach_as(const struct vector *vector, int family, const char *ip, socklen_t size)
{
	struct sockaddr_storage address;
	socklen_t whole = place_address_as(ip, vector->place.port, &address);

	return reach(vector, family, &address, size ?: whole);
}

int connect_once(const struct vector *vector)
{
	return reach_as(vector, vector->place.family, vector->place.ip, 0);
}

static int act_plainly(const struct vector *vector, struct report *report)
{
	(void)report;
	return connect_once(vector);
}

static int act_thrice(const struct vector *vector, struct report *report)
{
	int err = 0;

	(void)report;
	for (int i = 0; i < 3; i++)
		err = connect_once(vector);
	return err;
}

/* Writes the address of the place as @what. */
static int act_as(const struct vector *vector, struct report *report)
{
	(void)report;
	return reach_as(vector, AF_INET6, vector->what, 0);
}

static int act_as_v4(const struct vector *vector, struct report *report)
{
	(void)report;
	return reach_as(vector, AF_INET, vector->what, 0);
}

/* From a socket bound to @what to the unspecified address: what that is, the binding decides. */
static int act_bound(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage source, unspecified;
	socklen_t size = place_address_as(vector->what, 0, &source);
	int fd = socket(source.ss_family, vector->place.type | SOCK_CLOEXEC, 0), err = 0;

	(void)report;
	if (fd < 0 || bind(fd, (struct sockaddr *)&source, size))
		return -errno;
	size = place_address_as(source.ss_family == AF_INET ? "0.0.0.0" : "::", vector->place.port,
				&unspecified);
	err = connect_and_send(fd, vector->place.type, &unspecified, size);
	close(fd);
	return err;
}

/* 24 bytes: struct sockaddr_in6 as it was before it had a scope (RFC 2133). */
static int act_without_scope(const struct vector *vector, struct report *report)
{
	(void)report;
	return reach_as(vector, AF_INET6, vector->place.ip, 24);
}

static int act_with_long_address(const struct vector *vector, struct report *report)
{
	(void)report;
	return reach_as(vector, AF_INET, vector->place.ip, sizeof(struct sockaddr_storage));
}

static int act_with_8_bytes(const struct vector *vector, struct report *report)
{
	(void)report;
	return reach_as(vector, AF_INET, vector->place.ip, 8);
}

static int act_with_family_alone(const struct vector *vector, struct report *report)
{
	(void)report;
	return reach_as(vector, AF_INET, vector->place.ip, 2);
}

static int act_with_short_v6(const struct vector *vector, struct report *report)
{
	(void)report;
	return reach_as(vector, AF_INET6, vector->place.ip, 20);
}

static int act_with_unknown_family(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);

	(void)report;
	address.ss_family = 44;
	return reach(vector, AF_INET, &address, size);
}

static int act_not_blocking(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address), err_size = sizeof(int);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;
	struct pollfd event = { .fd = fd, .events = POLLOUT };

	(void)report;
	if (connect(fd, (struct sockaddr *)&address, size) && errno != EINPROGRESS)
		return -errno;
	if (poll(&event, 1, WAIT_MS) != 1)
		return -ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_size);
	return -err;
}

/* An address of AF_UNSPEC dissolves the connection; then the same socket connects again. */
static int act_dissolve(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	socklen_t size = place_address(&vector->place, &address);
	int fd = socket(AF_INET, vector->place.type | SOCK_CLOEXEC, 0);
	int err = connect_and_send(fd, vector->place.type, &address, size);

	(void)report;
	if (!err && connect(fd, &none, sizeof(none)))
		err = -errno;
	return err ?: connect_and_send(fd, vector->place.type, &address, size);
}

/* Both ends in one process: the far side is the other end. */
static int act_unix(const struct vector *vector, struct report *report)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(address);
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	char byte = 0;

	if (*vector->what == '@')
		size = offsetof(struct sockaddr_un, sun_path) + 1 +
			sprintf(address.sun_path + 1, "%s", vector->what + 1);
	else
		sprintf(address.sun_path, "%s", vector->what);
	unlink(vector->what);
	if (bind(server, (struct sockaddr *)&address, size) || listen(server, 1))
		return -errno;
	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(client, (struct sockaddr *)&address, size))
		return -errno;
	client = dup(client);
	server = accept(server, NULL, NULL);
	if (write(client, "x", 1) != 1 || read(server, &byte, 1) != 1 || byte != 'x')
		return -EIO;
	strcpy(report->got, vector->name);
	return 0;
}

/* Asks the kernel for its links. */
static int act_netlink(const struct vector *vector, struct report *report)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct {
		struct nlmsghdr header;
		struct ifinfomsg body;
	} request = { .header = {
		.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
	} };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	char answer[4096];

	if (connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) ||
	    send(fd, &request, sizeof(request), 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
		return -errno;
	strcpy(report->got, vector->name);
	return 0;
}

#define TCP(ip, port)	{ AF_INET, SOCK_STREAM, 0, ip, port }
#define TCP6(ip, port)	{ AF_INET6, SOCK_STREAM, 0, ip, port }
#define UDP(ip, port)	{ AF_INET, SOCK_DGRAM, 0, ip, port }
#define UDP6(ip, port)	{ AF_INET6, SOCK_DGRAM, 0, ip, port }
#define MPTCP(ip, port)	{ AF_INET, SOCK_STREAM, IPPROTO_MPTCP, ip, port }
#define RAW(ip)		{ AF_INET, SOCK_RAW, 253, ip, 0 }	/* RFC 3692: for experiments */

/* The vectors of one hook, one way, one counter. */
#define NET .hook = HOOK, .count = far_count, .prepare = far_prepare
#define OWN .hook = HOOK, .count = far_as_reported

const struct vector addresses_vectors[] = {
	{ NET, .name = "connect-ipv4", .act = act_plainly, .place = TCP("127.1.1.1", 80) },
	{ NET, .name = "connect-ipv6", .act = act_plainly, .place = TCP6("fd00:1::1", 80) },
	{ NET, .name = "connect-udp", .act = act_plainly, .place = UDP("127.1.1.2", 80) },
	{ NET, .name = "connect-udp-ipv6", .act = act_plainly, .place = UDP6("fd00:1::2", 80) },
	{ NET, .name = "connect-raw", .act = act_plainly, .place = RAW("127.1.1.3") },
	{ NET, .name = "connect-mptcp", .act = act_plainly, .place = MPTCP("127.1.1.4", 80) },
	{ NET, .name = "connect-not-blocking", .act = act_not_blocking,
	  .place = TCP("127.1.1.5", 80) },
	{ NET, .name = "connect-three-times", .act = act_thrice, .place = TCP("127.1.1.6", 80),
	  .records = 3, .effects = 3 },
	{ NET, .name = "connect-v4-mapped", .act = act_as, .what = "::ffff:127.1.1.7",
	  .place = TCP("127.1.1.7", 80) },
	{ NET, .name = "connect-v4-mapped-udp", .act = act_as, .what = "::ffff:127.1.1.8",
	  .place = UDP("127.1.1.8", 80) },
	{ NET, .name = "connect-ipv4-address-of-ipv6-socket", .act = act_as, .what = "127.1.1.9",
	  .place = UDP("127.1.1.9", 80) },
	{ NET, .name = "connect-v4-mapped-in-policy", .act = act_plainly,
	  .place = TCP("127.1.1.10", 80), .nets = "\"::ffff:127.1.1.10\"" },
	{ NET, .name = "connect-0.0.0.0", .act = act_as_v4, .what = "0.0.0.0",
	  .place = TCP("127.0.0.1", 1001) },
	{ NET, .name = "connect-unspecified-ipv6", .act = act_as, .what = "::",
	  .place = TCP6("::1", 1002) },
	{ NET, .name = "connect-v4-mapped-0.0.0.0", .act = act_as, .what = "::ffff:0.0.0.0",
	  .place = TCP("127.0.0.1", 1003) },
	{ NET, .name = "connect-0.0.0.0-udp", .act = act_as_v4, .what = "0.0.0.0",
	  .place = UDP("127.0.0.1", 1004) },
	{ NET, .name = "connect-unspecified-ipv6-udp", .act = act_as, .what = "::",
	  .place = UDP6("::1", 1005) },
	{ NET, .name = "connect-0.0.0.0-bound", .act = act_bound, .judged = BY_DOUBT,
	  .what = "127.1.1.25", .place = TCP("127.1.1.25", 80) },
	/* What it was connected to is judged when it sends. */
	{ NET, .name = "connect-0.0.0.0-bound-udp", .act = act_bound, .judged = BY_DOUBT,
	  .what = "127.1.1.26", .place = UDP("127.1.1.26", 80), .nets = "" },
	{ NET, .name = "connect-unspecified-ipv6-bound", .act = act_bound, .judged = BY_DOUBT,
	  .what = "::ffff:0.0.0.0", .place = TCP("127.0.0.1", 1006) },
	{ NET, .name = "connect-ipv6-without-scope", .act = act_without_scope,
	  .place = TCP6("fd00:1::3", 80) },
	{ NET, .name = "connect-long-address", .act = act_with_long_address,
	  .place = TCP("127.1.1.11", 80) },
	{ NET, .name = "connect-short-address", .act = act_with_8_bytes, .judged = BY_DOUBT,
	  .control_errno = EINVAL, .place = TCP("127.1.1.12", 80) },
	{ NET, .name = "connect-family-without-address", .act = act_with_family_alone,
	  .judged = BY_DOUBT, .control_errno = EINVAL, .place = TCP("127.1.1.13", 80) },
	{ NET, .name = "connect-short-ipv6-address", .act = act_with_short_v6, .judged = BY_DOUBT,
	  .control_errno = EINVAL, .place = TCP6("fd00:1::4", 80) },
	{ NET, .name = "connect-unknown-family", .act = act_with_unknown_family, .judged = BY_DOUBT,
	  .control_errno = EAFNOSUPPORT, .place = TCP("127.1.1.14", 80) },
	{ NET, .name = "connect-ipv6-address-of-ipv4-socket", .act = act_as_v4, .what = "fd00:1::5",
	  .control_errno = EAFNOSUPPORT, .place = TCP("fd00:1::5", 80) },
	{ NET, .name = "connect-dissolve", .act = act_dissolve, .judged = NOT_JUDGED, .effects = 2,
	  .place = TCP("127.1.1.15", 80), .nets = "" },
	{ NET, .name = "connect-dissolve-udp", .act = act_dissolve, .judged = NOT_JUDGED,
	  .effects = 2, .place = UDP("127.1.1.16", 80), .nets = "" },
	{ NET, .name = "connect-first-port", .act = act_plainly, .place = TCP("127.1.1.17", 8000),
	  .ports = "8000-8100" },
	{ NET, .name = "connect-last-port", .act = act_plainly, .place = TCP("127.1.1.18", 8100),
	  .ports = "8000-8100" },
	{ NET, .name = "connect-inner-port", .act = act_plainly, .place = TCP("127.1.1.19", 8050),
	  .ports = "8000-8100, 53/udp" },
	{ NET, .name = "connect-port-before", .act = act_plainly, .judged = NOT_JUDGED,
	  .place = TCP("127.1.1.20", 7999), .ports = "8000-8100" },
	{ NET, .name = "connect-port-behind", .act = act_plainly, .judged = NOT_JUDGED,
	  .place = TCP("127.1.1.21", 8101), .ports = "8000-8100" },
	{ NET, .name = "connect-tcp-of-udp-rule", .act = act_plainly, .judged = NOT_JUDGED,
	  .place = TCP("127.1.1.22", 53), .ports = "53/udp" },
	{ NET, .name = "connect-udp-of-tcp-rule", .act = act_plainly, .judged = NOT_JUDGED,
	  .place = UDP("127.1.1.23", 443), .ports = "443/tcp" },
	{ NET, .name = "connect-udp-of-udp-rule", .act = act_plainly,
	  .place = UDP("127.1.1.24", 53), .ports = "53/udp" },
	{ NET, .name = "connect-last-of-prefix", .act = act_plainly,
	  .place = TCP("127.1.2.127", 80), .nets = "127.1.2.0/25" },
	{ NET, .name = "connect-first-behind-prefix", .act = act_plainly, .judged = NOT_JUDGED,
	  .place = TCP("127.1.3.128", 80), .nets = "127.1.3.0/25" },
	{ NET, .name = "connect-last-of-ipv6-prefix", .act = act_plainly,
	  .place = TCP6("fd00:2::ff", 80), .nets = "\"fd00:2::/120\"" },
	{ NET, .name = "connect-first-behind-ipv6-prefix", .act = act_plainly, .judged = NOT_JUDGED,
	  .place = TCP6("fd00:3::100", 80), .nets = "\"fd00:3::/120\"" },
	{ OWN, .name = "connect-unix", .act = act_unix, .judged = NOT_JUDGED,
	  .what = WORK "/socket" },
	{ OWN, .name = "connect-unix-abstract", .act = act_unix, .judged = NOT_JUDGED,
	  .what = "@hooks" },
	{ OWN, .name = "connect-netlink", .act = act_netlink, .judged = NOT_JUDGED },
	{},
};
