/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../runs/run_id.h"
#include "log_files.h"
#include "run_log.h"

static int open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

	return fd < 0 ? -errno : fd;
}

int run_log_check(const char *path)
{
	struct stat st;
	int fd;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return -EINVAL;
	fd = open_log(path);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* As audit_json.c writes it. Not parsed: there may be many lines, and inside of a string a quote has a
 * backslash before it, so that no process can have such a text in its line. */
static bool line_of_run(const char *line, size_t size, const char *run)
{
	char mark[RUN_NAME_SIZE + 32];
	int length = snprintf(mark, sizeof(mark), "\"ringfence\":{\"run\":\"%s\"", run);

	return memmem(line, size, mark, length);
}

struct copy {
	char run[RUN_NAME_SIZE];
	FILE *out;
};

static int copy_line(void *ctx, const char *line, size_t size)
{
	const struct copy *copy = ctx;

	return line_of_run(line, size, copy->run) && fwrite(line, size, 1, copy->out) != 1 ? -errno : 0;
}

int run_log_copy(const char *from, uint64_t run, const char *to)
{
	struct log_part part = { .since = log_files_since(run) };
	int err, fd = open_log(to);
	struct copy copy;

	if (fd < 0)
		return fd;
	copy.out = fdopen(fd, "a");
	if (!copy.out) {
		err = -errno;
		close(fd);
		return err;
	}
	run_id_name(run, copy.run);
	err = log_files_read(from, part, copy_line, &copy);
	if (fclose(copy.out) && !err)
		err = -errno;
	return err;
}
