/* SPDX-License-Identifier: BSD-2-Clause */
#include "run_note.h"

#include <string.h>

#include "text.h"
#include "../lsm/abi.h"

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
	{ "record", is_record, true },
	{ "flags", is_number, false },
};

/* --- the end -------------------------------------------------------------------------------- */

static const struct key end_keys[] = {
	{ "status", is_status, true },
	{ "denied", is_number, true },
	{ "audited", is_number, true },
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
