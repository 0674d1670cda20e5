/* SPDX-License-Identifier: BSD-2-Clause */
/* A log that may hold anything -> its records, and counts of what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "log_lines.h"
#include "packed.h"
#include "records.h"
#include "userspace/audit/audit.h"
#include "userspace/audit/log_unpack.h"
#include "userspace/review/journal.h"
#include "userspace/review/journal_files.h"

#define OTHER_RUN "20270331-142355-000000"
#define LATER_RUN "20270401-080000-000001"
#define MUTATIONS 4000

static char folder[64], path[128];
static FILE *log_file;

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/audit.jsonl", folder);
	log_file = fopen(path, "w+e");
	return log_file ? 0 : -1;
}

static int finish(void **state)
{
	char pattern[96];
	glob_t found = {};

	(void)state;
	fclose(log_file);
	snprintf(pattern, sizeof(pattern), "%s/*", folder);
	if (!glob(pattern, 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
	globfree(&found);
	return rmdir(folder);
}

/* --- reading ------------------------------------------------------------------------------ */

struct seen {
	unsigned int records;
	int stop_at, stop_with;
	char names[256];		/* of the processes, one after the other */
};

static int see(void *ctx, const struct audit_line *line)
{
	struct seen *seen = ctx;
	size_t used = strlen(seen->names);

	seen->records++;
	snprintf(seen->names + used, sizeof(seen->names) - used, "%s ", line->comm);
	return seen->stop_at && seen->records == (unsigned int)seen->stop_at ? seen->stop_with : 0;
}

static struct journal_counts read_run(const char *run, struct seen *ret_seen)
{
	const char *const paths[] = { path };
	struct journal_options options = { .run = run };
	struct journal_counts counts;

	*ret_seen = (struct seen){ 0 };
	fflush(log_file);
	assert_int_equal(journal_read(paths, 1, &options, see, ret_seen, &counts), 0);
	assert_int_equal(counts.records + counts.torn + counts.foreign + counts.newer, counts.lines);
	return counts;
}

static void reads_records(void **state)
{
	struct journal_counts counts;
	struct seen seen;

	(void)state;
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.comm = "git", .run = OTHER_RUN));
	log_write(log_file, LOG_LINE(.comm = "sh"));
	counts = read_run(NULL, &seen);
	assert_string_equal(seen.names, "curl git sh ");
	assert_int_equal(counts.records, 3);
	assert_int_equal(counts.files, 1);
	assert_int_equal(counts.bytes, ftell(log_file));
	counts = read_run(LOG_RUN, &seen);
	assert_string_equal(seen.names, "curl sh ");
	assert_int_equal(counts.records, 3);
}

static void reads_several_logs_and_what_was_rotated(void **state)
{
	char rotated[192], second[192];
	const char *const paths[] = { path, second };
	struct journal_options options = { 0 };
	struct journal_counts counts;
	struct seen seen = { 0 };
	FILE *out;

	(void)state;
	snprintf(rotated, sizeof(rotated), "%s/audit-20270331-142355-123.jsonl", folder);
	snprintf(second, sizeof(second), "%s/second.jsonl", folder);
	log_write(log_file, LOG_LINE(.comm = "b"));
	fflush(log_file);
	out = fopen(rotated, "we");
	log_write(out, LOG_LINE(.comm = "a"));
	fclose(out);
	out = fopen(second, "we");
	log_write(out, LOG_LINE(.comm = "c"));
	fclose(out);
	assert_int_equal(journal_read(paths, 2, &options, see, &seen, &counts), 0);
	assert_string_equal(seen.names, "a b c ");
	assert_int_equal(counts.files, 3);
	assert_int_equal(unlink(second), 0);
	assert_int_equal(journal_read(paths, 2, &options, see, &seen, &counts), -ENOENT);
	assert_string_equal(counts.reading, second);
}

