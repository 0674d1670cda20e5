// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Whom a tagged task may talk to.
 *
 *	socket_connect	connect(2): streams, and datagram sockets that fix their peer
 *	socket_sendmsg	a message with an address of its own: unconnected datagrams, and TCP Fast
 *			Open, which connects by sending
 *
 * Threat: an address that means one thing to a check and another to the kernel. What the kernel
 * will make of it is decided by the socket's family as much as by the address's own; what cannot be
 * told is denied where the policy speaks of addresses. Unix and netlink sockets are not the
 * network.
 */
#include "record.bpf.h"

enum target {
	TARGET_NONE,			/* nothing is reached: no object */
	TARGET_ENDPOINT,
	TARGET_UNKNOWN,			/* where it goes cannot be told: doubt */
};

struct destination {
	enum target target;
	__u16 family;			/* as passed */
	struct endpoint endpoint;
};

/* The longest address that is looked at. */
union address {
	__u16 family;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static __always_inline __u8 protocol_of(const struct socket *sock, const struct sock *sk)
{
	if (sock->type == SOCK_RAW)
		return PROTO_NONE;
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
		return PROTO_TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return PROTO_UDP;
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return PROTO_OTHER;
	default:
		return PROTO_NONE;
	}
}

static __always_inline void take_v4(struct destination *to, const union address *address)
{
	to->target = TARGET_ENDPOINT;
	to->endpoint.lo = ENDPOINT_V4_MAPPED << 32 | bpf_ntohl(address->v4.sin_addr);
	to->endpoint.port = bpf_ntohs(address->v4.sin_port);
}

static __always_inline void take_v6(struct destination *to, const union address *address)
{
	__be64 half[2];

	__builtin_memcpy(half, address->v6.sin6_addr, sizeof(half));
	to->target = TARGET_ENDPOINT;
	to->endpoint.hi = bpf_be64_to_cpu(half[0]);
	to->endpoint.lo = bpf_be64_to_cpu(half[1]);
	to->endpoint.port = bpf_ntohs(address->v6.sin6_port);
}

/* AF_UNSPEC dissolves a connection in connect(2). As the destination of a message it is IPv4 to an
 * IPv4 socket (udp_sendmsg(), raw_sendmsg()) and IPv6 to a raw IPv6 one; UDP over IPv6 takes it for
 * no address at all, in which case the connected peer was judged before. */
static __always_inline __u16 family_meant(__u16 passed, __u16 socket_family, enum hook hook)
{
	if (passed != AF_UNSPEC || hook == HOOK_SOCKET_CONNECT)
		return passed;
	return socket_family;
}

static __always_inline void read_address(struct destination *to, __u16 socket_family,
					 enum hook hook, const void *name, __u32 length)
{
	union address address = {};
	__u32 size = length;

	to->target = TARGET_UNKNOWN;
	if (size < sizeof(address.family))
		return;
	barrier_var(size);		/* compare the copy that is used */
	if (size > sizeof(address))
		size = sizeof(address);
	if (bpf_probe_read_kernel(&address, size, name))
		return;
	to->family = address.family;
	switch (family_meant(address.family, socket_family, hook)) {
	case AF_UNSPEC:
		to->target = TARGET_NONE;
		break;
	case AF_INET:
		if (length >= sizeof(address.v4))
			take_v4(to, &address);
		break;
	case AF_INET6:
		if (length >= SIN6_LEN_RFC2133)
			take_v6(to, &address);
		else if (address.family == AF_UNSPEC)
			to->target = TARGET_NONE;
		break;
	}
}

/* Whether the socket has a source address or device of its own. To the unspecified address the
 * kernel then connects it to that, or to an address of that device
 * (ip_route_output_key_hash_rcu()). A message can bring a source along as control data
 * (IP_PKTINFO). */
static __always_inline bool source_chosen(const struct sock *sk)
{
	const struct sock_common *common = &sk->__sk_common;

	return common->skc_rcv_saddr || common->skc_bound_dev_if ||
	       common->skc_v6_rcv_saddr.in6_u.u6_addr32[0] ||
	       common->skc_v6_rcv_saddr.in6_u.u6_addr32[1] ||
	       common->skc_v6_rcv_saddr.in6_u.u6_addr32[2] ||
	       common->skc_v6_rcv_saddr.in6_u.u6_addr32[3];
}

