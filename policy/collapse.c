/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One pass over the sorted list with a stack: prefixes nest or are disjoint, so whatever a prefix
 * could lie within or be joined with is on top. The stack is the front of the list itself.
 */
#include "collapse.h"

#include <stdlib.h>
#include <string.h>

#include "ports.h"

/* By family, then address, then the widest first. */
static int compare_nets(const void *left, const void *right)
{
	const struct policy_net *a = left, *b = right;
	int order = policy_net_is_v4(b) - policy_net_is_v4(a);

	if (!order)
		order = memcmp(a->addr, b->addr, sizeof(a->addr));
	if (!order)
		order = a->bits - b->bits;
	return order;
}

/* Whether the first @bits of both addresses are the same. */
static bool same_prefix(const struct policy_net *a, const struct policy_net *b, unsigned int bits)
{
	unsigned int bytes = bits / 8, rest = bits % 8;

	if (memcmp(a->addr, b->addr, bytes))
		return false;
	return !rest || !((a->addr[bytes] ^ b->addr[bytes]) >> (8 - rest));
}

static bool same_family(const struct policy_net *a, const struct policy_net *b)
{
	return policy_net_is_v4(a) == policy_net_is_v4(b);
}

static bool contains(const struct policy_net *outer, const struct policy_net *inner)
{
	return outer->bits <= inner->bits && same_family(outer, inner) &&
	       same_prefix(outer, inner, outer->bits);
}

/* Whether the two are the halves of one prefix. @a sorts before @b and does not contain it, so it
 * is the lower half, and neither is all of its family. */
static bool siblings(const struct policy_net *a, const struct policy_net *b)
{
	return a->bits == b->bits && same_family(a, b) && same_prefix(a, b, a->bits - 1);
}

size_t collapse_nets(struct policy_net *nets, size_t count)
{
	size_t top = 0;		/* entries on the stack */

	if (count)
		qsort(nets, count, sizeof(*nets), compare_nets);
	for (size_t i = 0; i < count; i++) {
		if (top && contains(&nets[top - 1], &nets[i]))
			continue;
		nets[top++] = nets[i];
		/* The lower half's address is that of the joined prefix: its last bit is 0. */
		while (top > 1 && siblings(&nets[top - 2], &nets[top - 1]))
			nets[--top - 1].bits--;
	}
	return top;
}
