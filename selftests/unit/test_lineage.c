/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "records.h"
#include "userspace/audit/lineage.h"

static struct lineage *lineage;

static int begin(void **state)
{
	(void)state;
	return lineage_new(LINEAGE_PROCESSES_MAX, LINEAGE_BYTES_MAX, &lineage);
}

/* Whatever a test did: nothing is left when it is over. */
static int finish(void **state)
{
	(void)state;
	lineage_free(lineage);
	lineage = NULL;
	return 0;
}

static const struct lineage_process *take(const struct record *record)
{
	const struct lineage_process *process = NULL;

	assert_int_equal(lineage_take(lineage, record, &process), 0);
	return process;
}

/* @record, of the process that its run began with. */
static struct record *root(struct record *record)
{
	record->flags |= RECORD_ROOT;
	return record;
}

static const char *executable(const struct lineage_image *image)
{
	return image ? image->text : "(not known)";
}

static void remembers_what_a_parent_was(void **state)
{
	const struct lineage_process *child;

	(void)state;
	take(root(record_exec(10, 100, "/bin/sh\0sh\0deploy.sh")));
	take(record_fork(11, 110, 10, 100));
	take(root(record_exec(10, 100, "/bin/other\0other")));
	take(record_exec(11, 110, "/usr/bin/curl\0curl\0https://h"));
	child = take(record_decision(11, 110));
	assert_string_equal(executable(child->image), "/usr/bin/curl");
	assert_int_equal(child->image->arg_count, 2);
	assert_int_equal(child->ancestor_count, 1);
	assert_string_equal(executable(child->ancestors[0].image), "/bin/sh");
	assert_string_equal(executable(child->ancestors[0].image) +
			    child->ancestors[0].image->args, "sh");
	assert_false(lineage_incomplete(child));
	/* And the next child knows the parent by what it has become. */
	take(record_fork(12, 120, 10, 100));
	child = take(record_decision(12, 120));
	assert_string_equal(executable(child->ancestors[0].image), "/bin/other");
	assert_string_equal(executable(child->image), "/bin/other");
}

static void chains_three_generations(void **state)
{
	const struct lineage_process *process;

	(void)state;
	take(root(record_exec(10, 100, "/a\0a")));
	take(record_fork(11, 110, 10, 100));
	take(record_exec(11, 110, "/b\0b"));
	take(record_fork(12, 120, 11, 110));
	/* Parents go first. */
	take(record_exit(10, 100));
	take(record_exit(11, 110));
	assert_int_equal(lineage_processes(lineage), 1);
	take(record_exec(12, 120, "/c\0c"));
	process = take(record_decision(12, 120));
	assert_int_equal(process->ancestor_count, 2);
	assert_int_equal(process->ancestors[0].id.pid, 11);
	assert_string_equal(executable(process->ancestors[0].image), "/b");
	assert_int_equal(process->ancestors[1].id.pid, 10);
	assert_string_equal(executable(process->ancestors[1].image), "/a");
	assert_false(process->deeper);
	assert_false(lineage_incomplete(process));
	take(record_exit(12, 120));
	assert_int_equal(lineage_processes(lineage), 0);
	assert_int_equal(lineage_bytes(lineage), 0);
}

static void keeps_pids_apart_by_their_birth(void **state)
{
	const struct lineage_process *process;

	(void)state;
	take(root(record_exec(10, 100, "/a\0a")));
	take(record_fork(11, 110, 10, 100));
	take(record_exec(11, 110, "/first\0first"));
	/* The exit of 11 is lost; its pid comes again. */
	take(record_fork(11, 999, 10, 100));
	process = take(record_decision(11, 999));
	assert_string_equal(executable(process->image), "/a");
	assert_int_equal(lineage_processes(lineage), 2);
	/* An exit that belongs to the old one hurts nobody. */
	take(record_exit(11, 110));
	process = take(record_decision(11, 999));
	assert_string_equal(executable(process->image), "/a");
	assert_false(lineage_incomplete(process));
}

