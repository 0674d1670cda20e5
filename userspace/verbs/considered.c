/* SPDX-License-Identifier: BSD-2-Clause */
#include "considered.h"

#include <string.h>

#include "../../policy/show.h"
#include "../base/text.h"

#define ENTRY_COLUMNS 40		/* longer entries move what is behind them */

/* --- JSON ---------------------------------------------------------------------------------- */

/* Of bytes that are anything: paths are. */
static json_t *shown_string(const char *bytes)
{
	char shown[1024];

	text_show(bytes, shown, sizeof(shown));
	return json_string(shown);
}

static json_t *place(const struct diag_where *where)
{
	char text[1024];

	if (!where->line)
		return json_null();
	snprintf(text, sizeof(text), "%s:%u", where->file, where->line);
	return shown_string(text);
}

/* A string, or null for "". */
static json_t *string_or_null(const char *string)
{
	return *string ? shown_string(string) : json_null();
}

static json_t *entry_json(const struct considered *entry)
{
	json_t *json = json_object();
	int err;

	err = json_object_set_new(json, "service", string_or_null(entry->service));
	err |= json_object_set_new(json, "entry", shown_string(entry->entry));
	err |= json_object_set_new(json, "entry_where", place(&entry->entry_where));
	err |= json_object_set_new(json, "rule", string_or_null(entry->rule));
	err |= json_object_set_new(json, "where", string_or_null(entry->rule_where));
	err |= json_object_set_new(json, "verdict", json_string(show_verdict(entry->verdict)));
	err |= json_object_set_new(json, "matches", json_boolean(entry->matches));
	err |= json_object_set_new(json, "wins", json_boolean(entry->wins));
	err |= json_object_set_new(json, "why", json_string(entry->why));
	if (!err)
		return json;
	json_decref(json);
	return NULL;
}

json_t *considered_json(const struct consideration *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		if (!json_array_append_new(array, entry_json(&list->list[i])))
			continue;
		json_decref(array);
		return NULL;
	}
	return array;
}

/* --- text ---------------------------------------------------------------------------------- */

static const char *string_at(const json_t *json, const char *key)
{
	const char *string = json_string_value(json_object_get(json, key));

	return string ? string : "";
}

void considered_print(const json_t *array, FILE *out, const struct term_style *style)
{
	const json_t *entry;
	size_t i, width = 0;

	json_array_foreach(array, i, entry) {
		size_t size = strlen(string_at(entry, "entry"));

		if (size > width && size <= ENTRY_COLUMNS)
			width = size;
	}
	fputs("considered, the most specific first:\n", out);
	json_array_foreach(array, i, entry) {
		bool wins = json_is_true(json_object_get(entry, "wins"));
		const char *rule = string_at(entry, "rule");

		fprintf(out, "  %s%-4s  %-*s  %s", wins ? style->bold : "", wins ? "wins" : "", (int)width,
			string_at(entry, "entry"), *rule ? rule : string_at(entry, "verdict"));
		if (*rule)
			fprintf(out, " (%s)", string_at(entry, "where"));
		fprintf(out, ": %s%s\n", string_at(entry, "why"), wins ? style->reset : "");
	}
}
