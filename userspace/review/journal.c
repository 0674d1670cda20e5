/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../audit/log_files.h"
#include "../audit/log_unpack.h"
#include "../base/lines.h"
#include "../base/text.h"
#include "journal_files.h"

#define BUFFER_SIZE (256 * 1024)
#define PROGRESS_MS 250			/* between two updates, and before the first */

/* How audit_json.c begins what it says of a run. Inside of a string a quote has a backslash before it, so
 * that no process can have such a text in its line. */
#define RUN_MARK "\"ringfence\":{\"run\":\""
#define RUN_MARK_SIZE (sizeof(RUN_MARK) - 1)

/* And with what it ends; lines end with it. */
#define LOST_MARK "\"lost_before\":"
#define LOST_MARK_SIZE (sizeof(LOST_MARK) - 1)
#define LOST_TAIL (LOST_MARK_SIZE + 20 + 2)	/* with digits and braces */

/* What the daemon writes lines of, in a run of its own that no deploy is: near their beginning. */
#define LIVENESS_MARK "\"action\":\"liveness\""
#define REFUSED_MARK "\"action\":\"run\""
#define ACTION_HEAD 256

struct reader {
	struct journal_options options;
	int (*take)(struct reader *reader, const char *line, size_t size);
	int (*each)(void *ctx, const struct audit_line *line);
	void *ctx;
	struct journal_counts counts;
	struct lines lines;
	bool run_seen;
	uint64_t lost_since;		/* after the last line of the run */
	char newest[RUN_NAME_SIZE];
	struct journal_files files;
	struct timespec begun, shown;
	bool progress, progress_shown;
};

/* --- progress ----------------------------------------------------------------------------- */

static double seconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) + (now.tv_nsec - then->tv_nsec) / 1e9;
}

static void show_progress(struct reader *reader)
{
	uint64_t percent = reader->files.total ? 100 * reader->counts.bytes / reader->files.total : 0;

	if (!reader->progress || seconds_since(&reader->shown) < PROGRESS_MS / 1e3)
		return;
	clock_gettime(CLOCK_MONOTONIC, &reader->shown);
	reader->progress_shown = true;
	fprintf(stderr, "\rringfence: read %" PRIu64 " %% of the log, %.0f records per second\033[K",
		percent < 100 ? percent : 100, reader->counts.records / seconds_since(&reader->begun));
	fflush(stderr);
}

static void begin_progress(struct reader *reader)
{
	reader->progress = reader->options.progress && isatty(STDERR_FILENO);
	clock_gettime(CLOCK_MONOTONIC, &reader->begun);
	reader->shown = reader->begun;
}

static void end_progress(const struct reader *reader)
{
	if (reader->progress_shown)
		fputs("\r\033[K", stderr);
}

/* --- one line ----------------------------------------------------------------------------- */

/* What a line says of the run it is of, without being parsed; NULL where that cannot be told so. */
static const char *run_of(const char *line, size_t size)
{
	const char *mark = memmem(line, size, RUN_MARK, RUN_MARK_SIZE);
	const char *run = mark ? mark + RUN_MARK_SIZE : NULL;

	return run && line + size - run >= RUN_NAME_SIZE && run[RUN_NAME_SIZE - 1] == '"' ? run : NULL;
}

/* Its lost_before, likewise. */
static uint64_t lost_of(const char *line, size_t size)
{
	const char *tail = size > LOST_TAIL ? line + size - LOST_TAIL : line, *end = line + size;
	const char *at = memmem(tail, end - tail, LOST_MARK, LOST_MARK_SIZE);
	uint64_t lost = 0;

	for (at = at ? at + LOST_MARK_SIZE : end; at < end && *at >= '0' && *at <= '9'; at++)
		lost = 10 * lost + (*at - '0');
	return lost;
}

static bool has_action(const char *line, size_t size, const char *mark)
{
	return memmem(line, size < ACTION_HEAD ? size : ACTION_HEAD, mark, strlen(mark));
}

static bool is_whole(const char *line, size_t size)
{
	return size > 1 && line[0] == '{' && line[size - 1] == '}';
}

/* Counts a line that could not be read as a record. */
static void count_other(struct reader *reader, const char *line, size_t size)
{
	json_t *root = json_loadb(line, size, 0, NULL);

	if (json_is_object(json_object_get(root, "ringfence")))
		reader->counts.newer++;
	else if (!root && size && (line[0] == '{' || (size > 1 && !memcmp(line + size - 2, "}}", 2))))
		reader->counts.torn++;
	else
		reader->counts.foreign++;
	json_decref(root);
}

/* Parses a line, once more without what is no UTF-8 where that is what is wrong with it. Returns 0,
 * -EBADMSG or -ENOMEM. */
