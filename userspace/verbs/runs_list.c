/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence runs: the runs that have an account on the loaded fence.
 */
#include <stdio.h>
#include <unistd.h>

#include "../base/options.h"
#include "../base/say.h"
#include "../runs/runs.h"
#include "../upkeep/fence_up.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 'j', "json", NULL, "print a JSON array" },
	{},
};

const struct verb runs_verb = {
	.name = "runs",
	.arguments = "[--json]",
	.help = "Shows the runs that have an account on the loaded fence, the oldest first: their tag, when they\n"
		"began, their launcher, how many tasks are tagged, what they were denied (in audit mode: would\n"
		"have been), what was recorded of what they were allowed, and how often they did that again\n"
		"(record in ringfence-policy(5)). A run keeps its account until its launcher ends; that of\n"
		"ringfence tag, or of a launcher that was killed, until the place is needed. In a pid name space of its\n"
		"own, as in a container, the tasks are those that are in it, and of a run that has none there and\n"
		"no launcher nothing is known.\n\n"
		"Exit status: 0, also when there are none; 1 when no fence is loaded.",
	.options = options,
};

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *state(const json_t *run)
{
	if (json_is_true(json_object_get(run, "released")))
		return "released";
	if (number(run, "tasks"))
		return "fenced";
	if (json_is_null(json_object_get(run, "launcher_alive")))
		return "unseen";
	return json_is_true(json_object_get(run, "launcher_alive")) ? "idle" : "over";
}

static void print(const json_t *runs)
{
	const json_t *run;
	char launcher[32];
	size_t i;

	if (json_array_size(runs))
		printf("%-22s  %-8s  %-7s  %-20s  %-13s  %6s  %8s  %8s  %8s  %8s  %6s  %s\n", "RUN", "STATE",
		       "MODE", "STARTED", "LAUNCHER", "TASKS", "DENIED", "AUDITED", "ALLOWED", "REPEATED", "LOST", "TAG");
	json_array_foreach(runs, i, run) {
		snprintf(launcher, sizeof(launcher), "%lld%s", number(run, "launcher"),
			 json_is_false(json_object_get(run, "launcher_alive")) ? " ended" : "");
		printf("%-22s  %-8s  %-7s  %-20s  %-13s  %6lld  %8lld  %8lld  %8lld  %8lld  %6lld  %s\n",
		       text(run, "run"), state(run), text(run, "mode") ?: "-", text(run, "started"), launcher, number(run, "tasks"),
		       number(run, "denied"), number(run, "audited"), number(run, "allowed"),
		       number(run, "repeated"), number(run, "lost"), text(run, "tag"));
	}
}

int runs_main(int argc, char **argv)
{
	struct fence *fence = NULL;
	int id, json = 0;
	json_t *runs;

	while ((id = verb_next(&runs_verb, argc, argv)) != VERB_END) {
		if (id != 'j')
			return 1;
		json = 1;
	}
	if (optind != argc)
		return verb_misused(&runs_verb, "%s: no argument expected", argv[optind]), 1;
	if (fence_open_told(&fence))
		return 1;
	fence_tell_view();
	runs = runs_describe(fence);
	fence_close(fence);
	if (!runs) {
		say("cannot list the tagged tasks");
		return 1;
	}
	if (json) {
		json_dumpf(runs, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print(runs);
	}
	json_decref(runs);
	return 0;
}
