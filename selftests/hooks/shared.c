/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loaded fence. These tests build on each other: the first loads it. Those of release.c, alias.c, late.c
 * and liveness.c and the soaks use it, and unload_tests come last.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempts.h"

#define POLICIES WORK "/policy.d"
#define POLICY	 POLICIES "/shared.yaml"
#define OTHER	 WORK "/other.yaml"
#define FAULTY	 WORK "/faulty.yaml"
#define LOG	 WORK "/shared.jsonl"
#define PINS	 "/sys/fs/bpf/ringfence"
#define DEPLOY_USER 1000

#define DENY  "deny: server, errno: EHOSTUNREACH, why: shared"
#define ALLOW "allow: server, why: shared"

#define RUN "ringfence", "run", "--tag", "shared", "--quiet"
#define ATTEMPT(status) "--", (char *)self_path(), "attempt", status

int shared_server = -1;

/* --- what is looked at ---------------------------------------------------------------------- */

static bool status_is(const struct command *command, int want, struct why *why)
{
	return command->status == want ||
		fail(why, "status %d and not %d: %.300s", command->status, want, command->err);
}

/* Runs it, and compares its exit status. */
static bool ends_with(int want, char *const argv[], struct why *why)
{
	struct command command;

	command_run(&command, 0, argv);
	return status_is(&command, want, why);
}

/* `ringfence status --json`, or NULL. */
static json_t *status_of_fence(void)
{
	struct command command;

	command_run(&command, 0, COMMAND("ringfence", "status", "--json"));
	return command.status ? NULL : json_loads(command.out, 0, NULL);
}

static long long status_number(const char *path)
{
	json_t *status = status_of_fence();
	const json_t *value = record_value(status, path);
	long long number = json_is_integer(value) ? json_integer_value(value) : -1;

	json_decref(status);
	return number;
}

static bool step_meets(struct background *stepper, const char *want, struct why *why)
{
	unsigned int accepted = !strcmp(want, "none");
	const char *met = attempt_step(stepper);

	if (strcmp(met, want))
		return fail(why, "the attempt met %s and not %s", met, want);
	return far_accepted(shared_server) == accepted || fail(why, "the server saw something else");
}

static int start_stepper(struct background *stepper)
{
	return background_start(stepper, COMMAND(RUN, "--log", LOG, "--", (char *)self_path(),
						 "step"));
}

struct run_lines {
	char run[96];
	size_t count;
};

static bool count_line(void *ctx, const char *line)
{
	struct run_lines *lines = ctx;

	lines->count += strstr(line, lines->run) && !line_is_note(line);
	return true;
}

/* How many records the log has for this run, or NULL for any, once there are @want or it is too late.
 * Not parsed: there may be many. */
static size_t lines_of_run(const char *log, const char *run, size_t want)
{
	int64_t end = now_ms() + WAIT_MS;
	struct run_lines lines;

	snprintf(lines.run, sizeof(lines.run), "\"run\":\"%s", run ?: "");
	for (;;) {
		lines.count = 0;
		journal_scan(log, count_line, &lines);
		if (lines.count >= want || now_ms() >= end)
			return lines.count;
		pause_briefly();
	}
}

/* --- up ------------------------------------------------------------------------------------- */

static bool test_faulty_policy_loads_nothing(struct why *why)
{
	unlink(MAIN_LOG);		/* the services that status counts are those of these tests */
	mkdir(POLICIES, 0755);
	policy_write_faulty(POLICY);
	if (!ends_with(1, COMMAND("ringfence", "load", "--policy-dir", POLICIES), why))
		return false;
	return access(PINS, F_OK) || fail(why, "pins are left behind");
}

static bool test_load(struct why *why)
{
	policy_write(POLICY, "shared", DENY);
	shared_server = far_listen(SERVER_IP, SERVER_PORT);
	return ends_with(0, COMMAND("ringfence", "load", "--policy-dir", POLICIES), why) &&
		(!access(PINS, F_OK) || fail(why, "nothing is pinned"));
}

static bool test_load_again(struct why *why)
{
	return ends_with(1, COMMAND("ringfence", "load", "--policy-dir", POLICIES), why);
}

static bool test_unknown_tag(struct why *why)
{
	struct command command;

	marker_taken();
	command_run(&command, 0, COMMAND("ringfence", "run", "--tag", "nobody", ATTEMPT("0")));
	if (marker_taken())
		return fail(why, "the command was started");
	return status_is(&command, 125, why) &&
		(strstr(command.err, "unknown tag") || fail(why, "stderr: %.300s", command.err));
}

