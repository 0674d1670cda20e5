/* SPDX-License-Identifier: BSD-2-Clause */
#include "report_html.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "../base/text.h"
#include "html.h"
#include "page_hashes.h"
#include "report_document.h"
#include "report_graph.h"
#include "report_table.h"
#include "report_timeline.h"

/* What is the same on every page, as it is written: the hashes of its bytes are in page_hashes.h. */
#define EMBED(name, file) \
	__asm__(".section .rodata\n" \
		name ":\n" \
		".incbin \"userspace/review/page/" file "\"\n" \
		".byte 0\n" \
		".previous\n")

EMBED("page_css", "page.css");
EMBED("page_js", "page.js");
EMBED("page_signs", "signs.svg");
extern const char page_css[], page_js[], page_signs[];

#define WIDE_COLUMNS 64			/* a fact that is longer has a line to itself */

/* --- the head -------------------------------------------------------------------------------- */

static void write_head(struct html *html, const json_t *report)
{
	html_put(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		       "style-src '" PAGE_CSS_HASH "'; script-src '" PAGE_JS_HASH "'; "
		       "base-uri 'none'; form-action 'none'\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		       "<meta name=\"color-scheme\" content=\"light dark\">\n"
		       "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	html_text(html, document_string(report, "tag"));
	html_put(html, ": what the run ");
	html_text(html, document_string(report, "run"));
	html_put(html, " depends on</title>\n<style>");
	html_put(html, page_css);
	html_put(html, "</style>\n</head>\n<body>\n"
		       "<a class=\"skip\" href=\"#dependencies\">To the dependencies</a>\n");
	html_put(html, page_signs);
}

/* --- the verdict and the facts --------------------------------------------------------------- */

static void fact(struct html *html, const char *term, const char *tag, const char *utf8)
{
	if (!*utf8)
		return;
	html_format(html, "<div%s><dt>%s</dt><dd>", html_columns(utf8) > WIDE_COLUMNS ? " class=\"wide\"" : "",
		    term);
	html_element(html, tag, "", utf8);
	html_put(html, "</dd></div>\n");
}

/* "2027-03-31 14:23:55 UTC"; what is no time is shown as it is. */
static void fact_time(struct html *html, const char *term, const char *iso)
{
	if (document_parse_time(iso) < 0 || strlen(iso) < 19) {
		fact(html, term, "span", iso);
		return;
	}
	html_format(html, "<div><dt>%s</dt><dd><time datetime=\"", term);
	html_text(html, iso);
	html_format(html, "\">%.10s <span class=\"clock\">%.8s UTC</span></time></dd></div>\n", iso, iso + 11);
}

static void fact_duration(struct html *html, const json_t *report)
{
	bool ended = document_parse_time(document_string(report, "ended")) >= 0;
	char span[DOCUMENT_SPAN_SIZE];

	html_format(html, "<div><dt>Took</dt><dd>%s%s</dd></div>\n", ended ? "" : "at least ",
		    document_span(document_duration(report), span));
}

static void fact_status(struct html *html, const json_t *report)
{
	const json_t *status = json_object_get(report, "status");

	if (json_is_integer(status))
		html_format(html, "<div><dt>Exit status</dt><dd>%" JSON_INTEGER_FORMAT "</dd></div>\n",
			    json_integer_value(status));
	else
		html_put(html, "<div><dt>Exit status</dt><dd>not known</dd></div>\n");
}

static const char *mode_in_words(const char *mode)
{
	if (!strcmp(mode, "enforce"))
		return "enforce: what the policy denies was refused";
	if (!strcmp(mode, "audit"))
		return "audit: what the policy denies was recorded, and let through";
	return mode;
}

static int write_facts(struct html *html, const json_t *report)
{
	struct text command = {};
	bool failed;

	document_command(&command, json_object_get(report, "command"), false);
	text_append(&command, "", 1);
	failed = command.failed;
	html_put(html, "<dl class=\"facts\">\n");
	fact(html, "Run", "code", document_string(report, "run"));
	fact_time(html, "Begun", document_string(report, "begun"));
	fact_duration(html, report);
	fact_status(html, report);
	fact(html, "Mode", "span", mode_in_words(document_string(report, "mode")));
	fact(html, "Policy", "code", document_string(report, "policy"));
	if (!failed)
		fact(html, "Command", "code", command.data);
	fact(html, "Folder", "code", document_string(report, "directory"));
	fact(html, "Script", "code", document_string(report, "script"));
	html_put(html, "</dl>\n");
	text_free(&command);
	return failed ? -ENOMEM : 0;
}

static void write_counts(struct html *html, const json_t *verdict)
{
	static const struct {
		const char *key, *sign, *word;
	} counts[] = {
		{ "denied", "denied", "denied" },
		{ "would_deny", "would", "would have been denied" },
		{ "audited", "audited", "audited" },
		{ "allowed", "allowed", "allowed" },
	};

	html_put(html, "<ul class=\"counts\">");
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		uint64_t count = document_count(verdict, counts[i].key);

		if (count)
			html_format(html, "<li class=\"verdict %s\"><svg class=\"sign\" width=\"12\" height=\"12\" "
					  "aria-hidden=\"true\"><use href=\"#v-%s\"/></svg>"
					  "<b>%" PRIu64 "</b> %s</li>\n",
				    counts[i].sign, counts[i].sign, count, counts[i].word);
	}
	html_put(html, "</ul>\n");
}

