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
#include "logs.h"
#include "verbs.h"

#define EXIT_NEWS 1
#define EXIT_FAULT 2
#define BASELINE_MODE 0640		/* it shows command lines and paths, as the log does */

enum { OPTION_KINDS = 1 };		/* no letter: it has no short form */

static const struct verb_option options[] = {
	{ 'b', "baseline", NULL, "compare with the baseline of the run's tag" },
	{ 'k', "keep", NULL, "keep the run as the baseline of its tag; compares nothing" },
	{ 's', "services", NULL, "only what is a service of the policy" },
	LOGS_OPTIONS,
	{ OPTION_KINDS, "kinds", "FILE", "what persons say of dependencies; without it, " PATH_KINDS_FILE },
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

const struct verb diff_verb = {
	.name = "diff",
	.arguments = "[OPTION]... RUN RUN [LOG]...\n"
		"       ringfence diff [OPTION]... LOG LOG\n"
		"       ringfence diff [OPTION]... --baseline [RUN] [LOG]...\n"
		"       ringfence diff [OPTION]... --keep [RUN] [LOG]...",
	.help = "Tells what the second run depends on that the first did not, what it does not any more,\n"
		"and what was judged otherwise or is of another kind. Of two logs the newest run of each is\n"
		"meant. In the place of a run may be a file that `ringfence report --format json` wrote; one\n"
		"is known by not being called *.jsonl, as logs are. With --baseline a run, or else the newest\n"
		"one, is compared with the one that --keep put into " PATH_BASELINES "\n"
		"for its tag.\n\n"
		"Exit status: 0 when nothing is new or has changed, 1 when something is or has, 2 when\n"
		"that cannot be told.",
	.options = options,
	.colored = true,
};

struct arguments {
	struct logs logs;
	const char *kinds;
	bool baseline, keep, services, json;
	const char *runs[2];		/* or files with reports; NULL: the newest */
	size_t run_count;
};

/* --- the command line ----------------------------------------------------------------------- */

static int add_run(struct arguments *arguments, const char *run)
{
	if (arguments->run_count == 2)
		return verb_misused(&diff_verb, "2 runs at most: %s", run);
	arguments->runs[arguments->run_count++] = run;
	return 0;
}

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
	case LOGS_OPTION_LOG:
		return logs_add(&arguments->logs, &diff_verb, optarg);
	case LOGS_OPTION_RUN:
		return logs_add_run(&arguments->logs, &diff_verb, optarg) ?: add_run(arguments, optarg);
	case OPTION_KINDS:
		arguments->kinds = optarg;
		return 0;
	default:
		return VERB_BAD;
	}
}

/* A file that has a report is known by not being called as a log, or as a run. */
static bool is_report(const char *word)
{
	size_t size = strlen(word);
	uint64_t run;

	if (run_id_parse(word, &run))
		return false;
	return (size > 5 && !strcmp(word + size - 5, ".json")) ||
	       ((strchr(word, '/') || !access(word, F_OK)) && !logs_is_name(word));
}

static int take_word(struct arguments *arguments, const char *word)
{
	size_t runs = arguments->logs.run_count;

	if (is_report(word))
		return add_run(arguments, word);
	if (logs_add_word(&arguments->logs, &diff_verb, word))
		return VERB_BAD;
	return arguments->logs.run_count > runs ? add_run(arguments, word) : 0;
}

/* Whether the newest runs of two logs are meant. */
static bool compares_logs(const struct arguments *arguments)
{
	return !arguments->run_count && !arguments->baseline && !arguments->keep;
}

static int take_words(struct arguments *arguments, int argc, char **argv)
{
	bool one = arguments->baseline || arguments->keep;

	if (arguments->baseline && arguments->keep)
		return verb_misused(&diff_verb, "--baseline and --keep: first compare, then keep");
	while (optind < argc)
		if (take_word(arguments, argv[optind++]))
			return VERB_BAD;
	if (one && arguments->run_count > 1)
		return verb_misused(&diff_verb, "1 run at most: %s", arguments->runs[1]);
	if (!one && arguments->run_count < 2 && !(compares_logs(arguments) && arguments->logs.count == 2))
		return verb_misused(&diff_verb, "which two runs? Or which two logs? Or give --baseline");
	return logs_end(&arguments->logs, &diff_verb, argc, argv, 2);
}

static int parse(struct arguments *arguments, int argc, char **argv)
{
	int id;

	while ((id = verb_next(&diff_verb, argc, argv)) != VERB_END)
		if (take_option(arguments, id))
			return -EINVAL;
	return take_words(arguments, argc, argv);
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
	say_remedy("a log that is not called *.jsonl is named with --log");
	json_decref(report);
	return -EBADMSG;
}

