/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fence holds: rulesets, runs, tags and losses, read and written through its maps.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../policy/image.h"
#include "fence_private.h"

int fence_about(const struct fence *fence, struct about *ret_about)
{
	uint32_t key = 0;

	return bpf_map_lookup_elem(fence->map[MAP_ABOUT], &key, ret_about) ? -errno : 0;
}

void fence_hooks(const struct fence *fence, bool ret_attached[HOOK_COUNT])
{
	struct about about = {};

	fence_about(fence, &about);
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		ret_attached[hook] = about.hooks & HOOK_BIT(hook);
}

static int write_about(struct fence *fence, const struct about *about)
{
	uint32_t key = 0;

	return bpf_map_update_elem(fence->map[MAP_ABOUT], &key, about, BPF_ANY) ? -errno : 0;
}

int fence_note_probe(struct fence *fence, uint64_t missed, int fault)
{
	struct timespec now;
	struct about about;
	int err = fence_about(fence, &about);

	if (err)
		return err;
	clock_gettime(CLOCK_BOOTTIME, &now);
	about.probed_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	about.missed = missed;
	about.fault = fault;
	return write_about(fence, &about);
}

int fence_note_watcher(struct fence *fence, pid_t watcher)
{
	struct about about;
	int err = fence_about(fence, &about);

	if (err)
		return err;
	about.watcher = watcher;
	return write_about(fence, &about);
}

int fence_duty(const struct fence *fence, struct duty *ret_duty)
{
	uint32_t key = 0;

	return bpf_map_lookup_elem(fence->map[MAP_DUTY], &key, ret_duty) ? -errno : 0;
}

int fence_set_duty(const struct fence *fence, const struct duty *duty)
{
	uint32_t key = 0;

	return bpf_map_update_elem(fence->map[MAP_DUTY], &key, duty, BPF_ANY) ? -errno : 0;
}

uint64_t fence_since(const struct fence *fence)
{
	struct duty duty = {};

	return fence_duty(fence, &duty) ? 0 : duty.since_ns;
}

/* --- rulesets ------------------------------------------------------------------------------- */

static int fill_chunks(int fd, const struct ruleset *image)
{
	for (uint32_t i = 0; i < image->size / RULESET_CHUNK; i++)
		if (bpf_map_update_elem(fd, &i, (const char *)image + (size_t)i * RULESET_CHUNK,
					BPF_ANY))
			return -errno;
	return bpf_map_freeze(fd) ? -errno : 0;	/* from now on nobody changes it, nor does a program */
}

int fence_fill_ruleset(const struct ruleset *image)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_RDONLY_PROG);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "chunks", sizeof(uint32_t), RULESET_CHUNK,
				image->size / RULESET_CHUNK, &options);
	int err;

	if (fd < 0)
		return -errno;
	err = fill_chunks(fd, image);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int fence_switch_ruleset(struct fence *fence, uint32_t slot, int filled)
{
	return bpf_map_update_elem(fence->map[MAP_RULESETS], &slot, &filled, BPF_ANY) ? -errno : 0;
}

int fence_drop_ruleset(struct fence *fence, uint32_t slot)
{
	return bpf_map_delete_elem(fence->map[MAP_RULESETS], &slot) ? -errno : 0;
}

int fence_put_ruleset(struct fence *fence, uint32_t slot, const struct ruleset *image)
{
	int err, fd = fence_fill_ruleset(image);

	if (fd < 0)
		return fd;
	err = fence_switch_ruleset(fence, slot, fd);
	close(fd);
	return err;
}

int fence_open_ruleset(const struct fence *fence, uint32_t slot)
{
	uint32_t id;
	int fd;

	if (slot > ENTRY_SLOT)
		return -ENOENT;
	if (bpf_map_lookup_elem(fence->map[MAP_RULESETS], &slot, &id))
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	return fd < 0 ? -errno : fd;
}

int fence_get_ruleset(const struct fence *fence, uint32_t slot, struct ruleset **ret_image)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	char *image = NULL;
	int err = 0, fd = fence_open_ruleset(fence, slot);

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		err = -errno;
	if (!err && !(image = malloc((size_t)info.max_entries * RULESET_CHUNK)))
		err = -ENOMEM;
	for (uint32_t i = 0; !err && i < info.max_entries; i++)
		if (bpf_map_lookup_elem(fd, &i, image + (size_t)i * RULESET_CHUNK))
			err = -errno;
	close(fd);
	if (!err)
		err = image_verify(image, (size_t)info.max_entries * RULESET_CHUNK);
	if (err) {
		free(image);
		return err;
	}
	*ret_image = (struct ruleset *)image;
	return 0;
}

