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
#include <time.h>
#include <unistd.h>

#include "log_lines.h"
#include "packed.h"
#include "userspace/verbs/verbs.h"

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
	for (int i = 0; i < 8; i++) {
		unlink(rotated_path(i));
		unlink(packed_name(rotated_path(i)));
	}
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
	const char *argv[80] = { "log" };
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

static char out[512 * 1024], err[65536];

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
		"2027-03-31 14:23:55.123 RUN        run is over: status 7, 3 would have been denied, 1 lost  " LOG_RUN
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

/* A log is anybody's: neither many rules nor long names of them take memory or time. */
static void gives_no_end_of_hints(void **state)
{
	char rule[4096];
	size_t hints = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(rule, sizeof(rule), "rule-%d%0*d", i, i ? 1 : 4000, 0);
		log_write(log_file, LOG_LINE(.rule = rule));
		log_write(log_file, LOG_LINE(.rule = rule));
	}
	assert_int_equal(RUN("--color=never", "--service", "github"), 0);
	for (const char *at = out; (at = strstr(at, "hint: ")); at++)
		hints++;
	assert_int_equal(hints, 256);
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
	assert_int_equal(RUN("--verdict=deny", "--verdict=audit"), 0);
	assert_int_equal(count_lines(out), 3);
	assert_null(strstr(out, " ALLOW "));
	assert_int_equal(RUN("--verdict=allow"), 0);
	assert_int_equal(count_lines(out), 1);
	assert_int_equal(RUN("--run", "20270331-142355-111111"), 1);
	assert_non_null(strstr(err, "no run 20270331-142355-111111"));
	assert_int_equal(RUN("--run", "yesterday"), 1);
	assert_int_equal(RUN("--verdict=perhaps"), 1);
	assert_int_equal(RUN("--verdict="), 1);
	assert_int_equal(RUN("--verdict=den"), 1);
	assert_int_equal(RUN("--color=pink"), 1);
	assert_int_equal(RUN("--nonsense"), 1);
	assert_int_equal(RUN("--help"), 0);
	assert_memory_equal(out, "usage: ", 7);
}

/* Any value of an option, and all options. */
static void filters_by_several_values(void **state)
{
	const char *many[70];

	(void)state;
	log_write(log_file, LOG_LINE(.service = "one", .recorded = 1));
	log_write(log_file, LOG_LINE(.service = "two", .recorded = 1, .tag = "web-deploy"));
	log_write(log_file, LOG_LINE(.service = "three", .recorded = 1, .run = "20270331-142355-000000"));
	assert_int_equal(RUN("--service", "one", "--service=three"), 0);
	expect_order((const char *const[]){ "one", "three", NULL });
	assert_int_equal(count_lines(out), 2);
	assert_int_equal(RUN("--service", "one", "-s", "two", "--tag", "web-deploy"), 0);
	assert_int_equal(count_lines(out), 1);
	expect_order((const char *const[]){ "two", NULL });
	assert_int_equal(RUN("--run", LOG_RUN, "--run", "20270331-142355-000000"), 0);
	assert_int_equal(count_lines(out), 3);
	assert_int_equal(RUN("--verdict", "audit", "--verdict", "allow"), 0);
	assert_string_equal(err, "no records\n");
	/* Of several runs each has to be there. */
	assert_int_equal(RUN("--run", LOG_RUN, "--run", "20270331-142355-111111"), 1);
	assert_non_null(strstr(err, "no run 20270331-142355-111111"));
	assert_null(strstr(err, "no run " LOG_RUN));
	for (int i = 0; i < 66; i++)
		many[i] = i % 2 ? "x" : "-s";
	many[66] = NULL;
	assert_int_equal(run(many), 1);
	assert_non_null(strstr(err, "at most 32 values"));
}

