/* SPDX-License-Identifier: BSD-2-Clause */
#include "lineage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"

#define BUCKETS 16384			/* four processes each when the table is full */
#define LAUNCHER_COMM "ringfence"	/* what the root of a run is called until its exec */

struct lineage {
	size_t process_max, byte_max;
	size_t process_count, byte_count;
	struct lineage_process *oldest, *newest;	/* by when they were last heard of */
	struct lineage_process *buckets[BUCKETS];
};

static bool same_process(const struct process_id *a, const struct process_id *b)
{
	return a->pid == b->pid && a->start_ns == b->start_ns;
}

/* --- images ------------------------------------------------------------------------------- */

static struct lineage_image *image_ref(struct lineage_image *image)
{
	if (image)
		image->refs++;
	return image;
}

static void image_unref(struct lineage *lineage, struct lineage_image *image)
{
	if (!image || --image->refs)
		return;
	lineage->byte_count -= sizeof(*image) + image->size;
	free(image);
}

static int image_new(struct lineage *lineage, const struct record *record,
		     struct lineage_image **ret_image)
{
	size_t name = strnlen(record->text, record->text_size);
	size_t args = name < record->text_size ? name + 1 : name;
	bool cut = record->flags & RECORD_TRUNCATED;
	struct lineage_image *image;
	unsigned int flags, count;
	struct text text = { 0 };

	flags = text_clean(&text, record->text, name);
	text_append(&text, "", 1);
	name = text.size;
	flags |= text_argv(&text, record->text + args, record->text_size - args, cut, &count);
	image = text.failed ? NULL : malloc(sizeof(*image) + text.size);
	if (!image) {
		text_free(&text);
		return -ENOMEM;
	}
	*image = (struct lineage_image){
		.refs = 1,
		.text_flags = flags,
		.cut = cut,
		.unreadable = record->flags & RECORD_UNREADABLE,
		.arg_count = count,
		.args = name,
		.size = text.size,
	};
	memcpy(image->text, text.data, text.size);
	text_free(&text);
	lineage->byte_count += sizeof(*image) + image->size;
	*ret_image = image;
	return 0;
}

/* --- the table ---------------------------------------------------------------------------- */

/* By pid alone: of two processes with the same pid the older one is gone. */
static struct lineage_process **bucket_of(struct lineage *lineage, uint32_t pid)
{
	return &lineage->buckets[(pid * UINT32_C(2654435761) >> 8) % BUCKETS];
}

static void process_unlink(struct lineage *lineage, struct lineage_process *process)
{
	if (process->older)
		process->older->newer = process->newer;
	else
		lineage->oldest = process->newer;
	if (process->newer)
		process->newer->older = process->older;
	else
		lineage->newest = process->older;
}

static void process_link(struct lineage *lineage, struct lineage_process *process)
{
	process->newer = NULL;
	process->older = lineage->newest;
	if (lineage->newest)
		lineage->newest->newer = process;
	else
		lineage->oldest = process;
	lineage->newest = process;
}

static void process_drop(struct lineage *lineage, struct lineage_process *process)
{
	struct lineage_process **link = bucket_of(lineage, process->id.pid);

	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	process_unlink(lineage, process);
	for (unsigned int i = 0; i < process->ancestor_count; i++)
		image_unref(lineage, process->ancestors[i].image);
	image_unref(lineage, process->image);
	free(process);
	lineage->process_count--;
}

/* The process of that pid, whenever it began, or NULL. */
static struct lineage_process *process_of_pid(struct lineage *lineage, uint32_t pid)
{
	struct lineage_process *process = *bucket_of(lineage, pid);

	while (process && process->id.pid != pid)
		process = process->next;
	return process;
}

static struct lineage_process *process_find(struct lineage *lineage, const struct process_id *id)
{
	struct lineage_process *process = process_of_pid(lineage, id->pid);

	if (!process || !same_process(&process->id, id))
		return NULL;
	process_unlink(lineage, process);
	process_link(lineage, process);
	return process;
}

static struct lineage_process *process_new(struct lineage *lineage, const struct process_id *id)
{
	struct lineage_process *process = process_of_pid(lineage, id->pid), **bucket;

	/* Its exit was lost. */
	if (process)
		process_drop(lineage, process);
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->id = *id;
	bucket = bucket_of(lineage, id->pid);
	process->next = *bucket;
	*bucket = process;
	process_link(lineage, process);
	lineage->process_count++;
	return process;
}

/* Forgets what was not heard of for the longest time, but never @keep. */
static void table_limit(struct lineage *lineage, const struct lineage_process *keep)
{
	while ((lineage->process_count > lineage->process_max ||
		lineage->byte_count > lineage->byte_max) &&
	       lineage->oldest && lineage->oldest != keep)
		process_drop(lineage, lineage->oldest);
}

/* --- records ------------------------------------------------------------------------------ */

