/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a log holds was chosen by processes that are not trusted: what comes from it goes through
 * text_printable(), here or in rehearsal*.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../../policy/policy.h"
#include "../base/options.h"
#include "../base/print_json.h"
#include "../base/text.h"
#include "replay.h"

/* --- what cannot be told ---------------------------------------------------------------------- */

struct notes {
	void (*take)(void *ctx, const char *text);
	void *ctx;
};

static void note(const struct notes *notes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(const struct notes *notes, const char *fmt, ...)
{
	char text[PATH_MAX + 512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	notes->take(notes->ctx, text);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* In which mode the policy was asked, and what that means. */
static void tell_mode(const struct replay *replay, const struct notes *notes)
{
	const struct rehearsal *rehearsal = &replay->rehearsal;
	const char *policy = replay->policies[replay->policy_count - 1];
	bool enforced = judge_mode(&rehearsal->judge) == MODE_ENFORCE;
	bool down = rehearsal->counts[CHANGE_NEWLY_DENIED];	/* what else would audit mode deny? */

	if (enforced && rehearsal->judge.image->mode != MODE_ENFORCE)
		note(notes, "%s is in audit mode: this is what it would refuse if it said \"mode: enforce\"", policy);
	if (enforced)
		return;
	if (!rehearsal->judged)
		return;
	if (rehearsal->would_deny)
		note(notes, "audit mode denies nothing%s: %" PRIu64 " would be recorded as denied, and would newly be "
		     "denied under \"mode: enforce\"; --mode enforce tells which", down ? " but for what is down" : "",
		     rehearsal->would_deny);
	else
		note(notes, "audit mode denies nothing%s; under \"mode: enforce\", nothing %s would newly be denied",
		     down ? " but for what is down" : "", down ? "else" : "of this");
}

/* What of the log could not be read, or not as a record. */
static void tell_log(const struct replay *replay, const struct notes *notes)
{
	const struct journal_counts *counts = &replay->counts;
	uint64_t others = counts->torn + counts->foreign + counts->newer;
	uint64_t unread = replay->unread - counts->damaged;

	if (unread)
		note(notes, "%" PRIu64 " file%s could not be read: what %s was not judged", unread, plural(unread),
		     unread == 1 ? "it has" : "they have");
	if (counts->damaged)
		note(notes, "%" PRIu64 " compressed file%s damaged or %s no end: what follows there was not judged",
		     counts->damaged, counts->damaged == 1 ? " is" : "s are", counts->damaged == 1 ? "has" : "have");
	if (counts->lost)
		note(notes, "%" PRIu64 " record%s lost when the log was written", counts->lost,
		     counts->lost == 1 ? " was" : "s were");
	if (others)
		note(notes, "%" PRIu64 " line%s no record%s that can be read: %" PRIu64 " torn, %" PRIu64
		     " of something else, %" PRIu64 " of a newer ringfence", others, others == 1 ? " is" : "s are",
		     plural(others), counts->torn, counts->foreign, counts->newer);
}

/* Tells what keeps the answer from being whole. */
static void tell_doubts(const struct replay *replay, const struct notes *notes)
{
	const struct rehearsal *rehearsal = &replay->rehearsal;

	tell_mode(replay, notes);
	if (rehearsal->judged && !rehearsal->allowed)
		note(notes, "the log has no record of what was allowed: whether that would be denied cannot be told; "
		     "\"record: all\" in the policy of the next run has it recorded");
	if (rehearsal->unclear)
		note(notes, "%" PRIu64 " record%s not have the whole name of what was reached for, and %s not judged",
		     rehearsal->unclear, rehearsal->unclear == 1 ? " does" : "s do",
		     rehearsal->unclear == 1 ? "was" : "were");
	if (rehearsal->waivers_untold)
		note(notes, "whether a waiver applied cannot be told of %" PRIu64 " record%s: a program was started by a "
		     "relative path, and is taken to have been started where its run was", rehearsal->waivers_untold,
		     plural(rehearsal->waivers_untold));
	if (rehearsal->gathered)
		note(notes, "more than %d differences: what %" PRIu64 " records came to is counted, but not told apart",
		     REHEARSAL_DIFFERENCES_MAX, rehearsal->gathered);
	if (rehearsal->unsure)
		note(notes, "%" PRIu64 " reads and executions are counted as if the log had no other record of them: "
		     "it has too many to tell", rehearsal->unsure);
	tell_log(replay, notes);
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

/* "deny EHOSTUNREACH"; "would deny", as ringfence log says it, what audit mode only records. */
static void print_verdict(const struct rehearsal_outcome *outcome)
{
	static const char *const verdicts[] = { "allow", "audit", "deny" };
	const char *err = outcome->err ? policy_errno_name(outcome->err) : NULL;
	bool recorded = outcome->verdict == VERDICT_DENY && !outcome->refused;

	printf("%s%s", recorded ? "would " : "", verdicts[outcome->verdict]);
	if (outcome->err)
		printf(" %s", err ? err : "with another errno");
	if (recorded)
		fputs(" (audit mode: let through)", stdout);
}

/* "deny EHOSTUNREACH, rule deny github (mysql.yaml:12): GitHub is down" */
static void print_outcome(const struct rehearsal_outcome *outcome)
{
	print_verdict(outcome);
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

static void print_objects(const struct rehearsal_difference *difference)
{
	for (size_t i = 0; i < difference->object_count; i++)
		printf("%s%" PRIu64 " × %s", i ? ", " : "", difference->objects[i].count,
		       difference->objects[i].name);
	if (difference->other_objects)
		printf(", %" PRIu64 " × others", difference->other_objects);
}

static void print_outcomes(const struct replay *replay, const struct rehearsal_difference *difference,
			   const struct term_style *style)
{
	bool two = replay->policy_count > 1;

	printf("\n  %s%s%s  ", style->dim, two ? "first " : "was", style->reset);
	if (difference->unrecorded)
		fputs("not recorded: allowed", stdout);
	else
		print_outcome(&difference->before);
	printf("\n  %s%s%s  ", style->dim, two ? "second" : "now", style->reset);
	print_outcome(&difference->after);
	if (difference->class == CLASS_EXEC && difference->unrecorded)
		fputs("; what may not be executed may not be read", stdout);
}

static void print_difference(const struct replay *replay, const struct rehearsal_difference *difference,
			     const struct term_style *style)
{
	const char *service = rehearsal_service(difference);

	printf("%s%s%s  %s", style_of(difference->change, style), change_name(difference->change),
	       style->reset, style->bold);
	if (difference->more) {
		printf("(others)%s  %" PRIu64 " × not told apart\n", style->reset, difference->count);
		return;
	}
	print_text(*service ? service : "(no service)");
	printf("%s  step %s: ", style->reset, difference->step);
	print_objects(difference);
	print_outcomes(replay, difference, style);
	putchar('\n');
}

static void print_note(void *ctx, const char *text)
{
	const struct term_style *style = ctx;

	printf("%snote: ", style->dim);
	print_text(text);
	printf("%s\n", style->reset);
}

/* How many of those that are the same are denials. */
static void print_same(const struct rehearsal *rehearsal)
{
	if (rehearsal->same_denied)
		printf(" (%" PRIu64 " denied", rehearsal->same_denied);
	if (rehearsal->same_would_deny)
		printf("%s%" PRIu64 " recorded as denied", rehearsal->same_denied ? ", " : " (",
		       rehearsal->same_would_deny);
	if (rehearsal->same_denied || rehearsal->same_would_deny)
		putchar(')');
}

static void print_counts(const struct rehearsal *rehearsal, const struct term_style *style)
{
	const char *comma = ": ";

	printf("%s%" PRIu64 " record%s judged%s", style->bold, rehearsal->judged, plural(rehearsal->judged),
	       style->reset);
	for (enum change change = 0; change < CHANGE_COUNT; change++) {
		if (!rehearsal->counts[change] && (change != CHANGE_NEWLY_DENIED || !rehearsal->judged))
			continue;
		printf("%s%" PRIu64 " %s", comma, rehearsal->counts[change], change_name(change));
		comma = ", ";
	}
	print_same(rehearsal);
	putchar('\n');
}

void replay_print(const struct replay *replay)
{
	const struct rehearsal *rehearsal = &replay->rehearsal;
	const struct term_style *style = verb_style(stdout);
	const struct notes notes = { print_note, (void *)style };

	for (size_t i = 0; i < rehearsal->difference_count; i++)
		if (rehearsal->differences[i].change < CHANGE_OTHER_RULE)
			print_difference(replay, &rehearsal->differences[i], style);
	print_counts(rehearsal, style);
	if (rehearsal->let_through)
		printf("%" PRIu64 " of the newly denied %s recorded as denied before, but let through: that was audit "
		       "mode\n", rehearsal->let_through, rehearsal->let_through == 1 ? "was" : "were");
	if (rehearsal->not_of_policy)
		printf("%" PRIu64 " more record%s not of the policy: that a run begins or ends, and the like\n",
		       rehearsal->not_of_policy, rehearsal->not_of_policy == 1 ? " is" : "s are");
	tell_doubts(replay, &notes);
}

/* --- for programs ----------------------------------------------------------------------------- */

static void append_note(void *ctx, const char *text)
{
	json_array_append_new(ctx, json_string(text));
}

int replay_print_json(const struct replay *replay)
{
	const struct journal_counts *counts = &replay->counts;
	json_t *notes = json_array(), *policies = json_array(), *down = json_array();
	json_t *json = rehearsal_describe(&replay->rehearsal);
	const struct notes appended = { append_note, notes };
	int err;

	for (size_t i = 0; i < replay->policy_count; i++)
		json_array_append_new(policies, json_string(replay->policies[i]));
	for (size_t i = 0; i < replay->down_count; i++)
		json_array_append_new(down, json_string(replay->down[i]));
	if (!replay->rehearsal.judged)
		append_note(notes, REPLAY_NOTHING);
	tell_doubts(replay, &appended);
	json_object_set_new(json, "policies", policies);
	json_object_set_new(json, "services_down", down);
	if (replay->run)
		json_object_set_new(json, "run", json_string(replay->run));
	json_object_set_new(json, "notes", notes);
	json_object_set_new(json, "log",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				      "unread", (json_int_t)(replay->unread - counts->damaged),
				      "damaged", (json_int_t)counts->damaged,
				      "files", (json_int_t)counts->files, "lines", (json_int_t)counts->lines,
				      "records", (json_int_t)counts->records,
				      "torn", (json_int_t)counts->torn,
				      "foreign", (json_int_t)counts->foreign,
				      "not_utf8", (json_int_t)counts->not_utf8,
				      "newer", (json_int_t)counts->newer, "lost", (json_int_t)counts->lost));
	err = json ? print_json(json) : -ENOMEM;
	json_decref(json);
	return err;
}
