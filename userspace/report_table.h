/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report's tables: of the dependencies, each with all that is known of it, and of the services.
 */
#pragma once

#include "html.h"

#define TABLE_ROWS 500			/* dependencies that are shown; all of them are in the page's data */

/* Write the table; nothing where there are none. Dependencies stand there with loops and the strictest verdict
 * first. Return 0 or -ENOMEM. */
int report_dependencies(struct html *html, const json_t *report);
int report_services(struct html *html, const json_t *report);
