/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence report: what a run depends on, of which kind each dependency is and why, where it is a loop, and what
 * could be changed. Read from the audit log alone: on any host, and long after the run.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/options.h"
#include "../base/output.h"
#include "../base/say.h"
#include "../base/text.h"
#include "../review/report.h"
#include "../review/report_html.h"
#include "../runs/run_id.h"
#include "logs.h"
#include "verbs.h"

#define FILE_MODE 0640			/* it shows command lines and paths, as the log does */

enum format { FORMAT_TEXT, FORMAT_MD, FORMAT_HTML, FORMAT_DOT, FORMAT_JSON, FORMAT_COUNT };
enum { OPTION_KINDS = 1 };	/* no letter: it has no short form */

struct arguments {
	struct logs logs;
	const char *kinds;		/* NULL: PATH_KINDS_FILE, where that is there */
	const char *output;		/* NULL: stdout */
	char page[sizeof("ringfence-.html") + RUN_NAME_SIZE];	/* what a page is called that nobody has named */
	enum format format;
	char run[RUN_NAME_SIZE];	/* "": the newest */
};

static const char *const format_words[] = { "text", "md", "html", "dot", "json" };
static_assert(sizeof(format_words) / sizeof(format_words[0]) == FORMAT_COUNT, "a word per format");

static const struct verb_option options[] = {
	{ 'f', "format", "FORMAT", "text (the default), md, html, dot (for graphviz) or json" },
	LOGS_OPTIONS,
	{ OPTION_KINDS, "kinds", "FILE", "what persons say of dependencies; without it, " PATH_KINDS_FILE },
	{ 'o', "output", "FILE", "write to FILE, replacing it as a whole, instead of stdout" },
	{},
};

const struct verb report_verb = {
	.name = "report",
	.arguments = "[OPTION]... [RUN] [LOG]...",
	.help = "Tells what a run depended on: whether the deploy asks for it (direct), a tool does so by\n"
		"itself (hidden) or another service does so on its behalf (transient), with the evidence;\n"
		"where it is a loop, what breaks, and what to change. RUN is the newest one in the log\n"
		"unless it is named. LOG is " PATH_LOG "\n"
		"unless it is named. An HTML page goes to ./ringfence-RUN.html where stdout is a terminal.\n\n"
		"Exit status: 0, also where loops were found; 1 when the log cannot be read, the run is not\n"
		"in it, or the report cannot be written.",
	.options = options,
	.colored = true,
};

/* --- the command line ----------------------------------------------------------------------- */

static int take_format(struct arguments *arguments, const char *word)
{
	for (enum format format = 0; format < FORMAT_COUNT; format++)
		if (!strcmp(word, format_words[format])) {
			arguments->format = format;
			return 0;
		}
	return verb_misused(&report_verb, "--format %s: expected text, md, html, dot or json", word);
}

static int take_option(struct arguments *arguments, int id)
{
	switch (id) {
	case 'f':
		return take_format(arguments, optarg);
	case LOGS_OPTION_LOG:
		return logs_add(&arguments->logs, &report_verb, optarg);
	case LOGS_OPTION_RUN:
		return logs_add_run(&arguments->logs, &report_verb, optarg);
	case OPTION_KINDS:
		arguments->kinds = optarg;
		return 0;
	case 'o':
		arguments->output = optarg;
		return 0;
	default:
		return VERB_BAD;
	}
}

static int parse(struct arguments *arguments, int argc, char **argv)
{
	int id;

	optind = 0;			/* begin anew: the tests call this more than once */
	while ((id = verb_next(&report_verb, argc, argv)) != VERB_END)
		if (take_option(arguments, id))
			return -EINVAL;
	if (logs_end(&arguments->logs, &report_verb, argc, argv, 1))
		return -EINVAL;
	if (arguments->logs.run_count)
		strcpy(arguments->run, arguments->logs.runs[0]);
	return 0;
}

/* --- what it is made from ------------------------------------------------------------------- */

static int cannot_read(int err, const char *log)
{
	if (err == -ENOMEM) {
		say_errno(err, "report");
		return err;
	}
	logs_unreadable(log, err);
	return err;
}

static void tell_unread(void *ctx, const char *path, int err)
{
	(void)ctx;
	cannot_read(err, path);
}

static int find_run(struct arguments *arguments)
{
	struct journal_counts counts;
	int err = journal_check(arguments->logs.paths, arguments->logs.count, tell_unread, NULL);

	if (err || *arguments->run)
		return err;
	err = journal_newest_run(arguments->logs.paths, arguments->logs.count, arguments->run, &counts);
	if (err == -ENODATA)
		say("no run in %s", counts.reading);
	else if (err)
		cannot_read(err, counts.reading);
	else
		say("run %s, the newest in the log", arguments->run);
	return err;
}

