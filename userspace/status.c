/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence status: the loaded fence on one screen.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/file.h>
#include <unistd.h>

#include "fence.h"
#include "fence_up.h"
#include "locations.h"
#include "options.h"
#include "run_id.h"
#include "say.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

static const struct verb verb = {
	.name = "status",
	.arguments = "[--json]",
	.help = "Shows who loaded the fence and when, whether somebody collects its records, the policies in\n"
		"force, the open runs with their counts, and what was lost.\n\n"
		"Exit status: 0 when the fence is loaded, 1 when it is not.",
	.options = options,
};

/* Whether a process holds the collector's lock. */
static bool collected(void)
{
	int lock = path_lock(PATH_COLLECTOR, LOCK_EX | LOCK_NB);

	if (lock >= 0)
		close(lock);
	return lock == -EWOULDBLOCK;
}

static json_t *describe_policies(const struct fence *fence)
{
	json_t *list = json_array();

	for (uint32_t slot = 1; slot < POLICY_SLOTS; slot++) {
		struct ruleset header;

		if (fence_get_header(fence, slot, &header))
			break;
		json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:I, s:i, s:i}",
			"tag", header.tag, "slot", slot,
			"mode", header.mode == MODE_ENFORCE ? "enforce" : "audit",
			"generation", (json_int_t)header.generation,
			"rules", header.rules_said, "bytes", header.size));
	}
	return list;
}

static json_t *describe_runs(const struct fence *fence)
{
	json_t *list = json_array();
	uint64_t run, *last = NULL, logged;
	struct run account;

	while (!fence_next_run(fence, last, &run)) {
		char name[RUN_NAME_SIZE];

		last = &run;
		if (fence_get_run(fence, run, &account, &logged) || account.flags & TAG_PROBE)
			continue;
		json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I}",
			"run", run_id_name(run, name), "policy", account.policy,
			"launcher", account.pid,
			"denied", (json_int_t)account.denied, "audited", (json_int_t)account.audited,
			"submitted", (json_int_t)account.submitted, "logged", (json_int_t)logged,
			"lost", (json_int_t)account.lost,
			"refused_forks", (json_int_t)account.refused_forks));
	}
	return list;
}

static json_t *describe(const struct fence *fence)
{
	struct losses losses = {};
	struct about about = {};
	char loaded[32] = "";
	struct tm tm;
	time_t time;

	fence_about(fence, &about);
	fence_losses(fence, &losses);
	time = about.loaded_ns / 1000000000;
	strftime(loaded, sizeof(loaded), "%FT%TZ", gmtime_r(&time, &tm));
	return json_pack("{s:s, s:s, s:i, s:b, s:{s:I, s:I}, s:o, s:o}",
			 "release", about.release, "loaded", loaded, "loader", about.pid,
			 "collected", collected(),
			 "lost", "decisions", (json_int_t)losses.decisions,
			 "lineage", (json_int_t)losses.lineage,
			 "policies", describe_policies(fence), "runs", describe_runs(fence));
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print(const json_t *status)
{
	const json_t *lost = json_object_get(status, "lost");
	json_t *each;
	size_t i;

	printf("fence     loaded %s by ringfence %s (pid %lld)\n", text(status, "loaded"),
	       text(status, "release"), number(status, "loader"));
	printf("collector %s\n", json_is_true(json_object_get(status, "collected")) ?
	       "running, into " PATH_LOG : "none: records wait in the kernel for the next run or daemon");
	printf("lost      %lld records, %lld process events since it was loaded\n",
	       number(lost, "decisions"), number(lost, "lineage"));
	json_array_foreach(json_object_get(status, "policies"), i, each)
		printf("policy    %s: %s mode, generation %lld, %lld rules, %lld KiB\n",
		       text(each, "tag"), text(each, "mode"), number(each, "generation"),
		       number(each, "rules"), number(each, "bytes") / 1024);
	json_array_foreach(json_object_get(status, "runs"), i, each)
		printf("run       %s: %lld denied, %lld audited, %lld forks refused; "
		       "%lld records submitted, %lld logged, %lld lost\n",
		       text(each, "run"), number(each, "denied"), number(each, "audited"),
		       number(each, "refused_forks"), number(each, "submitted"),
		       number(each, "logged"), number(each, "lost"));
}

int status_main(int argc, char **argv)
{
	struct fence *fence = NULL;
	int id, json = 0;
	json_t *status;

	while ((id = verb_next(&verb, argc, argv)) != VERB_END) {
		if (id != 'j')
			return 1;
		json = 1;
	}
	if (optind != argc)
		return verb_misused(&verb, "%s: no argument expected", argv[optind]), 1;
	if (fence_open_told(&fence))
		return 1;
	status = describe(fence);
	fence_close(fence);
	if (!status) {
		say("out of memory");
		return 1;
	}
	if (json) {
		json_dumpf(status, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print(status);
	}
	json_decref(status);
	return 0;
}
