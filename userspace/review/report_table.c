/* SPDX-License-Identifier: BSD-2-Clause */
#include "report_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "report_document.h"

#define ANCESTORS_MAX 32
#define PROCESSES_MAX 6			/* that reached for it: shown of each dependency */
#define GIST_COLUMNS 200		/* of a table's cells: all there is stands in the details */
#define NAME_COLUMNS 120

static const char *const verdict_signs[DOCUMENT_VERDICTS] = { "denied", "would", "audited", "allowed" };

/* --- parts ----------------------------------------------------------------------------------- */

static void sign(struct html *html, enum document_verdict verdict)
{
	html_format(html, "<svg class=\"sign\" width=\"12\" height=\"12\" aria-hidden=\"true\">"
			  "<use href=\"#v-%s\"/></svg>", verdict_signs[verdict]);
}

static void verdict(struct html *html, enum document_verdict each)
{
	html_format(html, "<span class=\"verdict %s\">", verdict_signs[each]);
	sign(html, each);
	html_format(html, "%s</span>", document_verdict_name(each));
}

static void kind(struct html *html, enum document_kind each)
{
	html_format(html, "<span class=\"kind\"><svg class=\"sample\" width=\"34\" height=\"12\" "
			  "aria-hidden=\"true\"><use href=\"#k-%s\"/></svg>%s</span>",
		    document_kind_name(each), document_kind_name(each));
}

/* A term of the details, which is left out where there is nothing to say. */
static void detail(struct html *html, const char *term, const char *utf8)
{
	if (!*utf8)
		return;
	html_format(html, "<dt>%s</dt><dd>", term);
	html_text(html, utf8);
	html_put(html, "</dd>");
}

/* The command line of a process, or its program's name. */
static int command(struct html *html, const json_t *step)
{
	struct text text = {};
	uint64_t pid = document_count(step, "pid");
	bool failed;

	document_command(&text, json_object_get(step, "args"), document_flag(step, "args_cut"));
	if (!text.size)
		text_append_string(&text, document_step_name(step));
	text_append(&text, "", 1);
	failed = text.failed;
	if (!failed) {
		html_element(html, "code", "", text.data);
		if (pid)
			html_format(html, " <span class=\"pid\">[%" PRIu64 "]</span>", pid);
	}
	text_free(&text);
	return failed ? -ENOMEM : 0;
}

/* "deny github (mysql.yaml:12), with EHOSTUNREACH: why", of a dependency or a service. */
static void rule_of(struct html *html, const json_t *object)
{
	const char *rule = document_string(object, "rule"), *id = document_string(object, "rule_id");
	const char *why = document_string(object, "why"), *err = document_string(object, "errno");

	if (*rule || *id) {
		html_element(html, "code", "", *rule ? rule : id);
		if (*rule && *id) {
			html_put(html, " (");
			html_text(html, id);
			html_put(html, ")");
		}
	} else {
		html_text(html, *document_string(object, "reason") ? document_string(object, "reason") : "none");
	}
	if (*err) {
		html_put(html, ", with ");
		html_element(html, "code", "", err);
	}
	if (*why) {
		html_put(html, ": ");
		html_text(html, why);
	}
}

/* --- the details of a dependency ------------------------------------------------------------- */

static void details_evidence(struct html *html, const json_t *dependency)
{
	const json_t *evidence = json_object_get(dependency, "evidence"), *line;
	const json_t *override = json_object_get(dependency, "override");
	size_t i;

	if (!json_array_size(evidence) && !json_is_object(override))
		return;
	html_format(html, "<dt>Why %s</dt><dd><ul>", document_kind_name(document_kind_of(dependency)));
	if (json_is_object(override)) {
		html_put(html, "<li>");
		html_text(html, document_string(override, "by"));
		html_put(html, " says so in ");
		html_text(html, document_string(override, "where"));
		html_put(html, ": ");
		html_text(html, document_string(override, "why"));
		html_put(html, ". The evidence said ");
		html_text(html, document_string(override, "kind"));
		html_put(html, ":</li>");
	}
	json_array_foreach(evidence, i, line)
		if (json_is_string(line))
			html_element(html, "li", "", json_string_value(line));
	html_put(html, "</ul></dd>");
}

