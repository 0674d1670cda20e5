/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence doctor: can this host hold a fence? Ends with the only proof there is: a denied probe.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../audit/collector.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../base/term.h"
#include "../fence/fence.h"
#include "../fence/hooks.h"
#include "../host/host.h"
#include "../host/host_setup.h"
#include "../upkeep/probe.h"
#include "verbs.h"

enum {
	EXIT_FAILS = 1,
	EXIT_WARNINGS = 2,
};

static const struct verb_option options[] = {
	{ 'j', "json", NULL, "print a JSON array; \"severity\" is ok, note, warn or fail" },
	{ 'v', "verbose", NULL, "where something fails, also what the kernel said about the programs" },
	{},
};

const struct verb doctor_verb = {
	.name = "doctor",
	.arguments = "[--json] [--verbose]",
	.help = "Looks whether this host can hold a fence: kernel, LSM list, ftrace, BTF, bpffs,\n"
		"capabilities, and which hooks the kernel has, with what the others leave open; then loads a\n"
		"fence of its own for a moment and walks a probe into every hook. Then whether the host is set\n"
		"up to have one from boot on: service, boot loader, policies, log, clock. Each line that is\n"
		"not \"ok\" says what to do: FAIL where there can be no fence, or others than root could\n"
		"change what it denies; warn for what should be seen to; note for the rest, among it what is\n"
		"missing from a host that has no enabled service, and so has fences for single runs only.\n\n"
		"Exit status: 0 when nothing is worse than a note, 1 when something is FAIL, 2 when the worst\n"
		"is warn.",
	.options = options,
	.colored = true,
};

/* Which hooks this kernel has, and what those leave open that it has not. */
static void examine_hooks(struct finding *finding)
{
	bool present[HOOK_COUNT] = {};
	int err = fence_kernel_hooks(present);
	size_t size = sizeof(finding->text), used = 0, count = 0;

	finding->topic = "hooks";
	finding->ok = !err;
	if (err) {
		snprintf(finding->text, size, "cannot be told: %s", strerror(-err));
		snprintf(finding->remedy, sizeof(finding->remedy), "see btf above");
		return;
	}
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		count += present[hook];
	used = snprintf(finding->text, size, "%zu of %d", count, HOOK_COUNT);
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (!present[hook] && used < size)
			used += snprintf(finding->text + used, size - used,
					 "; without %s, which leaves open: %s", hook_name(hook),
					 hook_opening(hook));
}

/* Programs loaded, and denied. A fence of our own, so that it needs no loaded one and changes
 * none. */
static void examine_fence(struct finding *programs, struct finding *probe, bool verbose)
{
	struct collector *collector = NULL;
	struct probe_result result = {};
	struct fence *fence = NULL;
	char names[128], foreign[128];
	int err = fence_load(&fence);

	programs->topic = "programs";
	probe->topic = "probe";
	if (err) {
		host_explain_load(err, programs);
		if (verbose && *fence_log())
			snprintf(programs->remedy, sizeof(programs->remedy), "what the kernel said stands below");
		snprintf(probe->text, sizeof(probe->text), "not run");
		snprintf(probe->remedy, sizeof(probe->remedy), "mend what stands above");
		return;
	}
	programs->ok = true;
	snprintf(programs->text, sizeof(programs->text), "loaded and attached");
	err = probe_install(fence) ?: collector_open(fence, "/dev/null", false, &collector) ?:
		probe_fence(fence, collector, &result);
	probe->ok = !err && probe_passed(&result);
	probe_missed(&result, names, sizeof(names));
	probe_foreign(&result, foreign, sizeof(foreign));
	if (err)
		snprintf(probe->text, sizeof(probe->text), "cannot be run: %s", strerror(-err));
	else if (probe->ok)
		snprintf(probe->text, sizeof(probe->text), "denied at every hook, and recorded%s%s",
			 *foreign ? "; not provable here, since something else refuses before: " : "",
			 foreign);
	else if (*names)
		snprintf(probe->text, sizeof(probe->text), "not denied at %s", names);
	else
		snprintf(probe->text, sizeof(probe->text), "denied, but its records did not arrive");
	if (!probe->ok)
		snprintf(probe->remedy, sizeof(probe->remedy),
			 "see lsm and ftrace above");
	collector_close(collector);
	fence_close(fence);
}

