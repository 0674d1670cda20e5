/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of a policy in words, for messages.
 */
#pragma once

#include "policy.h"

/* Cut where it is too long. */
struct shown {
	char text[256];
};

/* An address as in struct policy_net: "10.0.0.1", "2001:db8::1" */
struct shown show_address(const uint8_t addr[16]);

/* "10.0.0.0/8" */
struct shown show_net(const struct policy_net *net);

/* "443", "8000-8100/tcp" */
struct shown show_range(const struct policy_ports *ports);

/* "port 53", "ports 22, 443/tcp, ..." */
struct shown show_ports(const struct policy_ports *ports, size_t count);

/* "/srv/mirror/", as its author wrote it; "/" for the root with all below. */
struct shown show_path(const char *path, bool tree);

/* "allow", "audit" or "deny" */
const char *show_verdict(enum verdict verdict);
