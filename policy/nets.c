/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nets -> sorted prefixes -> steps -> the index of the IPv4 steps.
 */
#include "nets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../lsm/decide.h"

__extension__ typedef unsigned __int128 address;	/* IPv4: the last 32 bits alone */

/* An address family: how many bits its addresses have. */
enum family {
	FAMILY_V4 = 32,
	FAMILY_V6 = 128,
};

/* A net that a rule speaks of, as it is sorted. */
struct net_entry {
	uint64_t hi, lo;		/* first address */
	struct net_claim claim;
	uint8_t bits;			/* of the family's addresses */
};

struct net_entries {
	struct net_entry *list;
	size_t count;
};

/* Where the port map changes, in the order of addresses. */
struct steps {
	address *start;
	uint32_t *map;
	size_t count, space;
};

/* --- collecting ----------------------------------------------------------------------------- */

static uint64_t read_be64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* The last address of the prefix that begins at @first. */
static address prefix_last(address first, uint8_t bits, enum family family)
{
	address all = family == FAMILY_V6 ? ~(address)0 : ((address)1 << 32) - 1;

	return bits < family ? first | all >> bits : first;
}

static struct net_entry net_entry(const struct policy_net *net, size_t rule, enum family family)
{
	return (struct net_entry) {
		.hi = family == FAMILY_V6 ? read_be64(net->addr) : 0,
		.lo = read_be64(net->addr + 8) & (family == FAMILY_V6 ? UINT64_MAX : UINT32_MAX),
		.claim = { .rule = (uint16_t)rule, .net = net },
		.bits = (uint8_t)(net->bits - (FAMILY_V6 - family)),
	};
}

#define SORT_PLACES (1 + sizeof(struct in6_addr))	/* bytes of the key */

/* The key's byte at @place, the least significant first: the length, then the address. */
static uint8_t net_entry_byte(const struct net_entry *entry, size_t place)
{
	if (!place)
		return entry->bits;
	return (uint8_t)((place <= 8 ? entry->lo : entry->hi) >> 8 * ((place - 1) % 8));
}

/* Sorts by one byte of the key; what is equal in it stays in order. False: nothing to do. */
static bool net_entries_sort_place(const struct net_entries *entries, size_t place,
				   struct net_entry *sorted)
{
	size_t begin[256] = { 0 }, total = 0;

	for (size_t i = 0; i < entries->count; i++)
		begin[net_entry_byte(&entries->list[i], place)]++;
	if (begin[net_entry_byte(&entries->list[0], place)] == entries->count)
		return false;
	for (size_t byte = 0; byte < 256; byte++) {
		size_t count = begin[byte];

		begin[byte] = total;
		total += count;
	}
	for (size_t i = 0; i < entries->count; i++)
		sorted[begin[net_entry_byte(&entries->list[i], place)]++] = entries->list[i];
	return true;
}

/* Brings entries into the order of the sweep: by address, outer prefixes before inner ones, and
 * equal ones in the order of rules, in which they come. Byte by byte (a radix sort), since
 * comparing them was most of what a policy of 100,000 ranges took. */
static int net_entries_sort(struct net_entries *entries)
{
	struct net_entry *other;

	if (!entries->count)
		return 0;
	other = malloc(entries->count * sizeof(*other));
	if (!other)
		return -ENOMEM;
	for (size_t place = 0; place < SORT_PLACES; place++) {
		struct net_entry *list = entries->list;

		if (net_entries_sort_place(entries, place, other)) {
			entries->list = other;
			other = list;
		}
	}
	free(other);
	return 0;
}

static int net_entries_collect(const struct policy *policy, enum family family,
			       struct net_entries *ret_entries)
{
	struct net_entries entries = { 0 };
	size_t total = 0;
	int err;

	for (size_t i = 0; i < policy->rule_count; i++)
		total += policy->services[policy->rules[i].service].net_count;
	if (total) {
		entries.list = malloc(total * sizeof(*entries.list));
		if (!entries.list)
			return -ENOMEM;
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct policy_service *service =
			&policy->services[policy->rules[i].service];

		for (size_t j = 0; j < service->net_count; j++)
			if (policy_net_is_v4(&service->nets[j]) == (family == FAMILY_V4))
				entries.list[entries.count++] =
					net_entry(&service->nets[j], i, family);
	}
	err = net_entries_sort(&entries);
	if (err) {
		free(entries.list);
		return err;
	}
	*ret_entries = entries;
	return 0;
}

/* --- the sweep ------------------------------------------------------------------------------ */

