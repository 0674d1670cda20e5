/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a policy, and what is one as a ruleset. The corpus is selftests/unit/good and selftests/unit/bad. */
#include <stdint.h>
#include <stdlib.h>

#include "policy/compile.h"
#include "policy/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	FILE *out = fopen("/dev/null", "w");
	int r = policy_parse("selftests/unit/good/fuzz.yaml", (const char *)data, size, NULL, &diags,
			     &policy);

	/* A policy comes without errors, and errors without a policy. */
	if (!r != !diags.errors || !r != !!policy)
		abort();
	/* What compiles is sound; what does not says why. */
	if (policy && !policy_compile(policy, NULL, 1, &diags, &image)) {
		if (image_verify(image, image->size))
			abort();
	} else if (!diags.errors) {
		abort();
	}
	if (out) {
		diags_print(&diags, out, size & 1);
		fclose(out);
	}
	free(image);
	policy_free(policy);
	diags_free(&diags);
	return 0;
}
