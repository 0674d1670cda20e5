/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static int kind_error(const struct stat *st)
{
	return S_ISREG(st->st_mode) ? 0 : S_ISDIR(st->st_mode) ? -EISDIR : -ENOTSUP;
}

/* Opening a device can do things, and opening a FIFO can wait: stat() first, and since the file may
 * be another by then, O_NONBLOCK and a second look. */
static int open_regular(const char *path)
{
	struct stat st;
	int fd, r;

	if (stat(path, &st))
		return -errno;
	r = kind_error(&st);
	if (r)
		return r;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) ? -errno : kind_error(&st);
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

/* Reads to the end of the file or past the limit, whatever stat() said: it may be growing. */
static int read_all(int fd, char *text, size_t *ret_size)
{
	size_t size = 0;

	while (size <= POLICY_TEXT_MAX) {
		ssize_t got = read(fd, text + size, POLICY_TEXT_MAX + 1 - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got) {
			*ret_size = size;
			return 0;
		}
		size += (size_t)got;
	}
	return -EFBIG;
}

int text_read(const char *root, const char *path, char **ret_text, size_t *ret_size)
{
	char whole[2 * PATH_MAX], *text;
	int r, fd;

	if (snprintf(whole, sizeof(whole), "%s%s", root, path) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	fd = open_regular(whole);
	if (fd < 0)
		return fd;
	text = malloc(POLICY_TEXT_MAX + 1);
	r = text ? read_all(fd, text, ret_size) : -ENOMEM;
	close(fd);
	if (r)
		free(text);
	else
		*ret_text = text;
	return r;
}

const char *text_problem(int err)
{
	switch (-err) {
	case EISDIR:
		return "it is a directory";
	case ENOTSUP:
		return "it is not a regular file";
	case EFBIG:
		return "it is larger than 1 MiB";
	case ENOENT:
		return "there is no such file";
	case EACCES:
		return "permission denied; read it as a user who may";
	default:
		return strerrordesc_np(-err);
	}
}
static_assert(POLICY_TEXT_MAX == 1024 * 1024, "text_problem() names the limit");
