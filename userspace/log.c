/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence log: the audit log for people.
 *
 * What a line holds was chosen by processes that are not trusted, and is shown on a terminal:
 * everything goes through text_printable().
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit_line.h"
#include "locations.h"
#include "log_files.h"
#include "options.h"
#include "run_id.h"
#include "text.h"
#include "verbs.h"

#define FOLLOW_MS 1000			/* looks at least that often, should inotify miss it */
#define OWN_ARGS_SHOWN 160		/* bytes of the process's arguments, */
#define ANCESTOR_ARGS_SHOWN 60		/* and of each ancestor's: the rest is in the JSON */

struct log {
	const char *path;
	const char *reading;		/* the file of it that is read */
	const char *run, *service, *verdicts;	/* NULL: any */
	bool follow, json;
	const struct term_style *style;
	bool to_terminal;
	char today[sizeof("2027-03-31")];
	char **hinted;			/* rules that a hint was given for */
	size_t hinted_count;
	uint64_t line;			/* number in the file */
	uint64_t shown;
	bool run_seen;
	bool broken;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* --- one record --------------------------------------------------------------------------- */

static void append(struct text *out, const char *utf8)
{
	text_printable(out, utf8, strlen(utf8));
}

/* An argument as a shell would want it, more or less: to be read, not to be pasted. */
static void append_argument(struct text *out, const char *arg, size_t size)
{
	bool quoted = !size || memchr(arg, ' ', size);

	text_append_string(out, quoted ? "'" : "");
	text_printable(out, arg, size);
	text_append_string(out, quoted ? "'" : "");
}

static void append_args(struct text *out, const json_t *args, size_t max)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg) {
		size_t size = json_string_length(arg), kept;

		if (!json_is_string(arg))
			continue;
		text_append_string(out, i ? " " : "");
		kept = text_cut(json_string_value(arg), size, max);
		append_argument(out, json_string_value(arg), kept);
		if (kept < size || (max - kept < 2 && i + 1 < json_array_size(args))) {
			text_append_string(out, "…");
			break;
		}
		max -= kept + 1;
	}
}

/* "curl -fsSL https://... [812]"; @name where the arguments are not known. */
static void append_process(struct text *out, const json_t *args, const char *name, uint64_t pid,
			   size_t max)
{
	if (json_array_size(args))
		append_args(out, args, max);
	else
		append(out, name);
	text_append_format(out, " [%" PRIu64 "]", pid);
}

static void append_ancestors(struct text *out, const struct audit_line *line)
{
	const json_t *ancestor;
	size_t i;

	json_array_foreach(line->ancestors, i, ancestor) {
		const char *name = json_string_value(json_object_get(ancestor, "executable"));

		text_append_string(out, " < ");
		append_process(out, json_object_get(ancestor, "args"), name ? name : "?",
			       json_integer_value(json_object_get(ancestor, "pid")),
			       ANCESTOR_ARGS_SHOWN);
	}
	if (line->deeper)
		text_append_string(out, " < …");
	else if (line->incomplete)
		text_append_string(out, " < (not known)");
}

/* "deny github (mysql.yaml:12)", or why it was judged without a rule. */
static void append_rule_name(struct text *out, const struct audit_line *line)
{
	if (*line->rule_id) {
		append(out, *line->rule ? line->rule : "number");
		text_append_string(out, " (");
		append(out, line->rule_id);
		text_append_string(out, ")");
	} else {
		append(out, line->reason);
	}
}

static void append_rule(struct text *out, const struct audit_line *line)
{
	append_rule_name(out, line);
	if (*line->why) {
		text_append_string(out, ": ");
		append(out, line->why);
	}
}

