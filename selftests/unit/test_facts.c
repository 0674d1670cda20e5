/* SPDX-License-Identifier: BSD-2-Clause */
/* What a launcher gathers about a command, and how it comes to another process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/runs/facts.h"

#define SCRIPT "#!/bin/sh\necho github\n"

static char folder[64], before[PATH_MAX], own_path[2 * PATH_MAX];

static void write_file(const char *name, const void *bytes, size_t size, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static int begin(void **state)
{
	char found[PATH_MAX];

	(void)state;
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!getcwd(before, sizeof(before)) || !mkdtemp(folder) || chdir(folder) || !realpath(folder, found))
		return -1;
	snprintf(own_path, sizeof(own_path), "%s/bin:/usr/bin:/bin", found);
	setenv("PATH", own_path, 1);
	mkdir("bin", 0755);
	write_file("deploy", SCRIPT, sizeof(SCRIPT) - 1, 0755);
	write_file("plain", "echo\n", 5, 0644);
	write_file("bin/tool", SCRIPT, sizeof(SCRIPT) - 1, 0755);
	write_file("bin/dash", "\x7f" "ELF\0\0", 6, 0755);
	write_file("program", "\x7f" "ELF\0\0", 6, 0755);
	return mkfifo("pipe", 0644);
}

static int finish(void **state)
{
	static const char *const names[] = { "deploy", "plain", "bin/tool", "bin/dash", "program", "pipe" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	rmdir("bin");
	return chdir(before) || rmdir(folder) ? -1 : 0;
}

static char *none[] = { NULL };

/* Gathers what there is to know of a command; @expected: its script's name, or NULL. */
static void assert_script(char *const argv[], const char *expected)
{
	char real[PATH_MAX];
	struct facts facts;

	assert_int_equal(facts_gather(argv, none, &facts), 0);
	if (expected) {
		assert_non_null(realpath(expected, real));
		assert_int_equal(facts.script.size, strlen(real));
		assert_memory_equal(facts.script.data, real, facts.script.size);
		assert_true(facts.lines.size > 0);
	} else {
		assert_int_equal(facts.script.size, 0);
		assert_int_equal(facts.lines.size, 0);
	}
	facts_free(&facts);
}
#define SCRIPT_OF(expected, ...) assert_script((char *[]){ __VA_ARGS__, NULL }, expected)

static void finds_the_script(void **state)
{
	(void)state;
	SCRIPT_OF("deploy", "./deploy", "--fast");
	SCRIPT_OF("bin/tool", "tool");
	SCRIPT_OF("deploy", "sh", "deploy");
	SCRIPT_OF("plain", "sh", "-eu", "plain", "deploy");
	SCRIPT_OF("plain", "bash", "-o", "pipefail", "+x", "./plain");
	SCRIPT_OF("plain", "dash", "plain");
	SCRIPT_OF("plain", "/usr/bin/python3.11", "-W", "error", "plain");
	SCRIPT_OF("deploy", "timeout", "60", "./deploy");
	SCRIPT_OF("plain", "env", "-i", "A=b", "sh", "plain");
	SCRIPT_OF("plain", "nice", "./program", "plain");
}

static void finds_no_script(void **state)
{
	(void)state;
	SCRIPT_OF(NULL, "./program", "deploy");
	SCRIPT_OF(NULL, "sh", "-c", "plain");
	SCRIPT_OF(NULL, "bash", "-ec", "plain");
	SCRIPT_OF(NULL, "python3", "-m", "plain");
	SCRIPT_OF(NULL, "sh", "pipe");		/* it would wait */
	SCRIPT_OF(NULL, "sh", "/dev/zero");
	SCRIPT_OF(NULL, "sh", "bin");
	SCRIPT_OF(NULL, "sh", "program");
	SCRIPT_OF(NULL, "sh");
	SCRIPT_OF(NULL, "showme", "plain");	/* no version of sh */
	SCRIPT_OF(NULL, "not-there");
	SCRIPT_OF(NULL, "./not-there");
	SCRIPT_OF(NULL, "");
}

