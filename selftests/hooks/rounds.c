/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every vector in every round, and what is expected of it there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks.h"

#define POLICIES WORK "/rounds.d"
#define POLICY	POLICIES "/rounds.yaml"
#define LOG	"/var/log/ringfence/audit.jsonl"

struct round {
	const char *name;
	const char *verdict;		/* of the rules; NULL: nothing is tagged */
	const char *mode;
	const char *record;
};

static const struct round rounds[] = {
	{ "control", NULL, NULL, NULL },
	{ "allow", "allow", "enforce", "denied" },
	{ "audit", "audit", "enforce", "denied" },
	{ "deny", "deny", "enforce", "denied" },
	{ "audit-mode", "deny", "audit", "denied" },
	{ "record", "allow", "enforce", "matched" },
};
#define ROUNDS (sizeof(rounds) / sizeof(*rounds))

/* What no vector fails with by itself. */
static const int errnos[] = {
	EHOSTUNREACH, ENETUNREACH, ECONNREFUSED, ETIMEDOUT, EBFONT, EACCES, ENOENT, EIO,
};

static int errno_of_rule(const struct vector *vector)
{
	return errnos[vector_number(vector) % (sizeof(errnos) / sizeof(*errnos))];
}

bool fail(struct why *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return false;
}

void tests_print(const char *suite, const char *name, const struct why *why, bool ok)
{
	printf("%sok %s/%s%s%s\n", ok ? "" : "not ", suite, name, ok ? "" : ": ",
	       ok ? "" : why->text);
	fflush(stdout);
}

/* --- the policy ----------------------------------------------------------------------------- */

static unsigned int rule_lines[VECTORS_MAX];	/* where the rule about a vector stands; 0: none */

static bool has_nets(const struct vector *vector)
{
	return vector->place.ip && !(vector->nets && !*vector->nets);
}

static void write_service(FILE *file, const struct vector *vector)
{
	fprintf(file, "  %s: {", vector->name);
	if (has_nets(vector) && vector->nets)
		fprintf(file, "nets: [%s]", vector->nets);
	else if (has_nets(vector))
		fprintf(file, "nets: [\"%s\"]", vector->place.ip);
	if (has_nets(vector) && vector->ports)
		fprintf(file, ", ports: [%s]", vector->ports);
	else if (has_nets(vector) && vector->place.port)
		fprintf(file, ", ports: [%u]", vector->place.port);
	if (vector->files)
		fprintf(file, "files: [\"%s\"]", vector_path(vector, vector->files));
	if (vector->execs)
		fprintf(file, "execs: [\"%s\"]", vector_path(vector, vector->execs));
	if (vector->sockets)
		fprintf(file, "sockets: [\"%s\"]", *vector->sockets == '@' ? vector->sockets :
			vector_path(vector, vector->sockets));
	fprintf(file, "}\n");
}

static void write_rule(FILE *file, const struct vector *vector, const struct round *round)
{
	fprintf(file, "  - {%s: %s, why: reason of %s", round->verdict, vector->name, vector->name);
	if (!strcmp(round->verdict, "deny"))
		fprintf(file, ", errno: %s", strerrorname_np(errno_of_rule(vector)));
	if (vector->access)
		fprintf(file, ", access: %s", vector->access);
	fprintf(file, "}\n");
}

static bool has_service(const struct vector *vector)
{
	return has_nets(vector) || vector->files || vector->execs || vector->sockets;
}

static bool write_policy(const struct round *round)
{
	unsigned int line = 5;
	FILE *file = fopen(POLICY, "we");

	if (!file)
		return false;
	fprintf(file, "tag: rounds\nmode: %s\nrecord: %s\nservices:\n", round->mode, round->record);
	for (uint32_t i = 0; i < vector_count(); i++)
		if (has_service(vector_at(i))) {
			write_service(file, vector_at(i));
			line++;
		}
	fprintf(file, "rules:\n");
	for (uint32_t i = 0; i < vector_count(); i++) {
		rule_lines[i] = 0;
		if (!has_service(vector_at(i)))
			continue;
		rule_lines[i] = ++line;
		write_rule(file, vector_at(i), round);
	}
	return !fclose(file);
}

