/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the report's graph shows, and where.
 */
#include "report_graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY SIZE_MAX

/* Sizes, in pixels of a page that is wide enough. */
#define ROW 28				/* of a line at a step: its label stands above it */
#define STEP_HEIGHT 44			/* at least */
#define PORT 20				/* between lines at a service */
#define TARGET_HEIGHT 46
#define GAP 14
#define TOP 38				/* the headings of the columns */
#define LOOP_ROW 30			/* of the line that leads back */

/* --- what there is --------------------------------------------------------------------------- */

/* All lines there would be, before any are chosen. */
struct candidate {
	size_t step;			/* index in "steps", or NOBODY for a line between services */
	const char *via, *what;
	bool is_object;
	struct graph_edge edge;
};

struct planner {
	const json_t *report;
	struct graph graph;
	struct candidate *candidates;
	size_t count;
	size_t more_steps, more_targets;	/* nodes, or NOBODY */
	size_t steps, targets, turns, drawn;	/* how many there are already */
};

static bool same_line(const struct candidate *a, const struct candidate *b)
{
	return a->step == b->step && a->edge.kind == b->edge.kind && !strcmp(a->what, b->what) &&
	       !strcmp(a->via, b->via);
}

static void merge(struct graph_edge *edge, const struct graph_edge *other)
{
	edge->mixed |= edge->kind != other->kind || other->mixed;
	if (other->verdict < edge->verdict)
		edge->verdict = other->verdict;
	edge->loop |= other->loop;
	edge->count += other->count;
	if (edge->by && (!other->by || strcmp(edge->by, other->by)))
		edge->by = NULL;
}

/* What a reader must not miss is drawn first. */
static unsigned int rank_of(const struct candidate *line)
{
	static const unsigned int kinds[DOCUMENT_KINDS] = {
		[DOCUMENT_DIRECT] = 0, [DOCUMENT_TRANSIENT] = 2, [DOCUMENT_HIDDEN] = 2, [DOCUMENT_UNDECIDED] = 1,
	};

	return line->edge.loop * 32 + (DOCUMENT_ALLOWED - line->edge.verdict) * 8 +
	       kinds[line->edge.kind] * 2 + !line->is_object;
}

/* The program that reached for it, where that is not the step itself. */
static const char *reached_by(const json_t *report, const json_t *dependency, ssize_t step)
{
	const json_t *first = json_array_get(json_object_get(dependency, "reached_by"), 0);
	ssize_t by = document_step(report, first);

	if (by < 0 || by == step)
		return NULL;
	return document_step_name(json_array_get(json_object_get(report, "steps"), by));
}

static void add_candidate(struct planner *planner, const json_t *dependency, size_t index)
{
	ssize_t step = document_step(planner->report, json_object_get(dependency, "step"));
	bool turn = document_kind_of(dependency) == DOCUMENT_TRANSIENT &&
		    *document_string(dependency, "via");
	struct candidate line = {
		.step = turn || step < 0 ? NOBODY : (size_t)step,
		.via = turn ? document_string(dependency, "via") : "",
		.what = document_string(dependency, "what"),
		.is_object = !*document_string(dependency, "service"),
		.edge = {
			.kind = document_kind_of(dependency),
			.verdict = document_verdict_of(dependency),
			.loop = json_is_array(json_object_get(dependency, "loop")),
			.dependency = index,
			.count = 1,
		},
	};

	if (line.edge.kind == DOCUMENT_HIDDEN)
		line.edge.by = reached_by(planner->report, dependency, step);
	for (size_t i = 0; i < planner->count; i++)
		if (same_line(&planner->candidates[i], &line)) {
			merge(&planner->candidates[i].edge, &line.edge);
			return;
		}
	planner->candidates[planner->count++] = line;
}

