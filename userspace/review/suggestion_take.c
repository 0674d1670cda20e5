/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines -> what a suggestion knows, within its bounds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "suggestion_private.h"

#define NAME_IN_PATH_MAX 255
#define STEP_MAX 64			/* bytes that are kept of a step's name, */
#define WORDS_MAX 512			/* of a service's, a reason or the like: as a policy can have them */
#define STRINGS_MAX (16 << 20)		/* of all strings, before what is new finds no room */

/* --- strings -------------------------------------------------------------------------------- */

static const char *string_of(const json_t *value)
{
	const char *string = json_string_value(value);

	return string ? string : "";
}

/* At most @max bytes of @string. */
static int keep_string(struct intern *strings, const char *string, size_t max, uint32_t *ret_number)
{
	struct text text = { 0 };
	int err;

	text_append(&text, string, text_cut(string, strlen(string), max));
	text_append(&text, "", 1);
	err = text.failed ? -ENOMEM : intern_add(strings, text.data, text.size, ret_number);
	text_free(&text);
	return err == -E2BIG ? -ENOMEM : err;
}

/* Nobody can make two texts of one hash (siphash.h): it stands for the text, and however many of them somebody
 * made up, each is found at once. */
static uint64_t hash_of(struct suggestion *suggestion, const void *bytes, size_t size)
{
	if (!suggestion->has_key)
		suggestion->key = siphash_key_new();
	suggestion->has_key = true;
	return siphash(&suggestion->key, bytes, size);
}

/* --- runs ----------------------------------------------------------------------------------- */

/* *ret_run: INTERN_UNSET where there is no room. */
static int find_run(struct suggestion *suggestion, const char *name, uint32_t *ret_run)
{
	uint64_t hash = hash_of(suggestion, name, strlen(name));
	uint32_t run = intern_find(&suggestion->runs, &hash, sizeof(hash));
	int err = 0;

	if (run == INTERN_UNSET && suggestion->runs.count == SUGGESTION_RUNS_MAX) {
		suggestion->more_runs = true;
	} else if (run == INTERN_UNSET) {
		err = intern_add(&suggestion->runs, &hash, sizeof(hash), &run);
		if (!err && run < SUGGESTION_RUNS_NAMED)
			snprintf(suggestion->run_names[run], RUN_NAME_SIZE, "%s", name);
	}
	*ret_run = run;
	return err;
}

static int take_tag(struct suggestion *suggestion, const char *tag)
{
	uint32_t number;

	if (!*tag)
		return 0;
	if (suggestion->tags.count < SUGGESTION_TAGS_MAX)
		return keep_string(&suggestion->tags, tag, TAG_NAME_MAX, &number);
	suggestion->more_tags |= intern_find(&suggestion->tags, tag, strlen(tag) + 1) == INTERN_UNSET;
	return 0;
}

/* --- objects -------------------------------------------------------------------------------- */

static enum fate fate_of(const struct outcome_of_policy *outcome)
{
	if (outcome->verdict == VERDICT_DENY)
		return *outcome->where ? FATE_DENIED : FATE_DEFAULT_DENIED;
	return outcome->verdict == VERDICT_AUDIT && *outcome->where ? FATE_AUDITED : FATE_REACHED;
}

/* Whether a policy could name it: what is no UTF-8 has lost its name on the way. */
static bool can_be_named(const struct recorded *object)
{
	const char *path = object->path;

	if (!object->whole)
		return false;
	if (object->class == CLASS_NET)
		return true;
	if (object->class == CLASS_SOCKET && *path == '@')
		return path[1] && strlen(path) <= 108 && !strstr(path, "\xef\xbf\xbd");
	if (*path != '/' || strlen(path) >= PATH_LENGTH_MAX - 1 || strstr(path, "\xef\xbf\xbd"))
		return false;
	while (*path) {
		size_t length = strcspn(path + 1, "/");

		/* With a slash at its end, as "/" has, it would mean all below. */
		if (!length || length > NAME_IN_PATH_MAX || (length <= 2 && !strncmp(path + 1, "..", length)))
			return false;
		path += 1 + length;
	}
	return true;
}

