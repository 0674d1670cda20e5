/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command would inherit. Every test looks at the descriptors of this very process, in a child of
 * its own, whose standard error it reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "userspace/base/descriptors.h"

#define ANSWER_FD 60

struct outcome {
	int err;
	bool vouched;
	char told[1024];
};

/* In a child with nothing open but three pipes: @open_them opens what is to be looked at. */
static int child(bool keep, void (*open_them)(void), int told, int answer)
{
	struct outcome outcome = {};
	int in[2];

	dup3(answer, ANSWER_FD, O_CLOEXEC);
	dup2(told, STDERR_FILENO);
	if (pipe(in) || dup2(in[0], STDIN_FILENO) || dup2(in[1], STDOUT_FILENO) != STDOUT_FILENO)
		return 1;
	syscall(SYS_close_range, STDERR_FILENO + 1, ANSWER_FD - 1, 0);
	syscall(SYS_close_range, ANSWER_FD + 1, UINT_MAX, 0);
	if (open_them)
		open_them();
	outcome.err = descriptors_examine(keep, &outcome.vouched);
	return write(ANSWER_FD, &outcome, sizeof(outcome)) != sizeof(outcome);
}

static void examine(bool keep, void (*open_them)(void), struct outcome *ret_outcome)
{
	int told[2], answer[2], status;
	ssize_t got;
	size_t size = 0;
	pid_t pid;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	pid = fork();
	if (!pid)
		_exit(child(keep, open_them, told[1], answer[1]));
	close(told[1]);
	close(answer[1]);
	assert_int_equal(read(answer[0], ret_outcome, sizeof(*ret_outcome)), sizeof(*ret_outcome));
	while ((got = read(told[0], ret_outcome->told + size,
			   sizeof(ret_outcome->told) - 1 - size)) > 0)
		size += got;
	ret_outcome->told[size] = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(told[0]);
	close(answer[0]);
}

static void open_as(const char *path, int fd)
{
	int opened = open(path, O_RDWR | O_CLOEXEC);

	dup2(opened, fd);
	close(opened);
}

/* --- the standard three --------------------------------------------------------------------- */

static void vouches_for_pipes(void **state)
{
	struct outcome outcome;

	(void)state;
	examine(false, NULL, &outcome);
	assert_int_equal(outcome.err, 0);
	assert_true(outcome.vouched);
	assert_string_equal(outcome.told, "");
}

static void open_null_and_terminal(void)
{
	open_as("/dev/null", STDIN_FILENO);
	open_as("/dev/ptmx", STDOUT_FILENO);
}

static void vouches_for_null_and_terminals(void **state)
{
	struct outcome outcome;

	(void)state;
	examine(false, open_null_and_terminal, &outcome);
	assert_int_equal(outcome.err, 0);
	assert_true(outcome.vouched);
	assert_string_equal(outcome.told, "");
}

static void close_input(void)
{
	close(STDIN_FILENO);
}

static void open_zero(void)
{
	open_as("/dev/zero", STDIN_FILENO);
}

static void open_file(void)
{
	dup2(memfd_create("file", MFD_CLOEXEC), STDOUT_FILENO);
}

static void open_named_pipe(void)
{
	char folder[] = "/tmp/ringfence-test-XXXXXX", path[64];

	if (!mkdtemp(folder))
		return;
	snprintf(path, sizeof(path), "%s/fifo", folder);
	mkfifo(path, 0600);
	open_as(path, STDIN_FILENO);
	unlink(path);
	rmdir(folder);
}

/* What is closed cannot be used. Other devices, files and pipes with a name can be what a policy
 * speaks of, and are not worth a word: they are what shells redirect to. */
