// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What a tagged task, root included, may not do to the fence and to what stands outside of it.
 *
 *	bpf, bpf_map, bpf_prog	no programs that could decide, rewrite or write; no maps or programs of
 *				the fence
 *	sb_umount		no unmounting of the pins (removing and mounting over them: file.bpf.c,
 *				behalf.bpf.c)
 *	ptrace_access_check	no memory, registers or descriptors of a process of another run, or of none
 *	task_kill, file_send_sigiotask, task_setrlimit
 *				no signal or limit for who holds the fence
 *	cgroup_attach_task	where those are who hold it
 *	locked_down, kernel_read_file, kernel_load_data
 *				no /dev/mem, no kexec, no kernel modules
 *	file_ioctl, file_ioctl_compat  no typing into terminals
 *
 * Threat: a deploy that runs as root. It is no stranger on this host: what it can do in the open, by
 * writing a unit file or a cron job, is audited where it can be seen. What it must not do is switch
 * the fence off for itself, or have a process act for it that knows nothing of it.
 */
#include "guard.bpf.h"

/* --- bpf(2) ---------------------------------------------------------------------------------- */

/* Programs of these types see packets, or devices, and can only drop and refuse them. All others can
 * change what a deploy reaches, or what is found out about it. */
static __always_inline bool is_harmless_program(__u32 type)
{
	return type == BPF_PROG_TYPE_SOCKET_FILTER || type == BPF_PROG_TYPE_CGROUP_SKB ||
	       type == BPF_PROG_TYPE_CGROUP_DEVICE;
}

SEC("lsm/bpf")
long BPF_PROG(guard_bpf, int cmd, union bpf_attr *attr, unsigned int size)
{
	struct act act = act_against_fence(HOOK_BPF);

	if (!tag_of_current(&act.tag))
		return 0;
	switch (cmd) {
	case BPF_PROG_LOAD:
		if (is_harmless_program(BPF_CORE_READ(attr, prog_type)))
			return 0;
		act_says(&act, "bpf program load");
		break;
	case BPF_LINK_UPDATE:
	case BPF_LINK_DETACH:
		act_says(&act, "bpf link change");
		break;
	default:
		return 0;
	}
	return hook_result(judge_act(&act));
}

/* The chunks of rulesets are known by their size. */
static __always_inline bool is_our_map(const struct bpf_map *map)
{
	return map->value_size == RULESET_CHUNK ||
	       map == (void *)&tags || map == (void *)&rulesets || map == (void *)&runs ||
	       map == (void *)&logged || map == (void *)&ring || map == (void *)&losses ||
	       map == (void *)&duty || map == (void *)&about || map == (void *)&told ||
	       map == (void *)&keepers || map == (void *)&scratches || map == (void *)&late ||
	       map == (void *)&late_orphans || map == (void *)&notice ||
	       map == (void *)&enter_names || map == (void *)&enter_groups ||
	       map == (void *)&entering || map == (void *)&waiving ||
	       map == (void *)&allowed;
}

SEC("lsm/bpf_map")
long BPF_PROG(guard_bpf_map, struct bpf_map *map, unsigned int fmode, int ret)
{
	struct act act = act_against_fence(HOOK_BPF_MAP);

	if (ret)
		return ret;
	if (!tag_of_current(&act.tag) || !is_our_map(map))
		return 0;
	act_says(&act, "bpf map of the fence");
	return hook_result(judge_act(&act));
}

SEC("lsm/bpf_prog")
long BPF_PROG(guard_bpf_prog, struct bpf_prog *prog, int ret)
{
	struct act act = act_against_fence(HOOK_BPF_PROG);

	if (ret)
		return ret;
	if (!tag_of_current(&act.tag) || is_harmless_program(prog->type))
		return 0;
	act_says(&act, "bpf program");
	return hook_result(judge_act(&act));
}

/* The root with all below it, as umount2("/", MNT_DETACH) takes it off. It may lie on others: on that of the
 * initramfs, which on Linux 7 lies on one that is empty. */
