/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs of the loaded fence are replaced under load: no attempt is let through, none is recorded twice
 * or not at all, also where the one who replaces them is killed between two steps. To be run on the fence
 * that shared.c has loaded. And (anew_tests) a fence whose maps another ringfence cannot use.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

#define POLICY	  WORK "/handover.yaml"
#define POLICIES  WORK "/policy.d"	/* of shared.c */
#define PINS	  "/sys/fs/bpf/ringfence"
#define BESIDE	  PINS "-new"
#define AUDITED   "127.4.1.3"		/* nobody listens there */
#define BRANCHES  1
#define PAUSE_MS  40			/* of each between two attempts: others need the processors, too */
#define BETWEEN	  "20"			/* attempts while something is looked at, at least */

/* --- the load ------------------------------------------------------------------------------- */

struct counts {
	atomic_ulong denied, audited;	/* attempts of each kind */
	atomic_ulong escaped;		/* of those that must be denied */
	atomic_ulong wrong;		/* that met anything else, or could not be made */
	atomic_bool stop;
};

static void make_attempts(struct counts *counts)
{
	int err = attempt_connect(SERVER_IP, SERVER_PORT);

	counts->denied++;
	if (!err)
		counts->escaped++;
	else if (err != -EHOSTUNREACH)
		counts->wrong++;
	counts->audited++;
	if (attempt_connect(AUDITED, SERVER_PORT) != -ECONNREFUSED)
		counts->wrong++;
}

/* One that lives for long, and one that forks: what is asked of task_alloc is asked all the time. */
static void branch(struct counts *counts, bool forks)
{
	while (!counts->stop) {
		pid_t pid = forks ? fork() : 0;

		if (pid < 0)
			counts->wrong++;
		if (!pid)
			make_attempts(counts);
		if (!pid && forks)
			_exit(0);
		while (forks && wait(NULL) > 0)
			;
		poll(NULL, 0, PAUSE_MS);
	}
	_exit(0);
}

/* Waits until there were so many more attempts. */
static void await(const struct counts *counts, unsigned long more)
{
	unsigned long goal = counts->denied + more;

	while (counts->denied < goal)
		poll(NULL, 0, 5);
}

/* hooks onslaught: BRANCHES of each kind make attempts without end. For a line with a number on stdin, tells
 * when there were so many more; for any other line, ends them and tells "DENIED AUDITED ESCAPED WRONG". Ends
 * with stdin. */
int onslaught_main(int argc, char **argv)
{
	struct counts *counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				     -1, 0);
	char line[16];

	(void)argc;
	(void)argv;
	if (counts == MAP_FAILED || setpgid(0, 0))
		return 99;
	for (int i = 0; i < 2 * BRANCHES; i++)
		if (!fork())
			branch(counts, i % 2);
	while (fgets(line, sizeof(line), stdin)) {
		if (atol(line)) {
			await(counts, atol(line));
			printf("none\n");
		} else {
			counts->stop = true;
			while (wait(NULL) > 0)
				;
			printf("%lu %lu %lu %lu\n", counts->denied, counts->audited, counts->escaped,
			       counts->wrong);
		}
		fflush(stdout);
	}
	return kill(0, SIGKILL);
}

static struct background onslaught, watching;
static int server = -1;
static char run[64];
static long long lost_before;

/* What it says to that line. */
static const char *ask_onslaught(const char *line)
{
	static char answer[128];
	ssize_t size = strlen(line);

	if (write(onslaught.in, line, size) != size || write(onslaught.in, "\n", 1) != 1 ||
	    !background_line(&onslaught, answer, sizeof(answer)))
		return "no answer";
	return answer;
}

/* --- what is looked at ---------------------------------------------------------------------- */

static json_t *json_of(char *const argv[])
{
	struct command command;

	command_run(&command, 0, argv);
	return json_loads(command.out, 0, NULL);
}

static bool ends_with(int want, const char *says, char *const argv[], struct why *why)
{
	struct command command;

	command_run(&command, 0, argv);
	if (command.status != want)
		return fail(why, "%s %s: status %d and not %d: %.300s", argv[0], argv[1], command.status, want,
			    command.err);
	return strstr(command.err, says) || strstr(command.out, says) ||
		fail(why, "%s %s does not say \"%s\": %.300s", argv[0], argv[1], says, command.err);
}

static long long status_number(const char *path)
{
	json_t *status = json_of(COMMAND("ringfence", "status", "--json"));
	const json_t *value = record_value(status, path);
	long long number = json_is_integer(value) ? json_integer_value(value) : -1;

	json_decref(status);
	return number;
}

