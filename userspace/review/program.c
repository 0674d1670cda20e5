/* SPDX-License-Identifier: BSD-2-Clause */
#include "program.h"

#include <string.h>

#include "../base/locations.h"

#define LAUNCHER_NAME "ringfence"	/* what the root of a run is called until its exec */

static const char *string_of(const json_t *value)
{
	const char *string = json_string_value(value);

	return string ? string : "";
}

static const char *arg_of(const json_t *args, size_t index)
{
	return string_of(json_array_get(args, index));
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
const char *program_script(const struct program *program, bool *ret_inlined)
{
	*ret_inlined = false;
	for (size_t i = 1; *program->executable && i <= 2; i++)
		if (!strcmp(arg_of(program->args, i), program->executable))
			return program->executable;
	if (is_interpreter(program->executable) || is_interpreter(arg_of(program->args, 0)))
		return script_given(program->args, ret_inlined);
	return "";
}

/* --- names -------------------------------------------------------------------------------- */

/* Whether the name of the file says nothing of what it was called as. */
static bool is_anything(const char *executable)
{
	static const char *const names[] = { "busybox", "toybox", "coreutils" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(path_base(executable), names[i]))
			return true;
	return !*path_base(executable) || !strcmp(executable, "/proc/self/exe");
}

const char *program_name(const struct program *program)
{
	const char *name = path_base(program->executable), *first = path_base(arg_of(program->args, 0));
	bool inlined;
	const char *script = program_script(program, &inlined);

	if (*script)
		return path_base(script);
	if (is_anything(program->executable) && *first)
		name = first;
	return *name ? name : *program->comm ? program->comm : "?";
}

/* --- the launcher ------------------------------------------------------------------------- */

bool program_is_launcher(const struct audit_line *line)
{
	const json_t *process = json_object_get(line->root, "process");

	return process && !*string_of(json_object_get(process, "executable")) &&
	       !json_array_size(json_object_get(process, "args")) && !json_array_size(line->ancestors) &&
	       !line->incomplete && !strcmp(line->comm, LAUNCHER_NAME);
}
