/* SPDX-License-Identifier: BSD-2-Clause */
/* The verb `ringfence log`, in a child of its own, its output read through pipes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_lines.h"
#include "userspace/verbs.h"

#define WAIT_MS 10000			/* nothing here takes that long */

static char path[64];
static FILE *log_file;

struct child {
	pid_t pid;
	int out, err;
};

static int begin(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/ringfence-test-XXXXXX");
	fd = mkstemp(path);
	log_file = fd < 0 ? NULL : fdopen(fd, "w");
	return log_file ? 0 : -1;
}

/* What it is rotated to, in the @n-th second. */
static const char *rotated_path(int n)
{
	static char old[128];

	snprintf(old, sizeof(old), "%s-20270331-1423%02d-000", path, n);
	return old;
}

static int finish(void **state)
{
	char old[80];

	(void)state;
	fclose(log_file);
	snprintf(old, sizeof(old), "%s.1", path);
	unlink(old);
	for (int i = 0; i < 8; i++)
		unlink(rotated_path(i));
	return unlink(path);
}

/* Writes a line of that service, and rotates the log away. */
static void write_rotated(int n, const char *service)
{
	log_write(log_file, LOG_LINE(.service = service));
	fclose(log_file);
	assert_int_equal(rename(path, rotated_path(n)), 0);
	log_file = fopen(path, "we");
	assert_non_null(log_file);
}

static struct child start(const char *const *options)
{
	const char *argv[8] = { "log" };
	int argc = 1, out[2], err[2];
	struct child child;

	fflush(log_file);
	while (*options)
		argv[argc++] = *options++;
	argv[argc++] = path;
	assert_int_equal(pipe(out) | pipe(err), 0);
	child = (struct child){ .pid = fork(), .out = out[0], .err = err[0] };
	assert_true(child.pid >= 0);
	if (!child.pid) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(out[0]);
		close(err[0]);
		exit(log_main(argc, (char **)argv));
	}
	close(out[1]);
	close(err[1]);
	return child;
}

/* Reads until the end, or until @until has been seen. */
static void read_output(int fd, char *buf, size_t size, const char *until)
{
	size_t used = strlen(buf);
	ssize_t n = 1;

	while (n > 0 && !(until && strstr(buf, until))) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

		if (poll(&poll_fd, 1, WAIT_MS) != 1)
			fail_msg("nothing more came after: %s", buf);
		n = read(fd, buf + used, size - used - 1);
		used += n > 0 ? n : 0;
		buf[used] = 0;
	}
}

static char out[65536], err[65536];

/* Waits for the end; `out` and `err` then hold what was printed. Returns the exit code. */
static int end(struct child child)
{
	int status;

	read_output(child.out, out, sizeof(out), NULL);
	read_output(child.err, err, sizeof(err), NULL);
	close(child.out);
	close(child.err);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static int run(const char *const *options)
{
	out[0] = err[0] = 0;
	return end(start(options));
}

static unsigned int count_lines(const char *text)
{
	unsigned int count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

static void shows_a_record_as_a_line(void **state)
{
	(void)state;
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.recorded = 1, .object = LOG_FILE("/x"), .lost = 3,
				     .lineage = "incomplete", .args = "null"));
	assert_int_equal(RUN("--color=never"), 0);
	assert_string_equal(err, "");
	assert_string_equal(out,
		"2027-03-31 14:23:55.123 DENY       EHOSTUNREACH github  140.82.112.3:443/tcp  "
		"curl -fsSL 'https://h/a b' [812] < sh deploy.sh [810] < /bin/init [800] ; "
		"rule: deny github (mysql.yaml:12): GitHub is down\n"
		"    hint: EHOSTUNREACH is not a network fault: denied by rule deny github "
		"(mysql.yaml:12)\n"
		"3 records were lost here\n"
		"2027-03-31 14:23:55.123 WOULD DENY EHOSTUNREACH github  /x (write)  "
		"curl [812] < sh deploy.sh [810] < /bin/init [800] < (not known) ; "
		"rule: deny github (mysql.yaml:12): GitHub is down\n");
}