/* @child begins life as a copy of @parent. */
static void inherit(struct lineage_process *child, const struct lineage_process *parent)
{
	unsigned int count = parent->ancestor_count;

	child->gap = parent->gap;
	child->deeper = parent->deeper || count == LINEAGE_DEPTH;
	if (count == LINEAGE_DEPTH)
		count--;
	child->ancestors[0] = (struct lineage_ancestor){
		.id = parent->id,
		.image = image_ref(parent->image),
	};
	for (unsigned int i = 0; i < count; i++) {
		child->ancestors[i + 1] = parent->ancestors[i];
		image_ref(parent->ancestors[i].image);
	}
	child->ancestor_count = count + 1;
}

/* A process that no fork told of. Unless it turns out to be a root, its records were lost, and the
 * parent it has now is the best guess, @parent (NULL: none to guess from). */
static struct lineage_process *process_guess(struct lineage *lineage, const struct process_id *id,
					     const struct process_id *parent)
{
	struct lineage_process *process = process_new(lineage, id);
	const struct lineage_process *known;

	if (!process)
		return NULL;
	known = parent ? process_find(lineage, parent) : NULL;
	if (known && known != process)
		inherit(process, known);
	process->gap = true;
	return process;
}

static int take_fork(struct lineage *lineage, const struct record *record,
		     struct lineage_process **ret_process)
{
	struct lineage_process *child, *parent = process_find(lineage, &record->parent);

	if (!parent)
		parent = process_guess(lineage, &record->parent, NULL);
	if (!parent)
		return -ENOMEM;
	if (record->process.pid == parent->id.pid)
		return 0;
	child = process_new(lineage, &record->process);
	if (!child)
		return -ENOMEM;
	inherit(child, parent);
	child->image = image_ref(parent->image);
	*ret_process = child;
	return 0;
}

static int take_exec(struct lineage *lineage, const struct record *record,
		     struct lineage_process *process)
{
	struct lineage_image *image;
	int r = image_new(lineage, record, &image);

	if (r < 0)
		return r;
	image_unref(lineage, process->image);
	process->image = image;
	return 0;
}

/* Is there no image because there was no exec yet? After an exec whose record was lost, or went to
 * an earlier collector, the root is no longer called what the launcher is. */
static bool is_before_exec(const struct record *record, const struct lineage_process *process)
{
	return !process->image && record->flags & RECORD_ROOT &&
	       !strncmp(record->comm, LAUNCHER_COMM, sizeof(record->comm));
}

/* A decision about a process, or its exec. */
static int take_act(struct lineage *lineage, const struct record *record,
		    struct lineage_process **ret_process)
{
	struct lineage_process *process = process_find(lineage, &record->process);
	int r = 0;

	if (!process)
		process = process_guess(lineage, &record->process, &record->parent);
	if (!process)
		return -ENOMEM;
	/* A root has nobody above it who could be missing. (A child that takes the launcher for its
	 * parent by CLONE_PARENT is no root: its fork told who its ancestors are.) */
	if (record->flags & RECORD_ROOT && !process->ancestor_count)
		process->gap = false;
	if (record->kind == RECORD_EXEC)
		r = take_exec(lineage, record, process);
	process->before_exec = is_before_exec(record, process);
	*ret_process = process;
	return r;
}

int lineage_take(struct lineage *lineage, const struct record *record,
		 const struct lineage_process **ret_process)
{
	struct lineage_process *process = NULL;
	int r = 0;

	if (record->kind == RECORD_FORK) {
		r = take_fork(lineage, record, &process);
	} else if (record->kind == RECORD_EXIT) {
		process = process_find(lineage, &record->process);
		if (process)
			process_drop(lineage, process);
		process = NULL;
	} else {
		r = take_act(lineage, record, &process);
	}
	if (r < 0)
		return r;
	table_limit(lineage, process);
	if (ret_process)
		*ret_process = process;
	return 0;
}

bool lineage_incomplete(const struct lineage_process *process)
{
	if (process->gap || (!process->image && !process->before_exec) ||
	    (process->image && process->image->unreadable))
		return true;
	for (unsigned int i = 0; i < process->ancestor_count; i++)
		if (!process->ancestors[i].image || process->ancestors[i].image->unreadable)
			return true;
	return false;
}

uint64_t lineage_start(struct lineage *lineage, uint32_t pid, unsigned long long ticks)
{
	const struct lineage_process *process = process_of_pid(lineage, pid);

	return process && process->id.start_ns / KEEPER_TICK_NS == ticks ? process->id.start_ns : 0;
}

size_t lineage_processes(const struct lineage *lineage)
{
	return lineage->process_count;
}

size_t lineage_bytes(const struct lineage *lineage)
{
	return lineage->byte_count;
}

int lineage_new(size_t process_max, size_t byte_max, struct lineage **ret_lineage)
{
	struct lineage *lineage = calloc(1, sizeof(*lineage));

	if (!lineage)
		return -ENOMEM;
	lineage->process_max = process_max;
	lineage->byte_max = byte_max;
	*ret_lineage = lineage;
	return 0;
}

void lineage_free(struct lineage *lineage)
{
	if (!lineage)
		return;
	while (lineage->oldest)
		process_drop(lineage, lineage->oldest);
	free(lineage);
}
