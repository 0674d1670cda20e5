/* SPDX-License-Identifier: BSD-2-Clause */
#include "pages.h"

#include "large_report.h"
#include "userspace/review/report_graph.h"

static struct graph planned(json_t *report)
{
	struct graph graph;

	assert_int_equal(graph_plan(report, &graph), 0);
	return graph;
}

static const struct graph_node *node_named(const struct graph *graph, const char *name)
{
	for (size_t i = 0; i < graph->node_count; i++)
		if (graph->nodes[i].name && !strcmp(graph->nodes[i].name, name))
			return &graph->nodes[i];
	fail_msg("no node %s", name);
	return NULL;
}

static const struct graph_edge *edge_between(const struct graph *graph, const char *from, const char *to)
{
	for (size_t i = 0; i < graph->edge_count; i++) {
		const char *begin = graph->nodes[graph->edges[i].from].name;
		const char *end = graph->nodes[graph->edges[i].to].name;

		if (begin && end && !strcmp(begin, from) && !strcmp(end, to))
			return &graph->edges[i];
	}
	fail_msg("no line from %s to %s", from, to);
	return NULL;
}

static bool is_step(const struct graph_node *node)
{
	return node->kind == GRAPH_STEP || node->kind == GRAPH_MORE_STEPS;
}

/* Nodes of a side share no height, so that no line has to cross one; and each line ends at its nodes. */
static void expect_sound(const struct graph *graph)
{
	assert_in_range(graph->node_count, 0, GRAPH_NODES);
	for (size_t i = 0; i < graph->node_count; i++) {
		const struct graph_node *node = &graph->nodes[i];

		assert_true(node->x >= 0 && node->y >= 0 && node->column < GRAPH_COLUMNS);
		assert_true(node->x + node->width <= graph->width && node->y + node->height <= graph->height);
		for (size_t k = 0; k < i; k++)
			if (is_step(node) == is_step(&graph->nodes[k]))
				assert_true(node->y >= graph->nodes[k].y + graph->nodes[k].height ||
					    node->y + node->height <= graph->nodes[k].y);
	}
	for (size_t i = 0; i < graph->edge_count; i++) {
		const struct graph_node *from = &graph->nodes[graph->edges[i].from];
		const struct graph_node *to = &graph->nodes[graph->edges[i].to];

		assert_true(graph->edges[i].from_y > from->y && graph->edges[i].from_y < from->y + from->height);
		assert_true(graph->edges[i].to_y > to->y && graph->edges[i].to_y < to->y + to->height);
		assert_true(!is_step(to));
		assert_true(graph->edges[i].back || is_step(from) || to->column > from->column);
		for (size_t k = 0; k < i; k++)
			assert_false(graph->edges[k].from == graph->edges[i].from &&
				     graph->edges[k].from_y == graph->edges[i].from_y);
	}
}

static void plans_the_three_kinds(void **state)
{
	json_t *report = fixture("demo");
	struct graph graph = planned(report);
	const struct graph_edge *hidden = edge_between(&graph, "schema-tool", "github");
	const struct graph_edge *transient = edge_between(&graph, "releases", "github");

	(void)state;
	expect_sound(&graph);
	assert_int_equal(graph.node_count, 7);
	assert_int_equal(graph.edge_count, 5);
	assert_int_equal(edge_between(&graph, "curl", "github")->kind, DOCUMENT_DIRECT);
	assert_int_equal(hidden->kind, DOCUMENT_HIDDEN);
	assert_string_equal(hidden->by, "git-remote-http");
	assert_int_equal(hidden->verdict, DOCUMENT_DENIED);
	assert_int_equal(transient->kind, DOCUMENT_TRANSIENT);
	assert_int_equal(edge_between(&graph, "cp", "repo-mirror")->verdict, DOCUMENT_ALLOWED);
	assert_int_equal(node_named(&graph, "releases")->column, 0);
	assert_int_equal(node_named(&graph, "github")->column, 1);
	graph_free(&graph);
	json_decref(report);
}

