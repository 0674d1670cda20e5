/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence VERB ...: finds the verb and hands over.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../policy/diag.h"
#include "say.h"
#include "verbs.h"
#include "version.h"

#define EXIT_USAGE 1

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *about;
} verbs[] = {
	{ "run", run_main, "start a command behind the fence" },
	{ "check", check_main, "check policy files" },
	{ "explain", explain_main, "tell what a policy says about an address, a file or a program" },
	{ "import", import_main, "turn a published address list into a service definition" },
	{ "log", log_main, "show the audit log" },
	{ "load", load_main, "load the fence into the kernel, for all runs" },
	{ "apply", apply_main, "put policies in force" },
	{ "daemon", daemon_main, "collect the audit log; loads the fence if need be" },
	{ "status", status_main, "show the fence, its policies and runs" },
	{ "tag", tag_main, "put behind the fence what already runs" },
	{ "ps", ps_main, "show the tagged processes" },
	{ "runs", runs_main, "show the runs" },
	{ "release", release_main, "break-glass: take the tags of a run back" },
	{ "unload", unload_main, "take the fence down" },
	{ "doctor", doctor_main, "look whether this host can hold a fence" },
};

#define VERB_COUNT (sizeof(verbs) / sizeof(*verbs))

static void print_help(FILE *out)
{
	fprintf(out, "usage: ringfence VERB [OPTION]... [ARGUMENT]...\n\n"
		"Keeps deploys from depending on what they deploy: decides in the kernel which addresses,\n"
		"files and programs a tagged process tree may reach, and logs what it reached for.\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].about);
	fprintf(out, "\nringfence VERB --help tells more about each; ringfence --version, which one this is.\n");
}

static int unknown(const char *word)
{
	const char *names[VERB_COUNT + 1] = {};
	const char *near;

	for (size_t i = 0; i < VERB_COUNT; i++)
		names[i] = verbs[i].name;
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
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].main(argc - 1, argv + 1);
	return unknown(argv[1]);
}
