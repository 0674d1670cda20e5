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

/* What was executed may take a moment until it is tagged, or fails. */
#define ENTERING_NS 5000000000ULL

/* Accounts of runs that are over and have records that wait for a log that takes none: without an end to it they
 * would take the places of runs to come. The records stand in the log later all the same, or among what was lost. */
#define WAITING_MAX 1024

struct ended {
	uint64_t run;			/* the first member: by_number() */
	bool live;
	bool waiting;			/* the log does not have all its records */
};

struct sweep {
	struct fence *fence;
	bool entered_only;
	uint64_t now_ns;
	struct ended runs[RUNS_MAX];	/* that nobody can come into any more, by number, and so by time */
	size_t count;
	uint64_t *open;			/* by number: begun without a launcher, and somebody may come in */
	size_t open_count, open_room;
};

static uint64_t boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int take_open(void *ctx, uint64_t run)
{
	struct sweep *sweep = ctx;

	if (sweep->open_count == sweep->open_room) {
		size_t room = sweep->open_room * 2 ?: 256;
		uint64_t *open = reallocarray(sweep->open, room, sizeof(*open));

		if (!open)
			return -ENOMEM;
		sweep->open = open;
		sweep->open_room = room;
	}
	sweep->open[sweep->open_count++] = run;
	return 0;
}

static bool is_open(const struct sweep *sweep, uint64_t run)
{
	return sweep->open_count &&
	       bsearch(&run, sweep->open, sweep->open_count, sizeof(*sweep->open), by_number);
}

/* Whether nobody can come into the run any more: its launcher has gone, or it never had one and whoever
 * began it has done so. */
static bool is_closed(const struct sweep *sweep, uint64_t run, const struct run *account)
{
	if (account->flags & TAG_ENTERED)
		return account->started_ns + ENTERING_NS < sweep->now_ns && !is_open(sweep, run);
	return !sweep->entered_only && kill(account->pid, 0) && errno == ESRCH;
}

static int take_account(void *ctx, uint64_t run, const struct run *account)
{
	struct sweep *sweep = ctx;

	if (sweep->count < RUNS_MAX && is_closed(sweep, run, account))
		sweep->runs[sweep->count++] = (struct ended){ .run = run };
	return 0;
}

/* A run with a task is not over. */
static int mark_live(void *ctx, const struct tagged_task *task)
{
	struct sweep *sweep = ctx;
	struct ended *found = bsearch(&task->tag.run, sweep->runs, sweep->count, sizeof(*found), by_number);

	if (found)
		found->live = true;
	return 0;
}

/* What is open first: what is begun meanwhile is too young to be over. */
static int find_ended(struct sweep *sweep)
{
	int err = fence_open_runs(sweep->fence, take_open, sweep);

	if (sweep->open_count)
		qsort(sweep->open, sweep->open_count, sizeof(*sweep->open), by_number);
	err = err ?: fence_runs(sweep->fence, take_account, sweep);
	qsort(sweep->runs, sweep->count, sizeof(*sweep->runs), by_number);
	return err || !sweep->count ? err : fence_tasks(sweep->fence, mark_live, sweep);
}

/* Closes an account. What began without a launcher has nobody else to say that it is over. */
static void close_run(struct fence *fence, uint64_t run, const struct run *account)
{
	if (account->flags & TAG_ENTERED)
		runs_note_end(fence, run, -1, 0);
	fence_end_run(fence, run);
}

/* Closes those that are over and logged. Returns how many wait for the log. */
static size_t close_logged(struct sweep *sweep)
{
	size_t waiting = 0;

	for (size_t i = 0; i < sweep->count; i++) {
		struct ended *ended = &sweep->runs[i];
		struct run account;
		uint64_t logged;

		if (ended->live || fence_get_run(sweep->fence, ended->run, &account, &logged))
			continue;
		ended->waiting = logged + account.lost < account.submitted;
		if (!ended->waiting)
			close_run(sweep->fence, ended->run, &account);
		waiting += ended->waiting;
	}
	return waiting;
}