static bool test_ordinary_user(struct why *why)
{
	struct command command;

	command_run(&command, DEPLOY_USER, COMMAND(RUN, ATTEMPT("0")));
	if (marker_taken())
		return fail(why, "the command was started");
	return status_is(&command, 125, why);
}

/* --- run ------------------------------------------------------------------------------------ */

static bool test_denied(struct why *why)
{
	struct journal journal;
	bool ok = true;

	unlink(LOG);
	if (!ends_with(0, COMMAND(RUN, "--log", LOG, ATTEMPT("0")), why))
		return false;
	journal_read(&journal, LOG, NULL);
	if (!marker_taken() || far_accepted(shared_server))
		ok = fail(why, "the command was not started, or reached the server");
	else if (json_array_size(journal.lines) != 1 ||
		 journal_count(&journal, "ringfence.errno", "EHOSTUNREACH") != 1)
		ok = fail(why, "%zu records in the log, %s", json_array_size(journal.lines),
			  journal.error);
	journal_free(&journal);
	return ok;
}

static bool test_untagged_is_free(struct why *why)
{
	int err = attempt_connect(SERVER_IP, SERVER_PORT);

	return (!err && far_accepted(shared_server) == 1) ||
		fail(why, "an untagged process met %s", strerrorname_np(-err));
}

static bool test_own_status(struct why *why)
{
	return ends_with(7, COMMAND(RUN, ATTEMPT("7")), why);
}

static bool test_signal(struct why *why)
{
	return ends_with(128 + SIGTERM, COMMAND(RUN, "--", "bash", "-c", "kill -TERM $$"), why);
}

/* The command can neither stop nor end its launcher, root as it is. */
static bool test_launcher_out_of_reach(struct why *why)
{
	return ends_with(0, COMMAND(RUN, "--", "bash", "-c", "for signal in STOP TERM KILL; do"
				    " ! kill -$signal $PPID || exit 1; done; kill -0 $PPID"), why);
}

static bool test_not_found(struct why *why)
{
	return ends_with(127, COMMAND(RUN, "--", "no-such-command"), why) &&
		ends_with(127, COMMAND(RUN, "--", WORK "/no-such-command"), why);
}

static bool test_not_executable(struct why *why)
{
	return ends_with(126, COMMAND(RUN, "--", POLICY), why);
}

static bool test_fail_on_deny(struct why *why)
{
	return ends_with(123, COMMAND(RUN, "--fail-on-deny", ATTEMPT("0")), why) &&
		ends_with(7, COMMAND(RUN, "--fail-on-deny", ATTEMPT("7")), why) &&
		ends_with(0, COMMAND(RUN, "--fail-on-deny", "--", "bash", "-c", ":"), why);
}

/* The run's mode over the policy's, which does not say what to record: all that it was allowed, too. */
static bool test_audit_mode_of_run(struct why *why)
{
	struct command command;
	struct journal journal;
	size_t denied, allowed;

	unlink(LOG);
	if (!ends_with(0, COMMAND(RUN, "--mode", "audit", "--log", LOG, ATTEMPT("0")), why))
		return false;
	if (far_accepted(shared_server) != 1)
		return fail(why, "the server was not reached");
	journal_read(&journal, LOG, NULL);
	denied = journal_count(&journal, "ringfence.verdict", "deny");
	allowed = journal_count(&journal, "ringfence.verdict", "allow");
	journal_free(&journal);
	command_run(&command, 0, COMMAND("ringfence", "log", LOG));
	if (!strstr(command.out, "run is over: status 0, 1 would have been denied, 0 lost"))
		return fail(why, "log: %.400s", command.out);
	return (denied == 1 && allowed) || fail(why, "%zu denied, %zu allowed", denied, allowed);
}

/* Where a policy says nothing about files, a path of any length is nobody's business. */
static bool test_long_path_without_rules(struct why *why)
{
	unlink(LOG);
	if (!ends_with(0, COMMAND(RUN, "--log", LOG, "--", (char *)self_path(), "open-long-path"),
		       why))
		return false;
	return !lines_of_run(LOG, NULL, 0) || fail(why, "a record of it");
}

/* --- while it runs -------------------------------------------------------------------------- */

static struct background stepper;

static bool test_apply_switches(struct why *why)
{
	unlink(LOG);
	if (start_stepper(&stepper) || !step_meets(&stepper, "EHOSTUNREACH", why))
		return false;
	policy_write(OTHER, "shared", ALLOW);
	if (!ends_with(0, COMMAND("ringfence", "apply", OTHER), why) ||
	    !step_meets(&stepper, "none", why))
		return false;
	policy_write(OTHER, "shared", "deny: server, errno: ETIMEDOUT, why: applied");
	if (!ends_with(0, COMMAND("ringfence", "apply", OTHER), why) ||
	    !step_meets(&stepper, "ETIMEDOUT", why))
		return false;
	return ends_with(0, COMMAND("ringfence", "apply", POLICY), why) &&
		step_meets(&stepper, "EHOSTUNREACH", why);
}

