/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who a process outside the run is: asked of /proc when a record names one, since nothing was recorded
 * of it before. A daemon lives long enough; one that does not is known by its pid alone.
 */
#pragma once

#include "../lsm/abi.h"

#define PEER_NAME_SIZE 16		/* TASK_COMM_LEN */
#define PEER_EXECUTABLE_SIZE 4096	/* PATH_MAX */

struct peer {
	char name[PEER_NAME_SIZE];	/* "" where it is not known */
	char executable[PEER_EXECUTABLE_SIZE]; /* "" where it is not known */
};

/* Looks up the process @id. Nothing is known of one that has ended, also when its pid is another's
 * by now. */
void peer_read(const struct process_id *id, struct peer *ret_peer);

/* When a process began, in clock ticks since boot, from the text of its /proc/PID/stat
 * (proc_pid_stat(5), field 22). 0 where the text has no such field. */
unsigned long long peer_start_ticks(const char *stat);
