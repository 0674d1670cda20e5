/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deps_private.h"
#include "program.h"

/* --- lines -------------------------------------------------------------------------------- */

/* What is told of the fence: what was the case when the run began, and all that came until its end. */
static void take_liveness(struct deps *deps, const struct audit_line *line)
{
	bool released = !strcmp(line->action, "release");
	json_t *text = json_sprintf("%.23s %s%s%s", line->timestamp, line->act, released ? ": " : "",
				    released ? line->reason : "");

	if (!deps->first)
		json_array_clear(deps->liveness);
	if (text && json_array_size(deps->liveness) < DEPS_LIVENESS_MAX &&
	    (deps->first || !strstr(line->act, "holds again")))
		json_array_append(deps->liveness, text);
	json_decref(text);
}

static void take_begin(struct deps *deps, const struct audit_line *line, int64_t t)
{
	const json_t *process = json_object_get(line->root, "process");
	const char *entity = json_string_value(json_object_get(process, "entity_id"));

	deps->has_begin = true;
	deps->begun = t;
	deps->memory->root = deps_keep(deps, entity ? entity : "");
	json_decref(deps->begin);
	deps->begin = json_incref((json_t *)line->begin);
}

static void take_end(struct deps *deps, const struct audit_line *line, int64_t t)
{
	deps->has_end = true;
	deps->ended = t;
	json_decref(deps->end);
	deps->end = json_incref((json_t *)line->end);
}

/* The first that says so, and a release or the like has none. */
static void take_names(struct deps *deps, const struct audit_line *line)
{
	if (!*deps->tag)
		deps->tag = deps_keep(deps, line->tag);
	if (!*deps->policy)
		deps->policy = deps_keep(deps, line->policy);
	if (!*deps->mode)
		deps->mode = deps_keep(deps, line->mode);
}

/* @step: -1 where the line is to tell. */
static int take(struct deps *deps, const struct audit_line *line, bool is_known, int step)
{
	int64_t t = deps_time_of(line);

	if (!deps->first || t < deps->first)
		deps->first = t;
	if (t > deps->last)
		deps->last = t;
	take_names(deps, line);
	if (!strcmp(line->action, "run-begin")) {
		take_begin(deps, line, t);
	} else if (!strcmp(line->action, "run-end")) {
		take_end(deps, line, t);
	} else {
		if (!is_known) {
			step = deps_step_of(deps, line);
			/* Without its process, a line does not tell that it is the launcher's. */
			if (!program_is_launcher(line))
				deps_lineage_keep(deps, step);
		}
		deps_reaches_take(deps, line, t, step);
	}
	return deps->memory->failed ? -ENOMEM : 0;
}

static int take_line(void *ctx, const struct audit_line *line)
{
	struct deps *deps = ctx;

	if (strcmp(line->run, deps->run) && strcmp(line->action, "liveness"))
		return 0;
	if (strcmp(line->action, "liveness") && strcmp(line->action, "release"))
		return take(deps, line, false, -1);
	/* What comes behind the end is no concern of the run. */
	if (!deps->has_end)
		take_liveness(deps, line);
	return deps->memory->failed ? -ENOMEM : 0;
}

/* Takes a line whose process is known: it is short without that, and need not be parsed as a whole. */
static bool take_known(void *ctx, const char *text, size_t size)
{
	struct deps *deps = ctx;
	struct audit_line line;
	bool own;
	int step;

	if (!deps_lineage_known(deps, text, size, &line, &step))
		return false;
	own = !strcmp(line.run, deps->run) && !audit_line_is_note(&line) && strcmp(line.action, "liveness") &&
		strcmp(line.action, "release");
	if (own)
		take(deps, &line, true, step);
	audit_line_free(&line);
	return own;
}

/* --- all of it ---------------------------------------------------------------------------- */

static int deps_new(const char *run, struct deps *ret_deps)
{
	struct deps deps = {
		.tag = "", .policy = "", .mode = "", .liveness = json_array(),
		.steps = calloc(DEPS_STEPS_MAX, sizeof(*deps.steps)),
		.reaches = calloc(DEPS_REACHES_MAX, sizeof(*deps.reaches)),
		.points = calloc(POINTS_ROOM, sizeof(*deps.points)),
		.services = calloc(DEPS_SERVICES_MAX, sizeof(*deps.services)),
		.works = calloc(DEPS_WORKS_MAX, sizeof(*deps.works)),
		.memory = deps_memory_new(),
	};

	if (deps.memory && deps.steps && deps.reaches && deps.points && deps.services && deps.works && deps.liveness) {
		snprintf(deps.run, sizeof(deps.run), "%s", run);
		*ret_deps = deps;
		return 0;
	}
	deps_free(&deps);
	return -ENOMEM;
}

int deps_read(const char *const *paths, size_t count, const char *run, struct deps *ret_deps,
	      const char **ret_reading)
{
	struct journal_options options = { .run = run, .liveness = true, .progress = true, .known = take_known };
	struct deps deps;
	int err = deps_new(run, &deps);

	if (err)
		return err;
	err = journal_read(paths, count, &options, take_line, &deps, &deps.log) ?:
		deps_read_peers(&deps, paths, count);
	if (!err) {
		deps_reaches_finish(&deps);
		deps_steps_finish(&deps);
		err = deps.memory->failed ? -ENOMEM : 0;
	}
	*ret_reading = deps.log.reading;
	if (err)
		deps_free(&deps);
	else
		*ret_deps = deps;
	return err;
}

void deps_free(struct deps *deps)
{
	for (size_t i = 0; i < deps->step_count; i++)
		json_decref((json_t *)deps->steps[i].args);
	deps_memory_free(deps->memory);
	free(deps->steps);
	free(deps->reaches);
	free(deps->points);
	free(deps->services);
	free(deps->works);
	json_decref(deps->begin);
	json_decref(deps->end);
	json_decref(deps->liveness);
	*deps = (struct deps){ 0 };
}
