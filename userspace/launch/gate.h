/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate: how the runs of ordinary users get behind the loaded fence. `ringfence run` asks the daemon,
 * over PATH_GATE, to tag the child that waits to become the command. The connection lasts as long as
 * the run; what the run met is asked for at its end.
 *
 * Tags only restrict: a user may have tagged what is its own, for policies that name it.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "../audit/collector.h"
#include "../fence/fence.h"

#define GATE_VERSION 4
#define GATE_TEXT 512

enum gate_verb {
	GATE_TAG,			/* with a pidfd (SCM_RIGHTS), and it may be with what facts_pack() made of
					 * the command: tag that process */
	GATE_END,			/* it has ended: what did the run of this connection meet? */
};

struct gate_request {
	uint32_t version;
	uint32_t verb;
	uint32_t mode;			/* enum mode, 0: the policy's own */
	uint32_t status;		/* GATE_END: what the command ended with */
	char tag[TAG_NAME_MAX];
};

struct gate_answer {
	int32_t err;			/* 0, or a negative errno: nothing was done */
	uint32_t processes;		/* GATE_END: that outlive the command */
	uint64_t run;
	uint64_t mode;			/* GATE_END: enum mode, the one that holds, and */
	uint64_t denied, audited, lost, unrecorded, refused_forks; /* what was counted */
	char text[GATE_TEXT];		/* why not, and */
	char remedy[GATE_TEXT];		/* what to do */
};

/* --- the daemon's side (gate.c) --- */

struct gate;

/* Listens on @fd, or where that is negative on PATH_GATE, for root and the group "ringfence". Returns 0 and
 * *ret_gate, the caller's to gate_close(), or -errno. */
int gate_open(int fd, struct fence *fence, struct collector *collector, struct gate **ret_gate);

/* Answers whoever has asked; never waits for anybody. @fault: why nobody is to be let in now, or NULL. */
void gate_serve(struct gate *gate, const char *fault);

/* NULL is fine. */
void gate_close(struct gate *gate);

/* --- the launcher's side (gate_ask.c) --- */

/* Connects to the daemon. Returns a descriptor, the caller's to close, or -errno. */
int gate_connect(void);

#define GATE_DESCRIPTORS 2		/* at most with a request: a pidfd and facts */

/* Sends a request, with @count descriptors, and waits for the answer. Returns 0, also where the answer is no;
 * -EPROTO for a daemon of another version, -EPIPE for one that has gone, or -errno. */
int gate_ask(int gate, const struct gate_request *request, const int *descriptors, size_t count,
	     struct gate_answer *ret_answer);
