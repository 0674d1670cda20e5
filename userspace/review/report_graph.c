/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Draws what report_graph_plan.c has placed. Kinds are told apart by the form of a line and its head, and by
 * a word; verdicts by a sign before the service. The signs ("#v-denied" and so on) are the page's.
 */
#include "report_graph.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../base/text.h"

#define SIGN 12				/* the side of a verdict's sign */
#define HEAD 10				/* the length of a line's head */
#define NAME_COLUMN 7.9			/* the width of a character: of names, */
#define DETAIL_COLUMN 6.7		/* of what stands below them, */
#define LABEL_COLUMN 6.0		/* and of labels, which are in another font: about that */

/* The class of lines and heads, and the shape of a head whose tip is at 0 0. */
static const struct form {
	const char *name, *head;
} forms[DOCUMENT_KINDS] = {
	[DOCUMENT_DIRECT] = { "direct", "M-10-4.5 0 0-10 4.5z" },
	[DOCUMENT_HIDDEN] = { "hidden", "M-10-4.5-1 0-10 4.5z" },
	[DOCUMENT_TRANSIENT] = { "transient", "M-10-4.5-5 0-10 4.5M-5-4.5 0 0-5 4.5" },
	[DOCUMENT_UNDECIDED] = { "undecided", "M-8 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z" },
};

static const char *const signs[DOCUMENT_VERDICTS] = { "denied", "would", "audited", "" };

static const char *form_of(const struct graph_edge *edge)
{
	return edge->mixed ? "mixed" : forms[edge->kind].name;
}

static size_t columns_in(double width, double column)
{
	return width > column ? width / column : 1;
}

/* --- in words -------------------------------------------------------------------------------- */

static void name_in_words(struct html *html, const struct graph_node *node)
{
	if (node->kind == GRAPH_MORE_STEPS)
		html_format(html, "%" PRIu64 " more step%s", node->gathered, node->gathered == 1 ? "" : "s");
	else if (node->kind == GRAPH_MORE_TARGETS)
		html_format(html, "%" PRIu64 " more services and objects", node->gathered);
	else
		html_text_cut(html, *node->name ? node->name : "(no name)", 80);
}

/* Whether others lead to the same node: of what is gathered there, each has a part. */
static bool is_shared(const struct graph *graph, const struct graph_edge *edge)
{
	for (size_t i = 0; i < graph->edge_count; i++)
		if (graph->edges[i].to == edge->to && &graph->edges[i] != edge)
			return true;
	return false;
}

/* "curl reaches for github: direct, denied." "deploy reaches for 6 more services and objects: ..." */
static void edge_in_words(struct html *html, const struct graph *graph, const struct graph_edge *edge)
{
	const struct graph_node *from = &graph->nodes[edge->from];
	bool several = from->kind == GRAPH_MORE_STEPS && from->gathered != 1;

	name_in_words(html, from);
	html_put(html, from->kind != GRAPH_STEP && from->kind != GRAPH_MORE_STEPS ? " needs " :
		 several ? " reach for " : " reaches for ");
	if (graph->nodes[edge->to].kind == GRAPH_MORE_TARGETS && is_shared(graph, edge))
		html_put(html, "some of ");
	name_in_words(html, &graph->nodes[edge->to]);
	html_format(html, ": %s", edge->mixed ? "of several kinds" : document_kind_name(edge->kind));
	if (edge->by) {
		html_put(html, ", by ");
		html_text_cut(html, edge->by, 60);
	}
	html_format(html, ", %s%s.", document_verdict_name(edge->verdict), edge->loop ? ", in a loop" : "");
}

static void draw_description(struct html *html, const struct graph *graph)
{
	html_put(html, "<title id=\"graph-title\">What the steps of the deploy reach for</title>\n"
		       "<desc id=\"graph-desc\">");
	for (size_t i = 0; i < graph->edge_count; i++) {
		html_put(html, i ? " " : "");
		edge_in_words(html, graph, &graph->edges[i]);
	}
	html_put(html, "</desc>\n");
}

