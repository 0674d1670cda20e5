/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t done = write(fd, text, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text += done;
		size -= done;
	}
	return 0;
}

/* The mode a new file @path gets: that of the file it replaces, or what the umask leaves of @most. */
static mode_t output_mode(const char *path, mode_t most)
{
	struct stat st;
	mode_t mask;

	if (!stat(path, &st))
		return st.st_mode & 0777;
	mask = umask(0);
	umask(mask);
	return most & ~mask;
}

/* Puts the name of a renamed file on disk. Best effort: some file systems cannot. */
static void sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Replaces @path by way of a file beside it. On failure neither is changed nor left behind. */
static int replace_file(const char *path, mode_t most, const char *text, size_t size)
{
	char temp[PATH_MAX];
	int fd, err;

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, size);
	if (!err && (fchmod(fd, output_mode(path, most)) || fsync(fd)))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temp, path))
		err = -errno;
	if (err)
		unlink(temp);
	else
		sync_folder(path);
	return err;
}

/* A link is followed, and what is not a regular file (a device, a pipe) is left alone: replacing
 * it would put a file in its place. */
static int write_file(const char *path, mode_t most, const char *text, size_t size)
{
	char target[PATH_MAX];
	struct stat st;

	if (stat(path, &st))
		return errno == ENOENT ? replace_file(path, most, text, size) : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return realpath(path, target) ? replace_file(target, most, text, size) : -errno;
}

int output_write(const char *path, mode_t most, const char *text, size_t size)
{
	return path ? write_file(path, most, text, size) : write_all(STDOUT_FILENO, text, size);
}
