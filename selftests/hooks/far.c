/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hooks.h"

#define CONNECTIONS_MAX 8		/* that are read from, per vector and round */

static int servers[VECTORS_MAX];	/* descriptor + 1 of each vector's server */
static unsigned int arrived[VECTORS_MAX];	/* since its preparation */
static struct connection {
	int fd;
	bool heard;			/* something came */
} connections[VECTORS_MAX][CONNECTIONS_MAX];
static unsigned int connection_counts[VECTORS_MAX];

socklen_t place_address_as(const char *ip, uint16_t port, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;

	memset(ret_address, 0, sizeof(*ret_address));
	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, ip, &v6->sin6_addr) != 1)
		abort();
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return sizeof(*v6);
}

socklen_t place_address(const struct place *place, struct sockaddr_storage *ret_address)
{
	return place_address_as(place->ip, place->port, ret_address);
}

static int serve(const struct place *place)
{
	struct sockaddr_storage address;
	socklen_t size = place_address(place, &address);
	int one = 1, type = place->type | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(address.ss_family, type, place->protocol);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, size) ||
	    (place->type == SOCK_STREAM && listen(fd, 64))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int far_listen(const char *ip, uint16_t port)
{
	return serve(&(struct place){ AF_INET, SOCK_STREAM, 0, ip, port });
}

unsigned int far_accepted(int listener)
{
	unsigned int count = 0;

	for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; count++)
		close(fd);
	return count;
}

static void hang_up(uint32_t number)
{
	while (connection_counts[number])
		close(connections[number][--connection_counts[number]].fd);
}

void far_prepare(const struct vector *vector)
{
	uint32_t number = vector_number(vector);

	if (!vector->place.ip)
		return;
	hang_up(number);
	if (!servers[number])
		servers[number] = serve(&vector->place) + 1;
	else
		far_count(vector, NULL);	/* what was left by the round before */
	arrived[number] = 0;
}

unsigned int far_count(const struct vector *vector, const struct report *report)
{
	uint32_t number = vector_number(vector);
	int fd = servers[number] - 1;
	char packet[256];

	(void)report;
	if (fd < 0)
		return 0;
	if (vector->place.type == SOCK_STREAM)
		return arrived[number] += far_accepted(fd);
	while (recv(fd, packet, sizeof(packet), MSG_DONTWAIT) >= 0)
		arrived[number]++;
	return arrived[number];
}

/* Takes a connection of those that wait. Returns its descriptor, or -1. */
static int pick_up(uint32_t number)
{
	int fd;

	if (connection_counts[number] == CONNECTIONS_MAX)
		return -1;
	fd = accept4(servers[number] - 1, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		connections[number][connection_counts[number]++] = (struct connection){ .fd = fd };
	return fd;
}

unsigned int far_count_heard(const struct vector *vector, const struct report *report)
{
	uint32_t number = vector_number(vector);
	unsigned int heard = 0;
	char byte;

	if (vector->place.type != SOCK_STREAM)
		return far_count(vector, report);
	while (servers[number] && pick_up(number) >= 0)
		;
	for (unsigned int i = 0; i < connection_counts[number]; i++) {
		struct connection *connection = &connections[number][i];

		connection->heard |= recv(connection->fd, &byte, 1, MSG_DONTWAIT) > 0;
		heard += connection->heard;
	}
	return heard;
}

int far_connect(const struct vector *vector)
{
	struct sockaddr_storage place;
	socklen_t size = place_address(&vector->place, &place);
	int fd = socket(place.ss_family, vector->place.type, vector->place.protocol);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&place, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

int far_connect_and_greet(const struct vector *vector)
{
	int fd = far_connect(vector), server = pick_up(vector_number(vector));

	if (server >= 0)
		send(server, vector->name, strlen(vector->name), MSG_NOSIGNAL);
	return fd;
}

unsigned int far_as_reported(const struct vector *vector, const struct report *report)
{
	return report && !strcmp(report->got, vector->name);
}
