/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of the audit log -> the object that was judged and what the judgement was, to be judged again: by
 * the same decide.h as in the kernel.
 *
 * What the kernel knew and a line does not tell: the identities of the folders above a file, and whether
 * its name was one of another mount name space. So files, programs and sockets are judged by their names,
 * and by their own identity where that still means the same (struct judge). And which programs a process
 * was before it was what the line says: a waiver applies where the program that it is for is that of the
 * process or of an ancestor, by the path that it was executed by; or where the line says that it applied. A path
 * that is relative is taken as one of the folder that the run began in: a guess, and told as one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../../policy/image.h"
#include "../audit/audit_line.h"
#include "../base/text.h"

enum recorded_kind {
	RECORDED_OBJECT,		/* of the policy: it can be judged again */
	RECORDED_OTHER,			/* not of the policy: doubt, guards, what the kernel does on
					 * behalf of a task, liveness, releases, begin and end of a run */
	RECORDED_UNCLEAR,		/* of the policy, but the line does not have the whole object */
};

/* What was judged. Strings belong to the line, which must outlive it. */
struct recorded {
	enum object_class class;	/* whose rules or default decided: below CLASS_COUNT */
	enum hook hook;			/* that asked; HOOK_COUNT for one that is not known */
	uint8_t access;			/* ACCESS_*; of all but files ACCESS_READ */
	bool whole;			/* else where it is could not be told, and a default decided */
	uint8_t addr[16];		/* CLASS_NET, as in struct record; */
	uint16_t port;
	enum protocol proto;
	const char *path;		/* of the others: a path, or @ and an abstract name; "": not known */
	struct inode_id id;		/* its identity, ino 0 where it has none */
	bool here;			/* recorded since this host was booted: the identity still holds */
	const struct audit_line *line;
	const char *folder;		/* where its run began, set by the caller; NULL: not known */
};

/* What somebody decided about an object. Strings are borrowed, "" where there is none. */
struct outcome_of_policy {
	enum verdict verdict;
	int err;			/* positive; 0 unless it is a denial */
	bool refused;			/* a denial that is in force; in audit mode it is only recorded */
	bool unasked;			/* no rule speaks of it, and its hook does not ask the default */
	bool waiver_untold;		/* whether a waiver applied depends on where a program was started */
	const char *service, *rule, *where, *why;	/* "deny github", "mysql.yaml:12" */
	const char *reason;		/* where no rule did: "default of net" */
};

/* Whom to ask. */
struct judge {
	const struct ruleset *image;	/* knows paths by their names */
	/* Finds the same that knows them by the identities which they have here and now as well, or
	 * NULL; asked once there is an object that is `here`. May be NULL. */
	const struct ruleset *(*image_here)(void *ctx);
	/* Whether a service cannot be reached, in whatever mode the policy is. May be NULL. */
	bool (*is_down)(void *ctx, const char *service);
	void *ctx;
	enum mode mode;			/* that it is asked in; MODE_POLICY: in its own */
};

/* The mode that it is asked in: MODE_AUDIT or MODE_ENFORCE. */
enum mode judge_mode(const struct judge *judge);

/* Reads the object and the outcome of a line; neither is touched unless it is RECORDED_OBJECT. */
enum recorded_kind recorded_read(const struct audit_line *line, struct recorded *ret_object,
				 struct outcome_of_policy *ret_outcome);

/* What the policy decides about an object, as an object of @class: that which is recorded, or
 * recorded_companion(). The outcome's strings belong to the images. */
struct outcome_of_policy recorded_judge(const struct judge *judge, const struct recorded *object,
					enum object_class class);

/* The other class whose rules the same system call is judged by: who reads a file must be allowed to
 * execute it, and who executes one, to read it. Where the log has a record of that class, that tells;
 * where it has none, nothing was to be recorded of it. CLASS_COUNT: there is none. */
enum object_class recorded_companion(const struct recorded *object);

/* Appends the name of the program of the deploy's own step that the line's process belongs to, the
 * root's child at or above it, fit for a terminal. Where its ancestors are not known, that of the
 * process itself, with a question mark. */
void recorded_step(struct text *out, const struct audit_line *line);

/* "net", "file", "exec" or "socket". */
const char *recorded_class_name(enum object_class class);
