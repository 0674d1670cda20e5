/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence import: a published address list -> a service file, on stdout or in a file that is
 * either complete or not there at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../policy/import.h"
#include "../base/options.h"
#include "../base/output.h"
#include "verbs.h"

enum { OPTION_SELECT = 1, OPTION_NAME, OPTION_PORTS };	/* no letters: they have no short form */

struct arguments {
	struct import_request request;
	const char *selects[IMPORT_SELECTS_MAX + 1];	/* one more than allowed, to be refused */
	const char *file;
	const char *output;		/* NULL: stdout */
};

static void list_providers(void)
{
	puts("\n"
	     "Providers, what --select knows about their entries, and where the list is published:");
	for (const struct import_provider *provider = import_providers; provider->name; provider++) {
		printf("  %-8s ", provider->name);
		for (const char *const *key = provider->keys; *key; key++)
			printf(" %s", *key);
		printf("\n            %s\n", provider->url);
		if (!provider->sections)
			continue;
		fputs("            sections taken by default:", stdout);
		for (const char *const *section = provider->sections; *section; section++)
			printf(" %s", *section);
		printf("\n            (%s)\n", provider->sections_why);
	}
}

static const struct verb_option options[] = {
	{ OPTION_SELECT, "select", "KEY=VALUE", "take only the entries that have it (may be repeated)" },
	{ OPTION_NAME, "name", "NAME", "the service's name; without it, the provider's" },
	{ OPTION_PORTS, "ports", "LIST", "the ports it is about, such as 22,80,8000-8100,53/udp; without it, all" },
	{ 'o', "output", "FILE", "write to FILE, replacing it as a whole, instead of stdout" },
	{},
};

const struct verb import_verb = {
	.name = "import",
	.arguments = "PROVIDER FILE.json [--select KEY=VALUE]... [--name NAME] [--ports LIST]\n"
		"                        [--output FILE]",
	.help = "Turns the address list that a provider publishes into a service definition, which a\n"
		"policy names in its `include:`. Nothing is downloaded: FILE.json is a copy of the list.\n"
		"Of several --select with the same key any has to fit, of different keys all.\n\n"
		"Exit status: 0 when the service was written; 1 when the list, the request or the output\n"
		"is at fault, and then nothing was written.",
	.options = options,
	.help_more = list_providers,
	.words = "github aws azure google fastly oracle zscaler",
};

/* --- output --------------------------------------------------------------------------------- */

static int write_output(const char *path, const char *text, size_t size)
{
	int err = output_write(path, 0666, text, size);

	if (err)
		fprintf(stderr, "ringfence import: cannot write %s: %s\n", path ?: "to stdout",
			err == -EINVAL ? "not a regular file" : strerror(-err));
	return err;
}

/* --- the verb ------------------------------------------------------------------------------- */

static int import_to(const struct import *import, const char *output)
{
	size_t size = 0;
	char *text = NULL;
	int err = import_format(import, &text, &size);

	if (err == -E2BIG)
		fprintf(stderr,
			"ringfence import: %s: %zu prefixes are more than a policy may include (%d KiB "
			"of text); take fewer with --select\n",
			import->file, import->net_count, POLICY_TEXT_MAX >> 10);
	else if (err)
		fprintf(stderr, "ringfence import: %s\n", strerror(-err));
	else
		err = write_output(output, text, size);
	free(text);
	return err;
}

static int run(const struct arguments *arguments)
{
	struct import import = { 0 };
	struct diags diags = { 0 };
	int err = import_read(arguments->file, &arguments->request, &diags, &import);

	diags_print(&diags, stderr, false);
	diags_free(&diags);
	if (!err)
		err = import_to(&import, arguments->output);
	import_free(&import);
	return err;
}

static int parse_arguments(int argc, char **argv, struct arguments *ret)
{
	int id;

	optind = 0;			/* begin anew: the tests call this more than once */
	while ((id = verb_next(&import_verb, argc, argv)) != VERB_END) {
		switch (id) {
		case OPTION_SELECT:
			if (ret->request.select_count <= IMPORT_SELECTS_MAX)
				ret->selects[ret->request.select_count++] = optarg;
			break;
		case OPTION_NAME:
			ret->request.name = optarg;
			break;
		case OPTION_PORTS:
			ret->request.ports = optarg;
			break;
		case 'o':
			ret->output = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	if (argc - optind != 2)
		return verb_misused(&import_verb, "expected PROVIDER and FILE.json");
	ret->request.provider = argv[optind];
	ret->request.selects = ret->selects;
	ret->file = argv[optind + 1];
	return 0;
}

int import_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };

	return parse_arguments(argc, argv, &arguments) || run(&arguments) ? 1 : 0;
}
