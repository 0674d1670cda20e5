/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that classify: evidence, needs and loops, words. */
#pragma once

#include "classify.h"

#define COMMAND_SHOWN 100		/* bytes of a command line in a sentence */
#define PATH_SHOWN 4096			/* and of a path, with its \0 */

/* What @reach says to be of which kind, @own being the deploy's own step that it belongs to. Sentences are
 * appended to @evidence. */
enum dependency_kind evidence_of(const struct deps *deps, const struct deps_reach *reach, int own,
				 json_t *evidence);

/* Whether @reach is that of an interpreter for the script that it was started with, and nothing else: *ret_path is that
 * then. */
bool reads_own_script(const struct deps *deps, const struct deps_reach *reach, char *ret_path, size_t size);

/* Whether @text has @word in it, in any case, with nothing before and behind that would make it another one. */
bool has_word(const char *text, const char *word);

/* Appends a sentence; a NULL @sentence is no memory, and so is false. */
bool evidence_add(json_t *evidence, json_t *sentence);

/* What @service needs: an array of names, or NULL; and where that is said, or "". */
const json_t *needs_of(const struct deps *deps, const char *service, const char **ret_where);

/* Whether a rule denies it. */
bool is_denied(const struct deps *deps, const char *service);

/* Writes what breaks and what to do, of each, and the verdict. */
int classify_words(const struct deps *deps, struct classified *classified);
