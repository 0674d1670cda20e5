/* SPDX-License-Identifier: BSD-2-Clause */
/* The report in Markdown (GitHub Flavored Markdown Spec 0.29), as the summary of a CI job. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../base/text.h"
#include "report.h"
#include "report_read.h"

#define ROWS_MAX 60
#define DETAILS_MAX 40
#define CELL_MAX 120			/* bytes of one text in a table */

/* --- texts -------------------------------------------------------------------------------- */

/* Whether a backslash is to stand before what Markdown might take for more than itself. "://" and "www." would
 * become links, and what is at the beginning, or behind digits there, a list. */
static bool is_special(const char *text, size_t at)
{
	char c = text[at];

	if (strchr("\\`*_[]|#~$!{}^@", c))
		return true;
	if (c == ':')
		return text[at + 1] == '/';
	if (c == '.' && at >= 3 && !strncasecmp(text + at - 3, "www", 3))
		return true;
	return strchr(at ? ".)" : "-+=", c) && strspn(text, "0123456789") == at;
}

static void put_escaped(FILE *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '<')
			fputs("&lt;", out);
		else if (text[i] == '>')
			fputs("&gt;", out);
		else if (text[i] == '&')
			fputs("&amp;", out);
		else
			fprintf(out, "%s%c", is_special(text, i) ? "\\" : "", text[i]);
}

static void put_cut(FILE *out, const char *utf8, size_t max)
{
	struct text shown = { 0 };
	size_t kept = text_cut(utf8, strlen(utf8), max);

	text_printable(&shown, utf8, kept);
	text_append(&shown, "", 1);
	if (shown.data)
		put_escaped(out, shown.data, shown.size - 1);
	fputs(utf8[kept] ? "…" : "", out);
	text_free(&shown);
}

static void put(FILE *out, const char *utf8)
{
	put_cut(out, utf8, SIZE_MAX);
}

/* --- the parts ---------------------------------------------------------------------------- */

static void head(const json_t *report, FILE *out)
{
	const json_t *verdict = json_object_get(report, "verdict");
	const json_t *status = json_object_get(report, "status");
	struct text counts = { 0 };

	fputs("## ringfence: ", out);
	put(out, *document_string(report, "tag") ? document_string(report, "tag") : "a run");
	fputs("\n\n", out);
	fprintf(out, "%s ", document_flag(verdict, "loop") ? "❌ **Loop.**" : "✅ **No loop.**");
	put(out, document_string(verdict, "sentence"));
	fputs("\n\nRun ", out);
	put(out, document_string(report, "run"));
	if (*document_string(report, "policy")) {
		fputs(", policy ", out);
		put(out, document_string(report, "policy"));
		fputs(", mode ", out);
		put(out, document_string(report, "mode"));
	}
	if (json_is_integer(status))
		fprintf(out, ", status %" JSON_INTEGER_FORMAT, json_integer_value(status));
	document_counts(&counts, report);
	fprintf(out, ": %.*s.\n", (int)counts.size, counts.data ? counts.data : "");
	text_free(&counts);
}

static void cell(FILE *out, const char *utf8)
{
	fputs(" ", out);
	put_cut(out, utf8, CELL_MAX);
	fputs(" |", out);
}

static void table_row(const json_t *report, const json_t *dependency, FILE *out)
{
	const json_t *step = report_step(report, dependency);

	fprintf(out, "| %s |", json_is_array(json_object_get(dependency, "loop")) ? "❌" : "");
	cell(out, document_string(dependency, "kind"));
	cell(out, document_string(dependency, "what"));
	cell(out, step ? document_string(step, "name") : "?");
	fprintf(out, " %s", report_verdict(dependency));
	cell(out, document_string(dependency, "errno"));
	fprintf(out, " %" PRIu64 " |", document_count(dependency, "count"));
	cell(out, *document_string(dependency, "rule_id") ? document_string(dependency, "rule_id") :
	     document_string(dependency, "reason"));
	fputs("\n", out);
}

