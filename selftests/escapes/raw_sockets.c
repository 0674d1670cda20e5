/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that a program writes itself: where they go stands in no address that a hook is told. The far
 * side is an ordinary datagram socket on the loopback device.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define TEXT FILE_WRITTEN

/* A datagram from 127.0.0.1 to the vector's place. */
struct packet {
	struct iphdr ip;
	struct udphdr udp;
	char text[sizeof(TEXT)];
} __attribute__((packed));

/* RFC 1071. */
static uint16_t checksum(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static struct packet packet_for(const struct vector *vector)
{
	struct packet packet = {
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			.tot_len = htons(sizeof(packet)), .saddr = htonl(INADDR_LOOPBACK),
		},
		.udp = {
			.source = htons(1), .dest = htons(vector->place.port),
			.len = htons(sizeof(packet) - sizeof(packet.ip)),
		},
		.text = TEXT,
	};

	inet_pton(AF_INET, vector->place.ip, &packet.ip.daddr);
	packet.ip.check = checksum(&packet.ip, sizeof(packet.ip));
	return packet;
}

/* --- IP_HDRINCL ----------------------------------------------------------------------------- */

/* To another address than the header says: @what, which nobody denies. */
static int send_header(const struct vector *vector, int fd)
{
	struct packet packet = packet_for(vector);
	struct sockaddr_storage other;
	socklen_t size = place_address_as(vector->what, 0, &other);

	if (fd < 0)
		return -errno;
	return sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&other, size) < 0 ?
		-errno : 0;
}

/* IPPROTO_RAW brings its header without being told. */
static int act_raw_protocol(const struct vector *vector, struct report *report)
{
	(void)report;
	return send_header(vector, socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
}

static int act_own_header(const struct vector *vector, struct report *report)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP), on = 1;

	(void)report;
	if (setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)))
		return -errno;
	return send_header(vector, fd);
}

/* Set and unset by a thread while another sends: between the hook of a message and the sending of it. */
#define FLIPS 32

struct flipper {
	int fd;
	atomic_bool ended;
	int err;			/* that the first call met */
};

static int set_header(int fd, int on)
{
	return setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)) ? -errno : 0;
}

static void *flip_header(void *ctx)
{
	struct flipper *flipper = ctx;

	for (int i = 0; i < FLIPS; i++) {
		int err = set_header(flipper->fd, 1);

		flipper->err = flipper->err ?: err;
		usleep(500);
		set_header(flipper->fd, 0);
		usleep(100);
	}
	flipper->ended = true;
	return NULL;
}

/* Without an address, so that it is told once of the socket. In the end once more, without a race. */
static int act_own_header_race(const struct vector *vector, struct report *report)
{
	struct flipper flipper = { .fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP) };
	struct packet packet = packet_for(vector);
	struct sockaddr_storage other;
	socklen_t size = place_address_as(vector->what, 0, &other);
	pthread_t thread;

	(void)report;
	if (connect(flipper.fd, (struct sockaddr *)&other, size))
		return -errno;
	errno = pthread_create(&thread, NULL, flip_header, &flipper);
	if (errno)
		return -errno;
	while (!flipper.ended)
		send(flipper.fd, &packet, sizeof(packet), 0);
	pthread_join(thread, NULL);
	set_header(flipper.fd, 1);
	send(flipper.fd, &packet, sizeof(packet), 0);
	return flipper.err;
}

static unsigned int count_any(const struct vector *vector, const struct report *report)
{
	return far_count(vector, report) != 0;
}

static int open_own_header(const struct vector *vector)
{
	(void)vector;
	return socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
}

static int act_inherited_header(const struct vector *vector, struct report *report)
{
	(void)report;
	return send_header(vector, INHERITED_FD(vector));
}

