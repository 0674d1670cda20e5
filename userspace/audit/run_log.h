/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of one run, copied out of a log that holds those of many.
 */
#pragma once

#include <stdint.h>

/* Whether a log at @path could be appended to, and read back; makes the file. Returns 0, -EINVAL
 * for what is no regular file, or -errno. */
int run_log_check(const char *path);

/* Appends the lines of @run in the log @from, and in what was rotated away from it, to @to. Returns 0 or
 * -errno. */
int run_log_copy(const char *from, uint64_t run, const char *to);
