/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel's types as far as the programs look into them. Only the named fields matter: libbpf
 * moves every access to where the running kernel keeps the field (CO-RE). Kept by hand so that a
 * build needs neither the build host's BTF nor its kernel headers.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* --- tasks --- */

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	int nr_threads;
	atomic_t live;			/* threads that have not begun to exit */
};

struct mm_struct {
	unsigned long arg_start, arg_end;
	struct file *exe_file;
};

/* include/linux/cgroup-defs.h */
struct kernfs_node {
	__u64 id;			/* the inode number that stat(2) shows */
};

struct cgroup_root {
	int hierarchy_id;		/* 0: that of cgroup v2 */
};

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self; /* at the beginning: the parent's is the parent */
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;	/* in the hierarchy of cgroup v2 */
};

struct list_head {
	struct list_head *next;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;		/* of the namespace that it is in; 0: the initial one */
	struct hlist_head tasks[4];	/* by enum pid_type */
	struct upid numbers[1];		/* by level */
};
#define PIDTYPE_TGID 1

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct io_uring_task;

struct task_struct {
	unsigned int flags;		/* PF_* */
	int pid;			/* what user space calls the tid */
	int tgid;			/* and this the pid */
	__u64 start_boottime;		/* ns */
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct list_head children;	/* their `sibling`: processes that this thread forked */
	struct list_head sibling;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	const struct cred *real_cred;	/* who it is, */
	const struct cred *cred;	/* and as whom it acts */
	struct io_uring_task *io_uring;	/* set once the task has used a ring */
	struct pid *thread_pid;		/* NULL once it is gone */
	struct hlist_node pid_links[4];	/* by enum pid_type */
	struct bpf_local_storage *bpf_storage;
	char comm[16];
};

/* What tag.bpf.h walks where the helper has no answer. */
struct bpf_local_storage_map;

struct bpf_local_storage_data {
	struct bpf_local_storage_map *smap;
	__u8 data[1];
};

struct bpf_local_storage_elem {
	struct hlist_node snode;
	struct bpf_local_storage_data sdata;
};

struct bpf_local_storage {
	struct hlist_head list;
};

/* --- files --- */

struct super_block {
	__u32 s_dev;
	unsigned long s_flags;		/* SB_* */
	unsigned long s_magic;
	struct dentry *s_root;
	struct file_system_type *s_type;
};

struct file_system_type {
	const char *name;
	int fs_flags;			/* FS_* */
};

struct inode {
	unsigned short i_mode;
	__u32 i_rdev;			/* of a device: its major and minor, as the kernel packs them */
	unsigned long i_ino;
	struct super_block *i_sb;
	struct hlist_head i_dentry;	/* its names: d_alias of each */
};

struct proc_inode {
	struct pid *pid;		/* that a file below /proc/PID is about */
	struct inode vfs_inode;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct dentry {
	unsigned int d_flags;		/* DCACHE_* */
	struct dentry *d_parent;	/* itself, at the root of a file system */
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
	struct hlist_node d_alias;
};

struct dentry___with_d_u {		/* as late as 6.12 */
	union {
		struct hlist_node d_alias;
	} d_u;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct mount {
	struct mount *mnt_parent;	/* itself, at the root of a mount name space */
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;	/* an errno for a mount of the kernel's own */
	int mnt_group_id;		/* of those that what is mounted on one of is mounted on all; or 0 */
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	unsigned int f_flags;
	unsigned int f_mode;
	struct path f_path;
	struct inode *f_inode;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct linux_binprm {
	struct file *file;		/* what is executed now: for a script, first the script and
					 * then its interpreter */
	const char *filename;		/* what execve(2) was given */
	const char *interp;		/* the same pointer until an interpreter takes over */
};

struct fs_context {
	struct file_system_type *fs_type;
};

/* --- sockets --- */

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	int skc_bound_dev_if;
	__be32 skc_rcv_saddr;		/* where the socket is bound: IPv4, */
	struct in6_addr skc_v6_rcv_saddr; /* IPv6 */
	__be32 skc_daddr;		/* its peer, 0 where it has none */
	struct in6_addr skc_v6_daddr;
	__be16 skc_dport;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u16 sk_type;
	struct pid *sk_peer_pid;	/* of a listening unix socket, or one that is connected to it:
					 * who listens */
};

/* Whether a raw socket writes the IP header itself. */
struct inet_sock {
	unsigned long inet_flags;
};

struct inet_sock___before_6_7 {
	__u8 hdrincl: 1;
};
#define INET_FLAGS_HDRINCL 12

struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;			/* of the address, with its family */
	struct sockaddr_un name[1];
};

struct unix_sock {
	struct unix_address *addr;	/* NULL: it has no name */
	struct path path;
	struct sock *peer;
};

/* Present for as long as splice and sendfile reach a socket past socket_sendmsg (before 6.5). */
struct proto_ops {
	void *sendpage;
};

struct socket {
	short type;
	struct sock *sk;
};

struct msghdr {
	void *msg_name;			/* kernel copy of the address, or NULL */
	int msg_namelen;
	unsigned long msg_controllen;
};

struct sockaddr {
	unsigned short sa_family;
};

struct sk_buff {
	unsigned char *data;
};

/* --- the rest --- */

struct key_type {
	const char *name;
};

struct key {
	struct key_type *type;
};

struct bpf_map {
	__u32 id;
	__u32 value_size;
};

struct bpf_prog {
	enum bpf_prog_type type;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

enum lockdown_reason {
	LOCKDOWN_INTEGRITY_MAX = 21,
	LOCKDOWN_KCORE = 22,
};

enum kernel_read_file_id {
	READING_MODULE = 2,
	READING_KEXEC_IMAGE = 3,
	READING_KEXEC_INITRAMFS = 4,
};

enum kernel_load_data_id {
	LOADING_MODULE = 2,
	LOADING_KEXEC_IMAGE = 3,
	LOADING_KEXEC_INITRAMFS = 4,
};

#pragma clang attribute pop

/* Reads KREAD(type, address, field, field of that, ...) of a struct by its address. BPF_CORE_READ()
 * would relocate what leads to the address, too. */
#define KREAD(type, address, ...) ({ \
	const struct type *object_ = (const void *)(address); \
	BPF_CORE_READ(object_, __VA_ARGS__); \
})

