// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What a union file system does beneath the names that a tagged task uses.
 *
 *	inode_create, inode_link, inode_unlink, inode_symlink, inode_mkdir, inode_rmdir, inode_mknod,
 *	inode_rename		what changes a folder of its upper layer
 *	inode_setattr		chmod(2), chown(2) and truncate(2) there
 *
 * Threat: a mount that has a denied folder as its upper layer. The path_* hooks (file.bpf.c) see the names
 * that the union shows; what it then does to the layer, as whoever mounted it, only these see. (What it
 * opens there file_open sees.) Other changes were judged by path: here there is no mount, so that nothing
 * but the identity of a file could be told.
 */
#include "path.bpf.h"

/* Set before loading: whether the kernel hands an id mapping to inode_setattr, before the rest. */
const volatile bool setattr_has_idmap;

/* Whether the task acts with the credentials of another: of whoever mounted the union. */
static __always_inline bool is_beneath(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->cred != task->real_cred;
}

static __noinline long judge_beneath(const struct tag *tag, enum hook hook, __u64 dentry, __u8 access)
{
	struct path_question question = {
		.tag = *tag,
		.place = { .dentry = dentry },
		.hook = hook,
		.object = CLASS_FILE,
		.access = access,
		.rules_only = true,
		.tell = TELL_ONCE,
	};

	if (access & ACCESS_READ)
		question.also = CLASS_BIT(CLASS_EXEC) | CLASS_BIT(CLASS_SOCKET);
	return judge_path(&question);
}

#define BENEATH(name, NAME, ...) \
SEC("lsm/" #name) \
long BPF_PROG(beneath_##name, struct inode *dir, struct dentry *entry, ##__VA_ARGS__, int ret) \
{ \
	struct tag tag; \
\
	if (ret) \
		return ret; \
	if (!is_beneath() || !tag_of_current(&tag)) \
		return 0; \
	return hook_result(judge_beneath(&tag, HOOK_##NAME, (__u64)entry, ACCESS_WRITE)); \
}

BENEATH(inode_create, INODE_CREATE, __u16 mode)
BENEATH(inode_unlink, INODE_UNLINK)
BENEATH(inode_symlink, INODE_SYMLINK, const char *old_name)
BENEATH(inode_mkdir, INODE_MKDIR, __u16 mode)
BENEATH(inode_rmdir, INODE_RMDIR)
BENEATH(inode_mknod, INODE_MKNOD, __u16 mode, unsigned int device)

/* Judges that a file gets another name, or one more. */
static __noinline long judge_name_beneath(const struct tag *tag, enum hook hook,
					  const struct dentry *old, const struct dentry *new)
{
	long err = judge_beneath(tag, hook, (__u64)old, ACCESS_READ | ACCESS_WRITE);

	return err ?: judge_beneath(tag, hook, (__u64)new, ACCESS_WRITE);
}

SEC("lsm/inode_link")
long BPF_PROG(beneath_inode_link, struct dentry *old, struct inode *dir, struct dentry *entry, int ret)
{
	struct tag tag;

	if (ret)
		return ret;
	if (!is_beneath() || !tag_of_current(&tag))
		return 0;
	return hook_result(judge_name_beneath(&tag, HOOK_INODE_LINK, old, entry));
}

/* To exchange two files, the kernel asks for each direction. */
SEC("lsm/inode_rename")
long BPF_PROG(beneath_inode_rename, struct inode *old_dir, struct dentry *old, struct inode *new_dir,
	     struct dentry *new, int ret)
{
	struct tag tag;

	if (ret)
		return ret;
	if (!is_beneath() || !tag_of_current(&tag))
		return 0;
	return hook_result(judge_name_beneath(&tag, HOOK_INODE_RENAME, old, new));
}

/* What a hook is handed can only be read at places that the compiler knows: hence the barriers. */
SEC("lsm/inode_setattr")
long beneath_inode_setattr(unsigned long long *ctx)
{
	struct tag tag;
	__u64 dentry;
	int ret;

	if (setattr_has_idmap) {
		dentry = ctx[1];
		ret = ctx[3];
		barrier();
	} else {
		dentry = ctx[0];
		ret = ctx[2];
		barrier();
	}
	if (ret)
		return ret;
	if (!is_beneath() || !tag_of_current(&tag))
		return 0;
	return hook_result(judge_beneath(&tag, HOOK_INODE_SETATTR, dentry, ACCESS_WRITE));
}
