/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is recorded of what is allowed, on the loaded fence: as the policy says, once for each object of a
 * process, and of no other process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

#define PLACE	   WORK "/record"
#define LOG	   PLACE "/record.jsonl"
#define NAMED	   PLACE "/named/file"	/* a rule allows it, */
#define UNNAMED	   PLACE "/unnamed"	/* no rule speaks of it, */
#define REFUSED	   PLACE "/refused"	/* and this one is denied */
#define NEW	   PLACE "/new"
#define PROGRAM	   PLACE "/programs/mark" /* a rule allows it */
#define SOCKET	   PLACE "/socket"
#define SYSTEM	   "/proc/version"
#define OTHER_PORT 81

/* --- what is done --------------------------------------------------------------------------- */

static int talk(const char *path)
{
	struct sockaddr_un address;
	socklen_t size = unix_address_by_path(path, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = connect(fd, (struct sockaddr *)&address, size) ? -errno : 0;

	close(fd);
	return err;
}

static int open_once(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -errno : 0;
}

static int execute(const char *path)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		execl(path, path, "record-nothing", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	return status;
}

static int look(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -errno : 0;
}

static void deed(const char *what)
{
	const char *path = strchr(what, ':');

	path = path ? path + 1 : "";
	if (!strncmp(what, "connect:", 8))
		attempt_connect(SERVER_IP, (uint16_t)atoi(path));
	else if (!strncmp(what, "read:", 5))
		open_once(path, O_RDONLY);
	else if (!strncmp(what, "write:", 6))
		open_once(path, O_WRONLY | O_CREAT);
	else if (!strncmp(what, "exec:", 5))
		execute(path);
	else if (!strncmp(what, "talk:", 5))
		talk(path);
	else if (!strncmp(what, "look:", 5))
		look(path);
	else if (!strncmp(what, "make:", 5))
		mkdir(path, 0755);
}

/* hooks deeds WHAT...: does them in turn, those behind "fork" in a child; says so, and ends with stdin. */
int deeds_main(int argc, char **argv)
{
	int status;
	char byte;

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "fork")) {
			deed(argv[i]);
		} else if (fork()) {
			wait(&status);
			break;
		} else {
			for (i++; i < argc; i++)
				deed(argv[i]);
			_exit(0);
		}
	}
	puts("done");
	fflush(stdout);
	return read(0, &byte, 1) < 0;
}

/* What is executed: it opens nothing, and says nothing. */
int record_nothing_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

/* --- a run ---------------------------------------------------------------------------------- */

/* A run that is over, with what is known of it. */
struct told {
	struct journal journal;
	long long submitted, logged, lost, allowed, repeated, denied;
};

static json_t *account_of(pid_t launcher)
{
	struct command command;
	json_t *runs, *run, *found = NULL;
	size_t i;

	command_run(&command, 0, COMMAND("ringfence", "runs", "--json"));
	runs = command.status ? NULL : json_loads(command.out, 0, NULL);
	json_array_foreach(runs, i, run)
		if (json_integer_value(record_value(run, "launcher")) == launcher)
			found = json_incref(run);
	json_decref(runs);
	return found;
}

static void read_account(struct told *told, const json_t *account)
{
	told->submitted = json_integer_value(record_value(account, "submitted"));
	told->logged = json_integer_value(record_value(account, "logged"));
	told->lost = json_integer_value(record_value(account, "lost"));
	told->allowed = json_integer_value(record_value(account, "allowed"));
	told->repeated = json_integer_value(record_value(account, "repeated"));
	told->denied = json_integer_value(record_value(account, "denied"));
}

#define DEEDS_MAX 32

/* Does @deeds under the policy of @tag; the rest of the launcher's arguments are @mode. */
static bool run_deeds(struct told *told, const char *tag, const char *mode, const char *const deeds[],
		      struct why *why)
{
	const char *argv[DEEDS_MAX + 16] = { "ringfence", "run", "--quiet", "--tag", tag, "--log", LOG };
	struct background run;
	char line[64] = "";
	size_t used = 7;
	json_t *account;
	int end;

