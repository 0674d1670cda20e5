/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * YAML text -> a small tree in which every node knows its place.
 *
 * Of YAML a policy may use mappings, lists and scalars, in block and flow style, with comments.
 * Anchors, aliases, tags, directives and several documents are refused: what a line means must be
 * written in that line. Scalars stay the text they are; what they mean is for policy/check.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"

/* A text and what it is called. Both are borrowed; the name comes from diags_file(). */
struct source {
	const char *name;
	const char *text;
	size_t size;
};

/* The source of a whole file: leaves out a byte order mark, which no column counts. */
struct source source_make(const char *name, const char *text, size_t size);

enum node_kind {
	NODE_SCALAR,
	NODE_LIST,
	NODE_MAP,
	NODE_BAD,		/* a fault has been reported for it: nothing more to say */
};

struct node {
	enum node_kind kind;
	bool plain;		/* a scalar without quotes */
	unsigned int line, col;	/* from 1; columns count bytes */
	unsigned int len;	/* bytes to underline: those in its first line, at least 1 */
	const char *text;	/* of a scalar, with a 0 after its end; it may hold others */
	size_t size;
	size_t count;		/* of children */
	struct node *first, *last; /* children: items of a list, keys of a mapping */
	struct node *next;	/* in its parent */
	struct node *value;	/* of a key */
};

struct tree;

/*
 * Reads @source, which must outlive the tree. Faults go to @diags, all of them; a syntax error ends
 * the reading and no tree is made. In the face of lesser faults there is a tree to go on with.
 *
 * Returns 0; -EINVAL where there is no tree, or -ENOMEM. The tree is the caller's to tree_free().
 */
int tree_parse(const struct source *source, struct diags *diags, struct tree **ret_tree);

/* The root; never NULL. */
const struct node *tree_root(const struct tree *tree);

/* Releases a tree and all its nodes; NULL is fine. */
void tree_free(struct tree *tree);

/* Where a node of @source stands. */
struct diag_where node_where(const struct source *source, const struct node *node);
