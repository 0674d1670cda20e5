/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `ringfence explain` shows of the entries that a decision was made from.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "../../policy/consider.h"
#include "../base/term.h"

/* An array of objects, texts fit for a terminal; NULL when memory ran out. */
json_t *considered_json(const struct consideration *list);

/* Prints such an array as lines, the winner marked by a word. */
void considered_print(const json_t *array, FILE *out, const struct term_style *style);
