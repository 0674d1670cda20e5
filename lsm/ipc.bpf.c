// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Which unix sockets a tagged task may talk to: work that is handed to a daemon leaves the tree.
 *
 *	unix_stream_connect	connect(2) of streams and sequenced packets
 *	unix_may_send		datagrams: connect(2), and every message
 *
 * Messages on sockets that were connected before, or by others, come through socket_sendmsg and
 * socket_recvmsg (net.bpf.c).
 *
 * Threat: another name for the same socket: links, /proc/self/fd, bind mounts, relative paths. The
 * hooks are given the socket that was found; what counts is the name that it was bound to, and the
 * identity of that file.
 */
#include "ipc.bpf.h"

SEC("lsm/unix_stream_connect")
long BPF_PROG(ipc_unix_stream_connect, struct sock *sock, struct sock *other, struct sock *newsk, int ret)
{
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	return hook_result(ipc_judge(&tag, HOOK_UNIX_STREAM_CONNECT, other, other));
}

SEC("lsm/unix_may_send")
long BPF_PROG(ipc_unix_may_send, struct socket *sock, struct socket *other, int ret)
{
	struct sock *server;
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	server = other->sk;
	return server ? hook_result(ipc_judge(&tag, HOOK_UNIX_MAY_SEND, server, server)) : 0;
}
