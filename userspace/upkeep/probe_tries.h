/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the canary tries: for each hook one act that is harmless where nothing denies it, and that the
 * canary's policy denies. Private to the probe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "../../lsm/abi.h"

/* The canary's policy. It denies with an errno that no kernel returns for any of these acts, where a
 * rule denies; where doubt does, or the fence protects itself, with EPERM. */
extern const char canary_policy[];

/* What the tries need, opened before the canary is tagged. */
struct canary {
	int udp;			/* connected to the discard service */
	int stream, datagram;		/* bound to */
	struct sockaddr_un stream_name, datagram_name;
	int status;			/* of this process, to be read, */
	int comm;			/* and to be written */
	int program;			/* this program */
	void *mapping;			/* of its first page */
	int pair[2];			/* unix sockets */
	uint32_t map_id, program_id;	/* of the fence */
};

/* Makes what must be there when the canary's policy is compiled. Returns 0 or -errno. */
int canary_prepare(void);

/* Opens all of it, in the canary. What fails shows when it is tried. */
void canary_open(struct canary *canary);

/* Removes what the canary @pid has left behind. */
void canary_clean(pid_t pid);

/* Whether there is something to try for a hook on a kernel that has it. */
bool canary_has_try(enum hook hook);

/* Tries it, tagged. Returns whether it was denied as the policy says. HOOK_BPRM_CHECK_SECURITY comes
 * last: where it is not denied, this program is another one. */
bool canary_try(struct canary *canary, enum hook hook);