static void knows_loops(void **state)
{
	json_t *report = fixture("demo");
	struct graph graph = planned(report);

	(void)state;
	assert_true(graph.loop);
	assert_true(node_named(&graph, "github")->ends_loop);
	assert_true(node_named(&graph, "releases")->loop);
	assert_false(node_named(&graph, "releases")->ends_loop);
	assert_false(node_named(&graph, "repo-mirror")->loop);
	assert_true(edge_between(&graph, "releases", "github")->loop);
	assert_false(edge_between(&graph, "cp", "repo-mirror")->loop);
	graph_free(&graph);
	json_decref(report);
}

/* Two services that need each other: one of the lines has to lead back. */
static void draws_circles(void **state)
{
	json_t *report = fixture("incomplete");
	struct graph graph = planned(report);

	(void)state;
	expect_sound(&graph);
	assert_true(edge_between(&graph, "vault", "registry")->back !=
		    edge_between(&graph, "registry", "vault")->back);
	graph_free(&graph);
	json_decref(report);
}

static void gathers_what_has_no_room(void **state)
{
	json_t *report = large_report();
	struct graph graph = planned(report);
	uint64_t stood_for = 0, more_steps = 0, more_targets = 0;
	size_t lines = 0, steps = 0;

	(void)state;
	assert_non_null(report);
	expect_sound(&graph);
	for (size_t i = 0; i < graph.node_count; i++) {
		steps += graph.nodes[i].kind == GRAPH_STEP;
		more_steps += graph.nodes[i].kind == GRAPH_MORE_STEPS ? graph.nodes[i].gathered : 0;
		more_targets += graph.nodes[i].kind == GRAPH_MORE_TARGETS ? graph.nodes[i].gathered : 0;
	}
	/* All steps with dependencies are there, and no dependency of a step is missing. */
	assert_int_equal(steps + more_steps, LARGE_STEPS / 10);
	assert_true(more_targets > 0);
	for (size_t i = 0; i < graph.edge_count; i++) {
		lines += graph.nodes[graph.edges[i].from].kind == GRAPH_STEP &&
			 graph.nodes[graph.edges[i].to].kind != GRAPH_MORE_TARGETS;
		stood_for += is_step(&graph.nodes[graph.edges[i].from]) ? graph.edges[i].count : 0;
	}
	assert_in_range(lines, GRAPH_EDGES / 2, GRAPH_EDGES);
	assert_int_equal(stood_for, LARGE_DEPENDENCIES - (LARGE_DEPENDENCIES + 3) / 7);
	graph_free(&graph);
	json_decref(report);
}

/* What is denied is drawn before what is allowed. */
static void draws_the_strictest_first(void **state)
{
	json_t *report = fixture("empty"), *dependencies = json_object_get(report, "dependencies");
	struct graph graph;

	(void)state;
	for (int i = 0; i < 200; i++) {
		char what[16];

		snprintf(what, sizeof(what), "s%d", i);
		json_array_append_new(dependencies, json_pack("{s:s, s:s, s:s, s:s, s:b, s:i}", "what", what,
							      "service", what, "kind", "direct", "verdict",
							      i == 199 ? "deny" : "allow", "enforced", 1,
							      "step", 0));
	}
	graph = planned(report);
	expect_sound(&graph);
	assert_int_equal(edge_between(&graph, "a step that is not known", "s199")->verdict, DOCUMENT_DENIED);
	graph_free(&graph);
	json_decref(report);
}

/* A build reads thousands of files that no policy speaks of: they are one node, however much room there is. */
static void gathers_plain_objects(void **state)
{
	json_t *report = fixture("demo"), *dependencies = json_object_get(report, "dependencies");
	struct graph graph;

	(void)state;
	for (int i = 0; i <= GRAPH_OBJECTS; i++) {
		char what[32];

		snprintf(what, sizeof(what), "/srv/build/header%d.h", i);
		json_array_append_new(dependencies, json_pack("{s:s, s:n, s:s, s:s, s:i}", "what", what, "service",
							      "kind", "hidden", "verdict", "allow", "step", 3));
	}
	graph = planned(report);
	expect_sound(&graph);
	assert_int_equal(graph.node_count, 8);
	assert_int_equal(graph.nodes[7].kind, GRAPH_MORE_TARGETS);
	assert_int_equal(graph.nodes[7].gathered, GRAPH_OBJECTS + 1);
	graph_free(&graph);
	json_array_remove(dependencies, json_array_size(dependencies) - 1);
	graph = planned(report);
	assert_int_equal(graph.node_count, 7 + GRAPH_OBJECTS);
	graph_free(&graph);
	json_decref(report);
}

