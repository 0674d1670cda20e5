/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence log --follow: what comes to the log, however often it is rotated between two looks.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../audit/log_files.h"
#include "log.h"

#define FOLLOW_MS 1000			/* looks at least that often, should inotify miss it */

/* Wakes up when the file grows or another one takes its place. */
struct watch {
	int fd;				/* inotify, or -1: then the time-out alone */
	int file;			/* watch descriptor */
};

static void watch_file(struct watch *watch, const char *path)
{
	if (watch->fd < 0)
		return;
	if (watch->file >= 0)
		inotify_rm_watch(watch->fd, watch->file);
	watch->file = inotify_add_watch(watch->fd, path, IN_MODIFY | IN_MOVE_SELF | IN_DELETE_SELF);
}

static void watch_begin(struct watch *watch, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, slash == path ? 1 : slash - path) : strdup(".");

	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->file = -1;
	if (watch->fd >= 0 && folder)
		inotify_add_watch(watch->fd, folder, IN_CREATE | IN_MOVED_TO);
	free(folder);
	watch_file(watch, path);
}

/* Waits for a change, an interrupt, or the reader of our output to go away. Returns 0 or -EPIPE. */
static int watch_wait(const struct watch *watch, const sigset_t *unblocked)
{
	struct timespec timeout = { .tv_nsec = FOLLOW_MS % 1000 * 1000000L,
				    .tv_sec = FOLLOW_MS / 1000 };
	/* Without events asked for, poll still tells POLLERR: the read end of a pipe is closed. */
	struct pollfd fds[] = { { .fd = STDOUT_FILENO }, { .fd = watch->fd, .events = POLLIN } };
	char events[4096];

	if (ppoll(fds, 2, &timeout, unblocked) < 0)
		return 0;
	if (fds[0].revents & (POLLERR | POLLHUP))
		return -EPIPE;
	while (watch->fd >= 0 && read(watch->fd, events, sizeof(events)) > 0)
		;
	return 0;
}

/* Is the file at the path another one than @in, or shorter than what was read of it? */
static bool is_rotated(const struct log *log, FILE *in, bool *ret_truncated)
{
	struct stat now, open_one;

	if (stat(log->path, &now) < 0 || fstat(fileno(in), &open_one) < 0)
		return false;
	*ret_truncated = now.st_dev == open_one.st_dev && now.st_ino == open_one.st_ino;
	return !*ret_truncated || (S_ISREG(now.st_mode) && ftello(in) > now.st_size);
}

/* Shows those of @files that were rotated away after @in was. */
static int show_between(struct log *log, FILE *in, const struct log_files *files)
{
	struct stat st, read_one;
	size_t i = files->count;
	int r = 0;

	if (fstat(fileno(in), &read_one))
		return 0;
	while (i && (stat(files->rotated[i - 1], &st) || st.st_dev != read_one.st_dev ||
		     st.st_ino != read_one.st_ino))
		i--;
	if (!i)
		return 0;		/* it has another name, or none: who knows which came next */
	for (; r >= 0 && i < files->count; i++)
		r = log_show_rotated(log, files->rotated[i]);
	return r;
}

/* Goes on with what took the place of *in, after what *in still had: a line may have come between its
 * end, as it was seen, and its renaming. */
static int rotate(struct log *log, FILE **in, struct watch *watch, bool truncated)
{
	struct log_files files;
	int r = 0;

	if (truncated) {
		rewind(*in);
		return log_show_rest(log) ?: log_show_lines(log, *in);
	}
	/* Gone again already, or compressed: the next look will tell. */
	if (log_files_open(log->path, 0, &files))
		return 0;
	if (files.last && log_files_is_growing(files.last)) {
		watch_file(watch, log->path);
		r = log_show_lines(log, *in) ?: log_show_rest(log) ?:
			show_between(log, *in, &files);
		fclose(*in);
		*in = files.last;
		files.last = NULL;
	}
	log_files_close(&files);
	return r < 0 ? r : log_show_lines(log, *in);
}

int log_follow(struct log *log, FILE **in)
{
	sigset_t blocked, unblocked;
	struct watch watch;
	bool truncated;
	int r = 0;

	/* Interrupts are let in only while waiting, so that none slips in just before. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	sigdelset(&unblocked, SIGINT);
	sigdelset(&unblocked, SIGTERM);
	watch_begin(&watch, log->path);
	while (r >= 0 && !log_interrupted) {
		r = log_show_lines(log, *in);
		if (r >= 0 && is_rotated(log, *in, &truncated))
			r = rotate(log, in, &watch, truncated);
		if (r >= 0)
			r = watch_wait(&watch, &unblocked);
	}
	if (watch.fd >= 0)
		close(watch.fd);
	return r;
}
