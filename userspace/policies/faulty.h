/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which policies in PATH_POLICIES are not in force as they stand, because they have a fault: a note for each, from
 * the try that failed to the one that succeeds. `status` shows them. They end with the boot, as what is in force does.
 */
#pragma once

#include <jansson.h>

/* Notes the fault of @file, and what holds @instead of it. Of a file outside of PATH_POLICIES there is no note. What
 * cannot be written is told. */
void faulty_note(const char *file, const char *fault, const char *instead);

/* Takes the note of @file back, where there is one. */
void faulty_clear(const char *file);

/* The notes of files that are still there, an array of objects, the caller's to json_decref(): file, fault, instead. */
json_t *faulty_describe(void);
