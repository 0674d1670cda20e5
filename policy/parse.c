/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "parse.h"
#include "places.h"
#include "policy.h"

#define CHUNK_SIZE 65536

/* Nodes and their texts live in chunks and are released together. */
struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

struct tree {
	struct chunk *chunks;
	struct node *root;
};

struct parser {
	yaml_parser_t yaml;
	struct source source;
	struct places places;
	struct diags *diags;
	struct tree *tree;
	struct node *open[POLICY_DEPTH_MAX];	/* the collections around the next node */
	size_t depth;
};

/* --- the tree ------------------------------------------------------------------------------ */

static void *tree_alloc(struct tree *tree, size_t size)
{
	size_t rounded = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	struct chunk *chunk = tree->chunks;
	void *memory;

	if (!chunk || chunk->size - chunk->used < rounded) {
		size_t capacity = rounded > CHUNK_SIZE ? rounded : CHUNK_SIZE;

		chunk = malloc(sizeof(*chunk) + capacity);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){ .next = tree->chunks, .size = capacity };
		tree->chunks = chunk;
	}
	memory = chunk->bytes + chunk->used;
	chunk->used += rounded;
	return memset(memory, 0, rounded);
}

const struct node *tree_root(const struct tree *tree)
{
	return tree->root;
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	while (tree->chunks) {
		struct chunk *chunk = tree->chunks;

		tree->chunks = chunk->next;
		free(chunk);
	}
	free(tree);
}

struct diag_where node_where(const struct source *source, const struct node *node)
{
	return (struct diag_where){ source->name, node->line, node->col, node->len };
}

/* --- faults -------------------------------------------------------------------------------- */

__attribute__((format(printf, 5, 6)))
static void fault(struct parser *parser, size_t start, size_t end, const char *hint,
		  const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	diags_vadd(parser->diags, DIAG_ERROR, places_where(&parser->places, start, end),
		   parser->source.text, parser->source.size, hint, fmt, args);
	va_end(args);
}

static size_t mark_offset(const struct parser *parser, const yaml_mark_t *mark)
{
	return places_offset(&parser->places, mark->index);
}

/* What most often lies behind a problem that libyaml reports, by the beginning of its wording. */
static const char *syntax_hint(const char *problem, char at)
{
	static const char quotes[] = "a word that begins with * & ! @ ` % or : needs quotes";
	static const struct {
		const char *problem, *hint;
	} hints[] = {
		{ "found character that cannot start", quotes },
		{ "did not find expected alphabetic", quotes },
		{ "found unexpected ':'",
		  "an address that ends with a colon needs quotes: \"fe80::\"" },
		{ "did not find expected key",
		  "keys of one mapping stand in the same column: check the indentation, and the "
		  "quotes, here and above" },
		{ "did not find expected '-'",
		  "items of one list stand in the same column: check the indentation, and the "
		  "quotes, here and above" },
		{ "could not find expected ':'", "write a key as `key: value`" },
		{ "mapping values are not allowed",
		  "check the indentation; a text with \": \" in it needs quotes" },
		{ "found unexpected end of stream", "the closing quote is missing" },
		{ "did not find expected ',' or ']'",
		  "close the list with ], separate its items with commas, and put quotes around an "
		  "address that begins with a colon" },
		{ "did not find expected ',' or '}'", "close the mapping with }" },
	};

	if (at == ':' && !strncmp(problem, "did not find expected node", 26))
		return quotes;
	if (at == '\t')
		return "indent with spaces; YAML takes no tabs for that";
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (!strncmp(problem, hints[i].problem, strlen(hints[i].problem)))
			return hints[i].hint;
	return NULL;
}

