/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The services that are defined on this host: which of them does an object belong to?
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "recorded.h"

struct known;

struct known_service {
	char *name;
	char *include;			/* what a policy includes it by: a name, or a path; */
	bool implied;			/* NULL where it has it without that, with a rule: */
	enum verdict verdict;		/* what that says, */
	uint8_t access;			/* and of which access */
};

/*
 * Reads the service files of folders; of two with the same name, or that define the same service, the one
 * that comes first counts.
 *
 * @named:  NULL-terminated list of folders where a policy finds a service file by its name; may be NULL.
 * @others: @other_count further folders, which come first, and whose files are included by their path.
 *
 * Faults of files are told, and the file left out; that a folder of @named is not there is none. Returns 0
 * and *ret_known, the caller's to known_free(), or -errno, which has been told.
 */
int known_load(const char *const *named, const char *const *others, size_t other_count,
	       struct known **ret_known);

/* The @number-th service that it needs, or known_count() where there are no more; what is not known is
 * left out. */
size_t known_need(const struct known *known, size_t service, size_t number);

/* Whether any service file was found. */
bool known_has_files(const struct known *known);

/* The service of that name: its index, or known_count(). */
size_t known_named(const struct known *known, const char *name);

/* Whether a net of the service, and the range that is the first @bits of @addr, have addresses in common. */
bool known_meets(const struct known *known, size_t service, const uint8_t addr[16], unsigned int bits);

size_t known_count(const struct known *known);
const struct known_service *known_at(const struct known *known, size_t index);

/* The service that the object belongs to, the most specific one: its index, or known_count() where there
 * is none. */
size_t known_find(const struct known *known, const struct recorded *object);

/* Whether the service names just this object, alone: nothing can be more specific. */
bool known_is_exact(const struct known *known, size_t service, const struct recorded *object);

/* NULL is fine. */
void known_free(struct known *known);