static int find_newest(const struct logs *logs, char ret_run[RUN_NAME_SIZE])
{
	struct journal_counts counts;
	int err = journal_newest_run(logs->paths, logs->count, ret_run, &counts);

	if (err == -ENODATA)
		say("no run in %s", counts.reading);
	else if (err)
		logs_unreadable(counts.reading, err);
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

/* The report on a run, or in a file; NULL is the newest run of the logs. For json_decref(). */
static int find_report(const struct arguments *arguments, const struct logs *logs, const char *run,
		       json_t **ret_report)
{
	char newest[RUN_NAME_SIZE];
	const char *reading;
	struct deps deps;
	int err;

	if (run && is_report(run))
		return read_file(run, ret_report);
	if (!run) {
		err = find_newest(logs, newest);
		if (err)
			return err;
		run = newest;
	}
	err = deps_read(logs->paths, logs->count, run, &deps, &reading);
	if (err) {
		logs_unreadable(reading, err);
		return err;
	}
	if (deps.records || deps.has_begin || deps.has_end) {
		err = make_report(arguments, &deps, ret_report);
	} else {
		logs_without(logs, run);
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

/* How much of what was allowed a report tells: nothing, of services alone, of all. */
static int allowed_told(const json_t *report)
{
	const json_t *list = json_object_get(report, "dependencies"), *dependency;
	int told = 0;
	size_t i;

	json_array_foreach(list, i, dependency)
		if (!strcmp(document_string(dependency, "verdict"), "allow"))
			told = *document_string(dependency, "service") && told < 2 ? 1 : 2;
	return told;
}

/* What a baseline does not tell is new in all that is compared with it. */
static void warn_of_less(const json_t *report, const char *path)
{
	json_t *old = json_load_file(path, 0, NULL);

	if (allowed_told(report) < allowed_told(old)) {
		say("the baseline that it replaces, run %s, tells more of what was allowed: what is allowed may be "
		    "new in each run that is compared with this one", document_string(old, "run"));
		say_remedy("keep a run of a policy that says record: all, or record: matched");
	}
	json_decref(old);
}

static int keep(const json_t *report)
{
	char path[PATH_MAX], *text;
	int err = baseline_path(report, path);

	if (err)
		return err;
	warn_of_less(report, path);
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

/* A word as a shell takes it. */
static void append_word(struct text *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%=";

	text_append_string(out, " ");
	if (*word && !word[strspn(word, plain)]) {
		text_append_string(out, word);
		return;
	}
	text_append_string(out, "'");
	for (; *word; word++)
		text_append_string(out, *word == '\'' ? "'\\''" : (const char[]){ *word, 0 });
	text_append_string(out, "'");
}

/* The command that keeps what was to be compared, out of the same logs. */
static void remedy_keep(const struct arguments *arguments, const json_t *report)
{
	const struct logs *logs = &arguments->logs;
	bool is_file = arguments->run_count && is_report(arguments->runs[0]);
	bool host = logs->count == 1 && !strcmp(logs->paths[0], PATH_LOG);
	struct text words = { 0 };

	if (arguments->kinds) {
		text_append_string(&words, " --kinds");
		append_word(&words, arguments->kinds);
	}
	append_word(&words, is_file ? arguments->runs[0] : document_string(report, "run"));
	for (size_t i = 0; !is_file && !host && i < logs->count; i++) {
		text_append_string(&words, logs_is_name(logs->paths[i]) ? "" : " --log");
		append_word(&words, logs->paths[i]);
	}
	text_append(&words, "", 1);
	if (!words.failed)
		say_remedy("keep this run as one: ringfence diff --keep%s", words.data);
	text_free(&words);
}

static int find_baseline(const struct arguments *arguments, const json_t *report, json_t **ret_baseline)
{
	char path[PATH_MAX];
	int err = baseline_path(report, path);

	if (!err && access(path, F_OK)) {
		say("no baseline is kept for tag %s", document_string(report, "tag"));
		remedy_keep(arguments, report);
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

/* The first or the second of what is compared: NULL is the newest run. */
static int find_side(const struct arguments *arguments, size_t side, json_t **ret_report)
{
	struct logs one = { .count = 1 };

	if (!compares_logs(arguments))
		return find_report(arguments, &arguments->logs, arguments->runs[side], ret_report);
	one.paths[0] = arguments->logs.paths[side];
	return find_report(arguments, &one, NULL, ret_report);
}

int diff_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	json_t *before = NULL, *after = NULL;
	int code = EXIT_FAULT, err;

	if (parse(&arguments, argc, argv))
		return EXIT_FAULT;
	err = find_side(&arguments, !arguments.baseline && !arguments.keep, &after);
	if (!err && arguments.keep)
		code = keep(after) ? EXIT_FAULT : 0;
	else if (!err)
		err = arguments.baseline ? find_baseline(&arguments, after, &before) : find_side(&arguments, 0, &before);
	if (!err && !arguments.keep)
		code = compare(&arguments, before, after);
	json_decref(before);
	json_decref(after);
	return code;
}
