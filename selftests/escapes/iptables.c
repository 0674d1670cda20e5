/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules of netfilter that are set the old way: by an option of a raw socket. They rewrite addresses, as
 * those set by netlink do (rewritten.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define TABLE "nat"

/* What the kernel has, and what it is to have instead: entries, one behind the other. */
struct table {
	struct ipt_getinfo info;
	struct {
		struct ipt_get_entries head;
		char bytes[4096];
	} entries;
};

static int open_socket(void)
{
	return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

static int get_table(struct table *ret_table)
{
	int fd = open_socket(), err = 0;
	socklen_t size = sizeof(ret_table->info);

	memset(ret_table, 0, sizeof(*ret_table));
	strcpy(ret_table->info.name, TABLE);
	strcpy(ret_table->entries.head.name, TABLE);
	if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &ret_table->info, &size)) {
		err = -errno;
	} else {
		ret_table->entries.head.size = ret_table->info.size;
		size = sizeof(ret_table->entries.head) + ret_table->info.size;
		if (size > sizeof(ret_table->entries) ||
		    getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, &ret_table->entries, &size))
			err = -EIO;
	}
	close(fd);
	return err;
}

/* @replaced: how many entries there were. */
static int set_table(const struct table *table, unsigned int replaced)
{
	struct {
		struct ipt_replace head;
		char bytes[4096];
	} new = { .head = {
		.name = TABLE, .valid_hooks = table->info.valid_hooks,
		.num_entries = table->info.num_entries, .size = table->info.size,
		.num_counters = replaced,
	} };
	struct xt_counters counters[64];
	int fd = open_socket(), err;

	new.head.counters = counters;
	memcpy(new.head.hook_entry, table->info.hook_entry, sizeof(new.head.hook_entry));
	memcpy(new.head.underflow, table->info.underflow, sizeof(new.head.underflow));
	memcpy(new.bytes, table->entries.bytes, table->info.size);
	err = setsockopt(fd, IPPROTO_IP, IPT_SO_SET_REPLACE, &new,
			 sizeof(new.head) + table->info.size) ? -errno : 0;
	close(fd);
	return err;
}

/* -d FROM -j DNAT --to TO */
struct rule {
	struct ipt_entry entry;
	struct xt_entry_target target;
	struct nf_nat_ipv4_multi_range_compat to;
} __attribute__((aligned(8)));

/* Puts a rule before those for packets that are sent. */
static void insert(struct table *table, const char *from, const char *to)
{
	uint32_t at = table->info.hook_entry[NF_INET_LOCAL_OUT];
	struct rule rule = {
		.entry = { .target_offset = offsetof(struct rule, target), .next_offset = sizeof(rule) },
		.target.u.user = { .target_size = sizeof(rule) - offsetof(struct rule, target),
				   .name = "DNAT" },
		.to = { .rangesize = 1, .range[0].flags = NF_NAT_RANGE_MAP_IPS },
	};

	inet_pton(AF_INET, from, &rule.entry.ip.dst);
	memset(&rule.entry.ip.dmsk, 0xff, sizeof(rule.entry.ip.dmsk));
	inet_pton(AF_INET, to, &rule.to.range[0].min_ip);
	rule.to.range[0].max_ip = rule.to.range[0].min_ip;
	memmove(table->entries.bytes + at + sizeof(rule), table->entries.bytes + at,
		table->info.size - at);
	memcpy(table->entries.bytes + at, &rule, sizeof(rule));
	table->info.size += sizeof(rule);
	table->info.num_entries++;
	table->info.underflow[NF_INET_LOCAL_OUT] += sizeof(rule);
	table->info.hook_entry[NF_INET_POST_ROUTING] += sizeof(rule);
	table->info.underflow[NF_INET_POST_ROUTING] += sizeof(rule);
}

/* --- vectors -------------------------------------------------------------------------------- */

static struct table before;		/* as it was at the beginning */

static const char *missing_table(const struct vector *vector)
{
	(void)vector;
	return get_table(&before) ? "the kernel has no such table" : NULL;
}

static void prepare_table(const struct vector *vector)
{
	struct table now;

	far_prepare(vector);
	need(!get_table(&now) && !set_table(&before, now.info.num_entries), vector);
}

static int act_own_rule(const struct vector *vector, struct report *report)
{
	struct place harmless = vector->place;
	struct sockaddr_storage address;
	struct table table;
	socklen_t size;
	int err = get_table(&table), fd;
	unsigned int entries = table.info.num_entries;

	(void)report;
	if (err)
		return err;
	insert(&table, vector->what, vector->place.ip);
	err = set_table(&table, entries);
	if (err)
		return err;
	harmless.ip = vector->what;
	size = place_address(&harmless, &address);
	fd = socket(harmless.family, harmless.type | SOCK_CLOEXEC, 0);
	return connect(fd, (struct sockaddr *)&address, size) ? -errno : 0;
}

const struct vector iptables_vectors[] = {
	{ .name = "iptables-own-rule", .hook = "socket_setsockopt", .act = act_own_rule,
	  .missing = missing_table, .prepare = prepare_table, .count = far_count,
	  .judged = AUDITED, .reason = "done by the kernel on the task's behalf",
	  .seen_act = "netfilter", .what = "127.9.6.1", .nets = "",
	  .place = { AF_INET, SOCK_STREAM, 0, "127.9.5.1", 80 } },
	{},
};
