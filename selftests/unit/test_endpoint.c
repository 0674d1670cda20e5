/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lsm/abi.h"
#include "userspace/base/endpoint.h"

static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 };
static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

/* @port: -1 for none; @proto: -1 for none. */
static void assert_read(const char *text, const uint8_t addr[16], int port, int proto)
{
	struct named_endpoint endpoint;
	struct endpoint_fault fault;

	if (!endpoint_parse(text, &endpoint, &fault))
		fail_msg("%s: %s", text, fault.message);
	assert_memory_equal(endpoint.addr, addr, 16);
	assert_int_equal(endpoint.v4, addr == v4);
	assert_int_equal(endpoint.has_port, port >= 0);
	assert_int_equal(endpoint.port, port >= 0 ? port : 0);
	assert_int_equal(endpoint.proto, proto);
}

static void test_read(void **state)
{
	(void)state;
	assert_read("192.0.2.1", v4, -1, -1);
	assert_read("192.0.2.1:443", v4, 443, -1);
	assert_read("192.0.2.1:0", v4, 0, -1);
	assert_read("192.0.2.1:65535", v4, 65535, -1);
	assert_read("192.0.2.1:53/udp", v4, 53, PROTO_UDP);
	assert_read("192.0.2.1:53/tcp", v4, 53, PROTO_TCP);
	assert_read("192.0.2.1:53/other", v4, 53, PROTO_OTHER);
	assert_read("::ffff:192.0.2.1", v4, -1, -1);
	assert_read("[::ffff:192.0.2.1]:53/udp", v4, 53, PROTO_UDP);
	assert_read("2001:db8::1", v6, -1, -1);
	assert_read("[2001:db8::1]", v6, -1, -1);
	assert_read("[2001:db8::1]:53/udp", v6, 53, PROTO_UDP);
}

/* What is wrong, and what to do. */
static void assert_fault(const char *text, const char *message, const char *remedy)
{
	struct named_endpoint endpoint;
	struct endpoint_fault fault;

	if (endpoint_parse(text, &endpoint, &fault))
		fail_msg("%s was taken", text);
	if (!strstr(fault.message, message) || !strstr(fault.remedy, remedy))
		fail_msg("%s: %s; %s", text, fault.message, fault.remedy);
}

static void test_faults(void **state)
{
	char longest[400];

	(void)state;
	assert_fault("192.0.2.1:99999", "\"99999\" is not a port; ports are numbers from 0 to 65535", "");
	assert_fault("192.0.2.1:65536", "is not a port", "");
	assert_fault("192.0.2.1:18446744073709551659", "is not a port", "");
	assert_fault("192.0.2.1:-1", "is not a port", "");
	assert_fault("192.0.2.1: 1", "is not a port", "");
	assert_fault("192.0.2.1:https", "is not a port", "");
	assert_fault("192.0.2.1:", "expected a port behind the colon", "");
	assert_fault("192.0.2.1:53/sctp", "expected tcp, udp or other", "\"other\"");
	assert_fault("192.0.2.1/udp", "a protocol goes with a port", "53/udp");
	assert_fault("192.0.2.0/24", "a range, not an address", "ask about an address");
	assert_fault("192.0.2", "is not an IPv4 or IPv6 address", "192.0.2.1:443");
	assert_fault("2001:db8::zz", "is not an IPv4 or IPv6 address", "");
	assert_fault("[2001:db8::1", "in brackets", "[2001:db8::1]:443");
	assert_fault("[2001:db8::1]443", "in brackets", "");
	assert_fault("fe80::1%eth0", "without its scope", "leave % and what follows away");
	assert_fault("github.com:443", "\"github.com\" is not an address", "names are not looked up");
	assert_fault("docker.sock", "is not an address", "a unix socket begins with /");
	assert_fault("srv/x", "expected tcp, udp or other", "a unix socket begins with /");
	assert_fault("https://github.com/", "a URL", "names are not looked up");
	assert_fault(":443", "expected an address, found nothing", "127.0.0.1");
	assert_fault("", "expected an address, found nothing", "");
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	assert_fault(longest, "no address is that long", "");
}

static void test_protocols(void **state)
{
	(void)state;
	for (int proto = 0; proto < PROTO_COUNT; proto++)
		assert_int_equal(protocol_parse(protocol_name(proto)), proto);
	assert_int_equal(protocol_parse("TCP"), -1);
	assert_string_equal(protocol_name(-1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_protocols),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