static int compare_rank(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	if (left->edge.rank != right->edge.rank)
		return left->edge.rank < right->edge.rank ? 1 : -1;
	return (left->edge.dependency > right->edge.dependency) -
	       (left->edge.dependency < right->edge.dependency);
}

static int find_candidates(struct planner *planner)
{
	const json_t *dependencies = json_object_get(planner->report, "dependencies"), *dependency;
	size_t i;

	planner->candidates = calloc(json_array_size(dependencies) + 1, sizeof(*planner->candidates));
	if (!planner->candidates)
		return -ENOMEM;
	json_array_foreach(dependencies, i, dependency)
		add_candidate(planner, dependency, i);
	for (i = 0; i < planner->count; i++)
		planner->candidates[i].edge.rank = rank_of(&planner->candidates[i]);
	qsort(planner->candidates, planner->count, sizeof(*planner->candidates), compare_rank);
	return 0;
}

/* --- what is drawn --------------------------------------------------------------------------- */

static bool is_step(const struct graph_node *node)
{
	return node->kind == GRAPH_STEP || node->kind == GRAPH_MORE_STEPS;
}

static size_t add_node(struct planner *planner, struct graph_node node)
{
	planner->graph.nodes[planner->graph.node_count] = node;
	return planner->graph.node_count++;
}

static size_t find_step(const struct planner *planner, const json_t *step)
{
	for (size_t i = 0; i < planner->graph.node_count; i++)
		if (planner->graph.nodes[i].step == step && planner->graph.nodes[i].kind == GRAPH_STEP)
			return i;
	return NOBODY;
}

static size_t find_target(const struct planner *planner, const char *name)
{
	for (size_t i = 0; i < planner->graph.node_count; i++)
		if (planner->graph.nodes[i].name && !is_step(&planner->graph.nodes[i]) &&
		    !strcmp(planner->graph.nodes[i].name, name))
			return i;
	return NOBODY;
}

static const json_t *service_named(const json_t *report, const char *name)
{
	const json_t *service;
	size_t i;

	json_array_foreach(json_object_get(report, "services"), i, service)
		if (!strcmp(document_string(service, "name"), name))
			return service;
	return NULL;
}

/* The node, added where it is missing and there is room for it; or NOBODY. */
static size_t step_node(struct planner *planner, size_t index)
{
	const json_t *step = json_array_get(json_object_get(planner->report, "steps"), index);
	size_t node = find_step(planner, step);

	if (node != NOBODY || planner->steps >= GRAPH_STEPS)
		return node;
	planner->steps++;
	return add_node(planner, (struct graph_node){
		.kind = GRAPH_STEP, .name = step ? document_step_name(step) : "a step that is not known",
		.step = step, .wish = document_time(step, "first") });
}

static size_t target_node(struct planner *planner, const char *name, bool is_object, size_t max)
{
	const json_t *service = service_named(planner->report, name);
	size_t node = find_target(planner, name);

	if (node != NOBODY || planner->targets >= max)
		return node;
	planner->targets++;
	return add_node(planner, (struct graph_node){
		.kind = is_object && !service ? GRAPH_OBJECT : GRAPH_SERVICE, .name = name, .service = service });
}

static size_t more_node(struct planner *planner, size_t *node, enum graph_node_kind kind)
{
	if (*node == NOBODY)
		*node = add_node(planner, (struct graph_node){ .kind = kind, .wish = DOCUMENT_TIME_MAX * 2 });
	return *node;
}

/* Draws a line, or makes one that is there stand for it, too. */
static void add_edge(struct planner *planner, size_t from, size_t to, const struct candidate *line,
		     bool gathered)
{
	struct graph *graph = &planner->graph;

	if (from == to)
		return;
	for (size_t i = 0; gathered && i < graph->edge_count; i++)
		if (graph->edges[i].from == from && graph->edges[i].to == to) {
			merge(&graph->edges[i], &line->edge);
			return;
		}
	graph->edges[graph->edge_count] = line->edge;
	graph->edges[graph->edge_count].from = from;
	graph->edges[graph->edge_count++].to = to;
}