/* --- what is missing ------------------------------------------------------------------------- */

static const struct gap {
	const char *key;
	const char *what;		/* before a number */
	bool harmless;			/* says nothing against the report */
} gaps[] = {
	{ "lost", "Records lost, because the kernel's buffer was full", false },
	{ "lost_lineage", "Records lost of what started what", false },
	{ "unrecorded", "Acts that were judged, but could not be recorded", false },
	{ "lineage_incomplete", "Records of processes whose ancestors are not all known", false },
	{ "refused_forks", "Forks refused, because the child's tag could not be kept", false },
	{ "repeated", "Acts that were only counted, because the same was recorded before", true },
};

#define GAP_REPEATED (sizeof(gaps) / sizeof(*gaps) - 1)

static void write_lines(struct html *html, const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
		if (json_is_string(line))
			html_element(html, "li", "", json_string_value(line));
}

/* Before all else, where what follows is not the whole of it. */
static void write_warning(struct html *html, const json_t *report)
{
	const json_t *completeness = json_object_get(report, "completeness");

	if (document_flag(completeness, "complete"))
		return;
	html_put(html, "<section class=\"warning\" aria-labelledby=\"warning\">\n"
		       "<h2 id=\"warning\">This report is not complete</h2>\n"
		       "<p>The run may have reached for more than is shown here.</p>\n<ul>\n");
	for (size_t i = 0; i < sizeof(gaps) / sizeof(*gaps); i++) {
		uint64_t count = document_count(completeness, gaps[i].key);

		if (count && !gaps[i].harmless)
			html_format(html, "<li>%s: <b>%" PRIu64 "</b></li>\n", gaps[i].what, count);
	}
	write_lines(html, json_object_get(completeness, "liveness"));
	write_lines(html, json_object_get(completeness, "notes"));
	html_put(html, "</ul>\n</section>\n");
}

static void write_completeness(struct html *html, const json_t *report)
{
	const json_t *completeness = json_object_get(report, "completeness");
	const json_t *notes = json_object_get(completeness, "notes");
	uint64_t repeated = document_count(completeness, "repeated");

	html_put(html, "<section aria-labelledby=\"completeness\">\n"
		       "<h2 id=\"completeness\">How complete this is</h2>\n");
	if (document_flag(completeness, "complete"))
		html_put(html, "<p>The fence was live throughout, and no record of the run was lost.</p>\n");
	else
		html_put(html, "<p>It is <a href=\"#warning\">not complete</a>.</p>\n");
	if (repeated)
		html_format(html, "<p>%s: %" PRIu64 ".</p>\n", gaps[GAP_REPEATED].what, repeated);
	if (document_flag(completeness, "complete") && json_array_size(notes)) {
		html_put(html, "<ul>\n");
		write_lines(html, notes);
		html_put(html, "</ul>\n");
	}
}

