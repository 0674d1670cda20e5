/* SPDX-License-Identifier: BSD-2-Clause */
/* A log and what was rotated away from it: names, reading across them, removing, room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "packed.h"
#include "userspace/audit/log_files.h"
#include "userspace/runs/run_id.h"

static char folder[64], path[128];

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/audit.jsonl", folder);
	return 0;
}

static int finish(void **state)
{
	char pattern[96];
	glob_t found = {};

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/*", folder);
	if (!glob(pattern, 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			remove(found.gl_pathv[i]);
	globfree(&found);
	return rmdir(folder);
}

static const char *in_folder(const char *name)
{
	static char full[256];

	snprintf(full, sizeof(full), "%s/%s", folder, name);
	return full;
}

static void put(const char *name, const char *text)
{
	FILE *out = fopen(in_folder(name), "we");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static char text[65536];

static int collect(void *ctx, const char *line, size_t size)
{
	(void)ctx;
	assert_int_equal(strlen(line), size);
	strcat(text, line);
	return 0;
}

static const char *read_part(struct log_part part)
{
	text[0] = 0;
	assert_int_equal(log_files_read(path, part, collect, NULL), 0);
	return text;
}

static void reads_in_order(void **state)
{
	(void)state;
	put("audit.jsonl", "6\n7");
	put("audit-20270331-142355-124.jsonl", "4\n5\n");
	put("audit-20270331-142355-123.jsonl", "2\n3\n");
	put("audit-20261231-235959.jsonl", "1\n");	/* as logrotate names it */
	assert_string_equal(read_part((struct log_part){ 0 }), "1\n2\n3\n4\n5\n6\n7");
}

/* As logrotate has it with "compress": all but the last one, it may be. */
static void reads_what_was_compressed(void **state)
{
	(void)state;
	put("audit-20270331-142355.jsonl", "1\n2\n");
	put("audit-20270331-142355-124.jsonl", "3\n4");
	put("audit-20270401-142355.jsonl", "5\n");
	put("audit.jsonl", "6\n");
	pack(in_folder("audit-20270331-142355.jsonl"));
	pack(in_folder("audit-20270331-142355-124.jsonl"));
	assert_string_equal(read_part((struct log_part){ 0 }), "3\n41\n2\n5\n6\n");
	/* By its own name, with nothing that was rotated away from it. */
	strcpy(path, in_folder("audit-20270331-142355.jsonl.gz"));
	assert_string_equal(read_part((struct log_part){ 0 }), "1\n2\n");
}

/* While gzip is at it both names are there; and a name that was found may be gone when it is opened. */
static void reads_what_is_being_compressed_once(void **state)
{
	struct log_files files;
	char line[8] = "";
	FILE *in;

	(void)state;
	put("audit-20270331-142355-123.jsonl", "1\n2\n");
	put("audit.jsonl", "3\n");
	pack_beside(in_folder("audit-20270331-142355-123.jsonl"));
	tear(in_folder("audit-20270331-142355-123.jsonl"), 12);
	assert_string_equal(read_part((struct log_part){ 0 }), "1\n2\n3\n");
	assert_int_equal(log_files_open(path, 0, &files), 0);
	assert_int_equal(files.count, 1);
	pack(in_folder("audit-20270331-142355-123.jsonl"));
	in = log_files_open_rotated(files.rotated[0]);
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	assert_string_equal(line, "1\n");
	fclose(in);
	log_files_close(&files);
	/* Neither is older than a time when it is not. */
	assert_string_equal(read_part((struct log_part){ .since = 1 }), "1\n2\n3\n");
}

static void reads_the_end_of_what_was_compressed(void **state)
{
	(void)state;
	put("audit-20270331-142355-123.jsonl", "first\nsecond\n");
	put("audit-20270331-142355-124.jsonl", "third\nfourth\n");
	put("audit.jsonl", "fifth\n");
	pack(in_folder("audit-20270331-142355-123.jsonl"));
	pack(in_folder("audit-20270331-142355-124.jsonl"));
	assert_string_equal(read_part((struct log_part){ .tail = 6 }), "fifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 13 }), "fourth\nfifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 19 }), "third\nfourth\nfifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 30 }), "second\nthird\nfourth\nfifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 1000 }),
			    "first\nsecond\nthird\nfourth\nfifth\n");
}

