/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Amounts as people write them on a command line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "64M" -> bytes: a number, and K, M or G for powers of 1024. False, *ret_bytes untouched, for anything
 * else. */
bool amount_bytes(const char *text, uint64_t *ret_bytes);

/* "36h" -> seconds: a number, and s, m, h, d or w; without a letter only 0. */
bool amount_seconds(const char *text, uint64_t *ret_seconds);

/* A number of at most @max. */
bool amount_number(const char *text, uint64_t max, uint64_t *ret_number);
