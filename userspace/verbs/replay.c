/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence replay: what a policy would have done to what a log has.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/say.h"
#include "logs.h"
#include "replay.h"
#include "verbs.h"

#define EXIT_NEWLY_DENIED 1
#define EXIT_FAULT 2

static const struct verb_option options[] = {
	{ 'p', "policy", "FILE", "the policy to judge by; a second one is compared with the first" },
	{ 'm', "mode", "audit|enforce", "as if the policy said so (default: what it says)" },
	{ 'd', "service-down", "NAME", "as if NAME were down: denied with EHOSTUNREACH; may be repeated" },
	LOGS_OPTIONS,
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

const struct verb replay_verb = {
	.name = "replay",
	.arguments = "--policy FILE [--policy FILE] [OPTION]... [RUN] [LOG]...",
	.help = "Judges what audit logs have recorded by a policy, as the kernel would, and shows what\n"
		"would come out otherwise, by step and service. With two policies, what the second\n"
		"decides is compared with what the first does, whatever was recorded. LOG is\n"
		PATH_LOG " unless it is named; what was\n"
		"rotated away from it is read with it. Nothing is applied, and nothing is asked of the\n"
		"network.\n\n"
		"Newly denied is what went through then and would be refused now, be it that audit mode\n"
		"recorded it as denied. A policy in audit mode refuses nothing: \"--mode enforce\" tells\n"
		"what it would refuse if it did. What --service-down names is refused in both modes.\n\n"
		"A log has what was denied and audited, and what was allowed only where the policy that\n"
		"it ran under has that recorded (\"record: all\"): of what it does not have, nothing can be\n"
		"told.\n\n"
		"Exit status: 0 when nothing would newly be denied, 1 when something would, 2 when it\n"
		"cannot be told: a log cannot be read, has nothing to judge, or a policy has a fault.",
	.options = options,
	.colored = true,
};

/* --- the command line ----------------------------------------------------------------------- */

static int parse_option(struct replay *replay, int id)
{
	switch (id) {
	case 'p':
		if (replay->policy_count == 2)
			return verb_misused(&replay_verb, "--policy %s: two policies at most", optarg);
		replay->policies[replay->policy_count++] = optarg;
		return 0;
	case 'd':
		if (replay->down_count == REPLAY_DOWN_MAX)
			return verb_misused(&replay_verb, "--service-down %s: %d services at most", optarg,
					    REPLAY_DOWN_MAX);
		replay->down[replay->down_count++] = optarg;
		return 0;
	case 'm':
		if (strcmp(optarg, "audit") && strcmp(optarg, "enforce"))
			return verb_misused(&replay_verb, "--mode %s: expected audit or enforce", optarg);
		replay->mode = !strcmp(optarg, "enforce") ? MODE_ENFORCE : MODE_AUDIT;
		return 0;
	case LOGS_OPTION_LOG:
		return logs_add(&replay->logs, &replay_verb, optarg);
	case LOGS_OPTION_RUN:
		return logs_add_run(&replay->logs, &replay_verb, optarg);
	case 'j':
		replay->json = true;
		return 0;
	default:
		return VERB_BAD;
	}
}

static int parse(struct replay *replay, int argc, char **argv)
{
	int id;

	while ((id = verb_next(&replay_verb, argc, argv)) != VERB_END)
		if (parse_option(replay, id))
			return -EINVAL;
	if (!replay->policy_count)
		return verb_misused(&replay_verb, "by which policy? Give --policy FILE");
	if (logs_end(&replay->logs, &replay_verb, argc, argv, 1))
		return -EINVAL;
	replay->run = replay->logs.run_count ? replay->logs.runs[0] : NULL;
	return 0;
}

/* --- judging -------------------------------------------------------------------------------- */

/* With one policy that is asked; with two the second, and compared with the first. Services are down in
 * the one that is asked, and the mode is its. */
static int open_policies(struct replay *replay)
{
	struct judge *judges[] = { &replay->rehearsal.judge, &replay->rehearsal.other };
	size_t asked = replay->policy_count - 1;
	int err = 0;

	for (size_t i = 0; !err && i < replay->policy_count; i++) {
		struct judge *judge = judges[i != asked];

		err = outage_open(replay->policies[i], replay->down, i == asked ? replay->down_count : 0,
				  &replay->outages[i]);
		if (err)
			break;
		judge->image = outage_image(replay->outages[i]);
		judge->image_here = outage_image_here;
		judge->is_down = outage_is_down;
		judge->mode = i == asked ? replay->mode : MODE_POLICY;
		judge->ctx = replay->outages[i];
	}
	return err;
}

static int take_line(void *ctx, const struct audit_line *line)
{
	return rehearsal_take(ctx, line);
}

/* What the other logs have is judged all the same. */
static void tell_unread(void *ctx, const char *path, int err)
{
	struct replay *replay = ctx;

	logs_unreadable(path, err);
	replay->unread++;
}

static int read_logs(struct replay *replay)
{
	struct rehearsal *rehearsal = &replay->rehearsal;
	struct journal_options journal = {
		.run = replay->run, .progress = true, .unread = tell_unread, .unread_ctx = replay,
	};
	int err = journal_read(replay->logs.paths, replay->logs.count, &journal, take_line, rehearsal,
			       &replay->counts) ?: rehearsal_end(rehearsal);

	if (err) {
		say_errno(err, "replay");
		return err;
	}
	if (replay->unread && !replay->counts.lines)
		return -EIO;
	if (replay->run && !rehearsal->judged && !rehearsal->not_of_policy && !rehearsal->unclear) {
		logs_without(&replay->logs, replay->run);
		return -ENOENT;
	}
	return 0;
}

/* Who waits for the answer is not to take silence for one. */
static void tell_nothing(const struct replay *replay)
{
	say("%s", REPLAY_NOTHING);
	say_remedy("is %s the right log? It has %s", replay->logs.paths[0],
		   replay->counts.records ? "nothing that can be judged, such as that a run begins" :
		   replay->counts.lines ? "no line that ringfence wrote" : "no line");
}

/* --- the whole ------------------------------------------------------------------------------ */

int replay_main(int argc, char **argv)
{
	struct replay replay = { 0 };
	int code = EXIT_FAULT;

	if (parse(&replay, argc, argv))
		return EXIT_FAULT;
	if (!open_policies(&replay) && !read_logs(&replay)) {
		code = replay.unread || !replay.rehearsal.judged ? EXIT_FAULT :
			replay.rehearsal.counts[CHANGE_NEWLY_DENIED] ? EXIT_NEWLY_DENIED : 0;
		if (!replay.json)
			replay_print(&replay);
		if (!replay.rehearsal.judged)
			tell_nothing(&replay);
		if ((replay.json && replay_print_json(&replay)) || fflush(stdout))
			code = EXIT_FAULT;
	}
	rehearsal_free(&replay.rehearsal);
	outage_close(replay.outages[0]);
	outage_close(replay.outages[1]);
	return code;
}
