/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence log: the audit log for people.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../audit/log_files.h"
#include "../audit/log_unpack.h"
#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "log.h"
#include "verbs.h"

volatile sig_atomic_t log_interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	log_interrupted = 1;
}

/* --- the file ----------------------------------------------------------------------------- */

/* Shows a line. Returns 0, -EPIPE and the like, or -ENOMEM. */
static int show_line(void *ctx, const char *text, size_t size, bool ended)
{
	struct log *log = ctx;
	struct audit_line line;
	struct text out = { 0 };
	int r = 0;

	(void)ended;
	log->line++;
	if (!size)
		return 0;
	if (size > LINES_MAX || audit_line_parse(text, size, &line) < 0) {
		fprintf(stderr, "ringfence log: %s:%" PRIu64 ": not a record; skipped\n", log->reading,
			log->line);
		log->broken = true;
		return 0;
	}
	if (log_filter_wants(&log->filter, &line)) {
		log->shown++;
		if (!log->json)
			log_record(&out, log, &line);
		else if (log->to_terminal)
			text_printable_json(&out, text, size);
		else
			text_append(&out, text, size);
		text_append_string(&out, log->json ? "\n" : "");
	}
	audit_line_free(&line);
	if (out.failed)
		r = -ENOMEM;
	else if (out.size && fwrite(out.data, 1, out.size, stdout) != out.size)
		r = -errno;
	text_free(&out);
	return r;
}

static void tell(const struct log *log, int err)
{
	fprintf(stderr, "ringfence log: %s: %s\n", log->reading, log_unpack_fault(err));
}

/* A compressed file may have been cut, or the disk lied: the others are shown all the same. */
static void tell_damage(struct log *log)
{
	fprintf(stderr, "ringfence log: %s: the compressed file is damaged or has no end; what follows in it is missing\n",
		log->reading);
	log->broken = true;
}

int log_show_lines(struct log *log, FILE *in)
{
	char buf[65536];
	ssize_t size = 0;
	int r = 0;

	clearerr(in);
	while (r >= 0 && (size = log_unpack_read(in, buf, sizeof(buf))) > 0)
		r = lines_take(&log->lines, buf, size);
	if (r >= 0 && size == -EBADMSG)
		tell_damage(log);
	else if (r >= 0 && size < 0)
		r = (int)size;
	if (r >= 0 && fflush(stdout))
		r = -errno;
	return r;
}

int log_show_rest(struct log *log)
{
	int r = lines_end(&log->lines);

	log->line = 0;
	return r;
}

/* Shows what can be read of it, and tells of the rest. */
static int show_rotated(struct log *log, const char *path)
{
	FILE *in = log_files_open_rotated(path);
	int r;

	if (!in && errno == ENOENT)		/* removed as too old since it was found */
		return 0;
	if (!in) {
		tell(log, -errno);
		log->broken = true;
		return 0;
	}
	r = log_show_lines(log, in) ?: log_show_rest(log);
	fclose(in);
	return r;
}

int log_show_rotated(struct log *log, const char *path)
{
	int r;

	log->reading = path;
	r = show_rotated(log, path);
	if (r >= 0)
		log->reading = log->path;
	return r;
}

/* --- the verb ----------------------------------------------------------------------------- */

static const struct verb_option options[] = {
	LOGS_OPTIONS,
	{ 't', "tag", "TAG", "only runs of this tag" },
	{ 's', "service", "SERVICE", "only this service of the policy" },
	{ 'v', "verdict", "VERDICT", "only allow, audit or deny" },
	{ 'P', "step", "PROGRAM", "only what this program did, or what it started; by name or path" },
	{ 'S', "since", "TIME", "only from then on: 2h, 14:23, 2027-03-31 or 2027-03-31T14:23, in UTC" },
	{ 'f', "follow", NULL, "go on as the log grows and is rotated, until interrupted" },
	{ 'j', "json", NULL, "the records as they are, JSON lines" },
	{},
};

const struct verb log_verb = {
	.name = "log",
	.arguments = "[OPTION]... [RUN]... [LOG]...",
	.help = "Shows the audit log, one line per record, times in UTC. LOG is " PATH_LOG "\n"
		"unless it is named. What was rotated away from it is shown before it. Of an option that is\n"
		"there several times any value is meant, of several options all.\n\n"
		"Exit status: 0, also when there are no such records; 1 when a log or a run is not there, or\n"
		"a line is no record.",
	.options = options,
	.colored = true,
};

static int add_word(struct log_words *words, const char *word)
{
	return log_words_add(words, word) ? 0 :
		verb_misused(&log_verb, "%s: at most %d values of an option", word, LOG_WORDS_MAX);
}

static int add_verdict(struct log *log)
{
	if (strcmp(optarg, "allow") && strcmp(optarg, "audit") && strcmp(optarg, "deny"))
		return verb_misused(&log_verb, "--verdict %s: expected allow, audit or deny", optarg);
	return add_word(&log->filter.verdicts, optarg);
}

