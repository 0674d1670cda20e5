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
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "ringfence.skel.h"
#include "fence_private.h"
#include "hooks.h"
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
	[MAP_KEEPERS] = "keepers",
	[MAP_LATE] = "late",
	[MAP_LATE_ORPHANS] = "late_orphans",
};

/* The programs whose links are kept open to start iterators from. */
static const char *const iterator_names[FENCE_ITERATORS] = {
	[ITERATOR_TASKS] = "tagged_tasks",
	[ITERATOR_LATE] = "late_tasks",
	[ITERATOR_FILES] = "late_files",
	[ITERATOR_MAPPINGS] = "late_mappings",
};

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

/* --- hooks ---------------------------------------------------------------------------------- */

int fence_kernel_hooks(bool ret_present[HOOK_COUNT])
{
	struct btf *btf = btf__load_vmlinux_btf();
	char function[64];

	if (!btf)
		return -errno;
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
		snprintf(function, sizeof(function), "bpf_lsm_%s", hook_name(hook));
		ret_present[hook] = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC) > 0;
	}
	btf__free(btf);
	return 0;
}

/* The program on a hook: that whose section is "lsm/NAME". */
static struct bpf_program *program_on(const struct fence *fence, enum hook hook)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, fence->skeleton->obj) {
		const char *section = bpf_program__section_name(program);

		if (!strncmp(section, "lsm/", 4) && !strcmp(section + 4, hook_name(hook)))
			return program;
	}
	return NULL;
}

void fence_hooks(const struct fence *fence, bool ret_attached[HOOK_COUNT])
{
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		ret_attached[hook] = fence->attached[hook];
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

static void mark_attached(struct fence *fence, const struct bpf_program *program)
{
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (program_on(fence, hook) == program)
			fence->attached[hook] = true;
}

static int attach(struct fence *fence)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, fence->skeleton->obj) {
		struct bpf_link *link;

		if (!bpf_program__autoload(program))
			continue;
		link = bpf_program__attach(program);
		if (!link)
			return -errno;
		if (fence->link_count == FENCE_LINKS_MAX) {
			bpf_link__destroy(link);
			return -E2BIG;
		}
		for (int i = 0; i < FENCE_ITERATORS; i++)
			if (!strcmp(bpf_program__name(program), iterator_names[i]))
				fence->iterator[i] = bpf_link__fd(link);
		mark_attached(fence, program);
		fence->links[fence->link_count].link = link;
		fence->links[fence->link_count++].name = bpf_program__name(program);
	}
	return 0;
}

/* Which mount name space the pins are in: that of the first process. */
static uint32_t host_mount_namespace(void)
{
	struct stat st;

	return stat("/proc/1/ns/mnt", &st) ? 0 : st.st_ino;
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
	for (int i = 0; i < FENCE_ITERATORS; i++)
		fence->iterator[i] = -1;
	libbpf_set_print(log_keep);
	log_text[0] = 0;
	return fence;
}

/* Leaves out the programs of hooks that this kernel has not. */
static int choose_programs(struct fence *fence)
{
	bool present[HOOK_COUNT];
	int err = fence_kernel_hooks(present);

	if (err)
		return err;
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++) {
		struct bpf_program *program = program_on(fence, hook);

		if (!program)
			return -ENOENT;
		if (!present[hook] && hook < HOOKS_NEEDED)
			return -EOPNOTSUPP;
		bpf_program__set_autoload(program, present[hook]);
	}
	return 0;
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
	fence->skeleton->rodata->host_mount_namespace = host_mount_namespace();
	err = choose_programs(fence);
	if (!err)
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

/* A link is pinned under the name of its program, "file_path_unlink": the room's, and the hook's. */
static void find_attached(struct fence *fence)
{
	DIR *folder = opendir(FENCE_PINS "/links");
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		const char *name = strchr(entry->d_name, '_');

		for (enum hook hook = 0; name && hook < HOOK_COUNT; hook++)
			if (!strcmp(name + 1, hook_name(hook)))
				fence->attached[hook] = true;
	}
	if (folder)
		closedir(folder);
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
	find_attached(fence);
	for (int i = 0; i < FENCE_ITERATORS; i++) {
		int err = pin_path(path, sizeof(path), FENCE_PINS, "links", iterator_names[i]);

		if (err)
			return err;
		fence->iterator[i] = bpf_obj_get(path);
		if (fence->iterator[i] < 0)
			return -errno;
	}
	return 0;
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
		for (int i = 0; i < FENCE_ITERATORS; i++)
			if (fence->iterator[i] >= 0)
				close(fence->iterator[i]);
	}
	free(fence);
}
