/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nets of all rules as two step functions, address -> port map: one for IPv4, one for IPv6.
 *
 * The longest prefix wins, port by port: where the rules of a prefix say nothing about a port,
 * those of the shorter prefix around it hold. Prefixes nest or are disjoint, so that one sweep over
 * them in the order of addresses with a stack of those that are open finds every step.
 *
 * IPv4 is matched by IPv4 nets alone. "::/0" covers the bytes ::ffff:0:0/96 in which IPv4 is
 * written down here, and yet does not apply to it: whoever writes "::/0" means IPv6.
 */
#pragma once

#include "ports.h"

/* The first four tables of the ruleset and the port maps they name. */
struct net_tables {
	uint32_t v4_shift;
	uint32_t *v4_index;
	size_t v4_index_count;
	uint32_t *v4_start;
	uint32_t *v4_map;
	size_t v4_count;
	struct v6_start *v6_start;
	uint32_t *v6_map;
	size_t v6_count;
	struct port_map *maps;
	size_t map_count;
	struct port_maps ports;		/* its lists are the table port_starts */
};

/*
 * Compiles the nets of every service that a rule names. @ret_tables: the caller's to
 * net_tables_free(). Returns 0, also when conflicts were found and complained about, -ENOMEM, or
 * -E2BIG when a table outgrows its limit (SEARCH_MAX ranges, RULESET_MAX bytes).
 */
int nets_compile(const struct policy *policy, struct conflicts *conflicts,
		 struct net_tables *ret_tables);

void net_tables_free(struct net_tables *tables);
