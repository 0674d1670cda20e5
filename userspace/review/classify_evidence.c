/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a dependency is said to be direct or hidden. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/locations.h"
#include "../base/text.h"
#include "classify_private.h"

static const char *string_of(const json_t *value)
{
	const char *string = json_string_value(value);

	return string ? string : "";
}

bool evidence_add(json_t *evidence, json_t *sentence)
{
	return sentence && !json_array_append_new(evidence, sentence);
}

/* --- words -------------------------------------------------------------------------------- */

static bool is_part_of_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

bool has_word(const char *text, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = text; size && (at = strcasestr(at, word)); at++)
		if ((at == text || !is_part_of_word(at[-1])) && !is_part_of_word(at[size]))
			return true;
	return false;
}

/* The part of an object's name that a command line would have: "140.82.112.3" of "140.82.112.3:443/tcp". */
static void address_of(const char *class, const char *object, char *ret_address, size_t size)
{
	const char *begin = object, *end = object + strlen(object), *colon = strrchr(object, ':');

	if (!strcmp(class, "net") && *begin == '[') {
		begin++;
		end = strchr(begin, ']') ?: end;
	} else if (!strcmp(class, "net") && colon && strchr(object, ':') == colon) {
		end = colon;
	} else if (!strcmp(class, "file") && end > begin && end[-1] == ')') {
		end = strstr(begin, " (") ?: end;
	}
	snprintf(ret_address, size, "%.*s", (int)(end - begin), begin);
}

/* Whether an argument names a path, or by its last part a file in the folder where it was started. */
static bool names_path(const char *arg, const char *path)
{
	const char *name = path_base(path);

	return strstr(arg, path) || (strlen(name) > 2 && !strcmp(path_base(arg), name));
}

static bool names_object(const char *arg, const char *class, const char *object)
{
	char address[PATH_SHOWN];

	address_of(class, object, address, sizeof(address));
	return *address == '/' ? names_path(arg, address) : has_word(arg, address);
}

/* Whether a text names the service or an object of the reach. */
static bool names(const char *text, const struct deps_reach *reach)
{
	if (*reach->service && has_word(text, reach->service))
		return true;
	for (size_t i = 0; i < reach->object_count; i++)
		if (names_object(text, reach->class, reach->objects[i].name))
			return true;
	return false;
}

/* --- command lines ------------------------------------------------------------------------ */

/* The first argument that people would type: a script's interpreter is none. */
static size_t first_typed(const struct deps_step *step)
{
	for (size_t i = 0; *step->script && i < json_array_size(step->args); i++)
		if (!strcmp(string_of(json_array_get(step->args, i)), step->script))
			return i;
	return 0;
}

void classify_command(struct text *out, const struct deps_step *step, size_t max)
{
	size_t count = json_array_size(step->args), first = first_typed(step);
	struct text line = { 0 };
	size_t kept;

	text_append_string(&line, step->name);
	for (size_t i = first + 1; i < count && line.size <= max; i++) {
		const char *arg = string_of(json_array_get(step->args, i));
		const char *quote = !*arg || strpbrk(arg, " \t\n") ? "'" : "";

		text_append_format(&line, " %s%s%s", quote, arg, quote);
	}
	kept = line.size ? text_cut(line.data, line.size, max) : 0;
	text_append(out, line.data, kept);
	text_append_string(out, kept < line.size || step->args_cut ? "…" : "");
	out->failed |= line.failed;
	text_free(&line);
}

/* The same as a string for free(), or NULL. */
static char *command_of(const struct deps_step *step)
{
	struct text out = { 0 };

	classify_command(&out, step, COMMAND_SHOWN);
	text_append(&out, "", 1);
	if (out.failed)
		text_free(&out);
	return out.data;
}

static bool command_names(const struct deps_step *step, const struct deps_reach *reach)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(step->args, i, arg)
		if (names(string_of(arg), reach))
			return true;
	return false;
}

/* A program that is called as the service or the socket is: docker and /run/docker.sock. */
static bool is_namesake(const struct deps_step *step, const struct deps_reach *reach)
{
	if (*reach->service && has_word(reach->service, step->name))
		return true;
	for (size_t i = 0; !strcmp(reach->class, "socket") && i < reach->object_count; i++)
		if (has_word(reach->objects[i].name, step->name))
			return true;
	return false;
}

/* --- the script and the environment ------------------------------------------------------- */

static const json_t *named_of(const struct deps *deps)
{
	return json_object_get(deps->begin, "named");
}

/* The name of the deploy's own script, or "the script". */
static const char *script_name(const struct deps *deps)
{
	const char *script = string_of(json_object_get(deps->begin, "script"));

	return *script ? path_base(script) : "the deploy's script";
}

/* A line of the script that names both, or a variable; NULL where there is none. */
static const json_t *find_named(const struct deps *deps, const struct deps_reach *reach, const char *where,
				const char *program)
{
	const json_t *named;
	size_t i;

	json_array_foreach(named_of(deps), i, named)
		if (*reach->service && !strcmp(string_of(json_object_get(named, "service")), reach->service) &&
		    !strcmp(string_of(json_object_get(named, "where")), where) &&
		    (!program || has_word(string_of(json_object_get(named, "text")), program)))
			return named;
	return NULL;
}

/* Trailing blanks and a leading indent say nothing. */
static json_t *sentence_of_line(const struct deps *deps, const json_t *named)
{
	const char *text = string_of(json_object_get(named, "text"));

	text += strspn(text, " \t");
	return json_sprintf("line %" JSON_INTEGER_FORMAT " of %s names both it and the program: %s",
			    json_integer_value(json_object_get(named, "line")), script_name(deps), text);
}

