/* SPDX-License-Identifier: BSD-2-Clause */
#include "run_id.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define RANDOM_MASK ((UINT64_C(1) << RUN_RANDOM_BITS) - 1)
/* 9999-12-31 23:59:59: the year keeps its four digits. */
#define SECONDS_MAX UINT64_C(253402300799)

uint64_t run_id_new(void)
{
	struct timespec now;
	uint64_t random = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	/* Early at boot there may be no randomness yet, and a deploy does not wait for it: the
	 * nanoseconds tell runs apart well enough. */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = now.tv_nsec;
	return (uint64_t)now.tv_sec << RUN_RANDOM_BITS | (random & RANDOM_MASK);
}

const char *run_id_name(uint64_t run, char ret_name[RUN_NAME_SIZE])
{
	uint64_t seconds = run >> RUN_RANDOM_BITS;
	time_t time = seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
	char digits[8];
	struct tm tm;

	gmtime_r(&time, &tm);
	strftime(ret_name, RUN_NAME_SIZE, "%Y%m%d-%H%M%S-", &tm);
	snprintf(digits, sizeof(digits), "%06x", (unsigned int)(run & RANDOM_MASK));
	memcpy(ret_name + RUN_NAME_SIZE - 7, digits, 7);
	return ret_name;
}

/* @count decimal digits at @text, or -1. */
static int digits_at(const char *text, size_t count)
{
	int value = 0;

	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + text[i] - '0';
	}
	return value;
}

bool run_id_parse(const char *name, uint64_t *ret_run)
{
	static const char hex[] = "0123456789abcdef";
	char again[RUN_NAME_SIZE];
	uint64_t run, random = 0;
	struct tm tm = { 0 };

	if (strlen(name) != RUN_NAME_SIZE - 1)
		return false;
	tm.tm_year = digits_at(name, 4) - 1900;
	tm.tm_mon = digits_at(name + 4, 2) - 1;
	tm.tm_mday = digits_at(name + 6, 2);
	tm.tm_hour = digits_at(name + 9, 2);
	tm.tm_min = digits_at(name + 11, 2);
	tm.tm_sec = digits_at(name + 13, 2);
	for (const char *c = name + 16; *c; c++) {
		const char *digit = strchr(hex, *c);

		if (!digit)
			return false;
		random = random << 4 | (digit - hex);
	}
	/* Whatever is wrong with a digit, a separator or a date shows when it is named again. */
	run = (uint64_t)timegm(&tm) << RUN_RANDOM_BITS | random;
	if (strcmp(run_id_name(run, again), name))
		return false;
	*ret_run = run;
	return true;
}
