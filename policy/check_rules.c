/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

const char *const verdict_words[] = {
	[VERDICT_ALLOW] = "allow",
	[VERDICT_AUDIT] = "audit",
	[VERDICT_DENY] = "deny",
	NULL,
};
static_assert(sizeof(verdict_words) / sizeof(*verdict_words) == VERDICT_DENY + 2, "every verdict");

enum rule_field {
	RULE_ALLOW,
	RULE_AUDIT,
	RULE_DENY,
	RULE_ERRNO,
	RULE_WHY,
	RULE_ACCESS,
	RULE_FIELDS,
};

static const char *const rule_keys[RULE_FIELDS + 1] = {
	[RULE_ALLOW] = "allow", [RULE_AUDIT] = "audit",	[RULE_DENY] = "deny",
	[RULE_ERRNO] = "errno", [RULE_WHY] = "why",	[RULE_ACCESS] = "access",
};
static_assert((int)RULE_ALLOW == VERDICT_ALLOW && (int)RULE_AUDIT == VERDICT_AUDIT &&
	      (int)RULE_DENY == VERDICT_DENY, "the first keys of a rule are the verdicts");

static const struct map_type rule_type = { "a rule", rule_keys, NULL };

/* --- one rule ------------------------------------------------------------------------------ */

/* The one verdict of a rule, or NULL and a fault. */
static const struct node *verdict_key(struct checker *checker, const struct node *node,
				      const struct node *const *fields)
{
	const struct node *found = NULL;

	for (int i = RULE_ALLOW; i <= RULE_DENY; i++) {
		if (found && fields[i]) {
			check_fault(checker, fields[i], "make it two rules, or remove one",
				    "a rule has one verdict; this one says \"%s\" already",
				    found->text);
			return NULL;
		}
		if (fields[i])
			found = fields[i];
	}
	if (!found && !key_meant(node, verdict_words))
		check_fault(checker, node, "write deny: SERVICE, audit: SERVICE or allow: SERVICE",
			    "a rule without a verdict");
	return found;
}

static void read_errno(struct checker *checker, const struct node *key, struct policy_rule *rule)
{
	if (rule->verdict != VERDICT_DENY)
		check_fault(checker, key, "remove it, or make the rule a deny",
			    "\"errno\" goes with \"deny\" only: nothing fails here");
	else
		rule->err = errno_read(checker, key->value);
}

static void read_access(struct checker *checker, const struct node *key, struct policy_rule *rule)
{
	static const char *const words[] = { "read", "write", NULL };
	const struct policy_service *service = &checker->policy->services[rule->service];
	int word = word_read(checker, key->value, "an access", words);

	if (word >= 0)
		rule->access = word ? ACCESS_WRITE : ACCESS_READ;
	if (!service->file_count && !checker->states[rule->service].faulty)
		check_fault(checker, key, "remove it, or give the service files",
			    "\"access\" speaks of files, and \"%s\" has none", service->name);
	else if (service->net_count || service->exec_count || service->socket_count)
		check_fault(checker, key, "give the files a service of their own",
			    "\"access\" speaks of files, and \"%s\" has nets, execs or sockets as well",
			    service->name);
}

/* Whether a rule for this service reaches anything. What leaves a service empty is mostly a fault
 * of its own. */
static void check_effect(struct checker *checker, const struct node *node, size_t index)
{
	const struct policy_service *service = &checker->policy->services[index];

	if (!service->net_count && !service->file_count && !service->exec_count &&
	    !service->socket_count && !checker->states[index].faulty)
		check_fault(checker, node, "give it nets, files, execs or sockets",
			    "this has no effect: the service \"%s\" is empty", service->name);
}