/* Whose programs are loaded. @finding is filled where there are any. */
static bool examine_loaded(struct finding *finding)
{
	struct about about = {};
	int err = fence_other_about(&about);

	if (err)
		return false;		/* a single run needs no loaded fence; status tells more */
	finding->topic = "loaded";
	finding->ok = about.version == ABI_VERSION &&
		!strncmp(about.build, fence_build(), sizeof(about.build));
	finding->severity = SEVERITY_WARN;
	snprintf(finding->text, sizeof(finding->text), "a fence of ringfence %.*s%s", (int)sizeof(about.release),
		 about.release, finding->ok ? "" : about.version == ABI_VERSION ? ", of another build" :
		 ", whose maps this one cannot use: it enforces, and its records are not collected by this one");
	if (!finding->ok)
		snprintf(finding->remedy, sizeof(finding->remedy), "ringfence load --replace, or restart "
			 SETUP_UNIT "; ringfence load --replace --dry-run tells what is in the way");
	return true;
}

static bool passable(const struct finding *finding)
{
	return finding->ok || finding->severity == SEVERITY_NOTE;
}

/* FAIL is written large for people. */
static const char *severity_name(const struct finding *finding, bool large)
{
	const char *const names[] = {
		[SEVERITY_FAIL] = large ? "FAIL" : "fail",
		[SEVERITY_WARN] = "warn",
		[SEVERITY_NOTE] = "note",
	};

	return finding->ok ? "ok" : names[finding->severity];
}

/* "ok" there means what it has always meant: with true everywhere, the exit status is 0. */
static void print_json(const struct finding *findings, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s, s:s, s:s}",
			"topic", findings[i].topic, "ok", passable(&findings[i]),
			"severity", severity_name(&findings[i], false),
			"text", findings[i].text, "remedy", findings[i].remedy));
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}

static void print_table(const struct finding *findings, size_t count)
{
	const struct term_style *style = verb_style(stdout);
	const char *const colors[] = {
		[SEVERITY_FAIL] = style->bad,
		[SEVERITY_WARN] = style->warn,
		[SEVERITY_NOTE] = style->dim,
	};

	for (size_t i = 0; i < count; i++) {
		printf("%s%-4s%s  %-12s  %s\n",
		       findings[i].ok ? style->good : colors[findings[i].severity],
		       severity_name(&findings[i], true), style->reset, findings[i].topic,
		       findings[i].text);
		if (!findings[i].ok)
			printf("      %-12s  %s\n", "", findings[i].remedy);
	}
}

/* The worst of them. */
static int exit_of(const struct finding *findings, size_t count)
{
	int status = 0;

	for (size_t i = 0; i < count; i++) {
		if (!findings[i].ok && findings[i].severity == SEVERITY_FAIL)
			return EXIT_FAILS;
		if (!findings[i].ok && findings[i].severity == SEVERITY_WARN)
			status = EXIT_WARNINGS;
	}
	return status;
}

int doctor_main(int argc, char **argv)
{
	struct finding findings[FINDINGS_MAX + 4 + SETUP_FINDINGS] = {};
	int id, status, json = 0, verbose = 0;
	size_t count;

	while ((id = verb_next(&doctor_verb, argc, argv)) != VERB_END) {
		if (id == VERB_BAD)
			return 1;
		json |= id == 'j';
		verbose |= id == 'v';
	}
	if (optind != argc)
		return verb_misused(&doctor_verb, "%s: no argument expected", argv[optind]), 1;
	count = host_examine(findings);
	examine_hooks(&findings[count++]);
	if (host_capable()) {
		examine_fence(&findings[count], &findings[count + 1], verbose);
		count += 2;
		count += examine_loaded(&findings[count]);
	}
	setup_examine("", 0, &findings[count]);
	count += SETUP_FINDINGS;
	if (json)
		print_json(findings, count);
	else
		print_table(findings, count);
	status = exit_of(findings, count);
	if (verbose && status == EXIT_FAILS)
		fprintf(stderr, "%s", fence_log());
	return status;
}