int fence_get_header(const struct fence *fence, uint32_t slot, struct ruleset *ret_header)
{
	uint32_t first = 0;
	char *chunk;
	int err = 0, fd = fence_open_ruleset(fence, slot);

	if (fd < 0)
		return fd;
	chunk = malloc(RULESET_CHUNK);
	if (!chunk)
		err = -ENOMEM;
	else if (bpf_map_lookup_elem(fd, &first, chunk))
		err = -errno;
	else
		memcpy(ret_header, chunk, sizeof(*ret_header));
	free(chunk);
	close(fd);
	return err;
}

int fence_find_tag(const struct fence *fence, const char *tag, uint32_t *ret_slot,
		   uint32_t *ret_free, uint64_t *ret_generation)
{
	uint32_t found = POLICY_SLOTS, vacant = POLICY_SLOTS;
	uint64_t generation = 0;

	for (uint32_t slot = 1; slot < POLICY_SLOTS; slot++) {
		struct ruleset header;
		int err = fence_get_header(fence, slot, &header);

		if (err == -ENOENT) {
			vacant = slot;
			break;
		}
		if (err)
			return err;
		if (header.generation > generation)
			generation = header.generation;
		if (!strncmp(header.tag, tag, sizeof(header.tag)))
			found = slot;
	}
	if (ret_free)
		*ret_free = vacant;
	if (ret_generation)
		*ret_generation = generation;
	if (found == POLICY_SLOTS)
		return -ENOENT;
	*ret_slot = found;
	return 0;
}

/* --- runs and tags -------------------------------------------------------------------------- */

int fence_begin_run(struct fence *fence, uint64_t run, const struct run *account)
{
	struct run begun = *account;
	struct timespec now;
	uint64_t none = 0;

	clock_gettime(CLOCK_BOOTTIME, &now);
	begun.started_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	if (bpf_map_update_elem(fence->map[MAP_LOGGED], &run, &none, BPF_NOEXIST))
		return -errno;
	if (bpf_map_update_elem(fence->map[MAP_RUNS], &run, &begun, BPF_NOEXIST)) {
		int err = -errno;

		bpf_map_delete_elem(fence->map[MAP_LOGGED], &run);
		return err;
	}
	return 0;
}

int fence_get_run(const struct fence *fence, uint64_t run, struct run *ret_account,
		  uint64_t *ret_logged)
{
	if (bpf_map_lookup_elem(fence->map[MAP_LOGGED], &run, ret_logged) ||
	    bpf_map_lookup_elem(fence->map[MAP_RUNS], &run, ret_account))
		return -errno;
	return 0;
}

#define BATCH 1024			/* entries; none of the kernel's buckets has so many */

/* A call for many of them: key by key it is two for each. */
int fence_read_map(const struct fence *fence, enum fence_map map, size_t size,
		   int (*each)(void *ctx, uint64_t key, const void *value), void *ctx)
{
	uint64_t *keys = calloc(BATCH, sizeof(*keys));
	char *values = calloc(BATCH, size);
	uint32_t place, count = BATCH;
	int err = keys && values ? 0 : -ENOMEM, end = 0;

	for (bool first = true; !err && !end; first = false, count = BATCH) {
		if (bpf_map_lookup_batch(fence->map[map], first ? NULL : &place, &place, keys, values, &count, NULL))
			end = errno;
		if (end && end != ENOENT)
			err = -end;
		for (uint32_t i = 0; !err && i < count; i++)
			err = each(ctx, keys[i], values + i * size);
	}
	free(keys);
	free(values);
	return err;
}

struct run_reader {
	int (*each)(void *ctx, uint64_t run, const struct run *account);
	void *ctx;
};

static int take_account(void *ctx, uint64_t run, const void *account)
{
	const struct run_reader *reader = ctx;

	return reader->each(reader->ctx, run, account);
}

int fence_runs(const struct fence *fence, int (*each)(void *ctx, uint64_t run, const struct run *account), void *ctx)
{
	struct run_reader reader = { each, ctx };

	return fence_read_map(fence, MAP_RUNS, sizeof(struct run), take_account, &reader);
}

int fence_count_logged(struct fence *fence, uint64_t run)
{
	uint64_t logged;

	if (bpf_map_lookup_elem(fence->map[MAP_LOGGED], &run, &logged))
		return -errno;
	logged++;
	return bpf_map_update_elem(fence->map[MAP_LOGGED], &run, &logged, BPF_EXIST) ? -errno : 0;
}

