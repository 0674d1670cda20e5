/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "locations.h"
#include "options.h"
#include "policy_file.h"
#include "say.h"

int policy_file_compile(const char *path, bool resolved, uint64_t generation,
			struct ruleset **ret_image)
{
	char fault[POLICY_FAULT_SIZE];

	return policy_file_compile_under("", path, resolved, generation, fault, ret_image);
}

int policy_file_compile_under(const char *root, const char *path, bool resolved, uint64_t generation,
			      char ret_fault[POLICY_FAULT_SIZE], struct ruleset **ret_image)
{
	struct policy *policy = NULL;
	struct diags diags = {};
	int err;

	err = policy_read_under(root, path, path_services, &diags, &policy);
	if (!err)
		err = policy_compile(policy, resolved ? &path_resolver_system : NULL, generation,
				     &diags, ret_image);
	diags_print(&diags, stderr, *verb_style(stderr)->reset);
	diags_first(&diags, ret_fault, POLICY_FAULT_SIZE);
	if (err && !diags.errors)
		say_errno(err, "%s", path);
	policy_free(policy);
	diags_free(&diags);
	return err;
}