static void write_log(struct html *html, const json_t *log)
{
	static const struct {
		const char *key, *what;
	} odd[] = {
		{ "torn", "torn" },
		{ "foreign", "of other programs" },
		{ "not_utf8", "with bytes that are no text" },
		{ "newer", "of a newer ringfence, with what this one does not know" },
	};
	bool any = false;

	html_format(html, "<p>Made from %" PRIu64 " records, in %" PRIu64 " lines of %" PRIu64 " %s.",
		    document_count(log, "records"), document_count(log, "lines"), document_count(log, "files"),
		    document_count(log, "files") == 1 ? "file" : "files");
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		if (document_count(log, odd[i].key)) {
			html_format(html, "%s %" PRIu64 " %s", any ? "," : " Among the lines:",
				    document_count(log, odd[i].key), odd[i].what);
			any = true;
		}
	html_put(html, any ? ".</p>\n</section>\n" : "</p>\n</section>\n");
}

/* --- sections -------------------------------------------------------------------------------- */

static int write_header(struct html *html, const json_t *report)
{
	const json_t *verdict = json_object_get(report, "verdict");
	int err;

	html_put(html, "<header>\n<p class=\"kicker\">ringfence report</p>\n<h1>What <bdi>");
	html_text(html, document_string(report, "tag"));
	html_put(html, "</bdi> depends on</h1>\n");
	html_element(html, "p", " class=\"sentence\"", document_string(verdict, "sentence"));
	html_put(html, "\n");
	write_warning(html, report);
	write_counts(html, verdict);
	err = write_facts(html, report);
	html_put(html, "</header>\n<main>\n");
	return err;
}

static void write_legend(struct html *html)
{
	static const struct {
		const char *sign, *name, *what;
	} kinds[] = {
		{ "direct", "direct", "the step asks for it" },
		{ "hidden", "hidden", "a tool reaches for it by itself" },
		{ "transient", "transient", "a service needs it in turn" },
		{ "undecided", "undecided", "not enough is known" },
	};
	static const struct {
		const char *sign, *name;
	} verdicts[] = {
		{ "v-denied", "denied" }, { "v-would", "would have been denied" }, { "v-audited", "audited" },
		{ "loop", "part of a loop" },
	};

	html_put(html, "<figcaption><ul class=\"legend\">\n");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		html_format(html, "<li><svg class=\"sample\" width=\"34\" height=\"12\" aria-hidden=\"true\">"
				  "<use href=\"#k-%s\"/></svg><b>%s</b> %s</li>\n", kinds[i].sign, kinds[i].name,
			    kinds[i].what);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++)
		html_format(html, "<li class=\"%s\"><svg class=\"sign\" width=\"12\" height=\"12\" "
				  "aria-hidden=\"true\"><use href=\"#%s\"/></svg>%s</li>\n", verdicts[i].sign,
			    verdicts[i].sign, verdicts[i].name);
	html_put(html, "</ul></figcaption>\n");
}

static int write_graph(struct html *html, const json_t *report)
{
	int err;

	html_put(html, "<section aria-labelledby=\"graph\">\n<h2 id=\"graph\">What reaches for what</h2>\n");
	if (!json_array_size(json_object_get(report, "dependencies"))) {
		html_put(html, "<p>Nothing was recorded that the run reached for.</p>\n</section>\n");
		return 0;
	}
	html_put(html, "<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"The graph\">\n");
	err = report_graph(html, report);
	html_put(html, "</div>\n");
	write_legend(html);
	html_put(html, "</figure>\n</section>\n");
	return err;
}