static void copes_with_any_document(void **state)
{
	json_t *report = fixture("hostile"), *nothing = json_object(), *odd;
	struct graph graph = planned(report);

	(void)state;
	expect_sound(&graph);
	graph_free(&graph);
	graph = planned(nothing);
	assert_int_equal(graph.node_count, 0);
	graph_free(&graph);
	/* A service that needs itself. */
	odd = json_pack("{s:[{s:s,s:s,s:s},{},i]}", "dependencies", "what", "a", "via", "a", "kind", "transient", 7);
	assert_non_null(odd);
	graph = planned(odd);
	expect_sound(&graph);
	graph_free(&graph);
	json_decref(odd);
	json_decref(nothing);
	json_decref(report);
}

/* By form and by word, not only by colour. */
static void draws_forms_and_words(void **state)
{
	json_t *report = fixture("demo");
	char *svg = written(report_graph, report);

	(void)state;
	assert_int_equal(occurrences(svg, "<g class=\"edge direct"), 3);
	assert_int_equal(occurrences(svg, "<g class=\"edge hidden denied in-loop"), 1);
	assert_int_equal(occurrences(svg, "<g class=\"edge transient would in-loop"), 1);
	assert_int_equal(occurrences(svg, "href=\"#v-denied\""), 2);
	assert_int_equal(occurrences(svg, "href=\"#v-would\""), 1);
	assert_int_equal(occurrences(svg, ">direct</text>"), 3);
	assert_int_equal(occurrences(svg, ">hidden, by git-remote-http</text>"), 1);
	assert_int_equal(occurrences(svg, ">transient</text>"), 1);
	assert_int_equal(occurrences(svg, "class=\"closes\""), 1);
	assert_non_null(strstr(svg, "schema-tool reaches for github: hidden, by git-remote-http, denied, in a"));
	free(svg);
	json_decref(report);
}

/* Who listens to it hears sentences, too, of what is gathered. */
static void tells_in_words_of_what_is_gathered(void **state)
{
	json_t *report = large_report();
	struct graph graph = planned(report);
	char *svg = written(report_graph, report), words[64];
	size_t more = 0, lines = 0;

	(void)state;
	while (graph.nodes[more].kind != GRAPH_MORE_TARGETS)
		more++;
	for (size_t i = 0; i < graph.edge_count; i++)
		lines += graph.edges[i].to == more;
	assert_true(lines > 0);
	snprintf(words, sizeof(words), "%s%llu more services and objects: ", lines > 1 ? " some of " : " reaches for ",
		 (unsigned long long)graph.nodes[more].gathered);
	/* In the description, and as the title of each line. */
	assert_int_equal(occurrences(svg, words), 2 * lines);
	assert_null(strstr(svg, "for and "));
	graph_free(&graph);
	free(svg);
	json_decref(report);
}

static void draws_nothing_of_nothing(void **state)
{
	json_t *report = fixture("empty");
	char *svg = written(report_graph, report);

	(void)state;
	assert_string_equal(svg, "");
	free(svg);
	json_decref(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_the_three_kinds), cmocka_unit_test(knows_loops),
		cmocka_unit_test(draws_circles), cmocka_unit_test(gathers_what_has_no_room),
		cmocka_unit_test(draws_the_strictest_first), cmocka_unit_test(gathers_plain_objects),
		cmocka_unit_test(copes_with_any_document),
		cmocka_unit_test(tells_in_words_of_what_is_gathered),
		cmocka_unit_test(draws_forms_and_words), cmocka_unit_test(draws_nothing_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
