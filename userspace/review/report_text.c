/* SPDX-License-Identifier: BSD-2-Clause */
/* The report for a terminal, which obeys nothing of it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../base/text.h"
#include "report.h"
#include "report_read.h"

#define SHOWN_MAX 40			/* dependencies of a kind; the JSON has all */
#define OBJECTS_SHOWN 3
#define COMMAND_SHOWN 160		/* bytes */

struct page {
	const json_t *report;
	FILE *out;
	const struct term_style *style;
};

static void show(const struct page *page, const char *utf8)
{
	struct text shown = { 0 };

	text_printable(&shown, utf8, strlen(utf8));
	if (shown.size)
		fwrite(shown.data, 1, shown.size, page->out);
	text_free(&shown);
}

static void styled(const struct page *page, const char *style, const char *utf8)
{
	fputs(style, page->out);
	show(page, utf8);
	fputs(*style ? page->style->reset : "", page->out);
}

static void show_words(const struct page *page, const json_t *words)
{
	size_t left = COMMAND_SHOWN;

	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = report_item(words, i);
		struct text part = { 0 };

		text_append(&part, word, text_cut(word, strlen(word), left));
		text_append(&part, "", 1);
		fputs(i ? " " : "", page->out);
		show(page, part.data ? part.data : "");
		text_free(&part);
		if (strlen(word) + 1 >= left) {
			fputs("…", page->out);
			return;
		}
		left -= strlen(word) + 1;
	}
}

/* --- the head ----------------------------------------------------------------------------- */

static void head(const struct page *page)
{
	const json_t *report = page->report, *status = json_object_get(report, "status");
	const json_t *command = json_object_get(report, "command");

	fputs("Run ", page->out);
	styled(page, page->style->bold, document_string(report, "run"));
	if (*document_string(report, "tag")) {
		fputs(" of ", page->out);
		show(page, document_string(report, "tag"));
	}
	if (*document_string(report, "policy")) {
		fputs(" (", page->out);
		show(page, document_string(report, "policy"));
		fputs(*document_string(report, "mode") ? ", mode " : "", page->out);
		show(page, document_string(report, "mode"));
		fputs(")", page->out);
	}
	if (json_array_size(command)) {
		fputs(": ", page->out);
		show_words(page, command);
	}
	if (json_is_integer(status))
		fprintf(page->out, ", status %" JSON_INTEGER_FORMAT, json_integer_value(status));
	fputs("\n\n", page->out);
}

static void verdict(const struct page *page)
{
	const json_t *verdict = json_object_get(page->report, "verdict");
	bool loop = document_flag(verdict, "loop");
	struct text counts = { 0 };

	styled(page, loop ? page->style->bad : page->style->good, loop ? "LOOP" : "NO LOOP");
	fputs("  ", page->out);
	show(page, document_string(verdict, "sentence"));
	fputs("\n  ", page->out);
	document_counts(&counts, page->report);
	fprintf(page->out, "%.*s\n", (int)counts.size, counts.data ? counts.data : "");
	text_free(&counts);
}

/* --- dependencies ------------------------------------------------------------------------- */

static const char *verdict_style(const struct page *page, const json_t *dependency)
{
	switch (document_verdict_of(dependency)) {
	case DOCUMENT_DENIED:
		return page->style->bad;
	case DOCUMENT_ALLOWED:
		return page->style->good;
	default:
		return page->style->warn;
	}
}

static void objects(const struct page *page, const json_t *dependency)
{
	const json_t *list = json_object_get(dependency, "objects");
	uint64_t others = document_count(dependency, "more_objects");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *object = json_array_get(list, i);

		if (i >= OBJECTS_SHOWN) {
			others += document_count(object, "count");
			continue;
		}
		fprintf(page->out, "%s%" PRIu64 " × ", i ? ", " : "", document_count(object, "count"));
		show(page, document_string(object, "object"));
	}
	if (others)
		fprintf(page->out, ", %" PRIu64 " × others", others);
}

static void title(const struct page *page, const json_t *dependency)
{
	const json_t *step = report_step(page->report, dependency);

	fputs("  ", page->out);
	styled(page, page->style->bold, document_string(dependency, "what"));
	fputs(" by ", page->out);
	show(page, step ? document_string(step, "name") : "a step that is not known");
	fputs("  ", page->out);
	styled(page, verdict_style(page, dependency), report_verdict(dependency));
	if (*document_string(dependency, "errno")) {
		fputs(" ", page->out);
		show(page, document_string(dependency, "errno"));
	}
	fputs("  ", page->out);
	objects(page, dependency);
	if (json_is_array(json_object_get(dependency, "loop")))
		fprintf(page->out, "  %sloop%s", page->style->bad, page->style->reset);
	fputs("\n", page->out);
}

static void row(const struct page *page, const char *name, const char *utf8)
{
	if (!*utf8)
		return;
	fprintf(page->out, "    %s%-9s%s ", page->style->dim, name, page->style->reset);
	show(page, utf8);
	fputs("\n", page->out);
}

/* "releases > github", where that is more than what was reached for. */
static void loop(const struct page *page, const json_t *dependency)
{
	const json_t *way = json_object_get(dependency, "loop");

	if (json_array_size(way) < 2)
		return;
	fprintf(page->out, "    %s%-9s%s ", page->style->dim, "loop", page->style->reset);
	for (size_t i = 0; i < json_array_size(way); i++) {
		fputs(i ? " > " : "", page->out);
		show(page, report_item(way, i));
	}
	fputs("\n", page->out);
}

