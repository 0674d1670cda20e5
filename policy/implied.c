/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "implied.h"

/* The text of a file, as it is installed for people to read. */
#define IMPLIED_TEXT(name, file) \
	__asm__(".section .rodata\n" \
		#name "_text:\n" \
		".incbin \"policy/services/" file "\"\n" \
		#name "_text_end:\n" \
		".previous\n"); \
	extern const char name##_text[], name##_text_end[]

IMPLIED_TEXT(handoff, "handoff.yaml");
IMPLIED_TEXT(system_files, "system-files.yaml");
IMPLIED_TEXT(null_devices, "null-devices.yaml");

/* What holds for the services of each, unless the policy has a rule for them. */
static const struct implied {
	const char *file, *text, *end;
	enum verdict verdict;		/* what is allowed is silent */
	uint8_t access;			/* to files that it speaks of */
	const char *why;
} implied[] = {
	{ "handoff.yaml", handoff_text, handoff_text_end, VERDICT_AUDIT, ACCESS_WRITE,
	  "handed to a process outside the run" },
	{ "system-files.yaml", system_files_text, system_files_text_end, VERDICT_ALLOW, ACCESS_READ,
	  "read by every process" },
	{ "null-devices.yaml", null_devices_text, null_devices_text_end, VERDICT_ALLOW,
	  ACCESS_READ | ACCESS_WRITE, "keeps nothing" },
};
#define IMPLIED_COUNT (sizeof(implied) / sizeof(*implied))

static struct policy_service *service_named(struct policy *policy, const char *name, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (!strcmp(policy->services[i].name, name))
			return &policy->services[i];
	return NULL;
}

/* Leaves out, of the services from @from on, those that the policy defines: it knows better. */
static void leave_out_defined(struct policy *policy, size_t from)
{
	size_t kept = from;

	for (size_t i = from; i < policy->service_count; i++) {
		struct policy_service *service = &policy->services[i];
		struct policy_service *defined = service_named(policy, service->name, from);

		if (!defined) {
			policy->services[kept++] = *service;
			continue;
		}
		/* Included by name, it is still the same. */
		defined->implied = defined->included ? service->implied : 0;
		policy_service_free(service);
	}
	memset(policy->services + kept, 0, (policy->service_count - kept) * sizeof(*policy->services));
	policy->service_count = kept;
}

void implied_services(struct checker *checker)
{
	size_t from = checker->policy->service_count;

	for (size_t i = 0; i < IMPLIED_COUNT; i++) {
		const char *name = diags_file(checker->diags, implied[i].file);

		checker->implied = (uint8_t)(i + 1);
		services_include(checker, source_make(name, implied[i].text,
						      (size_t)(implied[i].end - implied[i].text)));
	}
	checker->implied = 0;
	leave_out_defined(checker->policy, from);
}

/* Whether a service gets an implied rule. What is silent is left out where what no rule matches is not
 * recorded anyway: it would cost, and say nothing. */
static bool is_wanted(const struct checker *checker, size_t service)
{
	const struct policy *policy = checker->policy;
	uint8_t file = policy->services[service].implied;

	return file && !checker->states[service].used &&
		(implied[file - 1].verdict != VERDICT_ALLOW || policy->record == RECORDING_ALL ||
		 policy->record == RECORDING_BY_MODE);
}

static bool rule_make(struct checker *checker, size_t number, struct policy_rule *rule)
{
	const struct policy_service *service = &checker->policy->services[number];
	const struct implied *of = &implied[service->implied - 1];

	*rule = (struct policy_rule){
		.where = service->where,
		.verdict = of->verdict,
		.err = EPERM,
		.access = service->file_count ? of->access : ACCESS_READ | ACCESS_WRITE,
		.why = strdup(of->why),
		.service = number,
		.implied = true,
	};
	if (!rule->why)
		checker->out_of_memory = true;
	return rule->why;
}

void implied_rules(struct checker *checker)
{
	struct policy *policy = checker->policy;
	struct policy_rule *rules = reallocarray(policy->rules,
						 policy->rule_count + policy->service_count + 1,
						 sizeof(*rules));

	if (!rules) {
		checker->out_of_memory = true;
		return;
	}
	policy->rules = rules;
	for (size_t i = 0; i < policy->service_count && policy->rule_count < RULE_COUNT_MAX; i++) {
		if (!is_wanted(checker, i))
			continue;
		if (!rule_make(checker, i, &rules[policy->rule_count]))
			return;
		policy->rule_count++;
	}
}