/* Addresses as user space passes them (ip(7), ipv6(7)): copied, never looked into by CO-RE. */
struct sockaddr_in {
	__u16 sin_family;
	__be16 sin_port;
	__be32 sin_addr;
	__u8 unused[8];
};

struct sockaddr_in6 {
	__u16 sin6_family;
	__be16 sin6_port;
	__be32 sin6_flowinfo;
	__u8 sin6_addr[16];
	__u32 sin6_scope_id;
};
#define SIN6_LEN_RFC2133 24		/* the kernel takes an address without sin6_scope_id */

/* include/linux/socket.h */
#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define AF_NETLINK	16
#define AF_ALG		38
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_RAW	3
#define SOCK_SEQPACKET	5
#define TCP_ESTABLISHED	1		/* of SCTP, too */

/* include/uapi/linux/in.h */
#define IPPROTO_TCP	6
#define IPPROTO_UDP	17
#define IPPROTO_DCCP	33
#define IPPROTO_SCTP	132
#define IPPROTO_UDPLITE	136
#define IPPROTO_MPTCP	262

/* include/uapi/linux/sctp.h */
#define SCTP_SOCKOPT_CONNECTX	110

/* include/linux/socket.h; include/uapi/linux/netfilter_*, ip_vs.h */
#define SOL_IP			0
#define SOL_IPV6		41
#define IP_HDRINCL		3
#define IPV6_HDRINCL		36
#define IPT_SO_SET_REPLACE	64
#define ARPT_SO_SET_REPLACE	96
#define EBT_SO_SET_ENTRIES	128
#define IP_VS_BASE_CTL		1152

/* include/uapi/linux/netlink.h, rtnetlink.h */
#define NETLINK_ROUTE		0
#define NETLINK_XFRM		6
#define NETLINK_NETFILTER	12

/* include/linux/fs.h, include/uapi/asm-generic/fcntl.h, include/uapi/linux/stat.h */
#define FMODE_READ	0x1
#define FMODE_WRITE	0x2
#define FMODE_EXEC	0x20		/* in f_flags, where open(2) cannot set it */
#define O_TRUNC		01000
#define MAY_EXEC	0x1
#define MAY_WRITE	0x2
#define MAY_READ	0x4
#define S_IFMT		0170000
#define S_IFCHR		0020000
#define S_IFREG		0100000
#define SB_NOUSER	(1UL << 31)	/* no user can ever mount it: pipes, sockets, anon_inode */
#define RENAME_EXCHANGE	2
#define DCACHE_DISCONNECTED (1 << 5)	/* its way to the root is not known */
#define FS_REQUIRES_DEV	1
#define FS_USERNS_MOUNT	8
#define MS_REMOUNT	32
#define MS_BIND		4096
#define MS_MOVE		8192
#define MNT_DETACH	2
#define MS_UNBINDABLE	(1 << 17)
#define MS_PRIVATE	(1 << 18)
#define MS_SLAVE	(1 << 19)
#define MS_SHARED	(1 << 20)

/* include/uapi/linux/magic.h */
#define SYSFS_MAGIC		0x62656572
#define PROC_SUPER_MAGIC	0x9fa0
#define BPF_FS_MAGIC		0xcafe4a11
#define CGROUP2_SUPER_MAGIC	0x63677270
#define CGROUP_SUPER_MAGIC	0x27e0eb
#define BINFMTFS_MAGIC		0x42494e4d

/* include/uapi/asm-generic/mman-common.h */
#define PROT_READ	0x1
#define PROT_WRITE	0x2
#define PROT_EXEC	0x4
#define MAP_SHARED	0x1

/* include/uapi/asm-generic/ioctls.h */
#define TIOCSTI		0x5412
#define TIOCLINUX	0x541c

/* include/linux/ptrace.h */
#define PTRACE_MODE_ATTACH 0x2

/* include/uapi/linux/sched.h */
#define CLONE_PARENT	0x8000
#define CLONE_THREAD	0x10000
#define CLONE_INTO_CGROUP 0x200000000UL

/* include/uapi/asm-generic/signal.h */
#define SIGKILL	9

/* include/uapi/asm-generic/errno-base.h; include/linux/errno.h */
#define EPERM	1
#define EAGAIN	11
#define EEXIST	17
#define ENOPARAM 519
#define MAX_ERRNO 4095
