/* SPDX-License-Identifier: BSD-2-Clause */
/* What the renderers read the document with: nothing in it is taken for granted. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

/* "" where there is none. */
static inline const char *report_string(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

/* 0 where there is none. */
static inline json_int_t report_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static inline bool report_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* "" past the end. */
static inline const char *report_item(const json_t *array, size_t index)
{
	const char *string = json_string_value(json_array_get(array, index));

	return string ? string : "";
}

/* The step that a dependency belongs to, or NULL. */
static inline const json_t *report_step(const json_t *report, const json_t *dependency)
{
	const json_t *step = json_object_get(dependency, "step");

	return json_is_integer(step) ?
		json_array_get(json_object_get(report, "steps"), json_integer_value(step)) : NULL;
}

/* "WOULD DENY": what happened, in the words of `ringfence log`. */
static inline const char *report_verdict(const json_t *dependency)
{
	const char *verdict = report_string(dependency, "verdict");

	if (!strcmp(verdict, "deny"))
		return report_true(dependency, "enforced") ? "DENY" : "WOULD DENY";
	return !strcmp(verdict, "audit") ? "AUDIT" : "ALLOW";
}

/* Whether it is worth a place of its own in what people read: not what was allowed and is of no service. */
static inline bool report_is_shown(const json_t *dependency)
{
	return strcmp(report_string(dependency, "verdict"), "allow") ||
	       json_is_string(json_object_get(dependency, "service")) ||
	       json_is_object(json_object_get(dependency, "override"));
}

/* The kinds in the order in which they are shown, and what each means. */
struct report_kind {
	const char *name, *title;
};

static const struct report_kind report_kinds[] = {
	{ "direct", "the deploy asks for it" },
	{ "hidden", "a tool does so by itself" },
	{ "transient", "another service does so on the deploy's behalf" },
	{ "undecided", "it is not known which step it belongs to" },
};
#define REPORT_KINDS (sizeof(report_kinds) / sizeof(report_kinds[0]))
