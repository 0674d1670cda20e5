/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fence.c, fence_pins.c, fence_maps.c, fence_processes.c, fence_keepers.c and fence_other.c know of a fence and nobody
 * else.
 */
#pragma once

#include "fence.h"

enum fence_map {
	MAP_TAGS,
	MAP_RULESETS,
	MAP_RUNS,
	MAP_LOGGED,
	MAP_RING,
	MAP_LOSSES,
	MAP_DUTY,
	MAP_ABOUT,
	MAP_TOLD,
	MAP_ALLOWED,
	MAP_KEEPERS,
	MAP_LATE,
	MAP_LATE_ORPHANS,
	MAP_NOTICE,
	MAP_ENTER_NAMES,
	MAP_ENTER_GROUPS,
	MAP_ENTERING,
	MAP_WAIVING,
	FENCE_MAPS,
};

enum fence_iterator {
	ITERATOR_TASKS,			/* lists tagged tasks */
	ITERATOR_LATE,			/* makes a pass */
	ITERATOR_FILES,			/* lists rings: descriptors, */
	ITERATOR_MAPPINGS,		/* and mappings */
	ITERATOR_NOTE,			/* records what no hook is the cause of */
	ITERATOR_PROCESSES,		/* lists the processes that this one can see */
	FENCE_ITERATORS,
};

/* The programs on tracepoints. */
enum fence_tracer {
	TRACER_NEWTASK,
	TRACER_LATE_NEWTASK,
	TRACER_LATE_EXIT,
	TRACERS_LATE,			/* so far those that a late tag relies on */
	TRACER_EXEC = TRACERS_LATE,
	TRACER_EXIT,
	TRACER_CGROUP,
	TRACER_ENTER_ATTACH,
	TRACER_ENTER_NEWTASK,
	TRACER_ENTER_MKDIR,
	TRACER_ENTER_RMDIR,
	FENCE_TRACERS,
};

/* Their names in the kernel programs, and those of their pins. */
extern const char *const fence_map_names[FENCE_MAPS];
extern const char *const fence_iterator_names[FENCE_ITERATORS];
extern const char *const fence_tracer_names[FENCE_TRACERS];

#define FENCE_LINKS_MAX 96

struct bpf_link;
struct ringfence_bpf;

struct fence {
	int map[FENCE_MAPS];
	int iterator[FENCE_ITERATORS];	/* links of programs that are started by reading */
	int tracer[FENCE_TRACERS];	/* programs: a link that is held would keep it attached */
	uint64_t loaded_ns;		/* of a loaded fence, CLOCK_REALTIME */
	bool waiting;			/* loaded beside another, and not on duty yet */
	struct ringfence_bpf *skeleton;	/* NULL: opened from its pins */
	struct {
		const char *name;
		struct bpf_link *link;
	} links[FENCE_LINKS_MAX];	/* of a loaded fence */
	size_t link_count;
	uint64_t late_skipped;		/* by TRACERS_LATE, when the order was given */
};

/* An empty one. NULL: no memory. */
struct fence *fence_new(void);

/* Opens the program behind a link. Returns a descriptor, or -errno. */
int fence_open_program(int link);

/* Runs an iterator to its end, and hands on what it writes: entries of @size. Returns 0, what @each returned if
 * not 0, or -errno. */
int fence_iterate(const struct fence *fence, enum fence_iterator iterator, size_t size,
		  int (*each)(void *ctx, const void *entry), void *ctx);

/* Reads a hash map with keys of 64 bits: calls @each for every entry. What comes or goes meanwhile may be missed.
 * Returns 0, what @each returned if not 0, or -errno. */
int fence_read_map(const struct fence *fence, enum fence_map map, size_t size,
		   int (*each)(void *ctx, uint64_t key, const void *value), void *ctx);

/* The process that is called @pid (0: this one) in the pid name space of this one. Returns 0, -ESRCH or -errno. */
int fence_find_process(const struct fence *fence, pid_t pid, struct seen_process *ret_process);

/* Which shift is on duty. */
int fence_duty(const struct fence *fence, struct duty *ret_duty);
int fence_set_duty(const struct fence *fence, const struct duty *duty);

/* How often programs on tracepoints were left out since they were loaded. */
int fence_skipped(const struct fence *fence, uint64_t *ret_count);
