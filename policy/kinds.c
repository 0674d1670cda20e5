/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const char *const kind_words[] = { "direct", "hidden", "transient", "undecided", NULL };
static_assert(sizeof(kind_words) / sizeof(kind_words[0]) == KIND_COUNT + 1, "a word per kind");

enum kind_field {
	FIELD_ID,
	FIELD_SERVICE,
	FIELD_STEP,
	FIELD_KIND,
	FIELD_BY,
	FIELD_WHY,
	KIND_FIELDS,
};

static const char *const kind_keys[KIND_FIELDS + 1] = { "id", "service", "step", "kind", "by", "why" };
static const struct map_type kind_type = { "an override", kind_keys, NULL };

#define HINT_ID "write id: as the report names it, or service: and step:"

const char *kind_name(enum dependency_kind kind)
{
	return kind_words[kind];
}

/* A copy of the value of @key, for free(); NULL without a key, and after a fault. */
static char *string_read(struct checker *checker, const struct node *key, const char *what)
{
	const char *text = key ? scalar_read(checker, key->value, what, POLICY_STRING_MAX) : NULL;
	char *copy = text ? strdup(text) : NULL;

	checker->out_of_memory |= text && !copy;
	return copy;
}

/* Reports keys that are missing, and those too many. */
static void fields_check(struct checker *checker, const struct node *node, const struct node *const *fields)
{
	static const enum kind_field needed[] = { FIELD_KIND, FIELD_BY, FIELD_WHY };
	bool named = fields[FIELD_SERVICE] && fields[FIELD_STEP];

	if (node->kind != NODE_MAP || !node->count)
		return;			/* has been told */
	if (!fields[FIELD_ID] && !named)
		check_fault(checker, node, HINT_ID, "an override of which dependency?");
	else if (fields[FIELD_ID] && (fields[FIELD_SERVICE] || fields[FIELD_STEP]))
		check_fault(checker, fields[FIELD_ID], HINT_ID, "\"id\" goes with neither \"service\" nor \"step\"");
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!fields[needed[i]])
			check_fault(checker, node, "an override says who set it, and why",
				    "an override without \"%s\"", kind_keys[needed[i]]);
}

static void override_read(struct checker *checker, const struct node *node, struct kind_override *override)
{
	const struct node *fields[KIND_FIELDS];
	int kind = -1;

	fields_read(checker, node, &kind_type, fields);
	fields_check(checker, node, fields);
	if (fields[FIELD_KIND])
		kind = word_read(checker, fields[FIELD_KIND]->value, "a kind", kind_words);
	*override = (struct kind_override){
		.where = node_where(&checker->source, node),
		.id = string_read(checker, fields[FIELD_ID], "the id of a dependency"),
		.service = string_read(checker, fields[FIELD_SERVICE], "the name of a service"),
		.step = string_read(checker, fields[FIELD_STEP], "the name of a program"),
		.kind = kind < 0 ? KIND_UNDECIDED : kind,
		.by = string_read(checker, fields[FIELD_BY], "who set it"),
		.why = string_read(checker, fields[FIELD_WHY], "a reason"),
	};
}

static void list_read(struct checker *checker, const struct node *root, struct kinds *kinds)
{
	if (root->kind == NODE_BAD)
		return;
	if (root->kind != NODE_LIST) {
		check_fault(checker, root, "begin each with a dash: - id: github/hidden/schema-tool",
			    "the file is a list of overrides");
		return;
	}
	kinds->list = check_alloc(checker, root->count ? root->count : 1, sizeof(*kinds->list));
	for (const struct node *node = root->first; kinds->list && node; node = node->next)
		override_read(checker, node, &kinds->list[kinds->count++]);
}

/* Whether a text has nothing but blanks and comments: a list that waits for its first item. */
static bool is_blank(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const char *end = text[i] == '#' ? memchr(text + i, '\n', size - i) : text + i;

		if (!end)
			return true;
		i = end - text;
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	}
	return true;
}

int kinds_parse(const char *name, const char *text, size_t size, struct diags *diags, struct kinds *ret_kinds)
{
	struct checker checker = {
		.diags = diags,
		.root = "",
		.source = source_make(diags_file(diags, name), text, size),
	};
	size_t errors = diags->errors;
	struct kinds kinds = { 0 };
	struct tree *tree = is_blank(text, size) ? NULL : read_tree(&checker);

	if (tree)
		list_read(&checker, tree_root(tree), &kinds);
	tree_free(tree);
	if (!checker.out_of_memory && diags->errors == errors) {
		*ret_kinds = kinds;
		return 0;
	}
	kinds_free(&kinds);
	return checker.out_of_memory ? -ENOMEM : -EINVAL;
}

int kinds_read(const char *path, struct diags *diags, struct kinds *ret_kinds)
{
	struct diag_where whole = { .file = diags_file(diags, path) };
	size_t size;
	char *text;
	int err = text_read("", path, &text, &size);

	if (err == -ENOMEM)
		return err;
	if (err) {
		diags_add(diags, DIAG_ERROR, whole, NULL, 0, NULL, "cannot read it: %s", text_problem(err));
		return -EINVAL;
	}
	err = kinds_parse(path, text, size, diags, ret_kinds);
	free(text);
	return err;
}

void kinds_free(struct kinds *kinds)
{
	for (size_t i = 0; i < kinds->count; i++) {
		free(kinds->list[i].id);
		free(kinds->list[i].service);
		free(kinds->list[i].step);
		free(kinds->list[i].by);
		free(kinds->list[i].why);
	}
	free(kinds->list);
	*kinds = (struct kinds){ 0 };
}
