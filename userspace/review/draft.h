/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy that is being written, and its text. What goes into it may come from a log: texts are quoted,
 * comments are made of printable ASCII, names are made names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../lsm/abi.h"
#include "../../policy/intern.h"
#include "../base/text.h"

/* A growing list of strings. Zero-initialise it; draft_list_free() when done. */
struct draft_list {
	char **items;
	size_t count;
};

struct draft_service {
	char *name;
	char *about;			/* comment: how often, by whom; or NULL */
	/* What it is; where all are empty, it is defined elsewhere. */
	struct draft_list nets, ports, files, execs, sockets;
	struct draft_list needs;	/* names of others */
	bool aside;			/* has no rule, and stands in a comment */
	bool unruled;			/* has no rule: others need it */
	/* Its rule. */
	enum verdict verdict;
	int err;			/* of a denial, positive; 0: EPERM */
	char *why;			/* or NULL */
	uint8_t access;			/* that it speaks of, ACCESS_*; 0: all */
};

struct draft {
	char *tag;
	enum mode mode;
	enum verdict default_net;
	const char *default_about;	/* comment beside it */
	struct draft_list about;	/* comments at the top */
	struct draft_list includes;
	struct draft_service *services;
	size_t service_count;
	struct draft_list notes;	/* comments at the end */
	struct draft_list stand_ins;	/* names of services whose address is not known, and that have one that
					 * nobody has */
	struct intern names;		/* of the services, and those taken; the value: the last number that
					 * one of that name got, or INTERN_UNSET */
	bool failed;			/* memory ran out: something is missing */
};

/* Adds a copy; sets `failed` when memory runs out. */
void draft_list_add(struct draft *draft, struct draft_list *list, const char *item);
void draft_list_format(struct draft *draft, struct draft_list *list, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void draft_list_free(struct draft_list *list);

/* Takes a name, so that no service gets it. */
void draft_take_name(struct draft *draft, const char *name);

/* A new service, zeroed but for its name: that one, made a name of the policy language and told apart
 * from those of the services there are. NULL, and `failed`, when memory runs out. Good until the next
 * one. */
struct draft_service *draft_add(struct draft *draft, const char *name);

/* The same for one that a file defines which the draft includes, or that every policy has: by just that name. */
struct draft_service *draft_refer(struct draft *draft, const char *name);

/* Whether the draft says what it is, and not a file that it includes. */
bool draft_is_defined(const struct draft_service *service);

/* Appends the policy. */
void draft_write(const struct draft *draft, struct text *out);

void draft_free(struct draft *draft);
