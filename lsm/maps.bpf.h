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
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, RULESET_CHUNK);
};

/* policy slot -> chunks of its ruleset */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, POLICY_SLOTS);
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

/* run -> how many of its decisions the collector has dealt with; written by user space only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RUNS_MAX);
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

/* 0 -> who loaded the fence, and when */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct about);
} about SEC(".maps");

/* Room for a path and the record about it: too large for a stack, and too large to keep one per
 * tagged task. Not per CPU: a program may be preempted, and the next one on that CPU would write
 * over its path. Taken and given back in scratch.bpf.h. */
#define SCRATCH_COUNT 512
struct scratch {
	__u32 taken;
	__u32 unused;
	struct path_object path;
	struct record record;
	char text[RECORD_TEXT_MAX];	/* record.text */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCRATCH_COUNT);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");
