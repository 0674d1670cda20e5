/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths of a folder of its own, as realpath(3) has those that are there, and beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "userspace/base/path_here.h"

static char folder[] = "/tmp/ringfence-path-XXXXXX", before[PATH_MAX];

static int begin(void **state)
{
	FILE *file;

	(void)state;
	if (!getcwd(before, sizeof(before)) || !mkdtemp(folder) || chdir(folder) || mkdir("real", 0755) ||
	    mkdir("real/in", 0755))
		return -1;
	file = fopen("real/file", "w");
	return !file || fclose(file) || symlink("real", "link") || symlink("../real/file", "real/back") ||
	       symlink("real/not-there", "broken") || symlink("/", "root") || symlink("loop", "loop") ||
	       symlink("link/in", "chain");
}

static int finish(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return chdir(before) || system(command);
}

/* As the C library has it, with the identities of all folders above. */
static void assert_there(const char *path)
{
	char real[PATH_MAX], above[PATH_MAX], *slash;
	struct path_here here;
	struct stat st;
	size_t i = 0;

	assert_non_null(realpath(path, real));
	assert_int_equal(path_here_find(path, &here), 0);
	assert_string_equal(here.path, real);
	assert_int_equal(stat(real, &st), 0);
	assert_int_equal(here.mode, st.st_mode);
	strcpy(above, strcmp(real, "/") ? real : "");
	do {
		assert_int_equal(stat(*above ? above : "/", &st), 0);
		assert_true(i < here.count);
		assert_int_equal(here.chain[i].ino, st.st_ino);
		assert_int_equal(here.chain[i++].dev, major(st.st_dev) << 20 | minor(st.st_dev));
		slash = strrchr(above, '/');
		if (slash)
			*slash = 0;
	} while (slash);
	assert_int_equal(i, here.count);
}

static void test_there(void **state)
{
	static const char *const paths[] = {
		"real/file", "./real//./file", "link/file", "link/back", "chain", "chain/..", "real/in/../file",
		"root", "root/tmp/..", ".", "..", "/", "//", "/..", "/proc/self/exe", "real/", "link/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_there(paths[i]);
}

/* @missing: how many names at its end are not there. */
static void assert_missing(const char *path, const char *end, size_t missing)
{
	struct path_here here;
	struct stat st;

	assert_int_equal(path_here_find(path, &here), 0);
	if (strlen(here.path) < strlen(end) || strcmp(here.path + strlen(here.path) - strlen(end), end))
		fail_msg("%s: %s", path, here.path);
	assert_int_equal(here.mode, 0);
	assert_true(here.count > missing);
	for (size_t i = 0; i < missing; i++)
		assert_int_equal(here.chain[i].ino, 0);
	assert_int_equal(stat("real", &st), 0);
	assert_int_equal(here.chain[missing].ino, st.st_ino);
}

/* What is made there later has that name, and lies below those folders. */
static void test_missing(void **state)
{
	(void)state;
	assert_missing("real/new", "/real/new", 1);
	assert_missing("link/new", "/real/new", 1);
	assert_missing("link/new/./newer/", "/real/new/newer", 2);
	assert_missing("broken", "/real/not-there", 1);
	assert_missing("chain/../new", "/real/new", 1);
}

static void test_faults(void **state)
{
	struct path_here here;
	char path[2 * PATH_MAX];

	(void)state;
	assert_int_equal(path_here_find("", &here), -ENOENT);
	assert_int_equal(path_here_find("loop", &here), -ELOOP);
	assert_int_equal(path_here_find("real/file/x", &here), -ENOTDIR);
	assert_int_equal(path_here_find("real/file/", &here), -ENOTDIR);
	assert_int_equal(path_here_find("real/new/../file", &here), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	assert_int_equal(path_here_find(path, &here), -ENAMETOOLONG);
	path[300] = 0;
	assert_int_equal(path_here_find(path, &here), -ENAMETOOLONG);
}

/* Deeper than the kernel looks: the chain says so. */
static void test_deep(void **state)
{
	char path[4 * DENTRY_DEPTH_MAX] = "/nowhere";
	struct path_here here;

	(void)state;
	for (int i = 0; i < DENTRY_DEPTH_MAX - 2; i++)
		strcat(path, "/x");
	assert_int_equal(path_here_find(path, &here), 0);
	assert_int_equal(here.count, DENTRY_DEPTH_MAX);
	strcat(path, "/x");
	assert_int_equal(path_here_find(path, &here), 0);
	assert_int_equal(here.count, DENTRY_DEPTH_MAX + 1);
	strcat(path, "/x");
	assert_int_equal(path_here_find(path, &here), 0);
	assert_int_equal(here.count, DENTRY_DEPTH_MAX + 1);
}

/* Who may not look into a folder knows what is in it by its name alone. */
static void test_blind(void **state)
{
	struct path_here here;

	(void)state;
	if (geteuid() == 0 && seteuid(65534))
		skip();
	assert_int_equal(path_here_find("/root/x", &here), 0);
	if (geteuid() == 65534)
		assert_int_equal(seteuid(0), 0);
	if (!here.blind)		/* a host where everybody may */
		skip();
	assert_string_equal(here.path, "/root/x");
	assert_int_equal(here.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_blind),
	};

	return cmocka_run_group_tests_name("path_here", tests, begin, finish);
}
