/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A unix socket as an object: the name it was bound to, by path or abstract, whatever alias led to
 * it, and the process that listens there.
 */
#pragma once

#include "path.bpf.h"

/* The process that a struct pid stands for. */
static __always_inline struct process_id process_of_pid(struct pid *pid)
{
	struct process_id id = {};
	struct hlist_node *link;
	struct task_struct *task;

	if (!pid)
		return id;
	id.pid = BPF_CORE_READ(pid, numbers[0].nr);
	link = BPF_CORE_READ(pid, tasks[PIDTYPE_TGID].first);
	if (!link)
		return id;
	task = (void *)link - bpf_core_field_offset(struct task_struct, pid_links[PIDTYPE_TGID]);
	id.start_ns = BPF_CORE_READ(task, start_boottime);
	return id;
}

/* Says which socket is meant: by the place of its file, or by its abstract name. False: it has no name,
 * and is nobody's object. */
static __noinline bool ipc_name(struct path_question *question, const struct sock *server)
{
	struct unix_address *address = KREAD(unix_sock, server, addr);
	const char *name;
	char first = 0;

	if (!address)
		return false;
	name = (const char *)address + bpf_core_field_offset(struct unix_address, name) +
	       sizeof(__u16);
	bpf_probe_read_kernel(&first, sizeof(first), name);
	if (first) {
		question->place.dentry = (__u64)KREAD(unix_sock, server, path.dentry);
		question->place.mnt = (__u64)KREAD(unix_sock, server, path.mnt);
	} else {
		question->abstract = true;
		question->text = (__u64)name + 1;
		question->text_length = KREAD(unix_address, address, len) - sizeof(__u16) - 1;
		question->place.dentry = (__u64)address;	/* what it is told apart by */
	}
	return true;
}

/* Judges whether the unix socket @server may be talked to. Who listens stands in @knows: itself, or a
 * socket that is connected to it. */
static __noinline long ipc_judge(const struct tag *tag, enum hook hook, const struct sock *server,
				 const struct sock *knows)
{
	struct path_question question = {
		.tag = *tag,
		.hook = hook,
		.object = CLASS_SOCKET,
		.access = ACCESS_READ,
		.tell = hook == HOOK_UNIX_STREAM_CONNECT ? TELL_ALWAYS : TELL_ONCE,
	};

	if (!ipc_name(&question, server))
		return 0;
	question.peer = process_of_pid(KREAD(sock, knows, sk_peer_pid));
	return judge_path(&question);
}

/* Judges what a unix socket is connected to already. */
static __always_inline long ipc_judge_peer(const struct tag *tag, struct sock *sk, enum hook hook)
{
	struct sock *peer = KREAD(unix_sock, sk, peer);

	return peer ? ipc_judge(tag, hook, peer, sk) : 0;
}