/* Where a file was cut, what its last bytes say of its size is nothing. */
static void reads_the_end_of_what_was_cut(void **state)
{
	(void)state;
	put("audit-20270331-142355-123.jsonl", "first\nsecond\n");
	put("audit-20270331-142355-124.jsonl", "third\nfourth\n");
	put("audit.jsonl", "");
	pack(in_folder("audit-20270331-142355-124.jsonl"));
	pack_a_head(in_folder("audit-20270331-142355-124.jsonl"), false);
	assert_string_equal(read_part((struct log_part){ .tail = 7 }), "fourth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 20 }), "second\nthird\nfourth\n");
	/* Nothing of it is left. */
	pack_a_head(in_folder("audit-20270331-142355-124.jsonl"), true);
	assert_string_equal(read_part((struct log_part){ .tail = 7 }), "second\n");
}

/* A line without an end, of any length, takes no memory and is no line. */
static void leaves_out_endless_lines(void **state)
{
	FILE *out;

	(void)state;
	put("audit.jsonl", "1\n");
	out = fopen(path, "ae");
	for (int i = 0; i < 3 * 1024 * 1024; i++)
		putc('x', out);
	fputs("\n2\n", out);
	fclose(out);
	assert_string_equal(read_part((struct log_part){ 0 }), "1\n2\n");
}

static void leaves_others_alone(void **state)
{
	static const char *const others[] = {
		"audit.jsonl.1", "audit.jsonl.new", "audit-2027.jsonl", "audit-20270331-142355-123.json",
		"audit-20270331-142355-123.jsonl.xz", "audit-20270331-142355-12x.jsonl", "audit.jsonl.gz",
		"audit-20270331-142355.gz",
		"audit-20270331-142355-1234.jsonl", "audit-20270331x142355.jsonl", "audit.jsonl-20270331-142355",
		"my-audit-20270331-142355.jsonl", "audit--20270331-142355.jsonl",
	};

	(void)state;
	put("audit.jsonl", "own\n");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		put(others[i], "others\n");
	assert_string_equal(read_part((struct log_part){ 0 }), "own\n");
	log_files_prune(path, 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_int_equal(access(in_folder(others[i]), F_OK), 0);
}

static void reads_from_the_end(void **state)
{
	(void)state;
	put("audit-20270331-142355-123.jsonl", "first\nsecond\n");
	put("audit-20270331-142355-124.jsonl", "third\nfourth\n");
	put("audit.jsonl", "fifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 1 }), "");
	assert_string_equal(read_part((struct log_part){ .tail = 6 }), "fifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 12 }), "fifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 13 }), "fourth\nfifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 19 }), "third\nfourth\nfifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 30 }), "second\nthird\nfourth\nfifth\n");
	assert_string_equal(read_part((struct log_part){ .tail = 1000 }),
			    "first\nsecond\nthird\nfourth\nfifth\n");
}

