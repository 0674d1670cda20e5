/* SPDX-License-Identifier: BSD-2-Clause */
/* Which words of a command line are runs, and which logs: the same for all verbs that read the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "userspace/base/locations.h"
#include "userspace/verbs/logs.h"
#include "userspace/verbs/verbs.h"

#define RUN "20270331-142355-9f03ac"
#define OTHER "20270401-080000-000001"

static struct logs logs;
static char told[4096];

/* What is said on stderr meanwhile comes into `told`. */
static int take(size_t runs_max, const char *const *words)
{
	const char *argv[16] = { "report" };
	int argc = 1, result, saved = dup(STDERR_FILENO), file = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	assert_true(saved >= 0 && file >= 0);
	while (*words)
		argv[argc++] = *words++;
	logs = (struct logs){ 0 };
	optind = 1;
	dup2(file, STDERR_FILENO);
	result = logs_end(&logs, &report_verb, argc, (char **)argv, runs_max);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	memset(told, 0, sizeof(told));
	assert_true(pread(file, told, sizeof(told) - 1, 0) >= 0);
	close(saved);
	close(file);
	return result;
}

#define TAKE(runs_max, ...) take(runs_max, (const char *const[]){ __VA_ARGS__, NULL })

static void tells_runs_and_logs_apart(void **state)
{
	(void)state;
	assert_int_equal(TAKE(2, "a.jsonl", RUN, "./b", OTHER, "/nowhere/c.jsonl.gz"), 0);
	assert_int_equal(logs.run_count, 2);
	assert_string_equal(logs.runs[0], RUN);
	assert_string_equal(logs.runs[1], OTHER);
	assert_int_equal(logs.count, 3);
	assert_string_equal(logs.paths[0], "a.jsonl");
	assert_string_equal(logs.paths[1], "./b");
	assert_string_equal(logs.paths[2], "/nowhere/c.jsonl.gz");
	/* Without a log it is the host's. */
	assert_int_equal(TAKE(1, RUN), 0);
	assert_int_equal(logs.count, 1);
	assert_string_equal(logs.paths[0], PATH_LOG);
	/* A file of any name is one, if it is there. */
	assert_int_equal(chdir("/proc"), 0);
	assert_int_equal(TAKE(1, "uptime"), 0);
	assert_string_equal(logs.paths[0], "uptime");
}

static void tells_what_is_neither(void **state)
{
	(void)state;
	assert_int_equal(TAKE(2, "20270331-142355-9f03a"), VERB_BAD);
	assert_non_null(strstr(told, "\"20270331-142355-9f03a\" is not the name of a run (they look like " RUN
			       "), and there is no log of this name"));
	assert_int_equal(TAKE(1, RUN, OTHER), VERB_BAD);
	assert_non_null(strstr(told, "at most 1 run: " OTHER));
}

static void names_of_logs(void **state)
{
	(void)state;
	assert_true(logs_is_name("a.jsonl"));
	assert_true(logs_is_name("/x/a.jsonl.gz"));
	assert_false(logs_is_name("a.json"));
	assert_false(logs_is_name(".jsonl"));
	assert_false(logs_is_name("a.gz"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_runs_and_logs_apart),
		cmocka_unit_test(tells_what_is_neither),
		cmocka_unit_test(names_of_logs),
	};

	return cmocka_run_group_tests_name("logs", tests, NULL, NULL);
}
