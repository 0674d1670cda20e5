/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of rules, and the one complaint that the compiler has about them.
 */
#include "rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const verdict_names[] = {
	[VERDICT_ALLOW] = "allow",
	[VERDICT_AUDIT] = "audit",
	[VERDICT_DENY] = "deny",
};

char *rule_name(const struct policy *policy, size_t rule)
{
	const struct policy_rule *it = &policy->rules[rule];
	char *name;

	if (asprintf(&name, "%s %s", verdict_names[it->verdict],
		     policy->services[it->service].name) < 0)
		return NULL;
	return name;
}

static bool is_waived(const struct policy *policy, size_t service)
{
	for (size_t i = 0; i < policy->waiver_count; i++)
		if (policy->waivers[i].service == service)
			return true;
	return false;
}

/* Of two denies only one is kept: a waiver for its service would be one for the other, too, or none. */
bool rules_disagree(const struct policy *policy, size_t a, size_t b)
{
	const struct policy_rule *one = &policy->rules[a], *other = &policy->rules[b];

	if (one->verdict != other->verdict ||
	    (one->verdict == VERDICT_DENY && one->service != other->service &&
	     (is_waived(policy, one->service) || is_waived(policy, other->service))))
		return true;
	return one->verdict == VERDICT_DENY && one->err != other->err;
}

/* "deny github" with EPERM (p.yaml:12): the errno tells two denials apart. */
static char *conflict_party(const struct policy *policy, size_t rule)
{
	const struct policy_rule *it = &policy->rules[rule];
	const char *err = it->verdict == VERDICT_DENY ? policy_errno_name(it->err) : NULL;
	char *name = rule_name(policy, rule), *party = NULL;
	int length;

	if (!name)
		return NULL;
	length = asprintf(&party, "\"%s\"%s%s (%s:%u)", name, err ? " with " : "", err ? err : "",
			  it->where.file, it->where.line);
	free(name);
	return length < 0 ? NULL : party;
}

int conflict_add(struct conflicts *conflicts, size_t a, size_t b, struct diag_where where,
		 const char *fmt, ...)
{
	uint32_t pair[2] = { (uint32_t)(a < b ? a : b), (uint32_t)(a < b ? b : a) }, number;
	char *one = NULL, *other = NULL, *what = NULL;
	size_t known = conflicts->pairs.count;
	va_list args;
	int err;

	err = intern_add(&conflicts->pairs, pair, sizeof(pair), &number);
	if (err || number < known)
		return err;

	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		what = NULL;
	va_end(args);
	one = conflict_party(conflicts->policy, pair[0]);
	other = conflict_party(conflicts->policy, pair[1]);
	if (!what || !one || !other)
		err = -ENOMEM;
	else
		diags_add(conflicts->diags, DIAG_ERROR, where, NULL, 0,
			  "make one of them more specific, or give both the same outcome",
			  "rules %s and %s disagree on %s and are equally specific", one, other,
			  what);
	free(what);
	free(one);
	free(other);
	return err;
}

void conflicts_free(struct conflicts *conflicts)
{
	intern_free(&conflicts->pairs);
}
