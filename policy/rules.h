/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the steps of policy_compile() ask about rules: what one is called, whether two of them
 * agree, and how to complain when they do not.
 */
#pragma once

#include "intern.h"
#include "policy.h"

/* Rules that were found to disagree. Zero-initialise it but for the first two; conflicts_free(). */
struct conflicts {
	const struct policy *policy;
	struct diags *diags;
	struct intern pairs;		/* already complained about */
};

/* "deny github": the caller's to free(), or NULL when memory ran out. */
char *rule_name(const struct policy *policy, size_t rule);

/* Whether an object gets another answer from rule @a than from rule @b. An errno only matters to a
 * deny. */
bool rules_disagree(const struct policy *policy, size_t a, size_t b);

/* Complains at @where that rules @a and @b are equally specific about what @fmt says and disagree;
 * once for every pair of rules. Returns 0 or -ENOMEM. */
int conflict_add(struct conflicts *conflicts, size_t a, size_t b, struct diag_where where,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

void conflicts_free(struct conflicts *conflicts);
