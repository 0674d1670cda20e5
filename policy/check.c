/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "implied.h"

enum policy_field {
	POLICY_TAG,
	POLICY_MODE,
	POLICY_RECORD,
	POLICY_ON_LOG_FAILURE,
	POLICY_USERS,
	POLICY_GROUPS,
	POLICY_ENTER,
	POLICY_INCLUDE,
	POLICY_SERVICES,
	POLICY_RULES,
	POLICY_DEFAULT,
	POLICY_WAIVERS,
	POLICY_FIELDS,
};

static const char *const policy_keys[POLICY_FIELDS + 1] = {
	[POLICY_TAG] = "tag",		[POLICY_MODE] = "mode",
	[POLICY_RECORD] = "record",	[POLICY_ON_LOG_FAILURE] = "on_log_failure",
	[POLICY_USERS] = "users",	[POLICY_GROUPS] = "groups",
	[POLICY_ENTER] = "enter",	[POLICY_INCLUDE] = "include",
	[POLICY_SERVICES] = "services", [POLICY_RULES] = "rules", [POLICY_DEFAULT] = "default",
	[POLICY_WAIVERS] = "waivers",
};

static const struct map_type policy_type = { "a policy", policy_keys, NULL };

static const char *const class_keys[CLASS_COUNT + 1] = {
	[CLASS_NET] = "net",
	[CLASS_FILE] = "file",
	[CLASS_EXEC] = "exec",
	[CLASS_SOCKET] = "socket",
};

static void read_tag(struct checker *checker, const struct node *key)
{
	const char *tag = name_read(checker, key->value, "a tag");

	if (!tag)
		return;
	checker->policy->tag = strdup(tag);
	checker->out_of_memory |= !checker->policy->tag;
}

static void read_mode(struct checker *checker, const struct node *key)
{
	static const char *const words[] = { "audit", "enforce", NULL };
	int word = word_read(checker, key->value, "a mode", words);

	if (word >= 0)
		checker->policy->mode = word ? MODE_ENFORCE : MODE_AUDIT;
}

static void read_record(struct checker *checker, const struct node *key)
{
	static const char *const words[] = {
		[RECORDING_DENIED - 1] = "denied",
		[RECORDING_MATCHED - 1] = "matched",
		[RECORDING_ALL - 1] = "all",
		NULL,
	};
	int word = word_read(checker, key->value, "a choice of what to record", words);

	if (word >= 0)
		checker->policy->record = (enum recording)(word + 1);
}

static void read_on_log_failure(struct checker *checker, const struct node *key)
{
	static const char *const words[] = { "continue", "deny", NULL };
	int word = word_read(checker, key->value, "a reaction to a log failure", words);

	if (word >= 0)
		checker->policy->deny_unrecorded = word;
}

static void read_defaults(struct checker *checker, const struct node *key)
{
	static const struct map_type type = { "the default", class_keys, NULL };
	const struct node *fields[CLASS_COUNT];

	fields_read(checker, key->value, &type, fields);
	for (int i = 0; i < CLASS_COUNT; i++) {
		int word = fields[i] ? word_read(checker, fields[i]->value, "a verdict",
						 verdict_words) : -1;

		if (word >= 0)
			checker->policy->defaults[i] = (enum verdict)word;
		if (fields[i])
			checker->policy->default_where[i] = node_where(&checker->source, fields[i]);
	}
}

static void read_policy(struct checker *checker, const struct node *root)
{
	static const char *const tag[] = { "tag", NULL };
	struct diag_where whole = { .file = checker->source.name };
	const struct node *fields[POLICY_FIELDS];

	fields_read(checker, root, &policy_type, fields);
	if (fields[POLICY_TAG])
		read_tag(checker, fields[POLICY_TAG]);
	else if (root->kind == NODE_MAP && !key_meant(root, tag))
		check_fault_at(checker, whole, "write tag: NAME, the name that runs are started with",
			       "the policy has no tag");
	if (fields[POLICY_MODE])
		read_mode(checker, fields[POLICY_MODE]);
	if (fields[POLICY_RECORD])
		read_record(checker, fields[POLICY_RECORD]);
	if (fields[POLICY_ON_LOG_FAILURE])
		read_on_log_failure(checker, fields[POLICY_ON_LOG_FAILURE]);
	launchers_read(checker, fields[POLICY_USERS], fields[POLICY_GROUPS]);
	enter_read(checker, fields[POLICY_ENTER]);
	if (fields[POLICY_INCLUDE])
		includes_read(checker, fields[POLICY_INCLUDE]);
	if (fields[POLICY_SERVICES]) {
		size_t from = checker->policy->service_count;

		services_read(checker, fields[POLICY_SERVICES]);
		services_compare(checker, from);
	}
	implied_services(checker);
	needs_check(checker);
	if (fields[POLICY_RULES])
		rules_read(checker, fields[POLICY_RULES]);
	if (fields[POLICY_WAIVERS])
		waivers_read(checker, fields[POLICY_WAIVERS]);
	implied_rules(checker);
	if (fields[POLICY_DEFAULT])
		read_defaults(checker, fields[POLICY_DEFAULT]);
}

