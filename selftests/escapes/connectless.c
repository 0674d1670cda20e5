/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socket_sendmsg: messages that bring their address with them, and TCP Fast Open.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define HOOK "socket_sendmsg"
#define MESSAGES 3

static int open_socket(const struct vector *vector, int family)
{
	return socket(family, vector->place.type | SOCK_CLOEXEC, vector->place.protocol);
}

static int send_to(int fd, const void *address, socklen_t size, int flags)
{
	ssize_t sent = sendto(fd, FILE_WRITTEN, sizeof(FILE_WRITTEN), flags, address, size);
	int err = sent < 0 ? -errno : 0;

	close(fd);
	return err;
}

static int act_sendto(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);

	(void)report;
	return send_to(open_socket(vector, vector->place.family), &address, size, 0);
}

/* An IPv6 socket, with the address written as @what. */
static int act_sendto_as(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address_as(vector->what, vector->place.port, &address);

	(void)report;
	return send_to(open_socket(vector, AF_INET6), &address, size, 0);
}

static int act_sendto_as_v4(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address_as(vector->what, vector->place.port, &address);

	(void)report;
	return send_to(open_socket(vector, AF_INET), &address, size, 0);
}

/* No family at all: an IPv4 socket sends it to the IPv4 address in it. */
static int act_unspecified_family(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);

	(void)report;
	address.ss_family = AF_UNSPEC;
	return send_to(open_socket(vector, AF_INET), &address, size, 0);
}

static int act_unknown_family(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);

	(void)report;
	address.ss_family = 44;
	return send_to(open_socket(vector, AF_INET), &address, size, 0);
}

/* To 0.0.0.0, with the place as the source that the message brings along: there it goes. */
static int act_with_source(const struct vector *vector, struct report *report)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr header;
	} control = {};
	struct in_pktinfo source = {};
	struct sockaddr_storage address;
	socklen_t size = place_address_as("0.0.0.0", vector->place.port, &address);
	struct iovec text = { FILE_WRITTEN, sizeof(FILE_WRITTEN) };
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = size, .msg_iov = &text, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd = open_socket(vector, AF_INET), err;

	(void)report;
	inet_pton(AF_INET, vector->place.ip, &source.ipi_spec_dst);
	control.header.cmsg_level = IPPROTO_IP;
	control.header.cmsg_type = IP_PKTINFO;
	control.header.cmsg_len = CMSG_LEN(sizeof(source));
	memcpy(CMSG_DATA(&control.header), &source, sizeof(source));
	err = sendmsg(fd, &message, 0) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* An IPv6 socket takes an address of no family for none; made an IPv4 socket meanwhile (IPV6_ADDRFORM),
 * for one of IPv4. So that this is doubtful, too, it is 0.0.0.0 with a source. */
#define RACES 16
#define SENDS 4

static void *make_ipv4(void *fd)
{
	int family = AF_INET;

	return setsockopt(*(int *)fd, IPPROTO_IPV6, IPV6_ADDRFORM, &family, sizeof(family)) ? fd : NULL;
}

static int send_without_family(const struct vector *vector, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr header;
	} control = {};
	struct in_pktinfo source = {};
	struct sockaddr_storage address;
	socklen_t size = place_address_as("2001:db8::1", vector->place.port, &address);
	struct iovec text = { FILE_WRITTEN, sizeof(FILE_WRITTEN) };
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = size, .msg_iov = &text, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	address.ss_family = AF_UNSPEC;
	inet_pton(AF_INET, vector->place.ip, &source.ipi_spec_dst);
	control.header.cmsg_level = IPPROTO_IP;
	control.header.cmsg_type = IP_PKTINFO;
	control.header.cmsg_len = CMSG_LEN(sizeof(source));
	memcpy(CMSG_DATA(&control.header), &source, sizeof(source));
	return sendmsg(fd, &message, 0) < 0 ? -errno : 0;
}

