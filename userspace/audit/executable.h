/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file a process executed. A log has the path by which that was asked for: "./tool" is one of the folder that
 * the process was in, which the log tells of no process but the one that a run begins with. The programs of a run are
 * mostly started where it begins.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "../../policy/intern.h"
#include "audit_line.h"

#define RUN_FOLDERS_MAX 1024		/* runs whose folders are kept; those of more are not known */

/* Where runs began. Zero-initialise it; run_folders_free() when done. */
struct run_folders {
	struct intern runs;		/* the value: of the folder, in */
	struct intern folders;
};

/* Notes where the run began, where the line tells that. Returns 0 or -ENOMEM. */
int run_folders_note(struct run_folders *folders, const struct audit_line *line);

/* Where the run of the line began; NULL where that is not known. Good until the next run_folders_note(). */
const char *run_folders_of(const struct run_folders *folders, const struct audit_line *line);

void run_folders_free(struct run_folders *folders);

/*
 * The absolute path of an executable that was started in @folder, by the names alone: without ".", ".." and double
 * slashes, and links not followed.
 *
 * @folder: absolute; NULL: not known, and then an executable that is absolute has a path nevertheless
 *
 * Returns false, ret_path untouched, where it cannot be told.
 */
bool executable_path(const char *executable, const char *folder, char ret_path[PATH_MAX]);

/* Whether an executable whose folder is not known may be the one at @path, by the names that it has. */
bool executable_may_be(const char *executable, const char *path);
