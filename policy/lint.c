/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "lint_pass.h"

int policy_lint(const struct policy *policy, const struct ruleset *image, struct diags *diags)
{
	struct linter linter = { .policy = policy, .image = image, .diags = diags };
	int err;

	err = lint_overlaps(&linter) ?: lint_private_ranges(&linter) ?: lint_families(&linter) ?:
		lint_reach(&linter) ?: lint_paths(&linter) ?: lint_enter_paths(&linter) ?: lint_waivers(&linter);
	for (size_t i = 0; i < linter.text_count; i++)
		free(linter.texts[i].text);
	free(linter.texts);
	return err ?: diags->out_of_memory ? -ENOMEM : 0;
}
