/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name of a run: when it began and a few random digits, "20270331-142355-9f03ac" in UTC. Names
 * sort by time. The number behind it, which the kernel knows, is
 * seconds << RUN_RANDOM_BITS | random.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../../lsm/abi.h"

#define RUN_NAME_SIZE 23		/* with the final 0 */

/* A new number, from the clock and getrandom(2). */
uint64_t run_id_new(void);

/* Writes the name of @run to @ret_name and returns it. */
const char *run_id_name(uint64_t run, char ret_name[RUN_NAME_SIZE]);

/* Parses a name; false, and *ret_run untouched, when it is none. */
bool run_id_parse(const char *name, uint64_t *ret_run);
