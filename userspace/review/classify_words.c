/* SPDX-License-Identifier: BSD-2-Clause */
/* What breaks without a dependency, what to change, and the verdict on the run, in plain words. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classify_private.h"

#define LISTED_MAX 4			/* services that the verdict names */

/* How tools that are well known for asking somebody by themselves are told not to; by their manuals. */
static const struct silencer {
	const char *program, *how;
} silencers[] = {
	{ "pip", "pip has the option --disable-pip-version-check" },
	{ "pip3", "pip has the option --disable-pip-version-check" },
	{ "npm", "npm has the option --no-update-notifier, and --offline" },
	{ "npx", "npm has the option --no-update-notifier, and --offline" },
	{ "yarn", "yarn has the option --offline" },
	{ "cargo", "cargo has the option --offline" },
	{ "go", "go heeds GOFLAGS=-mod=vendor and GOPROXY=off in the environment" },
	{ "terraform", "terraform heeds CHECKPOINT_DISABLE=1 in the environment" },
	{ "packer", "packer heeds CHECKPOINT_DISABLE=1 in the environment" },
	{ "brew", "brew heeds HOMEBREW_NO_AUTO_UPDATE=1 in the environment" },
	{ "gh", "gh heeds GH_NO_UPDATE_NOTIFIER=1 in the environment" },
	{ "pulumi", "pulumi heeds PULUMI_SKIP_UPDATE_CHECK=true in the environment" },
	{ "dotnet", "dotnet heeds DOTNET_CLI_TELEMETRY_OPTOUT=1 in the environment" },
	{ "composer", "composer heeds COMPOSER_DISABLE_NETWORK=1 in the environment" },
	{ "gcloud", "gcloud heeds CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=1 in the environment" },
};

static const char *string_of(const json_t *value)
{
	const char *string = json_string_value(value);

	return string ? string : "";
}

static bool is_enforced_denial(const struct dependency *dependency)
{
	return dependency->reach->verdict == DEPS_DENY && dependency->reach->enforced &&
	       dependency->kind != KIND_TRANSIENT;
}

/* Whether that is something a host may lack, not an act that is forbidden. */
static bool is_thing(const struct dependency *dependency)
{
	return strcmp(dependency->reach->class, "kernel") && strcmp(dependency->reach->class, "fence");
}

enum thing {
	THING_SERVED,			/* at an address or a socket: somebody answers */
	THING_READ,
	THING_WRITTEN,
	THING_EXECUTED,
};

/* The names of files end with how they were opened. */
static bool is_written(const struct dependency *dependency)
{
	for (size_t i = 0; i < dependency->object_count; i++) {
		const char *how = strrchr(dependency->objects[i].name, '(');

		if (how && (!strcmp(how, "(write)") || !strcmp(how, "(read,write)")))
			return true;
	}
	return false;
}

/* What is reached for in turn is reached for by a service, of which nothing more is known. */
static enum thing thing_of(const struct dependency *dependency)
{
	const char *class = dependency->reach->class;

	if (dependency->kind == KIND_TRANSIENT)
		return THING_SERVED;
	if (!strcmp(class, "exec"))
		return THING_EXECUTED;
	if (!strcmp(class, "file"))
		return is_written(dependency) ? THING_WRITTEN : THING_READ;
	return THING_SERVED;
}

static void append_step(struct text *out, const struct deps *deps, const struct dependency *dependency)
{
	if (dependency->step < 0)
		text_append_string(out, "a step that is not known");
	else
		text_append_string(out, deps->steps[dependency->step].name);
}

/* --- what breaks -------------------------------------------------------------------------- */

static void append_status(struct text *out, const struct deps *deps)
{
	const json_t *status = json_object_get(deps->end, "status");

	if (!json_is_integer(status))
		text_append_string(out, ".");
	else if (!json_integer_value(status))
		text_append_string(out, ", and the deploy ended well: it gets along without.");
	else
		text_append_format(out, ", and the deploy ended with status %" JSON_INTEGER_FORMAT ".",
				   json_integer_value(status));
}