	if (mode) {
		argv[used++] = "--mode";
		argv[used++] = mode;
	}
	argv[used++] = "--";
	argv[used++] = self_path();
	argv[used++] = "deeds";
	for (size_t i = 0; deeds[i]; i++)
		argv[used++] = deeds[i];
	unlink(LOG);
	rmdir(NEW);
	unlink(NEW);
	*told = (struct told){ 0 };
	if (background_start(&run, (char *const *)argv))
		return fail(why, "cannot start the run");
	if (!background_line(&run, line, sizeof(line)) || strcmp(line, "done")) {
		background_end(&run);
		return fail(why, "the deeds were not done: \"%s\"", line);
	}
	account = account_of(run.pid);
	read_account(told, account);
	json_decref(account);
	end = background_end(&run);
	far_accepted(shared_server);	/* what it got is nothing to the tests that follow */
	journal_read(&told->journal, LOG, NULL);
	return !end || fail(why, "the run ended with %d", end);
}

/* How many lines of the run there are with that verdict and that object. */
static size_t lines_about(const struct told *told, const char *verdict, const char *key, const char *object)
{
	size_t count = 0, i;
	json_t *line;

	json_array_foreach(told->journal.lines, i, line)
		count += !strcmp(record_text(line, "ringfence.verdict"), verdict) &&
			 !strcmp(record_text(line, key), object);
	return count;
}

static size_t lines_to_port(const struct told *told, int port)
{
	size_t count = 0, i;
	json_t *line;

	json_array_foreach(told->journal.lines, i, line)
		count += !strcmp(record_text(line, "ringfence.verdict"), "allow") &&
			 !strcmp(record_text(line, "destination.ip"), SERVER_IP) &&
			 json_integer_value(record_value(line, "destination.port")) == port;
	return count;
}

/* --- what is expected ----------------------------------------------------------------------- */

/* How many records there are of each. */
struct expected {
	size_t server, other_port, named, unnamed, program, socket;
};

static bool count_is(size_t have, size_t want, const char *what, struct why *why)
{
	return have == want || fail(why, "%zu records of %s, and not %zu", have, what, want);
}

static bool are_told(const struct told *told, const struct expected *expected, struct why *why)
{
	return count_is(lines_to_port(told, SERVER_PORT), expected->server, "the server", why) &&
		count_is(lines_to_port(told, OTHER_PORT), expected->other_port, "the other port", why) &&
		count_is(lines_about(told, "allow", "file.path", NAMED), expected->named, NAMED, why) &&
		count_is(lines_about(told, "allow", "file.path", UNNAMED), expected->unnamed, UNNAMED, why) &&
		count_is(lines_about(told, "allow", "file.path", PROGRAM), expected->program, PROGRAM, why) &&
		count_is(lines_about(told, "allow", "destination.address", SOCKET), expected->socket, SOCKET,
			 why) &&
		count_is(lines_about(told, "allow", "file.path", SYSTEM), 0, SYSTEM, why) &&
		count_is(lines_about(told, "allow", "file.path", "/dev/null"), 0, "/dev/null", why);
}

/* What was submitted is in the log, and what was allowed is counted as such. */
static bool adds_up(const struct told *told, struct why *why)
{
	size_t allowed = journal_count(&told->journal, "ringfence.verdict", "allow");

	if (told->journal.error[0])
		return fail(why, "the log: %s", told->journal.error);
	if (told->submitted < told->logged + told->lost || told->lost)
		return fail(why, "%lld submitted, %lld logged, %lld lost", told->submitted, told->logged, told->lost);
	/* The line that a run begins is none of what it did. */
	if ((long long)json_array_size(told->journal.lines) + 1 != told->submitted)
		return fail(why, "%lld submitted, and %zu in the log", told->submitted,
			    json_array_size(told->journal.lines));
	return told->allowed == (long long)allowed ||
		fail(why, "%lld allowed, and %zu in the log", told->allowed, allowed);
}

static bool told_is(const char *tag, const char *mode, const char *const deeds[],
		    const struct expected *expected, struct why *why)
{
	struct told told;
	bool ok = run_deeds(&told, tag, mode, deeds, why) && adds_up(&told, why) &&
		are_told(&told, expected, why);

	journal_free(&told.journal);
	return ok;
}

static const char *const everything[] = {
	"connect:80", "connect:81", "read:" NAMED, "read:" UNNAMED, "exec:" PROGRAM, "talk:" SOCKET,
	"read:" SYSTEM, "write:/dev/null", NULL
};
static const struct expected nothing_told;
static const struct expected matched_told = { .server = 1, .named = 1, .program = 1, .socket = 1 };
static const struct expected all_told = {
	.server = 1, .other_port = 1, .named = 1, .unnamed = 1, .program = 1, .socket = 1,
};

/* --- the tests ------------------------------------------------------------------------------ */

