/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/execute.h"
#include "../base/locations.h"
#include "boot_grub.h"

#define FOLDER "/etc/default/grub.d"
/* No *.cfg: grub-mkconfig reads what is half written as little as anything else. */
#define TEMPORARY FOLDER "/.ringfence.XXXXXX"

/* The line by which the file is known to be ours. */
#define MARKER "# Written by ringfence boot enable; ringfence boot disable removes it."

void boot_grub_text(const char *list, char ret_text[BOOT_GRUB_SIZE])
{
	snprintf(ret_text, BOOT_GRUB_SIZE,
		 MARKER "\n"
		 "# The security modules that were active then, in their order, and bpf after them.\n"
		 "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX lsm=%s\"\n", list);
}

int boot_grub_read(const char *root, char ret_text[BOOT_GRUB_SIZE])
{
	char path[PATH_MAX];
	ssize_t size;
	int fd, err;

	ret_text[0] = 0;
	snprintf(path, sizeof(path), "%s" BOOT_GRUB_FILE, root);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	size = read(fd, ret_text, BOOT_GRUB_SIZE);
	err = size < 0 ? -errno : size == BOOT_GRUB_SIZE ? -EFBIG : 0;
	close(fd);
	ret_text[err ? 0 : size] = 0;
	return err;
}

enum boot_owner boot_grub_owner(const char *root)
{
	char path[PATH_MAX], text[BOOT_GRUB_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), "%s" BOOT_GRUB_FILE, root);
	if (lstat(path, &st))
		return errno == ENOENT || errno == ENOTDIR ? BOOT_NOBODY : BOOT_SOMEBODY_ELSE;
	/* A link or a device was not made by us. */
	if (!S_ISREG(st.st_mode) || boot_grub_read(root, text) ||
	    strncmp(text, MARKER "\n", sizeof(MARKER)))
		return BOOT_SOMEBODY_ELSE;
	return BOOT_OURS;
}

static int sync_folder(const char *root)
{
	char path[PATH_MAX];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s" FOLDER, root);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

static int fill(int fd, const char *text)
{
	size_t size = strlen(text);
	ssize_t done = write(fd, text, size);

	if (done < 0)
		return -errno;
	if ((size_t)done < size)
		return -ENOSPC;
	return fchmod(fd, 0644) || fsync(fd) ? -errno : 0;
}

int boot_grub_write(const char *root, const char *text)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	int fd, err;

	snprintf(path, sizeof(path), "%s" FOLDER, root);
	err = path_make(path);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s" BOOT_GRUB_FILE, root);
	snprintf(temporary, sizeof(temporary), "%s" TEMPORARY, root);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fill(fd, text);
	close(fd);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err) {
		unlink(temporary);
		return err;
	}
	return sync_folder(root);
}

int boot_grub_remove(const char *root)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" BOOT_GRUB_FILE, root);
	return unlink(path) ? -errno : sync_folder(root);
}

/* --- the change, for people and for patch(1) -------------------------------------------------- */

static unsigned int count_lines(const char *text)
{
	unsigned int count = 0;

	for (; (text = strchr(text, '\n')); text++)
		count++;
	return count;
}

static void print_lines(FILE *out, char sign, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		fprintf(out, "%c%.*s\n", sign, (int)length, text);
		text += length + (text[length] == '\n');
	}
}

void boot_grub_diff(FILE *out, const char *before, const char *after)
{
	unsigned int old = count_lines(before), new = count_lines(after);

	if (!strcmp(before, after))
		return;
	fprintf(out, "--- %s\n+++ %s\n@@ -%u,%u +%u,%u @@\n", *before ? BOOT_GRUB_FILE : "/dev/null",
		*after ? BOOT_GRUB_FILE : "/dev/null", !!old, old, !!new, new);
	print_lines(out, '-', before);
	print_lines(out, '+', after);
}

/* --- the boot menu ---------------------------------------------------------------------------- */

int boot_grub_update(void)
{
	static char *const scripts[] = { "/usr/sbin/update-grub", "/sbin/update-grub" };
	int status = -ENOENT;

	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts) && status == -ENOENT; i++)
		status = execute((char *[]){ scripts[i], NULL });
	return status == -ENOENT || !status ? status : -EIO;
}
