/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence apply: compiles policies and switches to them, all or none.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../upkeep/fence_up.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{},
};

const struct verb apply_verb = {
	.name = "apply",
	.arguments = "FILE...",
	.help = "Compiles policies and puts them in force on the loaded fence, each in place of the policy\n"
		"of the same tag. Running deploys are judged by the new policy from then on. Where any\n"
		"file has a fault, nothing changes. Refused in a pid name space of its own, as in a container.\n\n"
		"Exit status: 0 when all are in force, 1 when nothing has changed.",
	.options = options,
	.colored = true,
};

int apply_main(int argc, char **argv)
{
	struct fence *fence = NULL;
	int err, lock;

	if (verb_next(&apply_verb, argc, argv) != VERB_END)
		return 1;
	if (optind == argc)
		return verb_misused(&apply_verb, "which files?"), 1;
	/* A container has paths of its own, and sees no control groups but its own. */
	if (fence_see_all_told("apply") || fence_open_told(&fence))
		return 1;
	lock = path_lock(PATH_LOCK, LOCK_EX);
	if (lock < 0) {
		say_errno(lock, "cannot lock " PATH_LOCK);
		err = lock;
	} else {
		err = fence_apply_files(fence, argv + optind, argc - optind);
		close(lock);
	}
	fence_close(fence);
	return err ? 1 : 0;
}
