/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "amounts.h"

struct unit {
	char letter;			/* 0: the number stands alone */
	uint64_t size;
};

static bool read_amount(const char *text, const struct unit *units, uint64_t *ret_amount)
{
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || (*end && end[1]))
		return false;
	for (; units->size; units++)
		if (units->letter == *end && number <= INT64_MAX / units->size) {
			*ret_amount = number * units->size;
			return true;
		}
	return false;
}

bool amount_bytes(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ 0, 1 }, { 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 }, {},
	};

	return read_amount(text, units, ret_bytes);
}

bool amount_seconds(const char *text, uint64_t *ret_seconds)
{
	static const struct unit units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 60 * 60 }, { 'd', 24 * 60 * 60 }, { 'w', 7 * 24 * 60 * 60 }, {},
	};

	if (!strcmp(text, "0")) {
		*ret_seconds = 0;
		return true;
	}
	return read_amount(text, units, ret_seconds);
}

bool amount_number(const char *text, uint64_t max, uint64_t *ret_number)
{
	static const struct unit units[] = { { 0, 1 }, {} };
	uint64_t number;

	if (!read_amount(text, units, &number) || number > max)
		return false;
	*ret_number = number;
	return true;
}
