/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence ps: the tagged processes, as trees.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fence.h"
#include "fence_up.h"
#include "options.h"
#include "run_id.h"
#include "say.h"
#include "text.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 'j', "json", NULL, "print a JSON array" },
	{},
};

const struct verb ps_verb = {
	.name = "ps",
	.arguments = "[--json]",
	.help = "Shows the processes that are tagged on the loaded fence, each tree under its run.\n\n"
		"Exit status: 0, also when there are none; 1 when no fence is loaded.",
	.options = options,
};

#define COMMAND_MAX 256			/* bytes of it that are shown */

struct process {
	struct tagged_task task;	/* of the first thread seen */
	size_t threads;
	struct text command;		/* fit for a terminal; ends with 0 */
	char tag_name[TAG_NAME_MAX];
	bool printed;
};

struct processes {
	const struct fence *fence;
	struct process *list;
	size_t count, room;
};

/* The command line as it is now: for the eye only. The audit log has what was executed. */
static void read_command(struct process *process)
{
	char path[64], raw[COMMAND_MAX] = "";
	struct text clean = {};
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", process->task.process.pid);
	file = fopen(path, "re");
	if (file) {
		size = fread(raw, 1, sizeof(raw), file);
		fclose(file);
	}
	while (size && !raw[size - 1])
		size--;
	if (!size)
		size = snprintf(raw, sizeof(raw), "[%.16s]", process->task.comm);
	for (size_t i = 0; i < size; i++)
		raw[i] = raw[i] ?: ' ';
	text_clean(&clean, raw, size);
	text_printable(&process->command, clean.data, clean.size);
	text_append(&process->command, "", 1);
	text_free(&clean);
}

static int add_task(void *ctx, const struct tagged_task *task)
{
	struct processes *processes = ctx;
	struct process *process;
	struct ruleset header;

	if (task->tag.flags & TAG_PROBE)
		return 0;
	for (size_t i = processes->count; i-- > 0;)
		if (processes->list[i].task.process.pid == task->process.pid) {
			processes->list[i].threads++;
			return 0;
		}
	if (processes->count == processes->room) {
		size_t room = processes->room * 2 ?: 64;

		process = reallocarray(processes->list, room, sizeof(*process));
		if (!process)
			return -ENOMEM;
		processes->list = process;
		processes->room = room;
	}
	process = &processes->list[processes->count++];
	*process = (struct process){ .task = *task, .threads = 1 };
	read_command(process);
	if (!fence_get_header(processes->fence, task->tag.policy, &header))
		snprintf(process->tag_name, sizeof(process->tag_name), "%s", header.tag);
	return 0;
}

static void print_json(const struct processes *processes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < processes->count; i++) {
		const struct process *process = &processes->list[i];
		char run[RUN_NAME_SIZE];

		json_array_append_new(list, json_pack("{s:i, s:i, s:s, s:s, s:i, s:s}",
			"pid", process->task.process.pid, "ppid", process->task.ppid,
			"run", run_id_name(process->task.tag.run, run),
			"tag", process->tag_name, "threads", (int)process->threads,
			"command", process->command.data ?: ""));
	}
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}

static void print_tree(struct processes *processes, struct process *process, int depth)
{
	process->printed = true;
	printf("%7u %*s%s", process->task.process.pid, 2 * depth, "",
	       process->command.data ?: "");
	if (process->threads > 1)
		printf(" (%zu threads)", process->threads);
	putchar('\n');
	for (size_t i = 0; i < processes->count; i++)
		if (!processes->list[i].printed &&
		    processes->list[i].task.ppid == process->task.process.pid)
			print_tree(processes, &processes->list[i], depth + 1);
}

static bool has_parent(const struct processes *processes, const struct process *process)
{
	for (size_t i = 0; i < processes->count; i++)
		if (processes->list[i].task.process.pid == process->task.ppid)
			return true;
	return false;
}

static void print_trees(struct processes *processes)
{
	uint64_t run = 0;

	for (size_t i = 0; i < processes->count; i++) {
		struct process *root = &processes->list[i];
		char name[RUN_NAME_SIZE];

		if (root->printed || has_parent(processes, root))
			continue;
		if (root->task.tag.run != run)
			printf("run %s, tag %s\n", run_id_name(root->task.tag.run, name),
			       root->tag_name);
		run = root->task.tag.run;
		print_tree(processes, root, 0);
	}
}

int ps_main(int argc, char **argv)
{
	struct processes processes = {};
	struct fence *fence = NULL;
	int id, err, json = 0;

	while ((id = verb_next(&ps_verb, argc, argv)) != VERB_END) {
		if (id != 'j')
			return 1;
		json = 1;
	}
	if (optind != argc)
		return verb_misused(&ps_verb, "%s: no argument expected", argv[optind]), 1;
	if (fence_open_told(&fence))
		return 1;
	processes.fence = fence;
	err = fence_tasks(fence, add_task, &processes);
	if (err)
		say_errno(err, "cannot list the tagged tasks");
	else if (json)
		print_json(&processes);
	else
		print_trees(&processes);
	for (size_t i = 0; i < processes.count; i++)
		text_free(&processes.list[i].command);
	free(processes.list);
	fence_close(fence);
	return err ? 1 : 0;
}