/* The same of IPv6. What the kernel makes of such a header is nobody's concern here: it is not sent. */
static int act_own_header_ipv6(const struct vector *vector, struct report *report)
{
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct sockaddr_storage other;
	socklen_t size = place_address_as(vector->what, 0, &other);
	struct {
		struct ip6_hdr ip;
		struct udphdr udp;
	} packet = {
		.ip = { .ip6_plen = htons(sizeof(packet.udp)), .ip6_nxt = IPPROTO_UDP,
			.ip6_hlim = 64, .ip6_src = IN6ADDR_LOOPBACK_INIT },
		.udp = { .dest = htons(vector->place.port), .len = htons(sizeof(packet.udp)) },
	};

	packet.ip.ip6_vfc = 6 << 4;
	inet_pton(AF_INET6, vector->place.ip, &packet.ip.ip6_dst);
	if (sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&other, size) < 0)
		return -errno;
	snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return 0;
}

/* --- packets -------------------------------------------------------------------------------- */

static struct sockaddr_ll loopback(void)
{
	return (struct sockaddr_ll){
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("lo"), .sll_halen = ETH_ALEN,
	};
}

/* A packet from without that bears a loopback address is dropped, unless the device is told otherwise. */
static void prepare_packet(const struct vector *vector)
{
	write_small("/proc/sys/net/ipv4/conf/lo/route_localnet", "1");
	write_small("/proc/sys/net/ipv4/conf/lo/accept_local", "1");
	far_prepare(vector);
}

static int act_packet(const struct vector *vector, struct report *report)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
	struct packet packet = packet_for(vector);
	struct sockaddr_ll to = loopback();

	(void)report;
	if (fd < 0)
		return -errno;
	return sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) < 0 ?
		-errno : 0;
}

/* The family of old that became AF_PACKET. */
static int act_old_packet(const struct vector *vector, struct report *report)
{
	(void)report;
	if (socket(AF_INET, SOCK_PACKET | SOCK_CLOEXEC, htons(ETH_P_IP)) < 0)
		return -errno;
	snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return 0;
}

/* Bound to a device, it sends without any address. */
static int open_packet(const struct vector *vector)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	struct sockaddr_ll to = loopback();

	(void)vector;
	if (bind(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int act_inherited_packet(const struct vector *vector, struct report *report)
{
	struct packet packet = packet_for(vector);

	(void)report;
	return send(INHERITED_FD(vector), &packet, sizeof(packet), 0) < 0 ? -errno : 0;
}

static int act_passed_packet(const struct vector *vector, struct report *report)
{
	struct packet packet = packet_for(vector);
	int fd = giver_ask(vector);

	(void)report;
	if (fd < 0)
		return fd;
	return send(fd, &packet, sizeof(packet), 0) < 0 ? -errno : 0;
}

/* --- what ends elsewhere -------------------------------------------------------------------- */

static const int families[] = { AF_VSOCK, AF_XDP, AF_TIPC, AF_KEY, AF_CAN };
static const char *const family_names[] = { "vsock", "xdp", "tipc", "key", "can" };

static int family_of(const struct vector *vector)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (!strcmp(vector->what, family_names[i]))
			return families[i];
	return -1;
}

static int type_of(int family)
{
	return family == AF_VSOCK ? SOCK_STREAM : SOCK_RAW;
}

static int open_family(const struct vector *vector)
{
	int family = family_of(vector);

	return socket(family, type_of(family) | SOCK_CLOEXEC,
		      family == AF_KEY ? 2 : family == AF_CAN ? 1 : 0);
}

static const char *missing_family(const struct vector *vector)
{
	int fd = open_family(vector);

	if (fd < 0)
		return "the kernel has no such sockets";
	close(fd);
	return NULL;
}

static int act_family(const struct vector *vector, struct report *report)
{
	(void)report;
	if (open_family(vector) < 0)
		return -errno;
	snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return 0;
}

/* --- AF_VSOCK ------------------------------------------------------------------------------- */

/* To other machines on this host, or to itself, without a network: a server here, and what it has heard. */
static struct {
	int listener;			/* + 1 */
	int connection;			/* + 1 */
	bool heard;
} vsocks[VECTORS_MAX];

static struct sockaddr_vm vsock_address(const struct vector *vector)
{
	return (struct sockaddr_vm){
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL,
		.svm_port = 7000 + vector_number(vector),
	};
}

static int open_vsock(const struct vector *vector)
{
	struct sockaddr_vm to = vsock_address(vector);
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

static int listen_vsock(const struct vector *vector)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_vm here = vsock_address(vector);

	if (fd < 0 || (!bind(fd, (struct sockaddr *)&here, sizeof(here)) && !listen(fd, 8)))
		return fd;
	close(fd);
	return -1;
}

static const char *missing_vsock(const struct vector *vector)
{
	int listener = listen_vsock(vector), fd = listener < 0 ? -1 : open_vsock(vector);

	if (listener >= 0)
		close(listener);
	if (fd < 0)
		return "the kernel has no AF_VSOCK to itself";
	close(fd);
	return NULL;
}

static void prepare_vsock(const struct vector *vector)
{
	uint32_t number = vector_number(vector);

	if (vsocks[number].connection)
		close(vsocks[number].connection - 1);
	if (vsocks[number].listener)
		close(vsocks[number].listener - 1);
	memset(&vsocks[number], 0, sizeof(vsocks[0]));
	vsocks[number].listener = listen_vsock(vector) + 1;
	need(vsocks[number].listener, vector);
}

static unsigned int count_vsock(const struct vector *vector, const struct report *report)
{
	uint32_t number = vector_number(vector);
	char byte;

	(void)report;
	if (!vsocks[number].connection)
		vsocks[number].connection = accept4(vsocks[number].listener - 1, NULL, NULL,
						    SOCK_CLOEXEC | SOCK_NONBLOCK) + 1;
	vsocks[number].heard |= vsocks[number].connection &&
		recv(vsocks[number].connection - 1, &byte, 1, MSG_DONTWAIT) > 0;
	return vsocks[number].heard;
}

static int act_vsock(const struct vector *vector, struct report *report)
{
	int fd = vector->inherited ? INHERITED_FD(vector) : open_vsock(vector);

	(void)report;
	return fd < 0 || send(fd, TEXT, sizeof(TEXT), 0) < 0 ? -errno : 0;
}

/* --- tun ------------------------------------------------------------------------------------ */

/* A device of that name, new or one that stands; "%d" is a number that is free. */
static int open_tun(const char *name, char ret_name[IFNAMSIZ])
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request)) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	if (ret_name)
		snprintf(ret_name, IFNAMSIZ, "%s", request.ifr_name);
	return fd;
}

