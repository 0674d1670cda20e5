/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of a run and its dependencies -> the document. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"

#define NS_PER_MS 1000000
#define NS_PER_SECOND 1000000000

static const char *const verdict_words[] = { "allow", "audit", "deny" };

/* null where it is not known. */
static json_t *string_or_null(const char *string)
{
	return *string ? json_string(string) : json_null();
}

static json_t *text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? json_incref((json_t *)value) : json_string("");
}

/* The strings of an array; whatever else a log that was made up has in it is left out. */
static json_t *strings_of(const json_t *array)
{
	json_t *strings = json_array();
	const json_t *value;
	size_t i;

	json_array_foreach(array, i, value)
		if (json_is_string(value))
			json_array_append(strings, (json_t *)value);
	return strings;
}

static json_t *array_of(const json_t *object, const char *key)
{
	return strings_of(json_object_get(object, key));
}

static json_int_t number_of(const json_t *object, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(object, key));

	return number < 0 ? 0 : number;
}

/* "2027-03-31T14:23:55.123Z" */
static json_t *stamp(bool known, int64_t ns)
{
	time_t seconds = ns / NS_PER_SECOND;
	char text[32];
	struct tm tm;

	if (!known)
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	return json_sprintf("%s.%03" PRId64 "Z", text, ns % NS_PER_SECOND / NS_PER_MS);
}

/* Milliseconds since the run began, or was first heard of. */
static json_t *ms(const struct deps *deps, int64_t ns)
{
	int64_t base = deps->has_begin && deps->begun ? deps->begun : deps->first;

	return json_real((ns - base) / 1000 / 1000.0);
}

/* --- services, steps ---------------------------------------------------------------------- */

static json_t *service_of(const struct deps *deps, const struct deps_service *service)
{
	const json_t *needing = json_object_get(json_object_get(deps->begin, "services"), service->name);

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "name", service->name,
			 "verdict", service->count ? json_string(verdict_words[service->verdict]) : json_null(),
			 "needs", array_of(needing, "needs"), "rule", string_or_null(service->rule),
			 "rule_id", string_or_null(service->rule_id), "why", string_or_null(service->why),
			 "errno", string_or_null(service->err), "count", (json_int_t)service->count);
}

static json_t *services_of(const struct deps *deps)
{
	json_t *services = json_array();

	for (size_t i = 0; i < deps->service_count; i++)
		json_array_append_new(services, service_of(deps, &deps->services[i]));
	return services;
}

static json_t *step_of(const struct deps *deps, size_t number)
{
	const struct deps_step *step = &deps->steps[number];

	return json_pack("{s:I, s:o, s:I, s:s, s:s, s:o, s:b, s:s, s:b, s:b, s:o, s:o}", "id", (json_int_t)number,
			 "parent", step->parent < 0 ? json_null() : json_integer(step->parent),
			 "pid", (json_int_t)step->pid, "entity", step->entity, "executable", step->executable,
			 "args", strings_of(step->args), "args_cut", step->args_cut, "name", step->name,
			 "own", step->own, "unknown_parents", step->unknown_parents,
			 "first", ms(deps, step->first), "last", ms(deps, step->last));
}

static json_t *steps_of(const struct deps *deps)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < deps->step_count; i++)
		json_array_append_new(steps, step_of(deps, i));
	return steps;
}

/* --- dependencies ------------------------------------------------------------------------- */

static json_t *override_of(const struct dependency *dependency)
{
	const struct kind_override *override = dependency->override;
	struct text where = { 0 };
	json_t *place;

	if (!override)
		return json_null();
	text_clean(&where, override->where.file, strlen(override->where.file));
	place = json_sprintf("%.*s:%u", (int)where.size, where.data ? where.data : "", override->where.line);
	text_free(&where);
	return json_pack("{s:s, s:s, s:s, s:o}", "kind", kind_name(dependency->said), "by", override->by,
			 "why", override->why, "where", place);
}