/* The last message comes after the race. */
static int race_family(const struct vector *vector, const struct sockaddr_in *peer)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = peer->sin_port };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	pthread_t thread;
	void *failed;

	memset(mapped.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(mapped.sin6_addr.s6_addr + 12, &peer->sin_addr, 4);
	if (connect(fd, (struct sockaddr *)&mapped, sizeof(mapped)))
		return -errno;
	errno = pthread_create(&thread, NULL, make_ipv4, &fd);
	if (errno)
		return -errno;
	for (int i = 0; i < SENDS; i++)
		send_without_family(vector, fd);
	pthread_join(thread, &failed);
	err = failed ? -EIO : send_without_family(vector, fd);
	close(fd);
	return err;
}

/* Peers to @what, which somebody listens on. */
static int act_family_race(const struct vector *vector, struct report *report)
{
	int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct sockaddr_storage peer;
	socklen_t size = place_address_as(vector->what, vector->place.port, &peer);

	(void)report;
	if (bind(server, (struct sockaddr *)&peer, size))
		return -errno;
	for (int i = 0; i < RACES; i++) {
		int met = race_family(vector, (struct sockaddr_in *)&peer);

		err = err ?: met;
	}
	close(server);
	return err;
}

static unsigned int count_any(const struct vector *vector, const struct report *report)
{
	return far_count(vector, report) != 0;
}

static int act_short_address(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;

	(void)report;
	place_address(&vector->place, &address);
	return send_to(open_socket(vector, AF_INET), &address, 8, 0);
}

static int act_fast_open(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);

	(void)report;
	return send_to(open_socket(vector, vector->place.family), &address, size, MSG_FASTOPEN);
}

/* One call, MESSAGES messages to the same address. */
static int act_sendmmsg(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);
	struct iovec text = { FILE_WRITTEN, sizeof(FILE_WRITTEN) };
	struct mmsghdr messages[MESSAGES] = {};
	int fd = open_socket(vector, vector->place.family), sent;

	(void)report;
	for (int i = 0; i < MESSAGES; i++)
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &address, .msg_namelen = size,
			.msg_iov = &text, .msg_iovlen = 1,
		};
	sent = sendmmsg(fd, messages, MESSAGES, 0);
	return sent < 0 ? -errno : sent == MESSAGES ? 0 : -EIO;
}

static int act_sendmsg(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);
	struct iovec text = { FILE_WRITTEN, sizeof(FILE_WRITTEN) };
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = size, .msg_iov = &text, .msg_iovlen = 1,
	};
	int fd = open_socket(vector, vector->place.family);

	(void)report;
	return sendmsg(fd, &message, 0) < 0 ? -errno : 0;
}

/* The peer that was fixed is not the one that is sent to. */
static int act_past_connected_peer(const struct vector *vector, struct report *report)
{
	struct sockaddr_storage address, peer;
	socklen_t size = place_address(&vector->place, &address);
	socklen_t peer_size = place_address_as(vector->what, vector->place.port, &peer);
	int fd = open_socket(vector, vector->place.family);

	(void)report;
	if (connect(fd, (struct sockaddr *)&peer, peer_size))
		return -errno;
	return send_to(fd, &address, size, 0);
}

/* An echo request; the answer goes to another address and is not counted. */
static int act_ping(const struct vector *vector, struct report *report)
{
	struct icmphdr request = { .type = ICMP_ECHO };
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);

	(void)report;
	if (fd < 0)
		return -errno;
	return sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&address, size) < 0 ?
		-errno : 0;
}

static int act_raw_icmp(const struct vector *vector, struct report *report)
{
	struct icmphdr request = { .type = ICMP_ECHO, .checksum = 0xfff7 };
	struct sockaddr_storage address;
	socklen_t size = place_address(&vector->place, &address);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	(void)report;
	if (fd < 0)
		return -errno;
	return sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&address, size) < 0 ?
		-errno : 0;
}

#define UDP(ip, port)	{ AF_INET, SOCK_DGRAM, 0, ip, port }
#define UDP6(ip, port)	{ AF_INET6, SOCK_DGRAM, 0, ip, port }
#define TCP(ip, port)	{ AF_INET, SOCK_STREAM, 0, ip, port }
#define TCP6(ip, port)	{ AF_INET6, SOCK_STREAM, 0, ip, port }
#define RAW(ip)		{ AF_INET, SOCK_RAW, 253, ip, 0 }	/* RFC 3692: for experiments */
#define RAW6(ip)	{ AF_INET6, SOCK_RAW, 253, ip, 0 }
#define ICMP(ip)	{ AF_INET, SOCK_RAW, IPPROTO_ICMP, ip, 0 }

