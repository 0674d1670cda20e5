/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unix sockets, by whatever name they are reached: the one that they were bound to counts. The servers
 * are the tester's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define TEXT FILE_WRITTEN

/* --- ways ----------------------------------------------------------------------------------- */

static int reach(const struct vector *vector, const struct sockaddr_un *address, socklen_t size)
{
	int fd = socket(AF_UNIX, vector->place.type | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)address, size))
		return -errno;
	if (vector->place.type == SOCK_DGRAM && send(fd, TEXT, sizeof(TEXT), 0) < 0)
		return -errno;
	close(fd);
	return 0;
}

static int reach_path(const struct vector *vector, const char *path)
{
	struct sockaddr_un address;

	return reach(vector, &address, unix_address_by_path(path, &address));
}

static int act_plainly(const struct vector *vector, struct report *report)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(vector, &address);

	(void)report;
	return reach(vector, &address, size);
}

static int act_send_to(const struct vector *vector, struct report *report)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(vector, &address);
	int fd = socket(AF_UNIX, vector->place.type | SOCK_CLOEXEC, 0);

	(void)report;
	return sendto(fd, TEXT, sizeof(TEXT), 0, (struct sockaddr *)&address, size) < 0 ? -errno : 0;
}

static int act_relative(const struct vector *vector, struct report *report)
{
	(void)report;
	if (chdir(vector_path(vector, "")))
		return -errno;
	return reach_path(vector, "./socket");
}

static int act_symbolic_link(const struct vector *vector, struct report *report)
{
	(void)report;
	if (symlink(vector_path(vector, vector->target), vector_path(vector, "other")))
		return -errno;
	return reach_path(vector, vector_path(vector, "other"));
}

static int act_descriptor(const struct vector *vector, struct report *report)
{
	char path[64];

	(void)report;
	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 open(vector_path(vector, vector->target), O_PATH | O_CLOEXEC));
	return reach_path(vector, path);
}

static int act_chroot(const struct vector *vector, struct report *report)
{
	(void)report;
	if (chroot(vector_path(vector, "")) || chdir("/"))
		return -errno;
	return reach_path(vector, "/socket");
}

static int act_bind_mount(const struct vector *vector, struct report *report)
{
	(void)report;
	mkdir(vector_path(vector, "other"), 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(vector_path(vector, "folder"), vector_path(vector, "other"), NULL, MS_BIND, NULL))
		return -errno;
	return reach_path(vector, vector_path(vector, "other/socket"));
}

/* Made inside the fence: the permission that this takes is that for the socket. */
static int act_hard_link(const struct vector *vector, struct report *report)
{
	(void)report;
	if (link(vector_path(vector, vector->target), vector_path(vector, "other")))
		return -errno;
	return reach_path(vector, vector_path(vector, "other"));
}

static int act_rename(const struct vector *vector, struct report *report)
{
	(void)report;
	if (rename(vector_path(vector, vector->target), vector_path(vector, "other")))
		return -errno;
	return reach_path(vector, vector_path(vector, "other"));
}

/* --- connected by others -------------------------------------------------------------------- */

static int connect_outside(const struct vector *vector)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(vector, &address);
	int fd = socket(AF_UNIX, vector->place.type, 0);

	if (connect(fd, (struct sockaddr *)&address, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int act_inherited_write(const struct vector *vector, struct report *report)
{
	(void)report;
	return write(INHERITED_FD(vector), TEXT, sizeof(TEXT)) < 0 ? -errno : 0;
}

static int act_inherited_send(const struct vector *vector, struct report *report)
{
	(void)report;
	return send(INHERITED_FD(vector), TEXT, sizeof(TEXT), 0) < 0 ? -errno : 0;
}

static int act_passed(const struct vector *vector, struct report *report)
{
	int fd = giver_ask(vector);

	(void)report;
	if (fd < 0)
		return fd;
	return send(fd, TEXT, sizeof(TEXT), 0) < 0 ? -errno : 0;
}

/* A socket without a name is nobody's: what is at its other end was given it. */
static int act_pair(const struct vector *vector, struct report *report)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ||
	    send(ends[0], vector->name, strlen(vector->name), 0) < 0 ||
	    recv(ends[1], report->got, sizeof(report->got) - 1, 0) < 0)
		return -errno;
	return 0;
}

