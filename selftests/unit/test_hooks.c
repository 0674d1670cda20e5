/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hooks are called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "userspace/fence/hooks.h"

static void names_hooks_as_the_kernel_does(void **state)
{
	(void)state;
	assert_string_equal(hook_name(HOOK_SOCKET_CONNECT), "socket_connect");
	assert_string_equal(hook_name(HOOK_BPRM_CHECK_SECURITY), "bprm_check_security");
	assert_string_equal(hook_name(HOOK_FILE_IOCTL_COMPAT), "file_ioctl_compat");
	assert_string_equal(hook_opening(HOOK_FILE_OPEN), "every file");
	for (int i = 0; i < HOOK_COUNT; i++) {
		const char *name = hook_name(i);

		assert_int_equal(name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")], 0);
		assert_true(strlen(name) > 2);
		assert_true(strlen(hook_opening(i)) > 5);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name, hook_name(k));
	}
}

/* What a fence cannot be without is what a deploy reaches by: the order of the list says so. */
static void needs_the_first_hooks(void **state)
{
	static const char *const needed[] = {
		"socket_connect", "socket_sendmsg", "file_open", "bprm_check_security", "task_alloc",
	};

	(void)state;
	assert_int_equal(HOOKS_NEEDED, sizeof(needed) / sizeof(needed[0]));
	for (int i = 0; i < HOOKS_NEEDED; i++)
		assert_string_equal(hook_name(i), needed[i]);
	/* A record has a byte for it. */
	assert_true(HOOK_COUNT <= UINT8_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_hooks_as_the_kernel_does),
		cmocka_unit_test(needs_the_first_hooks),
	};

	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
