/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What fence.c and fence_maps.c know of a fence and nobody else.
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
	MAP_ABOUT,
	FENCE_MAPS,
};

#define FENCE_LINKS_MAX 32

struct bpf_link;
struct ringfence_bpf;

struct fence {
	int map[FENCE_MAPS];
	int iterator;			/* link of the program that lists tagged tasks */
	struct ringfence_bpf *skeleton;	/* NULL: opened from its pins */
	struct {
		const char *name;
		struct bpf_link *link;
	} links[FENCE_LINKS_MAX];	/* of a loaded fence */
	size_t link_count;
};
