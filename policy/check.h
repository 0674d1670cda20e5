/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files that give a tree its meaning share. Private to the library.
 *
 *	check.c		the policy
 *	launchers.c	who may start its runs
 *	enter.c		what begins one without a launcher
 *	waivers.c	who may reach what a rule denies, until when
 *	services.c	its services, and the files that it includes
 *	includes.c	which files those are
 *	needs.c		which services they need in turn
 *	check_rules.c	its rules
 *	implied.c	what it includes without saying so
 *	values.c	single values: names, addresses, ports, paths, errnos
 *	fields.c	what all of them are read with: keys of a mapping, scalars, lists, faults
 *	files.c		texts from files
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "parse.h"
#include "policy.h"

#define POLICY_INCLUDE_MAX 64	/* files named by `include` */

/* What is known of a service beyond struct policy_service while its policy is checked. */
struct service_state {
	bool faulty;		/* has faults of its own: say nothing that only follows from them */
	bool used;		/* named by a rule */
	bool needed;		/* by another one */
	size_t rule[ACCESS_KINDS]; /* 1 + the number of the rule that speaks of it */
};

struct checker {
	struct diags *diags;
	const char *const *service_dirs;	/* or NULL */
	const char *root;		/* in front of every path that is read: "" */
	struct source source;		/* what is read at present */
	struct policy *policy;
	struct service_state *states;	/* one for each of policy->services */
	bool included;			/* an included file is read, */
	uint8_t implied;		/* and that one that every policy includes: 1 + its number */
	bool tree_faulty;		/* what is read lacks parts that YAML has and policies have not */
	const char *includes[POLICY_INCLUDE_MAX]; /* the paths of those read */
	size_t include_count;
	bool services_missing;		/* not all could be read: a name may well be right */
	bool out_of_memory;
	char hint[1024];
};

/* --- services.c ---------------------------------------------------------------------------- */

/* Reads the mapping under @key into checker->policy; NULL is no key. */
void services_read(struct checker *checker, const struct node *key);

/* Reports services that are defined twice, of those from @from on. */
void services_compare(struct checker *checker, size_t from);

/* Reads the service files that the list under @key names, likewise. */
void includes_read(struct checker *checker, const struct node *key);

/* Reads @source, the text of a service file. */
void services_include(struct checker *checker, struct source source);

void policy_service_free(struct policy_service *service);

/* --- fields.c ------------------------------------------------------------------------------ */

/* Reads checker->source into a tree, or returns NULL after faults. */
struct tree *read_tree(struct checker *checker);

