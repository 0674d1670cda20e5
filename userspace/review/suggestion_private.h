/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that make a draft: suggestion_take.c what is known, suggestion.c what becomes of it,
 * suggestion_nets.c services of addresses, suggestion_needs.c what services need in turn. */
#pragma once

#include "suggestion.h"

/* A service of the draft that is, or is part of, what the log calls so. */
struct origin {
	uint32_t name;			/* in the strings of the suggestion */
	size_t service;			/* of the draft */
};

/* At work. */
struct drafting {
	struct suggestion *suggestion;
	struct draft *draft;
	struct reached **all;		/* in order */
	size_t count;
	struct origin *origins;
	size_t origin_count;
	struct intern folders;		/* that stand for the files in them, by class and path */
};

static inline const char *string_at(const struct suggestion *suggestion, uint32_t number)
{
	return intern_bytes(&suggestion->strings, number);
}

/* --- suggestion.c --- */

/* Includes the file of a known service, and those of all that services in it need. */
void drafting_include(struct drafting *drafting, size_t known);

/* Notes that a service of the draft is what the log calls @name. */
void drafting_note_origin(struct drafting *drafting, uint32_t name, size_t service);

/* --- suggestion_nets.c --- */

/* Adds services for addresses, @objects sorted by address, protocol and port: one for each set of ports
 * that they have in common. Neighbours become a range, unless @exact.
 *
 * @name: of the services; NULL: by their addresses, a service for each range.
 * @add:  called with each service, without its rule yet, and the objects in it.
 */
typedef void (*suggestion_nets_fn)(void *ctx, struct draft_service *service, struct reached **objects,
				   size_t count);
int suggestion_nets(struct draft *draft, const char *name, struct reached **objects, size_t count, bool exact,
		    suggestion_nets_fn add, void *ctx);

/* Gives a service of which nothing is known an address that nobody has, to be replaced. Returns false where none is
 * left. */
bool suggestion_nets_stand_in(struct draft *draft, struct draft_service *service);

/* Where the draft denies what it does not list: says so of loopback, which every host has, unless something of it
 * was reached. */
void suggestion_nets_loopback(struct draft *draft, const struct known *known);

/* --- suggestion_needs.c --- */

/* Includes the files of known services that are needed, but were not reached: before names are given to others. */
void suggestion_needs_include(struct drafting *drafting);

/* Writes down what the services of the draft need, and adds what is needed and not there. */
int suggestion_needs_draft(struct drafting *drafting);
