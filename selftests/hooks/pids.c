/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence in a pid name space of its own, as in a container, on the loaded fence with the policy of shared.c:
 * a number of a process means that of the name space, and never a process that bears it elsewhere; what cannot
 * be told there is refused.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

#define LOG	    WORK "/pids.jsonl"
#define POLICY	    WORK "/pids.yaml"
#define PINS	    "/sys/fs/bpf/ringfence"
#define DEPLOY_USER 1000
#define DENIED	    "EHOSTUNREACH"

#define SELF	   (char *)self_path()
#define RUN	   "ringfence", "run", "--tag", "shared", "--quiet"
#define IN_PIDS	   SELF, "in-pids"
#define BESIDE(at) SELF, "beside", number_text((at)->init)
#define TAG(pid)   "ringfence", "tag", "--tag", "shared", "--pid", number_text(pid)

/* --- name spaces ---------------------------------------------------------------------------- */

static int status_of(pid_t child)
{
	int status = 0;

	if (child < 0 || waitpid(child, &status, 0) != child)
		return 99;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* hooks in-pids [keep-proc] COMMAND...: as the first process of a new pid name space; with a /proc that shows
 * it, or the one that is there. */
int in_pids_main(int argc, char **argv)
{
	bool keeps_proc = argc > 2 && !strcmp(argv[2], "keep-proc");
	char **command = argv + 2 + keeps_proc;
	pid_t child;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 99;
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!keeps_proc && mount("proc", "/proc", "proc", 0, NULL))
			_exit(99);
		execvp(command[0], command);
		_exit(98);
	}
	return status_of(child);
}

static int join(const char *process, const char *space)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", process, space);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 || setns(fd, 0);
	close(fd);
	return err;
}

/* hooks beside PID [keep-proc] COMMAND...: in the name spaces of that process; or only in its pid name space. */
int beside_main(int argc, char **argv)
{
	bool keeps_proc = argc > 3 && !strcmp(argv[3], "keep-proc");
	char **command = argv + 3 + keeps_proc;
	pid_t child;

	if (argc < 4 + keeps_proc || join(argv[2], "pid") || (!keeps_proc && join(argv[2], "mnt")))
		return 99;
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(command[0], command);
		_exit(98);
	}
	return status_of(child);
}

/* hooks as-number NUMBER COMMAND...: as the process of that number. */
int as_number_main(int argc, char **argv)
{
	pid_t number = argc > 3 ? atoi(argv[2]) : 0;
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1 };
	pid_t child = syscall(SYS_clone3, &args, sizeof(args));

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[3], argv + 3);
		_exit(98);
	}
	return status_of(child);
}

/* hooks as-user UID COMMAND... */
int as_user_main(int argc, char **argv)
{
	uid_t uid = argc > 3 ? atoi(argv[2]) : 0;

	if (!uid || setgroups(0, NULL) || setgid(uid) || setuid(uid))
		return 99;
	execvp(argv[3], argv + 3);
	return 98;
}

static char *number_text(pid_t number)
{
	static char text[4][16];
	static unsigned int turn;

	snprintf(text[++turn % 4], sizeof(*text), "%d", number);
	return text[turn % 4];
}

/* The process that @parent has started, as the host calls it, once it is there; 0: it does not come. */
static pid_t child_of(pid_t parent)
{
	int64_t end = now_ms() + WAIT_MS;
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	do {
		if (read_small(path, text, sizeof(text)) > 0 && atoi(text) > 0)
			return atoi(text);
		pause_briefly();
	} while (now_ms() < end);
	return 0;
}

/* A pid name space, with a process that waits in it. */
struct space {
	struct background first;
	pid_t init;			/* its first process, as the host calls it */
};

static bool space_open(struct space *space, struct why *why)
{
	space->init = 0;
	if (background_start(&space->first, COMMAND(IN_PIDS, SELF, "step")))
		return fail(why, "cannot start it");
	space->init = child_of(space->first.pid);
	/* With an answer of it, its /proc is mounted. */
	return (space->init && !strcmp(attempt_step(&space->first), "none") && far_accepted(shared_server) == 1) ||
		fail(why, "there is no name space");
}

static void space_close(struct space *space)
{
	background_end(&space->first);
}

/* --- what is looked at ---------------------------------------------------------------------- */

