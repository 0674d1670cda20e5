/* SPDX-License-Identifier: BSD-2-Clause */
#include "report_document.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const kind_names[] = { "direct", "hidden", "transient", "undecided" };
static const char *const verdict_names[] = { "denied", "would have been denied", "audited", "allowed" };

_Static_assert(sizeof(kind_names) / sizeof(*kind_names) == DOCUMENT_KINDS, "each kind has a name");
_Static_assert(sizeof(verdict_names) / sizeof(*verdict_names) == DOCUMENT_VERDICTS,
	       "each verdict has a name");

const char *document_kind_name(enum document_kind kind)
{
	return kind_names[kind];
}

const char *document_verdict_name(enum document_verdict verdict)
{
	return verdict_names[verdict];
}

/* --- values ---------------------------------------------------------------------------------- */

const char *document_string(const json_t *object, const char *key)
{
	const char *string = json_string_value(json_object_get(object, key));

	return string ? string : "";
}

uint64_t document_count(const json_t *object, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(object, key));

	return count > 0 ? count : 0;
}

double document_time(const json_t *object, const char *key)
{
	double ms = json_number_value(json_object_get(object, key));

	if (!(ms > 0))
		return 0;
	return ms < DOCUMENT_TIME_MAX ? ms : DOCUMENT_TIME_MAX;
}

bool document_flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* --- dependencies and steps ------------------------------------------------------------------ */

enum document_kind document_kind_of(const json_t *dependency)
{
	const char *name = document_string(dependency, "kind");

	for (unsigned int i = 0; i < DOCUMENT_KINDS; i++)
		if (!strcmp(name, kind_names[i]))
			return i;
	return DOCUMENT_UNDECIDED;
}

enum document_verdict document_verdict_parse(const char *verdict, bool enforced)
{
	if (!strcmp(verdict, "deny"))
		return enforced ? DOCUMENT_DENIED : DOCUMENT_WOULD_DENY;
	return strcmp(verdict, "audit") ? DOCUMENT_ALLOWED : DOCUMENT_AUDITED;
}

enum document_verdict document_verdict_of(const json_t *dependency)
{
	return document_verdict_parse(document_string(dependency, "verdict"),
				      document_flag(dependency, "enforced"));
}

ssize_t document_step(const json_t *report, const json_t *id)
{
	const json_t *steps = json_object_get(report, "steps"), *step;
	json_int_t wanted = json_integer_value(id);
	size_t i;

	if (!json_is_integer(id))
		return -1;
	/* Ids are counted from 0 on, so that this is the place. */
	step = json_array_get(steps, wanted);
	if (json_is_integer(json_object_get(step, "id")) &&
	    json_integer_value(json_object_get(step, "id")) == wanted)
		return wanted;
	json_array_foreach(steps, i, step)
		if (json_is_integer(json_object_get(step, "id")) &&
		    json_integer_value(json_object_get(step, "id")) == wanted)
			return i;
	return -1;
}

const char *document_step_name(const json_t *step)
{
	const char *name = document_string(step, "name"), *executable = document_string(step, "executable");
	const char *slash = strrchr(executable, '/');

	if (*name)
		return name;
	if (*executable)
		return slash && slash[1] ? slash + 1 : executable;
	return "a process that is not known";
}

void document_command(struct text *out, const json_t *args, bool cut)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg) {
		const char *string = json_string_value(arg);
		bool quoted = string && (!*string || strpbrk(string, " '\"$&;|<>()*?`"));

		if (!string)
			continue;
		text_append_string(out, i ? " " : "");
		text_append_string(out, quoted ? "'" : "");
		text_append_string(out, string);
		text_append_string(out, quoted ? "'" : "");
	}
	text_append_string(out, cut ? " …" : "");
}

void document_counts(struct text *out, const json_t *report)
{
	static const char *const keys[] = { "denied", "would_deny", "audited", "allowed" };
	const json_t *verdict = json_object_get(report, "verdict");
	const char *comma = "";

	_Static_assert(sizeof(keys) / sizeof(*keys) == DOCUMENT_VERDICTS, "each verdict has a count");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (document_count(verdict, keys[i])) {
			text_append_format(out, "%s%" PRIu64 " %s", comma, document_count(verdict, keys[i]),
					   verdict_names[i]);
			comma = ", ";
		}
	text_append_string(out, *comma ? "" : "nothing recorded");
}

/* --- time ------------------------------------------------------------------------------------ */

double document_parse_time(const char *iso)
{
	struct tm tm = {};
	const char *rest = strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm);
	double ms = 0, scale = 100;

	if (!rest)
		return -1;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, scale /= 10)
			ms += scale * (*rest - '0');
	if (strcmp(rest, "Z"))
		return -1;
	return timegm(&tm) * 1e3 + ms;
}

static double later(double a, double b)
{
	return a > b ? a : b;
}

double document_duration(const json_t *report)
{
	double begun = document_parse_time(document_string(report, "begun"));
	double ended = document_parse_time(document_string(report, "ended"));
	double duration = begun >= 0 && ended > begun ? ended - begun : 0;
	const json_t *each;
	size_t i;

	json_array_foreach(json_object_get(report, "steps"), i, each)
		duration = later(duration, document_time(each, "last"));
	json_array_foreach(json_object_get(report, "timeline"), i, each)
		duration = later(duration, document_time(each, "t"));
	return duration < DOCUMENT_TIME_MAX ? duration : DOCUMENT_TIME_MAX;
}

const char *document_span(double ms, char ret_text[DOCUMENT_SPAN_SIZE])
{
	uint64_t seconds = ms / 1e3 + 0.5, minutes = seconds / 60;

	if (ms < 1e3)
		snprintf(ret_text, DOCUMENT_SPAN_SIZE, "%.0f ms", ms);
	else if (ms < 1e4)
		snprintf(ret_text, DOCUMENT_SPAN_SIZE, "%.2f s", ms / 1e3);
	else if (seconds < 60)
		snprintf(ret_text, DOCUMENT_SPAN_SIZE, "%.1f s", ms / 1e3);
	else if (seconds < 3600)
		snprintf(ret_text, DOCUMENT_SPAN_SIZE, "%" PRIu64 " min %" PRIu64 " s", minutes, seconds % 60);
	else
		snprintf(ret_text, DOCUMENT_SPAN_SIZE, "%" PRIu64 " h %" PRIu64 " min", minutes / 60,
			 minutes % 60);
	return ret_text;
}