/* --- what is expected ----------------------------------------------------------------------- */

struct expected {
	int err;			/* of the attempt */
	unsigned int effects, records;
	const char *verdict;		/* in the records */
	int record_err;
	bool enforced;			/* the denial was returned */
	bool or_more;			/* records: of each process that has a part in it, and of each name */
	const char *mode;
};

/* As without a fence. */
static struct expected expect_nothing(const struct vector *vector)
{
	struct expected expected = { .err = -vector->control_errno };

	expected.effects = vector->control_errno ? 0 : vector->effects ?: 1;
	return expected;
}

/* Whether that it is allowed is recorded. By which hooks is not what this is about: of what is done with an
 * object in several steps, the first that is recorded is another one than where they are denied. */
static bool is_told(const struct vector *vector, const struct round *round)
{
	return vector->judged == BY_RULE && !strcmp(round->record, "matched");
}

static struct expected expect(const struct vector *vector, const struct round *round)
{
	struct expected expected = expect_nothing(vector);

	if (!round->verdict || vector->judged == NOT_JUDGED ||
	    (vector->judged == BY_RULE && !strcmp(round->verdict, "allow") && !is_told(vector, round)))
		return expected;
	expected.records = vector->records ?: 1;
	if (is_told(vector, round)) {
		expected.records = !vector->by_the_way;
		expected.or_more = true;
	}
	expected.verdict = vector->judged == BY_DOUBT ? "deny" :
			   vector->judged == BY_RULE ? round->verdict : "audit";
	expected.mode = round->mode;
	if (strcmp(expected.verdict, "deny"))
		return expected;
	expected.record_err = vector->judged == BY_DOUBT ? EPERM : errno_of_rule(vector);
	expected.enforced = strcmp(round->mode, "audit");
	if (expected.enforced) {
		expected.records = vector->records_denied ?: expected.records;
		expected.err = -expected.record_err;
		expected.effects = 0;
	}
	return expected;
}

/* --- records -------------------------------------------------------------------------------- */

static bool text_is(const json_t *record, const char *path, const char *want, struct why *why)
{
	const char *have = record_text(record, path);

	return !strcmp(have, want) || fail(why, "%s is \"%s\" and not \"%s\"", path, have, want);
}

/* Whether @have is one of the words of "A|B". */
static bool is_one_of(const char *have, const char *words)
{
	size_t length = strlen(have);

	for (; words; words = strchr(words, '|') ? strchr(words, '|') + 1 : NULL)
		if (!strncmp(words, have, length) && (!words[length] || words[length] == '|'))
			return true;
	return false;
}

static bool check_hook(const struct vector *vector, const json_t *record, struct why *why)
{
	const char *hook = record_text(record, "event.action");

	return is_one_of(hook, vector->hook) ||
		fail(why, "event.action is \"%s\" and not \"%s\"", hook, vector->hook);
}

static bool check_implied_rule(const struct vector *vector, const json_t *record, struct why *why)
{
	char text[NAME_SIZE + 32];

	snprintf(text, sizeof(text), "audit %s", vector->service);
	return text_is(record, "ringfence.service", vector->service, why) &&
		text_is(record, "rule.name", text, why) &&
		text_is(record, "ringfence.policy", "handoff.yaml", why);
}

static bool check_rule(const struct vector *vector, const json_t *record,
		       const struct expected *expected, struct why *why)
{
	char text[NAME_SIZE + 32];

	if (vector->judged == IMPLIED)
		return check_implied_rule(vector, record, why);
	if (vector->judged != BY_RULE)
		return text_is(record, "ringfence.service", "", why) &&
			text_is(record, "ringfence.reason", vector->reason ?: vector->place.ip ?
				"address could not be told" : "path could not be resolved", why);
	if (!text_is(record, "ringfence.service", vector->name, why))
		return false;
	snprintf(text, sizeof(text), "%s %s", expected->verdict, vector->name);
	if (!text_is(record, "rule.name", text, why))
		return false;
	snprintf(text, sizeof(text), "reason of %s", vector->name);
	if (!text_is(record, "rule.description", text, why))
		return false;
	snprintf(text, sizeof(text), POLICY ":%u", rule_lines[vector_number(vector)]);
	return text_is(record, "rule.id", text, why);
}