static bool met(struct background *stepper, const char *want, struct why *why)
{
	const char *word = attempt_step(stepper);
	unsigned int accepted = far_accepted(shared_server), wanted = !strcmp(want, "none");

	return (!strcmp(word, want) && accepted == wanted) ||
		fail(why, "it met %s and not %s; the server got %u", word, want, accepted);
}

static bool ends_with(int status, const char *says, char *const argv[], struct why *why)
{
	struct command command;

	command_run(&command, 0, argv);
	return (command.status == status && (strstr(command.out, says) || strstr(command.err, says))) ||
		fail(why, "status %d and not %d, \"%s\": %.200s%.200s", command.status, status, says,
		     command.out, command.err);
}

static json_t *list_of(char *const argv[])
{
	struct command command;

	command_run(&command, 0, argv);
	return command.status ? NULL : json_loads(command.out, 0, NULL);
}

/* The object in a list whose @key is this number, or NULL. */
static const json_t *entry_of(const json_t *list, const char *key, long long number)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
		if (json_integer_value(record_value(entry, key)) == number)
			return entry;
	return NULL;
}

/* The name of the run that a launcher has, as the host calls that. */
static bool run_of_launcher(pid_t launcher, char ret_run[64], struct why *why)
{
	json_t *runs = list_of(COMMAND("ringfence", "runs", "--json"));
	const json_t *run = entry_of(runs, "launcher", launcher);
	bool alive = json_is_true(record_value(run, "launcher_alive"));

	snprintf(ret_run, 64, "%s", record_text(run, "run"));
	json_decref(runs);
	return (*ret_run && alive) || fail(why, "no run of launcher %d that is alive", launcher);
}

/* --- what a run is told of ------------------------------------------------------------------ */

static bool is_action(const json_t *line, const char *action, struct why *why)
{
	return !strcmp(record_text(line, "event.action"), action) ||
		fail(why, "a line says \"%s\", and not \"%s\"", record_text(line, "event.action"), action);
}

/* A run's log: its beginning, the one denial with all its ancestors, its end. */
static bool is_told(const char *log, struct why *why)
{
	const json_t *begin, *denial, *ancestors, *root;
	struct journal journal;
	bool ok;

	journal_read_all(&journal, log, NULL);
	begin = json_array_get(journal.lines, 0);
	denial = json_array_get(journal.lines, 1);
	ancestors = record_value(denial, "ringfence.ancestors");
	root = json_array_get(ancestors, json_array_size(ancestors) - 1);
	ok = json_array_size(journal.lines) == 3 || fail(why, "%zu lines", json_array_size(journal.lines));
	ok = ok && is_action(begin, "run-begin", why) &&
		is_action(json_array_get(journal.lines, 2), "run-end", why);
	if (ok && strcmp(record_text(denial, "ringfence.lineage"), "complete"))
		ok = fail(why, "its ancestors are said to be incomplete");
	if (ok && (json_array_size(ancestors) != 1 ||
		   strcmp(record_text(root, "entity_id"), record_text(begin, "process.entity_id"))))
		ok = fail(why, "the first of %zu ancestors is not the process that begins",
			  json_array_size(ancestors));
	journal_free(&journal);
	return ok;
}

#define SCRIPT "--", "bash", "-c", "\"$0\" attempt 0; exit 7", SELF

static bool test_told(struct why *why)
{
	unlink(LOG);
	if (!ends_with(7, "", COMMAND(RUN, "--log", LOG, SCRIPT), why) || !is_told(LOG, why))
		return false;		/* as it is outside */
	unlink(LOG);
	return ends_with(7, "", COMMAND(IN_PIDS, RUN, "--log", LOG, SCRIPT), why) && is_told(LOG, why);
}

/* A fence of its own, which needs no host at all. */
static bool test_own_fence(struct why *why)
{
	policy_write(POLICY, "own", "deny: server, errno: EHOSTUNREACH");
	unlink(LOG);
	return ends_with(7, "", COMMAND(IN_PIDS, "ringfence", "run", "--quiet", "--policy", POLICY, "--tag", "own",
					"--log", LOG, SCRIPT), why) &&
		is_told(LOG, why);
}

/* --- who is out of reach -------------------------------------------------------------------- */

