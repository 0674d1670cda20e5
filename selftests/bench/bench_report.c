/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `ringfence report` takes for a log of a million records of one run, in time and in memory. The log is made
 * as the collector makes it, of a deploy that builds something: thousands of processes, six deep, that open files.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "../unit/run_lines.h"

#define RECORDS 1000000
#define PER_PROCESS 50
#define FIRST_PID 1000

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* A compiler with a command line that is its own, below make and a shell. */
static void start_compiler(uint32_t pid, unsigned int number)
{
	char text[512] = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1";
	size_t size = strlen(text) + 1;
	static const char *const args[] = {
		"cc1", "-quiet", "-I", "/srv/build/include", "-I", "/srv/build/lib/include", "-D_GNU_SOURCE",
		"-dumpdir", "build/", "-dumpbase", "-mtune=generic", "-march=x86-64", "-O2", "-Wall", "-Wextra",
	};

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		strcpy(text + size, args[i]);
		size += strlen(args[i]) + 1;
	}
	size += (size_t)snprintf(text + size, sizeof(text) - size, "src/module%u/file%u.c", number % 50, number) + 1;
	run_fork(pid, 103);
	run_exec_bytes(pid, text, size);
}

static void make_log(void)
{
	uint32_t pid = FIRST_PID;

	run_note(RULE_BEGIN, RUN_BEGIN_ROWS(RUN_NAMED, RUN_NEEDS));
	run_exec(100, "./deploy\0/bin/sh\0./deploy");
	run_start(101, 100, "/usr/bin/make\0make\0-j8\0-C\0/srv/build\0all\0install");
	run_start(102, 101, "/bin/sh\0/bin/sh\0-c\0make -C lib all");
	run_start(103, 102, "/usr/bin/gcc\0gcc\0-O2\0-Wall\0-Wextra\0-I/srv/build/include\0-c");
	for (unsigned int i = 0; i < RECORDS; i++) {
		char path[64];

		if (i % PER_PROCESS == 0) {
			if (i)
				run_take(record_exit(pid, pid));
			start_compiler(++pid, i / PER_PROCESS);
		}
		snprintf(path, sizeof(path), "/srv/build/include/part%u/header%u.h", i % 97, i % 100003);
		if (i % 1000 == 999)
			run_connect(pid, RULE_GITHUB, "140.82.112.3", 443);
		else
			run_path_of(pid, RULE_DEFAULT, CLASS_FILE, path);
	}
	run_close();
}

int main(void)
{
	struct rusage usage;
	double begun;
	struct stat st;
	int status;
	pid_t child;

	if (run_setup(NULL))
		return 1;
	make_log();
	if (stat(run_path, &st))
		return 1;
	fflush(stdout);
	begun = now();
	child = fork();
	if (!child) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execl("build/ringfence", "ringfence", "report", "--log", run_path, RUN_NAME, NULL);
		_exit(1);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0 || status) {
		run_teardown(NULL);
		return 1;
	}
	printf("report: %d records of one run, %.2f GB: %.1f s, of a processor %.1f s, %ld MB at most\n", RECORDS,
	       (double)st.st_size / 1e9, now() - begun, seconds(usage.ru_utime) + seconds(usage.ru_stime),
	       usage.ru_maxrss / 1024);
	return run_teardown(NULL) ? 1 : 0;
}