/* Of all who are behind the fence, while more attempts are made. */
static bool nobody_escapes(struct why *why)
{
	const char *answer = ask_onslaught(BETWEEN);

	if (strcmp(answer, "none"))
		return fail(why, "the load says: %s", answer);
	return !far_accepted(server) || fail(why, "the server was reached");
}

/* Whether the daemon has made a probe under the programs that are pinned, and is content. */
static bool holds(struct why *why)
{
	int64_t end = now_ms() + 2 * WAIT_MS;	/* it may be about to load one */
	struct command command;

	do {
		command_run(&command, 0, COMMAND("ringfence", "status"));
		if (!command.status)
			return true;
		pause_briefly();
	} while (now_ms() < end);
	return fail(why, "status (%d): %.300s", command.status, command.out);
}

/* --- the tests ------------------------------------------------------------------------------ */

static bool start_daemon(struct why *why)
{
	return !background_start(&watching, COMMAND("ringfence", "daemon", "--policy-dir", POLICIES)) ||
		fail(why, "cannot start the daemon");
}

static bool end_daemon(struct why *why)
{
	int end;

	kill(watching.pid, SIGTERM);
	end = background_end(&watching);
	return !end || fail(why, "the daemon ended with %d", end);
}

static bool test_load_is_denied(struct why *why)
{
	json_t *runs;

	server = far_listen(SERVER_IP, SERVER_PORT);
	if (write_small(POLICY, "tag: handover\nmode: enforce\nservices:\n"
			"  server: {nets: [" SERVER_IP "]}\n  audited: {nets: [" AUDITED "]}\n"
			"rules:\n  - {deny: server, errno: EHOSTUNREACH}\n  - {audit: audited}\n") ||
	    !ends_with(0, "active", COMMAND("ringfence", "apply", POLICY), why) || !start_daemon(why))
		return false;
	lost_before = status_number("lost.decisions");
	if (background_start(&onslaught, COMMAND("ringfence", "run", "--tag", "handover", "--quiet", "--",
						 (char *)self_path(), "onslaught")))
		return fail(why, "cannot start the load");
	if (!nobody_escapes(why))
		return false;
	runs = json_of(COMMAND("ringfence", "runs", "--json"));
	for (size_t i = 0; i < json_array_size(runs); i++)
		if (!strcmp(record_text(json_array_get(runs, i), "tag"), "handover"))
			snprintf(run, sizeof(run), "%s", record_text(json_array_get(runs, i), "run"));
	json_decref(runs);
	/* The control: who is not behind it. */
	return *run && (!attempt_connect(SERVER_IP, SERVER_PORT) && far_accepted(server) == 1) ? true :
		fail(why, "the server cannot be reached at all, or the run is not shown");
}

/* Programs are told apart by who loaded them. */
static bool replaced(long long loader, struct why *why)
{
	long long now = status_number("loader");

	if (now == loader || now < 0)
		return fail(why, "status shows the programs of process %lld still", now);
	return access(BESIDE, F_OK) ? true : fail(why, "there are pins beside");
}

/* Longer than other commands may take: programs are verified, while others have the processors. */
static bool replace(struct why *why)
{
	int64_t end = now_ms() + 5 * WAIT_MS;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		execlp("ringfence", "ringfence", "load", "--replace", NULL);
		_exit(99);
	}
	while (!waitpid(pid, &status, WNOHANG) && now_ms() < end)
		pause_briefly();
	if (now_ms() >= end) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	return !status || fail(why, "load --replace ended with %#x", status);
}

static bool test_replaced(struct why *why)
{
	long long loader = status_number("loader");

	return replace(why) && nobody_escapes(why) && replaced(loader, why) && holds(why) &&
		nobody_escapes(why);
}

/* The same process goes on. */
static bool test_daemon_follows(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;

	while (status_number("daemon") != watching.pid && now_ms() < end)
		pause_briefly();
	return status_number("daemon") == watching.pid || fail(why, "the daemon is not seen any more");
}

/* Runs `ringfence load --replace` until it is about to exchange the pins, or has done so, and kills it. */
static bool kill_at_exchange(bool done, struct why *why)
{
	struct __ptrace_syscall_info info;
	bool exchanging = false;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execlp("ringfence", "ringfence", "load", "--replace", NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int signal = 0; WIFSTOPPED(status) && !(exchanging && !done);) {
		ptrace(PTRACE_SYSCALL, pid, NULL, signal);
		waitpid(pid, &status, 0);
		if (!WIFSTOPPED(status))
			break;
		signal = WSTOPSIG(status) == (SIGTRAP | 0x80) || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
		if (exchanging && info.op == PTRACE_SYSCALL_INFO_EXIT)
			break;
		exchanging = info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_renameat2;
	}
	if (!WIFSTOPPED(status))
		return fail(why, "it ended before it exchanged the pins: %#x", status);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return !access(BESIDE, F_OK) || fail(why, "nothing stands beside");
}

