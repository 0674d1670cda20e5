/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void report(struct checker *checker, enum diag_severity severity, struct diag_where where,
		   const char *hint, const char *fmt, va_list args)
{
	diags_vadd(checker->diags, severity, where, checker->source.text, checker->source.size,
		   hint, fmt, args);
}

void check_fault_at(struct checker *checker, struct diag_where where, const char *hint,
		    const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(checker, DIAG_ERROR, where, hint, fmt, args);
	va_end(args);
}

void check_fault(struct checker *checker, const struct node *node, const char *hint,
		 const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(checker, DIAG_ERROR, node_where(&checker->source, node), hint, fmt, args);
	va_end(args);
}

void check_warning_at(struct checker *checker, struct diag_where where, const char *hint,
		      const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(checker, DIAG_WARNING, where, hint, fmt, args);
	va_end(args);
}

void check_lint_at(struct checker *checker, const char *lint, struct diag_where where, const char *hint,
		   const char *fmt, ...)
{
	char message[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	diags_add_lint(checker->diags, DIAG_WARNING, lint, where, checker->source.text, checker->source.size,
		       hint, "%s", message);
}

const char *check_hint(struct checker *checker, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(checker->hint, sizeof(checker->hint), fmt, args);
	va_end(args);
	return checker->hint;
}

const char *check_nearest(struct checker *checker, const char *word, const char *const *words)
{
	const char *nearest;

	/* The search takes time; beyond what is shown it is for nothing. */
	if (checker->diags->errors >= DIAG_SHOWN_MAX)
		return NULL;
	nearest = diag_nearest(word, words);
	return nearest ? check_hint(checker, "did you mean \"%s\"?", nearest) : NULL;
}

struct word_list word_list(const char *const *words)
{
	struct word_list list = { "" };
	size_t used = 0;

	for (size_t i = 0; words[i] && used < sizeof(list.text); i++)
		used += (size_t)snprintf(list.text + used, sizeof(list.text) - used, "%s%s",
					 !i ? "" : words[i + 1] ? ", " : " or ", words[i]);
	return list;
}

void *check_alloc(struct checker *checker, size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		checker->out_of_memory = true;
	return memory;
}

bool node_is_null(const struct node *node)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

	if (node->kind != NODE_SCALAR || !node->plain)
		return false;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(*nulls); i++)
		if (!strcmp(node->text, nulls[i]))
			return true;
	return false;
}

static const char *node_name(enum node_kind kind)
{
	return kind == NODE_LIST ? "a list" : kind == NODE_MAP ? "a mapping" : "a single value";
}

/* --- trees --------------------------------------------------------------------------------- */

struct tree *read_tree(struct checker *checker)
{
	size_t errors = checker->diags->errors;
	struct tree *tree = NULL;

	if (tree_parse(&checker->source, checker->diags, &tree) == -ENOMEM)
		checker->out_of_memory = true;
	checker->tree_faulty = errors != checker->diags->errors;
	return tree;
}

/* --- mappings ------------------------------------------------------------------------------ */

static void report_unknown(struct checker *checker, const struct node *key,
			   const struct map_type *type)
{
	const struct planned_key *planned = type->planned;

	while (planned && planned->name && strcmp(planned->name, key->text))
		planned++;
	if (planned && planned->name)
		check_fault(checker, key, planned->hint,
			    "\"%s\" is not enforced yet, and so is refused", planned->name);
	else
		check_fault(checker, key, check_nearest(checker, key->text, type->keys),
			    "unknown key \"%.80s\" in %s; expected %s", key->text, type->what,
			    word_list(type->keys).text);
}

static void field_read(struct checker *checker, const struct node *key,
		       const struct map_type *type, const struct node **fields)
{
	const char *name = scalar_read(checker, key, "a key", POLICY_STRING_MAX);
	size_t i = 0;

	if (!name)
		return;
	while (type->keys[i] && strcmp(type->keys[i], name))
		i++;
	if (!type->keys[i])
		report_unknown(checker, key, type);
	else if (fields[i])
		check_fault(checker, key, "merge the two",
			    "key \"%s\" is here twice; first at %u:%u", name, fields[i]->line,
			    fields[i]->col);
	else if (node_is_null(key->value))
		check_fault(checker, key, "give it a value, or remove the key",
			    "key \"%s\" has no value", name);
	else
		fields[i] = key;
}

