/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lines about the beginning and the end of a run say: a JSON object that a launcher makes, that
 * comes to the collector as the text of a record, and that goes into the line once it was checked.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../lsm/abi.h"
#include "facts.h"

/* The object that a record of @rule, RULE_BEGIN or RULE_END, has as its text, the caller's to json_decref().
 * NULL where it is no object with the keys of one and values of their types, and none besides. */
json_t *run_note_read(uint16_t rule, const char *text, size_t size);

/* Takes away what is told of all texts of the line rather than of this object: TEXT_* that were done to its
 * strings. */
unsigned int run_note_take_flags(json_t *note);

/* --- what a launcher has to say --- */

/* Who starts the command. */
struct run_starter {
	const char *user;		/* its name, or "" where it is not known */
	bool claimed;			/* it says itself what the command is, and is not root */
};

/* Appends the object of a run that begins under @image, in @mode or MODE_POLICY: no more than NOTICE_TEXT_MAX
 * bytes, with as many of the places that name a service as have room. Returns 0 or -ENOMEM. */
int run_note_begin(struct text *out, const struct ruleset *image, enum mode mode, const struct facts *facts,
		   const struct run_starter *starter);

/* Appends that of a run that is over. @status: of its command; negative: not known. @outlived_by: processes
 * that live on. Returns 0 or -ENOMEM. */
int run_note_end(struct text *out, const struct run *account, int status, size_t outlived_by);
