/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence run without a loaded fence: when it fails nothing is started, and it says why.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempts.h"

#define POLICY	WORK "/run.yaml"
#define FAULTY	WORK "/faulty.yaml"
#define LOG	WORK "/run.jsonl"
#define DEPLOY_USER 1000

#define DENY "deny: server, errno: EHOSTUNREACH, why: run"

/* Status 125, @reason on stderr, and no marker. */
static bool refused_as(uid_t uid, const char *reason, char *const argv[], struct why *why)
{
	struct command command;
	bool started;

	policy_write(POLICY, "run", DENY);
	policy_write_faulty(FAULTY);
	marker_taken();
	command_run(&command, uid, argv);
	started = marker_taken();
	if (started)
		return fail(why, "the command was started");
	if (command.status != 125)
		return fail(why, "status %d: %.300s", command.status, command.err);
	return strstr(command.err, reason) ||
		fail(why, "stderr does not say \"%s\": %.300s", reason, command.err);
}

static bool refused(const char *reason, char *const argv[], struct why *why)
{
	return refused_as(0, reason, argv, why);
}

#define ATTEMPT "--", (char *)self_path(), "attempt", "0"

static bool test_no_command(struct why *why)
{
	return refused("no command",
		       COMMAND("ringfence", "run", "--tag", "run", "--policy", POLICY), why);
}

static bool test_no_tag(struct why *why)
{
	return refused("--tag", COMMAND("ringfence", "run", "--policy", POLICY, ATTEMPT), why);
}

static bool test_unknown_tag(struct why *why)
{
	return refused("unknown tag", COMMAND("ringfence", "run", "--tag", "nobody", "--policy",
					      POLICY, ATTEMPT), why);
}

static bool test_not_loaded(struct why *why)
{
	return refused("not loaded", COMMAND("ringfence", "run", "--tag", "run", ATTEMPT), why);
}

static bool test_faulty_policy(struct why *why)
{
	return refused("faulty.yaml:4:", COMMAND("ringfence", "run", "--tag", "run", "--policy",
						 FAULTY, ATTEMPT), why);
}

static bool test_missing_policy(struct why *why)
{
	return refused("no such file", COMMAND("ringfence", "run", "--tag", "run", "--policy",
					       WORK "/missing.yaml", ATTEMPT), why);
}

static bool test_unknown_mode(struct why *why)
{
	return refused("audit or enforce", COMMAND("ringfence", "run", "--tag", "run", "--policy",
						   POLICY, "--mode", "both", ATTEMPT), why);
}

static bool test_log_cannot_be_written(struct why *why)
{
	return refused("cannot write the audit log",
		       COMMAND("ringfence", "run", "--tag", "run", "--policy", POLICY, "--log",
			       WORK "/no/such/folder.jsonl", ATTEMPT), why);
}

/* Nothing but the right to load programs must be what is missing. */
static bool test_ordinary_user(struct why *why)
{
	chmod(WORK, 0777);
	return refused_as(DEPLOY_USER, "may not",
			  COMMAND("ringfence", "run", "--tag", "run", "--policy", POLICY, ATTEMPT),
			  why);
}

static bool test_ordinary_user_not_loaded(struct why *why)
{
	return refused_as(DEPLOY_USER, "not open to this user",
			  COMMAND("ringfence", "run", "--tag", "run", ATTEMPT), why);
}

/* The summary names what was denied. */
static bool test_own_fence(struct why *why)
{
	struct journal journal;
	struct command command;
	int server = far_listen(SERVER_IP, SERVER_PORT);
	bool ok = true;

	unlink(LOG);
	policy_write(POLICY, "run", DENY);
	command_run(&command, 0, COMMAND("ringfence", "run", "--tag", "run", "--policy", POLICY,
					 "--log", LOG, "--", (char *)self_path(), "attempt", "7"));
	journal_read(&journal, LOG, NULL);
	if (command.status != 7 || !marker_taken())
		ok = fail(why, "status %d: %.300s", command.status, command.err);
	else if (far_accepted(server))
		ok = fail(why, "the server was reached");
	else if (journal_count(&journal, "ringfence.service", "server") != 1)
		ok = fail(why, "the log has no record of it, or several");
	else if (!strstr(command.err, "server") || !strstr(command.err, LOG))
		ok = fail(why, "the summary lacks the service or the log: %.300s", command.err);
	journal_free(&journal);
	close(server);
	return ok;
}

