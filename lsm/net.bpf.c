// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Whom a tagged task may talk to over the network.
 *
 *	socket_connect	connect(2): streams, and datagram sockets that fix their peer
 *	socket_sendmsg	messages: to an address of their own (unconnected datagrams, TCP Fast Open), and to
 *			the peer that the socket really has
 *	socket_recvmsg	the same for what is read
 *	sctp_bind_connect  sctp_connectx(3), address by address
 *	socket_create	sockets whose packets go where no address tells
 *	tun_dev_create, tun_dev_open  likewise
 *	netlink_send, socket_setsockopt  record what rewrites addresses or routes; the latter refuses
 *			headers of the socket's own
 *
 * Threat: an address that means one thing to a check and another to the kernel. What the kernel
 * will make of it is decided by the socket's family as much as by the address's own; what cannot be
 * told is denied where the policy speaks of addresses. And a socket that was connected by somebody
 * else: outside the run, before the tag, or by a program that rewrites addresses. So its peer is
 * judged again whenever it is used. That takes less time than looking up that it was judged before;
 * what is remembered of a socket is only that the run was told about it.
 *
 * Unix sockets are in ipc.bpf.c; netlink and AF_ALG sockets end in this kernel.
 */
#include "act.bpf.h"
#include "ipc.bpf.h"
#include "net.bpf.h"

static __noinline long judge_connect(const struct tag *tag, struct sock *sk, const void *name,
				     __u32 length)
{
	struct net_question question = {
		.tag = *tag,
		.hook = HOOK_SOCKET_CONNECT,
		.cookie = bpf_get_socket_cookie(sk),
		.once = true,		/* whoever does not wait, asks again */
	};
	struct attempt attempt = {
		.hook = HOOK_SOCKET_CONNECT,
		.name = name,
		.length = length,
	};

	destination_named(&question.to, sk, &attempt);
	return judge_destination(&question);
}

SEC("lsm/socket_connect")
long BPF_PROG(net_socket_connect, struct socket *sock, struct sockaddr *address, int addrlen, int ret)
{
	struct sock *sk;
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	sk = sock->sk;
	return sk ? hook_result(judge_connect(&tag, sk, address, addrlen)) : 0;
}

/* TCP and its kin send to their peer whatever address a message bears; all others to the address. */
static __always_inline bool ignores_names(const struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM || sk->sk_type == SOCK_SEQPACKET;
}

static __noinline long judge_message(const struct tag *tag, struct sock *sk, const struct msghdr *msg)
{
	struct net_question question = {
		.tag = *tag,
		.hook = HOOK_SOCKET_SENDMSG,
		.cookie = bpf_get_socket_cookie(sk),
	};
	struct attempt attempt = {
		.hook = HOOK_SOCKET_SENDMSG,
		.name = msg->msg_name,
		.length = msg->msg_namelen,
		.control = msg->msg_controllen,
	};
	long err = 0;

	if (attempt.control && obeys_control(sk)) {
		question.to.target = TARGET_UNKNOWN;
		question.to.family = sk->__sk_common.skc_family;
		return judge_destination(&question);
	}
	if (attempt.name) {
		destination_named(&question.to, sk, &attempt);
		err = judge_destination(&question);
	}
	if (!err && (!attempt.name || ignores_names(sk)))
		err = judge_peer(&question, sk);
	return err;
}

SEC("lsm/socket_sendmsg")
long BPF_PROG(net_socket_sendmsg, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	struct sock *sk;
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	sk = sock->sk;
	if (!sk)
		return 0;
	return hook_result(sk->__sk_common.skc_family == AF_UNIX ?
			   ipc_judge_peer(&tag, sk, HOOK_SOCKET_SENDMSG) :
			   judge_message(&tag, sk, msg));
}

SEC("lsm/socket_recvmsg")
long BPF_PROG(net_socket_recvmsg, struct socket *sock, struct msghdr *msg, int size, int flags, int ret)
{
	struct sock *sk;
	struct tag tag;

	if (ret)
		return ret;
	if (!tag_of_current(&tag))
		return 0;
	sk = sock->sk;
	return sk ? hook_result(judge_connected(&tag, HOOK_SOCKET_RECVMSG, sk)) : 0;
}

/* The addresses that sctp_connectx(3) packs one behind the other. */
struct sctp_list {
	struct net_question question;
	__u64 at;			/* const char *, */
	__u32 left;			/* and how much is there */
	__u32 unused;
	long err;
};

static long sctp_step(__u32 i, void *ctx)
{
	struct sctp_list *list = *(struct sctp_list **)ctx;
	struct destination *to = &list->question.to;
	union address address = {};
	__u32 size = sizeof(address.v4);

	if (list->left < size)
		return 1;
	bpf_probe_read_kernel(&address, sizeof(address), (const void *)list->at);
	to->family = address.family;
	to->endpoint.hi = 0;
	to->endpoint.proto = PROTO_OTHER;
	to->target = TARGET_UNKNOWN;
	if (address.family == AF_INET) {
		take_v4(to, &address);
	} else if (address.family == AF_INET6 && list->left >= sizeof(address.v6)) {
		take_v6(to, &address);
		size = sizeof(address.v6);
	}
	list->err = judge_destination(&list->question);
	list->at += size;
	list->left -= size;
	return list->err || to->target == TARGET_UNKNOWN;
}