static json_t *sentence_of_variable(const json_t *named)
{
	return json_sprintf("the environment that the deploy was given names it: %s=%s",
			    string_of(json_object_get(named, "name")), string_of(json_object_get(named, "text")));
}

/* --- scripts that are read to be executed ------------------------------------------------- */

bool reads_own_script(const struct deps *deps, const struct deps_reach *reach, char *ret_path, size_t size)
{
	const struct deps_step *step = reach->step < 0 ? NULL : &deps->steps[reach->step];
	const char *how;

	if (!step || !*step->script || strcmp(reach->class, "file") || reach->object_count != 1 || reach->more_objects)
		return false;
	how = strrchr(reach->objects[0].name, ' ');
	if (!how || strcmp(how, " (read)"))
		return false;
	address_of(reach->class, reach->objects[0].name, ret_path, size);
	return !strcmp(path_base(ret_path), path_base(step->script));
}

/* --- direct ------------------------------------------------------------------------------- */

/* By what the deploy asks for it; NULL where nothing says so. */
static json_t *asked_for(const struct deps *deps, const struct deps_reach *reach, int own)
{
	const struct deps_step *step = &deps->steps[own];
	const json_t *line = find_named(deps, reach, "script", step->name);
	const json_t *variable = find_named(deps, reach, "environment", NULL);
	json_t *sentence = NULL;
	char *command, path[PATH_SHOWN];

	if (reach->step == own && reads_own_script(deps, reach, path, sizeof(path)))
		return json_sprintf("%s is a script, and its interpreter reads it", step->name);
	if (reach->step == own && step->interprets)
		return json_sprintf("%s, a script of the deploy's own, %s", step->name,
				    !strcmp(reach->class, "exec") ? "executes it" : "reached for it itself");
	command = command_of(step);
	if (command && command_names(step, reach))
		sentence = json_sprintf("%s command line names it: %s",
					reach->step == own ? "its own" : "the", command);
	else if (command && line)
		sentence = sentence_of_line(deps, line);
	else if (command && reach->step == own && is_namesake(step, reach))
		sentence = json_sprintf("it is what %s is for, which the deploy starts: %s", step->name, command);
	else if (command && variable)
		sentence = sentence_of_variable(variable);
	free(command);
	return sentence;
}

/* The launcher becomes the command: that is none of the deploy's tools, nor hidden from whoever started it. */
static json_t *started_with(const struct deps *deps, const struct deps_reach *reach, int own)
{
	char *command = command_of(&deps->steps[own]);
	json_t *sentence = command ? json_sprintf("ringfence run %s, to start the deploy: %s",
						  !strcmp(reach->class, "exec") ? "executes it" : "reached for it",
						  command) : NULL;

	free(command);
	return sentence;
}

/* --- hidden ------------------------------------------------------------------------------- */

static json_t *not_told(const struct deps *deps, const struct deps_reach *reach, const struct deps_step *step)
{
	char *command = command_of(step);
	json_t *sentence = NULL;

	if (command && step->args_cut)
		sentence = json_sprintf("%s was not told, as far as the log has its command line: %s", step->name,
					command);
	else if (command && named_of(deps))
		sentence = json_sprintf("%s was not told: neither its command line (%s) nor a line of %s that "
					"calls it names %s", step->name, command, script_name(deps), reach->what);
	else if (command)
		sentence = json_sprintf("%s was not told: its command line (%s) does not name %s", step->name,
					command, reach->what);
	free(command);
	return sentence;
}

/* "git, which schema-tool started, reached for it: git ls-remote" */
static json_t *by_itself(const struct deps *deps, const struct deps_reach *reach, int own)
{
	const struct deps_step *step = &deps->steps[reach->step];
	char *command = command_of(step);
	json_t *sentence = NULL;

	if (command && reach->step == own)
		sentence = json_sprintf("%s reached for it by itself", step->name);
	else if (command && step->parent == own)
		sentence = json_sprintf("%s, which %s started, reached for it: %s", step->name,
					deps->steps[own].name, command);
	else if (command)
		sentence = json_sprintf("%s, which %s started for %s, reached for it: %s", step->name,
					deps->steps[step->parent].name, deps->steps[own].name, command);
	free(command);
	return sentence;
}

/* What could not be looked at, and so might say otherwise. */
static json_t *not_known(const struct deps *deps)
{
	if (!deps->has_begin)
		return json_string("what the lines of the script and the environment say is not known: the log "
				   "does not tell how the run began");
	if (json_is_true(json_object_get(deps->begin, "named_cut")))
		return json_string("not all lines of the script and the environment that name services are in "
				   "the log");
	return NULL;
}

static enum dependency_kind hidden(const struct deps *deps, const struct deps_reach *reach, int own,
				   json_t *evidence)
{
	json_t *unknown = *reach->service ? not_known(deps) : NULL;

	evidence_add(evidence, not_told(deps, reach, &deps->steps[own]));
	evidence_add(evidence, by_itself(deps, reach, own));
	if (unknown)
		evidence_add(evidence, unknown);
	return KIND_HIDDEN;
}

static enum dependency_kind undecided(const struct deps_reach *reach, json_t *evidence)
{
	evidence_add(evidence, json_string(reach->more ?
		"several are gathered here, since there are too many to list each" :
		"the ancestors of the process are not all known, and so which step of the deploy it belongs to"));
	return KIND_UNDECIDED;
}

enum dependency_kind evidence_of(const struct deps *deps, const struct deps_reach *reach, int own,
				 json_t *evidence)
{
	json_t *asked;

	if (own < 0)
		return undecided(reach, evidence);
	asked = reach->launch ? started_with(deps, reach, own) : asked_for(deps, reach, own);
	if (!asked)
		return hidden(deps, reach, own, evidence);
	evidence_add(evidence, asked);
	return KIND_DIRECT;
}
