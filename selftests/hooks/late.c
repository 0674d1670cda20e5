/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `ringfence tag` as its users meet it, on the loaded fence with the policy of shared.c: who is behind
 * the fence afterwards and who is not, what it refuses, and what is left where it is killed. What it does
 * to a tree that forks meanwhile is for selftests/soak.
 */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lsm/abi.h"
#include "attempts.h"

#define TAG "ringfence", "tag", "--tag", "shared", "--pid"

static int server = -1;

/* --- what is tagged ------------------------------------------------------------------------- */

static const char *errno_name(int err)
{
	return err ? strerrorname_np(-err) : "none";
}

static void *thread_main(void *fd)
{
	char line[16];

	while (read(((int *)fd)[0], line, 1) == 1)
		dprintf(((int *)fd)[3], "%s\n", errno_name(attempt_connect(SERVER_IP, SERVER_PORT)));
	return NULL;
}

/* Has whoever is at the other ends make an attempt: what it met. */
static void ask(const int fd[4], char *ret_met, size_t size)
{
	ssize_t got = write(fd[1], "\n", 1) == 1 ? read(fd[2], ret_met, size - 1) : 0;

	ret_met[got > 0 ? got - 1 : 0] = 0;
}

/* The same of a process that forks for every attempt. */
static void forking_tree_main(int fd[4])
{
	char line[16];

	while (read(fd[0], line, 1) == 1) {
		int status = -1;
		pid_t pid = fork();

		if (!pid)
			_exit(-attempt_connect(SERVER_IP, SERVER_PORT));
		waitpid(pid, &status, 0);
		dprintf(fd[3], "%s\n", pid > 0 && WIFEXITED(status) ?
			errno_name(-WEXITSTATUS(status)) : "no-fork");
	}
}

static int hold_connection(void)
{
	struct sockaddr_storage address;
	socklen_t size = place_address_as(SERVER_IP, SERVER_PORT, &address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&address, size) ? -1 : fd;
}

/* hooks family: a process, a thread of it and a child that forks, and a connection that it has from the
 * beginning.
 * For every line on stdin, tells what each of them met. */
int family_main(int argc, char **argv)
{
	int thread_fd[4], child_fd[4], held = hold_connection();
	char line[16], thread[32], child[32];
	pthread_t id;

	(void)argc;
	(void)argv;
	if (held < 0 || pipe(thread_fd) || pipe(thread_fd + 2) || pipe(child_fd) || pipe(child_fd + 2))
		return 99;
	if (!fork()) {
		close(child_fd[1]);
		forking_tree_main(child_fd);
		_exit(0);
	}
	pthread_create(&id, NULL, thread_main, thread_fd);
	while (fgets(line, sizeof(line), stdin)) {
		int err = attempt_connect(SERVER_IP, SERVER_PORT);

		ask(thread_fd, thread, sizeof(thread));
		ask(child_fd, child, sizeof(child));
		printf("%s %s %s %s\n", errno_name(err), thread, child,
		       errno_name(send(held, "h", 1, MSG_NOSIGNAL) == 1 ? 0 : -errno));
		fflush(stdout);
	}
	return 0;
}

/* hooks ring: holds an io_uring until stdin ends. */
int ring_main(int argc, char **argv)
{
	struct io_uring ring;
	char byte;

	(void)argc;
	(void)argv;
	if (io_uring_queue_init(4, &ring, 0))
		return 99;
	puts("ready");
	fflush(stdout);
	return read(0, &byte, 1) < 0;
}

/* --- the tests ------------------------------------------------------------------------------ */

struct family {
	struct background process;
	int held;			/* the server's end of its connection */
};

static bool family_start(struct family *family, struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;

	family->held = -1;
	if (server < 0)
		server = far_listen(SERVER_IP, SERVER_PORT);
	if (background_start(&family->process, COMMAND((char *)self_path(), "family")))
		return fail(why, "cannot start it");
	while ((family->held = accept(server, NULL, NULL)) < 0 && now_ms() < end)
		pause_briefly();
	return family->held >= 0 || fail(why, "it does not connect");
}

