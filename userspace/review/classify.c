/* SPDX-License-Identifier: BSD-2-Clause */
#include "classify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "classify_private.h"
#include "deps_private.h"

#define EVIDENCE_MAX 8			/* sentences for one */
#define CLASSIFIED_MAX 8192		/* with those that are needed in turn */
#define REACHED_BY_MAX 64
#define CHAIN_MAX 64			/* services that need each other */

static const char *string_of(const json_t *value)
{
	const char *string = json_string_value(value);

	return string ? string : "";
}

static bool failed(struct deps *deps)
{
	deps->memory->failed = true;
	return false;
}

/* --- needs and loops ---------------------------------------------------------------------- */

const json_t *needs_of(const struct deps *deps, const char *service, const char **ret_where)
{
	const json_t *entry = json_object_get(json_object_get(deps->begin, "services"), service);

	*ret_where = string_of(json_object_get(entry, "where"));
	return json_object_get(entry, "needs");
}

bool is_denied(const struct deps *deps, const char *service)
{
	const json_t *denied = json_object_get(deps->begin, "denied");

	for (size_t i = 0; i < json_array_size(denied); i++)
		if (!strcmp(string_of(json_array_get(denied, i)), service))
			return true;
	for (size_t i = 0; i < deps->service_count; i++)
		if (!strcmp(deps->services[i].name, service))
			return deps->services[i].count && deps->services[i].verdict == DEPS_DENY &&
			       *deps->services[i].rule_id;
	return false;
}

/* Services in the order in which they are found from one on, each with who needs it. */
struct search {
	const char *names[CHAIN_MAX];
	const char *where[CHAIN_MAX];	/* where the policy says so */
	int from[CHAIN_MAX];		/* -1: the first */
	int count;
};

static bool is_found(const struct search *search, const char *name)
{
	for (int i = 0; i < search->count; i++)
		if (!strcmp(search->names[i], name))
			return true;
	return false;
}

/* The nearest first. */
static void search_needs(const struct deps *deps, const char *service, struct search *search)
{
	search->names[0] = service;
	search->where[0] = "";
	search->from[0] = -1;
	search->count = 1;
	for (int at = 0; at < search->count; at++) {
		const char *where;
		const json_t *needs = needs_of(deps, search->names[at], &where), *need;
		size_t i;

		json_array_foreach(needs, i, need) {
			if (!json_is_string(need) || is_found(search, json_string_value(need)) ||
			    search->count == CHAIN_MAX)
				continue;
			search->names[search->count] = json_string_value(need);
			search->where[search->count] = where;
			search->from[search->count++] = at;
		}
	}
}

/* The names from the first to number @at, as an array. */
static json_t *path_to(const struct search *search, int at)
{
	json_t *path = json_array();

	for (; path && at >= 0; at = search->from[at])
		json_array_insert_new(path, 0, json_string(search->names[at]));
	return path;
}

/* Whether @at was found through @through. */
static bool leads_through(const struct search *search, int at, int through)
{
	while (at >= 0 && at != through)
		at = search->from[at];
	return at == through;
}

/* The way to the nearest service that is denied, through number @through; NULL where there is none. */
static json_t *loop_of(const struct deps *deps, const struct search *search, int through)
{
	for (int i = through; i < search->count; i++)
		if (is_denied(deps, search->names[i]) && leads_through(search, i, through))
			return path_to(search, i);
	return NULL;
}

/* --- the list ----------------------------------------------------------------------------- */

static bool add_unique(json_t *array, json_t *value, size_t max)
{
	const json_t *old;
	size_t i;

	json_array_foreach(array, i, old)
		if (json_equal(old, value)) {
			json_decref(value);
			return true;
		}
	if (json_array_size(array) < max)
		return !json_array_append_new(array, value);
	json_decref(value);
	return true;
}

static void dependency_free(struct dependency *dependency)
{
	free(dependency->id);
	free(dependency->breaks);
	free(dependency->suggestion);
	json_decref(dependency->evidence);
	json_decref(dependency->loop);
	json_decref(dependency->reached_by);
}

static const char *program_of(const struct deps *deps, int step)
{
	return step < 0 ? "?" : deps->steps[step].name;
}

/* What the dependencies of one hash have in common. */
static uint64_t hash_of(struct deps *deps, const struct dependency *dependency)
{
	const struct deps_reach *reach = dependency->reach;

	deps_hash_begin(deps);
	deps_hash_string(deps, dependency->what);
	deps_hash_string(deps, dependency->service);
	deps_hash_string(deps, dependency->via);
	deps_hash_string(deps, reach->class);
	deps_hash_string(deps, program_of(deps, dependency->step));
	deps_hash_number(deps, dependency->said);
	deps_hash_number(deps, reach->verdict << 1 | reach->enforced);
	deps_hash_string(deps, reach->err);
	deps_hash_string(deps, reach->rule_id);
	deps_hash_string(deps, reach->reason);
	return deps_hash_end(deps);
}

