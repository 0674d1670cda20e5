/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be done with a file besides opening it: changes and looks by name, and the use of
 * descriptors that the run did not open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../hooks/hooks.h"

static const char *target(const struct vector *vector)
{
	return vector_path(vector, vector->target);
}

static int result_of(long result)
{
	return result < 0 ? -errno : 0;
}

/* --- changes -------------------------------------------------------------------------------- */

static int act_truncate(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(truncate(target(vector), 0));
}

static int act_unlink(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(unlink(target(vector)));
}

static int act_rmdir(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(rmdir(vector_path(vector, "folder/empty")));
}

static int act_mkdir(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(mkdir(vector_path(vector, "folder/new"), 0755));
}

static int act_mknod(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(mknod(vector_path(vector, "folder/new"), S_IFIFO | 0644, 0));
}

static int act_mknod_file(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(mknod(vector_path(vector, "folder/new"), S_IFREG | 0644, 0));
}

static int act_symlink(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(symlink("/", vector_path(vector, "folder/new")));
}

static int act_link_into(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(link(vector_path(vector, "other"), vector_path(vector, "folder/new")));
}

static int act_rename_into(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(rename(vector_path(vector, "other"), vector_path(vector, "folder/new")));
}

/* A file without a name is given one. */
static int act_link_nameless(const struct vector *vector, struct report *report)
{
	char path[64];
	int fd = open(vector_path(vector, ""), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);

	(void)report;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return result_of(fd < 0 ? -1 : linkat(AT_FDCWD, path, AT_FDCWD,
					      vector_path(vector, "folder/new"), AT_SYMLINK_FOLLOW));
}

static int act_chmod(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(chmod(target(vector), 0600));
}

static int act_chown(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(chown(target(vector), 1000, -1));
}

/* --- taken out of the folder ---------------------------------------------------------------- */

static int read_other(const struct vector *vector, struct report *report)
{
	ssize_t got = read_small(vector_path(vector, "other"), report->got, sizeof(report->got));

	return got < 0 ? got : 0;
}

static int act_link_out(const struct vector *vector, struct report *report)
{
	if (unlink(vector_path(vector, "other")) ||
	    link(target(vector), vector_path(vector, "other")))
		return -errno;
	return read_other(vector, report);
}

static int act_rename_out(const struct vector *vector, struct report *report)
{
	if (rename(target(vector), vector_path(vector, "other")))
		return -errno;
	return read_other(vector, report);
}

static int act_exchange(const struct vector *vector, struct report *report)
{
	if (renameat2(AT_FDCWD, vector_path(vector, "other"), AT_FDCWD, target(vector),
		      RENAME_EXCHANGE))
		return -errno;
	return read_other(vector, report);
}

/* --- looks ---------------------------------------------------------------------------------- */

/* That it is there at all is what is learnt: its size is the length of the vector's name. */
static int learnt(const struct vector *vector, struct report *report, long result, off_t size)
{
	if (result < 0)
		return -errno;
	if (size == (off_t)strlen(vector->name))
		snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return 0;
}

static int act_stat(const struct vector *vector, struct report *report)
{
	struct stat st;
	int result = stat(target(vector), &st);

	return learnt(vector, report, result, st.st_size);
}

static int act_statx(const struct vector *vector, struct report *report)
{
	struct statx st;
	int result = statx(AT_FDCWD, target(vector), 0, STATX_SIZE, &st);

	return learnt(vector, report, result, st.stx_size);
}

static int act_stat_descriptor(const struct vector *vector, struct report *report)
{
	int fd = open(target(vector), O_PATH | O_CLOEXEC);
	struct stat st;
	int result = fstat(fd, &st);

	return learnt(vector, report, result, st.st_size);
}

static int act_readlink(const struct vector *vector, struct report *report)
{
	return result_of(readlink(vector_path(vector, "folder/link"), report->got,
				  sizeof(report->got) - 1));
}

/* --- descriptors from before ---------------------------------------------------------------- */

static int open_target(const struct vector *vector)
{
	return open(target(vector), O_RDWR);
}

static int descriptor(const struct vector *vector)
{
	return vector->inherited ? INHERITED_FD(vector) : giver_ask(vector);
}

static int act_read(const struct vector *vector, struct report *report)
{
	int fd = descriptor(vector);

	if (fd < 0)
		return fd;
	return result_of(pread(fd, report->got, sizeof(report->got) - 1, 0));
}

static int act_readv(const struct vector *vector, struct report *report)
{
	struct iovec text = { report->got, sizeof(report->got) - 1 };

	return result_of(preadv2(descriptor(vector), &text, 1, 0, RWF_HIPRI));
}

static int act_write(const struct vector *vector, struct report *report)
{
	int fd = descriptor(vector);

	(void)report;
	if (fd < 0)
		return fd;
	if (pwrite(fd, FILE_WRITTEN, strlen(FILE_WRITTEN), 0) < 0 ||
	    ftruncate(fd, strlen(FILE_WRITTEN)))
		return -errno;
	return 0;
}

static int act_ftruncate(const struct vector *vector, struct report *report)
{
	(void)report;
	return result_of(ftruncate(descriptor(vector), 0));
}