#define STREAM	.place = { .type = SOCK_STREAM }
#define PACKET	.place = { .type = SOCK_SEQPACKET }
#define DATAGRAM .place = { .type = SOCK_DGRAM }

#define SOCKET .prepare = unix_prepare, .count = unix_count, .target = "socket", .sockets = "socket"
#define ABSTRACT .prepare = unix_prepare, .count = unix_count
#define CONNECT .hook = "unix_stream_connect"
#define SEND .hook = "unix_may_send"

const struct vector unix_sockets_vectors[] = {
	{ CONNECT, STREAM, SOCKET, .name = "unix-stream", .act = act_plainly },
	{ CONNECT, PACKET, SOCKET, .name = "unix-packets", .act = act_plainly },
	{ SEND, DATAGRAM, SOCKET, .name = "unix-datagram-connected", .act = act_plainly },
	{ SEND, DATAGRAM, SOCKET, .name = "unix-datagram", .act = act_send_to },
	{ CONNECT, STREAM, .prepare = unix_prepare, .count = unix_count, .target = "folder/socket",
	  .sockets = "folder/", .seen_path = "folder/socket", .name = "unix-below-tree",
	  .act = act_plainly },
	{ CONNECT, STREAM, ABSTRACT, .sockets = "@unix-abstract", .name = "unix-abstract",
	  .act = act_plainly },
	{ CONNECT, STREAM, ABSTRACT, .sockets = "@unix/abstract/with slashes",
	  .name = "unix-abstract-with-slashes", .act = act_plainly },
	{ CONNECT, STREAM, ABSTRACT, .sockets = "@unix-abstract-padded", .what = "20",
	  .name = "unix-abstract-padded", .act = act_plainly },
	{ SEND, DATAGRAM, ABSTRACT, .sockets = "@unix-abstract-datagram",
	  .name = "unix-abstract-datagram", .act = act_send_to },
	{ CONNECT, STREAM, SOCKET, .name = "unix-relative", .act = act_relative },
	{ CONNECT, STREAM, SOCKET, .name = "unix-symbolic-link", .act = act_symbolic_link },
	{ CONNECT, STREAM, SOCKET, .name = "unix-from-proc", .act = act_descriptor },
	{ CONNECT, STREAM, SOCKET, .name = "unix-in-chroot", .act = act_chroot },
	{ CONNECT, STREAM, .prepare = unix_prepare, .count = unix_count, .target = "folder/socket",
	  .sockets = "folder/", .seen_path = "folder/socket", .name = "unix-through-bind-mount",
	  .act = act_bind_mount },
	{ STREAM, SOCKET, .hook = "path_link", .name = "unix-hard-link", .act = act_hard_link,
	  .records = 2, .records_denied = 1 },
	{ STREAM, SOCKET, .hook = "path_rename", .name = "unix-renamed", .act = act_rename,
	  .records = 2, .records_denied = 1 },
	{ STREAM, SOCKET, .hook = "file_permission", .name = "unix-inherited-write",
	  .open = connect_outside, .inherited = true, .act = act_inherited_write },
	{ STREAM, SOCKET, .hook = "socket_sendmsg", .name = "unix-inherited-send",
	  .open = connect_outside, .inherited = true, .act = act_inherited_send },
	{ DATAGRAM, SOCKET, .hook = "socket_sendmsg", .name = "unix-inherited-datagram",
	  .open = connect_outside, .inherited = true, .act = act_inherited_send },
	{ STREAM, SOCKET, .hook = "file_receive", .name = "unix-passed", .open = connect_outside,
	  .act = act_passed, .hides_errno = true },
	{ .name = "unix-pair", .hook = "", .act = act_pair, .count = far_as_reported,
	  .judged = NOT_JUDGED },
	{},
};
