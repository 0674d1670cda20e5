/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report's tables: of the dependencies, each with all that is known of it, and of the services.
 */
#pragma once

#include "html.h"

/* Writes the table; nothing where there are none. Return 0 or -ENOMEM. */
int report_dependencies(struct html *html, const json_t *report);
int report_services(struct html *html, const json_t *report);