/* A log in a file of that name, with one line of that process and time. */
static const char *write_log(const char *name, const char *comm, const char *time)
{
	static char names[8][192];
	static unsigned int next;
	char *written = names[next++ % 8];
	FILE *out;

	snprintf(written, sizeof(names[0]), "%s/%s", folder, name);
	out = fopen(written, "we");
	assert_non_null(out);
	log_write(out, LOG_LINE(.comm = comm, .time = time));
	fclose(out);
	return written;
}

/* Packs a file as logrotate(8) does; cut after @size bytes. */
static const char *pack_log(const char *plain, off_t size)
{
	static char packed[192];
	char bytes[4096];
	FILE *in = fopen(plain, "re");
	size_t got = fread(bytes, 1, sizeof(bytes), in);
	gzFile out;

	fclose(in);
	snprintf(packed, sizeof(packed), "%s.gz", plain);
	out = gzopen(packed, "w");
	assert_int_equal(gzwrite(out, bytes, got), got);
	gzclose(out);
	if (size)
		assert_int_equal(truncate(packed, size), 0);
	return packed;
}

/* A shell sorts names, not times. */
static void reads_the_oldest_first_whatever_they_are_called(void **state)
{
	const char *oldest = write_log("audit.jsonl.2", "a", "2027-03-29T00:00:00Z");
	const char *const paths[] = {
		path, write_log("audit.jsonl.1", "b", "2027-03-30T00:00:00Z"), pack_log(oldest, 0),
	};
	struct journal_options options = { 0 };
	struct journal_counts counts;
	struct seen seen = { 0 };

	(void)state;
	log_write(log_file, LOG_LINE(.comm = "c"));
	fflush(log_file);
	assert_int_equal(journal_read(paths, 3, &options, see, &seen, &counts), 0);
	assert_string_equal(seen.names, "a b c ");
	assert_int_equal(counts.files, 3);
	assert_int_equal(counts.foreign, 0);
}

static void reads_no_file_twice(void **state)
{
	const char *rotated = write_log("audit-20270330-000000.jsonl", "a", "2027-03-30T00:00:00Z");
	char link_name[192];
	const char *const paths[] = { path, rotated, path, link_name };
	struct journal_options options = { 0 };
	struct journal_counts counts;
	struct seen seen = { 0 };

	(void)state;
	snprintf(link_name, sizeof(link_name), "%s/link", folder);
	assert_int_equal(link(path, link_name), 0);
	log_write(log_file, LOG_LINE(.comm = "b"));
	fflush(log_file);
	assert_int_equal(journal_read(paths, 4, &options, see, &seen, &counts), 0);
	assert_string_equal(seen.names, "a b ");
}

struct unread {
	unsigned int count;
	int errs[8];
};

static void note_unread(void *ctx, const char *name, int err)
{
	struct unread *unread = ctx;

	assert_non_null(name);
	assert_true(*log_unpack_fault(err));
	unread->errs[unread->count++] = err;
}

/* One that cannot be read neither hides what the others have, nor that others cannot be read either. */
static void goes_on_with_the_others(void **state)
{
	const char *whole = write_log("whole", "a", "2027-03-29T00:00:00Z");
	const char *packed = write_log("other", "x", NULL), *cut = pack_log(whole, 40);
	const char *const paths[] = { "/nowhere/at/all", folder, packed, cut, path };
	struct unread unread = { 0 };
	struct journal_options options = { .unread = note_unread, .unread_ctx = &unread };
	struct journal_counts counts;
	struct seen seen = { 0 };
	FILE *out = fopen(packed, "we");

	(void)state;
	fputs("\x28\xb5\x2f\xfd and so on", out);
	fclose(out);
	log_write(log_file, LOG_LINE(.comm = "b"));
	fflush(log_file);
	assert_int_equal(journal_read(paths, 5, &options, see, &seen, &counts), 0);
	assert_string_equal(seen.names, "b ");
	assert_int_equal(unread.count, 4);
	assert_int_equal(unread.errs[0], -ENOENT);
	assert_int_equal(unread.errs[1], -EISDIR);
	assert_int_equal(unread.errs[2], -EMEDIUMTYPE);
	assert_int_equal(unread.errs[3], -EBADMSG);
	unread.count = 0;
	assert_int_equal(journal_check(paths, 1, note_unread, &unread), -ENOENT);
	assert_int_equal(journal_check(paths + 4, 1, note_unread, &unread), 0);
	assert_int_equal(unread.count, 1);
}