static const char *missing_tun(const struct vector *vector)
{
	int fd = open_tun("ringfence%d", NULL);

	(void)vector;
	if (fd < 0)
		return "the kernel has no tun devices";
	close(fd);
	return NULL;
}

/* @what: its name. */
static int act_tun(const struct vector *vector, struct report *report)
{
	if (open_tun(vector->what, NULL) < 0)
		return -errno;
	snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return 0;
}

static void prepare_standing_tun(const struct vector *vector)
{
	int fd = open_tun(vector->what, NULL);

	need(fd >= 0 && !ioctl(fd, TUNSETPERSIST, 1), vector);
	close(fd);
}

/* What comes out of the device comes from without, as packets do. */
static void prepare_tun(const struct vector *vector)
{
	write_small("/proc/sys/net/ipv4/conf/all/route_localnet", "1");
	write_small("/proc/sys/net/ipv4/conf/all/accept_local", "1");
	far_prepare(vector);
}

static int open_tun_up(const struct vector *vector)
{
	struct ifreq request = { .ifr_flags = IFF_UP };
	int fd = open_tun("ringfence%d", request.ifr_name);
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)vector;
	if (ioctl(any, SIOCSIFFLAGS, &request)) {
		close(fd);
		fd = -1;
	}
	close(any);
	return fd;
}

static int act_packet_into_tun(const struct vector *vector, struct report *report)
{
	struct packet packet = packet_for(vector);
	int fd = vector->inherited ? INHERITED_FD(vector) : giver_ask(vector);

	(void)report;
	if (fd < 0)
		return fd;
	return write(fd, &packet, sizeof(packet)) < 0 ? -errno : 0;
}