/* @wanted: not only as one of many. */
static void add_line(struct planner *planner, const struct candidate *line, bool wanted)
{
	bool room = planner->drawn < GRAPH_EDGES;
	size_t from = room ? step_node(planner, line->step) : NOBODY;
	size_t to = from != NOBODY && wanted ?
		    target_node(planner, line->what, line->is_object, GRAPH_TARGETS) :
		    find_target(planner, line->what);
	bool gathered = from == NOBODY || to == NOBODY;

	if (!gathered)
		planner->drawn++;
	if (from == NOBODY)
		from = more_node(planner, &planner->more_steps, GRAPH_MORE_STEPS);
	if (to == NOBODY)
		to = more_node(planner, &planner->more_targets, GRAPH_MORE_TARGETS);
	add_edge(planner, from, to, line, gathered);
}

/* What those need in turn that were gathered is not drawn. */
static void add_turn(struct planner *planner, const struct candidate *line)
{
	bool room = planner->turns < GRAPH_TURNS;
	size_t from = find_target(planner, line->via), to;

	if (from == NOBODY && room)
		from = target_node(planner, line->via, false, GRAPH_VIA);
	if (from == NOBODY)
		return;
	to = room ? target_node(planner, line->what, line->is_object, GRAPH_IN_TURN) :
	     find_target(planner, line->what);
	if (to == NOBODY) {
		to = more_node(planner, &planner->more_targets, GRAPH_MORE_TARGETS);
		add_edge(planner, from, to, line, true);
		return;
	}
	planner->turns++;
	add_edge(planner, from, to, line, false);
}

/* Each distinct name once, of those that @gathered says have no node of their own. */
static void count_gathered(struct planner *planner)
{
	struct graph *graph = &planner->graph;

	for (size_t i = 0; i < planner->count; i++) {
		const struct candidate *line = &planner->candidates[i];
		bool step_seen = line->step == NOBODY, what_seen = find_target(planner, line->what) != NOBODY;

		if (!step_seen)
			step_seen = find_step(planner, json_array_get(json_object_get(planner->report, "steps"),
								      line->step)) != NOBODY;
		for (size_t k = 0; k < i; k++) {
			step_seen |= planner->candidates[k].step == line->step;
			what_seen |= !strcmp(planner->candidates[k].what, line->what);
		}
		if (!step_seen && planner->more_steps != NOBODY)
			graph->nodes[planner->more_steps].gathered++;
		if (!what_seen && planner->more_targets != NOBODY)
			graph->nodes[planner->more_targets].gathered++;
	}
}

static void mark_loops(struct planner *planner)
{
	const json_t *dependency, *name;
	size_t i, k;

	json_array_foreach(json_object_get(planner->report, "dependencies"), i, dependency) {
		const json_t *loop = json_object_get(dependency, "loop");

		json_array_foreach(loop, k, name) {
			size_t node = json_is_string(name) ? find_target(planner, json_string_value(name)) : NOBODY;

			if (node == NOBODY)
				continue;
			planner->graph.nodes[node].loop = true;
			if (k + 1 == json_array_size(loop))
				planner->graph.nodes[node].ends_loop = true;
		}
	}
}

/* What nobody has said anything of, neither the policy nor a rule: files, for the most part. */
static bool is_plain(const struct candidate *line)
{
	return line->is_object && line->edge.verdict == DOCUMENT_ALLOWED && !*line->via;
}

