/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shortest list of prefixes that covers exactly the addresses a longer one covers.
 */
#pragma once

#include <stddef.h>

#include "policy.h"

/*
 * Sorts @nets (IPv4 first, then by address), drops every prefix that lies within another, and
 * joins the two halves of a prefix into that prefix, again and again. Works in place, in
 * O(n log n); `where` stays with the entries that stay.
 *
 * IPv4 and IPv6 are kept apart, as they are when a policy is decided: "::/0" does not cover IPv4,
 * and "0.0.0.0/0" is never joined with its IPv6 neighbour.
 *
 * Returns how many entries are left at the front of @nets.
 */
size_t collapse_nets(struct policy_net *nets, size_t count);
