/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A path as it stands on this host: links followed, by name and by identity, as the kernel would judge it.
 * What is not there yet is known by the folders that are.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "../../lsm/decide.h"

struct path_here {
	char path[PATH_MAX];		/* absolute, without links */
	mode_t mode;			/* 0: it is not there */
	/* Its identity and those of the folders above, with zeros for what is not there. One more than the kernel
	 * looks at, so that it shows where a path is too deep. */
	struct inode_id chain[DENTRY_DEPTH_MAX + 1];
	size_t count;
	bool blind;			/* a folder on the way may not be looked at: known by its name alone */
};

/* Returns 0, or the negative errno that the kernel would answer a program with: -ELOOP, -ENOTDIR, -ENAMETOOLONG,
 * and -ENOENT for "" and for what leads through a folder that is not there and out of it again (..). */
int path_here_find(const char *path, struct path_here *ret_here);
