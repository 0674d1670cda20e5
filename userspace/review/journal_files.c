/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../audit/log_files.h"

#define HEAD_SIZE 4096			/* of a log: its first line says when it was within that */
#define TIME_MARK "\"@timestamp\":\""

struct journal_identity {
	dev_t dev;
	ino_t ino;
};

/* --- what is in a file ---------------------------------------------------------------------- */

gzFile journal_files_open(int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	gzFile in = own < 0 ? NULL : gzdopen(own, "r");

	if (!in && own >= 0)
		close(own);
	return in;
}

/* What a log never begins with. */
static bool is_packed(const char *bytes, size_t size)
{
	static const struct {
		const char *bytes;
		size_t size;
	} magics[] = { { "\x28\xb5\x2f\xfd", 4 }, { "\xfd" "7zXZ", 5 }, { "BZh", 3 }, { "PK\x03\x04", 4 } };

	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if (size >= magics[i].size && !memcmp(bytes, magics[i].bytes, magics[i].size))
			return true;
	return false;
}

int journal_files_read(gzFile in, bool first, char *ret_bytes, size_t size)
{
	int fault = 0, got = gzread(in, ret_bytes, (unsigned int)size);

	/* What was cut has bytes, and the fault at the end. */
	if (got <= 0)
		gzerror(in, &fault);
	if (fault)
		return fault == Z_ERRNO ? -errno : fault == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
	return first && is_packed(ret_bytes, got) ? -EMEDIUMTYPE : got;
}

const char *journal_files_fault(int err)
{
	if (err == -EMEDIUMTYPE)
		return "packed, and not by gzip: unpack it first, and name what comes out";
	if (err == -EBADMSG)
		return "what gzip packed is damaged, or was cut: its end cannot be read";
	return strerror(-err);
}

/* --- their order ---------------------------------------------------------------------------- */

static void find_begin(const char *path, char ret_begins[32])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), size = 0;
	gzFile in = fd < 0 ? NULL : journal_files_open(fd);
	char head[HEAD_SIZE + 1];
	const char *at;

	if (in)
		size = journal_files_read(in, true, head, HEAD_SIZE);
	head[size > 0 ? size : 0] = 0;
	at = strstr(head, TIME_MARK);
	if (at)
		snprintf(ret_begins, 32, "%.*s", (int)strcspn(at + strlen(TIME_MARK), "\""), at + strlen(TIME_MARK));
	if (in)
		gzclose(in);
	if (fd >= 0)
		close(fd);
}

static void look_at(struct journal_files *files, struct journal_log *log, time_t since)
{
	struct log_files parts;
	struct stat st;

	if (log_files_open(log->path, since, &parts))
		return;
	for (size_t i = 0; i < parts.count; i++)
		if (!stat(parts.rotated[i], &st))
			files->total += st.st_size;
	/* What can be read once is not read for that. */
	if (parts.last && !fstat(fileno(parts.last), &st) && S_ISREG(st.st_mode)) {
		files->total += st.st_size;
		find_begin(log->path, log->begins);
	}
	if (parts.count)
		find_begin(parts.rotated[0], log->begins);
	log_files_close(&parts);
}

static int by_begin(const void *a, const void *b)
{
	const struct journal_log *one = a, *other = b;

	return strcmp(one->begins, other->begins) ?: one->place < other->place ? -1 : one->place > other->place;
}

int journal_files_order(const char *const *paths, size_t count, time_t since, struct journal_files *ret_files)
{
	struct journal_files files = { .logs = calloc(count ?: 1, sizeof(*files.logs)), .count = count };

	if (!files.logs)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		files.logs[i] = (struct journal_log){ .path = paths[i], .place = i };
		look_at(&files, &files.logs[i], since);
		/* Where that is not known, a log stays behind the one that was named before it. */
		if (i && !*files.logs[i].begins)
			strcpy(files.logs[i].begins, files.logs[i - 1].begins);
	}
	qsort(files.logs, count, sizeof(*files.logs), by_begin);
	*ret_files = files;
	return 0;
}

void journal_files_free(struct journal_files *files)
{
	free(files->logs);
	free(files->taken);
	*files = (struct journal_files){ 0 };
}

int journal_files_take(struct journal_files *files, int fd)
{
	struct journal_identity *taken;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return 1;
	for (size_t i = 0; i < files->taken_count; i++)
		if (files->taken[i].dev == st.st_dev && files->taken[i].ino == st.st_ino)
			return 0;
	taken = reallocarray(files->taken, files->taken_count + 1, sizeof(*taken));
	if (!taken)
		return -ENOMEM;
	files->taken = taken;
	taken[files->taken_count++] = (struct journal_identity){ st.st_dev, st.st_ino };
	return 1;
}
