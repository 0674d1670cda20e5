/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs of an ordinary user, who asks the daemon. On the loaded fence; with a daemon of their own.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../userspace/base/locations.h"
#include "../../userspace/launch/gate.h"
#include "attempts.h"

#define POLICY	   WORK "/gate.yaml"
#define SCRIPT	WORK "/gate.sh"
#define DEPLOY_USER 1000			/* with a group of the same number */

#define RUN(...) COMMAND("ringfence", "run", "--quiet", "--tag", __VA_ARGS__)
#define ATTEMPT "--", (char *)self_path(), "attempt", "0"

static struct background daemon_of_gate;
static int server = -1;

static bool refused(const char *reason, char *const argv[], struct why *why)
{
	struct command command;

	marker_taken();
	command_run(&command, DEPLOY_USER, argv);
	if (marker_taken())
		return fail(why, "the command was started");
	if (command.status != 125)
		return fail(why, "status %d: %.300s", command.status, command.err);
	return strstr(command.err, reason) ||
		fail(why, "stderr does not say \"%s\": %.300s", reason, command.err);
}

static bool count_line(void *ctx, const char *line)
{
	const char *const *words = ctx;

	if (strstr(line, words[0]))
		++*(size_t *)words[1];
	return true;
}

/* How many lines of the log have a text in them. */
static size_t logged(const char *text)
{
	size_t count = 0;
	const char *words[] = { text, (const char *)&count };

	journal_scan(MAIN_LOG, count_line, words);
	return count;
}

/* Waits for one more of them than @before: a line may be a moment behind. */
static bool one_more(const char *text, size_t before, struct why *why)
{
	int64_t end = now_ms() + WAIT_MS;

	while (logged(text) <= before && now_ms() < end)
		pause_briefly();
	return logged(text) == before + 1 || fail(why, "not one record more of \"%s\"", text);
}

static bool test_no_daemon(struct why *why)
{
	return refused("no daemon answers", RUN("shared", ATTEMPT), why);
}

static bool write_policy(const char *users)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "tag: gate\nmode: enforce\n%s"
		 "services: {server: {nets: [" SERVER_IP "], ports: [%d]}}\n"
		 "rules: [{deny: server, errno: ENOLINK}]\n", users, SERVER_PORT);
	return !write_small(POLICY, text);
}

static bool apply(const char *users, struct why *why)
{
	struct command command;

	if (!write_policy(users))
		return fail(why, "cannot write " POLICY);
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	return !command.status || fail(why, "apply: status %d: %.300s", command.status, command.err);
}

/* Lets the group of the user in, as the package does, and waits for the first probe to pass. */
static bool start(struct why *why)
{
	FILE *groups = fopen("/etc/group", "ae");
	struct command command = { .status = -1 };
	int64_t end = now_ms() + WAIT_MS;

	if (!groups || fprintf(groups, "ringfence:x:%d:\n", DEPLOY_USER) < 0 || fclose(groups))
		return fail(why, "cannot add the group");
	if (background_start(&daemon_of_gate, COMMAND("ringfence", "daemon")))
		return fail(why, "no daemon");
	while (command.status && now_ms() < end)
		command_run(&command, DEPLOY_USER, RUN("gate", "--", "true"));
	return !command.status || fail(why, "the daemon lets nobody in: %.300s", command.err);
}

static bool test_permitted(struct why *why)
{
	struct command command;
	size_t before;

	chmod(WORK, 0777);		/* for the marker */
	server = far_listen(SERVER_IP, SERVER_PORT);
	if (attempt_connect(SERVER_IP, SERVER_PORT) || far_accepted(server) != 1)
		return fail(why, "untagged, the server cannot be reached");
	if (!apply("users: [\"1000\"]\n", why) || !start(why))
		return false;
	marker_taken();
	before = logged("ENOLINK");
	command_run(&command, DEPLOY_USER, RUN("gate", "--", (char *)self_path(), "attempt", "7"));
	if (command.status != 7 || !marker_taken())
		return fail(why, "status %d: %.300s", command.status, command.err);
	if (far_accepted(server))
		return fail(why, "the server was reached");
	return one_more("ENOLINK", before, why);
}

/* Whether a line has all of these texts in it. */
struct wanted {
	const char *const *texts;
	size_t count;
};

