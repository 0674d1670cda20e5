/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy as its author meant it: the checked tree between the YAML text and the ruleset.
 *
 *	text --policy_read()--> struct policy --policy_compile()--> image (lsm/abi.h)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diag.h"
#include "../lsm/abi.h"

/* An address range in prefix notation. IPv4 is held in the last four bytes of `addr` behind the
 * v4-mapped prefix ::ffff:0:0/96 and `bits` counts from the first of the 128, so 10.0.0.0/8 has
 * bits == 104. Bits of `addr` past `bits` are zero. */
struct policy_net {
	struct diag_where where;
	uint8_t addr[16];
	uint8_t bits;
};

/* Ports lo..hi of the protocols in `protos`, a mask of PROTO_BIT(PROTO_*). */
struct policy_ports {
	struct diag_where where;
	uint16_t lo, hi;
	uint8_t protos;
};

/* A path without its trailing slash; `tree` says there was one: the directory and all below. Of a
 * unix socket it may be an abstract name instead, behind "@". */
struct policy_path {
	struct diag_where where;
	char *path;			/* absolute and normal: no "//", "/./" or "/../"; "" is "/" */
	bool tree;
};

/* The name of a service that another one needs. */
struct policy_need {
	struct diag_where where;
	char *name;
};

struct policy_service {
	struct diag_where where;
	char *name;
	bool included;			/* from an included file: need not be named by a rule */
	uint8_t implied;		/* from a file that every policy includes: 1 + its number */
	struct policy_net *nets;
	size_t net_count;
	struct policy_ports *ports;	/* none: every port of every protocol */
	size_t port_count;
	struct policy_path *files;
	size_t file_count;
	struct policy_path *execs;
	size_t exec_count;
	struct policy_path *sockets;
	size_t socket_count;
	struct policy_need *needs;	/* services that it needs in turn */
	size_t need_count;
};

struct policy_rule {
	struct diag_where where;
	enum verdict verdict;
	int err;			/* a positive errno; EPERM unless the rule says otherwise */
	uint8_t access;			/* ACCESS_READ | ACCESS_WRITE: opens of `files` it speaks of */
	char *why;			/* or NULL */
	size_t service;			/* index into policy.services */
	bool implied;			/* not written in the policy: gives way to whatever is */
};

/* A user or a group: a name, or a number in digits. */
struct policy_launcher {
	struct diag_where where;
	char *name;
};

/* Control groups that somebody comes into: the absolute path of one, from the root of the hierarchy, or the
 * name of a unit, with "@." for any instance of a template. */
struct policy_cgroup {
	struct diag_where where;
	char *name;
};

/* Lets one program, and what it starts, reach a service that a rule denies, until a day is over. */
struct policy_waiver {
	struct diag_where where;
	size_t service;			/* index into policy.services */
	char *exec;			/* an absolute path; no folder */
	char *owner;
	char *why;			/* or NULL */
	int64_t until;			/* seconds since 1970: the end of its last day, in UTC */
};

struct policy {
	char *file;			/* the path it was read from */
	char *tag;
	enum mode mode;
	enum verdict defaults[CLASS_COUNT];
	struct diag_where default_where[CLASS_COUNT];	/* where it says so; line 0: it does not */
	bool deny_unrecorded;		/* on_log_failure: deny */
	enum recording record;		/* of what is allowed */
	struct policy_launcher *users, *groups;	/* who may start runs, besides root */
	size_t user_count, group_count;
	struct policy_path *enter_execs;	/* who executes one of these begins a run, */
	size_t enter_exec_count;
	struct policy_cgroup *enter_cgroups;	/* and who is in one of these is in its run */
	size_t enter_cgroup_count;
	struct policy_service *services;
	size_t service_count;
	struct policy_rule *rules;	/* those that are implied come last */
	size_t rule_count;
	struct policy_waiver *waivers;
	size_t waiver_count;
	char **includes;		/* the paths of the service files that it includes */
	size_t include_count;
};

/* The largest text accepted, for a policy and for each file it includes. */
#define POLICY_TEXT_MAX (1024 * 1024)
#define POLICY_DEPTH_MAX 16		/* nesting of YAML collections */
#define POLICY_STRING_MAX 512		/* bytes of one scalar that is not a path */

/*
 * Reads and checks the policy at @path and the service files it includes.
 *
 * @service_dirs: NULL-terminated list of directories where `include: [NAME]` looks for NAME.yaml,
 *		  after the folder `services` beside the policy; may be NULL.
 * @diags:	  receives every fault and warning found.
 * @ret_policy:	  receives the policy, the caller's to policy_free(); untouched on failure.
 *
 * Returns 0, -EINVAL when @diags holds errors (an unreadable file is one of them), or -ENOMEM.
 */
int policy_read(const char *path, const char *const *service_dirs, struct diags *diags,
		struct policy **ret_policy);

/* The same for copies: all files are read from under the folder @root, and called as if they were not. */
int policy_read_under(const char *root, const char *path, const char *const *service_dirs,
		      struct diags *diags, struct policy **ret_policy);

/* The same for a text in memory that calls itself @name; includes are looked for beside @name. */
int policy_parse(const char *name, const char *text, size_t size, const char *const *service_dirs,
		 struct diags *diags, struct policy **ret_policy);

/* Releases a policy; NULL is fine. */
void policy_free(struct policy *policy);

/* "EHOSTUNREACH" -> EHOSTUNREACH; 0 for a name that is not known. */
int policy_errno(const char *name);

/* EHOSTUNREACH -> "EHOSTUNREACH", or NULL. */
const char *policy_errno_name(int err);
