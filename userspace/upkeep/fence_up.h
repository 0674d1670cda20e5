/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bringing up the shared fence and changing its policies: what load, apply and daemon have in
 * common.
 */
#pragma once

#include <stdbool.h>

#include "../fence/fence.h"

struct collector;
struct probe_result;

/* Tells on stderr what the probe found dead, and why that may be. */
void fence_tell_dead(const struct probe_result *result);

/* Tells on stderr why fence_open() failed with @err, and what to do. */
void fence_tell_missing(int err);

/* fence_open(), which tells why it failed. */
int fence_open_told(struct fence **ret_fence);

#define FENCE_HOST_REMEDY "call it on the host, or in a container that has the host's pid name space (--pid=host)"

/* 0 where this process sees all processes of the host, in the initial pid name space; else tells that @verb has to,
 * and returns -EPERM. */
int fence_see_all_told(const char *verb);

/* Where it does not, tells that of tagged tasks only those are shown that it sees. */
void fence_tell_view(void);

/* 0 where nothing can be seen that keeps a pinned fence from holding; else tells what and returns
 * -ENOTSUP. */
int fence_look_told(const struct fence *fence);

/* Finds the slot of the policy of that name for @tag, and tells where there is none, or why it cannot be told. */
int fence_find_tag_told(const struct fence *fence, const char *name, struct tag *tag);

/* Proves with a probe that the fence is live, and tells what it found dead. Returns 0, -ENOTSUP for a
 * dead fence, or -errno where the probe could not be run. */
int fence_prove_told(struct fence *fence, struct collector *collector);

/* 0 where a run of the policy in @slot may be started, as collector_refuses(); else tells why not. */
int fence_recordable_told(const struct fence *fence, uint32_t slot, enum mode mode, const char *log);

/*
 * Compiles every policy file, and puts them in force once all of them are sound. Tells every fault,
 * and a line per policy that is in force. To be called with PATH_LOCK held. Returns 0 or -errno;
 * where a policy was at fault nothing has changed.
 */
int fence_apply_files(struct fence *fence, char **files, size_t count);

/* The same with every policy of a folder, taking the lock itself. */
int fence_apply_folder(struct fence *fence, const char *folder);

/*
 * Loads the fence with the policies in @folder (may be missing or empty), pins it, and proves it
 * live. Tells what went wrong. @rescue: a policy with a fault is replaced by its last good text, or left
 * out, instead of being a failure. Returns 0 and *ret_fence; -EEXIST where it is loaded already; on any
 * other failure nothing is left behind.
 */
int fence_bring_up(const char *folder, bool rescue, struct fence **ret_fence);

/*
 * Puts the programs of this build in the place of the pinned ones, proven by a probe, without a moment in which
 * a tagged task is not governed: tags, runs, policies and records stay. Of a fence whose maps it cannot use
 * (another ABI_VERSION) all is put anew, as fence_bring_up() does, where nobody is behind it. Tells what went
 * wrong. Returns 0; -ENOENT where no fence is pinned; -EBUSY where tasks are behind one that it cannot share;
 * on any failure the fence is as it was.
 */
int fence_hand_over(const char *folder, bool rescue);

/* Finishes a hand-over in the middle of which somebody died; tells where it cannot. */
void fence_finish_hand_over(void);

/* Whether fence_hand_over() could be tried: 0, or tells why not and returns as that does. */
int fence_may_hand_over(void);

/* Whether the pinned fence can be opened and has programs of another build than this one's. Tells neither. */
bool fence_is_of_other_build(struct about *ret_about);
