/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report on one run: a JSON document, and what is made from it alone.
 *
 * {"report": 1, "run", "tag", "policy", "mode", "begun", "ended", "status", "command": [], "directory", "script",
 *  "verdict": {"sentence", "loop", "denied", "would_deny", "audited", "allowed"},
 *  "services": [{"name", "verdict", "needs": [], "rule", "rule_id", "why", "errno", "count"}],
 *  "steps": [{"id", "parent", "pid", "entity", "executable", "args": [], "args_cut", "name", "own",
 *             "unknown_parents", "first", "last"}],
 *  "dependencies": [{"id", "what", "service", "class", "kind", "evidence": [], "override", "handoff", "peer", "via",
 *                    "loop", "step", "reached_by": [], "verdict", "enforced", "errno", "rule", "rule_id", "why",
 *                    "reason", "count", "first", "last", "objects": [{"object", "count"}], "more_objects", "breaks",
 *                    "suggestion"}],
 *  "timeline": [{"t", "step", "dependency", "verdict", "count"}],
 *  "completeness": {"complete", "lost", "lost_lineage", "unrecorded", "refused_forks", "repeated",
 *                   "lineage_incomplete", "liveness": [], "notes": []},
 *  "log": {"files", "damaged", "lines", "records", "torn", "foreign", "not_utf8", "newer"}}
 *
 * Times are milliseconds since the run began. What is not known is null. ringfence-report(5) has the rest. Texts are
 * those of the log: no renderer may trust them.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "../base/term.h"
#include "classify.h"
#include "deps.h"

#define REPORT_VERSION 1
#define REPORT_TIMELINE_MAX 2000

/* The document, the caller's to json_decref(), or NULL without memory. */
json_t *report_json(const struct deps *deps, const struct classified *classified);

/* What is written of it. Each returns 0, or -errno of writing. */
int report_text(const json_t *report, FILE *out, const struct term_style *style);
int report_md(const json_t *report, FILE *out);
int report_dot(const json_t *report, FILE *out);