int fence_note_log(struct fence *fence, int fault)
{
	uint64_t key = LOGGED_FAULT, value = -fault;

	return bpf_map_update_elem(fence->map[MAP_LOGGED], &key, &value, BPF_ANY) ? -errno : 0;
}

int fence_log_fault(const struct fence *fence)
{
	uint64_t key = LOGGED_FAULT, value = 0;

	return bpf_map_lookup_elem(fence->map[MAP_LOGGED], &key, &value) ? 0 : -(int)value;
}

void fence_end_run(struct fence *fence, uint64_t run)
{
	bpf_map_delete_elem(fence->map[MAP_RUNS], &run);
	bpf_map_delete_elem(fence->map[MAP_LOGGED], &run);
}

/* Which shift is to govern who gets this tag: that on duty; a canary of one that waits is its own. */
static void assign(const struct fence *fence, struct tag *tag)
{
	struct duty duty = {};
	struct about about = {};

	fence_duty(fence, &duty);
	tag->shift = duty.shift;
	if (!fence->waiting || !(tag->flags & TAG_PROBE) || fence_about(fence, &about))
		return;
	tag->shift = about.shift;
	tag->flags |= TAG_BOUND;
}

int fence_tag(struct fence *fence, int pidfd, const struct tag *tag)
{
	struct tag assigned = *tag;

	assign(fence, &assigned);
	return bpf_map_update_elem(fence->map[MAP_TAGS], &pidfd, &assigned, BPF_NOEXIST) ? -errno : 0;
}

/* Read by a multiple of their size, so that no entry is ever split. */
int fence_iterate(const struct fence *fence, enum fence_iterator iterator, size_t size,
		  int (*each)(void *ctx, const void *entry), void *ctx)
{
	char entries[4096];
	ssize_t got;
	int err = 0, fd = bpf_iter_create(fence->iterator[iterator]);

	if (fd < 0)
		return -errno;
	while (!err && (got = read(fd, entries, sizeof(entries) / size * size)) > 0)
		for (size_t i = 0; !err && i < got / size; i++)
			err = each(ctx, entries + i * size);
	if (!err && got < 0)
		err = -errno;
	close(fd);
	return err;
}

struct task_reader {
	int (*each)(void *ctx, const struct tagged_task *task);
	void *ctx;
};

static int take_task(void *ctx, const void *entry)
{
	const struct task_reader *reader = ctx;

	return reader->each(reader->ctx, entry);
}

int fence_tasks(const struct fence *fence,
		int (*each)(void *ctx, const struct tagged_task *task), void *ctx)
{
	struct task_reader reader = { each, ctx };

	return fence_iterate(fence, ITERATOR_TASKS, sizeof(struct tagged_task), take_task, &reader);
}

/* --- what was skipped ----------------------------------------------------------------------- */

static uint32_t program_id(int link)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(link, &info, &size) ? 0 : info.prog_id;
}

int fence_open_program(int link)
{
	int fd = bpf_prog_get_fd_by_id(program_id(link));

	return fd < 0 ? -errno : fd;
}

static int add_skipped(int program, uint64_t *count)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int err = bpf_obj_get_info_by_fd(program, &info, &size) ? -errno : 0;

	*count += info.recursion_misses;
	return err;
}

/*
 * How often the first @tracers programs on tracepoints were left out since they were loaded: the kernel
 * does so while another process is inside of the same program on the same CPU. Linux 7 runs them with
 * preemption, so that one may be inside for long; before, it does not happen.
 */
static int count_skipped(const struct fence *fence, int tracers, uint64_t *ret_count)
{
	int err = 0;

	*ret_count = 0;
	for (int i = 0; !err && i < tracers; i++)
		err = add_skipped(fence->tracer[i], ret_count);
	return err;
}

int fence_skipped(const struct fence *fence, uint64_t *ret_count)
{
	return count_skipped(fence, FENCE_TRACERS, ret_count);
}

/* --- late tags ------------------------------------------------------------------------------ */

static void forget_orphans(struct fence *fence)
{
	struct process_id id;

	while (!bpf_map_get_next_key(fence->map[MAP_LATE_ORPHANS], NULL, &id))
		if (bpf_map_delete_elem(fence->map[MAP_LATE_ORPHANS], &id))
			break;
}

