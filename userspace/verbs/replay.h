/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that make the verb: replay.c judges, replay_print.c tells what came of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../review/journal.h"
#include "../review/outage.h"
#include "../review/rehearsal.h"
#include "logs.h"

#define REPLAY_DOWN_MAX 64
/* Where no record was judged. */
#define REPLAY_NOTHING "nothing of the policy's was recorded: nothing can be told"

struct replay {
	const char *policies[2];
	size_t policy_count;
	const char *down[REPLAY_DOWN_MAX];
	size_t down_count;
	struct logs logs;
	const char *run;		/* one of them; NULL: all */
	enum mode mode;
	bool json;
	struct outage *outages[2];
	struct rehearsal rehearsal;
	struct journal_counts counts;
	size_t unread;			/* files of the logs */
};

/* Prints to stdout what came of it, for people. */
void replay_print(const struct replay *replay);

/* The same as a JSON object. Returns 0 or -ENOMEM. */
int replay_print_json(const struct replay *replay);
