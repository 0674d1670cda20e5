/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries about an address. They rank by the length of the prefix, then by how few ports, then by how few
 * protocols (nets.c, ports.c): rank[0] to rank[2].
 */
#include <errno.h>
#include <string.h>

#include "consider_pass.h"
#include "ports.h"
#include "show.h"

#define PORT_COUNT 65536
#define RANGES_SHOWN 16			/* of the ports of a rule */

/* What is asked. */
struct question {
	const struct ruleset *image;
	const struct policy *policy;
	struct policy_net address;	/* as a net of one address */
	uint16_t port;
	enum protocol proto;		/* PROTO_NONE: the strictest of all is sought */
	struct decision decision;
};

/* --- entries of a policy ------------------------------------------------------------------- */

static bool net_holds(const struct policy_net *net, const struct policy_net *address)
{
	size_t bytes = net->bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> net->bits % 8);

	/* An IPv6 range holds no IPv4. */
	return policy_net_is_v4(net) == policy_net_is_v4(address) &&
	       !memcmp(net->addr, address->addr, bytes) &&
	       (bytes == 16 || !((net->addr[bytes] ^ address->addr[bytes]) & mask));
}

/* The narrowest range that holds the port, or NULL. */
static const struct policy_ports *find_range(const struct policy_ports *ports, size_t count,
					     const struct question *question)
{
	const struct policy_ports *best = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct policy_ports *range = &ports[i];
		int narrower = !best ? 1 : (best->hi - best->lo) - (range->hi - range->lo);

		if (!(range->protos & PROTO_BIT(question->proto)) || question->port < range->lo ||
		    question->port > range->hi)
			continue;
		if (narrower > 0 || (!narrower && __builtin_popcount(range->protos) <
						  __builtin_popcount(best->protos)))
			best = range;
	}
	return best;
}

static void add_net(const struct question *question, struct consideration *list, size_t rule,
		    const struct policy_service *service, const struct policy_net *net)
{
	static const struct policy_ports all = { .hi = PORT_COUNT - 1, .protos = PROTO_ALL };
	const struct policy_ports *ports = service->port_count ? service->ports : &all, *range;
	size_t count = service->port_count ? service->port_count : 1;
	struct considered *entry;

	entry = consider_add(list, question->image, CLASS_NET, (uint16_t)rule, "%s%s%s", show_net(net).text,
			     service->port_count ? " " : "",
			     service->port_count ? show_ports(ports, count).text : "");
	if (!entry)
		return;
	entry->entry_where = net->where;
	entry->rank[0] = net->bits + 1u;
	if (question->proto == PROTO_NONE)
		return;
	range = find_range(ports, count, question);
	entry->matches = range;
	if (range) {
		entry->rank[1] = PORT_COUNT - (range->hi - range->lo);
		entry->rank[2] = PROTO_COUNT - (uint32_t)__builtin_popcount(range->protos);
	}
}

static void add_policy(const struct question *question, struct consideration *list)
{
	const struct policy *policy = question->policy;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct policy_service *service = &policy->services[policy->rules[i].service];

		for (size_t j = 0; j < service->net_count; j++)
			if (net_holds(&service->nets[j], &question->address))
				add_net(question, list, i, service, &service->nets[j]);
	}
}

/* --- entries of a ruleset ------------------------------------------------------------------ */

/* Addresses in whose place the same rules hold. */
struct interval {
	uint8_t first[16], last[16];
	uint32_t map;			/* a port map, or PORT_MAP_NONE */
};

static void write_be(uint8_t *bytes, uint64_t value, int size)
{
	while (size--) {
		bytes[size] = (uint8_t)value;
		value >>= 8;
	}
}

static void find_v4(const struct ruleset *image, uint32_t address, struct interval *interval)
{
	const uint32_t *start = (const uint32_t *)((const char *)image + image->v4_start.off);
	const uint32_t *map = (const uint32_t *)((const char *)image + image->v4_map.off);
	uint32_t at = image->v4_start.count;

	while (--at && start[at] > address)
		;
	*interval = (struct interval){
		.first = { [10] = 0xff, [11] = 0xff },
		.last = { [10] = 0xff, [11] = 0xff },
		.map = map[at],
	};
	write_be(interval->first + 12, start[at], 4);
	write_be(interval->last + 12, at + 1 < image->v4_start.count ? start[at + 1] - 1 : UINT32_MAX, 4);
}