static bool check_verdict(const json_t *record, const struct expected *expected, struct why *why)
{
	bool enforced = json_is_true(record_value(record, "ringfence.enforced"));

	if (enforced != expected->enforced)
		return fail(why, "ringfence.enforced is %s", enforced ? "true" : "false");
	return text_is(record, "ringfence.verdict", expected->verdict, why) &&
		text_is(record, "ringfence.errno", expected->record_err ?
			strerrorname_np(expected->record_err) : "", why) &&
		text_is(record, "ringfence.mode", expected->mode, why) &&
		text_is(record, "event.outcome", enforced ? "failure" : "success", why) &&
		text_is(record, "event.type.0", enforced ? "denied" : "allowed", why);
}

static bool check_net(const struct vector *vector, const json_t *record, struct why *why)
{
	static const char *const transports[] = { [SOCK_STREAM] = "tcp", [SOCK_DGRAM] = "udp",
						  [SOCK_RAW] = "" };
	const json_t *port = record_value(record, "destination.port");

	if (vector->judged == BY_DOUBT)
		return !record_value(record, "destination") || fail(why, "it has a destination");
	if (vector->place.type != SOCK_RAW && json_integer_value(port) != vector->place.port)
		return fail(why, "destination.port is %lld",
			    (long long)json_integer_value(port));
	return text_is(record, "destination.ip", vector->place.ip, why) &&
		text_is(record, "network.transport", vector->place.protocol == IPPROTO_SCTP ?
			"other" : transports[vector->place.type], why);
}

static bool check_file(const struct vector *vector, const json_t *record, struct why *why)
{
	bool interprets = vector->script && strcmp(vector->script, vector->execs);

	if (vector->seen_path && *vector->seen_path &&
	    !text_is(record, "file.path", vector_path(vector, vector->seen_path), why))
		return false;
	if (!*record_text(record, "file.inode") && !vector->no_inode)
		return fail(why, "no file.inode");
	return text_is(record, "ringfence.access", vector->seen_access ?: "", why) &&
		text_is(record, "ringfence.script", interprets ?
			vector_path(vector, vector->script) : "", why);
}

static bool check_socket(const struct vector *vector, const json_t *record, struct why *why)
{
	const char *address = vector->sockets ?: vector->target;
	long long peer = json_integer_value(record_value(record, "ringfence.peer.pid"));

	if (*address != '@' && !*record_text(record, "file.inode"))
		return fail(why, "no file.inode");
	/* Who listens is known of streams: it is this process. */
	if (!strcmp(vector->hook, "unix_stream_connect") && peer != getpid())
		return fail(why, "ringfence.peer.pid is %lld and not %d", peer, getpid());
	return text_is(record, "destination.address", *address == '@' ? address :
		       vector_path(vector, vector->seen_path ?: address), why) &&
		text_is(record, "network.type", "unix", why);
}

static bool check_object(const struct vector *vector, const json_t *record, struct why *why)
{
	if (vector->seen_act)
		return text_is(record, "ringfence.act", vector->seen_act, why);
	if (vector->sockets || !strncmp(vector->hook, "unix_", 5))
		return check_socket(vector, record, why);
	return vector->place.ip ? check_net(vector, record, why) : check_file(vector, record, why);
}

/* Who it was: this program, in one of the roles that it was given on the command line; or another. */
static bool check_executable(const struct vector *vector, const json_t *record, struct why *why)
{
	const char *role = record_text(record, "process.args.1"), *folder = vector_path(vector, "");
	const char *executable = record_text(record, "process.executable");

	if (vector->executable)
		return !strncmp(executable, folder, strlen(folder)) ||
			fail(why, "process.executable is \"%s\"", executable);
	if (strcmp(role, "actor") && strcmp(role, "again"))
		return fail(why, "process.args is not the actor's, but \"%s\"", role);
	return text_is(record, "process.executable", self_path(), why);
}

