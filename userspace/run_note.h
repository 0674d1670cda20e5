/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lines about the beginning and the end of a run say: a JSON object that a launcher makes, that
 * comes to the collector as the text of a record, and that goes into the line once it was checked.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* The object that a record of @rule, RULE_BEGIN or RULE_END, has as its text, the caller's to json_decref().
 * NULL where it is no object with the keys of one and values of their types, and none besides. */
json_t *run_note_read(uint16_t rule, const char *text, size_t size);

/* Takes away what is told of all texts of the line rather than of this object: TEXT_* that were done to its
 * strings. */
unsigned int run_note_take_flags(json_t *note);