static int write_timeline(struct html *html, const json_t *report)
{
	int err;

	if (!json_array_size(json_object_get(report, "steps")))
		return 0;
	html_put(html,
		 "<section aria-labelledby=\"timeline\" id=\"course\">\n"
		 "<h2 id=\"timeline\">The course of the run</h2>\n"
		 "<div class=\"controls\" hidden>\n"
		 "<button type=\"button\" id=\"zoom-out\" aria-label=\"Show more of the time\">−</button>\n"
		 "<input type=\"range\" id=\"zoom\" min=\"0\" max=\"100\" step=\"1\" value=\"0\" "
		 "aria-label=\"Zoom\">\n"
		 "<button type=\"button\" id=\"zoom-in\" aria-label=\"Show less of the time, larger\">+</button>\n"
		 "<button type=\"button\" id=\"zoom-all\">All</button>\n"
		 "<label><input type=\"checkbox\" id=\"reaching\"> only steps that reached for something</label>\n"
		 "<output id=\"shown\" aria-live=\"polite\"></output>\n"
		 "<span class=\"hint\">Keys on the timeline: + − 0</span>\n</div>\n"
		 "<div class=\"scroll lanes\" tabindex=\"0\" role=\"group\" aria-label=\"The timeline\">\n");
	err = report_timeline(html, report);
	html_put(html, "</div>\n</section>\n");
	return err;
}

static void write_filters(struct html *html)
{
	html_put(html, "<div class=\"controls filters\" hidden>\n"
		       "<label>Find <input type=\"search\" id=\"find\" autocomplete=\"off\" "
		       "spellcheck=\"false\"></label>\n"
		       "<label>Kind <select id=\"kind\"><option value=\"\">all</option>");
	for (unsigned int i = 0; i < DOCUMENT_KINDS; i++)
		html_format(html, "<option>%s</option>", document_kind_name(i));
	html_put(html, "</select></label>\n<label>Verdict <select id=\"verdict\"><option value=\"\">all</option>"
		       "<option value=\"denied\">denied</option><option value=\"would\">would have been denied</option>"
		       "<option value=\"audited\">audited</option><option value=\"allowed\">allowed</option>"
		       "</select></label>\n"
		       "<button type=\"button\" id=\"open-all\" aria-pressed=\"false\">Open all</button>\n"
		       "<output id=\"matches\" aria-live=\"polite\"></output>\n</div>\n");
}

static int write_tables(struct html *html, const json_t *report)
{
	int err = 0;

	html_put(html, "<section aria-labelledby=\"dependencies\">\n<h2 id=\"dependencies\">Dependencies</h2>\n");
	if (json_array_size(json_object_get(report, "dependencies"))) {
		write_filters(html);
		err = report_dependencies(html, report);
	} else {
		html_put(html, "<p>There are none.</p>\n");
	}
	html_put(html, "</section>\n");
	if (err < 0 || !json_array_size(json_object_get(report, "services")))
		return err;
	html_put(html, "<section aria-labelledby=\"services\">\n<h2 id=\"services\">Services</h2>\n");
	err = report_services(html, report);
	html_put(html, "</section>\n");
	return err;
}

static void write_end(struct html *html, const json_t *report)
{
	write_completeness(html, report);
	write_log(html, json_object_get(report, "log"));
	html_put(html, "</main>\n<script type=\"application/json\" id=\"report\">");
	html_json(html, report);
	html_put(html, "</script>\n<script>");
	html_put(html, page_js);
	html_put(html, "</script>\n</body>\n</html>\n");
}

int report_html(const json_t *report, FILE *out)
{
	struct html html = { .out = out };
	int err;

	write_head(&html, report);
	err = write_header(&html, report);
	if (err >= 0)
		err = write_graph(&html, report);
	if (err >= 0)
		err = write_timeline(&html, report);
	if (err >= 0)
		err = write_tables(&html, report);
	if (err >= 0)
		write_end(&html, report);
	if (err < 0 || html.failed)
		return -ENOMEM;
	return fflush(out) || ferror(out) ? -EIO : 0;
}