#define ROOTS_MAX 8

static __always_inline bool is_root(__u64 mount)
{
	for (int i = 0; i < ROOTS_MAX; i++) {
		__u64 parent = (__u64)KREAD(mount, mount, mnt_parent);

		if (parent == mount)
			break;
		if (KREAD(mount, mount, mnt_mountpoint) != KREAD(mount, parent, mnt.mnt_root))
			return false;
		mount = parent;
	}
	return true;
}

SEC("lsm/sb_umount")
long BPF_PROG(guard_sb_umount, struct vfsmount *mnt, int flags, int ret)
{
	struct act act = act_against_fence(HOOK_SB_UMOUNT);
	__u64 mount = mount_of((__u64)mnt);

	if (ret)
		return ret;
	if (!tag_of_current(&act.tag) ||
	    !shows_to_host((__u64)KREAD(mount, mount, mnt_parent)) ||
	    (!is_of_pins(BPF_CORE_READ(mnt, mnt_sb, s_magic)) &&
	     !(flags & MNT_DETACH && is_root(mount))))
		return 0;
	act_says(&act, "umount of the fence's pins");
	return hook_result(judge_act(&act));
}

/* --- processes outside ----------------------------------------------------------------------- */

SEC("lsm/ptrace_access_check")
long BPF_PROG(guard_ptrace_access_check, struct task_struct *child, unsigned int mode, int ret)
{
	struct act act = act_against_fence(HOOK_PTRACE_ACCESS_CHECK);
	struct tag other;

	if (ret)
		return ret;
	if (!(mode & PTRACE_MODE_ATTACH) || !tag_of_current(&act.tag))
		return 0;
	if (tag_of(child, &other) && other.run == act.tag.run)
		return 0;
	process_id_of(&act.peer, child);
	act_says(&act, "ptrace");
	return hook_result(judge_act(&act));
}

/* Nor may a process that one of them has just made, before it is a keeper itself, or tagged. */
static __always_inline bool is_out_of_reach(struct process_id *id, struct task_struct *task)
{
	struct task_struct *parent = task->real_parent;
	struct process_id parent_id;
	struct tag tag;

	return is_keeper(id, task) || (parent && !tag_of(task, &tag) && is_keeper(&parent_id, parent));
}

static __always_inline long judge_signal(struct act *act)
{
	act_says(act, "signal");
	return judge_act(act);
}

SEC("lsm/task_kill")
long BPF_PROG(guard_task_kill, struct task_struct *target, void *info, int sig, void *cred, int ret)
{
	struct act act = act_against_fence(HOOK_TASK_KILL);

	if (ret)
		return ret;
	if (!sig || !tag_of_current(&act.tag) || !is_out_of_reach(&act.peer, target))
		return 0;
	return hook_result(judge_signal(&act));
}

/* A signal from a file that has the target for its owner, F_SETOWN of fcntl(2). Whoever happens to
 * run when the file has news sends it, so that it is not known who asked for it: keepers never do. */
SEC("lsm/file_send_sigiotask")
long BPF_PROG(guard_file_send_sigiotask, struct task_struct *target, void *owner, int sig,
	      int ret)
{
	struct act act = act_against_fence(HOOK_FILE_SEND_SIGIOTASK);

	if (ret)
		return ret;
	if (!is_keeper(&act.peer, target))
		return 0;
	if (!tag_of(bpf_get_current_task_btf(), &act.tag))
		return -EPERM;
	return tag_of_current(&act.tag) ? hook_result(judge_signal(&act)) : 0;
}

SEC("lsm/task_setrlimit")
long BPF_PROG(guard_task_setrlimit, struct task_struct *target, unsigned int resource, void *limit,
	     int ret)
{
	struct act act = act_against_fence(HOOK_TASK_SETRLIMIT);

	if (ret)
		return ret;
	if (!tag_of_current(&act.tag) || !is_out_of_reach(&act.peer, target))
		return 0;
	act_says(&act, "limit");
	return hook_result(judge_act(&act));
}

