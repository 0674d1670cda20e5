/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "implied.h"

#define IMPLIED_FILE "handoff.yaml"
#define IMPLIED_WHY "handed to a process outside the run"

/* The text of the file, as it is installed for people to read. */
__asm__(".section .rodata\n"
	"implied_text:\n"
	".incbin \"policy/services/" IMPLIED_FILE "\"\n"
	"implied_text_end:\n"
	".previous\n");
extern const char implied_text[], implied_text_end[];

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
		defined->implied = defined->included;
		policy_service_free(service);
	}
	memset(policy->services + kept, 0, (policy->service_count - kept) * sizeof(*policy->services));
	policy->service_count = kept;
}

void implied_services(struct checker *checker)
{
	const char *name = diags_file(checker->diags, IMPLIED_FILE);
	struct source source = source_make(name, implied_text,
					   (size_t)(implied_text_end - implied_text));
	size_t from = checker->policy->service_count;

	checker->implied = true;
	services_include(checker, source);
	checker->implied = false;
	leave_out_defined(checker->policy, from);
}

static bool rule_make(struct checker *checker, size_t service, struct policy_rule *rule)
{
	const struct policy_service *of = &checker->policy->services[service];

	*rule = (struct policy_rule){
		.where = of->where,
		.verdict = VERDICT_AUDIT,
		.err = EPERM,
		.access = of->file_count ? ACCESS_WRITE : ACCESS_READ | ACCESS_WRITE,
		.why = strdup(IMPLIED_WHY),
		.service = service,
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
		if (!policy->services[i].implied || checker->states[i].used)
			continue;
		if (!rule_make(checker, i, &rules[policy->rule_count]))
			return;
		policy->rule_count++;
	}
}
