/* SPDX-License-Identifier: BSD-2-Clause */
#include "show.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ports.h"

#define V4_MAPPED_BITS 96
#define PORTS_SHOWN 60			/* bytes of a list of ports */

static bool is_mapped(const uint8_t addr[16])
{
	struct policy_net net = { .bits = 128 };

	memcpy(net.addr, addr, sizeof(net.addr));
	return policy_net_is_v4(&net);
}

struct shown show_address(const uint8_t addr[16])
{
	bool v4 = is_mapped(addr);
	struct shown shown = { "?" };

	inet_ntop(v4 ? AF_INET : AF_INET6, addr + (v4 ? 12 : 0), shown.text, sizeof(shown.text));
	return shown;
}

struct shown show_net(const struct policy_net *net)
{
	bool v4 = policy_net_is_v4(net);
	char addr[INET6_ADDRSTRLEN] = "?";
	struct shown shown;

	inet_ntop(v4 ? AF_INET : AF_INET6, net->addr + (v4 ? 12 : 0), addr, sizeof(addr));
	snprintf(shown.text, sizeof(shown.text), "%s/%d", addr, net->bits - (v4 ? V4_MAPPED_BITS : 0));
	return shown;
}

struct shown show_range(const struct policy_ports *ports)
{
	const char *proto = ports->protos == PROTO_BIT(PROTO_TCP) ? "/tcp" :
			    ports->protos == PROTO_BIT(PROTO_UDP) ? "/udp" :
			    ports->protos == PROTO_BIT(PROTO_OTHER) ? "/other" : "";
	struct shown shown;

	if (ports->lo == ports->hi)
		snprintf(shown.text, sizeof(shown.text), "%u%s", ports->lo, proto);
	else
		snprintf(shown.text, sizeof(shown.text), "%u-%u%s", ports->lo, ports->hi, proto);
	return shown;
}

struct shown show_ports(const struct policy_ports *ports, size_t count)
{
	struct shown shown = { "" };
	size_t used;

	used = (size_t)sprintf(shown.text, count == 1 && ports->lo == ports->hi ? "port " : "ports ");
	for (size_t i = 0; i < count; i++) {
		if (used > PORTS_SHOWN) {
			strcpy(shown.text + used, ", ...");
			break;
		}
		used += (size_t)sprintf(shown.text + used, "%s%.20s", i ? ", " : "",
					show_range(&ports[i]).text);
	}
	return shown;
}

struct shown show_path(const char *path, bool tree)
{
	struct shown shown;
	int size = snprintf(shown.text, sizeof(shown.text), "%s%s", path, tree ? "/" : "");

	if ((size_t)size >= sizeof(shown.text))
		strcpy(shown.text + sizeof(shown.text) - 4, "...");
	return shown;
}

const char *show_verdict(enum verdict verdict)
{
	static const char *const words[] = {
		[VERDICT_ALLOW] = "allow",
		[VERDICT_AUDIT] = "audit",
		[VERDICT_DENY] = "deny",
	};

	return words[verdict];
}
