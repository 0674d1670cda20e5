/* SPDX-License-Identifier: BSD-2-Clause */
#include "descriptors.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "say.h"
#include "text.h"

#define NULL_DEVICE makedev(1, 3)	/* Documentation/admin-guide/devices.txt of the kernel */

static const char *const standard[] = { "standard input", "standard output", "standard error" };

/* The device that pipes without a name are on. */
static dev_t pipe_device(void)
{
	struct stat st = {};
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return 0;
	fstat(ends[0], &st);
	close(ends[0]);
	close(ends[1]);
	return st.st_dev;
}

/* Whether nothing that a policy speaks of is reached through it. */
static bool is_harmless(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return errno == EBADF;
	if (S_ISFIFO(st.st_mode))
		return st.st_dev == pipe_device();
	return S_ISCHR(st.st_mode) && (st.st_rdev == NULL_DEVICE || isatty(fd));
}

/* What /proc calls it: "/etc/x", "socket:[123]", fit for a terminal. */
static void name_of(int fd, char *ret_name, size_t size)
{
	char path[64], target[PATH_MAX];
	struct text clean = {}, shown = {};
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target));
	text_clean(&clean, target, length > 0 ? length : 0);
	text_printable(&shown, clean.data, clean.size);
	text_append(&shown, "", 1);
	snprintf(ret_name, size, "%s", shown.data ?: "?");
	text_free(&clean);
	text_free(&shown);
}

/* "192.0.2.1 port 443", or "". */
static void peer_of(int fd, char *ret_peer, size_t size)
{
	struct sockaddr_storage address = {};
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
	socklen_t length = sizeof(address);
	char host[INET6_ADDRSTRLEN];

	ret_peer[0] = 0;
	if (getpeername(fd, (struct sockaddr *)&address, &length))
		return;
	if (address.ss_family == AF_INET)
		snprintf(ret_peer, size, ", connected to %s port %u",
			 inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host)), ntohs(v4->sin_port));
	else if (address.ss_family == AF_INET6)
		snprintf(ret_peer, size, ", connected to %s port %u",
			 inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host)),
			 ntohs(v6->sin6_port));
}

static void tell_socket(int fd)
{
	char peer[INET6_ADDRSTRLEN + 40];
	struct stat st;

	if (fstat(fd, &st) || !S_ISSOCK(st.st_mode))
		return;
	peer_of(fd, peer, sizeof(peer));
	say("%s is a socket%s: it is judged by its peer", standard[fd], peer);
}

static int refuse_ring(int fd)
{
	char name[PATH_MAX];

	name_of(fd, name, sizeof(name));
	if (strcmp(name, "anon_inode:[io_uring]"))
		return 0;
	say("descriptor %d is an io_uring: what it does would be done in another process's name", fd);
	return -EPERM;
}

static int examine_standard(int fd, bool *vouched)
{
	tell_socket(fd);
	*vouched = *vouched && is_harmless(fd);
	return refuse_ring(fd);
}

static int examine_kept(int fd, bool *vouched)
{
	char name[PATH_MAX];

	if (fcntl(fd, F_GETFD) & FD_CLOEXEC)
		return 0;
	if (refuse_ring(fd))
		return -EPERM;
	name_of(fd, name, sizeof(name));
	say("the command keeps descriptor %d: %s", fd, name);
	*vouched = *vouched && is_harmless(fd);
	return 0;
}

static int examine_all_kept(bool *vouched)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	int err = folder ? 0 : -errno;

	while (!err && (entry = readdir(folder))) {
		int fd = atoi(entry->d_name);

		if (isdigit((unsigned char)*entry->d_name) && fd > STDERR_FILENO)
			err = examine_kept(fd, vouched);
	}
	if (folder)
		closedir(folder);
	return err;
}

int descriptors_examine(bool keep, bool *ret_vouched)
{
	int err = 0;

	*ret_vouched = true;
	for (int fd = STDIN_FILENO; !err && fd <= STDERR_FILENO; fd++)
		err = examine_standard(fd, ret_vouched);
	if (!err && keep)
		err = examine_all_kept(ret_vouched);
	return err;
}

int descriptors_close_later(void)
{
	/* Linux 5.11 knows it; the fence needs 6.1. A seccomp filter may refuse it all the same. */
	return syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) ? -errno : 0;
}
