/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "suggestion_private.h"

/* Without a record of what was let pass, the default cannot deny what was not seen. */
static void choose_default(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;

	if (suggestion->no_room_net) {
		draft->default_net = VERDICT_AUDIT;
		draft->default_about = "deny, once there is a draft that has all that was reached";
	} else if (suggestion->by_default || (suggestion->by_rule && suggestion->default_denied)) {
		draft->default_net = VERDICT_DENY;
		draft->default_about = "what was not reached is not needed";
	} else {
		draft->default_net = VERDICT_AUDIT;
		draft->default_about =
			"deny, once there is a log of a run with record: all: this one has not what was "
			"let pass";
	}
}

void suggestion_draft(struct suggestion *suggestion, struct draft *draft)
{
	struct drafting drafting = { .suggestion = suggestion, .draft = draft,
				     .count = suggestion->object_count };
	int err;

	drafting.all = calloc(drafting.count + 1, sizeof(struct reached *));
	if (!drafting.all) {
		draft->failed = true;
		return;
	}
	for (size_t i = 0; i < drafting.count; i++)
		drafting.all[i] = &suggestion->objects[i];
	qsort_r(drafting.all, drafting.count, sizeof(*drafting.all), reached_by_object, suggestion);
	suggestion_note_head(&drafting);
	choose_default(&drafting);
	err = suggestion_known_services(&drafting) ?: suggestion_groups(&drafting, true) ?:
		suggestion_groups(&drafting, false) ?: suggestion_needs_draft(&drafting);
	if (!err)
		suggestion_nets_loopback(draft, suggestion->known);
	err = err ?: suggestion_aside(&drafting, CLASS_FILE, "files") ?:
		suggestion_aside(&drafting, CLASS_EXEC, "programs") ?:
		suggestion_aside(&drafting, CLASS_SOCKET, "sockets");
	suggestion_notes(&drafting);
	draft->failed |= err != 0;
	free(drafting.all);
	free(drafting.origins);
	intern_free(&drafting.folders);
}

size_t suggestion_denied(const struct suggestion *suggestion, const struct ruleset *image, struct text *out)
{
	size_t count = 0;

	for (size_t i = 0; i < suggestion->object_count; i++) {
		const struct reached *it = &suggestion->objects[i];
		uint8_t access = it->access[FATE_REACHED] | it->access[FATE_AUDITED];
		struct decision decision;

		if (it->fate != FATE_REACHED && it->fate != FATE_AUDITED)
			continue;
		decision = it->class == CLASS_NET ? image_decide_net(image, it->addr, it->port, it->proto) :
			image_decide_path(image, it->class, access, string_at(suggestion, it->path), NULL, 0);
		if (decision.verdict != VERDICT_DENY)
			continue;
		suggestion_append_object(out, suggestion, it);
		text_append_string(out, "\n");
		count++;
	}
	return count;
}
