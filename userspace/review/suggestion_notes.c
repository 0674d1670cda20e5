/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suggestion_private.h"

#define NAMED_DENIED 20			/* in the one about what stays denied */

void suggestion_append_object(struct text *out, const struct suggestion *suggestion,
			      const struct reached *reached)
{
	static const char *const protocols[] = { "/tcp", "/udp", "/other", "" };
	const char *path = string_at(suggestion, reached->path);
	char host[INET6_ADDRSTRLEN];
	bool v4;

	if (reached->class != CLASS_NET) {
		text_printable(out, path, strlen(path));
		return;
	}
	v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)reached->addr);
	inet_ntop(v4 ? AF_INET : AF_INET6, reached->addr + (v4 ? 12 : 0), host, sizeof(host));
	text_append_format(out, v4 ? "%s" : "[%s]", host);
	if (reached->proto != PROTO_NONE)
		text_append_format(out, ":%u%s", reached->port, protocols[reached->proto]);
}

static void note_denied(struct drafting *drafting)
{
	struct draft *draft = drafting->draft;
	size_t count = 0;

	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];
		struct text text = { 0 };
		char *by;

		if (it->class != CLASS_NET || it->fate != FATE_DEFAULT_DENIED || count++ >= NAMED_DENIED)
			continue;
		if (count == 1)
			draft_list_add(draft, &draft->notes, "Denied by the default, and given no rule:");
		by = drafting_about(drafting, &drafting->all[i], 1);
		suggestion_append_object(&text, drafting->suggestion, it);
		text_append(&text, "", 1);
		draft_list_format(draft, &draft->notes, "  %s  %s", text.data ?: "", by ?: "");
		draft->failed |= text.failed;
		text_free(&text);
		free(by);
	}
	if (count > NAMED_DENIED)
		draft_list_format(draft, &draft->notes, "  and %zu more", count - NAMED_DENIED);
}

static void note_stand_ins(struct draft *draft)
{
	if (draft->stand_ins.count)
		draft_list_add(draft, &draft->notes,
			       "Needed, but in no record, and so with an address for documentation (RFC 5737) in "
			       "the place of their own:");
	for (size_t i = 0; i < draft->stand_ins.count; i++)
		draft_list_format(draft, &draft->notes, "  %s", draft->stand_ins.items[i]);
}

static void note_rest(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;
	size_t freed = 0;

	if (suggestion->needs_cut)
		draft_list_add(draft, &draft->notes, "Services need more than the log has room for.");
	if (drafting->needs_cut)
		draft_list_format(draft, &draft->notes, "Of what a service needs, no more than %d are listed.",
				  DRAFTING_NEEDS_MAX);
	if (suggestion->waived)
		draft_list_format(draft, &draft->notes,
				  "%" PRIu64 " record%s passed by waivers, which this draft does not have. "
				  "Take them over from the policy:", suggestion->waived,
				  suggestion->waived == 1 ? "" : "s");
	for (uint32_t i = 0; i < suggestion->waivers.count; i++)
		draft_list_format(draft, &draft->notes, "  %s",
				  (const char *)intern_bytes(&suggestion->waivers, i));
	if (suggestion->more_waivers)
		draft_list_add(draft, &draft->notes, "  and more");
	for (size_t i = 0; i < drafting->count; i++)
		freed += drafting->all[i]->class != CLASS_NET &&
			drafting->all[i]->fate == FATE_DEFAULT_DENIED;
	if (freed)
		draft_list_format(draft, &draft->notes,
				  "%zu files, programs or sockets were denied by a default that this draft "
				  "does not have.", freed);
	if (suggestion->untold)
		draft_list_format(draft, &draft->notes,
				  "%" PRIu64 " records are of what no policy can name: addresses that "
					     "cannot be told (of raw "
				  "packets, say), half a path, bytes that are no UTF-8.", suggestion->untold);
}

static void name_runs(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;
	size_t runs = suggestion->runs.count;

	draft_list_format(draft, &draft->about, "A draft, made of %" PRIu64 " records of %s%zu run%s:",
			  suggestion->records, suggestion->more_runs ? "more than " : "", runs, runs == 1 ? "" : "s");
	for (size_t i = 0; i < runs && i < SUGGESTION_RUNS_NAMED; i++)
		draft_list_format(draft, &draft->about, "  %s", suggestion->run_names[i]);
	if (runs > SUGGESTION_RUNS_NAMED)
		draft_list_format(draft, &draft->about, "  and %zu more%s", runs - SUGGESTION_RUNS_NAMED,
				  suggestion->more_runs ? ", at least" : "");
}

void suggestion_note_head(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;

	name_runs(drafting);
	draft_list_add(draft, &draft->about,
		       "What a rule denied stays denied. Of a service that is no known one, it has what was "
		       "reached, and its neighbours.");
	if (!known_has_files(suggestion->known)) {
		draft_list_add(draft, &draft->about,
			       "No service file was found, such as the list of GitHub's addresses: of every service "
			       "it has");
		draft_list_add(draft, &draft->about,
			       "only what was reached. Install ringfence, or name their folder: --from-services DIR.");
	}
	if (suggestion_is_cut(suggestion))
		draft_list_format(draft, &draft->about,
				  "NOT COMPLETE: %" PRIu64 " records, %" PRIu64 " of them of addresses, are of more "
				  "objects than there is room for (%zu). Name fewer runs.", suggestion->no_room,
				  suggestion->no_room_net, suggestion->object_count);
}

void suggestion_notes(struct drafting *drafting)
{
	note_denied(drafting);
	note_stand_ins(drafting->draft);
	note_rest(drafting);
}
