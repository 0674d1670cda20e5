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

#include "../base/options.h"
#include "../base/pid_space.h"
#include "../base/say.h"
#include "../base/text.h"
#include "../fence/fence.h"
#include "../runs/run_id.h"
#include "../runs/tag_names.h"
#include "../upkeep/fence_up.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 'r', "run", "RUN", "only this run, such as 20270331-142355-9f03ac" },
	{ 'j', "json", NULL, "print a JSON array" },
	{},
};

const struct verb ps_verb = {
	.name = "ps",
	.arguments = "[--run RUN] [--json]",
	.help = "Shows the processes that are tagged on the loaded fence, the trees of each run under its name. A\n"
		"process whose parent is not of the run is the root of a tree. In a pid name space of its own, as in a\n"
		"container, it shows those that are in it, by the numbers that they have there; and [names] instead of\n"
		"command lines where /proc shows another one.\n\n"
		"Exit status: 0, also when there are none; 1 when no fence is loaded.",
	.options = options,
};

#define COMMAND_MAX 256			/* bytes of it that are shown */

struct process {
	struct tagged_task task;	/* of the first thread seen */
	size_t threads;
	struct text command;		/* fit for a terminal; ends with 0 */
	bool printed;
};

/* What they are called here, where that is another pid name space than the initial one. */
struct names {
	struct seen_process *list;	/* NULL: as in the initial one */
	size_t count, room;
};

struct processes {
	struct names names;
	bool proc_is_ours;		/* it has our numbers: else those of other processes */
	const char *run;		/* the only one that is meant, or NULL */
	uint64_t run_number;
	struct tag_names tag_names;
	struct process *list;
	size_t count, room;
};

static size_t read_command_line(uint32_t pid, char ret_raw[COMMAND_MAX])
{
	char path[64];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	size = fread(ret_raw, 1, COMMAND_MAX, file);
	fclose(file);
	return size;
}

