/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence check: reads and compiles policies as apply would, and changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "options.h"
#include "policy_file.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 'q', "quiet", NULL, "say nothing about files without faults" },
	{},
};

const struct verb check_verb = {
	.name = "check",
	.arguments = "[--quiet] FILE...",
	.help = "Checks policy files: every fault is told as FILE:LINE:COLUMN with the line and a\n"
		"caret. Nothing is applied.\n\n"
		"Exit status: 0 when all are sound, 1 when one has a fault.",
	.options = options,
	.colored = true,
};

int check_main(int argc, char **argv)
{
	int id, failed = 0, quiet = 0;

	while ((id = verb_next(&check_verb, argc, argv)) != VERB_END) {
		if (id != 'q')
			return 1;
		quiet = 1;
	}
	if (optind == argc) {
		verb_misused(&check_verb, "which files?");
		return 1;
	}
	for (int i = optind; i < argc; i++) {
		struct ruleset *image = NULL;

		if (policy_file_compile(argv[i], true, 1, &image))
			failed = 1;
		else if (!quiet)
			printf("%s: ok: tag %s, %s mode, %u rule%s, %u KiB compiled\n", argv[i],
			       image->tag, image->mode == MODE_ENFORCE ? "enforce" : "audit",
			       image->rules_said, image->rules_said == 1 ? "" : "s",
			       image->size / 1024);
		free(image);
	}
	return failed;
}