#define NET .hook = HOOK, .count = far_count, .prepare = far_prepare

const struct vector connectless_vectors[] = {
	{ NET, .name = "send-to", .act = act_sendto, .place = UDP("127.2.1.1", 80) },
	{ NET, .name = "send-to-ipv6", .act = act_sendto, .place = UDP6("fd00:4::1", 80) },
	{ NET, .name = "send-message", .act = act_sendmsg, .place = UDP("127.2.1.2", 80) },
	{ NET, .name = "send-three-messages", .act = act_sendmmsg, .place = UDP("127.2.1.3", 80),
	  .effects = MESSAGES },
	{ NET, .name = "send-v4-mapped", .act = act_sendto_as, .what = "::ffff:127.2.1.4",
	  .place = UDP("127.2.1.4", 80) },
	{ NET, .name = "send-ipv4-address-of-ipv6-socket", .act = act_sendto_as,
	  .what = "127.2.1.5", .place = UDP("127.2.1.5", 80) },
	{ NET, .name = "send-0.0.0.0", .act = act_sendto_as_v4, .what = "0.0.0.0",
	  .place = UDP("127.0.0.1", 1011) },
	{ NET, .name = "send-0.0.0.0-with-source", .act = act_with_source, .judged = BY_DOUBT,
	  .place = UDP("127.2.1.30", 80) },
	{ NET, .name = "send-unspecified-ipv6", .act = act_sendto_as, .what = "::",
	  .place = UDP6("::1", 1012) },
	{ NET, .name = "send-unspecified-family", .act = act_unspecified_family,
	  .place = UDP("127.2.1.6", 80) },
	{ NET, .name = "send-unknown-family", .act = act_unknown_family, .judged = BY_DOUBT,
	  .control_errno = EAFNOSUPPORT, .place = UDP("127.2.1.7", 80) },
	{ NET, .name = "send-short-address", .act = act_short_address, .judged = BY_DOUBT,
	  .control_errno = EINVAL, .place = UDP("127.2.1.8", 80) },
	{ .hook = HOOK, .prepare = far_prepare, .count = count_any, .name = "send-family-race",
	  .act = act_family_race, .judged = BY_DOUBT, .what = "127.2.2.2",
	  .records = RACES * (SENDS + 1), .place = UDP("127.2.1.31", 80) },
	{ NET, .name = "send-past-connected-peer", .act = act_past_connected_peer,
	  .what = "127.2.2.1", .place = UDP("127.2.1.9", 80) },
	{ NET, .name = "send-fast-open", .act = act_fast_open, .place = TCP("127.2.1.10", 80) },
	{ NET, .name = "send-fast-open-ipv6", .act = act_fast_open,
	  .place = TCP6("fd00:4::2", 80) },
	{ NET, .name = "send-raw", .act = act_sendto, .place = RAW("127.2.1.11") },
	{ NET, .name = "send-raw-ipv6", .act = act_sendto, .place = RAW6("fd00:4::3") },
	{ NET, .name = "send-raw-unspecified-family", .act = act_unspecified_family,
	  .place = RAW("127.2.1.12") },
	{ NET, .name = "send-raw-icmp", .act = act_raw_icmp, .place = ICMP("127.2.1.13") },
	{ NET, .name = "send-raw-icmp-of-port-rule", .act = act_raw_icmp,
	  .place = ICMP("127.2.1.14"), .ports = "443/tcp" },
	{ NET, .name = "send-ping", .act = act_ping, .place = ICMP("127.2.1.15") },
	{ NET, .name = "send-port-outside", .act = act_sendto, .judged = NOT_JUDGED,
	  .place = UDP("127.2.1.16", 7999), .ports = "8000-8100" },
	{ NET, .name = "send-udp-of-tcp-rule", .act = act_sendto, .judged = NOT_JUDGED,
	  .place = UDP("127.2.1.17", 443), .ports = "443/tcp" },
	{},
};
