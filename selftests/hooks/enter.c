/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs that begin without a launcher: by executing a program, and in control groups. On the loaded fence.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lsm/abi.h"
#include "attempts.h"

#define POLICY	  WORK "/enter.yaml"
#define OTHER	  WORK "/enter-too.yaml"
#define FOLDER	  WORK "/enter"
#define PROGRAM	  FOLDER "/deploy"
#define TREE	  FOLDER "/tree"
#define NO_PROGRAM FOLDER "/no-program"
#define LINKED	  FOLDER "/linked"
#define NEIGHBOUR FOLDER "/neighbour"

#define REACHER	  TREE "/reacher"
#define LOGS	  "/var/log/ringfence"
#define WAITING_MAX 1024		/* of userspace/runs/runs.c */
#define MANY	  (WAITING_MAX + 256)

#define CGROUPS	  "/sys/fs/cgroup"
#define CROWD	  CGROUPS "/crowd"
#define GROUP	  CGROUPS "/enter-group"
#define BELOW	  GROUP "/below"
#define SLICE	  CGROUPS "/enter.slice"
#define UNIT	  SLICE "/enter.service"
#define INSTANCE  SLICE "/enter-too@main.service"
#define OTHER_UNIT SLICE "/enter-not.service"
#define OTHERS	  CGROUPS "/enter-guest.scope"	/* a container, or a user's own manager */
#define OTHERS_UNIT OTHERS "/enter.service"
#define EARLY	  CGROUPS "/enter-early"
#define PLAIN	  CGROUPS "/enter-none"

#define SERVICE \
	"services: {server: {nets: [" SERVER_IP "], ports: [80]}}\n" \
	"rules: [{deny: server, errno: ENOLINK}]\n"
#define ENTRIES \
	"enter:\n  execs: [" PROGRAM ", " TREE "/, " NO_PROGRAM "]\n" \
	"  units: [enter.service, enter-too@.service]\n"

static struct background daemon_of_entries;
static int server = -1;

/* --- what comes in -------------------------------------------------------------------------- */

static int join_group(const char *group, pid_t pid)
{
	char path[256], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(text, sizeof(text), "%d", pid);
	return write_small(path, text);
}

static pid_t clone_into(const char *group)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

static void *step_in_thread(void *unused)
{
	(void)unused;
	step_main(0, NULL);
	return NULL;
}

/* Leaves a process to the first one, as daemons do: it has executed nothing of its own. */
static int daemonize(void)
{
	pid_t parent = getpid(), child = fork();

	if (child)
		_exit(child < 0);
	while (getppid() == parent)	/* which is in no control group any more then */
		pause_briefly();
	return 0;
}

/* hooks enter move|clone|thread|daemon|failed WHAT: comes into a control group, or does not; then as hooks
 * step. */
int enter_main(int argc, char **argv)
{
	const char *how = argc == 4 ? argv[2] : "", *what = argc == 4 ? argv[3] : "";
	char *nothing[] = { NULL };
	pthread_t thread;
	pid_t child = 0;

	if (!strcmp(how, "move") && join_group(what, getpid()))
		return 98;
	if (!strcmp(how, "daemon") && daemonize())
		return 95;
	if (!strcmp(how, "failed") && (execve(what, nothing, nothing) != -1 || errno != ENOEXEC))
		return 97;
	if (!strcmp(how, "clone")) {
		child = clone_into(what);
		if (child)
			return child < 0 || waitpid(child, NULL, 0) != child ? 96 : 0;
	}
	if (strcmp(how, "thread"))
		return step_main(0, NULL);
	return pthread_create(&thread, NULL, step_in_thread, NULL) || pthread_join(thread, NULL);
}

#define ENTER(how, what) COMMAND((char *)self_path(), "enter", how, what)

/* --- how it is judged ----------------------------------------------------------------------- */

/* Runs a program that makes one attempt: whether that was refused, and reached nobody. */
static bool is_in(char *const argv[], bool want, struct why *why)
{
	struct command command;
	unsigned int accepted;

	marker_taken();
	command_run(&command, 0, argv);
	accepted = far_accepted(server);
	if (!marker_taken())
		return fail(why, "%s was not executed: status %d: %.200s", argv[0], command.status,
			    command.err);
	return accepted == !want ||
		fail(why, "%s: the server accepted %u connections", argv[0], accepted);
}

/* The same of a process that makes an attempt for every line. */
static bool step_is_in(struct background *stepper, bool want, struct why *why)
{
	const char *met = attempt_step(stepper);
	unsigned int accepted = far_accepted(server);

	return (!strcmp(met, want ? "ENOLINK" : "none") && accepted == !want) ||
		fail(why, "it met %s, and the server accepted %u", met, accepted);
}

