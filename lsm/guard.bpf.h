/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a tagged task, root included, may not do to the fence and to what stands outside of it, as far
 * as it is done with files.
 */
#pragma once

#include "act.bpf.h"
#include "walk.bpf.h"

/* What stands in /proc/1/ns/mnt: the mount name space in which the fence is pinned. */
const volatile __u32 host_mount_namespace;

/* Who holds the fence or its records may be looked at, and asked whether it is there. */
static __always_inline bool is_keeper(struct process_id *id, struct task_struct *task)
{
	struct keeper *keeper;

	process_id_of(id, task);
	keeper = bpf_map_lookup_elem(&keepers, &id->pid);
	return keeper && keeper->start_ticks == id->start_ns / KEEPER_TICK_NS;
}

static __always_inline unsigned long magic_of(__u64 dentry)
{
	return KREAD(dentry, dentry, d_sb, s_magic);
}

/* A name, as far as it fits; the rest is zero. */
union short_name {
	char text[24];
	__u64 word[3];
};

static __always_inline union short_name short_name_at(const void *text)
{
	union short_name name = {};

	bpf_probe_read_kernel_str(name.text, sizeof(name.text), text);
	return name;
}

/* The name of a dentry. */
static __always_inline union short_name name_of(__u64 dentry)
{
	return short_name_at(KREAD(dentry, dentry, d_name.name));
}

/* By the word: the verifier would follow a branch for every letter. */
static __always_inline bool is_named(const union short_name *name, union short_name want)
{
	return !((name->word[0] ^ want.word[0]) | (name->word[1] ^ want.word[1]) |
		 (name->word[2] ^ want.word[2]));
}
#define IS_NAMED(name, want) is_named(name, (union short_name){ want })

/* Settings that switch every BPF program off, or name a program that the kernel starts as root; elsewhere
 * there are release_agent, uevent_helper and all of binfmt_misc. */
static __always_inline bool is_guarded_sysctl(const union short_name *name)
{
	return IS_NAMED(name, "ftrace_enabled") || IS_NAMED(name, "core_pattern") ||
	       IS_NAMED(name, "modprobe") || IS_NAMED(name, "poweroff_cmd") ||
	       IS_NAMED(name, "hotplug") || IS_NAMED(name, "sysrq-trigger");
}

struct keeper_search {
	__u64 cgroup;
	bool found;
};

static long keeper_step(struct bpf_map *map, const __u32 *pid, struct keeper *keeper,
			struct keeper_search *search)
{
	for (int i = 0; i < KEEPER_CGROUPS; i++)
		if (keeper->cgroups[i] == search->cgroup)
			search->found = true;
	return search->found;
}

/* Whether a control group has a keeper in it, or below. */
static __always_inline bool holds_keeper(__u64 dentry)
{
	struct dentry *parent = KREAD(dentry, dentry, d_parent);
	struct keeper_search search = { .cgroup = BPF_CORE_READ(parent, d_inode, i_ino) };

	bpf_for_each_map_elem(&keepers, keeper_step, &search, 0);
	return search.found;
}

/* What kills, stops or starves the processes of a control group; not what moves them, divides the
 * group or waits for pressure. */
static __always_inline bool is_guarded_in_cgroup(const union short_name *name, __u64 dentry)
{
	return !IS_NAMED(name, "cgroup.procs") && !IS_NAMED(name, "cgroup.threads") &&
	       !IS_NAMED(name, "cgroup.subtree_control") && !IS_NAMED(name, "cpu.pressure") &&
	       !IS_NAMED(name, "memory.pressure") && !IS_NAMED(name, "io.pressure") &&
	       holds_keeper(dentry);
}

/* Whether a file of /proc/PID makes the kernel kill a keeper before others. The folder's name is a number of
 * whatever pid name space that /proc is mounted for. */
static __always_inline bool is_guarded_of_process(const union short_name *name, __u64 dentry)
{
	__u64 inode = (__u64)KREAD(dentry, dentry, d_inode);
	__u64 of_proc = inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	struct pid *pid;
	__u32 number;

	if (!inode || (!IS_NAMED(name, "oom_score_adj") && !IS_NAMED(name, "oom_adj")))
		return false;
	pid = KREAD(proc_inode, of_proc, pid);
	number = BPF_CORE_READ(pid, numbers[0].nr);
	return bpf_map_lookup_elem(&keepers, &number);
}

static __noinline bool is_guarded_file(__u64 dentry)
{
	union short_name name = name_of(dentry);

	switch (magic_of(dentry)) {
	case PROC_SUPER_MAGIC:
		return is_guarded_sysctl(&name) || is_guarded_of_process(&name, dentry);
	case CGROUP2_SUPER_MAGIC:
		return is_guarded_in_cgroup(&name, dentry);
	case CGROUP_SUPER_MAGIC:
		return IS_NAMED(&name, "release_agent");
	case SYSFS_MAGIC:
		return IS_NAMED(&name, "uevent_helper");
	case BINFMTFS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* File systems that hold the pins, or hold those that do. */
static __always_inline bool is_of_pins(unsigned long magic)
{
	return magic == BPF_FS_MAGIC || magic == SYSFS_MAGIC;
}

static __always_inline bool is_at_host(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) == host_mount_namespace;
}

/* Whether what is mounted on a mount, or taken off it, changes what the host has. In a mount name space of
 * its own a task may do as it likes, but for mounts that are shared with others. */
static __always_inline bool shows_to_host(__u64 mount)
{
	return is_at_host() || KREAD(mount, mount, mnt_group_id);
}

static __noinline long guard_refuse_write(const struct tag *tag, enum hook hook, __u64 dentry)
{
	struct act act = act_against_fence(hook);

	act.tag = *tag;
	act_says_of(&act, "write ", KREAD(dentry, dentry, d_name.name));
	return judge_act(&act);
}

/* Judges that a file is opened for writing, or written. */
static __always_inline long guard_judge_write(const struct tag *tag, enum hook hook, __u64 dentry)
{
	return is_guarded_file(dentry) ? guard_refuse_write(tag, hook, dentry) : 0;
}

static __noinline long guard_refuse_removal(const struct tag *tag, enum hook hook, __u64 dentry)
{
	struct act act = act_against_fence(hook);

	act.tag = *tag;
	act_says_of(&act, "pin ", KREAD(dentry, dentry, d_name.name));
	return judge_act(&act);
}

/* Judges that an entry is removed, renamed or replaced: pins hold what they name in the kernel. */
static __always_inline long guard_judge_removal(const struct tag *tag, enum hook hook, __u64 dentry)
{
	return magic_of(dentry) == BPF_FS_MAGIC ? guard_refuse_removal(tag, hook, dentry) : 0;
}
