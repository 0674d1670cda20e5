/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static int kind_error(const struct stat *st)
{
	return S_ISREG(st->st_mode) ? 0 : S_ISDIR(st->st_mode) ? -EISDIR : -ENOTSUP;
}

/* Opening a device can do things, and opening a FIFO can wait: stat() first, and since the file may
 * be another by then, O_NONBLOCK and a second look. */
static int open_regular(const char *path)
{
	struct stat st;
	int fd, r;

	if (stat(path, &st))
		return -errno;
	r = kind_error(&st);
	if (r)
		return r;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) ? -errno : kind_error(&st);
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

/* Reads to the end of the file or past the limit, whatever stat() said: it may be growing. */
static int read_all(int fd, char *text, size_t *ret_size)
{
	size_t size = 0;

	while (size <= POLICY_TEXT_MAX) {
		ssize_t got = read(fd, text + size, POLICY_TEXT_MAX + 1 - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got) {
			*ret_size = size;
			return 0;
		}
		size += (size_t)got;
	}
	return -EFBIG;
}

int text_read(const char *root, const char *path, char **ret_text, size_t *ret_size)
{
	char whole[2 * PATH_MAX], *text;
	int r, fd;

	if (snprintf(whole, sizeof(whole), "%s%s", root, path) >= (int)sizeof(whole))
		return -ENAMETOOLONG;
	fd = open_regular(whole);
	if (fd < 0)
		return fd;
	text = malloc(POLICY_TEXT_MAX + 1);
	r = text ? read_all(fd, text, ret_size) : -ENOMEM;
	close(fd);
	if (r)
		free(text);
	else
		*ret_text = text;
	return r;
}

const char *text_problem(int err)
{
	switch (-err) {
	case EISDIR:
		return "it is a directory";
	case ENOTSUP:
		return "it is not a regular file";
	case EFBIG:
		return "it is larger than 1 MiB";
	case ENOENT:
		return "there is no such file";
	case EACCES:
		return "permission denied; read it as a user who may";
	default:
		return strerrordesc_np(-err);
	}
}
static_assert(POLICY_TEXT_MAX == 1024 * 1024, "text_problem() names the limit");

/* --- include ------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3)))
static char *path_make(struct checker *checker, const char *fmt, ...)
{
	char *path = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&path, fmt, args) < 0) {
		path = NULL;
		checker->out_of_memory = true;
	}
	va_end(args);
	return path;
}

/* The @n-th path an item may mean, for free(); NULL when there are no more. */
static char *candidate(struct checker *checker, const char *name, size_t n)
{
	const char *policy = checker->policy->file;
	const char *slash = strrchr(policy, '/');
	int folder = slash ? (int)(slash - policy) + 1 : 0;
	const char *const *dirs = checker->service_dirs;
	bool path = strchr(name, '/');

	while (!strncmp(name, "./", 2))
		name += 2;
	if (*name == '/')
		return n ? NULL : path_make(checker, "%s", name);
	if (path)
		return n ? NULL : path_make(checker, "%.*s%s", folder, policy, name);
	if (!n)
		return path_make(checker, "%.*sservices/%s.yaml", folder, policy, name);
	for (size_t i = 1; dirs && dirs[i - 1]; i++)
		if (i == n)
			return path_make(checker, "%s/%s.yaml", dirs[i - 1], name);
	return NULL;
}

static void report_missing(struct checker *checker, const struct node *item, const char *name)
{
	char places[sizeof(checker->hint)] = "";
	size_t used = 0;
	char *path;

	for (size_t n = 0; (path = candidate(checker, name, n)); n++) {
		if (used < sizeof(places))
			used += (size_t)snprintf(places + used, sizeof(places) - used, "%s%s",
						 n ? ", " : "", path);
		free(path);
	}
	if (strchr(name, '/') || !strstr(name, ".yaml"))
		check_fault(checker, item, check_hint(checker, "looked for %.1000s", places),
			    "cannot find the service file \"%s\"", name);
	else
		check_fault(checker, item,
			    check_hint(checker, "a file beside this one is written ./%.200s", name),
			    "cannot find the service file \"%s\"; looked for %.1000s", name, places);
}

bool include_read(struct checker *checker, const struct node *item, char **ret_path,
		  char **ret_text, size_t *ret_size)
{
	const char *name = scalar_read(checker, item, "the name or path of a service file",
				       PATH_LENGTH_MAX - 1);
	char *path;
	int r;

	if (!name)
		return false;
	for (size_t n = 0; (path = candidate(checker, name, n)); n++) {
		r = text_read(checker->root, path, ret_text, ret_size);
		if (!r) {
			*ret_path = path;
			return true;
		}
		if (r == -ENOMEM)
			checker->out_of_memory = true;
		else if (r != -ENOENT && r != -ENOTDIR)
			check_fault(checker, item, NULL, "cannot read %.1000s: %s", path,
				    text_problem(r));
		free(path);
		if (r != -ENOENT && r != -ENOTDIR)
			return false;
	}
	report_missing(checker, item, name);
	return false;
}
