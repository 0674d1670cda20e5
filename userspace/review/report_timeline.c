/* SPDX-License-Identifier: BSD-2-Clause */
#include "report_timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "report_document.h"

#define NOBODY SIZE_MAX
#define INDENT_MAX 8			/* deeper ones stand no further right */
#define TICKS_MAX 8
#define LABEL_SHARE 0.93		/* of the time: behind that there is no room for the label of a tick */
#define COMMAND_COLUMNS 300

/* A time at which a step reached for something. */
struct mark {
	double t;
	size_t step;			/* index, or NOBODY where it is not known */
	enum document_verdict verdict;
	const json_t *point;
};

struct row {
	size_t step;
	unsigned int depth;
};

struct timeline {
	const json_t *report, *steps;
	size_t count;			/* steps */
	double duration;
	size_t *parents;		/* by index; NOBODY: none that is known */
	size_t *order;			/* steps by the time of their beginning */
	bool *wanted, *placed;
	struct row *rows;		/* as they are shown */
	size_t row_count;
	struct mark *marks;		/* by step, the strictest verdict last: it is painted on top */
	size_t mark_count;
};

/* --- the tree -------------------------------------------------------------------------------- */

static void find_parents(struct timeline *line)
{
	for (size_t i = 0; i < line->count; i++) {
		const json_t *step = json_array_get(line->steps, i);
		ssize_t parent = document_step(line->report, json_object_get(step, "parent"));

		line->parents[i] = parent < 0 || (size_t)parent == i ? NOBODY : (size_t)parent;
	}
}

static int compare_first(const void *a, const void *b, void *ctx)
{
	const struct timeline *line = ctx;
	size_t left = *(const size_t *)a, right = *(const size_t *)b;
	double left_first = document_time(json_array_get(line->steps, left), "first");
	double right_first = document_time(json_array_get(line->steps, right), "first");

	if (left_first != right_first)
		return left_first < right_first ? -1 : 1;
	return (left > right) - (left < right);
}

/* Where not all have room, those have it first that reached for something, with all above them. */
static void choose_rows(struct timeline *line)
{
	size_t wanted = 0;

	for (size_t i = 0; i < line->mark_count; i++)
		for (size_t step = line->marks[i].step;
		     step != NOBODY && !line->wanted[step] && wanted < TIMELINE_ROWS; step = line->parents[step]) {
			line->wanted[step] = true;
			wanted++;
		}
	for (size_t i = 0; i < line->count && wanted < TIMELINE_ROWS; i++)
		if (!line->wanted[line->order[i]]) {
			line->wanted[line->order[i]] = true;
			wanted++;
		}
}

static void place_row(struct timeline *line, size_t step, unsigned int depth)
{
	line->placed[step] = true;
	if (line->wanted[step])
		line->rows[line->row_count++] = (struct row){ step, depth };
}

/* A step and all below it. Without recursion: a tree may be as deep as it has steps. */
static void place_tree(struct timeline *line, size_t root)
{
	size_t step = root;
	unsigned int depth = 0;

	place_row(line, root, 0);
	for (;;) {
		size_t next = NOBODY;

		for (size_t i = 0; i < line->count && next == NOBODY; i++)
			if (line->parents[line->order[i]] == step && !line->placed[line->order[i]])
				next = line->order[i];
		if (next != NOBODY) {
			step = next;
			place_row(line, step, ++depth);
		} else if (step == root) {
			return;
		} else {
			step = line->parents[step];
			depth--;
		}
	}
}

static void place_rows(struct timeline *line)
{
	for (size_t i = 0; i < line->count; i++)
		if (line->parents[line->order[i]] == NOBODY)
			place_tree(line, line->order[i]);
	/* What is left has parents in a circle, which no log can mean. */
	for (size_t i = 0; i < line->count; i++)
		if (!line->placed[line->order[i]])
			place_tree(line, line->order[i]);
}

/* --- what there is --------------------------------------------------------------------------- */

static int compare_marks(const void *a, const void *b)
{
	const struct mark *left = a, *right = b;

	if (left->step != right->step)
		return left->step < right->step ? -1 : 1;
	if (left->verdict != right->verdict)
		return left->verdict > right->verdict ? -1 : 1;
	return (left->t > right->t) - (left->t < right->t);
}

static const json_t *dependency_of(const struct timeline *line, const json_t *point)
{
	const json_t *index = json_object_get(point, "dependency");

	return json_is_integer(index) && json_integer_value(index) >= 0 ?
	       json_array_get(json_object_get(line->report, "dependencies"), json_integer_value(index)) : NULL;
}

