/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where a socket, or an address passed with one, leads; and what the policy says about it.
 */
#pragma once

#include "ipc.bpf.h"

enum target {
	TARGET_NONE,			/* nothing is reached: no object */
	TARGET_ENDPOINT,
	TARGET_UNKNOWN,			/* where it goes cannot be told: doubt */
};

struct destination {
	__u32 target;			/* enum target */
	__u16 family;			/* as passed */
	__u16 unused;
	struct endpoint endpoint;
};

/* What is asked about a destination; passed by address, as struct path_question is. */
struct net_question {
	struct tag tag;
	struct destination to;
	__u64 cookie;			/* of the socket */
	__u8 hook;			/* enum hook */
	__u8 once;			/* of a socket and where it is connected to, the run is told once */
	__u8 silent;			/* decide_destination(): it is not to be recorded */
	struct decision decision;
	struct outcome outcome;
};

/* The longest address that is looked at. */
union address {
	__u16 family;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static __always_inline __u8 protocol_of(const struct sock *sk)
{
	if (sk->sk_type == SOCK_RAW)
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

#define FAMILY_DOUBTFUL 0xffff

/* AF_UNSPEC dissolves a connection in connect(2). As the destination of a message it is IPv4 to an
 * IPv4 socket (udp_sendmsg(), raw_sendmsg()) and IPv6 to a raw IPv6 one. UDP over IPv6 takes it for
 * no address at all and sends to the peer, or to IPv4 where another thread makes an IPv4 socket of it
 * meanwhile (IPV6_ADDRFORM): that cannot be told. */
static __always_inline __u16 family_meant(__u16 passed, const struct sock *sk, enum hook hook)
{
	__u16 family = sk->__sk_common.skc_family;

	if (passed != AF_UNSPEC || hook == HOOK_SOCKET_CONNECT)
		return passed;
	return family == AF_INET6 && sk->sk_type == SOCK_DGRAM ? FAMILY_DOUBTFUL : family;
}

static __always_inline void read_address(struct destination *to, const struct sock *sk,
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
	switch (family_meant(address.family, sk, hook)) {
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

/* A raw socket whose messages bring an IP header of their own: that says where they go. */
static __always_inline bool writes_header(const struct sock *sk)
{
	const struct inet_sock *inet = (const struct inet_sock *)sk;

	if (sk->sk_type != SOCK_RAW)
		return false;
	if (bpf_core_field_exists(inet->inet_flags))
		return BPF_CORE_READ(inet, inet_flags) & 1UL << INET_FLAGS_HDRINCL;
	return BPF_CORE_READ_BITFIELD_PROBED((const struct inet_sock___before_6_7 *)sk, hdrincl);
}

/* Control data of SCTP names further addresses of a new peer, or a peer of many by its number. A stream
 * that has its peer keeps to that. */
static __always_inline bool obeys_control(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_SCTP &&
		(sk->sk_type != SOCK_STREAM || sk->__sk_common.skc_state != TCP_ESTABLISHED);
}

/* Families whose sockets reach nothing but this kernel and the processes on it. */
static __always_inline bool is_local(__u16 family)
{
	return family == AF_UNIX || family == AF_NETLINK || family == AF_ALG;
}

static __always_inline bool is_inet(__u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

/* What a hook was told about an address. */
struct attempt {
	const void *name;		/* kernel copy of the address, */
	__u32 length;			/* and its size */
	enum hook hook;
	bool control;			/* a message comes with control data */
};

/* Where a message or connection to an address of its own goes. */
static __always_inline void destination_named(struct destination *to, const struct sock *sk,
					      const struct attempt *attempt)
{
	__u16 family = sk->__sk_common.skc_family;

	to->target = TARGET_NONE;
	if (is_local(family))
		return;
	to->family = family;
	to->target = TARGET_UNKNOWN;
	/* Other networks, some of which end in TCP (AF_SMC) or in bare packets (AF_PACKET). */
	if (!is_inet(family) || writes_header(sk))
		return;
	to->endpoint.proto = protocol_of(sk);
	read_address(to, sk, attempt->hook, attempt->name, attempt->length);
	if (to->endpoint.proto == PROTO_NONE)
		to->endpoint.port = 0;
	if (to->target == TARGET_ENDPOINT && endpoint_unspecified(&to->endpoint)) {
		if (attempt->control || source_chosen(sk))
			to->target = TARGET_UNKNOWN;
		else
			endpoint_normalise(&to->endpoint);
	}
}

/* Where a socket leads that has a peer. */
static __always_inline void destination_peer(struct destination *to, const struct sock *sk)
{
	const struct sock_common *common = &sk->__sk_common;
	struct in6_addr address = {};
	__be64 half[2];

	to->target = TARGET_NONE;
	to->family = common->skc_family;
	if (is_local(to->family))
		return;
	to->target = TARGET_UNKNOWN;
	if (!is_inet(to->family) || writes_header(sk))
		return;
	to->endpoint.proto = protocol_of(sk);
	to->endpoint.port = to->endpoint.proto == PROTO_NONE ? 0 : bpf_ntohs(common->skc_dport);
	to->target = TARGET_ENDPOINT;
	if (to->family == AF_INET) {
		to->endpoint.lo = ENDPOINT_V4_MAPPED << 32 | bpf_ntohl(common->skc_daddr);
	} else {
		bpf_probe_read_kernel(&address, sizeof(address), &common->skc_v6_daddr);
		__builtin_memcpy(half, &address, sizeof(half));
		to->endpoint.hi = bpf_be64_to_cpu(half[0]);
		to->endpoint.lo = bpf_be64_to_cpu(half[1]);
	}
	if (endpoint_unspecified(&to->endpoint))
		to->target = TARGET_NONE;
}

/* --- the decision ---------------------------------------------------------------------------- */

static __always_inline bool speaks_of_addresses(const struct ruleset *head)
{
	return head->v4_start.count || head->v6_start.count;
}

/* In a function of its own, so that the verifier need not look at what comes after once for every way
 * through it. */
__noinline int decide_destination(struct net_question *question)
{
	struct rules rules;

	if (!question)
		return 0;
	rules_of(&question->tag, &rules);
	if (!rules.head)
		question->decision = decision_doubt(RULE_NO_RULESET);
	else if (question->to.target == TARGET_ENDPOINT)
		question->decision = decide_net(&rules, &question->to.endpoint);
	else if (speaks_of_addresses(rules.head))
		question->decision = decision_doubt(RULE_MALFORMED);
	else	/* Nothing to doubt in a policy that does not speak of addresses. */
		question->decision = decision_of_rule(&rules, CLASS_NET, RULE_DEFAULT);
	waive(&rules, &question->tag, &question->decision);
	question->silent = question->decision.verdict == VERDICT_ALLOW && rules.head &&
		!decision_is_told(rules.head, recording_of(&question->tag, rules.head), &question->decision);
	return 0;
}

static __always_inline void record_destination(struct record *record, __u8 hook,
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

static __always_inline struct told told_of_socket(const struct net_question *question)
{
	struct told key = {
		.run = question->tag.run,
		.object = question->cookie,
		.hi = question->to.endpoint.hi,
		.lo = question->to.endpoint.lo,
		.what = (__u32)question->to.endpoint.port << 16 | CLASS_NET,
		.process = bpf_get_current_pid_tgid() >> 32,
		.generation = question->outcome.generation,
	};

	return key;
}

/* Of what is allowed, a process tells once where it goes, whatever sockets it uses. */
static __always_inline struct allowed allowed_destination(const struct net_question *question)
{
	const struct destination *to = &question->to;
	struct allowed key = {
		.hi = to->endpoint.hi,
		.lo = to->endpoint.lo,
		.what = (__u32)(to->target == TARGET_ENDPOINT ? to->endpoint.port : to->family) << 16 |
			(__u32)to->endpoint.proto << 8 | CLASS_NET,
		.generation = question->outcome.generation,
	};

	process_id_of(&key.process, bpf_get_current_task_btf());
	return key;
}

static __noinline bool is_first_of_destination(const struct net_question *question)
{
	struct allowed key = allowed_destination(question);

	if (!bpf_map_lookup_elem(&allowed, &key))
		return true;
	count_repeated(question->tag.run);
	return false;
}

static __noinline bool is_told_of_socket(const struct net_question *question)
{
	struct told key = told_of_socket(question);

	return bpf_map_lookup_elem(&told, &key);
}

/* Whether what was let pass is to be recorded. */
static __always_inline bool is_news_of_socket(const struct net_question *question)
{
	if (question->decision.verdict == VERDICT_ALLOW)
		return is_first_of_destination(question);
	return !question->once || !is_told_of_socket(question);
}

static __noinline int keep_allowed_destination(const struct net_question *question)
{
	struct allowed key = allowed_destination(question);
	__u32 value = 1;

	bpf_map_update_elem(&allowed, &key, &value, BPF_ANY);
	return 0;
}

static __noinline int keep_told_of_socket(const struct net_question *question)
{
	struct told key = told_of_socket(question);
	__u32 value = 1;

	bpf_map_update_elem(&told, &key, &value, BPF_ANY);
	return 0;
}

/* What was recorded is no news any more. */
static __always_inline void keep_news_of_socket(const struct net_question *question)
{
	if (question->decision.verdict == VERDICT_ALLOW)
		keep_allowed_destination(question);
	else
		keep_told_of_socket(question);
}

/* Judges a destination for a tagged task: what the hook returns, to be passed through
 * hook_result(). */
__noinline long judge_destination(struct net_question *question)
{
	struct record_about about;
	struct record *record;
	struct rules rules;

	if (!question)
		return -EPERM;
	if (question->to.target == TARGET_NONE)
		return 0;
	decide_destination(question);
	if (question->silent)
		return 0;
	rules_of(&question->tag, &rules);
	outcome_of(&question->outcome, &question->tag, &rules, &question->decision);
	if (!question->outcome.err && !is_news_of_socket(question))
		return 0;
	about = record_about_decision(&question->tag, question->decision.verdict);
	record = record_open(&about, sizeof(*record));
	if (!record)
		return outcome_unrecorded(&question->outcome, question->tag.run);
	record_outcome(record, &question->outcome, &question->decision);
	record_destination(record, question->hook, &question->to);
	record_close(record);
	if (!question->outcome.err)
		keep_news_of_socket(question);
	return question->outcome.err;
}

/* Where no address will ever tell where packets go. */
static __always_inline long judge_unaddressed(struct net_question *question, __u16 family)
{
	question->to.target = TARGET_UNKNOWN;
	question->to.family = family;
	return judge_destination(question);
}

/* A tun device, misc device 200 (Documentation/admin-guide/devices.txt): what is written to it are packets. */
#define TUN_DEVICE (10 << 20 | 200)

static __always_inline bool is_tun(const struct file *file)
{
	return (file->f_inode->i_mode & S_IFMT) == S_IFCHR && file->f_inode->i_rdev == TUN_DEVICE;
}

/* Judges the use of one that somebody else has set up. */
static __noinline long judge_tun(const struct tag *tag, enum hook hook, const struct file *file)
{
	struct net_question question = {
		.tag = *tag,
		.hook = hook,
		.cookie = (__u64)file,
		.once = true,
	};

	return judge_unaddressed(&question, 0);
}

/* Judges what a socket is connected to. */
static __always_inline long judge_peer(struct net_question *question, struct sock *sk)
{
	question->to.endpoint.hi = 0;
	question->to.endpoint.lo = 0;
	question->once = true;
	question->cookie = bpf_get_socket_cookie(sk);
	destination_peer(&question->to, sk);
	return judge_destination(question);
}

static __noinline long judge_inet_connected(const struct tag *tag, enum hook hook, struct sock *sk)
{
	struct net_question question = { .tag = *tag, .hook = hook };

	return judge_peer(&question, sk);
}

/* Judges what any kind of socket is connected to. */
static __always_inline long judge_connected(const struct tag *tag, enum hook hook, struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX ? ipc_judge_peer(tag, sk, hook) :
						       judge_inet_connected(tag, hook, sk);
}
