/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waivers: one program reaches what a rule denies, until a day is over. On the loaded fence.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attempts.h"

#define POLICY	  WORK "/waiver.yaml"
#define FOLDER	  WORK "/waiver"
#define PROGRAM	  FOLDER "/sync"
#define BROKEN	  FOLDER "/broken"	/* waived as well; it cannot be executed */
#define COPIED	  FOLDER "/copied"
#define LINKED	  FOLDER "/linked"
#define ALIAS	  FOLDER "/alias"
#define TREE	  FOLDER "/tree"	/* denied, but for the opener; */
#define WRITTEN	  TREE "/written"	/* to write this is denied by a rule of its own */
#define OPENER	  FOLDER "/opener"
#define STEP	  FOLDER "/step"	/* waived as well: makes an attempt for every line */

static int server = -1;

static bool apply_with(int days, const char *more, struct why *why)
{
	time_t day = time(NULL) + days * 86400L;
	struct command command;
	char text[2048], until[16];
	struct tm tm;

	strftime(until, sizeof(until), "%Y-%m-%d", gmtime_r(&day, &tm));
	snprintf(text, sizeof(text), "tag: waiver\nmode: enforce\n"
		 "services:\n"
		 "  server: {nets: [" SERVER_IP "], ports: [80]}\n"
		 "  tree: {files: [" TREE "/]}\n"
		 "  written: {files: [" WRITTEN "]}\n"
		 "rules: [{deny: server, errno: ENOLINK}, {deny: tree}, {deny: written, access: write}]\n"
		 "waivers:\n"
		 "  - {service: tree, exec: " OPENER ", owner: team, until: 2099-12-31}\n"
		 "  - {service: server, exec: " PROGRAM ", owner: team, until: %s}\n"
		 "  - {service: server, exec: " BROKEN ", owner: team, until: %s}\n"
		 "  - {service: server, exec: " STEP ", owner: team, until: %s}\n%s", until, until, until, more);
	if (write_small(POLICY, text))
		return fail(why, "cannot write " POLICY);
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	return !command.status || fail(why, "apply: status %d: %.300s", command.status, command.err);
}

static bool apply(int days, struct why *why)
{
	return apply_with(days, "", why);
}

static bool write_program(const char *path, const char *interpreter, const char *verb)
{
	char text[512];

	snprintf(text, sizeof(text), "#!%s\n%s %s\n", interpreter, self_path(), verb);
	return !write_small(path, text) && !chmod(path, 0755);
}

/* Runs a command of a shell behind the fence, which makes @attempts on the server: whether @accepted of them
 * came there. */
static bool reaches(const char *command_line, unsigned int accepted, struct why *why)
{
	struct command command;
	unsigned int seen;

	marker_taken();
	command_run(&command, 0, COMMAND("ringfence", "run", "--tag", "waiver", "--quiet", "--", "sh", "-c",
					 (char *)command_line));
	seen = far_accepted(server);
	if (!marker_taken())
		return fail(why, "%s made no attempt: status %d: %.300s", command_line, command.status, command.err);
	return seen == accepted ||
		fail(why, "%s: the server accepted %u, not %u", command_line, seen, accepted);
}

static const char *attempt(void)
{
	static char line[256];

	snprintf(line, sizeof(line), "%s attempt 0; true", self_path());
	return line;
}

static bool test_program(struct why *why)
{
	server = far_listen(SERVER_IP, SERVER_PORT);
	mkdir(FOLDER, 0755);
	if (!write_program(PROGRAM, "/bin/sh", "attempt 0") || !write_program(COPIED, "/bin/sh", "attempt 0") ||
	    !write_program(BROKEN, WORK "/no-interpreter", "attempt 0") ||
	    !write_program(STEP, "/bin/sh", "step") || symlink(PROGRAM, LINKED))
		return fail(why, "cannot write the programs");
	return apply(1, why) && reaches(attempt(), 0, why) && reaches(PROGRAM "; true", 1, why);
}

struct search {
	size_t waived, denied;
};

static bool count_records(void *ctx, const char *line)
{
	struct search *search = ctx;

	if (!strstr(line, "\"tag\":\"waiver\""))
		return true;
	search->waived += strstr(line, "\"verdict\":\"audit\"") && strstr(line, "\"name\":\"waiver server (team)\"") &&
		strstr(line, "\"waiver\":{\"owner\":\"team\",\"until\":\"20");
	search->denied += strstr(line, "\"verdict\":\"deny\"") && strstr(line, "\"errno\":\"ENOLINK\"");
	return true;
}

