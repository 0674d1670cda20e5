/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes of a run and their ancestors as steps: programs, each with what started it. */
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "deps_private.h"
#include "program.h"

#define ANCESTORS_MAX 64		/* of a line, however many it has */

/* --- images ------------------------------------------------------------------------------- */

/* A program as a line shows it, in which process. */
struct image {
	struct program program;
	const char *entity;
	uint64_t pid, hash;
};

static const char *string_of(const json_t *value)
{
	const char *string = json_string_value(value);

	return string ? string : "";
}

static struct image image_of(struct deps *deps, const json_t *process, const char *comm)
{
	json_int_t pid = json_integer_value(json_object_get(process, "pid"));
	struct image image = {
		.program.executable = string_of(json_object_get(process, "executable")),
		.program.args = json_object_get(process, "args"),
		.program.comm = comm,
		.entity = string_of(json_object_get(process, "entity_id")),
		.pid = pid < 0 ? 0 : pid,
	};
	const json_t *arg;
	size_t i;

	deps_hash_begin(deps);
	/* A program that renames its threads is still one. */
	deps_hash_string(deps, *image.program.executable ? image.program.executable : comm);
	json_array_foreach(image.program.args, i, arg)
		deps_hash_string(deps, string_of(arg));
	image.hash = deps_hash_end(deps);
	return image;
}

/* --- steps -------------------------------------------------------------------------------- */

/* Copies of arguments, those that have room. */
static json_t *keep_args(struct deps *deps, const json_t *args, bool *ret_cut)
{
	json_t *kept = json_array();
	size_t left = DEPS_ARGS_MAX, i;
	const json_t *arg;

	json_array_foreach(args, i, arg) {
		size_t size = json_string_length(arg), part = text_cut(string_of(arg), size, left);

		*ret_cut |= part < size;
		if (!left || json_array_append_new(kept, json_stringn(string_of(arg), part)))
			break;
		left -= part < left ? part + 1 : left;
	}
	*ret_cut |= i < json_array_size(args);
	deps->memory->failed |= !kept;
	return kept;
}

/* The step as @image shows it, which is not in the list yet. */
static struct deps_step step_make(struct deps *deps, int parent, const struct image *image, bool unknown_parents)
{
	bool inlined;
	const char *script = program_script(&image->program, &inlined);
	struct deps_step step = {
		.parent = parent,
		.pid = image->pid,
		.entity = deps_keep(deps, image->entity),
		.executable = deps_keep(deps, image->program.executable),
		.name = deps_keep(deps, program_name(&image->program)),
		.script = deps_keep(deps, script),
		.inlined = inlined,
		.unknown_parents = unknown_parents,
		.image = image->hash,
	};

	step.args = keep_args(deps, image->program.args, &step.args_cut);
	return step;
}

static int step_add(struct deps *deps, struct deps_step step)
{
	deps->steps[deps->step_count] = step;
	return deps->step_count++;
}

/* What a step is found by: what it is and who started it; where that is not known, which process it is. */
static uint64_t step_hash(struct deps *deps, int parent, const struct image *image, bool unknown_parents)
{
	deps_hash_begin(deps);
	deps_hash_number(deps, image->hash);
	deps_hash_number(deps, unknown_parents);
	if (unknown_parents)
		deps_hash_string(deps, image->entity);
	else
		deps_hash_number(deps, parent);
	return deps_hash_end(deps);
}

/* The same process, seen with its parents by now; or -1. */
static int find_whole(const struct deps *deps, const char *entity, uint64_t image)
{
	for (size_t i = 0; i < deps->step_count; i++)
		if (deps->steps[i].image == image && !deps->steps[i].unknown_parents &&
		    !strcmp(deps->steps[i].entity, entity))
			return i;
	return -1;
}

/* A launcher that has become the command: the step that it was is that of the command. */
static bool is_launched(const struct deps *deps, int parent, const struct image *image)
{
	const struct deps_memory *memory = deps->memory;

	return memory->launcher >= 0 && !memory->launched && parent < 0 &&
	       !strcmp(deps->steps[memory->launcher].entity, image->entity);
}

static int step_new(struct deps *deps, int parent, const struct image *image, bool unknown_parents)
{
	struct deps_step step = step_make(deps, parent, image, unknown_parents), *launcher;

	if (!is_launched(deps, parent, image))
		return step_add(deps, step);
	launcher = &deps->steps[deps->memory->launcher];
	step.unknown_parents = false;
	step.first = launcher->first;
	step.last = launcher->last;
	json_decref((json_t *)launcher->args);
	*launcher = step;
	deps->memory->launched = true;
	return deps->memory->launcher;
}

static int step_get(struct deps *deps, int parent, const struct image *image, bool unknown_parents)
{
	struct deps_table *table = &deps->memory->steps;
	uint64_t hash;
	int step;

	/* What has the image of its parent has forked and executed nothing. */
	if (parent >= 0 && *image->program.executable && deps->steps[parent].image == image->hash)
		return parent;
	hash = step_hash(deps, parent, image, unknown_parents);
	step = deps_find(table, hash);
	if (step >= 0)
		return step;
	if (unknown_parents)
		step = find_whole(deps, image->entity, image->hash);
	if (step < 0 && deps->step_count == DEPS_STEPS_MAX && !is_launched(deps, parent, image)) {
		deps->steps_gathered++;
		return parent;
	}
	if (step < 0)
		step = step_new(deps, parent, image, unknown_parents);
	deps_put(table, hash, step);
	return step;
}

void deps_steps_seen(struct deps *deps, int step, int64_t t)
{
	for (; step >= 0; step = deps->steps[step].parent) {
		if (!deps->steps[step].first || t < deps->steps[step].first)
			deps->steps[step].first = t;
		if (t > deps->steps[step].last)
			deps->steps[step].last = t;
	}
}