static bool rule_read(struct checker *checker, const struct service_index *index,
		      const struct node *node, struct policy_rule *rule)
{
	const struct node *fields[RULE_FIELDS], *key;
	size_t errors = checker->diags->errors;

	fields_read(checker, node, &rule_type, fields);
	if (node->kind != NODE_MAP || !node->count)
		return false;
	key = verdict_key(checker, node, fields);
	if (!key)
		return false;
	rule->where = node_where(&checker->source, key);
	rule->verdict = (enum verdict)word_read(checker, key, "a verdict", verdict_words);
	rule->err = EPERM;
	rule->access = ACCESS_READ | ACCESS_WRITE;
	if (fields[RULE_ERRNO])
		read_errno(checker, fields[RULE_ERRNO], rule);
	if (fields[RULE_WHY])
		rule->why = words_read(checker, fields[RULE_WHY]->value, &reason_words);
	if (!service_find(checker, index, key->value, &rule->service))
		return false;
	checker->states[rule->service].used = true;
	check_effect(checker, key->value, rule->service);
	if (fields[RULE_ACCESS])
		read_access(checker, fields[RULE_ACCESS], rule);
	return errors == checker->diags->errors;
}

/* --- rules beside each other --------------------------------------------------------------- */

static bool same_outcome(const struct policy_rule *a, const struct policy_rule *b)
{
	return a->verdict == b->verdict && (a->verdict != VERDICT_DENY || a->err == b->err);
}

/* "deny with EPERM" */
static struct word_list outcome(const struct policy_rule *rule)
{
	struct word_list words;
	bool deny = rule->verdict == VERDICT_DENY;

	snprintf(words.text, sizeof(words.text), "%s%s%s", verdict_words[rule->verdict],
		 deny ? " with " : "", deny ? policy_errno_name(rule->err) : "");
	return words;
}

static void report_clash(struct checker *checker, const struct policy_rule *rule,
			 const struct policy_rule *other)
{
	const char *service = checker->policy->services[rule->service].name;

	if (same_outcome(rule, other))
		check_fault_at(checker, rule->where, "remove one of the two",
			       "a second rule that says the same of \"%s\"; the first is on "
			       "line %u", service, other->where.line);
	else
		check_fault_at(checker, rule->where, "keep the one that is meant",
			       "this contradicts the rule on line %u: \"%s\" cannot have both %s "
			       "and %s", other->where.line, service, outcome(other).text,
			       outcome(rule).text);
}

/* Claims the accesses of its service for the rule; each belongs to one. */
static void rule_claim(struct checker *checker, size_t number)
{
	const struct policy_rule *rule = &checker->policy->rules[number];
	struct service_state *state = &checker->states[rule->service];

	for (int i = 0; i < ACCESS_KINDS; i++) {
		if (rule->access & (1 << i) && state->rule[i]) {
			report_clash(checker, rule, &checker->policy->rules[state->rule[i] - 1]);
			return;
		}
	}
	for (int i = 0; i < ACCESS_KINDS; i++)
		if (rule->access & (1 << i))
			state->rule[i] = number + 1;
}
static_assert(ACCESS_READ == 1 << 0 && ACCESS_WRITE == 1 << 1, "an access is a bit");

void rules_read(struct checker *checker, const struct node *key)
{
	const struct node *list = list_node(checker, key);
	struct policy *policy = checker->policy;
	struct service_index index = { 0 };

	if (!list)
		return;
	policy->rules = check_alloc(checker, list->count, sizeof(*policy->rules));
	if (!policy->rules || !service_index_create(checker, &index))
		goto cleanup;
	for (const struct node *node = list->first; node; node = node->next) {
		struct policy_rule *rule = &policy->rules[policy->rule_count];

		if (policy->rule_count == RULE_COUNT_MAX) {
			check_fault(checker, node, "let one service hold what shares a verdict",
				    "more than %d rules", RULE_COUNT_MAX);
			break;
		}
		if (rule_read(checker, &index, node, rule)) {
			rule_claim(checker, policy->rule_count);
			policy->rule_count++;
		} else {
			free(rule->why);
			*rule = (struct policy_rule){ 0 };
		}
	}
cleanup:
	service_index_free(&index);
}
