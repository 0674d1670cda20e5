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

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;			/* threads that have not begun to exit */
};

struct mm_struct {
	unsigned long arg_start, arg_end;
};

struct task_struct {
	int pid;			/* what user space calls the tid */
	int tgid;			/* and this the pid */
	__u64 start_boottime;		/* ns */
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct mm_struct *mm;
	char comm[16];
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct dentry {
	struct dentry *d_parent;	/* itself, at the root of a file system */
	struct inode *d_inode;
};

struct path {
	struct dentry *dentry;
};

struct file {
	unsigned int f_flags;
	unsigned int f_mode;
	struct path f_path;
	struct inode *f_inode;
};

struct linux_binprm {
	struct file *file;		/* what is executed now: for a script, first the script and
					 * then its interpreter */
	const char *filename;		/* what execve(2) was given */
	const char *interp;		/* the same pointer until an interpreter takes over */
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	unsigned short skc_family;
	int skc_bound_dev_if;
	__be32 skc_rcv_saddr;		/* where the socket is bound: IPv4, */
	struct in6_addr skc_v6_rcv_saddr; /* IPv6 */
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
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

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

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
#define SOCK_RAW	3

/* include/uapi/linux/in.h */
#define IPPROTO_TCP	6
#define IPPROTO_UDP	17
#define IPPROTO_DCCP	33
#define IPPROTO_SCTP	132
#define IPPROTO_UDPLITE	136
#define IPPROTO_MPTCP	262

/* include/linux/fs.h, include/uapi/asm-generic/fcntl.h */
#define FMODE_READ	0x1
#define FMODE_WRITE	0x2
#define O_TRUNC		01000

/* include/uapi/linux/sched.h */
#define CLONE_THREAD	0x10000

/* include/uapi/asm-generic/errno-base.h */
#define EPERM	1
#define EAGAIN	11
#define MAX_ERRNO 4095
