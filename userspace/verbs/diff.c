/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence diff: what a run depends on that another did not; or that the one did not which is kept as the
 * baseline of its tag.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/options.h"
#include "../base/output.h"
#include "../base/print_json.h"
#include "../base/say.h"
#include "../base/text.h"
#include "../review/comparison.h"
#include "../review/report.h"
#include "../review/report_read.h"
#include "../runs/run_id.h"
#include "verbs.h"

#define EXIT_NEWS 1
#define EXIT_FAULT 2
#define LOGS_MAX 64
#define BASELINE_MODE 0640		/* it shows command lines and paths, as the log does */

enum { OPTION_LOG = 1, OPTION_KINDS };	/* no letters: they have no short form */

static const struct verb_option options[] = {
	{ 'b', "baseline", NULL, "compare with the baseline of the run's tag" },
	{ 'k', "keep", NULL, "keep the run as the baseline of its tag; compares nothing" },
	{ 's', "services", NULL, "only what is a service of the policy" },
	{ OPTION_LOG, "log", "FILE",
	  "the log to read, with what was rotated away from it (may be repeated)" },
	{ OPTION_KINDS, "kinds", "FILE", "what persons say of dependencies; without it, " PATH_KINDS_FILE },
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

const struct verb diff_verb = {
	.name = "diff",
	.arguments = "[OPTION]... RUN RUN\n"
		"       ringfence diff [OPTION]... --baseline [RUN]\n"
		"       ringfence diff [OPTION]... --keep [RUN]",
	.help = "Tells what the second run depends on that the first did not, what it does not any more,\n"
		"and what was judged otherwise or is of another kind. A run is named as in the log, or by\n"
		"a file that `ringfence report --format json` wrote. With --baseline a run, or else the\n"
		"newest one, is compared with the one that --keep put into\n"
		PATH_BASELINES " for its tag.\n\n"
		"Exit status: 0 when nothing is new or has changed, 1 when something is or has, 2 when\n"
		"that cannot be told.",
	.options = options,
	.colored = true,
};

struct arguments {
	const char *logs[LOGS_MAX];
	size_t log_count;
	const char *kinds;
	bool baseline, keep, services, json;
	const char *runs[2];		/* NULL: the newest */
	size_t run_count;
};

/* --- the command line ----------------------------------------------------------------------- */

static int take_option(struct arguments *arguments, int id)
{
	switch (id) {
	case 'b':
		arguments->baseline = true;
		return 0;
	case 'k':
		arguments->keep = true;
		return 0;
	case 's':
		arguments->services = true;
		return 0;
	case 'j':
		arguments->json = true;
		return 0;
	case OPTION_LOG:
		if (arguments->log_count == LOGS_MAX)
			return verb_misused(&diff_verb, "at most %d logs", LOGS_MAX);
		arguments->logs[arguments->log_count++] = optarg;
		return 0;
	case OPTION_KINDS:
		arguments->kinds = optarg;
		return 0;
	default:
		return VERB_BAD;
	}
}

static bool ends_with(const char *word, const char *end)
{
	size_t size = strlen(word);

	return size > strlen(end) && !strcmp(word + size - strlen(end), end);
}

/* A file that has a report is known by its path, or by its name. */
static bool is_file(const char *word)
{
	return strchr(word, '/') || ends_with(word, ".json");
}

static int take_runs(struct arguments *arguments, int argc, char **argv)
{
	size_t most = arguments->baseline || arguments->keep ? 1 : 2;
	uint64_t run;

	if (arguments->baseline && arguments->keep)
		return verb_misused(&diff_verb, "--baseline and --keep: first compare, then keep");
	if ((size_t)(argc - optind) > most)
		return verb_misused(&diff_verb, "%zu run%s at most: %s", most, most == 1 ? "" : "s",
				    argv[optind + most]);
	if (most == 2 && argc - optind < 2)
		return verb_misused(&diff_verb, "which two runs? Or give --baseline");
	for (int i = optind; i < argc; i++) {
		if (ends_with(argv[i], ".jsonl"))
			return verb_misused(&diff_verb, "%s: a log is named by --log; expected the name of a run in it, "
					    "or of a file *.json with a report", argv[i]);
		if (!is_file(argv[i]) && !run_id_parse(argv[i], &run))
			return verb_misused(&diff_verb, "\"%s\" is not the name of a run; they look like "
					    "20270331-142355-9f03ac. A file with a report is named *.json",
					    argv[i]);
		arguments->runs[arguments->run_count++] = argv[i];
	}
	return 0;
}

static int parse(struct arguments *arguments, int argc, char **argv)
{
	int id;

	while ((id = verb_next(&diff_verb, argc, argv)) != VERB_END)
		if (take_option(arguments, id))
			return -EINVAL;
	if (!arguments->log_count)
		arguments->logs[arguments->log_count++] = PATH_LOG;
	return take_runs(arguments, argc, argv);
}

/* --- reports -------------------------------------------------------------------------------- */

/* A file is anybody's: what it should have and has not is nothing. */
static int read_file(const char *path, json_t **ret_report)
{
	json_error_t error;
	FILE *in = fopen(path, "re");
	json_t *report;

	if (!in) {
		say_errno(errno, "%s", path);
		return -errno;
	}
	report = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
	fclose(in);
	if (report && document_count(report, "report") == REPORT_VERSION &&
	    json_is_array(json_object_get(report, "dependencies"))) {
		*ret_report = report;
		return 0;
	}
	if (report)
		say("%s: not a report of a run, as `ringfence report --format json` writes it", path);
	else
		say("%s:%d:%d: %s", path, error.line, error.column, error.text);
	json_decref(report);
	return -EBADMSG;
}

static int cannot_read(int err, const char *log)
{
	say_errno(err, "cannot read the log %s", log);
	if (err == -ENOENT && !strcmp(log, PATH_LOG))
		say_remedy("a run without the daemon writes ./ringfence-RUN.jsonl: name that file with "
			   "--log");
	return err;
}

static int find_newest(const struct arguments *arguments, char ret_run[RUN_NAME_SIZE])
{
	struct journal_counts counts;
	int err = journal_newest_run(arguments->logs, arguments->log_count, ret_run, &counts);

	if (err == -ENODATA)
		say("no run in %s", counts.reading);
	else if (err)
		cannot_read(err, counts.reading);
	return err;
}

static int read_kinds(const struct arguments *arguments, struct diags *diags, struct kinds *ret_kinds)
{
	int err;

	if (!arguments->kinds && access(PATH_KINDS_FILE, F_OK))
		return 0;
	err = kinds_read(arguments->kinds ?: PATH_KINDS_FILE, diags, ret_kinds);
	diags_print(diags, stderr, *verb_style(stderr)->reset);
	return err;
}

static int make_report(const struct arguments *arguments, struct deps *deps, json_t **ret_report)
{
	struct classified classified;
	struct diags diags = { 0 };
	struct kinds kinds = { 0 };
	int err = read_kinds(arguments, &diags, &kinds);

	if (!err) {
		err = classify(deps, &kinds, &classified);
		*ret_report = err ? NULL : report_json(deps, &classified);
		if (!err)
			classified_free(&classified);
		err = *ret_report ? 0 : -ENOMEM;
	}
	if (err == -ENOMEM)
		say_errno(err, "diff");
	kinds_free(&kinds);
	diags_free(&diags);
	return err;
}

/* The report on a run, or in a file; NULL is the newest run. For json_decref(). */
static int find_report(const struct arguments *arguments, const char *run, json_t **ret_report)
{
	char newest[RUN_NAME_SIZE];
	const char *reading;
	struct deps deps;
	int err;

	if (run && is_file(run))
		return read_file(run, ret_report);
	if (!run) {
		err = find_newest(arguments, newest);
		if (err)
			return err;
		run = newest;
	}
	err = deps_read(arguments->logs, arguments->log_count, run, &deps, &reading);
	if (err)
		return cannot_read(err, reading);
	if (deps.records || deps.has_begin || deps.has_end) {
		err = make_report(arguments, &deps, ret_report);
	} else {
		say("no run %s in %s%s", run, arguments->logs[0],
		    arguments->log_count > 1 ? " and the other logs" : "");
		err = -ENOENT;
	}
	deps_free(&deps);
	return err;
}

/* --- the baseline --------------------------------------------------------------------------- */

/* The tag comes from a log, and becomes the name of a file. */
static int baseline_path(const json_t *report, char ret_path[PATH_MAX])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *tag = document_string(report, "tag");

	if (!*tag || *tag == '.' || tag[strspn(tag, letters)] || strlen(tag) >= TAG_NAME_MAX) {
		say("the run has no tag that a baseline could be kept for");
		return -EINVAL;
	}
	snprintf(ret_path, PATH_MAX, "%s/%s.json", PATH_BASELINES, tag);
	return 0;
}

