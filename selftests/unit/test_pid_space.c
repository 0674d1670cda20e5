/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "userspace/base/pid_space.h"

/* What a process of a new pid name space says of it, a bit each; -1 where there can be none. */
static int ask_inside(bool own_proc)
{
	uint64_t outside = pid_space_id();
	int status = -1;
	pid_t child = fork();

	if (!child) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(255);
		child = fork();
		if (!child) {
			if (own_proc && mount("proc", "/proc", "proc", 0, NULL))
				_exit(255);
			_exit(pid_space_is_initial() | pid_space_is_shown() << 1 |
			      (pid_space_id() == outside) << 2 |
			      (pid_space_number_shown() == getpid()) << 3 |
			      (pid_space_number_shown() > 0) << 4);
		}
		waitpid(child, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status) : -1;
}

static void knows_its_own(void **state)
{
	(void)state;
	assert_int_not_equal(pid_space_id(), 0);
	assert_true(pid_space_is_shown());
	assert_int_equal(pid_space_number_shown(), getpid());
	assert_true(!pid_space_is_initial() || pid_space_initial_is_shown());
}

static void tells_another(void **state)
{
	int inside = ask_inside(true);

	(void)state;
	if (inside < 0)
		skip();			/* it takes root */
	assert_int_equal(inside, 2 | 8 | 16);
	assert_int_equal(ask_inside(false), 16);	/* it is there by another number */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_its_own),
		cmocka_unit_test(tells_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
