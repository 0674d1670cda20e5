/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the hooks of lsm/hooks.h are called.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "../../lsm/abi.h"

/* "file_open" */
const char *hook_name(enum hook hook);

/* What stays open where a kernel lacks the hook: "every file". */
const char *hook_opening(enum hook hook);

/* Writes the names of hooks, a HOOK_BIT() each, as one reads them out: "file_open, bpf", with more than a
 * few of them "socket_connect, socket_sendmsg, file_open and 33 more"; "" for none. */
void hook_list(uint64_t hooks, char *ret_names, size_t size);
