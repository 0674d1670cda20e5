/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit log of the daemon where it fails, and where it is rotated: on a full file system, removed, with
 * a daemon that stands still. On the loaded fence, under two policies that have the opening of one file
 * recorded: "lossy" goes on where that cannot be, "strict" then denies. To open it for writing is allowed,
 * and recorded, too: that is not denied by either. Whatever happens, a run's submitted = logged + lost, and
 * what is logged stands in the log, numbered without a gap.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../userspace/base/locations.h"
#include "attempts.h"

#define OBJECT	WORK "/recorded"	/* a folder; the file is far below */
#define ASIDE	PATH_LOGS ".aside"
#define FILLER	PATH_LOGS "/filler"
#define COPY	WORK "/copy.jsonl"
#define METRICS	WORK "/metrics.prom"
#define DEPLOY_USER 1000
#define ADM 4
#define NAME_LENGTH 240			/* of each folder on the way to the file, */
#define NAMES 15			/* so that a record takes some 4 KiB, and the ring is soon full */
#define FULL_MAX 20000			/* opens, before the ring has to be full */
#define BATCH 500

/* --- what runs behind the fence ------------------------------------------------------------- */

/* Goes to the file by steps: its path is longer than a system call takes. */
static int enter_object(bool make)
{
	char name[NAME_LENGTH + 1];

	memset(name, 'n', NAME_LENGTH);
	name[NAME_LENGTH] = 0;
	if ((make && mkdir(OBJECT, 0755)) || chdir(OBJECT))
		return -errno;
	for (int i = 0; i < NAMES; i++)
		if ((make && mkdir(name, 0755)) || chdir(name))
			return -errno;
	return 0;
}

/* hooks open-recorded: for every number on stdin, opens the file so often, behind a w for writing, and tells
 * how many of that passed and were denied with EPERM. On one CPU: whose losses are then known from the first
 * record on. */
int open_recorded_main(int argc, char **argv)
{
	char line[32];
	cpu_set_t one;

	(void)argc;
	(void)argv;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) || enter_object(false))
		return 99;
	while (fgets(line, sizeof(line), stdin)) {
		int passed = 0, denied = 0, write = *line == 'w';

		for (int left = atoi(line + write); left > 0; left--) {
			int fd = open("file", (write ? O_WRONLY : O_RDONLY) | O_CLOEXEC);

			passed += fd >= 0;
			denied += fd < 0 && errno == EPERM;
			if (fd >= 0)
				close(fd);
		}
		printf("%d %d\n", passed, denied);
		fflush(stdout);
	}
	return 0;
}

static struct opener {
	struct background process;	/* pid 0: it does not run */
	char run[64];
	long long made, denied;
	long long let_pass;		/* that were allowed, and found no room */
} opener;

/* Asks for @count opens. */
static bool ask_for(const char *kind, int count)
{
	char line[32];
	int size = snprintf(line, sizeof(line), "%s%d\n", kind, count);

	opener.made += count;
	return write(opener.process.in, line, size) == size;
}

static bool ask(int count)
{
	return ask_for("", count);
}

static bool take_answer(int count, int *ret_passed, struct why *why)
{
	int passed, denied;
	char line[64];

	if (!background_line(&opener.process, line, sizeof(line)) || sscanf(line, "%d %d", &passed, &denied) != 2)
		return fail(why, "the opener does not answer");
	opener.denied += denied;
	*ret_passed = passed;
	return passed + denied == count || fail(why, "an open met something else than EPERM");
}

static bool open_file(int count, int *ret_passed, struct why *why)
{
	return ask(count) && take_answer(count, ret_passed, why);
}

static bool opens_pass(int count, struct why *why)
{
	int passed = 0;

	return open_file(count, &passed, why) &&
		(passed == count || fail(why, "%d of %d opens passed", passed, count));
}

/* With a full ring: each is to be recorded, since none of those before was. */
static bool writes_pass(int count, struct why *why)
{
	int passed = 0;

	opener.let_pass += count;
	return ask_for("w", count) && take_answer(count, &passed, why) &&
		(passed == count || fail(why, "%d of %d that are allowed passed", passed, count));
}