/* Whether there is room for one more: what was let pass and is no address, of which there may be many, is told of in
 * comments alone. It does not take the room of what has a rule. */
static bool has_room(const struct suggestion *suggestion, bool seen)
{
	return suggestion->object_count < SUGGESTION_OBJECTS_MAX && suggestion->strings.size < STRINGS_MAX &&
	       (!seen || suggestion->seen < SUGGESTION_SEEN_MAX);
}

static int key_of(struct suggestion *suggestion, const struct recorded *object, uint64_t *ret_key)
{
	struct text key = { 0 };
	int err;

	text_append_format(&key, "%d ", (int)object->class);
	if (object->class == CLASS_NET) {
		text_append(&key, object->addr, sizeof(object->addr));
		text_append_format(&key, "%u %d", object->proto == PROTO_NONE ? 0 : object->port,
				   (int)object->proto);
	} else {
		text_append_string(&key, object->path);
	}
	err = key.failed ? -ENOMEM : 0;
	if (!err)
		*ret_key = hash_of(suggestion, key.data, key.size);
	text_free(&key);
	return err;
}

static int add_object(struct suggestion *suggestion, const struct recorded *object, uint64_t key)
{
	struct reached reached = { .class = object->class, .fate = FATE_DEFAULT_DENIED }, *all = suggestion->objects;
	size_t count = suggestion->object_count;
	uint32_t number;
	int err;

	if (object->class == CLASS_NET) {
		memcpy(reached.addr, object->addr, sizeof(reached.addr));
		reached.port = object->proto == PROTO_NONE ? 0 : object->port;
		reached.proto = object->proto;
	}
	if (!(count & (count - 1))) {
		all = reallocarray(all, count ? 2 * count : 1, sizeof(*all));
		if (!all)
			return -ENOMEM;
		suggestion->objects = all;
	}
	err = keep_string(&suggestion->strings, object->path, PATH_LENGTH_MAX, &reached.path) ?:
		keep_string(&suggestion->strings, "", 0, &reached.service) ?:
		intern_add(&suggestion->keys, &key, sizeof(key), &number);
	if (err)
		return err == -E2BIG ? -ENOMEM : err;
	reached.why = reached.service;
	reached.known = known_find(suggestion->known, object);
	reached.known_exact = reached.known < known_count(suggestion->known) &&
		known_is_exact(suggestion->known, reached.known, object);
	all[suggestion->object_count++] = reached;
	return 0;
}

/* *ret_reached: NULL where there is no room. */
static int find_object(struct suggestion *suggestion, const struct recorded *object, bool seen,
		       struct reached **ret_reached)
{
	uint64_t key = 0;
	int err = key_of(suggestion, object, &key);
	uint32_t number = err ? 0 : intern_find(&suggestion->keys, &key, sizeof(key));

	*ret_reached = NULL;
	if (!err && number == INTERN_UNSET) {
		if (!has_room(suggestion, seen))
			return 0;
		number = suggestion->object_count;
		err = add_object(suggestion, object, key);
		suggestion->seen += !err && seen;
	}
	if (!err)
		*ret_reached = &suggestion->objects[number];
	return err;
}

/* What the step is called; @run: whose launcher it is, where it is that. */
static void append_step(struct text *out, const struct suggestion *suggestion, const struct audit_line *line,
			uint32_t run)
{
	uint32_t command = run == INTERN_UNSET ? INTERN_UNSET : suggestion->runs.items[run].value;

	if (command != INTERN_UNSET && program_is_launcher(line))
		text_append_string(out, string_at(suggestion, command));
	else
		recorded_step(out, line);
}

/* Those that have no room of their own are counted together. */
static int take_step(struct suggestion *suggestion, struct reached *reached, const struct audit_line *line,
		     uint32_t run)
{
	struct text name = { 0 };
	size_t i = 0;
	int err;

	append_step(&name, suggestion, line, run);
	name.size = name.size ? text_cut(name.data, name.size, STEP_MAX) : 0;
	text_append(&name, "", 1);
	err = name.failed ? -ENOMEM : 0;
	while (!err && i < REACHED_STEPS && reached->steps[i].count &&
	       strcmp(string_at(suggestion, reached->steps[i].name), name.data))
		i++;
	if (!err && i < REACHED_STEPS && !reached->steps[i].count)
		err = keep_string(&suggestion->strings, name.data, STEP_MAX, &reached->steps[i].name);
	if (!err && i < REACHED_STEPS)
		reached->steps[i].count++;
	else if (!err)
		reached->other_steps++;
	text_free(&name);
	return err;
}