static int read_run(const struct arguments *arguments, struct deps *ret_deps)
{
	const char *reading;
	int err = deps_read(arguments->logs.paths, arguments->logs.count, arguments->run, ret_deps, &reading);

	if (err)
		return cannot_read(err, reading);
	if (ret_deps->records || ret_deps->has_begin || ret_deps->has_end)
		return 0;
	logs_without(&arguments->logs, arguments->run);
	deps_free(ret_deps);
	return -ENOENT;
}

/* @diags is what the places of overrides borrow. */
static int read_kinds(const struct arguments *arguments, struct diags *diags, struct kinds *ret_kinds)
{
	int err;

	if (!arguments->kinds && access(PATH_KINDS_FILE, F_OK))
		return 0;
	err = kinds_read(arguments->kinds ?: PATH_KINDS_FILE, diags, ret_kinds);
	diags_print(diags, stderr, *verb_style(stderr)->reset);
	if (err == -ENOMEM)
		say_errno(err, "report");
	return err;
}

/* --- what is made of it --------------------------------------------------------------------- */

static int write_json(const json_t *report, FILE *out, bool to_terminal)
{
	char *text = json_dumps(report, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	struct text shown = { 0 };

	if (!text)
		return -ENOMEM;
	for (char *line = text, *end; to_terminal && *line; line = end + (*end == '\n')) {
		end = strchrnul(line, '\n');
		text_printable_json(&shown, line, end - line);
		text_append(&shown, "\n", 1);
	}
	if (to_terminal && shown.size)
		fwrite(shown.data, 1, shown.size, out);
	else if (!to_terminal)
		fprintf(out, "%s\n", text);
	text_free(&shown);
	free(text);
	return 0;
}

/* Appends to @out what is to be written to stdout or to a file. */
static int render(const struct arguments *arguments, const json_t *report, FILE *out)
{
	bool to_terminal = !arguments->output && isatty(STDOUT_FILENO);
	FILE *target = arguments->output ? out : stdout;

	switch (arguments->format) {
	case FORMAT_MD:
		return report_md(report, out);
	case FORMAT_HTML:
		return report_html(report, out);
	case FORMAT_DOT:
		return report_dot(report, out);
	case FORMAT_JSON:
		return write_json(report, out, to_terminal);
	default:
		return report_text(report, out, verb_style(target));
	}
}

static int write_report(const struct arguments *arguments, const json_t *report)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err = out ? render(arguments, report, out) : -errno;

	if (out && fclose(out) && !err)
		err = -errno;
	if (!err)
		err = output_write(arguments->output, FILE_MODE, text, size);
	free(text);
	if (err == -EINVAL)
		say("cannot write %s: not a regular file", arguments->output);
	else if (err && err != -EPIPE)
		say_errno(err, "cannot write %s", arguments->output ?: "to stdout");
	return err == -EPIPE ? 0 : err;
}

/* A page is nothing for a terminal. */
static void name_page(struct arguments *arguments)
{
	if (arguments->format != FORMAT_HTML || arguments->output || !isatty(STDOUT_FILENO))
		return;
	snprintf(arguments->page, sizeof(arguments->page), "ringfence-%s.html", arguments->run);
	arguments->output = arguments->page;
	say("the page is ./%s", arguments->page);
}

static int report(const struct arguments *arguments, struct deps *deps, const struct kinds *kinds)
{
	struct classified classified;
	int err = classify(deps, kinds, &classified);
	json_t *document = err ? NULL : report_json(deps, &classified);

	if (!document)
		say_errno(-ENOMEM, "report");
	if (!err)
		classified_free(&classified);
	err = document ? write_report(arguments, document) : -ENOMEM;
	json_decref(document);
	return err;
}

int report_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct diags diags = { 0 };
	struct kinds kinds = { 0 };
	struct deps deps;
	int err;

	if (parse(&arguments, argc, argv) || read_kinds(&arguments, &diags, &kinds)) {
		diags_free(&diags);
		return EXIT_FAILURE;
	}
	err = find_run(&arguments) ?: read_run(&arguments, &deps);
	if (!err) {
		name_page(&arguments);
		err = report(&arguments, &deps, &kinds);
		deps_free(&deps);
	}
	kinds_free(&kinds);
	diags_free(&diags);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
