/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading the fence. Its pins are in fence_pins.c, what it holds in fence_maps.c and fence_keepers.c.
 */
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

#include "build_id.h"
#include "ringfence.skel.h"
#include "fence_private.h"
#include "hooks.h"
#include "../base/version.h"

const char *const fence_map_names[FENCE_MAPS] = {
	[MAP_TAGS] = "tags",
	[MAP_RULESETS] = "rulesets",
	[MAP_RUNS] = "runs",
	[MAP_LOGGED] = "logged",
	[MAP_RING] = "ring",
	[MAP_LOSSES] = "losses",
	[MAP_DUTY] = "duty",
	[MAP_ABOUT] = "about",
	[MAP_TOLD] = "told",
	[MAP_ALLOWED] = "allowed",
	[MAP_KEEPERS] = "keepers",
	[MAP_LATE] = "late",
	[MAP_LATE_ORPHANS] = "late_orphans",
	[MAP_NOTICE] = "notice",
	[MAP_ENTER_NAMES] = "enter_names",
	[MAP_ENTER_GROUPS] = "enter_groups",
	[MAP_ENTERING] = "entering",
	[MAP_WAIVING] = "waiving",
};

const char *const fence_iterator_names[FENCE_ITERATORS] = {
	[ITERATOR_TASKS] = "tagged_tasks",
	[ITERATOR_LATE] = "late_tasks",
	[ITERATOR_FILES] = "late_files",
	[ITERATOR_MAPPINGS] = "late_mappings",
	[ITERATOR_NOTE] = "note_run",
	[ITERATOR_PROCESSES] = "seen_processes",
};

const char *const fence_tracer_names[FENCE_TRACERS] = {
	[TRACER_NEWTASK] = "tag_task_newtask",
	[TRACER_LATE_NEWTASK] = "late_newtask",
	[TRACER_LATE_EXIT] = "late_process_exit",
	[TRACER_EXEC] = "tag_process_exec",
	[TRACER_EXIT] = "tag_process_exit",
	[TRACER_CGROUP] = "guard_cgroup_attach_task",
	[TRACER_ENTER_ATTACH] = "enter_cgroup_attach_task",
	[TRACER_ENTER_NEWTASK] = "enter_newtask",
	[TRACER_ENTER_MKDIR] = "enter_cgroup_mkdir",
	[TRACER_ENTER_RMDIR] = "enter_cgroup_rmdir",
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

/* --- loading -------------------------------------------------------------------------------- */

static int adopt_maps(struct fence *fence)
{
	for (int i = 0; i < FENCE_MAPS; i++) {
		int fd = bpf_object__find_map_fd_by_name(fence->skeleton->obj, fence_map_names[i]);

		if (fd < 0)
			return -ENOENT;
		fence->map[i] = fd;
	}
	return 0;
}

static void adopt_program(struct fence *fence, const struct bpf_program *program, const struct bpf_link *link)
{
	const char *name = bpf_program__name(program);

	for (int i = 0; i < FENCE_ITERATORS; i++)
		if (!strcmp(name, fence_iterator_names[i]))
			fence->iterator[i] = bpf_link__fd(link);
	for (int i = 0; i < FENCE_TRACERS; i++)
		if (!strcmp(name, fence_tracer_names[i]))
			fence->tracer[i] = bpf_program__fd(program);
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
		adopt_program(fence, program, link);
		fence->links[fence->link_count].link = link;
		fence->links[fence->link_count++].name = bpf_program__name(program);
	}
	return 0;
}

/* Which mount name space the pins are in: that of the first process. */
static int host_mount_namespace(uint32_t *ret_number)
{
	struct stat st;

	if (stat("/proc/1/ns/mnt", &st))
		return -errno;
	*ret_number = st.st_ino;
	return 0;
}

static uint64_t attached_hooks(const struct fence *fence)
{
	uint64_t hooks = 0;

	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (bpf_program__autoload(program_on(fence, hook)))
			hooks |= HOOK_BIT(hook);
	return hooks;
}

/* Whether the kernel hands an id mapping to inode_setattr, as later ones do. */
static bool setattr_has_idmap(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "bpf_lsm_inode_setattr", BTF_KIND_FUNC) : -1;
	const struct btf_type *function = id < 0 ? NULL : btf__type_by_id(btf, id);
	bool has = function && btf_vlen(btf__type_by_id(btf, function->type)) == 3;

	btf__free(btf);
	return has;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int sign(struct fence *fence)
{
	struct about about = {
		.version = ABI_VERSION,
		.pid = getpid(),
		.loaded_ns = fence->loaded_ns,
		.release = RINGFENCE_VERSION,
		.build = RINGFENCE_BUILD,
		.hooks = attached_hooks(fence),
		.shift = fence->skeleton->rodata->shift,
	};
	struct timespec real, boot;
	uint32_t key = 0;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	about.booted_ns = (real.tv_sec - boot.tv_sec) * 1000000000LL + real.tv_nsec - boot.tv_nsec;
	return bpf_map_update_elem(fence->map[MAP_ABOUT], &key, &about, BPF_ANY) ? -errno : 0;
}

