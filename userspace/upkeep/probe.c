/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../policy/compile.h"
#include "../fence/hooks.h"
#include "../runs/run_id.h"
#include "../runs/runs.h"
#include "probe.h"
#include "probe_tries.h"

#define PROBE_MS 5000			/* that one answer may take, and the records */

int probe_install(struct fence *fence)
{
	struct ruleset *image = NULL;
	struct policy *policy = NULL;
	struct diags diags = {};
	int err;

	err = canary_prepare();
	if (!err)
		err = policy_parse("canary", canary_policy, strlen(canary_policy), NULL, &diags,
				   &policy);
	if (!err)
		err = policy_compile(policy, &path_resolver_system, 1, &diags, &image);
	if (!err)
		err = fence_put_ruleset(fence, 0, image);
	free(image);
	policy_free(policy);
	diags_free(&diags);
	return err;
}

/* --- the child ------------------------------------------------------------------------------ */

/* A probe that is being made. */
struct probe {
	struct fence *fence;
	uint64_t run;
	enum hook hooks[HOOK_COUNT];
	size_t count, asked;
	pid_t child;
	int pidfd, go, answers;
	int go_reader;			/* held here too: a canary that has gone is no broken pipe */
};

struct answer {
	uint8_t hook, denied;
	uint8_t by_doubt;		/* with EPERM, which others than the fence return as well */
};

/* Which hooks can be probed: those that the fence is on, in the order that they are tried. The one
 * that would replace this program comes last. */
static size_t choose_hooks(const struct fence *fence, enum hook ret_hooks[HOOK_COUNT])
{
	bool attached[HOOK_COUNT];
	size_t count = 0;

	fence_hooks(fence, attached);
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if ((attached[hook] || hook < HOOKS_NEEDED) && canary_has_try(hook) &&
		    hook != HOOK_BPRM_CHECK_SECURITY)
			ret_hooks[count++] = hook;
	ret_hooks[count++] = HOOK_BPRM_CHECK_SECURITY;
	return count;
}

/* One try for each byte that comes. */
static void child_main(const struct probe *probe, int go, int result, struct canary *canary)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	canary_open(canary);
	if (write(result, "", 1) != 1)
		_exit(1);
	for (size_t i = 0; i < probe->count; i++) {
		struct answer answer = { .hook = probe->hooks[i] };

		if (read(go, &byte, 1) != 1)
			_exit(1);
		errno = 0;
		answer.denied = canary_try(canary, answer.hook);
		answer.by_doubt = errno == EPERM;
		if (write(result, &answer, sizeof(answer)) != sizeof(answer))
			_exit(1);
	}
	_exit(0);
}

/* --- the parent ----------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Returns 0, or -ETIMEDOUT where there is nothing to be read when the time is up. */
static int wait_readable(int fd)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };
	int64_t end = now_ms() + PROBE_MS;

	for (;;) {
		int64_t left = end - now_ms();
		int count = poll(&event, 1, left > 0 ? left : 0);

		if (count > 0)
			return 0;
		if (!count)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* Reads all of it; -EPIPE where the canary has gone. */
static int receive(const struct probe *probe, void *ret_bytes, size_t size)
{
	int err = wait_readable(probe->answers);
	ssize_t got = err ? 0 : read(probe->answers, ret_bytes, size);

	if (err || got < 0)
		return err ?: -errno;
	return got == (ssize_t)size ? 0 : -EPIPE;
}

static int start_child(struct probe *probe)
{
	struct canary canary = {
		.map_id = fence_tags_id(probe->fence),
		.program_id = fence_program_id(probe->fence),
	};
	int go[2], answers[2], err;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(answers, O_CLOEXEC)) {
		err = -errno;
		close(go[0]);
		close(go[1]);
		return err;
	}
	probe->child = fork();
	if (!probe->child) {
		/* Its own end of `go` must not keep it waiting when it is not let go. */
		close(go[1]);
		child_main(probe, go[0], answers[1], &canary);
	}
	err = probe->child < 0 ? -errno : 0;
	close(answers[1]);
	probe->go = go[1];
	probe->go_reader = go[0];
	probe->answers = answers[0];
	return err;
}

/* Out of reach of tagged tasks, as the canary is that it belongs to, and tagged. */
static int tag_child(struct probe *probe)
{
	struct tag tag = { .run = probe->run, .policy = 0, .flags = TAG_PROBE };
	int err = fence_keep(probe->fence, probe->child);
	char ready;

	if (!err)
		err = receive(probe, &ready, 1);
	if (err)
		return err;
	probe->pidfd = syscall(SYS_pidfd_open, probe->child, 0);
	return probe->pidfd < 0 ? -errno : fence_tag(probe->fence, probe->pidfd, &tag);
}

/* How many records the kernel has made of the probe. */
static uint64_t count_records(const struct probe *probe)
{
	struct run account = {};
	uint64_t logged;

	fence_get_run(probe->fence, probe->run, &account, &logged);
	return account.submitted + account.lost;
}

