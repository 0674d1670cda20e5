/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "tag_names.h"

const char *tag_name(struct tag_names *names, uint32_t slot)
{
	struct ruleset header;

	if (slot >= POLICY_SLOTS)
		return "";
	if (!names->known[slot] && !fence_get_header(names->fence, slot, &header))
		snprintf(names->names[slot], TAG_NAME_MAX, "%.*s", TAG_NAME_MAX - 1, header.tag);
	names->known[slot] = true;
	return names->names[slot];
}
