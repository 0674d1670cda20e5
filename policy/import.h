/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address lists that providers publish as JSON, turned into a service file that a policy can
 * include:
 *
 *	FILE.json --import_read()--> struct import --import_format()--> YAML text
 *
 * The text depends on the list and the request alone, never on the day or the machine: the same
 * list gives the same bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"
#include "policy.h"

#define IMPORT_FILE_MAX (64 * 1024 * 1024)	/* bytes of JSON; the largest known: 4 MiB */
#define IMPORT_SELECTS_MAX 64			/* conditions of one request */

struct import_walk;

/* A publisher of address lists, and how its list is laid out. */
struct import_provider {
	const char *name;		/* on the command line; also the service's default name */
	const char *title;
	const char *url;		/* where the list is published */
	const char *const *keys;	/* what --select knows about an entry */
	const char *const *sections;	/* taken where no section is selected; NULL: everything */
	const char *sections_why;	/* the reason for that choice */
	const char *const *marks;	/* top-level keys that tell this list from the others */
	const char *const *dates;	/* top-level keys that date it; none: it carries no date */
	const char *const *arrays;	/* where entries are objects: the lists that hold them, */
	const char *const *prefix_keys;	/* and the keys under which an object has its prefix */
	void (*walk)(struct import_walk *walk);
};

/* Every provider, ended by one without a name. */
extern const struct import_provider import_providers[];

/* What is wanted of a list. The strings are borrowed by struct import. */
struct import_request {
	const char *provider;
	const char *const *selects;	/* "KEY=VALUE"; same key: any, different keys: all */
	size_t select_count;
	const char *name;		/* of the service; NULL: the provider's */
	const char *ports;		/* "22,80,8000-8100,53/udp"; NULL: every port */
};

/* What was found in a list. */
struct import {
	const struct import_provider *provider;
	struct import_request request;
	char *file;			/* the list's name without its folder */
	char *dates;			/* "createDate 2025-07-24, syncToken 17", or NULL */
	struct policy_net *nets;	/* collapsed; `where` is not set */
	size_t net_count;
	size_t read_count;		/* entries selected, before collapsing */
};

/*
 * Reads the list in the file @path. A prefix with host bits set is refused, not mended: what its
 * publisher meant is not ours to guess.
 *
 * @diags:	receives every fault found. Faults of the request are those
 *		of a file called "--select", "--ports", ...; faults of the list's content name the
 *		JSON path, since only syntax errors have a line.
 * @ret_import: receives the result, the caller's to import_free(); untouched on failure.
 *
 * Returns 0, -EINVAL when @diags holds errors (an unreadable file is one of them), or -ENOMEM.
 */
int import_read(const char *path, const struct import_request *request, struct diags *diags,
		struct import *ret_import);

/*
 * Writes the service file for @import.
 *
 * @ret_text: receives the text, ended by 0 and the caller's to free(); untouched on failure.
 * @ret_size: receives its length in bytes; at most POLICY_TEXT_MAX.
 *
 * Returns 0, -E2BIG when a policy could not include a text that long, or -ENOMEM.
 */
int import_format(const struct import *import, char **ret_text, size_t *ret_size);

/* Releases what @import holds; the struct itself is the caller's. */
void import_free(struct import *import);
