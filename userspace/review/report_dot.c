/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as a graph in the DOT language (https://graphviz.org/doc/info/lang.html): steps as boxes, what they
 * reached for as ellipses, and a line style for each kind. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "report.h"
#include "report_read.h"

#define DRAWN_MAX 200			/* dependencies: more are no picture */
#define LABEL_MAX 60			/* bytes */

static const char *const styles[] = { "solid", "dashed", "dotted", "bold" };
_Static_assert(sizeof(styles) / sizeof(styles[0]) == DOCUMENT_KINDS, "a line style per kind");

/* A text between double quotes. What a backslash begins means something to graphviz as well. */
static void quote(FILE *out, const char *utf8, size_t size)
{
	struct text shown = { 0 };

	text_printable(&shown, utf8, size);
	for (size_t i = 0; i < shown.size; i++)
		fprintf(out, "%s%c", strchr("\"\\", shown.data[i]) ? "\\" : "", shown.data[i]);
	text_free(&shown);
}

static void label(FILE *out, const char *utf8)
{
	size_t kept = text_cut(utf8, strlen(utf8), LABEL_MAX);

	quote(out, utf8, kept);
	fputs(utf8[kept] ? "…" : "", out);
}

static const char *color_of(const json_t *dependency)
{
	if (json_is_array(json_object_get(dependency, "loop")))
		return "red3";
	return document_verdict_of(dependency) == DOCUMENT_ALLOWED ? "gray40" : "black";
}

/* --- which steps -------------------------------------------------------------------------- */

/* Marks a step and those above it. */
static void mark(const json_t *steps, json_int_t step, bool *marked)
{
	/* A document that was made up may have circles. */
	while (step >= 0 && (size_t)step < json_array_size(steps) && !marked[step]) {
		const json_t *parent = json_object_get(json_array_get(steps, step), "parent");

		marked[step] = true;
		step = json_is_integer(parent) ? json_integer_value(parent) : -1;
	}
}

static bool is_drawn(const json_t *dependency, size_t *count)
{
	return report_is_shown(dependency) && (*count)++ < DRAWN_MAX;
}

static void mark_all(const json_t *report, bool *marked)
{
	const json_t *steps = json_object_get(report, "steps"), *dependency, *step;
	size_t drawn = 0, i, k;

	json_array_foreach(json_object_get(report, "dependencies"), i, dependency) {
		if (!is_drawn(dependency, &drawn))
			continue;
		json_array_foreach(json_object_get(dependency, "reached_by"), k, step)
			mark(steps, json_integer_value(step), marked);
		if (json_is_integer(json_object_get(dependency, "step")))
			mark(steps, document_count(dependency, "step"), marked);
	}
}

static void draw_steps(const json_t *report, const bool *marked, FILE *out)
{
	const json_t *step;
	size_t i;

	json_array_foreach(json_object_get(report, "steps"), i, step) {
		const json_t *parent = json_object_get(step, "parent");

		if (!marked[i])
			continue;
		fprintf(out, "\ts%zu [shape=box, label=\"", i);
		label(out, document_string(step, "name"));
		fprintf(out, "\"%s];\n", document_flag(step, "own") ? ", penwidth=2" : "");
		if (json_is_integer(parent))
			fprintf(out, "\ts%" JSON_INTEGER_FORMAT " -> s%zu [color=gray60, arrowhead=none];\n",
				json_integer_value(parent), i);
	}
}

/* --- what they reached for ---------------------------------------------------------------- */

/* The number of the first dependency on the same thing: one node for all of them. */
static size_t node_of(const json_t *dependencies, const char *what)
{
	const json_t *dependency;
	size_t i;

	json_array_foreach(dependencies, i, dependency)
		if (!strcmp(document_string(dependency, "what"), what))
			return i;
	return 0;
}

/* Whether a loop closes there, of whichever dependency on it. */
static bool closes_loop(const json_t *dependencies, const char *what)
{
	const json_t *dependency;
	size_t i;

	json_array_foreach(dependencies, i, dependency) {
		const json_t *loop = json_object_get(dependency, "loop");
		size_t size = json_array_size(loop);

		if (size && !strcmp(report_item(loop, size - 1), what) &&
		    !strcmp(document_string(dependency, "what"), what))
			return true;
	}
	return false;
}

static void draw_node(const json_t *dependencies, const char *what, size_t node, FILE *out)
{
	fprintf(out, "\td%zu [shape=ellipse, label=\"", node);
	label(out, what);
	fprintf(out, "\"%s];\n", closes_loop(dependencies, what) ? ", color=red3, penwidth=2" : "");
}

/* From the node @from with its number; a negative one is no part of its name. */
static void draw_edge(const json_t *dependencies, const json_t *dependency, const char *from, json_int_t number,
		      FILE *out)
{
	fprintf(out, "\t%s", from);
	if (number >= 0)
		fprintf(out, "%" JSON_INTEGER_FORMAT, number);
	fprintf(out, " -> d%zu [style=%s, color=%s, label=\"",
		node_of(dependencies, document_string(dependency, "what")), styles[document_kind_of(dependency)],
		color_of(dependency));
	label(out, document_string(dependency, "kind"));
	fprintf(out, "\\n%s", report_verdict(dependency));
	if (*document_string(dependency, "errno")) {
		fputs(" ", out);
		label(out, document_string(dependency, "errno"));
	}
	fputs("\"];\n", out);
}

/* The things that dependencies are on, each once; and who reached for them, where that is not known of some. */
static int draw_nodes(const json_t *dependencies, FILE *out)
{
	bool *named = calloc(json_array_size(dependencies) + 1, sizeof(*named)), unknown = false;
	const json_t *dependency;
	size_t drawn = 0, i;

	if (!named)
		return -ENOMEM;
	json_array_foreach(dependencies, i, dependency) {
		const char *what = document_string(dependency, "what");
		size_t node = node_of(dependencies, what);

		if (!is_drawn(dependency, &drawn))
			continue;
		if (!named[node])
			draw_node(dependencies, what, node, out);
		named[node] = true;
		unknown |= !*document_string(dependency, "via") &&
			!json_array_size(json_object_get(dependency, "reached_by"));
	}
	if (unknown)
		fputs("\tunknown [shape=box, style=dashed, label=\"not known\"];\n", out);
	free(named);
	return 0;
}

static void draw_dependency(const json_t *report, const json_t *dependency, FILE *out)
{
	const json_t *dependencies = json_object_get(report, "dependencies");
	const json_t *reached_by = json_object_get(dependency, "reached_by"), *step;
	const char *via = document_string(dependency, "via");
	size_t i;

	if (*via) {
		draw_edge(dependencies, dependency, "d", node_of(dependencies, via), out);
		return;
	}
	json_array_foreach(reached_by, i, step)
		draw_edge(dependencies, dependency, "s", json_integer_value(step), out);
	if (!json_array_size(reached_by))
		draw_edge(dependencies, dependency, "unknown", -1, out);
}

int report_dot(const json_t *report, FILE *out)
{
	const json_t *dependencies = json_object_get(report, "dependencies"), *dependency;
	bool *marked = calloc(json_array_size(json_object_get(report, "steps")) + 1, sizeof(*marked));
	size_t drawn = 0, i;
	int err;

	if (!marked)
		return -ENOMEM;
	errno = 0;
	fputs("digraph ringfence {\n\trankdir=LR;\n\tnode [fontname=\"sans-serif\"];\n"
	      "\tedge [fontname=\"sans-serif\", fontsize=10];\n\tlabelloc=t;\n\tlabel=\"", out);
	quote(out, document_string(json_object_get(report, "verdict"), "sentence"),
	      strlen(document_string(json_object_get(report, "verdict"), "sentence")));
	fputs("\";\n", out);
	mark_all(report, marked);
	draw_steps(report, marked, out);
	err = draw_nodes(dependencies, out);
	json_array_foreach(dependencies, i, dependency)
		if (is_drawn(dependency, &drawn))
			draw_dependency(report, dependency, out);
	fputs("}\n", out);
	free(marked);
	if (err)
		return err;
	return fflush(out) || ferror(out) ? -(errno ? errno : EIO) : 0;
}
