/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading, pinning and opening the fence. What it holds is in fence_maps.c.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ringfence.skel.h"
#include "fence_private.h"
#include "version.h"

/* Where pins are made and where they are removed: in FENCE_PINS, all of them are there or none. */
#define FENCE_PINS_NEW	FENCE_PINS "-new"
#define FENCE_PINS_OLD	FENCE_PINS "-old"

static const char *const map_names[FENCE_MAPS] = {
	[MAP_TAGS] = "tags",
	[MAP_RULESETS] = "rulesets",
	[MAP_RUNS] = "runs",
	[MAP_LOGGED] = "logged",
	[MAP_RING] = "ring",
	[MAP_LOSSES] = "losses",
	[MAP_ABOUT] = "about",
};

/* The program whose link is kept open to start iterators from. */
#define ITERATOR "tagged_tasks"

/* --- what libbpf says ----------------------------------------------------------------------- */

static char log_text[4096];

/* Keeps the end: the verifier puts its verdict last. */
static int log_keep(enum libbpf_print_level level, const char *fmt, va_list args)
{
	static char line[sizeof(log_text)];
	size_t used = strlen(log_text), size;

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	size = strlen(line);
	if (used + size >= sizeof(log_text)) {
		size_t drop = used + size - sizeof(log_text) + 1;

		drop = drop < used ? drop : used;
		memmove(log_text, log_text + drop, used - drop + 1);
		used -= drop;
	}
	snprintf(log_text + used, sizeof(log_text) - used, "%s", line);
	return 0;
}

const char *fence_log(void)
{
	return log_text;
}

/* --- loading -------------------------------------------------------------------------------- */

static int adopt_maps(struct fence *fence)
{
	for (int i = 0; i < FENCE_MAPS; i++) {
		int fd = bpf_object__find_map_fd_by_name(fence->skeleton->obj, map_names[i]);

		if (fd < 0)
			return -ENOENT;
		fence->map[i] = fd;
	}
	return 0;
}

static int attach(struct fence *fence)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, fence->skeleton->obj) {
		struct bpf_link *link = bpf_program__attach(program);

		if (!link)
			return -errno;
		if (fence->link_count == FENCE_LINKS_MAX) {
			bpf_link__destroy(link);
			return -E2BIG;
		}
		if (!strcmp(bpf_program__name(program), ITERATOR))
			fence->iterator = bpf_link__fd(link);
		fence->links[fence->link_count].link = link;
		fence->links[fence->link_count++].name = bpf_program__name(program);
	}
	return 0;
}

static int sign(struct fence *fence)
{
	struct about about = {
		.version = ABI_VERSION,
		.pid = getpid(),
		.release = RINGFENCE_VERSION,
	};
	struct timespec now;
	uint32_t key = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	about.loaded_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	return bpf_map_update_elem(fence->map[MAP_ABOUT], &key, &about, BPF_ANY);
}

static struct fence *fence_new(void)
{
	struct fence *fence = calloc(1, sizeof(*fence));

	if (!fence)
		return NULL;
	for (int i = 0; i < FENCE_MAPS; i++)
		fence->map[i] = -1;
	fence->iterator = -1;
	libbpf_set_print(log_keep);
	log_text[0] = 0;
	return fence;
}

int fence_load(struct fence **ret_fence)
{
	struct fence *fence = fence_new();
	int err;

	if (!fence)
		return -ENOMEM;
	fence->skeleton = ringfence_bpf__open();
	if (!fence->skeleton) {
		err = -errno;
		fence_close(fence);
		return err;
	}
	err = ringfence_bpf__load(fence->skeleton);
	if (!err)
		err = adopt_maps(fence);
	if (!err)
		err = sign(fence);
	if (!err)
		err = attach(fence);
	if (err) {
		fence_close(fence);
		return err;
	}
	*ret_fence = fence;
	return 0;
}

/* --- pins ----------------------------------------------------------------------------------- */

static int pin_path(char *ret_path, size_t size, const char *root, const char *kind,
		    const char *name)
{
	int length = snprintf(ret_path, size, "%s/%s%s%s", root, kind, *name ? "/" : "", name);

	return length < (int)size ? 0 : -ENAMETOOLONG;
}

