/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that make a rehearsal: rehearsal.c judges, rehearsal_memory.c keeps what differs,
 * rehearsal_json.c tells it to programs. */
#pragma once

#include "rehearsal.h"

/* What one record, or a companion, came to. */
struct finding {
	enum object_class class;
	bool unrecorded;
	bool instead;			/* of a record that is the same but for this, and counted so */
	const char *step;		/* at most REHEARSAL_NAME_MAX bytes */
	struct outcome_of_policy before, after;
};

/* Counts a finding @times, and among the differences if it is one. @object: its name, of any length. Returns 0 or
 * -ENOMEM. */
int rehearsal_count(struct rehearsal *rehearsal, const struct finding *finding, const char *object, uint64_t times);

/* Notes that the log has a record of an object of @class. Returns 0 or -ENOMEM. */
int rehearsal_see(struct rehearsal *rehearsal, const struct audit_line *line, const char *step,
		  enum object_class class, const char *path);

/* Keeps a finding about an object of @finding->class, of which the log may have a record still: it counts unless it
 * turns out to have one. Its outcomes' strings must outlive the rehearsal. Returns 0 or -ENOMEM. */
int rehearsal_keep(struct rehearsal *rehearsal, const struct audit_line *line, const struct finding *finding,
		   const char *path);

/* Counts what was kept and has no record. Returns 0 or -ENOMEM. */
int rehearsal_count_kept(struct rehearsal *rehearsal);