/* --- the account ---------------------------------------------------------------------------- */

static json_t *output_of(char *const argv[])
{
	struct command command;

	command_run(&command, 0, argv);
	return json_loads(command.out, 0, NULL);
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(record_value(object, key));
}

/* The account of a run, or of the one that has a task of that tag; the caller's. NULL: none. */
static json_t *account_of(const char *run, const char *tag)
{
	json_t *runs = output_of(COMMAND("ringfence", "runs", "--json")), *each, *found = NULL;
	size_t i;

	json_array_foreach(runs, i, each)
		if (run ? !strcmp(record_text(each, "run"), run) :
			  !strcmp(record_text(each, "tag"), tag) && number_of(each, "tasks"))
			found = json_incref(each);
	json_decref(runs);
	return found;
}

static bool start_opener(const char *tag, const char *log, struct why *why)
{
	json_t *account;

	opener = (struct opener){};
	unlink(log);
	if (background_start(&opener.process, COMMAND("ringfence", "run", "--quiet", "--tag", (char *)tag, "--log",
						       (char *)log, "--", (char *)self_path(), "open-recorded")))
		return fail(why, "cannot start the opener");
	if (!opens_pass(10, why))
		return false;
	account = account_of(NULL, tag);
	snprintf(opener.run, sizeof(opener.run), "%s", record_text(account, "run"));
	json_decref(account);
	return *opener.run || fail(why, "the run has no account");
}

static bool end_opener(struct why *why)
{
	int status = opener.process.pid > 0 ? background_end(&opener.process) : 0;

	opener.process.pid = 0;
	return !status || fail(why, "the run ended with %d", status);
}

struct lines {
	char run[96];
	long long of_run, last_seq, lost;
	bool gap;
	bool again;			/* lines may be there twice: in a file that was removed, and in the next */
};

static bool count_line(void *ctx, const char *line)
{
	struct lines *lines = ctx;
	const char *at = strstr(line, "\"seq\":");
	long long seq = 0, lost = 0;

	if (at)
		sscanf(at, "\"seq\":%lld,\"lost_before\":%lld", &seq, &lost);
	if (lines->again && seq <= lines->last_seq)
		return true;
	lines->gap |= lines->last_seq && seq != lines->last_seq + 1;
	lines->last_seq = seq;
	lines->lost += lost;
	lines->of_run += strstr(line, lines->run) != NULL;
	return true;
}

/* All of the log, with what was rotated away from it; @also: a file before that, which was removed, or NULL. */
static struct lines read_log(const char *run, const char *also)
{
	struct lines lines = { .again = also };
	glob_t rotated = {};

	snprintf(lines.run, sizeof(lines.run), "\"run\":\"%s\"", run);
	if (also)
		journal_scan(also, count_line, &lines);
	if (!glob(PATH_LOGS "/audit-*.jsonl", 0, NULL, &rotated))
		for (size_t i = 0; i < rotated.gl_pathc; i++)
			journal_scan(rotated.gl_pathv[i], count_line, &lines);
	globfree(&rotated);
	journal_scan(MAIN_LOG, count_line, &lines);
	return lines;
}

/* Waits until every record is logged or lost, for as long as more of them are logged. */
static json_t *settled_account(const char *run)
{
	json_t *account = account_of(run, NULL);
	int64_t end = now_ms() + WAIT_MS;
	long long logged = -1;

	while (account && number_of(account, "logged") + number_of(account, "lost") !=
	       number_of(account, "submitted") && now_ms() < end) {
		if (number_of(account, "logged") > logged)
			end = now_ms() + WAIT_MS;
		logged = number_of(account, "logged");
		json_decref(account);
		pause_briefly();
		account = account_of(run, NULL);
	}
	return account;
}

/* What was tried, submitted, logged, lost, denied and written agrees. Beside what was tried there is the line
 * that the run begins. */