static bool test_launcher_out_of_reach(struct why *why)
{
	return ends_with(0, "", COMMAND(IN_PIDS, RUN, "--", "bash", "-c", "for signal in STOP TERM KILL; do"
					" ! kill -$signal $PPID || exit 1; done; kill -0 $PPID"), why);
}

/* For each line on stdin: a child of that number writes the file of its own, and then that of the launcher. */
static char offers[] = "while read number; do"
	" if \"$0\" as-number $number bash -c 'echo 5 >/proc/self/oom_score_adj'; then echo own; else echo none; fi;"
	" if echo 5 >/proc/$PPID/oom_score_adj; then echo launcher; else echo none; fi; done";

/* Whom the kernel kills first: the launcher's file is guarded, and not that of who has its number elsewhere. */
static bool test_oom_score(struct why *why)
{
	struct background run = { .in = -1, .out = -1 };
	char own[16] = "", launcher[16] = "", *number;
	struct space space;
	bool ok = space_open(&space, why);

	if (ok && background_start(&run, COMMAND(BESIDE(&space), RUN, "--", "bash", "-c", offers, SELF)))
		ok = fail(why, "cannot start it");
	if (ok) {
		number = number_text(child_of(run.pid));
		dprintf(run.in, "%s\n", number);
		ok = (background_line(&run, own, sizeof(own)) && background_line(&run, launcher, sizeof(launcher)) &&
		      !strcmp(own, "own") && !strcmp(launcher, "none")) ||
			fail(why, "the launcher is %s: it could write the file of %s, and of %s", number, own,
			     launcher);
		background_end(&run);
	}
	space_close(&space);
	return ok;
}

/* --- tag and ps ----------------------------------------------------------------------------- */

/* Two processes of a name space: what the host calls the first is the number of the second there. */
struct twins {
	struct space space;
	struct background first, second;
	pid_t number;
};

static bool twins_start(struct twins *twins, struct why *why)
{
	*twins = (struct twins){ .first = { .in = -1, .out = -1 }, .second = { .in = -1, .out = -1 } };
	if (!space_open(&twins->space, why))
		return false;
	if (background_start(&twins->first, COMMAND(BESIDE(&twins->space), SELF, "step")) ||
	    !(twins->number = child_of(twins->first.pid)) ||
	    background_start(&twins->second, COMMAND(BESIDE(&twins->space), SELF, "as-number",
						     number_text(twins->number), SELF, "step")))
		return fail(why, "cannot start them");
	return met(&twins->first, "none", why) && met(&twins->second, "none", why);
}

static void twins_end(struct twins *twins)
{
	if (twins->first.pid)
		background_end(&twins->first);
	if (twins->second.pid)
		background_end(&twins->second);
	space_close(&twins->space);
}

/* From inside and from outside, one number means either of them. */
static bool test_tag(struct why *why)
{
	struct twins twins;
	bool ok = twins_start(&twins, why);

	ok = ok && ends_with(0, "1 task tagged", COMMAND(BESIDE(&twins.space), TAG(twins.number)), why) &&
		met(&twins.second, DENIED, why) && met(&twins.first, "none", why) &&
		ends_with(0, "1 task tagged", COMMAND(TAG(twins.number)), why) &&
		met(&twins.first, DENIED, why);
	twins_end(&twins);
	return ok;
}

static bool test_tag_tree(struct why *why)
{
	struct twins twins;
	bool ok = twins_start(&twins, why);

	ok = ok && ends_with(0, "1 task tagged", COMMAND(BESIDE(&twins.space), TAG(twins.number), "--tree"), why) &&
		met(&twins.second, DENIED, why) && met(&twins.first, "none", why);
	twins_end(&twins);
	return ok;
}

/* Nobody inside has the number of this process; and where /proc shows others, a number may mean either. */
static bool test_tag_refused(struct why *why)
{
	return ends_with(1, "there is no process", COMMAND(IN_PIDS, TAG(getpid())), why) &&
		ends_with(1, "/proc shows the processes of another pid name space",
			  COMMAND(IN_PIDS, "keep-proc", TAG(getpid())), why) &&
		ends_with(0, "", COMMAND("ringfence", "ps"), why);
}

