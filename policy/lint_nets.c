/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * overlap: which of two services has an address that is in a net of both. Nets in the order of addresses nest
 * like brackets, so that one sweep with a stack of those that are open finds who is inside of whom (as in
 * nets.c).
 *
 * private-range: "everything" and "the internet" are one to the policy, and two to its author.
 *
 * one-family: so are "everything" and "all of IPv4".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "lint_pass.h"
#include "ports.h"
#include "rules.h"

#define OUTER_MAX 256			/* nets around one that are looked at */

/* --- ports --------------------------------------------------------------------------------- */

static const struct policy_ports all_ports = { .hi = 65535, .protos = PROTO_ALL };

/* The ports of a service; there is always one range. */
static const struct policy_ports *ports_of(const struct policy_service *service, size_t *ret_count)
{
	*ret_count = service->port_count ? service->port_count : 1;
	return service->port_count ? service->ports : &all_ports;
}

static bool ports_meet(const struct policy_ports *a, const struct policy_ports *b)
{
	return a->protos & b->protos && a->lo <= b->hi && b->lo <= a->hi;
}

/* Whether a single range of @outer holds all of @inner: good enough for what people write. */
static bool ports_hold(const struct policy_service *outer, const struct policy_service *inner)
{
	size_t inner_count, outer_count;
	const struct policy_ports *in = ports_of(inner, &inner_count), *out = ports_of(outer, &outer_count);

	for (size_t i = 0; i < inner_count; i++) {
		size_t j = 0;

		while (j < outer_count && (in[i].protos & ~out[j].protos || in[i].lo < out[j].lo ||
					   in[i].hi > out[j].hi))
			j++;
		if (j == outer_count)
			return false;
	}
	return true;
}

/* The first two ranges that meet. */
static bool ports_first(const struct policy_service *a, const struct policy_service *b,
			struct policy_ports ret_ports[2])
{
	size_t a_count, b_count;
	const struct policy_ports *one = ports_of(a, &a_count), *other = ports_of(b, &b_count);

	for (size_t i = 0; i < a_count; i++)
		for (size_t j = 0; j < b_count; j++)
			if (ports_meet(&one[i], &other[j])) {
				ret_ports[0] = one[i];
				ret_ports[1] = other[j];
				return true;
			}
	return false;
}

/* As claim_compare() in ports.c: fewer ports, then fewer protocols. */
static bool ports_narrower(const struct policy_ports *a, const struct policy_ports *b)
{
	int width_a = a->hi - a->lo, width_b = b->hi - b->lo;

	if (width_a != width_b)
		return width_a < width_b;
	return __builtin_popcount(a->protos) < __builtin_popcount(b->protos);
}

/* "port 53", "ports 22, 443/tcp, ..." */
static struct shown port_words(const struct policy_service *service)
{
	size_t count;
	const struct policy_ports *ports = ports_of(service, &count);

	return show_ports(ports, count);
}

/* --- overlap ------------------------------------------------------------------------------- */

/* A net of a service that a rule names. */
struct claim {
	const struct policy_net *net;
	uint32_t rule;
};

/* The first net of one rule that is inside of another's, and how many there are. */
struct overlap {
	struct claim inner, outer;
	size_t count;
};

struct overlaps {
	struct intern pairs;		/* { inner rule, outer rule } -> overlap */
	struct overlap *list;
	size_t space;
};

static int claim_compare(const void *a, const void *b)
{
	const struct claim *one = a, *other = b;
	int order = memcmp(one->net->addr, other->net->addr, sizeof(one->net->addr));

	if (order)
		return order;
	if (one->net->bits != other->net->bits)
		return one->net->bits < other->net->bits ? -1 : 1;
	return (one->rule > other->rule) - (one->rule < other->rule);
}

static int claims_collect(const struct policy *policy, struct claim **ret_claims, size_t *ret_count)
{
	size_t total = 0, used = 0;
	struct claim *claims;

	for (size_t i = 0; i < policy->rule_count; i++)
		total += lint_service(policy, i)->net_count;
	claims = calloc(total + 1, sizeof(*claims));
	if (!claims)
		return -ENOMEM;
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct policy_service *service = lint_service(policy, i);

		for (size_t j = 0; j < service->net_count; j++)
			claims[used++] = (struct claim){ &service->nets[j], (uint32_t)i };
	}
	qsort(claims, used, sizeof(*claims), claim_compare);
	*ret_claims = claims;
	*ret_count = used;
	return 0;
}