static bool apply(const char *tag, const char *lines, struct why *why)
{
	char path[64], text[1024];
	struct command command;

	snprintf(path, sizeof(path), PLACE "/%s.yaml", tag);
	snprintf(text, sizeof(text), "tag: %s\n%sservices:\n"
		 "  server: {nets: [" SERVER_IP "], ports: [%d]}\n"
		 "  named: {files: [" PLACE "/named/]}\n"
		 "  refused: {files: [" REFUSED "]}\n"
		 "  programs: {execs: [" PLACE "/programs/]}\n"
		 "  listener: {sockets: [" SOCKET "]}\n"
		 "rules: [{allow: server}, {allow: named}, {deny: refused}, {allow: programs},"
		 " {allow: listener}]\n", tag, lines, SERVER_PORT);
	write_small(path, text);
	command_run(&command, 0, COMMAND("ringfence", "apply", path));
	return !command.status || fail(why, "apply: status %d: %.300s", command.status, command.err);
}

static int listener = -1;

static bool listen_there(void)
{
	struct sockaddr_un address;
	socklen_t size = unix_address_by_path(SOCKET, &address);

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(SOCKET);
	return !bind(listener, (struct sockaddr *)&address, size) && !listen(listener, 64);
}

static bool copy_program(void)
{
	struct command command;

	command_run(&command, 0, COMMAND("cp", (char *)self_path(), PROGRAM));
	return !command.status;
}

static bool test_prepare(struct why *why)
{
	mkdir(PLACE, 0755);
	mkdir(PLACE "/named", 0755);
	mkdir(PLACE "/programs", 0755);
	if (write_small(NAMED, "named") || write_small(UNNAMED, "unnamed") ||
	    write_small(REFUSED, "refused") || !copy_program() || !listen_there())
		return fail(why, "cannot prepare " PLACE ": %m");
	return apply("record-all", "mode: enforce\nrecord: all\n", why) &&
		apply("record-matched", "mode: enforce\nrecord: matched\n", why) &&
		apply("record-denied", "mode: audit\nrecord: denied\n", why) &&
		apply("record-unsaid", "mode: enforce\n", why) && apply("record-audit", "mode: audit\n", why);
}

static bool test_all(struct why *why)
{
	return told_is("record-all", NULL, everything, &all_told, why);
}

static bool test_matched(struct why *why)
{
	return told_is("record-matched", NULL, everything, &matched_told, why);
}

/* The control of both: the same deeds, and no record. */
static bool test_denied(struct why *why)
{
	return told_is("record-denied", NULL, everything, &nothing_told, why);
}

/* A policy that does not say goes by the mode that the run really has; one that does means it. */
static bool test_by_mode(struct why *why)
{
	return told_is("record-unsaid", NULL, everything, &nothing_told, why) &&
		told_is("record-unsaid", "audit", everything, &all_told, why) &&
		told_is("record-audit", NULL, everything, &all_told, why) &&
		told_is("record-audit", "enforce", everything, &nothing_told, why) &&
		told_is("record-denied", "enforce", everything, &nothing_told, why) &&
		told_is("record-matched", "audit", everything, &matched_told, why);
}

/* What the same process does with the same object again is counted. */
static bool test_repeated(struct why *why)
{
	static const char *const deeds[] = {
		"read:" NAMED, "read:" NAMED, "read:" NAMED, "connect:80", "connect:80", "talk:" SOCKET,
		"talk:" SOCKET, "look:" NAMED, NULL
	};
	const struct expected expected = { .named = 1, .server = 1, .socket = 1 };
	struct told told;
	bool ok = run_deeds(&told, "record-matched", NULL, deeds, why) && adds_up(&told, why) &&
		are_told(&told, &expected, why);

	journal_free(&told.journal);
	return ok && (told.repeated == 5 || fail(why, "%lld counted as repeated, and not 5", told.repeated));
}

/* Another process is another matter, if it is the child of the first. */
static bool test_another_process(struct why *why)
{
	static const char *const deeds[] = {
		"read:" NAMED, "connect:80", "talk:" SOCKET, "fork", "read:" NAMED, "read:" NAMED,
		"connect:80", "talk:" SOCKET, NULL
	};
	const struct expected expected = { .named = 2, .server = 2, .socket = 2 };
	struct told told;
	bool ok = run_deeds(&told, "record-matched", NULL, deeds, why) && adds_up(&told, why) &&
		are_told(&told, &expected, why);

	journal_free(&told.journal);
	return ok && (told.repeated == 1 || fail(why, "%lld counted as repeated, and not 1", told.repeated));
}