static json_t *peer_of(const struct deps_reach *reach)
{
	if (!reach->peer_pid)
		return json_null();
	return json_pack("{s:I, s:o, s:o, s:o}", "pid", (json_int_t)reach->peer_pid,
			 "name", string_or_null(reach->peer_name),
			 "executable", string_or_null(reach->peer_executable),
			 "unit", string_or_null(reach->peer_unit));
}

static json_t *objects_of(const struct dependency *dependency)
{
	json_t *objects = json_array();

	for (size_t i = 0; i < dependency->object_count; i++)
		json_array_append_new(objects, json_pack("{s:s, s:I}", "object", dependency->objects[i].name,
							 "count", (json_int_t)dependency->objects[i].count));
	return objects;
}

static json_t *dependency_of(const struct deps *deps, const struct dependency *dependency)
{
	const struct deps_reach *reach = dependency->reach;
	json_t *judged = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o}",
				   "verdict", verdict_words[reach->verdict], "enforced", reach->enforced,
				   "errno", string_or_null(reach->err), "rule", string_or_null(reach->rule),
				   "rule_id", string_or_null(reach->rule_id), "why", string_or_null(reach->why),
				   "reason", string_or_null(reach->reason));
	json_t *json = json_pack("{s:s, s:s, s:o, s:s, s:s, s:O, s:o, s:b, s:o, s:o, s:o, s:o, s:O}",
				 "id", dependency->id, "what", dependency->what,
				 "service", string_or_null(dependency->service), "class", reach->class,
				 "kind", kind_name(dependency->kind), "evidence", dependency->evidence,
				 "override", override_of(dependency), "handoff", dependency->handoff,
				 "peer", peer_of(reach), "via", string_or_null(dependency->via),
				 "loop", dependency->loop ? json_incref(dependency->loop) : json_null(),
				 "step", dependency->step < 0 ? json_null() : json_integer(dependency->step),
				 "reached_by", dependency->reached_by);
	json_t *rest = json_pack("{s:I, s:o, s:o, s:o, s:I, s:s, s:s}", "count", (json_int_t)dependency->count,
				 "first", ms(deps, dependency->first), "last", ms(deps, dependency->last),
				 "objects", objects_of(dependency),
				 "more_objects", (json_int_t)dependency->more_objects,
				 "breaks", dependency->breaks, "suggestion", dependency->suggestion);

	json_object_update(json, judged);
	json_object_update(json, rest);
	json_decref(judged);
	json_decref(rest);
	return json;
}

static json_t *dependencies_of(const struct deps *deps, const struct classified *classified)
{
	json_t *dependencies = json_array();

	for (size_t i = 0; i < classified->count; i++)
		json_array_append_new(dependencies, dependency_of(deps, &classified->list[i]));
	return dependencies;
}

/* --- the timeline ------------------------------------------------------------------------- */

static int by_dependency(const void *a, const void *b)
{
	const struct deps_point *x = a, *y = b;

	if (x->reach != y->reach)
		return x->reach < y->reach ? -1 : 1;
	return x->t < y->t ? -1 : x->t > y->t;
}

static int by_time(const void *a, const void *b)
{
	const struct deps_point *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return x->reach < y->reach ? -1 : x->reach > y->reach;
}

/* One point of those of a dependency in a bucket. Returns how many are left. */
static size_t gather(struct deps_point *points, size_t count, int64_t base, int64_t bucket)
{
	size_t kept = 0;

	qsort(points, count, sizeof(*points), by_dependency);
	for (size_t i = 1; i < count; i++)
		if (points[i].reach == points[kept].reach &&
		    (points[i].t - base) / bucket == (points[kept].t - base) / bucket)
			points[kept].count += points[i].count;
		else
			points[++kept] = points[i];
	return count ? kept + 1 : 0;
}

/* The points of the model with dependencies in the place of reaches, few enough. *ret_bucket: ns that one stands
 * for. For free(), or NULL. */
