/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host should have on which a fence is to be up from boot on: the service, the boot loader's
 * settings, sound policies, a place for the audit log, the right time. A single `ringfence run --policy`
 * needs none of it; so what is missing is a note where the service is not enabled, and a warning where it is.
 */
#pragma once

#include <sys/types.h>

#include "host.h"

#define SETUP_UNIT "ringfence.service"
#define SETUP_FINDINGS 5

/*
 * Looks at the host whose files are under @root, "" for this one; @owner is whose they are to be.
 * Fills @ret_list, each finding with what to do where it is not ok. Of other roots than "" it is not
 * told whether the service is active.
 */
void setup_examine(const char *root, uid_t owner, struct finding ret_list[SETUP_FINDINGS]);