/* What all of it meets; and what the server sees: so many connections, so many bytes. */
static bool family_meets(struct family *family, const char *want, unsigned int connections, ssize_t bytes,
			 struct why *why)
{
	const char *met = attempt_step(&family->process);
	unsigned int accepted = far_accepted(server);
	char text[16];
	ssize_t heard = recv(family->held, text, sizeof(text), MSG_DONTWAIT);

	if (strcmp(met, want))
		return fail(why, "it met %s and not %s", met, want);
	return (accepted == connections && (heard > 0 ? heard : 0) == bytes) ||
		fail(why, "the server got %u connections and %zd bytes", accepted, heard);
}

static void family_end(struct family *family)
{
	background_end(&family->process);
	if (family->held >= 0)
		close(family->held);
}

static char *pid_text(pid_t pid)
{
	static char text[2][16];
	static unsigned int turn;

	snprintf(text[++turn % 2], sizeof(*text), "%d", pid);
	return text[turn % 2];
}

#define FREE "none none none none"
#define DENIED "EHOSTUNREACH"

/* Its threads and what it holds, but not the child that it had. */
static bool test_process(struct why *why)
{
	struct family family;
	struct command command = {};
	bool ok = family_start(&family, why) && family_meets(&family, FREE, 3, 1, why);

	if (ok) {
		command_run(&command, 0, COMMAND(TAG, pid_text(family.process.pid)));
		ok = (!command.status && strstr(command.out, "2 tasks tagged")) ||
			fail(why, "status %d: %.200s%.200s", command.status, command.out, command.err);
		ok = ok && family_meets(&family, DENIED " " DENIED " none " DENIED, 1, 0, why);
	}
	family_end(&family);
	return ok;
}

/* How `ringfence ps` shows it: every process that is tagged, and how many threads they have. */
static bool shown(pid_t pid, size_t processes, struct why *why)
{
	struct command command;
	long long threads = 0;
	bool found = false;
	json_t *list, *each;
	size_t i;

	command_run(&command, 0, COMMAND("ringfence", "ps", "--json"));
	list = json_loads(command.out, 0, NULL);
	json_array_foreach(list, i, each) {
		found |= json_integer_value(record_value(each, "pid")) == pid &&
			!strcmp(record_text(each, "tag"), "shared");
		threads += json_integer_value(record_value(each, "threads"));
	}
	found = found && json_array_size(list) == processes && threads == (long long)processes + 1;
	json_decref(list);
	return found || fail(why, "ps shows %.300s", command.out);
}

static bool test_tree(struct why *why)
{
	struct family family;
	struct command command = {};
	bool ok = family_start(&family, why) && family_meets(&family, FREE, 3, 1, why);

	if (ok) {
		command_run(&command, 0, COMMAND(TAG, pid_text(family.process.pid), "--tree"));
		ok = (!command.status && strstr(command.out, "3 tasks tagged")) ||
			fail(why, "status %d: %.200s%.200s", command.status, command.out, command.err);
		ok = ok && family_meets(&family, DENIED " " DENIED " " DENIED " " DENIED, 0, 0, why) &&
			shown(family.process.pid, 2, why);
	}
	family_end(&family);
	return ok;
}

/* Refused with that reason, and nobody is tagged. */
static bool refused(const char *reason, char *const argv[], struct why *why)
{
	struct command command;

	command_run(&command, 0, argv);
	if (command.status != 1 || !strstr(command.err, reason))
		return fail(why, "status %d, and not \"%s\": %.300s", command.status, reason, command.err);
	command_run(&command, 0, COMMAND("ringfence", "ps"));
	return !*command.out || fail(why, "tagged all the same: %.300s", command.out);
}

static bool test_no_pid(struct why *why)
{
	return refused("expected the number", COMMAND(TAG, "x"), why) &&
		refused("expected the number", COMMAND(TAG, "0"), why) &&
		refused("expected the number", COMMAND(TAG, "-1"), why) &&
		refused("--pid is missing", COMMAND("ringfence", "tag", "--tag", "shared"), why);
}

