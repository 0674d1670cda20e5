/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the loaded fence holds. Programs that are attached may not run: settings of the host can
 * switch all of them off, and who removes a pin takes off the program behind it.
 */
#pragma once

#include <stddef.h>

#include "../fence/fence.h"
#include "../host/host.h"

#define LIVENESS_FAULTS_MAX (FINDINGS_MAX + 4)

/* Finds what keeps a pinned fence from holding and can be seen at once: settings of the host, pins that are
 * missing. Fills @ret_faults, each with what to do, and returns how many there are. */
size_t liveness_look(const struct fence *fence, struct finding ret_faults[LIVENESS_FAULTS_MAX]);

/* The same, and what its last probe found: the hooks at which it was not denied, that it could not be run;
 * and that there was none for long, where a daemon is to have one made every second. */
size_t liveness_examine(const struct fence *fence, struct finding ret_faults[LIVENESS_FAULTS_MAX]);

/* Seconds since the last probe, or -1. */
int64_t liveness_probe_age(const struct about *about);

/* Writes faults as one line, "ftrace: kernel.ftrace_enabled is 0…; pins: …"; "" for none. */
void liveness_line(const struct finding *faults, size_t count, char *ret_line, size_t size);
