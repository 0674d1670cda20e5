/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hooks.h"

#define SERVER_MAX 64

/* --- addresses ------------------------------------------------------------------------------ */

socklen_t unix_address_by_path(const char *path, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	strcpy(address->sun_path, path);
	return sizeof(*address);
}

/* "@name"; @padding zeros behind it are part of the name. */
static socklen_t by_name(const char *name, size_t padding, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path + 1, name + 1, strlen(name) - 1);
	return offsetof(struct sockaddr_un, sun_path) + strlen(name) + padding;
}

socklen_t unix_address(const struct vector *vector, struct sockaddr_un *address)
{
	if (vector->sockets && *vector->sockets == '@')
		return by_name(vector->sockets, vector->what ? (size_t)atoi(vector->what) : 0, address);
	return unix_address_by_path(vector_path(vector, vector->target), address);
}

/* --- the far side --------------------------------------------------------------------------- */

static struct server {
	const struct vector *vector;
	int fd;
	int connections[4];		/* that were taken */
	unsigned int connection_count, arrived;
} servers[SERVER_MAX];

static struct server *server_of(const struct vector *vector)
{
	struct server *server = servers;

	while (server->vector && server->vector != vector)
		server++;
	need(server < servers + SERVER_MAX, vector);
	if (!server->vector)
		*server = (struct server){ .vector = vector, .fd = -1 };
	return server;
}

/* Bound anew in every round, since its folder is. */
void unix_prepare(const struct vector *vector)
{
	struct server *server = server_of(vector);
	struct sockaddr_un address;
	socklen_t size;

	while (server->connection_count)
		close(server->connections[--server->connection_count]);
	if (server->fd >= 0)
		close(server->fd);
	if (vector->target)
		files_prepare(vector);
	unlink(vector_path(vector, vector->target ?: "nothing"));
	size = unix_address(vector, &address);
	server->arrived = 0;
	server->fd = socket(AF_UNIX, vector->place.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	need(!bind(server->fd, (struct sockaddr *)&address, size) &&
	     (vector->place.type == SOCK_DGRAM || !listen(server->fd, 8)), vector);
}

/* Connections; of datagrams, and of connections from before, what came. */
unsigned int unix_count(const struct vector *vector, const struct report *report)
{
	struct server *server = server_of(vector);
	char text[64];
	int fd;

	(void)report;
	if (vector->place.type == SOCK_DGRAM) {
		while (recv(server->fd, text, sizeof(text), MSG_DONTWAIT) >= 0)
			server->arrived++;
		return server->arrived;
	}
	while ((fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		need(server->connection_count < 4, vector);
		server->connections[server->connection_count++] = fd;
		server->arrived += !vector->open;
	}
	for (unsigned int i = 0; vector->open && i < server->connection_count; i++)
		server->arrived += recv(server->connections[i], text, sizeof(text), MSG_DONTWAIT) > 0;
	return server->arrived;
}
