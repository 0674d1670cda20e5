/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The accounts of runs in a shared fence: opening one where all places may be taken by runs that
 * are over, and telling what stands in them.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "../fence/fence.h"
#include "run_note.h"

/* fence_begin_run(), with @account->pid as this process's pid name space has it; where all RUNS_MAX accounts are open, closes first those of runs that are
 * over: the launcher is gone, no task is left, every decision is logged or counted as lost. Returns
 * 0, -E2BIG when none of them is over, or that cannot be told, in a pid name space of its own; or -errno. */
int runs_begin(struct fence *fence, uint64_t run, const struct run *account);

/* What the account of a run says of its mode: the flags for what a launcher asked for, or for MODE_POLICY; and the
 * mode of a run that is judged by @policy. */
uint32_t runs_mode_flags(enum mode mode);
enum mode runs_mode(const struct run *account, const struct ruleset *policy);

/* Has a line in the log say that a run begins, counted by its account. @tag: that of its first process, @pid.
 * Returns 0 or -errno. */
int runs_note_begin(struct fence *fence, const struct tag *tag, pid_t pid, const struct facts *facts,
		    const struct run_starter *starter);

/* Likewise that it is over, with the figures of its account as they are now. @status and @outlived_by: as
 * for run_note_end(). */
int runs_note_end(struct fence *fence, uint64_t run, int status, size_t outlived_by);

/* Closes the accounts of runs that had no launcher to do so, and are over, with a line in the log that says so.
 * Returns 0 or -errno. */
int runs_sweep(struct fence *fence);

/*
 * The runs that have an account, the oldest first, as an array of objects, the caller's to json_decref():
 *
 *	run, tag, policy (its slot), started, launcher (pid), launcher_alive, entered, tasks, mode, denied, audited,
 *	allowed, repeated, submitted, logged, lost, unrecorded, refused_forks, released
 *
 * In a pid name space of its own, tasks are those that are in it, and launcher_alive is null of who is not.
 * NULL where there is no memory, or the tagged tasks cannot be listed.
 */
json_t *runs_describe(const struct fence *fence);