/* The oldest go first. */
static void close_waiting(struct sweep *sweep, size_t waiting)
{
	for (size_t i = 0; i < sweep->count && waiting > WAITING_MAX; i++) {
		struct run account;
		uint64_t logged;

		if (!sweep->runs[i].waiting)
			continue;
		waiting--;
		if (!fence_get_run(sweep->fence, sweep->runs[i].run, &account, &logged))
			close_run(sweep->fence, sweep->runs[i].run, &account);
	}
}

static int close_over(struct fence *fence, bool entered_only)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));
	int err;

	if (!sweep)
		return -ENOMEM;
	sweep->fence = fence;
	sweep->entered_only = entered_only;
	sweep->now_ns = boot_ns();
	err = find_ended(sweep);
	if (!err)
		close_waiting(sweep, close_logged(sweep));
	free(sweep->open);
	free(sweep);
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

uint32_t runs_mode_flags(enum mode mode)
{
	return mode == MODE_AUDIT ? TAG_AUDIT : mode == MODE_ENFORCE ? TAG_ENFORCE : 0;
}

enum mode runs_mode(const struct run *account, const struct ruleset *policy)
{
	return account->flags & TAG_AUDIT ? MODE_AUDIT : account->flags & TAG_ENFORCE ? MODE_ENFORCE :
		(enum mode)policy->mode;
}

int runs_note_end(struct fence *fence, uint64_t run, int status, size_t outlived_by)
{
	struct notice_about about = { .run = run, .rule = RULE_END, .verdict = VERDICT_ALLOW };
	struct text text = { 0 };
	struct ruleset header;
	struct run account;
	uint64_t logged;
	int err = fence_get_run(fence, run, &account, &logged) ?:
		run_note_end(&text, &account, status, outlived_by);

	if (!err && !fence_get_header(fence, account.policy, &header)) {
		about.generation = header.generation;
		about.mode = runs_mode(&account, &header);
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
	uint64_t run;			/* the first member: by_number() */
	struct run account;
	uint64_t logged;
	size_t tasks;
	bool launcher_seen;
};

struct list {
	struct listed *runs;		/* by number, and so by time */
	size_t count;
};

static int count_task(void *ctx, const struct tagged_task *task)
{
	struct list *list = ctx;
	struct listed key = { .run = task->tag.run };
	struct listed *found = bsearch(&key, list->runs, list->count, sizeof(key), by_number);

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
static int list_run(void *ctx, uint64_t run, const struct run *account)
{
	struct list *list = ctx;

	if (list->count < RUNS_MAX && !(account->flags & TAG_PROBE))
		list->runs[list->count++] = (struct listed){ .run = run, .account = *account };
	return 0;
}

static int read_runs(const struct fence *fence, struct list *list)
{
	int err;

	list->runs = calloc(RUNS_MAX, sizeof(*list->runs));
	if (!list->runs)
		return -ENOMEM;
	err = fence_runs(fence, list_run, list);
	if (err)
		return err;
	/* Together, so that what is logged meanwhile is not more than was submitted. */
	for (size_t i = 0; i < list->count; i++)
		fence_get_run(fence, list->runs[i].run, &list->runs[i].account, &list->runs[i].logged);
	qsort(list->runs, list->count, sizeof(*list->runs), by_number);
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

/* NULL where its policy is not in force any more. */
static const char *mode_of(const struct fence *fence, const struct run *account)
{
	struct ruleset policy;

	if (fence_get_header(fence, account->policy, &policy))
		return NULL;
	return runs_mode(account, &policy) == MODE_ENFORCE ? "enforce" : "audit";
}

static json_t *describe(const struct fence *fence, const struct listed *listed, struct tag_names *names)
{
	const struct run *account = &listed->account;
	char name[RUN_NAME_SIZE], started[32];

	write_started(account, started, sizeof(started));
	return json_pack("{s:s, s:s, s:i, s:s, s:i, s:o, s:b, s:I, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}",
			 "run", run_id_name(listed->run, name),
			 "tag", tag_name(names, account->policy), "policy", account->policy,
			 "started", started,
			 "launcher", account->pid, "launcher_alive", describe_launcher(listed),
			 "entered", (account->flags & TAG_ENTERED) != 0,
			 "tasks", (json_int_t)listed->tasks, "mode", mode_of(fence, account),
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
			json_array_append_new(described, describe(fence, &list.runs[i], names));
	}
	free(list.runs);
	free(names);
	return described;
}
