/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a policy. The corpus is selftests/unit/good and selftests/unit/bad. */
#include <stdint.h>
#include <stdlib.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	FILE *out = fopen("/dev/null", "w");
	int r = policy_parse("selftests/unit/good/fuzz.yaml", (const char *)data, size, NULL, &diags,
			     &policy);

	/* A policy comes without errors, and errors without a policy. */
	if (!r != !diags.errors || !r != !!policy)
		abort();
	if (out) {
		diags_print(&diags, out, size & 1);
		fclose(out);
	}
	policy_free(policy);
	diags_free(&diags);
	return 0;
}
