/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other names that files get by mounts: of union file systems, of copied trees, in name spaces of users,
 * beneath other mounts. Each vector has a folder with a secret, and all but the last few read it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hooks/hooks.h"

static int own_mounts(int flags)
{
	return unshare(CLONE_NEWNS | flags) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* --- union file systems --------------------------------------------------------------------- */

/* Beside the folder, which gets one below: one without anything, one for the file system's own use, one to
 * mount on. */
static void prepare_union(const struct vector *vector)
{
	static const char *const folders[] = { "empty", "work", "union", "folder/below" };

	if (vector->execs)
		execs_prepare(vector);
	else
		files_prepare(vector);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		need(!mkdir(vector_path(vector, folders[i]), 0755), vector);
}

/* @layer: how the folder takes part: "lower" or "upper". */
static int mount_union(const struct vector *vector, const char *layer)
{
	char text[2048];

	if (!strcmp(layer, "lower"))
		snprintf(text, sizeof(text), "lowerdir=%s:%s", vector_path(vector, "folder"),
			 vector_path(vector, "empty"));
	else
		snprintf(text, sizeof(text), "lowerdir=%s,upperdir=%s,workdir=%s",
			 vector_path(vector, "empty"), vector_path(vector, "folder"),
			 vector_path(vector, "work"));
	return own_mounts(0) ||
		mount("overlay", vector_path(vector, "union"), "overlay", 0, text) ? -errno : 0;
}

static const char *missing_union(const struct vector *vector)
{
	int context = syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);

	(void)vector;
	if (context < 0)
		return "the kernel has no overlayfs";
	close(context);
	return NULL;
}

static int act_union_read(const struct vector *vector, struct report *report)
{
	int err = mount_union(vector, vector->what);

	return err ?: files_read_out(open(vector_path(vector, "union/secret"), O_RDONLY | O_CLOEXEC),
			       report);
}