/* Has the canary make one try. What is refused without a record was refused by something else, which
 * came first: what the fence would have said, it was not asked. */
static int try_hook(const struct probe *probe, enum hook hook, struct probe_result *result)
{
	uint64_t before = count_records(probe);
	struct answer answer = {};
	int err;

	result->tried[hook] = true;
	if (write(probe->go, "", 1) != 1)
		return -errno;
	err = receive(probe, &answer, sizeof(answer));
	if (err)
		return err;
	if (hook >= HOOKS_NEEDED && answer.denied && answer.by_doubt &&
	    count_records(probe) == before) {
		result->tried[hook] = false;
		result->foreign[hook] = true;
		return 0;
	}
	result->denied[hook] = answer.denied;
	result->tries++;
	return 0;
}

/* Sees the canary's end. Where it has gone before its last answer, it was killed, or its last try, an
 * exec, was not denied and has made another program of it. */
static int end_child(struct probe *probe, int err)
{
	int status = 0;

	if ((err && err != -EPIPE) || wait_readable(probe->pidfd))
		kill(probe->child, SIGKILL);
	fence_unkeep(probe->fence, probe->child);
	while (waitpid(probe->child, &status, 0) < 0 && errno == EINTR)
		;
	canary_clean(probe->child);
	if (err != -EPIPE)
		return err;
	if (WIFSIGNALED(status))
		return -ECANCELED;
	return probe->asked == probe->count ? 0 : -EIO;
}

static int probe_child(struct probe *probe, struct probe_result *result)
{
	int err;

	probe->count = choose_hooks(probe->fence, probe->hooks);
	err = start_child(probe);
	if (!err)
		err = tag_child(probe);
	while (!err && probe->asked < probe->count)
		err = try_hook(probe, probe->hooks[probe->asked++], result);
	close(probe->go);
	close(probe->go_reader);
	if (probe->child > 0)
		err = end_child(probe, err);
	close(probe->answers);
	close(probe->pidfd);
	return err;
}

static uint64_t missed_hooks(const struct probe_result *result)
{
	uint64_t missed = 0;

	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (result->tried[hook] && !result->denied[hook])
			missed |= HOOK_BIT(hook);
	return missed;
}

static uint64_t lost_records(const struct fence *fence)
{
	struct losses losses = {};

	fence_losses(fence, &losses);
	return losses.decisions;
}

/* Waits for the records. Returns 0 with @result->recorded; also where it is false because records were
 * lost meanwhile, which says nothing about the fence; else -ENODATA. */
static int settle(struct probe *probe, struct collector *collector, uint64_t lost_before,
		  struct probe_result *result)
{
	struct run account;
	uint64_t logged;

	if (!collector_settle(collector, probe->run, result->tries, PROBE_MS) &&
	    !fence_get_run(probe->fence, probe->run, &account, &logged))
		result->recorded = logged == result->tries && !account.lost;
	return result->recorded || lost_records(probe->fence) != lost_before ? 0 : -ENODATA;
}

/* A tagged process cannot have one, which says nothing about the fence. */
static void note(struct fence *fence, const struct probe_result *result, int err)
{
	if (err != -EEXIST)
		fence_note_probe(fence, missed_hooks(result), err);
}

int probe_fence(struct fence *fence, struct collector *collector, struct probe_result *ret_result)
{
	struct run account = { .pid = getpid(), .uid = getuid(), .flags = TAG_PROBE };
	struct probe probe = { .fence = fence, .run = run_id_new(), .pidfd = -1, .go = -1,
			       .go_reader = -1, .answers = -1 };
	uint64_t lost = lost_records(fence);
	struct probe_result result = {};
	int kept, err = runs_begin(fence, probe.run, &account);

	if (err) {
		note(fence, &result, err);
		return err;
	}
	kept = fence_keep(fence, 0);
	err = kept && kept != -EALREADY ? kept : probe_child(&probe, &result);
	if (!kept)
		fence_unkeep(fence, 0);
	/* Where it was not denied, no record is to be waited for. */
	note(fence, &result, err || missed_hooks(&result) ? err :
	     settle(&probe, collector, lost, &result));
	fence_end_run(fence, probe.run);
	if (!err)
		*ret_result = result;
	return err;
}

bool probe_passed(const struct probe_result *result)
{
	return result->tries && !missed_hooks(result) && result->recorded;
}

void probe_missed(const struct probe_result *result, char *ret_names, size_t size)
{
	hook_list(missed_hooks(result), ret_names, size);
}

void probe_foreign(const struct probe_result *result, char *ret_names, size_t size)
{
	uint64_t foreign = 0;

	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (result->foreign[hook])
			foreign |= HOOK_BIT(hook);
	hook_list(foreign, ret_names, size);
}