static void details_loop(struct html *html, const json_t *report, const json_t *dependency)
{
	const json_t *loop = json_object_get(dependency, "loop"), *name;
	size_t i;

	if (!json_array_size(loop))
		return;
	html_put(html, "<dt>Loop</dt><dd>");
	html_text(html, document_string(report, "tag"));
	json_array_foreach(loop, i, name)
		if (json_is_string(name)) {
			html_put(html, " → ");
			html_element(html, "bdi", "", json_string_value(name));
		}
	html_put(html, " → ");
	html_text(html, document_string(report, "tag"));
	html_put(html, "</dd>");
}

/* The process and all that is known to be above it, the nearest first. */
static int details_ancestors(struct html *html, const json_t *report, const json_t *process, ssize_t step)
{
	const json_t *steps = json_object_get(report, "steps");
	ssize_t first = document_step(report, process), index = first;
	int err = 0;

	html_put(html, "<ol class=\"ancestors\">");
	for (unsigned int i = 0; i < ANCESTORS_MAX && index >= 0 && err >= 0; i++) {
		const json_t *each = json_array_get(steps, index);
		ssize_t parent = document_step(report, json_object_get(each, "parent"));

		html_put(html, index == step ? "<li class=\"own\">" : "<li>");
		err = command(html, each);
		html_put(html, index == step ? " <em>the step</em></li>" : "</li>");
		if (document_flag(each, "unknown_parents"))
			html_put(html, "<li>what is above it is not known</li>");
		/* No log can mean a circle, but may hold one. */
		index = parent == index || parent == first ? -1 : parent;
	}
	html_put(html, "</ol>");
	return err;
}

static int details_processes(struct html *html, const json_t *report, const json_t *dependency)
{
	const json_t *processes = json_object_get(dependency, "reached_by"), *process;
	ssize_t step = document_step(report, json_object_get(dependency, "step"));
	size_t i, shown = 0;
	int err = 0;

	json_array_foreach(processes, i, process) {
		if (document_step(report, process) < 0 || shown >= PROCESSES_MAX || err < 0)
			continue;
		html_put(html, shown++ ? "" : "<dt>Reached by</dt><dd>");
		err = details_ancestors(html, report, process, step);
	}
	if (!shown && step >= 0) {
		html_put(html, "<dt>Step</dt><dd>");
		err = command(html, json_array_get(json_object_get(report, "steps"), step));
		html_put(html, "</dd>");
		return err;
	}
	if (json_array_size(processes) > PROCESSES_MAX)
		html_format(html, "<p>and %zu more</p>", json_array_size(processes) - PROCESSES_MAX);
	html_put(html, shown ? "</dd>" : "");
	return err;
}

static void details_objects(struct html *html, const json_t *dependency)
{
	const json_t *objects = json_object_get(dependency, "objects"), *object;
	uint64_t more = document_count(dependency, "more_objects");
	size_t i;

	if (!json_array_size(objects))
		return;
	html_put(html, "<dt>Objects</dt><dd><ul class=\"objects\">");
	json_array_foreach(objects, i, object) {
		uint64_t count = document_count(object, "count");

		if (!json_is_object(object))
			continue;
		html_put(html, "<li>");
		html_element(html, "code", "", document_string(object, "object"));
		if (count > 1)
			html_format(html, " %" PRIu64 " times", count);
		html_put(html, "</li>");
	}
	if (more)
		html_format(html, "<li>and %" PRIu64 " more</li>", more);
	html_put(html, "</ul></dd>");
}

static void details_peer(struct html *html, const json_t *dependency)
{
	const json_t *peer = json_object_get(dependency, "peer");
	const char *unit = document_string(peer, "unit");

	if (json_is_object(peer)) {
		html_put(html, "<dt>Answered by</dt><dd>");
		html_element(html, "code", "", document_string(peer, "executable"));
		html_format(html, " <span class=\"pid\">[%" PRIu64 "]</span>", document_count(peer, "pid"));
		if (*unit) {
			html_put(html, " of ");
			html_element(html, "code", "", unit);
		}
		html_put(html, "</dd>");
	}
	if (document_flag(dependency, "handoff"))
		html_format(html, "<dt>Handed on</dt><dd>%s is not seen here.</dd>", json_is_object(peer) ?
			    "The work is done by a process outside of the run: what it reaches for" :
			    "Who accepts it on this host, if anybody, is not known: what that reaches for");
}

