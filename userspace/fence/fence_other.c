/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be told of a fence that a ringfence with another ABI_VERSION has loaded. abi.h says what they have
 * in common.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "fence_private.h"

static int open_pinned(const char *path)
{
	int fd = bpf_obj_get(path);

	return fd < 0 ? -errno : fd;
}

int fence_other_about(struct about *ret_about)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info), key = 0;
	int fd = open_pinned(FENCE_PINS "/maps/about"), err = 0;
	char *bytes = NULL;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		err = -errno;
	else if (!(bytes = calloc(1, info.value_size + sizeof(*ret_about))))
		err = -ENOMEM;
	else if (bpf_map_lookup_elem(fd, &key, bytes))
		err = -errno;
	else
		memcpy(ret_about, bytes, sizeof(*ret_about));
	free(bytes);
	close(fd);
	if (!err && ret_about->version != ABI_VERSION)
		memset(&ret_about->hooks, 0, sizeof(*ret_about) - offsetof(struct about, hooks));
	return err;
}

static void count_task(struct fence_behind *behind, const struct tagged_task *task)
{
	size_t i = 0;

	if (task->tag.flags & TAG_PROBE)
		return;
	behind->tasks++;
	while (i < behind->runs && behind->list[i].run != task->tag.run)
		i++;
	if (i == FENCE_RUNS_MAX)
		return;
	behind->list[i].run = task->tag.run;
	behind->list[i].tasks++;
	if (i == behind->runs)
		behind->runs++;
}

int fence_other_behind(struct fence_behind *ret_behind)
{
	int link = open_pinned(FENCE_PINS "/links/tagged_tasks"), fd, err = 0;
	struct tagged_task tasks[64];
	ssize_t got = 0;

	if (link < 0)
		return link;
	*ret_behind = (struct fence_behind){};
	fd = bpf_iter_create(link);
	if (fd < 0)
		err = -errno;
	while (!err && (got = read(fd, tasks, sizeof(tasks))) > 0)
		for (size_t i = 0; i < got / sizeof(*tasks); i++)
			count_task(ret_behind, &tasks[i]);
	if (!err && got < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	close(link);
	return err;
}

/* A ring buffer shows how far its reader has come in its first page, and how far the kernel has in its second
 * (kernel/bpf/ringbuf.c). */
int64_t fence_other_waiting(void)
{
	int fd = open_pinned(FENCE_PINS "/maps/ring");
	size_t page = getpagesize();
	int64_t waiting = -1;
	char *pages;

	if (fd < 0)
		return -1;
	pages = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
	if (pages != MAP_FAILED) {
		waiting = *(volatile unsigned long *)(pages + page) - *(volatile unsigned long *)pages;
		munmap(pages, 2 * page);
	}
	close(fd);
	return waiting;
}
