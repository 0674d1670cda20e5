/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fence that is loaded and does not hold: the daemon says so in the log, status on the screen, and
 * nothing is started. To be run on the fence that shared.c has loaded; the last unloads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../userspace/base/locations.h"
#include "attempts.h"

#define FTRACE	 "/proc/sys/kernel/ftrace_enabled"
#define LSM_LIST "/sys/kernel/security/lsm"
#define NO_BPF	 WORK "/lsm-without-bpf"
#define PINS	 "/sys/fs/bpf/ringfence"
#define PIN	 PINS "/links/file_path_unlink"
#define HOLDS	 "the fence holds again"

#define RUN COMMAND("ringfence", "run", "--tag", "shared", "--quiet", "--", (char *)self_path(), \
		    "attempt", "0")

static struct background watching;
static int server = -1;

/* --- what is looked at ---------------------------------------------------------------------- */

struct search {
	const char *text;
	size_t count;
};

static bool search_line(void *ctx, const char *line)
{
	struct search *search = ctx;

	search->count += strstr(line, "\"action\":\"liveness\"") && strstr(line, search->text);
	return true;
}

/* How many lines about liveness say this. */
static size_t told(const char *text)
{
	struct search search = { .text = text };

	journal_scan(MAIN_LOG, search_line, &search);
	return search.count;
}

/* Waits for one more of them than @before. */
static bool is_told(const char *text, size_t before, struct why *why)
{
	int64_t begin = now_ms();

	while (told(text) <= before) {
		if (now_ms() - begin > WAIT_MS)
			return fail(why, "no record says that %s", text);
		pause_briefly();
	}
	printf("# liveness: a record after %lld ms: %s\n", (long long)(now_ms() - begin), text);
	return true;
}

/* Whether status fails and shows this. */
static bool status_shows(const char *text, struct why *why)
{
	struct command command;

	command_run(&command, 0, COMMAND("ringfence", "status"));
	return (command.status == 1 && strstr(command.out, "holds     NO") &&
		strstr(command.out, text)) ||
		fail(why, "status (%d) does not show that %s: %.300s", command.status, text,
		     command.out);
}

/* Whether run refuses, says why, and starts nothing. */
static bool run_refuses(const char *text, struct why *why)
{
	struct command command;

	marker_taken();			/* of an earlier test */
	command_run(&command, 0, RUN);
	if (marker_taken() || far_accepted(server))
		return fail(why, "the command was started");
	return (command.status == 125 && strstr(command.err, text)) ||
		fail(why, "run (%d) does not say that %s: %.300s", command.status, text,
		     command.err);
}

/* The control: all is well, a run starts, and is denied. */
static bool holds(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	struct command command;

	do {
		command_run(&command, 0, COMMAND("ringfence", "status"));
		if (!command.status)
			break;
		pause_briefly();
	} while (now_ms() < end);
	if (command.status || !strstr(command.out, "holds     yes"))
		return fail(why, "status (%d) says that it does not hold: %.300s", command.status,
			    command.out);
	command_run(&command, 0, RUN);
	if (command.status || !marker_taken())
		return fail(why, "run: status %d: %.300s", command.status, command.err);
	return !far_accepted(server) || fail(why, "the server was reached");
}

/* --- the tests ------------------------------------------------------------------------------ */

/* The daemon's probes are seen by their age, which began again when it had begun. */
static bool test_watched(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS, begun;
	long long age = -1;
	size_t live = 0;

	unlink(MAIN_LOG);		/* which is searched again and again */
	server = far_listen(SERVER_IP, SERVER_PORT);
	begun = now_ms();
	if (background_start(&watching, COMMAND("ringfence", "daemon")))
		return fail(why, "cannot start the daemon");
	do {
		struct command command;
		json_t *status;

		pause_briefly();
		command_run(&command, 0, COMMAND("ringfence", "status", "--json"));
		status = json_loads(command.out, 0, NULL);
		age = json_integer_value(record_value(status, "probe_age_s"));
		live = json_array_size(record_value(status, "hooks.live"));
		json_decref(status);
	} while (now_ms() < end && (now_ms() - begun < 4000 || age > 2));
	if (age < 0 || age > 2)
		return fail(why, "the last probe was %lld s ago", age);
	return (live > 40 || fail(why, "only %zu hooks are live", live)) && holds(why);
}

