/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file_open: open(2) and what ends in one. Each vector has a folder with a secret in it, and opens
 * it under some name, in some way.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define HOOK "file_open"

/* --- what is done with the file ------------------------------------------------------------- */

static int write_in(int fd)
{
	ssize_t put;

	if (fd < 0)
		return -errno;
	put = write(fd, FILE_WRITTEN, strlen(FILE_WRITTEN));
	if (ftruncate(fd, strlen(FILE_WRITTEN)))
		put = -1;
	close(fd);
	return put < 0 ? -errno : 0;
}

static int target(const struct vector *vector, int flags)
{
	return open(vector_path(vector, vector->target), flags | O_CLOEXEC, 0644);
}

/* --- ways ----------------------------------------------------------------------------------- */

static int act_read(const struct vector *vector, struct report *report)
{
	return files_read_out(target(vector, O_RDONLY), report);
}

static int act_write(const struct vector *vector, struct report *report)
{
	(void)report;
	return write_in(target(vector, O_WRONLY));
}

static int act_read_write(const struct vector *vector, struct report *report)
{
	return files_read_out(target(vector, O_RDWR), report);
}

static int act_truncate(const struct vector *vector, struct report *report)
{
	(void)report;
	return target(vector, O_RDONLY | O_TRUNC) < 0 ? -errno : 0;
}

static int act_create(const struct vector *vector, struct report *report)
{
	(void)report;
	return write_in(open(vector_path(vector, "new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

/* Under the name @what, which the preparation made. */
static int act_read_what(const struct vector *vector, struct report *report)
{
	return files_read_out(open(vector_path(vector, vector->what), O_RDONLY | O_CLOEXEC), report);
}

/* The only entry is named like the vector. */
static int act_list(const struct vector *vector, struct report *report)
{
	DIR *folder = opendir(vector_path(vector, "folder"));
	struct dirent *entry;

	if (!folder)
		return -errno;
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			snprintf(report->got, sizeof(report->got), "%.55s", entry->d_name);
	closedir(folder);
	return 0;
}

static int act_relative(const struct vector *vector, struct report *report)
{
	if (chdir(vector_path(vector, "")))
		return -errno;
	return files_read_out(open("./secret", O_RDONLY | O_CLOEXEC), report);
}

static int act_openat(const struct vector *vector, struct report *report)
{
	int folder = open(vector_path(vector, ""), O_PATH | O_CLOEXEC);

	return files_read_out(openat(folder, "secret", O_RDONLY | O_CLOEXEC), report);
}

static int act_openat2(const struct vector *vector, struct report *report)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	int folder = open(vector_path(vector, ""), O_PATH | O_CLOEXEC);

	return files_read_out(syscall(SYS_openat2, folder, "/secret", &how, sizeof(how)), report);
}

static int act_own_root(const struct vector *vector, struct report *report)
{
	char path[600];

	snprintf(path, sizeof(path), "/proc/self/root%s", vector_path(vector, "secret"));
	return files_read_out(open(path, O_RDONLY | O_CLOEXEC), report);
}

/* O_PATH opens nothing yet; its name in /proc does. */
static int act_reopen(const struct vector *vector, struct report *report)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", target(vector, O_PATH));
	return files_read_out(open(path, O_RDONLY | O_CLOEXEC), report);
}

/* The kernel finds the file by a number that needs no name. */
static int act_by_handle(const struct vector *vector, struct report *report)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[MAX_HANDLE_SZ];
	} file = { .handle = { .handle_bytes = MAX_HANDLE_SZ } };
	int mount_id, folder = open(WORK, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (name_to_handle_at(AT_FDCWD, vector_path(vector, "secret"), &file.handle, &mount_id, 0))
		return -errno;
	return files_read_out(open_by_handle_at(folder, &file.handle, O_RDONLY | O_CLOEXEC), report);
}

static int act_bind_mount(const struct vector *vector, struct report *report)
{
	const char *other = vector_path(vector, "other");

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(vector_path(vector, "folder"), other, NULL, MS_BIND, NULL))
		return -errno;
	return files_read_out(open(vector_path(vector, "other/secret"), O_RDONLY | O_CLOEXEC), report);
}

