/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An address with its port and protocol, as people write it: ADDRESS, ADDRESS:PORT, [IPV6]:PORT, and behind
 * a port /tcp or /udp as in policies. Names are not looked up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct named_endpoint {
	uint8_t addr[16];		/* IPv4 as ::ffff:0:0/96 */
	bool v4;
	bool has_port;
	uint16_t port;			/* 0 without */
	int proto;			/* enum protocol, or -1: not said */
};

struct endpoint_fault {
	char message[192];		/* what is wrong, to be shown behind the text itself */
	char remedy[128];
};

/* "tcp", "udp" or "other" -> enum protocol; -1 for anything else. */
int protocol_parse(const char *name);
const char *protocol_name(int proto);

/* Returns whether @text is one; else *ret_fault tells why not. */
bool endpoint_parse(const char *text, struct named_endpoint *ret_endpoint, struct endpoint_fault *ret_fault);
