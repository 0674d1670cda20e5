/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Becoming another user for good.
 */
#pragma once

#include <pwd.h>
#include <stddef.h>

/* Looks a user up by name or number. Returns 0 and *ret_user, borrowed until the next look-up; -ENOENT
 * where there is none, or -errno. */
int identity_find(const char *name, const struct passwd **ret_user);

/* Writes the name of a user, "" where it is not known. From /etc/passwd and from nowhere else: a directory on
 * the network may be what is down. */
void identity_name(uid_t uid, char *ret_name, size_t size);

/* Takes on the user's ids and groups, HOME, USER and LOGNAME, and gives up every capability, with no way
 * back. Returns 0 or -errno: what has been given up by then stays so. */
int identity_become(const struct passwd *user);
