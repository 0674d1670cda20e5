/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fence: the kernel programs and their maps, loaded by this process for itself or pinned under
 * FENCE_PINS for all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../lsm/abi.h"

#define FENCE_BPFFS	"/sys/fs/bpf"
#define FENCE_PINS	FENCE_BPFFS "/ringfence"

struct fence;

/*
 * Loads the programs into the kernel and attaches them. They stay for as long as *ret_fence is
 * open, or until fence_unpin() once it was pinned. No policy is in force yet.
 *
 * Returns 0 and *ret_fence, the caller's to fence_close(); -EPERM where the kernel refuses, -EBUSY
 * where a hook takes no more programs, or another -errno of bpf(2). fence_log() tells what libbpf
 * and the verifier had to say.
 */
int fence_load(struct fence **ret_fence);

/* Tells builds of the programs apart, in this ringfence; struct about has that of a loaded one. */
const char *fence_build(void);

/* Whether the programs of this build can take the place of those of @pinned, with its maps. Returns 0, -EPROTO
 * where a map has another shape, or -errno. */
int fence_fits(const struct fence *pinned);

/*
 * As fence_load(), beside a fence that was opened, and with its maps: tags, runs and records are those of
 * both. The new programs wait: until fence_replace() they judge nobody but a canary that they are given.
 * With PATH_LOCK held, and after fence_settle(). Returns as fence_load(), and as fence_fits().
 */
int fence_load_beside(const struct fence *pinned, struct fence **ret_fence);

/* Opens the pinned fence. Returns 0 and *ret_fence, the caller's to fence_close(); -ENOENT when
 * none is pinned; -EUCLEAN when some of its pins were removed; -EPROTO when it was loaded by a
 * ringfence with another ABI_VERSION; or -errno of bpf(2). */
int fence_open(struct fence **ret_fence);

/* Which hooks this kernel has, as its BTF tells. Returns 0, or -errno where it has no BTF. */
int fence_kernel_hooks(bool ret_present[HOOK_COUNT]);

/* On which hooks this fence was loaded: on all that the kernel had. */
void fence_hooks(const struct fence *fence, bool ret_attached[HOOK_COUNT]);

/* The last complaint of libbpf in this process, "" if there was none. */
const char *fence_log(void);

/* Pins a loaded fence: all of it appears at once, or nothing. -EEXIST when one is pinned
 * already. */
int fence_pin(struct fence *fence);

/*
 * Pins a loaded fence in the place of the one that is pinned: at every moment one of them is, as a whole. One
 * that was loaded beside it goes on duty then, and the other's programs are detached. On failure nothing has
 * changed. What a death in the middle leaves behind is a fence that holds, which fence_settle() puts in
 * order. With PATH_LOCK held, and after fence_settle().
 */
int fence_replace(struct fence *fence);

/* Finishes what was left by one that died in fence_pin() or fence_replace(). With PATH_LOCK held. Returns 0,
 * -EPROTO where that was one of another ABI_VERSION, or -errno. */
int fence_settle(void);

/* Whether there is something to finish, or somebody is at it. */
bool fence_unsettled(void);

/* Goes over to the programs that are pinned now, where others have taken the place of those that were opened,
 * with the same maps. Returns 0, also where there is nothing to do; -ESTALE where another fence is pinned,
 * with maps of its own; or as fence_open(). Only of a fence that was opened. */
int fence_follow(struct fence *fence);

/* Counts pins of a pinned fence that are not there any more, and writes what they are called,
 * "file_open, path_unlink", as many as fit. */
size_t fence_missing_pins(const struct fence *fence, char *ret_names, size_t size);

/* --- of another ringfence --- */

#define FENCE_RUNS_MAX 16

/* Who is behind a pinned fence: the first FENCE_RUNS_MAX runs, and how many tasks they have; probes are not
 * counted. */
struct fence_behind {
	size_t runs, tasks;
	struct {
		uint64_t run;
		size_t tasks;
	} list[FENCE_RUNS_MAX];
};

/* Reads who loaded the pinned fence, whatever its ABI_VERSION: where that is another one, up to `release` and
 * no further. Returns 0 or -errno. */
int fence_other_about(struct about *ret_about);

/* Reads who is behind it, also of another ABI_VERSION. Returns 0, or -errno where that cannot be told. */
int fence_other_behind(struct fence_behind *ret_behind);

