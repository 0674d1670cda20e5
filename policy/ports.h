/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port maps: which rule holds for each protocol and port of an address range.
 *
 * Among the rules of one prefix the narrowest port range wins: fewer ports, then fewer protocols,
 * then the rule listed first. Two ranges of equal width that overlap and whose rules disagree are
 * an error, also where a narrower one hides what they have in common. A service without ports has
 * all ports of all protocols, the widest range there is.
 *
 * Equal maps get equal numbers, so that a policy of 100,000 ranges and two services has a handful.
 */
#pragma once

#include "rules.h"

/* A rule that speaks of a prefix, and the entry of the policy that says so. */
struct net_claim {
	uint16_t rule;
	const struct policy_net *net;
};

/* Zero-initialise it but for the first two; port_maps_free() when done. */
struct port_maps {
	const struct policy *policy;
	struct conflicts *conflicts;
	struct intern lists;		/* arrays of PORT_START(); the first, if any, has port 0 */
	struct intern maps;		/* struct port_lists */
	struct intern levels;		/* lists of rules (uint16_t) -> map */
	struct intern overlays;		/* { below, above } -> map */
};

/* Whether a net is one of IPv4, held behind the v4-mapped prefix; a shorter one than that is
 * IPv6. */
bool policy_net_is_v4(const struct policy_net *net);

/* Finds the map of one prefix. @claims: those of its rules, in the order of rules, none twice.
 * Returns 0, -ENOMEM, or -E2BIG. */
int port_maps_level(struct port_maps *maps, const struct net_claim *claims, size_t count,
		    uint32_t *ret_map);

/* Finds the map that follows @above where that has a rule, and @below elsewhere; @below may be
 * PORT_MAP_NONE. Returns as port_maps_level(). */
int port_maps_overlay(struct port_maps *maps, uint32_t below, uint32_t above, uint32_t *ret_map);

/* Turns map @number into an entry of the ruleset's table; the table of port_starts is
 * maps->lists.bytes. */
struct port_map port_maps_entry(const struct port_maps *maps, uint32_t number);

void port_maps_free(struct port_maps *maps);
