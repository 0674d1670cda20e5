/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /etc/default/grub.d/ringfence.cfg, by which grub gives the kernel a list of LSMs with bpf in it.
 *
 * @root: the folder that the host's files are in, "" for this host.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "boot_state.h"

#define BOOT_GRUB_FILE "/etc/default/grub.d/ringfence.cfg"
#define BOOT_GRUB_SIZE 1024		/* more than any text of ours takes */

/* Whether the file is there, and whether ringfence wrote it: by its first line. */
enum boot_owner boot_grub_owner(const char *root);

/* The text of the file for a list of LSMs. */
void boot_grub_text(const char *list, char ret_text[BOOT_GRUB_SIZE]);

/* Reads the file that is there; "" where there is none. Returns 0 or -errno, -EFBIG for one that is not ours
 * by its size. */
int boot_grub_read(const char *root, char ret_text[BOOT_GRUB_SIZE]);

/* Puts @text in place of the file as a whole, mode 0644, and makes its folder. Returns 0 or -errno, and
 * then the file is what it was. */
int boot_grub_write(const char *root, const char *text);

/* Removes the file. Returns 0 or -errno. */
int boot_grub_remove(const char *root);

/* Prints what turns @before into @after, as diff -u would; either "" for a file that is not there. */
void boot_grub_diff(FILE *out, const char *before, const char *after);

/* Has update-grub write the boot menu of this host anew, with its output on stderr. Returns 0, -ENOENT
 * where there is no update-grub, -EIO when it failed or could not be run. */
int boot_grub_update(void);
