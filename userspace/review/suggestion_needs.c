/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What services need in turn, as the policies of the runs said: it is of no address that was reached, and a draft
 * without it would have the next report know of no loop through them.
 */
#include <errno.h>
#include <string.h>

#include "suggestion_private.h"

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

/* One that is in no record and no file: only its name is known. */
static void stand_in(struct drafting *drafting, const struct suggestion_need *need)
{
	struct draft *draft = drafting->draft;
	struct draft_service *service = draft_add(draft, string_at(drafting->suggestion, need->needs));

	if (!service || !suggestion_nets_stand_in(draft, service))
		return;
	service->verdict = VERDICT_DENY;
	service->unruled = !need->denied;
	draft_list_add(draft, &draft->stand_ins, service->name);
	tell_needed(draft, service, string_at(drafting->suggestion, need->service),
		    "; its address is not in the log: replace this one");
	drafting_note_origin(drafting, need->needs, draft->service_count - 1);
}

/* --- all of it ------------------------------------------------------------------------------ */

static void add_need(struct draft *draft, struct draft_service *service, const char *name)
{
	if (!strcmp(service->name, name))
		return;
	for (size_t i = 0; i < service->needs.count; i++)
		if (!strcmp(service->needs.items[i], name))
			return;
	draft_list_add(draft, &service->needs, name);
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

/* Adds to every service that the log calls as the one that needs, those that it calls as what is needed. */
static void connect_origins(struct drafting *drafting, const struct suggestion_need *need)
{
	struct draft *draft = drafting->draft;

	for (size_t i = 0; i < drafting->origin_count; i++) {
		const struct origin *by = &drafting->origins[i];

		for (size_t k = 0; by->name == need->service && k < drafting->origin_count; k++)
			if (drafting->origins[k].name == need->needs &&
			    draft_is_defined(&draft->services[by->service]))
				add_need(draft, &draft->services[by->service],
					 draft->services[drafting->origins[k].service].name);
	}
}

static void connect_known(struct drafting *drafting, const struct suggestion_need *need, const char *name)
{
	struct draft *draft = drafting->draft;

	if (need->denied)
		deny_known(drafting, name, string_at(drafting->suggestion, need->service));
	for (size_t i = 0; i < drafting->origin_count; i++)
		if (drafting->origins[i].name == need->service &&
		    draft_is_defined(&draft->services[drafting->origins[i].service]))
			add_need(draft, &draft->services[drafting->origins[i].service], name);
}

static void draft_need(struct drafting *drafting, const struct suggestion_need *need)
{
	const struct known *all = drafting->suggestion->known;
	size_t known = find_known(drafting, need->needs);
	bool met = has_origin(drafting, need->needs, false);

	if (!met && known < known_count(all)) {
		connect_known(drafting, need, known_at(all, known)->name);
		return;
	}
	if (!met)
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