/* What a hook was called with. */
struct attempt {
	enum hook hook;
	const struct socket *sock;
	const void *name;		/* kernel copy of the address, */
	__u32 length;			/* and its size */
	bool control;			/* a message comes with control data */
};

static __always_inline void destination_of(struct destination *to, const struct attempt *attempt)
{
	const struct sock *sk = attempt->sock->sk;
	__u16 family;

	to->target = TARGET_UNKNOWN;
	if (!sk)
		return;
	family = sk->__sk_common.skc_family;
	switch (family) {
	case AF_UNIX:
	case AF_NETLINK:
		to->target = TARGET_NONE;
		break;
	case AF_INET:
	case AF_INET6:
		to->endpoint.proto = protocol_of(attempt->sock, sk);
		read_address(to, family, attempt->hook, attempt->name, attempt->length);
		if (to->endpoint.proto == PROTO_NONE)
			to->endpoint.port = 0;
		if (to->target == TARGET_ENDPOINT && endpoint_unspecified(&to->endpoint)) {
			if (attempt->control || source_chosen(sk))
				to->target = TARGET_UNKNOWN;
			else
				endpoint_normalise(&to->endpoint);
		}
		break;
	default:
		/* Other networks, some of which end in TCP (AF_SMC) or in bare packets
		 * (AF_PACKET). */
		to->family = family;
	}
}

static __always_inline struct decision decide_destination(const struct rules *rules,
							  const struct destination *to)
{
	const struct ruleset *head = rules->head;

	if (!head)
		return decision_doubt(RULE_NO_RULESET);
	if (to->target == TARGET_ENDPOINT)
		return decide_net(rules, &to->endpoint);
	/* Nothing to doubt in a policy that does not speak of addresses. */
	if (head->v4_start.count || head->v6_start.count)
		return decision_doubt(RULE_MALFORMED);
	return decision_of_rule(rules, CLASS_NET, RULE_DEFAULT);
}

static __always_inline void record_destination(struct record *record, enum hook hook,
					       const struct destination *to)
{
	__be64 half[2] = { bpf_cpu_to_be64(to->endpoint.hi), bpf_cpu_to_be64(to->endpoint.lo) };

	record->hook = hook;
	record->object = CLASS_NET;
	record->family = to->family;
	record->port = to->endpoint.port;
	record->proto = to->endpoint.proto;
	__builtin_memcpy(record->addr, half, sizeof(half));
}

static __always_inline long judge(const struct tag *tag, const struct attempt *attempt)
{
	struct destination to = {};
	struct decision decision;
	struct record record;
	struct rules rules;
	long err;

	destination_of(&to, attempt);
	if (to.target == TARGET_NONE)
		return 0;
	rules_of(tag, &rules);
	decision = decide_destination(&rules, &to);
	if (decision.verdict == VERDICT_ALLOW)
		return 0;
	record_begin(&record, RECORD_DECISION, tag, bpf_get_current_task_btf());
	record_destination(&record, attempt->hook, &to);
	err = record_decision(&record, &rules, tag, decision);
	record_submit(&record, sizeof(record));
	return err;
}

SEC("lsm/socket_connect")
long BPF_PROG(net_socket_connect, struct socket *sock, struct sockaddr *address, int addrlen,
	      int ret)
{
	struct attempt attempt = {
		.hook = HOOK_SOCKET_CONNECT,
		.sock = sock,
		.name = address,
		.length = addrlen,
	};
	struct tag *tag;

	if (ret)
		return ret;
	tag = tag_of_current();
	return tag ? judge(tag, &attempt) : 0;
}

SEC("lsm/socket_sendmsg")
long BPF_PROG(net_socket_sendmsg, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	struct attempt attempt = { .hook = HOOK_SOCKET_SENDMSG, .sock = sock };
	struct tag *tag;

	if (ret)
		return ret;
	tag = tag_of_current();
	if (!tag)
		return 0;
	attempt.name = msg->msg_name;
	attempt.length = msg->msg_namelen;
	attempt.control = msg->msg_controllen;
	return attempt.name ? judge(tag, &attempt) : 0;
}