static void append_denied(struct text *out, const struct deps *deps, const struct dependency *dependency)
{
	const char *err = dependency->reach->err;

	text_append_format(out, "It was denied%s%s in this run", *err ? " with " : "", err);
	append_status(out, deps);
}

static void append_outage(struct text *out, const struct deps *deps, const struct dependency *dependency)
{
	enum thing thing = thing_of(dependency);
	bool down = *dependency->service && thing == THING_SERVED;

	text_append_string(out, down ? "While " : thing == THING_WRITTEN ? "Without writing to " : "Without ");
	text_append_string(out, dependency->what);
	text_append_string(out, down ? " is down, " : ", ");
	if (dependency->kind == KIND_TRANSIENT)
		text_append_format(out, "%s may have no answer, and with it ", dependency->via);
	append_step(out, deps, dependency);
	text_append_string(out, dependency->kind == KIND_HIDDEN && thing != THING_SERVED ?
			   " fails, or does without: nobody asked it to." : dependency->kind == KIND_HIDDEN ?
			   " fails or waits, though nobody asked it to go there." :
			   " fails, and the deploy with it unless it can go on without.");
}

static void append_forbidden(struct text *out, const struct deps *deps, const struct dependency *dependency)
{
	const char *err = dependency->reach->err;

	if (dependency->reach->verdict != DEPS_DENY) {
		text_append_string(out, "Nothing: it is allowed.");
		return;
	}
	text_append_string(out, "Enforced, ");
	append_step(out, deps, dependency);
	text_append_format(out, " is refused it%s%s.", *err ? " with " : "", err);
}

static void append_breaks(struct text *out, const struct deps *deps, const struct dependency *dependency)
{
	if (dependency->reach->more && dependency->kind == KIND_UNDECIDED)
		text_append_string(out, "What breaks without them is not looked at one by one.");
	else if (is_enforced_denial(dependency))
		append_denied(out, deps, dependency);
	else if (is_thing(dependency))
		append_outage(out, deps, dependency);
	else
		append_forbidden(out, deps, dependency);
}

/* --- what to change ----------------------------------------------------------------------- */

static bool has_arg(const struct deps_step *step, const char *arg)
{
	const json_t *other;
	size_t i;

	json_array_foreach(step->args, i, other)
		if (!strcmp(string_of(other), arg))
			return true;
	return false;
}

/* Whether a step, or what it started, reached for it. */
static bool has_reached(const struct deps *deps, int step, const char *what)
{
	for (size_t i = 0; i < deps->reach_count; i++)
		if (!strcmp(deps->reaches[i].what, what) && deps_own_step(deps, deps->reaches[i].step) == step)
			return true;
	return false;
}

/* An option that the same program was given by another step, which did without; or "". */
static const char *known_option(const struct deps *deps, const struct dependency *dependency)
{
	const struct deps_step *step = &deps->steps[dependency->step];

	for (size_t i = 0; i < deps->step_count; i++) {
		const struct deps_step *other = &deps->steps[i];
		const json_t *arg;
		size_t k;

		if ((int)i == dependency->step || !other->own || strcmp(other->name, step->name) ||
		    has_reached(deps, i, dependency->what))
			continue;
		json_array_foreach(other->args, k, arg)
			if (string_of(arg)[0] == '-' && !has_arg(step, string_of(arg)))
				return string_of(arg);
	}
	return "";
}

static const char *known_silencer(const char *program)
{
	for (size_t i = 0; i < sizeof(silencers) / sizeof(silencers[0]); i++)
		if (!strcmp(silencers[i].program, program))
			return silencers[i].how;
	return NULL;
}

static void append_switch(struct text *out, const struct deps *deps, const struct dependency *dependency)
{
	const char *name, *option, *how;

	name = deps->steps[dependency->step].name;
	option = known_option(deps, dependency);
	how = known_silencer(name);
	text_append_format(out, "Switch off what %s does by itself, an update check or the like", name);
	if (*option)
		text_append_format(out, ": another step calls it with %s, and did without", option);
	else if (how)
		text_append_format(out, ": %s", how);
	text_append_string(out, ".");
}

