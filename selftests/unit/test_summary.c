/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <errno.h>

#include "log_lines.h"
#include "userspace/audit/summary.h"
#include "userspace/runs/run_id.h"

static char path[64];
static FILE *log_file;
static uint64_t run;

static int begin(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/ringfence-test-XXXXXX");
	fd = mkstemp(path);
	log_file = fd < 0 ? NULL : fdopen(fd, "w");
	return log_file && run_id_parse(LOG_RUN, &run) ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	fclose(log_file);
	return unlink(path);
}

static struct summary sum_up(void)
{
	struct summary summary;

	fflush(log_file);
	assert_int_equal(summary_read(path, run, &summary), 0);
	return summary;
}

/* What is printed, without the line that names the log; and the summary is done with. */
static void expect_printed(struct summary *summary, const char *expected)
{
	char *printed = NULL, *last;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	summary_print(summary, out, term_style(TERM_NEVER, out));
	fclose(out);
	last = strstr(printed, "  log: ");
	if (last) {
		assert_memory_equal(last + 7, path, strlen(path));
		*last = 0;
	}
	assert_string_equal(printed, expected);
	free(printed);
	summary_free(summary);
}

static void sums_up_what_was_denied(void **state)
{
	struct summary summary;

	(void)state;
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.verdict = "audit", .service = "mirror", .recorded = 1));
	log_write(log_file, LOG_LINE(.comm = "git", .pid = 813));
	log_write(log_file, LOG_LINE(.run = "20270331-142355-000000"));
	log_write(log_file, LOG_LINE(.service = "registry", .object = LOG_FILE("/srv/r"),
				     .rule = "mysql.yaml:14", .err = "ENOENT", .why = ""));
	summary = sum_up();
	assert_int_equal(summary.lines, 4);
	assert_int_equal(summary.counts[SUMMARY_DENIED], 3);
	assert_int_equal(summary.counts[SUMMARY_AUDITED], 1);
	assert_int_equal(summary.processes, 2);
	assert_int_equal(summary.lost, 0);
	assert_int_equal(summary.group_count, 3);
	expect_printed(&summary,
		       "ringfence: run " LOG_RUN ": 3 denied, 1 audited\n"
		       "  github  2 × 140.82.112.3:443/tcp by curl, git  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n"
		       "  registry  1 × /srv/r (write) by curl  ENOENT  "
		       "deny github (mysql.yaml:14)\n"
		       "  mirror  1 × 140.82.112.3:443/tcp by curl  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n");
}

/* There may be a great deal of it: it is counted, and its losses are, but nothing is listed. */
static void lists_nothing_that_was_allowed(void **state)
{
	struct summary summary;

	(void)state;
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.verdict = "allow", .service = "mirror", .pid = 813));
	log_write(log_file, LOG_LINE(.verdict = "allow", .service = "", .lost = 2));
	summary = sum_up();
	assert_int_equal(summary.lines, 3);
	assert_int_equal(summary.counts[SUMMARY_ALLOWED], 2);
	assert_int_equal(summary.processes, 2);
	assert_int_equal(summary.lost, 2);
	assert_int_equal(summary.group_count, 1);
	expect_printed(&summary,
		       "ringfence: run " LOG_RUN ": 1 denied, 2 allowed\n"
		       "  github  1 × 140.82.112.3:443/tcp by curl  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n"
		       "  WARNING: 2 audit records were lost: this list is not complete\n");
}

/* That a run begins and is over is nothing that it reached for. What was lost before it began was others'. */
static void counts_no_notes(void **state)
{
	struct summary summary;

	(void)state;
	log_write(log_file, LOG_LINE(.run = "20270331-142355-000000", .lost = 7));
	log_write_note(log_file, LOG_RUN, "run-begin", LOG_BEGIN, 5);
	log_write_note(log_file, "20270331-142355-000000", "run-begin", LOG_BEGIN, 1);
	log_write(log_file, LOG_LINE(0));
	log_write_note(log_file, LOG_RUN, "run-end", LOG_END, 2);
	log_write(log_file, LOG_LINE(.run = "20270331-142355-000000", .lost = 9));
	summary = sum_up();
	assert_int_equal(summary.lines, 1);
	assert_int_equal(summary.counts[SUMMARY_DENIED], 1);
	assert_int_equal(summary.counts[SUMMARY_ALLOWED], 0);
	assert_int_equal(summary.processes, 1);
	assert_int_equal(summary.group_count, 1);
	assert_int_equal(summary.lost, 3);
	summary_free(&summary);
}

static void sums_up_audit_mode(void **state)
{
	struct summary summary;

	(void)state;
	log_write(log_file, LOG_LINE(.recorded = 1));
	summary = sum_up();
	assert_int_equal(summary.counts[SUMMARY_WOULD_DENY], 1);
	expect_printed(&summary,
		       "ringfence: run " LOG_RUN ": 1 would have been denied\n"
		       "  github  1 × 140.82.112.3:443/tcp by curl  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n");
}

