/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the hooks of lsm/hooks.h are called.
 */
#pragma once

#include "../lsm/abi.h"

/* "file_open" */
const char *hook_name(enum hook hook);

/* What stays open where a kernel lacks the hook: "every file". */
const char *hook_opening(enum hook hook);