static void says_what_is_known_without_an_address(void **state)
{
	(void)state;
	fputs("{\"@timestamp\":\"2027-03-31T14:23:55.123Z\",\"event\":{\"category\":[\"network\"]},"
	      "\"process\":{\"pid\":812,\"name\":\"curl\"},\"ringfence\":{\"run\":\"x\","
	      "\"verdict\":\"deny\",\"errno\":\"EPERM\",\"family\":40,"
	      "\"reason\":\"address could not be told\",\"lineage\":\"complete\"}}\n", log_file);
	assert_int_equal(RUN("--color=never"), 0);
	assert_string_equal(out,
		"2027-03-31 14:23:55.123 WOULD DENY EPERM -  (address not known, family 40)  "
		"curl [812] ; rule: address could not be told\n");
}

/* What is allowed, denied or of a service is asked for without that. */
static void shows_a_run(void **state)
{
	(void)state;
	log_write_note(log_file, LOG_RUN, "run-begin", LOG_BEGIN, 0);
	log_write_note(log_file, LOG_RUN, "run-end", LOG_END, 0);
	assert_int_equal(RUN("--color=never", "--run", LOG_RUN), 0);
	assert_string_equal(out,
		"2027-03-31 14:23:55.123 RUN        run begins: ./deploy \\x1b in /srv/deploy  " LOG_RUN
		" of mysql-deploy, audit mode\n"
		"2027-03-31 14:23:55.123 RUN        run is over: status 7, 3 denied, 1 lost  " LOG_RUN
		" of mysql-deploy, audit mode\n");
	assert_int_equal(RUN("--json", "--run", LOG_RUN), 0);
	assert_int_equal(count_lines(out), 2);
	assert_int_equal(RUN("--json", "--verdict", "allow"), 0);
	assert_string_equal(out, "");
	assert_int_equal(RUN("--json", "--service", "github"), 0);
	assert_string_equal(out, "");
}

/* Who accepts on this host. */
static void shows_the_listener(void **state)
{
	(void)state;
	fputs("{\"@timestamp\":\"2027-03-31T14:23:55.123Z\",\"event\":{\"category\":[\"network\"]},"
	      "\"process\":{\"pid\":812,\"name\":\"curl\"},\"destination\":{\"ip\":\"127.0.0.1\",\"port\":80},"
	      "\"network\":{\"transport\":\"tcp\"},\"ringfence\":{\"run\":\"x\",\"verdict\":\"audit\",\"local\":true,"
	      "\"peer\":{\"pid\":99,\"name\":\"ngi\\u001bnx\",\"unit\":\"nginx.service\"},"
	      "\"reason\":\"default of net\",\"lineage\":\"complete\"}}\n", log_file);
	assert_int_equal(RUN("--color=never"), 0);
	assert_string_equal(out, "2027-03-31 14:23:55.123 AUDIT      - -  127.0.0.1:80/tcp (ngi\\x1bnx 99, nginx.service)  "
			    "curl [812] ; rule: default of net\n");
}

static void gives_a_hint_once_per_rule(void **state)
{
	(void)state;
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(0));
	log_write(log_file, LOG_LINE(.rule = "mysql.yaml:14"));
	assert_int_equal(RUN("--color=never"), 0);
	assert_int_equal(count_lines(out), 5);
}

static void filters(void **state)
{
	(void)state;
	log_write(log_file, LOG_LINE(.run = "20270331-142355-000000", .recorded = 1));
	log_write(log_file, LOG_LINE(.service = "mirror", .recorded = 1));
	log_write(log_file, LOG_LINE(.verdict = "audit"));
	assert_int_equal(RUN("--run", LOG_RUN), 0);
	assert_int_equal(count_lines(out), 2);
	assert_int_equal(RUN("--run", LOG_RUN, "--service", "mirror"), 0);
	assert_int_equal(count_lines(out), 1);
	assert_int_equal(RUN("--verdict=audit"), 0);
	assert_int_equal(count_lines(out), 1);
	assert_non_null(strstr(out, " AUDIT "));
	log_write(log_file, LOG_LINE(.verdict = "allow"));
	assert_int_equal(RUN("--verdict=deny,audit"), 0);
	assert_int_equal(count_lines(out), 3);
	assert_null(strstr(out, " ALLOW "));
	assert_int_equal(RUN("--verdict=allow"), 0);
	assert_int_equal(count_lines(out), 1);
	assert_int_equal(RUN("--service", "none"), 0);
	assert_string_equal(err, "no records\n");
	assert_int_equal(RUN("--run", "20270331-142355-111111"), 1);
	assert_non_null(strstr(err, "no run 20270331-142355-111111"));
	assert_int_equal(RUN("--run", "yesterday"), 1);
	assert_int_equal(RUN("--verdict=perhaps"), 1);
	assert_int_equal(RUN("--verdict=deny,perhaps"), 1);
	assert_int_equal(RUN("--verdict=deny,"), 1);
	assert_int_equal(RUN("--verdict=,deny"), 1);
	assert_int_equal(RUN("--verdict="), 1);
	assert_int_equal(RUN("--verdict=den"), 1);
	assert_int_equal(RUN("--color=pink"), 1);
	assert_int_equal(RUN("--nonsense"), 1);
	assert_int_equal(RUN("--help"), 0);
	assert_memory_equal(out, "usage: ", 7);
}

