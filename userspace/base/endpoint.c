/* SPDX-License-Identifier: BSD-2-Clause */
#include "endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lsm/abi.h"

#define NO_NAMES "names are not looked up: ringfence asks nothing of the network"
#define UNIX_SOCKET "a unix socket begins with / or ./, or is @ and an abstract name"
#define TEXT_MAX_SIZE 256		/* no address with all its parts is longer */

__attribute__((format(printf, 3, 4)))
static bool fault(struct endpoint_fault *ret_fault, const char *remedy, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(ret_fault->message, sizeof(ret_fault->message), fmt, args);
	va_end(args);
	snprintf(ret_fault->remedy, sizeof(ret_fault->remedy), "%s", remedy);
	return false;
}

/* --- protocols ------------------------------------------------------------------------------ */

static const char *const protocols[PROTO_COUNT] = { "tcp", "udp", "other" };

int protocol_parse(const char *name)
{
	for (int proto = 0; proto < PROTO_COUNT; proto++)
		if (!strcmp(name, protocols[proto]))
			return proto;
	return -1;
}

const char *protocol_name(int proto)
{
	return proto >= 0 && proto < PROTO_COUNT ? protocols[proto] : "";
}

/* Takes what stands behind the slash off the end of @text. */
static bool take_protocol(char *text, struct named_endpoint *endpoint, struct endpoint_fault *ret_fault)
{
	char *slash = strrchr(text, '/');

	endpoint->proto = -1;
	if (!slash)
		return true;
	*slash = 0;
	endpoint->proto = protocol_parse(slash + 1);
	if (endpoint->proto >= 0)
		return true;
	if (slash[1] && strspn(slash + 1, "0123456789") == strlen(slash + 1) && !strchr(text, '/'))
		return fault(ret_fault, "ask about an address of it", "this is a range, not an address");
	return fault(ret_fault, strchr(text, ':') ? "what has ports and is neither TCP nor UDP is \"other\"" : UNIX_SOCKET,
		     "expected tcp, udp or other behind the slash, found \"%.40s\"", slash + 1);
}

/* --- ports ---------------------------------------------------------------------------------- */

static bool parse_port(const char *text, struct named_endpoint *endpoint, struct endpoint_fault *ret_fault)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port = strtoul(text, NULL, 10);

	if (!*text)
		return fault(ret_fault, "leave the colon away for what has no port: the strictest of all",
			     "expected a port behind the colon, found nothing");
	if (text[digits] || port > UINT16_MAX)
		return fault(ret_fault, "write ADDRESS:443, [IPV6]:443, or ADDRESS:53/udp",
			     "\"%.40s\" is not a port; ports are numbers from 0 to %d", text, UINT16_MAX);
	endpoint->port = (uint16_t)port;
	endpoint->has_port = true;
	return true;
}

/* --- addresses ------------------------------------------------------------------------------ */

static bool parse_host(const char *host, struct named_endpoint *endpoint)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(endpoint->addr, mapped, sizeof(mapped));
	endpoint->v4 = inet_pton(AF_INET, host, endpoint->addr + sizeof(mapped)) == 1;
	if (!endpoint->v4 && inet_pton(AF_INET6, host, endpoint->addr) != 1)
		return false;
	endpoint->v4 |= !memcmp(endpoint->addr, mapped, sizeof(mapped));
	return true;
}

/* Whether that could be the name of a host: it has letters, and no colons. */
static bool looks_like_name(const char *host)
{
	bool letters = false;

	for (; *host && *host != ':'; host++)
		letters |= isalpha((unsigned char)*host);
	return letters && !*host;
}

static bool no_address(const char *host, struct endpoint_fault *ret_fault)
{
	if (!*host)
		return fault(ret_fault, "this host itself is 127.0.0.1 or [::1]",
			     "expected an address, found nothing");
	if (strchr(host, '%'))
		return fault(ret_fault, "leave % and what follows away",
			     "an address is judged without its scope");
	if (looks_like_name(host))
		return fault(ret_fault, strstr(host, ".sock") ? UNIX_SOCKET : NO_NAMES, "\"%.80s\" is not an address", host);
	return fault(ret_fault, "192.0.2.1:443, [2001:db8::1]:443, 192.0.2.1:53/udp, /SOCKET or @NAME",
		     "\"%.80s\" is not an IPv4 or IPv6 address", host);
}

/* Cuts @text into its host and its port; NULL: there is no port. */
static bool split(char *text, char **ret_host, char **ret_port, struct endpoint_fault *ret_fault)
{
	char *colon = strchr(text, ':'), *end;

	*ret_host = text;
	*ret_port = NULL;
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return fault(ret_fault, "write [2001:db8::1]:443",
				     "an IPv6 address with a port stands in brackets, and the port behind them");
		*ret_host = text + 1;
		*ret_port = end[1] ? end + 2 : NULL;
		*end = 0;
	} else if (colon && !strchr(colon + 1, ':')) {
		*ret_port = colon + 1;
		*colon = 0;
	}
	return true;
}

bool endpoint_parse(const char *text, struct named_endpoint *ret_endpoint, struct endpoint_fault *ret_fault)
{
	struct named_endpoint endpoint = { 0 };
	char copy[TEXT_MAX_SIZE], *host, *port;

	if (strlen(text) >= sizeof(copy))
		return fault(ret_fault, NO_NAMES, "no address is that long");
	if (strstr(text, "://"))
		return fault(ret_fault, "write its address and port, such as 192.0.2.1:443; " NO_NAMES,
			     "this is a URL, not an address");
	strcpy(copy, text);
	if (!take_protocol(copy, &endpoint, ret_fault) || !split(copy, &host, &port, ret_fault))
		return false;
	if (!parse_host(host, &endpoint))
		return no_address(host, ret_fault);
	if (port && !parse_port(port, &endpoint, ret_fault))
		return false;
	if (!port && endpoint.proto >= 0)
		return fault(ret_fault, "write ADDRESS:53/udp; without both the answer is for what has no ports",
			     "a protocol goes with a port");
	*ret_endpoint = endpoint;
	return true;
}
