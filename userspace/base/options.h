/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One table per verb: from it come the parsing (getopt_long), the errors and --help.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "term.h"

struct verb_option {
	int id;				/* what verb_next() returns; a letter is also its short form */
	const char *name;		/* long form without dashes; NULL ends the table */
	const char *arg;		/* name of its argument, or NULL if it takes none */
	const char *help;
};

struct verb {
	const char *name;
	const char *arguments;		/* as shown in the usage line */
	const char *help;		/* what it does, and its exit codes */
	const struct verb_option *options;
	void (*help_more)(void);	/* prints what --help has below the options, or NULL */
	const char *words;		/* what its first argument may be, separated by spaces; NULL: no
					 * such choice. For completion */
	bool command_follows;		/* the first word that is no option ends the options */
	bool colored;			/* takes --color; see verb_style() */
};

/* The options of a verb one by one, with those that it shares with others; NULL past the last. */
const struct verb_option *verb_option_at(const struct verb *verb, size_t index);

/* The short form of an option, or 0. */
char verb_option_letter(const struct verb_option *option);

#define VERB_END (-1)
#define VERB_BAD '?'

/*
 * The next option of the command line: its id, with its argument in optarg; VERB_END when there are
 * no more, and optind is the first word that is left; VERB_BAD for a fault, which has been told on
 * stderr. --help is answered here and ends the process with 0.
 */
int verb_next(const struct verb *verb, int argc, char **argv);

/* The style for what the verb prints to @out, as --color and the terminal want it. */
const struct term_style *verb_style(FILE *out);

/* Tells what is wrong with the command line, and where the help is. Returns VERB_BAD. */
int verb_misused(const struct verb *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
