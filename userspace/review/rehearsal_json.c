/* SPDX-License-Identifier: BSD-2-Clause */
#include "rehearsal.h"

#include "../../policy/policy.h"

static const char *const verdict_names[] = { "allow", "audit", "deny" };

static void set_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

static void set_count(json_t *object, const char *key, uint64_t count)
{
	json_object_set_new(object, key, json_integer((json_int_t)count));
}

static json_t *describe_outcome(const struct rehearsal_outcome *outcome)
{
	json_t *json = json_pack("{s:s}", "verdict", verdict_names[outcome->verdict]);
	const char *err = outcome->err ? policy_errno_name(outcome->err) : "";

	if (outcome->verdict == VERDICT_DENY)
		json_object_set_new(json, "enforced", json_boolean(outcome->refused));
	set_text(json, "errno", err ? err : "");
	set_text(json, "service", outcome->service);
	set_text(json, "rule", outcome->rule);
	set_text(json, "where", outcome->where);
	set_text(json, "why", outcome->why);
	set_text(json, "reason", outcome->reason);
	return json;
}

/* Of what is gathered, nothing is known but how many there are of which change. */
static json_t *describe_more(const struct rehearsal_difference *difference)
{
	json_t *json = json_pack("{s:s, s:b}", "change", change_name(difference->change), "more", true);

	set_count(json, "count", difference->count);
	return json;
}

static json_t *describe_difference(const struct rehearsal_difference *difference)
{
	json_t *objects = json_array(), *json;

	for (size_t i = 0; i < difference->object_count; i++)
		json_array_append_new(objects, json_pack("{s:s, s:I}", "object", difference->objects[i].name,
							 "count", (json_int_t)difference->objects[i].count));
	json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:I}",
			 "change", change_name(difference->change), "step", difference->step,
			 "service", rehearsal_service(difference),
			 "class", recorded_class_name(difference->class),
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
		set_count(counts, change_name(change), rehearsal->counts[change]);
	for (size_t i = 0; i < rehearsal->difference_count; i++) {
		const struct rehearsal_difference *difference = &rehearsal->differences[i];

		json_array_append_new(differences, difference->more ? describe_more(difference) :
				      describe_difference(difference));
	}
	json = json_pack("{s:i, s:s, s:s, s:o, s:o}", "replay", 1,
			 "against", rehearsal->other.image ? "policy" : "log",
			 "mode", judge_mode(&rehearsal->judge) == MODE_ENFORCE ? "enforce" : "audit",
			 "counts", counts, "differences", differences);
	if (!json)
		return NULL;
	set_count(json, "judged", rehearsal->judged);
	set_count(json, "allowed", rehearsal->allowed);
	set_count(json, "same_verdict", rehearsal->same_verdict);
	set_count(json, "same_denied", rehearsal->same_denied);
	set_count(json, "same_would_deny", rehearsal->same_would_deny);
	set_count(json, "let_through", rehearsal->let_through);
	set_count(json, "would_deny", rehearsal->would_deny);
	set_count(json, "not_of_policy", rehearsal->not_of_policy);
	set_count(json, "unclear", rehearsal->unclear);
	set_count(json, "waivers_untold", rehearsal->waivers_untold);
	set_count(json, "gathered", rehearsal->gathered);
	set_count(json, "unsure", rehearsal->unsure);
	return json;
}
