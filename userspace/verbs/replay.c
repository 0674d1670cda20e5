/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence replay: what a policy would have done to what a log has.
 *
 * What a log holds was chosen by processes that are not trusted: what comes from it goes through
 * text_printable(), here or in rehearsal.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../policy/policy.h"
#include "../base/locations.h"
#include "../base/options.h"
#include "../base/print_json.h"
#include "../base/say.h"
#include "../base/text.h"
#include "../review/journal.h"
#include "../review/outage.h"
#include "../review/rehearsal.h"
#include "logs.h"
#include "verbs.h"

#define EXIT_NEWLY_DENIED 1
#define EXIT_FAULT 2
#define DOWN_MAX 64

static const struct verb_option options[] = {
	{ 'p', "policy", "FILE", "the policy to judge by; a second one is compared with the first" },
	{ 'd', "service-down", "NAME", "as if NAME were down: denied with EHOSTUNREACH; may be repeated" },
	LOGS_OPTIONS,
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

const struct verb replay_verb = {
	.name = "replay",
	.arguments = "--policy FILE [--policy FILE] [OPTION]... [RUN] [LOG]...",
	.help = "Judges what audit logs have recorded by a policy, as the kernel would, and shows which\n"
		"verdicts would be others, by step and service. With two policies, what the second\n"
		"decides is compared with what the first does, whatever was recorded. LOG is\n"
		PATH_LOG " unless it is named; what was\n"
		"rotated away from it is read before it. Nothing is applied, and nothing is asked of the\n"
		"network.\n\n"
		"A log has what was denied and audited, and what was allowed only where the policy that\n"
		"it ran under has that recorded (\"record: all\"): of what it does not have, nothing can be\n"
		"told.\n\n"
		"Exit status: 0 when nothing would newly be denied, 1 when something would, 2 when it\n"
		"cannot be told.",
	.options = options,
	.colored = true,
};

struct replay {
	const char *policies[2];
	size_t policy_count;
	const char *down[DOWN_MAX];
	size_t down_count;
	struct logs logs;
	const char *run;		/* NULL: all */
	bool json;
	struct outage *outages[2];
	struct rehearsal rehearsal;
	struct journal_counts counts;
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
		if (replay->down_count == DOWN_MAX)
			return verb_misused(&replay_verb, "--service-down %s: %d services at most", optarg,
					    DOWN_MAX);
		replay->down[replay->down_count++] = optarg;
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
 * the one that is asked. */
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
		judge->ctx = replay->outages[i];
	}
	return err;
}

static int take_line(void *ctx, const struct audit_line *line)
{
	return rehearsal_take(ctx, line);
}

static int read_logs(struct replay *replay)
{
	struct journal_options journal = { .run = replay->run, .progress = true };
	int err = journal_read(replay->logs.paths, replay->logs.count, &journal, take_line, &replay->rehearsal,
			       &replay->counts);

	if (err) {
		logs_unreadable(replay->counts.reading ?: replay->logs.paths[0], err);
		return err;
	}
	if (replay->run && !replay->rehearsal.judged && !replay->rehearsal.not_of_policy &&
	    !replay->rehearsal.unclear) {
		logs_without(&replay->logs, replay->run);
		return -ENOENT;
	}
	err = rehearsal_end(&replay->rehearsal);
	if (err)
		say_errno(err, "replay");
	return err;
}

/* --- what cannot be told ---------------------------------------------------------------------- */

/* Calls @note for each line of what keeps the answer from being whole. */
static void tell_doubts(const struct replay *replay, void (*note)(void *ctx, const char *text), void *ctx)
{
	const struct rehearsal *rehearsal = &replay->rehearsal;
	const struct journal_counts *counts = &replay->counts;
	char text[512];

	if (rehearsal->judge.image->mode != MODE_ENFORCE) {
		snprintf(text, sizeof(text),
			 "%s is in audit mode: until it says \"mode: enforce\", nothing is denied",
			 replay->policies[replay->policy_count - 1]);
		note(ctx, text);
	}
	if (rehearsal->judged && !rehearsal->allowed)
		note(ctx, "the log has no record of what was allowed: whether that would be denied cannot "
		     "be told; \"record: all\" in the policy of the next run has it recorded");
	if (rehearsal->unclear) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " records do not have the whole name of what was reached for, "
			 "and were not judged", rehearsal->unclear);
		note(ctx, text);
	}
	if (counts->lost) {
		snprintf(text, sizeof(text), "%" PRIu64 " records were lost when the log was written",
			 counts->lost);
		note(ctx, text);
	}
	if (counts->damaged) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " compressed files of the log are damaged or have no end: what follows there is missing",
			 counts->damaged);
		note(ctx, text);
	}
	if (counts->torn + counts->foreign + counts->newer) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " lines are no records that can be read: %" PRIu64 " torn, %"
			 PRIu64 " of something else, %" PRIu64 " of a newer ringfence",
			 counts->torn + counts->foreign + counts->newer, counts->torn, counts->foreign,
			 counts->newer);
		note(ctx, text);
	}
}

/* --- for people ------------------------------------------------------------------------------- */

static void print_text(const char *utf8)
{
	struct text out = { 0 };

	text_printable(&out, utf8, strlen(utf8));
	if (out.size)
		fwrite(out.data, 1, out.size, stdout);
	text_free(&out);
}

