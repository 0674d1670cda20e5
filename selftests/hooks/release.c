/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `ringfence release` on the loaded fence, with the policy and the server of shared.c: who is free
 * afterwards and who is not, what the log says, and what is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

#define LOG	   WORK "/release.jsonl"
#define LOGS	   "/var/log/ringfence"
#define FILLER	   LOGS "/filler"
#define REASON	   "the fix \"must\" go out"
#define RUN	   "ringfence", "run", "--tag", "shared", "--quiet"
#define DENIED	   "EHOSTUNREACH"
#define NOBODY	   1000
#define BRANCHES   4			/* of a tree that forks */
#define STAYS_MS   2000			/* how long it is looked at afterwards */

/* --- what is released ----------------------------------------------------------------------- */

static void branch(void)
{
	for (;;) {
		if (!fork()) {
			if (!fork())
				usleep(1000);
			_exit(0);
		}
		while (wait(NULL) > 0)
			;
	}
}

/* hooks forking: BRANCHES processes that fork without end; for every line on stdin, a child connects and
 * tells what it met. All of it ends with stdin. */
int forking_main(int argc, char **argv)
{
	char line[16];

	(void)argc;
	(void)argv;
	setpgid(0, 0);
	for (int i = 0; i < BRANCHES; i++)
		if (!fork())
			branch();
	while (fgets(line, sizeof(line), stdin)) {
		pid_t pid = fork();

		if (!pid) {
			int err = attempt_connect(SERVER_IP, SERVER_PORT);

			printf("%s\n", err ? strerrorname_np(-err) : "none");
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	return kill(0, SIGKILL);
}

struct deploy {
	struct background process;	/* the launcher */
	char run[64];
};

/* An array of objects that `ringfence VERB --json` prints, or NULL. */
static json_t *list_of(char *const argv[])
{
	struct command command;

	command_run(&command, 0, argv);
	return command.status ? NULL : json_loads(command.out, 0, NULL);
}

/* What `ringfence runs` says of it; NULL: nothing. */
static json_t *account_of(pid_t launcher)
{
	json_t *runs = list_of(COMMAND("ringfence", "runs", "--json")), *run, *found = NULL;
	size_t i;

	json_array_foreach(runs, i, run)
		if (json_integer_value(record_value(run, "launcher")) == launcher)
			found = json_incref(run);
	json_decref(runs);
	return found;
}

static bool meets(struct deploy *deploy, const char *want, struct why *why)
{
	const char *met = attempt_step(&deploy->process);
	unsigned int accepted = far_accepted(shared_server), wanted = !strcmp(want, "none");

	return (!strcmp(met, want) && accepted == wanted) ||
		fail(why, "run %s met %s and not %s; the server got %u", deploy->run, met, want, accepted);
}

/* Starts `hooks WHAT` as a run, which is denied. */
static bool start(struct deploy *deploy, char *what, struct why *why)
{
	json_t *account;

	deploy->run[0] = 0;
	if (background_start(&deploy->process, COMMAND(RUN, "--log", LOG, "--", (char *)self_path(), what)))
		return fail(why, "cannot start it");
	if (!meets(deploy, DENIED, why))
		return false;
	account = account_of(deploy->process.pid);
	snprintf(deploy->run, sizeof(deploy->run), "%s", record_text(account, "run"));
	json_decref(account);
	return *deploy->run || fail(why, "ringfence runs does not show it");
}

static void end(struct deploy *deploy)
{
	background_end(&deploy->process);
}

#define RELEASE(run) "ringfence", "release", "--run", run, "--reason", REASON

static bool released(struct deploy *deploy, const char *says, struct why *why)
{
	struct command command;

	command_run(&command, 0, COMMAND(RELEASE(deploy->run)));
	return (!command.status && strstr(command.out, says)) ||
		fail(why, "status %d, and not \"%s\": %.200s%.200s", command.status, says, command.out,
		     command.err);
}

/* How many processes `ringfence ps` shows of a run; -1: it failed. */
static ssize_t shown(const char *run)
{
	json_t *list = list_of(COMMAND("ringfence", "ps", "--json", "--run", (char *)run));
	ssize_t count = list ? (ssize_t)json_array_size(list) : -1;

	json_decref(list);
	return count;
}

/* --- what is seen --------------------------------------------------------------------------- */

/* The records of releases of a run in a log, all and those that were not carried out. */
static size_t records(const char *log, const char *run, size_t *ret_failed)
{
	struct journal journal;
	json_t *record;
	size_t i, count = 0;

	*ret_failed = 0;
	journal_read(&journal, log, run);
	json_array_foreach(journal.lines, i, record)
		if (!strcmp(record_text(record, "event.action"), "release")) {
			count++;
			*ret_failed += !strcmp(record_text(record, "event.outcome"), "failure");
		}
	journal_free(&journal);
	return count;
}

/* Whether the log has one record of it, with all that it is to say. */
static bool is_recorded(const char *run, bool login, struct why *why)
{
	struct journal journal;
	json_t *record, *found = NULL;
	size_t i;
	bool ok;

	journal_read(&journal, MAIN_LOG, run);
	json_array_foreach(journal.lines, i, record)
		if (!strcmp(record_text(record, "event.action"), "release"))
			found = record;
	ok = !strcmp(record_text(found, "ringfence.reason"), REASON) &&
		!strcmp(record_text(found, "event.outcome"), "success") &&
		!strcmp(record_text(found, "user.id"), "0") &&
		!strcmp(record_text(found, "process.name"), "ringfence") &&
		json_integer_value(record_value(found, "ringfence.tasks")) == 1 &&
		(!login || !strcmp(record_text(found, "ringfence.login.uid"), "0"));
	if (!ok) {
		char *text = found ? json_dumps(found, 0) : NULL;

		fail(why, "the record: %.400s", text ?: "none");
		free(text);
	}
	journal_free(&journal);
	return ok;
}

/* What the launcher says at its end. */
static bool launcher_tells(struct deploy *deploy, struct why *why)
{
	char text[4096] = "";
	int status = background_end(&deploy->process);
	size_t failed;

	read_small(WORK "/background-err", text, sizeof(text));
	if (status || !strstr(text, "was released while it ran"))
		return fail(why, "the launcher ended with %d: %.300s", status, text);
	return records(LOG, deploy->run, &failed) == 1 || fail(why, "no record of it in the log of the run");
}

static bool is_shown_as_released(struct deploy *deploy, struct why *why)
{
	json_t *account = account_of(deploy->process.pid);
	bool ok = json_is_true(record_value(account, "released")) &&
		json_is_true(record_value(account, "launcher_alive")) &&
		!json_integer_value(record_value(account, "tasks")) &&
		!strcmp(record_text(account, "tag"), "shared");
	char *text = account && !ok ? json_dumps(account, 0) : NULL;

	if (!ok)
		fail(why, "ringfence runs shows %.400s", text ?: "nothing");
	free(text);
	json_decref(account);
	return ok;
}

/* --- the tests ------------------------------------------------------------------------------ */

static bool test_free(struct why *why)
{
	bool login = !write_small("/proc/self/loginuid", "0");
	struct deploy other, deploy;
	bool ok;

	unlink(LOG);
	ok = start(&other, "step", why);
	if (!ok) {
		end(&other);
		return false;
	}
	ok = start(&deploy, "step", why) && released(&deploy, ": 1 task freed", why) &&
		meets(&deploy, "none", why) && meets(&other, DENIED, why) &&
		is_recorded(deploy.run, login, why) && is_shown_as_released(&deploy, why);
	if (ok && (shown(deploy.run) || shown(other.run) != 1))
		ok = fail(why, "ps shows %zd of the run, %zd of the other", shown(deploy.run),
			  shown(other.run));
	if (ok)
		ok = launcher_tells(&deploy, why);
	else
		end(&deploy);
	end(&other);
	return ok;
}

/* However it forks, nobody is tagged afterwards, and nobody is born so. */
static bool test_forking_tree(struct why *why)
{
	struct deploy deploy;
	bool ok = start(&deploy, "forking", why);
	ssize_t before = ok ? shown(deploy.run) : 0;
	int64_t until;

	if (ok && before <= BRANCHES)
		ok = fail(why, "ps shows %zd of the run", before);
	ok = ok && released(&deploy, "tasks freed", why);
	until = now_ms() + STAYS_MS;
	while (ok && now_ms() < until) {
		ssize_t left = shown(deploy.run);

		if (left)
			ok = fail(why, "%zd of the run are tagged", left);
	}
	ok = ok && meets(&deploy, "none", why);
	end(&deploy);
	return ok;
}

static bool refused(uid_t uid, const char *reason, char *const argv[], struct why *why)
{
	struct command command;

	command_run(&command, uid, argv);
	return (command.status == 1 && strstr(command.err, reason) && !*command.out) ||
		fail(why, "status %d, and not \"%s\": %.200s%.200s", command.status, reason, command.out,
		     command.err);
}

static bool test_refused(struct why *why)
{
	struct deploy deploy;
	bool ok = start(&deploy, "step", why) &&
		refused(0, "there is no run", COMMAND(RELEASE("20200101-000000-000000")), why) &&
		refused(0, "is not the name of a run", COMMAND(RELEASE("all")), why) &&
		refused(0, "--reason is missing",
			COMMAND("ringfence", "release", "--run", deploy.run), why) &&
		refused(0, "--reason is missing",
			COMMAND("ringfence", "release", "--run", deploy.run, "--reason", " "), why) &&
		refused(0, "--run is missing", COMMAND("ringfence", "release", "--reason", "x"), why) &&
		refused(NOBODY, "not open to this user", COMMAND(RELEASE(deploy.run)), why) &&
		meets(&deploy, DENIED, why);
	size_t failed;

	if (ok && records(MAIN_LOG, deploy.run, &failed))
		ok = fail(why, "there is a record of it");
	end(&deploy);
	return ok;
}

/* In audit mode the fence lets a run at its maps, and the command itself says no. */
static bool test_from_inside(struct why *why)
{
	struct deploy deploy;
	bool ok = start(&deploy, "step", why) &&
		refused(0, "a tagged process cannot reach it",
			COMMAND(RUN, "--", RELEASE(deploy.run)), why) &&
		refused(0, "this process is part of a run",
			COMMAND(RUN, "--mode", "audit", "--", RELEASE(deploy.run)), why) &&
		meets(&deploy, DENIED, why);

	end(&deploy);
	return ok;
}

static bool fill_logs(void)
{
	static char block[4096];
	int fd = open(FILLER, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
	return fd >= 0 && errno == ENOSPC;
}

/* With a log that takes no more: the run stays behind the fence, and what comes late says that. Once the log
 * takes records again it can be released. */
static bool test_without_record(struct why *why)
{
	struct deploy deploy;
	bool ok = true;
	size_t failed = 0, count;

	if (mount("tmpfs", LOGS, "tmpfs", 0, "size=64k"))
		return fail(why, "cannot mount over " LOGS ": %s", strerror(errno));
	if (!fill_logs())
		ok = fail(why, "cannot fill " LOGS);
	if (ok) {
		ok = start(&deploy, "step", why) &&
			refused(0, "nothing is released", COMMAND(RELEASE(deploy.run)), why) &&
			meets(&deploy, DENIED, why) && shown(deploy.run) == 1;
		unlink(FILLER);
		ok = ok && released(&deploy, ": 1 task freed", why) && meets(&deploy, "none", why);
		end(&deploy);
		count = records(MAIN_LOG, deploy.run, &failed);
		if (ok && (count != 3 || failed != 1))
			ok = fail(why, "%zu records, %zu of them of a failure", count, failed);
	}
	if (umount(LOGS))
		ok = fail(why, "cannot unmount " LOGS ": %s", strerror(errno));
	return ok;
}

const struct test release_tests[] = {
	{ "free", test_free },
	{ "forking-tree", test_forking_tree },
	{ "refused", test_refused },
	{ "from-inside", test_from_inside },
	{ "without-record", test_without_record },
	{},
};
