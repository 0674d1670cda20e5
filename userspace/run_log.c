/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_id.h"
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

int run_log_copy(const char *from, uint64_t run, const char *to)
{
	char name[RUN_NAME_SIZE], *line = NULL;
	FILE *in = fopen(from, "re"), *out = NULL;
	size_t room = 0;
	ssize_t size;
	int fd, err = 0;	/* the first failure */

	if (!in)
		return -errno;
	run_id_name(run, name);
	fd = open_log(to);
	out = fd < 0 ? NULL : fdopen(fd, "a");
	if (!out) {
		err = fd < 0 ? fd : -errno;
		if (fd >= 0)
			close(fd);
		fclose(in);
		return err;
	}
	while (!err && (size = getline(&line, &room, in)) > 0)
		if (line_of_run(line, size, name) && fwrite(line, size, 1, out) != 1)
			err = -errno;
	if (!err && !feof(in))
		err = -errno;
	free(line);
	fclose(in);
	if (fclose(out) && !err)
		err = -errno;
	return err;
}