/* How many bytes of records wait in its ring buffer; -1 where that cannot be told. */
int64_t fence_other_waiting(void);

/* Removes the pins. Enforcement ends with the last process that has the fence open. -ENOENT:
 * none. */
int fence_unpin(void);

/* Lets go of the fence; NULL is fine. */
void fence_close(struct fence *fence);

/* Who loaded its programs, and when; and what their last probe found. */
int fence_about(const struct fence *fence, struct about *ret_about);

/* When the first of its programs were loaded, which others may have taken the place of since: CLOCK_REALTIME
 * in ns, or 0. */
uint64_t fence_since(const struct fence *fence);

/* Writes down what a probe found: at which hooks it was not denied, a bit for each, or the -errno of why
 * nothing was found. */
int fence_note_probe(struct fence *fence, uint64_t missed, int fault);

/* Writes down which process has a probe made every second; 0: none any more. */
int fence_note_watcher(struct fence *fence, pid_t watcher);

/* That process, where it is a keeper and alive; else 0. In a pid name space of its own, this one cannot tell
 * whether it is alive. */
pid_t fence_watcher(const struct fence *fence);

/* --- rulesets ---
 *
 * Slots are taken from 1 on and never given back, so that the first free one (-ENOENT) ends a scan:
 * Linux 6.1 takes some 16 ms for a look into a map of maps. */

/* Copies @image into the kernel, where nothing uses it yet. Returns a file descriptor, the caller's
 * to close, or -errno. */
int fence_fill_ruleset(const struct ruleset *image);

/* The ruleset that is in force in @slot: a file descriptor as of fence_fill_ruleset(), -ENOENT or -errno. */
int fence_open_ruleset(const struct fence *fence, uint32_t slot);

/* Puts a filled ruleset in force in @slot, with one store. */
int fence_switch_ruleset(struct fence *fence, uint32_t slot, int filled);

/* Leaves a slot without one: that of the entries, where there are none, or the last one again. */
int fence_drop_ruleset(struct fence *fence, uint32_t slot);

/* Both at once. */
int fence_put_ruleset(struct fence *fence, uint32_t slot, const struct ruleset *image);

/* Copies the ruleset in force in @slot, verified; the caller's to free(). -ENOENT: none. */
int fence_get_ruleset(const struct fence *fence, uint32_t slot, struct ruleset **ret_image);

/* Copies only its header, whose tables must then not be followed. -ENOENT: none. */
int fence_get_header(const struct fence *fence, uint32_t slot, struct ruleset *ret_header);

/* Finds the slot whose policy is for @tag, -ENOENT if there is none; and with @ret_free (may be
 * NULL) the first free slot, POLICY_SLOTS if there is none. @ret_generation (may be NULL): the
 * highest generation in any slot. */
int fence_find_tag(const struct fence *fence, const char *tag, uint32_t *ret_slot,
		   uint32_t *ret_free, uint64_t *ret_generation);

/* --- runs and tags --- */

/* Opens the account of a run; started_ns is filled in. -E2BIG: RUNS_MAX accounts are open. */
int fence_begin_run(struct fence *fence, uint64_t run, const struct run *account);

/* Reads an account, and how many of its decisions the collector has dealt with. -ENOENT. */
int fence_get_run(const struct fence *fence, uint64_t run, struct run *ret_account,
		  uint64_t *ret_logged);

/* Calls @each for every account, in no particular order. Returns 0, what @each returned if not 0, or -errno. */
int fence_runs(const struct fence *fence, int (*each)(void *ctx, uint64_t run, const struct run *account), void *ctx);

/* Counts one more decision as dealt with. To be called by the one collector only. */
int fence_count_logged(struct fence *fence, uint64_t run);

/* Writes down what keeps the log from taking lines, an -errno, or 0. To be called by the one collector
 * only. */
int fence_note_log(struct fence *fence, int fault);

/* What the last collector has written down. */
int fence_log_fault(const struct fence *fence);

/* Closes an account. */
void fence_end_run(struct fence *fence, uint64_t run);

/* Tags the one thread that @pidfd stands for. Children born from now on inherit it. */
int fence_tag(struct fence *fence, int pidfd, const struct tag *tag);

/* Calls @each for every tagged task there is in the pid name space of this process. Returns 0, what @each returned
 * if not 0, or -errno. */
