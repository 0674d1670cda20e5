/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * May this packet go there? The longest prefix wins, then the narrowest port range: both were
 * settled when the policy was compiled, so that a lookup finds one rule.
 */
#pragma once

#include "ruleset.h"

/* Where a packet would go. IPv4 stands behind the v4-mapped prefix; both halves in host order. */
struct endpoint {
	__u64 hi, lo;
	__u16 port;
	__u8 proto;			/* enum protocol */
};

#define ENDPOINT_V4_MAPPED 0xffffULL	/* ::ffff:0:0/96: the upper half of `lo` */

DECIDE bool endpoint_is_v4(const struct endpoint *endpoint)
{
	return endpoint->hi == 0 && endpoint->lo >> 32 == ENDPOINT_V4_MAPPED;
}

DECIDE bool endpoint_unspecified(const struct endpoint *endpoint)
{
	return endpoint->hi == 0 &&
	       (endpoint->lo == 0 || endpoint->lo == ENDPOINT_V4_MAPPED << 32);
}

/* The unspecified address as a destination means this host: from a socket that is not bound the
 * kernel connects 0.0.0.0 to 127.0.0.1 and :: to ::1 (ip(7); ip6_datagram_connect()). Judge what is
 * reached. */
DECIDE void endpoint_normalise(struct endpoint *endpoint)
{
	if (endpoint_unspecified(endpoint))
		endpoint->lo |= endpoint->lo ? 0x7f000001 : 1;
}

/* 2^20 entries can be searched; policy_compile() refuses more. */
#define SEARCH_STEPS 20
#define SEARCH_MAX (1 << SEARCH_STEPS)
#define SEARCH_DAMAGED 0xffffffff

/* A search for the last i in [lo, hi) with start[i] <= key; start[lo] is known to be. It may stand
 * on the stack (see decide_path.h): `hi` and the entries come from the image, so that the verifier
 * never knows beforehand how a step compares. `lo` comes last: it does not follow a number that is not at the
 * beginning of eight bytes, and so has no bounds to try anew after every step. */
struct search {
	const struct rules *rules;
	struct table starts;
	__u64 key_hi, key;
	__u32 hi, lo;
};

static long search_u32_step(__u32 i, void *ctx)
{
	struct search *search = ctx;
	__u32 middle = search->lo + (search->hi - search->lo) / 2;
	const __u32 *start;

	if (search->hi - search->lo <= 1 || i > SEARCH_STEPS)
		return 1;
	start = image_entry(search->rules, search->starts, middle, __u32);
	if (!start) {
		search->lo = SEARCH_DAMAGED;
		return 1;
	}
	if (*start <= search->key)
		search->lo = middle;
	else
		search->hi = middle;
	return 0;
}

DECIDE __u32 search_u32(const struct rules *rules, struct table starts, __u32 lo, __u32 hi,
			__u32 key)
{
	struct search search = {
		.rules = rules,
		.starts = starts,
		.key = key,
		.lo = lo,
		.hi = hi,
	};

	decide_loop(SEARCH_STEPS + 1, search_u32_step, &search);
	return search.lo;
}

static long search_v6_step(__u32 i, void *ctx)
{
	struct search *search = ctx;
	__u32 middle = search->lo + (search->hi - search->lo) / 2;
	const struct v6_start *start;

	if (search->hi - search->lo <= 1 || i > SEARCH_STEPS)
		return 1;
	start = image_entry(search->rules, search->starts, middle, struct v6_start);
	if (!start) {
		search->lo = SEARCH_DAMAGED;
		return 1;
	}
	if (start->hi < search->key_hi ||
	    (start->hi == search->key_hi && start->lo <= search->key))
		search->lo = middle;
	else
		search->hi = middle;
	return 0;
}

DECIDE __u32 search_v6(const struct rules *rules, const struct endpoint *endpoint)
{
	struct search search = {
		.rules = rules,
		.starts = rules->head->v6_start,
		.key_hi = endpoint->hi,
		.key = endpoint->lo,
		.hi = rules->head->v6_start.count,
	};

	decide_loop(SEARCH_STEPS + 1, search_v6_step, &search);
	return search.lo;
}

/* Which port map holds for an address: its number, or NULL for a damaged image. */
DECIDE const __u32 *find_port_map(const struct rules *rules, const struct endpoint *endpoint)
{
	const struct ruleset *head = rules->head;
	__u32 address, place;
	const __u32 *lo, *hi;

	if (!endpoint_is_v4(endpoint)) {
		place = search_v6(rules, endpoint);
		return place == SEARCH_DAMAGED ? NULL :
			image_entry(rules, head->v6_map, place, __u32);
	}
	address = endpoint->lo;
	place = address >> (head->v4_shift & 31);
	if (head->v4_shift == 32)
		place = 0;
	lo = image_entry(rules, head->v4_index, place, __u32);
	hi = image_entry(rules, head->v4_index, place + 1, __u32);
	if (!lo || !hi)
		return NULL;
	place = search_u32(rules, head->v4_start, *lo, *hi + 1, address);
	return place == SEARCH_DAMAGED ? NULL : image_entry(rules, head->v4_map, place, __u32);
}

/* Judges a destination. */
DECIDE struct decision decide_net(const struct rules *rules, const struct endpoint *endpoint)
{
	const struct ruleset *head = rules->head;
	const struct port_map *ports;
	const __u32 *number, *start;
	__u32 place, proto = endpoint->proto;

	if (!(endpoint_is_v4(endpoint) ? head->v4_start.count : head->v6_start.count))
		return decision_of_rule(rules, CLASS_NET, RULE_DEFAULT);
	number = find_port_map(rules, endpoint);
	if (!number)
		return decision_doubt(RULE_NO_RULESET);
	if (*number == PORT_MAP_NONE)
		return decision_of_rule(rules, CLASS_NET, RULE_DEFAULT);
	ports = image_entry(rules, head->port_maps, *number, struct port_map);
	if (!ports)
		return decision_doubt(RULE_NO_RULESET);
	if (proto >= PROTO_COUNT)
		return decision_of_rule(rules, CLASS_NET, ports->strictest);
	if (!ports->count[proto])
		return decision_of_rule(rules, CLASS_NET, RULE_DEFAULT);
	place = search_u32(rules, head->port_starts, ports->first[proto],
			   ports->first[proto] + ports->count[proto],
			   PORT_START(endpoint->port, 0xffff));
	start = image_entry(rules, head->port_starts, place, __u32);
	if (place == SEARCH_DAMAGED || !start)
		return decision_doubt(RULE_NO_RULESET);
	return decision_of_rule(rules, CLASS_NET, *start & 0xffff);
}