/* One of those that belong to a log without being named. */
static void tells_of_a_rotated_file_that_it_cannot_read(void **state)
{
	struct unread unread = { 0 };
	struct journal_options options = { .unread = note_unread, .unread_ctx = &unread };
	const char *const paths[] = { path };
	struct journal_counts counts;
	struct seen seen = { 0 };
	char name[192];

	(void)state;
	snprintf(name, sizeof(name), "%s/audit-20270330-000000.jsonl", folder);
	assert_int_equal(mkdir(name, 0700), 0);
	log_write(log_file, LOG_LINE(.comm = "b"));
	fflush(log_file);
	assert_int_equal(journal_read(paths, 1, &options, see, &seen, &counts), 0);
	assert_string_equal(seen.names, "b ");
	assert_int_equal(unread.count, 1);
	assert_int_equal(unread.errs[0], -EISDIR);
	options.unread = NULL;
	assert_int_equal(journal_read(paths, 1, &options, see, &seen, &counts), -EISDIR);
	assert_int_equal(rmdir(name), 0);
}

/* A pipe with a name is left alone before it is read: its writer would meet a reader that goes away. */
static void opens_a_pipe_once(void **state)
{
	struct journal_options options = { 0 };
	struct journal_files files;
	struct journal_counts counts;
	struct seen seen = { 0 };
	char pipe[192], events[4096] = "", more[16384] = "";
	const char *const paths[] = { pipe, path };
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), both, status;
	pid_t writer;

	(void)state;
	snprintf(pipe, sizeof(pipe), "%s/pipe", folder);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	both = open(pipe, O_RDWR | O_CLOEXEC);		/* so that neither opening nor reading it waits */
	assert_true(both >= 0);
	assert_int_equal(write(both, more, sizeof(more)), sizeof(more));
	assert_true(inotify_add_watch(watch, pipe, IN_OPEN) >= 0);
	assert_int_equal(journal_check(paths, 2, NULL, NULL), 0);
	assert_int_equal(journal_files_order(paths, 2, 0, &files), 0);
	journal_files_free(&files);
	assert_int_equal(read(watch, events, sizeof(events)), -1);
	assert_int_equal(errno, EAGAIN);
	close(both);
	writer = fork();
	if (!writer) {
		FILE *out = fopen(pipe, "we");

		log_write(out, LOG_LINE(.comm = "a"));
		_exit(fclose(out) ? 1 : 0);
	}
	assert_int_equal(journal_read(paths, 2, &options, see, &seen, &counts), 0);
	assert_string_equal(seen.names, "a ");
	assert_true(read(watch, events, sizeof(events)) > 0);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(status, 0);
	close(watch);
}

static void ends_as_it_is_told(void **state)
{
	const char *const paths[] = { path };
	struct journal_options options = { 0 };
	struct seen seen = { .stop_at = 2, .stop_with = -ECANCELED };
	struct journal_counts counts;

	(void)state;
	for (int i = 0; i < 3; i++)
		log_write(log_file, LOG_LINE(0));
	fflush(log_file);
	assert_int_equal(journal_read(paths, 1, &options, see, &seen, &counts), -ECANCELED);
	assert_int_equal(seen.records, 2);
	assert_int_equal(counts.records, 2);
}