/* What is left holds; and a daemon that starts puts it in order. */
static bool settles(struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;

	if (!nobody_escapes(why) || !holds(why) || !end_daemon(why) || !start_daemon(why))
		return false;
	while (!access(BESIDE, F_OK) && now_ms() < end)
		pause_briefly();
	if (!access(BESIDE, F_OK))
		return fail(why, "the pins beside are there still");
	return nobody_escapes(why) && holds(why) && nobody_escapes(why);
}

static bool test_killed_before(struct why *why)
{
	long long loader = status_number("loader");

	return kill_at_exchange(false, why) && settles(why) &&
		(status_number("loader") == loader || fail(why, "the programs are others"));
}

static bool test_killed_after(struct why *why)
{
	long long loader = status_number("loader");

	return kill_at_exchange(true, why) && settles(why) && replaced(loader, why);
}

static bool count_line(void *ctx, const char *line)
{
	*(unsigned long *)ctx += strstr(line, run) && !line_is_note(line);
	return true;
}

/* Waits until the log has so many records of the run; returns how many it has. */
static unsigned long lines_of_run(unsigned long want)
{
	int64_t end = now_ms() + WAIT_MS;
	unsigned long lines;

	do {
		pause_briefly();
		lines = 0;
		journal_scan(MAIN_LOG, count_line, &lines);
	} while (lines < want && now_ms() < end);
	return lines;
}

/* Over all of it: every attempt was met by one of the programs, and was recorded once. */
static bool test_exactly_once(struct why *why)
{
	unsigned long denied, audited, escaped, wrong, lines;
	const char *answer = ask_onslaught("end");
	json_t *runs = json_of(COMMAND("ringfence", "runs", "--json"));
	long long counted_denied = -1, counted_audited = -1, tasks = -1;

	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *each = json_array_get(runs, i);

		if (strcmp(record_text(each, "run"), run))
			continue;
		counted_denied = json_integer_value(record_value(each, "denied"));
		counted_audited = json_integer_value(record_value(each, "audited"));
		tasks = json_integer_value(record_value(each, "tasks"));
	}
	json_decref(runs);
	if (sscanf(answer, "%lu %lu %lu %lu", &denied, &audited, &escaped, &wrong) != 4)
		return fail(why, "the load says: %s", answer);
	printf("# handover: %lu attempts, %lu escaped, %lu wrong; %lld + %lld decisions\n", denied + audited,
	       escaped, wrong, counted_denied, counted_audited);
	if (escaped || wrong || far_accepted(server))
		return fail(why, "%lu escaped, %lu met something else", escaped, wrong);
	if (counted_denied != (long long)denied || counted_audited != (long long)audited)
		return fail(why, "%lu + %lu attempts, and %lld + %lld decisions", denied, audited,
			    counted_denied, counted_audited);
	lines = lines_of_run(denied + audited);
	if (lines != denied + audited)
		return fail(why, "%lu attempts, and %lu lines in the log", denied + audited, lines);
	if (status_number("lost.decisions") != lost_before)
		return fail(why, "records were lost");
	return tasks == 1 || fail(why, "%lld tasks are tagged, and not one", tasks);
}

static bool test_ends(struct why *why)
{
	int end = background_end(&onslaught);

	close(server);
	return end_daemon(why) && (end == 128 + SIGKILL || fail(why, "the run ended with %d", end));
}

/* --- of another ringfence ------------------------------------------------------------------- */

/* Opens a pin: a descriptor, or -errno. */
static int open_pin(const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path };

	return bpf_call(BPF_OBJ_GET, &attr);
}

/* Has the fence say that it is of that version. */
static int pretend_version(uint32_t version)
{
	char value[4096] = {};
	uint32_t key = 0;
	int map = open_pin(PINS "/maps/about");
	union bpf_attr attr = {
		.map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)value,
	};
	int err = map < 0 ? map : bpf_call(BPF_MAP_LOOKUP_ELEM, &attr);

	memcpy(value, &version, sizeof(version));
	err = err ?: bpf_call(BPF_MAP_UPDATE_ELEM, &attr);
	close(map);
	return err;
}

