/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that are rewritten on the way: by programs on a control group, as services of Kubernetes
 * are, and by netfilter. What a hook is told is harmless. A socket knows its peer afterwards, so that is
 * judged when it is used; what happens to packets below sockets nobody is told.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define TEXT FILE_WRITTEN

/* --- programs on the control group ---------------------------------------------------------- */

/* Of 127.9.2.0/24 they make 127.9.1.0/24, of fd00:9::/32 fd00:4::/32: numbers as they lie in memory. */
static const struct rewriter {
	enum bpf_attach_type type;
	int32_t mask, from, change;	/* of the address' first four bytes: exclusive or */
	int16_t offset;			/* in the context */
} rewriters[] = {
	{ BPF_CGROUP_INET4_CONNECT, 0xffffff, 0x02097f, 0x030000,
	  offsetof(struct bpf_sock_addr, user_ip4) },
	{ BPF_CGROUP_UDP4_SENDMSG, 0xffffff, 0x02097f, 0x030000,
	  offsetof(struct bpf_sock_addr, user_ip4) },
	{ BPF_CGROUP_INET6_CONNECT, -1, 0x090000fd, 0x0d000000,
	  offsetof(struct bpf_sock_addr, user_ip6) },
};
#define REWRITERS (sizeof(rewriters) / sizeof(*rewriters))

static int load_rewriter(const struct rewriter *r)
{
	const struct bpf_insn instructions[] = {
		{ BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, r->offset, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0 },
		{ BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, r->mask },
		{ BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, r->from },
		{ BPF_ALU64 | BPF_XOR | BPF_K, BPF_REG_2, 0, 0, r->change },
		{ BPF_STX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_2, r->offset, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR, .expected_attach_type = r->type,
		.insns = (uintptr_t)instructions, .license = (uintptr_t)"GPL",
		.insn_cnt = sizeof(instructions) / sizeof(*instructions),
	};

	return bpf_call(BPF_PROG_LOAD, &attr);
}

/* For as long as this process lives. */
static void prepare_rewriters(const struct vector *vector)
{
	static bool attached;
	int group = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	far_prepare(vector);
	for (size_t i = 0; !attached && i < REWRITERS; i++) {
		int program = load_rewriter(&rewriters[i]);
		union bpf_attr attr = { .link_create = {
			.prog_fd = program, .target_fd = group, .attach_type = rewriters[i].type,
		} };

		need(program >= 0 && bpf_call(BPF_LINK_CREATE, &attr) >= 0, vector);
		close(program);
	}
	attached = true;
	close(group);
}

/* --- attempts ------------------------------------------------------------------------------- */

/* Connects to @what, which nobody denies. Returns the descriptor or -errno. */
static int connect_harmless(const struct vector *vector)
{
	int fd = socket(vector->place.family, vector->place.type | SOCK_CLOEXEC, 0);
	struct sockaddr_storage address;
	socklen_t size = place_address_as(vector->what, vector->place.port, &address);

	return connect(fd, (struct sockaddr *)&address, size) ? -errno : fd;
}

static int act_connect(const struct vector *vector, struct report *report)
{
	int fd = connect_harmless(vector);

	(void)report;
	return fd < 0 ? fd : 0;
}

static int act_send(const struct vector *vector, struct report *report)
{
	int fd = connect_harmless(vector);

	(void)report;
	if (fd < 0)
		return fd;
	return send(fd, TEXT, sizeof(TEXT), 0) < 0 ? -errno : 0;
}

static int act_write(const struct vector *vector, struct report *report)
{
	int fd = connect_harmless(vector);

	(void)report;
	if (fd < 0)
		return fd;
	return write(fd, TEXT, sizeof(TEXT)) < 0 ? -errno : 0;
}

static int act_send_to(const struct vector *vector, struct report *report)
{
	int fd = socket(vector->place.family, vector->place.type | SOCK_CLOEXEC, 0);
	struct sockaddr_storage address;
	socklen_t size = place_address_as(vector->what, vector->place.port, &address);

	(void)report;
	return sendto(fd, TEXT, sizeof(TEXT), 0, (struct sockaddr *)&address, size) < 0 ? -errno : 0;
}

/* --- netlink -------------------------------------------------------------------------------- */

/* Messages, one behind the other; the attributes of the last are put behind it. */
struct request {
	char bytes[1024] __attribute__((aligned(8)));
	struct nlmsghdr *last;
	uint32_t size;
};

static void *append(struct request *request, const void *data, uint32_t size)
{
	void *at = request->bytes + request->size;

	memcpy(at, data, size);
	request->size += NLMSG_ALIGN(size);
	if (request->last)
		request->last->nlmsg_len = request->bytes + request->size - (char *)request->last;
	return at;
}

static void message(struct request *request, uint16_t type, uint16_t flags, const void *data,
		    uint32_t size)
{
	struct nlmsghdr header = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags };

	request->last = NULL;
	request->last = append(request, &header, sizeof(header));
	append(request, data, size);
}