/* "14:23:55.123", and the day before it when it was not today (UTC, as everything in the log). */
static void append_time(struct text *out, const struct log *log, const struct audit_line *line)
{
	struct text stamp = { 0 };
	const char *t = line->timestamp;

	if (strlen(t) >= sizeof("2027-03-31T14:23:55.123") - 1 && t[10] == 'T') {
		if (strncmp(t, log->today, 10)) {
			text_printable(&stamp, t, 10);
			text_append_string(&stamp, " ");
		}
		text_printable(&stamp, t + 11, 12);
	} else {
		append(&stamp, t);
	}
	text_append_string(out, log->style->dim);
	text_append(out, stamp.data, stamp.size);
	text_append_string(out, log->style->reset);
	out->failed |= stamp.failed;
	text_free(&stamp);
}

static void append_verdict(struct text *out, const struct log *log, const struct audit_line *line)
{
	const struct term_style *style = log->style;
	const char *word = "ALLOW", *color = style->good;

	if (!strcmp(line->verdict, "deny")) {
		word = line->enforced ? "DENY" : "WOULD DENY";
		color = line->enforced ? style->bad : style->warn;
	} else if (!strcmp(line->verdict, "audit")) {
		word = "AUDIT";
		color = style->warn;
	}
	text_append_format(out, " %s%-10s%s ", color, word, style->reset);
}

/* Is it the first time that this rule is to be explained? */
static bool needs_hint(struct log *log, const struct audit_line *line)
{
	const char *rule = *line->rule_id ? line->rule_id : line->reason;
	char **hinted;

	if (strcmp(line->category, "network") || strcmp(line->verdict, "deny") || !line->enforced)
		return false;
	for (size_t i = 0; i < log->hinted_count; i++)
		if (!strcmp(log->hinted[i], rule))
			return false;
	hinted = reallocarray(log->hinted, log->hinted_count + 1, sizeof(*hinted));
	if (!hinted)
		return true;
	log->hinted = hinted;
	hinted[log->hinted_count] = strdup(rule);
	log->hinted_count += hinted[log->hinted_count] != NULL;
	return true;
}

/* What a program prints about an errno reads as if the network were down. */
static void append_hint(struct text *out, const struct log *log, const struct audit_line *line)
{
	text_append_format(out, "    %shint: ", log->style->dim);
	append(out, *line->err ? line->err : "the error");
	text_append_string(out, " is not a network fault: denied by ");
	text_append_string(out, *line->rule_id ? "rule " : "the policy: ");
	append_rule_name(out, line);
	text_append_format(out, "%s\n", log->style->reset);
}

/* That a run begins or is over, and which. */
static void append_note(struct text *out, const struct log *log, const struct audit_line *line)
{
	const struct term_style *style = log->style;

	text_append_format(out, " %s%-10s%s ", style->bold, "RUN", style->reset);
	audit_line_object(out, line);
	text_append_format(out, "  %s", style->dim);
	append(out, line->run);
	if (*line->tag)
		text_append_string(out, " of ");
	append(out, line->tag);
	if (!strcmp(line->mode, "audit"))
		text_append_string(out, ", audit mode");
	text_append_format(out, "%s\n", style->reset);
}

static void append_record(struct text *out, struct log *log, const struct audit_line *line)
{
	const struct term_style *style = log->style;

	if (line->lost_before)
		text_append_format(out, "%s%" PRIu64 " records were lost here%s\n", style->bad,
				   line->lost_before, style->reset);
	append_time(out, log, line);
	if (audit_line_is_note(line)) {
		append_note(out, log, line);
		return;
	}
	append_verdict(out, log, line);
	append(out, *line->err ? line->err : "-");
	text_append_format(out, " %s", style->bold);
	append(out, *line->service ? line->service : "-");
	text_append_format(out, "%s  ", style->reset);
	audit_line_object(out, line);
	if (*line->ip)			/* of a socket with a name that is told already */
		audit_line_peer(out, line);
	text_append_string(out, "  ");
	append_process(out, line->args, line->comm, line->pid, OWN_ARGS_SHOWN);
	append_ancestors(out, line);
	text_append_format(out, " %s; rule: ", style->dim);
	append_rule(out, line);
	text_append_format(out, "%s\n", style->reset);
	if (needs_hint(log, line))
		append_hint(out, log, line);
}