static int report_syntax(struct parser *parser)
{
	const yaml_parser_t *yaml = &parser->yaml;
	const char *problem = yaml->problem ? yaml->problem : "the text cannot be read";
	size_t at;
	const char *hint;

	if (yaml->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (yaml->error == YAML_READER_ERROR)
		at = yaml->problem_offset < parser->source.size ? yaml->problem_offset : 0;
	else
		at = mark_offset(parser, &yaml->problem_mark);
	hint = syntax_hint(problem, at < parser->source.size ? parser->source.text[at] : 0);
	if (yaml->context && mark_offset(parser, &yaml->context_mark) < at) {
		struct diag_where from = places_where(
			&parser->places, mark_offset(parser, &yaml->context_mark), 0);

		fault(parser, at, at + 1, hint, "YAML syntax: %s %s that begins at %u:%u", problem,
		      yaml->context, from.line, from.col);
	} else {
		fault(parser, at, at + 1, hint, "YAML syntax: %s", problem);
	}
	return -EINVAL;
}

/* --- events -> nodes ----------------------------------------------------------------------- */

static struct node *node_create(struct parser *parser, enum node_kind kind,
				const yaml_event_t *event)
{
	struct node *node = tree_alloc(parser->tree, sizeof(*node));
	size_t start = mark_offset(parser, &event->start_mark);
	size_t end = mark_offset(parser, &event->end_mark);
	struct diag_where where = places_where(&parser->places, start, end);

	if (!node)
		return NULL;
	node->kind = kind;
	node->line = where.line;
	node->col = where.col;
	node->len = kind == NODE_SCALAR || kind == NODE_BAD ? where.len : 1;
	return node;
}

/* Gives a node its place: the root, an item of a list, a key of a mapping or the value of one. */
static void node_attach(struct parser *parser, struct node *node)
{
	struct node *parent = parser->depth ? parser->open[parser->depth - 1] : NULL;

	if (!parent) {
		parser->tree->root = node;
	} else if (parent->kind == NODE_MAP && parent->last && !parent->last->value) {
		parent->last->value = node;
	} else {
		if (parent->last)
			parent->last->next = node;
		else
			parent->first = node;
		parent->last = node;
		parent->count++;
	}
}

/* Anchors and tags: refused, but what they stand on can be read. */
static void refuse_properties(struct parser *parser, const yaml_event_t *event,
			      const yaml_char_t *anchor, const yaml_char_t *tag)
{
	size_t at = mark_offset(parser, &event->start_mark);

	if (anchor)
		fault(parser, at, at + strlen((const char *)anchor) + 1,
		      "write the value where it is used",
		      "YAML anchors are not part of the policy language (&%.80s)",
		      (const char *)anchor);
	if (tag)
		fault(parser, at, at + 1, "remove the tag, or put the text in quotes",
		      "YAML tags are not part of the policy language (%.80s)", (const char *)tag);
}

static int read_scalar(struct parser *parser, const yaml_event_t *event)
{
	struct node *node = node_create(parser, NODE_SCALAR, event);
	char *text = node ? tree_alloc(parser->tree, event->data.scalar.length + 1) : NULL;

	if (!text)
		return -ENOMEM;
	memcpy(text, event->data.scalar.value, event->data.scalar.length);
	node->text = text;
	node->size = event->data.scalar.length;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	refuse_properties(parser, event, event->data.scalar.anchor, event->data.scalar.tag);
	node_attach(parser, node);
	return 0;
}

static int read_alias(struct parser *parser, const yaml_event_t *event)
{
	struct node *node = node_create(parser, NODE_BAD, event);
	size_t at = mark_offset(parser, &event->start_mark);

	if (!node)
		return -ENOMEM;
	fault(parser, at, at + node->len,
	      "write the value here; a word that begins with * needs quotes",
	      "YAML aliases are not part of the policy language");
	node_attach(parser, node);
	return 0;
}

static int open_collection(struct parser *parser, enum node_kind kind, const yaml_event_t *event,
			   const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct node *node;
	size_t at = mark_offset(parser, &event->start_mark);

	/* The end of the reading, too: libyaml's work per token grows with the depth. */
	if (parser->depth == POLICY_DEPTH_MAX) {
		fault(parser, at, at + 1, NULL, "more than %d lists and mappings inside each other",
		      POLICY_DEPTH_MAX);
		return -EINVAL;
	}
	node = node_create(parser, kind, event);
	if (!node)
		return -ENOMEM;
	refuse_properties(parser, event, anchor, tag);
	node_attach(parser, node);
	parser->open[parser->depth++] = node;
	return 0;
}

/* Past blanks, comments and document end markers: to the first byte that means something. */
static size_t skip_blank(const struct source *source, size_t at)
{
	while (at < source->size) {
		const char *text = source->text + at;
		size_t left = source->size - at;

		if (strchr(" \t\r\n", *text)) {
			at++;
		} else if (*text == '#') {
			const char *end = memchr(text, '\n', left);

			at = end ? (size_t)(end - source->text) : source->size;
		} else if (left >= 3 && !memcmp(text, "...", 3) && (!at || text[-1] == '\n') &&
			   (left == 3 || strchr(" \t\r\n", text[3]))) {
			at += 3;
		} else {
			break;
		}
	}
	return at;
}

/* What follows is not given to libyaml: it would only have to be refused, and many directives in a
 * row take it time that grows with their square. */
static int read_document_end(struct parser *parser, const yaml_event_t *event)
{
	size_t at = skip_blank(&parser->source, mark_offset(parser, &event->end_mark));

	if (at == parser->source.size)
		return 0;
	fault(parser, at, at + 1,
	      "one file holds one YAML document: remove this, or give it a file",
	      "text after the end of the document");
	return -EINVAL;
}

static int read_event(struct parser *parser, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(parser, event);
	case YAML_ALIAS_EVENT:
		return read_alias(parser, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(parser, NODE_LIST, event, event->data.sequence_start.anchor,
				       event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return open_collection(parser, NODE_MAP, event, event->data.mapping_start.anchor,
				       event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		parser->depth--;
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		return read_document_end(parser, event);
	default:
		return 0;
	}
}

static int read_document(struct parser *parser)
{
	bool done = false;
	int r = 0;

	while (!r && !done) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser->yaml, &event))
			return report_syntax(parser);
		done = event.type == YAML_DOCUMENT_END_EVENT || event.type == YAML_STREAM_END_EVENT;
		r = read_event(parser, &event);
		yaml_event_delete(&event);
	}
	return r;
}

