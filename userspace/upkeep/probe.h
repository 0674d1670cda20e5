/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proof that a fence is live: a child with the canary's tag walks into every hook, must be
 * denied there with the canary's errno, and the records of it must arrive. Programs can be loaded,
 * attached and pinned and still never run; only a denial shows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../../lsm/abi.h"
#include "../audit/collector.h"
#include "../fence/fence.h"

struct probe_result {
	bool tried[HOOK_COUNT];		/* the fence is on this hook, and it can be tried without harm */
	bool denied[HOOK_COUNT];
	bool foreign[HOOK_COUNT];	/* something else refused before the fence was asked: not provable here */
	size_t tries;
	bool recorded;			/* every denial came out of the ring buffer */
};

/* Puts the canary's policy in slot 0. To be called once on every fence that was loaded. */
int probe_install(struct fence *fence);

/* Runs the probe, and writes down with the fence what it found, or that it could not be run. Returns 0 and
 * the result, also where the fence is dead; -errno where the probe itself could not be run: -ETIMEDOUT
 * where the canary was stopped, -ECANCELED where it was killed. */
int probe_fence(struct fence *fence, struct collector *collector, struct probe_result *ret_result);

/* Whether all is well. */
bool probe_passed(const struct probe_result *result);

/* Writes what the probe was not denied at, as hook_list(); "" for nothing. */
void probe_missed(const struct probe_result *result, char *ret_names, size_t size);

/* The same of the hooks that cannot be proven on this host. */
void probe_foreign(const struct probe_result *result, char *ret_names, size_t size);