static int act_map(const struct vector *vector, struct report *report)
{
	char *text = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, descriptor(vector), 0);

	if (text == MAP_FAILED)
		return -errno;
	snprintf(report->got, sizeof(report->got), "%s", text);
	return 0;
}

static int act_map_for_writing(const struct vector *vector, struct report *report)
{
	char *text = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, descriptor(vector), 0);

	(void)report;
	if (text == MAP_FAILED)
		return -errno;
	/* As long as the file is: the secret is longer than what is written. */
	memset(text, 0, strlen(vector->name));
	memcpy(text, FILE_WRITTEN, strlen(FILE_WRITTEN));
	return result_of(msync(text, 4096, MS_SYNC));
}

static int act_sendfile(const struct vector *vector, struct report *report)
{
	int to = memfd_create("copy", MFD_CLOEXEC);
	off_t begin = 0;

	if (sendfile(to, descriptor(vector), &begin, sizeof(report->got) - 1) < 0)
		return -errno;
	return result_of(pread(to, report->got, sizeof(report->got) - 1, 0));
}

static int act_splice(const struct vector *vector, struct report *report)
{
	loff_t begin = 0;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) ||
	    splice(descriptor(vector), &begin, ends[1], NULL, sizeof(report->got) - 1, 0) < 0)
		return -errno;
	return result_of(read(ends[0], report->got, sizeof(report->got) - 1));
}

