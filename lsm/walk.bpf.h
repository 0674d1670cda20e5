/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A place in the tree of files -> its name and its identities.
 *
 * One walk from the place up through its ancestors gathers both. The name is that from the root of
 * the task's mount name space, whatever root directory the task has chosen: chroot(2) gives no file
 * another name. The identities are those of the file and of every directory above it, on the way
 * that the name takes through mount points, and on the way to the root of its own file system: bind
 * mounts and links give no file another identity.
 *
 * bpf_d_path() would name the file as the task sees it, works in some hooks only, and knows nothing
 * of identities. What is read here is read with RCU held, without the kernel's locks: a rename at
 * the same time can mix two names of one file. Both are names that it had.
 */
#pragma once

#include "scratch.bpf.h"

/* A struct path as numbers, which may lie in any memory. */
struct place {
	__u64 dentry;			/* struct dentry * */
	__u64 mnt;			/* struct vfsmount *, or 0 where a hook is not told */
};

static __always_inline struct place place_of_path(const struct path *path)
{
	struct place place = {};

	bpf_probe_read_kernel(&place.dentry, sizeof(place.dentry), &path->dentry);
	bpf_probe_read_kernel(&place.mnt, sizeof(place.mnt), &path->mnt);
	return place;
}

/* An entry of the directory @dir, which need not exist. */
static __always_inline struct place place_in(const struct path *dir, const struct dentry *entry)
{
	struct place place = place_of_path(dir);

	place.dentry = (__u64)entry;
	return place;
}

static __always_inline struct place place_of_file(const struct file *file)
{
	return place_of_path(&file->f_path);
}


static __always_inline __u64 mount_of(__u64 vfsmount)
{
	return vfsmount ? vfsmount - bpf_core_field_offset(struct mount, mnt) : 0;
}

/* A name of the inode that is really opened, where that is not the one of the file's own name: a union
 * file system (overlayfs, before Linux 6.8) opens what it keeps elsewhere under the name that it shows.
 * 0: there is no other. */
static __always_inline __u64 other_dentry(const struct file *file, __u64 dentry)
{
	struct inode *inode = file->f_inode;
	struct hlist_node *alias;
	__u32 offset;

	if (!inode || inode == KREAD(dentry, dentry, d_inode))
		return 0;
	alias = KREAD(inode, inode, i_dentry.first);
	if (!alias)
		return 0;
	if (bpf_core_field_exists(struct dentry, d_alias))
		offset = bpf_core_field_offset(struct dentry, d_alias);
	else
		offset = bpf_core_field_offset(struct dentry___with_d_u, d_u.d_alias);
	return (__u64)alias - offset;
}

/* Whether a mount is the kernel's own, in nobody's name space: later kernels' way to open what a union
 * file system keeps elsewhere. */
static __always_inline bool is_private_mount(__u64 vfsmount)
{
	long owner = (long)KREAD(mount, mount_of(vfsmount), mnt_ns);

	return owner < 0 && owner >= -MAX_ERRNO;
}

/* Names of at most so many components, mount points included. */
#define WALK_STEPS (2 * DENTRY_DEPTH_MAX)
#define NAME_MAX 255

struct walk_context {
	struct scratch *scratch;
};

/* Adds the identity of a dentry to the chain. False: the chain is full. */
static __always_inline bool walk_identify(struct scratch *scratch, __u64 dentry)
{
	__u32 depth = scratch->path.depth;
	struct inode_id *id = &scratch->path.chain[depth & (DENTRY_DEPTH_MAX - 1)];
	struct inode *inode = KREAD(dentry, dentry, d_inode);

	if (depth >= DENTRY_DEPTH_MAX)
		return false;
	id->ino = inode ? BPF_CORE_READ(inode, i_ino) : 0;
	id->dev = scratch->walk.dev;
	scratch->path.depth = depth + 1;
	return true;
}

/* Puts "/" and a dentry's name before what is there. False: the name is too long. */
static __always_inline bool walk_name(struct scratch *scratch, __u64 dentry)
{
	const unsigned char *name = KREAD(dentry, dentry, d_name.name);
	__u32 length = KREAD(dentry, dentry, d_name.len);
	__u32 begin = scratch->walk.begin;

	if (length > NAME_MAX || begin < RECORD_TEXT_MAX - PATH_LENGTH_MAX + NAME_MAX + 1)
		return false;
	begin -= length;
	barrier_var(length);
	bpf_probe_read_kernel(&scratch->text[begin & (RECORD_TEXT_MAX - 1)], length & NAME_MAX, name);
	begin--;
	scratch->text[begin & (RECORD_TEXT_MAX - 1)] = '/';
	scratch->walk.begin = begin;
	return true;
}