static int parse(struct reader *reader, const char *text, size_t size, struct audit_line *ret_line)
{
	struct text clean = { 0 };
	int err = audit_line_parse(text, size, ret_line);

	if (!err)
		return err;
	if (text_clean(&clean, text, size) & TEXT_NOT_UTF8) {
		reader->counts.not_utf8++;
		err = clean.failed ? -ENOMEM : audit_line_parse(clean.data, clean.size, ret_line);
	}
	if (err == -EBADMSG)
		count_other(reader, clean.failed ? text : clean.data, clean.failed ? size : clean.size);
	text_free(&clean);
	return err;
}

static bool is_wanted(const struct reader *reader, const char *run)
{
	return !reader->options.run || !strncmp(run, reader->options.run, RUN_NAME_SIZE - 1);
}

static void count_record(struct reader *reader, bool wanted, uint64_t lost)
{
	reader->counts.records++;
	if (wanted) {
		reader->counts.lost += reader->lost_since + lost;
		reader->lost_since = 0;
		reader->run_seen = true;
	} else if (reader->run_seen) {
		reader->lost_since += lost;
	}
}

static int take_parsed(struct reader *reader, const char *text, size_t size)
{
	struct audit_line line;
	int err = parse(reader, text, size, &line);
	bool wanted;

	if (err)
		return err == -EBADMSG ? 0 : err;
	wanted = !reader->options.run || !strcmp(line.run, reader->options.run);
	count_record(reader, wanted, line.lost_before);
	if (wanted || (reader->options.liveness && has_action(text, size, LIVENESS_MARK)))
		err = reader->each(reader->ctx, &line);
	audit_line_free(&line);
	return err;
}

/* There may be many lines of other runs, and parsing is what costs. What does not say of which run it is
 * where ours do may have gone through other hands, and is parsed. */
static int take_line(struct reader *reader, const char *line, size_t size)
{
	const char *run = run_of(line, size);

	if (!run)
		return take_parsed(reader, line, size);
	if (!is_wanted(reader, run) && reader->options.liveness && has_action(line, size, LIVENESS_MARK))
		return take_parsed(reader, line, size);
	if (!is_wanted(reader, run)) {
		if (is_whole(line, size))
			count_record(reader, false, lost_of(line, size));
		else
			reader->counts.torn++;
		return 0;
	}
	if (reader->options.known && reader->options.known(reader->ctx, line, size)) {
		count_record(reader, true, lost_of(line, size));
		return 0;
	}
	return take_parsed(reader, line, size);
}

static int take_newest(struct reader *reader, const char *line, size_t size)
{
	const char *run = run_of(line, size);
	char name[RUN_NAME_SIZE];
	uint64_t id;

	if (!run)
		return take_parsed(reader, line, size);
	if (strncmp(run, reader->newest, RUN_NAME_SIZE - 1) <= 0 || has_action(line, size, LIVENESS_MARK) ||
	    has_action(line, size, REFUSED_MARK))
		return 0;
	memcpy(name, run, RUN_NAME_SIZE - 1);
	name[RUN_NAME_SIZE - 1] = 0;
	if (run_id_parse(name, &id) && id)
		memcpy(reader->newest, name, sizeof(name));
	return 0;
}

/* --- files -------------------------------------------------------------------------------- */

/* Takes a line, or says of one that is too long that it is none of ours. The last one may have no end: it is
 * being written, or was cut. */
static int take_whole(void *ctx, const char *line, size_t size, bool ended)
{
	struct reader *reader = ctx;

	(void)ended;
	reader->counts.lines++;
	if (size <= LINES_MAX)
		return reader->take(reader, line, size);
	reader->counts.foreign++;
	return 0;
}

/* Tells of a file that cannot be read. Returns 0 where the others are read all the same. */
static int cannot_read(struct reader *reader, const char *path, int err)
{
	if (!reader->options.unread || err == -ENOMEM)
		return err;
	reader->options.unread(reader->options.unread_ctx, path, err);
	return 0;
}

/* What is missing from a file that was cut is no reason to leave the others out. */
static int end_of(struct reader *reader, const char *path, int err)
{
	if (err != -EBADMSG)
		return err ? cannot_read(reader, path, err) : 0;
	reader->counts.damaged++;
	if (reader->options.unread)
		reader->options.unread(reader->options.unread_ctx, path, err);
	return 0;
}

static int read_all(struct reader *reader, const char *path, FILE *in, char *buffer)
{
	ssize_t size = 0;
	int err = 0;

	while (!err && (size = log_unpack_read(in, buffer, BUFFER_SIZE)) > 0) {
		err = lines_take(&reader->lines, buffer, size);
		reader->counts.bytes += size;
		show_progress(reader);
	}
	err = err ?: lines_end(&reader->lines);
	return err ?: end_of(reader, path, (int)size);
}

