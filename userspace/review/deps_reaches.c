/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deps_private.h"
#include "program.h"

#define NS_PER_MS 1000000
#define NS_PER_SECOND 1000000000
#define REACHES_SPARE 64		/* for what is gathered: one of each class, verdict and mode */

/* --- what a line says --------------------------------------------------------------------- */

static int digits_at(const char *text, size_t count)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		if (!isdigit((unsigned char)text[i]))
			return -1;
		value = value * 10 + text[i] - '0';
	}
	return value;
}

/* "2027-03-31T14:23:55.123456789Z" */
int64_t deps_time_of(const struct audit_line *line)
{
	const char *stamp = line->timestamp;
	int64_t ns = 0, unit = NS_PER_SECOND / 10;
	struct tm tm = { 0 };

	if (strlen(stamp) < sizeof("2027-03-31T14:23:55") - 1)
		return 0;
	tm.tm_year = digits_at(stamp, 4) - 1900;
	tm.tm_mon = digits_at(stamp + 5, 2) - 1;
	tm.tm_mday = digits_at(stamp + 8, 2);
	tm.tm_hour = digits_at(stamp + 11, 2);
	tm.tm_min = digits_at(stamp + 14, 2);
	tm.tm_sec = digits_at(stamp + 17, 2);
	if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
		return 0;
	if (tm.tm_year > 200)		/* past what 64 bits of ns can tell */
		return 0;
	for (stamp += 20; unit && stamp[-1] && isdigit((unsigned char)*stamp); stamp++, unit /= 10)
		ns += (*stamp - '0') * unit;
	return (int64_t)timegm(&tm) * NS_PER_SECOND + ns;
}

static const char *class_of(const struct audit_line *line)
{
	const char *type = json_string_value(json_object_get(json_object_get(line->root, "network"), "type"));

	if (!strcmp(line->category, "network"))
		return type && !strcmp(type, "unix") ? "socket" : "net";
	if (!strcmp(line->category, "file"))
		return "file";
	if (!strcmp(line->category, "process"))
		return "exec";
	return !strcmp(line->category, "configuration") ? "kernel" : "fence";
}

static enum deps_verdict verdict_of(const struct audit_line *line)
{
	if (!strcmp(line->verdict, "deny"))
		return DEPS_DENY;
	return !strcmp(line->verdict, "audit") ? DEPS_AUDIT : DEPS_ALLOW;
}

static void append_network(struct text *out, const struct audit_line *line)
{
	bool v6 = strchr(line->ip, ':') != NULL;

	if (*line->address)
		text_append_string(out, line->address);
	else if (!*line->ip)
		text_append_string(out, "(address not known)");
	else if (!*line->transport)
		text_append_string(out, line->ip);
	else
		text_append_format(out, "%s%s%s:%llu/%s", v6 ? "[" : "", line->ip, v6 ? "]" : "",
				   (unsigned long long)line->port, line->transport);
}

/* What was reached for, as it is, not fit for a terminal yet; for a file without @how it was. */
static const char *object_of(struct deps *deps, const struct audit_line *line, bool how)
{
	struct text *out = &deps->memory->scratch;

	out->size = 0;
	if (!strcmp(line->category, "network"))
		append_network(out, line);
	else if (*line->act)
		text_append_string(out, line->act);
	else
		text_append_string(out, *line->path ? line->path : "(path not known)");
	if (how && !strcmp(line->category, "file") && *line->access)
		text_append_format(out, " (%s)", line->access);
	text_append(out, "", 1);
	deps->memory->failed |= out->failed;
	return out->failed ? "" : deps->memory->scratch.data;
}

/* --- the timeline ------------------------------------------------------------------------- */

static int by_reach(const void *a, const void *b)
{
	const struct deps_point *x = a, *y = b;

	if (x->reach != y->reach)
		return x->reach < y->reach ? -1 : 1;
	return x->t < y->t ? -1 : x->t > y->t;
}

static int by_time(const void *a, const void *b)
{
	const struct deps_point *x = a, *y = b;

	return x->t < y->t ? -1 : x->t > y->t;
}

static bool same_bucket(const struct deps *deps, int64_t a, int64_t b)
{
	return deps->bucket ? (a - deps->base) / deps->bucket == (b - deps->base) / deps->bucket : a == b;
}