/* A program by its name, its path, or the script that it interprets; and all that it started. */
static void filters_by_step(void **state)
{
	static const char *const found[] = {
		"curl", "tool", "/opt/tool", "sh", "deploy.sh", "/bin/init", "init", "/srv/check.py", "check.py", NULL,
	};
	static const char *const missed[] = { "cur", "-fsSL", "deploy", "bin", "/opt", "b", "push", NULL };

	(void)state;
	log_write(log_file, LOG_LINE(.recorded = 1));
	log_write(log_file, LOG_LINE(.recorded = 1, .service = "other", .comm = "tool", 
				     .args = "[\"/opt/tool\",\"push\"]"));
	log_write(log_file, LOG_LINE(.recorded = 1, .comm = "python3", .service = "script",
				     .args = "[\"/usr/bin/python3.11\",\"/srv/check.py\"]"));
	log_write(log_file, LOG_LINE(.recorded = 1, .args = "null"));
	for (int i = 0; found[i]; i++)
		if (RUN("--step", found[i]) || !*out)
			fail_msg("not found: %s", found[i]);
	for (int i = 0; missed[i]; i++)
		if (RUN("--step", missed[i]) || *out)
			fail_msg("%s is no program of these, and found: %s", missed[i], out);
	assert_int_equal(RUN("--step", "tool"), 0);
	assert_int_equal(count_lines(out), 1);
	assert_int_equal(RUN("--step", "tool", "--step", "check.py"), 0);
	expect_order((const char *const[]){ "other", "script", NULL });
	assert_int_equal(count_lines(out), 2);
	assert_int_equal(RUN("--step", "deploy.sh"), 0);	/* above all of them */
	assert_int_equal(count_lines(out), 4);
}

/* By the absolute path, as far as the log tells where the run was begun. */
static void finds_what_was_started_by_a_relative_path(void **state)
{
	static const char *const found[] = {
		"./tool", "tool", "/srv/deploy/tool", "/srv/check", "/srv/deploy/steps/run.py", "steps/run.py", NULL,
	};
	static const char *const missed[] = { "/srv/tool", "/tool", "/srv/deploy/check", "/elsewhere/tool", NULL };
	static const char form[] = "{\"@timestamp\":\"2027-03-31T14:23:55Z\",%s,\"process\":{\"name\":\"x\","
		"\"executable\":\"./tool\",\"args\":[\"./tool\"]},\"ringfence\":{\"run\":\"%s\",\"verdict\":\"audit\","
		"\"ancestors\":[{\"executable\":\"../check\"},{\"executable\":\"/usr/bin/python3\","
		"\"args\":[\"python3\",\"steps/run.py\"]}],\"lineage\":\"complete\",\"lost_before\":0}}\n";

	(void)state;
	fprintf(log_file, form, LOG_NET("10.0.0.1", "1"), "20270331-142355-000001");	/* its beginning is not there */
	assert_int_equal(RUN("--step", "/srv/deploy/tool"), 0);
	assert_string_equal(out, "");
	log_write_note(log_file, LOG_RUN, "run-begin", LOG_BEGIN, 0);
	fprintf(log_file, form, LOG_NET("10.0.0.2", "1"), LOG_RUN);
	for (int i = 0; found[i]; i++)
		if (RUN("--step", found[i]) || !strstr(out, "10.0.0.2"))
			fail_msg("not found: %s", found[i]);
	for (int i = 0; missed[i]; i++)
		if (RUN("--step", missed[i]) || *out)
			fail_msg("%s is no program of these, and found: %s", missed[i], out);
	assert_int_equal(RUN("--step", "/srv/deploy/tool"), 0);
	assert_null(strstr(out, "10.0.0.1"));
}

