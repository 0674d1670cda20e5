/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Port maps as interned lists of starts: a level is painted from the port ranges of its rules, the
 * narrowest first, and levels are laid over one another.
 */
#include "ports.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORT_COUNT 65536
#define V4_MAPPED_BITS 96

/* A map: for each protocol the number of a list; that of no bytes for "no rule". */
struct port_lists {
	uint32_t list[PROTO_COUNT];
};

/* A port range of a rule that speaks of the prefix at hand. */
struct port_claim {
	uint32_t width;			/* how many ports, */
	uint32_t proto_count;		/* of how many protocols: the narrower wins */
	const struct net_claim *net;
	uint16_t lo, hi;
	uint8_t protos;
};

/* Which rule holds for the ports between two of the places where any range begins or ends. */
struct painting {
	uint32_t *edge;			/* first port of each cell, rising, from 0 */
	uint16_t *rule;			/* of each cell */
	uint32_t *next;			/* a bare cell at or after this one: a chain to follow */
	size_t count;
};

/* --- lists of starts ------------------------------------------------------------------------ */

/* A list while it is written: appends where the rule changes. */
struct port_list {
	uint32_t *start;
	size_t count;
};

static void list_append(struct port_list *list, uint32_t port, uint16_t rule)
{
	if (!list->count || (list->start[list->count - 1] & 0xffff) != rule)
		list->start[list->count++] = PORT_START(port, rule);
}

/* Numbers a finished list; one that never names a rule is the empty list. */
static int list_intern(struct port_maps *maps, const struct port_list *list, uint32_t *ret_number)
{
	size_t count = list->count;

	if (count == 1 && (list->start[0] & 0xffff) == RULE_DEFAULT)
		count = 0;
	if (count > UINT16_MAX)		/* the field in struct port_map */
		return -E2BIG;
	return intern_add(&maps->lists, list->start, count * sizeof(*list->start), ret_number);
}

static size_t list_count(const struct port_maps *maps, uint32_t number)
{
	return maps->lists.items[number].size / sizeof(uint32_t);
}

static uint32_t list_start(const struct port_maps *maps, uint32_t number, size_t i)
{
	return ((const uint32_t *)intern_bytes(&maps->lists, number))[i];
}

/* --- one prefix ----------------------------------------------------------------------------- */

/* Narrowest first; among equals the rule listed first. */
static int claim_compare(const void *a, const void *b)
{
	const struct port_claim *one = a, *other = b;

	if (one->width != other->width)
		return one->width < other->width ? -1 : 1;
	if (one->proto_count != other->proto_count)
		return one->proto_count < other->proto_count ? -1 : 1;
	return (one->net->rule > other->net->rule) - (one->net->rule < other->net->rule);
}

/* The same classes of width, but each in the order of ports. */
static int claim_compare_ports(const void *a, const void *b)
{
	const struct port_claim *one = a, *other = b;

	if (one->width != other->width)
		return one->width < other->width ? -1 : 1;
	if (one->proto_count != other->proto_count)
		return one->proto_count < other->proto_count ? -1 : 1;
	if (one->lo != other->lo)
		return one->lo < other->lo ? -1 : 1;
	return (one->net->rule > other->net->rule) - (one->net->rule < other->net->rule);
}

static int u32_compare(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return (one > other) - (one < other);
}

/* Every port range of every rule that speaks of a prefix. */
static int claims_collect(const struct port_maps *maps, const struct net_claim *nets, size_t count,
			  struct port_claim **ret_claims, size_t *ret_count)
{
	static const struct policy_ports all = { .hi = PORT_COUNT - 1, .protos = PROTO_ALL };
	const struct policy *policy = maps->policy;
	struct port_claim *claims;
	size_t total = 0, used = 0;

	for (size_t i = 0; i < count; i++)
		total += policy->services[policy->rules[nets[i].rule].service].port_count + 1;
	claims = calloc(total, sizeof(*claims));
	if (!claims)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct policy_service *service =
			&policy->services[policy->rules[nets[i].rule].service];
		const struct policy_ports *ports = service->port_count ? service->ports : &all;
		size_t port_count = service->port_count ? service->port_count : 1;

		for (size_t j = 0; j < port_count; j++)
			claims[used++] = (struct port_claim) {
				.width = ports[j].hi - ports[j].lo + 1u,
				.proto_count = (uint32_t)__builtin_popcount(ports[j].protos),
				.net = &nets[i],
				.lo = ports[j].lo,
				.hi = ports[j].hi,
				.protos = ports[j].protos,
			};
	}
	*ret_claims = claims;
	*ret_count = used;
	return 0;
}

