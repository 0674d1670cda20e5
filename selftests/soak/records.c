/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records at the highest rate there is, and a daemon that stands still meanwhile: what does not fit is
 * counted, to the last one, and no verdict changes.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

#define SPEAKERS 2			/* processes that do nothing but try */
#define LOST 1000			/* records, before the daemon may go on */

static void speakers(void)
{
	for (int i = 0; i < SPEAKERS; i++)
		if (!fork()) {
			crowd_talk(KIND_FORK);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
}

/* How many lines the log has of a run. */
static long long lines_of(const char *run)
{
	static char line[128 * 1024];
	FILE *log = fopen(MAIN_LOG, "re");
	long long count = 0;
	char text[96];

	snprintf(text, sizeof(text), "\"run\":\"%s\"", run);
	while (log && fgets(line, sizeof(line), log))
		count += strstr(line, text) != NULL;
	if (log)
		fclose(log);
	return count;
}

/* Waits until every record is logged or lost, for as long as more of them are logged. */
static bool settle(const char *run, struct account *ret_account)
{
	struct account *account = ret_account;
	long long logged = -1;

	*account = soak_account(run);
	while (account->logged + account->lost != account->submitted && account->logged != logged) {
		logged = account->logged;
		(void)crowd_wait((*account = soak_account(run), account->logged > logged));
	}
	return account->logged + account->lost == account->submitted;
}

/* The daemon is stopped until records are lost, and goes on until it has logged more. */
static bool stall(const struct background *daemon, const char *run, struct why *why)
{
	long long logged;

	if (!crowd_wait(soak_account(run).logged > 0))
		return fail(why, "nothing is logged");
	kill(daemon->pid, SIGSTOP);
	if (!crowd_wait(soak_account(run).lost > LOST))
		return fail(why, "the ring never filled up");
	kill(daemon->pid, SIGCONT);
	logged = soak_account(run).logged;
	return crowd_wait(soak_account(run).logged > logged) ||
		fail(why, "nothing more is logged");
}

/* What was submitted, logged, lost and written agrees with what was tried. */
static bool agree(const struct crowd *crowd, struct account *ret_account, struct why *why)
{
	long long tried = crowd_sum().made, lines;

	if (!settle(crowd->run, ret_account))
		return fail(why, "%lld submitted, %lld logged, %lld lost", ret_account->submitted,
			    ret_account->logged, ret_account->lost);
	lines = lines_of(crowd->run);
	return (ret_account->submitted == tried && lines == ret_account->logged) ||
		fail(why, "%lld attempts, %lld submitted; %lld logged, %lld lines in the log", tried,
		     ret_account->submitted, ret_account->logged, lines);
}

static bool round_of(const struct background *daemon, struct account *ret_account, int64_t *ret_ms,
		     struct why *why)
{
	struct crowd crowd;
	int64_t begin;
	bool ok;

	crowd_reset();
	if (!crowd_start_tagged(&crowd, speakers, why))
		return false;
	begin = now_ms();
	ok = stall(daemon, crowd.run, why);
	kill(daemon->pid, SIGCONT);
	shared->stop = 1;
	*ret_ms = now_ms() - begin;
	ok = crowd_end(&crowd, WAIT_MS, why) && ok && crowd_all_denied(why) &&
		agree(&crowd, ret_account, why);
	soak_forget_log();
	return ok;
}

bool soak_stalled(char ret_figures[FIGURES_SIZE], struct why *why)
{
	unsigned long rounds = soak_number("SOAK_STALLS", 1);
	struct background daemon;
	struct account all = {};
	int64_t all_ms = 0;
	bool ok = true;

	if (!soak_daemon_start(&daemon, why))
		return false;
	for (unsigned long i = 0; ok && i < rounds; i++) {
		struct account account = {};
		int64_t ms = 0;

		ok = round_of(&daemon, &account, &ms, why);
		all.submitted += account.submitted;
		all.logged += account.logged;
		all.lost += account.lost;
		all_ms += ms;
	}
	kill(daemon.pid, SIGTERM);
	if (background_end(&daemon) && ok)
		ok = fail(why, "the daemon failed");
	snprintf(ret_figures, FIGURES_SIZE, "%lld submitted = %lld logged + %lld lost; %lld records/s",
		 all.submitted, all.logged, all.lost,
		 (long long)(all.submitted * 1000 / (all_ms ?: 1)));
	return ok;
}
