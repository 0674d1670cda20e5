/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../base/peer.h"
#include "../base/pid_space.h"
#include "run_id.h"
#include "runs.h"
#include "tag_names.h"

/* --- opening -------------------------------------------------------------------------------- */

struct runs {
	uint64_t over[RUNS_MAX];	/* that may be closed */
	size_t count;
};

/* What was executed may take a moment until it is tagged, or fails. */
#define ENTERING_NS 5000000000ULL

static uint64_t boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Whether nobody can come into the run any more: its launcher has gone, or it never had one and whoever
 * began it has done so. */
static bool is_closed(const struct fence *fence, uint64_t run, const struct run *account)
{
	if (account->flags & TAG_ENTERED)
		return account->started_ns + ENTERING_NS < boot_ns() && !fence_run_is_open(fence, run);
	return kill(account->pid, 0) && errno == ESRCH;
}

static bool is_over(const struct fence *fence, uint64_t run)
{
	struct run account;
	uint64_t logged;

	if (fence_get_run(fence, run, &account, &logged))
		return false;
	return logged + account.lost >= account.submitted && is_closed(fence, run, &account);
}

/* A run with a task is not over. */
static int drop_live(void *ctx, const struct tagged_task *task)
{
	struct runs *runs = ctx;

	for (size_t i = 0; i < runs->count; i++)
		if (runs->over[i] == task->tag.run)
			runs->over[i] = runs->over[--runs->count];
	return 0;
}

static bool is_entered(const struct fence *fence, uint64_t run)
{
	struct run account;
	uint64_t logged;

	return !fence_get_run(fence, run, &account, &logged) && account.flags & TAG_ENTERED;
}

/* Closes an account. What began without a launcher has nobody else to say that it is over. */
static void close_run(struct fence *fence, uint64_t run)
{
	if (is_entered(fence, run))
		runs_note_end(fence, run, MODE_POLICY, -1, 0);
	fence_end_run(fence, run);
}

static int close_over(struct fence *fence, bool entered_only)
{
	struct runs *runs = calloc(1, sizeof(*runs));
	uint64_t run, *last = NULL;
	int err;

	if (!runs)
		return -ENOMEM;
	while (runs->count < RUNS_MAX && !fence_next_run(fence, last, &run)) {
		last = &run;
		if ((!entered_only || is_entered(fence, run)) && is_over(fence, run))
			runs->over[runs->count++] = run;
	}
	err = runs->count ? fence_tasks(fence, drop_live, runs) : 0;
	for (size_t i = 0; !err && i < runs->count; i++)
		close_run(fence, runs->over[i]);
	free(runs);
	return err;
}

/* Which runs are over can only be told by who sees every process. */
int runs_begin(struct fence *fence, uint64_t run, const struct run *account)
{
	struct run begun = *account;
	int err = fence_number(fence, account->pid, &begun.pid) ?: fence_begin_run(fence, run, &begun);

	if (err != -E2BIG || !pid_space_is_initial())
		return err;
	return close_over(fence, false) ?: fence_begin_run(fence, run, &begun);
}

int runs_sweep(struct fence *fence)
{
	return close_over(fence, true);
}

/* --- lines in the log ----------------------------------------------------------------------- */

int runs_note_begin(struct fence *fence, const struct tag *tag, pid_t pid, const struct facts *facts,
		    const struct run_starter *starter)
{
	struct notice_about about = {
		.run = tag->run,
		.policy = tag->policy,
		.pid = pid,
		.rule = RULE_BEGIN,
		.verdict = VERDICT_ALLOW,
	};
	struct ruleset *image = NULL;
	struct text text = { 0 };
	int err = fence_get_ruleset(fence, tag->policy, &image);

	if (!err)
		err = run_note_begin(&text, image, tag->mode, facts, starter);
	if (!err) {
		about.generation = image->generation;
		about.mode = tag->mode == MODE_POLICY ? image->mode : tag->mode;
		err = fence_note(fence, &about, text.data, text.size);
	}
	text_free(&text);
	free(image);
	return err;
}

int runs_note_end(struct fence *fence, uint64_t run, enum mode mode, int status, size_t outlived_by)
{
	struct notice_about about = { .run = run, .rule = RULE_END, .verdict = VERDICT_ALLOW, .mode = mode };
	struct text text = { 0 };
	struct ruleset header;
	struct run account;
	uint64_t logged;
	int err = fence_get_run(fence, run, &account, &logged) ?:
		run_note_end(&text, &account, status, outlived_by);

	if (!err && !fence_get_header(fence, account.policy, &header)) {
		about.generation = header.generation;
		about.mode = mode == MODE_POLICY ? header.mode : mode;
	}
	if (!err) {
		about.policy = account.policy;
		err = fence_note(fence, &about, text.data, text.size);
	}
	text_free(&text);
	return err;
}

