/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearsal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../policy/policy.h"
#include "../base/text.h"

static const char *const change_names[] = {
	"newly denied", "no longer denied", "denied with another errno", "audited, not allowed",
	"allowed, not audited", "the same by another rule", "the same",
};
static_assert(sizeof(change_names) / sizeof(*change_names) == CHANGE_COUNT, "a name per change");

/* A class that the system call of a record is judged by as well, where that would be told; and in the
 * end it is not in the log. */
struct rehearsal_companion {
	uint64_t seen;			/* what would be in `seen` if it were */
	struct rehearsal_difference difference;
};

const char *change_name(enum change change)
{
	return change_names[change];
}

enum change change_of(const struct outcome_of_policy *before, const struct outcome_of_policy *after)
{
	if (before->verdict != after->verdict)
		return after->verdict == VERDICT_DENY ? CHANGE_NEWLY_DENIED :
		       before->verdict == VERDICT_DENY ? CHANGE_NO_LONGER_DENIED :
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

/* Where there is no room for further differences. */
#define OTHER_STEPS "(other steps)"

/* --- keeping -------------------------------------------------------------------------------- */

static bool outcome_keep(const struct outcome_of_policy *outcome, struct rehearsal_outcome *ret_kept)
{
	*ret_kept = (struct rehearsal_outcome){
		.verdict = outcome->verdict,
		.err = outcome->err,
		.service = strdup(outcome->service),
		.rule = strdup(outcome->rule),
		.where = strdup(outcome->where),
		.why = strdup(outcome->why),
		.reason = strdup(outcome->reason),
	};
	return ret_kept->service && ret_kept->rule && ret_kept->where && ret_kept->why && ret_kept->reason;
}

static void outcome_free(struct rehearsal_outcome *outcome)
{
	free(outcome->service);
	free(outcome->rule);
	free(outcome->where);
	free(outcome->why);
	free(outcome->reason);
}

static void difference_free(struct rehearsal_difference *difference)
{
	for (size_t i = 0; i < difference->object_count; i++)
		free(difference->objects[i].name);
	outcome_free(&difference->before);
	outcome_free(&difference->after);
	free(difference->step);
}

/* The bytes, ending with 0, for free(); NULL without memory. */
static char *take_string(struct text *text)
{
	text_append(text, "", 1);
	if (text->failed)
		text_free(text);
	return text->data;
}

/* Counts an object among the first few; takes its name over. */
static int count_object(struct rehearsal_difference *difference, char *name, uint64_t count)
{
	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < difference->object_count; i++)
		if (!strcmp(difference->objects[i].name, name)) {
			difference->objects[i].count += count;
			free(name);
			return 0;
		}
	if (difference->object_count < REHEARSAL_OBJECTS) {
		difference->objects[difference->object_count++] = (struct rehearsal_object){ name, count };
		return 0;
	}
	free(name);
	difference->other_objects += count;
	return 0;
}

/* --- differences ---------------------------------------------------------------------------- */

/* What one record, or a companion, came to. */
struct finding {
	enum object_class class;
	bool unrecorded;
	const char *step;
	const struct outcome_of_policy *before, *after;
};

static void append_outcome(struct text *key, const struct outcome_of_policy *outcome)
{
	text_append_format(key, "%d %d ", (int)outcome->verdict, outcome->err);
	text_append(key, outcome->rule, strlen(outcome->rule) + 1);
	text_append(key, outcome->reason, strlen(outcome->reason) + 1);
}

/* Places in a file are no part of it: of several versions of a policy they differ. @more: what tells it
 * apart, too. */
static int find_key(struct intern *keys, const struct finding *finding, const char *more,
		    uint32_t *ret_number)
{
	struct text key = { 0 };
	int err;

	text_append_format(&key, "%d %d ", (int)finding->class, finding->unrecorded);
	text_append(&key, finding->step, strlen(finding->step) + 1);
	append_outcome(&key, finding->before);
	append_outcome(&key, finding->after);
	text_append_string(&key, more);
	err = key.failed ? -ENOMEM : intern_add(keys, key.data, key.size, ret_number);
	text_free(&key);
	return err == -E2BIG ? -ENOMEM : err;
}