static int act_copy_range(const struct vector *vector, struct report *report)
{
	int to = open(vector_path(vector, "copy"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	loff_t begin = 0;

	if (copy_file_range(descriptor(vector), &begin, to, NULL, sizeof(report->got) - 1, 0) < 0)
		return -errno;
	return result_of(pread(to, report->got, sizeof(report->got) - 1, 0));
}

static int open_folder(const struct vector *vector)
{
	return open(vector_path(vector, "folder"), O_RDONLY | O_DIRECTORY);
}

/* The only name in the folder is the vector's. */
static int act_list(const struct vector *vector, struct report *report)
{
	char entries[1024];
	long size = syscall(SYS_getdents64, descriptor(vector), entries, sizeof(entries));

	if (size < 0)
		return -errno;
	if (memmem(entries, size, vector->name, strlen(vector->name)))
		snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return 0;
}

/* A descriptor without a right but to be a place: what is opened there is judged by its own name. */
static int open_place(const struct vector *vector)
{
	return open(vector_path(vector, ""), O_PATH | O_DIRECTORY);
}

static int act_open_at(const struct vector *vector, struct report *report)
{
	int fd = openat(descriptor(vector), "secret", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : result_of(read(fd, report->got, sizeof(report->got) - 1));
}

/* What another process has open, by its name in /proc. */
static int act_open_of_other(const struct vector *vector, struct report *report)
{
	char path[64];
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getppid(), INHERITED_FD(vector));
	got = read_small(path, report->got, sizeof(report->got));
	return got < 0 ? got : 0;
}

/* --- preparations, and the far side --------------------------------------------------------- */

static void prepare_folder(const struct vector *vector)
{
	files_prepare(vector);
	mkdir(vector_path(vector, "folder"), 0755);
	mkdir(vector_path(vector, "folder/empty"), 0755);
	write_small(vector_path(vector, "other"), "other");
}

static void prepare_link(const struct vector *vector)
{
	prepare_folder(vector);
	need(!symlink(vector->name, vector_path(vector, "folder/link")), vector);
}

static void prepare_listed(const struct vector *vector)
{
	char file[NAME_SIZE + 16];

	files_prepare(vector);
	mkdir(vector_path(vector, "folder"), 0755);
	snprintf(file, sizeof(file), "folder/%s", vector->name);
	write_small(vector_path(vector, file), "");
}

static bool is_there(const struct vector *vector, const char *file)
{
	struct stat st;

	return !lstat(vector_path(vector, file), &st);
}

static unsigned int count_gone(const struct vector *vector, const struct report *report)
{
	(void)report;
	return !is_there(vector, vector->target);
}

static unsigned int count_folder_gone(const struct vector *vector, const struct report *report)
{
	(void)report;
	return !is_there(vector, "folder/empty");
}

static unsigned int count_made(const struct vector *vector, const struct report *report)
{
	(void)report;
	return is_there(vector, "folder/new");
}

static unsigned int count_mode(const struct vector *vector, const struct report *report)
{
	struct stat st = {};

	(void)report;
	stat(target(vector), &st);
	return (st.st_mode & 0777) == 0600;
}

static unsigned int count_owner(const struct vector *vector, const struct report *report)
{
	struct stat st = {};

	(void)report;
	stat(target(vector), &st);
	return st.st_uid == 1000;
}

static unsigned int count_begun(const struct vector *vector, const struct report *report)
{
	char text[NAME_SIZE] = "";

	(void)report;
	read_small(target(vector), text, sizeof(text));
	return !strncmp(text, FILE_WRITTEN, strlen(FILE_WRITTEN));
}

#define SECRET .target = "secret", .files = "secret", .seen_path = "secret", \
	.prepare = files_prepare
#define CHANGE(name) .hook = name, .seen_access = "write", SECRET
#define IN_FOLDER(name, file) .hook = name, .seen_access = "write", .files = "folder/", \
	.prepare = prepare_folder, .seen_path = file
#define MAKE(name) IN_FOLDER(name, "folder/new"), .count = count_made, .no_inode = true
#define OUT(name) .hook = name, .seen_access = "read,write", .target = "folder/secret", \
	.files = "folder/", .prepare = prepare_folder, .seen_path = "folder/secret", \
	.count = files_count_read
#define LOOK(name) .hook = name, .seen_access = "read", .count = files_count_read
#define INHERITED .open = open_target, .inherited = true, SECRET
#define PASSED .open = open_target, .hides_errno = true, .hook = "file_receive", \
	.seen_access = "read,write", SECRET
#define READ .hook = "file_permission", .seen_access = "read", .count = files_count_read
#define WRITE .hook = "file_permission", .seen_access = "write"

const struct vector file_operations_vectors[] = {
	{ CHANGE("path_truncate"), .name = "file-truncate", .act = act_truncate,
	  .count = files_count_truncated },
	{ CHANGE("path_unlink"), .name = "file-unlink", .act = act_unlink, .count = count_gone },
	{ CHANGE("path_chmod"), .name = "file-chmod", .act = act_chmod, .count = count_mode },
	{ CHANGE("path_chown"), .name = "file-chown", .act = act_chown, .count = count_owner },
	{ IN_FOLDER("path_rmdir", "folder/empty"), .name = "file-rmdir", .act = act_rmdir,
	  .count = count_folder_gone },
	{ MAKE("path_mkdir"), .name = "file-mkdir", .act = act_mkdir },
	{ MAKE("path_mknod"), .name = "file-mknod", .act = act_mknod },
	{ MAKE("path_mknod"), .name = "file-mknod-regular", .act = act_mknod_file, .by_the_way = true },
	{ MAKE("path_symlink"), .name = "file-symlink", .act = act_symlink },
	{ MAKE("path_link"), .name = "file-link-into", .act = act_link_into },
	{ MAKE("path_rename"), .name = "file-rename-into", .act = act_rename_into },
	{ MAKE("path_link"), .name = "file-link-nameless-into", .act = act_link_nameless },
	{ OUT("path_link"), .name = "file-link-out", .act = act_link_out },
	{ OUT("path_rename"), .name = "file-rename-out", .act = act_rename_out },
	{ .hook = "path_rename", .seen_access = "read,write", .target = "folder/secret",
	  .files = "folder/", .prepare = prepare_folder, .seen_path = "folder/secret",
	  .count = files_count_read, .name = "file-exchange", .act = act_exchange },
	{ LOOK("inode_getattr"), SECRET, .name = "file-stat", .act = act_stat },
	{ LOOK("inode_getattr"), SECRET, .name = "file-statx", .act = act_statx },
	{ LOOK("inode_getattr"), SECRET, .name = "file-stat-of-descriptor",
	  .act = act_stat_descriptor },
	{ LOOK("inode_readlink"), .files = "folder/", .prepare = prepare_link, .seen_path = "",
	  .name = "file-readlink", .act = act_readlink },
	{ READ, INHERITED, .name = "file-inherited-read", .act = act_read },
	{ READ, INHERITED, .name = "file-inherited-readv", .act = act_readv },
	{ READ, INHERITED, .name = "file-inherited-sendfile", .act = act_sendfile },
	{ READ, INHERITED, .name = "file-inherited-splice", .act = act_splice },
	{ READ, INHERITED, .name = "file-inherited-copy-range", .act = act_copy_range },
	{ READ, INHERITED, .access = "read", .name = "file-inherited-read-of-read-rule",
	  .act = act_read },
	{ WRITE, INHERITED, .name = "file-inherited-write", .act = act_write,
	  .count = files_count_written },
	{ .hook = "mmap_file", .seen_access = "read", INHERITED, .count = files_count_read,
	  .name = "file-inherited-map", .act = act_map },
	{ .hook = "mmap_file", .seen_access = "read,write", INHERITED, .count = count_begun,
	  .name = "file-inherited-map-for-writing", .act = act_map_for_writing },
	{ INHERITED, .seen_access = "write", .hook = "file_truncate|path_truncate",
	  .count = files_count_truncated,
	  .name = "file-inherited-truncate", .act = act_ftruncate },
	{ READ, .open = open_folder, .inherited = true, .files = "folder/", .seen_path = "folder",
	  .prepare = prepare_listed, .name = "file-inherited-folder", .act = act_list },
	{ LOOK("file_open"), .open = open_place, .inherited = true, SECRET,
	  .name = "file-inherited-place", .act = act_open_at },
	{ LOOK("file_open"), INHERITED, .name = "file-open-in-other-process",
	  .act = act_open_of_other },
	{ PASSED, .name = "file-passed-read", .act = act_read, .count = files_count_read },
	{ PASSED, .name = "file-passed-write", .act = act_write, .count = files_count_written },
	{},
};
