/* SPDX-License-Identifier: BSD-2-Clause */
#include "run_note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../policy/image.h"
#include "named.h"

/* Bytes of the object that a path may take, the command, what services need, and which of these are denied; the
 * rest is for where services are named. */
#define PATH_ROOM 1024
#define COMMAND_ROOM 2048
#define SERVICES_ROOM 2048
#define DENIED_ROOM 512
#define ESCAPED 6			/* bytes that one may become: \u001b */

/* A key that an object may have, or has to. */
struct key {
	const char *name;
	bool (*fits)(const json_t *value);
	bool needed;
};

static bool has_keys(const json_t *object, const struct key *keys, size_t count)
{
	size_t known = 0;

	if (!json_is_object(object))
		return false;
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(object, keys[i].name);

		if (value ? !keys[i].fits(value) : keys[i].needed)
			return false;
		known += value != NULL;
	}
	return known == json_object_size(object);
}
#define HAS_KEYS(object, keys) has_keys(object, keys, sizeof(keys) / sizeof((keys)[0]))

/* --- values --------------------------------------------------------------------------------- */

static bool is_string(const json_t *value)
{
	return json_is_string(value);
}

static bool is_true(const json_t *value)
{
	return json_is_true(value);
}

static bool is_number(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool is_status(const json_t *value)
{
	return json_is_null(value) || is_number(value);
}

static bool is_strings(const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!json_is_string(json_array_get(value, i)))
			return false;
	return json_is_array(value);
}

static bool is_word(const json_t *value, const char *const *words)
{
	const char *word = json_string_value(value);

	while (word && *words && strcmp(word, *words))
		words++;
	return word && *words;
}

static bool is_record(const json_t *value)
{
	static const char *const words[] = { "denied", "matched", "all", NULL };

	return is_word(value, words);
}

static bool is_where(const json_t *value)
{
	static const char *const words[] = { "script", "environment", NULL };

	return is_word(value, words);
}

/* --- the beginning -------------------------------------------------------------------------- */

static bool is_named(const json_t *value)
{
	static const struct key keys[] = {
		{ "service", is_string, true },
		{ "where", is_where, true },
		{ "line", is_number, false },
		{ "name", is_string, false },
		{ "text", is_string, true },
	};

	for (size_t i = 0; i < json_array_size(value); i++)
		if (!HAS_KEYS(json_array_get(value, i), keys))
			return false;
	return json_is_array(value);
}

static bool is_services(const json_t *value)
{
	static const struct key keys[] = {
		{ "needs", is_strings, true },
		{ "where", is_string, true },
	};
	const char *name;
	json_t *service;

	json_object_foreach((json_t *)value, name, service)
		if (!HAS_KEYS(service, keys))
			return false;
	return json_is_object(value);
}

static const struct key begin_keys[] = {
	{ "command", is_strings, true },
	{ "command_cut", is_true, false },
	{ "directory", is_string, false },
	{ "script", is_string, false },
	{ "user", is_string, false },
	{ "claimed", is_true, false },
	{ "named", is_named, true },
	{ "named_cut", is_true, false },
	{ "services", is_services, true },
	{ "services_cut", is_true, false },
	{ "denied", is_strings, false },
	{ "record", is_record, true },
	{ "flags", is_number, false },
};

/* --- the end -------------------------------------------------------------------------------- */

static const struct key end_keys[] = {
	{ "status", is_status, true },
	{ "denied", is_number, true },
	{ "audited", is_number, true },
	{ "allowed", is_number, false },
	{ "submitted", is_number, true },
	{ "lost", is_number, true },
	{ "lost_lineage", is_number, true },
	{ "unrecorded", is_number, true },
	{ "refused_forks", is_number, true },
	{ "repeated", is_number, true },
	{ "outlived_by", is_number, false },
};

json_t *run_note_read(uint16_t rule, const char *text, size_t size)
{
	json_t *note = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	bool fits = rule == RULE_BEGIN ? HAS_KEYS(note, begin_keys) : HAS_KEYS(note, end_keys);

	if (!fits) {
		json_decref(note);
		return NULL;
	}
	return note;
}