static bool check_process(const struct vector *vector, const json_t *record, struct why *why)
{
	if (json_integer_value(record_value(record, "process.pid")) <= 0 ||
	    json_integer_value(record_value(record, "process.parent.pid")) <= 0)
		return fail(why, "no pid of the process or of its parent");
	if (!vector->in_main && !text_is(record, "process.parent.executable", self_path(), why))
		return false;
	return check_executable(vector, record, why) &&
		text_is(record, "ringfence.tag", "rounds", why) &&
		(vector->judged == IMPLIED ||
		 text_is(record, "ringfence.policy", vector->judged == BY_RULE ? "rounds.yaml" :
			 "rounds", why)) &&
		text_is(record, "ringfence.lineage", "complete", why) &&
		check_hook(vector, record, why);
}

static bool check_record(const struct vector *vector, const json_t *record,
			 const struct expected *expected, struct why *why)
{
	return check_verdict(record, expected, why) && check_rule(vector, record, expected, why);
}

/* Of several records of one attempt, the first is that of the hook that is meant; the others follow
 * from it. */
static bool check_first_record(const struct vector *vector, const json_t *record,
			       const struct expected *expected, struct why *why)
{
	return check_record(vector, record, expected, why) && check_object(vector, record, why) &&
		check_process(vector, record, why);
}

static bool check_records(const struct vector *vector, const struct journal *journal,
			  const struct expected *expected, struct why *why)
{
	unsigned int count = 0;
	json_t *record;
	char comm[16];
	size_t i;

	vector_comm(vector, comm);
	json_array_foreach(journal->lines, i, record) {
		if (strcmp(record_text(record, "process.name"), comm))
			continue;
		if (!count++ && !expected->records && !expected->or_more)
			return fail(why, "a record of it: %s %s",
				    record_text(record, "event.action"),
				    record_text(record, "rule.name"));
		if (count == 1 && !expected->or_more && !check_first_record(vector, record, expected, why))
			return false;
		if (count <= expected->records && !check_record(vector, record, expected, why))
			return false;
	}
	return count == expected->records || (count > expected->records && expected->or_more) ||
		fail(why, "%u records and not %u", count, expected->records);
}

/* --- a round -------------------------------------------------------------------------------- */

struct outcome {
	struct report reports[VECTORS_MAX];
	bool reported[VECTORS_MAX];
	size_t count;
	struct command command;
	struct journal journal;
	long long generation;		/* of the ruleset in force */
};

static void read_reports(struct outcome *outcome)
{
	int fd = open(REPORTS, O_RDONLY | O_CLOEXEC);
	struct report report;

	outcome->count = 0;
	memset(outcome->reported, 0, sizeof(outcome->reported));
	while (fd >= 0 && read(fd, &report, sizeof(report)) == sizeof(report)) {
		if (report.vector >= vector_count())
			continue;
		outcome->count += !outcome->reported[report.vector];
		outcome->reported[report.vector] = true;
		outcome->reports[report.vector] = report;
	}
	if (fd >= 0)
		close(fd);
}

static size_t records_expected(const struct round *round)
{
	size_t count = 0;

	for (uint32_t i = 0; i < vector_count(); i++)
		if (!vector_missing(vector_at(i)))
			count += expect(vector_at(i), round).records;
	return count;
}

static size_t reports_expected(void)
{
	size_t count = 0;

	for (uint32_t i = 0; i < vector_count(); i++)
		count += !vector_missing(vector_at(i));
	return count;
}

/* The last reports and records come from processes that outlive the command. */
static void wait_for_stragglers(struct outcome *outcome, const struct round *round)
{
	int64_t end = now_ms() + WAIT_MS;

	for (;;) {
		read_reports(outcome);
		journal_read_ruleset(&outcome->journal, LOG, outcome->generation);
		if ((outcome->count == reports_expected() &&
		     json_array_size(outcome->journal.lines) >= records_expected(round)) ||
		    now_ms() >= end || outcome->command.status)
			return;
		journal_free(&outcome->journal);
		pause_briefly();
	}
}

/* --- the fence ------------------------------------------------------------------------------ */

static struct background collecting;

#define GATE "/run/ringfence/socket"

