/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pins of a fence: making, opening, replacing, missing and removing them.
 *
 * What stands in FENCE_PINS is the fence. What stands beside is one that is being made, or one that is
 * being removed. In a hand-over the two change places in one step, and then the duty changes: so what is
 * pinned has all of its pins at every moment, and whoever died between two steps, all that is left to do is
 * to put what stands in FENCE_PINS on duty and to remove the rest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fence_private.h"
#include "hooks.h"

/* Where pins are made and where they are removed: in FENCE_PINS, all of them are there or none. */
#define FENCE_PINS_NEW	FENCE_PINS "-new"
#define FENCE_PINS_OLD	FENCE_PINS "-old"

/* --- making and removing -------------------------------------------------------------------- */

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
		err = pin_path(path, sizeof(path), root, "maps", fence_map_names[i]);
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

/* Pins it beside the fence, if there is one. */
static int pin_beside(struct fence *fence)
{
	int err = pin_all(fence, FENCE_PINS_NEW);

	if (err)
		remove_pins(FENCE_PINS_NEW);
	return err;
}

int fence_pin(struct fence *fence)
{
	int err;

	if (!access(FENCE_PINS, F_OK))
		return -EEXIST;
	remove_pins(FENCE_PINS_NEW);	/* left by a loader that died */
	err = pin_beside(fence);
	if (!err && rename(FENCE_PINS_NEW, FENCE_PINS)) {
		err = -errno;
		remove_pins(FENCE_PINS_NEW);
	}
	return err;
}

int fence_unpin(void)
{
	remove_pins(FENCE_PINS_OLD);	/* left by one that died */
	if (rename(FENCE_PINS, FENCE_PINS_OLD))
		return -errno;
	remove_pins(FENCE_PINS_NEW);	/* left by a hand-over */
	return remove_pins(FENCE_PINS_OLD);
}

/* --- opening -------------------------------------------------------------------------------- */

/* Returns a descriptor; -EUCLEAN where there is no such pin. */
static int open_pin(const char *kind, const char *name)
{
	char path[256];
	int fd, err = pin_path(path, sizeof(path), FENCE_PINS, kind, name);

	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? -EUCLEAN : -errno;
	return fd;
}

static int open_all(int *ret_fds, const char *kind, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		ret_fds[i] = open_pin(kind, names[i]);
		if (ret_fds[i] < 0)
			return ret_fds[i];
	}
	return 0;
}

/* Of a program that is attached for itself, only the program. */
static int open_tracers(struct fence *fence)
{
	for (int i = 0; i < FENCE_TRACERS; i++) {
		int link = open_pin("links", fence_tracer_names[i]);

		if (link < 0)
			return link;
		fence->tracer[i] = fence_open_program(link);
		close(link);
		if (fence->tracer[i] < 0)
			return fence->tracer[i];
	}
	return 0;
}

static int open_pins(struct fence *fence)
{
	return open_all(fence->map, "maps", fence_map_names, FENCE_MAPS) ?:
		open_all(fence->iterator, "links", fence_iterator_names, FENCE_ITERATORS) ?:
		open_tracers(fence);
}

/* Before all pins are looked for: another version has others. */
static int check_version(void)
{
	int fd = open_pin("maps", fence_map_names[MAP_ABOUT]);
	struct about about = {};
	uint32_t key = 0;
	int err;

	if (fd < 0)
		return fd;
	err = bpf_map_lookup_elem(fd, &key, &about) ? -errno : 0;
	close(fd);
	return err ?: about.version == ABI_VERSION ? 0 : -EPROTO;
}

int fence_open(struct fence **ret_fence)
{
	struct fence *fence;
	int err;

	if (access(FENCE_PINS, F_OK))
		return -errno;
	fence = fence_new();
	if (!fence)
		return -ENOMEM;
	err = check_version() ?: open_pins(fence);
	if (err) {
		fence_close(fence);
		return err;
	}
	*ret_fence = fence;
	return 0;
}

/* --- replacing ------------------------------------------------------------------------------ */

/* The count of what was skipped goes on where that of the others ends. @last may be NULL. */
static int go_on_duty(const struct fence *fence, const struct fence *last)
{
	uint64_t theirs = 0, ours = 0;
	struct about about;
	struct duty duty;
	int err = fence_about(fence, &about) ?: fence_duty(fence, &duty);

	if (!err && last)
		err = fence_skipped(last, &theirs) ?: fence_skipped(fence, &ours);
	if (err || duty.shift == about.shift)
		return err;
	duty.shift = about.shift;
	duty.skipped += theirs - ours;
	return fence_set_duty(fence, &duty);
}

/* Of two that change places, nobody sees one without the other. */
static int exchange(void)
{
	return renameat2(AT_FDCWD, FENCE_PINS_NEW, AT_FDCWD, FENCE_PINS, RENAME_EXCHANGE) ? -errno : 0;
}

