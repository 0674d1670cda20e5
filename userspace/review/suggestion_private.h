/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files share that make a draft.
 *
 *	suggestion_take.c	records -> what was reached, once for each object
 *	suggestion.c		that -> a draft, and whether the draft lets it pass
 *	suggestion_known.c	first, services that this host knows,
 *	suggestion_groups.c	then those that the log names, then ranges and paths without a name,
 *	suggestion_nets.c	each with ports in common, neighbours as a range,
 *	suggestion_needs.c	and what services need in turn
 *	suggestion_rule.c	the rule of a service, and what is said of it
 *	suggestion_notes.c	what is said of the draft
 *	suggestion_order.c	which objects go together
 */
#pragma once

#include "suggestion.h"

#define DRAFTING_NEEDS_MAX 64		/* per service of the draft: what it needs may have as many parts as it has */

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
	bool none_free;			/* no address is left that could stand in for a service */
	bool needs_cut;			/* a service needs more than DRAFTING_NEEDS_MAX others */
};

static inline const char *string_at(const struct suggestion *suggestion, uint32_t number)
{
	return intern_bytes(&suggestion->strings, number);
}

/* --- suggestion_order.c --- */

/* The access that a rule has to name, where another passed; else 0, all. Who opens a file for both is
 * denied for one. */
uint8_t reached_access_meant(const struct reached *reached);

/* 0: they go into one service, but for addresses with other ports. */
int reached_compare_groups(const struct suggestion *suggestion, const struct reached *one,
			   const struct reached *other);

/* For qsort_r() of pointers, with the suggestion: by what it is, and by what goes into one service. */
int reached_by_object(const void *a, const void *b, void *ctx);
int reached_by_group(const void *a, const void *b, void *ctx);

/* --- suggestion_rule.c --- */

/* "12 times: schema-tool 10, deploy 2"; for free(). */
char *drafting_about(const struct drafting *drafting, struct reached *const *objects, size_t count);

/* Gives a service its rule, and what is said of it. @ctx: the drafting. @service: NULL without memory. */
void drafting_add_rule(void *ctx, struct draft_service *service, struct reached **objects, size_t count);

/* Whether the draft has that known service: none of its own is to be called so. */
bool drafting_includes(const struct draft *draft, const struct known_service *service);

/* Includes the file of a known service, and those of all that services in it need. */
void drafting_include(struct drafting *drafting, size_t known);

/* Notes that a service of the draft is what the log calls @name. */
void drafting_note_origin(struct drafting *drafting, uint32_t name, size_t service);

/* --- suggestion_known.c --- */

/* Refers to the known services that were reached. Returns 0 or -ENOMEM. */
int suggestion_known_services(struct drafting *drafting);

/* --- suggestion_groups.c --- */

/* Adds services for what has no known one: those that the log names, or those without a name, whose ranges give way
 * to the others'. Returns 0 or -ENOMEM. */
int suggestion_groups(struct drafting *drafting, bool named);

/* Adds what the default lets pass of a service of that name, in `strings`, as one without a rule, which others need.
 * Returns 0 or -ENOMEM. */
int suggestion_group_unruled(struct drafting *drafting, uint32_t name);

/* Adds a comment called @name with what the default lets pass of a class. Returns 0 or -ENOMEM. */
int suggestion_aside(struct drafting *drafting, enum object_class class, const char *name);

/* --- suggestion_notes.c --- */

/* "140.82.112.3:443/tcp", or a path. */
void suggestion_append_object(struct text *out, const struct suggestion *suggestion,
			      const struct reached *reached);

/* What stands above the draft, and below it. */
void suggestion_note_head(struct drafting *drafting);
void suggestion_notes(struct drafting *drafting);

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

/* Finds an address that nobody has, for a service of which nothing is known, to be replaced: "192.0.2.1/32". Returns
 * false where none is left. */
bool suggestion_nets_free(const struct draft *draft, char *ret_range, size_t size);

/* Where the draft denies what it does not list: says so of loopback, which every host has, unless something of it
 * was reached. */
void suggestion_nets_loopback(struct draft *draft, const struct known *known);

/* --- suggestion_needs.c --- */

/* Includes the files of known services that are needed, but were not reached: before names are given to others. */
void suggestion_needs_include(struct drafting *drafting);

/* Writes down what the services of the draft need, and adds what is needed and not there. */
int suggestion_needs_draft(struct drafting *drafting);
