/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#define STATUS "/var/lib/dpkg/status"

/* How many packages the file names. */
int packages(const char *file);
int answer(void);