static int difference_make(const struct finding *finding, struct rehearsal_difference *ret_difference)
{
	*ret_difference = (struct rehearsal_difference){
		.change = change_of(finding->before, finding->after),
		.class = finding->class,
		.unrecorded = finding->unrecorded,
		.step = strdup(finding->step),
	};
	/* Both, so that both can be freed. */
	if (outcome_keep(finding->before, &ret_difference->before) &
	    outcome_keep(finding->after, &ret_difference->after) && ret_difference->step)
		return 0;
	difference_free(ret_difference);
	return -ENOMEM;
}

static int difference_add(struct rehearsal *rehearsal, const struct finding *finding)
{
	struct rehearsal_difference *all = rehearsal->differences;
	size_t count = rehearsal->difference_count;

	if (!(count & (count - 1))) {
		all = reallocarray(all, count ? 2 * count : 1, sizeof(*all));
		if (!all)
			return -ENOMEM;
		rehearsal->differences = all;
	}
	if (difference_make(finding, &all[count]))
		return -ENOMEM;
	rehearsal->difference_count++;
	return 0;
}

/* Counts a difference @times; takes the name of the object over. */
static int take_finding(struct rehearsal *rehearsal, const struct finding *finding, char *object,
			uint64_t times)
{
	struct finding counted = *finding;
	uint32_t number = 0;
	int err = object ? 0 : -ENOMEM;

	if (rehearsal->difference_count >= REHEARSAL_DIFFERENCES_MAX)
		counted.step = OTHER_STEPS;
	if (!err)
		err = find_key(&rehearsal->keys, &counted, "", &number);
	if (!err && number == rehearsal->difference_count)
		err = difference_add(rehearsal, &counted);
	if (err) {
		free(object);
		return err;
	}
	rehearsal->differences[number].count += times;
	return count_object(&rehearsal->differences[number], object, times);
}

/* --- companions ----------------------------------------------------------------------------- */

/* An object of a step, as an object of @class: FNV-1a, for 64 bits tell all of a log apart. */
static uint64_t hash_of(const struct audit_line *line, const char *step, enum object_class class,
			const char *path)
{
	const char *const texts[] = { line->run, step, path };
	uint64_t hash = (FNV_BASIS ^ class) * FNV_PRIME;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		for (const char *at = texts[i]; *at; at++)
			hash = (hash ^ (unsigned char)*at) * FNV_PRIME;
		hash *= FNV_PRIME;	/* where one ends */
	}
	return hash;
}

static int note_seen(struct rehearsal *rehearsal, uint64_t hash)
{
	uint32_t number;
	int err = intern_add(&rehearsal->seen, &hash, sizeof(hash), &number);

	if (!err)
		rehearsal->seen.items[number].value = 1;
	return err == -E2BIG ? -ENOMEM : err;
}

static bool is_seen(struct rehearsal *rehearsal, uint64_t hash)
{
	uint32_t number;

	return !intern_add(&rehearsal->seen, &hash, sizeof(hash), &number) &&
	       rehearsal->seen.items[number].value == 1;
}

/* Keeps what a companion would come to until all of the log was seen. Takes the object over. */
static int keep_companion(struct rehearsal *rehearsal, const struct finding *finding, uint64_t seen,
			  char *object)
{
	struct rehearsal_companion *companion, *all = rehearsal->companions;
	size_t count = rehearsal->companion_count;
	uint32_t number;
	int err = object ? find_key(&rehearsal->companion_keys, finding, object, &number) : -ENOMEM;

	if (!err && number < count) {
		all[number].difference.count++;
		free(object);
		return 0;
	}
	if (!err && !(count & (count - 1))) {
		all = reallocarray(all, count ? 2 * count : 1, sizeof(*all));
		err = all ? 0 : -ENOMEM;
		if (all)
			rehearsal->companions = all;
	}
	if (!err)
		err = difference_make(finding, &all[count].difference);
	if (err) {
		free(object);
		return err;
	}
	companion = &all[count];
	companion->seen = seen;
	companion->difference.count = 1;
	rehearsal->companion_count++;
	return count_object(&companion->difference, object, 1);
}

static struct outcome_of_policy outcome_kept(const struct rehearsal_outcome *kept)
{
	return (struct outcome_of_policy){
		.verdict = kept->verdict, .err = kept->err, .service = kept->service, .rule = kept->rule,
		.where = kept->where, .why = kept->why, .reason = kept->reason,
	};
}