/* Reports a fault at @where or at @node of the file being read; @hint may be NULL. */
void check_fault_at(struct checker *checker, struct diag_where where, const char *hint,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void check_fault(struct checker *checker, const struct node *node, const char *hint,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void check_warning_at(struct checker *checker, struct diag_where where, const char *hint,
		      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A warning with a name (lint.h). */
void check_lint_at(struct checker *checker, const char *lint, struct diag_where where, const char *hint,
		   const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Writes a hint; it holds until the next one is written. */
const char *check_hint(struct checker *checker, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The hint "did you mean ...", or NULL where none of @words comes near. */
const char *check_nearest(struct checker *checker, const char *word, const char *const *words);

/* "allow, audit or deny" */
struct word_list {
	char text[256];
};
struct word_list word_list(const char *const *words);

/* calloc() that notes when there is no memory. */
void *check_alloc(struct checker *checker, size_t count, size_t size);

/* A scalar nothing was written for: "", ~ or null, without quotes. */
bool node_is_null(const struct node *node);

/* A key that is to come. It is refused by name: a policy must not look as if it did something. */
struct planned_key {
	const char *name, *hint;
};

/* A mapping with a fixed set of keys. */
struct map_type {
	const char *what;		/* "a rule" */
	const char *const *keys;	/* NULL-terminated */
	const struct planned_key *planned; /* ends with a NULL name; or NULL */
};

/* Sorts the keys of @map: ret_fields[i] is the key node of type->keys[i], or NULL. Keys that are
 * unknown, planned, repeated or without a value are reported, and that it is no mapping. */
void fields_read(struct checker *checker, const struct node *map, const struct map_type *type,
		 const struct node **ret_fields);

/* Whether a key of @map is one of @words or near enough to have been reported as such: that they
 * are missing need not be said as well. */
bool key_meant(const struct node *map, const char *const *words);

/* The text of a scalar of 1 to @max bytes, none of them 0; NULL and a fault for anything else.
 * @what: "a port". */
const char *scalar_read(struct checker *checker, const struct node *node, const char *what,
			size_t max);

/* The same with what to do about anything else. */
const char *scalar_read_hinted(struct checker *checker, const struct node *node, const char *what,
			       size_t max, const char *hint);

/* Which of @words (NULL-terminated) a scalar is; -1 and a fault where it is none. */
int word_read(struct checker *checker, const struct node *node, const char *what,
	      const char *const *words);

/* The list that is the value of @key, or NULL and a fault. An empty one is a fault. */
const struct node *list_node(struct checker *checker, const struct node *key);

/* How to read an item. @read: fills a zeroed item of @size bytes, false after a fault. @compare: 0
 * for two that say the same. An item begins with its struct diag_where. */
struct item_type {
	size_t size;
	bool (*read)(struct checker *checker, const struct node *node, void *ret_item);
	int (*compare)(const void *a, const void *b);
};

/* Reads the list under @key; NULL is no key and no items. Repeated items are warned of. Returns an
 * array for free(), or NULL. */
void *items_read(struct checker *checker, const struct node *key, const struct item_type *type,
		 size_t *ret_count);

/* --- values.c ------------------------------------------------------------------------------ */

extern const struct item_type net_items, port_items, path_items, socket_items;

/* A tag or the name of a service. Returns it, or NULL and a fault. */
const char *name_read(struct checker *checker, const struct node *node, const char *what);

/* The name of an errno; 0 and a fault where there is none. */
int errno_read(struct checker *checker, const struct node *node);

/* Texts for people. */
struct words_type {
	const char *what, *hint;	/* "a reason", and what to do where there is none */
};
extern const struct words_type reason_words, owner_words;

/* Blanks and line ends become single spaces. For free(); NULL and a fault. */
char *words_read(struct checker *checker, const struct node *node, const struct words_type *type);

/* --- launchers.c --------------------------------------------------------------------------- */

/* Reads who may start runs, from the lists under the keys; NULL is no key. */
void launchers_read(struct checker *checker, const struct node *users, const struct node *groups);
void launchers_free(struct policy_launcher *launchers, size_t count);

/* --- enter.c ------------------------------------------------------------------------------- */

/* Reads the mapping under @key into checker->policy; NULL is no key. */
void enter_read(struct checker *checker, const struct node *key);
void enter_free(struct policy *policy);

/* --- waivers.c ----------------------------------------------------------------------------- */

/* Reads the list under @key into checker->policy, whose rules are complete. */
void waivers_read(struct checker *checker, const struct node *key);
void waivers_free(struct policy *policy);

/* --- files.c ------------------------------------------------------------------------------- */

/* Reads a regular file of at most POLICY_TEXT_MAX bytes, at @path under @root ("": none); never waits.
 * The text is for free().
 * Returns 0, -EISDIR, -ENOTSUP for what is no regular file, -EFBIG, -ENOMEM, or the error of
 * stat(), open() or read(). */
int text_read(const char *root, const char *path, char **ret_text, size_t *ret_size);

/* What text_read() returned, in words. */
const char *text_problem(int err);

/* --- includes.c ---------------------------------------------------------------------------- */

/* Finds and reads the file meant by an item of `include`. The path and the text are for free().
 * Returns false after a fault. */
bool include_read(struct checker *checker, const struct node *item, char **ret_path,
		  char **ret_text, size_t *ret_size);

/* Which of the service files that could be included may be meant by the name of a service; NULL: none. */
const char *include_hint(struct checker *checker, const char *service);

/* --- needs.c ------------------------------------------------------------------------------- */

extern const struct item_type need_items;

/* Sees that what services need is there, once all of them have been read. */
void needs_check(struct checker *checker);
void needs_free(struct policy_need *needs, size_t count);

/* --- service_index.c ----------------------------------------------------------------------- */

struct service_name {
	const char *name;
	size_t service;
};

/* The names of all services, sorted; and as a list of words for hints. */
struct service_index {
	struct service_name *names;
	const char **words;
	size_t count;
};

/* False without memory; to be freed all the same. */
bool service_index_create(struct checker *checker, struct service_index *index);
void service_index_free(struct service_index *index);
bool service_index_find(const struct service_index *index, const char *name, size_t *ret_service);

/* What to do about a name that is not there. */
const char *service_index_hint(struct checker *checker, const struct service_index *index, const char *name);

/* Finds the service that a scalar names; false and a fault where there is none. */
bool service_find(struct checker *checker, const struct service_index *index, const struct node *node,
		  size_t *ret_service);

/* --- check_rules.c ------------------------------------------------------------------------- */

extern const char *const verdict_words[];

/* Reads the list under @key into checker->policy, whose services are complete. */
void rules_read(struct checker *checker, const struct node *key);
