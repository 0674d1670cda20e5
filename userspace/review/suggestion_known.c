/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suggestion_private.h"

static bool is_of(const struct drafting *drafting, const struct reached *reached, size_t known)
{
	const struct known_service *service = known_at(drafting->suggestion->known, known);

	if (reached->known != known || reached->fate == FATE_DEFAULT_DENIED)
		return false;
	/* What every policy has, it has with a rule: only what another rule said of it needs one. */
	return !service->implied || !strcmp(string_at(drafting->suggestion, reached->service), service->name);
}

/* What is to become of a service, by what happened to it most of all: NULL where nothing did. */
static struct reached *outcome_of_service(const struct drafting *drafting, size_t known)
{
	struct reached *found = NULL;

	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		if (!is_of(drafting, it, known))
			continue;
		if (!found || it->fate > found->fate ||
		    (it->fate == found->fate && it->err != found->err && it->count > found->count))
			found = it;
	}
	return found;
}

static bool goes_with(const struct reached *reached, const struct reached *outcome)
{
	if (outcome->fate == FATE_DENIED)
		return reached->fate == FATE_DENIED && reached->err == outcome->err && !reached_access_meant(reached);
	return reached->fate != FATE_DENIED;
}

/* Puts the one that decides first, for its rule, and the others that go the same way. Returns how many;
 * 0 where one of those that do not cannot be made an exception, which has to be more specific. */
static size_t find_members(const struct drafting *drafting, size_t known, struct reached *outcome,
			   struct reached **members)
{
	size_t count = 0;

	members[count++] = outcome;
	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		if (it == outcome || !is_of(drafting, it, known))
			continue;
		if (goes_with(it, outcome))
			members[count++] = it;
		else if (it->known_exact || reached_access_meant(it))
			return 0;
	}
	return count;
}

static void mark_exceptions(const struct drafting *drafting, size_t known, const struct reached *outcome)
{
	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		it->exception |= is_of(drafting, it, known) && !goes_with(it, outcome) && it != outcome;
	}
}

static int draft_known(struct drafting *drafting, size_t known, struct reached **members)
{
	const struct known_service *service = known_at(drafting->suggestion->known, known);
	struct reached *outcome = outcome_of_service(drafting, known);
	struct draft *draft = drafting->draft;
	size_t count;

	count = outcome ? find_members(drafting, known, outcome, members) : 0;
	if (!count)
		return 0;
	mark_exceptions(drafting, known, outcome);
	/* As it is without a word. */
	if (service->implied && outcome->fate != FATE_DENIED &&
	    service->verdict == (outcome->fate == FATE_AUDITED ? VERDICT_AUDIT : VERDICT_ALLOW)) {
		for (size_t i = 0; i < count; i++)
			members[i]->done = true;
		return 0;
	}
	drafting_include(drafting, known);
	drafting_add_rule(drafting, draft_refer(draft, service->name), members, count);
	return draft->failed ? -ENOMEM : 0;
}

static int by_known_name(const void *a, const void *b, void *ctx)
{
	return strcmp(known_at(ctx, *(const size_t *)a)->name, known_at(ctx, *(const size_t *)b)->name);
}

int suggestion_known_services(struct drafting *drafting)
{
	const struct known *known = drafting->suggestion->known;
	size_t count = known_count(known), *order = calloc(count + 1, sizeof(*order));
	struct reached **members = calloc(drafting->count + 1, sizeof(struct reached *));
	bool *met = calloc(count + 1, sizeof(*met));
	int err = order && members && met ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < drafting->count; i++)
		met[drafting->all[i]->known] = true;
	for (size_t i = 0; !err && i < count; i++)
		order[i] = i;
	if (!err && count)
		qsort_r(order, count, sizeof(*order), by_known_name, (void *)known);
	for (size_t i = 0; !err && i < count; i++)
		if (met[order[i]])
			err = draft_known(drafting, order[i], members);
	if (!err)
		suggestion_needs_include(drafting);
	for (size_t i = 0; !err && i < count; i++)
		if (drafting_includes(drafting->draft, known_at(known, i)))
			draft_take_name(drafting->draft, known_at(known, i)->name);
	free(order);
	free(members);
	free(met);
	return err;
}