static int choose(struct planner *planner)
{
	struct graph *graph = &planner->graph;
	size_t plain = 0;

	graph->nodes = calloc(GRAPH_NODES, sizeof(*graph->nodes));
	graph->edges = calloc(planner->count + 1, sizeof(*graph->edges));
	if (!graph->nodes || !graph->edges)
		return -ENOMEM;
	for (size_t i = 0; i < planner->count; i++)
		plain += is_plain(&planner->candidates[i]);
	for (size_t i = 0; i < planner->count; i++)
		if (!*planner->candidates[i].via)
			add_line(planner, &planner->candidates[i],
				 plain <= GRAPH_OBJECTS || !is_plain(&planner->candidates[i]));
	for (size_t i = 0; i < planner->count; i++)
		if (*planner->candidates[i].via)
			add_turn(planner, &planner->candidates[i]);
	count_gathered(planner);
	mark_loops(planner);
	return 0;
}

/* --- in which order -------------------------------------------------------------------------- */

static int compare_nodes(const void *a, const void *b)
{
	const struct graph_node *const *left = a, *const *right = b;

	if (is_step(*left) != is_step(*right))
		return is_step(*left) ? -1 : 1;
	if ((*left)->wish != (*right)->wish)
		return (*left)->wish < (*right)->wish ? -1 : 1;
	return (*left > *right) - (*left < *right);
}

/* Sorts the nodes by what they wish, steps before services, and keeps the edges at them. */
static int sort_nodes(struct graph *graph)
{
	struct graph_node **order = calloc(graph->node_count, sizeof(*order));
	struct graph_node *sorted = calloc(graph->node_count, sizeof(*sorted));
	size_t *place = calloc(graph->node_count, sizeof(*place));

	if (!order || !sorted || !place) {
		free(order);
		free(sorted);
		free(place);
		return -ENOMEM;
	}
	for (size_t i = 0; i < graph->node_count; i++)
		order[i] = &graph->nodes[i];
	qsort(order, graph->node_count, sizeof(*order), compare_nodes);
	for (size_t i = 0; i < graph->node_count; i++) {
		sorted[i] = *order[i];
		place[order[i] - graph->nodes] = i;
	}
	for (size_t i = 0; i < graph->edge_count; i++) {
		graph->edges[i].from = place[graph->edges[i].from];
		graph->edges[i].to = place[graph->edges[i].to];
	}
	free(order);
	free(place);
	free(graph->nodes);
	graph->nodes = sorted;
	return 0;
}

/* A service stands right of all that need it. Where they need each other, the lines are followed only so
 * often as there are columns. */
static void set_columns(struct graph *graph)
{
	bool again = true;

	for (unsigned int round = 0; again && round < GRAPH_COLUMNS; round++) {
		again = false;
		for (size_t i = 0; i < graph->edge_count; i++) {
			const struct graph_edge *edge = &graph->edges[i];
			struct graph_node *from = &graph->nodes[edge->from], *to = &graph->nodes[edge->to];

			if (is_step(from) || edge->back || to->column > from->column)
				continue;
			to->column = from->column + 1;
			again = true;
		}
	}
}

/* Whether lines that do not lead back lead from @from to @to; @seen: nodes that were looked at. */
static bool leads_to(const struct graph *graph, size_t from, size_t to, bool seen[GRAPH_NODES])
{
	if (from == to)
		return true;
	if (seen[from])
		return false;
	seen[from] = true;
	for (size_t i = 0; i < graph->edge_count; i++)
		if (graph->edges[i].from == from && !graph->edges[i].back &&
		    leads_to(graph, graph->edges[i].to, to, seen))
			return true;
	return false;
}

/* A line between services leads back where it closes a circle, or where no column is left. */
static void find_back_edges(struct graph *graph)
{
	for (size_t i = 0; i < graph->edge_count; i++)
		graph->edges[i].back = !is_step(&graph->nodes[graph->edges[i].from]);
	for (size_t i = 0; i < graph->edge_count; i++) {
		bool seen[GRAPH_NODES] = {};

		if (graph->edges[i].back)
			graph->edges[i].back = leads_to(graph, graph->edges[i].to, graph->edges[i].from, seen);
	}
	set_columns(graph);
	for (size_t i = 0; i < graph->node_count; i++) {
		if (graph->nodes[i].column >= GRAPH_COLUMNS)
			graph->nodes[i].column = GRAPH_COLUMNS - 1;
		if (graph->nodes[i].column >= graph->columns)
			graph->columns = graph->nodes[i].column + 1;
	}
	for (size_t i = 0; i < graph->edge_count; i++)
		if (!is_step(&graph->nodes[graph->edges[i].from]))
			graph->edges[i].back = graph->nodes[graph->edges[i].to].column <=
					       graph->nodes[graph->edges[i].from].column;
}