/* --- lines ----------------------------------------------------------------------------------- */

/* The path from where a line begins to where its head begins. */
static void edge_path(const struct graph *graph, const struct graph_edge *edge, double end_x, char *ret,
		      size_t size)
{
	const struct graph_node *from = &graph->nodes[edge->from];
	bool step = from->kind == GRAPH_STEP || from->kind == GRAPH_MORE_STEPS;
	double begin = from->x + from->width, lead = step ? graph->lead_x : graph->turn_x[from->column];
	double channel = step ? graph->target_x[0] - graph->lead_x - 28 : 32;

	if (edge->back) {
		snprintf(ret, size, "M%.0f %.1fH%.0fC%.0f %.1f %.0f %.1f %.0f %.1fH%.0f", begin, edge->from_y, lead,
			 lead + 60, edge->from_y, lead + 60, edge->to_y, lead, edge->to_y, end_x);
		return;
	}
	if (edge->from_y == edge->to_y)
		snprintf(ret, size, "M%.0f %.1fH%.0f", begin, edge->from_y, end_x);
	else
		snprintf(ret, size, "M%.0f %.1fH%.0fC%.0f %.1f %.0f %.1f %.0f %.1fH%.0f", begin, edge->from_y, lead,
			 lead + channel / 2, edge->from_y, lead + channel / 2, edge->to_y, lead + channel,
			 edge->to_y, end_x);
}

static void draw_edge_label(struct html *html, const struct graph *graph, const struct graph_edge *edge)
{
	const struct graph_node *from = &graph->nodes[edge->from];
	bool step = from->kind == GRAPH_STEP || from->kind == GRAPH_MORE_STEPS;
	double x = from->x + from->width + 8;
	double room = (step ? graph->lead_x : graph->turn_x[from->column]) - x + 16;

	if (edge->loop) {
		html_format(html, "<use href=\"#loop\" x=\"%.0f\" y=\"%.1f\" width=\"12\" height=\"12\"/>", x,
			    edge->from_y - 15);
		x += 15;
		room -= 15;
	}
	html_format(html, "<text class=\"kind\" x=\"%.0f\" y=\"%.1f\">", x, edge->from_y - 5);
	if (edge->mixed) {
		html_format(html, "%" PRIu64 " dependencies", edge->count);
	} else {
		const char *kind = document_kind_name(edge->kind);

		html_put(html, kind);
		if (edge->by) {
			html_put(html, ", by ");
			html_text_cut(html, edge->by, columns_in(room, LABEL_COLUMN) - strlen(kind) - 5);
		} else if (edge->count > 1) {
			html_format(html, ", %" PRIu64 " times", edge->count);
		}
	}
	html_put(html, "</text>");
}

static void draw_edge(struct html *html, const struct graph *graph, const struct graph_edge *edge)
{
	const struct graph_node *to = &graph->nodes[edge->to];
	const char *sign = signs[edge->verdict];
	double side = edge->back ? -1 : 1, tip, sign_x;
	char path[256];

	tip = (edge->back ? to->x + to->width : to->x) - side * (*sign ? SIGN + 5 : 1);
	sign_x = edge->back ? to->x + to->width + 3 : to->x - SIGN - 3;
	edge_path(graph, edge, tip - side * (HEAD - 2), path, sizeof(path));
	html_format(html, "<g class=\"edge %s %s%s\" data-dependency=\"%zu\"><title>", form_of(edge),
		    *sign ? sign : "allowed", edge->loop ? " in-loop" : "", edge->dependency);
	edge_in_words(html, graph, edge);
	html_format(html, "</title><path class=\"halo\" d=\"%s\"/><path class=\"line\" d=\"%s\"/>", path, path);
	if (!edge->mixed && edge->kind == DOCUMENT_TRANSIENT)
		html_format(html, "<path class=\"inner\" d=\"%s\"/>", path);
	html_format(html, "<path class=\"head\" transform=\"translate(%.1f %.1f)%s\" d=\"%s\"/>", tip, edge->to_y,
		    edge->back ? " scale(-1)" : "", forms[edge->mixed ? DOCUMENT_DIRECT : edge->kind].head);
	if (*sign)
		html_format(html, "<use href=\"#v-%s\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\"/>", sign,
			    sign_x, edge->to_y - SIGN / 2.0, SIGN, SIGN);
	draw_edge_label(html, graph, edge);
	html_put(html, "</g>\n");
}

