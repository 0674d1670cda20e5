/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bprm_check_security: execve(2) and execveat(2). Each vector has a program of its own, a copy of
 * this one, which writes a marker when it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define HOOK "bprm_check_security"

extern char **environ;

/* How a program is started: returns only when it was not. */
typedef void (*start_fn)(const struct vector *vector, char **argv);

/* In a child, whose exit status is the errno where it was not started. */
static int start(const struct vector *vector, start_fn way, const char *marker)
{
	char *argv[] = { "program", "mark", (char *)marker, NULL };
	int status = -1;
	pid_t child = fork();

	if (!child) {
		way(vector, argv);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int start_marked(const struct vector *vector, start_fn way)
{
	return start(vector, way, vector_path(vector, "marker"));
}

static void by_path(const struct vector *vector, char **argv)
{
	execv(vector_path(vector, vector->what ?: vector->target), argv);
}

static int act_path(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_path);
}

/* A script hands its own arguments on: the marker comes first. */
static void by_script(const struct vector *vector, char **argv)
{
	char *script_argv[] = { "script", argv[2], NULL };

	execv(vector_path(vector, vector->script), script_argv);
}

static int act_script(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_script);
}

static void by_relative_path(const struct vector *vector, char **argv)
{
	if (!chdir(vector_path(vector, "")))
		execv("./program", argv);
}

static int act_relative(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_relative_path);
}

static void by_descriptor(const struct vector *vector, char **argv)
{
	int fd = open(vector_path(vector, vector->target), O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		fexecve(fd, argv, environ);
}

static int act_descriptor(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_descriptor);
}

static void by_empty_path(const struct vector *vector, char **argv)
{
	int fd = open(vector_path(vector, vector->target), O_PATH | O_CLOEXEC);

	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
}

static int act_empty_path(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_empty_path);
}

static void by_proc(const struct vector *vector, char **argv)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d",
		 open(vector_path(vector, vector->target), O_PATH | O_CLOEXEC));
	execv(path, argv);
}

static int act_proc(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_proc);
}

static void by_memory_file(const struct vector *vector, char **argv)
{
	int from = open(vector_path(vector, vector->target), O_RDONLY | O_CLOEXEC);
	int to = from < 0 ? -1 : memfd_create("copy", MFD_CLOEXEC);
	struct stat st = {};

	if (to < 0)
		return;
	fstat(from, &st);
	while (st.st_size > 0) {
		ssize_t sent = sendfile(to, from, NULL, st.st_size);

		if (sent <= 0)
			return;
		st.st_size -= sent;
	}
	fexecve(to, argv, environ);
}

static int act_memory_file(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_memory_file);
}

static void by_bind_mount(const struct vector *vector, char **argv)
{
	const char *other = vector_path(vector, "other");

	if (!unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	    !mount(vector_path(vector, "program"), other, NULL, MS_BIND, NULL))
		execv(other, argv);
}

static int act_bind_mount(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_bind_mount);
}

static void in_chroot(const struct vector *vector, char **argv)
{
	if (!chroot(vector_path(vector, "")) && !chdir("/"))
		execv("/program", argv);
}

static int act_chroot(const struct vector *vector, struct report *report)
{
	(void)report;
	return start(vector, in_chroot, "/marker");
}

static void renamed(const struct vector *vector, char **argv)
{
	const char *other = vector_path(vector, "other");

	if (!rename(vector_path(vector, "program"), other))
		execv(other, argv);
}

static int act_renamed(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, renamed);
}

/* Another file under the name that the policy has. */
static void replaced(const struct vector *vector, char **argv)
{
	const char *program = vector_path(vector, "program");

	if (!rename(vector_path(vector, "other"), program))
		execv(program, argv);
}

static int act_replaced(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, replaced);
}

static int act_spawn(const struct vector *vector, struct report *report)
{
	char *argv[] = { "program", "mark", (char *)vector_path(vector, "marker"), NULL };
	int err, status = -1;
	pid_t child;

	(void)report;
	err = posix_spawn(&child, vector_path(vector, vector->target), NULL, NULL, argv, environ);
	if (err)
		return -err;
	waitpid(child, &status, 0);
	return status ? -EIO : 0;
}

struct thread_exec {
	const struct vector *vector;
	char **argv;
};

static void *thread_main(void *ctx)
{
	struct thread_exec *exec = ctx;

	by_path(exec->vector, exec->argv);
	_exit(errno);
}