static void find_marks(struct timeline *line)
{
	const json_t *point;
	size_t i;

	json_array_foreach(json_object_get(line->report, "timeline"), i, point) {
		ssize_t step = document_step(line->report, json_object_get(point, "step"));

		if (step >= 0)
			line->marks[line->mark_count++] = (struct mark){
				.t = document_time(point, "t"), .step = step, .point = point,
				.verdict = document_verdict_parse(
					document_string(point, "verdict"),
					document_flag(dependency_of(line, point), "enforced")),
			};
	}
	qsort(line->marks, line->mark_count, sizeof(*line->marks), compare_marks);
}

static void timeline_free(struct timeline *line)
{
	free(line->parents);
	free(line->order);
	free(line->wanted);
	free(line->placed);
	free(line->rows);
	free(line->marks);
}

static int timeline_plan(const json_t *report, struct timeline *ret_line)
{
	struct timeline line = { .report = report, .steps = json_object_get(report, "steps") };

	line.count = json_array_size(line.steps);
	line.duration = document_duration(report) ?: 1;
	line.parents = calloc(line.count + 1, sizeof(*line.parents));
	line.order = calloc(line.count + 1, sizeof(*line.order));
	line.wanted = calloc(line.count + 1, sizeof(*line.wanted));
	line.placed = calloc(line.count + 1, sizeof(*line.placed));
	line.rows = calloc(line.count + 1, sizeof(*line.rows));
	line.marks = calloc(json_array_size(json_object_get(report, "timeline")) + 1, sizeof(*line.marks));
	if (!line.parents || !line.order || !line.wanted || !line.placed || !line.rows || !line.marks) {
		timeline_free(&line);
		return -ENOMEM;
	}
	for (size_t i = 0; i < line.count; i++)
		line.order[i] = i;
	qsort_r(line.order, line.count, sizeof(*line.order), compare_first, &line);
	find_parents(&line);
	find_marks(&line);
	choose_rows(&line);
	place_rows(&line);
	*ret_line = line;
	return 0;
}

/* --- drawing --------------------------------------------------------------------------------- */

static double percent(const struct timeline *line, double t)
{
	return t < line->duration ? t / line->duration * 100 : 100;
}

/* The least of the steps that people count in with which at most TICKS_MAX cover @duration. */
static double tick_of(double duration)
{
	static const double seconds[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800,
					  21600, 43200, 86400 };
	double tick = 1;

	for (double power = 1; power < 1000; power *= 10)
		for (unsigned int i = 0; i < 3; i++) {
			tick = power * (double[]){ 1, 2, 5 }[i];
			if (tick * TICKS_MAX >= duration)
				return tick;
		}
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
		if (seconds[i] * 1e3 * TICKS_MAX >= duration)
			return seconds[i] * 1e3;
	for (tick = 86400e3; tick * TICKS_MAX < duration; )
		tick *= 2;
	return tick;
}

/* "1.5 s" for a place on the axis: as short as it can be. */
static void tick_name(struct html *html, double t, double tick)
{
	uint64_t seconds = t / 1e3 + 0.5;

	if (tick < 1000 && t < 1000)
		html_format(html, "%.0f ms", t);
	else if (tick < 1000 || seconds < 60)
		html_format(html, "%.3g s", t / 1e3);
	else if (seconds < 3600)
		html_format(html, seconds % 60 ? "%" PRIu64 ":%02" PRIu64 " min" : "%" PRIu64 " min", seconds / 60,
			    seconds % 60);
	else
		html_format(html, "%" PRIu64 ":%02" PRIu64 " h", seconds / 3600, seconds / 60 % 60);
}

/* The grid is drawn once and used by every lane. */
static void draw_axis(struct html *html, const struct timeline *line)
{
	double tick = tick_of(line->duration);

	html_put(html, "<svg class=\"axis\" width=\"100%\" height=\"22\" aria-hidden=\"true\"><g id=\"grid\">");
	for (double t = 0; t <= line->duration; t += tick)
		html_format(html, "<line x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"100%%\"/>",
			    percent(line, t), percent(line, t));
	html_put(html, "</g><g id=\"ticks\">");
	for (double t = 0; t <= line->duration * LABEL_SHARE; t += tick) {
		html_format(html, "<text x=\"%.3f%%\" dx=\"4\" y=\"14\">", percent(line, t));
		tick_name(html, t, tick);
		html_put(html, "</text>");
	}
	html_put(html, "</g></svg>");
}