static int overlap_count(struct overlaps *overlaps, const struct claim *inner, const struct claim *outer)
{
	uint32_t pair[2] = { inner->rule, outer->rule }, number;
	size_t known = overlaps->pairs.count;
	int err = intern_add(&overlaps->pairs, pair, sizeof(pair), &number);

	if (err)
		return err;
	if (number == known && known == overlaps->space) {
		size_t space = known ? 2 * known : 16;
		struct overlap *list = reallocarray(overlaps->list, space, sizeof(*list));

		if (!list)
			return -ENOMEM;
		overlaps->list = list;
		overlaps->space = space;
	}
	if (number == known)
		overlaps->list[number] = (struct overlap){ .inner = *inner, .outer = *outer };
	overlaps->list[number].count++;
	return 0;
}

/* Goes outwards from @claim: until what is around it leaves nothing of it to those farther out. */
static int look_outwards(const struct policy *policy, struct overlaps *overlaps, const struct claim *claim,
			 const struct claim *const *open, size_t depth)
{
	const struct policy_service *service = lint_service(policy, claim->rule);

	for (size_t i = 0; i < depth && i < OUTER_MAX; i++) {
		const struct claim *outer = open[depth - 1 - i];
		const struct policy_service *around = lint_service(policy, outer->rule);
		struct policy_ports met[2];
		int err;

		if (!ports_first(service, around, met))
			continue;
		if (rules_disagree(policy, claim->rule, outer->rule)) {
			err = overlap_count(overlaps, claim, outer);
			if (err)
				return err;
		}
		if (ports_hold(around, service))
			break;
	}
	return 0;
}

static int overlaps_find(const struct policy *policy, const struct claim *claims, size_t count, bool v4,
			 struct overlaps *overlaps)
{
	const struct claim **open = calloc(count + 1, sizeof(*open));
	size_t depth = 0;
	int err = 0;

	if (!open)
		return -ENOMEM;
	for (size_t i = 0; i < count && !err; i++) {
		if (policy_net_is_v4(claims[i].net) != v4)
			continue;
		while (depth && !lint_net_holds(open[depth - 1]->net, claims[i].net))
			depth--;
		err = look_outwards(policy, overlaps, &claims[i], open, depth);
		open[depth++] = &claims[i];
	}
	free(open);
	return err;
}

/* Of one net that two services have: where they meet, the narrower range wins. */
static void tell_same(struct linter *linter, const struct overlap *overlap, const char *more)
{
	const struct policy *policy = linter->policy;
	uint32_t inner = overlap->inner.rule, outer = overlap->outer.rule, winner;
	struct policy_ports met[2];

	ports_first(lint_service(policy, inner), lint_service(policy, outer), met);
	winner = ports_narrower(&met[0], &met[1]) ? inner : outer;
	lint_add(linter, DIAG_NOTE, "overlap", overlap->inner.net->where,
		 "of the same net the narrower range of ports wins, whatever the order of rules",
		 "%s is of \"%s\" and of \"%s\" (%s:%u)%s: on port %s %s wins",
		 show_net(overlap->inner.net).text, lint_service(policy, inner)->name,
		 lint_service(policy, outer)->name, overlap->outer.net->where.file,
		 overlap->outer.net->where.line, more, show_range(&met[winner != inner]).text,
		 lint_rule_words(policy, winner).text);
}

static void tell_inside(struct linter *linter, const struct overlap *overlap, const char *more)
{
	const struct policy *policy = linter->policy;
	const struct policy_service *inner = lint_service(policy, overlap->inner.rule);
	const struct policy_service *outer = lint_service(policy, overlap->outer.rule);
	char *rest = NULL;

	/* Where the inner one says nothing of a port, the outer one holds. */
	if (!ports_hold(inner, outer) &&
	    asprintf(&rest, " on %s, and for other ports %s", port_words(inner).text,
		     lint_rule_words(policy, overlap->outer.rule).text) < 0)
		rest = NULL;
	lint_add(linter, DIAG_NOTE, "overlap", overlap->inner.net->where,
		 "the longest prefix wins, whatever the order of rules",
		 "%s of \"%s\" lies in %s of \"%s\" (%s:%u)%s: there %s wins%s",
		 show_net(overlap->inner.net).text, inner->name,
		 show_net(overlap->outer.net).text, outer->name, overlap->outer.net->where.file,
		 overlap->outer.net->where.line, more, lint_rule_words(policy, overlap->inner.rule).text,
		 rest ? rest : "");
	free(rest);
}