/* "deny EHOSTUNREACH, rule deny github (mysql.yaml:12): GitHub is down" */
static void print_outcome(const struct rehearsal_outcome *outcome)
{
	static const char *const verdicts[] = { "allow", "audit", "deny" };
	const char *err = outcome->err ? policy_errno_name(outcome->err) : NULL;

	fputs(verdicts[outcome->verdict], stdout);
	if (outcome->err)
		printf(" %s", err ? err : "with another errno");
	if (*outcome->rule || *outcome->reason) {
		fputs(*outcome->rule ? ", rule " : ", ", stdout);
		print_text(*outcome->rule ? outcome->rule : outcome->reason);
	}
	if (*outcome->rule && *outcome->where) {
		fputs(" (", stdout);
		print_text(outcome->where);
		fputs(")", stdout);
	}
	if (*outcome->why) {
		fputs(": ", stdout);
		print_text(outcome->why);
	}
}

static const char *style_of(enum change change, const struct term_style *style)
{
	return change == CHANGE_NEWLY_DENIED ? style->bad : change == CHANGE_NO_LONGER_DENIED ? style->good :
	       style->warn;
}

static void print_difference(const struct rehearsal_difference *difference, const struct term_style *style)
{
	const char *service = *difference->after.service ? difference->after.service :
		difference->before.service;

	printf("%s%s%s  %s", style_of(difference->change, style), change_name(difference->change),
	       style->reset,
	       style->bold);
	print_text(*service ? service : "(no service)");
	printf("%s  step %s: ", style->reset, difference->step);
	for (size_t i = 0; i < difference->object_count; i++)
		printf("%s%" PRIu64 " × %s", i ? ", " : "", difference->objects[i].count,
		       difference->objects[i].name);
	if (difference->other_objects)
		printf(", %" PRIu64 " × others", difference->other_objects);
	printf("\n  %swas%s  ", style->dim, style->reset);
	if (difference->unrecorded)
		fputs("not recorded: allowed", stdout);
	else
		print_outcome(&difference->before);
	printf("\n  %snow%s  ", style->dim, style->reset);
	print_outcome(&difference->after);
	if (difference->class == CLASS_EXEC && difference->unrecorded)
		fputs("; what may not be executed may not be read", stdout);
	putchar('\n');
}

static void print_note(void *ctx, const char *text)
{
	const struct term_style *style = ctx;

	printf("%snote: ", style->dim);
	print_text(text);
	printf("%s\n", style->reset);
}

static void print(const struct replay *replay)
{
	const struct rehearsal *rehearsal = &replay->rehearsal;
	const struct term_style *style = verb_style(stdout);
	const char *comma = ": ";

	for (size_t i = 0; i < rehearsal->difference_count; i++)
		if (rehearsal->differences[i].change < CHANGE_OTHER_RULE)
			print_difference(&rehearsal->differences[i], style);
	printf("%s%" PRIu64 " records judged%s", style->bold, rehearsal->judged, style->reset);
	for (enum change change = 0; change < CHANGE_COUNT; change++) {
		if (!rehearsal->counts[change] && change != CHANGE_NEWLY_DENIED)
			continue;
		printf("%s%" PRIu64 " %s", comma, rehearsal->counts[change], change_name(change));
		comma = ", ";
	}
	putchar('\n');
	if (rehearsal->not_of_policy)
		printf("%" PRIu64 " record%s not of the policy\n", rehearsal->not_of_policy,
		       rehearsal->not_of_policy == 1 ? " is" : "s are");
	tell_doubts(replay, print_note, (void *)style);
}

/* --- for programs ----------------------------------------------------------------------------- */

static void append_note(void *ctx, const char *text)
{
	json_array_append_new(ctx, json_string(text));
}

static int print_document(const struct replay *replay)
{
	const struct journal_counts *counts = &replay->counts;
	json_t *notes = json_array(), *policies = json_array(), *down = json_array();
	json_t *json = rehearsal_describe(&replay->rehearsal);
	int err;

	for (size_t i = 0; i < replay->policy_count; i++)
		json_array_append_new(policies, json_string(replay->policies[i]));
	for (size_t i = 0; i < replay->down_count; i++)
		json_array_append_new(down, json_string(replay->down[i]));
	tell_doubts(replay, append_note, notes);
	json_object_set_new(json, "policies", policies);
	json_object_set_new(json, "services_down", down);
	if (replay->run)
		json_object_set_new(json, "run", json_string(replay->run));
	json_object_set_new(json, "notes", notes);
	json_object_set_new(json, "log",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				      "files", (json_int_t)counts->files,
				      "damaged", (json_int_t)counts->damaged, "lines", (json_int_t)counts->lines,
				      "records", (json_int_t)counts->records,
				      "torn", (json_int_t)counts->torn,
				      "foreign", (json_int_t)counts->foreign,
				      "not_utf8", (json_int_t)counts->not_utf8,
				      "newer", (json_int_t)counts->newer, "lost", (json_int_t)counts->lost));
	err = json ? print_json(json) : -ENOMEM;
	json_decref(json);
	return err;
}

int replay_main(int argc, char **argv)
{
	struct replay replay = { 0 };
	int code = EXIT_FAULT;

	if (parse(&replay, argc, argv))
		return EXIT_FAULT;
	if (!open_policies(&replay) && !read_logs(&replay)) {
		code = replay.rehearsal.counts[CHANGE_NEWLY_DENIED] ? EXIT_NEWLY_DENIED : 0;
		if (!replay.json)
			print(&replay);
		if ((replay.json && print_document(&replay)) || fflush(stdout))
			code = EXIT_FAULT;
	}
	rehearsal_free(&replay.rehearsal);
	outage_close(replay.outages[0]);
	outage_close(replay.outages[1]);
	return code;
}
