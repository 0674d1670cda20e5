/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel's programs call a process that this one knows by a number of its own pid name space. Asked of
 * the kernel, which reads the list in our name: no number is guessed.
 */
#include <errno.h>
#include <unistd.h>

#include "../base/pid_space.h"
#include "fence_private.h"

struct reader {
	int (*each)(void *ctx, const struct seen_process *process);
	void *ctx;
};

static int take_process(void *ctx, const void *entry)
{
	const struct reader *reader = ctx;

	return reader->each(reader->ctx, entry);
}

int fence_processes(const struct fence *fence,
		    int (*each)(void *ctx, const struct seen_process *process), void *ctx)
{
	struct reader reader = { each, ctx };

	return fence_iterate(fence, ITERATOR_PROCESSES, sizeof(struct seen_process), take_process, &reader);
}

struct search {
	uint32_t pid;
	struct seen_process *found;
};

#define FOUND 1

static int compare(void *ctx, const struct seen_process *process)
{
	const struct search *search = ctx;

	if (process->pid != search->pid)
		return 0;
	*search->found = *process;
	return FOUND;
}

int fence_find_process(const struct fence *fence, pid_t pid, struct seen_process *ret_process)
{
	struct search search = { pid ?: getpid(), ret_process };
	int found = fence_processes(fence, compare, &search);

	return found == FOUND ? 0 : found ?: -ESRCH;
}

int fence_number(const struct fence *fence, pid_t pid, uint32_t *ret_number)
{
	struct seen_process process;
	int err;

	if (pid_space_is_initial()) {
		*ret_number = pid ?: getpid();
		return 0;
	}
	err = fence_find_process(fence, pid, &process);
	if (!err)
		*ret_number = process.process.pid;
	return err;
}