unsigned int run_note_take_flags(json_t *note)
{
	unsigned int flags = json_integer_value(json_object_get(note, "flags"));

	json_object_del(note, "flags");
	return flags & (TEXT_NOT_UTF8 | TEXT_REDACTED);
}

/* --- saying that a run begins --------------------------------------------------------------- */

static size_t size_of(const json_t *value)
{
	return json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* A string that takes no more than @room bytes of the object. */
static json_t *fit_string(const char *text, size_t size, size_t room)
{
	json_t *string = json_stringn(text, size);

	if (string && size_of(string) > room) {
		json_decref(string);
		string = json_stringn(text, text_cut(text, size, room / ESCAPED));
	}
	return string;
}

/* Only where there is one. Returns 0 or -ENOMEM. */
static int add_text(json_t *note, const char *name, const char *bytes, size_t size, unsigned int *flags)
{
	struct text text = { 0 };
	int err = 0;

	if (!size)
		return 0;
	*flags |= text_clean(&text, bytes, size);
	if (text.failed || json_object_set_new(note, name, fit_string(text.data, text.size, PATH_ROOM)))
		err = -ENOMEM;
	text_free(&text);
	return err;
}

/* Adds arguments, each ending with 0, as far as there is room. */
static int add_arguments(json_t *command, const struct text *args, bool *cut)
{
	size_t room = COMMAND_ROOM, size;

	for (size_t at = 0; at < args->size; at += size + 1) {
		json_t *arg;

		size = strlen(args->data + at);
		arg = fit_string(args->data + at, size, room);
		if (!arg)
			return -ENOMEM;
		*cut |= json_string_length(arg) < size;
		room -= size_of(arg) < room ? size_of(arg) + 1 : room;
		if (json_array_append_new(command, arg))
			return -ENOMEM;
		if (room < ESCAPED && at + size + 1 < args->size)
			*cut = true;
		if (room < ESCAPED)
			break;
	}
	return 0;
}

static int add_command(json_t *note, const struct facts *facts, unsigned int *flags)
{
	bool cut = facts->command.size && facts->command.data[facts->command.size - 1];
	json_t *command = json_array();
	struct text args = { 0 };
	unsigned int count;
	int err;

	*flags |= text_argv(&args, facts->command.data, facts->command.size, cut, &count);
	err = args.failed ? -ENOMEM : add_arguments(command, &args, &cut);
	text_free(&args);
	if (json_object_set_new(note, "command", command))
		return -ENOMEM;
	return err ?: cut && json_object_set_new(note, "command_cut", json_true()) ? -ENOMEM : 0;
}

/* Adds a need to its service, which is made where it is the first. */
static int add_need(json_t *services, const struct image_need *need)
{
	json_t *service = json_object_get(services, need->service);

	if (!service) {
		service = json_pack("{s:[], s:s}", "needs", "where", need->where);
		if (json_object_set_new(services, need->service, service))
			return -ENOMEM;
	}
	return json_array_append_new(json_object_get(service, "needs"), json_string(need->needs)) ? -ENOMEM : 0;
}

static bool has_string(const json_t *strings, const char *string)
{
	for (size_t i = 0; i < json_array_size(strings); i++)
		if (!strcmp(json_string_value(json_array_get(strings, i)), string))
			return true;
	return false;
}

static bool is_denied(const struct ruleset *image, const char *service)
{
	const struct rule *rule;

	for (uint16_t i = 0; (rule = image_rule(image, i)); i++)
		if (rule->verdict == VERDICT_DENY && !strcmp(image_string(image, rule->service), service))
			return true;
	return false;
}

/* Those that rules deny and others need: a run that reaches for the others need not come to the rules. */
static int add_denied(json_t *note, const struct ruleset *image)
{
	json_t *denied = json_array();
	struct image_need need;
	int err = denied ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && image_need(image, i, &need); i++)
		if (size_of(denied) + strlen(need.needs) + 3 <= DENIED_ROOM && !has_string(denied, need.needs) &&
		    is_denied(image, need.needs))
			err = json_array_append_new(denied, json_string(need.needs)) ? -ENOMEM : 0;
	if (!err && json_array_size(denied))
		return json_object_set_new(note, "denied", denied) ? -ENOMEM : 0;
	json_decref(denied);
	return err;
}