static void rule(const struct page *page, const json_t *dependency)
{
	const char *name = document_string(dependency, "rule"), *id = document_string(dependency, "rule_id");
	const char *why = document_string(dependency, "why");

	if (!*id) {
		row(page, "rule", document_string(dependency, "reason"));
		return;
	}
	fprintf(page->out, "    %s%-9s%s ", page->style->dim, "rule", page->style->reset);
	show(page, *name ? name : "number");
	fputs(" (", page->out);
	show(page, id);
	fputs(*why ? "): " : ")", page->out);
	show(page, why);
	fputs("\n", page->out);
}

static void overridden(const struct page *page, const json_t *dependency)
{
	const json_t *override = json_object_get(dependency, "override");

	if (!json_is_object(override))
		return;
	fprintf(page->out, "    %s%-9s%s the evidence says ", page->style->warn, "override", page->style->reset);
	show(page, document_string(override, "kind"));
	fputs("; ", page->out);
	show(page, document_string(override, "by"));
	fputs(" says otherwise (", page->out);
	show(page, document_string(override, "where"));
	fputs("): ", page->out);
	show(page, document_string(override, "why"));
	fputs("\n", page->out);
}

/* What is said elsewhere, or is nothing to change, takes less room: of what a service needs, the rule is that of the
 * call to it. */
static void dependency(const struct page *page, const json_t *dep)
{
	const json_t *evidence = json_object_get(dep, "evidence");

	title(page, dep);
	loop(page, dep);
	for (size_t i = 0; i < json_array_size(evidence); i++)
		row(page, i ? "" : "evidence", report_item(evidence, i));
	overridden(page, dep);
	if (!*document_string(dep, "via"))
		rule(page, dep);
	row(page, "if down", document_string(dep, "breaks"));
	if (json_is_array(json_object_get(dep, "loop")) || document_flag(dep, "handoff") ||
	    document_verdict_of(dep) <= DOCUMENT_WOULD_DENY)
		row(page, "change", document_string(dep, "suggestion"));
}

/* Those that close a loop come first. */
static void kind(const struct page *page, enum document_kind kind)
{
	const json_t *list = json_object_get(page->report, "dependencies"), *dep;
	size_t shown = 0, i;

	for (int closes = 1; closes >= 0; closes--)
		json_array_foreach(list, i, dep) {
			if (document_kind_of(dep) != kind || !report_is_shown(dep) ||
			    json_is_array(json_object_get(dep, "loop")) != closes)
				continue;
			if (!shown++)
				fprintf(page->out, "\n%s%s: %s%s\n", page->style->bold, document_kind_name(kind),
					report_kind_title(kind),
					page->style->reset);
			if (shown <= SHOWN_MAX)
				dependency(page, dep);
		}
	if (shown > SHOWN_MAX)
		fprintf(page->out, "  and %zu more: --format json has them\n", shown - SHOWN_MAX);
}

static void not_shown(const struct page *page)
{
	const json_t *list = json_object_get(page->report, "dependencies"), *dep;
	uint64_t records = 0;
	size_t count = 0, i;

	json_array_foreach(list, i, dep)
		if (!report_is_shown(dep)) {
			count++;
			records += document_count(dep, "count");
		}
	if (count)
		fprintf(page->out, "\nBesides, %zu that %s allowed and of no service, in %" PRIu64
			" record%s: --format json has %s.\n", count, count == 1 ? "was" : "were", records, records == 1 ? "" : "s",
			count == 1 ? "it" : "them");
}

/* --- the end ------------------------------------------------------------------------------ */

static void counted(const struct page *page, const json_t *object, const char *key, const char *words)
{
	uint64_t count = document_count(object, key);

	if (count)
		fprintf(page->out, "  %s%s: %" PRIu64 "%s\n", page->style->warn, words, count, page->style->reset);
}

static void completeness(const struct page *page)
{
	const json_t *completeness = json_object_get(page->report, "completeness");
	const json_t *log = json_object_get(page->report, "log");
	const json_t *notes = json_object_get(completeness, "notes");
	const json_t *liveness = json_object_get(completeness, "liveness");
	bool complete = document_flag(completeness, "complete");

	fputs("\n", page->out);
	styled(page, complete ? page->style->good : page->style->bad, complete ?
	       "Complete as far as is known: nothing was lost." : "NOT COMPLETE: there may be more than this.");
	fputs("\n", page->out);
	counted(page, completeness, "lost", "records that were lost");
	counted(page, completeness, "lost_lineage", "records about its processes that were lost");
	counted(page, completeness, "lineage_incomplete", "records of processes whose ancestors are not all known");
	counted(page, completeness, "unrecorded", "attempts that were denied because no record of them found room");
	counted(page, completeness, "refused_forks", "forks that were refused");
	counted(page, completeness, "repeated", "attempts like earlier ones, counted only");
	for (size_t i = 0; i < json_array_size(liveness); i++)
		row(page, "fence", report_item(liveness, i));
	for (size_t i = 0; i < json_array_size(notes); i++) {
		fputs("  ", page->out);
		show(page, report_item(notes, i));
		fputs("\n", page->out);
	}
	counted(page, log, "foreign", "lines of the log that are none of ringfence");
	counted(page, log, "not_utf8", "lines of the log that were no UTF-8");
}

int report_text(const json_t *report, FILE *out, const struct term_style *style)
{
	struct page page = { .report = report, .out = out, .style = style };

	errno = 0;
	head(&page);
	verdict(&page);
	for (enum document_kind i = 0; i < DOCUMENT_KINDS; i++)
		kind(&page, i);
	not_shown(&page);
	completeness(&page);
	return fflush(out) || ferror(out) ? -(errno ? errno : EIO) : 0;
}