static void tells_rules_apart_and_denials_first(void **state)
{
	struct summary summary;

	(void)state;
	log_write(log_file, LOG_LINE(.recorded = 1));
	log_write(log_file, LOG_LINE(.rule = "mysql.yaml:20", .why = "no"));
	log_write(log_file, LOG_LINE(.rule = "mysql.yaml:12"));
	summary = sum_up();
	expect_printed(&summary,
		       "ringfence: run " LOG_RUN ": 2 denied, 1 would have been denied\n"
		       "  github  1 × 140.82.112.3:443/tcp by curl  EHOSTUNREACH  "
		       "deny github (mysql.yaml:20): no\n"
		       "  github  1 × 140.82.112.3:443/tcp by curl  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n"
		       "  github  1 × 140.82.112.3:443/tcp by curl  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n");
}

static void names_the_first_few(void **state)
{
	struct summary summary;

	(void)state;
	for (int i = 0; i < 2; i++) {
		log_write(log_file, LOG_LINE(.object = LOG_NET("10.0.0.1", "1"), .comm = "a"));
		log_write(log_file, LOG_LINE(.object = LOG_NET("10.0.0.2", "1"), .comm = "b"));
		log_write(log_file, LOG_LINE(.object = LOG_NET("10.0.0.3", "1"), .comm = "c"));
		log_write(log_file, LOG_LINE(.object = LOG_NET("2001:db8::1", "1"), .comm = "d"));
	}
	summary = sum_up();
	assert_int_equal(summary.groups[0].count, 8);
	assert_int_equal(summary.groups[0].other_objects, 2);
	expect_printed(&summary,
		       "ringfence: run " LOG_RUN ": 8 denied\n"
		       "  github  2 × 10.0.0.1:1/tcp, 2 × 10.0.0.2:1/tcp, 2 × 10.0.0.3:1/tcp, "
		       "2 × others by a, b, c, ...  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n");
}

/* Rows of a terminal that a text takes. */
static unsigned int rows_of(const char *text)
{
	unsigned int rows = 0, columns = 0;

	for (; *text; text++) {
		columns += ((unsigned char)*text & 0xc0) != 0x80 && *text != '\n';
		if (*text != '\n')
			continue;
		rows += columns ? (columns + SUMMARY_COLUMNS - 1) / SUMMARY_COLUMNS : 1;
		columns = 0;
	}
	return rows;
}

static char *printed_summary(struct summary *summary)
{
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	summary_print(summary, out, term_style(TERM_ALWAYS, out));
	fclose(out);
	/* Colours take no columns. */
	for (char *at; (at = strchr(printed, '\033'));)
		memmove(at, strchr(at, 'm') + 1, strlen(strchr(at, 'm')));
	return printed;
}

/* Forty services, ten objects of each, with names as long as names may be. */
static void fits_a_screen(void **state)
{
	char service[32], object[1024], slashes[501], *printed;
	unsigned int shown = 0, more, denied, listed = 0;
	struct summary summary;

	(void)state;
	memset(slashes, 'x', sizeof(slashes) - 1);
	slashes[sizeof(slashes) - 1] = 0;
	for (int i = 0; i < 400; i++) {
		snprintf(service, sizeof(service), "service-%d", i / 10);
		snprintf(object, sizeof(object), "\"event\":{\"category\":[\"file\"]},\"file\":{\"path\":\"/%d/%s\"}", i,
			 i % 40 < 20 ? slashes : "short");
		log_write(log_file, LOG_LINE(.service = service, .object = object, .lost = i == 7,
					     .why = i % 40 < 20 ? slashes : "short", .lineage = "incomplete"));
	}
	summary = sum_up();
	assert_int_equal(summary.group_count, 40);
	printed = printed_summary(&summary);
	if (rows_of(printed) > 24)
		fail_msg("%u rows:\n%s", rows_of(printed), printed);
	assert_true(rows_of(printed) > 12);
	for (const char *at = printed; (at = strstr(at, "\n  service-")); at++)
		shown++;
	assert_true(shown >= 2);
	assert_int_equal(sscanf(strstr(printed, "  ... and "), "  ... and %u more: %u denied", &more, &denied), 2);
	assert_int_equal(shown + more, 40);
	for (unsigned int i = 0; i < shown; i++)
		listed += (unsigned int)summary.groups[i].count;
	assert_int_equal(listed + denied, 400);
	assert_non_null(strstr(printed, "; all of it: ringfence report " LOG_RUN "\n"));
	assert_non_null(strstr(printed, "WARNING: 1 audit record was lost"));
	free(printed);
	summary_free(&summary);
}