bool policy_net_is_v4(const struct policy_net *net)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return net->bits >= V4_MAPPED_BITS && !memcmp(net->addr, mapped, sizeof(mapped));
}

static int conflict_report(const struct port_maps *maps, const struct port_claim *a,
			   const struct port_claim *b)
{
	const struct port_claim *second = a->net->rule > b->net->rule ? a : b;
	const struct policy_net *net = second->net->net;
	bool v4 = policy_net_is_v4(net);
	int bits = net->bits - (v4 ? V4_MAPPED_BITS : 0);
	uint16_t lo = a->lo > b->lo ? a->lo : b->lo, hi = a->hi < b->hi ? a->hi : b->hi;
	char addr[INET6_ADDRSTRLEN];

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, net->addr + (v4 ? 12 : 0), addr, sizeof(addr)))
		return -errno;
	if (lo == hi)
		return conflict_add(maps->conflicts, a->net->rule, b->net->rule, net->where,
				    "%s/%d port %d", addr, bits, lo);
	return conflict_add(maps->conflicts, a->net->rule, b->net->rule, net->where,
			    "%s/%d ports %d-%d", addr, bits, lo, hi);
}

static bool claims_disagree(const struct port_maps *maps, const struct port_claim *a,
			    const struct port_claim *b)
{
	return rules_disagree(maps->policy, a->net->rule, b->net->rule);
}

/* Complains about every earlier claim of the class that overlaps claims[at] and disagrees. They
 * stand in the order of ports and are equally wide, so the first that ends too early ends the
 * search. */
static int conflicts_report(const struct port_maps *maps, const struct port_claim *claims,
			    size_t first, size_t at, int proto)
{
	for (size_t i = at; i-- > first && claims[i].hi >= claims[at].lo;) {
		int err;

		if (!(claims[i].protos & PROTO_BIT(proto)) ||
		    !claims_disagree(maps, &claims[i], &claims[at]))
			continue;
		err = conflict_report(maps, &claims[i], &claims[at]);
		if (err)
			return err;
	}
	return 0;
}

/* Looks for claims of equal width that overlap in @proto and disagree. Two witnesses suffice to
 * know: the last claim, and the last one that disagrees with it. */
static int conflicts_find_proto(const struct port_maps *maps, const struct port_claim *claims,
				size_t count, int proto)
{
	const struct port_claim *last = NULL, *against = NULL, *witness;
	size_t first = 0;

	for (size_t i = 0; i < count; i++) {
		const struct port_claim *claim = &claims[i];
		int err;

		if (claim->width != claims[first].width ||
		    claim->proto_count != claims[first].proto_count) {
			first = i;
			last = NULL;
			against = NULL;
		}
		if (!(claim->protos & PROTO_BIT(proto)))
			continue;
		witness = last && claims_disagree(maps, last, claim) ? last : against;
		if (witness && witness->hi >= claim->lo) {
			err = conflicts_report(maps, claims, first, i, proto);
			if (err)
				return err;
		}
		if (last && claims_disagree(maps, last, claim))
			against = last;
		last = claim;
	}
	return 0;
}

static int conflicts_find(const struct port_maps *maps, struct port_claim *claims, size_t count)
{
	int err = 0;

	qsort(claims, count, sizeof(*claims), claim_compare_ports);
	for (int proto = 0; proto < PROTO_COUNT && !err; proto++)
		err = conflicts_find_proto(maps, claims, count, proto);
	return err;
}

/* Cuts the ports wherever a claim begins or ends. */
static int painting_begin(struct painting *painting, const struct port_claim *claims, size_t count)
{
	size_t edges = 0;

	painting->edge = malloc((2 * count + 1) * sizeof(*painting->edge));
	painting->rule = malloc((2 * count + 1) * sizeof(*painting->rule));
	painting->next = malloc((2 * count + 2) * sizeof(*painting->next));
	if (!painting->edge || !painting->rule || !painting->next)
		return -ENOMEM;
	painting->edge[edges++] = 0;
	for (size_t i = 0; i < count; i++) {
		painting->edge[edges++] = claims[i].lo;
		if (claims[i].hi < PORT_COUNT - 1)
			painting->edge[edges++] = claims[i].hi + 1u;
	}
	qsort(painting->edge, edges, sizeof(*painting->edge), u32_compare);
	painting->count = 0;
	for (size_t i = 0; i < edges; i++)
		if (!i || painting->edge[i] != painting->edge[painting->count - 1])
			painting->edge[painting->count++] = painting->edge[i];
	return 0;
}

