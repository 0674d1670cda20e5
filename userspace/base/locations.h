/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where ringfence keeps its things on a host.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#define PATH_POLICIES	"/etc/ringfence/policy.d"
#define PATH_KINDS_FILE "/etc/ringfence/kinds.yaml"	/* what persons say of dependencies (policy/kinds.h) */
#define PATH_RUN	"/run/ringfence"
#define PATH_RULESETS	PATH_RUN "/rulesets"	/* images by slot and generation, for old records */
#define PATH_LAST_GOOD	"/var/lib/ringfence/last-good"	/* texts of policies that were in force */
#define PATH_BASELINES	"/var/lib/ringfence/baselines"	/* TAG.json: the report that runs are compared with */
#define PATH_FAULTY	PATH_RUN "/faulty"	/* policies of the host that are not in force as they stand */
#define PATH_GATE	PATH_RUN "/socket"	/* where the daemon is asked to tag (gate.h) */
#define PATH_LOCK	PATH_RUN "/lock"	/* held while the fence or its rulesets change */
#define PATH_COLLECTOR	PATH_RUN "/collector"	/* held by the process that empties the ring */
#define PATH_LOGS	"/var/log/ringfence"
#define PATH_LOG	PATH_LOGS "/audit.jsonl"

/* Folders with service files that a policy can include by name, NULL at the end. */
extern const char *const path_services[];

/* Makes a folder and those above it, mode 0755 as the umask allows. Returns 0 or -errno. */
int path_make(const char *folder);

/* What stands behind the last slash of @path. */
const char *path_base(const char *path);

/* Whether @file, by whatever name, is one of PATH_POLICIES; @ret_path: its name there. */
bool path_is_policy(const char *file, char ret_path[PATH_MAX]);

/* Makes PATH_LOGS. Returns 0 or -errno. */
int path_make_logs(void);

/* Makes the folder that the file @log stands in, those above it being there, with mode 0750: the audit log
 * shows command lines and paths. As long as it is the group root's, it is given to the group adm, where the
 * host has one and this process may do that; its files are to be of the same group. Returns 0 or -errno. */
int path_make_log_folder(const char *log);

/* Opens @file, making its folder, and takes a lock on it that ends with the descriptor. @operation:
 * LOCK_EX or LOCK_SH, with LOCK_NB not to wait (flock(2)). Returns the descriptor, the caller's to
 * close, -EWOULDBLOCK where another has it, or -errno. */
int path_lock(const char *file, int operation);