/* One fence for all rounds: what changes is the policy in force. */
static bool fence_up(struct why *why)
{
	struct command command;

	mkdir(POLICIES, 0755);
	if (!write_policy(&rounds[1]))
		return fail(why, "cannot write " POLICY);
	command_run(&command, 0, COMMAND("ringfence", "load", "--policy-dir", POLICIES));
	if (command.status)
		return fail(why, "load: status %d: %.300s", command.status, command.err);
	if (background_start(&collecting, COMMAND("ringfence", "daemon")))
		return fail(why, "no daemon");
	/* It looks its group up before it listens, which must not be taken for a vector's doing. */
	for (int64_t end = now_ms() + WAIT_MS; access(GATE, F_OK) && now_ms() < end; pause_briefly())
		;
	return !access(GATE, F_OK) || fail(why, "the daemon does not listen");
}

static bool fence_down(struct why *why)
{
	struct command command;

	kill(collecting.pid, SIGTERM);
	if (background_end(&collecting))
		return fail(why, "the daemon failed");
	command_run(&command, 0, COMMAND("ringfence", "unload", "--force"));
	return !command.status || fail(why, "unload: status %d: %.300s", command.status, command.err);
}

/* Puts the policy of a round in force; its generation tells its records. */
static void apply(const struct round *round, struct outcome *outcome)
{
	const char *generation;

	if (!write_policy(round))
		abort();
	command_run(&outcome->command, 0, COMMAND("ringfence", "apply", POLICY));
	generation = strstr(outcome->command.out, "generation ");
	outcome->generation = generation ? atoll(generation + strlen("generation ")) : -1;
}

static void act(const struct round *round, struct outcome *outcome)
{
	char *program = (char *)self_path();

	if (!round->verdict)
		command_run(&outcome->command, 0, COMMAND(program, "actor"));
	else
		command_run(&outcome->command, 0, COMMAND("ringfence", "run", "--tag", "rounds", "--quiet",
							  "--", program, "actor"));
	if (outcome->command.status)
		return;
	inherited_open();
	if (!round->verdict)
		command_run(&outcome->command, 0, COMMAND(program, "actor", "inherited"));
	else
		command_run(&outcome->command, 0, COMMAND("ringfence", "run", "--tag", "rounds", "--quiet",
							  "--keep-fds", "--", program, "actor",
							  "inherited"));
	inherited_close();
}

static bool tagged;

bool rounds_tagged(void)
{
	return tagged;
}

static void play(const struct round *round, struct outcome *outcome)
{
	tagged = round->verdict;
	unlink(REPORTS);
	for (uint32_t i = 0; i < vector_count(); i++)
		if (vector_at(i)->prepare && !vector_missing(vector_at(i)))
			vector_at(i)->prepare(vector_at(i));
	outcome->generation = -1;
	if (round->verdict)
		apply(round, outcome);
	giver_start();		/* with the servers that are there now */
	if (!outcome->command.status)
		act(round, outcome);
	wait_for_stragglers(outcome, round);
}

/* Connections and datagrams may be a moment behind their senders. */
static unsigned int count_effects(const struct vector *vector, const struct report *report,
				  unsigned int want)
{
	int64_t end = now_ms() + 2000;
	unsigned int count;

	while ((count = vector->count(vector, report)) < want && now_ms() < end)
		pause_briefly();
	return count;
}

/* What was said last says why. */
static const char *end_of(const char *text)
{
	size_t length = strlen(text);

	return length > 300 ? text + length - 300 : text;
}

static bool judge(const struct vector *vector, const struct round *round,
		  const struct outcome *outcome, struct why *why)
{
	uint32_t number = vector_number(vector);
	const struct report *report = &outcome->reports[number];
	struct expected expected = expect(vector, round);
	unsigned int effects;

	if (!outcome->reported[number])
		return fail(why, "no report of the attempt (status %d): %.300s",
			    outcome->command.status, end_of(outcome->command.err));
	effects = count_effects(vector, report, expected.effects);
	if (effects != expected.effects)
		return fail(why, "the far side saw it %u times and not %u (the attempt met %s)",
			    effects, expected.effects,
			    report->err ? strerrorname_np(-report->err) : "no error");
	if (report->err != expected.err && !(expected.enforced && vector->hides_errno))
		return fail(why, "it met %s and not %s",
			    report->err ? strerrorname_np(-report->err) : "no error",
			    expected.err ? strerrorname_np(-expected.err) : "none");
	return check_records(vector, &outcome->journal, &expected, why);
}

