/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report's graph: which step of the deploy reaches for which service, and which services need others
 * in turn.
 *
 * Steps stand on the left in the order of time, services on the right, each in a band of its own height that
 * it shares with nobody: so no line crosses what it does not lead to. Every line begins in a row of its own,
 * which is where its label stands. What has no room is gathered.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "html.h"
#include "report_document.h"

/* More than that nobody can read: the table has the rest. */
#define GRAPH_EDGES 30			/* lines from steps that are drawn one by one, */
#define GRAPH_STEPS 16			/* of at most so many steps, */
#define GRAPH_TARGETS 12		/* to at most so many services and objects */
#define GRAPH_TURNS 12			/* lines between services */
#define GRAPH_OBJECTS 6			/* allowed ones of no service, unless there are more: then none */
#define GRAPH_COLUMNS 4			/* of services */

/* What is needed in turn has some room of its own, and both sides have a node for the rest. */
#define GRAPH_VIA (GRAPH_TARGETS + 3)
#define GRAPH_IN_TURN (GRAPH_VIA + 3)
#define GRAPH_NODES (GRAPH_STEPS + GRAPH_IN_TURN + 2)

enum graph_node_kind {
	GRAPH_STEP,
	GRAPH_SERVICE,
	GRAPH_OBJECT,			/* what no service of the policy names */
	GRAPH_MORE_STEPS,		/* all that had no room */
	GRAPH_MORE_TARGETS,
};

struct graph_node {
	enum graph_node_kind kind;
	const char *name;		/* the document's, and as untrusted */
	const json_t *step;		/* GRAPH_STEP */
	const json_t *service;		/* GRAPH_SERVICE: what the document says of it, or NULL */
	bool loop;			/* a loop leads through it */
	bool ends_loop;			/* and it is the last before it closes */
	uint64_t gathered;		/* GRAPH_MORE_*: how many */
	unsigned int column;		/* of services, from 0 on */
	unsigned int left, right;	/* lines that end on its left, that begin or end on its right */
	double wish;			/* the height where it would best stand */
	double x, y, width, height;
	double loop_y;			/* ends_loop: where the line back begins */
};

struct graph_edge {
	size_t from, to;		/* nodes */
	enum document_kind kind;
	bool mixed;			/* gathered from several kinds */
	enum document_verdict verdict;	/* the strictest */
	bool loop;
	bool back;			/* leads to a column that is not further right */
	const char *by;			/* hidden: the program that reached for it; or NULL */
	size_t dependency;		/* index of the first that it stands for, */
	uint64_t count;			/* of so many */
	unsigned int rank;		/* the higher, the sooner it is drawn */
	double from_y, to_y;
};

struct graph {
	struct graph_node *nodes;
	size_t node_count;
	struct graph_edge *edges;
	size_t edge_count;
	unsigned int columns;
	bool loop;			/* a line leads back */
	double step_x, lead_x, target_x[GRAPH_COLUMNS], turn_x[GRAPH_COLUMNS];
	double width, height;
	double bottom;			/* of what is above the line that leads back */
};

/* Finds what is drawn and where. Returns 0 and *ret_graph, the caller's to graph_free() and with strings of
 * the document in it, or -ENOMEM. A document without dependencies: no nodes. */
int graph_plan(const json_t *report, struct graph *ret_graph);
void graph_free(struct graph *graph);

/* Writes it as an <svg>; nothing where there are no nodes. Returns 0 or -ENOMEM. */
int report_graph(struct html *html, const json_t *report);
