/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence VERB ...: finds the verb and hands over.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../policy/diag.h"
#include "base/say.h"
#include "base/version.h"
#include "verbs/verbs.h"

#define EXIT_USAGE 1
#define VERBS_MAX 64			/* among which a misspelt one is looked for */

static void print_help(FILE *out)
{
	fprintf(out, "usage: ringfence VERB [OPTION]... [ARGUMENT]...\n\n"
		"Keeps deploys from depending on what they deploy: decides in the kernel which addresses,\n"
		"files and programs a tagged process tree may reach, and logs what it reached for.\n\n");
	for (const struct verb_entry *entry = verb_table; entry->verb; entry++)
		if (entry->about)
			fprintf(out, "  %-9s %s\n", entry->verb->name, entry->about);
	fprintf(out, "\nringfence VERB --help tells more about each; ringfence --version, which one this is.\n");
}

static int unknown(const char *word)
{
	const char *names[VERBS_MAX + 1] = {};
	const char *near;

	for (size_t i = 0; i < VERBS_MAX && verb_table[i].verb; i++)
		names[i] = verb_table[i].verb->name;
	near = diag_nearest(word, names);
	say("unknown verb \"%s\"", word);
	if (near)
		say_remedy("did you mean \"%s\"?", near);
	say_remedy("see: ringfence --help");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	/* Whoever started us may ignore it, and then no child could be waited for. */
	signal(SIGCHLD, SIG_DFL);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("ringfence " RINGFENCE_VERSION);
		return 0;
	}
	for (const struct verb_entry *entry = verb_table; entry->verb; entry++)
		if (!strcmp(argv[1], entry->verb->name))
			return entry->main(argc - 1, argv + 1);
	return unknown(argv[1]);
}
