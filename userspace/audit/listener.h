/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who accepts at an address of this host: the process that holds the socket, asked of /proc while it can
 * be told. What a deploy is served there is work done outside of its tree.
 *
 * It is looked up in the network name space of the process that reaches out. Answers are kept for a second,
 * and all looking takes no more than a part of the time: a flood of records is not held up by it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../base/peer.h"

struct listeners;

/* Returns NULL without memory. */
struct listeners *listeners_new(void);

/* NULL is fine. */
void listeners_free(struct listeners *listeners);

/* An address that a process reaches out for, as in struct record. */
struct destination {
	uint32_t pid;
	uint8_t proto;			/* enum protocol */
	uint16_t port;
	uint8_t addr[16];
};

enum listener_answer {
	LISTENER_ELSEWHERE,		/* it is no address of this host */
	LISTENER_HERE,			/* it is; of this protocol nobody listens in this sense */
	LISTENER_UNKNOWN,		/* it is, and who accepts there could not be found */
	LISTENER_FOUND,
};

/*
 * Finds who accepts at @to. Of several that hold the socket it is one that is no service manager (a manager
 * holds what it has opened for a service), and of these the oldest: the master of its workers.
 *
 * @ret_peer, @ret_ticks: for LISTENER_FOUND: who it is, and when it began in clock ticks since boot;
 *			  start_ns of its id is 0
 */
enum listener_answer listeners_find(struct listeners *listeners, const struct destination *to,
				    struct peer *ret_peer, unsigned long long *ret_ticks);