/* Every use is a record. */
static bool test_recorded(struct why *why)
{
	struct search before = {}, after = {};
	int64_t end = now_ms() + WAIT_MS;

	journal_scan(MAIN_LOG, count_records, &before);
	if (!reaches(PROGRAM "; " PROGRAM "; true", 2, why))
		return false;
	while (after.waived < before.waived + 2 && now_ms() < end) {
		pause_briefly();
		after = (struct search){};
		journal_scan(MAIN_LOG, count_records, &after);
	}
	return (after.waived == before.waived + 2 && after.denied == before.denied) ||
		fail(why, "%zu records of the waiver, and %zu denials", after.waived - before.waived,
		     after.denied - before.denied);
}

/* What the program starts has it, what started the program has not, nor what comes after it. */
static bool test_tree(struct why *why)
{
	char line[512];

	snprintf(line, sizeof(line), PROGRAM "; %s", attempt());
	return reaches(line, 1, why);
}

static bool test_other_names(struct why *why)
{
	return reaches(LINKED "; true", 1, why) && reaches(COPIED "; true", 0, why) &&
		reaches("sh " PROGRAM "; true", 0, why);
}

/* The name is that of the program, and what stands there by a mount has another one for the fence. */
static bool test_mounted(struct why *why)
{
	char line[512];

	snprintf(line, sizeof(line), "unshare -m sh -c 'mount --bind " COPIED " " PROGRAM " && " PROGRAM "'; %s",
		 attempt());
	return reaches(line, 0, why);
}

/* What could not be executed leaves no waiver behind. */
static bool test_failed(struct why *why)
{
	char line[512];

	snprintf(line, sizeof(line), "exec 2>/dev/null; " BROKEN "; %s", attempt());
	if (!reaches(line, 0, why))
		return false;
	/* bash goes on after an exec that failed, as the same process. */
	snprintf(line, sizeof(line), "exec bash -c 'shopt -s execfail; exec " BROKEN " 2>/dev/null; exec %s attempt 0'",
		 self_path());
	return reaches(line, 0, why);
}

static bool opens(const char *program, const char *expected, struct why *why)
{
	struct command command;

	command_run(&command, 0, COMMAND("ringfence", "run", "--tag", "waiver", "--quiet", "--", "sh", "-c",
					 (char *)program));
	return !strcmp(command.out, expected) ||
		fail(why, "%s could open: %.100s; %.200s", program, command.out, command.err);
}

/* One of two services is waived: what is denied for both kinds of access together is not. */
static bool test_both_accesses(struct why *why)
{
	static const char text[] = "#!/bin/sh\n"
		"(: <" WRITTEN ") && echo read\n(: >>" WRITTEN ") && echo written\n(: <>" WRITTEN ") && echo both\n";

	mkdir(TREE, 0755);
	if (write_small(WRITTEN, "kept\n") || write_small(OPENER, text) || chmod(OPENER, 0755) ||
	    write_small(COPIED, text))
		return fail(why, "cannot write the programs");
	return opens(COPIED "; true", "", why) && opens(OPENER "; true", "read\n", why);
}

/* Whoever executes the program has it, also where that begins the run. */
static bool test_entry(struct why *why)
{
	struct command command;
	bool ok = apply_with(1, "enter: {execs: [" PROGRAM "]}\n", why);

	far_accepted(server);
	marker_taken();
	if (ok)
		command_run(&command, 0, COMMAND(PROGRAM));
	ok = ok && ((marker_taken() && far_accepted(server) == 1) || fail(why, "the entry was denied what is waived"));
	if (ok)
		command_run(&command, 0, COMMAND("sh", "-c", PROGRAM "; true"));
	return ok && (far_accepted(server) == 1 || fail(why, "and a second time")) && apply(1, why);
}

/* It belongs to the ruleset that it was given under. */
static bool test_applied_anew(struct why *why)
{
	struct background stepper;
	bool ok;

	if (background_start(&stepper, COMMAND("ringfence", "run", "--tag", "waiver", "--quiet", "--", STEP)))
		return fail(why, "cannot start it");
	ok = !strcmp(attempt_step(&stepper), "none") || fail(why, "it was denied at first");
	ok = ok && apply(1, why) && (!strcmp(attempt_step(&stepper), "ENOLINK") ||
				     fail(why, "it has its waiver under another ruleset"));
	background_end(&stepper);
	far_accepted(server);
	return ok && reaches(PROGRAM "; true", 1, why);
}

static bool test_expired(struct why *why)
{
	bool ok = apply(0, why) && reaches(PROGRAM "; true", 1, why) && apply(-1, why) &&
		reaches(PROGRAM "; true", 0, why);

	close(server);
	return ok;
}

const struct test waiver_tests[] = {
	{ "program", test_program },
	{ "recorded", test_recorded },
	{ "tree", test_tree },
	{ "other-names", test_other_names },
	{ "mounted", test_mounted },
	{ "failed", test_failed },
	{ "both-accesses", test_both_accesses },
	{ "entry", test_entry },
	{ "applied-anew", test_applied_anew },
	{ "expired", test_expired },
	{},
};