static struct deps_point *points_of(const struct deps *deps, const struct classified *classified,
				    size_t *ret_count, int64_t *ret_bucket)
{
	struct deps_point *points = calloc(deps->point_count + 1, sizeof(*points));
	size_t count = deps->point_count;
	int64_t bucket = deps->bucket ? deps->bucket : 1000;

	if (!points)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		points[i] = deps->points[i];
		points[i].reach = classified->of_reach[points[i].reach];
	}
	count = gather(points, count, deps->base, bucket);
	while (count > REPORT_TIMELINE_MAX && bucket / 2 < deps->last - deps->first) {
		bucket *= 2;
		count = gather(points, count, deps->base, bucket);
	}
	qsort(points, count, sizeof(*points), by_time);
	*ret_count = count;
	*ret_bucket = bucket;
	return points;
}

/* Where there are more dependencies than points, the first are drawn. */
static json_t *timeline_of(const struct deps *deps, const struct classified *classified, int64_t *ret_bucket)
{
	size_t count = 0;
	struct deps_point *points = points_of(deps, classified, &count, ret_bucket);
	json_t *timeline = points ? json_array() : NULL;

	for (size_t i = 0; i < count && i < REPORT_TIMELINE_MAX; i++) {
		const struct dependency *dependency = &classified->list[points[i].reach];

		json_array_append_new(timeline, json_pack("{s:o, s:o, s:I, s:s, s:I}", "t", ms(deps, points[i].t),
			"step", dependency->step < 0 ? json_null() : json_integer(dependency->step),
			"dependency", (json_int_t)points[i].reach,
			"verdict", verdict_words[dependency->reach->verdict],
			"count", (json_int_t)points[i].count));
	}
	free(points);
	return timeline;
}

/* --- what may be missing ------------------------------------------------------------------ */

static void note(json_t *notes, json_t *sentence)
{
	if (sentence)
		json_array_append_new(notes, sentence);
}

/* Records of the run that the kernel submitted, that of its beginning among them, and that are in no line. */
static json_int_t missing_lines(const struct deps *deps)
{
	json_int_t submitted = number_of(deps->end, "submitted") - number_of(deps->end, "lost");
	json_int_t logged = deps->records + deps->has_begin;

	return submitted > logged ? submitted - logged : 0;
}

static void note_begin_and_end(const struct deps *deps, json_t *notes)
{
	const char *record = json_string_value(json_object_get(deps->begin, "record"));

	if (!deps->has_begin)
		note(notes, json_string("The log does not tell how the run began: what the script and the environment "
					"name, and what services need, is not known."));
	if (!deps->has_end)
		note(notes, json_string("The log does not tell how the run ended: it goes on, its launcher was "
					"killed, or the log is of an older ringfence."));
	if (json_is_true(json_object_get(deps->begin, "claimed")))
		note(notes, json_string("What is told of how the run began comes from the user who started it."));
	if (number_of(deps->end, "outlived_by"))
		note(notes, json_sprintf("%" JSON_INTEGER_FORMAT " of its processes lived on after its end.",
					 number_of(deps->end, "outlived_by")));
	if (record && !strcmp(record, "denied"))
		note(notes, json_string("Only what deny and audit rules decide is recorded (record: denied): other "
					"dependencies do not show."));
	if (record && !strcmp(record, "matched"))
		note(notes, json_string("Only what a rule matched is recorded (record: matched): other dependencies "
					"do not show."));
}

static void note_lines(const struct deps *deps, json_t *notes)
{
	const struct journal_counts *log = &deps->log;

	if (log->torn)
		note(notes, json_sprintf("%" PRIu64 " line%s of the log %s cut, of whichever run.", log->torn,
					 log->torn == 1 ? "" : "s", log->torn == 1 ? "is" : "are"));
	if (log->damaged)
		note(notes, json_sprintf("%" PRIu64 " compressed file%s of the log %s damaged or %s no end: what follows "
					 "there is missing, of whichever run.", log->damaged,
					 log->damaged == 1 ? "" : "s", log->damaged == 1 ? "is" : "are",
					 log->damaged == 1 ? "has" : "have"));
	if (log->newer)
		note(notes, json_sprintf("%" PRIu64 " line%s of the log %s of a newer ringfence and could not be "
					 "read.", log->newer, log->newer == 1 ? "" : "s", log->newer == 1 ? "is" : "are"));
	if (missing_lines(deps))
		note(notes, json_sprintf("Records of the run that are not in the log, since it was cut or rotated "
					 "away: %" JSON_INTEGER_FORMAT ".", missing_lines(deps)));
}

