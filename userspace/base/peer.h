/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who a process outside the run is: asked of /proc when a record names one, since nothing was recorded
 * of it before. A daemon lives long enough; one that does not is known by its pid alone.
 */
#pragma once

#include <stdint.h>

#include "../../lsm/abi.h"

#define PEER_NAME_SIZE 16		/* TASK_COMM_LEN */
#define PEER_EXECUTABLE_SIZE 4096	/* PATH_MAX */
#define PEER_UNIT_SIZE 256		/* UNIT_NAME_MAX of systemd, with the final 0 */

struct peer {
	struct process_id id;		/* start_ns is 0 where it is not known to the nanosecond */
	char name[PEER_NAME_SIZE];	/* "" where it is not known */
	char executable[PEER_EXECUTABLE_SIZE]; /* "" where it is not known */
	char unit[PEER_UNIT_SIZE];	/* "nginx.service"; "" where it is of none */
};

/* Looks up the process @id. Nothing is known of one that has ended, also when its pid is another's
 * by now. */
void peer_read(const struct process_id *id, struct peer *ret_peer);

/* The unit that the text of a /proc/PID/cgroup speaks of, as people call it: the innermost service, scope or
 * the like, and of a service manager for a user that user's. "" for none. */
void peer_unit(const char *cgroup, char ret_unit[PEER_UNIT_SIZE]);

/* Reads what there is to know of a process that is alive; start_ns of its id is taken as it is. Returns when
 * it began, in clock ticks since boot; 0 where it has gone, and then nothing is known. */
unsigned long long peer_look(uint32_t pid, struct peer *ret_peer);

/* When a process began, in clock ticks since boot, from the text of its /proc/PID/stat
 * (proc_pid_stat(5), field 22). 0 where the text has no such field. */
unsigned long long peer_start_ticks(const char *stat);