/* A tagged root that stops whatever the daemon starts. */
static bool test_canary_out_of_reach(struct why *why)
{
	size_t before = told("probe: it");
	struct command command;
	char daemon[16];

	snprintf(daemon, sizeof(daemon), "%d", watching.pid);
	command_run(&command, 0, COMMAND("ringfence", "run", "--tag", "shared", "--quiet", "--", "bash", "-c",
					 "refused=0; while [ $refused -lt 3 ]; do"
					 " for canary in $(</proc/$0/task/$0/children); do"
					 " case $(kill -STOP $canary 2>&1) in"
					 " *permitted*) refused=$((refused + 1)) ;; esac; done; done",
					 daemon));
	if (command.status)
		return fail(why, "no canary was out of its reach: status %d: %.300s", command.status,
			    command.err);
	return holds(why) && (told("probe: it") == before || fail(why, "the daemon gave an alarm"));
}

/* A daemon that is there and does nothing: its last probe, however well it ended, tells nothing. */
static bool test_daemon_stopped(struct why *why)
{
	static const char stale[] = "is to have a probe made every second";
	int64_t end = now_ms() + WAIT_MS;
	size_t again = told(HOLDS);
	struct command command;
	bool ok;

	kill(watching.pid, SIGSTOP);
	do {
		pause_briefly();
		command_run(&command, 0, COMMAND("ringfence", "status"));
	} while (!command.status && now_ms() < end);
	ok = status_shows(stale, why) && run_refuses("its records did not arrive", why) &&
		status_shows("its records did not arrive", why);
	kill(watching.pid, SIGCONT);
	return ok && is_told(HOLDS, again, why) && holds(why);
}

/* Later kernels refuse it while programs are attached. */
static bool test_ftrace_off(struct why *why)
{
	size_t before = told("ftrace_enabled is 0"), again = told(HOLDS);
	bool ok;

	if (write_small(FTRACE, "0")) {
		printf("# liveness: kernel.ftrace_enabled=0 is refused\n");
		return holds(why);
	}
	ok = is_told("ftrace_enabled is 0", before, why) &&
		status_shows("ftrace_enabled is 0", why) && run_refuses("ftrace_enabled is 0", why);
	write_small(FTRACE, "1");
	return ok && is_told(HOLDS, again, why) && holds(why);
}

/* A list that says so is mounted over the kernel's. */
static bool test_lsm_missing(struct why *why)
{
	size_t before = told("bpf is not in the list"), again = told(HOLDS);
	bool ok;

	if (write_small(NO_BPF, "lockdown,capability") ||
	    mount(NO_BPF, LSM_LIST, NULL, MS_BIND, NULL))
		return fail(why, "cannot mount over " LSM_LIST ": %s", strerror(errno));
	ok = is_told("bpf is not in the list", before, why) &&
		status_shows("bpf is not in the list", why) &&
		run_refuses("bpf is not in the list", why);
	umount(LSM_LIST);
	return ok && is_told(HOLDS, again, why) && holds(why);
}

static bool test_pin_removed(struct why *why)
{
	size_t before = told("removed: path_unlink");

	if (unlink(PIN))
		return fail(why, "cannot remove it: %s", strerror(errno));
	return is_told("removed: path_unlink", before, why) &&
		is_told("not denied at path_unlink", 0, why) &&
		status_shows("removed: path_unlink", why) &&
		run_refuses("removed: path_unlink", why);
}

/* Whoever changes the fence and does not come to an end keeps the daemon from what it does about entries. */
static bool test_lock_held(struct why *why)
{
	size_t before = told("another process holds " PATH_LOCK), again = told(HOLDS);
	int lock = open(PATH_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool ok;

	if (lock < 0 || flock(lock, LOCK_EX))
		return fail(why, "cannot lock " PATH_LOCK);
	ok = is_told("another process holds " PATH_LOCK, before, why);
	close(lock);
	return ok && is_told(HOLDS, again, why) && holds(why);
}

/* A daemon ends with its fence, and says so. */
static bool test_unloaded(struct why *why)
{
	size_t before = told("the fence was unloaded");
	struct command command;
	int end;

	command_run(&command, 0, COMMAND("ringfence", "unload"));
	if (command.status || !access(PINS, F_OK))
		return fail(why, "unload: status %d: %.300s", command.status, command.err);
	if (!is_told("the fence was unloaded", before, why))
		return false;
	close(server);
	end = background_end(&watching);
	return end == 1 || fail(why, "the daemon ended with %d", end);
}

const struct test liveness_tests[] = {
	{ "watched", test_watched },
	{ "canary-out-of-reach", test_canary_out_of_reach },
	{ "daemon-stopped", test_daemon_stopped },
	{ "ftrace-off", test_ftrace_off },
	{ "lsm-missing", test_lsm_missing },
	{ "lock-held", test_lock_held },
	{ "pin-removed", test_pin_removed },
	{ "unloaded", test_unloaded },
	{},
};