static bool comes_in(const char *how, const char *group, bool want, struct why *why)
{
	struct background stepper;
	bool ok;

	if (background_start(&stepper, ENTER((char *)how, (char *)group)))
		return fail(why, "cannot start it");
	ok = step_is_in(&stepper, want, why);
	background_end(&stepper);
	return ok;
}

static bool write_program(const char *path)
{
	char text[512];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s attempt 0\ntrue\n", self_path());
	return !write_small(path, text) && !chmod(path, 0755);
}

static bool apply(const char *entries, struct why *why)
{
	struct command command;
	char text[2048];

	snprintf(text, sizeof(text), "tag: enter\nmode: enforce\n%s%s", entries, SERVICE);
	if (write_small(POLICY, text))
		return fail(why, "cannot write " POLICY);
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	return !command.status || fail(why, "apply: status %d: %.300s", command.status, command.err);
}

/* --- by execution --------------------------------------------------------------------------- */

static bool test_program(struct why *why)
{
	server = far_listen(SERVER_IP, SERVER_PORT);
	mkdir(FOLDER, 0755);
	mkdir(TREE, 0755);
	if (!write_program(PROGRAM) || !write_program(NEIGHBOUR) || !write_program(TREE "/deploy") ||
	    link(PROGRAM, LINKED))
		return fail(why, "cannot write the programs");
	if (!is_in(COMMAND(PROGRAM), false, why) || !apply(ENTRIES "  cgroups: [/enter-group]\n", why))
		return false;
	return is_in(COMMAND(PROGRAM), true, why) && is_in(COMMAND(NEIGHBOUR), false, why);
}

static bool test_other_name(struct why *why)
{
	return is_in(COMMAND(LINKED), true, why);
}

static bool test_replaced(struct why *why)
{
	if (!write_program(FOLDER "/new") || rename(FOLDER "/new", PROGRAM))
		return fail(why, "cannot replace it");
	return is_in(COMMAND(PROGRAM), true, why);
}

static bool test_below_folder(struct why *why)
{
	return is_in(COMMAND(TREE "/deploy"), true, why);
}

/* What is executed is the shell. */
static bool test_read_only(struct why *why)
{
	return is_in(COMMAND("sh", PROGRAM), false, why);
}

/* Neither at once, nor with what it executes next. */
static bool test_failed(struct why *why)
{
	struct background stepper;
	bool ok;

	if (write_small(NO_PROGRAM, "no program\n") || chmod(NO_PROGRAM, 0755))
		return fail(why, "cannot write " NO_PROGRAM);
	if (background_start(&stepper, ENTER("failed", NO_PROGRAM)))
		return fail(why, "cannot start it");
	ok = step_is_in(&stepper, false, why);
	background_end(&stepper);
	return ok && is_in(COMMAND("bash", "-c", NO_PROGRAM " 2>/dev/null; exec " NEIGHBOUR), false, why);
}

/* --- by control group ----------------------------------------------------------------------- */

static bool test_group(struct why *why)
{
	if (mkdir(GROUP, 0755) || mkdir(PLAIN, 0755))
		return fail(why, "cannot make the control groups");
	return comes_in("move", GROUP, true, why) && comes_in("move", PLAIN, false, why);
}

static bool test_executed_in_group(struct why *why)
{
	return is_in(COMMAND("sh", "-c", "echo $$ >" GROUP "/cgroup.procs; exec " NEIGHBOUR), true, why);
}

static bool test_below_group(struct why *why)
{
	if (mkdir(BELOW, 0755))
		return fail(why, "cannot make the control group");
	return comes_in("move", BELOW, true, why);
}

static bool test_cloned(struct why *why)
{
	return comes_in("clone", PLAIN, false, why) && comes_in("clone", GROUP, true, why);
}

static bool test_unit(struct why *why)
{
	if (mkdir(SLICE, 0755) || mkdir(UNIT, 0755) || mkdir(INSTANCE, 0755) || mkdir(OTHER_UNIT, 0755) ||
	    mkdir(OTHERS, 0755) || mkdir(OTHERS_UNIT, 0755))
		return fail(why, "cannot make the control groups");
	return comes_in("move", UNIT, true, why) && comes_in("move", INSTANCE, true, why) &&
		comes_in("move", OTHER_UNIT, false, why) && comes_in("move", OTHERS_UNIT, false, why);
}

