/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "userspace/runs/run_id.h"

static void names_and_parses(void **state)
{
	uint64_t run = UINT64_C(1806503035) << RUN_RANDOM_BITS | 0x9f03ac, again = 0;
	char name[RUN_NAME_SIZE];

	(void)state;
	assert_string_equal(run_id_name(run, name), "20270331-142355-9f03ac");
	assert_true(run_id_parse(name, &again));
	assert_true(again == run);
}

static void refuses_what_is_no_name(void **state)
{
	static const char *const wrong[] = {
		"", "20270331", "20270331-142355-9f03a", "20270331-142355-9f03acd",
		"20270331-142355-9F03AC", "20270331-142355-9f03ag", "20270331_142355-9f03ac",
		"20270230-142355-9f03ac", "20270331-242355-9f03ac", "20270331-146055-9f03ac",
		"2027 331-142355-9f03ac", "20271331-142355-9f03ac", "+0270331-142355-9f03ac",
	};
	uint64_t run = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (run_id_parse(wrong[i], &run))
			fail_msg("\"%s\" was taken for a run", wrong[i]);
		assert_int_equal(run, 42);
	}
}

static void any_number_has_a_name(void **state)
{
	static const uint64_t numbers[] = { 0, 1, UINT64_MAX, UINT64_C(1) << 63 };
	char name[RUN_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		run_id_name(numbers[i], name);
		assert_int_equal(name[RUN_NAME_SIZE - 1], 0);
		assert_int_equal(name[8], '-');
		assert_int_equal(name[15], '-');
	}
	assert_string_equal(run_id_name(0, name), "19700101-000000-000000");
}

static void new_ones_are_now_and_differ(void **state)
{
	uint64_t before = time(NULL), a = run_id_new(), b = run_id_new(), after = time(NULL);

	(void)state;
	assert_true(a != b);
	assert_in_range(a >> RUN_RANDOM_BITS, before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_parses),
		cmocka_unit_test(refuses_what_is_no_name),
		cmocka_unit_test(any_number_has_a_name),
		cmocka_unit_test(new_ones_are_now_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