static void says_when_a_fork_was_lost(void **state)
{
	const struct lineage_process *process;
	struct record *record;

	(void)state;
	take(root(record_exec(10, 100, "/a\0a")));
	/* 11 was never heard of, but its parent is. */
	record = record_decision(11, 110);
	record->parent = (struct process_id){ .pid = 10, .start_ns = 100 };
	process = take(record);
	assert_true(lineage_incomplete(process));
	assert_null(process->image);
	assert_int_equal(process->ancestor_count, 1);
	/* Nor was 21, whose parent is unknown too. */
	record = record_exec(21, 210, "/b\0b");
	record->parent = (struct process_id){ .pid = 20, .start_ns = 200 };
	process = take(record);
	assert_true(lineage_incomplete(process));
	assert_string_equal(executable(process->image), "/b");
	assert_int_equal(process->ancestor_count, 0);
	/* The doubt is inherited. */
	take(record_fork(22, 220, 21, 210));
	process = take(record_decision(22, 220));
	assert_true(lineage_incomplete(process));
	assert_int_equal(process->ancestor_count, 1);
}

static void says_when_an_exec_was_not_readable(void **state)
{
	struct record *record = record_exec(10, 100, "/a");

	(void)state;
	assert_false(lineage_incomplete(take(root(record))));
	record->flags |= RECORD_UNREADABLE;
	assert_true(lineage_incomplete(take(record)));
}

static void knows_the_root_by_its_flag_alone(void **state)
{
	(void)state;
	/* Of one run: the first one seen, and one that says that it is the root. */
	assert_true(lineage_incomplete(take(record_exec(10, 100, "/a\0a"))));
	assert_false(lineage_incomplete(take(root(record_exec(20, 200, "/b\0b")))));
	assert_true(lineage_incomplete(take(record_exec(30, 300, "/c\0c"))));
	/* Once known it need not be said again: the launcher may end before its command. */
	assert_false(lineage_incomplete(take(record_decision(20, 200))));
}

static void hears_late_who_the_root_is(void **state)
{
	const struct lineage_process *process;

	(void)state;
	/* The exec of 10 is lost: when it forks, it may be anyone. */
	take(record_fork(11, 110, 10, 100));
	take(record_exec(11, 110, "/b\0b"));
	assert_true(lineage_incomplete(take(record_decision(11, 110))));
	assert_true(lineage_incomplete(take(root(record_decision(10, 100)))));
	assert_false(lineage_incomplete(take(root(record_exec(10, 100, "/a\0a")))));
	/* What its child took with it stays in doubt, also where that took the launcher for its
	 * parent (CLONE_PARENT), so that its records look like a root's. */
	process = take(root(record_decision(11, 110)));
	assert_true(process->gap);
	assert_int_equal(process->ancestor_count, 1);
	take(record_fork(12, 120, 10, 100));
	assert_false(lineage_incomplete(take(root(record_decision(12, 120)))));
}

static struct record *launcher_decision(uint32_t pid, uint64_t start)
{
	struct record *record = record_decision(pid, start);

	memcpy(record->comm, "ringfence", sizeof("ringfence"));
	return record;
}

static void misses_no_exec_before_the_first(void **state)
{
	const struct lineage_process *process;

	(void)state;
	/* The launcher's child opens the command, and may be refused to execute it. */
	process = take(root(launcher_decision(10, 100)));
	assert_null(process->image);
	assert_int_equal(process->ancestor_count, 0);
	assert_true(process->before_exec);
	assert_false(lineage_incomplete(process));
	process = take(root(record_exec(10, 100, "/a\0a")));
	assert_false(process->before_exec);
	assert_false(lineage_incomplete(process));
	process = take(root(launcher_decision(10, 100)));
	assert_false(process->before_exec);
	assert_string_equal(executable(process->image), "/a");
	/* Not the root, whatever it calls itself. */
	process = take(launcher_decision(20, 200));
	assert_false(process->before_exec);
	assert_true(lineage_incomplete(process));
	/* And a root of another name has executed something that is not known. */
	assert_true(lineage_incomplete(take(root(record_decision(30, 300)))));
	assert_false(lineage_incomplete(take(root(launcher_decision(40, 400)))));
	assert_true(lineage_incomplete(take(root(record_decision(40, 400)))));
}