/* --- where ----------------------------------------------------------------------------------- */

static void count_lines(struct graph *graph)
{
	for (size_t i = 0; i < graph->edge_count; i++) {
		graph->nodes[graph->edges[i].from].right++;
		if (graph->edges[i].back)
			graph->nodes[graph->edges[i].to].right++;
		else
			graph->nodes[graph->edges[i].to].left++;
	}
	for (size_t i = 0; i < graph->node_count; i++) {
		struct graph_node *node = &graph->nodes[i];
		double ports;

		node->right += node->ends_loop;
		graph->loop |= node->ends_loop;
		if (is_step(node)) {
			node->height = node->right * ROW + 8 > STEP_HEIGHT ? node->right * ROW + 8 : STEP_HEIGHT;
			continue;
		}
		ports = (node->left > node->right ? node->left : node->right) * PORT + 12;
		node->height = ports > TARGET_HEIGHT ? ports : TARGET_HEIGHT;
	}
}

/* Where the lines begin that lead out of a node, evenly spread around its middle, by where they lead to. */
static void spread_out(struct graph *graph, size_t index)
{
	const struct graph_node *node = &graph->nodes[index];
	double pitch = is_step(node) ? ROW : PORT, y;

	y = node->y + node->height / 2 - (node->right - 1) * pitch / 2.0 + (is_step(node) ? 4 : 0);
	for (size_t to = 0; to < graph->node_count; to++)
		for (size_t i = 0; i < graph->edge_count; i++) {
			if (graph->edges[i].from == index && graph->edges[i].to == to) {
				graph->edges[i].from_y = y;
				y += pitch;
			}
			if (graph->edges[i].back && graph->edges[i].to == index && graph->edges[i].from == to) {
				graph->edges[i].to_y = y;
				y += pitch;
			}
		}
	graph->nodes[index].loop_y = y;
}

/* And where those end that lead into it from the left, by where they come from. */
static void spread_in(struct graph *graph, size_t index)
{
	const struct graph_node *node = &graph->nodes[index];
	double y = node->y + node->height / 2 - (node->left - 1) * PORT / 2.0;

	for (size_t from = 0; from < graph->node_count; from++)
		for (size_t i = 0; i < graph->edge_count; i++)
			if (graph->edges[i].to == index && graph->edges[i].from == from && !graph->edges[i].back) {
				graph->edges[i].to_y = y;
				y += PORT;
			}
}

/* A service wishes to stand amid those who reach for it; one that is needed in turn, below those who do. */
static void wish_targets(struct graph *graph)
{
	for (unsigned int column = 0; column < graph->columns; column++)
		for (size_t i = 0; i < graph->node_count; i++) {
			struct graph_node *node = &graph->nodes[i];
			double sum = 0;
			size_t count = 0;

			if (is_step(node) || node->kind == GRAPH_MORE_TARGETS || node->column != column)
				continue;
			for (size_t k = 0; k < graph->edge_count; k++) {
				const struct graph_edge *edge = &graph->edges[k];
				const struct graph_node *from = &graph->nodes[edge->from];

				if (edge->to != i || edge->back)
					continue;
				sum += is_step(from) ? edge->from_y : from->wish + ROW;
				count++;
			}
			node->wish = count ? sum / count : 0;
		}
}