static void tells_torn_foreign_and_newer_apart(void **state)
{
	struct journal_counts counts;
	struct seen seen;

	(void)state;
	fputs("{\"@timestamp\":\"2027-03-\n", log_file);
	fputs("\"errno\":\"EPERM\",\"lost_before\":0}}\n", log_file);
	fputs("\nMar 31 14:23:55 host sshd[1]: x\n{\"a\":1}\n[]\n{\"ringfence\":1}\n", log_file);
	fputs("{\"@timestamp\":\"x\",\"ringfence\":{\"run\":\"" LOG_RUN "\",\"verdict\":\"maybe\"}}\n", log_file);
	fputs("{\"ringfence\":{\"run\":\"" LOG_RUN "\",\"verdict\":\"deny\"}}\n", log_file);
	log_write(log_file, LOG_LINE(0));
	fputs("{\"@timestamp\":\"2027-03-31T14:23:55.1", log_file);
	counts = read_run(NULL, &seen);
	assert_int_equal(counts.lines, 11);
	assert_int_equal(counts.torn, 3);
	assert_int_equal(counts.foreign, 5);
	assert_int_equal(counts.newer, 2);
	assert_int_equal(seen.records, 1);
}

static void reads_a_last_line_without_an_end(void **state)
{
	struct seen seen;

	(void)state;
	log_write(log_file, LOG_LINE(0));
	fflush(log_file);
	assert_int_equal(ftruncate(fileno(log_file), ftell(log_file) - 1), 0);
	assert_int_equal(read_run(NULL, &seen).torn, 0);
	assert_int_equal(seen.records, 1);
}

static void counts_torn_lines_of_other_runs(void **state)
{
	struct journal_counts counts;
	struct seen seen;

	(void)state;
	log_write(log_file, LOG_LINE(.run = OTHER_RUN));
	fflush(log_file);
	assert_int_equal(ftruncate(fileno(log_file), ftell(log_file) - 10), 0);
	counts = read_run(LOG_RUN, &seen);
	assert_int_equal(counts.torn, 1);
	assert_int_equal(counts.records, 0);
}

static void repairs_what_is_no_utf8(void **state)
{
	struct journal_counts counts;
	struct seen seen;

	(void)state;
	log_write(log_file, LOG_LINE(.comm = "a\xff" "b"));
	log_write(log_file, LOG_LINE(.comm = "c"));
	counts = read_run(LOG_RUN, &seen);
	assert_string_equal(seen.names, "a\xef\xbf\xbd" "b c ");
	assert_int_equal(counts.not_utf8, 1);
	assert_int_equal(counts.records, 2);
}

/* As a shipper of logs may have written it anew. */
static void reads_records_whose_keys_have_another_order(void **state)
{
	struct seen seen;

	(void)state;
	fputs("{ \"ringfence\": { \"verdict\": \"deny\", \"run\": \"" LOG_RUN "\" }, "
	      "\"@timestamp\": \"x\", \"process\": {\"name\": \"a\"} }\n", log_file);
	assert_int_equal(read_run(LOG_RUN, &seen).records, 1);
	assert_int_equal(seen.records, 1);
	assert_int_equal(read_run(OTHER_RUN, &seen).records, 1);
	assert_int_equal(seen.records, 0);
}

/* A process may not make its line one of another run, nor hide it. */
static void is_not_misled_by_arguments(void **state)
{
	struct seen seen;

	(void)state;
	log_write(log_file, LOG_LINE(.args = "[\"\\\"ringfence\\\":{\\\"run\\\":\\\"" OTHER_RUN "\\\"\"]"));
	assert_int_equal(read_run(OTHER_RUN, &seen).records, 1);
	assert_int_equal(seen.records, 0);
	read_run(LOG_RUN, &seen);
	assert_int_equal(seen.records, 1);
}

static void reads_lines_across_buffers_and_skips_endless_ones(void **state)
{
	static char args[600 * 1024];
	struct journal_counts counts;
	struct seen seen;

	(void)state;
	memset(args, 'x', sizeof(args) - 1);
	memcpy(args, "[\"", 2);
	memcpy(args + sizeof(args) - 3, "\"]", 2);
	log_write(log_file, LOG_LINE(.args = args, .comm = "long"));
	/* A record that is longer than any that is written. */
	fprintf(log_file, "{\"a\":%s,\"b\":%s,\"@timestamp\":\"x\",\"ringfence\":{\"run\":\"" LOG_RUN
		"\",\"verdict\":\"deny\"}}\n", args, args);
	log_write(log_file, LOG_LINE(.comm = "next"));
	counts = read_run(NULL, &seen);
	assert_string_equal(seen.names, "long next ");
	assert_int_equal(counts.foreign, 1);
	assert_int_equal(counts.bytes, ftell(log_file));
}

