/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One file of an audit log, to be read: as it was written, or compressed since by gzip(1), as logrotate(8) does.
 * Which of these it is, its first bytes tell, not its name. It is unpacked while it is read, in memory that does
 * not grow with what is in it.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define LOG_PACKED ".gz"		/* what gzip(1) adds to a name */

/* Opens it. NULL and errno where that cannot be; EMEDIUMTYPE: packed by another program than gzip. Of one that is
 * compressed, fileno() is -1. */
FILE *log_unpack_open(const char *path);

/* Reads on. Returns how many bytes there are; 0 at the end, which may grow; -EBADMSG where a compressed file has no
 * end or is damaged (what came before that has been read), or -errno. */
ssize_t log_unpack_read(FILE *in, char *ret_bytes, size_t size);

/* Says of an error of reading a log what is to be done, or what strerror(3) says. */
const char *log_unpack_fault(int err);

/* How many bytes can be read from the file at @path. What is compressed says so itself, and may be wrong: good
 * enough to tell how far one is. 0 where it cannot be told. */
uint64_t log_unpack_size(const char *path);