#define SCTP_ADDRESSES 64

__noinline long judge_sctp(struct sctp_list *list)
{
	if (!list)
		return -EPERM;
	bpf_loop(SCTP_ADDRESSES, sctp_step, &list, 0);
	return list->err;
}

SEC("lsm/sctp_bind_connect")
long BPF_PROG(net_sctp_bind_connect, struct sock *sk, int optname, struct sockaddr *address,
	      int addrlen, int ret)
{
	struct sctp_list list = {
		.question.hook = HOOK_SCTP_BIND_CONNECT,
		.at = (__u64)address,
		.left = addrlen,
	};

	if (ret)
		return ret;
	/* The other options bind, or come with packets, when the task at hand is any. */
	if (optname != SCTP_SOCKOPT_CONNECTX || !tag_of_current(&list.question.tag))
		return 0;
	return hook_result(judge_sctp(&list));
}

SEC("lsm/socket_create")
long BPF_PROG(net_socket_create, int family, int type, int protocol, int kern, int ret)
{
	struct net_question question = { .hook = HOOK_SOCKET_CREATE };

	if (ret)
		return ret;
	if (kern || is_local(family) || is_inet(family) || !tag_of_current(&question.tag))
		return 0;
	return hook_result(judge_unaddressed(&question, family));
}

SEC("lsm/tun_dev_create")
long BPF_PROG(net_tun_dev_create, int ret)
{
	struct net_question question = { .hook = HOOK_TUN_DEV_CREATE };

	if (ret)
		return ret;
	return tag_of_current(&question.tag) ? hook_result(judge_unaddressed(&question, 0)) : 0;
}

SEC("lsm/tun_dev_open")
long BPF_PROG(net_tun_dev_open, void *security, int ret)
{
	struct net_question question = { .hook = HOOK_TUN_DEV_OPEN };

	if (ret)
		return ret;
	return tag_of_current(&question.tag) ? hook_result(judge_unaddressed(&question, 0)) : 0;
}

/* Requests of rtnetlink come in fours: new, delete, get, set (rtnetlink.h). */
#define RTM_BASE 16
#define RTM_IS_GET(type) (((type) - RTM_BASE & 3) == 2)

struct nlmsghdr {
	__u32 nlmsg_len;
	__u16 nlmsg_type;
};

static __always_inline struct act act_of_configuration(enum hook hook)
{
	struct act act = {
		.hook = hook,
		.object = CLASS_KERNEL,
		.decision = { .rule = RULE_BEHALF, .verdict = VERDICT_AUDIT },
	};

	return act;
}

SEC("lsm/netlink_send")
long BPF_PROG(net_netlink_send, struct sock *sk, struct sk_buff *skb, int ret)
{
	struct act act = act_of_configuration(HOOK_NETLINK_SEND);
	struct nlmsghdr header = {};

	if (ret)
		return ret;
	if (!tag_of_current(&act.tag))
		return 0;
	switch (sk->sk_protocol) {
	case NETLINK_NETFILTER:
		act_says(&act, "netfilter");
		break;
	case NETLINK_XFRM:
		act_says(&act, "xfrm");
		break;
	case NETLINK_ROUTE:
		bpf_probe_read_kernel(&header, sizeof(header), skb->data);
		if (header.nlmsg_type < RTM_BASE || RTM_IS_GET(header.nlmsg_type))
			return 0;
		act_says(&act, "rtnetlink");
		break;
	default:
		return 0;
	}
	return hook_result(judge_act(&act));
}

/* The options by which tables of rules are replaced; of IPv6, the first of them. */
static __always_inline bool is_of_netfilter(int level, int option)
{
	if (level == SOL_IPV6)
		return option == IPT_SO_SET_REPLACE;
	return level == SOL_IP &&
		(option == IPT_SO_SET_REPLACE || option == ARPT_SO_SET_REPLACE ||
		 option == EBT_SO_SET_ENTRIES ||
		 (option >= IP_VS_BASE_CTL && option < IP_VS_BASE_CTL + 64));
}

static __always_inline bool is_of_header(int level, int option)
{
	return (level == SOL_IP && option == IP_HDRINCL) ||
	       (level == SOL_IPV6 && option == IPV6_HDRINCL);
}

/* A raw socket that is to write its headers itself: set between the hook of a message and the sending of
 * it, that would go where no hook has looked. */
static __always_inline long judge_header(struct net_question *question, struct sock *sk)
{
	return sk->sk_type == SOCK_RAW ? judge_unaddressed(question, sk->__sk_common.skc_family) : 0;
}

SEC("lsm/socket_setsockopt")
long BPF_PROG(net_socket_setsockopt, struct socket *sock, int level, int option, int ret)
{
	struct net_question question = { .hook = HOOK_SOCKET_SETSOCKOPT };
	struct act act = act_of_configuration(HOOK_SOCKET_SETSOCKOPT);
	struct sock *sk;

	if (ret)
		return ret;
	sk = sock->sk;
	if (is_of_header(level, option) && sk && tag_of_current(&question.tag))
		return hook_result(judge_header(&question, sk));
	if (!is_of_netfilter(level, option) || !tag_of_current(&act.tag))
		return 0;
	act_says(&act, "netfilter");
	return hook_result(judge_act(&act));
}