/* From where loops end, round the bottom, to the steps. */
static void draw_loop(struct html *html, const struct graph *graph, const char *tag)
{
	double right = graph->width - 12, bottom = graph->height - 10, top = graph->nodes[0].y + 12;
	double highest = bottom;

	html_put(html, "<g class=\"closes\"><title>What the deploy needs is what it is there for: a loop</title>");
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct graph_node *node = &graph->nodes[i];

		if (!node->ends_loop)
			continue;
		html_format(html, "<path class=\"line\" d=\"M%.0f %.1fH%.0f\"/>", node->x + node->width,
			    node->loop_y, right);
		highest = node->loop_y < highest ? node->loop_y : highest;
	}
	html_format(html, "<path class=\"line\" d=\"M%.0f %.1fV%.0fH8V%.0fH20\"/>", right, highest, bottom, top);
	html_format(html, "<path class=\"head\" transform=\"translate(29 %.1f)\" d=\"%s\"/>"
			  "<use href=\"#loop\" x=\"%.0f\" y=\"%.1f\" width=\"12\" height=\"12\"/>"
			  "<text class=\"kind\" x=\"%.0f\" y=\"%.1f\">a loop, back to ", top,
		    forms[DOCUMENT_DIRECT].head, graph->step_x, bottom - 17, graph->step_x + 16, bottom - 6);
	html_text_cut(html, tag, 40);
	html_put(html, "</text></g>\n");
}

/* --- nodes ----------------------------------------------------------------------------------- */

static void draw_shape(struct html *html, const struct graph_node *node)
{
	double x = node->x, y = node->y, width = node->width, height = node->height, fold = 11;
	double round = node->kind == GRAPH_SERVICE || node->kind == GRAPH_MORE_TARGETS ? 14 : 0;

	if (node->kind == GRAPH_OBJECT) {
		html_format(html, "<path class=\"shape\" d=\"M%.0f %.1fh%.0fl%.0f %.0fv%.1fh%.0fz\"/>"
				  "<path class=\"shape\" d=\"M%.0f %.1fv%.0fh%.0f\"/>",
			    x, y, width - fold, fold, fold, height - fold, -width, x + width - fold, y, fold, fold);
		return;
	}
	html_format(html, "<rect class=\"shape\" x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\" "
			  "rx=\"%.0f\"/>", x, y, width, height, round);
	if (node->loop)
		html_format(html, "<rect class=\"ring\" x=\"%.0f\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\" "
				  "rx=\"%.0f\"/>", x + 3.5, y + 3.5, width - 7, height - 7, round - 3);
}

/* What stands below the name: a step's command line, the rule about a service. */
static void detail_of(const struct graph_node *node, struct text *ret_text)
{
	if (node->kind == GRAPH_STEP)
		document_command(ret_text, json_object_get(node->step, "args"),
				 document_flag(node->step, "args_cut"));
	else if (node->kind == GRAPH_MORE_STEPS)
		text_append_string(ret_text, "with dependencies of their own");
	else if (node->kind == GRAPH_MORE_TARGETS)
		text_append_string(ret_text, "services and objects");
	else if (*document_string(node->service, "rule"))
		text_append_string(ret_text, document_string(node->service, "rule"));
	else
		text_append_string(ret_text, node->kind == GRAPH_OBJECT ? "not in the policy" : "no rule");
	text_append(ret_text, "", 1);
}