static void painting_end(struct painting *painting)
{
	free(painting->edge);
	free(painting->rule);
	free(painting->next);
}

/* The first bare cell at or after @cell; the chain is shortened on the way. */
static size_t painting_bare(struct painting *painting, size_t cell)
{
	size_t bare = cell;

	while (painting->next[bare] != bare)
		bare = painting->next[bare];
	while (painting->next[cell] != bare) {
		size_t next = painting->next[cell];

		painting->next[cell] = (uint32_t)bare;
		cell = next;
	}
	return bare;
}

static void painting_claim(struct painting *painting, const struct port_claim *claim)
{
	const uint32_t lo = claim->lo;
	const uint32_t *edge = bsearch(&lo, painting->edge, painting->count, sizeof(lo),
				       u32_compare);
	size_t cell;

	assert(edge);
	for (cell = painting_bare(painting, (size_t)(edge - painting->edge));
	     cell < painting->count && painting->edge[cell] <= claim->hi;
	     cell = painting_bare(painting, cell)) {
		painting->rule[cell] = claim->net->rule;
		painting->next[cell] = (uint32_t)cell + 1;
	}
}

/* Paints one protocol: @claims stand in the order in which they win. */
static int level_paint(struct port_maps *maps, struct painting *painting,
		       const struct port_claim *claims, size_t count, int proto,
		       uint32_t *ret_list)
{
	struct port_list list = { .start = malloc(painting->count * sizeof(*list.start)) };
	int err;

	if (!list.start)
		return -ENOMEM;
	for (size_t i = 0; i < painting->count; i++) {
		painting->rule[i] = RULE_DEFAULT;
		painting->next[i] = (uint32_t)i;
	}
	painting->next[painting->count] = (uint32_t)painting->count;
	for (size_t i = 0; i < count; i++)
		if (claims[i].protos & PROTO_BIT(proto))
			painting_claim(painting, &claims[i]);
	for (size_t i = 0; i < painting->count; i++)
		list_append(&list, painting->edge[i], painting->rule[i]);
	err = list_intern(maps, &list, ret_list);
	free(list.start);
	return err;
}

static int level_build(struct port_maps *maps, const struct net_claim *nets, size_t net_count,
		       uint32_t *ret_map)
{
	struct painting painting = { 0 };
	struct port_claim *claims = NULL;
	struct port_lists lists;
	size_t count;
	int err;

	err = claims_collect(maps, nets, net_count, &claims, &count);
	if (!err && net_count > 1)
		err = conflicts_find(maps, claims, count);
	if (!err)
		err = painting_begin(&painting, claims, count);
	if (err)
		goto cleanup;
	qsort(claims, count, sizeof(*claims), claim_compare);
	for (int proto = 0; proto < PROTO_COUNT && !err; proto++)
		err = level_paint(maps, &painting, claims, count, proto, &lists.list[proto]);
	if (!err)
		err = intern_add(&maps->maps, &lists, sizeof(lists), ret_map);
cleanup:
	painting_end(&painting);
	free(claims);
	return err;
}

int port_maps_level(struct port_maps *maps, const struct net_claim *claims, size_t count,
		    uint32_t *ret_map)
{
	uint16_t *rules = malloc(count * sizeof(*rules));
	uint32_t number;
	int err;

	if (!rules)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		rules[i] = claims[i].rule;
	err = intern_add(&maps->levels, rules, count * sizeof(*rules), &number);
	free(rules);
	if (err)
		return err;
	if (maps->levels.items[number].value == INTERN_UNSET) {
		err = level_build(maps, claims, count, &maps->levels.items[number].value);
		if (err)
			return err;
	}
	*ret_map = maps->levels.items[number].value;
	return 0;
}

/* --- one prefix inside another -------------------------------------------------------------- */

/* Walks along a list, port by port where something changes. */
struct list_walk {
	size_t i, count;
	uint16_t rule;			/* at the port reached */
	uint32_t next;			/* where the next start is */
};

