/* SPDX-License-Identifier: BSD-2-Clause */
/* Files as gzip(1) leaves them, for tests of what reads logs. */
#pragma once

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* The name of a compressed file; good until the next call. */
static inline const char *packed_name(const char *path)
{
	static char name[256];

	snprintf(name, sizeof(name), "%s.gz", path);
	return name;
}

/* Writes PATH.gz with what is in PATH, which stays. */
static inline void pack_beside(const char *path)
{
	gzFile out = gzopen(packed_name(path), "wb");
	FILE *in = fopen(path, "re");
	char bytes[65536];
	size_t size;

	assert_non_null(out);
	assert_non_null(in);
	while ((size = fread(bytes, 1, sizeof(bytes), in)))
		assert_int_equal(gzwrite(out, bytes, (unsigned int)size), size);
	fclose(in);
	assert_int_equal(gzclose(out), Z_OK);
}

/* Puts PATH.gz into the place of PATH. */
static inline void pack(const char *path)
{
	pack_beside(path);
	assert_int_equal(unlink(path), 0);
}

/* Takes the last @bytes away from PATH.gz. */
static inline void tear(const char *path, off_t bytes)
{
	struct stat st;

	assert_int_equal(stat(packed_name(path), &st), 0);
	assert_true(st.st_size > bytes);
	assert_int_equal(truncate(packed_name(path), st.st_size - bytes), 0);
}

/* Writes more to PATH.gz, or where @anew nothing else, that was cut in its header (RFC 1952): what stands where a file has
 * its size says 4 GiB. */
static inline void pack_a_head(const char *path, int anew)
{
	FILE *out = fopen(packed_name(path), anew ? "we" : "ae");

	assert_non_null(out);
	assert_int_equal(fwrite("\x1f\x8b\x08\x00\xff\xff\xff\xff", 1, 8, out), 8);
	assert_int_equal(fclose(out), 0);
}