static void draw_name(struct html *html, const struct graph_node *node, double x, double y, size_t columns)
{
	html_format(html, "<text class=\"name\" x=\"%.0f\" y=\"%.1f\">", x, y);
	if (node->kind == GRAPH_MORE_STEPS || node->kind == GRAPH_MORE_TARGETS)
		html_format(html, "and %" PRIu64 " more", node->gathered);
	else if (node->kind == GRAPH_OBJECT && *node->name == '/')
		html_text_end(html, node->name, columns);
	else
		html_text_cut(html, *node->name ? node->name : "(no name)", columns);
	html_put(html, "</text>");
}

static int draw_node(struct html *html, const struct graph_node *node)
{
	static const char *const classes[] = {
		[GRAPH_STEP] = "step", [GRAPH_SERVICE] = "service", [GRAPH_OBJECT] = "object",
		[GRAPH_MORE_STEPS] = "step more", [GRAPH_MORE_TARGETS] = "service more",
	};
	double inset = node->kind == GRAPH_STEP || node->kind == GRAPH_MORE_STEPS ? 10 : 14;
	double room = node->width - 2 * inset, middle = node->y + node->height / 2;
	struct text detail = {};

	detail_of(node, &detail);
	if (detail.failed) {
		text_free(&detail);
		return -ENOMEM;
	}
	html_format(html, "<g class=\"node %s%s\"><title>", classes[node->kind], node->loop ? " in-loop" : "");
	name_in_words(html, node);
	html_put(html, "\n");
	html_text_cut(html, detail.data, 400);
	html_put(html, "</title>");
	draw_shape(html, node);
	draw_name(html, node, node->x + inset, middle - 3, columns_in(room, NAME_COLUMN));
	html_format(html, "<text class=\"detail\" x=\"%.0f\" y=\"%.1f\">", node->x + inset, middle + 12.5);
	html_text_cut(html, detail.data, columns_in(room, DETAIL_COLUMN));
	html_put(html, "</text></g>\n");
	text_free(&detail);
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static void draw_headings(struct html *html, const struct graph *graph)
{
	const struct graph_node *last = NULL;

	html_format(html, "<text class=\"heading\" x=\"%.0f\" y=\"16\">Steps, in the order of time</text>"
			  "<text class=\"heading\" x=\"%.0f\" y=\"16\">reach for</text>", graph->step_x,
		    graph->target_x[0]);
	if (graph->columns > 1)
		html_format(html, "<text class=\"heading\" x=\"%.0f\" y=\"16\">which need in turn</text>",
			    graph->target_x[1]);
	for (size_t i = 0; i < graph->node_count; i++)
		if (graph->nodes[i].kind == GRAPH_STEP || graph->nodes[i].kind == GRAPH_MORE_STEPS)
			last = &graph->nodes[i];
	if (last)
		html_format(html, "<path class=\"bracket\" d=\"M%.0f %.1fh-5V%.1fh5\"/>\n", graph->step_x - 1,
			    graph->nodes[0].y, last->y + last->height);
}

int report_graph(struct html *html, const json_t *report)
{
	struct graph graph;
	int err = graph_plan(report, &graph);

	if (err < 0)
		return err;
	if (!graph.node_count)
		return 0;
	html_format(html, "<svg class=\"graph\" role=\"img\" aria-labelledby=\"graph-title graph-desc\" "
			  "viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\">\n",
		    graph.width, graph.height, graph.width, graph.height);
	draw_description(html, &graph);
	draw_headings(html, &graph);
	if (graph.loop)
		draw_loop(html, &graph, document_string(report, "tag"));
	for (size_t i = 0; i < graph.edge_count; i++)
		draw_edge(html, &graph, &graph.edges[i]);
	for (size_t i = 0; i < graph.node_count && err >= 0; i++)
		err = draw_node(html, &graph.nodes[i]);
	html_put(html, "</svg>\n");
	graph_free(&graph);
	return err;
}
