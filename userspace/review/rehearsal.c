/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearsal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "rehearsal_private.h"

static const char *const change_names[] = {
	"newly denied", "no longer denied", "newly recorded as denied", "no longer recorded as denied",
	"denied with another errno", "audited, not allowed", "allowed, not audited", "the same by another rule",
	"the same",
};
static_assert(sizeof(change_names) / sizeof(*change_names) == CHANGE_COUNT, "a name per change");

const char *change_name(enum change change)
{
	return change_names[change];
}

const char *rehearsal_service(const struct rehearsal_difference *difference)
{
	return *difference->after.service ? difference->after.service : difference->before.service;
}

enum change change_of(const struct outcome_of_policy *before, const struct outcome_of_policy *after)
{
	if (before->refused != after->refused)
		return after->refused ? CHANGE_NEWLY_DENIED : CHANGE_NO_LONGER_DENIED;
	if (before->verdict != after->verdict)
		return after->verdict == VERDICT_DENY ? CHANGE_NEWLY_WOULD_DENY :
		       before->verdict == VERDICT_DENY ? CHANGE_NO_LONGER_WOULD_DENY :
		       after->verdict == VERDICT_AUDIT ? CHANGE_AUDITED : CHANGE_ALLOWED;
	if (before->err != after->err)
		return CHANGE_OTHER_ERRNO;
	/* Of a ruleset that was gone, the log has the number of the rule alone. */
	if (!*before->rule && *before->where)
		return CHANGE_NONE;
	return strcmp(before->rule, after->rule) || strcmp(before->reason, after->reason) ?
		CHANGE_OTHER_RULE :
		CHANGE_NONE;
}

/* --- records -------------------------------------------------------------------------------- */

/* A record at hand. */
struct at_hand {
	const struct audit_line *line;
	struct recorded object;
	struct finding finding;
	bool waiver_untold;		/* one of the outcomes depends on it */
};

static struct outcome_of_policy judge_object(struct at_hand *it, const struct judge *judge, enum object_class class)
{
	struct outcome_of_policy outcome = recorded_judge(judge, &it->object, class);

	it->waiver_untold |= outcome.waiver_untold;
	return outcome;
}

/* Whether the policies have anything to say of the object, as one of its own class. Of others, a companion of that
 * class would come to nothing. */
static bool is_spoken_of(const struct outcome_of_policy *outcome)
{
	return outcome->verdict != VERDICT_ALLOW || outcome->unasked;
}

/* A call that is judged twice comes to one denial: the one that refuses it, before one that is only recorded. */
static bool prevails(const struct outcome_of_policy *companion, const struct outcome_of_policy *own)
{
	if (companion->refused || own->refused)
		return !own->refused;
	return companion->verdict == VERDICT_DENY && own->verdict != VERDICT_DENY;
}

/* Judges what goes with the record, and is done with unless it would be denied or recorded, or was. */
static int take_companion(struct rehearsal *rehearsal, struct at_hand *it)
{
	enum object_class class = recorded_companion(&it->object);
	struct finding companion = {
		.class = class, .unrecorded = !rehearsal->other.image, .step = it->finding.step,
		.before = { .verdict = VERDICT_ALLOW, .service = "", .rule = "", .where = "", .why = "",
			    .reason = "" },
	};
	enum change change;

	if (class == CLASS_COUNT)
		return 0;
	companion.after = judge_object(it, &rehearsal->judge, class);
	if (rehearsal->other.image)
		companion.before = judge_object(it, &rehearsal->other, class);
	/* It came to one denial before, or comes to one now. */
	if (it->finding.before.verdict == VERDICT_DENY || it->finding.after.verdict == VERDICT_DENY) {
		if (!prevails(&companion.after, &it->finding.after))
			return 0;
		it->finding.after = companion.after;
		if (prevails(&companion.before, &it->finding.before))
			it->finding.before = companion.before;
		return 0;
	}
	change = change_of(&companion.before, &companion.after);
	if (change == CHANGE_NONE || change == CHANGE_OTHER_RULE)
		return 0;
	companion.instead = change_of(&it->finding.before, &it->finding.after) == CHANGE_NONE;
	return rehearsal_keep(rehearsal, it->line, &companion, it->object.path);
}

