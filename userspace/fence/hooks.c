/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "hooks.h"

static const char *const names[] = {
#define HOOK_NAME(NAME, name, open) [HOOK_##NAME] = #name,
	HOOKS(HOOK_NAME)
#undef HOOK_NAME
};

static const char *const openings[] = {
#define HOOK_OPENING(NAME, name, open) [HOOK_##NAME] = open,
	HOOKS(HOOK_OPENING)
#undef HOOK_OPENING
};

const char *hook_name(enum hook hook)
{
	return names[hook];
}

const char *hook_opening(enum hook hook)
{
	return openings[hook];
}

#define LIST_MAX 3

void hook_list(uint64_t hooks, char *ret_names, size_t size)
{
	size_t used = 0, count = 0;

	ret_names[0] = 0;
	for (enum hook hook = 0; hook < HOOK_COUNT; hook++)
		if (hooks & HOOK_BIT(hook) && ++count <= LIST_MAX && used < size)
			used += snprintf(ret_names + used, size - used, "%s%s", used ? ", " : "",
					 hook_name(hook));
	if (count > LIST_MAX && used < size)
		snprintf(ret_names + used, size - used, " and %zu more", count - LIST_MAX);
}
