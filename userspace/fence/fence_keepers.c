/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is protected from tagged tasks: the processes that hold the fence or its records, in its map
 * `keepers`.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../base/peer.h"
#include "../base/pid_space.h"
#include "fence_private.h"

static FILE *open_of_process(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

/* When a process began. */
static int read_start(pid_t pid, __u64 *ret_ticks)
{
	char text[1024];
	FILE *file = open_of_process(pid, "stat");
	size_t size;

	if (!file)
		return -errno;
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = 0;
	*ret_ticks = peer_start_ticks(text);
	return *ret_ticks ? 0 : -EIO;
}

/* What the kernel's programs call a process (0: this one), and when it began. */
static int identify(const struct fence *fence, pid_t pid, uint32_t *ret_key, __u64 *ret_ticks)
{
	struct seen_process process;
	int err;

	if (pid_space_is_initial()) {
		*ret_key = pid ?: getpid();
		return read_start(*ret_key, ret_ticks);
	}
	err = fence_find_process(fence, pid, &process);
	if (!err) {
		*ret_key = process.process.pid;
		*ret_ticks = process.process.start_ns / KEEPER_TICK_NS;
	}
	return err;
}

/* The inode numbers of this process's control group (cgroup v2) and of all above it: who is to be kept was forked
 * by it just now. */
static void read_cgroups(__u64 ret_cgroups[KEEPER_CGROUPS])
{
	char line[PATH_MAX], path[PATH_MAX + 32];
	FILE *file = fopen("/proc/self/cgroup", "re");
	struct stat st;
	size_t count = 0;

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "0::/", 4))
			continue;
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s", line + 3);
		for (char *slash; count < KEEPER_CGROUPS && (slash = strrchr(path, '/')) &&
		     slash > path + strlen("/sys/fs"); *slash = 0)
			if (!stat(path, &st))
				ret_cgroups[count++] = st.st_ino;
	}
	if (file)
		fclose(file);
}

static bool is_kept(const struct fence *fence, uint32_t pid, __u64 start_ticks)
{
	struct keeper keeper;

	return !bpf_map_lookup_elem(fence->map[MAP_KEEPERS], &pid, &keeper) &&
		keeper.start_ticks == start_ticks;
}

pid_t fence_watcher(const struct fence *fence)
{
	struct about about = {};
	__u64 start_ticks;

	if (fence_about(fence, &about) || !about.watcher)
		return 0;
	if (!pid_space_is_initial())
		return about.watcher;
	return !read_start(about.watcher, &start_ticks) && is_kept(fence, about.watcher, start_ticks) ?
		(pid_t)about.watcher : 0;
}

/* Of those that were killed, the entries are left. */
static void forget_dead_keepers(struct fence *fence)
{
	uint32_t pid, next;
	bool more = !bpf_map_get_next_key(fence->map[MAP_KEEPERS], NULL, &next);

	while (more) {
		__u64 start_ticks = 0;

		pid = next;
		more = !bpf_map_get_next_key(fence->map[MAP_KEEPERS], &pid, &next);
		if (read_start(pid, &start_ticks) == -ENOENT ||
		    (start_ticks && !is_kept(fence, pid, start_ticks)))
			bpf_map_delete_elem(fence->map[MAP_KEEPERS], &pid);
	}
}

int fence_keep(struct fence *fence, pid_t pid)
{
	struct keeper keeper = {};
	int map = fence->map[MAP_KEEPERS], err;
	uint32_t key;

	err = identify(fence, pid, &key, &keeper.start_ticks);
	if (err)
		return err;
	if (is_kept(fence, key, keeper.start_ticks))
		return -EALREADY;
	read_cgroups(keeper.cgroups);
	if (!bpf_map_update_elem(map, &key, &keeper, BPF_ANY))
		return 0;
	if (errno != E2BIG || !pid_space_is_initial())	/* else, who is dead cannot be told */
		return -errno;
	forget_dead_keepers(fence);
	return bpf_map_update_elem(map, &key, &keeper, BPF_ANY) ? -errno : 0;
}

void fence_unkeep(struct fence *fence, pid_t pid)
{
	uint32_t key;

	if (!fence_number(fence, pid, &key))
		bpf_map_delete_elem(fence->map[MAP_KEEPERS], &key);
}