static int remove_folder(const char *path)
{
	char entry_path[512];
	struct dirent *entry;
	DIR *folder = opendir(path);

	if (!folder)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(entry_path, sizeof(entry_path), "%s/%s", path, entry->d_name);
		unlink(entry_path);
	}
	closedir(folder);
	return rmdir(path) ? -errno : 0;
}

/* Links first: what is detached needs its maps no more. */
static int remove_pins(const char *root)
{
	char path[256];
	int err;

	err = pin_path(path, sizeof(path), root, "links", "") ?: remove_folder(path);
	if (!err)
		err = pin_path(path, sizeof(path), root, "maps", "") ?: remove_folder(path);
	if (err)
		return err;
	return rmdir(root) ? -errno : 0;
}

static int make_folders(const char *root)
{
	char path[256];

	if (mkdir(root, 0700))
		return -errno;
	if (pin_path(path, sizeof(path), root, "links", "") || mkdir(path, 0700))
		return -errno;
	if (pin_path(path, sizeof(path), root, "maps", "") || mkdir(path, 0700))
		return -errno;
	return 0;
}

static int pin_all(struct fence *fence, const char *root)
{
	char path[256];
	int err = make_folders(root);

	for (int i = 0; !err && i < FENCE_MAPS; i++) {
		err = pin_path(path, sizeof(path), root, "maps", map_names[i]);
		if (!err && bpf_obj_pin(fence->map[i], path))
			err = -errno;
	}
	for (size_t i = 0; !err && i < fence->link_count; i++) {
		err = pin_path(path, sizeof(path), root, "links", fence->links[i].name);
		if (!err)
			err = bpf_link__pin(fence->links[i].link, path);
	}
	return err;
}

int fence_pin(struct fence *fence)
{
	int err;

	if (!access(FENCE_PINS, F_OK))
		return -EEXIST;
	remove_pins(FENCE_PINS_NEW);	/* left by a loader that died */
	err = pin_all(fence, FENCE_PINS_NEW);
	if (!err && rename(FENCE_PINS_NEW, FENCE_PINS))
		err = -errno;
	if (err)
		remove_pins(FENCE_PINS_NEW);
	return err;
}

int fence_unpin(void)
{
	remove_pins(FENCE_PINS_OLD);	/* left by one that died */
	if (rename(FENCE_PINS, FENCE_PINS_OLD))
		return -errno;
	return remove_pins(FENCE_PINS_OLD);
}

static int open_pins(struct fence *fence)
{
	char path[256];

	for (int i = 0; i < FENCE_MAPS; i++) {
		int err = pin_path(path, sizeof(path), FENCE_PINS, "maps", map_names[i]);

		if (err)
			return err;
		fence->map[i] = bpf_obj_get(path);
		if (fence->map[i] < 0)
			return -errno;
	}
	if (pin_path(path, sizeof(path), FENCE_PINS, "links", ITERATOR))
		return -ENAMETOOLONG;
	fence->iterator = bpf_obj_get(path);
	return fence->iterator < 0 ? -errno : 0;
}

int fence_open(struct fence **ret_fence)
{
	struct fence *fence;
	struct about about;
	int err;

	if (access(FENCE_PINS, F_OK))
		return -errno;
	fence = fence_new();
	if (!fence)
		return -ENOMEM;
	err = open_pins(fence);
	if (!err)
		err = fence_about(fence, &about);
	if (!err && about.version != ABI_VERSION)
		err = -EPROTO;
	if (err) {
		fence_close(fence);
		return err;
	}
	*ret_fence = fence;
	return 0;
}

void fence_close(struct fence *fence)
{
	if (!fence)
		return;
	for (size_t i = 0; i < fence->link_count; i++)
		bpf_link__destroy(fence->links[i].link);
	if (fence->skeleton) {
		ringfence_bpf__destroy(fence->skeleton);
	} else {
		for (int i = 0; i < FENCE_MAPS; i++)
			if (fence->map[i] >= 0)
				close(fence->map[i]);
		if (fence->iterator >= 0)
			close(fence->iterator);
	}
	free(fence);
}