static void passes_json_through(void **state)
{
	static char written[4096];
	FILE *in;

	(void)state;
	log_write(log_file, LOG_LINE(.comm = "\xc3\xbc\\u001b"));
	fflush(log_file);
	in = fopen(path, "re");
	written[fread(written, 1, sizeof(written) - 1, in)] = 0;
	fclose(in);
	assert_int_equal(RUN("--json"), 0);
	assert_string_equal(out, written);
}

static void skips_broken_lines(void **state)
{
	char expected[128];

	(void)state;
	log_write(log_file, LOG_LINE(0));
	fputs("{\"half\n{}\n\n", log_file);
	log_write(log_file, LOG_LINE(0));
	fputs("{\"@timest", log_file);
	assert_int_equal(RUN("--json"), 1);
	assert_int_equal(count_lines(out), 2);
	snprintf(expected, sizeof(expected), "%s:2: not a record", path);
	assert_non_null(strstr(err, expected));
	snprintf(expected, sizeof(expected), "%s:3: not a record", path);
	assert_non_null(strstr(err, expected));
	snprintf(expected, sizeof(expected), "%s:6: not a record", path);
	assert_non_null(strstr(err, expected));
}

static void says_that_there_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(RUN("--color=never"), 0);
	assert_string_equal(out, "");
	assert_string_equal(err, "no records\n");
	assert_int_equal(RUN("/nowhere/at/all", "--color=never"), 1);
	assert_non_null(strstr(err, "one file at a time"));
}

static void prints_nothing_a_terminal_obeys(void **state)
{
	(void)state;
	log_write(log_file, LOG_LINE(.service = "\\u001b[2J", .comm = "\\u009b", .why = "\\r",
				     .err = "\\u001b", .rule = "\\u001b",
				     .args = "[\"\\u001b\",\"\\n\x7f\",\"\xe2\x80\xae\"]",
				     .object = LOG_FILE("/\\u001b]0;x\\u0007")));
	log_write(log_file, LOG_LINE(.args = "{}", .object = LOG_NET("\\u001b", "1")));
	assert_int_equal(RUN("--color=never"), 0);
	for (const char *c = out; *c; c++)
		assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
	assert_null(strstr(out, "\xc2\x9b"));
	assert_null(strstr(out, "\xe2\x80\xae"));
}

static void ends_when_nobody_reads(void **state)
{
	struct child child;

	(void)state;
	for (int i = 0; i < 2000; i++)
		log_write(log_file, LOG_LINE(0));
	out[0] = err[0] = 0;
	child = start((const char *const[]){ NULL });
	close(child.out);
	child.out = open("/dev/null", O_RDONLY);
	assert_int_equal(end(child), 0);
	assert_string_equal(err, "");
}