static void by_thread(const struct vector *vector, char **argv)
{
	struct thread_exec exec = { vector, argv };
	pthread_t thread;

	if (!pthread_create(&thread, NULL, thread_main, &exec))
		pthread_join(thread, NULL);
}

static int act_thread(const struct vector *vector, struct report *report)
{
	(void)report;
	return start_marked(vector, by_thread);
}

/* --- preparations --------------------------------------------------------------------------- */

static void prepare_hard_link(const struct vector *vector)
{
	execs_prepare(vector);
	need(!link(vector_path(vector, "program"), vector_path(vector, vector->what)), vector);
}

static void prepare_link(const struct vector *vector)
{
	execs_prepare(vector);
	need(!symlink(vector_path(vector, "program"), vector_path(vector, vector->what)), vector);
}

/* Programs beside it that are not the one in the policy. */
static void prepare_copy(const struct vector *vector)
{
	char command[1200];

	execs_prepare(vector);
	snprintf(command, sizeof(command), "cp %s %s", vector_path(vector, "program"),
		 vector_path(vector, "other"));
	need(!system(command), vector);
}

static void prepare_other_file(const struct vector *vector)
{
	execs_prepare(vector);
	write_small(vector_path(vector, "other"), "");
}

#define RUN .hook = HOOK, .count = execs_count, .prepare = execs_prepare, .target = "program", \
	.execs = "program", .seen_path = "program", .seen_access = "read"
#define RUN_AFTER(preparation) .hook = HOOK, .count = execs_count, .prepare = preparation, \
	.target = "program", .execs = "program", .seen_access = "read"
#define RUN_OTHER .hook = HOOK, .count = execs_count, .prepare = execs_prepare, \
	.seen_access = "read"

/* What may not be executed may not be read. */
#define OPENED .hook = "file_open", .count = execs_count, .prepare = execs_prepare, \
	.target = "program", .execs = "program", .seen_path = "program", .seen_access = "read"

const struct vector exec_identity_vectors[] = {
	{ RUN, .name = "exec-path", .act = act_path },
	{ RUN, .name = "exec-relative", .act = act_relative },
	{ OPENED, .name = "exec-descriptor", .act = act_descriptor, .records = 2,
	  .records_denied = 1 },
	{ RUN, .name = "exec-empty-path", .act = act_empty_path },
	{ RUN, .name = "exec-from-proc", .act = act_proc },
	{ RUN, .name = "exec-spawn", .act = act_spawn },
	{ RUN, .name = "exec-from-other-thread", .act = act_thread },
	{ RUN_OTHER, .name = "exec-below-tree", .act = act_path,
	  .target = "folder/a/program", .execs = "folder/", .seen_path = "folder/a/program" },
	{ RUN_AFTER(prepare_hard_link), .name = "exec-hard-link", .act = act_path, .what = "other",
	  .seen_path = "other" },
	{ RUN_AFTER(prepare_link), .name = "exec-symbolic-link", .act = act_path, .what = "other",
	  .seen_path = "program" },
	{ RUN_AFTER(prepare_other_file), .name = "exec-bind-mounted", .act = act_bind_mount,
	  .seen_path = "other" },
	{ RUN_AFTER(execs_prepare), .name = "exec-in-chroot", .act = act_chroot, .seen_path = "" },
	{ .name = "exec-renamed", .hook = "path_rename", .act = act_renamed,
	  .prepare = execs_prepare, .count = execs_count, .target = "program", .execs = "program",
	  .seen_path = "program", .seen_access = "read", .records = 2, .records_denied = 1 },
	{ RUN_AFTER(prepare_copy), .name = "exec-replaced", .act = act_replaced,
	  .seen_path = "program" },
	/* A copy that was made outside is another program: a policy that must hold it lists what may
	 * run instead. */
	{ RUN_AFTER(prepare_copy), .name = "exec-copy", .act = act_path, .what = "other",
	  .judged = NOT_JUDGED },
	{ OPENED, .name = "exec-copy-in-memory", .act = act_memory_file, .by_the_way = true },
	/* A script is checked twice: as itself, and its interpreter on its behalf. */
	{ RUN_OTHER, .name = "exec-script", .act = act_script, .script = "script",
	  .target = "program", .execs = "script", .seen_path = "script" },
	{ RUN_AFTER(execs_prepare), .name = "exec-interpreter-of-script", .act = act_script,
	  .script = "script", .seen_path = "program" },
	{},
};
