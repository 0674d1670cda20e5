/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a deploy's own script and its environment name a service of the policy: by the service's name as a
 * word, in any case, or by an address inside of its nets. It tells later what the script asks for, and what a
 * tool does by itself.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../lsm/abi.h"
#include "facts.h"

#define NAMED_MAX 64			/* places that are listed, */
#define NAMED_TEXT_MAX 160		/* and bytes of the text of each */

/* What was found. */
struct named {
	json_t *list;			/* as ringfence-audit(5) tells: of the script first, by line */
	bool cut;			/* there are more */
	unsigned int text_flags;	/* TEXT_*: cleaned and redacted (text.h) */
};

/* Looks through the lines of the script, but for comments, and the values of the environment. Returns 0 with
 * ret_named->list, the caller's to json_decref(), or -ENOMEM. */
int named_find(const struct ruleset *image, const struct facts *facts, struct named *ret_named);

/* Appends a line of a script without its secrets, as UTF-8. @cut: it goes on beyond @size. Returns TEXT_*. */
unsigned int named_redact(struct text *out, const char *line, size_t size, bool cut);
