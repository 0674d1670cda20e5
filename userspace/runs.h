/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The accounts of runs in a shared fence: opening one where all places may be taken by runs that
 * are over.
 */
#pragma once

#include <stdint.h>

#include "fence.h"

/* fence_begin_run(); where all RUNS_MAX accounts are open, closes first those of runs that are
 * over: the launcher is gone, no task is left, every decision is logged or counted as lost. Returns
 * 0, -E2BIG when none of them is over, or -errno. */
int runs_begin(struct fence *fence, uint64_t run, const struct run *account);