int fence_tasks(const struct fence *fence,
		int (*each)(void *ctx, const struct tagged_task *task), void *ctx);

/* Has the kernel record what no hook is the cause of, counted by the account of @about->run, with @size bytes
 * of text (abi.h tells what they say). @about->pid is as this process's pid name space has it. Returns 0, -ESRCH, -E2BIG for a text that is too long, -EBUSY where it could not
 * be recorded now, or -errno; whether it is logged shows in the account. */
int fence_note(struct fence *fence, const struct notice_about *about, const void *text, size_t size);

/* --- processes --- */

/* Calls @each for every process of the pid name space that this one is in. Returns as fence_tasks(). */
int fence_processes(const struct fence *fence,
		    int (*each)(void *ctx, const struct seen_process *process), void *ctx);

/* What process @pid (0: this one) is called in accounts, tags and records: @pid is as this process's pid name space
 * has it, and they go by the initial one. In that it is the same, also where there is no such process. Returns 0,
 * -ESRCH or -errno. */
int fence_number(const struct fence *fence, pid_t pid, uint32_t *ret_number);

/* --- entries: runs that begin without a launcher --- */

/* Which slot control groups of that name come under from when they are made on (abi.h: struct enter_name).
 * @slot 0: none. Returns 0, -ENAMETOOLONG, -E2BIG when ENTER_NAMES_MAX are listed, or -errno. */
int fence_put_enter_name(struct fence *fence, const char *name, uint32_t slot);
/* The name that follows @name in no particular order; NULL begins. -ENOENT: that was the last. */
int fence_next_enter_name(const struct fence *fence, const struct enter_name *name,
			  struct enter_name *ret_name);

/* What comes of being in the control group of that number. -ENOENT: nothing. */
int fence_get_enter_group(const struct fence *fence, uint64_t group, struct entry *ret_entry);
/* @known: only where something does already; else -ENOENT. */
int fence_put_enter_group(struct fence *fence, uint64_t group, const struct entry *entry, bool known);
void fence_drop_enter_group(struct fence *fence, uint64_t group);
/* Calls @each for every such group, in no particular order. Returns 0, what @each returned if not 0, or -errno. */
int fence_enter_groups(const struct fence *fence,
		       int (*each)(void *ctx, uint64_t group, const struct entry *entry), void *ctx);

/* Calls @each, it may be more than once, for every run that began without a launcher and that somebody may still come
 * into: that of a control group, or of a program that is being executed. Returns likewise. */
int fence_open_runs(const struct fence *fence, int (*each)(void *ctx, uint64_t run), void *ctx);

/* --- late tags --- */

/* Gives the order that passes are to carry out, in place of the one before; from then on the kernel
 * notes who is left behind in that tree. NULL: no order any more. One at a time: with PATH_LOCK held.
 * Returns 0 or -errno. */
int fence_late_order(struct fence *fence, const struct late *order);
/* Makes a pass over all tasks: gives those that the order means its tag, or takes it back. Returns 0
 * and in *ret_order what all passes of the order did, or -errno. */
int fence_late_pass(struct fence *fence, struct late *ret_order);

/* Finds an io_uring that a task of the last order's run holds. Returns 0 and *ret_ring, -ENOENT where
 * there is none, or -errno. */
int fence_late_ring(struct fence *fence, struct late_ring *ret_ring);

/* --- keepers --- */

/* Has process @pid (0: this one), as this process's pid name space has it, protected from tagged tasks for as long
 * as it lives, or until fence_unkeep(), which takes a process that is not reaped yet. -EALREADY: it is. */
int fence_keep(struct fence *fence, pid_t pid);
void fence_unkeep(struct fence *fence, pid_t pid);

/* The kernel's id of the map of tags, and that of one of the programs; 0 where it cannot be told. For
 * the probe, which must not get at them. */
uint32_t fence_tags_id(const struct fence *fence);
uint32_t fence_program_id(const struct fence *fence);

/* --- records --- */

/* File descriptor of the ring buffer, for ring_buffer__new(); the fence's. */
int fence_ring(const struct fence *fence);

/* Sums up what could not be submitted, over all CPUs. A fork, execution or exit of whomever that the
 * kernel did not show to our programs counts as lineage (recursion_misses of bpf_prog_info). */
int fence_losses(const struct fence *fence, struct losses *ret_losses);
