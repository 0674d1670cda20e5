/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which LSMs run, and which the next boot will have: BPF LSM programs run only where `bpf` was in the
 * list that the kernel was booted with, by lsm= on its command line or by its own default.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define BOOT_LIST_SIZE 256		/* of a list of LSMs */
#define BOOT_SETTINGS_MAX 8

#define BOOT_LSM_FILE "/sys/kernel/security/lsm"

enum boot_loader {
	BOOT_GRUB,			/* there is /etc/default/grub */
	BOOT_KERNEL_INSTALL,		/* systemd-boot: /etc/kernel/cmdline, or entries under loader/ */
	BOOT_OTHER,
};

enum boot_next {
	BOOT_NEXT_UNKNOWN,
	BOOT_NEXT_NO,
	BOOT_NEXT_YES,
};

/* Whose /etc/default/grub.d/ringfence.cfg is. */
enum boot_owner {
	BOOT_NOBODY,			/* there is no such file */
	BOOT_OURS,
	BOOT_SOMEBODY_ELSE,
};

/* An lsm= in the settings of the boot loader that ringfence did not write. */
struct boot_setting {
	char file[128];
	unsigned int line;
	char list[BOOT_LIST_SIZE];
};

struct boot_state {
	char running[BOOT_LIST_SIZE];	/* the active LSMs in their order; "": could not be read, */
	int error;			/* for this reason (-errno) */
	bool live;			/* bpf is one of them */
	bool built_without;		/* this kernel has no BPF LSM at all */
	char given[BOOT_LIST_SIZE];	/* lsm= on the command line of the running kernel; "": none */

	enum boot_loader loader;
	enum boot_owner owner;
	char ours[BOOT_LIST_SIZE];	/* the list in the file that is ours */
	struct boot_setting settings[BOOT_SETTINGS_MAX];
	size_t setting_count;
	bool reads_folder;		/* grub-mkconfig reads /etc/default/grub.d, or is not there */

	enum boot_next next;		/* whether the next boot will have bpf */
	char why[640];			/* how that is known, for people */
};

/* Whether the comma-separated @list has @name in it. */
bool boot_list_has(const char *list, const char *name);

/* The value of the last lsm= on a line of shell or on a kernel's command line, where a later one
 * replaces an earlier one. What stands in a comment does not count. False where there is none. */
bool boot_find_list(const char *line, char ret_list[BOOT_LIST_SIZE]);

/* Looks at the host whose files are under @root, "" for this one. What cannot be read is as if it were
 * not there, apart from the list of active LSMs, see `error`. */
void boot_look(const char *root, struct boot_state *ret_state);
