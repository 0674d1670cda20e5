/* SPDX-License-Identifier: BSD-2-Clause */
#include "log_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* zlib gives nothing of a piece in which it meets damage: small ones lose little. */
#define PIECE 16384

/* RFC 1952: how a file begins, and ends with its size modulo 2^32, the lowest byte first. */
static const unsigned char magic[] = { 0x1f, 0x8b };
#define SIZE_BYTES 4

static bool is_packed(int fd)
{
	unsigned char bytes[sizeof(magic)];

	/* What cannot be read twice, such as a pipe, is taken as it is. */
	return pread(fd, bytes, sizeof(bytes), 0) == sizeof(bytes) && bytes[0] == magic[0] && bytes[1] == magic[1];
}

/* What a log never begins with. */
static bool is_packed_otherwise(int fd)
{
	static const struct {
		const char *bytes;
		ssize_t size;
	} magics[] = { { "\x28\xb5\x2f\xfd", 4 }, { "\xfd" "7zXZ", 5 }, { "BZh", 3 }, { "PK\x03\x04", 4 } };
	char bytes[5];
	ssize_t size = pread(fd, bytes, sizeof(bytes), 0);

	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if (size >= magics[i].size && !memcmp(bytes, magics[i].bytes, magics[i].size))
			return true;
	return false;
}

/* --- a stream over zlib ------------------------------------------------------------------------ */

static ssize_t unpack(void *cookie, char *bytes, size_t size)
{
	int fault, got = gzread(cookie, bytes, size < PIECE ? size : PIECE);

	if (got > 0)
		return got;
	gzerror(cookie, &fault);
	if (!got && fault == Z_OK)
		return 0;
	if (fault != Z_ERRNO)
		errno = fault == Z_MEM_ERROR ? ENOMEM : EBADMSG;
	return -1;
}

static int seek(void *cookie, off64_t *position, int whence)
{
	z_off_t at = whence == SEEK_END ? -1 : gzseek(cookie, *position, whence);

	if (at >= 0)
		*position = at;
	return at < 0 ? -1 : 0;
}

static int shut(void *cookie)
{
	return gzclose(cookie) == Z_ERRNO ? -1 : 0;
}

/* Takes @fd over. */
static FILE *open_packed(int fd)
{
	const cookie_io_functions_t functions = { .read = unpack, .seek = seek, .close = shut };
	gzFile packed = gzdopen(fd, "rb");
	FILE *in;

	if (!packed) {
		close(fd);
		return NULL;
	}
	in = fopencookie(packed, "r", functions);
	if (!in)
		gzclose(packed);
	return in;
}

/* --- a file --------------------------------------------------------------------------------------- */

FILE *log_unpack_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	FILE *in;

	if (fd < 0)
		return NULL;
	if (is_packed(fd))
		return open_packed(fd);
	errno = EMEDIUMTYPE;
	in = is_packed_otherwise(fd) ? NULL : fdopen(fd, "r");
	if (!in)
		close(fd);
	return in;
}

const char *log_unpack_fault(int err)
{
	if (err == -EMEDIUMTYPE)
		return "packed, and not by gzip: unpack it first, and name what comes out";
	if (err == -EBADMSG)
		return "what gzip packed is damaged, or was cut: its end cannot be read";
	return strerror(-err);
}

ssize_t log_unpack_read(FILE *in, char *ret_bytes, size_t size)
{
	size_t got = fread(ret_bytes, 1, size, in);

	if (got || !ferror(in))
		return got;
	return errno ? -errno : -EIO;
}

uint64_t log_unpack_size(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	unsigned char bytes[SIZE_BYTES];
	uint64_t size = 0;
	struct stat st;

	if (fd < 0)
		return 0;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		size = st.st_size;
	if (size >= SIZE_BYTES && is_packed(fd) && pread(fd, bytes, SIZE_BYTES, size - SIZE_BYTES) == SIZE_BYTES)
		size = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint64_t)bytes[3] << 24;
	close(fd);
	return size;
}
