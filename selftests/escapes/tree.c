/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * task_alloc: children of every kind stay tagged. Each vector makes descendants in its own way;
 * each of them connects to the vector's server, and is judged there as a child of the run.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define HOOK "socket_connect"
#define GENERATIONS 3
#define THREADS 2
#define CGROUP "/sys/fs/cgroup/hooks"

/* The errno that a child brings back as its exit status. */
static int wait_for(pid_t child)
{
	int status = -1;

	if (child < 0 || waitpid(child, &status, __WALL) != child || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/* All descendants of a vector must meet the same. */
static int both(int err, int other)
{
	return err == other ? err : -EDOM;
}

/* --- generations ---------------------------------------------------------------------------- */

static int generation(const struct vector *vector, int left)
{
	int err = connect_once(vector);
	pid_t child;

	if (left <= 1)
		return err;
	child = fork();
	if (!child)
		_exit(-generation(vector, left - 1));
	return both(err, wait_for(child));
}

static int act_generations(const struct vector *vector, struct report *report)
{
	pid_t child = fork();

	(void)report;
	if (!child)
		_exit(-generation(vector, GENERATIONS));
	return wait_for(child);
}

static void execute_again(const struct vector *vector, int left)
{
	char number[16], count[16], *argv[] = { "hooks", "again", number, count, NULL };

	snprintf(number, sizeof(number), "%u", vector_number(vector));
	snprintf(count, sizeof(count), "%d", left);
	execv(self_path(), argv);
	_exit(ENOEXEC);
}

/* hooks again VECTOR GENERATIONS: connects as a new image, then has a child that does so too. */
int again_main(int argc, char **argv)
{
	const struct vector *vector = argc == 4 ? vector_at(atoi(argv[2])) : NULL;
	int left = vector ? atoi(argv[3]) : 0, err;
	pid_t child;

	if (!vector)
		return EINVAL;
	vector_bear_name(vector);
	err = connect_once(vector);
	if (left <= 1)
		return -err;
	child = fork();
	if (!child)
		execute_again(vector, left - 1);
	return -both(err, wait_for(child));
}

static int act_exec_generations(const struct vector *vector, struct report *report)
{
	pid_t child = fork();

	(void)report;
	if (!child)
		execute_again(vector, GENERATIONS);
	return wait_for(child);
}

/* --- threads -------------------------------------------------------------------------------- */

static void *thread_connect(void *ctx)
{
	return (void *)(intptr_t)connect_once(ctx);
}

static int act_threads(const struct vector *vector, struct report *report)
{
	pthread_t threads[THREADS];
	void *result;
	int err = 0;

	(void)report;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_connect, (void *)vector))
			return -EAGAIN;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		err = i ? both(err, (int)(intptr_t)result) : (int)(intptr_t)result;
	}
	return err;
}

static void *thread_execute(void *ctx)
{
	execute_again(ctx, 1);
	return NULL;
}

/* The thread that executes takes the leader's place, and its task survives as the process. */
static int act_thread_executes(const struct vector *vector, struct report *report)
{
	pid_t child = fork();
	pthread_t thread;

	(void)report;
	if (!child) {
		if (!pthread_create(&thread, NULL, thread_execute, (void *)vector))
			pthread_join(thread, NULL);
		_exit(ENOEXEC);
	}
	return wait_for(child);
}

static void *thread_fork(void *ctx)
{
	pid_t child = fork();

	if (!child)
		_exit(-connect_once(ctx));
	return (void *)(intptr_t)wait_for(child);
}

static int act_thread_forks(const struct vector *vector, struct report *report)
{
	pthread_t thread;
	void *result = (void *)(intptr_t)-EAGAIN;

	(void)report;
	if (!pthread_create(&thread, NULL, thread_fork, (void *)vector))
		pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

/* --- system calls that make children -------------------------------------------------------- */

static int act_vfork(const struct vector *vector, struct report *report)
{
	pid_t child = vfork();

	(void)report;
	if (!child)
		_exit(-connect_once(vector));
	return wait_for(child);
}

static int clone3_and_connect(const struct vector *vector, struct clone_args *args)
{
	pid_t child = syscall(SYS_clone3, args, sizeof(*args));

	if (!child)
		_exit(-connect_once(vector));
	return child < 0 ? -errno : wait_for(child);
}

static int act_clone3(const struct vector *vector, struct report *report)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	(void)report;
	return clone3_and_connect(vector, &args);
}

static int act_without_signal(const struct vector *vector, struct report *report)
{
	struct clone_args args = {};

	(void)report;
	return clone3_and_connect(vector, &args);
}

