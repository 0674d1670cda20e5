/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the log says of a run as a whole: that it begins, with what its script names, and that it is over, with
 * the figures of its account; and who accepts at destinations on this host. On the loaded fence.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempts.h"

#define LOG	WORK "/notes.jsonl"
#define POLICY	WORK "/notes.yaml"
#define SCRIPT	WORK "/notes.sh"
#define UNIT	"hooks-test.service"
#define GROUP	"/sys/fs/cgroup/" UNIT
#define LOCAL	"127.6.1.1"
#define TCP_PORT 8001
#define UDP_PORT 8002
#define NO_PORT	8003			/* where nobody listens */
#define AWAY	"203.0.113.9"		/* no address of the guest's */
#define RUN	"ringfence", "run", "--quiet", "--tag", "notes", "--log", LOG

/* hooks reach-local (tcp|udp) IP PORT: whatever becomes of it. */
int reach_local_main(int argc, char **argv)
{
	struct sockaddr_storage to = {};
	bool udp = argc > 4 && !strcmp(argv[2], "udp");
	socklen_t size = argc > 4 ? place_address_as(argv[3], atoi(argv[4]), &to) : 0;
	int fd = socket(to.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

	if (!size || fd < 0)
		return 2;
	if (udp)
		sendto(fd, "x", 1, 0, (struct sockaddr *)&to, size);
	else
		connect(fd, (struct sockaddr *)&to, size);
	close(fd);
	return 0;
}

static bool apply(struct why *why)
{
	struct command command;

	write_small(POLICY,
		    "tag: notes\nmode: enforce\nservices:\n"
		    "  local-things: {nets: [127.6.0.0/16]}\n"
		    "  far-things: {nets: [203.0.113.0/24]}\n"
		    "rules:\n  - audit: local-things\n  - {deny: far-things, errno: EHOSTUNREACH}\n");
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	return !command.status || fail(why, "apply: %.300s", command.err);
}

/* Runs a script of these lines, and reads its log. */
static bool run_script(const char *lines, int status, struct journal *journal, struct why *why)
{
	struct command command;
	char text[2048];

	unlink(LOG);
	snprintf(text, sizeof(text), "#!/bin/bash\n%s", lines);
	write_small(SCRIPT, text);
	chmod(SCRIPT, 0755);
	setenv("HOOKS", self_path(), true);
	setenv("PROXY", "http://u:hunter2@far-things:3128", true);
	command_run(&command, 0, COMMAND(RUN, "--", SCRIPT, "--token=hunter2"));
	unsetenv("PROXY");
	journal_read_all(journal, LOG, NULL);
	if (command.status != status)
		return fail(why, "status %d: %.300s", command.status, command.err);
	return !*journal->error || fail(why, "%s", journal->error);
}

static long long number_in(const json_t *record, const char *path)
{
	return json_integer_value(record_value(record, path));
}

/* The value at a path of a record, or at a number of the list there, is this text. */
static bool is_text(const json_t *record, const char *path, const char *text, struct why *why)
{
	return !strcmp(record_text(record, path), text) ||
		fail(why, "%s is \"%s\", and not \"%s\"", path, record_text(record, path), text);
}

static bool is_number(const json_t *record, const char *path, long long number, struct why *why)
{
	return (json_is_integer(record_value(record, path)) && number_in(record, path) == number) ||
		fail(why, "%s is %lld, and not %lld", path, number_in(record, path), number);
}

/* --- the beginning and the end -------------------------------------------------------------- */

static const char two_denials[] =
	"# far-things in a comment\n"
	"there=http://far-things/x\n"
	"$HOOKS reach-local tcp " AWAY " 80\n"
	"$HOOKS reach-local tcp " AWAY " 80\n"
	"$HOOKS reach-local tcp " LOCAL " 8001\n"
	"exit 7\n";

static bool begins(const json_t *line, struct why *why)
{
	static const struct {
		const char *path, *text;
	} texts[] = {
		{ "event.action", "run-begin" },
		{ "event.type.0", "start" },
		{ "process.args.0", SCRIPT },
		{ "process.args.1", "--token=***" },
		{ "ringfence.tag", "notes" },
		{ "ringfence.policy", "notes.yaml" },
		{ "ringfence.verdict", "allow" },
		{ "ringfence.mode", "enforce" },
		{ "ringfence.reason", "a run begins" },
		{ "ringfence.begin.command.0", SCRIPT },
		{ "ringfence.begin.script", SCRIPT },
		{ "ringfence.begin.user", "root" },
		{ "ringfence.begin.named.0.service", "far-things" },
		{ "ringfence.begin.named.0.where", "script" },
		{ "ringfence.begin.named.0.text", "there=http://far-things/x" },
		{ "ringfence.begin.named.1.service", "far-things" },
		{ "ringfence.begin.named.3.service", "local-things" },
		{ "ringfence.begin.named.4.where", "environment" },
		{ "ringfence.begin.named.4.name", "PROXY" },
		{ "ringfence.begin.named.4.text", "http://***@far-things:3128" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!is_text(line, texts[i].path, texts[i].text, why))
			return false;
	return is_number(line, "ringfence.begin.named.0.line", 3, why) &&
		(json_array_size(record_value(line, "ringfence.begin.named")) == 5 ||
		 fail(why, "it names %zu places", json_array_size(record_value(line, "ringfence.begin.named"))));
}

/* The process that begins is the root of all that is recorded. */
static bool is_root(const json_t *begin, const json_t *record, struct why *why)
{
	const json_t *ancestors = record_value(record, "ringfence.ancestors");
	const json_t *root = json_array_get(ancestors, json_array_size(ancestors) - 1);

	return is_text(root, "entity_id", record_text(begin, "process.entity_id"), why);
}

static bool ends_as(const json_t *line, long long status, long long denied, long long audited, struct why *why)
{
	return is_text(line, "event.action", "run-end", why) && is_text(line, "event.type.0", "end", why) &&
		is_text(line, "ringfence.tag", "notes", why) && is_text(line, "ringfence.verdict", "allow", why) &&
		is_text(line, "ringfence.reason", "a run is over", why) &&
		is_number(line, "ringfence.end.status", status, why) &&
		is_number(line, "ringfence.end.denied", denied, why) &&
		is_number(line, "ringfence.end.audited", audited, why) &&
		is_number(line, "ringfence.end.submitted", denied + audited + 1, why) &&
		is_number(line, "ringfence.end.lost", 0, why);
}

static bool test_begin_and_end(struct why *why)
{
	struct journal journal;
	size_t count;
	bool ok = apply(why) && run_script(two_denials, 7, &journal, why);

	if (!ok)
		return false;
	count = json_array_size(journal.lines);
	if (count != 5)
		ok = fail(why, "%zu lines", count);
	ok = ok && begins(json_array_get(journal.lines, 0), why) &&
		is_root(json_array_get(journal.lines, 0), json_array_get(journal.lines, 1), why) &&
		ends_as(json_array_get(journal.lines, count - 1), 7, 2, 1, why);
	journal_free(&journal);
	return ok;
}

/* A command that could not be executed was a run, too. */
static bool test_not_found(struct why *why)
{
	struct journal journal;
	struct command command;
	bool ok;

	unlink(LOG);
	command_run(&command, 0, COMMAND(RUN, "--mode", "audit", "--", WORK "/not-there"));
	journal_read_all(&journal, LOG, NULL);
	ok = (command.status == 127 && json_array_size(journal.lines) == 2) ||
		fail(why, "status %d, %zu lines", command.status, json_array_size(journal.lines));
	ok = ok && is_text(json_array_get(journal.lines, 0), "ringfence.mode", "audit", why) &&
		is_text(json_array_get(journal.lines, 0), "process.args.0", WORK "/not-there", why) &&
		ends_as(json_array_get(journal.lines, 1), 127, 0, 0, why);
	journal_free(&journal);
	return ok;
}

/* `ringfence log` says both to people, and what one run begins with is not said of another. */
static bool test_shown(struct why *why)
{
	struct command command;

	command_run(&command, 0, COMMAND("ringfence", "log", LOG));
	if (command.status || !strstr(command.out, "run begins: " WORK "/not-there") ||
	    !strstr(command.out, "run is over: status 127, 0 would have been denied, 0 lost"))
		return fail(why, "log: %.400s", command.out);
	command_run(&command, 0, COMMAND("ringfence", "log", "--verdict", "allow", LOG));
	return !strstr(command.out, "run begins") || fail(why, "log --verdict allow: %.300s", command.out);
}

/* Launchers write their lines side by side: each has both of its own. */
static bool test_many(struct why *why)
{
	enum { MANY = 8 };
	struct background runs[MANY];
	bool ok = true;

	for (int i = 0; i < MANY; i++) {
		static char log[MANY][64];

		snprintf(log[i], sizeof(log[i]), WORK "/many-%d.jsonl", i);
		unlink(log[i]);
		if (background_start(&runs[i], COMMAND("ringfence", "run", "--quiet", "--tag", "notes", "--log",
						       log[i], "--", "true")))
			return fail(why, "cannot start a run");
	}
	for (int i = 0; i < MANY; i++) {
		struct journal journal;
		char log[64];
		int status = background_end(&runs[i]);

		snprintf(log, sizeof(log), WORK "/many-%d.jsonl", i);
		journal_read_all(&journal, log, NULL);
		if (ok && (status || json_array_size(journal.lines) != 2))
			ok = fail(why, "run %d: status %d, %zu lines", i, status, json_array_size(journal.lines));
		ok = ok && is_text(json_array_get(journal.lines, 0), "event.action", "run-begin", why) &&
			ends_as(json_array_get(journal.lines, 1), 0, 0, 0, why);
		journal_free(&journal);
	}
	return ok;
}

/* --- who accepts ---------------------------------------------------------------------------- */

static int listen_udp(void)
{
	struct sockaddr_storage name;
	socklen_t size = place_address_as(LOCAL, UDP_PORT, &name);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&name, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The one record about a port, NULL where there are none or several. */
static const json_t *record_about(const struct journal *journal, long long port)
{
	const json_t *found = NULL;
	size_t i;
	json_t *record;

	json_array_foreach(journal->lines, i, record) {
		if (number_in(record, "destination.port") != port)
			continue;
		if (found)
			return NULL;
		found = record;
	}
	return found;
}

static bool is_this_process(const json_t *record, struct why *why)
{
	if (!record)
		return fail(why, "not one record of it");
	return is_number(record, "ringfence.peer.pid", getpid(), why) &&
		is_text(record, "ringfence.peer.name", "hooks", why) &&
		is_text(record, "ringfence.peer.executable", self_path(), why) &&
		is_text(record, "ringfence.peer.unit", UNIT, why) &&
		(json_is_true(record_value(record, "ringfence.local")) || fail(why, "it is not said to be local")) &&
		(!record_value(record, "ringfence.peer_unknown") || fail(why, "and it is said to be unknown"));
}

static bool is_unknown(const json_t *record, struct why *why)
{
	if (!record)
		return fail(why, "not one record of where nobody listens");
	return (json_is_true(record_value(record, "ringfence.local")) &&
		json_is_true(record_value(record, "ringfence.peer_unknown")) &&
		!record_value(record, "ringfence.peer")) || fail(why, "somebody is said to be where nobody listens");
}

static bool is_away(const json_t *record, struct why *why)
{
	if (!record)
		return fail(why, "not one record of what is elsewhere");
	return (!record_value(record, "ringfence.local") && !record_value(record, "ringfence.peer_unknown") &&
		!record_value(record, "ringfence.peer")) || fail(why, "what is elsewhere is said to be local");
}

static bool peers_are_told(struct why *why)
{
	struct journal journal;
	int tcp = far_listen(LOCAL, TCP_PORT), udp = listen_udp();
	bool ok = run_script("$HOOKS reach-local tcp " LOCAL " 8001\n"
			     "$HOOKS reach-local udp " LOCAL " 8002\n"
			     "$HOOKS reach-local tcp " LOCAL " 8003\n"
			     "$HOOKS reach-local tcp " AWAY " 80\n"
			     "exit 0\n", 0, &journal, why);

	if (ok)
		ok = is_this_process(record_about(&journal, TCP_PORT), why) &&
			is_this_process(record_about(&journal, UDP_PORT), why) &&
			is_unknown(record_about(&journal, NO_PORT), why) && is_away(record_about(&journal, 80), why);
	journal_free(&journal);
	close(tcp);
	close(udp);
	return ok;
}

static bool move_to(const char *group)
{
	char path[400], pid[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(pid, sizeof(pid), "%d", getpid());
	return !write_small(path, pid);
}

/* This process is the server, in a control group like that of a service. */
static bool test_peers(struct why *why)
{
	char before[256] = "", group[300];
	bool ok;

	read_small("/proc/self/cgroup", before, sizeof(before));
	before[strcspn(before, "\n")] = 0;
	snprintf(group, sizeof(group), "/sys/fs/cgroup%s", *before ? before + strlen("0::") : "/");
	if ((mkdir(GROUP, 0755) && errno != EEXIST) || !move_to(GROUP))
		return fail(why, "cannot move into " GROUP);
	ok = peers_are_told(why);
	if (!move_to(group))
		ok = fail(why, "cannot move back into %s", group);
	rmdir(GROUP);
	return ok;
}

const struct test notes_tests[] = {
	{ "begin-and-end", test_begin_and_end },
	{ "not-found", test_not_found },
	{ "shown", test_shown },
	{ "many", test_many },
	{ "peers", test_peers },
	{},
};