static void reads_so_much_of_it(void **state)
{
	char *large = malloc(2 * FACTS_SCRIPT_MAX), *argv[] = { "sh", "plain", NULL };
	struct facts facts;

	(void)state;
	memset(large, 'x', 2 * FACTS_SCRIPT_MAX);
	write_file("plain", large, 2 * FACTS_SCRIPT_MAX, 0644);
	assert_int_equal(facts_gather(argv, none, &facts), 0);
	assert_int_equal(facts.lines.size, FACTS_SCRIPT_MAX);
	facts_free(&facts);
	free(large);
}

static void cuts_the_command(void **state)
{
	char *large = calloc(1, 2 * FACTS_COMMAND_MAX), *argv[] = { "true", large, "more", NULL };
	struct facts facts;

	(void)state;
	memset(large, 'x', 2 * FACTS_COMMAND_MAX - 1);
	assert_int_equal(facts_gather(argv, none, &facts), 0);
	assert_int_equal(facts.command.size, FACTS_COMMAND_MAX);
	assert_int_equal(facts.command.data[FACTS_COMMAND_MAX - 1], 'x');
	assert_string_equal(facts.command.data, "true");
	facts_free(&facts);
	free(large);
}

static void assert_same(const struct text *a, const struct text *b)
{
	assert_int_equal(a->size, b->size);
	if (a->size)
		assert_memory_equal(a->data, b->data, a->size);
}

static void packs_and_unpacks(void **state)
{
	char *argv[] = { "./deploy", "a b", NULL }, *environment[] = { "A=1", "B=", NULL };
	struct facts facts, copy;
	int fd;

	(void)state;
	assert_int_equal(facts_gather(argv, environment, &facts), 0);
	assert_int_equal(facts.environment.size, 7);
	fd = facts_pack(&facts);
	assert_true(fd >= 0);
	assert_int_equal(facts_unpack(fd, &copy), 0);
	assert_same(&copy.command, &facts.command);
	assert_same(&copy.environment, &facts.environment);
	assert_same(&copy.directory, &facts.directory);
	assert_same(&copy.script, &facts.script);
	assert_same(&copy.lines, &facts.lines);
	facts_free(&copy);
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
	facts_free(&facts);
}

/* Whoever sends one may make it as it likes. */
static void refuses_what_is_not_packed(void **state)
{
	static const struct {
		uint32_t sizes[5];
		size_t more;
		bool sealed;
		int err;
	} cases[] = {
		{ { 0 }, 0, true, 0 },
		{ { 1, 2, 3, 4, 5 }, 15, true, 0 },
		{ { 1, 2, 3, 4, 5 }, 15, false, -EBADMSG },
		{ { 1, 2, 3, 4, 5 }, 14, true, -EBADMSG },
		{ { 1, 2, 3, 4, 5 }, 16, true, -EBADMSG },
		{ { FACTS_COMMAND_MAX + 1 }, FACTS_COMMAND_MAX + 1, true, -EBADMSG },
		{ { UINT32_MAX, UINT32_MAX }, 15, true, -EBADMSG },
	};
	struct facts facts;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, cases[i].sizes, sizeof(cases[i].sizes)), (ssize_t)sizeof(cases[i].sizes));
		assert_int_equal(ftruncate(fd, sizeof(cases[i].sizes) + cases[i].more), 0);
		if (cases[i].sealed)
			assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW |
					       F_SEAL_SEAL), 0);
		assert_int_equal(facts_unpack(fd, &facts), cases[i].err);
		if (!cases[i].err)
			facts_free(&facts);
		close(fd);
	}
	fd = open("pipe", O_RDWR | O_CLOEXEC);
	assert_int_equal(facts_unpack(fd, &facts), -EBADMSG);
	close(fd);
	fd = open("plain", O_RDONLY | O_CLOEXEC);
	assert_int_equal(facts_unpack(fd, &facts), -EBADMSG);
	close(fd);
	assert_int_equal(facts_unpack(-1, &facts), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(finds_the_script),
		TEST(finds_no_script),
		TEST(reads_so_much_of_it),
		TEST(cuts_the_command),
		TEST(packs_and_unpacks),
		TEST(refuses_what_is_not_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
