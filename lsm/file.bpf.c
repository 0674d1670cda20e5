// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What a tagged task may do with files.
 *
 *	file_open		open(2) and all that ends in one, for reading, writing or to be executed
 *	file_permission, file_truncate	use of descriptors that the task did not open under the ruleset
 *				in force; of sockets, by splice(2) and sendfile(2); of tun devices
 *	file_receive		descriptors that come from other processes
 *	path_*			what changes files by name; a write
 *	inode_getattr, inode_readlink	stat(2) and readlink(2); a read, of which the default does not speak
 *
 * Threat: another name for the same file. Names are second to identity; a file whose name or
 * ancestors cannot be told is denied where the policy has rules about files. Moving or linking a
 * file out of a folder would make another file of it: that takes the permission to read and to
 * write it. A program that may not be executed may not be read either, since what can be read can be
 * copied, or fed to an interpreter.
 */
#include "guard.bpf.h"
#include "ipc.bpf.h"
#include "net.bpf.h"

/* O_TRUNC writes even where the file is opened for reading; a mode of neither is doubt. */
static __always_inline __u8 access_of(const struct file *file)
{
	unsigned int mode = file->f_mode;
	__u8 access = 0;

	if (mode & FMODE_READ)
		access |= ACCESS_READ;
	if (mode & FMODE_WRITE || file->f_flags & O_TRUNC)
		access |= ACCESS_WRITE;
	return access ?: ACCESS_READ | ACCESS_WRITE;
}

/* What is opened to be executed is judged as a program by bprm_check_security. That sees what a union
 * file system shows, not what it opens in its place. */
static __always_inline bool is_read_as_program(const struct file *file, const struct place *place)
{
	return !(file->f_flags & FMODE_EXEC) || is_private_mount(place->mnt);
}

static __noinline long judge_open(const struct tag *tag, struct file *file)
{
	struct path_question question = {
		.tag = *tag,
		.place = place_of_file(file),
		.hook = HOOK_FILE_OPEN,
		.object = CLASS_FILE,
		.access = access_of(file),
		.tell = TELL_AGAIN,	/* a creation was told by path_mknod */
	};
	__u64 other = other_dentry(file, question.place.dentry);
	long err = 0;

	question.by_the_way = file->f_flags & FMODE_EXEC;
	if (question.access & ACCESS_WRITE)
		err = guard_judge_write(tag, HOOK_FILE_OPEN, question.place.dentry);
	if (question.access & ACCESS_READ && (other || is_read_as_program(file, &question.place)))
		question.also = CLASS_BIT(CLASS_EXEC);
	if (!err)
		err = judge_path(&question);
	if (err || !other)
		return err;
	question.place.dentry = other;
	question.place.mnt = 0;
	return judge_path(&question);
}

SEC("lsm/file_open")
long BPF_PROG(file_file_open, struct file *file, int ret)
{
	struct tag tag;

	if (ret)
		return ret;
	return tag_of_current(&tag) ? hook_result(judge_open(&tag, file)) : 0;
}

/* --- descriptors ----------------------------------------------------------------------------- */

/* Judges the use of a descriptor that is at hand. */
static __noinline long judge_descriptor(const struct tag *tag, enum hook hook, struct file *file,
					__u8 access)
{
	struct path_question question = {
		.tag = *tag,
		.place = place_of_file(file),
		.hook = hook,
		.object = CLASS_FILE,
		.access = access,
		.also = access & ACCESS_READ ? CLASS_BIT(CLASS_EXEC) : 0,
		.rules_only = hook != HOOK_FILE_RECEIVE,
		.tell = hook != HOOK_FILE_RECEIVE ? TELL_ONCE : TELL_ALWAYS,
	};
	long err = access & ACCESS_WRITE ? guard_judge_write(tag, hook, question.place.dentry) : 0;

	return err ?: judge_path(&question);
}

static __always_inline bool is_of_cgroup(const struct file *file)
{
	return file->f_inode->i_sb->s_magic == CGROUP2_SUPER_MAGIC;
}