static void find_v6(const struct ruleset *image, uint64_t hi, uint64_t lo, struct interval *interval)
{
	const struct v6_start *start = (const struct v6_start *)((const char *)image + image->v6_start.off);
	const uint32_t *map = (const uint32_t *)((const char *)image + image->v6_map.off);
	uint32_t at = image->v6_start.count;
	struct v6_start last = { UINT64_MAX, UINT64_MAX };

	while (--at && (start[at].hi > hi || (start[at].hi == hi && start[at].lo > lo)))
		;
	if (at + 1 < image->v6_start.count) {
		last = start[at + 1];
		last.hi -= !last.lo--;
	}
	*interval = (struct interval){ .map = map[at] };
	write_be(interval->first, start[at].hi, 8);
	write_be(interval->first + 8, start[at].lo, 8);
	write_be(interval->last, last.hi, 8);
	write_be(interval->last + 8, last.lo, 8);
}

static uint64_t read_be(const uint8_t *bytes, int size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | *bytes++;
	return value;
}

static bool find_interval(const struct question *question, struct interval *interval)
{
	const struct ruleset *image = question->image;
	const uint8_t *addr = question->address.addr;

	if (policy_net_is_v4(&question->address)) {
		if (!image->v4_start.count)
			return false;
		find_v4(image, (uint32_t)read_be(addr + 12, 4), interval);
	} else {
		if (!image->v6_start.count)
			return false;
		find_v6(image, read_be(addr, 8), read_be(addr + 8, 8), interval);
	}
	return interval->map != PORT_MAP_NONE && interval->map < image->port_maps.count;
}

/* The starts of a protocol; none of a damaged map. */
static const uint32_t *find_starts(const struct question *question, const struct port_map *map, int proto,
				   uint32_t *ret_count)
{
	struct table table = question->image->port_starts;
	bool sound = map->first[proto] <= table.count && map->count[proto] <= table.count - map->first[proto];

	*ret_count = sound ? map->count[proto] : 0;
	return (const uint32_t *)((const char *)question->image + table.off) +
	       (sound ? map->first[proto] : 0);
}

/* The ports of a protocol at which @rule holds: some of them, *ret_count in all; *ret_matches: is the one
 * asked for among them? */
static void find_ports(const struct question *question, const struct port_map *map, int proto, uint16_t rule,
		       struct policy_ports *ret_ports, size_t *ret_count, bool *ret_matches)
{
	uint32_t start_count;
	const uint32_t *starts = find_starts(question, map, proto, &start_count);

	for (uint32_t i = 0; i < start_count; i++) {
		struct policy_ports range = {
			.lo = (uint16_t)(starts[i] >> 16),
			.hi = i + 1u < start_count ? (uint16_t)((starts[i + 1] >> 16) - 1) : PORT_COUNT - 1,
			.protos = (uint8_t)PROTO_BIT(proto),
		};

		if ((starts[i] & 0xffff) != rule)
			continue;
		*ret_matches |= proto == (int)question->proto && question->port >= range.lo &&
				question->port <= range.hi;
		if (*ret_count < RANGES_SHOWN)
			ret_ports[(*ret_count)++] = range;
	}
}

static bool is_listed(const struct consideration *list, uint16_t rule)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->list[i].number == rule)
			return true;
	return false;
}

static void add_rule(const struct question *question, struct consideration *list,
		     const struct interval *interval, const struct port_map *map, uint16_t rule)
{
	struct policy_ports ports[RANGES_SHOWN];
	struct considered *entry;
	bool matches = false;
	size_t count = 0;

	if (rule == RULE_DEFAULT || is_listed(list, rule))
		return;
	for (int proto = 0; proto < PROTO_COUNT; proto++)
		if (question->proto == PROTO_NONE || (int)question->proto == proto)
			find_ports(question, map, proto, rule, ports, &count, &matches);
	entry = consider_add(list, question->image, CLASS_NET, rule, "%s-%s %s",
			     show_address(interval->first).text, show_address(interval->last).text,
			     count ? show_ports(ports, count).text : "");
	if (entry)
		entry->matches = matches || question->proto == PROTO_NONE;
}

