/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Programs of the host that are run for their exit status.
 */
#pragma once

/* Runs the program at @argv[0], a path, with what it prints on stderr. Its environment is a PATH and the caller's
 * language, which the boot menu is written in. Returns its exit status, 128 + n when signal n ended it, or -errno. */
int execute(char *const argv[]);
