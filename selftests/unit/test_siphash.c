/* SPDX-License-Identifier: BSD-2-Clause */
/* The vectors of the reference: key 00 01 ... 0f, texts 00 01 ... of each length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "userspace/base/siphash.h"

static void agrees_with_the_reference(void **state)
{
	static const struct siphash_key key = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	static const struct {
		size_t size;
		uint64_t hash;
	} vectors[] = {
		{ 0, UINT64_C(0x726fdb47dd0e0e31) },
		{ 1, UINT64_C(0x74f839c593dc67fd) },
		{ 7, UINT64_C(0xab0200f58b01d137) },
		{ 8, UINT64_C(0x93f5f5799a932462) },
		{ 15, UINT64_C(0xa129ca6149be45e5) },
	};
	unsigned char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_int_equal(siphash(&key, text, vectors[i].size), vectors[i].hash);
}

static void has_another_key_each_time(void **state)
{
	struct siphash_key a = siphash_key_new(), b = siphash_key_new();

	(void)state;
	assert_int_not_equal(siphash(&a, "x", 1), siphash(&b, "x", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_reference),
		cmocka_unit_test(has_another_key_each_time),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