static void leaves_out_what_is_older(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	uint64_t run = 10 * 24 * 3600ULL << RUN_RANDOM_BITS;

	(void)state;
	put("audit-20270331-142355-123.jsonl", "old\n");
	put("audit-20270331-142355-124.jsonl", "new\n");
	put("audit.jsonl", "now\n");
	assert_int_equal(utimensat(AT_FDCWD, in_folder("audit-20270331-142355-123.jsonl"), old, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_string_equal(read_part((struct log_part){ .since = 1001 }), "new\nnow\n");
	assert_string_equal(read_part((struct log_part){ .since = 1000 }), "old\nnew\nnow\n");
	assert_int_equal(log_files_since(run), 9 * 24 * 3600);
	assert_int_equal(log_files_since(5), 0);
}

/* What is rotated while the log is read is read once: the file that was opened first is that one. */
static void no_line_twice_or_never(void **state)
{
	struct log_files files;

	(void)state;
	put("audit.jsonl", "now\n");
	assert_int_equal(link(path, in_folder("audit-20270331-142355-123.jsonl")), 0);
	assert_string_equal(read_part((struct log_part){ 0 }), "now\n");
	/* The written one may be away for a moment, where somebody renames it. */
	unlink(path);
	assert_string_equal(read_part((struct log_part){ 0 }), "now\n");
	assert_int_equal(log_files_open(path, 0, &files), 0);
	assert_null(files.last);
	log_files_close(&files);
	unlink(in_folder("audit-20270331-142355-123.jsonl"));
	assert_int_equal(log_files_open(path, 0, &files), -ENOENT);
}

static void names_go_up(void **state)
{
	char name[PATH_MAX], before[PATH_MAX] = "";

	(void)state;
	put("audit.jsonl", "");
	for (int i = 0; i < 50; i++) {
		assert_int_equal(log_files_name(path, name), 0);
		assert_true(strcmp(name, before) > 0);
		assert_int_not_equal(access(name, F_OK), 0);
		put(strrchr(name, '/') + 1, "");
		strcpy(before, name);
	}
	/* Also where the clock was set back, and from one second to the next. */
	put("audit-29991231-235959-999.jsonl", "");
	assert_int_equal(log_files_name(path, name), 0);
	assert_string_equal(strrchr(name, '/'), "/audit-30000101-000000-000.jsonl");
}

static void removes_the_oldest(void **state)
{
	(void)state;
	put("audit.jsonl", "5\n");
	put("audit-20270331-142355-121.jsonl", "1\n");
	put("audit-20270331-142355-122.jsonl", "2\n");
	put("audit-20270331-142355-123.jsonl", "3\n");
	put("audit-20270401-000000-000.jsonl", "4\n");
	log_files_prune(path, 0);
	assert_string_equal(read_part((struct log_part){ 0 }), "1\n2\n3\n4\n5\n");
	pack(in_folder("audit-20270331-142355-121.jsonl"));
	pack(in_folder("audit-20270331-142355-122.jsonl"));
	log_files_prune(path, 3);
	assert_string_equal(read_part((struct log_part){ 0 }), "2\n3\n4\n5\n");
	pack_beside(in_folder("audit-20270331-142355-123.jsonl"));
	log_files_prune(path, 1);
	assert_string_equal(read_part((struct log_part){ 0 }), "4\n5\n");
	assert_int_not_equal(access(packed_name(in_folder("audit-20270331-142355-123.jsonl")), F_OK), 0);
}

/* In a mount name space of its own, a file system of 64 KiB that is filled. */
static void look_at_a_full_one(void)
{
	char bytes[4096] = "";
	int fd;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=256k"))
		_exit(77);
	put("audit.jsonl", "line\n");
	if (log_files_writable(path))
		_exit(1);
	fd = open(in_folder("filler"), O_WRONLY | O_CREAT, 0600);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	if (truncate(path, 5))		/* what was reserved goes back */
		_exit(2);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	_exit(log_files_writable(path) == -ENOSPC ? 0 : 3);
}

static void tells_whether_there_is_room(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(log_files_writable(path), -ENOENT);
	put("audit.jsonl", "line\n");
	assert_int_equal(log_files_writable(path), 0);
	assert_string_equal(read_part((struct log_part){ 0 }), "line\n");
	assert_int_equal(log_files_writable(folder), -EISDIR);
	pid = fork();
	if (!pid)
		look_at_a_full_one();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
	const struct CMUnitTest tests[] = {
		TEST(reads_in_order),
		TEST(reads_what_was_compressed),
		TEST(reads_what_is_being_compressed_once),
		TEST(reads_the_end_of_what_was_compressed),
		TEST(reads_the_end_of_what_was_cut),
		TEST(leaves_out_endless_lines),
		TEST(leaves_others_alone),
		TEST(reads_from_the_end),
		TEST(leaves_out_what_is_older),
		TEST(no_line_twice_or_never),
		TEST(names_go_up),
		TEST(removes_the_oldest),
		TEST(tells_whether_there_is_room),
	};

	return cmocka_run_group_tests_name("log_files", tests, NULL, NULL);
}
