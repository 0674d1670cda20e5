/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and ports that were reached -> services. A service is every address of it with every port of
 * it; so those go together that have the same ports, and nothing is in a service that was not reached, but
 * for the neighbours of what was.
 */
#include "suggestion_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_RANGE 120			/* bits of a range of neighbours: /24 behind the v4-mapped prefix, */
#define V6_RANGE 64
#define NEIGHBOURS_MIN 2		/* so many make one */
#define HANDED_OUT_FIRST 32768		/* of the ports that the kernel chooses: ip_local_port_range */
#define HANDED_OUT_MIN 3		/* so many of them are not meant each by itself */
#define NAMED_MAX 64			/* ranges that have a service each */

/* One address, and what it was reached by. */
struct place {
	const uint8_t *addr;
	struct draft_list ports;	/* "443/tcp"; empty: every one, and none */
	size_t first, count;		/* of the objects */
};

static bool is_v4(const uint8_t *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, mapped, sizeof(mapped));
}

/* Another protocol than TCP and UDP has no word of its own: its ports are those of all. */
static void add_port(struct draft *draft, struct draft_list *ports, const struct reached *object)
{
	static const char *const protocols[] = { "/tcp", "/udp", "" };

	draft_list_format(draft, ports, "%u%s", object->port, protocols[object->proto]);
}

static void add_handed_out(struct draft *draft, struct draft_list *ports, enum protocol proto)
{
	draft_list_format(draft, ports, "%u-%u%s", HANDED_OUT_FIRST, UINT16_MAX, proto == PROTO_TCP ? "/tcp" :
			  proto == PROTO_UDP ? "/udp" : "");
}

static void make_ports(struct draft *draft, struct reached **objects, struct place *place)
{
	size_t handed_out[PROTO_COUNT] = { 0 };

	for (size_t i = 0; i < place->count; i++) {
		if (objects[i]->proto == PROTO_NONE)
			return;		/* what has no ports is allowed where all ports are */
		handed_out[objects[i]->proto] += objects[i]->port >= HANDED_OUT_FIRST;
	}
	for (size_t i = 0; i < place->count; i++) {
		enum protocol proto = objects[i]->proto;

		if (objects[i]->port < HANDED_OUT_FIRST || handed_out[proto] < HANDED_OUT_MIN)
			add_port(draft, &place->ports, objects[i]);
	}
	for (enum protocol proto = 0; proto < PROTO_COUNT; proto++)
		if (handed_out[proto] >= HANDED_OUT_MIN)
			add_handed_out(draft, &place->ports, proto);
}

/* Each address, with its ports. */
static size_t make_places(struct draft *draft, struct reached **objects, size_t count, struct place *places)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (!i || memcmp(objects[i]->addr, objects[i - 1]->addr, sizeof(objects[i]->addr)))
			places[found++] = (struct place){ .addr = objects[i]->addr, .first = i };
		places[found - 1].count++;
	}
	for (size_t i = 0; i < found; i++)
		make_ports(draft, objects + places[i].first, &places[i]);
	return found;
}

static int compare_ports(const struct place *one, const struct place *other)
{
	size_t i = 0;
	int order = 0;

	for (; !order && i < one->ports.count && i < other->ports.count; i++)
		order = strcmp(one->ports.items[i], other->ports.items[i]);
	return order ?: one->ports.count < other->ports.count ? -1 : one->ports.count > other->ports.count;
}

static int by_ports(const void *a, const void *b)
{
	const struct place *one = a, *other = b;

	return compare_ports(one, other) ?: memcmp(one->addr, other->addr, 16);
}

/* --- ranges --------------------------------------------------------------------------------- */

static bool are_neighbours(const uint8_t *one, const uint8_t *other)
{
	return is_v4(one) == is_v4(other) && !memcmp(one, other, (is_v4(one) ? V4_RANGE : V6_RANGE) / 8);
}

/* "10.20.0.0/24" */
static void write_range(const uint8_t *addr, bool wide, char *ret_text, size_t size)
{
	bool v4 = is_v4(addr);
	char host[INET6_ADDRSTRLEN];
	uint8_t masked[16];
	size_t kept = !wide ? 16 : v4 ? V4_RANGE / 8 : V6_RANGE / 8;

	memset(masked, 0, sizeof(masked));
	memcpy(masked, addr, kept);
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? masked + 12 : masked, host, sizeof(host));
	snprintf(ret_text, size, "%s/%u", host, !wide ? (v4 ? 32 : 128) : v4 ? V4_RANGE - 96 : V6_RANGE);
}