static bool step_is_denied(struct why *why)
{
	const char *met = attempt_step(&onslaught);

	return (!strcmp(met, "EHOSTUNREACH") && !far_accepted(server)) ||
		fail(why, "the attempt met %s, or the server was reached", met);
}

static bool start_behind(struct why *why)
{
	json_t *list;

	if (background_start(&onslaught, COMMAND("ringfence", "run", "--tag", "shared", "--quiet", "--",
						 (char *)self_path(), "step")) || !step_is_denied(why))
		return fail(why, "cannot start a run");
	list = json_of(COMMAND("ringfence", "ps", "--json"));
	snprintf(run, sizeof(run), "%s", record_text(list, "0.run"));
	json_decref(list);
	return *run || fail(why, "ps does not show it");
}

/* The maps are shared, or nothing is: a map of another shape is as good as another version. */
static bool test_other_shape(struct why *why)
{
	static const char path[] = PINS "/maps/notice";
	union bpf_attr back = { .pathname = (uintptr_t)path, .bpf_fd = open_pin(path) };
	bool ok;

	server = far_listen(SERVER_IP, SERVER_PORT);
	if (!start_behind(why) ||
	    !ends_with(0, "", COMMAND("ringfence", "load", "--replace", "--dry-run"), why))
		return false;
	if (unlink(path) || decoy_pin(path))
		return fail(why, "cannot put another map in its place");
	ok = ends_with(1, run, COMMAND("ringfence", "load", "--replace", "--dry-run"), why) &&
		ends_with(1, "of other shapes", COMMAND("ringfence", "load", "--replace"), why);
	unlink(path);
	if (bpf_call(BPF_OBJ_PIN, &back))
		ok = fail(why, "cannot pin the map again");
	close(back.bpf_fd);
	return ok && ends_with(0, "", COMMAND("ringfence", "load", "--replace", "--dry-run"), why) &&
		step_is_denied(why);
}

static bool test_other_version(struct why *why)
{
	if (pretend_version(1))
		return fail(why, "cannot have it say so");
	/* From a name space in which nobody is behind it, it is not said that nobody is. */
	return ends_with(1, run, COMMAND("ringfence", "status"), why) &&
		ends_with(1, "tagged tasks outside of it are not shown",
			  COMMAND((char *)self_path(), "in-pids", "ringfence", "ps"), why) &&
		ends_with(1, "loaded by ringfence", COMMAND("ringfence", "ps"), why) &&
		ends_with(125, run, COMMAND("ringfence", "run", "--tag", "shared", "--", "true"), why) &&
		ends_with(1, run, COMMAND("ringfence", "load", "--replace"), why) &&
		ends_with(1, "1 tagged task", COMMAND("ringfence", "unload"), why) && step_is_denied(why);
}

/* A daemon leaves it alone while somebody is behind it. */
static bool test_awaited(struct why *why)
{
	char said[8192];
	int64_t end = now_ms() + WAIT_MS;

	if (!start_daemon(why))
		return false;
	do {
		pause_briefly();
		if (read_small(WORK "/background-err", said, sizeof(said)) < 0)
			*said = 0;
	} while (!strstr(said, "waiting until nobody is behind it") && now_ms() < end);
	if (!strstr(said, run))
		return fail(why, "the daemon does not name the run: %.300s", said);
	return step_is_denied(why) && ends_with(1, run, COMMAND("ringfence", "status"), why) &&
		step_is_denied(why);
}

/* Then it brings up one of its own, with the policies that it was told, and collects. */
static bool test_replaced_anew(struct why *why)
{
	int end = background_end(&onslaught);

	if (end)
		return fail(why, "the run ended with %d", end);
	if (!holds(why) || !test_daemon_follows(why) || !start_behind(why))
		return false;
	end = background_end(&onslaught);
	close(server);
	if (end || lines_of_run(1) != 1)
		return fail(why, "its record is not collected; the run ended with %d", end);
	return end_daemon(why);
}

const struct test handover_tests[] = {
	{ "load-is-denied", test_load_is_denied },
	{ "replaced", test_replaced },
	{ "daemon-follows", test_daemon_follows },
	{ "killed-before", test_killed_before },
	{ "killed-after", test_killed_after },
	{ "exactly-once", test_exactly_once },
	{ "ends", test_ends },
	{},
}, anew_tests[] = {
	{ "other-shape", test_other_shape },
	{ "other-version", test_other_version },
	{ "awaited", test_awaited },
	{ "replaced", test_replaced_anew },
	{},
};
