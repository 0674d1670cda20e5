/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of `ringfence explain` share.
 *
 *	explain.c	  the command line, and which ruleset is asked
 *	explain_ask.c	  the question -> what decide.h says, as the kernel would ask it
 *	explain_answer.c  that -> JSON, and JSON -> text
 */
#pragma once

#include <jansson.h>
#include <limits.h>

#include "../../policy/consider.h"

struct question {
	const char *tag, *policy;
	const char *as;			/* the program that asks, or NULL */
	int proto;			/* enum protocol, or -1: not said */
	uint8_t access;			/* ACCESS_READ or ACCESS_WRITE; 0: not said */
	bool json;
	const char *verb, *object;	/* "connect", "140.82.112.3:443" */
};

/* Whom it is put to. */
struct asked {
	struct diags diags;		/* the policy borrows from it */
	struct policy *policy;		/* NULL: nothing but the ruleset is known */
	struct ruleset *image;
};

/* What a waiver would change, for who has it besides those that he has. */
struct reply_waiver {
	const struct waiver *waiver;	/* borrowed from the ruleset */
	bool expired;
	bool had;			/* by who asks */
	bool for_one_access;		/* another rule speaks of the other: for both at once nothing is waived */
	struct decision decision;	/* with it, if it has not expired */
};

struct reply {
	char shown[PATH_MAX + 64];	/* the object as it was understood */
	char as[PATH_MAX];		/* and the program that asks; "" */
	enum object_class class;	/* whose rule decided */
	struct decision decision;
	struct decision plain;		/* for who has no waivers */
	uint32_t waivers;		/* that who asks has: a bit for each of the ruleset */
	struct reply_waiver list[WAIVERS_MAX]; /* those that change something */
	size_t count;
	struct consideration considered;
};

/* Returns 0 with a reply, the caller's to consideration_free(&ret_reply->considered); else the fault has been told. */
int explain_ask(const struct question *question, const struct asked *asked, struct reply *ret_reply);

/* The answer as JSON; NULL without memory. Every key is there, whatever the answer. */
json_t *explain_answer(const struct question *question, const struct asked *asked, const struct reply *reply);

/* Prints it for people. */
void explain_print(const json_t *answer);