/* --- compressed --------------------------------------------------------------------------- */

/* Reads the log where it was compressed under a name of its own. */
static struct journal_counts read_packed(struct seen *ret_seen)
{
	char plain[sizeof(path)];
	struct journal_counts counts;

	strcpy(plain, path);
	strcpy(path, packed_name(plain));
	counts = read_run(NULL, ret_seen);
	strcpy(path, plain);
	return counts;
}

static void reads_what_is_compressed(void **state)
{
	struct journal_counts counts;
	struct seen seen;
	long size;

	(void)state;
	for (int i = 0; i < 20; i++)
		log_write(log_file, LOG_LINE(.comm = i % 2 ? "curl" : "git"));
	size = ftell(log_file);
	fflush(log_file);
	pack(path);
	counts = read_packed(&seen);
	assert_int_equal(seen.records, 20);
	assert_int_equal(counts.bytes, size);
	assert_int_equal(counts.damaged, 0);
	assert_memory_equal(seen.names, "git curl git ", 13);
}

/* A gzip file may be several, one behind the other. */
static void reads_all_members(void **state)
{
	struct seen seen;
	char line[4096];
	size_t size;

	(void)state;
	log_write(log_file, LOG_LINE(.comm = "twice"));
	size = ftell(log_file);
	rewind(log_file);
	assert_int_equal(fread(line, 1, size, log_file), size);
	for (int i = 0; i < 2; i++) {
		gzFile out = gzopen(packed_name(path), "ab");

		assert_int_equal(gzwrite(out, line, (unsigned int)size), size);
		assert_int_equal(gzclose(out), Z_OK);
	}
	assert_int_equal(read_packed(&seen).damaged, 0);
	assert_string_equal(seen.names, "twice twice ");
}

/* Wherever it was cut: what comes before that is read, and that something is missing is told. */
static void tells_where_a_compressed_file_was_cut(void **state)
{
	struct journal_counts counts;
	struct seen seen;
	struct stat st;
	unsigned int least = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		log_write(log_file, LOG_LINE(.pid = 100 + 7 * i, .lost = i * 31 % 11));
	fflush(log_file);
	pack_beside(path);
	assert_int_equal(stat(packed_name(path), &st), 0);
	for (off_t cut = 1; cut < st.st_size - 2; cut += 5) {
		pack_beside(path);
		tear(path, cut);
		counts = read_packed(&seen);
		assert_int_equal(counts.damaged, 1);
		assert_true(seen.records <= 200);
		/* Less of it has no more. The last bytes are a check, and no records. */
		assert_true(cut == 1 ? seen.records == 200 : seen.records <= least);
		least = seen.records;
	}
	assert_int_equal(least, 0);
}

static void tells_damage_and_reads_on(void **state)
{
	const char *const paths[] = { path, path };
	struct journal_options options = { 0 };
	struct journal_counts counts;
	struct seen seen = { 0 };
	char rotated[192];
	FILE *out;

	(void)state;
	for (int i = 0; i < 200; i++)
		log_write(log_file, LOG_LINE(.pid = 100 + 7 * i, .lost = i * 31 % 11));
	fclose(log_file);
	snprintf(rotated, sizeof(rotated), "%s/audit-20270331-142355.jsonl", folder);
	assert_int_equal(rename(path, rotated), 0);
	pack(rotated);
	out = fopen(packed_name(rotated), "r+e");
	fseek(out, 300, SEEK_SET);
	fputs("no bytes of its own", out);
	fclose(out);
	log_file = fopen(path, "w+e");
	log_write(log_file, LOG_LINE(.comm = "last"));
	fflush(log_file);
	assert_int_equal(journal_read(paths, 1, &options, see, &seen, &counts), 0);
	assert_int_equal(counts.damaged, 1);
	assert_int_equal(counts.files, 2);
	assert_non_null(strstr(seen.names, "last "));
}

