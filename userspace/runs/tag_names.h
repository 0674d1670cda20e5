/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of tags by the slots of their policies, each looked up once: Linux 6.1 takes some 16 ms for it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../fence/fence.h"

/* Zero-initialise it but for the fence, which must outlive it. */
struct tag_names {
	const struct fence *fence;
	bool known[POLICY_SLOTS];
	char names[POLICY_SLOTS][TAG_NAME_MAX];
};

/* "" where there is no such policy. Belongs to @names. */
const char *tag_name(struct tag_names *names, uint32_t slot);
