/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "policy_file.h"

int policy_file_compile(const char *path, bool resolved, uint64_t generation,
			struct ruleset **ret_image)
{
	char fault[POLICY_FAULT_SIZE];

	return policy_file_compile_under("", path, resolved, generation, fault, ret_image);
}

static int read_parts(const char *root, const char *path, bool resolved, uint64_t generation,
		      struct diags *diags, struct policy **ret_policy, struct ruleset **ret_image)
{
	struct policy *policy = NULL;
	int err;

	err = policy_read_under(root, path, path_services, diags, &policy);
	if (!err)
		err = policy_compile(policy, resolved ? &path_resolver_system : NULL, generation, diags,
				     ret_image);
	if (err)
		policy_free(policy);
	else
		*ret_policy = policy;
	return err;
}

int policy_file_parts(const char *path, bool resolved, uint64_t generation, struct diags *diags,
		      struct policy **ret_policy, struct ruleset **ret_image)
{
	int err = read_parts("", path, resolved, generation, diags, ret_policy, ret_image);

	if (err && !diags->errors)
		say_errno(err, "%s", path);
	return err;
}

int policy_file_compile_under(const char *root, const char *path, bool resolved, uint64_t generation,
			      char ret_fault[POLICY_FAULT_SIZE], struct ruleset **ret_image)
{
	struct policy *policy = NULL;
	struct diags diags = {};
	int err;

	err = read_parts(root, path, resolved, generation, &diags, &policy, ret_image);
	diags_print(&diags, stderr, *verb_style(stderr)->reset);
	diags_first(&diags, ret_fault, POLICY_FAULT_SIZE);
	if (err && !diags.errors)
		say_errno(err, "%s", path);
	policy_free(policy);
	diags_free(&diags);
	return err;
}