/* The one like @dependency, which is taken over; made where it is missing. NULL without memory. */
static struct dependency *list_get(struct deps *deps, struct classified *classified, struct dependency dependency)
{
	struct dependency *list = classified->list;

	dependency.hash = hash_of(deps, &dependency);
	for (size_t i = 0; i < classified->count; i++)
		if (list[i].hash == dependency.hash) {
			dependency_free(&dependency);
			return &list[i];
		}
	if (classified->count == classified->room) {
		size_t room = classified->room ? 2 * classified->room : 64;

		list = reallocarray(list, room, sizeof(*list));
		if (!list) {
			dependency_free(&dependency);
			return NULL;
		}
		classified->list = list;
		classified->room = room;
	}
	dependency.evidence = json_array();
	dependency.reached_by = json_array();
	list[classified->count] = dependency;
	return &list[classified->count++];
}

static void add_object(struct dependency *dependency, const struct deps_object *object)
{
	for (size_t i = 0; i < dependency->object_count; i++)
		if (!strcmp(dependency->objects[i].name, object->name)) {
			dependency->objects[i].count += object->count;
			return;
		}
	if (dependency->object_count == DEPS_OBJECTS_MAX)
		dependency->more_objects += object->count;
	else
		dependency->objects[dependency->object_count++] = *object;
}

/* Adds what a reach saw, and why it is said to be what it is. */
static bool add_reach(struct dependency *dependency, const struct deps_reach *reach, const json_t *evidence)
{
	const json_t *sentence;
	size_t i;

	if (!dependency->count || reach->first < dependency->first)
		dependency->first = reach->first;
	if (reach->last > dependency->last)
		dependency->last = reach->last;
	dependency->count += reach->count;
	dependency->more_objects += reach->more_objects;
	for (i = 0; i < reach->object_count; i++)
		add_object(dependency, &reach->objects[i]);
	json_array_foreach(evidence, i, sentence)
		if (!add_unique(dependency->evidence, json_incref((json_t *)sentence), EVIDENCE_MAX))
			return false;
	return reach->step < 0 || add_unique(dependency->reached_by, json_integer(reach->step), REACHED_BY_MAX);
}

/* --- of one reach ------------------------------------------------------------------------- */

static json_t *handoff_sentence(const struct deps_reach *reach)
{
	const char *peer = *reach->peer_name ? reach->peer_name : reach->peer_executable;

	if (!reach->peer_pid)
		return json_string("it is on this host; who accepts there, if anybody, is not known, and what that "
				   "does in turn is not recorded");
	return json_sprintf("%s%s%s%s, a process outside of the run, accepts it: what that does in turn is not "
			    "recorded", *peer ? peer : "a process", *reach->peer_unit ? " (" : "",
			    reach->peer_unit, *reach->peer_unit ? ")" : "");
}

/* The number of the execution that a script is read for, judged as that was; -1 where it is not that. */
static ssize_t execution_of(const struct deps *deps, size_t number)
{
	const struct deps_reach *read = &deps->reaches[number];
	char path[PATH_SHOWN];

	if (read->verdict == DEPS_ALLOW || !reads_own_script(deps, read, path, sizeof(path)))
		return -1;
	for (size_t i = 0; i < number; i++) {
		const struct deps_reach *other = &deps->reaches[i];
		bool starts = other->launch ? other->step == read->step :
			other->step >= 0 && other->step == deps->steps[read->step].parent;

		if (!starts || strcmp(other->class, "exec") || strcmp(other->what, read->what) ||
		    other->verdict != read->verdict || other->enforced != read->enforced ||
		    strcmp(other->rule_id, read->rule_id))
			continue;
		for (size_t k = 0; k < other->object_count; k++)
			if (!strcmp(other->objects[k].name, path))
				return i;
	}
	return -1;
}

/* Counts the read of a script as part of its execution: it is no dependency of the script on itself. */
static bool add_to_execution(struct deps *deps, struct classified *classified, size_t number, size_t execution)
{
	struct deps_reach read = deps->reaches[number];
	json_t *evidence = json_array();
	bool done = evidence && evidence_add(evidence, json_sprintf("to execute it, its interpreter reads it: %s",
								    deps->steps[read.step].name));

	read.step = -1;
	classified->of_reach[number] = classified->of_reach[execution];
	done = done && add_reach(&classified->list[classified->of_reach[number]], &read, evidence);
	json_decref(evidence);
	return done || failed(deps);
}

