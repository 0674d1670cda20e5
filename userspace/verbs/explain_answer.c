/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../base/text.h"
#include "considered.h"
#include "explain.h"
#include "verbs.h"

#define NS_PER_SECOND 1000000000ULL

/* --- JSON ----------------------------------------------------------------------------------- */

/* Of a policy's bytes, fit for a terminal; null for "". */
static json_t *shown_or_null(const char *bytes)
{
	char shown[2048];

	if (!*bytes)
		return json_null();
	text_show(bytes, shown, sizeof(shown));
	return json_string(shown);
}

static json_t *string_or_null(const char *string)
{
	return string ? json_string(string) : json_null();
}

static const char *verdict_name(const struct decision *decision)
{
	static const char *const verdicts[] = { "allow", "audit", "deny" };

	return verdicts[decision->verdict];
}

static json_t *errno_json(const struct decision *decision)
{
	return decision->verdict == VERDICT_DENY ? string_or_null(policy_errno_name(-decision->err)) : json_null();
}

/* A string of the rule that decided; null where none did. */
static json_t *rule_string(const struct ruleset *image, const struct decision *decision, size_t offset)
{
	const struct rule *rule = image_rule(image, decision->rule);

	return rule ? shown_or_null(image_string(image, *(const uint32_t *)((const char *)rule + offset))) :
		      json_null();
}
#define RULE_STRING(image, decision, field) rule_string(image, decision, offsetof(struct rule, field))

static const char *default_reason(enum object_class class, const struct decision *decision)
{
	static const char *const defaults[CLASS_COUNT] = {
		"no rule matches: the policy's default for net",
		"no rule matches: the policy's default for file",
		"no rule matches: the policy's default for exec",
		"no rule matches: the policy's default for socket",
	};

	if (decision->rule < RULE_SPECIAL)
		return NULL;
	if (decision->rule == RULE_DEFAULT)
		return defaults[class];
	return decision->rule == RULE_UNRESOLVED ? "the path cannot be told: doubt denies" :
						   "the ruleset is damaged: doubt denies";
}

/* Files that are opened and executed are judged by the rules about both. */
static const char *class_note(const struct question *question, const struct reply *reply)
{
	if (reply->decision.rule >= RULE_SPECIAL)
		return NULL;
	if (reply->class == CLASS_EXEC && !strcmp(question->verb, "open"))
		return "a rule about executing: what could be read could be copied and executed";
	if (reply->class == CLASS_FILE && !strcmp(question->verb, "exec"))
		return "a rule about files: what is executed is opened first";
	return NULL;
}

/* What of the answer lets pass that a rule denies. */
static json_t *waived_json(const struct ruleset *image, const struct reply *reply)
{
	const struct decision *plain = &reply->plain;

	if (reply->decision.rule == plain->rule)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:s, s:o}",
			 "service", RULE_STRING(image, plain, service),
			 "rule", RULE_STRING(image, plain, name),
			 "where", RULE_STRING(image, plain, where),
			 "verdict", verdict_name(plain),
			 "errno", errno_json(plain));
}

static json_t *waiver_json(const struct ruleset *image, const struct reply *reply, const struct reply_waiver *item)
{
	const struct waiver *waiver = item->waiver;
	struct decision own = { .rule = waiver->rule };
	time_t last = (time_t)(waiver->until_ns / NS_PER_SECOND) - 1;
	char until[sizeof("2027-03-31")];
	struct tm tm;

	strftime(until, sizeof(until), "%Y-%m-%d", gmtime_r(&last, &tm));
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:b, s:b, s:s, s:o, s:o}",
			 "service", shown_or_null(image_string(image, waiver->service)),
			 "exec", shown_or_null(image_string(image, waiver->exec)),
			 "owner", shown_or_null(image_string(image, waiver->owner)),
			 "why", RULE_STRING(image, &own, why),
			 "until", until,
			 "expired", item->expired,
			 "applied", item->had && !item->expired && reply->decision.rule == waiver->rule,
			 "verdict", verdict_name(item->expired ? &reply->decision : &item->decision),
			 "note", string_or_null(item->for_one_access ? "opened for reading and writing at once, nothing "
						"is waived: another rule speaks of the other access" : NULL),
			 "where", RULE_STRING(image, &own, where));
}