/* The command itself is denied: what ends the run is in its log. */
static bool test_denied_command(struct why *why)
{
	char text[256];
	struct journal journal;
	struct command command;
	bool ok = true;

	unlink(LOG);
	marker_taken();
	snprintf(text, sizeof(text), "tag: run\nmode: enforce\nservices:\n"
		 "  itself: {execs: [%s]}\nrules:\n  - {deny: itself, errno: EACCES}\n", self_path());
	write_small(POLICY, text);
	command_run(&command, 0, COMMAND("ringfence", "run", "--tag", "run", "--policy", POLICY,
					 "--log", LOG, ATTEMPT));
	journal_read(&journal, LOG, NULL);
	if (command.status != 126 || marker_taken())
		ok = fail(why, "status %d: %.300s", command.status, command.err);
	else if (journal_count(&journal, "ringfence.service", "itself") != 1)
		ok = fail(why, "the log has no record of it, or several");
	journal_free(&journal);
	return ok;
}

static bool wait_for_records(size_t want)
{
	int64_t end = now_ms() + WAIT_MS;
	size_t count = 0;

	while (count != want && now_ms() < end) {
		struct journal journal;

		journal_read(&journal, LOG, NULL);
		count = journal_count(&journal, "ringfence.errno", "EHOSTUNREACH");
		journal_free(&journal);
		pause_briefly();
	}
	return count == want;
}

/* The launcher is killed with SIGKILL: the command is fenced and recorded as before. */
static bool test_killed_launcher(struct why *why)
{
	struct background stepper;
	int server = far_listen(SERVER_IP, SERVER_PORT);
	const char *before, *after;
	bool ok;

	unlink(LOG);
	policy_write(POLICY, "run", DENY);
	if (background_start(&stepper, COMMAND("ringfence", "run", "--tag", "run", "--policy",
					       POLICY, "--log", LOG, "--", (char *)self_path(),
					       "step")))
		return fail(why, "not started");
	before = attempt_step(&stepper);
	ok = !strcmp(before, "EHOSTUNREACH") || fail(why, "before: %s", before);
	if (ok && !wait_for_records(1))
		ok = fail(why, "the log does not have the first record");
	kill(stepper.pid, SIGKILL);
	for (int i = 0; ok && i < 3; i++) {
		after = attempt_step(&stepper);
		ok = !strcmp(after, "EHOSTUNREACH") || fail(why, "after: %s", after);
	}
	if (ok && far_accepted(server))
		ok = fail(why, "the server was reached");
	if (ok && !wait_for_records(4))
		ok = fail(why, "the log does not have its four records");
	background_end(&stepper);
	close(server);
	return ok;
}

/* As before, everything was taken down again. */
static bool test_own_fence_is_gone(struct why *why)
{
	int server = far_listen(SERVER_IP, SERVER_PORT);
	int err = attempt_connect(SERVER_IP, SERVER_PORT);
	bool ok = !err && far_accepted(server) == 1 && access("/sys/fs/bpf/ringfence", F_OK);

	close(server);
	return ok || fail(why, "something is left of it");
}

const struct test run_tests[] = {
	{ "no-command", test_no_command },
	{ "no-tag", test_no_tag },
	{ "unknown-tag", test_unknown_tag },
	{ "fence-not-loaded", test_not_loaded },
	{ "faulty-policy", test_faulty_policy },
	{ "missing-policy", test_missing_policy },
	{ "unknown-mode", test_unknown_mode },
	{ "log-cannot-be-written", test_log_cannot_be_written },
	{ "ordinary-user", test_ordinary_user },
	{ "ordinary-user-and-not-loaded", test_ordinary_user_not_loaded },
	{ "own-fence", test_own_fence },
	{ "denied-command", test_denied_command },
	{ "killed-launcher", test_killed_launcher },
	{ "own-fence-is-gone", test_own_fence_is_gone },
	{},
};