/* By the numbers of the name space, with the command lines of these, and only what is in it. */
static bool test_ps(struct why *why)
{
	struct background outside;
	struct twins twins;
	json_t *list = NULL;
	bool ok = twins_start(&twins, why);

	ok = ok && (!background_start(&outside, COMMAND(RUN, "--", SELF, "step")) || fail(why, "cannot start it"));
	if (ok) {
		ok = met(&outside, DENIED, why) &&
			ends_with(0, "", COMMAND(BESIDE(&twins.space), TAG(twins.number)), why);
		list = list_of(COMMAND("ringfence", "ps", "--json"));
		if (ok && (json_array_size(list) != 2 || entry_of(list, "pid", twins.number)))
			ok = fail(why, "from outside it does not show the two by their numbers");
		json_decref(list);
		list = list_of(COMMAND(BESIDE(&twins.space), "ringfence", "ps", "--json"));
		if (ok && (json_array_size(list) != 1 ||
			   !strstr(record_text(entry_of(list, "pid", twins.number), "command"), "hooks step")))
			ok = fail(why, "from inside it shows %.300s", list ? json_dumps(list, 0) : "nothing");
		json_decref(list);
		/* The same number is the first's in this /proc. */
		list = list_of(COMMAND(BESIDE(&twins.space), "keep-proc", "ringfence", "ps", "--json"));
		if (ok && (json_array_size(list) != 1 ||
			   strcmp(record_text(entry_of(list, "pid", twins.number), "command"), "[hooks]")))
			ok = fail(why, "with another /proc it shows %.300s", list ? json_dumps(list, 0) : "nothing");
		json_decref(list);
		ok = ok && ends_with(0, "pid name space", COMMAND(BESIDE(&twins.space), "ringfence", "ps"), why);
		background_end(&outside);
	}
	twins_end(&twins);
	return ok;
}

/* --- runs and release ----------------------------------------------------------------------- */

/* A run inside and one outside. */
struct runs {
	struct space space;
	struct background inside, outside;
	char inside_run[64], outside_run[64];
};

static bool runs_start(struct runs *runs, struct why *why)
{
	*runs = (struct runs){ .inside = { .in = -1, .out = -1 }, .outside = { .in = -1, .out = -1 } };
	if (!space_open(&runs->space, why))
		return false;
	if (background_start(&runs->inside, COMMAND(BESIDE(&runs->space), RUN, "--log", LOG, "--", SELF, "step")) ||
	    background_start(&runs->outside, COMMAND(RUN, "--", SELF, "step")))
		return fail(why, "cannot start them");
	return met(&runs->inside, DENIED, why) && met(&runs->outside, DENIED, why) &&
		run_of_launcher(child_of(runs->inside.pid), runs->inside_run, why) &&
		run_of_launcher(runs->outside.pid, runs->outside_run, why);
}

static void runs_end(struct runs *runs)
{
	if (runs->inside.pid)
		background_end(&runs->inside);
	if (runs->outside.pid)
		background_end(&runs->outside);
	space_close(&runs->space);
}

#define RELEASE(run) "ringfence", "release", "--reason", "a test", "--run", run

/* Of a run that is all inside, it is seen that it is free; of others it is not. */
static bool test_release(struct why *why)
{
	struct runs runs;
	bool ok = runs_start(&runs, why);

	ok = ok && ends_with(1, "pid name space", COMMAND(BESIDE(&runs.space), RELEASE(runs.outside_run)), why) &&
		met(&runs.outside, DENIED, why) &&
		ends_with(0, ": 1 task freed", COMMAND(BESIDE(&runs.space), RELEASE(runs.inside_run)), why) &&
		met(&runs.inside, "none", why) && met(&runs.outside, DENIED, why) &&
		ends_with(0, ": 1 task freed", COMMAND(RELEASE(runs.outside_run)), why) &&
		met(&runs.outside, "none", why);
	runs_end(&runs);
	return ok;
}

/* Of who is outside nothing is claimed. */
static bool test_runs(struct why *why)
{
	struct runs runs;
	bool ok = runs_start(&runs, why);
	json_t *list = ok ? list_of(COMMAND(BESIDE(&runs.space), "ringfence", "runs", "--json")) : NULL;
	const json_t *run;
	size_t i, seen = 0;

	json_array_foreach(list, i, run) {
		const json_t *alive = record_value(run, "launcher_alive");

		seen += !strcmp(record_text(run, "run"), runs.inside_run) && json_is_true(alive);
		seen += !strcmp(record_text(run, "run"), runs.outside_run) && json_is_null(alive);
	}
	if (ok && seen != 2)
		ok = fail(why, "from inside it shows %.400s", list ? json_dumps(list, 0) : "nothing");
	json_decref(list);
	ok = ok && ends_with(0, "pid name space", COMMAND(BESIDE(&runs.space), "ringfence", "runs"), why);
	runs_end(&runs);
	return ok;
}

