/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lints share. Private to the library.
 *
 *	lint.c		all of them in turn
 *	lint_nets.c	overlap, private-range, one-family
 *	lint_reach.c	never-matches
 *	lint_paths.c	linked-path, enter-directory
 *	lint_waivers.c	broad-waiver
 *	lint_pass.c	how each complains
 */
#pragma once

#include "lint.h"
#include "show.h"

/* The text of a file of the policy, read when the first fault in it is told. */
struct lint_text {
	const char *file;
	char *text;			/* NULL: cannot be read */
	size_t size;
};

struct linter {
	const struct policy *policy;
	const struct ruleset *image;
	struct diags *diags;
	struct lint_text *texts;
	size_t text_count;
};

/* Adds what the lint @lint has to say about @where; @hint may be NULL. */
void lint_add(struct linter *linter, enum diag_severity severity, const char *lint,
	      struct diag_where where, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

static inline const struct policy_service *lint_service(const struct policy *policy, size_t rule)
{
	return &policy->services[policy->rules[rule].service];
}

/* "deny github" (mysql.yaml:12) */
struct shown lint_rule_words(const struct policy *policy, size_t rule);

/* Whether all of @inner is in @outer. An IPv6 range holds no IPv4 (nets.h). */
bool lint_net_holds(const struct policy_net *outer, const struct policy_net *inner);

/* Each returns 0 or -ENOMEM. */
int lint_overlaps(struct linter *linter);
int lint_private_ranges(struct linter *linter);
int lint_families(struct linter *linter);
int lint_reach(struct linter *linter);
int lint_paths(struct linter *linter);
int lint_enter_paths(struct linter *linter);
int lint_waivers(struct linter *linter);