/* --- records -------------------------------------------------------------------------------- */

/* A record at hand. */
struct at_hand {
	const struct audit_line *line;
	struct recorded object;
	const char *step;
	struct outcome_of_policy before, after;
};

static char *object_of(const struct audit_line *line)
{
	struct text object = { 0 };

	audit_line_object(&object, line);
	return take_string(&object);
}

static char *path_of(const struct recorded *object)
{
	struct text path = { 0 };

	text_printable(&path, object->path, strlen(object->path));
	return take_string(&path);
}

/* Judges what goes with the record, and is done with unless it would be denied or recorded, or was. */
static int take_companion(struct rehearsal *rehearsal, struct at_hand *it)
{
	static const struct outcome_of_policy allowed = {
		.verdict = VERDICT_ALLOW, .service = "", .rule = "", .where = "", .why = "", .reason = "",
	};
	enum object_class class = recorded_companion(&it->object);
	struct outcome_of_policy before = allowed, after;
	struct finding finding = { class, !rehearsal->other.image, it->step, &before, &after };
	enum change change;

	if (class == CLASS_COUNT)
		return 0;
	after = recorded_judge(&rehearsal->judge, &it->object, class);
	if (rehearsal->other.image)
		before = recorded_judge(&rehearsal->other, &it->object, class);
	/* It came to one denial before, and comes to one now. */
	if (it->before.verdict == VERDICT_DENY) {
		if (after.verdict == VERDICT_DENY && it->after.verdict != VERDICT_DENY)
			it->after = after;
		return 0;
	}
	change = change_of(&before, &after);
	if (it->after.verdict == VERDICT_DENY || change == CHANGE_NONE || change == CHANGE_OTHER_RULE)
		return 0;
	return keep_companion(rehearsal, &finding, hash_of(it->line, it->step, class, it->object.path),
			      path_of(&it->object));
}

static int take_object(struct rehearsal *rehearsal, struct at_hand *it)
{
	struct finding finding = { it->object.class, false, it->step, &it->before, &it->after };
	enum change change;
	int err = 0;

	rehearsal->allowed += it->before.verdict == VERDICT_ALLOW;
	if (rehearsal->other.image)
		it->before = recorded_judge(&rehearsal->other, &it->object, it->object.class);
	it->after = recorded_judge(&rehearsal->judge, &it->object, it->object.class);
	if (it->object.class == CLASS_FILE || it->object.class == CLASS_EXEC)
		err = note_seen(rehearsal, hash_of(it->line, it->step, it->object.class, it->object.path)) ?:
			take_companion(rehearsal, it);
	change = change_of(&it->before, &it->after);
	rehearsal->judged++;
	rehearsal->counts[change]++;
	if (err || change == CHANGE_NONE)
		return err;
	return take_finding(rehearsal, &finding, object_of(it->line), 1);
}

int rehearsal_take(struct rehearsal *rehearsal, const struct audit_line *line)
{
	struct at_hand it = { .line = line };
	struct text step = { 0 };
	int err;

	switch (recorded_read(line, &it.object, &it.before)) {
	case RECORDED_OTHER:
		rehearsal->not_of_policy++;
		return 0;
	case RECORDED_UNCLEAR:
		rehearsal->unclear++;
		return 0;
	case RECORDED_OBJECT:
		break;
	}
	recorded_step(&step, line);
	text_append(&step, "", 1);
	it.step = step.data;
	err = step.failed ? -ENOMEM : take_object(rehearsal, &it);
	text_free(&step);
	return err;
}

/* --- the end -------------------------------------------------------------------------------- */

static int take_kept(struct rehearsal *rehearsal, struct rehearsal_companion *companion)
{
	struct rehearsal_difference *kept = &companion->difference;
	struct outcome_of_policy before = outcome_kept(&kept->before), after = outcome_kept(&kept->after);
	struct finding finding = { kept->class, kept->unrecorded, kept->step, &before, &after };

	if (is_seen(rehearsal, companion->seen))
		return 0;
	rehearsal->counts[kept->change] += kept->count;
	return take_finding(rehearsal, &finding, strdup(kept->objects[0].name), kept->count);
}