/* --- what takes the whole host -------------------------------------------------------------- */

static bool test_refused(struct why *why)
{
	static const char *const reason = "pid name space";

	return ends_with(1, reason, COMMAND(IN_PIDS, "ringfence", "daemon"), why) &&
		ends_with(1, reason, COMMAND(IN_PIDS, "ringfence", "load", "--replace"), why) &&
		ends_with(1, reason, COMMAND(IN_PIDS, "ringfence", "unload"), why) &&
		ends_with(1, reason, COMMAND(IN_PIDS, "ringfence", "apply", POLICY), why) &&
		(!access(PINS, F_OK) || fail(why, "the fence is gone"));
}

/* With a daemon on the host: runs of root, and those of a user who asks it. */
static bool daemon_serves(const struct background *serving, struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	struct command command;
	json_t *status;
	bool ok;

	write_small(POLICY, "tag: pids\nmode: enforce\nusers: [\"1000\"]\n"
		    "services:\n  server: {nets: [" SERVER_IP "], ports: [80]}\n"
		    "rules:\n  - {deny: server, errno: EHOSTUNREACH}\n");
	if (!ends_with(0, "", COMMAND("ringfence", "apply", POLICY), why))
		return false;
	do {				/* until it has shown that the fence holds */
		marker_taken();
		command_run(&command, DEPLOY_USER, COMMAND("ringfence", "run", "--tag", "pids", "--quiet", SCRIPT));
		pause_briefly();
	} while (command.status != 7 && now_ms() < end);
	if (command.status != 7)
		return fail(why, "outside, the user's run: status %d: %.300s", command.status, command.err);
	unlink(LOG);
	if (!ends_with(7, "", COMMAND(IN_PIDS, RUN, "--log", LOG, SCRIPT), why) || !is_told(LOG, why) ||
	    !ends_with(7, "1 denied", COMMAND(IN_PIDS, SELF, "as-user", number_text(DEPLOY_USER), "ringfence",
					      "run", "--tag", "pids", SCRIPT), why))
		return false;
	status = list_of(COMMAND(IN_PIDS, "ringfence", "status", "--json"));
	ok = json_integer_value(record_value(status, "daemon")) == serving->pid ||
		fail(why, "from inside, status does not show the daemon %d", serving->pid);
	json_decref(status);
	return ok;
}

static bool test_daemon_outside(struct why *why)
{
	FILE *groups = fopen("/etc/group", "ae");
	struct background serving;
	bool ok;

	if (!groups || fprintf(groups, "ringfence:x:%d:\n", DEPLOY_USER) < 0 || fclose(groups) || chmod(WORK, 0777))
		return fail(why, "cannot let the user in");
	if (background_start(&serving, COMMAND("ringfence", "daemon")))
		return fail(why, "cannot start the daemon");
	ok = daemon_serves(&serving, why);
	kill(serving.pid, SIGTERM);
	if (background_end(&serving) && ok)
		ok = fail(why, "the daemon failed");
	close(shared_server);
	shared_server = -1;
	return ok;
}

/* Those of shared.c are another process's. */
static bool test_server(struct why *why)
{
	shared_server = far_listen(SERVER_IP, SERVER_PORT);
	return shared_server >= 0 || fail(why, "there is no server");
}

const struct test pids_tests[] = {
	{ "server", test_server },
	{ "told", test_told },
	{ "own-fence", test_own_fence },
	{ "launcher-out-of-reach", test_launcher_out_of_reach },
	{ "oom-score", test_oom_score },
	{ "tag", test_tag },
	{ "tag-tree", test_tag_tree },
	{ "tag-refused", test_tag_refused },
	{ "ps", test_ps },
	{ "release", test_release },
	{ "runs", test_runs },
	{ "refused", test_refused },
	{ "daemon-outside", test_daemon_outside },
	{},
};
