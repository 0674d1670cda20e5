/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fence knows of runs that begin without a launcher, read and written through its maps.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "fence_private.h"

int fence_put_enter_name(struct fence *fence, const char *name, uint32_t slot)
{
	struct enter_name key = { "" };

	if (strlen(name) >= sizeof(key.text))
		return -ENAMETOOLONG;
	memcpy(key.text, name, strlen(name));
	if (slot)
		return bpf_map_update_elem(fence->map[MAP_ENTER_NAMES], &key, &slot, BPF_ANY) ? -errno : 0;
	return bpf_map_delete_elem(fence->map[MAP_ENTER_NAMES], &key) && errno != ENOENT ? -errno : 0;
}

int fence_next_enter_name(const struct fence *fence, const struct enter_name *name,
			  struct enter_name *ret_name)
{
	return bpf_map_get_next_key(fence->map[MAP_ENTER_NAMES], name, ret_name) ? -errno : 0;
}

int fence_get_enter_group(const struct fence *fence, uint64_t group, struct entry *ret_entry)
{
	return bpf_map_lookup_elem(fence->map[MAP_ENTER_GROUPS], &group, ret_entry) ? -errno : 0;
}

int fence_put_enter_group(struct fence *fence, uint64_t group, const struct entry *entry, bool known)
{
	return bpf_map_update_elem(fence->map[MAP_ENTER_GROUPS], &group, entry, known ? BPF_EXIST : BPF_ANY) ?
		-errno : 0;
}

void fence_drop_enter_group(struct fence *fence, uint64_t group)
{
	bpf_map_delete_elem(fence->map[MAP_ENTER_GROUPS], &group);
}

int fence_next_enter_group(const struct fence *fence, const uint64_t *group, uint64_t *ret_group)
{
	return bpf_map_get_next_key(fence->map[MAP_ENTER_GROUPS], group, ret_group) ? -errno : 0;
}

static bool map_has_run(int map, uint64_t run)
{
	uint64_t key, *last = NULL;
	struct entry entry;

	while (!bpf_map_get_next_key(map, last, &key)) {
		last = &key;
		if (!bpf_map_lookup_elem(map, &key, &entry) && entry.run == run)
			return true;
	}
	return false;
}

bool fence_run_is_open(const struct fence *fence, uint64_t run)
{
	return map_has_run(fence->map[MAP_ENTERING], run) ||
	       map_has_run(fence->map[MAP_ENTER_GROUPS], run);
}