static int act_bind_mounted_file(const struct vector *vector, struct report *report)
{
	const char *other = vector_path(vector, "other");

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(vector_path(vector, "secret"), other, NULL, MS_BIND, NULL))
		return -errno;
	return files_read_out(open(other, O_RDONLY | O_CLOEXEC), report);
}

static int act_chroot(const struct vector *vector, struct report *report)
{
	if (chroot(vector_path(vector, "")) || chdir("/"))
		return -errno;
	return files_read_out(open("/secret", O_RDONLY | O_CLOEXEC), report);
}

static int act_rename(const struct vector *vector, struct report *report)
{
	const char *other = vector_path(vector, "other");

	if (rename(vector_path(vector, "secret"), other))
		return -errno;
	return files_read_out(open(other, O_RDONLY | O_CLOEXEC), report);
}

/* A new file in place of the old: another identity under the name that the policy has. */
static int act_replace(const struct vector *vector, struct report *report)
{
	const char *other = vector_path(vector, "other"), *secret = vector_path(vector, "secret");

	if (write_small(other, vector->name) || rename(other, secret))
		return -errno;
	return files_read_out(open(secret, O_RDONLY | O_CLOEXEC), report);
}

/* The folder of the tree itself gets another name. */
static int act_rename_folder(const struct vector *vector, struct report *report)
{
	if (rename(vector_path(vector, "folder"), vector_path(vector, "other")))
		return -errno;
	return files_read_out(open(vector_path(vector, "other/secret"), O_RDONLY | O_CLOEXEC), report);
}