static int keep(const json_t *report)
{
	char path[PATH_MAX], *text;
	int err = baseline_path(report, path);

	if (err)
		return err;
	text = json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	err = text ? path_make(PATH_BASELINES) ?: output_write(path, BASELINE_MODE, text, strlen(text)) :
		-ENOMEM;
	free(text);
	if (err)
		say_errno(err, "cannot keep the baseline in %s", path);
	else
		printf("%s: run %s is the baseline now\n", path, document_string(report, "run"));
	return err;
}

static int find_baseline(const json_t *report, json_t **ret_baseline)
{
	char path[PATH_MAX];
	int err = baseline_path(report, path);

	if (!err && access(path, F_OK)) {
		say("no baseline is kept for tag %s", document_string(report, "tag"));
		say_remedy("keep this run as one: ringfence diff --keep %s", document_string(report, "run"));
		err = -ENOENT;
	}
	return err ?: read_file(path, ret_baseline);
}

/* --- the verb --------------------------------------------------------------------------------- */

static int compare(const struct arguments *arguments, const json_t *before, const json_t *after)
{
	json_t *comparison = comparison_make(before, after, arguments->services);
	int code;

	if (!comparison) {
		say_errno(-ENOMEM, "diff");
		return EXIT_FAULT;
	}
	code = comparison_is_news(comparison) ? EXIT_NEWS : 0;
	if (!arguments->json)
		comparison_print(comparison, stdout, verb_style(stdout));
	else if (print_json(comparison))
		code = EXIT_FAULT;
	json_decref(comparison);
	return fflush(stdout) ? EXIT_FAULT : code;
}

int diff_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	json_t *before = NULL, *after = NULL;
	int code = EXIT_FAULT, err;

	if (parse(&arguments, argc, argv))
		return EXIT_FAULT;
	err = find_report(&arguments, arguments.run_count ? arguments.runs[arguments.run_count - 1] : NULL,
			  &after);
	if (!err && arguments.keep)
		code = keep(after) ? EXIT_FAULT : 0;
	else if (!err)
		err = arguments.baseline ? find_baseline(after, &before) :
			find_report(&arguments, arguments.runs[0], &before);
	if (!err && !arguments.keep)
		code = compare(&arguments, before, after);
	json_decref(before);
	json_decref(after);
	return code;
}