static int take_path(struct rehearsal *rehearsal, struct at_hand *it)
{
	bool spoken = is_spoken_of(&it->finding.after) ||
		(rehearsal->other.image && is_spoken_of(&it->finding.before));
	int err = 0;

	if (spoken && it->object.access & ACCESS_READ)
		err = rehearsal_see(rehearsal, it->line, it->finding.step, it->object.class, it->object.path);
	return err ?: take_companion(rehearsal, it);
}

static int take_object(struct rehearsal *rehearsal, struct at_hand *it)
{
	struct finding *finding = &it->finding;
	struct text name = { 0 };
	int err = 0;

	rehearsal->judged++;
	rehearsal->allowed += finding->before.verdict == VERDICT_ALLOW;
	if (rehearsal->other.image)
		finding->before = judge_object(it, &rehearsal->other, finding->class);
	finding->after = judge_object(it, &rehearsal->judge, finding->class);
	if (finding->class == CLASS_FILE || finding->class == CLASS_EXEC)
		err = take_path(rehearsal, it);
	rehearsal->waivers_untold += it->waiver_untold;
	rehearsal->same_verdict += finding->before.verdict == finding->after.verdict &&
		finding->before.err == finding->after.err;
	if (change_of(&finding->before, &finding->after) != CHANGE_NONE)
		audit_line_object(&name, it->line);
	text_append(&name, "", 1);
	if (!err)
		err = name.failed ? -ENOMEM : rehearsal_count(rehearsal, finding, name.data, 1);
	text_free(&name);
	return err;
}

int rehearsal_take(struct rehearsal *rehearsal, const struct audit_line *line)
{
	struct at_hand it = { .line = line };
	struct text step = { 0 };
	int err = run_folders_note(&rehearsal->folders, line);

	if (err)
		return err;
	switch (recorded_read(line, &it.object, &it.finding.before)) {
	case RECORDED_OTHER:
		rehearsal->not_of_policy++;
		return 0;
	case RECORDED_UNCLEAR:
		rehearsal->unclear++;
		return 0;
	case RECORDED_OBJECT:
		break;
	}
	it.object.folder = run_folders_of(&rehearsal->folders, line);
	recorded_step(&step, line);
	step.size = text_cut(step.data, step.size, REHEARSAL_NAME_MAX);
	text_append(&step, "", 1);
	it.finding.class = it.object.class;
	it.finding.step = step.data;
	err = step.failed ? -ENOMEM : take_object(rehearsal, &it);
	text_free(&step);
	return err;
}

/* --- the end -------------------------------------------------------------------------------- */

static int by_change(const void *a, const void *b)
{
	const struct rehearsal_difference *one = a, *other = b;

	if (one->change != other->change)
		return one->change < other->change ? -1 : 1;
	return (int)one->more - (int)other->more ?:
		strcmp(rehearsal_service(one), rehearsal_service(other)) ?: strcmp(one->step, other->step) ?:
		(int)one->class - (int)other->class ?: strcmp(one->before.rule, other->before.rule) ?:
		strcmp(one->before.reason, other->before.reason) ?:
		strcmp(one->after.rule, other->after.rule) ?:
		strcmp(one->after.reason, other->after.reason) ?: one->before.err - other->before.err ?:
		one->after.err - other->after.err ?: one->unrecorded - other->unrecorded ?:
		(int)one->before.verdict - (int)other->before.verdict ?: one->before.refused - other->before.refused;
}

int rehearsal_end(struct rehearsal *rehearsal)
{
	int err = rehearsal_count_kept(rehearsal);

	if (rehearsal->difference_count)
		qsort(rehearsal->differences, rehearsal->difference_count, sizeof(*rehearsal->differences),
		      by_change);
	return err;
}
