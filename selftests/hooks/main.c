/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hooks: the enforcement tests. hooks.h says what is where.
 */
#include <string.h>

#include "hooks.h"

static int tests_main(const char *suite, const struct test *tests)
{
	int failed = 0;

	for (; tests->name; tests++) {
		struct why why = {};
		bool ok = tests->run(&why);

		tests_print(suite, tests->name, &why, ok);
		failed += !ok;
	}
	return failed != 0;
}

static int run_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return tests_main("run", run_tests);
}

static int late_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return tests_main("late", late_tests);
}

static int down_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return tests_main("shared", down_tests);
}

static int shared_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return tests_main("shared", shared_tests);
}

/* The name of every test, one a line: what a guest that died owes. */
static int plan_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	rounds_plan();
	for (const struct test *test = run_tests; test->name; test++)
		printf("run/%s\n", test->name);
	for (const struct test *test = shared_tests; test->name; test++)
		printf("shared/%s\n", test->name);
	for (const struct test *test = late_tests; test->name; test++)
		printf("late/%s\n", test->name);
	for (const struct test *test = down_tests; test->name; test++)
		printf("shared/%s\n", test->name);
	return 0;
}

/* First the verbs of selftests/guest-tests and in-guest, then what the tests themselves start. */
static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "plan", plan_main },
	{ "classes", classes_main },
	{ "rounds", rounds_main },
	{ "run", run_main },
	{ "shared", shared_main },
	{ "late", late_main },
	{ "down", down_main },
	{ "ranges", ranges_main },
	{ "sample", sample_main },
	{ "big", big_main },
	{ "actor", actor_main },
	{ "again", again_main },
	{ "mark", mark_main },
	{ "mark-script", mark_script_main },
	{ "attempt", attempt_main },
	{ "step", step_main },
	{ "burst", burst_main },
	{ "family", family_main },
	{ "ring", ring_main },
	{ "open-long-path", open_long_path_main },
	{ "ranges-actor", ranges_actor_main },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc, argv);
	fprintf(stderr, "usage: hooks plan|rounds|run|shared|late|down|ranges|sample|big\n");
	return 2;
}