static void walk_to(const struct port_maps *maps, uint32_t list, struct list_walk *walk,
		    uint32_t port)
{
	while (walk->i < walk->count && list_start(maps, list, walk->i) >> 16 <= port)
		walk->rule = list_start(maps, list, walk->i++) & 0xffff;
	walk->next = walk->i < walk->count ? list_start(maps, list, walk->i) >> 16 : PORT_COUNT;
}

static int list_overlay(struct port_maps *maps, uint32_t below, uint32_t above, uint32_t *ret_list)
{
	struct list_walk low = { .count = list_count(maps, below), .rule = RULE_DEFAULT };
	struct list_walk high = { .count = list_count(maps, above), .rule = RULE_DEFAULT };
	struct port_list list = { 0 };
	int err;

	if (!low.count || !high.count) {
		*ret_list = low.count ? below : above;
		return 0;
	}
	list.start = malloc((low.count + high.count) * sizeof(*list.start));
	if (!list.start)
		return -ENOMEM;
	for (uint32_t port = 0; port < PORT_COUNT;
	     port = low.next < high.next ? low.next : high.next) {
		walk_to(maps, below, &low, port);
		walk_to(maps, above, &high, port);
		list_append(&list, port, high.rule == RULE_DEFAULT ? low.rule : high.rule);
	}
	err = list_intern(maps, &list, ret_list);
	free(list.start);
	return err;
}

static int overlay_build(struct port_maps *maps, uint32_t below, uint32_t above, uint32_t *ret_map)
{
	struct port_lists low = *(const struct port_lists *)intern_bytes(&maps->maps, below);
	struct port_lists high = *(const struct port_lists *)intern_bytes(&maps->maps, above);
	struct port_lists lists;

	for (int proto = 0; proto < PROTO_COUNT; proto++) {
		int err = list_overlay(maps, low.list[proto], high.list[proto], &lists.list[proto]);

		if (err)
			return err;
	}
	return intern_add(&maps->maps, &lists, sizeof(lists), ret_map);
}

int port_maps_overlay(struct port_maps *maps, uint32_t below, uint32_t above, uint32_t *ret_map)
{
	uint32_t key[2] = { below, above }, number;
	int err;

	if (below == PORT_MAP_NONE || below == above) {
		*ret_map = above;
		return 0;
	}
	err = intern_add(&maps->overlays, key, sizeof(key), &number);
	if (err)
		return err;
	if (maps->overlays.items[number].value == INTERN_UNSET) {
		err = overlay_build(maps, below, above, &maps->overlays.items[number].value);
		if (err)
			return err;
	}
	*ret_map = maps->overlays.items[number].value;
	return 0;
}

/* --- the ruleset's table -------------------------------------------------------------------- */

static enum verdict rule_verdict(const struct policy *policy, uint16_t rule)
{
	return rule == RULE_DEFAULT ? policy->defaults[CLASS_NET] : policy->rules[rule].verdict;
}

/* The stricter of two; among equals the smaller number, and the default last. */
static uint16_t stricter(const struct policy *policy, uint16_t a, uint16_t b)
{
	enum verdict one = rule_verdict(policy, a), other = rule_verdict(policy, b);

	if (one != other)
		return one > other ? a : b;
	return a < b ? a : b;
}

struct port_map port_maps_entry(const struct port_maps *maps, uint32_t number)
{
	const struct port_lists *lists = intern_bytes(&maps->maps, number);
	struct port_map entry = { 0 };
	bool begun = false;

	static_assert(INTERN_ALIGN % sizeof(uint32_t) == 0, "a list begins at a whole entry");
	for (int proto = 0; proto < PROTO_COUNT; proto++) {
		uint32_t list = lists->list[proto];
		size_t count = list_count(maps, list);

		entry.first[proto] = maps->lists.items[list].off / sizeof(uint32_t);
		entry.count[proto] = (uint16_t)count;
		if (!count)
			entry.first[proto] = 0;
		for (size_t i = 0; i < count || (!count && !i); i++) {
			uint16_t rule = count ? list_start(maps, list, i) & 0xffff : RULE_DEFAULT;

			entry.strictest = begun ? stricter(maps->policy, entry.strictest, rule) :
						  rule;
			begun = true;
		}
	}
	return entry;
}

void port_maps_free(struct port_maps *maps)
{
	intern_free(&maps->lists);
	intern_free(&maps->maps);
	intern_free(&maps->levels);
	intern_free(&maps->overlays);
}
