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

#include "../../policy/image.h"
#include "../audit/services.h"
#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../fence/fence.h"
#include "../fence/hooks.h"
#include "../policies/faulty.h"
#include "../runs/runs.h"
#include "../upkeep/fence_up.h"
#include "../upkeep/liveness.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

const struct verb status_verb = {
	.name = "status",
	.arguments = "[--json]",
	.help = "Shows who loaded the fence and when, whether it holds, which hooks it is on and what the others\n"
		"leave open, who collects its records, what was lost, the policies in force, the files in\n"
		PATH_POLICIES " that are not in force as they stand, what was reached\n"
		"for by service, and the runs with their counts (ringfence runs tells more). The daemon has the\n"
		"fence probed every second.\n\n"
		"The kernel counts by run. Counts by service are those of this boot's lines in the last 16 MiB of\n"
		PATH_LOG "; status says at which line they begin.\n\n"
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
		json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:s, s:s, s:I, s:i, s:i, s:i}",
			"tag", header.tag, "slot", slot,
			"mode", header.mode == MODE_ENFORCE ? "enforce" : "audit",
			"record", image_recording(&header, MODE_POLICY),
			"on_log_failure", header.deny_unrecorded ? "deny" : "continue",
			"generation", (json_int_t)header.generation,
			"rules", header.rules_said,
			"entries", header.enter_execs.count + header.enter_cgroups.count,
			"bytes", header.size));
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

static void read_boot_id(char *ret_id, size_t size)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	ret_id[0] = 0;
	if (file && fgets(ret_id, (int)size, file))
		ret_id[strcspn(ret_id, "\n")] = 0;
	if (file)
		fclose(file);
}

/* Sets "services" and "services_since" of @status. */
static void describe_services(json_t *status)
{
	struct services *services = calloc(1, sizeof(*services));
	json_t *list = json_array();
	char boot[64];

	read_boot_id(boot, sizeof(boot));
	if (services && !services_count(PATH_LOG, boot, services))
		for (size_t i = 0; i < services->count; i++) {
			const struct service *service = &services->list[i];
			const uint64_t *counts = service->counts;

			json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I}",
				"service", service->name,
				"denied", (json_int_t)counts[SERVICE_DENIED],
				"would_deny", (json_int_t)counts[SERVICE_WOULD_DENY],
				"audited", (json_int_t)counts[SERVICE_AUDITED],
				"allowed", (json_int_t)counts[SERVICE_ALLOWED]));
		}
	json_object_set_new(status, "services", list);
	json_object_set_new(status, "services_since", services && *services->since ?
			    json_string(services->since) : json_null());
	free(services);
}

static void write_time(uint64_t ns, char *ret_text, size_t size)
{
	time_t time = ns / 1000000000;
	struct tm tm;

	strftime(ret_text, size, "%FT%TZ", gmtime_r(&time, &tm));
}

static json_t *describe(const struct fence *fence)
{
	json_t *status, *runs = runs_describe(fence);
	int fault = fence_log_fault(fence);
	struct losses losses = {};
	struct about about = {};
	char loaded[32], since[32];

	fence_about(fence, &about);
	fence_losses(fence, &losses);
	write_time(about.loaded_ns, loaded, sizeof(loaded));
	write_time(fence_since(fence), since, sizeof(since));
	status = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:I, s:o, s:b, s:i, s:o, s:{s:I, s:I, s:I, s:I}, s:o, s:o, s:o}",
			   "release", about.release, "build", about.build, "build_here", fence_build(),
			   "since", since, "loaded", loaded, "loader", about.pid,
			   "faults", describe_faults(fence),
			   "probe_age_s", (json_int_t)liveness_probe_age(&about),
			   "hooks", describe_hooks(fence),
			   "collected", collected(), "daemon", fence_watcher(fence),
			   "log_fault", fault ? json_string(strerror(-fault)) : json_null(),
			   "lost", "decisions", (json_int_t)losses.decisions,
			   "lineage", (json_int_t)losses.lineage,
			   "entries", (json_int_t)losses.entries,
			   "unrecorded", (json_int_t)losses.unrecorded,
			   "policies", describe_policies(fence), "faulty_policies", faulty_describe(),
			   "runs", runs ?: json_array());
	if (status)
		describe_services(status);
	return status;
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

	long long age = number(status, "probe_age_s");

	if (holds(status))
		printf("holds     yes: the probe was denied at every hook, %lld s ago\n", age);
	json_array_foreach(json_object_get(status, "faults"), i, each)
		printf("holds     NO: %s: %s\n          %s\n", text(each, "topic"),
		       text(each, "text"), text(each, "remedy"));
	if (!holds(status) && age >= 0)
		printf("          the last probe was %lld s ago\n", age);
	printf("hooks     %zu of %zu%s\n", live, live + json_array_size(missing),
	       json_array_size(missing) ? "; this kernel lacks" : "");
	json_array_foreach(missing, i, each)
		printf("          %s, which leaves open: %s\n", text(each, "hook"), text(each, "open"));
}