/* Whether another service has a range of the same length with one of these ports: then there would be
 * two that are equally specific. Those of a draft before this one are in its services. */
static bool is_claimed(const struct draft *draft, const char *range, const struct draft_list *ports)
{
	for (size_t i = 0; i < draft->service_count; i++) {
		const struct draft_service *service = &draft->services[i];
		bool same_ports = !ports->count && !service->ports.count, same_range = false;

		for (size_t k = 0; k < service->nets.count; k++)
			same_range |= !strcmp(service->nets.items[k], range);
		for (size_t k = 0; same_range && k < ports->count * service->ports.count; k++)
			same_ports |= !strcmp(ports->items[k % ports->count],
					      service->ports.items[k / ports->count]);
		if (same_range && same_ports)
			return true;
	}
	return false;
}

/* How many places from the first one on become one range; 1: it stands alone, as what is all ports does. */
static size_t find_neighbours(const struct draft *draft, const struct place *places, size_t count, bool exact)
{
	char range[INET6_ADDRSTRLEN + 8];
	size_t found = 1;

	while (!exact && places[0].ports.count && found < count &&
	       !compare_ports(&places[0], &places[found]) &&
	       are_neighbours(places[0].addr, places[found].addr))
		found++;
	write_range(places[0].addr, true, range, sizeof(range));
	return found >= NEIGHBOURS_MIN && !is_claimed(draft, range, &places[0].ports) ? found : 1;
}

/* --- services ------------------------------------------------------------------------------- */

struct nets_writer {
	struct draft *draft;
	struct reached **objects;
	suggestion_nets_fn add;
	void *ctx;
};

static void copy_ports(struct draft *draft, struct draft_service *service, const struct draft_list *ports)
{
	for (size_t i = 0; i < ports->count; i++)
		draft_list_add(draft, &service->ports, ports->items[i]);
}

/* Adds the objects of some places to a service that is done. */
static int tell_objects(const struct nets_writer *w, struct draft_service *service,
			const struct place *places,
			size_t count)
{
	size_t total = 0, used = 0;
	struct reached **members;

	for (size_t i = 0; i < count; i++)
		total += places[i].count;
	members = calloc(total + 1, sizeof(struct reached *));
	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < places[i].count; k++)
			members[used++] = w->objects[places[i].first + k];
	w->add(w->ctx, service, members, used);
	free(members);
	return 0;
}

/* A service with all of them. */
static int add_service(const struct nets_writer *w, const char *name, const struct place *places,
		       size_t count,
		       bool exact)
{
	struct draft_list nets = { 0 };
	struct draft_service *service;
	char range[INET6_ADDRSTRLEN + 8];
	size_t step;

	for (size_t i = 0; i < count; i += step) {
		step = find_neighbours(w->draft, places + i, count - i, exact);
		write_range(places[i].addr, step > 1, range, sizeof(range));
		draft_list_add(w->draft, &nets, range);
	}
	service = draft_add(w->draft, name);
	if (!service) {
		draft_list_free(&nets);
		return -ENOMEM;
	}
	service->nets = nets;
	copy_ports(w->draft, service, &places[0].ports);
	return tell_objects(w, service, places, count);
}

/* "net-10.20.0.0-24", "host-10.20.0.5" */
static int add_range(const struct nets_writer *w, const struct place *places, size_t count)
{
	char range[INET6_ADDRSTRLEN + 8], name[sizeof(range) + 8];

	write_range(places[0].addr, count > 1, range, sizeof(range));
	if (count > 1)
		snprintf(name, sizeof(name), "net-%s", range);
	else
		snprintf(name, sizeof(name), "host-%.*s", (int)strcspn(range, "/"), range);
	return add_service(w, name, places, count, false);
}