/* The command line as it is now: for the eye only. The audit log has what was executed. */
static void read_command(const struct processes *processes, struct process *process)
{
	char raw[COMMAND_MAX] = "";
	struct text clean = {};
	size_t size = processes->proc_is_ours ? read_command_line(process->task.process.pid, raw) : 0;

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

static int add_name(void *ctx, const struct seen_process *seen)
{
	struct names *names = ctx;

	if (names->count == names->room) {
		size_t room = names->room * 2 ?: 64;
		struct seen_process *list = reallocarray(names->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		names->list = list;
		names->room = room;
	}
	names->list[names->count++] = *seen;
	return 0;
}

/* By the numbers that /proc has here, and people. Whoever came meanwhile is not shown. */
static bool rename_task(const struct names *names, struct tagged_task *task)
{
	if (!names->list)
		return true;
	for (size_t i = 0; i < names->count; i++) {
		const struct seen_process *seen = &names->list[i];

		if (seen->process.pid == task->process.pid && seen->pid) {
			task->process.pid = seen->pid;
			task->ppid = seen->ppid;
			return true;
		}
	}
	return false;
}

static int add_task(void *ctx, const struct tagged_task *found)
{
	struct processes *processes = ctx;
	struct tagged_task renamed = *found, *task = &renamed;
	struct process *process;

	if (task->tag.flags & TAG_PROBE || (processes->run && task->tag.run != processes->run_number))
		return 0;
	if (!rename_task(&processes->names, task))
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
	read_command(processes, process);
	return 0;
}

static void print_json(struct processes *processes)
{
	json_t *list = json_array();

	for (size_t i = 0; i < processes->count; i++) {
		const struct process *process = &processes->list[i];
		char run[RUN_NAME_SIZE];

		json_array_append_new(list, json_pack("{s:i, s:i, s:s, s:s, s:i, s:s}",
			"pid", process->task.process.pid, "ppid", process->task.ppid,
			"run", run_id_name(process->task.tag.run, run),
			"tag", tag_name(&processes->tag_names, process->task.tag.policy), "threads", (int)process->threads,
			"command", process->command.data ?: ""));
	}
	json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
}

/* --- trees ---------------------------------------------------------------------------------- */

static bool is_child(const struct process *child, const struct process *parent)
{
	return child->task.ppid == parent->task.process.pid && child->task.tag.run == parent->task.tag.run;
}

/* The next child of @parent that is not printed, from @from on; NULL: none. */
static struct process *next_child(struct processes *processes, const struct process *parent,
				  struct process *from)
{
	for (; from < processes->list + processes->count; from++)
		if (!from->printed && is_child(from, parent))
			return from;
	return NULL;
}

static bool is_root(const struct processes *processes, const struct process *process)
{
	for (size_t i = 0; i < processes->count; i++)
		if (is_child(process, &processes->list[i]))
			return false;
	return true;
}

/* @stem is what stands before its children's branches: a line down for each ancestor that has more. */
static void print_tree(struct processes *processes, struct process *process, const char *branch,
		       struct text *stem)
{
	const size_t size = stem->size;
	struct process *child, *next;

	process->printed = true;
	printf("%7u  %.*s%s%s", process->task.process.pid, (int)stem->size, stem->data ?: "", branch,
	       process->command.data ?: "");
	if (process->threads > 1)
		printf(" (%zu threads)", process->threads);
	putchar('\n');
	if (*branch)
		text_append_string(stem, !strcmp(branch, "├─ ") ? "│  " : "   ");
	for (child = next_child(processes, process, processes->list); child; child = next) {
		next = next_child(processes, process, child + 1);
		print_tree(processes, child, next ? "├─ " : "└─ ", stem);
	}
	stem->size = size;
}

/* The run that @first is of, and all its trees. */
static void print_run(struct processes *processes, struct process *first)
{
	uint64_t run = first->task.tag.run;
	struct text stem = {};
	char name[RUN_NAME_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < processes->count; i++)
		count += processes->list[i].task.tag.run == run;
	printf("run %s, tag %s, %zu process%s\n", run_id_name(run, name),
	       tag_name(&processes->tag_names, first->task.tag.policy), count, count == 1 ? "" : "es");
	for (size_t i = 0; i < processes->count; i++) {
		struct process *root = &processes->list[i];

		if (root->task.tag.run == run && !root->printed && is_root(processes, root))
			print_tree(processes, root, "", &stem);
	}
	/* Parents are read one after the other: pids that are used again may make a circle. */
	for (size_t i = 0; i < processes->count; i++)
		if (processes->list[i].task.tag.run == run && !processes->list[i].printed)
			print_tree(processes, &processes->list[i], "", &stem);
	text_free(&stem);
}

static void print_runs(struct processes *processes)
{
	for (size_t i = 0; i < processes->count; i++)
		if (!processes->list[i].printed)
			print_run(processes, &processes->list[i]);
}

static int parse(struct processes *processes, int argc, char **argv, bool *ret_json)
{
	int id;

	while ((id = verb_next(&ps_verb, argc, argv)) != VERB_END) {
		if (id == 'j')
			*ret_json = true;
		else if (id == 'r')
			processes->run = optarg;
		else
			return -EINVAL;
	}
	if (optind != argc)
		return verb_misused(&ps_verb, "%s: no argument expected", argv[optind]);
	if (processes->run && !run_id_parse(processes->run, &processes->run_number))
		return verb_misused(&ps_verb, "\"%s\" is not the name of a run; they look like "
				    "20270331-142355-9f03ac", processes->run);
	return 0;
}

int ps_main(int argc, char **argv)
{
	struct processes processes = {};
	struct fence *fence = NULL;
	bool json = false;
	int err;

	if (parse(&processes, argc, argv, &json) || fence_open_told(&fence))
		return 1;
	processes.tag_names.fence = fence;
	processes.proc_is_ours = pid_space_is_shown();
	fence_tell_view();
	err = pid_space_is_initial() ? 0 : fence_processes(fence, add_name, &processes.names);
	err = err ?: fence_tasks(fence, add_task, &processes);
	if (err)
		say_errno(err, "cannot list the tagged tasks");
	else if (json)
		print_json(&processes);
	else
		print_runs(&processes);
	for (size_t i = 0; i < processes.count; i++)
		text_free(&processes.list[i].command);
	free(processes.list);
	free(processes.names.list);
	fence_close(fence);
	return err ? 1 : 0;
}