static bool search_line(void *ctx, const char *line)
{
	struct wanted *wanted = ctx;
	const char *const *text = wanted->texts;

	while (*text && strstr(line, *text))
		text++;
	wanted->count += !*text;
	return true;
}

/* How many lines of the log have all of these texts in them, as soon as there is one. */
static size_t lines_with(const char *const *texts)
{
	struct wanted wanted = { .texts = texts };
	int64_t end = now_ms() + WAIT_MS;

	do {
		pause_briefly();
		wanted.count = 0;
		journal_scan(MAIN_LOG, search_line, &wanted);
	} while (!wanted.count && now_ms() < end);
	return wanted.count;
}

/* The daemon has the log say it, with what the user's launcher claims of the command. */
static bool test_notes(struct why *why)
{
	static const char *const begin[] = {
		"\"action\":\"run-begin\"", "\"tag\":\"gate\"", "\"command\":[\"" SCRIPT "\",\"--token=***\"]",
		"\"script\":\"" SCRIPT "\"", "\"user\":\"deploy\"", "\"claimed\":true",
		"\"service\":\"server\",\"where\":\"script\",\"text\":\"server=\\\"x\\\"; exit 7\",\"line\":2", NULL
	};
	static const char *const end[] = {
		"\"action\":\"run-end\"", "\"tag\":\"gate\"", "\"end\":{\"status\":7,\"denied\":0,", NULL
	};
	struct command command;

	write_small(SCRIPT, "#!/bin/bash\nserver=\"x\"; exit 7\n");
	chmod(SCRIPT, 0755);
	command_run(&command, DEPLOY_USER, RUN("gate", "--", SCRIPT, "--token=hunter2"));
	if (lines_with(begin) != 1)
		return fail(why, "not one line says that it begins; status %d: %.200s", command.status, command.err);
	return lines_with(end) == 1 || fail(why, "not one line says that it is over");
}

static bool test_fail_on_deny(struct why *why)
{
	struct command command;

	command_run(&command, DEPLOY_USER, RUN("gate", "--fail-on-deny", ATTEMPT));
	return (command.status == 123 && marker_taken() && !far_accepted(server)) ||
		fail(why, "status %d: %.300s", command.status, command.err);
}

static bool test_not_permitted(struct why *why)
{
	size_t before = logged("may not start runs of tag shared");

	return refused("may not start runs of tag shared", RUN("shared", ATTEMPT), why) &&
		one_more("may not start runs of tag shared", before, why);
}

static bool test_not_permitted_any_more(struct why *why)
{
	return apply("users: [nobody]\ngroups: [daemon]\n", why) &&
		refused("may not start runs of tag gate", RUN("gate", ATTEMPT), why) &&
		apply("groups: [ringfence]\n", why);
}

static bool test_by_group(struct why *why)
{
	struct command command;

	command_run(&command, DEPLOY_USER, RUN("gate", ATTEMPT));
	return (!command.status && marker_taken() && !far_accepted(server)) ||
		fail(why, "status %d: %.300s", command.status, command.err);
}

static bool test_weaker_mode(struct why *why)
{
	return refused("--mode audit would undo", RUN("gate", "--mode", "audit", ATTEMPT), why);
}

/* What audit mode let pass was not denied, and is not said to have been. */
static bool test_audit_mode(struct why *why)
{
	char text[512];
	struct command command;

	snprintf(text, sizeof(text), "tag: gate\nmode: audit\ngroups: [ringfence]\n"
		 "services: {server: {nets: [" SERVER_IP "], ports: [%d]}}\n"
		 "rules: [{deny: server, errno: ENOLINK}]\n", SERVER_PORT);
	write_small(POLICY, text);
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	if (command.status)
		return fail(why, "apply: status %d: %.300s", command.status, command.err);
	command_run(&command, DEPLOY_USER, COMMAND("ringfence", "run", "--tag", "gate", ATTEMPT));
	if (command.status || !far_accepted(server))
		return fail(why, "status %d, or the server was not reached", command.status);
	return (strstr(command.err, ": 1 would have been denied, 0 audited, 0 lost; ") ||
		fail(why, "it says %.300s", command.err)) && apply("groups: [ringfence]\n", why);
}

