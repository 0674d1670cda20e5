/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence run as an ordinary user: by way of the daemon (gate.h).
 */
#pragma once

#include <stdbool.h>

#include "../../lsm/abi.h"

struct guest_run {
	const char *tag_name;
	enum mode mode;			/* 0: the policy's own */
	bool keep_fds, quiet;
	bool fail_on_deny;
	char **argv;
};

/* Returns what `run` exits with; all faults have been told. @exit_denied: for fail_on_deny. */
int run_guest(const struct guest_run *run, int exit_denied);