static json_t *waivers_json(const struct ruleset *image, const struct reply *reply)
{
	json_t *array = json_array();

	for (size_t i = 0; i < reply->count; i++) {
		if (!json_array_append_new(array, waiver_json(image, reply, &reply->list[i])))
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

/* Whether it is recorded: what is denied or audited always is. */
static json_t *recorded_json(const struct ruleset *image, const struct decision *decision)
{
	return json_boolean(decision->verdict != VERDICT_ALLOW ||
			    decision_is_told(image, recording_in(image, image->mode), decision));
}

static const char *considered_note(const struct asked *asked, const struct reply *reply)
{
	if (reply->decision.rule != reply->plain.rule)
		return "the rule that wins here is the one that is waived";
	if (reply->class == CLASS_NET && !asked->policy)
		return "the ruleset in force keeps which rules hold on which addresses and ports; --policy FILE "
		       "tells the nets that it was made from";
	return NULL;
}

/* Who asks: whether he has a waiver at all. */
static const char *as_note(const struct question *question, const struct reply *reply)
{
	if (!question->as)
		return NULL;
	if (!reply->waivers)
		return "no waiver of this policy is for it";
	for (size_t i = 0; i < reply->count; i++)
		if (reply->list[i].had)
			return NULL;
	return "its waiver changes nothing here";
}

json_t *explain_answer(const struct question *question, const struct asked *asked, const struct reply *reply)
{
	const struct decision *decision = &reply->decision;
	const struct ruleset *image = asked->image;
	bool doubtful = decision->verdict == VERDICT_AUDIT && image->deny_unrecorded && image->mode == MODE_ENFORCE;
	json_t *json = json_object();
	int err;

	/* Without memory a value is NULL, which the set functions of jansson take for the failure that it is. */
	err = json_object_set_new(json, "question", json_string(question->verb));
	err |= json_object_set_new(json, "object", json_string(reply->shown));
	err |= json_object_set_new(json, "as", shown_or_null(reply->as));
	err |= json_object_set_new(json, "as_note", string_or_null(as_note(question, reply)));
	err |= json_object_set_new(json, "tag", json_string(image->tag));
	err |= json_object_set_new(json, "mode", json_string(image->mode == MODE_ENFORCE ? "enforce" : "audit"));
	err |= json_object_set_new(json, "verdict", json_string(verdict_name(decision)));
	err |= json_object_set_new(json, "errno", errno_json(decision));
	err |= json_object_set_new(json, "recorded", recorded_json(image, decision));
	err |= json_object_set_new(json, "unrecorded", string_or_null(
		doubtful ? "deny with EPERM, where it cannot be recorded" : NULL));
	err |= json_object_set_new(json, "service", RULE_STRING(image, decision, service));
	err |= json_object_set_new(json, "rule", RULE_STRING(image, decision, name));
	err |= json_object_set_new(json, "where", RULE_STRING(image, decision, where));
	err |= json_object_set_new(json, "why", RULE_STRING(image, decision, why));
	err |= json_object_set_new(json, "reason", string_or_null(default_reason(reply->class, decision)));
	err |= json_object_set_new(json, "note", string_or_null(class_note(question, reply)));
	err |= json_object_set_new(json, "waived", waived_json(image, reply));
	err |= json_object_set_new(json, "waivers", waivers_json(image, reply));
	err |= json_object_set_new(json, "considered", considered_json(&reply->considered));
	err |= json_object_set_new(json, "considered_note", string_or_null(considered_note(asked, reply)));
	if (!err)
		return json;
	json_decref(json);
	return NULL;
}

/* --- text ----------------------------------------------------------------------------------- */

static const char *string_at(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static bool is_true(const json_t *json, const char *key)
{
	return json_is_true(json_object_get(json, key));
}

static void print_row(const json_t *json, const char *key)
{
	const char *text = string_at(json, key);

	if (text)
		printf("  %-8s %s\n", key, text);
}

static void print_verdict(const json_t *json)
{
	const char *verdict = string_at(json, "verdict"), *err = string_at(json, "errno");

	printf("  %-8s %s", "verdict", verdict);
	if (err)
		printf(" with %s%s", err, !strcmp(string_at(json, "mode"), "enforce") ? "" :
		       " (audit mode: recorded, not denied)");
	if (!strcmp(verdict, "allow"))
		printf(" (%srecorded)", is_true(json, "recorded") ? "" : "not ");
	putchar('\n');
	if (string_at(json, "unrecorded"))
		printf("  %-8s or %s\n", "", string_at(json, "unrecorded"));
}

static void print_as(const json_t *json)
{
	const char *note = string_at(json, "as_note");

	if (string_at(json, "as"))
		printf("  %-8s %s%s%s\n", "as", string_at(json, "as"), note ? ": " : "", note ? note : "");
}

/* The rule that denies what a waiver lets pass. */
static void print_waived(const json_t *waived)
{
	const char *err = string_at(waived, "errno");

	if (string_at(waived, "rule"))
		printf("  %-8s %s (%s)%s%s\n", "waived", string_at(waived, "rule"), string_at(waived, "where"),
		       err ? ", with " : "", err ? err : "");
}

static void print_waiver(const json_t *waiver)
{
	bool denied = !strcmp(string_at(waiver, "verdict"), "deny");

	printf("  %-8s ", "waiver");
	if (is_true(waiver, "expired"))
		printf("expired: for %s, until %s", string_at(waiver, "exec"), string_at(waiver, "until"));
	else
		printf("%sfor %s and what it starts, until %s",
		       is_true(waiver, "applied") ? "applied: " : denied ? "not enough, since another rule denies: " : "",
		       string_at(waiver, "exec"), string_at(waiver, "until"));
	printf("; owner %s (%s)\n", string_at(waiver, "owner"), string_at(waiver, "where"));
	if (string_at(waiver, "note") && !is_true(waiver, "expired"))
		printf("  %-8s %s\n", "", string_at(waiver, "note"));
}

void explain_print(const json_t *answer)
{
	const char *note = string_at(answer, "considered_note");
	const json_t *waiver;
	size_t i;

	printf("%s %s\n", string_at(answer, "question"), string_at(answer, "object"));
	print_as(answer);
	print_verdict(answer);
	print_row(answer, "service");
	if (string_at(answer, "rule"))
		printf("  %-8s %s (%s)\n", "rule", string_at(answer, "rule"), string_at(answer, "where"));
	print_row(answer, "why");
	print_row(answer, "reason");
	print_row(answer, "note");
	print_waived(json_object_get(answer, "waived"));
	json_array_foreach(json_object_get(answer, "waivers"), i, waiver)
		print_waiver(waiver);
	considered_print(json_object_get(answer, "considered"), stdout, verb_style(stdout));
	if (note)
		printf("  %s\n", note);
}