/* Makes buckets twice as wide, and one point of those of a reach in one. */
static void widen(struct deps *deps)
{
	struct deps_point *points = deps->points;
	size_t kept = 0;

	deps->bucket = deps->bucket ? 2 * deps->bucket : NS_PER_MS;
	qsort(points, deps->point_count, sizeof(*points), by_reach);
	for (size_t i = 1; i < deps->point_count; i++)
		if (points[i].reach == points[kept].reach && same_bucket(deps, points[i].t, points[kept].t))
			points[kept].count += points[i].count;
		else
			points[++kept] = points[i];
	deps->point_count = kept + 1;
}

static void gather_points(struct deps *deps)
{
	while (deps->point_count > DEPS_POINTS_MAX && deps->bucket / 2 < deps->last - deps->first)
		widen(deps);
	qsort(deps->points, deps->point_count, sizeof(*deps->points), by_time);
	for (size_t i = 0; i < deps->point_count; i++)
		deps->reaches[deps->points[i].reach].point = i + 1;
}

static void add_point(struct deps *deps, size_t reach, int64_t t)
{
	size_t last = deps->reaches[reach].point;

	if (last && same_bucket(deps, deps->points[last - 1].t, t)) {
		deps->points[last - 1].count++;
		return;
	}
	if (!deps->point_count)
		deps->base = t;
	if (deps->point_count == POINTS_ROOM)
		gather_points(deps);
	if (deps->point_count == POINTS_ROOM)
		return;			/* times of a log that was made up: counted, and not drawn */
	deps->points[deps->point_count++] = (struct deps_point){ .t = t, .reach = reach, .count = 1 };
	deps->reaches[reach].point = deps->point_count;
}

/* --- services ----------------------------------------------------------------------------- */

/* The number of the service + 1; 0 for none, and where there is no room. */
static size_t service_get(struct deps *deps, const char *name)
{
	for (size_t i = 0; i < deps->service_count; i++)
		if (!strcmp(deps->services[i].name, name))
			return i + 1;
	if (!*name || deps->service_count == DEPS_SERVICES_MAX)
		return 0;
	deps->services[deps->service_count] = (struct deps_service){
		.name = deps_keep(deps, name), .err = "", .rule = "", .rule_id = "", .why = "",
	};
	return ++deps->service_count;
}

static void count_service(struct deps *deps, const struct deps_reach *reach)
{
	struct deps_service *service;

	if (!reach->of_service)
		return;
	service = &deps->services[reach->of_service - 1];
	if (!service->count++ || reach->verdict > service->verdict) {
		service->verdict = reach->verdict;
		service->err = reach->err;
		service->rule = reach->rule;
		service->rule_id = reach->rule_id;
		service->why = reach->why;
	}
}

/* Those that others need, though nothing may have reached for them. */
static void add_needed(struct deps *deps)
{
	const json_t *services = json_object_get(deps->begin, "services"), *service, *need;
	const char *name;
	size_t i;

	json_object_foreach((json_t *)services, name, service) {
		service_get(deps, name);
		json_array_foreach(json_object_get(service, "needs"), i, need)
			if (json_is_string(need))
				service_get(deps, json_string_value(need));
	}
}

/* --- reaches ------------------------------------------------------------------------------ */

static void hash_verdict(struct deps *deps, const struct audit_line *line)
{
	deps_hash_number(deps, verdict_of(line) << 1 | line->enforced);
}

static uint64_t reach_hash(struct deps *deps, const struct audit_line *line, const char *what, int step)
{
	deps_hash_begin(deps);
	deps_hash_string(deps, what);
	deps_hash_string(deps, line->service);
	deps_hash_string(deps, class_of(line));
	deps_hash_number(deps, step);
	hash_verdict(deps, line);
	deps_hash_string(deps, line->err);
	deps_hash_string(deps, line->rule_id);
	deps_hash_string(deps, line->reason);
	deps_hash_number(deps, line->peer_pid);
	deps_hash_string(deps, line->peer_entity);
	deps_hash_number(deps, program_is_launcher(line));
	return deps_hash_end(deps);
}

static size_t reach_add(struct deps *deps, uint64_t hash, struct deps_reach reach)
{
	deps->reaches[deps->reach_count] = reach;
	deps_put(&deps->memory->reaches, hash, deps->reach_count);
	return deps->reach_count++;
}