static int parse_option(struct log *log, int id)
{
	switch (id) {
	case LOGS_OPTION_LOG:
		return logs_add(&log->logs, &log_verb, optarg);
	case LOGS_OPTION_RUN:
		return logs_add_run(&log->logs, &log_verb, optarg);
	case 't':
		return add_word(&log->filter.tags, optarg);
	case 's':
		return add_word(&log->filter.services, optarg);
	case 'v':
		return add_verdict(log);
	case 'P':
		return add_word(&log->filter.steps, optarg);
	case 'S':
		return log_since_parse(&log->filter, optarg, time(NULL)) ? 0 :
			verb_misused(&log_verb, "--since %s: expected a time such as 2h (ago), 14:23, "
				     "2027-03-31 or 2027-03-31T14:23", optarg);
	case 'f':
		log->follow = true;
		return 0;
	case 'j':
		log->json = true;
		return 0;
	default:
		return VERB_BAD;
	}
}

static int parse_options(struct log *log, int argc, char **argv)
{
	int id;

	optind = 0;			/* begin anew: the tests call this more than once */
	while ((id = verb_next(&log_verb, argc, argv)) != VERB_END)
		if (parse_option(log, id))
			return -EINVAL;
	if (logs_end(&log->logs, &log_verb, argc, argv, LOG_WORDS_MAX))
		return -EINVAL;
	for (size_t i = 0; i < log->logs.run_count; i++)
		add_word(&log->filter.runs, log->logs.runs[i]);
	if (log->follow && log->logs.count > 1)
		return verb_misused(&log_verb, "--follow: one log at a time: %s", log->logs.paths[1]);
	return 0;
}

/* A run of which nothing was seen is most likely one of another log: except that who looks at a part of
 * it, or waits for more, does not ask for that. Returns whether all were seen. */
static bool runs_seen(const struct log *log)
{
	const struct log_words *runs = &log->filter.runs;
	bool all = true;

	for (size_t i = 0; i < runs->count && !log->follow && !*log->filter.since; i++) {
		if (runs->seen[i])
			continue;
		fprintf(stderr, "ringfence log: no run %s in %s%s\n", runs->list[i], log->logs.paths[0],
			log->logs.count > 1 ? " and the other logs" : "");
		all = false;
	}
	return all;
}

/* What there is to say at the end, and the exit code. */
static int conclude(const struct log *log, int r)
{
	/* Whoever read our output has seen enough. */
	if (r == -EPIPE)
		return EXIT_SUCCESS;
	if (r < 0)
		return EXIT_FAILURE;
	if (!runs_seen(log))
		return EXIT_FAILURE;
	if (!log->follow)
		log_names_tell(log);
	if (!log->shown)
		fputs("no records\n", stderr);
	return log->broken ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int show_files(struct log *log, struct log_files *files)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < files->count; i++)
		r = log_show_rotated(log, files->rotated[i]);
	if (r >= 0 && files->last && log->follow)
		r = log_follow(log, &files->last);
	else if (r >= 0 && files->last)
		r = log_show_lines(log, files->last) ?: log_show_rest(log);
	if (r >= 0 && fflush(stdout))
		r = -errno;
	return r;
}

/* Nothing comes to what is compressed; and of it no other file can be told that takes its place. */
static int may_follow(const char *path, const struct log_files *files)
{
	if (!files->last || log_files_is_growing(files->last))
		return 0;
	fprintf(stderr, "ringfence log: %s: it is compressed, and does not grow: nothing is to be followed\n", path);
	say_remedy("leave --follow out; or name the log that is written, as " PATH_LOG);
	return -EINVAL;
}

static int show_log(struct log *log, const char *path)
{
	struct log_files files;
	int r = log_files_open(path, log_filter_since(&log->filter), &files);

	if (r < 0) {
		logs_unreadable(path, r);
		return r;
	}
	log->path = log->reading = path;
	r = log->follow ? may_follow(path, &files) : 0;
	if (!r) {
		r = show_files(log, &files);
		if (r < 0 && r != -EPIPE)
			tell(log, r);
	}
	log_files_close(&files);
	return r;
}

static int show_logs(struct log *log)
{
	int r = 0;

	log->lines = (struct lines){ .each = show_line, .ctx = log };
	for (size_t i = 0; r >= 0 && i < log->logs.count; i++)
		r = show_log(log, log->logs.paths[i]);
	text_free(&log->lines.rest);
	return conclude(log, r);
}

int log_main(int argc, char **argv)
{
	struct log log = { 0 };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction interrupt = { .sa_handler = on_interrupt };
	time_t now = time(NULL);
	struct tm tm;
	int code;

	if (parse_options(&log, argc, argv))
		return EXIT_FAILURE;
	log.style = verb_style(stdout);
	log.to_terminal = isatty(STDOUT_FILENO);
	strftime(log.today, sizeof(log.today), "%Y-%m-%d", gmtime_r(&now, &tm));
	sigaction(SIGPIPE, &ignore, NULL);
	if (log.follow) {
		sigaction(SIGINT, &interrupt, NULL);
		sigaction(SIGTERM, &interrupt, NULL);
	}
	code = show_logs(&log);
	for (size_t i = 0; i < log.hinted_count; i++)
		free(log.hinted[i]);
	log_names_free(&log.filter);
	return code;
}