static bool test_faulty_policy_changes_nothing(struct why *why)
{
	long long generation = status_number("policies.0.generation");

	policy_write(OTHER, "shared", ALLOW);
	policy_write_faulty(FAULTY);
	if (!ends_with(1, COMMAND("ringfence", "apply", OTHER, FAULTY), why) ||
	    !step_meets(&stepper, "EHOSTUNREACH", why))
		return false;
	return generation > 0 && status_number("policies.0.generation") == generation ? true :
		fail(why, "the generation has changed");
}

/* The denials that status counts of a service; -1 where it shows none of that name. */
static long long service_denied(const json_t *status, const char *name)
{
	json_t *each;
	size_t i;

	json_array_foreach(record_value(status, "services"), i, each)
		if (!strcmp(record_text(each, "service"), name))
			return json_integer_value(record_value(each, "denied"));
	return -1;
}

static bool test_status(struct why *why)
{
	json_t *status = status_of_fence();
	const json_t *run = record_value(status, "runs.0");
	bool ok = true;

	if (strcmp(record_text(status, "policies.0.tag"), "shared") ||
	    strcmp(record_text(status, "policies.0.mode"), "enforce"))
		ok = fail(why, "the policy is not shown");
	else if (!*record_text(run, "run") ||
		 json_integer_value(record_value(run, "denied")) != 4)
		ok = fail(why, "the run is not shown with 4 denials");
	else if (strcmp(record_text(run, "tag"), "shared") || json_integer_value(record_value(run, "tasks")) != 1 ||
		 !json_is_true(record_value(run, "launcher_alive")))
		ok = fail(why, "the run is not shown with its tag, its task and its launcher");
	else if (service_denied(status, "server") < 4 || !*record_text(status, "services_since"))
		ok = fail(why, "the service is not shown with its denials: %lld",
			  service_denied(status, "server"));
	else if (!json_is_true(record_value(status, "collected")) ||
		 json_integer_value(record_value(status, "daemon")))
		ok = fail(why, "a daemon is shown, or nobody who collects");
	json_decref(status);
	return ok;
}

/* The same run as status has; its counts may have gone on meanwhile. */
static bool test_runs(struct why *why)
{
	json_t *status = status_of_fence();
	struct command command;
	json_t *runs;
	bool ok;

	command_run(&command, 0, COMMAND("ringfence", "runs", "--json"));
	runs = json_loads(command.out, 0, NULL);
	ok = (json_array_size(runs) == 1 && *record_text(runs, "0.run") &&
	      !strcmp(record_text(runs, "0.run"), record_text(status, "runs.0.run")) &&
	      !strcmp(record_text(runs, "0.mode"), "enforce") &&
	      json_integer_value(record_value(runs, "0.denied")) == 4) ||
		fail(why, "it shows %.300s", command.out);
	command_run(&command, 0, COMMAND("ringfence", "runs"));
	if (ok && (command.status || !strstr(command.out, record_text(runs, "0.run")) ||
		   !strstr(command.out, "fenced")))
		ok = fail(why, "it shows %.300s", command.out);
	json_decref(runs);
	json_decref(status);
	return ok;
}

static bool test_ps(struct why *why)
{
	struct command command;
	json_t *list;
	bool ok = true;

	command_run(&command, 0, COMMAND("ringfence", "ps", "--json"));
	if (!status_is(&command, 0, why))
		return false;
	list = json_loads(command.out, 0, NULL);
	if (json_array_size(list) != 1 || strcmp(record_text(list, "0.tag"), "shared") ||
	    !strstr(record_text(list, "0.command"), "hooks step"))
		ok = fail(why, "it shows %.300s", command.out);
	json_decref(list);
	return ok;
}

/* As people see it: the run, the root of the tree, and what hangs from it. */
static bool test_ps_tree(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	struct background tree;
	struct command command;
	char *first, *last;
	bool ok;

	if (background_start(&tree, COMMAND(RUN, "--", "bash", "-c", "sleep 1001 & sleep 1002 & read line;"
					    " kill $(jobs -p); wait")))
		return fail(why, "cannot start it");
	do {
		command_run(&command, 0, COMMAND("ringfence", "ps"));
		first = strstr(command.out, "├─ sleep 1001");
		last = strstr(command.out, "└─ sleep 1002");
		pause_briefly();
	} while ((!first || !last) && now_ms() < end);
	ok = (first && last && first < last && strstr(command.out, ", tag shared, 3 processes\n") &&
	      strstr(command.out, ", tag shared, 1 process\n")) ||
		fail(why, "it shows %.400s", command.out);
	background_end(&tree);
	return ok;
}