/* Executing opens: judged as a file as well. The program leaves a marker. */
static int act_execute(const struct vector *vector, struct report *report)
{
	char *argv[] = { "program", "mark", (char *)vector_path(vector, "marker"), NULL };
	int status = -1;
	pid_t child = fork();

	(void)report;
	if (!child) {
		execv(vector_path(vector, vector->target), argv);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* --- deep paths ----------------------------------------------------------------------------- */

/* Goes down by folders with names of @size bytes, making them, from the vector's folder. */
static void go_down(const struct vector *vector, size_t size, int depth)
{
	char name[256] = {};

	memset(name, 'd', size);
	need(!chdir(vector_path(vector, "")), vector);
	for (int i = 0; i < depth; i++)
		need((!mkdir(name, 0755) || errno == EEXIST) && !chdir(name), vector);
}

static void prepare_deep(const struct vector *vector, size_t size, int depth)
{
	files_prepare(vector);
	go_down(vector, size, depth);
	write_small("secret", vector->name);
	need(!chdir("/"), vector);
}

#define LONG_NAME 250
#define LONG_DEPTH 20			/* 5,000 bytes of path */
#define SHORT_DEPTH 80			/* past DENTRY_DEPTH_MAX of lsm/abi.h */

static void prepare_long_path(const struct vector *vector)
{
	prepare_deep(vector, LONG_NAME, LONG_DEPTH);
}

static int act_long_path(const struct vector *vector, struct report *report)
{
	go_down(vector, LONG_NAME, LONG_DEPTH);
	return files_read_out(open("secret", O_RDONLY | O_CLOEXEC), report);
}

static void prepare_deep_path(const struct vector *vector)
{
	prepare_deep(vector, 1, SHORT_DEPTH);
}

static int act_deep_path(const struct vector *vector, struct report *report)
{
	go_down(vector, 1, SHORT_DEPTH);
	return files_read_out(open("secret", O_RDONLY | O_CLOEXEC), report);
}

/* --- preparations --------------------------------------------------------------------------- */

static void prepare_hard_link(const struct vector *vector)
{
	files_prepare(vector);
	need(!link(vector_path(vector, vector->target), vector_path(vector, vector->what)), vector);
}

static void prepare_link(const struct vector *vector)
{
	files_prepare(vector);
	need(!symlink(vector_path(vector, vector->target), vector_path(vector, vector->what)), vector);
}

static void prepare_folder_link(const struct vector *vector)
{
	files_prepare(vector);
	need(!symlink(vector_path(vector, "folder"), vector_path(vector, "other")), vector);
}

static void prepare_other_folder(const struct vector *vector)
{
	files_prepare(vector);
	mkdir(vector_path(vector, "other"), 0755);
}

static void prepare_other_file(const struct vector *vector)
{
	files_prepare(vector);
	write_small(vector_path(vector, "other"), "");
}

static void prepare_named_file(const struct vector *vector)
{
	char file[NAME_SIZE + 16];

	files_prepare(vector);
	mkdir(vector_path(vector, "folder"), 0755);
	snprintf(file, sizeof(file), "folder/%s", vector->name);
	write_small(vector_path(vector, file), "");
}

/* Ways to read and to write. */
#define READ .hook = HOOK, .prepare = files_prepare, .count = files_count_read, \
	.target = "secret", .files = "secret", .seen_path = "secret", .seen_access = "read"
#define READ_AFTER(preparation) .hook = HOOK, .prepare = preparation, .count = files_count_read, \
	.seen_access = "read"
#define WRITE .hook = HOOK, .prepare = files_prepare, .count = files_count_written, \
	.target = "secret", .files = "secret", .seen_path = "secret", .seen_access = "write"

/* Of those that are let pass, the opening that follows is recorded as well. */
#define RENAME .hook = "path_rename", .prepare = files_prepare, .count = files_count_read, \
	.records = 2, .records_denied = 1

const struct vector file_identity_vectors[] = {
	{ READ, .name = "open-read", .act = act_read },
	{ WRITE, .name = "open-write", .act = act_write },
	{ READ, .name = "open-read-of-read-rule", .act = act_read, .access = "read" },
	{ WRITE, .name = "open-write-of-write-rule", .act = act_write, .access = "write" },
	{ READ, .name = "open-read-of-write-rule", .act = act_read, .access = "write",
	  .judged = NOT_JUDGED },
	{ WRITE, .name = "open-write-of-read-rule", .act = act_write, .access = "read",
	  .judged = NOT_JUDGED },
	{ .name = "open-truncate-of-write-rule", .hook = HOOK, .act = act_truncate,
	  .prepare = files_prepare, .count = files_count_truncated, .target = "secret",
	  .files = "secret", .access = "write", .seen_path = "secret",
	  .seen_access = "read,write" },
	{ .name = "open-read-write", .hook = HOOK, .act = act_read_write, .prepare = files_prepare,
	  .count = files_count_read, .target = "secret", .files = "secret", .seen_path = "secret",
	  .seen_access = "read,write" },
	{ .name = "open-read-write-of-read-rule", .hook = HOOK, .act = act_read_write,
	  .prepare = files_prepare, .count = files_count_read, .target = "secret",
	  .files = "secret", .access = "read", .seen_path = "secret",
	  .seen_access = "read,write" },
	{ .name = "open-read-write-of-write-rule", .hook = HOOK, .act = act_read_write,
	  .prepare = files_prepare, .count = files_count_read, .target = "secret",
	  .files = "secret", .access = "write", .seen_path = "secret",
	  .seen_access = "read,write" },
	/* Not even empty. */
	{ .name = "open-create", .hook = "path_mknod", .act = act_create, .no_inode = true, .prepare = files_prepare,
	  .count = files_count_written, .files = "new", .seen_path = "new",
	  .seen_access = "write" },
	{ READ_AFTER(files_prepare), .name = "open-below-tree", .act = act_read,
	  .target = "folder/a/b/secret", .files = "folder/", .seen_path = "folder/a/b/secret" },
	{ READ_AFTER(prepare_named_file), .name = "open-folder-of-tree", .act = act_list,
	  .files = "folder/", .seen_path = "folder" },
	{ READ_AFTER(prepare_named_file), .name = "open-folder-by-exact-path", .act = act_list,
	  .files = "folder", .seen_path = "folder" },
	{ READ_AFTER(files_prepare), .name = "open-below-exact-path", .act = act_read,
	  .target = "folder/secret", .files = "folder", .judged = NOT_JUDGED },
	{ READ_AFTER(files_prepare), .name = "open-name-that-begins-alike", .act = act_read,
	  .target = "secret-not", .files = "secret", .judged = NOT_JUDGED },
	{ READ_AFTER(files_prepare), .name = "open-folder-that-begins-alike", .act = act_read,
	  .target = "folder-not/secret", .files = "folder/", .judged = NOT_JUDGED },
	{ READ_AFTER(prepare_hard_link), .name = "open-hard-link", .act = act_read_what,
	  .what = "other", .target = "secret", .files = "secret", .seen_path = "other" },
	{ READ_AFTER(prepare_link), .name = "open-symbolic-link", .act = act_read_what,
	  .what = "other", .target = "secret", .files = "secret", .seen_path = "secret" },
	{ READ_AFTER(prepare_link), .name = "open-symbolic-link-in-policy", .act = act_read,
	  .what = "other", .target = "secret", .files = "other", .seen_path = "secret" },
	{ READ_AFTER(prepare_folder_link), .name = "open-through-linked-folder",
	  .act = act_read_what, .what = "other/secret", .target = "folder/secret",
	  .files = "folder/", .seen_path = "folder/secret" },
	{ READ_AFTER(prepare_other_folder), .name = "open-through-bind-mount",
	  .act = act_bind_mount, .target = "folder/secret", .files = "folder/",
	  .seen_path = "other/secret" },
	{ READ_AFTER(prepare_other_file), .name = "open-bind-mounted-file",
	  .act = act_bind_mounted_file, .target = "secret", .files = "secret",
	  .seen_path = "other" },
	{ READ_AFTER(files_prepare), .name = "open-in-chroot", .act = act_chroot,
	  .target = "secret", .files = "secret" },
	{ READ, .name = "open-relative", .act = act_relative },
	{ READ, .name = "open-at-folder", .act = act_openat },
	{ READ, .name = "open-in-root", .act = act_openat2 },
	{ READ, .name = "open-own-root", .act = act_own_root },
	{ READ, .name = "open-again-from-proc", .act = act_reopen },
	{ READ, .name = "open-by-handle", .act = act_by_handle },
	/* Renaming takes the permission to read and to write. */
	{ RENAME, .name = "open-renamed", .act = act_rename, .target = "secret",
	  .files = "secret", .seen_path = "secret", .seen_access = "read,write" },
	{ RENAME, .name = "open-replaced", .act = act_replace, .target = "secret",
	  .files = "secret", .seen_path = "secret", .seen_access = "write" },
	{ RENAME, .name = "open-in-renamed-folder", .act = act_rename_folder,
	  .target = "folder/secret", .files = "folder/", .seen_path = "folder",
	  .seen_access = "read,write" },
	{ READ_AFTER(prepare_long_path), .name = "open-path-too-long", .act = act_long_path,
	  .judged = BY_DOUBT, .seen_path = "" },
	{ READ_AFTER(prepare_deep_path), .name = "open-path-too-deep", .act = act_deep_path,
	  .judged = BY_DOUBT, .seen_path = "" },
	{ .name = "open-to-execute", .hook = HOOK, .act = act_execute, .prepare = execs_prepare,
	  .count = execs_count, .target = "program", .files = "program", .seen_path = "program",
	  .seen_access = "read" },
	{},
};

/* hooks open-long-path: of the folders that the round's preparation left. */
int open_long_path_main(int argc, char **argv)
{
	struct report report = {};

	(void)argc;
	(void)argv;
	for (const struct vector *vector = file_identity_vectors; vector->name; vector++)
		if (vector->act == act_long_path) {
			prepare_long_path(vector);
			return act_long_path(vector, &report) || strcmp(report.got, vector->name);
		}
	return 1;
}