static __always_inline long judge_socket(const struct tag *tag, enum hook hook, struct socket *sock)
{
	struct sock *sk = sock->sk;

	return sk ? judge_connected(tag, hook, sk) : 0;
}

SEC("lsm/file_permission")
long BPF_PROG(file_file_permission, struct file *file, int mask, int ret)
{
	struct socket *sock;
	__u8 access = 0;
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	sock = bpf_sock_from_file(file);
	if (sock)
		return hook_result(judge_socket(&tag, HOOK_FILE_PERMISSION, sock));
	if (is_tun(file))
		return hook_result(judge_tun(&tag, HOOK_FILE_PERMISSION, file));
	/* What was opened to be executed was opened right now. A control group may have got a keeper since it
	 * was opened. */
	if (file->f_flags & FMODE_EXEC ||
	    (!is_from_before(&tag) && !(mask & MAY_WRITE && is_of_cgroup(file))))
		return 0;
	if (mask & MAY_READ)
		access |= ACCESS_READ;
	if (mask & MAY_WRITE)
		access |= ACCESS_WRITE;
	return access ? hook_result(judge_descriptor(&tag, HOOK_FILE_PERMISSION, file, access)) : 0;
}

SEC("lsm/file_truncate")
long BPF_PROG(file_file_truncate, struct file *file, int ret)
{
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag) || !is_from_before(&tag))
		return 0;
	return hook_result(judge_descriptor(&tag, HOOK_FILE_TRUNCATE, file, ACCESS_WRITE));
}

static __noinline long judge_ring(const struct tag *tag)
{
	struct act act = act_against_fence(HOOK_FILE_RECEIVE);

	act.tag = *tag;
	act_says(&act, "io_uring");
	return judge_act(&act);
}

SEC("lsm/file_receive")
long BPF_PROG(file_file_receive, struct file *file, int ret)
{
	struct socket *sock;
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	sock = bpf_sock_from_file(file);
	if (sock)
		return hook_result(judge_socket(&tag, HOOK_FILE_RECEIVE, sock));
	if (is_ring(file))
		return hook_result(judge_ring(&tag));
	if (is_tun(file))
		return hook_result(judge_tun(&tag, HOOK_FILE_RECEIVE, file));
	return hook_result(judge_descriptor(&tag, HOOK_FILE_RECEIVE, file, access_of(file)));
}

/* --- changes by name ------------------------------------------------------------------------- */

static __noinline long judge_change(const struct tag *tag, enum hook hook,
					const struct place *place)
{
	struct path_question question = {
		.tag = *tag,
		.place = *place,
		.hook = hook,
		.object = CLASS_FILE,
		.access = ACCESS_WRITE,
		/* Linux 6.1 asks this hook for open(2) with O_TRUNC and for ftruncate(2), too. */
		.tell = hook == HOOK_PATH_TRUNCATE ? TELL_ONCE : TELL_ALWAYS,
	};
	long err = guard_judge_removal(tag, hook, place->dentry);

	return err ?: judge_path(&question);
}

/* What is to get another name: it is as good as read and written under that one. */
static __noinline long judge_naming(const struct tag *tag, enum hook hook,
					const struct place *place)
{
	struct path_question question = {
		.tag = *tag,
		.place = *place,
		.hook = hook,
		.object = CLASS_FILE,
		.access = ACCESS_READ | ACCESS_WRITE,
		.also = CLASS_BIT(CLASS_EXEC) | CLASS_BIT(CLASS_SOCKET),
	};
	long err = guard_judge_removal(tag, hook, place->dentry);

	return err ?: judge_path(&question);
}