/* A quarter of a gigabyte in a megabyte, with no line in it, and then a record. */
static void needs_no_memory_for_what_is_in_it(void **state)
{
	static char zeros[1024 * 1024];
	struct rusage before, after;
	struct journal_counts counts;
	struct seen seen;
	char line[4096];
	size_t size;
	gzFile out;

	(void)state;
	log_write(log_file, LOG_LINE(.comm = "behind"));
	size = ftell(log_file);
	rewind(log_file);
	assert_int_equal(fread(line, 1, size, log_file), size);
	out = gzopen(packed_name(path), "wb1");
	for (int i = 0; i < 256; i++)
		assert_int_equal(gzwrite(out, zeros, sizeof(zeros)), sizeof(zeros));
	gzputs(out, "\n");
	gzwrite(out, line, (unsigned int)size);
	assert_int_equal(gzclose(out), Z_OK);
	getrusage(RUSAGE_SELF, &before);
	counts = read_packed(&seen);
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(counts.bytes, 256 * sizeof(zeros) + 1 + size);
	assert_int_equal(counts.foreign, 1);
	assert_string_equal(seen.names, "behind ");
	assert_true(after.ru_maxrss - before.ru_maxrss < 32 * 1024);	/* KiB */
}

static void sums_up_what_was_lost(void **state)
{
	struct seen seen;

	(void)state;
	log_write(log_file, LOG_LINE(.run = OTHER_RUN, .lost = 100));
	log_write(log_file, LOG_LINE(.lost = 1));
	log_write(log_file, LOG_LINE(.run = OTHER_RUN, .lost = 2));
	log_write(log_file, LOG_LINE(.lost = 4));
	log_write(log_file, LOG_LINE(.run = OTHER_RUN, .lost = 8));
	assert_int_equal(read_run(LOG_RUN, &seen).lost, 7);
	assert_int_equal(read_run(NULL, &seen).lost, 115);
}

static bool is_git(void *ctx, const char *line, size_t size)
{
	(void)ctx;
	return memmem(line, size, "\"git\"", 5);
}

static void leaves_out_what_is_known(void **state)
{
	const char *const paths[] = { path };
	struct journal_options options = { .run = LOG_RUN, .known = is_git };
	struct journal_counts counts;
	struct seen seen = { 0 };

	(void)state;
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.comm = "git", .lost = 3));
	log_write(log_file, LOG_LINE(.comm = "sh"));
	fflush(log_file);
	assert_int_equal(journal_read(paths, 1, &options, see, &seen, &counts), 0);
	assert_string_equal(seen.names, "curl sh ");
	assert_int_equal(counts.records, 3);
	assert_int_equal(counts.lost, 3);
}

static void finds_the_newest_run(void **state)
{
	const char *const paths[] = { path };
	struct journal_counts counts;
	char run[RUN_NAME_SIZE];

	(void)state;
	assert_int_equal(journal_newest_run(paths, 1, run, &counts), -ENODATA);
	log_write(log_file, LOG_LINE(.run = "19700101-000000-000000"));
	log_write(log_file, LOG_LINE(.run = "99999999-999999-zzzzzz"));
	fputs("rubbish\n", log_file);
	fflush(log_file);
	assert_int_equal(journal_newest_run(paths, 1, run, &counts), -ENODATA);
	log_write(log_file, LOG_LINE(.run = LATER_RUN));
	log_write(log_file, LOG_LINE(.run = OTHER_RUN));
	fflush(log_file);
	assert_int_equal(journal_newest_run(paths, 1, run, &counts), 0);
	assert_string_equal(run, LATER_RUN);
}

