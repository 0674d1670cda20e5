/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../policy/compile.h"
#include "hooks.h"
#include "probe.h"
#include "probe_tries.h"
#include "run_id.h"
#include "runs.h"

#define PROBE_MS 5000

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

struct answer {
	uint8_t hook, denied;
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

static void child_main(int go, int result, struct canary *canary, const enum hook *hooks,
		       size_t count)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	canary_open(canary);
	if (write(result, "", 1) != 1 || read(go, &byte, 1) != 1)
		_exit(1);
	for (size_t i = 0; i < count; i++) {
		struct answer answer = { .hook = hooks[i] };

		answer.denied = canary_try(canary, hooks[i]);
		if (write(result, &answer, sizeof(answer)) != sizeof(answer))
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

static int read_answers(int answers, struct probe_result *result)
{
	struct answer answer;

	while (read(answers, &answer, sizeof(answer)) == sizeof(answer))
		if (answer.hook < HOOK_COUNT)
			result->denied[answer.hook] = answer.denied;
	return 0;
}

static int probe_child(struct fence *fence, uint64_t run, struct probe_result *result)
{
	struct canary canary = {
		.map_id = fence_tags_id(fence),
		.program_id = fence_program_id(fence),
	};
	enum hook hooks[HOOK_COUNT];
	size_t count = choose_hooks(fence, hooks);
	int go[2], answers[2], err = 0;
	pid_t child;
	char ready;

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
		child_main(go[0], answers[1], &canary, hooks, count);
	}
	if (child < 0)
		err = -errno;
	close(go[0]);
	close(answers[1]);
	if (!err && read(answers[0], &ready, 1) != 1)
		err = -EIO;
	if (!err)
		err = tag_child(fence, child, run);
	if (!err && write(go[1], "", 1) != 1)
		err = -errno;
	close(go[1]);
	for (size_t i = 0; i < count; i++)
		result->tried[hooks[i]] = true;
	result->tries = count;
	if (!err)
		err = read_answers(answers[0], result);
	close(answers[0]);
	if (child > 0) {
		waitpid(child, NULL, 0);
		canary_clean(child);
	}
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

int probe_fence(struct fence *fence, struct collector *collector, struct probe_result *ret_result)
{
	struct run account = { .pid = getpid(), .uid = getuid(), .flags = TAG_PROBE };
	struct probe_result result = {};
	uint64_t run = run_id_new(), logged;
	int kept, err = runs_begin(fence, run, &account);

	if (err)
		return err;
	kept = fence_keep(fence);
	err = kept && kept != -EALREADY ? kept : probe_child(fence, run, &result);
	if (!kept)
		fence_unkeep(fence);
	if (!err)
		err = fence_note_probe(fence, missed_hooks(&result));
	/* Where it was not denied, no record is to be waited for. */
	if (!err && !missed_hooks(&result) &&
	    !collector_settle(collector, run, result.tries, PROBE_MS) &&
	    !fence_get_run(fence, run, &account, &logged))
		result.recorded = logged == result.tries && !account.lost;
	fence_end_run(fence, run);
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
