/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fence of one's own lives as long as a process holds it. It must not end before the last task it
 * fences: a guard takes it over when the launcher is killed, a keeper when tasks outlive the
 * command.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../audit/collector.h"
#include "../fence/fence.h"

/* Counts the processes of @run that are alive. Nobody is overlooked who forks meanwhile: nothing is
 * taken for none only when it was seen three times. Returns 0 or -errno. */
int keeper_count(const struct fence *fence, uint64_t run, size_t *ret_processes);

/*
 * Forks a guard that sleeps for as long as this process lives; when it dies without
 * keeper_dismiss(), the guard collects into @log until the last process of @run is gone. It is
 * protected from tagged tasks by the time this returns.
 *
 * Returns a file descriptor for keeper_dismiss(), or -errno.
 */
int keeper_guard(struct fence *fence, struct collector *collector, const char *log, uint64_t run);

/* Sends the guard home and closes @guard. -1 is fine. */
void keeper_dismiss(int guard);

/* Forks a keeper that goes on with @collector until the last process of @run is gone. Returns its
 * pid, the caller's to fence_keep(); the collector is the keeper's from then on, and must not be used or
 * closed. -errno where there is none. */
pid_t keeper_hold(struct fence *fence, struct collector *collector, uint64_t run);

/* What a keeper does, in this process. */
void keeper_wait(struct fence *fence, struct collector *collector, uint64_t run);