#define UDP(ip_address) .place = { AF_INET, SOCK_DGRAM, 0, ip_address, 80 }, .nets = ""
#define DOUBT .judged = BY_DOUBT, .reason = "address could not be told"
#define HEADER DOUBT, .hook = "socket_sendmsg", .prepare = far_prepare, .count = far_count
#define PACKET DOUBT, .prepare = prepare_packet, .count = far_count
#define FAMILY DOUBT, .hook = "socket_create", .count = far_as_reported, .act = act_family, \
	.missing = missing_family, UDP("127.7.2.1")
#define TUN DOUBT, .act = act_packet_into_tun, .open = open_tun_up, .prepare = prepare_tun, \
	.count = far_count, .missing = missing_tun
#define VSOCK DOUBT, .act = act_vsock, .prepare = prepare_vsock, .count = count_vsock, \
	.missing = missing_vsock

const struct vector raw_sockets_vectors[] = {
	{ HEADER, .name = "raw-protocol", .act = act_raw_protocol, .what = "127.7.9.1",
	  UDP("127.7.1.1") },
	{ DOUBT, .hook = "socket_setsockopt", .prepare = far_prepare, .count = far_count,
	  .name = "raw-own-header", .act = act_own_header, .what = "127.7.9.2", .records = 2,
	  .records_denied = 1, UDP("127.7.1.2") },
	{ DOUBT, .hook = "socket_setsockopt", .prepare = far_prepare, .count = count_any,
	  .name = "raw-own-header-race", .act = act_own_header_race, .what = "127.7.9.4",
	  .records = 2 * FLIPS + 2, .records_denied = 2 * FLIPS + 1, UDP("127.7.1.10") },
	{ HEADER, .name = "raw-inherited-own-header", .act = act_inherited_header,
	  .open = open_own_header, .inherited = true, .what = "127.7.9.3", UDP("127.7.1.3") },
	{ DOUBT, .hook = "socket_sendmsg", .count = far_as_reported, .name = "raw-own-header-ipv6",
	  .act = act_own_header_ipv6, .what = "fd00:1::8",
	  .place = { AF_INET6, SOCK_DGRAM, 0, "fd00:1::9", 80 }, .nets = "" },
	{ PACKET, .hook = "socket_create", .name = "raw-packet", .act = act_packet, .records = 2,
	  .records_denied = 1, UDP("127.7.1.4") },
	{ DOUBT, .hook = "socket_create", .count = far_as_reported, .name = "raw-old-packet",
	  .act = act_old_packet, UDP("127.7.1.5") },
	{ PACKET, .hook = "socket_sendmsg", .name = "raw-inherited-packet",
	  .act = act_inherited_packet, .open = open_packet, .inherited = true, UDP("127.7.1.6") },
	{ PACKET, .hook = "file_receive", .name = "raw-passed-packet", .act = act_passed_packet,
	  .open = open_packet, .hides_errno = true, UDP("127.7.1.7") },
	{ FAMILY, .name = "raw-vsock", .what = "vsock" },
	{ VSOCK, .hook = "socket_create", .name = "raw-vsock-connected", .records = 2,
	  .records_denied = 1, UDP("127.7.2.3") },
	{ VSOCK, .hook = "socket_sendmsg", .name = "raw-vsock-inherited", .open = open_vsock,
	  .inherited = true, UDP("127.7.2.4") },
	{ FAMILY, .name = "raw-xdp", .what = "xdp" },
	{ FAMILY, .name = "raw-tipc", .what = "tipc" },
	{ FAMILY, .name = "raw-key", .what = "key" },
	{ FAMILY, .name = "raw-can", .what = "can" },
	{ DOUBT, .hook = "tun_dev_create", .count = far_as_reported, .name = "raw-tun",
	  .act = act_tun, .missing = missing_tun, .what = "ringfence%d", UDP("127.7.2.2") },
	{ DOUBT, .hook = "tun_dev_open", .count = far_as_reported, .name = "raw-standing-tun",
	  .prepare = prepare_standing_tun, .act = act_tun, .missing = missing_tun,
	  .what = "standing", UDP("127.7.2.2") },
	{ TUN, .hook = "file_permission", .name = "raw-inherited-tun", .inherited = true,
	  UDP("127.7.1.8") },
	{ TUN, .hook = "file_receive", .name = "raw-passed-tun", .hides_errno = true,
	  UDP("127.7.1.9") },
	{},
};