static bool classify_reach(struct deps *deps, struct classified *classified, size_t number)
{
	const struct deps_reach *reach = &deps->reaches[number];
	int own = reach->more ? -1 : deps_own_step(deps, reach->step);
	json_t *evidence = json_array();
	struct dependency *dependency, made = {
		.what = reach->what, .service = reach->service, .reach = reach, .via = "", .step = own,
		.handoff = deps_is_handed_off(deps, reach),
	};
	ssize_t execution = execution_of(deps, number);
	bool done;

	if (!evidence)
		return failed(deps);
	if (execution >= 0) {
		json_decref(evidence);
		return add_to_execution(deps, classified, number, execution);
	}
	made.kind = made.said = evidence_of(deps, reach, own, evidence);
	if (made.handoff)
		evidence_add(evidence, handoff_sentence(reach));
	dependency = list_get(deps, classified, made);
	done = dependency && add_reach(dependency, reach, evidence);
	if (done) {
		dependency->handoff |= made.handoff;
		classified->of_reach[number] = dependency - classified->list;
	}
	json_decref(evidence);
	return done || failed(deps);
}

/* --- what is needed in turn --------------------------------------------------------------- */

/* "releases needs github (mysql.yaml:9)", for each on the way from the first to number @at. */
static bool add_needs(const struct search *search, int at, json_t *evidence)
{
	json_t *sentence;

	if (search->from[at] < 0)
		return true;
	sentence = json_sprintf("%s needs %s%s%s%s", search->names[search->from[at]], search->names[at],
				*search->where[at] ? " (" : "", search->where[at], *search->where[at] ? ")" : "");
	return add_needs(search, search->from[at], evidence) && evidence_add(evidence, sentence);
}

static json_t *sentence_of_call(const struct deps *deps, const struct dependency *dependency)
{
	struct text command = { 0 };
	json_t *sentence;

	if (dependency->step < 0)
		return json_sprintf("a step that is not known reached for %s", dependency->service);
	classify_command(&command, &deps->steps[dependency->step], COMMAND_SHOWN);
	sentence = json_sprintf("%s reached for %s: %.*s", deps->steps[dependency->step].name, dependency->service,
				(int)command.size, command.data ? command.data : "");
	text_free(&command);
	return sentence;
}

/* Number @at of @search, which what @number reached for needs. */
static bool add_transient(struct deps *deps, struct classified *classified, size_t number,
			  const struct search *search, int at)
{
	const struct dependency base = classified->list[number];
	json_t *evidence;
	struct dependency *dependency;
	const json_t *step;
	size_t i;
	bool done;

	if (classified->count >= CLASSIFIED_MAX) {	/* of a log that was made up */
		deps->needs_gathered++;
		return true;
	}
	evidence = json_array();
	done = evidence && add_needs(search, at, evidence) && evidence_add(evidence, sentence_of_call(deps, &base));
	dependency = !done ? NULL : list_get(deps, classified, (struct dependency){
		.what = search->names[at], .service = search->names[at], .reach = base.reach, .via = base.service,
		.kind = KIND_TRANSIENT, .said = KIND_TRANSIENT, .step = base.step, .handoff = base.handoff,
		.loop = loop_of(deps, search, at),
	});
	done = dependency && add_reach(dependency, base.reach, evidence);
	if (done) {
		/* Of the call as a whole, not of its first part alone. */
		dependency->count += base.count - base.reach->count;
		dependency->last = base.last > dependency->last ? base.last : dependency->last;
		json_array_foreach(base.reached_by, i, step)
			add_unique(dependency->reached_by, json_incref((json_t *)step), REACHED_BY_MAX);
	}
	json_decref(evidence);
	return done || failed(deps);
}

static bool follow_needs(struct deps *deps, struct classified *classified)
{
	size_t count = classified->count;

	for (size_t i = 0; i < count; i++) {
		struct search search;

		if (!*classified->list[i].service)
			continue;
		search_needs(deps, classified->list[i].service, &search);
		classified->list[i].loop = loop_of(deps, &search, 0);
		for (int at = 1; at < search.count; at++)
			if (!add_transient(deps, classified, i, &search, at))
				return false;
	}
	return true;
}

/* --- what peers do ------------------------------------------------------------------------ */

static json_t *sentence_of_work(const struct deps_reach *reach, const struct deps_work *work)
{
	const char *peer = *reach->peer_name ? reach->peer_name : "the process";

	return json_sprintf("%s%s%s%s, which accepts it, reached for %s itself while the run went on, as its own run "
			    "%s tells", peer, *reach->peer_unit ? " (" : "", reach->peer_unit,
			    *reach->peer_unit ? ")" : "", work->reach.what, work->run);
}