static int details(struct html *html, const json_t *report, const json_t *dependency)
{
	int err;

	html_put(html, "<dl>");
	detail(html, "What to change", document_string(dependency, "suggestion"));
	detail(html, "If it is down", document_string(dependency, "breaks"));
	details_evidence(html, dependency);
	details_loop(html, report, dependency);
	detail(html, "Needed by", document_string(dependency, "via"));
	html_put(html, "<dt>Rule</dt><dd>");
	rule_of(html, dependency);
	html_put(html, "</dd>");
	details_objects(html, dependency);
	details_peer(html, dependency);
	err = details_processes(html, report, dependency);
	detail(html, "Known as", document_string(dependency, "id"));
	html_put(html, "</dl>");
	return err;
}

/* --- the table of dependencies --------------------------------------------------------------- */

static void cell_what(struct html *html, const json_t *dependency)
{
	const char *via = document_string(dependency, "via"), *what = document_string(dependency, "what");

	html_put(html, "<th scope=\"row\"><bdi>");
	html_text_cut(html, *what ? what : "(no name)", NAME_COLUMNS);
	html_put(html, "</bdi>");
	if (*via) {
		html_put(html, " <span class=\"via\">through <bdi>");
		html_text_cut(html, via, NAME_COLUMNS);
		html_put(html, "</bdi></span>");
	}
	if (json_array_size(json_object_get(dependency, "loop")))
		html_put(html, " <span class=\"loop\"><svg class=\"sign\" width=\"12\" height=\"12\" "
			       "aria-hidden=\"true\"><use href=\"#loop\"/></svg>loop</span>");
	html_put(html, "</th>");
}

static void cell_step(struct html *html, const json_t *report, const json_t *dependency)
{
	ssize_t step = document_step(report, json_object_get(dependency, "step"));

	html_put(html, "<td data-label=\"Step\"><bdi class=\"name\">");
	html_text_cut(html, step < 0 ? "not known" :
		      document_step_name(json_array_get(json_object_get(report, "steps"), step)), 48);
	html_put(html, "</bdi></td>");
}

/* What can be seen of the details before they are opened: what to do, or else why it is said. */
static void gist(struct html *html, const json_t *dependency)
{
	const char *suggestion = document_string(dependency, "suggestion");
	const char *evidence = json_string_value(json_array_get(json_object_get(dependency, "evidence"), 0));

	html_put(html, *suggestion ? "Suggestion: " : "");
	html_text_cut(html, *suggestion ? suggestion : evidence ? evidence : "Details", GIST_COLUMNS);
}

static int dependency_rows(struct html *html, const json_t *report, const json_t *dependency, size_t index)
{
	enum document_kind kind_seen = document_kind_of(dependency);
	enum document_verdict seen = document_verdict_of(dependency);
	char first[DOCUMENT_SPAN_SIZE];
	int err;

	html_format(html, "<tbody id=\"d%zu\" data-kind=\"%s\" data-verdict=\"%s\"><tr>", index,
		    document_kind_name(kind_seen), verdict_signs[seen]);
	cell_what(html, dependency);
	html_format(html, "<td data-label=\"Kind\" data-key=\"%d\">", kind_seen);
	kind(html, kind_seen);
	html_put(html, "</td>");
	cell_step(html, report, dependency);
	html_format(html, "<td data-label=\"Verdict\" data-key=\"%d\">", seen);
	verdict(html, seen);
	html_format(html, "</td><td class=\"number\" data-label=\"Times\" data-key=\"%" PRIu64 "\">"
			  "%" PRIu64 "</td>",
		    document_count(dependency, "count"), document_count(dependency, "count"));
	html_format(html, "<td class=\"number\" data-label=\"First\" data-key=\"%.3f\">%s</td></tr>\n",
		    document_time(dependency, "first"), document_span(document_time(dependency, "first"), first));
	html_put(html, "<tr class=\"more\"><td colspan=\"6\"><details><summary>");
	gist(html, dependency);
	html_put(html, "</summary>");
	err = details(html, report, dependency);
	html_put(html, "</details></td></tr></tbody>\n");
	return err;
}