/* Status 0, no message, and not a record that no vector accounts for. */
static bool judge_whole(const struct round *round, const struct outcome *outcome, struct why *why)
{
	size_t lines = json_array_size(outcome->journal.lines), want = records_expected(round);

	if (outcome->command.status)
		return fail(why, "status %d: %.300s", outcome->command.status,
			    end_of(outcome->command.err));
	if (*outcome->journal.error)
		return fail(why, "%s", outcome->journal.error);
	return lines == want || (lines > want && !strcmp(round->record ?: "", "matched")) ||
		fail(why, "the log has %zu lines and not %zu", lines, want);
}

static void print_vector(const struct round *round, const char *name, const struct why *why,
			 bool ok)
{
	char text[NAME_SIZE * 2];

	snprintf(text, sizeof(text), "%s/%s", round->name, name);
	tests_print("hooks", text, why, ok);
}

/* What a kernel cannot have is told apart from what it can. */
static void print_missing(const struct round *round, const struct vector *vector)
{
	printf("ok hooks/%s/%s # MISSING %s\n", round->name, vector->name, vector_missing(vector));
}

/* Returns how many tests failed. */
static int judge_round(const struct round *round, const struct outcome *outcome)
{
	struct why why = {};
	bool ok = judge_whole(round, outcome, &why);
	int failed = !ok;

	print_vector(round, "whole-run", &why, ok);
	for (uint32_t i = 0; i < vector_count(); i++) {
		const struct vector *vector = vector_at(i);

		if (vector_missing(vector)) {
			print_missing(round, vector);
			continue;
		}
		ok = judge(vector, round, outcome, &why);
		print_vector(round, vector->name, &why, ok);
		failed += !ok;
	}
	return failed;
}

static bool is_wanted(const struct round *round, char *const names[])
{
	bool wanted = !*names;

	for (; *names; names++)
		wanted |= !strcmp(*names, round->name);
	return wanted;
}

void rounds_plan(char *const names[])
{
	printf("hooks/fence-up\nhooks/fence-down\n");
	for (size_t r = 0; r < ROUNDS; r++) {
		if (!is_wanted(&rounds[r], names))
			continue;
		printf("hooks/%s/whole-run\n", rounds[r].name);
		for (uint32_t i = 0; i < vector_count(); i++)
			printf("hooks/%s/%s\n", rounds[r].name, vector_at(i)->name);
	}
}

/* hooks classes: the vectors, a line each: class, name, and how it is judged. */
int classes_main(int argc, char **argv)
{
	static const char *const words[] = {
		[BY_RULE] = "denied", [BY_DOUBT] = "denied", [AUDITED] = "audited",
		[IMPLIED] = "audited", [NOT_JUDGED] = "free",
	};
	const struct class *class;

	(void)argc;
	(void)argv;
	for (size_t i = 0; (class = class_at(i)); i++)
		for (const struct vector *vector = class->vectors; vector->name; vector++)
			printf("%s %s %s\n", class->name, vector->name, words[vector->judged]);
	return 0;
}

int rounds_main(int argc, char **argv)
{
	static struct outcome outcome;
	struct why why = {};
	int failed = 0;
	bool ok;

	(void)argc;
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ FILES_MAX, FILES_MAX });
	vectors_examine();
	ok = fence_up(&why);
	tests_print("hooks", "fence-up", &why, ok);
	for (size_t r = 0; ok && r < ROUNDS; r++) {
		if (!is_wanted(&rounds[r], argv + 2))
			continue;
		memset(&outcome, 0, sizeof(outcome));
		play(&rounds[r], &outcome);
		failed += judge_round(&rounds[r], &outcome);
		giver_stop();
		journal_free(&outcome.journal);
	}
	ok = fence_down(&why);
	tests_print("hooks", "fence-down", &why, ok);
	return failed || !ok;
}
