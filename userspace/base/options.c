/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "say.h"

#define OPTIONS_MAX 16			/* of one verb */
#define HELP_COLUMN 27
#define OPTION_COLOR 0x10000

static enum term_color color = TERM_AUTO;

const struct term_style *verb_style(FILE *out)
{
	return term_style(color, out);
}

static size_t count_options(const struct verb *verb)
{
	size_t count = 0;

	while (verb->options[count].name)
		count++;
	assert(count <= OPTIONS_MAX);
	return count;
}

static const struct verb_option color_option = {
	OPTION_COLOR, "color", "WHEN", "colour: auto (the default: on a terminal), always or never",
};
static const struct verb_option help_option = { 'h', "help", NULL, "show this help" };

const struct verb_option *verb_option_at(const struct verb *verb, size_t index)
{
	size_t count = count_options(verb);

	if (index < count)
		return &verb->options[index];
	if (verb->colored && index-- == count)
		return &color_option;
	return index == count ? &help_option : NULL;
}

char verb_option_letter(const struct verb_option *option)
{
	return option->id < OPTION_COLOR && isalpha(option->id) ? option->id : 0;
}

static void print_option(const struct verb_option *option)
{
	char letter = verb_option_letter(option), left[64];

	snprintf(left, sizeof(left), "%c%c%c --%s%s%s", letter ? '-' : ' ',
		 letter ? letter : ' ', letter ? ',' : ' ', option->name,
		 option->arg ? " " : "", option->arg ? option->arg : "");
	printf("  %-*s %s\n", HELP_COLUMN, left, option->help);
}

static void print_help(const struct verb *verb)
{
	const struct verb_option *option;

	printf("usage: ringfence %s %s\n\n%s\n\n", verb->name, verb->arguments, verb->help);
	for (size_t i = 0; (option = verb_option_at(verb, i)); i++)
		print_option(option);
	if (verb->help_more)
		verb->help_more();
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

/* Adds an option to the tables of getopt_long(). */
static void add_option(const struct verb_option *option, struct option *ret_long, char *letters)
{
	char letter[] = { verb_option_letter(option), option->arg ? ':' : 0, 0 };

	*ret_long = (struct option){
		.name = option->name,
		.has_arg = option->arg ? required_argument : no_argument,
		.val = option->id,
	};
	if (*letter)
		strcat(letters, letter);
}

static int take_color(const struct verb *verb)
{
	return term_color_parse(optarg, &color) ? 0 :
		verb_misused(verb, "--color %s: expected auto, always or never", optarg);
}

int verb_next(const struct verb *verb, int argc, char **argv)
{
	struct option options[OPTIONS_MAX + 3] = {};
	char letters[2 * OPTIONS_MAX + 4];
	const struct verb_option *option;
	int id;

	strcpy(letters, verb->command_follows ? "+:" : ":");
	for (size_t i = 0; (option = verb_option_at(verb, i)); i++)
		add_option(option, &options[i], letters);
	opterr = 0;
	do {
		id = getopt_long(argc, argv, letters, options, NULL);
		if (id == OPTION_COLOR && take_color(verb))
			return VERB_BAD;
	} while (id == OPTION_COLOR);
	if (id == 'h') {
		print_help(verb);
		exit(0);
	}
	return id == '?' || id == ':' ? misused(verb, argv, id == ':') : id;
}
