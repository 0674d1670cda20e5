/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../policy/compile.h"
#include "probe.h"
#include "run_id.h"
#include "runs.h"

/* An errno that no kernel returns for any of these operations: who sees it was denied by us. */
#define CANARY_ERRNO EBFONT
#define CANARY_FILE "/dev/null"

static const char canary_policy[] =
	"tag: canary\n"
	"mode: enforce\n"
	"services:\n"
	"  canary: {nets: [127.0.0.0/8], files: [" CANARY_FILE "], execs: [/]}\n"
	"rules:\n"
	"  - {deny: canary, errno: EBFONT, why: proves that the fence is live}\n";

#define PROBE_DENIALS 5			/* one per hook; the fork shows in its child's connect */
#define PROBE_MS 5000

int probe_install(struct fence *fence)
{
	struct ruleset *image = NULL;
	struct policy *policy = NULL;
	struct diags diags = {};
	int err;

	err = policy_parse("canary", canary_policy, strlen(canary_policy), NULL, &diags, &policy);
	if (!err)
		err = policy_compile(policy, NULL, 1, &diags, &image);
	if (!err)
		err = fence_put_ruleset(fence, 0, image);
	free(image);
	policy_free(policy);
	diags_free(&diags);
	return err;
}

/* --- the child ------------------------------------------------------------------------------ */

static const struct sockaddr_in discard = {
	.sin_family = AF_INET,
	.sin_port = 9 << 8,		/* discard, RFC 863: harmless if the fence is dead */
	.sin_addr = { 0x0100007f },
};

static bool canary(int result)
{
	return result < 0 && errno == CANARY_ERRNO;
}

static bool try_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return canary(connect(fd, (const struct sockaddr *)&discard, sizeof(discard)));
}

static bool try_send(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return canary(sendto(fd, "", 0, 0, (const struct sockaddr *)&discard, sizeof(discard)));
}

static bool try_open(void)
{
	return canary(open(CANARY_FILE, O_RDONLY | O_CLOEXEC));
}

static bool try_exec(void)
{
	char *argv[] = { "ringfence", "--version", NULL }, *environment[] = { NULL };

	return canary(execve("/proc/self/exe", argv, environment));
}

static bool try_fork(void)
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(try_connect() ? 0 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* Ordered so that the one that would replace this program comes last. */
static void child_main(int go, int result)
{
	static bool (*const tries[HOOK_COUNT])(void) = {
		[HOOK_SOCKET_CONNECT] = try_connect,
		[HOOK_SOCKET_SENDMSG] = try_send,
		[HOOK_FILE_OPEN] = try_open,
		[HOOK_TASK_ALLOC] = try_fork,
		[HOOK_BPRM_CHECK] = try_exec,
	};
	static const enum hook order[HOOK_COUNT] = {
		HOOK_SOCKET_CONNECT, HOOK_SOCKET_SENDMSG, HOOK_FILE_OPEN, HOOK_TASK_ALLOC,
		HOOK_BPRM_CHECK,
	};
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &byte, 1) != 1)
		_exit(1);
	for (int i = 0; i < HOOK_COUNT; i++) {
		char answer[2] = { order[i], tries[order[i]]() };

		if (write(result, answer, sizeof(answer)) != sizeof(answer))
			_exit(1);
	}
	_exit(0);
}

/* --- the parent ----------------------------------------------------------------------------- */

static int tag_child(struct fence *fence, pid_t child, uint64_t run)
{
	struct tag tag = { .run = run, .policy = 0, .flags = TAG_PROBE };
	int err, pidfd = syscall(SYS_pidfd_open, child, 0);

	if (pidfd < 0)
		return -errno;
	err = fence_tag(fence, pidfd, &tag);
	close(pidfd);
	return err;
}

static int probe_child(struct fence *fence, uint64_t run, struct probe_result *result)
{
	int go[2], answers[2], err;
	char answer[2];
	pid_t child;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(answers, O_CLOEXEC)) {
		err = -errno;
		close(go[0]);
		close(go[1]);
		return err;
	}
	child = fork();
	if (!child) {
		/* Its own end of `go` must not keep it waiting when it is not let go. */
		close(go[1]);
		child_main(go[0], answers[1]);
	}
	err = child < 0 ? -errno : tag_child(fence, child, run);
	close(go[0]);
	close(answers[1]);
	if (!err && write(go[1], "", 1) != 1)
		err = -errno;
	close(go[1]);
	while (!err && read(answers[0], answer, sizeof(answer)) == sizeof(answer))
		if (answer[0] < HOOK_COUNT)
			result->denied[(int)answer[0]] = answer[1];
	close(answers[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return err;
}

int probe_fence(struct fence *fence, struct collector *collector, struct probe_result *ret_result)
{
	struct run account = { .pid = getpid(), .uid = getuid(), .flags = TAG_PROBE };
	struct probe_result result = {};
	uint64_t run = run_id_new(), logged;
	int err = runs_begin(fence, run, &account);

	if (err)
		return err;
	err = probe_child(fence, run, &result);
	if (!err && !collector_settle(collector, run, PROBE_DENIALS, PROBE_MS) &&
	    !fence_get_run(fence, run, &account, &logged))
		result.recorded = logged == PROBE_DENIALS && !account.lost;
	fence_end_run(fence, run);
	if (!err)
		*ret_result = result;
	return err;
}

bool probe_passed(const struct probe_result *result)
{
	for (int hook = 0; hook < HOOK_COUNT; hook++)
		if (!result->denied[hook])
			return false;
	return result->recorded;
}

void probe_missed(const struct probe_result *result, char *ret_names, size_t size)
{
	static const char *const names[] = {
		[HOOK_SOCKET_CONNECT] = "socket_connect",
		[HOOK_SOCKET_SENDMSG] = "socket_sendmsg",
		[HOOK_FILE_OPEN] = "file_open",
		[HOOK_BPRM_CHECK] = "bprm_check_security",
		[HOOK_TASK_ALLOC] = "task_alloc",
	};
	size_t used = 0;

	_Static_assert(sizeof(names) / sizeof(*names) == HOOK_COUNT, "a name for every hook");
	ret_names[0] = 0;
	for (int hook = 0; hook < HOOK_COUNT; hook++)
		if (!result->denied[hook] && used < size)
			used += snprintf(ret_names + used, size - used, "%s%s", used ? ", " : "",
					 names[hook]);
}
