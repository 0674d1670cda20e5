/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one server of run.c, shared.c and liveness.c, and the policy about it.
 */
#pragma once

#include "hooks.h"

#define SERVER_IP	"127.4.1.1"
#define SERVER_PORT	80
#define MARKER		WORK "/marker"	/* there when a command was started */
#define MAIN_LOG	"/var/log/ringfence/audit.jsonl"
#define BURST_PROCESSES	4
#define BURST_EACH	5000

/* Returns 0 or -errno. */
int attempt_connect(const char *ip, uint16_t port);

/* Has `hooks step`, running as @stepper, connect once: the name of the errno it met, or "none". */
const char *attempt_step(struct background *stepper);

/* Whether the command wrote its marker; removes it. */
bool marker_taken(void);
/* Writes a policy for @tag with @rule about the server, and nothing about files. */
int policy_write(const char *path, const char *tag, const char *rule);
/* Writes something that is no policy. */
int policy_write_faulty(const char *path);

/* --- descriptors.c: tests of shared.c ------------------------------------------------------- */

extern int shared_server;		/* the server, while the fence is loaded */

bool test_descriptors_closed(struct why *why);
bool test_descriptors_kept(struct why *why);
bool test_ring_kept(struct why *why);
bool test_ring_as_input(struct why *why);
bool test_socket_as_input(struct why *why);

/* --- nested.c: the same --------------------------------------------------------------------- */

bool test_nested(struct why *why);
bool test_nested_own_fence(struct why *why);