/* Not by the launcher's code, which asks for nothing but its own, and with one descriptor. */
static int ask(const int *pidfds, size_t count)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = PATH_GATE };
	struct gate_request request = { .version = GATE_VERSION, .verb = GATE_TAG, .tag = "gate" };
	struct iovec data = { &request, sizeof(request) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { .head = { CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct msghdr message = { NULL, 0, &data, 1, &control, CMSG_SPACE(count * sizeof(int)), 0 };
	int gate = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct gate_answer answer;

	memcpy(CMSG_DATA(&control.head), pidfds, count * sizeof(*pidfds));
	if (connect(gate, (const struct sockaddr *)&name, sizeof(name)) ||
	    sendmsg(gate, &message, 0) != sizeof(request) ||
	    recv(gate, &answer, sizeof(answer), 0) != sizeof(answer))
		return -EIO;
	close(gate);
	return answer.err;
}

/* hooks gate-ask PID [PID]: has that process tagged, or asks with two, and prints what came of it. */
int gate_ask_main(int argc, char **argv)
{
	int pidfds[2] = { -1, -1 }, err;

	for (int i = 2; i < argc && i < 4; i++)
		pidfds[i - 2] = syscall(SYS_pidfd_open, atoi(argv[i]), 0);
	err = ask(pidfds, argc > 3 ? 2 : 1);

	printf("%s\n", err ? strerrorname_np(-err) : "none");
	return 0;
}

/* Somebody else's process: the tester's, which is root's. */
static bool test_others(struct why *why)
{
	struct command command;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	command_run(&command, DEPLOY_USER, COMMAND((char *)self_path(), "gate-ask", pid));
	if (strncmp(command.out, "EPERM\n", 6))
		return fail(why, "status %d: %.200s%.200s", command.status, command.out, command.err);
	return !attempt_connect(SERVER_IP, SERVER_PORT) && far_accepted(server) == 1 ? true :
		fail(why, "the tester was tagged");
}

static size_t descriptors_of_daemon(void)
{
	char path[64];
	struct dirent *entry;
	size_t count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", daemon_of_gate.pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

/* More descriptors than there is use for do not pile up in the daemon. */
static bool test_descriptors(struct why *why)
{
	size_t before = descriptors_of_daemon(), after;
	struct command command;
	char pid[16];
	int64_t end;

	snprintf(pid, sizeof(pid), "%d", getpid());
	for (int i = 0; i < 8; i++) {
		command_run(&command, DEPLOY_USER, COMMAND((char *)self_path(), "gate-ask", pid, pid));
		if (strncmp(command.out, "EPERM\n", 6))
			return fail(why, "status %d: %.200s", command.status, command.out);
	}
	/* The probe opens and closes some of its own all the while. */
	end = now_ms() + WAIT_MS;
	while ((after = descriptors_of_daemon()) > before && now_ms() < end)
		pause_briefly();
	return (before > 3 && after <= before) ||
		fail(why, "%zu descriptors before, %zu after", before, after);
}

/* With no privileges left, and no way to get at the fence. */
static bool test_user_of_root(struct why *why)
{
	struct command command;

	command_run(&command, 0, RUN("gate", "--user", "deploy", "--", "sh", "-c",
				     "id -u; id -g; grep -c '^Cap[IPE][nrf].:.0*$' /proc/self/status"));
	return (!command.status && !strcmp(command.out, "1000\n1000\n3\n")) ||
		fail(why, "status %d: %.200s%.200s", command.status, command.out, command.err);
}

static bool test_daemon_gone(struct why *why)
{
	int end;

	if (daemon_of_gate.pid <= 0)
		return fail(why, "it was never started");
	kill(daemon_of_gate.pid, SIGTERM);
	end = background_end(&daemon_of_gate);
	close(server);
	return (!end || fail(why, "the daemon ended with %d", end)) &&
		refused("no daemon answers", RUN("gate", ATTEMPT), why);
}

const struct test gate_tests[] = {
	{ "no-daemon", test_no_daemon },
	{ "permitted", test_permitted },
	{ "notes", test_notes },
	{ "fail-on-deny", test_fail_on_deny },
	{ "not-permitted", test_not_permitted },
	{ "not-permitted-any-more", test_not_permitted_any_more },
	{ "by-group", test_by_group },
	{ "weaker-mode", test_weaker_mode },
	{ "audit-mode", test_audit_mode },
	{ "others", test_others },
	{ "descriptors", test_descriptors },
	{ "user-of-root", test_user_of_root },
	{ "daemon-gone", test_daemon_gone },
	{},
};
