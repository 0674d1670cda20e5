/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks.h"

ssize_t read_small(const char *path, char *ret_text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -errno : read(fd, ret_text, size - 1);

	if (fd >= 0)
		close(fd);
	ret_text[got > 0 ? got : 0] = 0;
	return got;
}

int write_small(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t put = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return put == (ssize_t)strlen(text) ? 0 : -EIO;
}

int files_read_out(int fd, struct report *report)
{
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, report->got, sizeof(report->got) - 1);
	close(fd);
	return got < 0 ? -errno : 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st;
	(void)place;
	return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static void make_parents(const char *path)
{
	char part[512];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		mkdir(part, 0755);
	}
}

static void make_folder(const struct vector *vector)
{
	nftw(vector_path(vector, ""), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	make_parents(vector_path(vector, "nothing"));
	make_parents(vector_path(vector, vector->target ?: "nothing"));
}

/* The secret is the vector's name, so that no other file can be taken for it. */
void files_prepare(const struct vector *vector)
{
	make_folder(vector);
	if (vector->target)
		write_small(vector_path(vector, vector->target), vector->name);
}

unsigned int files_count_read(const struct vector *vector, const struct report *report)
{
	return far_as_reported(vector, report);
}

unsigned int files_count_written(const struct vector *vector, const struct report *report)
{
	char text[NAME_SIZE];

	(void)report;
	read_small(vector_path(vector, vector->target ?: "new"), text, sizeof(text));
	return !strcmp(text, FILE_WRITTEN);
}

unsigned int files_count_truncated(const struct vector *vector, const struct report *report)
{
	char text[NAME_SIZE];

	(void)report;
	return read_small(vector_path(vector, vector->target), text, sizeof(text)) == 0;
}

static void copy_self(const struct vector *vector, const char *path)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat st = {};

	fstat(from, &st);
	while (st.st_size > 0) {
		ssize_t sent = sendfile(to, from, NULL, st.st_size);

		need(sent > 0, vector);
		st.st_size -= sent;
	}
	close(from);
	close(to);
}

/* A script is prepared beside its interpreter. */
void execs_prepare(const struct vector *vector)
{
	char script[600];
	int fd;

	make_folder(vector);
	copy_self(vector, vector_path(vector, vector->target));
	if (!vector->script)
		return;
	snprintf(script, sizeof(script), "#!%s mark-script\n", vector_path(vector, vector->target));
	fd = open(vector_path(vector, vector->script), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	need(write(fd, script, strlen(script)) == (ssize_t)strlen(script), vector);
	close(fd);
}

unsigned int execs_count(const struct vector *vector, const struct report *report)
{
	char text[NAME_SIZE];

	(void)report;
	return read_small(vector_path(vector, "marker"), text, sizeof(text)) > 0;
}
