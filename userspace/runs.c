/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "runs.h"

struct runs {
	uint64_t over[RUNS_MAX];	/* that may be closed */
	size_t count;
};

static bool is_over(const struct fence *fence, uint64_t run)
{
	struct run account;
	uint64_t logged;

	if (fence_get_run(fence, run, &account, &logged))
		return false;
	return logged + account.lost >= account.submitted && kill(account.pid, 0) && errno == ESRCH;
}

/* A run with a task is not over. */
static int drop_live(void *ctx, const struct tagged_task *task)
{
	struct runs *runs = ctx;

	for (size_t i = 0; i < runs->count; i++)
		if (runs->over[i] == task->tag.run)
			runs->over[i] = runs->over[--runs->count];
	return 0;
}

static int close_over(struct fence *fence)
{
	struct runs *runs = calloc(1, sizeof(*runs));
	uint64_t run, *last = NULL;
	int err;

	if (!runs)
		return -ENOMEM;
	while (runs->count < RUNS_MAX && !fence_next_run(fence, last, &run)) {
		last = &run;
		if (is_over(fence, run))
			runs->over[runs->count++] = run;
	}
	err = fence_tasks(fence, drop_live, runs);
	for (size_t i = 0; !err && i < runs->count; i++)
		fence_end_run(fence, runs->over[i]);
	free(runs);
	return err;
}

int runs_begin(struct fence *fence, uint64_t run, const struct run *account)
{
	int err = fence_begin_run(fence, run, account);

	if (err != -E2BIG)
		return err;
	return close_over(fence) ?: fence_begin_run(fence, run, account);
}