static struct nlattr *attribute(struct request *request, uint16_t type, const void *data,
				uint16_t size)
{
	struct nlattr header = { .nla_type = type, .nla_len = NLA_HDRLEN + size };
	struct nlattr *at = append(request, &header, sizeof(header));

	append(request, data, size);
	return at;
}

static void attribute_text(struct request *request, uint16_t type, const char *text)
{
	attribute(request, type, text, strlen(text) + 1);
}

static void attribute_number(struct request *request, uint16_t type, uint32_t number)
{
	number = htonl(number);
	attribute(request, type, &number, sizeof(number));
}

static struct nlattr *begin(struct request *request, uint16_t type)
{
	return attribute(request, NLA_F_NESTED | type, NULL, 0);
}

static void end(struct request *request, struct nlattr *nest)
{
	nest->nla_len = request->bytes + request->size - (char *)nest;
}

/* Sends it; what the kernel objects to is there when it returns. Returns 0 or -errno. */
static int submit(const struct request *request, int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), err = 0;
	union {
		char bytes[4096];
		struct nlmsghdr header;
	} reply;

	if (fd < 0 || send(fd, request->bytes, request->size, 0) < 0)
		err = -errno;
	while (!err && recv(fd, &reply, sizeof(reply), MSG_DONTWAIT) > 0)
		if (reply.header.nlmsg_type == NLMSG_ERROR)
			err = ((struct nlmsgerr *)NLMSG_DATA(&reply))->error;
	if (fd >= 0)
		close(fd);
	return err;
}

/* --- netfilter ------------------------------------------------------------------------------ */

static void table_message(struct request *request, int type, uint16_t flags)
{
	struct nfgenmsg head = { .nfgen_family = NFPROTO_IPV4 };

	message(request, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &head, sizeof(head));
}

static void batch_message(struct request *request, int type)
{
	struct nfgenmsg head = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	message(request, type, 0, &head, sizeof(head));
}

/* The data of an expression of a rule follow, up to end_expression(). */
struct expression {
	struct nlattr *element, *data;
};

static struct expression begin_expression(struct request *request, const char *name)
{
	struct expression expression = { .element = begin(request, NFTA_LIST_ELEM) };

	attribute_text(request, NFTA_EXPR_NAME, name);
	expression.data = begin(request, NFTA_EXPR_DATA);
	return expression;
}

static void end_expression(struct request *request, struct expression expression)
{
	end(request, expression.data);
	end(request, expression.element);
}

static void attribute_address(struct request *request, uint16_t type, const char *ip)
{
	struct nlattr *data = begin(request, type);
	struct in_addr address;

	inet_pton(AF_INET, ip, &address);
	attribute(request, NFTA_DATA_VALUE, &address, sizeof(address));
	end(request, data);
}