/* A keeper that was moved: it is its new control group now that is not to be killed or frozen. Those of old
 * hierarchies (hierarchy_id > 0) cannot kill. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(guard_cgroup_attach_task, struct cgroup *group, const char *path, struct task_struct *leader,
	     bool threads)
{
	struct keeper *keeper;
	struct process_id id;
	__u64 at = (__u64)group;

	if (BPF_CORE_READ(group, root, hierarchy_id) || !is_keeper(&id, leader))
		return 0;
	keeper = bpf_map_lookup_elem(&keepers, &id.pid);
	for (int i = 0; keeper && i < KEEPER_CGROUPS; i++) {
		keeper->cgroups[i] = at ? KREAD(cgroup, at, kn, id) : 0;
		at = at ? (__u64)KREAD(cgroup, at, self.parent) : 0;
	}
	return 0;
}

/* --- the kernel ------------------------------------------------------------------------------ */

SEC("lsm/locked_down")
long BPF_PROG(guard_locked_down, enum lockdown_reason what, int ret)
{
	struct act act = act_against_fence(HOOK_LOCKED_DOWN);

	if (ret)
		return ret;
	/* Who may read all memory may read what any process has read. */
	if (what != bpf_core_enum_value(enum lockdown_reason, LOCKDOWN_KCORE) &&
	    what >= bpf_core_enum_value(enum lockdown_reason, LOCKDOWN_INTEGRITY_MAX))
		return 0;
	if (!tag_of_current(&act.tag))
		return 0;
	act_says(&act, "change of the kernel");
	return hook_result(judge_act(&act));
}

SEC("lsm/kernel_read_file")
long BPF_PROG(guard_kernel_read_file, struct file *file, enum kernel_read_file_id id)
{
	struct act act = act_against_fence(HOOK_KERNEL_READ_FILE);

	if (!tag_of_current(&act.tag))
		return 0;
	if (id == bpf_core_enum_value(enum kernel_read_file_id, READING_MODULE))
		act_says(&act, "kernel module");
	else if (id == bpf_core_enum_value(enum kernel_read_file_id, READING_KEXEC_IMAGE) ||
		 id == bpf_core_enum_value(enum kernel_read_file_id, READING_KEXEC_INITRAMFS))
		act_says(&act, "kexec image");
	else
		return 0;
	return hook_result(judge_act(&act));
}

SEC("lsm/kernel_load_data")
long BPF_PROG(guard_kernel_load_data, enum kernel_load_data_id id)
{
	struct act act = act_against_fence(HOOK_KERNEL_LOAD_DATA);

	if (!tag_of_current(&act.tag))
		return 0;
	if (id == bpf_core_enum_value(enum kernel_load_data_id, LOADING_MODULE))
		act_says(&act, "kernel module");
	else if (id == bpf_core_enum_value(enum kernel_load_data_id, LOADING_KEXEC_IMAGE) ||
		 id == bpf_core_enum_value(enum kernel_load_data_id, LOADING_KEXEC_INITRAMFS))
		act_says(&act, "kexec image");
	else
		return 0;
	return hook_result(judge_act(&act));
}

/* --- terminals ------------------------------------------------------------------------------- */

static __always_inline long judge_ioctl(enum hook hook, unsigned int cmd)
{
	struct act act = act_against_fence(hook);

	if ((cmd != TIOCSTI && cmd != TIOCLINUX) || !tag_of_current(&act.tag))
		return 0;
	act_says(&act, "terminal input");
	return judge_act(&act);
}

SEC("lsm/file_ioctl")
long BPF_PROG(guard_file_ioctl, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	if (ret)
		return ret;
	return hook_result(judge_ioctl(HOOK_FILE_IOCTL, cmd));
}

SEC("lsm/file_ioctl_compat")
long BPF_PROG(guard_file_ioctl_compat, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	if (ret)
		return ret;
	return hook_result(judge_ioctl(HOOK_FILE_IOCTL_COMPAT, cmd));
}