/* --- telling -------------------------------------------------------------------------------- */

struct listed {
	uint64_t run;
	struct run account;
	uint64_t logged;
	size_t tasks;
	bool launcher_seen;
};

struct list {
	struct listed *runs;		/* by number, and so by time */
	size_t count;
};

static int by_run(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->run < y->run ? -1 : x->run > y->run;
}

static int count_task(void *ctx, const struct tagged_task *task)
{
	struct list *list = ctx;
	struct listed key = { .run = task->tag.run };
	struct listed *found = bsearch(&key, list->runs, list->count, sizeof(key), by_run);

	if (found)
		found->tasks++;
	return 0;
}

/* Those launchers that are seen from a pid name space that is not the initial one. */
static int find_launcher(void *ctx, const struct seen_process *process)
{
	struct list *list = ctx;

	for (size_t i = 0; i < list->count; i++)
		if (list->runs[i].account.pid == process->process.pid)
			list->runs[i].launcher_seen |=
				process->process.start_ns <= list->runs[i].account.started_ns;
	return 0;
}

/* Probes have accounts, too, and ringfence release. */
static int read_runs(const struct fence *fence, struct list *list)
{
	uint64_t run, *last = NULL;

	list->runs = calloc(RUNS_MAX, sizeof(*list->runs));
	if (!list->runs)
		return -ENOMEM;
	while (list->count < RUNS_MAX && !fence_next_run(fence, last, &run)) {
		struct listed *listed = &list->runs[list->count];

		last = &run;
		listed->run = run;
		if (!fence_get_run(fence, run, &listed->account, &listed->logged) &&
		    !(listed->account.flags & TAG_PROBE))
			list->count++;
	}
	qsort(list->runs, list->count, sizeof(*list->runs), by_run);
	return fence_tasks(fence, count_task, list) ?:
		(pid_space_is_initial() ? 0 : fence_processes(fence, find_launcher, list));
}

/* The pid may be another's by now: that one began after the run. */
static bool launcher_alive(const struct run *account)
{
	char path[32], text[1024];
	unsigned long long ticks;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", account->pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	ticks = peer_start_ticks(text);
	return ticks && ticks <= account->started_ns / KEEPER_TICK_NS;
}

static void write_started(const struct run *account, char *ret_text, size_t size)
{
	struct timespec real, boot;
	struct tm tm;
	time_t time;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	time = real.tv_sec - boot.tv_sec + (time_t)(account->started_ns / 1000000000);
	strftime(ret_text, size, "%FT%TZ", gmtime_r(&time, &tm));
}

static json_t *describe_launcher(const struct listed *listed)
{
	if (pid_space_is_initial())
		return json_boolean(launcher_alive(&listed->account));
	return listed->launcher_seen ? json_true() : json_null();
}

static json_t *describe(const struct listed *listed, struct tag_names *names)
{
	const struct run *account = &listed->account;
	char name[RUN_NAME_SIZE], started[32];

	write_started(account, started, sizeof(started));
	return json_pack("{s:s, s:s, s:i, s:s, s:i, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}",
			 "run", run_id_name(listed->run, name),
			 "tag", tag_name(names, account->policy), "policy", account->policy,
			 "started", started,
			 "launcher", account->pid, "launcher_alive", describe_launcher(listed),
			 "entered", (account->flags & TAG_ENTERED) != 0,
			 "tasks", (json_int_t)listed->tasks,
			 "denied", (json_int_t)account->denied, "audited", (json_int_t)account->audited,
			 "allowed", (json_int_t)account->allowed, "repeated", (json_int_t)account->repeated,
			 "submitted", (json_int_t)account->submitted,
			 "logged", (json_int_t)listed->logged, "lost", (json_int_t)account->lost,
			 "unrecorded", (json_int_t)account->unrecorded,
			 "refused_forks", (json_int_t)account->refused_forks,
			 "released", (account->flags & TAG_RELEASED) != 0);
}

json_t *runs_describe(const struct fence *fence)
{
	struct tag_names *names = calloc(1, sizeof(*names));
	struct list list = {};
	json_t *described = NULL;

	if (names && !read_runs(fence, &list)) {
		names->fence = fence;
		described = json_array();
		for (size_t i = 0; i < list.count; i++)
			json_array_append_new(described, describe(&list.runs[i], names));
	}
	free(list.runs);
	free(names);
	return described;
}
