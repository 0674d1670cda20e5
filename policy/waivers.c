/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A way through a rule, for one program, with an owner and a last day.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"

enum waiver_field {
	WAIVER_SERVICE,
	WAIVER_EXEC,
	WAIVER_OWNER,
	WAIVER_WHY,
	WAIVER_UNTIL,
	WAIVER_FIELDS,
};

static const char *const waiver_keys[WAIVER_FIELDS + 1] = {
	[WAIVER_SERVICE] = "service", [WAIVER_EXEC] = "exec", [WAIVER_OWNER] = "owner",
	[WAIVER_WHY] = "why",	      [WAIVER_UNTIL] = "until",
};

static const struct map_type waiver_type = { "a waiver", waiver_keys, NULL };

#define DAY (24 * 60 * 60)
#define YEAR_MAX 2500			/* the kernel counts nanoseconds since 1970 in 64 bits */
#define SOON_DAYS 14			/* before its end: time to do without it */

/* --- the values ----------------------------------------------------------------------------- */

/* "2027-03-31" -> the end of that day. Returns false for what is no date of the calendar. */
static bool parse_date(const char *text, int64_t *ret_end)
{
	struct tm date = {}, same;
	int used = 0;
	time_t begin;

	if (sscanf(text, "%4d-%2d-%2d%n", &date.tm_year, &date.tm_mon, &date.tm_mday, &used) != 3 ||
	    used != 10 || text[used])
		return false;
	date.tm_year -= 1900;
	date.tm_mon--;
	same = date;
	begin = timegm(&same);		/* makes the 31st of February a day of March */
	if (date.tm_year < 70 || date.tm_year + 1900 > YEAR_MAX || same.tm_mday != date.tm_mday || same.tm_mon != date.tm_mon)
		return false;
	*ret_end = begin + DAY;
	return true;
}

static void read_until(struct checker *checker, const struct node *node, struct policy_waiver *waiver)
{
	const char *text = scalar_read_hinted(checker, node, "a date", POLICY_STRING_MAX,
					      "write its last day, such as 2027-03-31");
	int64_t now = time(NULL);

	if (!text)
		return;
	if (!parse_date(text, &waiver->until))
		check_fault(checker, node, "write its last day, such as 2027-03-31",
			    "\"%.80s\" is no date", text);
	else if (waiver->until <= now)
		check_lint_at(checker, "waiver-expired", node_where(&checker->source, node),
			      "remove it, or have its owner say until when",
			      "expired: this waiver does not apply any more");
	else if (waiver->until <= now + SOON_DAYS * DAY)
		check_lint_at(checker, "waiver-ends", node_where(&checker->source, node),
			      "after that its rule denies again: do without it by then, or have its owner say until when",
			      "this waiver ends in %lld day%s", (long long)((waiver->until - now) / DAY + 1),
			      waiver->until - now < DAY ? "" : "s");
}

static void read_exec(struct checker *checker, const struct node *node, struct policy_waiver *waiver)
{
	struct policy_path path = { .path = NULL };
	char real[PATH_MAX];

	if (!path_items.read(checker, node, &path))
		return;
	if (path.tree || !*path.path) {
		check_fault(checker, node, "name one program", "a waiver is for a program, not for a folder");
		free(path.path);
		return;
	}
	waiver->exec = path.path;
	if (realpath(path.path, real) && strcmp(real, path.path))
		check_warning_at(checker, node_where(&checker->source, node),
				 check_hint(checker, "write %.900s", real),
				 "%s leads elsewhere on this host: the program is known by the path that it has in the end",
				 path.path);
}

/* The rule that denies the service; NULL and a fault where there is none to be waived. */
static void check_denied(struct checker *checker, const struct node *node, size_t service)
{
	const struct policy *policy = checker->policy;

	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].service == service && policy->rules[i].verdict == VERDICT_DENY)
			return;
	if (checker->states[service].faulty)
		return;
	check_fault(checker, node, "remove it, or write the rule", "this has no effect: no rule denies \"%s\"",
		    policy->services[service].name);
}

/* --- the list ------------------------------------------------------------------------------- */

static bool waiver_read(struct checker *checker, const struct service_index *index,
			const struct node *node, struct policy_waiver *waiver)
{
	static const enum waiver_field needed[] = { WAIVER_SERVICE, WAIVER_EXEC, WAIVER_OWNER, WAIVER_UNTIL };
	const struct node *fields[WAIVER_FIELDS];
	size_t errors = checker->diags->errors;

	fields_read(checker, node, &waiver_type, fields);
	if (node->kind != NODE_MAP || !node->count)
		return false;
	waiver->where = node_where(&checker->source, node);
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		const char *const words[] = { waiver_keys[needed[i]], NULL };

		if (!fields[needed[i]] && !key_meant(node, words))
			check_fault(checker, node, "service, exec, owner and until; and better also why",
				    "a waiver without \"%s\"", words[0]);
	}
	if (fields[WAIVER_SERVICE] &&
	    service_find(checker, index, fields[WAIVER_SERVICE]->value, &waiver->service))
		check_denied(checker, fields[WAIVER_SERVICE]->value, waiver->service);
	if (fields[WAIVER_EXEC])
		read_exec(checker, fields[WAIVER_EXEC]->value, waiver);
	if (fields[WAIVER_OWNER])
		waiver->owner = words_read(checker, fields[WAIVER_OWNER]->value, &owner_words);
	if (fields[WAIVER_WHY])
		waiver->why = words_read(checker, fields[WAIVER_WHY]->value, &reason_words);
	if (fields[WAIVER_UNTIL])
		read_until(checker, fields[WAIVER_UNTIL]->value, waiver);
	return errors == checker->diags->errors;
}

static void waiver_clear(struct policy_waiver *waiver)
{
	free(waiver->exec);
	free(waiver->owner);
	free(waiver->why);
	*waiver = (struct policy_waiver){ 0 };
}

/* Two for the same program and service could only differ in who is asked and until when. */
static bool is_second(struct checker *checker, const struct policy_waiver *waiver)
{
	const struct policy *policy = checker->policy;

	for (size_t i = 0; i < policy->waiver_count; i++) {
		const struct policy_waiver *other = &policy->waivers[i];

		if (other->service != waiver->service || strcmp(other->exec, waiver->exec))
			continue;
		check_fault_at(checker, waiver->where, "keep the one that is meant",
			       "a second waiver of \"%s\" for %s; the first is on line %u",
			       policy->services[waiver->service].name, waiver->exec, other->where.line);
		return true;
	}
	return false;
}

void waivers_read(struct checker *checker, const struct node *key)
{
	const struct node *list = list_node(checker, key);
	struct policy *policy = checker->policy;
	struct service_index index = { 0 };

	if (!list)
		return;
	policy->waivers = check_alloc(checker, list->count, sizeof(*policy->waivers));
	if (policy->waivers && service_index_create(checker, &index))
		for (const struct node *node = list->first; node; node = node->next) {
			struct policy_waiver *waiver = &policy->waivers[policy->waiver_count];

			if (policy->waiver_count == WAIVERS_MAX) {
				check_fault(checker, node, "so many exceptions are a rule: write an allow",
					    "more than %d waivers", WAIVERS_MAX);
				break;
			}
			if (waiver_read(checker, &index, node, waiver) && !is_second(checker, waiver))
				policy->waiver_count++;
			else
				waiver_clear(waiver);
		}
	service_index_free(&index);
}

void waivers_free(struct policy *policy)
{
	for (size_t i = 0; i < policy->waiver_count; i++)
		waiver_clear(&policy->waivers[i]);
	free(policy->waivers);
}
