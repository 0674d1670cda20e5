/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "lint_pass.h"
#include "ports.h"

/* The text of a file; NULL where it cannot be read, or memory ran out: then no line is shown. */
static const struct lint_text *find_text(struct linter *linter, const char *file)
{
	struct lint_text *texts;

	for (size_t i = 0; i < linter->text_count; i++)
		if (!strcmp(linter->texts[i].file, file))
			return &linter->texts[i];
	texts = reallocarray(linter->texts, linter->text_count + 1, sizeof(*texts));
	if (!texts)
		return NULL;
	linter->texts = texts;
	texts += linter->text_count++;
	*texts = (struct lint_text){ .file = file };
	if (text_read("", file, &texts->text, &texts->size))
		texts->text = NULL;
	return texts;
}

void lint_add(struct linter *linter, enum diag_severity severity, const char *lint,
	      struct diag_where where, const char *hint, const char *fmt, ...)
{
	const struct lint_text *text = find_text(linter, where.file);
	char *message = NULL;
	va_list args;
	int length;

	va_start(args, fmt);
	length = vasprintf(&message, fmt, args);
	va_end(args);
	if (length < 0) {
		linter->diags->out_of_memory = true;
		return;
	}
	diags_add_lint(linter->diags, severity, lint, where, text ? text->text : NULL,
		       text ? text->size : 0, hint, "%s", message);
	free(message);
}

struct shown lint_rule_words(const struct policy *policy, size_t rule)
{
	const struct policy_rule *it = &policy->rules[rule];
	struct shown words;

	snprintf(words.text, sizeof(words.text), "\"%s %s\" (%.150s:%u)", show_verdict(it->verdict),
		 policy->services[it->service].name, it->where.file, it->where.line);
	return words;
}

bool lint_net_holds(const struct policy_net *outer, const struct policy_net *inner)
{
	size_t bytes = outer->bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> outer->bits % 8);

	if (outer->bits > inner->bits || policy_net_is_v4(outer) != policy_net_is_v4(inner) ||
	    memcmp(outer->addr, inner->addr, bytes))
		return false;
	return bytes == 16 || !((outer->addr[bytes] ^ inner->addr[bytes]) & mask);
}
