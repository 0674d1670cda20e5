/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of one run, out of a log of many. The log is written by audit.c, as in life.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "records.h"
#include "userspace/audit/audit.h"
#include "userspace/audit/run_log.h"

#define OTHER_RUN (TEST_RUN + 1)

static char folder[64], from[128], to[128];

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(from, sizeof(from), "%s/audit.jsonl", folder);
	snprintf(to, sizeof(to), "%s/run.jsonl", folder);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	unlink(from);
	unlink(to);
	return rmdir(folder);
}

static const struct ruleset *no_ruleset(void *ctx, uint32_t policy, uint64_t generation)
{
	(void)ctx;
	(void)policy;
	(void)generation;
	return NULL;
}

/* A line of each run in turn; the processes of the other run go by the name and arguments of a line of
 * this one. */
static void write_log(unsigned int lines)
{
	char text[256] = "/bin/x\0x\0", name[RUN_NAME_SIZE];
	struct audit_config config = { .path = from, .ruleset = no_ruleset, .fresh = true };
	struct audit *audit;
	size_t size = 9;

	size += snprintf(text + size, sizeof(text) - size, "\"ringfence\":{\"run\":\"%s\"",
			 run_id_name(TEST_RUN, name)) + 1;
	assert_int_equal(audit_open(&config, &audit), 0);
	for (unsigned int i = 0; i < lines; i++) {
		struct record *record = record_exec_bytes(812, 2000, text, size);

		record->run = i % 2 ? OTHER_RUN : TEST_RUN;
		assert_int_equal(audit_take(audit, record, record->size), 0);
		record = record_decision(812, 2000);
		record->object = CLASS_FILE;
		record->hook = HOOK_FILE_OPEN;
		record->run = i % 2 ? OTHER_RUN : TEST_RUN;
		record_text(record, text + 9, size - 9);
		assert_int_equal(audit_take(audit, record, record->size), 0);
	}
	assert_int_equal(audit_close(audit), 0);
}

/* Every other line of @from, and nothing else, is in @to, from its line @skipped on. */
static void expect_copied(unsigned int skipped, unsigned int count)
{
	FILE *all = fopen(from, "re"), *some = fopen(to, "re");
	static char want[4096], has[4096];

	assert_non_null(all);
	assert_non_null(some);
	for (unsigned int i = 0; i < skipped; i++)
		assert_non_null(fgets(has, sizeof(has), some));
	for (unsigned int i = 0; i < count; i++) {
		assert_non_null(fgets(want, sizeof(want), all));
		assert_non_null(fgets(has, sizeof(has), some));
		assert_string_equal(has, want);
		assert_non_null(fgets(want, sizeof(want), all));
	}
	assert_null(fgets(has, sizeof(has), some));
	fclose(all);
	fclose(some);
}

static void copies_one_run(void **state)
{
	(void)state;
	write_log(6);
	assert_int_equal(run_log_copy(from, TEST_RUN, to), 0);
	expect_copied(0, 3);
}

/* The first half of the run was rotated away. */
static void copies_across_a_rotation(void **state)
{
	char rotated[160];

	(void)state;
	snprintf(rotated, sizeof(rotated), "%s/audit-20270331-142355-123.jsonl", folder);
	write_log(4);
	assert_int_equal(rename(from, rotated), 0);
	write_log(4);
	/* It is last written, and the run began, in the future of this host. */
	assert_int_equal(utimensat(AT_FDCWD, rotated, (const struct timespec[2]){
		{ .tv_sec = TEST_RUN >> RUN_RANDOM_BITS }, { .tv_sec = TEST_RUN >> RUN_RANDOM_BITS } }, 0), 0);
	assert_int_equal(run_log_copy(from, TEST_RUN, to), 0);
	expect_copied(2, 2);
	assert_int_equal(truncate(from, 0), 0);
	assert_int_equal(truncate(to, 0), 0);
	assert_int_equal(run_log_copy(from, TEST_RUN, to), 0);
	assert_int_equal(rename(rotated, from), 0);
	expect_copied(0, 2);
}

static void appends(void **state)
{
	(void)state;
	write_log(4);
	assert_int_equal(run_log_copy(from, TEST_RUN, to), 0);
	assert_int_equal(run_log_copy(from, TEST_RUN, to), 0);
	expect_copied(2, 2);
}

static void copies_nothing_of_an_unknown_run(void **state)
{
	struct stat st;

	(void)state;
	write_log(2);
	assert_int_equal(run_log_copy(from, TEST_RUN + 2, to), 0);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(st.st_mode & 0137, 0);
}

static void reports_what_it_cannot_do(void **state)
{
	(void)state;
	assert_int_equal(run_log_copy("/nowhere/at/all", TEST_RUN, to), -ENOENT);
	write_log(2);
	assert_int_equal(run_log_copy(from, TEST_RUN, "/nowhere/at/all"), -ENOENT);
	assert_int_equal(run_log_copy(from, TEST_RUN, "/dev/full"), -ENOSPC);
	/* What can be opened and not be read is not the end of it. */
	assert_int_equal(run_log_copy(folder, TEST_RUN, to), -EISDIR);
}

static void takes_regular_files_only(void **state)
{
	(void)state;
	assert_int_equal(run_log_check(to), 0);
	assert_int_equal(access(to, F_OK), 0);
	assert_int_equal(run_log_check(folder), -EINVAL);
	assert_int_equal(run_log_check("/dev/null"), -EINVAL);
	assert_int_equal(run_log_check("/nowhere/at/all"), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
	const struct CMUnitTest tests[] = {
		TEST(copies_one_run),
		TEST(copies_across_a_rotation),
		TEST(appends),
		TEST(copies_nothing_of_an_unknown_run),
		TEST(reports_what_it_cannot_do),
		TEST(takes_regular_files_only),
	};

	return cmocka_run_group_tests_name("run_log", tests, NULL, NULL);
}