/* What has no room of its own is gathered by class and verdict. */
static size_t reach_more(struct deps *deps, const struct audit_line *line)
{
	uint64_t hash;
	int found;

	deps->reaches_gathered++;
	deps_hash_begin(deps);
	deps_hash_string(deps, class_of(line));
	hash_verdict(deps, line);
	hash = deps_hash_end(deps);
	found = deps_find(&deps->memory->reaches, hash);
	return found >= 0 ? (size_t)found : reach_add(deps, hash, (struct deps_reach){
		.what = "more", .service = "", .class = class_of(line), .step = -1, .more = true,
		.verdict = verdict_of(line), .enforced = line->enforced, .err = "", .rule = "", .rule_id = "",
		.why = "", .reason = "", .peer_name = "", .peer_executable = "", .peer_unit = "",
		.peer_entity = "",
	});
}

static bool has_room(const struct deps *deps, bool seen)
{
	return deps->reach_count < DEPS_REACHES_MAX - REACHES_SPARE &&
	       (!seen || deps->memory->seen < DEPS_SEEN_MAX);
}

struct deps_reach deps_describe(struct deps *deps, const struct audit_line *line, const char *what)
{
	return (struct deps_reach){
		.what = deps_keep(deps, what),
		.service = deps_keep(deps, line->service),
		.class = class_of(line),
		.step = -1,
		.verdict = verdict_of(line),
		.enforced = line->enforced,
		.err = deps_keep(deps, line->err),
		.rule = deps_keep(deps, line->rule),
		.rule_id = deps_keep(deps, line->rule_id),
		.why = deps_keep(deps, line->why),
		.reason = deps_keep(deps, line->reason),
		.peer_name = deps_keep(deps, line->peer_name),
		.peer_executable = deps_keep(deps, line->peer_executable),
		.peer_unit = deps_keep(deps, line->peer_unit),
		.peer_entity = deps_keep(deps, line->peer_entity),
		.peer_pid = line->peer_pid,
		.local = line->local,
		.peer_unknown = line->peer_unknown,
	};
}

char *deps_what(struct deps *deps, const struct audit_line *line)
{
	char *what = strdup(*line->service ? line->service : object_of(deps, line, false));

	deps->memory->failed |= !what;
	return what;
}

static size_t reach_new(struct deps *deps, const struct audit_line *line, const char *what, int step, uint64_t hash)
{
	bool seen = verdict_of(line) == DEPS_ALLOW && !*line->service;
	struct deps_reach reach;

	if (!has_room(deps, seen))
		return reach_more(deps, line);
	deps->memory->seen += seen;
	reach = deps_describe(deps, line, what);
	reach.step = step;
	reach.launch = program_is_launcher(line);
	reach.of_service = service_get(deps, line->service);
	return reach_add(deps, hash, reach);
}

static size_t reach_get(struct deps *deps, const struct audit_line *line, int step)
{
	char *what = deps_what(deps, line);
	uint64_t hash = reach_hash(deps, line, what ? what : "", step);
	int found = deps_find(&deps->memory->reaches, hash);
	size_t number = found >= 0 ? (size_t)found : reach_new(deps, line, what ? what : "", step, hash);

	free(what);
	return number;
}

static void count_object(struct deps *deps, struct deps_reach *reach, const char *object)
{
	for (size_t i = 0; i < reach->object_count; i++)
		if (!strcmp(reach->objects[i].name, object)) {
			reach->objects[i].count++;
			return;
		}
	if (reach->object_count == DEPS_OBJECTS_MAX) {
		reach->more_objects++;
		return;
	}
	reach->objects[reach->object_count++] = (struct deps_object){ deps_keep(deps, object), 1 };
}

static void count_verdict(struct deps *deps, const struct deps_reach *reach)
{
	if (reach->verdict == DEPS_ALLOW)
		deps->allowed++;
	else if (reach->verdict == DEPS_AUDIT)
		deps->audited++;
	else if (reach->enforced)
		deps->denied++;
	else
		deps->would_deny++;
}

void deps_count(struct deps *deps, struct deps_reach *reach, const struct audit_line *line, int64_t t)
{
	reach->incomplete += line->incomplete;
	if (!reach->count++ || t < reach->first)
		reach->first = t;
	if (t > reach->last)
		reach->last = t;
	count_object(deps, reach, object_of(deps, line, true));
}

void deps_reaches_take(struct deps *deps, const struct audit_line *line, int64_t t, int step)
{
	size_t number = reach_get(deps, line, step);
	struct deps_reach *reach = &deps->reaches[number];

	deps->records++;
	deps->incomplete += line->incomplete;
	deps_count(deps, reach, line, t);
	count_verdict(deps, reach);
	count_service(deps, reach);
	add_point(deps, number, t);
	deps_steps_seen(deps, step, t);
}

void deps_reaches_finish(struct deps *deps)
{
	add_needed(deps);
	gather_points(deps);
}