/* The greatest fate holds, and of equal ones the first. */
static int take_fate(struct suggestion *suggestion, struct reached *reached, const struct recorded *object,
		     const struct outcome_of_policy *outcome)
{
	enum fate fate = fate_of(outcome);

	reached->access[fate] |= object->access;
	if (reached->count && fate <= reached->fate)
		return 0;
	reached->fate = fate;
	reached->err = outcome->err;
	return keep_string(&suggestion->strings, outcome->service, WORDS_MAX, &reached->service) ?:
		keep_string(&suggestion->strings, outcome->why, WORDS_MAX, &reached->why);
}

static int take_object(struct suggestion *suggestion, const struct audit_line *line, const struct recorded *object,
		       const struct outcome_of_policy *outcome, uint32_t run)
{
	bool seen = object->class != CLASS_NET && fate_of(outcome) <= FATE_REACHED;
	struct reached *reached;
	int err = find_object(suggestion, object, seen, &reached);

	if (!err && !reached) {
		suggestion->no_room++;
		suggestion->no_room_net += object->class == CLASS_NET;
		return 0;
	}
	if (!err)
		err = take_fate(suggestion, reached, object, outcome) ?: take_step(suggestion, reached, line, run);
	if (!err)
		reached->count++;
	return err;
}

/* --- waivers -------------------------------------------------------------------------------- */

/* It passed by a waiver, of which a record has the owner and the last day, and not whether it is for the process or
 * for an ancestor. */
static int take_waived(struct suggestion *suggestion, const struct audit_line *line, const json_t *waiver)
{
	const char *program = string_of(json_object_get(json_object_get(line->root, "process"), "executable"));
	const char *owner = string_of(json_object_get(waiver, "owner"));
	const char *until = string_of(json_object_get(waiver, "until"));
	struct text text = { 0 };
	uint32_t number;
	int err;

	text_append_format(&text, "service %.*s, for %.*s", WORDS_MAX, *line->service ? line->service : "?", WORDS_MAX,
			   *program ? program : *line->comm ? line->comm : "?");
	text_append_string(&text, json_array_size(line->ancestors) ? " (step " : "");
	if (json_array_size(line->ancestors)) {
		recorded_step(&text, line);
		text_append_string(&text, ")");
	}
	text_append_format(&text, ": %.*s, until %.*s", WORDS_MAX, *owner ? owner : "?", WORDS_MAX,
			   *until ? until : "?");
	text.size = text_cut(text.data, text.size, 4 * WORDS_MAX);
	text_append(&text, "", 1);
	err = text.failed ? -ENOMEM : 0;
	if (!err && suggestion->waivers.count == SUGGESTION_WAIVERS_MAX)
		suggestion->more_waivers |=
			intern_find(&suggestion->waivers, text.data, text.size) == INTERN_UNSET;
	else if (!err)
		err = intern_add(&suggestion->waivers, text.data, text.size, &number);
	text_free(&text);
	suggestion->waived++;
	return err == -E2BIG ? -ENOMEM : err;
}

/* --- how a run begins ----------------------------------------------------------------------- */

/* Among the first ones: the line may have any number of them. */
static bool has_string(const json_t *strings, const char *string)
{
	for (size_t i = 0; i < json_array_size(strings) && i < SUGGESTION_NEEDS_MAX; i++)
		if (!strcmp(string_of(json_array_get(strings, i)), string))
			return true;
	return false;
}

/* What needs itself says nothing. */
static bool is_need(const char *service, const char *needs)
{
	return *needs && strlen(needs) <= WORDS_MAX && strlen(service) <= WORDS_MAX && strcmp(service, needs);
}

