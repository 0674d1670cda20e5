/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every map, once, with its key and value.
 */
#pragma once

#include "abi.h"
#include "decide.h"

/* task -> its tag. Inherited in task_alloc; tasks without one are none of our business. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tag);
} tags SEC(".maps");

/* chunk number -> RULESET_CHUNK bytes of an image. Each ruleset has a map of its own with as many
 * chunks as it needs; one store into `rulesets` puts it in force. */
struct chunks_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_RDONLY_PROG);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, RULESET_CHUNK);
};

/* policy slot -> chunks of its ruleset; behind them the one of entries */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, ENTRY_SLOT + 1);
	__type(key, __u32);
	__array(values, struct chunks_map);
} rulesets SEC(".maps");

/* run -> what the kernel counted for it; made by the launcher before it tags anything. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RUNS_MAX);
	__type(key, __u64);
	__type(value, struct run);
} runs SEC(".maps");

/* run -> how many of its decisions the collector has dealt with; LOGGED_FAULT -> what keeps the log from
 * taking lines, an errno, or 0. Written by the collector only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RUNS_MAX + 1);
	__type(key, __u64);
	__type(value, __u64);
} logged SEC(".maps");

/* The way records take: struct record, each as long as its text. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

/* 0 -> records this CPU could not submit */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct losses);
} losses SEC(".maps");

/* 0 -> which shift governs. This map and all others that are pinned, but `about`, are handed from shift to
 * shift: what is changed in them goes with a new ABI_VERSION. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct duty);
} duty SEC(".maps");

/* 0 -> who loaded these programs, and when */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct about);
} about SEC(".maps");

/* name of a control group or unit -> policy slot; written by user space */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTER_NAMES_MAX);
	__type(key, struct enter_name);
	__type(value, __u32);
} enter_names SEC(".maps");

/* control group -> what comes of being in it: those that are there when a policy is put in force are
 * written by user space, those made later by enter.bpf.c */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTER_GROUPS_MAX);
	__type(key, __u64);
	__type(value, struct entry);
} enter_groups SEC(".maps");

/* task -> the run that it is in once its execve(2) has succeeded. By address: what stands there from an
 * execution that failed is replaced or removed before the task's, or its successor's, next one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTERING_MAX);
	__type(key, __u64);
	__type(value, struct entry);
} entering SEC(".maps");

struct waiving {
	__u32 waivers;			/* a bit for each, */
	__u32 generation;		/* and the lower half of that of their ruleset */
};

/* Waivers for the program that a task is executing, by the address of the task. The longest ago is forgotten:
 * then there is none. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ENTERING_MAX);
	__type(key, __u64);
	__type(value, struct waiving);
} waiving SEC(".maps");

/* An object that was let pass to a process, and recorded: what the same process does with it again is
 * no news. */
struct told {
	__u64 run;
	__u64 object;			/* of a socket its cookie; of a file the address of its dentry, */
	__u64 hi, lo;			/* and where it leads; and its identity */
	__u32 what;			/* CLASS_*, with more above */
	__u32 process;
	__u32 generation;		/* of the ruleset that decided */
	__u32 unused;
};
#define TOLD_MAX 8192
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TOLD_MAX);
	__type(key, struct told);
	__type(value, __u32);
} told SEC(".maps");

/* What a process was allowed, and recorded: only counted from then on. The object in full and not a hash
 * of it: whoever names files could find two with the same. */
struct allowed {
	struct process_id process;
	__u64 hi, lo;			/* of a destination the address; of a file its inode number and
					 * device; of what has neither yet a hash of its path, and 0 */
	__u32 what;			/* enum object_class, and above: of a destination protocol, and port
					 * or family; of a file ACCESS_* */
	__u32 generation;		/* of the ruleset that decided */
};
#define ALLOWED_MAX 32768
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ALLOWED_MAX);
	__type(key, struct allowed);
	__type(value, __u32);
} allowed SEC(".maps");

/* 0 -> which tasks are to be tagged late, and how far that has come; written by user space, and by
 * the iterator that it starts */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct late);
} late SEC(".maps");

/* process -> nothing: its parent has ended, and that one was of the tree that is being tagged. Written
 * by late.bpf.c, emptied by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LATE_ORPHANS_MAX);
	__type(key, struct process_id);
	__type(value, __u32);
} late_orphans SEC(".maps");

/* pid -> what that process has to have recorded about a run; written by user space, just before it starts
 * `note_run`, and removed afterwards */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NOTICES_MAX);
	__type(key, __u32);
	__type(value, struct notice);
} notice SEC(".maps");

/* pid -> what a tagged task may not touch of it: the daemon, who guards a fence of one's own */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, KEEPERS_MAX);
	__type(key, __u32);
	__type(value, struct keeper);
} keepers SEC(".maps");

/* What a hook returns after a decision: the errno where the mode enforces, 0 where it only records.
 * Without a ruleset there is no mode, and no doubt either. Stands in memory of which the verifier knows
 * nothing, a scratch or what a caller passes: it then looks at what follows once, not for every outcome. */
struct outcome {
	__u64 generation;
	__s32 err;
	__u16 flags;			/* RECORD_ENFORCED, or 0 */
	__s16 unrecorded;		/* what the hook returns where no record found room */
};

/* Room for a path and the record about it: too large for a stack, and too large to keep one per
 * tagged task. Not per CPU: a program may be preempted, and the next one on that CPU would write
 * over its path. Taken and given back in scratch.bpf.h. */
#define SCRATCH_COUNT 512
struct scratch {
	__u32 taken;
	__u32 walked;			/* walk.bpf.h has filled in the path */
	struct walk {
		__u64 dentry;		/* where the walk is: struct dentry *, */
		__u64 mount;		/* struct mount *, or 0 where that is not known, */
		__u64 mount_root;	/* struct dentry * of that mount's root */
		__u32 dev;		/* of that mount's file system */
		__u32 begin;		/* offset in `text` of the name so far, which grows to the front */
		__u8 ended;		/* at the root of all */
		__u8 unused[7];
	} walk;
	struct path_object path;
	struct outcome outcome;
	long err;			/* what the hook is to return: the outcome of the last class */
	__u32 denied;			/* by a class of objects: the others are not asked any more */
	__u32 news;			/* the run has not been told about it */
	__u32 silent;			/* what was decided is not to be recorded */
	__u32 unused;
	struct told told;
	struct allowed allowed;
	struct record record;
	char text[RECORD_TEXT_MAX];	/* record.text; while walking, the name, ending at its end */
	char slack[PATH_LENGTH_MAX];	/* a copy from `text` is bounded by length, not by place */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_COUNT);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");