static void draw_mark(struct html *html, const struct timeline *line, const struct mark *mark)
{
	static const char *const signs[DOCUMENT_VERDICTS] = { "denied", "would", "audited", "allowed" };
	const json_t *dependency = dependency_of(line, mark->point);
	uint64_t count = document_count(mark->point, "count");
	char span[DOCUMENT_SPAN_SIZE];

	html_format(html, "<use href=\"#v-%s\" x=\"%.3f%%\" y=\"6\" width=\"12\" height=\"12\"><title>",
		    signs[mark->verdict], percent(line, mark->t));
	html_text_cut(html, document_string(dependency, "what"), 80);
	html_format(html, ", %s, %s, at %s", document_kind_name(document_kind_of(dependency)),
		    document_verdict_name(mark->verdict), document_span(mark->t, span));
	if (count > 1)
		html_format(html, ", %" PRIu64 " times", count);
	html_put(html, "</title></use>");
}

/* "From 0.12 s to 0.41 s; reached for something 3 times, 2 of them denied". */
static void lane_in_words(struct html *html, const json_t *step, const struct mark *marks, size_t count)
{
	char first[DOCUMENT_SPAN_SIZE], last[DOCUMENT_SPAN_SIZE];
	uint64_t times = 0, denied = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t each = document_count(marks[i].point, "count");

		times += each;
		denied += marks[i].verdict <= DOCUMENT_WOULD_DENY ? each : 0;
	}
	html_format(html, "From %s to %s", document_span(document_time(step, "first"), first),
		    document_span(document_time(step, "last"), last));
	if (times)
		html_format(html, "; times that it reached for something: %" PRIu64 ", denied: %" PRIu64, times,
			    denied);
}

static void draw_lane(struct html *html, const struct timeline *line, const json_t *step,
		      const struct mark *marks, size_t count)
{
	double first = document_time(step, "first"), last = document_time(step, "last");

	html_put(html, "<svg class=\"lane\" width=\"100%\" height=\"24\" role=\"img\" aria-label=\"");
	lane_in_words(html, step, marks, count);
	html_format(html, "\"><use href=\"#grid\" class=\"grid\"/>"
			  "<line class=\"bar\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"12\" y2=\"12\"/>",
		    percent(line, first), percent(line, last > first ? last : first));
	if (count) {
		html_put(html, "<g transform=\"translate(-6 0)\">");
		for (size_t i = 0; i < count; i++)
			draw_mark(html, line, &marks[i]);
		html_put(html, "</g>");
	}
	html_put(html, "</svg>");
}

static int draw_row(struct html *html, const struct timeline *line, const struct row *row)
{
	const json_t *step = json_array_get(line->steps, row->step);
	struct text command = {};
	size_t first = 0, count = 0;

	while (first < line->mark_count && line->marks[first].step < row->step)
		first++;
	while (first + count < line->mark_count && line->marks[first + count].step == row->step)
		count++;
	document_command(&command, json_object_get(step, "args"), document_flag(step, "args_cut"));
	text_append(&command, "", 1);
	if (command.failed) {
		text_free(&command);
		return -ENOMEM;
	}
	html_format(html, "<tr%s><th scope=\"row\" class=\"in%u%s\" title=\"", count ? " class=\"reaches\"" : "",
		    row->depth < INDENT_MAX ? row->depth : INDENT_MAX,
		    document_flag(step, "own") ? " own" : "");
	html_text_cut(html, command.data, COMMAND_COLUMNS);
	html_format(html, "\">%s<b>", document_flag(step, "unknown_parents") ?
		    "<span class=\"gap\" title=\"what started it is not known\">? </span>" : "");
	html_text_cut(html, document_step_name(step), 60);
	html_put(html, "</b> <span>");
	html_text_cut(html, command.data, 80);
	html_put(html, "</span></th><td>");
	draw_lane(html, line, step, line->marks + first, count);
	html_put(html, "</td></tr>\n");
	text_free(&command);
	return 0;
}

int report_timeline(struct html *html, const json_t *report)
{
	struct timeline line;
	int err = timeline_plan(report, &line);

	if (err < 0)
		return err;
	if (line.row_count) {
		html_format(html, "<table class=\"timeline\" data-duration=\"%.3f\"><thead><tr>"
				  "<th scope=\"col\">Step</th><td>", line.duration);
		draw_axis(html, &line);
		html_put(html, "</td></tr></thead><tbody>\n");
		for (size_t i = 0; i < line.row_count && err >= 0; i++)
			err = draw_row(html, &line, &line.rows[i]);
		html_put(html, "</tbody></table>\n");
	}
	if (line.row_count < line.count)
		html_format(html, "<p class=\"note\">Steps that have no room here: %zu.</p>\n",
			    line.count - line.row_count);
	timeline_free(&line);
	return err;
}
