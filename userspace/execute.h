/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs of the host that are run for their exit status.
 */
#pragma once

/* Runs the program at @argv[0], a path, with what it prints on stderr, and with PATH and LC_ALL only in its
 * environment. Returns its exit status, 128 + n when signal n ended it, or -errno. */
int execute(char *const argv[]);