/* --- the whole ----------------------------------------------------------------------------- */

struct source source_make(const char *name, const char *text, size_t size)
{
	size_t mark = size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	return (struct source){ .name = name, .text = text + mark, .size = size - mark };
}

static int report_empty(const struct parser *parser)
{
	struct diag_where where = { .file = parser->source.name };

	diags_add(parser->diags, DIAG_ERROR, where, NULL, 0, NULL, "the file is empty%s",
		  parser->source.size ? ": nothing but blanks and comments" : "");
	return -EINVAL;
}

/* Refuses what can be refused before any YAML is read. */
static int check_beginning(struct parser *parser)
{
	const struct source *source = &parser->source;
	size_t at = skip_blank(source, 0);

	if (at == source->size)
		return report_empty(parser);
	if (source->text[at] == '%') {
		fault(parser, at, at + 1, "remove this line",
		      "YAML directives are not part of the policy language");
		return -EINVAL;
	}
	return 0;
}

static int parse(struct parser *parser)
{
	int r = places_read(&parser->source, parser->diags, &parser->places);

	if (!r)
		r = check_beginning(parser);
	if (r)
		return r;
	if (!yaml_parser_initialize(&parser->yaml))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser->yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser->yaml, (const unsigned char *)parser->source.text,
				     parser->source.size);
	r = read_document(parser);
	yaml_parser_delete(&parser->yaml);
	if (!r && !parser->tree->root)
		r = report_empty(parser);
	return r;
}

int tree_parse(const struct source *source, struct diags *diags, struct tree **ret_tree)
{
	struct parser parser = { .source = *source, .diags = diags };
	struct diag_where whole = { .file = source->name };
	int r;

	if (source->size > POLICY_TEXT_MAX) {
		diags_add(diags, DIAG_ERROR, whole, NULL, 0, NULL,
			  "larger than the %d bytes a file may have", POLICY_TEXT_MAX);
		return -EINVAL;
	}
	parser.tree = calloc(1, sizeof(*parser.tree));
	r = parser.tree ? parse(&parser) : -ENOMEM;
	places_free(&parser.places);
	if (r)
		tree_free(parser.tree);
	else
		*ret_tree = parser.tree;
	return r;
}
