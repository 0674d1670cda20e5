/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the soaks share. They are one static program, `soak`, that runs inside a guest where the fence
 * is loaded, and does for long, and under load, what selftests/hooks does once:
 *
 *	main.c		its verbs; the plan: the name of every soak
 *	crowd.c		what runs tagged: many processes that try a denied thing; its far side
 *	forks.c		every kind of fork; a fork bomb under pids.max; forks without memory for a tag
 *	late.c		`ringfence tag` on a tree that forks while it is tagged
 *	records.c	a reader that stands still: what is lost is counted
 *	swaps.c		policies swapped, and processes of ringfence killed, under load
 *
 * The denied thing is a datagram to a server that is not tagged. Every member of a crowd sends one as
 * the first thing it does: whose datagram leaves is an escape, and the server sees it as well.
 */
#pragma once

#include <stdatomic.h>

#include "../hooks/hooks.h"

#define TAG		"soak"
#define MAIN_LOG	"/var/log/ringfence/audit.jsonl"

/* How a member of a crowd came to be. */
enum kind {
	KIND_FORK,
	KIND_VFORK,
	KIND_CLONE3,
	KIND_THREAD,
	KIND_DOUBLE,			/* the child of a child that ends at once */
	KINDS
};

/* What became of attempts. */
struct tally {
	atomic_ulong made;		/* members that came to be, each of which makes an attempt */
	atomic_ulong failed;		/* forks that failed */
	atomic_ulong denied, through;
	atomic_ulong odd;		/* attempts with another error */
	int odd_errno;
};

/* Memory that a whole crowd and the tester share, under a name, for those that execute it anew. */
struct shared {
	struct tally kind[KINDS];
	atomic_ulong claimed;		/* of @limit forks, those that are begun */
	unsigned long limit;
	atomic_int calm;		/* microseconds between two attempts */
	atomic_int stop;
	/* Late tags. */
	atomic_int ordered, tagged;	/* `ringfence tag` has been started; has said that it succeeded */
	atomic_ulong survivors[KINDS];	/* attempts that succeeded although they began after that */
	atomic_int members;		/* of member_main() */
	atomic_int step, met;		/* of a single member: what it has done, and what it met */
};
extern struct shared *shared;

/* --- crowd.c -------------------------------------------------------------------------------- */

/* Makes the shared memory and the server. Returns false where that fails. */
bool crowd_prepare(struct why *why);
/* In a program that was executed anew: finds them. */
bool crowd_join(void);
/* Forgets all counts, and what the server heard. */
void crowd_reset(void);
/* How many datagrams the server got since it was last asked; and how many of them from attempts that
 * began after @shared->tagged. */
unsigned long crowd_heard(void);
unsigned long crowd_heard_tagged(void);

/* The sum of @shared->kind. */
struct sum {
	unsigned long made, failed, denied, through, odd;
	int odd_errno;
};
struct sum crowd_sum(void);
/* Whether every member was denied, and the server heard nothing. */
bool crowd_all_denied(struct why *why);

/* One attempt by whoever calls it. Returns 0 or -errno. */
int crowd_attempt(enum kind kind);
/* Attempts until @shared->stop, each counted as a member. */
void crowd_talk(enum kind kind);
/* One child of each kind, which makes an attempt; those that have ended are waited for. */
void crowd_fork_each(void);

/* Starts @main in a new process, which waits to be let go. */
struct crowd {
	pid_t pid;
	int go;
	char run[64];			/* once it is tagged */
};
bool crowd_start(struct crowd *crowd, void (*main)(void), struct why *why);
void crowd_go(struct crowd *crowd);
/* Tags it by `ringfence tag`, with its tree. */
bool crowd_tag(struct crowd *crowd, struct why *why);
/* Starts it, tags it, and lets it go. */
bool crowd_start_tagged(struct crowd *crowd, void (*main)(void), struct why *why);
/* Waits for its end; after @timeout_ms it is killed, and that is a failure. What it left behind is
 * killed in any case. */
bool crowd_end(struct crowd *crowd, int64_t timeout_ms, struct why *why);

/* Waits until the condition holds, no longer than WAIT_MS. */
#define crowd_wait(condition) ({ \
	int64_t end_ = now_ms() + WAIT_MS; \
	while (!(condition) && now_ms() < end_) \
		pause_briefly(); \
	(condition); \
})

/* --- main.c --------------------------------------------------------------------------------- */

/* A number that can be set from outside: SOAK_FORKS and the like. */
unsigned long soak_number(const char *name, unsigned long otherwise);

#define FIGURES_SIZE 256
struct soak {
	const char *name;
	/* Fills in the figures, for the table, as far as it came. */
	bool (*run)(char ret_figures[FIGURES_SIZE], struct why *why);
};

/* An object of `ringfence status --json`; to be released. NULL: it failed. */
json_t *soak_status(void);
/* The account of a run: submitted, logged, lost, refused_forks ...; all 0 where there is none. */
struct account {
	long long submitted, logged, lost, refused_forks;
};
struct account soak_account(const char *run);
/* Writes the policy that denies the attempt with that errno, or allows it for "", and applies it. */
bool soak_policy(const char *err, struct why *why);
/* Writes the same to a file. */
void soak_policy_write(const char *path, const char *err);
/* Starts `ringfence daemon`, and waits until it collects. Its log is not rotated: soaks make it empty. */
bool soak_daemon_start(struct background *daemon, struct why *why);
/* Makes the audit log empty, so that it fits the guest. */
void soak_forget_log(void);

/* --- the soaks ------------------------------------------------------------------------------ */

bool soak_forks(char ret_figures[FIGURES_SIZE], struct why *why);
bool soak_bomb(char ret_figures[FIGURES_SIZE], struct why *why);
bool soak_memory(char ret_figures[FIGURES_SIZE], struct why *why);
bool soak_late(char ret_figures[FIGURES_SIZE], struct why *why);
bool soak_stalled(char ret_figures[FIGURES_SIZE], struct why *why);
bool soak_swaps(char ret_figures[FIGURES_SIZE], struct why *why);
bool soak_connection(char ret_figures[FIGURES_SIZE], struct why *why);
/* What soak_swaps has `ringfence run` start: a member until all is to stop. */
int member_main(void);
