/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A JSON value on standard output, with what a log has in it: to a parser always the same, and on a
 * terminal nothing that it obeys.
 */
#pragma once

#include <jansson.h>

/* Prints it with a newline. Returns 0, -ENOMEM, or -EIO where not all could be written. */
int print_json(const json_t *json);
