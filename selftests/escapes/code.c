/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs that run although nobody executes them by name: as the argument of a loader or a shell, as a
 * library, by a descriptor from outside, by what the kernel has registered for their kind. What may not be
 * executed may not be read, and not be mapped to be run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define SHELL	"/bin/bash"
#define LOADER	"/lib64/ld-linux-x86-64.so.2"
#define LIBRARY	"/lib/x86_64-linux-gnu/libtinfo.so.6"

/* --- another program runs it ---------------------------------------------------------------- */

/* The name under which the vector's process has its records: that of the file it executes. */
static const char *named(const struct vector *vector)
{
	char comm[16];

	vector_comm(vector, comm);
	return vector_path(vector, comm);
}

static const char *script_of(const struct vector *vector)
{
	return vector_path(vector, vector->script ?: "script");
}

/* A copy of @what at @target, and a script that leaves the marker. */
static void prepare_copy(const struct vector *vector)
{
	char command[1200], script[1200];

	files_prepare(vector);
	snprintf(command, sizeof(command), "cp %s %s", vector->what, vector_path(vector, vector->target));
	need(!vector->what || !system(command), vector);
	need(!chmod(vector_path(vector, vector->target), 0755), vector);
	snprintf(script, sizeof(script), "printf " FILE_WRITTEN " >%s\n", vector_path(vector, "marker"));
	need(!write_small(script_of(vector), script), vector);
	if (vector->executable)
		need(!symlink(vector->executable, named(vector)), vector);
}

static const char *missing_programs(const struct vector *vector)
{
	return access(SHELL, X_OK) || access(LOADER, X_OK) || access(LIBRARY, R_OK) ||
		(vector->executable && access(vector->executable, X_OK)) ?
		"the guest has no such program" : NULL;
}