/* What is of no service comes last, and so has no room where not all have. */
static int rank_of(const json_t *dependency)
{
	return (json_is_array(json_object_get(dependency, "loop")) ? 0 : 16) + document_verdict_of(dependency) * 2 +
	       !*document_string(dependency, "service");
}

static int compare_ranks(const void *a, const void *b, void *ctx)
{
	size_t left = *(const size_t *)a, right = *(const size_t *)b;
	int difference = rank_of(json_array_get(ctx, left)) - rank_of(json_array_get(ctx, right));

	return difference ? difference : (left > right) - (left < right);
}

/* The order in which they are shown, the caller's to free(); or NULL. */
static size_t *order_of(json_t *dependencies)
{
	size_t count = json_array_size(dependencies), *order = calloc(count + 1, sizeof(*order));

	for (size_t i = 0; order && i < count; i++)
		order[i] = i;
	if (order)
		qsort_r(order, count, sizeof(*order), compare_ranks, dependencies);
	return order;
}

int report_dependencies(struct html *html, const json_t *report)
{
	json_t *dependencies = json_object_get(report, "dependencies");
	size_t count = json_array_size(dependencies), *order;
	int err = 0;

	if (!count)
		return 0;
	order = order_of(dependencies);
	if (!order)
		return -ENOMEM;
	html_put(html, "<table class=\"dependencies\"><thead><tr>"
		       "<th scope=\"col\">Dependency</th><th scope=\"col\">Kind</th><th scope=\"col\">Step</th>"
		       "<th scope=\"col\">Verdict</th><th scope=\"col\" class=\"number\">Times</th>"
		       "<th scope=\"col\" class=\"number\">First after</th></tr></thead>\n");
	for (size_t i = 0; i < count && i < TABLE_ROWS && err >= 0; i++)
		err = dependency_rows(html, report, json_array_get(dependencies, order[i]), order[i]);
	html_put(html, "</table>\n");
	if (count > TABLE_ROWS)
		html_format(html, "<p class=\"note\">The least strict have no room here: %zu of %zu. "
				  "<code>ringfence report --format json</code> has all.</p>\n", count - TABLE_ROWS,
			    count);
	free(order);
	return err;
}

/* --- the table of services ------------------------------------------------------------------- */

static void service_row(struct html *html, const json_t *service, enum document_verdict each)
{
	const json_t *name;
	size_t i;

	html_put(html, "<tr><th scope=\"row\"><bdi>");
	html_text_cut(html, document_string(service, "name"), NAME_COLUMNS);
	html_put(html, "</bdi></th><td data-label=\"Verdict\">");
	verdict(html, each);
	html_format(html, "</td><td class=\"number\" data-label=\"Times\">%" PRIu64 "</td>",
		    document_count(service, "count"));
	html_put(html, "<td data-label=\"Needs in turn\">");
	json_array_foreach(json_object_get(service, "needs"), i, name)
		if (json_is_string(name)) {
			html_put(html, i ? ", <bdi>" : "<bdi>");
			html_text_cut(html, json_string_value(name), NAME_COLUMNS);
			html_put(html, "</bdi>");
		}
	html_put(html, "</td><td data-label=\"Rule\">");
	rule_of(html, service);
	html_put(html, "</td></tr>\n");
}

int report_services(struct html *html, const json_t *report)
{
	const json_t *services = json_object_get(report, "services"), *service;
	bool enforced = !strcmp(document_string(report, "mode"), "enforce");
	size_t i;

	if (!json_array_size(services))
		return 0;
	html_put(html, "<table class=\"services\"><thead><tr>"
		       "<th scope=\"col\">Service</th><th scope=\"col\">Verdict</th>"
		       "<th scope=\"col\" class=\"number\">Times</th><th scope=\"col\">Needs in turn</th>"
		       "<th scope=\"col\">Rule</th></tr></thead><tbody>\n");
	json_array_foreach(services, i, service)
		service_row(html, service, document_verdict_parse(document_string(service, "verdict"), enforced));
	html_put(html, "</tbody></table>\n");
	return 0;
}
