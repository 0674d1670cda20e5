/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting a command that is tagged before its first instruction, and waiting for it.
 */
#pragma once

#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../audit/collector.h"

/* Exit codes of env(1), nohup(1) and timeout(1). */
#define LAUNCH_FAILED		125
#define LAUNCH_NOT_EXECUTABLE	126
#define LAUNCH_NOT_FOUND	127

struct launch_order {
	char **argv;			/* of the command, which is looked up in PATH */
	bool keep_fds;			/* hand on descriptors above standard error */
	const struct passwd *user;	/* who to become, or NULL */
	int (*tag)(void *ctx, pid_t pid, int pidfd);	/* tags the child; 0, or -errno, which it has told */
	void *ctx;
};

/*
 * Forks, has the child tagged, and only then lets it execute the command.
 *
 * Returns 0 with the command running and *ret_pidfd, the caller's to close; otherwise an exit code,
 * told on stderr, with nothing running.
 */
int launch(const struct launch_order *order, pid_t *ret_pid, int *ret_pidfd);

/*
 * Collects records (with @collector NULL, another process does) and passes signals on until the command has ended. Signals that the terminal
 * sends reach the command by themselves. Returns its exit code, 128 + n when signal n ended it.
 */
int launch_wait(pid_t pid, int pidfd, struct collector *collector);
