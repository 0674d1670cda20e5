/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes, times and numbers of the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "userspace/base/amounts.h"

static void reads_sizes(void **state)
{
	uint64_t bytes;

	(void)state;
	assert_true(amount_bytes("0", &bytes) && bytes == 0);
	assert_true(amount_bytes("4711", &bytes) && bytes == 4711);
	assert_true(amount_bytes("8K", &bytes) && bytes == 8192);
	assert_true(amount_bytes("64M", &bytes) && bytes == 64 << 20);
	assert_true(amount_bytes("3G", &bytes) && bytes == 3ULL << 30);
}

static void reads_times(void **state)
{
	uint64_t seconds;

	(void)state;
	assert_true(amount_seconds("0", &seconds) && seconds == 0);
	assert_true(amount_seconds("90s", &seconds) && seconds == 90);
	assert_true(amount_seconds("5m", &seconds) && seconds == 300);
	assert_true(amount_seconds("36h", &seconds) && seconds == 129600);
	assert_true(amount_seconds("1d", &seconds) && seconds == 86400);
	assert_true(amount_seconds("2w", &seconds) && seconds == 1209600);
}

static void refuses_the_rest(void **state)
{
	static const char *const texts[] = {
		"", "M", "-1", "+1", " 1", "1 ", "1MB", "1m2", "0x10", "1.5G", "64Mi", "99999999999999999999",
		"9223372036854775807G", "1e3",
	};
	uint64_t amount = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_false(amount_bytes(texts[i], &amount));
		assert_false(amount_seconds(texts[i], &amount));
		assert_false(amount_number(texts[i], UINT64_MAX, &amount));
	}
	assert_false(amount_bytes("64d", &amount));
	assert_false(amount_seconds("10", &amount));	/* of what? */
	assert_false(amount_number("11", 10, &amount));
	assert_int_equal(amount, 77);
	assert_true(amount_number("10", 10, &amount) && amount == 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(reads_times),
		cmocka_unit_test(refuses_the_rest),
	};

	return cmocka_run_group_tests_name("amounts", tests, NULL, NULL);
}