#define LIVENESS "\"event\":{\"kind\":\"alert\",\"action\":\"liveness\"}"

static void tells_the_daemons_own_lines_apart(void **state)
{
	const char *const paths[] = { path };
	struct journal_options options = { .run = LOG_RUN, .liveness = true };
	struct journal_counts counts;
	struct seen seen = { 0 };
	char run[RUN_NAME_SIZE];

	(void)state;
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.comm = "other", .run = OTHER_RUN));
	log_write(log_file, LOG_LINE(.comm = "daemon", .run = LATER_RUN, .object = LIVENESS));
	fflush(log_file);
	assert_int_equal(journal_read(paths, 1, &options, see, &seen, &counts), 0);
	assert_string_equal(seen.names, "curl daemon ");
	assert_int_equal(counts.records, 3);
	assert_int_equal(journal_newest_run(paths, 1, run, &counts), 0);
	assert_string_equal(run, LOG_RUN);
}

/* Writes the lines so far anew, as other programs write JSON. */
static void write_through_other_hands(void)
{
	struct text lines = { 0 };
	char line[4096];

	rewind(log_file);
	while (fgets(line, sizeof(line), log_file)) {
		json_t *root = json_loads(line, 0, NULL);
		char *other = json_dumps(root, 0);

		text_append_format(&lines, "%s\n", other);
		free(other);
		json_decref(root);
	}
	assert_int_equal(ftruncate(fileno(log_file), 0), 0);
	rewind(log_file);
	assert_int_equal(fwrite(lines.data, 1, lines.size, log_file), lines.size);
	fflush(log_file);
	text_free(&lines);
}

static void tells_them_apart_in_whatever_hands(void **state)
{
	const char *const paths[] = { path };
	struct journal_counts counts;
	char run[RUN_NAME_SIZE];

	(void)state;
	log_write(log_file, LOG_LINE(.run = OTHER_RUN));
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.run = LATER_RUN, .object = LIVENESS));
	log_write(log_file, LOG_LINE(.run = LATER_RUN, .object = "\"event\":{\"action\":\"run\"}"));
	fflush(log_file);
	write_through_other_hands();
	assert_int_equal(journal_newest_run(paths, 1, run, &counts), 0);
	assert_string_equal(run, LOG_RUN);
	assert_int_equal(counts.records, 4);
}

static void reports_what_it_cannot_read(void **state)
{
	const char *const nowhere[] = { "/nowhere/at/all" }, *const directory[] = { folder };
	struct journal_options options = { 0 };
	struct journal_counts counts;
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(journal_read(nowhere, 1, &options, see, &seen, &counts), -ENOENT);
	assert_int_equal(journal_read(directory, 1, &options, see, &seen, &counts), -EISDIR);
}

/* --- anything ----------------------------------------------------------------------------- */

static const struct ruleset *no_ruleset(void *ctx, uint32_t policy, uint64_t generation)
{
	(void)ctx;
	(void)policy;
	(void)generation;
	return NULL;
}

/* As in life, with all kinds of objects and bytes. */
static void write_good_log(void)
{
	struct audit_config config = { .path = path, .ruleset = no_ruleset, .fresh = true };
	static const uint8_t classes[] = { CLASS_FILE, CLASS_EXEC, CLASS_SOCKET };
	struct audit *audit;

	assert_int_equal(audit_open(&config, &audit), 0);
	for (unsigned int i = 0; i < 9; i++) {
		struct record *record = record_exec(812 + i, 2000, "/bin/x\0x\0--a=\xff\xc3\xa4\"\\\n");

		assert_int_equal(audit_take(audit, record, record->size), 0);
		record = record_decision(812 + i, 2000);
		record->object = classes[i % 3];
		record->hook = HOOK_FILE_OPEN;
		record->run = i % 4 ? TEST_RUN : TEST_RUN + 1;
		record_text(record, "/srv/\x1b]0;\xe2\x80\xae", 13);
		assert_int_equal(audit_take(audit, record, record->size), 0);
	}
	assert_int_equal(audit_close(audit), 0);
}