static __always_inline void walk_enter(struct walk *walk, __u64 mount)
{
	walk->mount = mount;
	walk->mount_root = (__u64)KREAD(mount, mount, mnt.mnt_root);
	walk->dev = KREAD(mount, mount, mnt.mnt_sb, s_dev);
}

/* From a directory to its parent, or from the root of a mount to what it is mounted on. */
static long walk_step(__u32 i, void *ctx)
{
	struct scratch *scratch = ((struct walk_context *)ctx)->scratch;
	struct walk *walk = &scratch->walk;
	__u64 dentry = walk->dentry, parent;

	if (!walk_identify(scratch, dentry))
		return 1;
	if (dentry == walk->mount_root && walk->mount) {
		parent = (__u64)KREAD(mount, walk->mount, mnt_parent);
		walk->ended = parent == walk->mount;
		if (walk->ended)
			return 1;
		walk->dentry = (__u64)KREAD(mount, walk->mount, mnt_mountpoint);
		walk_enter(walk, parent);
		return 0;
	}
	parent = (__u64)KREAD(dentry, dentry, d_parent);
	if (parent == dentry && KREAD(dentry, dentry, d_flags) & DCACHE_DISCONNECTED)
		return 1;		/* opened by handle */
	if (parent == dentry && !walk->mount) {
		walk->ended = 1;	/* the root of a file system: its mount we do not know */
		return 1;
	}
	if (!walk_name(scratch, dentry))
		return 1;
	walk->dentry = parent;
	walk->ended = parent == dentry;	/* a file that was never anywhere: memfd_create(2) */
	return walk->ended;
}

/* On to the root of the file system, above the part of it that is mounted. */
static long walk_above_step(__u32 i, void *ctx)
{
	struct scratch *scratch = ((struct walk_context *)ctx)->scratch;
	struct walk *walk = &scratch->walk;
	__u64 parent = (__u64)KREAD(dentry, walk->dentry, d_parent);

	if (parent == walk->dentry)
		return 1;
	walk->dentry = parent;
	if (walk_identify(scratch, parent))
		return 0;
	walk->ended = 0;
	return 1;
}

/* Whether the walk ended elsewhere than at the root of the task's own mount name space. */
static __always_inline bool walk_is_foreign(const struct walk *walk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mount *root = BPF_CORE_READ(task, nsproxy, mnt_ns, root);

	return walk->mount != (__u64)root || walk->dentry != walk->mount_root;
}

/* Puts the gathered name at the beginning of the path. */
static __always_inline void walk_finish_name(struct scratch *scratch)
{
	__u32 begin = scratch->walk.begin, length = RECORD_TEXT_MAX - 1 - begin;

	if (!length) {
		scratch->path.path[0] = '/';
		scratch->path.path[1] = 0;
		scratch->path.length = 1;
		return;
	}
	if (length >= PATH_LENGTH_MAX)
		length = 0;
	scratch->path.length = length;
	barrier_var(length);
	bpf_probe_read_kernel(scratch->path.path, (length & (PATH_LENGTH_MAX - 1)) + 1,
			      &scratch->text[begin & (RECORD_TEXT_MAX - 1)]);
}

/* Fills in the path of @scratch: name, identities, and what the name is good for. False: not
 * all of it could be told; what could is there. */
static __always_inline bool walk_place(struct scratch *scratch, const struct place *place)
{
	struct walk_context ctx = { .scratch = scratch };
	struct walk *walk = &scratch->walk;

	scratch->path.depth = 0;
	scratch->path.length = 0;
	scratch->text[RECORD_TEXT_MAX - 1] = 0;
	walk->begin = RECORD_TEXT_MAX - 1;
	walk->dentry = place->dentry;
	walk->ended = 0;
	walk->mount = mount_of(place->mnt);
	if (walk->mount) {
		walk_enter(walk, walk->mount);
	} else {
		walk->mount_root = 0;
		walk->dev = KREAD(dentry, place->dentry, d_sb, s_dev);
	}
	bpf_loop(WALK_STEPS, walk_step, &ctx, 0);
	scratch->path.name = !place->mnt ? NAME_PARTIAL :
			     walk_is_foreign(walk) ? NAME_FOREIGN : NAME_OWN;
	if (walk->ended)
		walk_finish_name(scratch);
	if (place->mnt) {
		walk->dentry = (__u64)KREAD(vfsmount, place->mnt, mnt_root);
		walk->dev = KREAD(vfsmount, place->mnt, mnt_sb, s_dev);
		bpf_loop(DENTRY_DEPTH_MAX, walk_above_step, &ctx, 0);
	}
	return walk->ended;
}
