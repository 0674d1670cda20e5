/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report as one HTML page that needs nothing else: no network, no other file, and no JavaScript to be
 * read. What it says comes from a log that anybody in the run could write to; the page's content security
 * policy lets no script or style in it act but its own, known by their hashes.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* Writes the page for @report, the document that `ringfence report --format json` prints, to @out. Returns 0,
 * -ENOMEM, or -EIO where @out has failed; what was written until then is no whole page. */
int report_html(const json_t *report, FILE *out);