const char *fence_build(void)
{
	return RINGFENCE_BUILD;
}

struct fence *fence_new(void)
{
	struct fence *fence = calloc(1, sizeof(*fence));

	if (!fence)
		return NULL;
	for (int i = 0; i < FENCE_MAPS; i++)
		fence->map[i] = -1;
	for (int i = 0; i < FENCE_ITERATORS; i++)
		fence->iterator[i] = -1;
	for (int i = 0; i < FENCE_TRACERS; i++)
		fence->tracer[i] = -1;
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

/* --- beside another ------------------------------------------------------------------------- */

/* Whether a map of the kernel's is what these programs take it for. */
static bool has_shape(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) && info.map_flags == bpf_map__map_flags(map);
}

/* Has the programs that are to be loaded use the maps of others, but for what those say about themselves.
 * @only_look: not yet. */
static int share_maps(struct fence *fence, const struct fence *pinned, bool only_look)
{
	for (int i = 0; i < FENCE_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(fence->skeleton->obj, fence_map_names[i]);
		int err;

		if (i == MAP_ABOUT)
			continue;
		if (!map || !has_shape(map, pinned->map[i]))
			return -EPROTO;
		err = only_look ? 0 : bpf_map__reuse_fd(map, pinned->map[i]);
		if (err)
			return err;
	}
	return 0;
}

/* A number that none of those has that may be attached still: the kernel takes programs down in the background.
 * @pinned: who hands over, or NULL. */
static int number_shift(const struct fence *pinned, __u8 *ret_shift)
{
	struct duty duty = {};
	int err = pinned ? fence_duty(pinned, &duty) : 0;

	duty.last = duty.last % UINT8_MAX + 1;
	*ret_shift = duty.last;
	return err || !pinned ? err : fence_set_duty(pinned, &duty);
}

/* On duty from the first moment on: nobody is behind it yet. */
static int begin_duty(struct fence *fence)
{
	const uint8_t shift = fence->skeleton->rodata->shift;
	const struct duty duty = { .shift = shift, .last = shift, .since_ns = fence->loaded_ns };

	return fence_set_duty(fence, &duty);
}

static int open_skeleton(struct fence **ret_fence)
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
	*ret_fence = fence;
	return 0;
}

int fence_fits(const struct fence *pinned)
{
	struct fence *fence = NULL;
	int err = open_skeleton(&fence) ?: share_maps(fence, pinned, true);

	fence_close(fence);
	return err;
}

/* --- all of it ------------------------------------------------------------------------------ */

/* What the programs are told before they are loaded. */
static int configure(struct fence *fence, const struct fence *pinned)
{
	__u8 shift;
	int err = number_shift(pinned, &shift);

	fence->loaded_ns = now_ns();
	fence->waiting = pinned;
	fence->skeleton->rodata->shift = shift;
	fence->skeleton->rodata->setattr_has_idmap = setattr_has_idmap();
	return err ?: host_mount_namespace(&fence->skeleton->rodata->host_mount_namespace) ?:
		choose_programs(fence) ?: (pinned ? share_maps(fence, pinned, false) : 0);
}

static int load(const struct fence *pinned, struct fence **ret_fence)
{
	struct fence *fence = NULL;
	int err = open_skeleton(&fence);

	if (!err)
		err = configure(fence, pinned);
	if (!err)
		err = ringfence_bpf__load(fence->skeleton);
	if (!err)
		err = adopt_maps(fence);
	if (!err && !pinned)
		err = begin_duty(fence);
	if (!err)
		err = attach(fence);
	if (!err)
		err = sign(fence);
	if (err) {
		fence_close(fence);
		return err;
	}
	*ret_fence = fence;
	return 0;
}

int fence_load(struct fence **ret_fence)
{
	return load(NULL, ret_fence);
}

int fence_load_beside(const struct fence *pinned, struct fence **ret_fence)
{
	return load(pinned, ret_fence);
}

/* --- closing -------------------------------------------------------------------------------- */

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
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
		close_all(fence->map, FENCE_MAPS);
		close_all(fence->iterator, FENCE_ITERATORS);
		close_all(fence->tracer, FENCE_TRACERS);
	}
	free(fence);
}