static void add_image(const struct question *question, struct consideration *list)
{
	const struct ruleset *image = question->image;
	const struct port_map *map;
	struct interval interval;

	if (!find_interval(question, &interval))
		return;
	map = (const struct port_map *)((const char *)image + image->port_maps.off) + interval.map;
	for (int proto = 0; proto < PROTO_COUNT; proto++) {
		uint32_t count;
		const uint32_t *starts = find_starts(question, map, proto, &count);

		if (question->proto != PROTO_NONE && (int)question->proto != proto)
			continue;
		for (uint32_t i = 0; i < count; i++)
			add_rule(question, list, &interval, map, starts[i] & 0xffff);
	}
}

/* --- who wins ------------------------------------------------------------------------------ */

static const char *why_wins(const struct question *question, const struct considered *winner,
			    const struct considered *next)
{
	if (winner->number == RULE_DEFAULT && question->proto == PROTO_NONE && next)
		return "the strictest for what has no ports: some ports have no rule";
	if (winner->number == RULE_DEFAULT)
		return "no rule matches";
	if (question->proto == PROTO_NONE)
		return "the strictest for what has no ports";
	if (!question->policy)
		return "holds for these addresses and ports";
	if (!next)
		return "the only one that matches";
	if (winner->rank[0] != next->rank[0])
		return "longest prefix";
	if (winner->rank[1] != next->rank[1])
		return "narrowest port range";
	return winner->rank[2] != next->rank[2] ? "same ports, but of fewer protocols" :
						  "listed first; others say the same";
}

static const char *why_loses(const struct question *question, const struct considered *winner,
			     const struct considered *entry)
{
	if (!entry->matches)
		return "its ports do not match";
	if (!winner)
		return "the ruleset is damaged: doubt denies";
	if (question->proto == PROTO_NONE)
		return entry->verdict > winner->verdict ? "hidden: others hold for all of its ports" :
		       entry->verdict == winner->verdict ? "not stricter" : "less strict";
	if (entry->number == RULE_DEFAULT)
		return "a rule matches";
	if (winner->rank[0] != entry->rank[0])
		return "a longer prefix matches";
	if (winner->rank[1] != entry->rank[1])
		return "a narrower port range matches";
	return winner->rank[2] != entry->rank[2] ? "an entry of fewer protocols matches" :
						   "says the same, and is listed later";
}

static void settle(const struct question *question, struct consideration *list)
{
	struct considered *winner = consider_winner(list, 0, &question->decision);

	for (size_t i = 0; i < list->count; i++) {
		struct considered *entry = &list->list[i];
		const struct considered *next;

		entry->wins = entry == winner;
		next = winner && winner->number == RULE_DEFAULT && list->count > 1 ? list->list :
		       consider_next(list, entry);
		consider_why(entry, entry->wins ? why_wins(question, entry, next) :
						  why_loses(question, winner, entry));
	}
}

int consider_net(const struct ruleset *image, const struct policy *policy, const uint8_t addr[16],
		 uint16_t port, enum protocol proto, struct consideration *ret_list)
{
	static const uint8_t v4_any[16] = { [10] = 0xff, [11] = 0xff }, v6_any[16];
	struct question question = {
		.image = image,
		.policy = policy,
		.address.bits = 128,
		.port = port,
		.proto = proto,
		.decision = image_decide_net(image, addr, port, proto),
	};
	struct consideration list = { 0 };

	memcpy(question.address.addr, addr, 16);
	/* As endpoint_normalise(): the unspecified address is this host. */
	if (!memcmp(addr, v4_any, 16))
		question.address.addr[12] = 127;
	if (!memcmp(addr, v4_any, 16) || !memcmp(addr, v6_any, 16))
		question.address.addr[15] = 1;
	if (policy)
		add_policy(&question, &list);
	else
		add_image(&question, &list);
	consider_sort(&list, 0);
	consider_default(&list, image, policy, CLASS_NET);
	if (list.out_of_memory) {
		consideration_free(&list);
		return -ENOMEM;
	}
	settle(&question, &list);
	*ret_list = list;
	return 0;
}