static void note_gathered(const struct deps *deps, int64_t bucket, json_t *notes)
{
	if (deps->reaches_gathered)
		note(notes, json_sprintf("%" PRIu64 " of the records are of objects that had no room of their own: "
					 "they are gathered under \"more\".", deps->reaches_gathered));
	if (deps->needs_gathered)
		note(notes, json_sprintf("%" PRIu64 " services that are needed in turn have no room of their own and are "
					 "left out.", deps->needs_gathered));
	if (deps->steps_gathered)
		note(notes, json_sprintf("The run has more than %d steps: what further ones did counts as their "
					 "parents'.", DEPS_STEPS_MAX));
	if (bucket > NS_PER_MS)
		note(notes, json_sprintf("A point of the timeline stands for %.4g s.", (double)bucket / NS_PER_SECOND));
}

static json_t *completeness_of(const struct deps *deps, int64_t bucket)
{
	json_int_t lost = number_of(deps->end, "lost");
	json_t *notes = json_array();
	bool complete;

	if (lost < (json_int_t)deps->log.lost)
		lost = deps->log.lost;
	note_begin_and_end(deps, notes);
	note_lines(deps, notes);
	note_gathered(deps, bucket, notes);
	complete = !lost && !number_of(deps->end, "lost_lineage") && !number_of(deps->end, "unrecorded") &&
		!deps->incomplete && !deps->log.damaged && !deps->log.torn && !deps->log.newer && !missing_lines(deps) &&
		!deps->reaches_gathered && !deps->steps_gathered && !deps->needs_gathered &&
		!number_of(deps->end, "outlived_by");
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:o}", "complete", complete, "lost", lost,
			 "lost_lineage", number_of(deps->end, "lost_lineage"),
			 "unrecorded", number_of(deps->end, "unrecorded"),
			 "refused_forks", number_of(deps->end, "refused_forks"),
			 "repeated", number_of(deps->end, "repeated"),
			 "lineage_incomplete", (json_int_t)deps->incomplete, "liveness", deps->liveness,
			 "notes", notes);
}

/* --- the document ------------------------------------------------------------------------- */

static json_t *verdict_of(const struct deps *deps, const struct classified *classified)
{
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I}", "sentence", classified->sentence,
			 "loop", classified->loop, "denied", (json_int_t)deps->denied,
			 "would_deny", (json_int_t)deps->would_deny, "audited", (json_int_t)deps->audited,
			 "allowed", (json_int_t)deps->allowed);
}

static json_t *log_of(const struct journal_counts *log)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "files", (json_int_t)log->files,
			 "damaged", (json_int_t)log->damaged,
			 "lines", (json_int_t)log->lines, "records", (json_int_t)log->records,
			 "torn", (json_int_t)log->torn, "foreign", (json_int_t)log->foreign,
			 "not_utf8", (json_int_t)log->not_utf8, "newer", (json_int_t)log->newer);
}

static json_t *status_of(const struct deps *deps)
{
	const json_t *status = json_object_get(deps->end, "status");

	return json_is_integer(status) ? json_incref((json_t *)status) : json_null();
}

json_t *report_json(const struct deps *deps, const struct classified *classified)
{
	int64_t bucket = 0;
	json_t *timeline = timeline_of(deps, classified, &bucket);

	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "report", REPORT_VERSION, "run", deps->run, "tag", deps->tag, "policy", deps->policy,
			 "mode", deps->mode, "begun", stamp(deps->has_begin, deps->begun),
			 "ended", stamp(deps->has_end, deps->ended), "status", status_of(deps),
			 "command", array_of(deps->begin, "command"), "directory", text_of(deps->begin, "directory"),
			 "script", text_of(deps->begin, "script"), "verdict", verdict_of(deps, classified),
			 "services", services_of(deps), "steps", steps_of(deps),
			 "dependencies", dependencies_of(deps, classified), "timeline", timeline,
			 "completeness", completeness_of(deps, bucket), "log", log_of(&deps->log));
}