static void keeps_sixteen_ancestors(void **state)
{
	const struct lineage_process *process = NULL;

	(void)state;
	take(root(record_exec(100, 1, "/a\0a")));
	for (uint32_t i = 1; i <= LINEAGE_DEPTH; i++)
		take(record_fork(100 + i, 1 + i, 100 + i - 1, i));
	process = take(record_decision(100 + LINEAGE_DEPTH, 1 + LINEAGE_DEPTH));
	assert_int_equal(process->ancestor_count, LINEAGE_DEPTH);
	assert_false(process->deeper);
	assert_int_equal(process->ancestors[LINEAGE_DEPTH - 1].id.pid, 100);
	process = take(record_fork(500, 500, 100 + LINEAGE_DEPTH, 1 + LINEAGE_DEPTH));
	assert_int_equal(process->ancestor_count, LINEAGE_DEPTH);
	assert_true(process->deeper);
	assert_int_equal(process->ancestors[LINEAGE_DEPTH - 1].id.pid, 101);
	assert_false(lineage_incomplete(process));
}

static void forgets_the_quietest_first(void **state)
{
	(void)state;
	lineage_free(lineage);
	assert_int_equal(lineage_new(3, LINEAGE_BYTES_MAX, &lineage), 0);
	take(root(record_exec(10, 100, "/a\0a")));
	take(record_fork(11, 110, 10, 100));
	take(record_fork(12, 120, 10, 100));
	take(record_fork(13, 130, 10, 100));
	assert_int_equal(lineage_processes(lineage), 3);
	assert_false(lineage_incomplete(take(record_decision(12, 120))));
	assert_false(lineage_incomplete(take(record_decision(10, 100))));
	assert_true(lineage_incomplete(take(record_decision(11, 110))));
}

static void limits_the_bytes_of_argv(void **state)
{
	static char text[ARGV_MAX];

	(void)state;
	lineage_free(lineage);
	assert_int_equal(lineage_new(LINEAGE_PROCESSES_MAX, 100 * 1024, &lineage), 0);
	memset(text, 'x', sizeof(text));
	for (uint32_t pid = 1; pid <= 1000; pid++)
		take(record_exec_bytes(pid, pid, text, sizeof(text)));
	assert_in_range(lineage_bytes(lineage), 50 * 1024, 100 * 1024);
	assert_in_range(lineage_processes(lineage), 20, 60);
}

static void takes_texts_of_any_shape(void **state)
{
	const struct lineage_process *process;
	struct record *record;

	(void)state;
	process = take(record_exec_bytes(10, 100, "", 0));
	assert_string_equal(executable(process->image), "");
	assert_int_equal(process->image->arg_count, 0);
	process = take(record_exec_bytes(10, 100, "/a", 2));
	assert_string_equal(executable(process->image), "/a");
	process = take(record_exec_bytes(10, 100, "/a\0", 3));
	assert_int_equal(process->image->arg_count, 0);
	process = take(record_exec_bytes(10, 100, "/a\0\0\0", 5));
	assert_int_equal(process->image->arg_count, 2);
	record = record_exec_bytes(10, 100, "/a\0a\0b", 6);
	record->flags |= RECORD_TRUNCATED;
	process = take(record);
	assert_int_equal(process->image->arg_count, 2);
	assert_true(process->image->cut);
	/* A fork from itself cannot be. */
	take(record_fork(10, 100, 10, 100));
	assert_int_equal(lineage_processes(lineage), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(remembers_what_a_parent_was),
		TEST(chains_three_generations),
		TEST(keeps_pids_apart_by_their_birth),
		TEST(says_when_a_fork_was_lost),
		TEST(says_when_an_exec_was_not_readable),
		TEST(knows_the_root_by_its_flag_alone),
		TEST(hears_late_who_the_root_is),
		TEST(misses_no_exec_before_the_first),
		TEST(keeps_sixteen_ancestors),
		TEST(forgets_the_quietest_first),
		TEST(limits_the_bytes_of_argv),
		TEST(takes_texts_of_any_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