static bool test_dead_process(struct why *why)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return refused("there is no process", COMMAND(TAG, pid_text(pid)), why);
}

/* A process that stands still, for what is refused. */
static bool refused_about_stepper(const char *tag, const char *reason, struct why *why)
{
	struct background stepper;
	bool ok;

	if (background_start(&stepper, COMMAND((char *)self_path(), "step")))
		return fail(why, "cannot start it");
	ok = refused(reason, COMMAND("ringfence", "tag", "--tag", (char *)tag, "--pid",
				     pid_text(stepper.pid)), why);
	if (ok && (strcmp(attempt_step(&stepper), "none") || far_accepted(server) != 1))
		ok = fail(why, "it is denied something all the same");
	background_end(&stepper);
	return ok;
}

static bool test_unknown_tag(struct why *why)
{
	return refused_about_stepper("nobody", "unknown tag", why);
}

static bool test_ring(struct why *why)
{
	struct background holder;
	char line[16];
	bool ok;

	if (background_start(&holder, COMMAND((char *)self_path(), "ring")) ||
	    !background_line(&holder, line, sizeof(line)))
		return fail(why, "it has no ring");
	ok = refused("holds an io_uring", COMMAND(TAG, pid_text(holder.pid)), why);
	background_end(&holder);
	return ok;
}

/* What is tagged keeps the tag, and the run, that it has. */
static bool test_tagged_already(struct why *why)
{
	struct family family;
	struct command command = {};
	bool ok = family_start(&family, why);

	command_run(&command, 0, COMMAND(TAG, pid_text(family.process.pid), "--tree"));
	ok = ok && (!command.status || fail(why, "status %d: %.300s", command.status, command.err));
	command_run(&command, 0, COMMAND(TAG, pid_text(family.process.pid)));
	ok = ok && ((command.status == 1 && strstr(command.err, "part of another run")) ||
		    fail(why, "status %d: %.300s", command.status, command.err)) &&
		family_meets(&family, DENIED " " DENIED " " DENIED " " DENIED, 0, 0, why);
	family_end(&family);
	return ok;
}

/* The tests are children of process 1, and ringfence is one of theirs. */
static bool test_first_process(struct why *why)
{
	return refused("process 1", COMMAND(TAG, "1"), why) &&
		refused("process 1", COMMAND(TAG, "1", "--tree"), why);
}

static bool test_kernel_thread(struct why *why)
{
	return refused("kernel thread", COMMAND(TAG, "2", "--tree"), why);
}

static bool test_tree_around_itself(struct why *why)
{
	return refused("this command is part of", COMMAND(TAG, pid_text(getpid()), "--tree"), why);
}

/* --- killed --------------------------------------------------------------------------------- */