/* What readers of the log need of the policy. */
static int add_policy(json_t *note, const struct ruleset *image, enum mode mode)
{
	json_t *services = json_object();
	struct image_need need;
	bool cut = false;
	int err = 0;

	for (uint32_t i = 0; !err && !cut && image_need(image, i, &need); i++) {
		/* With more than the names take: what stands around them. */
		cut = size_of(services) + strlen(need.service) + strlen(need.needs) + strlen(need.where) + 64 >
			SERVICES_ROOM;
		err = cut ? 0 : add_need(services, &need);
	}
	if (json_object_set_new(note, "services", services) ||
	    json_object_set_new(note, "record", json_string(image_recording(image, mode))) ||
	    (cut && json_object_set_new(note, "services_cut", json_true())))
		err = -ENOMEM;
	return err ?: add_denied(note, image);
}

/* As many of the places as have room. */
static int add_named(json_t *note, struct named *named)
{
	size_t room = NOTICE_TEXT_MAX - sizeof(",\"named_cut\":true,\"flags\":3"), used;
	json_t *list = json_array(), *place;
	size_t i;

	if (json_object_set_new(note, "named", list))
		return -ENOMEM;
	used = size_of(note);
	json_array_foreach(named->list, i, place) {
		used += size_of(place) + 1;
		if (used > room) {
			named->cut = true;
			break;
		}
		if (json_array_append(list, place))
			return -ENOMEM;
	}
	return named->cut && json_object_set_new(note, "named_cut", json_true()) ? -ENOMEM : 0;
}

static int dump(struct text *out, const json_t *note)
{
	char *text = json_dumps(note, JSON_COMPACT);

	if (text)
		text_append_string(out, text);
	free(text);
	return !text || out->failed ? -ENOMEM : 0;
}

int run_note_begin(struct text *out, const struct ruleset *image, enum mode mode, const struct facts *facts,
		   const struct run_starter *starter)
{
	json_t *note = json_object();
	struct named named;
	unsigned int flags = 0;
	int err = named_find(image, facts, &named);

	if (err) {
		json_decref(note);
		return err;
	}
	flags |= named.text_flags;
	err = add_command(note, facts, &flags) ?:
		add_text(note, "directory", facts->directory.data, facts->directory.size, &flags) ?:
		add_text(note, "script", facts->script.data, facts->script.size, &flags) ?:
		add_text(note, "user", starter->user, strlen(starter->user), &flags);
	if (!err && starter->claimed)
		err = json_object_set_new(note, "claimed", json_true());
	if (!err)
		err = add_policy(note, image, mode) ?: add_named(note, &named);
	if (!err && flags)
		err = json_object_set_new(note, "flags", json_integer(flags));
	if (!err)
		err = dump(out, note);
	json_decref(named.list);
	json_decref(note);
	return err ? -ENOMEM : 0;
}

/* --- saying that it is over ----------------------------------------------------------------- */

int run_note_end(struct text *out, const struct run *account, int status, size_t outlived_by)
{
	json_t *note = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				 "status", status < 0 ? json_null() : json_integer(status),
				 "denied", (json_int_t)account->denied,
				 "audited", (json_int_t)account->audited,
				 "allowed", (json_int_t)account->allowed,
				 "submitted", (json_int_t)account->submitted,
				 "lost", (json_int_t)account->lost,
				 "lost_lineage", (json_int_t)account->lost_lineage,
				 "unrecorded", (json_int_t)account->unrecorded,
				 "refused_forks", (json_int_t)account->refused_forks,
				 "repeated", (json_int_t)account->repeated);
	int err = note ? 0 : -ENOMEM;

	if (!err && outlived_by && json_object_set_new(note, "outlived_by", json_integer(outlived_by)))
		err = -ENOMEM;
	if (!err)
		err = dump(out, note);
	json_decref(note);
	return err;
}
