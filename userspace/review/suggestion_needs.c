/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What services need in turn, as the policies of the runs said: it is of no address that was reached, and a draft
 * without it would have the next report know of no loop through them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "suggestion_private.h"

#define RANGE_SIZE (INET6_ADDRSTRLEN + 4)

/* --- what is needed, and was not reached ---------------------------------------------------- */

static bool is_reached(const struct drafting *drafting, uint32_t name)
{
	for (size_t i = 0; i < drafting->count; i++)
		if (drafting->all[i]->service == name && drafting->all[i]->fate != FATE_DEFAULT_DENIED)
			return true;
	return false;
}

static size_t find_known(const struct drafting *drafting, uint32_t name)
{
	return known_named(drafting->suggestion->known, string_at(drafting->suggestion, name));
}

/* What is needed by what was reached, and by what that needs in turn. */
static void mark_needed(const struct drafting *drafting, bool ret_needed[SUGGESTION_NEEDS_MAX])
{
	const struct suggestion *suggestion = drafting->suggestion;
	const struct suggestion_need *needs = suggestion->needs;

	for (size_t i = 0; i < suggestion->need_count; i++)
		ret_needed[i] = is_reached(drafting, needs[i].service);
	for (bool more = true; more; ) {
		more = false;
		for (size_t i = 0; i < suggestion->need_count * suggestion->need_count; i++) {
			size_t by = i / suggestion->need_count, at = i % suggestion->need_count;

			if (ret_needed[at] || !ret_needed[by] || needs[by].needs != needs[at].service)
				continue;
			ret_needed[at] = more = true;
		}
	}
}

void suggestion_needs_include(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	bool needed[SUGGESTION_NEEDS_MAX] = { false };
	size_t known;

	mark_needed(drafting, needed);
	for (size_t i = 0; i < suggestion->need_count; i++) {
		if (!needed[i] || is_reached(drafting, suggestion->needs[i].needs))
			continue;
		known = find_known(drafting, suggestion->needs[i].needs);
		if (known < known_count(suggestion->known))
			drafting_include(drafting, known);
	}
}

/* --- what is not there yet ------------------------------------------------------------------ */

static bool has_service(const struct draft *draft, const char *name)
{
	for (size_t i = 0; i < draft->service_count; i++)
		if (!strcmp(draft->services[i].name, name))
			return true;
	return false;
}

/* "needed by releases" */
static void tell_needed(struct draft *draft, struct draft_service *service, const char *by, const char *more)
{
	struct text text = { 0 };

	text_append_format(&text, "needed by %s%s", by, more);
	text_append(&text, "", 1);
	draft->failed |= text.failed;
	service->about = text.data;
}

/* A known one that a rule denies, and nothing came to: it stays denied. */
static void deny_known(struct drafting *drafting, const char *name, const char *by)
{
	struct draft *draft = drafting->draft;
	struct draft_service *service = has_service(draft, name) ? NULL : draft_refer(draft, name);

	if (!service)
		return;
	service->verdict = VERDICT_DENY;
	tell_needed(draft, service, by, ", and denied: nothing came to it");
}

/* Without an address it would be no service. */
static void leave_out(struct drafting *drafting, const struct suggestion_need *need)
{
	struct draft *draft = drafting->draft;

	drafting->none_free = true;
	draft_list_format(draft, &draft->notes,
			  "%s needs %s, which is in no record; no address is left that could stand in for it.",
			  string_at(drafting->suggestion, need->service),
			  string_at(drafting->suggestion, need->needs));
}

/* One that is in no record and no file: only its name is known. */
static void stand_in(struct drafting *drafting, const struct suggestion_need *need)
{
	struct draft *draft = drafting->draft;
	struct draft_service *service;
	char range[RANGE_SIZE];

	if (drafting->none_free || !suggestion_nets_free(draft, range, sizeof(range))) {
		leave_out(drafting, need);
		return;
	}
	service = draft_add(draft, string_at(drafting->suggestion, need->needs));
	if (!service)
		return;
	draft_list_add(draft, &service->nets, range);
	service->verdict = VERDICT_DENY;
	service->unruled = !need->denied;
	draft_list_add(draft, &draft->stand_ins, service->name);
	tell_needed(draft, service, string_at(drafting->suggestion, need->service),
		    "; its address is not in the log: replace this one");
	drafting_note_origin(drafting, need->needs, draft->service_count - 1);
}

