/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who a process is, by its pid and the time it began.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "userspace/base/peer.h"

#define BEFORE_START "S 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 "	/* fields 3 to 21 */

static void finds_the_start(void **state)
{
	static const struct {
		const char *stat;
		unsigned long long ticks;
	} cases[] = {
		{ "42 (bash) " BEFORE_START "98765 1000 2000", 98765 },
		{ "42 (bash) " BEFORE_START "98765", 98765 },
		{ "42 (a b) " BEFORE_START "7 1", 7 },
		/* Who names itself after fields and brackets fools nobody. */
		{ "42 (x) " "S 1 2) " BEFORE_START "8 1", 8 },
		{ "42 () " BEFORE_START "18446744073709551615 1", UINT64_MAX },
		{ "42 (bash) " BEFORE_START, 0 },
		{ "42 (bash) S 1 42", 0 },
		{ "42 (bash)", 0 },
		{ "42", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(peer_start_ticks(cases[i].stat), cases[i].ticks);
}

/* As people call it: not where a service has folders of its own, nor the place of a user's service manager. */
static void finds_the_unit(void **state)
{
	static const struct {
		const char *cgroup, *unit;
	} cases[] = {
		{ "0::/system.slice/nginx.service\n", "nginx.service" },
		{ "0::/system.slice/nginx.service", "nginx.service" },
		{ "0::/system.slice/nginx.service/workers\n", "nginx.service" },
		{ "0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope" },
		{ "0::/user.slice/user-1.slice/user@1.service/app.slice/a.service\n", "a.service" },
		{ "0::/user.slice/user-1.slice/user@1.service/init.scope\n", "user@1.service" },
		{ "0::/init.scope\n", "init.scope" },
		{ "0::/system.slice/sshd.socket\n", "sshd.socket" },
		{ "12:cpu:/a.service\n1:name=systemd:/system.slice/old.service\n0::/\n", "old.service" },
		{ "1:name=systemd:/system.slice/old.service\n0::/system.slice/new.service\n", "new.service" },
		{ "0::/\n", "" },
		{ "0::/docker/0123\n", "" },
		{ "0::/.service\n", "" },
		{ "0::\n", "" },
		{ "", "" },
	};
	char unit[PEER_UNIT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		peer_unit(cases[i].cgroup, unit);
		assert_string_equal(unit, cases[i].unit);
	}
}

/* As a record names this process. */
static struct process_id own_id(void)
{
	char stat[1024];
	ssize_t size;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

	size = read(fd, stat, sizeof(stat) - 1);
	assert_true(size > 0);
	close(fd);
	stat[size] = 0;
	return (struct process_id){
		.pid = getpid(),
		.start_ns = peer_start_ticks(stat) * KEEPER_TICK_NS,
	};
}

static void assert_unknown(const struct process_id *id)
{
	struct peer peer;

	memset(&peer, 'x', sizeof(peer));
	peer_read(id, &peer);
	assert_string_equal(peer.name, "");
	assert_string_equal(peer.executable, "");
}

/* Any moment of the tick that it began in. */
static void reads_a_process(void **state)
{
	static const char name[] = "a) 1 2 (b";
	struct process_id id;
	struct peer peer;
	char self[PEER_EXECUTABLE_SIZE] = "";

	(void)state;
	prctl(PR_SET_NAME, name);
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	id = own_id();
	for (uint64_t ns = 0; ns < KEEPER_TICK_NS; ns += KEEPER_TICK_NS - 1) {
		struct process_id at = { .pid = id.pid, .start_ns = id.start_ns + ns };

		memset(&peer, 'x', sizeof(peer));
		peer_read(&at, &peer);
		assert_string_equal(peer.name, name);
		assert_string_equal(peer.executable, self);
	}
}

/* A pid that was used again is somebody else. */
static void knows_nothing_of_another_start(void **state)
{
	struct process_id id = own_id();

	(void)state;
	id.start_ns += KEEPER_TICK_NS;
	assert_unknown(&id);
	id.start_ns -= KEEPER_TICK_NS + 1;
	assert_unknown(&id);
	id.start_ns = 0;
	assert_unknown(&id);
}

static void knows_nothing_of_the_dead(void **state)
{
	struct process_id id = own_id();
	int pipe_fds[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (!pid) {
		id = own_id();
		_exit(write(pipe_fds[1], &id, sizeof(id)) != sizeof(id));
	}
	assert_int_equal(read(pipe_fds[0], &id, sizeof(id)), sizeof(id));
	assert_int_equal(id.pid, pid);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	assert_unknown(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_start),
		cmocka_unit_test(finds_the_unit),
		cmocka_unit_test(reads_a_process),
		cmocka_unit_test(knows_nothing_of_another_start),
		cmocka_unit_test(knows_nothing_of_the_dead),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
