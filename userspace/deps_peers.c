/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the processes outside of the run that accepted something from it did meanwhile: a service of this host may be
 * tagged as well, and then the same log tells what it reached for. Whether it did so for this run, no log can tell.
 */
#include <stdlib.h>
#include <string.h>

#include "deps_private.h"

#define AFTER_NS INT64_C(1000000000)	/* work may go on a little after the run is over */

struct peers {
	struct deps *deps;
	const char *entities[DEPS_PEERS_MAX];
	size_t count;
};

static bool is_of_tree(const struct deps *deps, const char *entity)
{
	for (size_t i = 0; *entity && i < deps->step_count; i++)
		if (!strcmp(deps->steps[i].entity, entity))
			return true;
	return false;
}

bool deps_is_handed_off(const struct deps *deps, const struct deps_reach *reach)
{
	if ((strcmp(reach->class, "net") && strcmp(reach->class, "socket")) ||
	    (reach->verdict == DEPS_DENY && reach->enforced))
		return false;
	return reach->peer_pid ? !is_of_tree(deps, reach->peer_entity) : reach->local && reach->peer_unknown;
}

static void find_peers(struct peers *peers)
{
	const struct deps *deps = peers->deps;

	for (size_t i = 0; i < deps->reach_count && peers->count < DEPS_PEERS_MAX; i++) {
		const char *entity = deps->reaches[i].peer_entity;
		size_t k = 0;

		while (k < peers->count && strcmp(peers->entities[k], entity))
			k++;
		if (k == peers->count && *entity && deps_is_handed_off(deps, &deps->reaches[i]))
			peers->entities[peers->count++] = entity;
	}
}

/* Whether a line has nothing to do with any of them, neither as its process nor as an ancestor of it. */
static bool is_of_others(void *ctx, const char *line, size_t size)
{
	const struct peers *peers = ctx;

	for (size_t i = 0; i < peers->count; i++)
		if (memmem(line, size, peers->entities[i], strlen(peers->entities[i])))
			return false;
	return true;
}

/* The peer that did what @line tells, or NULL. */
static const char *peer_of(const struct peers *peers, const struct audit_line *line)
{
	for (size_t i = 0; i < peers->count; i++) {
		const json_t *ancestor;
		size_t k;

		if (!strcmp(peers->entities[i], line->entity_id))
			return peers->entities[i];
		json_array_foreach(line->ancestors, k, ancestor) {
			const char *entity = json_string_value(json_object_get(ancestor, "entity_id"));

			if (entity && !strcmp(peers->entities[i], entity))
				return peers->entities[i];
		}
	}
	return NULL;
}

/* The work that is the same, made where it is missing; NULL where there is no room. */
static struct deps_work *work_of(struct deps *deps, const struct audit_line *line, const char *peer, const char *what)
{
	struct deps_reach reach;

	for (size_t i = 0; i < deps->work_count; i++) {
		const struct deps_work *work = &deps->works[i];

		if (!strcmp(work->peer, peer) && !strcmp(work->run, line->run) &&
		    !strcmp(work->reach.what, what) && !strcmp(work->reach.rule_id, line->rule_id))
			return &deps->works[i];
	}
	if (deps->work_count == DEPS_WORKS_MAX)
		return NULL;
	reach = deps_describe(deps, line, what);
	deps->works[deps->work_count] = (struct deps_work){
		.peer = peer, .run = deps_keep(deps, line->run), .tag = deps_keep(deps, line->tag), .reach = reach,
	};
	return &deps->works[deps->work_count++];
}

static int take_line(void *ctx, const struct audit_line *line)
{
	struct peers *peers = ctx;
	struct deps *deps = peers->deps;
	int64_t t = deps_time_of(line);
	const char *peer = strcmp(line->run, deps->run) && !audit_line_is_note(line) ? peer_of(peers, line) : NULL;
	struct deps_work *work;
	char *what;

	if (!peer || t < deps->first || t > deps->last + AFTER_NS)
		return 0;
	what = deps_what(deps, line);
	work = what ? work_of(deps, line, peer, what) : NULL;
	if (work)
		deps_count(deps, &work->reach, line, t);
	free(what);
	return 0;
}

int deps_read_peers(struct deps *deps, const char *const *paths, size_t count)
{
	struct journal_options options = { .progress = true, .known = is_of_others };
	struct peers peers = { .deps = deps };
	struct journal_counts counts;

	find_peers(&peers);
	return peers.count ? journal_read(paths, count, &options, take_line, &peers, &counts) : 0;
}
