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

struct entry_reader {
	int (*each)(void *ctx, uint64_t key, const struct entry *entry);
	void *ctx;
};

static int take_entry(void *ctx, uint64_t key, const void *value)
{
	const struct entry_reader *reader = ctx;

	return reader->each(reader->ctx, key, value);
}

int fence_enter_groups(const struct fence *fence,
		       int (*each)(void *ctx, uint64_t group, const struct entry *entry), void *ctx)
{
	struct entry_reader reader = { each, ctx };

	return fence_read_map(fence, MAP_ENTER_GROUPS, sizeof(struct entry), take_entry, &reader);
}

struct run_reader {
	int (*each)(void *ctx, uint64_t run);
	void *ctx;
};

static int take_run(void *ctx, uint64_t key, const void *value)
{
	const struct run_reader *reader = ctx;
	const struct entry *entry = value;

	(void)key;
	return entry->run ? reader->each(reader->ctx, entry->run) : 0;
}

int fence_open_runs(const struct fence *fence, int (*each)(void *ctx, uint64_t run), void *ctx)
{
	struct run_reader reader = { each, ctx };

	return fence_read_map(fence, MAP_ENTERING, sizeof(struct entry), take_run, &reader) ?:
		fence_read_map(fence, MAP_ENTER_GROUPS, sizeof(struct entry), take_run, &reader);
}