static void print_collector(const json_t *status)
{
	long long daemon = number(status, "daemon");

	if (!json_is_true(json_object_get(status, "collected")))
		puts("collector none: records wait in the kernel for the next run or daemon");
	else if (daemon)
		printf("collector the daemon (pid %lld), into " PATH_LOG "\n", daemon);
	else
		puts("collector a run, into " PATH_LOG "; no daemon");
	if (text(status, "log_fault"))
		printf("log       FAILING: " PATH_LOG ": %s; records wait in the kernel\n",
		       text(status, "log_fault"));
}

static void print_services(const json_t *status)
{
	static const char *const keys[] = { "denied", "would_deny", "audited", "allowed" };
	static const char *const words[] = { "denied", "would have been denied", "audited", "allowed" };
	const char *since = text(status, "services_since");
	json_t *each;
	size_t i;

	json_array_foreach(json_object_get(status, "services"), i, each) {
		const char *between = ":";

		printf("service   %s", *text(each, "service") ? text(each, "service") : "(no service)");
		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
			if (number(each, keys[k])) {
				printf("%s %lld %s", between, number(each, keys[k]), words[k]);
				between = ",";
			}
		putchar('\n');
	}
	if (since)
		printf("          since %.19sZ, by the audit log\n", since);
}

/* Those that are loaded may have taken the place of others, and may not be of this build. */
static void print_programs(const json_t *status)
{
	const char *loaded = text(status, "loaded"), *since = text(status, "since");

	printf("fence     loaded %s by ringfence %s (pid %lld)\n", loaded, text(status, "release"),
	       number(status, "loader"));
	if (strcmp(loaded, since))
		printf("          in place of other programs: up without a gap since %s\n", since);
	if (strcmp(text(status, "build"), text(status, "build_here")))
		printf("          of build %s, and this ringfence is of %s\n"
		       "          ringfence load --replace, or a restart of ringfence.service, hands it over\n",
		       text(status, "build"), text(status, "build_here"));
}

/* What such a run was denied was only recorded. */
static bool is_audit(const json_t *run)
{
	return text(run, "mode") && !strcmp(text(run, "mode"), "audit");
}

static void print(const json_t *status)
{
	const json_t *lost = json_object_get(status, "lost");
	json_t *each;
	size_t i;

	print_programs(status);
	print_liveness(status);
	print_collector(status);
	printf("lost      %lld records, %lld process events since the fence was up", number(lost, "decisions"),
	       number(lost, "lineage"));
	if (number(lost, "unrecorded"))
		printf("; %lld accesses denied for that", number(lost, "unrecorded"));
	putchar('\n');
	if (number(lost, "entries"))
		printf("          %lld processes or control groups that should have begun a run did not\n",
		       number(lost, "entries"));
	json_array_foreach(json_object_get(status, "policies"), i, each)
		printf("policy    %s: %s mode, records %s, generation %lld, %lld rules, %lld entries, "
		       "%lld KiB%s\n", text(each, "tag"), text(each, "mode"), text(each, "record"),
		       number(each, "generation"), number(each, "rules"), number(each, "entries"),
		       number(each, "bytes") / 1024,
		       !strcmp(text(each, "on_log_failure"), "deny") ? "; denies what cannot be recorded" : "");
	json_array_foreach(json_object_get(status, "faulty_policies"), i, each)
		printf("faulty    %s\n          %s\n", text(each, "fault"), text(each, "instead"));
	print_services(status);
	json_array_foreach(json_object_get(status, "runs"), i, each) {
		printf("run       %s: %s%lld %s, %lld audited, %lld allowed (and repeated %lld times), "
		       "%lld forks refused; %lld records submitted, %lld logged, %lld lost", text(each, "run"),
		       json_is_true(json_object_get(each, "released")) ? "released; " : "",
		       number(each, "denied"), is_audit(each) ? "would have been denied" : "denied",
		       number(each, "audited"), number(each, "allowed"),
		       number(each, "repeated"), number(each, "refused_forks"), number(each, "submitted"),
		       number(each, "logged"), number(each, "lost"));
		if (number(each, "unrecorded"))
			printf(", %lld accesses denied for that", number(each, "unrecorded"));
		putchar('\n');
	}
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
	fence_tell_view();
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
