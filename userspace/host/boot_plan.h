/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `ringfence boot enable` and `disable` are to do on a host, decided from what is seen there.
 */
#pragma once

#include "boot_grub.h"
#include "boot_state.h"

enum boot_action {
	BOOT_NOTHING,			/* there is nothing to write; `text` says why */
	BOOT_WRITE,			/* `after` in the place of the file, "" to remove it */
	BOOT_REFUSE,			/* for the reasons given */
};

#define BOOT_REMEDY_SIZE 768
#define BOOT_REASONS_MAX (BOOT_SETTINGS_MAX + 2)

struct boot_plan {
	enum boot_action action;
	char text[512];
	char after[BOOT_GRUB_SIZE];
	struct boot_reason {
		char text[512];
		char remedy[BOOT_REMEDY_SIZE];	/* exactly what to change */
	} reasons[BOOT_REASONS_MAX];
	size_t reason_count;
};

/* Writes the list that a host is to boot with: the active LSMs in their order, and bpf last where it is
 * not one of them. */
void boot_wanted(const struct boot_state *state, char ret_list[BOOT_LIST_SIZE]);

/* What there is to do for bpf to be in the list after the next boot, to the letter, as far as it can be told; the
 * first thing where there are several. False where there is nothing to do. */
bool boot_remedy(const struct boot_state *state, char ret_text[BOOT_REMEDY_SIZE]);

void boot_plan_enable(const struct boot_state *state, struct boot_plan *ret_plan);
void boot_plan_disable(const struct boot_state *state, struct boot_plan *ret_plan);