static bool test_unload_refused(struct why *why)
{
	return ends_with(1, COMMAND("ringfence", "unload"), why) &&
		(!access(PINS, F_OK) || fail(why, "the pins are gone")) &&
		step_meets(&stepper, "EHOSTUNREACH", why);
}

static bool test_log_of_run(struct why *why)
{
	struct command command;
	json_t *status = status_of_fence();
	char run[64];
	int end;

	snprintf(run, sizeof(run), "%s", record_text(status, "runs.0.run"));
	json_decref(status);
	end = background_end(&stepper);
	if (end)
		return fail(why, "the run ended with %d", end);
	if (lines_of_run(LOG, NULL, 5) != 5)
		return fail(why, "not 5 records in the log of the run");
	command_run(&command, 0, COMMAND("ringfence", "log", "--run", run));
	if (!status_is(&command, 0, why))
		return false;
	for (const char *at = command.out; (at = strstr(at, "rule: deny server")); at++)
		end++;
	return end == 5 || fail(why, "log --run %s shows %d of 5 denials: %.300s", run, end,
				command.out);
}

/* --- the daemon ----------------------------------------------------------------------------- */

static struct background collecting;

static bool wait_for_collector(bool want, struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;

	do {
		json_t *status = status_of_fence();
		bool collected = json_is_true(record_value(status, "collected"));

		json_decref(status);
		if (collected == want)
			return true;
		pause_briefly();
	} while (now_ms() < end);
	return fail(why, "status says that %s collects", want ? "nobody" : "somebody");
}

static bool test_daemon_collects(struct why *why)
{
	char run[64];
	json_t *status;

	if (background_start(&collecting, COMMAND("ringfence", "daemon")) ||
	    !wait_for_collector(true, why) || start_stepper(&stepper) ||
	    !step_meets(&stepper, "EHOSTUNREACH", why))
		return false;
	status = status_of_fence();
	snprintf(run, sizeof(run), "%s", record_text(status, "runs.0.run"));
	json_decref(status);
	return lines_of_run(MAIN_LOG, run, 1) == 1 || fail(why, "not one record in " MAIN_LOG);
}

static bool test_daemon_dies(struct why *why)
{
	kill(collecting.pid, SIGKILL);
	if (background_end(&collecting) != 128 + SIGKILL)
		return fail(why, "the daemon did not die");
	return step_meets(&stepper, "EHOSTUNREACH", why) &&
		(!background_end(&stepper) || fail(why, "the run failed"));
}

static bool test_daemon_stops(struct why *why)
{
	int end;

	if (background_start(&collecting, COMMAND("ringfence", "daemon")) ||
	    !wait_for_collector(true, why))
		return false;
	kill(collecting.pid, SIGTERM);
	end = background_end(&collecting);
	return (!end || fail(why, "it ended with %d", end)) &&
		ends_with(0, COMMAND(RUN, ATTEMPT("0")), why) &&
		(!far_accepted(shared_server) || fail(why, "the server was reached"));
}

/* --- every denial exactly once -------------------------------------------------------------- */

struct account {
	char run[64];
	long long submitted, logged, lost;
};

static void read_account(struct account *account)
{
	json_t *status = status_of_fence();
	const json_t *run = record_value(status, "runs.0");

	snprintf(account->run, sizeof(account->run), "%s", record_text(run, "run"));
	account->submitted = json_integer_value(record_value(run, "submitted"));
	account->logged = json_integer_value(record_value(run, "logged"));
	account->lost = json_integer_value(record_value(run, "lost"));
	json_decref(status);
}

static bool test_burst(struct why *why)
{
	const long long all = BURST_PROCESSES * BURST_EACH;
	int64_t end = now_ms() + 3 * WAIT_MS;
	struct background burst;
	struct account account;
	char line[64] = "";
	size_t lines;

	unlink(LOG);
	if (background_start(&burst, COMMAND(RUN, "--log", LOG, "--", (char *)self_path(),
					     "burst")))
		return fail(why, "cannot start it");
	while (!background_line(&burst, line, sizeof(line)) && now_ms() < end)
		;
	do {
		read_account(&account);
		pause_briefly();
	} while (account.logged + account.lost < account.submitted && now_ms() < end);
	if (background_end(&burst))
		return fail(why, "the run failed");
	lines = lines_of_run(MAIN_LOG, account.run, all);
	if (strcmp(line, "all denied") || far_accepted(shared_server))
		return fail(why, "not all were denied: %s", line);
	/* And the line that it begins. */
	if (account.submitted != all + 1 || account.lost || account.logged != all + 1)
		return fail(why, "%lld denials: %lld submitted, %lld logged, %lld lost", all,
			    account.submitted, account.logged, account.lost);
	return (long long)lines == all || fail(why, "%zu lines in the log", lines);
}

