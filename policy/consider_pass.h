/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of consider.h share. Private to the library.
 *
 *	consider.c	lists, and who wins
 *	consider_net.c	entries about addresses
 *	consider_path.c	entries about paths
 */
#pragma once

#include "consider.h"

/* Adds an entry of the rule @number, called @fmt; its rule and verdict are filled in. Returns it, to be
 * filled in further until the next is added, or NULL. */
struct considered *consider_add(struct consideration *list, const struct ruleset *image,
				enum object_class object, uint16_t number, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Sorts the entries from @from on. */
void consider_sort(struct consideration *list, size_t from);

/* Adds the default of @object, as the last of its class. */
void consider_default(struct consideration *list, const struct ruleset *image, const struct policy *policy,
		      enum object_class object);

/* Of the entries from @from on, the first that matches and has the rule of @decision; NULL: doubt decided. */
struct considered *consider_winner(struct consideration *list, size_t from, const struct decision *decision);

/* The next entry that matches behind @entry, which is no default; NULL where there is none. */
const struct considered *consider_next(const struct consideration *list, const struct considered *entry);

/* Writes considered->why. */
void consider_why(struct considered *entry, const char *why);