static bool test_moved(struct why *why)
{
	struct background stepper;
	bool ok;

	if (background_start(&stepper, COMMAND((char *)self_path(), "step")))
		return fail(why, "cannot start it");
	ok = step_is_in(&stepper, false, why) &&
		(!join_group(GROUP, stepper.pid) || fail(why, "cannot move it")) &&
		step_is_in(&stepper, true, why);
	background_end(&stepper);
	return ok;
}

/* Moved by hand: its pid is not that of what was started. */
static bool test_daemon_moved(struct why *why)
{
	struct background stepper;
	char member[16] = "";
	bool ok;

	if (background_start(&stepper, COMMAND("sh", "-c", "echo $$ >" PLAIN "/cgroup.procs; exec \"$0\" enter daemon x",
					       (char *)self_path())))
		return fail(why, "cannot start it");
	ok = step_is_in(&stepper, false, why) &&
		(read_small(PLAIN "/cgroup.procs", member, sizeof(member)) > 0 || fail(why, "it is nowhere")) &&
		(!join_group(GROUP, atoi(member)) || fail(why, "cannot move it")) && step_is_in(&stepper, true, why);
	background_end(&stepper);
	return ok;
}

/* A deploy cannot put a neighbour behind its own fence. */
static bool test_led_in(struct why *why)
{
	struct background stepper;
	struct command command;
	char script[256];
	bool ok;

	if (background_start(&stepper, COMMAND((char *)self_path(), "step")))
		return fail(why, "cannot start it");
	snprintf(script, sizeof(script), "echo %d >" GROUP "/cgroup.procs", stepper.pid);
	command_run(&command, 0, COMMAND("ringfence", "run", "--quiet", "--tag", "enter", "--", "sh", "-c",
					 script));
	ok = (!command.status || fail(why, "it could not be moved: %.200s", command.err)) &&
		step_is_in(&stepper, false, why);
	background_end(&stepper);
	return ok;
}

/* Threads, and a group that was there with a process in it: apply comes for those. */
static bool test_there_before(struct why *why)
{
	struct background stepper;
	bool ok;

	if (mkdir(EARLY, 0755) || background_start(&stepper, ENTER("thread", "")))
		return fail(why, "cannot start it");
	ok = (!join_group(EARLY, stepper.pid) || fail(why, "cannot move it")) &&
		step_is_in(&stepper, false, why) &&
		apply(ENTRIES "  cgroups: [/enter-group, /enter-early]\n", why) &&
		step_is_in(&stepper, true, why);
	background_end(&stepper);
	return ok && comes_in("move", EARLY, true, why);
}

/* --- with a daemon -------------------------------------------------------------------------- */

static bool test_threads(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	struct background stepper;
	const char *met = "none";
	bool ok;

	if (background_start(&daemon_of_entries, COMMAND("ringfence", "daemon")) ||
	    background_start(&stepper, ENTER("thread", "")))
		return fail(why, "cannot start it");
	ok = step_is_in(&stepper, false, why) &&
		(!join_group(GROUP, stepper.pid) || fail(why, "cannot move it"));
	while (ok && strcmp(met, "ENOLINK") && now_ms() < end) {
		pause_briefly();
		met = attempt_step(&stepper);
	}
	far_accepted(server);		/* of the moment before */
	ok = ok && step_is_in(&stepper, true, why);
	background_end(&stepper);
	return ok;
}

/* The runs of the tag; how many of them began without a launcher. */
static size_t count_entered(void)
{
	struct command command;
	json_t *runs, *each;
	size_t i, count = 0;

	command_run(&command, 0, COMMAND("ringfence", "runs", "--json"));
	runs = json_loads(command.out, 0, NULL);
	json_array_foreach(runs, i, each)
		count += !strcmp(record_text(each, "tag"), "enter") && json_is_true(record_value(each, "entered"));
	json_decref(runs);
	return count;
}

static bool count_record(void *ctx, const char *line)
{
	*(size_t *)ctx += strstr(line, "\"errno\":\"ENOLINK\"") && strstr(line, "\"tag\":\"enter\"") &&
		strstr(line, TREE "/again") != NULL;
	return true;
}

static bool count_end(void *ctx, const char *line)
{
	*(size_t *)ctx += strstr(line, "\"action\":\"run-end\"") && strstr(line, "\"tag\":\"enter\"") &&
		strstr(line, "\"status\":null") != NULL;
	return true;
}

