/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which processes the numbers mean that this process reads and is given: those of its pid name space, which in a
 * container is not the initial one. The kernel's programs, and with them the audit log and all maps of the
 * fence, go by the numbers of the initial one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A number that no other one has at the same time; 0 where /proc cannot tell. */
uint64_t pid_space_id(void);

/* Whether this process is in the initial pid name space; false also where /proc cannot tell. */
bool pid_space_is_initial(void);

/* The number that this process has in /proc, whose pid name space that may be; 0 where it is not there. */
pid_t pid_space_number_shown(void);

/* Whether /proc shows the pid name space that this process is in: it may be mounted for another. */
bool pid_space_is_shown(void);

/* Whether /proc shows the initial one, whichever this process is in. */
bool pid_space_initial_is_shown(void);
