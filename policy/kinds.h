/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person says of dependencies against what the evidence says: a list in a YAML file.
 *
 *	- id: github/hidden/schema-tool		# as the report names it; or service: and step:
 *	  kind: direct
 *	  by: alice
 *	  why: the check is wanted, and the runbook tells so
 */
#pragma once

#include "diag.h"

enum dependency_kind {
	KIND_DIRECT,			/* the deploy asks for it */
	KIND_HIDDEN,			/* a tool does so by itself */
	KIND_TRANSIENT,			/* another service does so on the deploy's behalf */
	KIND_UNDECIDED,			/* it is not known which step it belongs to */
	KIND_COUNT,
};

/* "direct" */
const char *kind_name(enum dependency_kind kind);

struct kind_override {
	struct diag_where where;
	char *id;			/* or NULL: */
	char *service, *step;		/* the name of the step's program */
	enum dependency_kind kind;
	char *by, *why;
};

/* Zero-initialise it; kinds_free() when done. */
struct kinds {
	struct kind_override *list;
	size_t count;
};

/* Reads the text of such a file, called @name. Faults go to @diags, which the list's places borrow. Returns 0
 * and *ret_kinds, -EINVAL after faults, or -ENOMEM. */
int kinds_parse(const char *name, const char *text, size_t size, struct diags *diags, struct kinds *ret_kinds);

/* Reads the file at @path, likewise. */
int kinds_read(const char *path, struct diags *diags, struct kinds *ret_kinds);

void kinds_free(struct kinds *kinds);