static bool agrees(const char *also, struct why *why)
{
	json_t *account = settled_account(opener.run);
	long long submitted = number_of(account, "submitted"), logged = number_of(account, "logged");
	long long lost = number_of(account, "lost"), unrecorded = number_of(account, "unrecorded");
	struct lines lines = read_log(opener.run, also);

	json_decref(account);
	if (submitted != opener.made + 1 || submitted != logged + lost || lines.of_run != logged)
		return fail(why, "%lld opens: %lld submitted, %lld logged, %lld lost; %lld lines", opener.made,
			    submitted, logged, lost, lines.of_run);
	if (unrecorded != opener.denied || (opener.denied && lost != opener.denied + opener.let_pass))
		return fail(why, "%lld denied: %lld counted as such, %lld lost", opener.denied, unrecorded, lost);
	/* Records of probes were lost as well. */
	if (lines.gap || lines.lost < lost)
		return fail(why, "a gap in the numbers, or %lld of %lld lost ones told", lines.lost, lost);
	return true;
}

/* --- daemon and disk ------------------------------------------------------------------------ */

static struct background collecting;

static bool write_policy(const char *tag, struct why *why)
{
	char path[64], text[512];
	struct command command;

	snprintf(path, sizeof(path), WORK "/%s.yaml", tag);
	snprintf(text, sizeof(text), "tag: %s\nmode: enforce\nrecord: matched\n"
		 "on_log_failure: %s\nusers: [\"%d\"]\n"
		 "services: {object: {files: [" OBJECT "/]}}\n"
		 "rules: [{audit: object, access: read}, {allow: object, access: write}]\n", tag,
		 !strcmp(tag, "strict") ? "deny" : "continue", DEPLOY_USER);
	write_small(path, text);
	command_run(&command, 0, COMMAND("ringfence", "apply", path));
	return !command.status || fail(why, "apply: status %d: %.300s", command.status, command.err);
}

/* Starts it on an empty log, and waits until it collects and lets users in. */
static bool start_daemon(char *const argv[], struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	bool collected = false;
	struct command command = { .status = -1 };

	if (background_start(&collecting, argv))
		return fail(why, "cannot start the daemon");
	while (!collected && now_ms() < end) {
		json_t *status = output_of(COMMAND("ringfence", "status", "--json"));

		collected = number_of(status, "daemon") == collecting.pid;
		json_decref(status);
	}
	while (collected && command.status && now_ms() < end)
		command_run(&command, DEPLOY_USER, COMMAND("ringfence", "run", "--quiet", "--tag", "lossy", "--",
							   "true"));
	return !command.status || fail(why, "the daemon is not ready: %.300s", command.err);
}

static bool stop_daemon(struct why *why)
{
	int status;

	if (collecting.pid <= 0)
		return true;
	kill(collecting.pid, SIGCONT);
	kill(collecting.pid, SIGTERM);
	status = background_end(&collecting);
	collecting.pid = 0;
	return !status || fail(why, "the daemon ended with %d", status);
}

/* A log folder of its own, of 2 MiB. */
static bool mount_logs(struct why *why)
{
	return (!mkdir(PATH_LOGS, 0750) && !mount("tmpfs", PATH_LOGS, "tmpfs", 0, "size=2m,mode=750")) ||
		fail(why, "cannot mount " PATH_LOGS ": %m");
}

