/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "userspace/audit/executable.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void paths_are_put_together_by_their_names(void **state)
{
	static const struct {
		const char *executable, *folder, *path;
	} cases[] = {
		{ "./tool", "/work", "/work/tool" },
		{ "tool", "/work", "/work/tool" },
		{ "bin/tool", "/work/", "/work/bin/tool" },
		{ "../tool", "/work/sub", "/work/tool" },
		{ ".././/a/./../tool", "/work/sub", "/work/tool" },
		{ "../../../tool", "/work", "/tool" },
		{ "..tool", "/work", "/work/..tool" },
		{ "./tool", "/", "/tool" },
		{ "/opt/tool", "/work", "/opt/tool" },
		{ "/opt/tool", NULL, "/opt/tool" },
		{ "/opt/./x/..//tool", NULL, "/opt/tool" },
		{ "./tool", NULL, NULL },
		{ "./tool", "", NULL },
		{ "./tool", "work", NULL },
		{ "", "/work", NULL },
		{ ".", "/", NULL },
	};
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		strcpy(path, "untouched");
		assert_int_equal(executable_path(cases[i].executable, cases[i].folder, path), cases[i].path != NULL);
		assert_string_equal(path, cases[i].path ? cases[i].path : "untouched");
	}
}

static void what_is_too_long_has_no_path(void **state)
{
	char folder[PATH_MAX], path[PATH_MAX];

	(void)state;
	memset(folder, 'x', sizeof(folder));
	folder[0] = '/';
	folder[PATH_MAX - 2] = 0;
	assert_true(executable_path("./", folder, path));
	assert_true(executable_path("../t", folder, path));
	assert_false(executable_path("./t", folder, path));
	folder[PATH_MAX - 3] = 0;
	assert_false(executable_path("./tt", folder, path));
	assert_true(executable_path("./t", folder, path));
	assert_int_equal(strlen(path), PATH_MAX - 1);
}

static void names_tell_what_may_be_meant(void **state)
{
	static const struct {
		const char *executable, *path;
		bool may;
	} cases[] = {
		{ "./tool", "/work/tool", true },	{ "tool", "/tool", true },
		{ "../bin/tool", "/work/bin/tool", true }, { "bin/tool", "/work/tool", false },
		{ "./ool", "/work/tool", false },	{ "./tool2", "/work/tool", false },
		{ "/work/tool", "/work/tool", true },	{ "/tool", "/work/tool", false },
		{ "", "/work/tool", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(executable_may_be(cases[i].executable, cases[i].path), cases[i].may);
}

/* Notes a line that says it of the run, and returns what is known of it then. */
static const char *note(struct run_folders *folders, const char *run, const char *begin)
{
	struct audit_line line = { .run = run };
	json_t *root = json_loads(begin, 0, NULL);
	const char *folder;

	assert_non_null(root);
	line.begin = root;
	assert_int_equal(run_folders_note(folders, &line), 0);
	folder = run_folders_of(folders, &line);
	json_decref(root);
	return folder;
}

static void runs_have_the_folder_they_began_in(void **state)
{
	struct run_folders folders = { 0 };
	char run[16];

	(void)state;
	assert_null(note(&folders, "a", "{}"));
	assert_null(note(&folders, "a", "{\"directory\":\"relative\"}"));
	assert_null(note(&folders, "a", "{\"directory\":7}"));
	assert_string_equal(note(&folders, "a", "{\"directory\":\"/work\"}"), "/work");
	assert_string_equal(note(&folders, "b", "{\"directory\":\"/srv\"}"), "/srv");
	assert_string_equal(note(&folders, "c", "{\"directory\":\"/work\"}"), "/work");
	assert_string_equal(note(&folders, "a", "{\"directory\":\"/other\"}"), "/work");
	for (int i = 3; i < RUN_FOLDERS_MAX; i++) {
		snprintf(run, sizeof(run), "%d", i);
		assert_string_equal(note(&folders, run, "{\"directory\":\"/srv\"}"), "/srv");
	}
	assert_null(note(&folders, "more", "{\"directory\":\"/srv\"}"));
	assert_string_equal(note(&folders, "b", "{}"), "/srv");
	run_folders_free(&folders);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_put_together_by_their_names),
		cmocka_unit_test(what_is_too_long_has_no_path),
		cmocka_unit_test(names_tell_what_may_be_meant),
		cmocka_unit_test(runs_have_the_folder_they_began_in),
	};

	return cmocka_run_group_tests_name("executable", tests, NULL, NULL);
}