static void vouches_for_nothing_else(void **state)
{
	static const struct {
		void (*open_it)(void);
		bool vouched;
	} cases[] = {
		{ close_input, true }, { open_zero, false }, { open_file, false },
		{ open_named_pipe, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome;

		examine(false, cases[i].open_it, &outcome);
		assert_int_equal(outcome.err, 0);
		assert_int_equal(outcome.vouched, cases[i].vouched);
		assert_string_equal(outcome.told, "");
	}
}

/* --- sockets -------------------------------------------------------------------------------- */

static void open_connected(const char *ip, int family, int fd)
{
	struct sockaddr_storage address = { .ss_family = family };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	int opened = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* The port stands at the same place in both. */
	v4->sin_port = htons(4711);
	inet_pton(family, ip, family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr);
	/* Of datagrams, nothing is sent. */
	if (connect(opened, (struct sockaddr *)&address, sizeof(address)))
		_exit(1);
	dup2(opened, fd);
	close(opened);
}

static void open_sockets(void)
{
	int pair[2];

	open_connected("127.0.0.1", AF_INET, STDIN_FILENO);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		_exit(1);
	dup2(pair[0], STDOUT_FILENO);
	close(pair[0]);
	close(pair[1]);
}

static void tells_sockets(void **state)
{
	struct outcome outcome;

	(void)state;
	examine(false, open_sockets, &outcome);
	assert_int_equal(outcome.err, 0);
	assert_false(outcome.vouched);
	assert_string_equal(outcome.told,
		"ringfence: standard input is a socket, connected to 127.0.0.1 port 4711: "
		"it is judged by its peer\n"
		"ringfence: standard output is a socket: it is judged by its peer\n");
}

static void open_v6_socket(void)
{
	open_connected("::1", AF_INET6, STDIN_FILENO);
}

static void tells_v6_sockets(void **state)
{
	struct outcome outcome;

	(void)state;
	if (access("/proc/net/if_inet6", F_OK))
		skip();
	examine(false, open_v6_socket, &outcome);
	assert_string_equal(outcome.told,
		"ringfence: standard input is a socket, connected to ::1 port 4711: "
		"it is judged by its peer\n");
}

/* --- those above ---------------------------------------------------------------------------- */

static void open_above(void)
{
	open_as("/dev/null", 7);
	open_as("/dev/zero", 20);
	dup3(20, 21, O_CLOEXEC);
}

static void lists_what_is_kept(void **state)
{
	struct outcome outcome;

	(void)state;
	examine(false, open_above, &outcome);	/* they will be closed */
	assert_true(outcome.vouched);
	assert_string_equal(outcome.told, "");
	examine(true, open_above, &outcome);
	assert_int_equal(outcome.err, 0);
	assert_false(outcome.vouched);
	assert_string_equal(outcome.told,
		"ringfence: the command keeps descriptor 7: /dev/null\n"
		"ringfence: the command keeps descriptor 20: /dev/zero\n");
}

static void open_harmless_above(void)
{
	int ends[2];

	open_as("/dev/null", 7);
	if (pipe(ends))
		_exit(1);
}

static void vouches_for_what_is_kept(void **state)
{
	struct outcome outcome;

	(void)state;
	examine(true, open_harmless_above, &outcome);
	assert_int_equal(outcome.err, 0);
	assert_true(outcome.vouched);
}

/* A name may hold what a terminal would take for orders. */
static void open_odd_name(void)
{
	dup2(memfd_create("a\033[31m\n[io_uring]", MFD_CLOEXEC), 7);
}

static void shows_names_harmlessly(void **state)
{
	struct outcome outcome;

	(void)state;
	examine(true, open_odd_name, &outcome);
	assert_int_equal(outcome.err, 0);	/* it is called so, and is none */
	assert_non_null(strstr(outcome.told, "the command keeps descriptor 7: /memfd:a"));
	assert_null(strchr(outcome.told, '\033'));
	assert_ptr_equal(strchr(outcome.told, '\n'), outcome.told + strlen(outcome.told) - 1);
}

/* --- io_uring ------------------------------------------------------------------------------- */

static int ring(void)
{
	struct io_uring_params params = {};

	return syscall(SYS_io_uring_setup, 1, &params);
}

static void open_ring_above(void)
{
	dup2(ring(), 7);
}

static void open_ring_as_output(void)
{
	dup2(ring(), STDOUT_FILENO);
}

static void refuses_rings(void **state)
{
	struct outcome outcome;
	int fd = ring();

	(void)state;
	if (fd < 0)
		skip();			/* it may be switched off: kernel.io_uring_disabled */
	close(fd);
	examine(true, open_ring_above, &outcome);
	assert_int_equal(outcome.err, -EPERM);
	assert_non_null(strstr(outcome.told, "descriptor 7 is an io_uring"));
	examine(false, open_ring_above, &outcome);
	assert_int_equal(outcome.err, 0);
	examine(false, open_ring_as_output, &outcome);
	assert_int_equal(outcome.err, -EPERM);
	assert_non_null(strstr(outcome.told, "descriptor 1 is an io_uring"));
}

/* --- closing -------------------------------------------------------------------------------- */

static void closes_at_exec(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		dup2(STDERR_FILENO, 7);
		dup2(STDERR_FILENO, 300);
		if (descriptors_close_later())
			_exit(4);
		if (fcntl(7, F_GETFD) != FD_CLOEXEC || fcntl(300, F_GETFD) != FD_CLOEXEC)
			_exit(1);
		/* The shell has none of the two, but those it is meant to have. */
		execl("/bin/sh", "sh", "-c", "for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] || exit 2; done;"
		      "[ ! -e /proc/$$/fd/7 ] && [ ! -e /proc/$$/fd/300 ]", NULL);
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A service manager's filter, which knows not of close_range(2). */
static void says_when_they_stay_open(void **state)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(1);
		_exit(descriptors_close_later() == -ENOSYS ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vouches_for_pipes),
		cmocka_unit_test(vouches_for_null_and_terminals),
		cmocka_unit_test(vouches_for_nothing_else),
		cmocka_unit_test(tells_sockets),
		cmocka_unit_test(tells_v6_sockets),
		cmocka_unit_test(lists_what_is_kept),
		cmocka_unit_test(vouches_for_what_is_kept),
		cmocka_unit_test(shows_names_harmlessly),
		cmocka_unit_test(refuses_rings),
		cmocka_unit_test(closes_at_exec),
		cmocka_unit_test(says_when_they_stay_open),
	};

	return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