static int read_file(struct reader *reader, const char *path, FILE *in, char *buffer)
{
	struct stat st;
	int err = 1;

	/* What is unpacked has no descriptor, and does not change. */
	if (!fstat(fileno(in), &st) || !stat(path, &st))
		err = journal_files_take(&reader->files, &st);
	if (err <= 0)
		return err;
	reader->counts.files++;
	return read_all(reader, path, in, buffer);
}

static int read_files(struct reader *reader, const char *path, struct log_files *files, char *buffer)
{
	int err = 0;

	for (size_t i = 0; !err && i < files->count; i++) {
		FILE *in = log_files_open_rotated(files->rotated[i]);

		if (in)
			err = read_file(reader, files->rotated[i], in, buffer);
		else if (errno != ENOENT)	/* removed as too old since it was found */
			err = cannot_read(reader, files->rotated[i], -errno);
		if (in)
			fclose(in);
	}
	if (!err && files->last)
		err = read_file(reader, path, files->last, buffer);
	return err;
}

static time_t since(const char *run)
{
	uint64_t id;

	return run && run_id_parse(run, &id) ? log_files_since(id) : 0;
}

static int read_log(struct reader *reader, const char *path, char *buffer)
{
	struct log_files files;
	int err;

	reader->counts.reading = path;
	err = log_files_open(path, since(reader->options.run), &files);
	if (err)
		return cannot_read(reader, path, err);
	err = read_files(reader, path, &files, buffer);
	log_files_close(&files);
	return err;
}

static int read_logs(struct reader *reader, const char *const *paths, size_t count)
{
	char *buffer = malloc(BUFFER_SIZE);
	int err = buffer ? journal_files_order(paths, count, since(reader->options.run), &reader->files) : -ENOMEM;

	reader->lines = (struct lines){ .each = take_whole, .ctx = reader };
	begin_progress(reader);
	for (size_t i = 0; !err && i < reader->files.count; i++)
		err = read_log(reader, reader->files.logs[i].path, buffer);
	end_progress(reader);
	text_free(&reader->lines.rest);
	journal_files_free(&reader->files);
	free(buffer);
	return err;
}

int journal_read(const char *const *paths, size_t count, const struct journal_options *options,
		 int (*each)(void *ctx, const struct audit_line *line), void *ctx,
		 struct journal_counts *ret_counts)
{
	struct reader reader = { .options = *options, .take = take_line, .each = each, .ctx = ctx };
	int err = read_logs(&reader, paths, count);

	*ret_counts = reader.counts;
	return err;
}

/* A line that went through other hands. */
static int newest_of(void *ctx, const struct audit_line *line)
{
	struct reader *reader = ctx;
	uint64_t id;

	if (!strcmp(line->action, "liveness") || !strcmp(line->action, "run"))
		return 0;
	if (strcmp(line->run, reader->newest) > 0 && run_id_parse(line->run, &id) && id)
		strcpy(reader->newest, line->run);
	return 0;
}

int journal_newest_run(const char *const *paths, size_t count, char ret_run[RUN_NAME_SIZE],
		       struct journal_counts *ret_counts)
{
	struct reader reader = { .options = { .progress = true }, .take = take_newest, .each = newest_of };
	int err;

	reader.ctx = &reader;
	err = read_logs(&reader, paths, count);
	*ret_counts = reader.counts;
	if (!err && !*reader.newest)
		err = -ENODATA;
	if (!err)
		strcpy(ret_run, reader.newest);
	return err;
}

static int check_log(const char *path, void (*unread)(void *ctx, const char *path, int err), void *ctx)
{
	struct log_files files = { 0 };
	int fault, err;

	if (journal_files_is_stream(path))
		err = access(path, R_OK) ? -errno : 0;
	else
		err = log_files_open(path, 0, &files);
	if (err) {
		unread(ctx, path, err);
		return err;
	}
	for (size_t i = 0; i < files.count; i++) {
		fault = access(files.rotated[i], R_OK) && errno != ENOENT ? -errno : 0;
		if (fault)
			unread(ctx, files.rotated[i], fault);
		err = err ?: fault;
	}
	log_files_close(&files);
	return err;
}

int journal_check(const char *const *paths, size_t count, void (*unread)(void *ctx, const char *path, int err),
		  void *ctx)
{
	int fault, err = 0;

	for (size_t i = 0; i < count; i++) {
		fault = check_log(paths[i], unread, ctx);
		err = err ?: fault;
	}
	return err;
}