static void overlap_tell(struct linter *linter, const struct overlap *overlap)
{
	char more[48] = "";

	if (overlap->count > 1)
		snprintf(more, sizeof(more), ", and %zu more of its nets", overlap->count - 1);
	if (overlap->inner.net->bits == overlap->outer.net->bits)
		tell_same(linter, overlap, more);
	else
		tell_inside(linter, overlap, more);
}

int lint_overlaps(struct linter *linter)
{
	struct overlaps overlaps = { 0 };
	struct claim *claims = NULL;
	size_t count = 0;
	int err = claims_collect(linter->policy, &claims, &count);

	err = err ?: overlaps_find(linter->policy, claims, count, true, &overlaps) ?:
		overlaps_find(linter->policy, claims, count, false, &overlaps);
	for (size_t i = 0; i < overlaps.pairs.count && !err; i++)
		overlap_tell(linter, &overlaps.list[i]);
	intern_free(&overlaps.pairs);
	free(overlaps.list);
	free(claims);
	return err;
}

/* --- private-range ------------------------------------------------------------------------- */

#define V4(a, b, c, d) { [10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d }

/* What is not the internet (RFC 1122, 1918, 4193, 4291), in two groups: whoever names one of a group has
 * thought of it. */
enum range_group {
	GROUP_LOOPBACK,
	GROUP_PRIVATE,
	GROUP_COUNT,
};

static const struct {
	enum range_group group;
	struct policy_net net;
} ranges[] = {
	{ GROUP_LOOPBACK, { .addr = V4(127, 0, 0, 0), .bits = 96 + 8 } },
	{ GROUP_LOOPBACK, { .addr = { [15] = 1 }, .bits = 128 } },
	{ GROUP_PRIVATE, { .addr = V4(10, 0, 0, 0), .bits = 96 + 8 } },
	{ GROUP_PRIVATE, { .addr = V4(172, 16, 0, 0), .bits = 96 + 12 } },
	{ GROUP_PRIVATE, { .addr = V4(192, 168, 0, 0), .bits = 96 + 16 } },
	{ GROUP_PRIVATE, { .addr = { 0xfc }, .bits = 7 } },
};
#define RANGE_COUNT (sizeof(ranges) / sizeof(*ranges))

/* Which groups rules name: by a net inside of one of its ranges, or around one that is let pass. */
static void groups_named(const struct policy *policy, bool ret_named[GROUP_COUNT])
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct policy_service *service = lint_service(policy, i);

		for (size_t j = 0; j < service->net_count * RANGE_COUNT; j++) {
			const struct policy_net *net = &service->nets[j / RANGE_COUNT];
			const struct policy_net *range = &ranges[j % RANGE_COUNT].net;

			if (lint_net_holds(range, net) ||
			    (policy->rules[i].verdict != VERDICT_DENY && lint_net_holds(net, range)))
				ret_named[ranges[j % RANGE_COUNT].group] = true;
		}
	}
}

/* "loopback (127.0.0.0/8, ::1/128) and private ranges (10.0.0.0/8)", of the ranges in @held */
static struct shown range_words(const bool held[RANGE_COUNT])
{
	static const char *const names[GROUP_COUNT] = { "loopback", "private ranges" };
	struct shown words = { "" };
	size_t used = 0;
	int last = -1;

	for (size_t i = 0; i < RANGE_COUNT; i++) {
		int group = (int)ranges[i].group;

		if (!held[i])
			continue;
		if (group != last)
			used += (size_t)sprintf(words.text + used, "%s%s (", last < 0 ? "" : ") and ",
						names[group]);
		used += (size_t)sprintf(words.text + used, "%s%.20s", group == last ? ", " : "",
					show_net(&ranges[i].net).text);
		last = group;
	}
	if (last >= 0)
		sprintf(words.text + used, ")");
	return words;
}

/* The first net of a service that holds a range of a group that nobody names, with all ranges that its nets
 * hold; NULL where there is none. */