struct sequence {
	long long last;
	struct why *why;
	bool ok;
};

static bool follow_line(void *ctx, const char *line)
{
	struct sequence *sequence = ctx;
	const char *at = strstr(line, "\"seq\":");
	long long seq = 0, lost = -1;

	if (at)
		sscanf(at, "\"seq\":%lld,\"lost_before\":%lld", &seq, &lost);
	if (seq != ++sequence->last || lost)
		sequence->ok = fail(sequence->why, "line %lld has seq %lld, lost_before %lld",
				    sequence->last, seq, lost);
	return sequence->ok;
}

/* Numbered without a gap, and none says that something was lost before it. */
static bool test_sequence(struct why *why)
{
	struct sequence sequence = { .why = why, .ok = true };

	journal_scan(MAIN_LOG, follow_line, &sequence);
	return sequence.ok && (sequence.last > BURST_PROCESSES * BURST_EACH ||
			       fail(why, "only %lld lines", sequence.last));
}

/* --- down ----------------------------------------------------------------------------------- */

static bool test_unload_nothing(struct why *why)
{
	shared_server = far_listen(SERVER_IP, SERVER_PORT);
	return ends_with(1, COMMAND("ringfence", "unload"), why);
}

static bool test_unload_by_force(struct why *why)
{
	if (!ends_with(0, COMMAND("ringfence", "load", "--policy-dir", POLICIES), why) ||
	    start_stepper(&stepper) || !step_meets(&stepper, "EHOSTUNREACH", why) ||
	    !ends_with(0, COMMAND("ringfence", "unload", "--force"), why))
		return false;
	return access(PINS, F_OK) ? true : fail(why, "pins are left");
}

/* The kernel takes a program down a moment after its last pin is gone, in the background; the
 * launcher holds descriptors to maps only. */
static bool test_free_after_unload(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	bool ok;

	while (!strcmp(attempt_step(&stepper), "EHOSTUNREACH") && now_ms() < end)
		pause_briefly();
	far_accepted(shared_server);
	ok = step_meets(&stepper, "none", why);
	background_end(&stepper);
	return ok && test_untagged_is_free(why);
}

const struct test shared_tests[] = {
	{ "faulty-policy-loads-nothing", test_faulty_policy_loads_nothing },
	{ "load", test_load },
	{ "load-again", test_load_again },
	{ "unknown-tag", test_unknown_tag },
	{ "ordinary-user", test_ordinary_user },
	{ "denied", test_denied },
	{ "untagged-is-free", test_untagged_is_free },
	{ "own-status", test_own_status },
	{ "nested", test_nested },
	{ "nested-own-fence", test_nested_own_fence },
	{ "signal", test_signal },
	{ "launcher-out-of-reach", test_launcher_out_of_reach },
	{ "not-found", test_not_found },
	{ "not-executable", test_not_executable },
	{ "fail-on-deny", test_fail_on_deny },
	{ "audit-mode-of-run", test_audit_mode_of_run },
	{ "long-path-without-rules", test_long_path_without_rules },
	{ "descriptors-closed", test_descriptors_closed },
	{ "descriptors-kept", test_descriptors_kept },
	{ "ring-kept", test_ring_kept },
	{ "ring-as-input", test_ring_as_input },
	{ "socket-as-input", test_socket_as_input },
	{ "apply-switches", test_apply_switches },
	{ "faulty-policy-changes-nothing", test_faulty_policy_changes_nothing },
	{ "status", test_status },
	{ "runs", test_runs },
	{ "ps", test_ps },
	{ "ps-tree", test_ps_tree },
	{ "unload-refused", test_unload_refused },
	{ "log-of-run", test_log_of_run },
	{ "daemon-collects", test_daemon_collects },
	{ "daemon-dies", test_daemon_dies },
	{ "daemon-stops", test_daemon_stops },
	{ "burst", test_burst },
	{ "sequence", test_sequence },
	{},
};

const struct test unload_tests[] = {
	{ "nothing", test_unload_nothing },
	{ "by-force", test_unload_by_force },
	{ "free-afterwards", test_free_after_unload },
	{},
};