/* Places with the same ports. */
static int add_places(const struct nets_writer *w, const char *name, const struct place *places, size_t count,
		      bool exact)
{
	char lumped[64];
	size_t step;
	int err = 0;

	if (name)
		return add_service(w, name, places, count, exact);
	if (count > NAMED_MAX) {
		snprintf(lumped, sizeof(lumped), "hosts-%s", places[0].ports.count ?
			 places[0].ports.items[0] : "any");
		return add_service(w, lumped, places, count, exact);
	}
	for (size_t i = 0; !err && i < count; i += step) {
		step = find_neighbours(w->draft, places + i, count - i, exact);
		err = add_range(w, places + i, step);
	}
	return err;
}

int suggestion_nets(struct draft *draft, const char *name, struct reached **objects, size_t count, bool exact,
		    suggestion_nets_fn add, void *ctx)
{
	struct nets_writer w = { draft, objects, add, ctx };
	struct place *places = calloc(count + 1, sizeof(*places));
	size_t place_count, end;
	int err = places ? 0 : -ENOMEM;

	place_count = err ? 0 : make_places(draft, objects, count, places);
	if (place_count)
		qsort(places, place_count, sizeof(*places), by_ports);
	for (size_t i = 0; !err && i < place_count; i = end) {
		for (end = i + 1; end < place_count && !compare_ports(&places[i], &places[end]); end++)
			;
		err = add_places(&w, name, places + i, end - i, exact);
	}
	for (size_t i = 0; i < place_count; i++)
		draft_list_free(&places[i].ports);
	free(places);
	draft->failed |= err != 0;
	return err;
}

/* --- what was not reached ------------------------------------------------------------------- */

static bool has_net(const struct draft *draft, const char *begin)
{
	for (size_t i = 0; i < draft->service_count; i++)
		for (size_t k = 0; k < draft->services[i].nets.count; k++)
			if (!strncmp(draft->services[i].nets.items[k], begin, strlen(begin)))
				return true;
	return false;
}

bool suggestion_nets_free(const struct draft *draft, char *ret_range, size_t size)
{
	/* For documentation (RFC 5737): what was reached there is no service. */
	static const char *const blocks[] = { "192.0.2.", "198.51.100.", "203.0.113." };
	char host[INET6_ADDRSTRLEN + 8], range[INET6_ADDRSTRLEN + 8];

	for (size_t i = 0; i < 254 * sizeof(blocks) / sizeof(*blocks); i++) {
		snprintf(host, sizeof(host), "%s%zu/", blocks[i / 254], 1 + i % 254);
		snprintf(range, sizeof(range), "%s0/", blocks[i / 254]);
		if (has_net(draft, host) || has_net(draft, range))
			continue;
		snprintf(ret_range, size, "%s32", host);
		return true;
	}
	return false;
}

/* Whether something of the draft lists what may be reached. */
static bool is_list(const struct draft *draft)
{
	for (size_t i = 0; i < draft->service_count; i++) {
		const struct draft_service *service = &draft->services[i];

		if (service->verdict != VERDICT_DENY && !service->aside &&
		    (service->nets.count || !draft_is_defined(service)))
			return true;
	}
	return false;
}

/* Of a known service that has a rule. */
static bool is_known_loopback(const struct draft *draft, const struct known *known)
{
	static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 127 }, v6[16] = { [15] = 1 };

	for (size_t i = 0; i < draft->service_count; i++) {
		size_t service = known_named(known, draft->services[i].name);

		if (!draft_is_defined(&draft->services[i]) && service < known_count(known) &&
		    (known_meets(known, service, v4, 96 + 8) || known_meets(known, service, v6, 128)))
			return true;
	}
	return false;
}

void suggestion_nets_loopback(struct draft *draft, const struct known *known)
{
	struct draft_service *service;

	if (draft->default_net != VERDICT_DENY || !is_list(draft) || has_net(draft, "127.") || has_net(draft, "::1/") ||
	    has_net(draft, "::/") || is_known_loopback(draft, known))
		return;
	service = draft_add(draft, "loopback");
	if (!service)
		return;
	draft_list_add(draft, &service->nets, "127.0.0.0/8");
	draft_list_add(draft, &service->nets, "::1/128");
	service->verdict = VERDICT_DENY;
	service->about = strdup("not reached, and denied as all else: allow it where it is needed");
	service->why = strdup("no run that this policy was made of reached it");
	draft->failed |= !service->about || !service->why;
}