int fence_late_order(struct fence *fence, const struct late *order)
{
	static const struct late none;
	struct late assigned;
	uint32_t key = 0;

	/* Between two orders nobody notes anything. */
	if (!order || !order->undo) {
		if (bpf_map_update_elem(fence->map[MAP_LATE], &key, &none, BPF_ANY))
			return -errno;
		forget_orphans(fence);
	}
	if (!order)
		return 0;
	assigned = *order;
	assign(fence, &assigned.tag);
	return count_skipped(fence, TRACERS_LATE, &fence->late_skipped) ?:
		bpf_map_update_elem(fence->map[MAP_LATE], &key, &assigned, BPF_ANY) ? -errno : 0;
}

int fence_late_pass(struct fence *fence, struct late *ret_order)
{
	int err = fence_iterate(fence, ITERATOR_LATE, 1, NULL, NULL);
	uint64_t skipped = 0;
	uint32_t key = 0;

	if (!err)
		err = bpf_map_lookup_elem(fence->map[MAP_LATE], &key, ret_order) ? -errno : 0;
	if (!err)
		err = count_skipped(fence, TRACERS_LATE, &skipped);
	if (!err)
		ret_order->missed += skipped - fence->late_skipped;
	return err;
}

static int take_ring(void *ctx, const void *entry)
{
	*(struct late_ring *)ctx = *(const struct late_ring *)entry;
	return 1;
}

int fence_late_ring(struct fence *fence, struct late_ring *ret_ring)
{
	int found = fence_iterate(fence, ITERATOR_FILES, sizeof(*ret_ring), take_ring, ret_ring);

	if (!found)
		found = fence_iterate(fence, ITERATOR_MAPPINGS, sizeof(*ret_ring), take_ring, ret_ring);
	return found < 0 ? found : found ? 0 : -ENOENT;
}

/* --- notes ---------------------------------------------------------------------------------- */

/* Whether the program has dealt with what this process wrote. */
static int note_outcome(const struct fence *fence, uint32_t key, struct notice *notice)
{
	if (bpf_map_lookup_elem(fence->map[MAP_NOTICE], &key, notice))
		return -errno;
	return notice->pending ? -EBUSY : 0;
}

#define NOTE_TRIES 1000			/* a millisecond each */

int fence_note(struct fence *fence, const struct notice_about *about, const void *text, size_t size)
{
	struct notice *notice = calloc(1, sizeof(*notice));
	uint32_t key;
	int err = fence_number(fence, 0, &key);

	if (!notice)
		return -ENOMEM;
	if (size > sizeof(notice->text))
		err = -E2BIG;
	else
		memcpy(notice->text, text, size);
	notice->about = *about;
	if (!err && about->pid)
		err = fence_number(fence, about->pid, &notice->about.pid);
	notice->pending = 1;
	notice->size = size;
	if (!err && bpf_map_update_elem(fence->map[MAP_NOTICE], &key, notice, BPF_ANY))
		err = -errno;
	if (!err) {
		/* In the kernel all buffers may be taken for a moment. */
		for (int i = 0; i < NOTE_TRIES; i++) {
			err = fence_iterate(fence, ITERATOR_NOTE, 1, NULL, NULL) ?: note_outcome(fence, key, notice);
			if (err != -EBUSY)
				break;
			poll(NULL, 0, 1);
		}
		bpf_map_delete_elem(fence->map[MAP_NOTICE], &key);
	}
	free(notice);
	return err;
}

/* --- numbers ------------------------------------------------------------------------------------ */

uint32_t fence_tags_id(const struct fence *fence)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fence->map[MAP_TAGS], &info, &size) ? 0 : info.id;
}

uint32_t fence_program_id(const struct fence *fence)
{
	return program_id(fence->iterator[ITERATOR_TASKS]);
}

/* --- records -------------------------------------------------------------------------------- */

int fence_ring(const struct fence *fence)
{
	return fence->map[MAP_RING];
}

int fence_losses(const struct fence *fence, struct losses *ret_losses)
{
	int err, cpus = libbpf_num_possible_cpus();
	struct losses sum = {}, *each;
	struct duty duty = {};
	uint64_t skipped;
	uint32_t key = 0;

	if (cpus < 0)
		return cpus;
	each = calloc(cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fence->map[MAP_LOSSES], &key, each)) {
		free(each);
		return -errno;
	}
	for (int i = 0; i < cpus; i++) {
		sum.decisions += each[i].decisions;
		sum.lineage += each[i].lineage;
		sum.entries += each[i].entries;
		sum.unrecorded += each[i].unrecorded;
	}
	free(each);
	err = fence_skipped(fence, &skipped) ?: fence_duty(fence, &duty);
	sum.lineage += skipped + duty.skipped;
	*ret_losses = sum;
	return err;
}
