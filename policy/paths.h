/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The paths of all rules as hash tables: by name, and by the identity (device, inode) that each
 * path has at the time it is compiled, under which it is known whatever it is called.
 *
 * The longest path wins, for reading and for writing apart. That is left to the lookup
 * (path_offer() in lsm/decide.h); here equal paths of several rules become one entry, and paths
 * that turn out to be one thing are checked against each other. A rule that speaks of writing alone
 * has no say over execs: an exec reads.
 */
#pragma once

#include "compile.h"
#include "rules.h"

/* The tables of the ruleset; counts are powers of two, or 0. */
struct path_tables {
	struct path_entry *paths[CLASS_COUNT];
	size_t path_count[CLASS_COUNT];
	struct inode_entry *inodes[CLASS_COUNT];
	size_t inode_count[CLASS_COUNT];
	struct filter path_filter;
	struct filter inode_filter;
	uint8_t said[CLASS_COUNT];	/* as in struct ruleset */
	uint8_t implied[CLASS_COUNT];
	bool names_grant;
};

/*
 * Compiles files, execs and sockets of every service that a rule names. The paths are added to @strings.
 * @resolver may be NULL: no identities. @tables: the caller's to path_tables_free(), zeroed before.
 *
 * Returns 0, also when conflicts were found and complained about, -ENOMEM, -E2BIG, or the
 * resolver's error, which has been complained about.
 */
int paths_compile(const struct policy *policy, const struct path_resolver *resolver,
		  struct conflicts *conflicts, struct intern *strings, struct path_tables *tables);

void path_tables_free(struct path_tables *tables);