static int act_union_write(const struct vector *vector, struct report *report)
{
	int err = mount_union(vector, vector->what), fd;

	(void)report;
	if (err)
		return err;
	fd = open(vector_path(vector, "union/secret"), O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write(fd, FILE_WRITTEN, strlen(FILE_WRITTEN)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* To write into what lies below, the file system copies it up first. */
static int act_union_copy(const struct vector *vector, struct report *report)
{
	char text[2048];
	int fd;

	snprintf(text, sizeof(text), "lowerdir=%s,upperdir=%s,workdir=%s",
		 vector_path(vector, "folder"), vector_path(vector, "empty"),
		 vector_path(vector, "work"));
	if (own_mounts(0) || mount("overlay", vector_path(vector, "union"), "overlay", 0, text))
		return -errno;
	fd = open(vector_path(vector, "union/secret"), O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return files_read_out(open(vector_path(vector, "empty/secret"), O_RDONLY | O_CLOEXEC), report);
}

static int act_union_unlink(const struct vector *vector, struct report *report)
{
	int err = mount_union(vector, vector->what);

	(void)report;
	return err ?: unlink(vector_path(vector, "union/secret")) ? -errno : 0;
}

static int act_union_truncate(const struct vector *vector, struct report *report)
{
	int err = mount_union(vector, vector->what);

	(void)report;
	return err ?: truncate(vector_path(vector, "union/secret"), 0) ? -errno : 0;
}

static int act_union_rename(const struct vector *vector, struct report *report)
{
	int err = mount_union(vector, vector->what);

	(void)report;
	return err ?: rename(vector_path(vector, "union/secret"),
			     vector_path(vector, "union/other")) ? -errno : 0;
}

static int make_file(const char *old, const char *new)
{
	(void)old;
	return mknod(new, S_IFREG | 0644, 0);
}

static int make_link(const char *old, const char *new)
{
	return link(old, new);
}

static int make_symbolic_link(const char *old, const char *new)
{
	return symlink(old, new);
}

static int make_folder(const char *old, const char *new)
{
	(void)old;
	return mkdir(new, 0755);
}

static int make_pipe(const char *old, const char *new)
{
	(void)old;
	return mkfifo(new, 0644);
}

/* By the last word of the vector's name. */
static const struct {
	const char *name;
	int (*make)(const char *old, const char *new);
} makers[] = {
	{ "-create", make_file }, { "-link", make_link }, { "-symlink", make_symbolic_link },
	{ "-mkdir", make_folder }, { "-mkfifo", make_pipe },
};

static int act_union_make(const struct vector *vector, struct report *report)
{
	const char *old = vector_path(vector, "union/secret"), *new = vector_path(vector, "union/new");
	int err = mount_union(vector, vector->what);

	(void)report;
	for (size_t i = 0; !err && i < sizeof(makers) / sizeof(*makers); i++)
		if (!strcmp(strrchr(vector->name, '-'), makers[i].name))
			err = makers[i].make(old, new) ? -errno : 0;
	return err;
}

static int act_union_rmdir(const struct vector *vector, struct report *report)
{
	int err = mount_union(vector, vector->what);

	(void)report;
	return err ?: rmdir(vector_path(vector, "union/below")) ? -errno : 0;
}

static unsigned int count_folder_gone(const struct vector *vector, const struct report *report)
{
	(void)report;
	return access(vector_path(vector, "folder/below"), F_OK) != 0;
}

static unsigned int count_made(const struct vector *vector, const struct report *report)
{
	struct stat st;

	(void)report;
	return !lstat(vector_path(vector, "folder/new"), &st);
}

static unsigned int count_gone(const struct vector *vector, const struct report *report)
{
	struct stat st;

	(void)report;
	return lstat(vector_path(vector, vector->target), &st) || !S_ISREG(st.st_mode);
}

/* In a child; returns what it met. */
static int execute(const struct vector *vector, const char *path)
{
	char *argv[] = { "program", "mark", (char *)vector_path(vector, "marker"), NULL };
	int status = -1;
	pid_t child = fork();

	if (!child) {
		execv(path, argv);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int act_union_execute(const struct vector *vector, struct report *report)
{
	int err = mount_union(vector, vector->what);

	(void)report;
	return err ?: execute(vector, vector_path(vector, "union/program"));
}

/* --- trees ---------------------------------------------------------------------------------- */

static void prepare_other(const struct vector *vector)
{
	files_prepare(vector);
	mkdir(vector_path(vector, "other"), 0755);
}

/* A copy of the folder that is mounted nowhere. */
static int act_copied_tree(const struct vector *vector, struct report *report)
{
	int tree = syscall(SYS_open_tree, AT_FDCWD, vector_path(vector, "folder"),
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return -errno;
	return files_read_out(openat(tree, "secret", O_RDONLY | O_CLOEXEC), report);
}

static int act_moved_tree(const struct vector *vector, struct report *report)
{
	int tree = syscall(SYS_open_tree, AT_FDCWD, vector_path(vector, "folder"),
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0 || own_mounts(0) ||
	    syscall(SYS_move_mount, tree, "", AT_FDCWD, vector_path(vector, "other"),
		    MOVE_MOUNT_F_EMPTY_PATH))
		return -errno;
	return files_read_out(open(vector_path(vector, "other/secret"), O_RDONLY | O_CLOEXEC), report);
}

/* As anybody may, who may make name spaces. */
static int act_users_mount(const struct vector *vector, struct report *report)
{
	const char *other = vector_path(vector, "other");

	if (setgid(1000) || setuid(1000) || own_mounts(CLONE_NEWUSER) ||
	    mount(vector_path(vector, "folder"), other, NULL, MS_BIND | MS_REC, NULL))
		return -errno;
	return files_read_out(open(vector_path(vector, "other/secret"), O_RDONLY | O_CLOEXEC), report);
}

/* The folder's name is another's; whoever has it open reaches it. */
static int act_covered(const struct vector *vector, struct report *report)
{
	int folder = open(vector_path(vector, "folder"), O_PATH | O_CLOEXEC);

	if (own_mounts(0) || mount("tmpfs", vector_path(vector, "folder"), "tmpfs", 0, NULL))
		return -errno;
	return files_read_out(openat(folder, "secret", O_RDONLY | O_CLOEXEC), report);
}

static int act_other_root(const struct vector *vector, struct report *report)
{
	char path[600];

	snprintf(path, sizeof(path), "/proc/1/root%s", vector_path(vector, "folder/secret"));
	return files_read_out(open(path, O_RDONLY | O_CLOEXEC), report);
}

/* The folder becomes the root, and what was above it is gone. */
static int act_pivoted(const struct vector *vector, struct report *report)
{
	const char *folder = vector_path(vector, "folder");

	if (own_mounts(0) || mount(folder, folder, NULL, MS_BIND, NULL) || chdir(folder) ||
	    syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH))
		return -errno;
	return files_read_out(open("/secret", O_RDONLY | O_CLOEXEC), report);
}

#define READ OF_FOLDER, .hook = "file_open", .seen_access = "read"
/* What is mounted on the folder is judged, too. */
#define OVER OF_FOLDER, .hook = "sb_mount", .seen_access = "write", .records = 2, .records_denied = 1
#define OF_FOLDER .prepare = prepare_other, .count = files_count_read, .target = "folder/secret", \
	.files = "folder/"
#define UNION .missing = missing_union, .prepare = prepare_union, .target = "folder/secret", \
	.files = "folder/"
#define OPENED UNION, .hook = "file_open", .count = files_count_read, .seen_access = "read"
#define CHANGED UNION, .what = "upper"
#define MADE CHANGED, .act = act_union_make, .count = count_made, .seen_access = "write"

const struct vector mounts_vectors[] = {
	{ READ, .name = "mounts-copied-tree", .act = act_copied_tree },
	{ READ, .name = "mounts-moved-tree", .act = act_moved_tree, .seen_path = "other/secret" },
	{ READ, .name = "mounts-of-user", .act = act_users_mount, .seen_path = "other/secret" },
	{ OVER, .name = "mounts-covered", .act = act_covered },
	{ READ, .name = "mounts-other-root", .act = act_other_root, .seen_path = "folder/secret" },
	{ OVER, .name = "mounts-pivoted", .act = act_pivoted },
	{ OPENED, .name = "mounts-union-lower", .act = act_union_read, .what = "lower" },
	{ OPENED, .name = "mounts-union-upper", .act = act_union_read, .what = "upper" },
	{ UNION, .hook = "file_open|inode_getattr", .name = "mounts-union-copy",
	  .act = act_union_copy, .count = files_count_read, .seen_access = "read", .records = 2,
	  .records_denied = 1 },
	{ CHANGED, .hook = "file_open", .name = "mounts-union-write", .act = act_union_write,
	  .count = files_count_written, .seen_access = "write" },
	{ CHANGED, .hook = "inode_setattr", .name = "mounts-union-truncate", .act = act_union_truncate,
	  .count = files_count_truncated, .seen_access = "write" },
	{ CHANGED, .hook = "inode_rename|inode_unlink", .name = "mounts-union-unlink",
	  .act = act_union_unlink, .count = count_gone, .seen_access = "write" },
	{ CHANGED, .hook = "inode_rename", .name = "mounts-union-rename", .act = act_union_rename,
	  .count = count_gone, .seen_access = "read,write", .records = 2, .records_denied = 1 },
	{ MADE, .hook = "inode_create", .name = "mounts-union-create", .no_inode = true },
	{ MADE, .hook = "inode_mkdir", .name = "mounts-union-mkdir", .no_inode = true },
	{ MADE, .hook = "inode_mknod", .name = "mounts-union-mkfifo", .no_inode = true },
	{ MADE, .hook = "inode_symlink", .name = "mounts-union-symlink", .no_inode = true },
	{ CHANGED, .hook = "inode_link", .name = "mounts-union-link", .act = act_union_make,
	  .count = count_made, .seen_access = "read,write", .records = 2, .records_denied = 1 },
	{ CHANGED, .hook = "inode_rmdir", .name = "mounts-union-rmdir", .act = act_union_rmdir,
	  .count = count_folder_gone, .seen_access = "write" },
	{ .hook = "file_open", .missing = missing_union, .prepare = prepare_union,
	  .name = "mounts-union-execute", .act = act_union_execute, .count = execs_count,
	  .target = "folder/program", .execs = "folder/program", .seen_access = "read",
	  .what = "lower", .by_the_way = true },
	{},
};