/* Files and programs have no mirror, and are not down. */
static void append_thing(struct text *out, const struct dependency *dependency)
{
	const char *what = dependency->what;

	switch (thing_of(dependency)) {
	case THING_READ:
		text_append_format(out, "Have another copy of %s where the deploy may read, or allow it.", what);
		break;
	case THING_WRITTEN:
		text_append_format(out, "Write elsewhere than to %s, or allow it.", what);
		break;
	case THING_EXECUTED:
		text_append_format(out, "Do without %s, or use another program, or allow it.", what);
		break;
	case THING_SERVED:
		break;
	}
}

static void append_direct(struct text *out, const struct deps *deps, const struct dependency *dependency)
{
	text_append_string(out, "Take it from a mirror that does not need ");
	text_append_string(out, dependency->what);
	text_append_string(out, ", or ship it with the deploy, so that ");
	append_step(out, deps, dependency);
	text_append_string(out, " need not ask for it.");
}

static void append_transient(struct text *out, const struct dependency *dependency)
{
	text_append_format(out, "Remove the need of %s for %s, have it answer from a cache, or deny the call to %s: "
			   "the deploy has to do without what needs %s.", dependency->via, dependency->what,
			   dependency->via, dependency->what);
}

/* A service that is not denied itself, but needs one that is. */
static void append_needy(struct text *out, const struct dependency *dependency)
{
	size_t size = json_array_size(dependency->loop);

	text_append_format(out, "Remove its need for %s, have it answer from a cache, or deny it as well.",
			   string_of(json_array_get(dependency->loop, size ? size - 1 : 0)));
}

static void append_harmless(struct text *out, const struct dependency *dependency)
{
	if (!is_thing(dependency))
		text_append_string(out, dependency->reach->verdict == DEPS_DENY ?
				   "See whether the deploy can do without: behind a fence it has to." :
				   "Nothing.");
	else if (dependency->reach->verdict == DEPS_DENY)
		text_append_string(out, "Remove it, or name it in the policy and allow it, if the deploy may depend "
				   "on it.");
	else
		text_append_string(out, "Nothing, as long as the deploy may depend on it.");
	if (dependency->handoff)
		text_append_format(out, " What %s needs in turn belongs into the policy (needs:), or behind a fence "
				   "of its own.", dependency->reach->peer_pid ? "the process at the other end" :
				   "a process that accepts there");
}

static void append_suggestion(struct text *out, const struct deps *deps, const struct dependency *dependency)
{
	if (dependency->reach->more && dependency->kind == KIND_UNDECIDED)
		text_append_string(out, "Look at them with ringfence log, or let the policy record less.");
	else if (dependency->kind == KIND_UNDECIDED)
		text_append_string(out, "Run the deploy again where no records are lost, to learn which step it is.");
	else if (!dependency->loop)
		append_harmless(out, dependency);
	else if (dependency->kind == KIND_TRANSIENT)
		append_transient(out, dependency);
	else if (json_array_size(dependency->loop) > 1)
		append_needy(out, dependency);
	else if (thing_of(dependency) != THING_SERVED)
		append_thing(out, dependency);
	else if (dependency->kind == KIND_HIDDEN && dependency->step >= 0)
		append_switch(out, deps, dependency);
	else
		append_direct(out, deps, dependency);
}

/* --- the verdict -------------------------------------------------------------------------- */

/* Whether it is a dependency on what is denied, not on what needs that: one way, and not two, of reaching it. */
static bool is_way(const struct dependency *dependency)
{
	size_t size = json_array_size(dependency->loop);

	return size && !strcmp(string_of(json_array_get(dependency->loop, size - 1)), dependency->what);
}

/* "github and registry". Returns how many there are. */
static size_t append_denied_services(struct text *out, const struct classified *classified)
{
	const char *names[LISTED_MAX];
	size_t count = 0, more = 0;

	for (size_t i = 0; i < classified->count; i++) {
		const char *name = classified->list[i].what;
		size_t k = 0;

		while (k < count && strcmp(names[k], name))
			k++;
		if (!is_way(&classified->list[i]) || k < count)
			continue;
		if (count < LISTED_MAX)
			names[count++] = name;
		else
			more++;
	}
	for (size_t i = 0; i < count; i++)
		text_append_format(out, "%s%s", !i ? "" : i + 1 < count || more ? ", " : " and ", names[i]);
	if (more)
		text_append_string(out, " and others");
	return count + more;
}

