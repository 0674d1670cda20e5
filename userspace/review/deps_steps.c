/* SPDX-License-Identifier: BSD-2-Clause */
/* The processes of a run and their ancestors as steps: programs, each with what started it. */
#include <stdlib.h>
#include <string.h>

#include "../base/locations.h"
#include "../base/text.h"
#include "deps_private.h"

#define ANCESTORS_MAX 64		/* of a line, however many it has */

/* --- images ------------------------------------------------------------------------------- */

/* A program as a line shows it. */
struct image {
	const char *entity, *executable, *comm;
	const json_t *args;
	uint64_t pid, hash;
};

static const char *string_of(const json_t *value)
{
	const char *string = json_string_value(value);

	return string ? string : "";
}

static const char *arg_of(const json_t *args, size_t index)
{
	return string_of(json_array_get(args, index));
}

static struct image image_of(struct deps *deps, const json_t *process, const char *comm)
{
	json_int_t pid = json_integer_value(json_object_get(process, "pid"));
	struct image image = {
		.entity = string_of(json_object_get(process, "entity_id")),
		.executable = string_of(json_object_get(process, "executable")),
		.args = json_object_get(process, "args"),
		.comm = comm,
		.pid = pid < 0 ? 0 : pid,
	};
	const json_t *arg;
	size_t i;

	deps_hash_begin(deps);
	/* A program that renames its threads is still one. */
	deps_hash_string(deps, *image.executable ? image.executable : comm);
	json_array_foreach(image.args, i, arg)
		deps_hash_string(deps, string_of(arg));
	image.hash = deps_hash_end(deps);
	return image;
}

/* --- scripts ------------------------------------------------------------------------------ */

/* Whether that is the name of a program that interprets scripts, of whatever version: "python3.11". */
static bool is_interpreter(const char *path)
{
	static const char *const names[] = {
		"sh", "dash", "bash", "ash", "zsh", "ksh", "mksh", "fish", "python", "perl", "ruby", "node",
		"nodejs", "php", "lua", "tclsh", "Rscript", "pwsh",
	};
	const char *name = path_base(path);
	size_t length = strlen(name);

	while (length && strchr("0123456789.", name[length - 1]))
		length--;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length && !strncmp(names[i], name, length))
			return true;
	return false;
}

/* Whether an option hands over the commands themselves: sh -ec, python -c, perl -e, php -r. */
static bool is_inline(const char *option)
{
	return option[0] == '-' && option[1] != '-' && strpbrk(option, "cer") &&
	       strspn(option + 1, "abcefhiklmnprtuvxBCEHIPT") == strlen(option + 1) &&
	       strchr("cer", option[strlen(option) - 1]);
}

static bool takes_a_value(const char *option)
{
	static const char *const options[] = { "-o", "+o", "-O", "+O", "-W", "-X", "--rcfile", "--init-file" };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(option, options[i]))
			return true;
	return false;
}

/* What an interpreter is given to interpret: a file, or "" and perhaps commands. */
static const char *script_given(const json_t *args, bool *ret_inlined)
{
	for (size_t i = 1; i < json_array_size(args); i++) {
		const char *arg = arg_of(args, i);

		if (!strcmp(arg, "--"))
			return arg_of(args, i + 1);
		if (arg[0] != '-' && arg[0] != '+')
			return arg;
		if (!strcmp(arg, "-m"))
			return "";
		if (is_inline(arg)) {
			*ret_inlined = true;
			return "";
		}
		i += takes_a_value(arg);
	}
	return "";
}

/* The kernel puts the interpreter of a script and its one option before the script's name. */
static const char *script_of(const struct image *image, bool *ret_inlined)
{
	*ret_inlined = false;
	for (size_t i = 1; *image->executable && i <= 2; i++)
		if (!strcmp(arg_of(image->args, i), image->executable))
			return image->executable;
	if (is_interpreter(image->executable) || is_interpreter(arg_of(image->args, 0)))
		return script_given(image->args, ret_inlined);
	return "";
}

/* What people call it: that a script has an interpreter, and a program a folder, is no matter. */
static const char *name_of(const struct image *image, const char *script)
{
	const char *name = path_base(image->executable);

	if (*script)
		return path_base(script);
	if (!*name || !strcmp(name, "busybox") || !strcmp(name, "toybox") || !strcmp(name, "coreutils"))
		name = *arg_of(image->args, 0) ? path_base(arg_of(image->args, 0)) : name;
	return *name ? name : *image->comm ? image->comm : "?";
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

static int step_add(struct deps *deps, int parent, const struct image *image, bool unknown_parents)
{
	struct deps_step *step = &deps->steps[deps->step_count];
	bool inlined;
	const char *script = script_of(image, &inlined);

	*step = (struct deps_step){
		.parent = parent,
		.pid = image->pid,
		.entity = deps_keep(deps, image->entity),
		.executable = deps_keep(deps, image->executable),
		.name = deps_keep(deps, name_of(image, script)),
		.script = deps_keep(deps, script),
		.inlined = inlined,
		.unknown_parents = unknown_parents,
		.image = image->hash,
	};
	step->args = keep_args(deps, image->args, &step->args_cut);
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

static int step_get(struct deps *deps, int parent, const struct image *image, bool unknown_parents)
{
	struct deps_table *table = &deps->memory->steps;
	uint64_t hash;
	int step;

	/* What has the image of its parent has forked and executed nothing. */
	if (parent >= 0 && *image->executable && deps->steps[parent].image == image->hash)
		return parent;
	hash = step_hash(deps, parent, image, unknown_parents);
	step = deps_find(table, hash);
	if (step >= 0)
		return step;
	if (unknown_parents)
		step = find_whole(deps, image->entity, image->hash);
	if (step < 0 && deps->step_count == DEPS_STEPS_MAX) {
		deps->steps_gathered++;
		return parent;
	}
	if (step < 0)
		step = step_add(deps, parent, image, unknown_parents);
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

int deps_step_of(struct deps *deps, const struct audit_line *line)
{
	size_t count = json_array_size(line->ancestors);
	const json_t *process = json_object_get(line->root, "process");
	bool unknown = line->incomplete || line->deeper || count > ANCESTORS_MAX;
	int step = -1;

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