static const char *service_of(const struct rehearsal_difference *difference)
{
	return *difference->after.service ? difference->after.service : difference->before.service;
}

static int by_change(const void *a, const void *b)
{
	const struct rehearsal_difference *one = a, *other = b;

	if (one->change != other->change)
		return one->change < other->change ? -1 : 1;
	return strcmp(service_of(one), service_of(other)) ?: strcmp(one->step, other->step) ?:
		(int)one->class - (int)other->class ?: strcmp(one->before.rule, other->before.rule) ?:
		strcmp(one->before.reason, other->before.reason) ?:
		strcmp(one->after.rule, other->after.rule) ?:
		strcmp(one->after.reason, other->after.reason) ?: one->before.err - other->before.err ?:
		one->after.err - other->after.err ?: one->unrecorded - other->unrecorded;
}

int rehearsal_end(struct rehearsal *rehearsal)
{
	int err = 0;

	for (size_t i = 0; !err && i < rehearsal->companion_count; i++)
		err = take_kept(rehearsal, &rehearsal->companions[i]);
	if (rehearsal->difference_count)
		qsort(rehearsal->differences, rehearsal->difference_count, sizeof(*rehearsal->differences),
		      by_change);
	return err;
}

void rehearsal_free(struct rehearsal *rehearsal)
{
	for (size_t i = 0; i < rehearsal->difference_count; i++)
		difference_free(&rehearsal->differences[i]);
	for (size_t i = 0; i < rehearsal->companion_count; i++)
		difference_free(&rehearsal->companions[i].difference);
	free(rehearsal->differences);
	free(rehearsal->companions);
	intern_free(&rehearsal->keys);
	intern_free(&rehearsal->companion_keys);
	intern_free(&rehearsal->seen);
	*rehearsal = (struct rehearsal){ 0 };
}

/* --- as JSON -------------------------------------------------------------------------------- */

static const char *const verdict_names[] = { "allow", "audit", "deny" };

static void set_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

static json_t *describe_outcome(const struct rehearsal_outcome *outcome)
{
	json_t *json = json_pack("{s:s}", "verdict", verdict_names[outcome->verdict]);
	const char *err = outcome->err ? policy_errno_name(outcome->err) : "";

	set_text(json, "errno", err ? err : "");
	set_text(json, "service", outcome->service);
	set_text(json, "rule", outcome->rule);
	set_text(json, "where", outcome->where);
	set_text(json, "why", outcome->why);
	set_text(json, "reason", outcome->reason);
	return json;
}

static json_t *describe_difference(const struct rehearsal_difference *difference)
{
	json_t *objects = json_array(), *json;

	for (size_t i = 0; i < difference->object_count; i++)
		json_array_append_new(objects, json_pack("{s:s, s:I}", "object", difference->objects[i].name,
							 "count", (json_int_t)difference->objects[i].count));
	json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:I}",
			 "change", change_names[difference->change], "step", difference->step,
			 "service", service_of(difference), "class", recorded_class_name(difference->class),
			 "count", (json_int_t)difference->count,
			 "before", describe_outcome(&difference->before),
			 "after", describe_outcome(&difference->after), "objects", objects,
			 "other_objects", (json_int_t)difference->other_objects);
	if (difference->unrecorded)
		json_object_set_new(json, "unrecorded", json_true());
	return json;
}

json_t *rehearsal_describe(const struct rehearsal *rehearsal)
{
	json_t *counts = json_object(), *differences = json_array(), *json;

	for (enum change change = 0; change < CHANGE_COUNT; change++)
		json_object_set_new(counts, change_names[change],
				    json_integer((json_int_t)rehearsal->counts[change]));
	for (size_t i = 0; i < rehearsal->difference_count; i++)
		json_array_append_new(differences, describe_difference(&rehearsal->differences[i]));
	json = json_pack("{s:i, s:s, s:I, s:I, s:I, s:I, s:o, s:o}", "replay", 1,
			 "against", rehearsal->other.image ? "policy" : "log",
			 "judged", (json_int_t)rehearsal->judged, "allowed", (json_int_t)rehearsal->allowed,
			 "not_of_policy", (json_int_t)rehearsal->not_of_policy,
			 "unclear", (json_int_t)rehearsal->unclear, "counts", counts,
			 "differences", differences);
	return json;
}
