/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts by service, from a log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/audit/services.h"

#define BOOT "0f0e0d0c-0b0a-0908-0706-050403020100"

static char folder[64], path[128];
static FILE *log_file;
static struct services services;

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/audit.jsonl", folder);
	log_file = fopen(path, "w");
	return log_file ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_line(int second, const char *boot, const char *argument, const char *verdict)
{
	fprintf(log_file, "{\"@timestamp\":\"2027-03-31T14:23:%02d.000000000Z\",\"event\":{\"kind\":\"event\"},"
		"\"process\":{\"args\":[\"%s\"]},\"ringfence\":{\"run\":\"20270331-142355-9f03ac\",%s,"
		"\"boot_id\":\"%s\",\"seq\":1,\"lost_before\":0}}\n", second, argument, verdict, boot);
}

#define DENIED(service) \
	"\"service\":\"" service "\",\"verdict\":\"deny\",\"errno\":\"EPERM\",\"enforced\":true,\"mode\":\"enforce\""
#define WOULD_DENY(service) \
	"\"service\":\"" service "\",\"verdict\":\"deny\",\"errno\":\"EPERM\",\"enforced\":false,\"mode\":\"audit\""
#define AUDITED(service) \
	"\"service\":\"" service "\",\"verdict\":\"audit\",\"enforced\":false,\"mode\":\"audit\""
#define NO_SERVICE "\"verdict\":\"deny\",\"errno\":\"EPERM\",\"enforced\":true,\"mode\":\"enforce\""
#define NOTICE	   "\"verdict\":\"audit\",\"reason\":\"whether the fence holds\",\"act\":\"x\""

static void count(void)
{
	assert_int_equal(fclose(log_file), 0);
	assert_int_equal(services_count(path, BOOT, &services), 0);
}

static void assert_service(size_t i, const char *name, enum service_count kind, uint64_t times)
{
	assert_true(i < services.count);
	assert_string_equal(services.list[i].name, name);
	assert_int_equal(services.list[i].counts[kind], times);
}

static void counts_by_service(void **state)
{
	(void)state;
	write_line(1, BOOT, "x", DENIED("github"));
	write_line(2, BOOT, "x", WOULD_DENY("mirror"));
	write_line(3, BOOT, "x", DENIED("github"));
	write_line(4, BOOT, "x", AUDITED("github"));
	write_line(5, BOOT, "x", NO_SERVICE);
	count();
	assert_int_equal(services.count, 3);
	assert_service(0, "github", SERVICE_DENIED, 2);
	assert_service(0, "github", SERVICE_AUDITED, 1);
	assert_service(0, "github", SERVICE_WOULD_DENY, 0);
	assert_service(1, "mirror", SERVICE_WOULD_DENY, 1);
	assert_service(2, "", SERVICE_DENIED, 1);
}

/* Since the first line that counts: not one of another boot, nor one that tells about the fence. */
/* A run that begins names services, and was not allowed any. */
static void counts_no_notes(void **state)
{
	(void)state;
	fprintf(log_file, "{\"@timestamp\":\"2027-03-31T14:23:01.000000000Z\",\"event\":{\"action\":\"run-begin\"},"
		"\"ringfence\":{\"verdict\":\"allow\",\"mode\":\"enforce\",\"begin\":{\"named\":[{\"service\":\"github\"}]},"
		"\"boot_id\":\"" BOOT "\",\"seq\":1,\"lost_before\":0}}\n");
	write_line(2, BOOT, "\\\"action\\\":\\\"run-x", DENIED("mirror"));
	count();
	assert_int_equal(services.count, 1);
	assert_service(0, "mirror", SERVICE_DENIED, 1);
}

static void says_since_when(void **state)
{
	(void)state;
	write_line(1, "another", "x", DENIED("github"));
	write_line(2, BOOT, "x", NOTICE);
	write_line(3, BOOT, "x", DENIED("github"));
	write_line(4, BOOT, "x", DENIED("github"));
	count();
	assert_int_equal(services.count, 1);
	assert_service(0, "github", SERVICE_DENIED, 2);
	assert_string_equal(services.since, "2027-03-31T14:23:03.000000000Z");
}

/* As audit_json.c has it, a process's quotes have a backslash. */
static void is_not_misled_by_arguments(void **state)
{
	(void)state;
	write_line(1, BOOT, "\\\"service\\\":\\\"mirror\\\",\\\"verdict\\\":\\\"allow\\\"", DENIED("github"));
	write_line(2, "another", "\\\"boot_id\\\":\\\"" BOOT "\\\"", DENIED("github"));
	count();
	assert_int_equal(services.count, 1);
	assert_service(0, "github", SERVICE_DENIED, 1);
}

static void counts_what_was_rotated_away(void **state)
{
	char rotated[160];

	(void)state;
	snprintf(rotated, sizeof(rotated), "%s/audit-20270331-142355-123.jsonl", folder);
	write_line(1, BOOT, "x", DENIED("github"));
	assert_int_equal(fclose(log_file), 0);
	assert_int_equal(rename(path, rotated), 0);
	log_file = fopen(path, "w");
	write_line(2, BOOT, "x", DENIED("github"));
	count();
	unlink(rotated);
	assert_service(0, "github", SERVICE_DENIED, 2);
	assert_string_equal(services.since, "2027-03-31T14:23:01.000000000Z");
}

static void counts_the_end_of_a_long_log(void **state)
{
	static char filler[1 << 20];

	(void)state;
	memset(filler, 'x', sizeof(filler) - 1);
	write_line(1, BOOT, "x", DENIED("old"));
	for (int i = 0; i < SERVICES_BYTES / (int)sizeof(filler) + 1; i++)
		write_line(2, "another", filler, DENIED("filler"));
	write_line(3, BOOT, "x", DENIED("github"));
	count();
	assert_int_equal(services.count, 1);
	assert_service(0, "github", SERVICE_DENIED, 1);
	assert_string_equal(services.since, "2027-03-31T14:23:03.000000000Z");
}

static void counts_the_rest_as_one(void **state)
{
	char verdict[256];

	(void)state;
	for (int i = 0; i < SERVICES_MAX + 10; i++) {
		snprintf(verdict, sizeof(verdict), "\"service\":\"s%d\",\"verdict\":\"allow\",\"mode\":\"audit\"", i);
		write_line(1, BOOT, "x", verdict);
	}
	count();
	assert_int_equal(services.count, SERVICES_MAX);
	assert_service(SERVICES_MAX - 1, "(others)", SERVICE_ALLOWED, 11);
}

static void no_log_is_no_fault(void **state)
{
	(void)state;
	count();
	assert_int_equal(services.count, 0);
	assert_string_equal(services.since, "");
	assert_int_equal(services_count("/nowhere/at/all", BOOT, &services), 0);
	assert_int_equal(services.count, 0);
	assert_true(services_count("/", BOOT, &services) < 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_by_service),
		TEST(counts_no_notes),
		TEST(says_since_when),
		TEST(is_not_misled_by_arguments),
		TEST(counts_what_was_rotated_away),
		TEST(counts_the_end_of_a_long_log),
		TEST(counts_the_rest_as_one),
		TEST(no_log_is_no_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
