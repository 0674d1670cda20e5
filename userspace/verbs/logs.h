/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which logs and which runs a command line names: one rule for all verbs that read the audit log. Both have an
 * option; and of the words without one, what is the name of a run is a run, and what is not is a log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../../policy/intern.h"
#include "../base/options.h"
#include "../base/text.h"

#define LOGS_MAX 64
#define LOGS_RUNS_MAX 256
#define LOGS_EXAMPLE "20270331-142355-9f03ac"	/* how runs are called */

enum { LOGS_OPTION_LOG = 'l', LOGS_OPTION_RUN = 'r' };

#define LOGS_OPTIONS \
	{ LOGS_OPTION_LOG, "log", "FILE", \
	  "a log to read, with what was rotated away from it; may be repeated" }, \
	{ LOGS_OPTION_RUN, "run", "RUN", "a run of it, such as " LOGS_EXAMPLE }

/* Borrowed from the command line. */
struct logs {
	const char *paths[LOGS_MAX];
	size_t count;
	const char *runs[LOGS_RUNS_MAX];
	size_t run_count;
};

/* Whether a file is called as logs are: *.jsonl, *.jsonl.gz. */
bool logs_is_name(const char *word);

/* Takes what an option or a word names. Returns 0, or VERB_BAD when it was told what is wrong with it. */
int logs_add(struct logs *logs, const struct verb *verb, const char *path);
int logs_add_run(struct logs *logs, const struct verb *verb, const char *run);
int logs_add_word(struct logs *logs, const struct verb *verb, const char *word);

/* Takes all words that are left of the command line; where no log was named, it is the host's. No more than
 * @runs_max runs are wanted. Returns as logs_add(). */
int logs_end(struct logs *logs, const struct verb *verb, int argc, char **argv, size_t runs_max);

/* Tells why a log, or a file of it, cannot be read, and what to do. */
void logs_unreadable(const char *path, int err);

/* Tells that the logs do not have that run. */
void logs_without(const struct logs *logs, const char *run);

/* Appends what may have been meant by @word, of the names that occur: "; did you mean github?" or "; there are github,
 * mirror", fit for a terminal. */
void logs_append_offer(struct text *out, const char *word, const struct intern *names);