static int steps_reserve(struct steps *steps, size_t space)
{
	address *start = realloc(steps->start, space * sizeof(*start));
	uint32_t *map;

	if (!start)
		return -ENOMEM;
	steps->start = start;
	map = realloc(steps->map, space * sizeof(*map));
	if (!map)
		return -ENOMEM;
	steps->map = map;
	steps->space = space;
	return 0;
}

/* From @start on @map holds. A step at the same place replaces the one before, and a step that
 * changes nothing is none. */
static void steps_add(struct steps *steps, address start, uint32_t map)
{
	if (steps->count && steps->start[steps->count - 1] == start)
		steps->count--;
	if (steps->count && steps->map[steps->count - 1] == map)
		return;
	steps->start[steps->count] = start;
	steps->map[steps->count++] = map;
}

/* The prefixes around the place that the sweep has reached, the innermost last. */
struct open_prefixes {
	struct {
		address last;
		uint32_t map;		/* of this prefix laid over those around it */
	} prefix[FAMILY_V6 + 1];	/* one of each length */
	size_t depth;
	address end;			/* the last address of the family */
};

static uint32_t open_map(const struct open_prefixes *open)
{
	return open->depth ? open->prefix[open->depth - 1].map : PORT_MAP_NONE;
}

static void open_close_last(struct open_prefixes *open, struct steps *steps)
{
	address last = open->prefix[--open->depth].last;

	if (last != open->end)
		steps_add(steps, last + 1, open_map(open));
}

/* How many entries from @first on are the same prefix; their claims, one for each rule, go to
 * @claims. */
static size_t prefix_claims(const struct net_entries *entries, size_t first,
			    struct net_claim *claims, size_t *ret_claim_count)
{
	const struct net_entry *prefix = &entries->list[first];
	size_t i, count = 0;

	for (i = first; i < entries->count; i++) {
		const struct net_entry *entry = &entries->list[i];

		if (entry->hi != prefix->hi || entry->lo != prefix->lo ||
		    entry->bits != prefix->bits)
			break;
		if (!count || claims[count - 1].rule != entry->claim.rule)
			claims[count++] = entry->claim;
	}
	*ret_claim_count = count;
	return i - first;
}

static int sweep_prefix(struct port_maps *maps, struct open_prefixes *open, struct steps *steps,
			address first, address last, const struct net_claim *claims, size_t count)
{
	uint32_t level, map;
	int err;

	while (open->depth && open->prefix[open->depth - 1].last < first)
		open_close_last(open, steps);
	err = port_maps_level(maps, claims, count, &level);
	if (!err)
		err = port_maps_overlay(maps, open_map(open), level, &map);
	if (err)
		return err;
	open->prefix[open->depth].last = last;
	open->prefix[open->depth++].map = map;
	steps_add(steps, first, map);
	return 0;
}

static int sweep(const struct net_entries *entries, enum family family, struct port_maps *maps,
		 struct steps *steps)
{
	struct open_prefixes open = { .end = prefix_last(0, 0, family) };
	struct net_claim *claims;
	size_t count, i = 0;
	int err;

	if (!entries->count)
		return 0;
	/* A prefix makes at most two steps, and there is one at 0. A rule claims a prefix once. */
	err = steps_reserve(steps, 2 * entries->count + 1);
	claims = malloc(maps->policy->rule_count * sizeof(*claims));
	if (!claims)
		err = -ENOMEM;
	if (!err)
		steps_add(steps, 0, PORT_MAP_NONE);
	while (!err && i < entries->count) {
		const struct net_entry *entry = &entries->list[i];
		address first = (address)entry->hi << 64 | entry->lo;

		i += prefix_claims(entries, i, claims, &count);
		err = sweep_prefix(maps, &open, steps, first,
				   prefix_last(first, entry->bits, family), claims, count);
	}
	while (!err && open.depth)
		open_close_last(&open, steps);
	free(claims);
	if (!err && steps->count > SEARCH_MAX)
		err = -E2BIG;
	return err;
}

static int family_steps(const struct policy *policy, enum family family, struct port_maps *maps,
			struct steps *ret_steps)
{
	struct net_entries entries = { 0 };
	struct steps steps = { 0 };
	int err;

	err = net_entries_collect(policy, family, &entries);
	if (!err)
		err = sweep(&entries, family, maps, &steps);
	free(entries.list);
	if (err) {
		free(steps.start);
		free(steps.map);
		return err;
	}
	*ret_steps = steps;
	return 0;
}

/* --- tables --------------------------------------------------------------------------------- */

/* About eight entries of the index for each range, so that most lookups find theirs at once; 2^16
 * are 256 KiB, as in DXR. */
#define V4_INDEX_SPARE_BITS 3
#define V4_INDEX_BITS_MAX 16
#define V4_INDEX_WORTH 8		/* below so many ranges a search alone is as fast */

