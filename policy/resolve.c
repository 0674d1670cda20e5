/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands at a path, as the running system tells: its device and inode, and for a tree those of
 * the roots of all mounts below it, where a walk from a file up through its ancestors ends.
 *
 * The device is st_dev, which on btrfs is not the one the kernel's superblock has: paths there are
 * known by name only. (Its inode numbers repeat in every subvolume, so that the superblock's device
 * would let one thing pass for another.)
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOUNT_TABLE "/proc/self/mountinfo"	/* proc_pid_mountinfo(5) */
#define MOUNT_POINT_FIELD 4			/* counted from 0 */
#define DEV_MINOR_BITS 20			/* the kernel's MINORBITS */

struct identities {
	struct path_identity *list;
	size_t count, space;
};

/* Adds the identity of @path. No server is asked for what this host knows already, and nothing is
 * mounted by looking: a server that is down must not hold this up. */
static int identity_add(struct identities *identities, const char *path)
{
	const int flags = AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
	struct statx st;

	if (statx(AT_FDCWD, path, flags, STATX_TYPE | STATX_INO, &st))
		return -errno;
	if (identities->count == identities->space) {
		size_t space = identities->space ? 2 * identities->space : 4;
		struct path_identity *list = realloc(identities->list, space * sizeof(*list));

		if (!list)
			return -ENOMEM;
		identities->list = list;
		identities->space = space;
	}
	identities->list[identities->count++] = (struct path_identity) {
		.ino = st.stx_ino,
		.dev = st.stx_dev_major << DEV_MINOR_BITS | st.stx_dev_minor,
		.directory = S_ISDIR(st.stx_mode),
	};
	return 0;
}

/* Undoes the kernel's \ooo for space, tab, newline and backslash, in place. */
static void mount_unescape(char *text)
{
	char *out = text;

	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					(text[3] - '0'));
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

/* The mount point of a line of the mount table, or NULL. */
static char *mount_point(char *line)
{
	char *rest = NULL, *field = strtok_r(line, " \n", &rest);

	for (int i = 0; field && i < MOUNT_POINT_FIELD; i++)
		field = strtok_r(NULL, " \n", &rest);
	if (field)
		mount_unescape(field);
	return field;
}

static bool mount_below(const char *mount, const char *dir)
{
	size_t length = strcmp(dir, "/") ? strlen(dir) : 0;

	return !strncmp(mount, dir, length) && mount[length] == '/' && mount[length + 1];
}

/* Adds the roots of the mounts below @path. One that cannot be looked at (another user's FUSE, or
 * hidden below another mount) cannot be known by identity, only by name. */
static int mounts_add(struct identities *identities, const char *table, const char *path)
{
	char real[PATH_MAX], *line = NULL;
	size_t space = 0;
	FILE *file;
	int err = 0;

	if (!realpath(path, real))
		return -errno;
	file = fopen(table, "re");
	if (!file)
		return -errno;
	while (!err && getline(&line, &space, file) >= 0) {
		const char *mount = mount_point(line);

		if (mount && mount_below(mount, real) &&
		    identity_add(identities, mount) == -ENOMEM)
			err = -ENOMEM;
	}
	if (!err && ferror(file))
		err = -EIO;
	free(line);
	fclose(file);
	return err;
}

/* @ctx: the path of the mount table, or NULL for the running system's. */
static int resolver_find(void *ctx, const char *path, bool tree, struct path_identity **ret_list,
			 size_t *ret_count)
{
	struct identities identities = { 0 };
	int err;

	err = identity_add(&identities, path);
	if (!err && tree)
		err = mounts_add(&identities, ctx ? ctx : MOUNT_TABLE, path);
	/* None of these names anything that could be opened; the last one is met only by users who check a
	 * policy that they could not apply. */
	if (err == -ENOENT || err == -ENOTDIR || err == -ELOOP || err == -ENAMETOOLONG ||
	    err == -EACCES) {
		identities.count = 0;
		err = 0;
	}
	if (err) {
		free(identities.list);
		return err;
	}
	*ret_list = identities.list;
	*ret_count = identities.count;
	return 0;
}

const struct path_resolver path_resolver_system = { .find = resolver_find };
