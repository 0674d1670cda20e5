/* SPDX-License-Identifier: BSD-2-Clause */
/* Why no fence could be loaded, and what to do, where the kernel says something and where it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "userspace/fence/fence.h"
#include "userspace/host/host.h"

/* Nothing was loaded here, so there is no log of it: to look into it is no remedy. */
static void does_not_refer_to_a_log_that_is_empty(void **state)
{
	static const int faults[] = { -EINVAL, -ENOENT, -ESRCH, -ENOMEM };

	(void)state;
	assert_string_equal(fence_log(), "");
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		struct finding finding = { 0 };

		host_explain_load(faults[i], &finding);
		assert_non_null(strstr(finding.text, strerror(-faults[i])));
		assert_non_null(strstr(finding.text, "did not say why"));
		assert_null(strstr(finding.text, "()"));
		assert_null(strstr(finding.remedy, "--verbose"));
		assert_non_null(strstr(finding.remedy, faults[i] == -ENOMEM ? "memory" : "dmesg"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_not_refer_to_a_log_that_is_empty),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
