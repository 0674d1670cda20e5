/* SPDX-License-Identifier: BSD-2-Clause */
/* What the renderers for text share, besides report_document.h. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "report_document.h"

/* "" past the end. */
static inline const char *report_item(const json_t *array, size_t index)
{
	const char *string = json_string_value(json_array_get(array, index));

	return string ? string : "";
}

/* The step that a dependency belongs to, or NULL. */
static inline const json_t *report_step(const json_t *report, const json_t *dependency)
{
	ssize_t step = document_step(report, json_object_get(dependency, "step"));

	return step < 0 ? NULL : json_array_get(json_object_get(report, "steps"), step);
}

/* "WOULD DENY": what happened, in the words of `ringfence log`. */
static inline const char *report_verdict(const json_t *dependency)
{
	static const char *const words[] = { "DENY", "WOULD DENY", "AUDIT", "ALLOW" };

	_Static_assert(sizeof(words) / sizeof(words[0]) == DOCUMENT_VERDICTS, "a word per verdict");
	return words[document_verdict_of(dependency)];
}

/* Whether it is worth a place of its own in what people read: not what was allowed, is of no service, and stays
 * within the run. */
static inline bool report_is_shown(const json_t *dependency)
{
	return document_verdict_of(dependency) != DOCUMENT_ALLOWED ||
	       json_is_string(json_object_get(dependency, "service")) ||
	       json_is_true(json_object_get(dependency, "handoff")) ||
	       json_is_object(json_object_get(dependency, "override"));
}

/* What each kind means. */
static inline const char *report_kind_title(enum document_kind kind)
{
	static const char *const titles[] = {
		"the deploy asks for it", "a tool does so by itself",
		"another service does so on the deploy's behalf", "it is not known which step it belongs to",
	};

	_Static_assert(sizeof(titles) / sizeof(titles[0]) == DOCUMENT_KINDS, "a title per kind");
	return titles[kind];
}