/* What just fits is shown. */
static void shows_what_fits(void **state)
{
	struct summary summary;
	char service[32], *printed;

	(void)state;
	for (int i = 0; i < SUMMARY_ROWS / 2; i++) {
		snprintf(service, sizeof(service), "s-%d", i);
		log_write(log_file, LOG_LINE(.service = service));
	}
	summary = sum_up();
	printed = printed_summary(&summary);
	assert_int_equal(rows_of(printed), 1 + SUMMARY_ROWS + 1);
	assert_null(strstr(printed, "more"));
	free(printed);
	summary_free(&summary);
	log_write(log_file, LOG_LINE(.service = "last", .verdict = "audit"));
	summary = sum_up();
	printed = printed_summary(&summary);
	assert_non_null(strstr(printed, "\n  ... and 1 more: 1 audited; all of it: ringfence report " LOG_RUN "\n"));
	assert_null(strstr(printed, " last "));
	free(printed);
	summary_free(&summary);
}

/* That a run began and is over is in the log, and is no access. */
static void leaves_out_begin_and_end(void **state)
{
	struct summary summary;

	(void)state;
	log_write(log_file, LOG_LINE(.verdict = "allow", .object = "\"event\":{\"action\":\"run-begin\"}"));
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.verdict = "allow", .object = "\"event\":{\"action\":\"run-end\"}"));
	summary = sum_up();
	assert_int_equal(summary.lines, 1);
	assert_int_equal(summary.counts[SUMMARY_ALLOWED], 0);
	assert_int_equal(summary.counts[SUMMARY_DENIED], 1);
	summary_free(&summary);
}

static void says_that_nothing_was_denied(void **state)
{
	struct summary summary = sum_up();

	(void)state;
	assert_int_equal(summary.lines, 0);
	expect_printed(&summary, "ringfence: run " LOG_RUN ": nothing denied\n");
	log_write(log_file, LOG_LINE(.verdict = "audit"));
	summary = sum_up();
	expect_printed(&summary,
		       "ringfence: run " LOG_RUN ": nothing denied, 1 audited\n"
		       "  github  1 × 140.82.112.3:443/tcp by curl  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n");
}

static void says_what_is_missing(void **state)
{
	struct summary summary;

	(void)state;
	/* Before the run: not its own. Then its own, another run's in between, and after it. */
	log_write(log_file, LOG_LINE(.run = "20270331-142355-000000", .lost = 100));
	log_write(log_file, LOG_LINE(.lost = 1, .lineage = "incomplete"));
	log_write(log_file, LOG_LINE(.run = "20270331-142355-000000", .lost = 2));
	fputs("{\"@timestamp\n", log_file);
	log_write(log_file, LOG_LINE(.lost = 4));
	log_write(log_file, LOG_LINE(.run = "20270331-142355-000000", .lost = 8));
	summary = sum_up();
	assert_int_equal(summary.lost, 7);
	assert_int_equal(summary.incomplete, 1);
	assert_int_equal(summary.broken, 1);
	expect_printed(&summary,
		       "ringfence: run " LOG_RUN ": 2 denied\n"
		       "  github  2 × 140.82.112.3:443/tcp by curl  EHOSTUNREACH  "
		       "deny github (mysql.yaml:12): GitHub is down\n"
		       "  WARNING: 7 audit records were lost: this list is not complete\n"
		       "  WARNING: 1 line of the log could not be read\n"
		       "  note: the ancestors of 1 of 2 records are not all known\n");
}

static void prints_nothing_a_terminal_obeys(void **state)
{
	struct summary summary;
	char *printed = NULL;
	size_t size;
	FILE *out = open_memstream(&printed, &size);

	(void)state;
	log_write(log_file, LOG_LINE(.service = "\\u001b[2J", .comm = "\\u009b", .why = "\\r",
				     .err = "\\u001b", .rule = "\\u001b",
				     .object = LOG_FILE("/\\u001b]0;x\\u0007\xe2\x80\xae")));
	summary = sum_up();
	summary_print(&summary, out, term_style(TERM_NEVER, out));
	fclose(out);
	summary_free(&summary);
	for (size_t i = 0; i < size; i++)
		assert_true(printed[i] == '\n' || (unsigned char)printed[i] >= 0x20);
	assert_null(strstr(printed, "\xc2\x9b"));
	assert_null(strstr(printed, "\xe2\x80\xae"));
	free(printed);
}

static void reports_a_file_that_is_not_there(void **state)
{
	struct summary summary = { .lines = 42 };

	(void)state;
	assert_int_equal(summary_read("/nowhere/at/all", run, &summary), -ENOENT);
	assert_int_equal(summary_read("/tmp", run, &summary), -EISDIR);
	assert_int_equal(summary.lines, 42);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sums_up_what_was_denied),
		TEST(lists_nothing_that_was_allowed),
		TEST(counts_no_notes),
		TEST(sums_up_audit_mode),
		TEST(tells_rules_apart_and_denials_first),
		TEST(names_the_first_few),
		TEST(fits_a_screen),
		TEST(shows_what_fits),
		TEST(leaves_out_begin_and_end),
		TEST(says_that_nothing_was_denied),
		TEST(says_what_is_missing),
		TEST(prints_nothing_a_terminal_obeys),
		TEST(reports_a_file_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