static int act_namespaces(const struct vector *vector, struct report *report)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC,
		.exit_signal = SIGCHLD,
	};

	(void)report;
	return clone3_and_connect(vector, &args);
}

static int act_into_cgroup(const struct vector *vector, struct report *report)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };

	(void)report;
	if (mkdir(CGROUP, 0755) && errno != EEXIST)
		return -errno;
	args.cgroup = open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return clone3_and_connect(vector, &args);
}

/* The child's parent is ours, which is not tagged: the launcher. Only a pipe tells how it went. */
static int act_clone_parent(const struct vector *vector, struct report *report)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	struct pollfd event = { .events = POLLIN };
	int result[2], err = -ECHILD;
	pid_t child;

	(void)report;
	if (pipe2(result, O_CLOEXEC))
		return -errno;
	child = syscall(SYS_clone3, &args, sizeof(args));
	if (!child) {
		err = connect_once(vector);
		_exit(write(result[1], &err, sizeof(err)) != sizeof(err));
	}
	event.fd = result[0];
	if (child < 0)
		err = -errno;
	else if (poll(&event, 1, WAIT_MS) != 1 || read(result[0], &err, sizeof(err)) != sizeof(err))
		err = -ETIMEDOUT;
	close(result[0]);
	close(result[1]);
	return err;
}

/* --- those who leave ------------------------------------------------------------------------ */

static int act_other_user(const struct vector *vector, struct report *report)
{
	pid_t child = fork();

	(void)report;
	if (!child)
		_exit(setgid(1000) || setuid(1000) ? EPERM : -connect_once(vector));
	return wait_for(child);
}

static void wait_for_end(pid_t process)
{
	struct pollfd event = { .fd = syscall(SYS_pidfd_open, process, 0), .events = POLLIN };

	if (event.fd >= 0)
		poll(&event, 1, WAIT_MS);
}

/* Forks twice in a session of its own. What stays behind waits until @process has ended, and then
 * connects and reports. */
static int leave_until_end_of(pid_t process, const struct vector *vector)
{
	struct report late = { .vector = vector_number(vector) };
	pid_t child = fork();

	if (child)
		return wait_for(child) ?: REPORTED_LATER;
	setsid();
	if (fork())
		_exit(0);
	alarm(0);
	wait_for_end(process);
	late.err = connect_once(vector);
	actor_report(&late);
	_exit(0);
}

/* Its parents end, and init adopts it. */
static int act_orphan(const struct vector *vector, struct report *report)
{
	(void)report;
	return leave_until_end_of(getpid(), vector);
}

/* The whole command ends. */
static int act_daemon(const struct vector *vector, struct report *report)
{
	(void)report;
	return leave_until_end_of(getppid(), vector);
}

#define TREE(address) .hook = HOOK, .prepare = far_prepare, .count = far_count, \
	.place = { AF_INET, SOCK_STREAM, 0, address, 80 }

const struct vector tree_vectors[] = {
	{ TREE("127.3.1.1"), .name = "tree-three-generations", .act = act_generations,
	  .records = GENERATIONS, .effects = GENERATIONS },
	{ TREE("127.3.1.2"), .name = "tree-three-generations-executed",
	  .act = act_exec_generations, .records = GENERATIONS, .effects = GENERATIONS },
	{ TREE("127.3.1.3"), .name = "tree-threads", .act = act_threads, .records = THREADS,
	  .effects = THREADS },
	{ TREE("127.3.1.4"), .name = "tree-thread-executes", .act = act_thread_executes },
	{ TREE("127.3.1.5"), .name = "tree-thread-forks", .act = act_thread_forks },
	{ TREE("127.3.1.6"), .name = "tree-vfork", .act = act_vfork },
	{ TREE("127.3.1.7"), .name = "tree-clone3", .act = act_clone3 },
	{ TREE("127.3.1.8"), .name = "tree-child-without-signal", .act = act_without_signal },
	{ TREE("127.3.1.9"), .name = "tree-namespaces", .act = act_namespaces },
	{ TREE("127.3.1.10"), .name = "tree-into-cgroup", .act = act_into_cgroup },
	{ TREE("127.3.1.11"), .name = "tree-clone-parent", .act = act_clone_parent,
	  .in_main = true },
	{ TREE("127.3.1.12"), .name = "tree-other-user", .act = act_other_user },
	{ TREE("127.3.1.13"), .name = "tree-orphan", .act = act_orphan },
	{ TREE("127.3.1.14"), .name = "tree-daemon-outlives-command", .act = act_daemon },
	{},
};