/* "in 3 ways: 2 direct, 1 hidden" */
static void append_kinds(struct text *out, const struct classified *classified)
{
	uint64_t counts[KIND_COUNT] = { 0 }, total = 0;
	const char *comma = "";

	for (size_t i = 0; i < classified->count; i++)
		if (is_way(&classified->list[i])) {
			counts[classified->list[i].kind]++;
			total++;
		}
	if (total == 1)
		text_append_string(out, "in one way, ");
	else
		text_append_format(out, "in %" PRIu64 " ways: ", total);
	for (enum dependency_kind kind = 0; kind < KIND_COUNT; kind++) {
		if (!counts[kind])
			continue;
		if (total > 1)
			text_append_format(out, "%s%" PRIu64 " ", comma, counts[kind]);
		text_append_string(out, kind_name(kind));
		comma = ", ";
	}
}

/* What a run that was denied something shows of how it would fare in an outage. */
static void append_outcome(struct text *out, const struct deps *deps, const struct classified *classified)
{
	const json_t *status = json_object_get(deps->end, "status");
	uint64_t untried = 0;

	if (!deps->denied || !json_is_integer(status))
		return;
	if (json_integer_value(status)) {
		text_append_format(out, " Denied that, it ended with status %" JSON_INTEGER_FORMAT ".",
				   json_integer_value(status));
		return;
	}
	for (size_t i = 0; i < classified->count; i++)
		untried += is_way(&classified->list[i]) && !is_enforced_denial(&classified->list[i]);
	text_append_string(out, " It ended well without what it was denied");
	if (untried)
		text_append_format(out, "; %" PRIu64 " of these %s not denied, and so not put to the test", untried,
				   untried == 1 ? "was" : "were");
	text_append_string(out, ".");
}

static void append_loops(struct text *out, const struct deps *deps, const struct classified *classified)
{
	size_t count;

	text_append_string(out, "This deploy must do without ");
	count = append_denied_services(out, classified);
	text_append_format(out, ", and reaches for %s ", count == 1 ? "it" : "them");
	append_kinds(out, classified);
	text_append_string(out, ".");
	append_outcome(out, deps, classified);
}

static void append_no_loop(struct text *out, const struct deps *deps)
{
	uint64_t denied = deps->denied + deps->would_deny;

	if (!deps->records) {
		text_append_string(out, "The log has no record of anything that this run reached for.");
		return;
	}
	text_append_string(out, "No loop was seen: nothing that was reached for is a service that the deploy must do "
			   "without.");
	if (denied)
		text_append_format(out, " %" PRIu64 " of its attempts %s denied without a rule for a service.", denied,
				   !deps->denied ? "would have been" : deps->would_deny ? "were or would have been" :
				   denied == 1 ? "was" : "were");
}

static char *string_from(struct text *text)
{
	text_append(text, "", 1);
	if (text->failed)
		text_free(text);
	return text->data;
}

int classify_words(const struct deps *deps, struct classified *classified)
{
	struct text sentence = { 0 };

	for (size_t i = 0; i < classified->count; i++) {
		struct dependency *dependency = &classified->list[i];
		struct text breaks = { 0 }, suggestion = { 0 };

		append_breaks(&breaks, deps, dependency);
		append_suggestion(&suggestion, deps, dependency);
		dependency->breaks = string_from(&breaks);
		dependency->suggestion = string_from(&suggestion);
		if (!dependency->breaks || !dependency->suggestion)
			return -ENOMEM;
	}
	if (classified->loop)
		append_loops(&sentence, deps, classified);
	else
		append_no_loop(&sentence, deps);
	classified->sentence = string_from(&sentence);
	return classified->sentence ? 0 : -ENOMEM;
}