/* To write is another matter than to read. */
static bool test_written(struct why *why)
{
	static const char *const deeds[] = {
		"read:" NAMED, "write:" NAMED, "write:" NAMED, "read:" NAMED, NULL
	};
	const struct expected expected = { .named = 2 };

	return told_is("record-matched", NULL, deeds, &expected, why);
}

/* A file that is made has no identity yet when that is asked, and is recorded once all the same. */
static bool test_made(struct why *why)
{
	static const char *const file[] = { "write:" NEW, "write:" NEW, NULL };
	static const char *const folder[] = { "make:" NEW, "make:" NEW, NULL };
	struct told told;
	bool ok = run_deeds(&told, "record-all", NULL, file, why) && adds_up(&told, why) &&
		count_is(lines_about(&told, "allow", "file.path", NEW), 1, "a file that is made", why);

	journal_free(&told.journal);
	ok = ok && run_deeds(&told, "record-all", NULL, folder, why) && adds_up(&told, why) &&
		count_is(lines_about(&told, "allow", "file.path", NEW), 1, "a folder that is made", why);
	journal_free(&told.journal);
	return ok;
}

/* Every denial is recorded, and denied, as without. */
static bool test_denied_each_time(struct why *why)
{
	static const char *const deeds[] = { "read:" REFUSED, "read:" REFUSED, "read:" REFUSED, NULL };
	struct told told;
	bool ok = run_deeds(&told, "record-all", NULL, deeds, why) && adds_up(&told, why) &&
		count_is(lines_about(&told, "deny", "file.path", REFUSED), 3, REFUSED, why);

	journal_free(&told.journal);
	return ok && (told.denied == 3 || fail(why, "%lld are counted as denied, and not 3", told.denied));
}

/* What is recorded says by which rule it was allowed. */
static bool test_says_by_what(struct why *why)
{
	struct told told;
	json_t *line;
	size_t i;
	bool ok = run_deeds(&told, "record-all", NULL, everything, why);

	json_array_foreach(told.journal.lines, i, line) {
		const char *path = record_text(line, "file.path");

		if (!strcmp(path, NAMED) && (strcmp(record_text(line, "rule.name"), "allow named") ||
					     strcmp(record_text(line, "ringfence.service"), "named")))
			ok = fail(why, "it is not said by which rule " NAMED " is allowed");
		if (!strcmp(path, UNNAMED) && *record_text(line, "ringfence.service"))
			ok = fail(why, UNNAMED " is said to be of a service");
		if (!strcmp(record_text(line, "ringfence.verdict"), "allow") &&
		    strcmp(record_text(line, "event.type.0"), "allowed"))
			ok = fail(why, "event.type is \"%s\"", record_text(line, "event.type.0"));
	}
	journal_free(&told.journal);
	return ok;
}

struct all_lines {
	size_t count;
};

static bool count_each(void *ctx, const char *line)
{
	struct all_lines *lines = ctx;

	lines->count += !line_is_note(line);
	return true;
}

/* A process without a tag leaves nothing, whatever policies are in force. */
static bool test_untagged(struct why *why)
{
	struct all_lines before = {}, after = {};
	struct told told;
	bool ok;

	journal_scan(MAIN_LOG, count_each, &before);
	attempt_connect(SERVER_IP, SERVER_PORT);
	open_once(NAMED, O_RDONLY);
	open_once(UNNAMED, O_RDONLY);
	execute(PROGRAM);
	talk(SOCKET);
	/* A run behind it: when its records are there, those of before would be, too. */
	ok = run_deeds(&told, "record-all", NULL, everything, why);
	journal_scan(MAIN_LOG, count_each, &after);
	if (ok && after.count != before.count + json_array_size(told.journal.lines))
		ok = fail(why, "the log has %zu more lines, of which %zu are the run's",
			  after.count - before.count, json_array_size(told.journal.lines));
	journal_free(&told.journal);
	close(listener);
	return ok;
}

const struct test record_tests[] = {
	{ "prepare", test_prepare },
	{ "all", test_all },
	{ "matched", test_matched },
	{ "denied", test_denied },
	{ "by-mode", test_by_mode },
	{ "repeated", test_repeated },
	{ "another-process", test_another_process },
	{ "read-and-written", test_written },
	{ "made", test_made },
	{ "denied-each-time", test_denied_each_time },
	{ "says-by-what", test_says_by_what },
	{ "untagged", test_untagged },
	{},
};