/* The step of the launcher that is about to become the command: until it has, what is known of that is what the
 * line about the beginning says. */
static int launcher_step(struct deps *deps, const struct audit_line *line)
{
	struct deps_memory *memory = deps->memory;
	struct image image = image_of(deps, json_object_get(line->root, "process"), line->comm);

	if (memory->launcher >= 0 && !strcmp(deps->steps[memory->launcher].entity, image.entity))
		return memory->launcher;
	if (deps->step_count == DEPS_STEPS_MAX) {
		deps->steps_gathered++;
		return -1;
	}
	image.program.args = json_object_get(deps->begin, "command");
	memory->launched = false;
	memory->launcher = step_add(deps, step_make(deps, -1, &image, false));
	return memory->launcher;
}

int deps_step_of(struct deps *deps, const struct audit_line *line)
{
	size_t count = json_array_size(line->ancestors);
	const json_t *process = json_object_get(line->root, "process");
	bool unknown = line->incomplete || line->deeper || count > ANCESTORS_MAX;
	int step = -1;

	if (program_is_launcher(line))
		return launcher_step(deps, line);
	for (size_t i = count > ANCESTORS_MAX ? ANCESTORS_MAX : count; i--;) {
		struct image image = image_of(deps, json_array_get(line->ancestors, i), "");
		bool is_root = *deps->memory->root && !strcmp(image.entity, deps->memory->root);

		step = step_get(deps, step, &image, step < 0 && unknown && !is_root);
	}
	if (process) {
		struct image image = image_of(deps, process, line->comm);
		bool is_root = *deps->memory->root && !strcmp(image.entity, deps->memory->root);

		step = step_get(deps, step, &image, step < 0 && unknown && !is_root);
	}
	return step;
}

/* --- whose they are ----------------------------------------------------------------------- */

/* Appends @path, from @folder on where it is relative, without "." and "..". */
static void append_path(struct text *out, const char *folder, const char *path)
{
	size_t start = out->size;

	if (*path != '/' && *folder)
		append_path(out, "", folder);
	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && !memcmp(path, "..", 2)) {
			while (out->size > start && out->data[--out->size] != '/')
				;
		} else if (length && !(length == 1 && *path == '.')) {
			text_append(out, "/", 1);
			text_append(out, path, length);
		}
		path += length + (path[length] == '/');
	}
}

/* Whether @path, relative to @folder, is in it or below. An unknown folder is "": what is relative is below it. */
static bool is_below(struct deps *deps, const char *path, const char *base, const char *folder)
{
	struct text full = { 0 }, above = { 0 };
	bool below;

	append_path(&full, base, path);
	append_path(&above, base, folder);
	below = (*path != '/' || above.size) && full.size > above.size &&
		(!above.size || !memcmp(full.data, above.data, above.size)) && full.data[above.size] == '/' &&
		strncmp(path, "../", 3);
	deps->memory->failed |= full.failed | above.failed;
	text_free(&full);
	text_free(&above);
	return below;
}

static bool is_root(const struct deps_step *step)
{
	return step->parent < 0 && !step->unknown_parents;
}

/* The folder of the deploy's own script: of that which the begin line tells, or that the root interprets. */
static const char *own_folder(struct deps *deps)
{
	const char *script = string_of(json_object_get(deps->begin, "script")), *slash, *kept;
	size_t i = 0;

	while (!*script && i < deps->step_count && !(is_root(&deps->steps[i]) && *deps->steps[i].script))
		i++;
	if (!*script && i < deps->step_count)
		script = deps->steps[i].script;
	kept = deps_keep(deps, script);	/* as much as there is room for */
	slash = strrchr(kept, '/');
	if (!slash)
		return "";
	((char *)kept)[slash == kept ? 1 : slash - kept] = 0;
	return kept;
}

/* Seen without its parents first, and with them later. */
static void find_parents(struct deps *deps, size_t orphan)
{
	struct deps_step *step = &deps->steps[orphan];
	int whole = find_whole(deps, step->entity, step->image), parent;

	if (whole < 0)
		return;
	/* A log that was made up may have circles. */
	for (parent = deps->steps[whole].parent; parent >= 0; parent = deps->steps[parent].parent)
		if ((size_t)parent == orphan)
			return;
	step->parent = deps->steps[whole].parent;
	step->unknown_parents = false;
}

/* Whether what @step starts is the deploy's own: it interprets a script of the deploy's. */
static bool is_own_script(struct deps *deps, const struct deps_step *step, const char *base, const char *folder)
{
	return is_root(step) ? *step->script || step->inlined :
		*step->script && is_below(deps, step->script, base, folder);
}

void deps_steps_finish(struct deps *deps)
{
	const char *base = string_of(json_object_get(deps->begin, "directory")), *folder = own_folder(deps);
	bool *scripts = calloc(deps->step_count + 1, sizeof(*scripts));

	if (!scripts) {
		deps->memory->failed = true;
		return;
	}
	for (size_t i = 0; i < deps->step_count; i++)
		if (deps->steps[i].unknown_parents && *deps->steps[i].entity)
			find_parents(deps, i);
	for (size_t i = 0; i < deps->step_count; i++)
		scripts[i] = is_own_script(deps, &deps->steps[i], base, folder);
	for (size_t i = 0; i < deps->step_count; i++) {
		struct deps_step *step = &deps->steps[i];

		step->own = is_root(step) || scripts[i] || (step->parent >= 0 && scripts[step->parent]);
		step->interprets = scripts[i];
	}
	free(scripts);
}

int deps_own_step(const struct deps *deps, int step)
{
	while (step >= 0 && !deps->steps[step].own)
		step = deps->steps[step].parent;
	return step;
}