static double stack_steps(struct graph *graph, double y)
{
	for (size_t i = 0; i < graph->node_count && is_step(&graph->nodes[i]); i++) {
		graph->nodes[i].y = y;
		y += graph->nodes[i].height + GAP;
		spread_out(graph, i);
	}
	return y - GAP;
}

/* One below the other, as near as can be to where they wish, and none below @bottom unless it must. */
static double stack_targets(struct graph *graph, double bottom)
{
	double y = TOP, end = bottom, total = -GAP;

	for (size_t i = 0; i < graph->node_count; i++)
		if (!is_step(&graph->nodes[i]))
			total += graph->nodes[i].height + GAP;
	if (TOP + total > end)
		end = TOP + total;
	bottom = end;
	for (size_t i = 0; i < graph->node_count; i++) {
		struct graph_node *node = &graph->nodes[i];

		if (is_step(node))
			continue;
		node->y = node->wish - node->height / 2 > y ? node->wish - node->height / 2 : y;
		y = node->y + node->height + GAP;
	}
	for (size_t i = graph->node_count; i--; ) {
		struct graph_node *node = &graph->nodes[i];

		if (is_step(node))
			break;
		if (node->y + node->height > end)
			node->y = end - node->height;
		end = node->y - GAP;
	}
	return bottom;
}

/* The fewer columns there are, the more room each has. */
static void set_widths(struct graph *graph)
{
	bool roomy = graph->columns < 2;
	double step = roomy ? 330 : 240, lead = roomy ? 190 : 178, channel = roomy ? 140 : 88;
	double target = roomy ? 290 : 180, turn = 82, turn_channel = 58;

	graph->step_x = 36;
	graph->lead_x = graph->step_x + step + lead;
	for (unsigned int column = 0; column < graph->columns; column++) {
		graph->target_x[column] = graph->lead_x + channel + column * (target + turn + turn_channel);
		graph->turn_x[column] = graph->target_x[column] + target + turn;
	}
	for (size_t i = 0; i < graph->node_count; i++) {
		struct graph_node *node = &graph->nodes[i];

		node->width = is_step(node) ? step : target;
		node->x = is_step(node) ? graph->step_x : graph->target_x[node->column];
	}
	graph->width = graph->target_x[graph->columns - 1] + target + 38;
	for (size_t i = 0; i < graph->edge_count; i++)
		if (graph->edges[i].back && graph->nodes[graph->edges[i].from].column + 1 == graph->columns)
			graph->width = graph->turn_x[graph->columns - 1] + turn_channel + 20;
}

static int place(struct graph *graph)
{
	double bottom;
	int err;

	count_lines(graph);
	err = sort_nodes(graph);
	if (err < 0)
		return err;
	stack_steps(graph, TOP);
	wish_targets(graph);
	err = sort_nodes(graph);
	if (err < 0)
		return err;
	bottom = stack_targets(graph, stack_steps(graph, TOP));
	for (size_t i = 0; i < graph->node_count; i++) {
		spread_out(graph, i);
		if (!is_step(&graph->nodes[i]))
			spread_in(graph, i);
	}
	set_widths(graph);
	graph->bottom = bottom;
	graph->height = bottom + 12 + graph->loop * LOOP_ROW;
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

int graph_plan(const json_t *report, struct graph *ret_graph)
{
	struct planner planner = { .report = report, .more_steps = NOBODY, .more_targets = NOBODY };
	int err = find_candidates(&planner);

	if (err >= 0 && planner.count) {
		err = choose(&planner);
		if (err >= 0 && planner.graph.node_count) {
			planner.graph.columns = 1;
			find_back_edges(&planner.graph);
			err = place(&planner.graph);
		}
	}
	free(planner.candidates);
	if (err < 0) {
		graph_free(&planner.graph);
		return err;
	}
	*ret_graph = planner.graph;
	return 0;
}

void graph_free(struct graph *graph)
{
	free(graph->nodes);
	free(graph->edges);
	*graph = (struct graph){};
}