/* xorshift64 (Marsaglia, "Xorshift RNGs"): the same on every machine. */
static uint64_t dice(uint64_t sides)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % sides;
}

static size_t mutate(char *bytes, size_t size)
{
	for (uint64_t i = dice(8) + 1; i && size > 8; i--) {
		size_t at = dice(size - 8), length = dice(8);

		switch (dice(5)) {
		case 0:
			bytes[at] = dice(256);
			break;
		case 1:
			bytes[at] ^= 1 << dice(8);
			break;
		case 2:
			bytes[at] = '\n';
			break;
		case 3:
			memmove(bytes + at, bytes + at + length, size - at - length);
			size -= length;
			break;
		case 4:
			memset(bytes + at, 0, length);
			break;
		}
	}
	return dice(4) ? size : dice(size + 1);
}

static uint64_t count_lines(const char *bytes, size_t size)
{
	uint64_t lines = size && bytes[size - 1] != '\n';

	for (size_t i = 0; i < size; i++)
		lines += bytes[i] == '\n';
	return lines;
}

static void reads_anything(void **state)
{
	static char good[65536], bad[sizeof(good)];
	int fd = memfd_create("log", MFD_CLOEXEC);
	char name[64];
	const char *const paths[] = { name };
	uint64_t records = 0, others = 0;
	size_t size;

	(void)state;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	write_good_log();
	size = fread(good, 1, sizeof(good), log_file);
	assert_in_range(size, 4096, sizeof(good) - 1);
	for (unsigned int i = 0; i < MUTATIONS; i++) {
		struct journal_options options = { .run = i % 2 ? LOG_RUN : NULL };
		struct journal_counts counts;
		struct seen seen = { 0 };
		size_t bad_size;

		memcpy(bad, good, size);
		bad_size = i ? mutate(bad, size) : size;
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, bad, bad_size, 0), bad_size);
		assert_int_equal(journal_read(paths, 1, &options, see, &seen, &counts), 0);
		assert_int_equal(counts.lines, count_lines(bad, bad_size));
		assert_int_equal(counts.records + counts.torn + counts.foreign + counts.newer, counts.lines);
		assert_true(seen.records <= counts.records);
		assert_int_equal(counts.bytes, bad_size);
		if (!i)
			assert_int_equal(seen.records, 9);
		records += counts.records;
		others += counts.lines - counts.records;
	}
	/* Mutations break something, and not everything. */
	assert_true(others > MUTATIONS / 4);
	assert_true(records > MUTATIONS);
	close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
	const struct CMUnitTest tests[] = {
		TEST(reads_records),
		TEST(reads_several_logs_and_what_was_rotated),
		TEST(reads_the_oldest_first_whatever_they_are_called),
		TEST(reads_no_file_twice),
		TEST(goes_on_with_the_others),
		TEST(tells_of_a_rotated_file_that_it_cannot_read),
		TEST(opens_a_pipe_once),
		TEST(ends_as_it_is_told),
		TEST(tells_torn_foreign_and_newer_apart),
		TEST(reads_a_last_line_without_an_end),
		TEST(counts_torn_lines_of_other_runs),
		TEST(repairs_what_is_no_utf8),
		TEST(reads_records_whose_keys_have_another_order),
		TEST(is_not_misled_by_arguments),
		TEST(reads_lines_across_buffers_and_skips_endless_ones),
		TEST(reads_what_is_compressed),
		TEST(reads_all_members),
		TEST(tells_where_a_compressed_file_was_cut),
		TEST(tells_damage_and_reads_on),
		TEST(needs_no_memory_for_what_is_in_it),
		TEST(sums_up_what_was_lost),
		TEST(leaves_out_what_is_known),
		TEST(finds_the_newest_run),
		TEST(tells_the_daemons_own_lines_apart),
		TEST(tells_them_apart_in_whatever_hands),
		TEST(reports_what_it_cannot_read),
		TEST(reads_anything),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