/* From what the run reached for, by what its peer did, to what is denied; or NULL. */
static json_t *loop_of_work(const struct deps *deps, const struct deps_reach *reach, const struct deps_work *work)
{
	struct search search;
	json_t *loop;

	search_needs(deps, work->reach.what, &search);
	loop = *work->reach.service ? loop_of(deps, &search, 0) : NULL;
	if (loop)
		json_array_insert_new(loop, 0, json_string(reach->what));
	return loop;
}

static bool add_work(struct deps *deps, struct classified *classified, const struct deps_reach *reach,
		     const struct deps_work *work)
{
	json_t *evidence = json_array();
	struct dependency *dependency;
	bool done = evidence && evidence_add(evidence, sentence_of_work(reach, work));

	dependency = !done ? NULL : list_get(deps, classified, (struct dependency){
		.what = work->reach.what, .service = work->reach.service, .reach = &work->reach, .via = reach->what,
		.kind = KIND_TRANSIENT, .said = KIND_TRANSIENT, .step = deps_own_step(deps, reach->step),
		.loop = loop_of_work(deps, reach, work),
	});
	done = dependency && add_reach(dependency, &work->reach, evidence);
	json_decref(evidence);
	return done || failed(deps);
}

/* Of what was handed to a peer, what that is known to have done. */
static bool follow_peers(struct deps *deps, struct classified *classified)
{
	for (size_t i = 0; i < deps->work_count; i++)
		for (size_t k = 0; k < deps->reach_count; k++)
			if (!strcmp(deps->reaches[k].peer_entity, deps->works[i].peer) &&
			    deps_is_handed_off(deps, &deps->reaches[k]) &&
			    strcmp(deps->reaches[k].what, deps->works[i].reach.what)) {
				if (!add_work(deps, classified, &deps->reaches[k], &deps->works[i]))
					return false;
				break;
			}
	return true;
}

/* --- names and overrides ------------------------------------------------------------------ */

static bool has_id(const struct classified *classified, size_t before, const char *id)
{
	for (size_t i = 0; i < before; i++)
		if (!strcmp(classified->list[i].id, id))
			return true;
	return false;
}

/* What it is, the kind that the evidence says, the program; and more only where that is not one alone. */
static bool name_it(const struct deps *deps, struct classified *classified, size_t number)
{
	struct dependency *dependency = &classified->list[number];
	const char *const more[] = { dependency->reach->class,
		dependency->reach->verdict == DEPS_DENY ? "deny" :
		dependency->reach->verdict == DEPS_AUDIT ? "audit" : "allow" };
	char *id, *longer;

	if (asprintf(&id, "%s/%s/%s", dependency->what, kind_name(dependency->said),
		     program_of(deps, dependency->step)) < 0)
		return false;
	for (unsigned int i = 0; has_id(classified, number, id); i++) {
		int length = i < 2 ? asprintf(&longer, "%s/%s", id, more[i]) : asprintf(&longer, "%s/%zu", id, number);

		free(id);
		if (length < 0)
			return false;
		id = longer;
	}
	dependency->id = id;
	return true;
}

static bool is_meant(const struct deps *deps, const struct kind_override *override,
		     const struct dependency *dependency)
{
	if (override->id)
		return !strcmp(override->id, dependency->id);
	return !strcmp(override->service, dependency->service) &&
	       !strcmp(override->step, program_of(deps, dependency->step));
}

/* The last one that speaks of it holds. */
static void override_kind(const struct deps *deps, const struct kinds *kinds, struct dependency *dependency)
{
	for (size_t i = 0; i < kinds->count; i++)
		if (is_meant(deps, &kinds->list[i], dependency)) {
			dependency->override = &kinds->list[i];
			dependency->kind = kinds->list[i].kind;
		}
}

/* --- all of it ---------------------------------------------------------------------------- */

int classify(struct deps *deps, const struct kinds *kinds, struct classified *ret_classified)
{
	struct classified classified = { .of_reach = calloc(deps->reach_count + 1, sizeof(size_t)) };
	bool done = classified.of_reach;

	for (size_t i = 0; done && i < deps->reach_count; i++)
		done = classify_reach(deps, &classified, i);
	done = done && follow_needs(deps, &classified) && follow_peers(deps, &classified);
	for (size_t i = 0; done && i < classified.count; i++) {
		done = name_it(deps, &classified, i);
		if (done)
			override_kind(deps, kinds, &classified.list[i]);
		classified.loop |= classified.list[i].loop != NULL;
	}
	if (!done || deps->memory->failed || classify_words(deps, &classified)) {
		classified_free(&classified);
		return -ENOMEM;
	}
	*ret_classified = classified;
	return 0;
}

void classified_free(struct classified *classified)
{
	for (size_t i = 0; i < classified->count; i++)
		dependency_free(&classified->list[i]);
	free(classified->list);
	free(classified->of_reach);
	free(classified->sentence);
	*classified = (struct classified){ 0 };
}
