/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two reports (report.h) -> what differs between the two runs, as a JSON document and for people. Pure
 * functions of the reports, in which nothing is taken for granted: a baseline is a file, and texts are
 * those of logs.
 *
 * {"diff": 1,
 *  "before": {"run", "tag", "policy", "mode", "complete", "notes": []}, "after": {the same},
 *  "same": n,
 *  "new": [{"id", "what", "service", "class", "kind", "program", "verdict", "errno", "rule", "why",
 *           "evidence": [], "count", "objects": []}], "vanished": [the same],
 *  "changed": [{"id", "what", "service", "class", "program", "before": {"kind", "verdict", "errno"},
 *               "after": {the same}}],
 *  "notes": []}
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "../base/term.h"

/* Compares the dependencies. One is the same where what it is, its class, the program of its step and
 * the kind that the evidence tells are; with another kind alone, it has changed.
 *
 * @services_only: leaves out what is no service of the policy.
 *
 * Returns the document, the caller's to json_decref(), or NULL without memory. */
json_t *comparison_make(const json_t *before, const json_t *after, bool services_only);

/* Whether there is anything new, or changed. What has vanished alone is no news. */
bool comparison_is_news(const json_t *comparison);

void comparison_print(const json_t *comparison, FILE *out, const struct term_style *style);
