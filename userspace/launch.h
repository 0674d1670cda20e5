/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting a command that is tagged before its first instruction, and waiting for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector.h"
#include "fence.h"

/* Exit codes of env(1), nohup(1) and timeout(1). */
#define LAUNCH_FAILED		125
#define LAUNCH_NOT_EXECUTABLE	126
#define LAUNCH_NOT_FOUND	127

/*
 * Forks, tags the child, and only then lets it execute argv[0], looked up in PATH; with the descriptors
 * above standard error that this process would hand on only if @keep_fds.
 *
 * Returns 0 with the command running and *ret_pidfd, the caller's to close; otherwise an exit code,
 * told on stderr, with nothing running.
 */
int launch(struct fence *fence, const struct tag *tag, char **argv, bool keep_fds, pid_t *ret_pid,
	   int *ret_pidfd);

/*
 * Collects records and passes signals on until the command has ended. Signals that the terminal
 * sends reach the command by themselves. Returns its exit code, 128 + n when signal n ended it.
 */
int launch_wait(pid_t pid, int pidfd, struct collector *collector);
