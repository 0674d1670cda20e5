/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run inside a run, behind the loaded fence: what is tagged stays so. The inner one is refused, does
 * not hang, and says what is the matter.
 */
#include <string.h>
#include <unistd.h>

#include "attempts.h"

#define POLICY	WORK "/nested.yaml"

#define RUN "ringfence", "run", "--tag", "shared", "--quiet"
#define ATTEMPT "--", (char *)self_path(), "attempt", "0"

static bool refused(char *const argv[], const char *reason, struct why *why)
{
	struct command command;

	marker_taken();
	command_run(&command, 0, argv);
	if (marker_taken())
		return fail(why, "the inner command was started");
	if (command.status != 125)
		return fail(why, "status %d: %.300s", command.status, command.err);
	return strstr(command.err, reason) ||
		fail(why, "stderr does not say \"%s\": %.300s", reason, command.err);
}

bool test_nested(struct why *why)
{
	return refused(COMMAND(RUN, "--", RUN, ATTEMPT), "a tagged process cannot reach it", why);
}

bool test_nested_own_fence(struct why *why)
{
	policy_write(POLICY, "shared", "allow: server");
	return refused(COMMAND(RUN, "--", RUN, "--policy", POLICY, ATTEMPT), "inside a run", why);
}
