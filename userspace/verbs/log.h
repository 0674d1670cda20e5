/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of `ringfence log` share.
 *
 *	log.c		the verb, and the log as files of lines
 *	log_filter.c	which lines are wanted
 *	log_names.c	what occurs, where nothing has the name that was asked for
 *	log_record.c	one of them, for people
 *	log_follow.c	what comes while one looks
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "../../policy/intern.h"
#include "../audit/audit_line.h"
#include "../audit/executable.h"
#include "../base/lines.h"
#include "../base/term.h"
#include "../base/text.h"
#include "logs.h"

#define LOG_WORDS_MAX 32		/* values of one option */
#define LOG_HINTS_MAX 256		/* of different rules: who reads on has understood */
#define LOG_TIME_SIZE sizeof("2027-03-31T14:23:55")

/* Values of an option, any of which may be meant; none: whatever there is. Borrowed from the command line. */
struct log_words {
	const char *list[LOG_WORDS_MAX];
	bool seen[LOG_WORDS_MAX];	/* there was a line of it */
	size_t count;
	struct intern others;		/* names of the kind that there were; see log_names_note() */
};

struct log_filter {
	struct log_words runs, services, verdicts, steps, tags;
	char since[LOG_TIME_SIZE];	/* "": from the beginning */
	time_t since_time;
	struct run_folders folders;	/* of the runs that began so far, where steps are asked for */
};

struct log {
	struct logs logs;
	const char *path;		/* the one of them that is read, */
	const char *reading;		/* and the file of it */
	struct log_filter filter;
	bool follow, json;
	const struct term_style *style;
	bool to_terminal;
	char today[sizeof("2027-03-31")];
	char *hinted[LOG_HINTS_MAX];	/* what a hint was given for */
	size_t hinted_count;
	struct lines lines;		/* has half a line, while it is being written */
	uint64_t line;			/* number in the file */
	uint64_t shown;
	bool broken;
};

extern volatile sig_atomic_t log_interrupted;

/* --- log.c ---------------------------------------------------------------------------------- */

/* Shows the lines of @in up to its end as it is now. Keeps half a line for the next time, since it is being
 * written. Returns 0, -EPIPE and the like, or -ENOMEM, as all of these do. */
int log_show_lines(struct log *log, FILE *in);

/* Half a line that has no end is shown if it is whole, and broken if it is not. */
int log_show_rest(struct log *log);

/* Shows a file that was rotated away: nothing comes to it any more. One that cannot be opened is told, and counts as
 * broken. */
int log_show_rotated(struct log *log, const char *path);

/* --- log_filter.c --------------------------------------------------------------------------- */

/* Adds a value of an option. False where there are too many. */
bool log_words_add(struct log_words *words, const char *word);

/* Reads "36h" (before @now), "2027-03-31", "2027-03-31T14:23:55" or "14:23" (of the day of @now), in UTC.
 * False, and the filter as it was, for anything else. */
bool log_since_parse(struct log_filter *filter, const char *text, time_t now);

/* When the files begin that may have wanted lines: see log_files_open(). */
time_t log_filter_since(const struct log_filter *filter);

/* Whether the line is wanted; notes runs that were seen. */
bool log_filter_wants(struct log_filter *filter, const struct audit_line *line);

/* Calls @each for every name by which a step may be meant that did, or began, what the line tells: names and paths
 * of the process and its ancestors, of their programs, and of scripts that these interpret; until it returns true.
 * @folder: that the run began in, by which a relative path is an absolute one as well; or NULL.
 * Returns whether it did. */
bool log_filter_steps(const struct audit_line *line, const char *folder, bool (*each)(void *ctx, const char *name),
		      void *ctx);

/* --- log_names.c ---------------------------------------------------------------------------- */

/* Notes of the services, tags and steps that are asked for which there are, and what others. */
void log_names_note(struct log_filter *filter, const struct audit_line *line);

/* Tells of each that is asked for and that no line had, with what may have been meant. */
void log_names_tell(const struct log *log);

void log_names_free(struct log_filter *filter);

/* --- log_record.c --------------------------------------------------------------------------- */

/* Appends the record as a line, and below it a hint where its rule is met for the first time, LOG_HINTS_MAX
 * times at most. */
void log_record(struct text *out, struct log *log, const struct audit_line *line);

/* --- log_follow.c --------------------------------------------------------------------------- */

/* Shows what comes to *in and to what takes its place, until it is interrupted or nobody reads. */
int log_follow(struct log *log, FILE **in);