/* *ret_cut: there is no room for it. */
static int take_need(struct suggestion *suggestion, const char *service, const char *needs, bool denied,
		     bool *ret_cut)
{
	struct suggestion_need need = { .denied = denied };
	int err;

	for (size_t i = 0; i < suggestion->need_count; i++) {
		struct suggestion_need *it = &suggestion->needs[i];

		if (strcmp(string_at(suggestion, it->service), service) ||
		    strcmp(string_at(suggestion, it->needs), needs))
			continue;
		it->denied |= denied;
		return 0;
	}
	if (suggestion->need_count == SUGGESTION_NEEDS_MAX) {
		suggestion->needs_cut = *ret_cut = true;
		return 0;
	}
	err = keep_string(&suggestion->strings, service, WORDS_MAX, &need.service) ?:
		keep_string(&suggestion->strings, needs, WORDS_MAX, &need.needs);
	if (!err)
		suggestion->needs[suggestion->need_count++] = need;
	return err;
}

static int take_needs(struct suggestion *suggestion, const json_t *begin)
{
	const json_t *denied = json_object_get(begin, "denied"), *service;
	const char *name;
	bool cut = false;
	int err = 0;

	suggestion->needs_cut |= json_is_true(json_object_get(begin, "services_cut"));
	json_object_foreach((json_t *)json_object_get(begin, "services"), name, service) {
		const json_t *needs = json_object_get(service, "needs");

		for (size_t i = 0; !err && !cut && i < json_array_size(needs) && i < SUGGESTION_NEEDS_MAX; i++) {
			const char *need = string_of(json_array_get(needs, i));

			if (is_need(name, need))
				err = take_need(suggestion, name, need, has_string(denied, need), &cut);
		}
		if (err || cut)
			break;
	}
	return err;
}

/* What the launcher is about to become, in a run that has room. */
static int take_command(struct suggestion *suggestion, const json_t *begin, uint32_t run)
{
	struct program program = { .executable = "", .comm = "", .args = json_object_get(begin, "command") };
	struct text name = { 0 };
	const char *called = program_name(&program);
	int err;

	if (run == INTERN_UNSET || suggestion->runs.items[run].value != INTERN_UNSET)
		return 0;
	text_printable(&name, called, strlen(called));
	text_append(&name, "", 1);
	err = name.failed ? -ENOMEM :
		keep_string(&suggestion->strings, name.data, STEP_MAX, &suggestion->runs.items[run].value);
	text_free(&name);
	return err;
}

/* --- lines ---------------------------------------------------------------------------------- */

int suggestion_take(struct suggestion *suggestion, const struct audit_line *line)
{
	struct outcome_of_policy outcome;
	struct recorded object;
	enum recorded_kind kind = recorded_read(line, &object, &outcome);
	const json_t *waiver = json_object_get(json_object_get(line->root, "ringfence"), "waiver");
	uint32_t run;
	int err;

	err = find_run(suggestion, line->run, &run) ?: take_tag(suggestion, line->tag);
	if (!err && line->begin)
		err = take_needs(suggestion, line->begin) ?: take_command(suggestion, line->begin, run);
	if (err || kind == RECORDED_OTHER)
		return err;
	suggestion->records++;
	if (waiver)
		return take_waived(suggestion, line, waiver);
	if (kind == RECORDED_UNCLEAR || !can_be_named(&object)) {
		suggestion->untold++;
		return 0;
	}
	suggestion->by_default += !*outcome.where && outcome.verdict != VERDICT_DENY;
	suggestion->by_rule += *outcome.where && outcome.verdict == VERDICT_ALLOW;
	suggestion->default_denied += object.class == CLASS_NET && fate_of(&outcome) == FATE_DEFAULT_DENIED;
	return take_object(suggestion, line, &object, &outcome, run);
}

void suggestion_free(struct suggestion *suggestion)
{
	free(suggestion->objects);
	intern_free(&suggestion->keys);
	intern_free(&suggestion->strings);
	intern_free(&suggestion->runs);
	intern_free(&suggestion->tags);
	intern_free(&suggestion->waivers);
	*suggestion = (struct suggestion){ 0 };
}
