/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What people call a program that a line of the log shows: a script by its own name, not by its interpreter's.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "../audit/audit_line.h"

/* As a line has it, borrowed; strings "" where they are not known. */
struct program {
	const char *executable, *comm;
	const json_t *args;		/* strings, or NULL */
};

/* The file that it interprets, or "": then *ret_inlined says whether it is given its commands as an argument. */
const char *program_script(const struct program *program, bool *ret_inlined);

/* Never "". Borrowed as well. */
const char *program_name(const struct program *program);

/* Whether a line tells of the launcher itself, after it was tagged and before it has become the command. */
bool program_is_launcher(const struct audit_line *line);
