/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "say.h"

#define OPTIONS_MAX 32
#define HELP_COLUMN 26

static size_t count_options(const struct verb *verb)
{
	size_t count = 0;

	while (verb->options[count].name)
		count++;
	return count;
}

static void print_help(const struct verb *verb)
{
	printf("usage: ringfence %s %s\n\n%s\n\n", verb->name, verb->arguments, verb->help);
	for (size_t i = 0; i <= count_options(verb); i++) {
		static const struct verb_option help = { 'h', "help", NULL, "show this help" };
		const struct verb_option *option = verb->options[i].name ? &verb->options[i] : &help;
		char left[64];

		snprintf(left, sizeof(left), "%c%c%c --%s%s%s",
			 isalpha(option->id) ? '-' : ' ', isalpha(option->id) ? option->id : ' ',
			 isalpha(option->id) ? ',' : ' ', option->name, option->arg ? " " : "",
			 option->arg ? option->arg : "");
		printf("  %-*s %s\n", HELP_COLUMN, left, option->help);
	}
}

int verb_misused(const struct verb *verb, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	say("%s: %s", verb->name, text);
	say_remedy("see: ringfence %s --help", verb->name);
	return VERB_BAD;
}

/* What getopt_long() stumbled over, in our words. */
static int misused(const struct verb *verb, char **argv, bool missing)
{
	const char *word = optind > 0 ? argv[optind - 1] : "";

	if (!strncmp(word, "--", 2) || !optopt)
		return verb_misused(verb, missing ? "option %s needs an argument" :
				    "unknown or ambiguous option %s, or an argument it does not take",
				    word);
	return verb_misused(verb, missing ? "option -%c needs an argument" :
			    "unknown option -%c", optopt);
}

int verb_next(const struct verb *verb, int argc, char **argv)
{
	struct option options[OPTIONS_MAX + 2] = {};
	char letters[3 * OPTIONS_MAX + 4] = "";
	size_t used = 0, count = count_options(verb);
	int id;

	if (verb->command_follows)
		letters[used++] = '+';
	letters[used++] = ':';
	letters[used++] = 'h';
	for (size_t i = 0; i < count && i < OPTIONS_MAX; i++) {
		const struct verb_option *option = &verb->options[i];

		options[i].name = option->name;
		options[i].has_arg = option->arg ? required_argument : no_argument;
		options[i].val = option->id;
		if (isalpha(option->id)) {
			letters[used++] = option->id;
			if (option->arg)
				letters[used++] = ':';
		}
	}
	options[count].name = "help";
	options[count].val = 'h';
	letters[used] = 0;
	opterr = 0;
	id = getopt_long(argc, argv, letters, options, NULL);
	if (id == 'h') {
		print_help(verb);
		exit(0);
	}
	return id == '?' || id == ':' ? misused(verb, argv, id == ':') : id;
}
