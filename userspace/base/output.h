/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a verb makes as a whole: on stdout, or in a file that is either complete or as it was.
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

/* Writes @size bytes to the file @path, replacing it as a whole, or to stdout where that is NULL. A new file
 * gets the mode @most, as the umask allows. Returns 0, -EINVAL for what is no regular file, or -errno. */
int output_write(const char *path, mode_t most, const char *text, size_t size);