/* Whether a policy neither denies nor records anything that it says itself. */
static bool is_idle(const struct policy *policy)
{
	bool idle = policy->record != RECORDING_ALL &&
		!(policy->record == RECORDING_BY_MODE && policy->mode == MODE_AUDIT);

	for (size_t i = 0; i < policy->rule_count; i++)
		idle &= policy->rules[i].implied || (policy->rules[i].verdict == VERDICT_ALLOW &&
						     policy->record != RECORDING_MATCHED);
	for (int i = 0; i < CLASS_COUNT; i++)
		idle &= policy->defaults[i] == VERDICT_ALLOW;
	return idle;
}

/* What is no fault, and yet hardly meant. Only for a policy without faults, from which much that
 * looks odd would follow. */
static void warn_unused(struct checker *checker)
{
	struct diag_where whole = { .file = checker->source.name };
	const struct policy *policy = checker->policy;
	for (size_t i = 0; i < policy->service_count; i++)
		if (!policy->services[i].included && !checker->states[i].used && !checker->states[i].needed)
			check_warning_at(checker, policy->services[i].where,
					 "write a rule for it, or remove it",
					 "no rule names the service \"%s\"",
					 policy->services[i].name);
	if (is_idle(policy))
		check_warning_at(checker, whole, "write an audit or deny rule, or a stricter default",
				 "this policy allows everything and records nothing");
}

/* What was included outlives the checker. */
static void keep_includes(struct checker *checker)
{
	struct policy *policy = checker->policy;

	policy->includes = check_alloc(checker, checker->include_count + 1, sizeof(*policy->includes));
	for (size_t i = 0; policy->includes && i < checker->include_count; i++) {
		policy->includes[i] = strdup(checker->includes[i]);
		checker->out_of_memory |= !policy->includes[i];
		policy->include_count++;
	}
}

static int parse_under(const char *root, const char *name, const char *text, size_t size,
		       const char *const *service_dirs, struct diags *diags,
		       struct policy **ret_policy)
{
	struct checker checker = { .diags = diags, .service_dirs = service_dirs, .root = root };
	size_t errors = diags->errors;
	struct tree *tree;

	checker.source = source_make(diags_file(diags, name), text, size);
	tree = read_tree(&checker);
	if (!tree)
		return checker.out_of_memory ? -ENOMEM : -EINVAL;
	checker.policy = check_alloc(&checker, 1, sizeof(*checker.policy));
	if (checker.policy) {
		checker.policy->mode = MODE_AUDIT;
		checker.policy->file = strdup(name);
		checker.out_of_memory |= !checker.policy->file;
	}
	if (!checker.out_of_memory)
		read_policy(&checker, tree_root(tree));
	if (errors == diags->errors && !checker.out_of_memory) {
		keep_includes(&checker);
		warn_unused(&checker);
	}
	free(checker.states);
	tree_free(tree);
	if (checker.out_of_memory || diags->out_of_memory || errors != diags->errors) {
		policy_free(checker.policy);
		return errors != diags->errors ? -EINVAL : -ENOMEM;
	}
	*ret_policy = checker.policy;
	return 0;
}

int policy_parse(const char *name, const char *text, size_t size, const char *const *service_dirs,
		 struct diags *diags, struct policy **ret_policy)
{
	return parse_under("", name, text, size, service_dirs, diags, ret_policy);
}

int policy_read_under(const char *root, const char *path, const char *const *service_dirs,
		      struct diags *diags, struct policy **ret_policy)
{
	struct diag_where whole = { .file = diags_file(diags, path) };
	size_t size;
	char *text;
	int r = text_read(root, path, &text, &size);

	if (r == -ENOMEM)
		return r;
	if (r) {
		diags_add(diags, DIAG_ERROR, whole, NULL, 0, NULL, "cannot read it: %s",
			  text_problem(r));
		return -EINVAL;
	}
	r = parse_under(root, path, text, size, service_dirs, diags, ret_policy);
	free(text);
	return r;
}

int policy_read(const char *path, const char *const *service_dirs, struct diags *diags,
		struct policy **ret_policy)
{
	return policy_read_under("", path, service_dirs, diags, ret_policy);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->service_count; i++)
		policy_service_free(&policy->services[i]);
	for (size_t i = 0; i < policy->rule_count; i++)
		free(policy->rules[i].why);
	for (size_t i = 0; i < policy->include_count; i++)
		free(policy->includes[i]);
	free(policy->includes);
	launchers_free(policy->users, policy->user_count);
	launchers_free(policy->groups, policy->group_count);
	enter_free(policy);
	waivers_free(policy);
	free(policy->services);
	free(policy->rules);
	free(policy->tag);
	free(policy->file);
	free(policy);
}