/* Calls @each for what is shown, loops first, at most @max. Returns how many there are. */
static size_t each_shown(const json_t *report, FILE *out, size_t max, bool loops_only,
			 void (*each)(const json_t *report, const json_t *dependency, FILE *out))
{
	const json_t *list = json_object_get(report, "dependencies"), *dependency;
	size_t count = 0, i;

	for (int closes = 1; closes >= loops_only; closes--)
		json_array_foreach(list, i, dependency)
			if (report_is_shown(dependency) &&
			    json_is_array(json_object_get(dependency, "loop")) == closes && ++count <= max && each)
				each(report, dependency, out);
	return count;
}

static void more(FILE *out, size_t count, size_t max)
{
	if (count > max)
		fprintf(out, "\n%zu more are in the JSON report.\n", count - max);
}

static void table(const json_t *report, FILE *out)
{
	if (!each_shown(report, out, 0, false, NULL))
		return;
	fputs("\n| Loop | Kind | What | Step | Verdict | Times | Rule |\n"
	      "| --- | --- | --- | --- | --- | ---: | --- |\n", out);
	more(out, each_shown(report, out, ROWS_MAX, false, table_row), ROWS_MAX);
}

static void item(FILE *out, const char *name, const char *utf8)
{
	if (!*utf8)
		return;
	fprintf(out, "- %s", name);
	put(out, utf8);
	fputs("\n", out);
}

static void details(const json_t *report, const json_t *dependency, FILE *out)
{
	const json_t *evidence = json_object_get(dependency, "evidence");
	const json_t *override = json_object_get(dependency, "override");
	const json_t *step = report_step(report, dependency);

	fputs("\n**", out);
	put(out, document_string(dependency, "what"));
	fputs("**, ", out);
	put(out, document_string(dependency, "kind"));
	fputs(", by ", out);
	put(out, step ? document_string(step, "name") : "a step that is not known");
	fputs("\n\n", out);
	for (size_t i = 0; i < json_array_size(evidence); i++)
		item(out, "evidence: ", report_item(evidence, i));
	if (json_is_object(override)) {
		fputs("- the evidence says ", out);
		put(out, document_string(override, "kind"));
		fputs("; ", out);
		put(out, document_string(override, "by"));
		fputs(" says otherwise (", out);
		put(out, document_string(override, "where"));
		fputs("): ", out);
		put(out, document_string(override, "why"));
		fputs("\n", out);
	}
	item(out, "the rule's reason: ", document_string(dependency, "why"));
	item(out, "if it is down: ", document_string(dependency, "breaks"));
	item(out, "to change: ", document_string(dependency, "suggestion"));
}

static void completeness(const json_t *report, FILE *out)
{
	const json_t *completeness = json_object_get(report, "completeness");
	const json_t *notes = json_object_get(completeness, "notes");
	const json_t *liveness = json_object_get(completeness, "liveness");

	fprintf(out, "\n%s\n\n", document_flag(completeness, "complete") ?
		"Complete as far as is known: nothing was lost." :
		"⚠️ **Not complete: there may be more than this.**");
	if (document_count(completeness, "lost"))
		fprintf(out, "- records that were lost: %" PRIu64 "\n", document_count(completeness, "lost"));
	if (document_count(completeness, "lineage_incomplete"))
		fprintf(out, "- records of processes whose ancestors are not all known: %" PRIu64 "\n",
			document_count(completeness, "lineage_incomplete"));
	for (size_t i = 0; i < json_array_size(liveness); i++)
		item(out, "", report_item(liveness, i));
	for (size_t i = 0; i < json_array_size(notes); i++)
		item(out, "", report_item(notes, i));
}

int report_md(const json_t *report, FILE *out)
{
	errno = 0;
	head(report, out);
	table(report, out);
	if (each_shown(report, out, 0, true, NULL))
		fputs("\n### What to change\n", out);
	more(out, each_shown(report, out, DETAILS_MAX, true, details), DETAILS_MAX);
	completeness(report, out);
	return fflush(out) || ferror(out) ? -(errno ? errno : EIO) : 0;
}