/* A run in the list and in the log, with the program that began it; and it is over some time. */
static bool test_account(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	size_t records = 0, ends = 0, left;

	if (!count_entered())
		return fail(why, "no run is shown that had no launcher");
	if (!write_program(TREE "/again") || !is_in(COMMAND(TREE "/again"), true, why))
		return false;
	while (!records && now_ms() < end) {
		pause_briefly();
		journal_scan(MAIN_LOG, count_record, &records);
	}
	if (!records)
		return fail(why, "no record has the program for an ancestor");
	end = now_ms() + 4 * WAIT_MS;
	/* Those of the control groups, which are there still, stay. */
	while ((left = count_entered()) > 5 && now_ms() < end)
		pause_briefly();
	if (!left || left > 5)
		return fail(why, "%zu runs are shown that had no launcher", left);
	while (!ends && now_ms() < end) {
		journal_scan(MAIN_LOG, count_end, &ends);
		pause_briefly();
	}
	return ends || fail(why, "no line says that one is over");
}

/* Of all tags: there may be more than a command's output has room for here. */
static size_t count_many(void)
{
	struct command command;

	command_run(&command, 0, COMMAND("bash", "-c", "ringfence runs --json | grep -c '\"entered\": true'"));
	return atoi(command.out);
}

/* Waits until there are no more than @most of them: how many there are. */
static size_t settle_at(size_t most)
{
	int64_t end = now_ms() + 4 * WAIT_MS;
	size_t left;

	while ((left = count_many()) > most && now_ms() < end)
		pause_briefly();
	return left;
}