static bool read_order(struct late *ret_order)
{
	union bpf_attr open = { .map_id = fence_map_id("late") };
	int fd = bpf_call(BPF_MAP_GET_FD_BY_ID, &open);
	uint32_t first = 0;
	union bpf_attr look = {
		.map_fd = fd, .key = (uintptr_t)&first, .value = (uintptr_t)ret_order,
	};
	bool ok = fd >= 0 && !bpf_call(BPF_MAP_LOOKUP_ELEM, &look);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Has the tree tagged, and kills who does it as soon as there is an order for it, and @changed tasks have
 * their tag. Returns whether the order was left behind. */
static bool kill_halfway(pid_t root, uint32_t changed, struct late *ret_order)
{
	int64_t end = now_ms() + WAIT_MS;
	struct background tagging;
	struct late order = {};

	if (background_start(&tagging, COMMAND(TAG, pid_text(root), "--tree")))
		return false;
	while ((order.root != (uint32_t)root || order.changed < changed) && now_ms() < end &&
	       read_order(&order) && !waitid(P_PID, tagging.pid, &(siginfo_t){}, WEXITED | WNOHANG | WNOWAIT))
		;
	kill(tagging.pid, SIGKILL);
	background_end(&tagging);
	return read_order(ret_order) && ret_order->root == (uint32_t)root;
}

/* Each of it is behind the fence or not, and none is kept from what it does. */
static bool family_lives(struct family *family, char *ret_met, size_t size, struct why *why)
{
	char words[64], *rest = words;

	snprintf(ret_met, size, "%s", attempt_step(&family->process));
	snprintf(words, sizeof(words), "%s", ret_met);
	for (const char *word; (word = strsep(&rest, " "));)
		if (strcmp(word, "none") && strcmp(word, DENIED))
			return fail(why, "after the kill it meets %s", ret_met);
	far_accepted(server);
	return true;
}

/* The tree that was left: tagged now, or refused with a reason, and then as it was. */
static bool tagged_or_refused(struct family *family, const char *met, struct why *why)
{
	struct command command;
	const char *now;

	command_run(&command, 0, COMMAND(TAG, pid_text(family->process.pid), "--tree"));
	now = attempt_step(&family->process);
	far_accepted(server);
	printf("# late: left at %s, then %s\n", met, command.status ? "refused" : "tagged");
	if (!command.status)
		return !strcmp(now, DENIED " " DENIED " " DENIED " " DENIED) ||
			fail(why, "tagged, it meets %s", now);
	if (command.status != 1 || !strstr(command.err, "part of another run"))
		return fail(why, "status %d: %.300s", command.status, command.err);
	return !strcmp(now, met) || fail(why, "refused, it meets %s and not %s", now, met);
}

/* Nor does it stand in the way of other trees. */
static bool others_are_tagged(struct why *why)
{
	struct family family;
	struct command command = {};
	struct late order;
	bool ok = family_start(&family, why);

	far_accepted(server);
	if (ok) {
		command_run(&command, 0, COMMAND(TAG, pid_text(family.process.pid), "--tree"));
		ok = (!command.status && strstr(command.out, "3 tasks tagged")) ||
			fail(why, "another tree: status %d: %.300s", command.status, command.err);
	}
	ok = ok && family_meets(&family, DENIED " " DENIED " " DENIED " " DENIED, 0, 0, why) &&
		((read_order(&order) && !order.root) || fail(why, "an order is left"));
	family_end(&family);
	return ok;
}

/* @changed: see kill_halfway(). */
static bool test_killed(uint32_t changed, struct why *why)
{
	struct command command;
	struct family family;
	struct late order;
	char met[64];
	bool ok;

	for (int i = 0; i < 10; i++) {
		bool halfway;

		if (!family_start(&family, why))
			return false;
		halfway = kill_halfway(family.process.pid, changed, &order);
		if (halfway)
			break;
		family_end(&family);
		if (i == 9)
			return fail(why, "it was never killed halfway");
	}
	ok = family_lives(&family, met, sizeof(met), why) && tagged_or_refused(&family, met, why) &&
		others_are_tagged(why);
	family_end(&family);
	command_run(&command, 0, COMMAND("ringfence", "ps"));
	if (ok && *command.out)
		ok = fail(why, "tagged still: %.300s", command.out);
	command_run(&command, 0, COMMAND("ringfence", "status"));
	return ok && (!command.status || fail(why, "status ends with %d: %.300s", command.status,
					      command.out));
}

static bool test_killed_at_once(struct why *why)
{
	return test_killed(0, why);
}

static bool test_killed_halfway(struct why *why)
{
	return test_killed(1, why);
}

const struct test late_tests[] = {
	{ "process", test_process },
	{ "tree", test_tree },
	{ "no-pid", test_no_pid },
	{ "dead-process", test_dead_process },
	{ "unknown-tag", test_unknown_tag },
	{ "tagged-already", test_tagged_already },
	{ "io-uring", test_ring },
	{ "first-process", test_first_process },
	{ "kernel-thread", test_kernel_thread },
	{ "tree-around-itself", test_tree_around_itself },
	{ "killed-at-once", test_killed_at_once },
	{ "killed-halfway", test_killed_halfway },
	{},
};