int fence_replace(struct fence *fence)
{
	struct fence *last = NULL;
	int err = fence->waiting ? fence_open(&last) : 0;

	if (err)
		return err;
	remove_pins(FENCE_PINS_NEW);	/* fence_settle() would have left none that is on duty */
	err = pin_beside(fence);
	if (!err)
		err = exchange();
	/* Back: the others never went off. Where that fails, too, fence_settle() finds what is to be done. */
	if (!err && last && (err = go_on_duty(fence, last)) && exchange()) {
		fence_close(last);
		return err;
	}
	fence_close(last);
	if (!err)
		fence->waiting = false;
	remove_pins(FENCE_PINS_NEW);
	return err;
}

bool fence_unsettled(void)
{
	return !access(FENCE_PINS_NEW, F_OK);
}

int fence_settle(void)
{
	struct fence *fence = NULL;
	int err;

	if (!fence_unsettled())
		return 0;
	err = fence_open(&fence);
	if (!err)
		err = go_on_duty(fence, NULL);
	fence_close(fence);
	if (err && err != -ENOENT)	/* none: then it was a loader that died */
		return err;
	return remove_pins(FENCE_PINS_NEW);
}

static void swap_fds(int *fd, int *theirs)
{
	int ours = *fd;

	*fd = *theirs;
	*theirs = ours;
}

/* The maps stay: their descriptors are in use. */
static void take_programs(struct fence *fence, struct fence *pinned)
{
	swap_fds(&fence->map[MAP_ABOUT], &pinned->map[MAP_ABOUT]);
	for (int i = 0; i < FENCE_ITERATORS; i++)
		swap_fds(&fence->iterator[i], &pinned->iterator[i]);
	for (int i = 0; i < FENCE_TRACERS; i++)
		swap_fds(&fence->tracer[i], &pinned->tracer[i]);
}

int fence_follow(struct fence *fence)
{
	struct about ours = {}, theirs = {};
	struct fence *pinned = NULL;
	int err = fence_open(&pinned);

	if (err)
		return err;
	fence_about(fence, &ours);
	fence_about(pinned, &theirs);
	if (fence_tags_id(fence) != fence_tags_id(pinned))
		err = -ESTALE;
	else if (ours.loaded_ns != theirs.loaded_ns)
		take_programs(fence, pinned);
	fence_close(pinned);
	return err;
}

/* --- missing -------------------------------------------------------------------------------- */

struct missing {
	char *names;
	size_t size, used, count;
};

static void miss(struct missing *missing, const char *name)
{
	if (missing->used < missing->size)
		missing->used += snprintf(missing->names + missing->used,
					  missing->size - missing->used, "%s%s",
					  missing->count ? ", " : "", name);
	missing->count++;
}

static bool is_pinned(const char *kind, const char *name)
{
	char path[256];

	return !pin_path(path, sizeof(path), FENCE_PINS, kind, name) && !access(path, F_OK);
}

static void miss_unpinned(struct missing *missing, const char *kind, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_pinned(kind, names[i]))
			miss(missing, names[i]);
}

/* A link is pinned under the name of its program, "file_path_unlink": the room's, and the hook's.
 * Returns which hooks have one, a bit for each. */
static uint64_t pinned_hooks(void)
{
	DIR *folder = opendir(FENCE_PINS "/links");
	struct dirent *entry;
	uint64_t hooks = 0;

	while (folder && (entry = readdir(folder))) {
		const char *name = strchr(entry->d_name, '_');

		for (enum hook hook = 0; name && hook < HOOK_COUNT; hook++)
			if (!strcmp(name + 1, hook_name(hook)))
				hooks |= HOOK_BIT(hook);
	}
	if (folder)
		closedir(folder);
	return hooks;
}

static size_t find_missing(const struct fence *fence, char *ret_names, size_t size)
{
	struct missing missing = { .names = ret_names, .size = size };
	uint64_t pinned = pinned_hooks();
	struct about about = {};

	ret_names[0] = 0;
	fence_about(fence, &about);
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (about.hooks & ~pinned & HOOK_BIT(hook))
			miss(&missing, hook_name(hook));
	miss_unpinned(&missing, "links", fence_tracer_names, FENCE_TRACERS);
	miss_unpinned(&missing, "links", fence_iterator_names, FENCE_ITERATORS);
	miss_unpinned(&missing, "maps", fence_map_names, FENCE_MAPS);
	return missing.count;
}

/* In a hand-over the folder that is being read may become the old one, and be emptied. */
size_t fence_missing_pins(const struct fence *fence, char *ret_names, size_t size)
{
	return find_missing(fence, ret_names, size) ? find_missing(fence, ret_names, size) : 0;
}
