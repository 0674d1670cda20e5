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
#include "hooks.h"
#include "liveness.h"
#include "locations.h"
#include "options.h"
#include "run_id.h"
#include "say.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

const struct verb status_verb = {
	.name = "status",
	.arguments = "[--json]",
	.help = "Shows who loaded the fence and when, whether it holds, which hooks it is on and what the others\n"
		"leave open, whether somebody collects its records, the policies in force, the open runs with\n"
		"their counts, and what was lost. The daemon has the fence probed every second.\n\n"
		"Exit status: 0 when the fence is loaded and holds, 1 when it does not.",
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

static json_t *describe_faults(const struct fence *fence)
{
	struct finding faults[LIVENESS_FAULTS_MAX];
	size_t count = liveness_examine(fence, faults);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "topic", faults[i].topic,
						      "text", faults[i].text,
						      "remedy", faults[i].remedy));
	return list;
}

static json_t *describe_hooks(const struct fence *fence)
{
	json_t *live = json_array(), *missing = json_array();
	bool attached[HOOK_COUNT];

	fence_hooks(fence, attached);
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (attached[hook])
			json_array_append_new(live, json_string(hook_name(hook)));
		else
			json_array_append_new(missing, json_pack("{s:s, s:s}", "hook",
				hook_name(hook), "open", hook_opening(hook)));
	return json_pack("{s:o, s:o}", "live", live, "missing", missing);
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
	return json_pack("{s:s, s:s, s:i, s:o, s:I, s:o, s:b, s:{s:I, s:I}, s:o, s:o}",
			 "release", about.release, "loaded", loaded, "loader", about.pid,
			 "faults", describe_faults(fence),
			 "probe_age_s", (json_int_t)liveness_probe_age(&about),
			 "hooks", describe_hooks(fence),
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

static bool holds(const json_t *status)
{
	return !json_array_size(json_object_get(status, "faults"));
}

static void print_liveness(const json_t *status)
{
	const json_t *hooks = json_object_get(status, "hooks"), *each;
	const json_t *missing = json_object_get(hooks, "missing");
	size_t i, live = json_array_size(json_object_get(hooks, "live"));

	if (holds(status))
		printf("holds     yes: the probe was denied at every hook, %lld s ago\n",
		       number(status, "probe_age_s"));
	json_array_foreach(json_object_get(status, "faults"), i, each)
		printf("holds     NO: %s: %s\n          %s\n", text(each, "topic"),
		       text(each, "text"), text(each, "remedy"));
	printf("hooks     %zu of %zu%s\n", live, live + json_array_size(missing),
	       json_array_size(missing) ? "; this kernel lacks" : "");
	json_array_foreach(missing, i, each)
		printf("          %s, which leaves open: %s\n", text(each, "hook"), text(each, "open"));
}

static void print(const json_t *status)
{
	const json_t *lost = json_object_get(status, "lost");
	json_t *each;
	size_t i;

	printf("fence     loaded %s by ringfence %s (pid %lld)\n", text(status, "loaded"),
	       text(status, "release"), number(status, "loader"));
	print_liveness(status);
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
	int id, failed, json = 0;
	json_t *status;

	while ((id = verb_next(&status_verb, argc, argv)) != VERB_END) {
		if (id != 'j')
			return 1;
		json = 1;
	}
	if (optind != argc)
		return verb_misused(&status_verb, "%s: no argument expected", argv[optind]), 1;
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
	failed = !holds(status);
	json_decref(status);
	return failed;
}
