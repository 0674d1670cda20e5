/* SPDX-License-Identifier: BSD-2-Clause */
#include "outage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../base/text.h"

#define OUTAGE_ERRNO EHOSTUNREACH

struct outage {
	struct policy *policy;
	struct diags diags;		/* lives as long: the policy's places are in its files */
	struct diags *found;		/* the same for each service that was looked for, */
	size_t found_count;		/* so many */
	const char *const *down;
	size_t down_count;
	struct ruleset *image, *image_here;
	bool here_tried;
};

/* --- which service -------------------------------------------------------------------------- */

static bool find_service(const struct policy *policy, const char *name, size_t *ret_service)
{
	for (size_t i = 0; i < policy->service_count; i++)
		if (!strcmp(policy->services[i].name, name)) {
			*ret_service = i;
			return true;
		}
	return false;
}

/* Moves a service to the end of those of @to. The names of its files must live as long as @to. */
static int move_service(struct policy *from, size_t service, struct policy *to)
{
	struct policy_service *services = reallocarray(to->services, to->service_count + 1,
						       sizeof(*services));

	if (!services)
		return -ENOMEM;
	to->services = services;
	services[to->service_count] = from->services[service];
	services[to->service_count++].included = true;
	memmove(&from->services[service], &from->services[service + 1],
		(from->service_count - service - 1) * sizeof(*from->services));
	from->service_count--;
	return 0;
}

/* Looks for it where the policy would find its service file. Returns 0, -ENOENT or -ENOMEM. */
static int borrow_service(struct outage *outage, const char *name)
{
	struct diags *diags = &outage->found[outage->found_count++];
	struct policy *borrowed = NULL;
	struct text text = { 0 };
	size_t service;
	int err;

	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
		return -ENOENT;
	text_append_format(&text, "tag: t\ninclude: [\"%s\"]\n", name);
	err = text.failed ? -ENOMEM :
		policy_parse(outage->policy->file, text.data, text.size, path_services, diags, &borrowed);
	text_free(&text);
	if (!err && !find_service(borrowed, name, &service))
		err = -ENOENT;
	if (!err)
		err = move_service(borrowed, service, outage->policy);
	policy_free(borrowed);
	return err == -ENOMEM ? err : err ? -ENOENT : 0;
}

static int tell_unknown(const struct policy *policy, const char *name)
{
	const char **words = calloc(policy->service_count + 1, sizeof(*words));
	const char *near;

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < policy->service_count; i++)
		words[i] = policy->services[i].name;
	near = diag_nearest(name, words);
	say("--service-down %s: %s has no such service", name, policy->file);
	if (near)
		say_remedy("did you mean \"%s\"?", near);
	else
		say_remedy("define it there, or put its service file into %s", path_services[0]);
	free(words);
	return -EINVAL;
}

/* --- its rule ------------------------------------------------------------------------------- */

static void drop_rule(struct policy *policy, size_t rule)
{
	free(policy->rules[rule].why);
	memmove(&policy->rules[rule], &policy->rules[rule + 1],
		(policy->rule_count - rule - 1) * sizeof(*policy->rules));
	policy->rule_count--;
}

/* Puts a denial in front of all rules; those that spoke of the service before go. It stands, in the
 * file, where the first of them stood, or the service. */
static int deny_service(struct policy *policy, size_t service)
{
	struct policy_rule rule = {
		.where = policy->services[service].where,
		.verdict = VERDICT_DENY,
		.err = OUTAGE_ERRNO,
		.access = ACCESS_READ | ACCESS_WRITE,
		.service = service,
	};
	struct policy_rule *rules = reallocarray(policy->rules, policy->rule_count + 1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	policy->rules = rules;
	for (size_t i = policy->rule_count; i--; ) {
		if (rules[i].service != service)
			continue;
		rule.where = rules[i].where;
		drop_rule(policy, i);
	}
	if (asprintf(&rule.why, "%s is down, in this rehearsal", policy->services[service].name) < 0)
		return -ENOMEM;
	memmove(rules + 1, rules, policy->rule_count * sizeof(*rules));
	rules[0] = rule;
	policy->rule_count++;
	return 0;
}

/* Nobody reaches it by a waiver, either. */
static void drop_waivers(struct policy *policy, size_t service)
{
	size_t kept = 0;

	for (size_t i = 0; i < policy->waiver_count; i++) {
		struct policy_waiver *waiver = &policy->waivers[i];

		if (waiver->service != service) {
			policy->waivers[kept++] = *waiver;
			continue;
		}
		free(waiver->exec);
		free(waiver->owner);
		free(waiver->why);
	}
	policy->waiver_count = kept;
}

static int take_down(struct outage *outage, const char *name)
{
	struct policy *policy = outage->policy;
	size_t service;
	int err = 0;

	if (!find_service(policy, name, &service))
		err = borrow_service(outage, name);
	if (err == -ENOENT)
		return tell_unknown(policy, name);
	if (err || !find_service(policy, name, &service))
		return err ?: -ENOMEM;
	drop_waivers(policy, service);
	return deny_service(policy, service);
}

/* --- the whole ------------------------------------------------------------------------------ */

static int compile(struct outage *outage, const char *path, const char *const *down, size_t count)
{
	int err = policy_read(path, path_services, &outage->diags, &outage->policy);

	outage->down = down;
	outage->down_count = count;
	for (size_t i = 0; !err && i < count; i++) {
		err = take_down(outage, down[i]);
		if (err)
			return err == -EINVAL ? err : (say_errno(err, "%s", path), err);
	}
	if (!err)
		err = policy_compile(outage->policy, NULL, 1, &outage->diags, &outage->image);
	diags_print(&outage->diags, stderr, *verb_style(stderr)->reset);
	if (err && !outage->diags.errors)
		say_errno(err, "%s", path);
	return err;
}

int outage_open(const char *path, const char *const *down, size_t count, struct outage **ret_outage)
{
	struct outage *outage = calloc(1, sizeof(*outage));
	int err = -ENOMEM;

	if (outage)
		outage->found = calloc(count + 1, sizeof(*outage->found));
	if (!outage || !outage->found)
		say_errno(err, "%s", path);
	else
		err = compile(outage, path, down, count);
	if (err)
		outage_close(outage);
	else
		*ret_outage = outage;
	return err;
}

bool outage_is_down(void *ctx, const char *service)
{
	const struct outage *outage = ctx;

	for (size_t i = 0; i < outage->down_count; i++)
		if (!strcmp(outage->down[i], service))
			return true;
	return false;
}

const struct ruleset *outage_image(const struct outage *outage)
{
	return outage->image;
}

/* What is at fault only here, where two paths turn out to be one file, is no matter of what was recorded. */
const struct ruleset *outage_image_here(void *ctx)
{
	struct outage *outage = ctx;
	struct diags diags = { 0 };

	if (!outage->here_tried)
		policy_compile(outage->policy, &path_resolver_system, 1, &diags, &outage->image_here);
	outage->here_tried = true;
	diags_free(&diags);
	return outage->image_here;
}

void outage_close(struct outage *outage)
{
	if (!outage)
		return;
	policy_free(outage->policy);
	for (size_t i = 0; i < outage->found_count; i++)
		diags_free(&outage->found[i]);
	diags_free(&outage->diags);
	free(outage->found);
	free(outage->image);
	free(outage->image_here);
	free(outage);
}