#define CHANGE(name, NAME, what, ...) \
SEC("lsm/" #name) \
long BPF_PROG(file_##name, ##__VA_ARGS__, int ret) \
{ \
	struct place place; \
	struct tag tag; \
\
	if (ret) \
		return ret; \
	if (!tag_of_current(&tag)) \
		return 0; \
	place = what; \
	return hook_result(judge_change(&tag, HOOK_##NAME, &place)); \
}

CHANGE(path_truncate, PATH_TRUNCATE, place_of_path(path), const struct path *path)
CHANGE(path_chmod, PATH_CHMOD, place_of_path(path), const struct path *path, __u16 mode)
CHANGE(path_chown, PATH_CHOWN, place_of_path(path), const struct path *path, __u64 uid, __u64 gid)
CHANGE(path_unlink, PATH_UNLINK, place_in(dir, entry), const struct path *dir, struct dentry *entry)
CHANGE(path_rmdir, PATH_RMDIR, place_in(dir, entry), const struct path *dir, struct dentry *entry)
CHANGE(path_mkdir, PATH_MKDIR, place_in(dir, entry), const struct path *dir, struct dentry *entry,
       __u16 mode)
CHANGE(path_symlink, PATH_SYMLINK, place_in(dir, entry), const struct path *dir, struct dentry *entry,
       const char *old_name)

/* Regular files are made by open(2), whose file_open follows. */
SEC("lsm/path_mknod")
long BPF_PROG(file_path_mknod, const struct path *dir, struct dentry *entry, __u16 mode,
	     unsigned int device, int ret)
{
	struct path_question question = {
		.hook = HOOK_PATH_MKNOD,
		.object = CLASS_FILE,
		.access = ACCESS_WRITE,
	};

	if (ret)
		return ret;
	if (!tag_of_current(&question.tag))
		return 0;
	question.place = place_in(dir, entry);
	if ((mode & S_IFMT) == S_IFREG || !(mode & S_IFMT))
		question.tell = TELL_FIRST;
	return hook_result(judge_path(&question));
}

SEC("lsm/path_link")
long BPF_PROG(file_path_link, struct dentry *old, const struct path *dir, struct dentry *entry, int ret)
{
	struct place place;
	struct tag tag;
	long err;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	place = place_in(dir, old);	/* links do not leave a mount */
	err = judge_naming(&tag, HOOK_PATH_LINK, &place);
	place.dentry = (__u64)entry;
	return hook_result(err ?: judge_change(&tag, HOOK_PATH_LINK, &place));
}

SEC("lsm/path_rename")
long BPF_PROG(file_path_rename, const struct path *old_dir, struct dentry *old,
	      const struct path *new_dir, struct dentry *new, unsigned int flags, int ret)
{
	struct place place;
	struct tag tag;
	long err;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	place = place_in(old_dir, old);
	err = judge_naming(&tag, HOOK_PATH_RENAME, &place);
	if (err)
		return hook_result(err);
	place = place_in(new_dir, new);
	return hook_result(flags & RENAME_EXCHANGE ?
			   judge_naming(&tag, HOOK_PATH_RENAME, &place) :
			   judge_change(&tag, HOOK_PATH_RENAME, &place));
}

/* --- looks by name --------------------------------------------------------------------------- */

static __noinline long judge_look(const struct tag *tag, enum hook hook, const struct place *place)
{
	struct path_question question = {
		.tag = *tag,
		.place = *place,
		.hook = hook,
		.object = CLASS_FILE,
		.access = ACCESS_READ,
		.rules_only = true,
		.tell = TELL_ONCE,
	};

	return judge_path(&question);
}

SEC("lsm/inode_getattr")
long BPF_PROG(file_inode_getattr, const struct path *path, int ret)
{
	struct place place;
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	place = place_of_path(path);
	return hook_result(judge_look(&tag, HOOK_INODE_GETATTR, &place));
}

SEC("lsm/inode_readlink")
long BPF_PROG(file_inode_readlink, struct dentry *dentry, int ret)
{
	struct place place = { .dentry = (__u64)dentry };
	struct tag tag;

	if (ret)
		return ret;
	return tag_of_current(&tag) ?
		hook_result(judge_look(&tag, HOOK_INODE_READLINK, &place)) : 0;
}