/* ip daddr FROM dnat to TO */
static void rewriting_expressions(struct request *request, const char *from, const char *to)
{
	struct nlattr *list = begin(request, NFTA_RULE_EXPRESSIONS);
	struct expression expression = begin_expression(request, "payload");

	attribute_number(request, NFTA_PAYLOAD_DREG, NFT_REG_1);
	attribute_number(request, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	attribute_number(request, NFTA_PAYLOAD_OFFSET, 16);
	attribute_number(request, NFTA_PAYLOAD_LEN, sizeof(struct in_addr));
	end_expression(request, expression);
	expression = begin_expression(request, "cmp");
	attribute_number(request, NFTA_CMP_SREG, NFT_REG_1);
	attribute_number(request, NFTA_CMP_OP, NFT_CMP_EQ);
	attribute_address(request, NFTA_CMP_DATA, from);
	end_expression(request, expression);
	expression = begin_expression(request, "immediate");
	attribute_number(request, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	attribute_address(request, NFTA_IMMEDIATE_DATA, to);
	end_expression(request, expression);
	expression = begin_expression(request, "nat");
	attribute_number(request, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	attribute_number(request, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	attribute_number(request, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	end_expression(request, expression);
	end(request, list);
}

/* Has netfilter send to the vector's place what is sent to @what. A table for each vector. */
static int rewrite(const struct vector *vector)
{
	struct request request = {};
	struct nlattr *hook;

	batch_message(&request, NFNL_MSG_BATCH_BEGIN);
	table_message(&request, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	attribute_text(&request, NFTA_TABLE_NAME, vector->name);
	table_message(&request, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	attribute_text(&request, NFTA_CHAIN_TABLE, vector->name);
	attribute_text(&request, NFTA_CHAIN_NAME, "out");
	hook = begin(&request, NFTA_CHAIN_HOOK);
	attribute_number(&request, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	attribute_number(&request, NFTA_HOOK_PRIORITY, -100);
	end(&request, hook);
	attribute_text(&request, NFTA_CHAIN_TYPE, "nat");
	table_message(&request, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	attribute_text(&request, NFTA_RULE_TABLE, vector->name);
	attribute_text(&request, NFTA_RULE_CHAIN, "out");
	rewriting_expressions(&request, vector->what, vector->place.ip);
	batch_message(&request, NFNL_MSG_BATCH_END);
	return submit(&request, NETLINK_NETFILTER);
}

static int rewrite_no_more(const struct vector *vector)
{
	struct request request = {};

	batch_message(&request, NFNL_MSG_BATCH_BEGIN);
	table_message(&request, NFT_MSG_DELTABLE, 0);
	attribute_text(&request, NFTA_TABLE_NAME, vector->name);
	batch_message(&request, NFNL_MSG_BATCH_END);
	return submit(&request, NETLINK_NETFILTER);
}

static const char *missing_netfilter(const struct vector *vector)
{
	return rewrite(vector) || rewrite_no_more(vector) ?
		"the kernel has no address translation" : NULL;
}

static void prepare_rules(const struct vector *vector)
{
	far_prepare(vector);
	rewrite_no_more(vector);
	need(!rewrite(vector), vector);
}

static void prepare_no_rules(const struct vector *vector)
{
	far_prepare(vector);
	rewrite_no_more(vector);
}

static int act_own_rules(const struct vector *vector, struct report *report)
{
	int err = rewrite(vector);

	return err ?: act_connect(vector, report);
}

/* --- addresses ------------------------------------------------------------------------------ */

/* Gives the loopback device the address @what, or takes it away. */
static int change_address(const struct vector *vector, uint16_t type, uint16_t flags)
{
	struct ifaddrmsg head = {
		.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = if_nametoindex("lo"),
	};
	struct request request = {};
	struct in_addr address;

	inet_pton(AF_INET, vector->what, &address);
	message(&request, type, flags, &head, sizeof(head));
	attribute(&request, IFA_LOCAL, &address, sizeof(address));
	return submit(&request, NETLINK_ROUTE);
}

static void prepare_no_address(const struct vector *vector)
{
	change_address(vector, RTM_DELADDR, 0);
}

static unsigned int count_address(const struct vector *vector, const struct report *report)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage address;
	socklen_t size = place_address_as(vector->what, 0, &address);
	bool ours = !bind(fd, (struct sockaddr *)&address, size);

	(void)report;
	close(fd);
	return ours;
}

static int act_address(const struct vector *vector, struct report *report)
{
	(void)report;
	return change_address(vector, RTM_NEWADDR, NLM_F_CREATE);
}

#define TCP(ip)		.place = { AF_INET, SOCK_STREAM, 0, ip, 80 }
#define TCP6(ip)	.place = { AF_INET6, SOCK_STREAM, 0, ip, 81 }
#define UDP(ip)		.place = { AF_INET, SOCK_DGRAM, 0, ip, 80 }

#define USED .prepare = prepare_rewriters, .count = far_count_heard
#define SEND USED, .hook = "socket_sendmsg"
#define FREE .judged = NOT_JUDGED, .count = far_count
#define CONFIGURED .judged = AUDITED, .hook = "netlink_send", \
	.reason = "done by the kernel on the task's behalf"

const struct vector rewritten_vectors[] = {
	{ SEND, .name = "rewritten-send", .act = act_send, .what = "127.9.2.1", TCP("127.9.1.1") },
	{ SEND, .name = "rewritten-send-ipv6", .act = act_send, .what = "fd00:9::1",
	  TCP6("fd00:4::1") },
	{ SEND, .name = "rewritten-send-udp", .act = act_send, .what = "127.9.2.2",
	  UDP("127.9.1.2") },
	{ USED, .name = "rewritten-write", .act = act_write, .what = "127.9.2.3",
	  TCP("127.9.1.3"), .hook = "file_permission" },
	/* Whoever says nothing is not heard, and whoever is not connected has no peer. */
	{ FREE, .prepare = prepare_rewriters, .name = "rewritten-connect", .act = act_connect,
	  .what = "127.9.2.4", TCP("127.9.1.4") },
	{ FREE, .prepare = prepare_rewriters, .name = "rewritten-send-to", .act = act_send_to,
	  .what = "127.9.2.5", UDP("127.9.1.5") },
	{ FREE, .prepare = prepare_rules, .missing = missing_netfilter, .name = "rewritten-by-rules",
	  .act = act_connect, .what = "127.9.4.1", TCP("127.9.3.1") },
	{ CONFIGURED, .prepare = prepare_no_rules, .missing = missing_netfilter, .count = far_count,
	  .name = "rewritten-by-own-rules", .act = act_own_rules, .what = "127.9.4.2",
	  .seen_act = "netfilter", TCP("127.9.3.2") },
	{ CONFIGURED, .prepare = prepare_no_address, .count = count_address,
	  .name = "rewritten-own-address", .act = act_address, .what = "198.18.0.1",
	  .seen_act = "rtnetlink" },
	{},
};