static void filters_by_time(void **state)
{
	char today[64], ago[64];
	time_t now = time(NULL);
	struct tm tm;

	(void)state;
	gmtime_r(&now, &tm);
	strftime(today, sizeof(today), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
	now -= 3 * 60 * 60;
	gmtime_r(&now, &tm);
	strftime(ago, sizeof(ago), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
	log_write(log_file, LOG_LINE(.service = "old", .time = "2001-03-31T14:23:55.123Z"));
	log_write(log_file, LOG_LINE(.service = "ago", .time = ago));
	log_write(log_file, LOG_LINE(.service = "now", .time = today));
	assert_int_equal(RUN("--since", "2h", "--color=never"), 0);
	expect_order((const char *const[]){ "now", NULL });
	assert_null(strstr(out, " ago "));
	assert_int_equal(RUN("--since", "4h"), 0);
	expect_order((const char *const[]){ "ago", "now", NULL });
	assert_null(strstr(out, " old "));
	/* To the second, of which a part is behind it. */
	assert_int_equal(RUN("--since", "2001-03-31T14:23:55Z"), 0);
	expect_order((const char *const[]){ "old", "ago", "now", NULL });
	assert_int_equal(RUN("--since", "2001-03-31 14:24"), 0);
	assert_null(strstr(out, " old "));
	assert_int_equal(RUN("--since", "2001-03-31"), 0);
	expect_order((const char *const[]){ "old", "ago", "now", NULL });
	assert_int_equal(RUN("--since", "00:00"), 0);
	expect_order((const char *const[]){ "now", NULL });
	assert_null(strstr(out, " old "));
	assert_int_equal(RUN("--since", "yesterday"), 1);
	assert_non_null(strstr(err, "--since yesterday: expected a time such as 2h"));
	assert_int_equal(RUN("--since", "14:23x"), 1);
}

/* What a program would take the errno for, by what it reached for. */
static void hints_are_about_what_was_denied(void **state)
{
	static const struct {
		const char *object, *err, *hint;
	} cases[] = {
		{ LOG_NET("10.0.0.1", "1"), "EPERM", "EPERM is not a network fault" },
		{ LOG_FILE("/a"), "EACCES", "EACCES is not a missing permission" },
		{ LOG_FILE("/a"), "ENOENT", "ENOENT is not a missing file" },
		{ LOG_FILE("/a"), "EIO", "EIO is not a fault of the file system" },
		{ "\"event\":{\"category\":[\"process\"]},\"file\":{\"path\":\"/b\"}", "EPERM",
		  "EPERM is not a missing permission" },
		{ "\"event\":{\"category\":[\"process\"]},\"file\":{\"path\":\"/b\"}", "ENOENT",
		  "ENOENT is not a missing program" },
		{ "\"event\":{\"category\":[\"network\"]},\"destination\":{\"address\":\"/run/x\"}", "ECONNREFUSED",
		  "ECONNREFUSED is not a fault of whoever listens there" },
		{ "\"event\":{\"category\":[\"network\"]},\"destination\":{\"address\":\"/run/x\"}", "EACCES",
		  "EACCES is not a missing permission" },
	};
	char expected[256], rule[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(rule, sizeof(rule), "p.yaml:%zu", i);
		for (int twice = 0; twice < 2; twice++)
			log_write(log_file, LOG_LINE(.object = cases[i].object, .err = cases[i].err, .rule = rule));
	}
	assert_int_equal(RUN("--color=never"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(expected, sizeof(expected), "\n    hint: %s: denied by rule deny github (p.yaml:%zu)\n",
			 cases[i].hint, i);
		if (!strstr(out, expected))
			fail_msg("no line%sin\n%s", expected, out);
	}
	assert_int_equal(count_lines(out), 3 * sizeof(cases) / sizeof(*cases));
}

static void shows_when_a_run_begins_and_ends(void **state)
{
	(void)state;
	fputs("{\"@timestamp\":\"2027-03-31T14:23:55.123Z\",\"event\":{\"action\":\"run-begin\",\"category\":[\"process\"]},"
	      "\"ringfence\":{\"run\":\"" LOG_RUN "\",\"tag\":\"t\",\"verdict\":\"allow\",\"mode\":\"audit\","
	      "\"begin\":{\"command\":[\"./deploy\",\"a b\",\"\\u001b\"]}}}\n"
	      "{\"@timestamp\":\"2027-03-31T14:24:55.123Z\",\"event\":{\"action\":\"run-end\"},"
	      "\"ringfence\":{\"run\":\"" LOG_RUN "\",\"tag\":\"t\",\"verdict\":\"allow\","
	      "\"end\":{\"status\":1,\"denied\":3,\"audited\":0,\"lost\":2}}}\n"
	      "{\"@timestamp\":\"2027-03-31T14:25:55.123Z\",\"event\":{\"action\":\"run-end\"},"
	      "\"ringfence\":{\"run\":\"" LOG_RUN "\",\"tag\":\"t\",\"verdict\":\"allow\",\"end\":{\"status\":null}}}\n",
	      log_file);
	assert_int_equal(RUN("--color=never"), 0);
	assert_string_equal(out,
		"2027-03-31 14:23:55.123 RUN        run begins: ./deploy a b \\x1b  " LOG_RUN " of t, audit mode\n"
		"2027-03-31 14:24:55.123 RUN        run is over: status 1, 3 denied, 2 lost  " LOG_RUN " of t\n"
		"2027-03-31 14:25:55.123 RUN        run is over: status not known, 0 denied, 0 lost  " LOG_RUN " of t\n");
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
	assert_non_null(strstr(err, "cannot read the log /nowhere/at/all: No such file"));
	assert_int_equal(RUN("/nowhere/at/all", "--follow"), 1);
	assert_non_null(strstr(err, "one log at a time"));
	/* A service that is there, and not of this verdict. */
	log_write(log_file, LOG_LINE(.service = "mirror"));
	assert_int_equal(RUN("--service", "mirror", "--verdict=allow"), 0);
	assert_string_equal(err, "no records\n");
}

/* A name that nothing has is most likely mistyped. */
static void offers_the_names_that_there_are(void **state)
{
	char expected[256];

	(void)state;
	log_write(log_file, LOG_LINE(.service = "github", .recorded = 1));
	log_write(log_file, LOG_LINE(.service = "mirror\\u001b", .recorded = 1));
	log_write(log_file, LOG_LINE(.service = "npm", .recorded = 1, .tag = "web-deploy", .verdict = "allow"));
	assert_int_equal(RUN("--service", "githbu"), 0);
	snprintf(expected, sizeof(expected), "ringfence log: no service githbu in %s; did you mean github?\nno records\n",
		 path);
	assert_string_equal(err, expected);
	assert_int_equal(RUN("--service", "secrets", "--verdict=deny"), 0);
	assert_non_null(strstr(err, "no service secrets in "));
	assert_non_null(strstr(err, "; there are github, mirror\\x1b, npm\n"));
	assert_int_equal(RUN("--tag", "mysql-delpoy"), 0);
	assert_non_null(strstr(err, "no tag mysql-delpoy in "));
	assert_non_null(strstr(err, "; did you mean mysql-deploy?\n"));
	assert_int_equal(RUN("--step", "deploy.hs"), 0);
	assert_non_null(strstr(err, "no step deploy.hs in "));
	assert_non_null(strstr(err, "; did you mean deploy.sh?\n"));
	/* Where others are there, it is told all the same; of what is there, nothing. */
	assert_int_equal(RUN("--service", "npm", "--service", "githbu", "--step", "curl", "--tag", "web-deploy"), 0);
	assert_int_equal(count_lines(out), 1);
	assert_non_null(strstr(err, "did you mean github?"));
	assert_int_equal(count_lines(err), 1);
}

static void shows_several_logs(void **state)
{
	char second[80];

	(void)state;
	write_rotated(1, "one");
	snprintf(second, sizeof(second), "%s", rotated_path(1));
	log_write(log_file, LOG_LINE(.service = "two", .run = "20270331-142355-000000", .recorded = 1));
	log_write(log_file, LOG_LINE(.service = "three"));
	assert_int_equal(RUN("--log", second, "--verdict", "deny"), 0);
	/* The named one, and the other with what was rotated away from it. */
	expect_order((const char *const[]){ "one", "one", "two", "three", NULL });
	/* A word is a run where it is the name of one. */
	assert_int_equal(RUN("20270331-142355-000000"), 0);
	assert_int_equal(count_lines(out), 1);
	assert_non_null(strstr(out, " two "));
	assert_int_equal(RUN("20270331-142355-00000"), 1);
	assert_non_null(strstr(err, "\"20270331-142355-00000\" is not the name of a run"));
}

static void shows_what_was_compressed(void **state)
{
	(void)state;
	write_rotated(1, "first");
	write_rotated(2, "second");
	pack(rotated_path(1));
	pack(rotated_path(2));
	log_write(log_file, LOG_LINE(.service = "third"));
	assert_int_equal(RUN(NULL), 0);
	expect_order((const char *const[]){ "first", "second", "third", NULL });
	assert_string_equal(err, "");
	/* What is left of a file that was cut is shown, and the rest, and that something is missing. */
	tear(rotated_path(1), 4);
	assert_int_equal(RUN(NULL), 1);
	expect_order((const char *const[]){ "first", "second", "third", NULL });
	assert_non_null(strstr(err, packed_name(rotated_path(1))) ?: strstr(err, rotated_path(1)));
	assert_non_null(strstr(err, "damaged or has no end"));
}

/* The others are shown all the same. */
static void tells_of_a_rotated_file_that_it_cannot_open(void **state)
{
	FILE *other;

	(void)state;
	write_rotated(1, "first");
	write_rotated(2, "second");
	log_write(log_file, LOG_LINE(.service = "third"));
	other = fopen(rotated_path(2), "we");
	assert_non_null(other);
	fputs("\x28\xb5\x2f\xfd and so on", other);
	fclose(other);
	assert_int_equal(RUN(NULL), 1);
	expect_order((const char *const[]){ "first", "third", NULL });
	assert_non_null(strstr(err, rotated_path(2)));
	assert_non_null(strstr(err, "packed, and not by gzip"));
}

static void follows_nothing_that_is_compressed(void **state)
{
	(void)state;
	log_write(log_file, LOG_LINE(.service = "one"));
	fflush(log_file);
	pack_beside(path);
	assert_int_equal(rename(packed_name(path), path), 0);
	assert_int_equal(RUN("--follow"), 1);
	assert_non_null(strstr(err, path));
	assert_non_null(strstr(err, "it is compressed, and does not grow"));
	assert_int_equal(RUN(NULL), 0);
	assert_non_null(strstr(out, " one "));
}

/* A log that was compressed may hold anything, and any amount of it. */
static void skips_endless_lines(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * 1024 * 1024; i++)
		putc('x', log_file);
	putc('\n', log_file);
	log_write(log_file, LOG_LINE(.service = "behind"));
	assert_int_equal(RUN("--color=never"), 1);
	assert_non_null(strstr(out, " behind "));
	assert_non_null(strstr(err, ":1: not a record"));
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
		TEST(gives_no_end_of_hints),
		TEST(filters),
		TEST(filters_by_several_values),
		TEST(filters_by_step),
		TEST(finds_what_was_started_by_a_relative_path),
		TEST(filters_by_time),
		TEST(hints_are_about_what_was_denied),
		TEST(shows_when_a_run_begins_and_ends),
		TEST(passes_json_through),
		TEST(skips_broken_lines),
		TEST(says_that_there_is_nothing),
		TEST(offers_the_names_that_there_are),
		TEST(shows_several_logs),
		TEST(shows_what_was_compressed),
		TEST(tells_of_a_rotated_file_that_it_cannot_open),
		TEST(follows_nothing_that_is_compressed),
		TEST(skips_endless_lines),
		TEST(prints_nothing_a_terminal_obeys),
		TEST(ends_when_nobody_reads),
		TEST(shows_what_was_rotated_away),
		TEST(follows_growth_and_rotation),
		TEST(follows_several_rotations),
		TEST(stops_following_when_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