void fields_read(struct checker *checker, const struct node *map, const struct map_type *type,
		 const struct node **ret_fields)
{
	for (size_t i = 0; type->keys[i]; i++)
		ret_fields[i] = NULL;
	if (map->kind == NODE_BAD)
		return;
	if (map->kind != NODE_MAP)
		check_fault(checker, map,
			    check_hint(checker, "its keys are %s", word_list(type->keys).text),
			    "%s is a mapping, not %s", type->what, node_name(map->kind));
	else if (!map->count)
		check_fault(checker, map,
			    check_hint(checker, "its keys are %s", word_list(type->keys).text),
			    "%s has no keys", type->what);
	else
		for (const struct node *key = map->first; key; key = key->next)
			field_read(checker, key, type, ret_fields);
}

bool key_meant(const struct node *map, const char *const *words)
{
	for (const struct node *key = map->first; key; key = key->next)
		if (key->kind == NODE_BAD || (key->kind == NODE_SCALAR &&
					      diag_nearest(key->text, words)))
			return true;
	return false;
}

/* --- scalars ------------------------------------------------------------------------------- */

const char *scalar_read_hinted(struct checker *checker, const struct node *node, const char *what,
			       size_t max, const char *hint)
{
	if (node->kind == NODE_BAD)
		return NULL;
	if (node->kind != NODE_SCALAR)
		check_fault(checker, node, hint, "expected %s, found %s", what,
			    node_name(node->kind));
	else if (node_is_null(node) || !node->size)
		check_fault(checker, node, hint, "expected %s, found nothing", what);
	else if (memchr(node->text, 0, node->size))
		check_fault(checker, node, hint, "expected %s, found one with a zero byte", what);
	else if (node->size > max)
		check_fault(checker, node, NULL, "%zu bytes are too long for %s; at most %zu",
			    node->size, what, max);
	else
		return node->text;
	return NULL;
}

const char *scalar_read(struct checker *checker, const struct node *node, const char *what,
			size_t max)
{
	return scalar_read_hinted(checker, node, what, max, NULL);
}

int word_read(struct checker *checker, const struct node *node, const char *what,
	      const char *const *words)
{
	const char *text = scalar_read_hinted(checker, node, what, POLICY_STRING_MAX,
					      check_hint(checker, "write %s", word_list(words).text));

	if (!text)
		return -1;
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	check_fault(checker, node, check_nearest(checker, text, words),
		    "\"%.80s\" is not %s; expected %s", text, what, word_list(words).text);
	return -1;
}

/* --- lists --------------------------------------------------------------------------------- */

const struct node *list_node(struct checker *checker, const struct node *key)
{
	const struct node *list = key->value;

	if (list->kind == NODE_BAD)
		return NULL;
	if (list->kind == NODE_SCALAR)
		check_fault(checker, list,
			    check_hint(checker, "%s: [%.200s]", key->text, list->text),
			    "\"%s\" is a list, also of one item", key->text);
	else if (list->kind != NODE_LIST)
		check_fault(checker, list, NULL, "\"%s\" is a list, not a mapping", key->text);
	else if (!list->count)
		check_fault(checker, list, "list an item, or remove the key",
			    "\"%s\" is an empty list", key->text);
	else
		return list;
	return NULL;
}

static int compare_items(const void *a, const void *b, void *arg)
{
	const struct item_type *type = arg;
	const char *left = *(char *const *)a, *right = *(char *const *)b;
	int order = type->compare(left, right);

	return order ? order : left < right ? -1 : left > right;
}

static void warn_repeated(struct checker *checker, char *items, size_t count,
			  const struct item_type *type)
{
	char **sorted = check_alloc(checker, count, sizeof(*sorted));
	size_t first = 0;

	if (!sorted)
		return;
	for (size_t i = 0; i < count; i++)
		sorted[i] = items + i * type->size;
	qsort_r(sorted, count, sizeof(*sorted), compare_items, (void *)type);
	for (size_t i = 1; i < count; i++) {
		const struct diag_where *where = (const struct diag_where *)sorted[first];

		if (type->compare(sorted[first], sorted[i]))
			first = i;
		else
			check_warning_at(checker, *(const struct diag_where *)sorted[i],
					 "remove one of the two", "listed already at %u:%u",
					 where->line, where->col);
	}
	free(sorted);
}

void *items_read(struct checker *checker, const struct node *key, const struct item_type *type,
		 size_t *ret_count)
{
	const struct node *list = key ? list_node(checker, key) : NULL;
	char *items = list ? check_alloc(checker, list->count, type->size) : NULL;
	size_t count = 0;

	if (!items)
		return NULL;
	for (const struct node *node = list->first; node; node = node->next) {
		struct diag_where where = node_where(&checker->source, node);

		if (!type->read(checker, node, items + count * type->size))
			continue;
		memcpy(items + count * type->size, &where, sizeof(where));
		count++;
	}
	if (count)
		warn_repeated(checker, items, count, type);
	*ret_count = count;
	return items;
}
