/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report's timeline: a table with a row for every step, in the order of the process tree, and a lane in
 * which a bar says when it was there and a sign each time it reached for something.
 */
#pragma once

#include "html.h"

#define TIMELINE_ROWS 1000		/* steps that are shown; of more, those that reached for something first */

/* Writes the table; nothing where there are no steps. All places are per cent of the lane, so that a page may
 * show it as wide as it likes. Returns 0 or -ENOMEM. */
int report_timeline(struct html *html, const json_t *report);
