/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon has counted and how the fence stands, in a file for the textfile collector of
 * prometheus-node-exporter(1). No process, no address and no run is a label: what deploys do makes no new
 * series, only what policies name. What nothing names is "(none)", a ruleset that is gone "(unknown)".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../lsm/abi.h"
#include "../base/text.h"
#include "../fence/fence.h"

#define METRICS_SERIES_MAX 1024		/* of events that are told apart; past that, policy and service are
					 * "(others)" */

struct metrics;

/* How things stand when the file is written. */
struct metrics_policy {
	char tag[TAG_NAME_MAX];
	uint64_t generation;
	bool enforce;
};

struct metrics_state {
	bool holds;
	struct metrics_policy policies[POLICY_SLOTS];
	size_t policy_count;
	struct losses losses;
	size_t hooks_live, hooks_missing;
	double probed;			/* seconds since 1970; 0: never */
	size_t runs;			/* that have an account */
	bool log_failing;
	uint64_t log_failures;		/* how often that began */
	uint64_t log_rotations;
	uint64_t log_size;		/* bytes of the file that is written */
};

/* Returns NULL without memory. */
struct metrics *metrics_new(void);

/* NULL is fine. */
void metrics_free(struct metrics *metrics);

/* Counts a record that has become a line. @ruleset: that decided, or NULL. A collector_logged_fn with a
 * struct metrics as @ctx. */
void metrics_count(void *metrics, const struct record *record, const struct ruleset *ruleset);

/* Fills in of a @state of zeros what the fence itself knows. */
void metrics_look(const struct fence *fence, struct metrics_state *state);

/* Appends the text of all metrics. */
void metrics_text(const struct metrics *metrics, const struct metrics_state *state, struct text *out);

/* Puts that text in the place of the file at @path, for all to read, as a whole or not at all; nothing is
 * written where it is the same as the last one. Returns 0 or -errno. */
int metrics_write(struct metrics *metrics, const struct metrics_state *state, const char *path);
