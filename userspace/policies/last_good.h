/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last good text of each policy in PATH_POLICIES, with the service files that it includes: for a
 * boot after somebody has broken one. Texts, not images: identities of files, and the format of
 * images, do not outlive a boot or an upgrade.
 */
#pragma once

#define LAST_GOOD_ROOT_SIZE 512

/*
 * Keeps the text of @file, which has just been put in force, and those it includes, in place of those
 * kept before. A file outside of PATH_POLICIES is none of its business.
 *
 * Returns 0; -EINVAL where the files have faults by now, or -errno of writing: what was kept before
 * is then still there.
 */
int last_good_keep(const char *file);

/*
 * Finds the last good text of @file: under *ret_root all its files have the paths that they had (see
 * policy_read_under()). Writes when it was put in force to @ret_date. Returns 0 or -ENOENT.
 */
int last_good_find(const char *file, char ret_root[LAST_GOOD_ROOT_SIZE], char ret_date[32]);