/* Executes in a child; returns 0 or -EIO. */
static int run(const char *program, char *const argv[], const char *preload)
{
	char variable[600];
	char *environment[] = { "HOME=/", "SHELL=" SHELL, variable, NULL };
	int status = -1;
	pid_t child = fork();

	snprintf(variable, sizeof(variable), "%s=%s", preload ? "LD_PRELOAD" : "UNUSED", preload ?: "");
	if (!child) {
		execve(program, argv, environment);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return status ? -EIO : 0;
}

static int act_loader(const struct vector *vector, struct report *report)
{
	(void)report;
	return run(named(vector), COMMAND("loader", (char *)vector_path(vector, vector->target),
					  (char *)script_of(vector)), NULL);
}

static int act_shell(const struct vector *vector, struct report *report)
{
	(void)report;
	return run(named(vector), COMMAND("sh", (char *)vector_path(vector, vector->target)), NULL);
}

/* The shell looks whether it has the library. */
static int act_preload(const struct vector *vector, struct report *report)
{
	const char *library = vector_path(vector, vector->target);
	char script[1600];

	(void)report;
	snprintf(script, sizeof(script),
		 "while read -r line; do [[ $line != *%s ]] || printf %s >%s; done </proc/self/maps",
		 library, FILE_WRITTEN, vector_path(vector, "marker"));
	return run(named(vector), COMMAND("sh", "-c", script), library);
}

/* --- descriptors from outside --------------------------------------------------------------- */

static int open_program(const struct vector *vector)
{
	return open(vector_path(vector, vector->target), O_RDONLY);
}

static int act_inherited_execute(const struct vector *vector, struct report *report)
{
	char *argv[] = { "program", "mark", (char *)vector_path(vector, "marker"), NULL };
	char *environment[] = { NULL };
	int status = -1;
	pid_t child = fork();

	(void)report;
	if (!child) {
		fexecve(INHERITED_FD(vector), argv, environment);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* What is mapped can be jumped to; and it begins with the file's name. */
static int act_inherited_map(const struct vector *vector, struct report *report)
{
	char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, INHERITED_FD(vector), 0);

	if (code == MAP_FAILED)
		return -errno;
	snprintf(report->got, sizeof(report->got), "%.55s", code);
	return 0;
}

/* --- the kernel runs it --------------------------------------------------------------------- */

#define FORMATS "/proc/sys/fs/binfmt_misc/"

static const char *missing_formats(const struct vector *vector)
{
	bool there = !access(FORMATS "register", F_OK) ||
		!mount("binfmt_misc", FORMATS, "binfmt_misc", 0, NULL);

	return there ? missing_programs(vector) : "the kernel has no binfmt_misc";
}

/* Files that end in .ringfence are what the vector's program is to run. */
static void prepare_format(const struct vector *vector)
{
	char text[700];
	int fd;

	prepare_copy(vector);
	need(!chmod(script_of(vector), 0755), vector);
	write_small(FORMATS "ringfence", "-1");
	snprintf(text, sizeof(text), ":ringfence:E::ringfence::%s:", vector_path(vector, vector->target));
	fd = open(FORMATS "register", O_WRONLY | O_CLOEXEC);
	need(write(fd, text, strlen(text)) == (ssize_t)strlen(text), vector);
	close(fd);
}

static int act_format(const struct vector *vector, struct report *report)
{
	const char *script = script_of(vector);
	char *environment[] = { "HOME=/", "SHELL=" SHELL, NULL };
	int status = -1;
	pid_t child = fork();

	(void)report;
	if (!child) {
		execve(script, COMMAND((char *)script), environment);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* --- as another user ------------------------------------------------------------------------ */

static void prepare_setuid(const struct vector *vector)
{
	if (vector->place.ip)
		far_prepare(vector);
	execs_prepare(vector);
	need(!chmod(vector_path(vector, vector->target), 04755), vector);
}

/* Of the user that the program is set to: the marker can be written by no other. */
static int execute_setuid(const struct vector *vector, char *const argv[])
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		if (!setgid(1000) && !setuid(1000))
			execv(vector_path(vector, vector->target), argv);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int act_setuid(const struct vector *vector, struct report *report)
{
	(void)report;
	return execute_setuid(vector, COMMAND("program", "mark", (char *)vector_path(vector, "marker")));
}

/* What it does then is still the run's. */
static int act_setuid_connects(const struct vector *vector, struct report *report)
{
	char number[16];

	(void)report;
	snprintf(number, sizeof(number), "%u", vector_number(vector));
	return execute_setuid(vector, COMMAND("hooks", "again", number, "1"));
}

/* Of a denial the program learns that tells it to somebody who is not asked. */
#define RUN .hook = "file_open", .missing = missing_programs, .prepare = prepare_copy, \
	.count = execs_count, .hides_errno = true, .seen_access = "read"
#define INHERITED .open = open_program, .inherited = true, .target = "program", \
	.execs = "program", .seen_path = "program", .seen_access = "read"

const struct vector code_vectors[] = {
	{ RUN, .name = "code-by-loader", .act = act_loader, .executable = LOADER, .what = SHELL,
	  .target = "program", .execs = "program", .seen_path = "program", .by_the_way = true },
	{ RUN, .name = "code-by-shell", .act = act_shell, .executable = SHELL,
	  .target = "script", .execs = "script", .seen_path = "script", .by_the_way = true },
	{ RUN, .name = "code-preloaded", .act = act_preload, .executable = SHELL, .what = LIBRARY,
	  .target = "library", .execs = "library", .seen_path = "library", .by_the_way = true },
	{ INHERITED, .hook = "bprm_check_security", .name = "code-inherited", .prepare = execs_prepare,
	  .act = act_inherited_execute, .count = execs_count },
	{ INHERITED, .hook = "mmap_file", .name = "code-inherited-map", .prepare = files_prepare,
	  .act = act_inherited_map, .count = far_as_reported, .by_the_way = true },
	{ .hook = "bprm_check_security", .name = "code-by-format", .missing = missing_formats,
	  .prepare = prepare_format, .act = act_format, .count = execs_count, .what = SHELL,
	  .script = "script.ringfence", .target = "program", .execs = "program",
	  .seen_path = "program", .seen_access = "read" },
	{ .hook = "bprm_check_security", .name = "code-setuid", .prepare = prepare_setuid,
	  .act = act_setuid, .count = execs_count, .target = "program", .execs = "program",
	  .seen_path = "program", .seen_access = "read" },
	{ .hook = "socket_connect", .name = "code-setuid-connects", .prepare = prepare_setuid,
	  .act = act_setuid_connects, .count = far_count, .target = "program",
	  .executable = "program", .place = { AF_INET, SOCK_STREAM, 0, "127.10.1.1", 80 } },
	{},
};