static const struct policy_net *holds_ranges(const struct policy_service *service,
					     const bool named[GROUP_COUNT], bool ret_held[RANGE_COUNT])
{
	const struct policy_net *first = NULL;

	for (size_t i = 0; i < service->net_count; i++)
		for (size_t j = 0; j < RANGE_COUNT; j++) {
			if (named[ranges[j].group] || !lint_net_holds(&service->nets[i], &ranges[j].net))
				continue;
			ret_held[j] = true;
			first = first ? first : &service->nets[i];
		}
	return first;
}

/* A deny rule about all ports of nets that hold public and other addresses. */
static bool lint_broad_deny(struct linter *linter, size_t rule, const bool named[GROUP_COUNT])
{
	const struct policy_service *service = lint_service(linter->policy, rule);
	bool held[RANGE_COUNT] = { false };
	const struct policy_net *net;

	if (linter->policy->rules[rule].verdict != VERDICT_DENY || service->port_count)
		return false;
	net = holds_ranges(service, named, held);
	if (!net)
		return false;
	lint_add(linter, DIAG_WARNING, "private-range", net->where,
		 "give them a service and a rule: allow it, or deny it as well where that is meant",
		 "the nets of \"%s\" hold %s, which no other rule names: they are denied, too", service->name,
		 range_words(held).text);
	return true;
}

/* A list of what may be reached, without what every host has. Whoever lists loopback has thought of what is
 * not the internet. */
static void lint_default_deny(struct linter *linter, const bool named[GROUP_COUNT])
{
	const struct policy *policy = linter->policy;
	bool held[RANGE_COUNT] = { false }, lists = false;
	struct diag_where where = policy->default_where[CLASS_NET];

	for (size_t i = 0; i < policy->rule_count; i++)
		lists |= policy->rules[i].verdict != VERDICT_DENY && lint_service(policy, i)->net_count;
	if (policy->defaults[CLASS_NET] != VERDICT_DENY || !lists || named[GROUP_LOOPBACK])
		return;
	for (size_t i = 0; i < RANGE_COUNT; i++)
		held[i] = !named[ranges[i].group];
	if (!where.line)
		where = (struct diag_where){ .file = policy->file };
	lint_add(linter, DIAG_WARNING, "private-range", where,
		 "give them a service and a rule: allow it, or deny it as well where that is meant",
		 "nothing is said of %s: the default denies them, too", range_words(held).text);
}

int lint_private_ranges(struct linter *linter)
{
	bool named[GROUP_COUNT] = { false }, told = false;

	groups_named(linter->policy, named);
	for (size_t i = 0; i < linter->policy->rule_count; i++)
		told |= lint_broad_deny(linter, i, named);
	if (!told)
		lint_default_deny(linter, named);
	return 0;
}

/* --- one-family ---------------------------------------------------------------------------- */

static const struct policy_net everything[] = {
	{ .addr = V4(0, 0, 0, 0), .bits = 96 },
	{ .bits = 0 },
};

/* The net of @service that is all of a family; NULL where there is none. */
static const struct policy_net *find_whole(const struct policy_service *service, size_t family)
{
	for (size_t i = 0; i < service->net_count; i++)
		if (lint_net_holds(&service->nets[i], &everything[family]))
			return &service->nets[i];
	return NULL;
}

static void tell_family(struct linter *linter, const struct policy_service *service, const struct policy_net *net,
			int family)
{
	static const char *const names[] = { "IPv4", "IPv6" };

	lint_add(linter, DIAG_WARNING, "one-family", net->where,
		 "for everything write nets: [0.0.0.0/0, \"::/0\"]",
		 "this denies all of %s%s%s, and leaves %s to the default, which lets it pass", names[family],
		 service->port_count ? " on " : "", service->port_count ? port_words(service).text : "",
		 names[!family]);
}

/* A rule that denies all of one family, where nothing is said of all of the other. */
int lint_families(struct linter *linter)
{
	const struct policy *policy = linter->policy;
	bool whole[] = { false, false };

	for (size_t i = 0; i < 2 * policy->rule_count; i++)
		whole[i % 2] |= find_whole(lint_service(policy, i / 2), i % 2) != NULL;
	if (whole[0] == whole[1] || policy->defaults[CLASS_NET] == VERDICT_DENY)
		return 0;
	for (size_t i = 0; i < policy->rule_count; i++) {
		int family = whole[0] ? 0 : 1;
		const struct policy_net *net = find_whole(lint_service(policy, i), (size_t)family);

		if (net && policy->rules[i].verdict == VERDICT_DENY)
			tell_family(linter, lint_service(policy, i), net, family);
	}
	return 0;
}
