/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the importer share: a walk over the entries of a list. import_request.c
 * says what is wanted, import.c starts the walk and reports on it, import_lists.c knows the lists,
 * import_format.c writes the result.
 */
#pragma once

#include <arpa/inet.h>
#include <jansson.h>

#include "import.h"

#define IMPORT_NET_TEXT (INET6_ADDRSTRLEN + sizeof("/128"))
#define IMPORT_WORD_SHOWN 80		/* bytes of a word of the list's that a message quotes */
#define IMPORT_PATH_DEPTH 8

struct import_select {
	const char *key;		/* one of the provider's keys */
	const char *value;
	bool implied;			/* not asked for: one of the provider's sections */
	bool seen;			/* some entry has it */
};

/* A step of the way from the list's top to what is looked at: an index where key is NULL. */
struct import_step {
	const char *key;
	size_t index;
};

struct import_walk {
	const struct import_provider *provider;
	struct diags *diags;
	const char *file;		/* borrowed from diags */
	json_t *root;
	struct import_select selects[IMPORT_SELECTS_MAX];
	size_t select_count;
	struct import_step path[IMPORT_PATH_DEPTH];
	size_t depth;

	/* What is gathered: the prefixes selected or, where this names a key, the values that
	 * entries have for it, borrowed from root and with repetitions. */
	const char *collect;
	struct policy_net *nets;
	size_t net_count, net_room;
	const char **words;
	size_t word_count, word_room;

	int err;			/* -ENOMEM: the walk ends */
};

/* Adds a fault at walk->path. @hint may be NULL. */
void import_fault(struct import_walk *walk, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes @net as "10.0.0.0/8" or "2001:db8::/32". Returns @out. */
char *import_net_text(const struct policy_net *net, char out[IMPORT_NET_TEXT]);

/* Fills walk->provider and walk->selects from @request. False after a fault. */
bool import_check_request(struct import_walk *walk, const struct import_request *request);

/* Whether the provider's own choice of sections is overruled. */
bool import_selects_section(const struct import_request *request);