/* --- the file ----------------------------------------------------------------------------- */

/* Whether a word is an item of "deny,audit". */
static bool is_listed(const char *word, size_t length, const char *list)
{
	for (; *list; list += strcspn(list, ",") + (list[strcspn(list, ",")] == ','))
		if (strcspn(list, ",") == length && !strncmp(word, list, length))
			return true;
	return false;
}

static bool wanted(const struct log *log, const struct audit_line *line)
{
	return (!log->run || !strcmp(log->run, line->run)) &&
	       (!log->service || !strcmp(log->service, line->service)) &&
	       (!log->verdicts || (is_listed(line->verdict, strlen(line->verdict), log->verdicts) &&
				   !audit_line_is_note(line)));
}

/* Shows a line without its newline. Returns 0, -EPIPE and the like, or -ENOMEM. */
static int show_line(struct log *log, const char *text, size_t size)
{
	struct audit_line line;
	struct text out = { 0 };
	int r = 0;

	log->line++;
	if (!size)
		return 0;
	if (audit_line_parse(text, size, &line) < 0) {
		fprintf(stderr, "ringfence log: %s:%" PRIu64 ": not a record; skipped\n", log->reading,
			log->line);
		log->broken = true;
		return 0;
	}
	log->run_seen |= log->run && !strcmp(log->run, line.run);
	if (wanted(log, &line)) {
		log->shown++;
		if (!log->json)
			append_record(&out, log, &line);
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

/* Shows the lines of @in up to its end as it is now. Keeps half a line in @rest for the next time,
 * since it is being written. */
static int show_lines(struct log *log, FILE *in, struct text *rest)
{
	char buf[65536];
	size_t size;
	int r = 0;

	clearerr(in);
	while (r >= 0 && (size = fread(buf, 1, sizeof(buf), in)) > 0) {
		const char *at = buf, *end = buf + size, *newline;

		while (r >= 0 && (newline = memchr(at, '\n', end - at))) {
			text_append(rest, at, newline - at);
			r = rest->failed ? -ENOMEM : show_line(log, rest->data, rest->size);
			rest->size = 0;
			at = newline + 1;
		}
		text_append(rest, at, end - at);
	}
	if (r >= 0 && ferror(in))
		r = -EIO;
	if (r >= 0 && fflush(stdout))
		r = -errno;
	return r;
}

/* What @rest holds has no end: it is shown if it is whole, and broken if it is not. */
static int show_rest(struct log *log, struct text *rest)
{
	int r = rest->size ? show_line(log, rest->data, rest->size) : 0;

	rest->size = 0;
	log->line = 0;
	return r;
}

/* Shows a file that was rotated away: nothing comes to it any more. */
static int show_rotated(struct log *log, const char *path, struct text *rest)
{
	FILE *in = fopen(path, "re");
	int r;

	if (!in)
		return errno == ENOENT ? 0 : -errno;	/* removed as too old since it was found */
	log->reading = path;
	r = show_lines(log, in, rest);
	if (r >= 0)
		r = show_rest(log, rest);
	fclose(in);
	log->reading = log->path;
	return r;
}

/* --- following ---------------------------------------------------------------------------- */

/* Wakes up when the file grows or another one takes its place. */
struct watch {
	int fd;				/* inotify, or -1: then the time-out alone */
	int file;			/* watch descriptor */
};

static void watch_file(struct watch *watch, const char *path)
{
	if (watch->fd < 0)
		return;
	if (watch->file >= 0)
		inotify_rm_watch(watch->fd, watch->file);
	watch->file = inotify_add_watch(watch->fd, path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
}

static void watch_begin(struct watch *watch, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, slash == path ? 1 : slash - path) : strdup(".");

	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->file = -1;
	if (watch->fd >= 0 && folder)
		inotify_add_watch(watch->fd, folder, IN_CREATE | IN_MOVED_TO);
	free(folder);
	watch_file(watch, path);
}

/* Waits for a change, an interrupt, or the reader of our output to go away. Returns 0 or -EPIPE. */
static int watch_wait(const struct watch *watch, const sigset_t *unblocked)
{
	struct timespec timeout = { .tv_nsec = FOLLOW_MS % 1000 * 1000000L,
				    .tv_sec = FOLLOW_MS / 1000 };
	/* Without events asked for, poll still tells POLLERR: the read end of a pipe is closed. */
	struct pollfd fds[] = { { .fd = STDOUT_FILENO }, { .fd = watch->fd, .events = POLLIN } };
	char events[4096];

	if (ppoll(fds, 2, &timeout, unblocked) < 0)
		return 0;
	if (fds[0].revents & (POLLERR | POLLHUP))
		return -EPIPE;
	while (watch->fd >= 0 && read(watch->fd, events, sizeof(events)) > 0)
		;
	return 0;
}

/* Is the file at the path another one than @in, or shorter than what was read of it? */
static bool is_rotated(const struct log *log, FILE *in, bool *ret_truncated)
{
	struct stat now, open_one;

	if (stat(log->path, &now) < 0 || fstat(fileno(in), &open_one) < 0)
		return false;
	*ret_truncated = now.st_dev == open_one.st_dev && now.st_ino == open_one.st_ino;
	return !*ret_truncated || (S_ISREG(now.st_mode) && ftello(in) > now.st_size);
}

/* Shows those of @files that were rotated away after @in was. */
static int show_between(struct log *log, FILE *in, const struct log_files *files, struct text *rest)
{
	struct stat st, read_one;
	size_t i = files->count;
	int r = 0;

	if (fstat(fileno(in), &read_one))
		return 0;
	while (i && (stat(files->rotated[i - 1], &st) || st.st_dev != read_one.st_dev ||
		     st.st_ino != read_one.st_ino))
		i--;
	if (!i)
		return 0;		/* it has another name, or none: who knows which came next */
	for (; r >= 0 && i < files->count; i++)
		r = show_rotated(log, files->rotated[i], rest);
	return r;
}

/* Goes on with what took the place of *in, after what *in still had: a line may have come between its
 * end, as it was seen, and its renaming. */
static int rotate(struct log *log, FILE **in, struct text *rest, struct watch *watch,
		  bool truncated)
{
	struct log_files files;
	int r = 0;

	if (truncated) {
		rewind(*in);
		return show_rest(log, rest) ?: show_lines(log, *in, rest);
	}
	/* Gone again already: the next look will tell. */
	if (log_files_open(log->path, 0, &files))
		return 0;
	if (files.last) {
		watch_file(watch, log->path);
		r = show_lines(log, *in, rest) ?: show_rest(log, rest) ?: show_between(log, *in, &files, rest);
		fclose(*in);
		*in = files.last;
		files.last = NULL;
	}
	log_files_close(&files);
	return r < 0 ? r : show_lines(log, *in, rest);
}

static int follow(struct log *log, FILE **in, struct text *rest)
{
	sigset_t blocked, unblocked;
	struct watch watch;
	bool truncated;
	int r = 0;

	/* Interrupts are let in only while waiting, so that none slips in just before. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	sigdelset(&unblocked, SIGINT);
	sigdelset(&unblocked, SIGTERM);
	watch_begin(&watch, log->path);
	while (r >= 0 && !interrupted) {
		r = show_lines(log, *in, rest);
		if (r >= 0 && is_rotated(log, *in, &truncated))
			r = rotate(log, in, rest, &watch, truncated);
		if (r >= 0)
			r = watch_wait(&watch, &unblocked);
	}
	if (watch.fd >= 0)
		close(watch.fd);
	return r;
}

/* --- the verb ----------------------------------------------------------------------------- */

static const struct verb_option options[] = {
	{ 'r', "run", "RUN", "only this run, such as 20270331-142355-9f03ac" },
	{ 's', "service", "SERVICE", "only this service of the policy" },
	{ 'v', "verdict", "VERDICT", "only allow, audit or deny; or several: deny,audit" },
	{ 'f', "follow", NULL, "go on as the log grows and is rotated, until interrupted" },
	{ 'j', "json", NULL, "the records as they are, JSON lines" },
	{},
};

const struct verb log_verb = {
	.name = "log",
	.arguments = "[OPTION]... [FILE]",
	.help = "Shows the audit log, one line per record, times in UTC. FILE is " PATH_LOG "\n"
		"unless it is named. What was rotated away from it is shown before it.\n\n"
		"Exit status: 0; 1 when the log or the run is not there, or a line of it is no record.",
	.options = options,
	.colored = true,
};

static bool are_verdicts(const char *list)
{
	bool good = *list;

	for (;;) {
		size_t length = strcspn(list, ",");

		good &= is_listed(list, length, "allow,audit,deny");
		if (!list[length])
			return good;
		list += length + 1;
	}
}

static int parse_option(struct log *log, int id)
{
	switch (id) {
	case 'r':
		log->run = optarg;
		return 0;
	case 's':
		log->service = optarg;
		return 0;
	case 'v':
		log->verdicts = optarg;
		return are_verdicts(optarg) ? 0 :
			verb_misused(&log_verb, "--verdict %s: expected allow, audit or deny, or several "
				     "with commas between", optarg);
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
	uint64_t run;
	int id;

	optind = 0;			/* begin anew: the tests call this more than once */
	while ((id = verb_next(&log_verb, argc, argv)) != VERB_END)
		if (parse_option(log, id))
			return -EINVAL;
	if (argc - optind > 1)
		return verb_misused(&log_verb, "one file at a time: %s", argv[optind + 1]);
	if (optind < argc)
		log->path = argv[optind];
	if (log->run && !run_id_parse(log->run, &run))
		return verb_misused(&log_verb, "\"%s\" is not the name of a run; they look like "
				    "20270331-142355-9f03ac", log->run);
	return 0;
}

/* What there is to say at the end, and the exit code. */
static int conclude(const struct log *log, int r)
{
	/* Whoever read our output has seen enough. */
	if (r == -EPIPE)
		return EXIT_SUCCESS;
	if (r < 0) {
		fprintf(stderr, "ringfence log: %s: %s\n", log->path, strerror(-r));
		return EXIT_FAILURE;
	}
	if (log->run && !log->run_seen && !log->follow) {
		fprintf(stderr, "ringfence log: no run %s in %s\n", log->run, log->path);
		return EXIT_FAILURE;
	}
	if (!log->shown)
		fputs("no records\n", stderr);
	return log->broken ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int show_files(struct log *log, struct log_files *files, struct text *rest)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < files->count; i++)
		r = show_rotated(log, files->rotated[i], rest);
	if (r >= 0 && files->last && log->follow)
		r = follow(log, &files->last, rest);
	else if (r >= 0 && files->last)
		r = show_lines(log, files->last, rest) ?: show_rest(log, rest);
	if (r >= 0 && fflush(stdout))
		r = -errno;
	return r;
}

static int show_log(struct log *log)
{
	struct text rest = { 0 };
	struct log_files files;
	uint64_t run = 0;
	int r;

	if (log->run)
		run_id_parse(log->run, &run);
	r = log_files_open(log->path, log_files_since(run), &files);
	if (r < 0) {
		fprintf(stderr, "ringfence log: %s: %s%s\n", log->path, strerror(-r),
			r == -ENOENT && !strcmp(log->path, PATH_LOG) ?
			"; a run without the daemon writes ./ringfence-RUN.jsonl: name that file" :
			"");
		return EXIT_FAILURE;
	}
	log->reading = log->path;
	r = show_files(log, &files, &rest);
	log_files_close(&files);
	text_free(&rest);
	return conclude(log, r);
}

int log_main(int argc, char **argv)
{
	struct log log = { .path = PATH_LOG };
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
	code = show_log(&log);
	for (size_t i = 0; i < log.hinted_count; i++)
		free(log.hinted[i]);
	free(log.hinted);
	return code;
}
