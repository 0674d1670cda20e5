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

/* The suites behind each verb, in their order. */
static const struct suite {
	const char *name;
	const struct test *tests;
} run_suites[] = {
	{ "run", run_tests },
	{},
}, shared_suites[] = {
	{ "shared", shared_tests },
	{ "release", release_tests },
	{},
}, late_suites[] = {
	{ "alias", alias_tests },
	{ "swap", swap_tests },
	{ "enter", enter_tests },
	{ "pids", pids_tests },
	{ "late", late_tests },
	{},
}, host_suites[] = {
	{ "notes", notes_tests },
	{ "record", record_tests },
	{ "waiver", waiver_tests },
	{ "gate", gate_tests },
	{ "handover", handover_tests },
	{ "log", log_tests },
	{},
}, anew_suites[] = {
	{ "anew", anew_tests },
	{},
}, down_suites[] = {
	{ "liveness", liveness_tests },
	{ "unload", unload_tests },
	{},
};

/* All of them, or the one that is named: for whoever works on it. */
static int suites_main(const struct suite *suites, const char *only)
{
	int failed = 0;

	for (; suites->name; suites++)
		if (!only || !strcmp(only, suites->name))
			failed |= tests_main(suites->name, suites->tests);
	return failed;
}

#define SUITES_MAIN(verb) \
static int verb##_main(int argc, char **argv) \
{ \
	return suites_main(verb##_suites, argc > 2 ? argv[2] : NULL); \
}

SUITES_MAIN(run)
SUITES_MAIN(shared)
SUITES_MAIN(late)
SUITES_MAIN(host)
SUITES_MAIN(anew)
SUITES_MAIN(down)

static void suites_plan(const struct suite *suites)
{
	for (; suites->name; suites++)
		for (const struct test *test = suites->tests; test->name; test++)
			printf("%s/%s\n", suites->name, test->name);
}

/* hooks plan rounds|run|shared|host: the name of every test there, one a line: what a guest that died owes. */
static int plan_main(int argc, char **argv)
{
	const char *part = argc > 2 ? argv[2] : "";

	if (!strcmp(part, "rounds")) {
		rounds_plan(argv + 3);
	} else if (!strcmp(part, "run")) {
		suites_plan(run_suites);
	} else if (!strcmp(part, "shared")) {
		suites_plan(shared_suites);
		suites_plan(late_suites);
		suites_plan(down_suites);
	} else if (!strcmp(part, "host")) {
		suites_plan(host_suites);
		suites_plan(anew_suites);
	} else {
		return 2;
	}
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
	{ "host", host_main },
	{ "anew", anew_main },
	{ "down", down_main },
	{ "ranges", ranges_main },
	{ "sample", sample_main },
	{ "big", big_main },
	{ "actor", actor_main },
	{ "again", again_main },
	{ "alias", alias_main },
	{ "copy", copy_main },
	{ "keep", keep_main },
	{ "mark", mark_main },
	{ "mark-script", mark_script_main },
	{ "attempt", attempt_main },
	{ "step", step_main },
	{ "enter", enter_main },
	{ "burst", burst_main },
	{ "family", family_main },
	{ "in-pids", in_pids_main },
	{ "beside", beside_main },
	{ "as-number", as_number_main },
	{ "as-user", as_user_main },
	{ "gate-ask", gate_ask_main },
	{ "reach-local", reach_local_main },
	{ "forking", forking_main },
	{ "deeds", deeds_main },
	{ "record-nothing", record_nothing_main },
	{ "onslaught", onslaught_main },
	{ "ring", ring_main },
	{ "open-long-path", open_long_path_main },
	{ "open-recorded", open_recorded_main },
	{ "list-fds", list_fds_main },
	{ "ranges-actor", ranges_actor_main },
	{ "reach", reach_main },
	{ "reach-on", reach_on_main },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc, argv);
	fprintf(stderr, "usage: hooks plan|rounds|run|shared|late|host|anew|down|ranges|sample|big\n");
	return 2;
}