static uint32_t v4_index_bits(size_t ranges)
{
	uint32_t bits = V4_INDEX_SPARE_BITS;

	if (ranges < V4_INDEX_WORTH)
		return 0;
	for (; ranges > 1 && bits < V4_INDEX_BITS_MAX; ranges /= 2)
		bits++;
	return bits;
}

static int v4_index_build(struct net_tables *tables)
{
	uint32_t bits = v4_index_bits(tables->v4_count), place = 0;
	size_t count = (size_t)1 << bits;

	tables->v4_index = malloc((count + 1) * sizeof(*tables->v4_index));
	if (!tables->v4_index)
		return -ENOMEM;
	tables->v4_shift = FAMILY_V4 - bits;
	tables->v4_index_count = count + 1;
	for (size_t i = 0; i < count; i++) {
		uint64_t first = (uint64_t)i << tables->v4_shift;

		while (place + 1 < tables->v4_count && tables->v4_start[place + 1] <= first)
			place++;
		tables->v4_index[i] = place;
	}
	tables->v4_index[count] = (uint32_t)tables->v4_count - 1;
	return 0;
}

/* Takes over the map numbers of @steps. */
static int v4_tables(struct net_tables *tables, struct steps *steps)
{
	if (!steps->count)
		return 0;
	tables->v4_start = malloc(steps->count * sizeof(*tables->v4_start));
	if (!tables->v4_start)
		return -ENOMEM;
	for (size_t i = 0; i < steps->count; i++)
		tables->v4_start[i] = (uint32_t)steps->start[i];
	tables->v4_count = steps->count;
	tables->v4_map = steps->map;
	steps->map = NULL;
	return v4_index_build(tables);
}

static int v6_tables(struct net_tables *tables, struct steps *steps)
{
	if (!steps->count)
		return 0;
	tables->v6_start = malloc(steps->count * sizeof(*tables->v6_start));
	if (!tables->v6_start)
		return -ENOMEM;
	for (size_t i = 0; i < steps->count; i++)
		tables->v6_start[i] = (struct v6_start) {
			.hi = (uint64_t)(steps->start[i] >> 64),
			.lo = (uint64_t)steps->start[i],
		};
	tables->v6_count = steps->count;
	tables->v6_map = steps->map;
	steps->map = NULL;
	return 0;
}

/* Replaces the numbers of the maps that are in use by consecutive ones: those that were only
 * laid over others do not enter the ruleset. */
static void renumber(uint32_t *maps, size_t count, uint32_t *numbers, struct net_tables *tables)
{
	for (size_t i = 0; i < count; i++) {
		if (maps[i] == PORT_MAP_NONE)
			continue;
		if (numbers[maps[i]] == PORT_MAP_NONE) {
			numbers[maps[i]] = (uint32_t)tables->map_count;
			tables->maps[tables->map_count++] =
				port_maps_entry(&tables->ports, maps[i]);
		}
		maps[i] = numbers[maps[i]];
	}
}

static int port_map_table(struct net_tables *tables)
{
	size_t count = tables->ports.maps.count;
	uint32_t *numbers;

	if (!count)
		return 0;
	numbers = malloc(count * sizeof(*numbers));
	tables->maps = malloc(count * sizeof(*tables->maps));
	if (!numbers || !tables->maps) {
		free(numbers);
		return -ENOMEM;
	}
	memset(numbers, 0xff, count * sizeof(*numbers));
	renumber(tables->v4_map, tables->v4_count, numbers, tables);
	renumber(tables->v6_map, tables->v6_count, numbers, tables);
	free(numbers);
	return 0;
}

int nets_compile(const struct policy *policy, struct conflicts *conflicts,
		 struct net_tables *ret_tables)
{
	struct net_tables tables = { .ports = { .policy = policy, .conflicts = conflicts } };
	struct steps v4 = { 0 }, v6 = { 0 };
	int err;

	err = family_steps(policy, FAMILY_V4, &tables.ports, &v4);
	if (!err)
		err = family_steps(policy, FAMILY_V6, &tables.ports, &v6);
	if (!err)
		err = v4_tables(&tables, &v4);
	if (!err)
		err = v6_tables(&tables, &v6);
	if (!err)
		err = port_map_table(&tables);
	free(v4.start);
	free(v4.map);
	free(v6.start);
	free(v6.map);
	if (err) {
		net_tables_free(&tables);
		return err;
	}
	*ret_tables = tables;
	return 0;
}

void net_tables_free(struct net_tables *tables)
{
	free(tables->v4_index);
	free(tables->v4_start);
	free(tables->v4_map);
	free(tables->v6_start);
	free(tables->v6_map);
	free(tables->maps);
	port_maps_free(&tables->ports);
	*tables = (struct net_tables) { 0 };
}
