/* SPDX-License-Identifier: BSD-2-Clause */
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