static bool fill_logs(void)
{
	static char block[4096];
	int fd = open(LOGS "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	return fd >= 0 && errno == ENOSPC;
}

/* Runs that each have a record which the log does not take. */
static bool begin_many(struct why *why)
{
	for (int i = 0; i < MANY; i++) {
		pid_t child = fork();
		int status = 0;

		if (!child) {
			execl(REACHER, REACHER, "reach-local", "tcp", SERVER_IP, "80", NULL);
			_exit(98);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			return fail(why, "run %d of them: %x", i, status);
	}
	return true;
}

/* Runs that are over keep their accounts while their records wait for the log, but so many and no more. */
static bool test_log_full(struct why *why)
{
	size_t before = count_many(), left;
	struct command command;
	bool ok;

	if (mount("tmpfs", LOGS, "tmpfs", 0, "size=64k"))
		return fail(why, "cannot mount over " LOGS ": %m");
	command_run(&command, 0, COMMAND("cp", (char *)self_path(), REACHER));
	ok = (!command.status && fill_logs()) || fail(why, "cannot fill " LOGS);
	ok = ok && begin_many(why);
	left = ok ? settle_at(before + WAITING_MAX) : 0;
	if (ok && (far_accepted(server) || left < WAITING_MAX || left > before + WAITING_MAX))
		ok = fail(why, "of %d runs %zu keep their accounts, beside %zu", MANY, left, before);
	unlink(LOGS "/filler");		/* once the log has them, none is kept */
	mount(NULL, LOGS, NULL, MS_REMOUNT, "size=64m");
	left = settle_at(before);
	if (ok && left > before)
		ok = fail(why, "%zu accounts are left, and were %zu", left, before);
	umount2(LOGS, MNT_DETACH);
	return ok;
}

static bool test_daemon_gone(struct why *why)
{
	int end;

	kill(daemon_of_entries.pid, SIGTERM);
	end = background_end(&daemon_of_entries);
	return !end || fail(why, "the daemon ended with %d", end);
}

/* --- released ------------------------------------------------------------------------------- */

/* Finds the run that a process is in. */
static bool find_run(pid_t pid, char *ret_run, size_t size)
{
	struct command command;
	json_t *processes, *each;
	size_t i;

	ret_run[0] = 0;
	command_run(&command, 0, COMMAND("ringfence", "ps", "--json"));
	processes = json_loads(command.out, 0, NULL);
	json_array_foreach(processes, i, each)
		if (json_integer_value(record_value(each, "pid")) == pid)
			snprintf(ret_run, size, "%s", record_text(each, "run"));
	json_decref(processes);
	return *ret_run;
}

/* Who is in a group whose run is released is free, and so is who comes into it later. */
static bool test_released(struct why *why)
{
	struct background stepper;
	struct command command = { .status = -1 };
	char run[64];
	bool ok;

	if (background_start(&stepper, ENTER("move", UNIT)))
		return fail(why, "cannot start it");
	ok = step_is_in(&stepper, true, why) &&
		(find_run(stepper.pid, run, sizeof(run)) || fail(why, "ps does not show it"));
	if (ok)
		command_run(&command, 0, COMMAND("ringfence", "release", "--run", run, "--reason", "tests"));
	ok = ok && (!command.status || fail(why, "release: status %d: %.300s", command.status, command.err)) &&
		step_is_in(&stepper, false, why) && comes_in("move", UNIT, false, why) &&
		comes_in("move", INSTANCE, true, why);
	background_end(&stepper);
	return ok;
}

/* --- other policies ------------------------------------------------------------------------- */

static bool test_same_entry(struct why *why)
{
	struct command command;

	if (write_small(OTHER, "tag: enter-too\nmode: enforce\nenter: {execs: [" PROGRAM "]}\n" SERVICE))
		return fail(why, "cannot write " OTHER);
	command_run(&command, 0, COMMAND("ringfence", "apply", OTHER));
	if (command.status != 1 || !strstr(command.err, PROGRAM " begins runs of both tag enter and tag enter-too"))
		return fail(why, "status %d: %.300s", command.status, command.err);
	if (write_small(OTHER, "tag: enter-too\nmode: enforce\nenter: {execs: [" LINKED "]}\n" SERVICE) ||
	    unlink(LINKED) || symlink(PROGRAM, LINKED))
		return fail(why, "cannot write " OTHER);
	command_run(&command, 0, COMMAND("ringfence", "apply", OTHER));
	if (command.status != 1 || !strstr(command.err, PROGRAM " leads to the same place"))
		return fail(why, "by another name: status %d: %.300s", command.status, command.err);
	command_run(&command, 0, COMMAND("ringfence", "run", "--tag", "enter-too", "--", "true"));
	return (command.status == 125 || fail(why, "it is in force all the same")) &&
		is_in(COMMAND(PROGRAM), true, why);
}

/* More control groups than there is room for, found while they are put in force: the tag's own entries and
 * its rules stay, and so does what begins runs. */
static bool test_too_many(struct why *why)
{
	char name[128];
	struct command command;
	int made = 0;
	bool ok;

	mkdir(CROWD, 0755);
	for (; made <= ENTER_GROUPS_MAX; made++) {
		snprintf(name, sizeof(name), CROWD "/%d", made);
		if (mkdir(name, 0755))
			break;
	}
	ok = made > ENTER_GROUPS_MAX || fail(why, "cannot make control groups: %m");
	if (ok && write_small(OTHER, "tag: enter\nmode: enforce\nenter: {cgroups: [/crowd]}\n" SERVICE))
		ok = fail(why, "cannot write " OTHER);
	if (ok)
		command_run(&command, 0, COMMAND("ringfence", "apply", OTHER));
	ok = ok && ((command.status == 1 && strstr(command.err, "nothing has changed")) ||
		    fail(why, "status %d: %.300s%.300s", command.status, command.out, command.err)) &&
		is_in(COMMAND(PROGRAM), true, why) && comes_in("move", GROUP, true, why) &&
		comes_in("move", CROWD, false, why);
	while (made--) {
		snprintf(name, sizeof(name), CROWD "/%d", made);
		rmdir(name);
	}
	rmdir(CROWD);
	return ok;
}

static bool test_not_any_more(struct why *why)
{
	bool ok = apply("", why) && is_in(COMMAND(PROGRAM), false, why) &&
		comes_in("move", GROUP, false, why) && comes_in("move", UNIT, false, why);

	close(server);
	rmdir(BELOW);
	rmdir(GROUP);
	rmdir(UNIT);
	rmdir(INSTANCE);
	rmdir(OTHER_UNIT);
	rmdir(OTHERS_UNIT);
	rmdir(OTHERS);
	rmdir(SLICE);
	rmdir(EARLY);
	rmdir(PLAIN);
	return ok;
}

const struct test enter_tests[] = {
	{ "program", test_program },
	{ "other-name", test_other_name },
	{ "replaced", test_replaced },
	{ "below-folder", test_below_folder },
	{ "read-only", test_read_only },
	{ "failed", test_failed },
	{ "group", test_group },
	{ "executed-in-group", test_executed_in_group },
	{ "below-group", test_below_group },
	{ "cloned", test_cloned },
	{ "unit", test_unit },
	{ "moved", test_moved },
	{ "daemon-moved", test_daemon_moved },
	{ "led-in", test_led_in },
	{ "there-before", test_there_before },
	{ "threads", test_threads },
	{ "account", test_account },
	{ "log-full", test_log_full },
	{ "released", test_released },
	{ "daemon-gone", test_daemon_gone },
	{ "same-entry", test_same_entry },
	{ "too-many", test_too_many },
	{ "not-any-more", test_not_any_more },
	{},
};
