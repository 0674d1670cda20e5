/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../policy/policy.h"
#include "../base/locations.h"
#include "last_good.h"

static void root_of(const char *file, const char *suffix, char ret_root[LAST_GOOD_ROOT_SIZE])
{
	snprintf(ret_root, LAST_GOOD_ROOT_SIZE, PATH_LAST_GOOD "/%s%s", path_base(file), suffix);
}

/* --- copying -------------------------------------------------------------------------------- */

static int copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, err = in < 0 ? -errno : 0;
	ssize_t copied = 1;

	if (!err && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		err = -errno;
	while (!err && copied > 0)
		if ((copied = sendfile(out, in, NULL, POLICY_TEXT_MAX)) < 0)
			err = -errno;
	if (!err && fsync(out))
		err = -errno;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return err;
}

static int copy_under(const char *root, const char *path)
{
	char to[PATH_MAX], folder[PATH_MAX];
	int err;

	if (snprintf(to, sizeof(to), "%s%s", root, path) >= (int)sizeof(to))
		return -ENAMETOOLONG;
	snprintf(folder, sizeof(folder), "%.*s", (int)(path_base(to) - to), to);
	err = path_make(folder);
	return err ?: copy(path, to);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st;
	(void)place;
	return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static void remove_tree(const char *root)
{
	nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* What is in force was compiled a moment ago: the files may be others by now. */
static int check_copies(const char *root, const char *path)
{
	struct policy *policy = NULL;
	struct diags diags = {};
	int err = policy_read_under(root, path, path_services, &diags, &policy);

	policy_free(policy);
	diags_free(&diags);
	return err;
}

static int copy_all(const char *root, const char *path)
{
	struct policy *policy = NULL;
	struct diags diags = {};
	int err = policy_read(path, path_services, &diags, &policy);

	if (!err)
		err = copy_under(root, path);
	for (size_t i = 0; !err && i < policy->include_count; i++)
		err = copy_under(root, policy->includes[i]);
	policy_free(policy);
	diags_free(&diags);
	return err ?: check_copies(root, path);
}

/* --- keeping -------------------------------------------------------------------------------- */

/* The new one appears at once, or not at all. */
static int exchange(const char *new, const char *root)
{
	if (!renameat2(AT_FDCWD, new, AT_FDCWD, root, RENAME_EXCHANGE))
		return 0;
	return errno == ENOENT && !rename(new, root) ? 0 : -errno;
}

int last_good_keep(const char *file)
{
	char root[LAST_GOOD_ROOT_SIZE], new[LAST_GOOD_ROOT_SIZE], path[PATH_MAX];
	int err;

	if (!path_is_policy(file, path))
		return 0;
	root_of(file, "", root);
	root_of(file, ".new", new);
	remove_tree(new);		/* left by one that died; or what was kept before the last */
	err = path_make(PATH_LAST_GOOD) ?: copy_all(new, path) ?: exchange(new, root);
	remove_tree(new);
	return err;
}

int last_good_find(const char *file, char ret_root[LAST_GOOD_ROOT_SIZE], char ret_date[32])
{
	char path[PATH_MAX], copied[PATH_MAX];
	struct stat st;
	struct tm tm;

	if (!path_is_policy(file, path))
		return -ENOENT;
	root_of(file, "", ret_root);
	snprintf(copied, sizeof(copied), "%s%s", ret_root, path);
	if (stat(copied, &st))
		return -ENOENT;
	strftime(ret_date, 32, "%F %H:%M:%S", localtime_r(&st.st_mtime, &tm));
	return 0;
}
