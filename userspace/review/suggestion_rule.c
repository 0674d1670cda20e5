/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "suggestion_private.h"

#define NAMED_STEPS 4

static int by_count(const void *a, const void *b, void *ctx)
{
	const struct reached_step *one = a, *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	return strcmp(string_at(ctx, one->name), string_at(ctx, other->name));
}

static void count_step(struct reached_step *steps, size_t max, uint64_t *others, struct reached_step step)
{
	for (size_t i = 0; i < max; i++)
		if (!steps[i].count || steps[i].name == step.name) {
			steps[i].name = step.name;
			steps[i].count += step.count;
			return;
		}
	*others += step.count;
}

char *drafting_about(const struct drafting *drafting, struct reached *const *objects, size_t count)
{
	struct reached_step steps[4 * NAMED_STEPS] = { 0 };
	uint64_t times = 0, others = 0;
	struct text text = { 0 };
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		times += objects[i]->count;
		others += objects[i]->other_steps;
		for (size_t k = 0; k < REACHED_STEPS && objects[i]->steps[k].count; k++)
			count_step(steps, 4 * NAMED_STEPS, &others, objects[i]->steps[k]);
	}
	while (used < 4 * NAMED_STEPS && steps[used].count)
		used++;
	qsort_r(steps, used, sizeof(*steps), by_count, drafting->suggestion);
	text_append_format(&text, times == 1 ? "once" : "%" PRIu64 " times", times);
	for (size_t i = 0; i < used && i < NAMED_STEPS; i++) {
		text_append_format(&text, "%s%s", i ? ", " : used == 1 && !others ? ", by " : ": ",
				   string_at(drafting->suggestion, steps[i].name));
		if (used > 1 || others)
			text_append_format(&text, " %" PRIu64, steps[i].count);
	}
	for (size_t i = NAMED_STEPS; i < used; i++)
		others += steps[i].count;
	if (others)
		text_append_format(&text, ", others %" PRIu64, others);
	text_append(&text, "", 1);
	drafting->draft->failed |= text.failed;
	return text.data;
}

void drafting_note_origin(struct drafting *drafting, uint32_t name, size_t service)
{
	size_t count = drafting->origin_count;
	struct origin *origins = drafting->origins;

	/* Those of a service stand together, at the end. */
	for (size_t i = count; i && origins[i - 1].service == service; i--)
		if (origins[i - 1].name == name)
			return;
	if (!(count & (count - 1)))
		origins = reallocarray(origins, count ? 2 * count : 1, sizeof(*origins));
	if (!origins) {
		drafting->draft->failed = true;
		return;
	}
	origins[count] = (struct origin){ name, service };
	drafting->origins = origins;
	drafting->origin_count++;
}

void drafting_add_rule(void *ctx, struct draft_service *service, struct reached **objects, size_t count)
{
	static const enum verdict verdicts[] = {
		[FATE_DEFAULT_DENIED] = VERDICT_DENY, [FATE_REACHED] = VERDICT_ALLOW,
		[FATE_AUDITED] = VERDICT_AUDIT,
		[FATE_DENIED] = VERDICT_DENY,
	};
	struct drafting *drafting = ctx;

	static_assert(sizeof(verdicts) / sizeof(*verdicts) == FATE_COUNT, "a verdict per fate");
	if (!service)
		return;
	service->about = drafting_about(drafting, objects, count);
	service->verdict = verdicts[objects[0]->fate];
	service->err = objects[0]->err;
	service->access = reached_access_meant(objects[0]);
	if (objects[0]->fate >= FATE_AUDITED)
		service->why = strdup(string_at(drafting->suggestion, objects[0]->why));
	for (size_t i = 0; i < count; i++) {
		objects[i]->done = true;
		drafting_note_origin(drafting, objects[i]->service, service - drafting->draft->services);
	}
}

bool drafting_includes(const struct draft *draft, const struct known_service *service)
{
	if (service->implied)
		return true;
	for (size_t i = 0; i < draft->includes.count; i++)
		if (!strcmp(draft->includes.items[i], service->include))
			return true;
	return false;
}

void drafting_include(struct drafting *drafting, size_t known)
{
	const struct known *all = drafting->suggestion->known;
	const struct known_service *service = known_at(all, known);
	size_t need;

	if (drafting_includes(drafting->draft, service) || drafting->draft->failed)
		return;
	draft_list_add(drafting->draft, &drafting->draft->includes, service->include);
	for (size_t i = 0; i < known_count(all); i++) {
		if (known_at(all, i)->implied || strcmp(known_at(all, i)->include, service->include))
			continue;
		for (size_t k = 0; (need = known_need(all, i, k)) < known_count(all); k++)
			drafting_include(drafting, need);
	}
}