/* --- all of it ------------------------------------------------------------------------------ */

/* Returns false where there is no room for it. */
static bool add_need(struct drafting *drafting, struct draft_service *service, const char *name)
{
	if (!strcmp(service->name, name))
		return true;
	for (size_t i = 0; i < service->needs.count; i++)
		if (!strcmp(service->needs.items[i], name))
			return true;
	if (service->needs.count == DRAFTING_NEEDS_MAX) {
		drafting->needs_cut = true;
		return false;
	}
	draft_list_add(drafting->draft, &service->needs, name);
	return true;
}

/* Whether the draft itself defines a service that the log calls @name. */
static bool has_origin(const struct drafting *drafting, uint32_t name, bool defined)
{
	for (size_t i = 0; i < drafting->origin_count; i++)
		if (drafting->origins[i].name == name &&
		    (!defined || draft_is_defined(&drafting->draft->services[drafting->origins[i].service])))
			return true;
	return false;
}

/* Adds services of those names to every one that the log calls as the one that needs. */
static void connect_all(struct drafting *drafting, const struct suggestion_need *need, const char *const *names,
			size_t count)
{
	for (size_t i = 0; i < drafting->origin_count; i++) {
		struct draft_service *by = &drafting->draft->services[drafting->origins[i].service];

		if (drafting->origins[i].name != need->service || !draft_is_defined(by))
			continue;
		for (size_t k = 0; k < count && add_need(drafting, by, names[k]); k++)
			;
	}
}

/* Those that the log calls as what is needed: one more than there is room for, so that it is told. */
static void connect_origins(struct drafting *drafting, const struct suggestion_need *need)
{
	const char *names[DRAFTING_NEEDS_MAX + 2];	/* one of them may be the service itself */
	size_t count = 0;

	for (size_t i = 0; i < drafting->origin_count && count < sizeof(names) / sizeof(*names); i++)
		if (drafting->origins[i].name == need->needs)
			names[count++] = drafting->draft->services[drafting->origins[i].service].name;
	connect_all(drafting, need, names, count);
}

static void connect_known(struct drafting *drafting, const struct suggestion_need *need, const char *name)
{
	if (need->denied)
		deny_known(drafting, name, string_at(drafting->suggestion, need->service));
	connect_all(drafting, need, &name, 1);
}

/* What was reached need have no rule, and so no service: where the default lets it pass. */
static void draft_need(struct drafting *drafting, const struct suggestion_need *need)
{
	const struct known *all = drafting->suggestion->known;
	size_t known = find_known(drafting, need->needs);
	bool met = has_origin(drafting, need->needs, false);

	if (!met && known < known_count(all) && drafting_includes(drafting->draft, known_at(all, known))) {
		connect_known(drafting, need, known_at(all, known)->name);
		return;
	}
	if (!met && is_reached(drafting, need->needs))
		drafting->draft->failed |= suggestion_group_unruled(drafting, need->needs) != 0;
	else if (!met)
		stand_in(drafting, need);
	connect_origins(drafting, need);
}

int suggestion_needs_draft(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	bool done[SUGGESTION_NEEDS_MAX] = { false };

	/* What stands in for a service may need others. */
	for (bool more = true; more; ) {
		more = false;
		for (size_t i = 0; i < suggestion->need_count; i++) {
			if (done[i] || !has_origin(drafting, suggestion->needs[i].service, true))
				continue;
			done[i] = more = true;
			draft_need(drafting, &suggestion->needs[i]);
		}
	}
	return drafting->draft->failed ? -ENOMEM : 0;
}