/* Of this test nothing is left. */
static void remove_logs(void)
{
	glob_t found = {};

	umount2(PATH_LOGS, MNT_DETACH);
	if (!glob(PATH_LOGS "/*", 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
	globfree(&found);
	rmdir(PATH_LOGS);
}

static void fill_disk(void)
{
	static char bytes[65536];
	int fd = open(FILLER, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	for (size_t size = sizeof(bytes); size; size /= 2)
		while (write(fd, bytes, size) > 0)
			;
	close(fd);
}

static void make_room(void)
{
	unlink(FILLER);
	mount(NULL, PATH_LOGS, NULL, MS_REMOUNT, "size=200m");
}

static bool log_fault_is(bool want, struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	bool fault;

	do {
		json_t *status = output_of(COMMAND("ringfence", "status", "--json"));

		fault = json_is_string(record_value(status, "log_fault"));
		json_decref(status);
	} while (fault != want && now_ms() < end);
	return fault == want || fail(why, "status says that the log %s", fault ? "fails" : "does not fail");
}

/* Whether a run is started while the log takes nothing. */
static bool starts(uid_t uid, const char *tag, bool want, struct why *why)
{
	struct command command;

	command_run(&command, uid, COMMAND("ringfence", "run", "--quiet", "--tag", (char *)tag, "--", "true"));
	if (command.status != (want ? 0 : 125))
		return fail(why, "run of %s by %u: status %d: %.300s", tag, uid, command.status, command.err);
	return want || strstr(command.err, "on_log_failure") || fail(why, "stderr: %.300s", command.err);
}

/* --- the tests ------------------------------------------------------------------------------ */

/* Who may read logs, where the guest has no such group. */
static void add_group(void)
{
	FILE *groups = fopen("/etc/group", "ae");

	if (groups)
		fprintf(groups, "adm:x:%d:\n", ADM);
	if (groups)
		fclose(groups);
}

/* The log stays on the disk of the tests before; here begins one that is empty. */
static bool test_prepare(struct why *why)
{
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	bool made = !enter_object(true);

	fd = made ? open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1;
	close(fd);
	if (fd < 0 || fchdir(back))
		return fail(why, "cannot make the file: %m");
	close(back);
	add_group();
	return (!rename(PATH_LOGS, ASIDE) || fail(why, "cannot move the log aside: %m")) &&
		write_policy("lossy", why) && write_policy("strict", why);
}

/* First lines wait in memory, then records in the ring; not before that is full does a verdict change. */
static bool fill_up(struct why *why)
{
	long long lost = 0;
	int passed = BATCH;

	while (!lost && opener.made < FULL_MAX) {
		json_t *account;

		if (!open_file(BATCH, &passed, why))
			return false;
		account = account_of(opener.run, NULL);
		lost = number_of(account, "lost");
		json_decref(account);
		if (!lost && passed != BATCH)
			return fail(why, "an open was denied with room in the ring");
	}
	return lost || fail(why, "the ring never filled up");
}

static bool full_disk(const char *tag, bool strict, struct why *why)
{
	int passed = 0;

	if (!mount_logs(why) || !start_daemon(COMMAND("ringfence", "daemon"), why) ||
	    !start_opener(tag, COPY, why))
		return false;
	fill_disk();
	if (!opens_pass(10, why) || !log_fault_is(true, why) ||
	    !starts(0, "strict", false, why) || !starts(DEPLOY_USER, "strict", false, why) ||
	    !starts(0, "lossy", true, why) || !starts(DEPLOY_USER, "lossy", true, why) ||
	    !fill_up(why) || !open_file(BATCH, &passed, why))
		return false;
	if (passed != (strict ? 0 : BATCH))
		return fail(why, "with a full ring, %d of %d opens passed", passed, BATCH);
	if (!writes_pass(BATCH, why))
		return false;
	make_room();
	json_decref(settled_account(opener.run));
	return log_fault_is(false, why) && opens_pass(10, why) && starts(0, "strict", true, why) &&
		agrees(NULL, why) && end_opener(why);
}

static bool in_empty_folder(bool (*test)(struct why *why), struct why *why)
{
	struct why second;
	bool ok = test(why);

	ok &= end_opener(ok ? why : &second);
	ok &= stop_daemon(ok ? why : &second);
	remove_logs();
	return ok;
}

static bool full_lossy(struct why *why)
{
	return full_disk("lossy", false, why);
}

static bool full_strict(struct why *why)
{
	return full_disk("strict", true, why);
}

static bool test_full_disk(struct why *why)
{
	return in_empty_folder(full_lossy, why);
}

static bool test_full_disk_strict(struct why *why)
{
	return in_empty_folder(full_strict, why);
}

/* In audit mode nothing is ever denied; nor are starts refused. */
static bool full_audit(struct why *why)
{
	struct command command;

	if (!mount_logs(why) || !start_daemon(COMMAND("ringfence", "daemon"), why))
		return false;
	fill_disk();
	command_run(&command, 0, COMMAND("ringfence", "run", "--quiet", "--mode", "audit", "--tag", "strict", "--",
					 "true"));
	make_room();
	return !command.status || fail(why, "status %d: %.300s", command.status, command.err);
}

static bool test_full_disk_audit(struct why *why)
{
	return in_empty_folder(full_audit, why);
}

/* A fence of its own: what was not started has made no log. */
static bool test_full_disk_own_fence(struct why *why)
{
	struct command command;
	bool ok;

	if (!mount_logs(why))
		return false;
	fill_disk();
	command_run(&command, 0, COMMAND("ringfence", "run", "--quiet", "--policy", WORK "/strict.yaml", "--tag",
					 "strict", "--log", PATH_LOGS "/own.jsonl", "--", "true"));
	ok = (command.status == 125 && strstr(command.err, "on_log_failure")) ||
		fail(why, "status %d: %.300s", command.status, command.err);
	remove_logs();
	return ok;
}

/* While it is written: the daemon makes it anew, with its folder. What stood in the removed file is still to
 * be seen by a descriptor. The daemon stands still for the moment that it takes. */
static bool removed(struct why *why)
{
	char before[64];
	int passed, log;

	if (!start_daemon(COMMAND("ringfence", "daemon"), why) || !start_opener("strict", COPY, why) ||
	    !ask(BATCH))
		return false;
	kill(collecting.pid, SIGSTOP);
	log = open(MAIN_LOG, O_RDONLY | O_CLOEXEC);
	snprintf(before, sizeof(before), "/proc/self/fd/%d", log);
	if (log < 0 || unlink(MAIN_LOG) || rmdir(PATH_LOGS))
		return fail(why, "cannot remove the log: %m");
	kill(collecting.pid, SIGCONT);
	if (!take_answer(BATCH, &passed, why) || !opens_pass(10, why) ||
	    !agrees(before, why))
		return false;
	close(log);
	if (passed != BATCH || read_log(opener.run, NULL).of_run < 10)
		return fail(why, "%d opens passed; the lines after that are not in the new log", passed);
	return end_opener(why);
}

static bool test_removed(struct why *why)
{
	return in_empty_folder(removed, why);
}

/* Keeps on, with a full ring: not one open passes. */
static bool denied_for(long seconds, struct why *why)
{
	int64_t end = now_ms() + seconds * 1000;
	long long before = opener.made;
	int passed;

	do {
		if (!open_file(BATCH, &passed, why))
			return false;
		if (passed)
			return fail(why, "with a full ring, %d of %d opens passed", passed, BATCH);
	} while (now_ms() < end);
	printf("# log/stopped: %lld opens met a full ring in %ld s and more\n", opener.made - before, seconds);
	return true;
}

/* Under load, until the ring is full, and for longer: STOPPED_SECONDS. */
static bool stopped(struct why *why)
{
	const char *seconds = getenv("STOPPED_SECONDS");

	if (!start_daemon(COMMAND("ringfence", "daemon"), why) || !start_opener("strict", COPY, why))
		return false;
	kill(collecting.pid, SIGSTOP);
	if (!fill_up(why) || !denied_for(seconds ? atol(seconds) : 0, why))
		return false;
	kill(collecting.pid, SIGCONT);
	json_decref(settled_account(opener.run));
	return opens_pass(10, why) && agrees(NULL, why) && end_opener(why);
}

static bool test_stopped(struct why *why)
{
	return in_empty_folder(stopped, why);
}

/* --- rotation ------------------------------------------------------------------------------- */

#define ROTATED 3000			/* opens, some 15 MiB */
#define FOLLOWED WORK "/followed.jsonl"

/* Each file within its size, for the group adm to read. */
static bool files_are_right(struct why *why)
{
	glob_t files = {};
	bool ok = !glob(PATH_LOGS "/audit*.jsonl", 0, NULL, &files) && files.gl_pathc > 10;
	struct stat st;

	if (!ok)
		fail(why, "there are %zu files", files.gl_pathc);
	for (size_t i = 0; ok && i < files.gl_pathc; i++)
		if (stat(files.gl_pathv[i], &st) || st.st_size > 1 << 20 || (st.st_mode & 07777) != 0640 ||
		    st.st_gid != ADM)
			ok = fail(why, "%s: %lld bytes, mode %o, group %u", files.gl_pathv[i], (long long)st.st_size,
				  st.st_mode, st.st_gid);
	globfree(&files);
	if (ok && (stat(PATH_LOGS, &st) || (st.st_mode & 07777) != 0750 || st.st_gid != ADM))
		ok = fail(why, PATH_LOGS ": mode %o, group %u", st.st_mode, st.st_gid);
	return ok;
}

static long long lines_in(const char *path, const char *run)
{
	struct lines lines = {};

	snprintf(lines.run, sizeof(lines.run), "\"run\":\"%s\"", run);
	journal_scan(path, count_line, &lines);
	return lines.of_run;
}

/* What shows the log shows all of it. */
static bool readers_see_all(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	char command[256];
	long long shown, followed;
	struct command log;

	snprintf(command, sizeof(command), "ringfence log --json --run %s >" WORK "/shown.jsonl", opener.run);
	command_run(&log, 0, COMMAND("bash", "-c", command));
	shown = lines_in(WORK "/shown.jsonl", opener.run);
	while ((followed = lines_in(FOLLOWED, opener.run)) < opener.made + 1 && now_ms() < end)
		pause_briefly();
	return (!log.status && shown == opener.made + 1 && followed == opener.made + 1) ||
		fail(why, "of %lld lines, log --run shows %lld, log --follow %lld", opener.made, shown, followed);
}

static bool has_line(void *ctx, const char *line)
{
	const char **wanted = ctx;

	if (*wanted && !strcmp(line, *wanted))
		*wanted = NULL;
	return true;
}

static bool metrics_count(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;
	const char *wanted = "";
	char line[256];

	snprintf(line, sizeof(line), "ringfence_events_total{hook=\"file_open\",verdict=\"audit\",policy=\"strict\","
		 "service=\"object\"} %lld\n", opener.made);
	while (wanted && now_ms() < end) {
		wanted = line;
		journal_scan(METRICS, has_line, &wanted);
		if (wanted)
			pause_briefly();
	}
	return !wanted || fail(why, "the metrics have no line %s", line);
}

static bool rotated(struct why *why)
{
	char *const daemon[] = { "ringfence", "daemon", "--log-size", "1M", "--log-keep", "1000", "--metrics", METRICS,
				 NULL };
	struct background follower;
	bool ok;

	if (!start_daemon(daemon, why) ||
	    background_start(&follower, COMMAND("bash", "-c", "exec ringfence log --follow --json >" FOLLOWED)))
		return false;
	ok = start_opener("strict", COPY, why) && opens_pass(ROTATED, why) &&
		agrees(NULL, why) && files_are_right(why) && readers_see_all(why) &&
		metrics_count(why);
	kill(follower.pid, SIGTERM);
	background_end(&follower);
	if (!ok || !end_opener(why))
		return false;
	if (lines_in(COPY, opener.run) != opener.made + 2)	/* it begins, and is over */
		return fail(why, "the copy that --log made has %lld lines", lines_in(COPY, opener.run));
	/* Another daemon goes on with the numbers. */
	return stop_daemon(why) && (access(METRICS, F_OK) || fail(why, "the metrics are still there")) &&
		start_daemon(daemon, why) && start_opener("strict", COPY, why) && agrees(NULL, why) &&
		end_opener(why);
}

static bool test_rotated(struct why *why)
{
	return in_empty_folder(rotated, why);
}

static bool test_restore(struct why *why)
{
	return !rename(ASIDE, PATH_LOGS) || fail(why, "cannot move the log back: %m");
}

const struct test log_tests[] = {
	{ "prepare", test_prepare },
	{ "full-disk", test_full_disk },
	{ "full-disk-strict", test_full_disk_strict },
	{ "full-disk-audit-mode", test_full_disk_audit },
	{ "full-disk-own-fence", test_full_disk_own_fence },
	{ "removed", test_removed },
	{ "stopped", test_stopped },
	{ "rotated", test_rotated },
	{ "restore", test_restore },
	{},
};