static void follows_growth_and_rotation(void **state)
{
	struct child child;
	char old[80];

	(void)state;
	log_write(log_file, LOG_LINE(.service = "one"));
	out[0] = err[0] = 0;
	child = start((const char *const[]){ "--follow", NULL });
	read_output(child.out, out, sizeof(out), " one ");
	log_write(log_file, LOG_LINE(.service = "two"));
	fflush(log_file);
	read_output(child.out, out, sizeof(out), " two ");
	/* Half a line is not shown before it is whole. */
	fputs("{\"@timestamp\":\"2027-03-31T14:23:55.123Z\",", log_file);
	fflush(log_file);
	fputs("\"ringfence\":{\"run\":\"x\",\"verdict\":\"audit\",\"service\":\"half\"}}\n",
	      log_file);
	fflush(log_file);
	read_output(child.out, out, sizeof(out), " half ");
	/* Renamed, a line and a half more into the old file, and a new one. */
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	log_write(log_file, LOG_LINE(.service = "late"));
	fputs("{\"never ended", log_file);
	fclose(log_file);
	log_file = fopen(path, "we");
	log_write(log_file, LOG_LINE(.service = "three"));
	fflush(log_file);
	read_output(child.out, out, sizeof(out), " three ");
	assert_non_null(strstr(out, " late "));
	/* Truncated where it stands. */
	assert_int_equal(ftruncate(fileno(log_file), 0), 0);
	rewind(log_file);
	fputs("{\"@timestamp\":\"x\",\"ringfence\":{\"run\":\"x\",\"verdict\":\"audit\","
	      "\"service\":\"four\"}}\n", log_file);
	fflush(log_file);
	read_output(child.out, out, sizeof(out), " four ");
	kill(child.pid, SIGINT);
	assert_int_equal(end(child), 1);
	assert_non_null(strstr(err, ":5: not a record"));
	assert_int_equal(count_lines(err), 1);
}

/* Services of the lines that were printed, in this order. */
static void expect_order(const char *const *services)
{
	const char *at = out;

	for (; *services; services++) {
		char text[32];

		snprintf(text, sizeof(text), " %s ", *services);
		at = strstr(at, text);
		assert_non_null(at);
	}
}

static void shows_what_was_rotated_away(void **state)
{
	(void)state;
	write_rotated(2, "second");
	write_rotated(1, "first");
	/* Names that look alike, and are none of its own. */
	log_write(log_file, LOG_LINE(.service = "third"));
	assert_int_equal(RUN(NULL), 0);
	expect_order((const char *const[]){ "first", "second", "third", NULL });
	assert_int_equal(count_lines(out), 4);		/* with a hint */
	/* Those that were last written before a run began have nothing of it. */
	assert_int_equal(RUN("--run", LOG_RUN), 0);
	assert_int_equal(count_lines(out), 2);
	assert_non_null(strstr(out, " third "));
}

/* However often between two looks: the child is stopped meanwhile. */
static void follows_several_rotations(void **state)
{
	struct child child;

	(void)state;
	log_write(log_file, LOG_LINE(.service = "one"));
	out[0] = err[0] = 0;
	child = start((const char *const[]){ "--follow", NULL });
	read_output(child.out, out, sizeof(out), " one ");
	kill(child.pid, SIGSTOP);
	for (int i = 2; i < 6; i++)
		write_rotated(i, ((const char *const[]){ "two", "three", "four", "five" })[i - 2]);
	log_write(log_file, LOG_LINE(.service = "six"));
	fflush(log_file);
	kill(child.pid, SIGCONT);
	read_output(child.out, out, sizeof(out), " six ");
	kill(child.pid, SIGINT);
	assert_int_equal(end(child), 0);
	expect_order((const char *const[]){ "one", "two", "three", "four", "five", "six", NULL });
	assert_string_equal(err, "");
}

static void stops_following_when_nobody_reads(void **state)
{
	struct child child;

	(void)state;
	log_write(log_file, LOG_LINE(.service = "one"));
	out[0] = err[0] = 0;
	child = start((const char *const[]){ "--follow", NULL });
	read_output(child.out, out, sizeof(out), " one ");
	close(child.out);
	child.out = open("/dev/null", O_RDONLY);
	assert_int_equal(end(child), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shows_a_record_as_a_line),
		TEST(says_what_is_known_without_an_address),
		TEST(shows_a_run),
		TEST(shows_the_listener),
		TEST(gives_a_hint_once_per_rule),
		TEST(filters),
		TEST(passes_json_through),
		TEST(skips_broken_lines),
		TEST(says_that_there_is_nothing),
		TEST(prints_nothing_a_terminal_obeys),
		TEST(ends_when_nobody_reads),
		TEST(shows_what_was_rotated_away),
		TEST(follows_growth_and_rotation),
		TEST(follows_several_rotations),
		TEST(stops_following_when_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
