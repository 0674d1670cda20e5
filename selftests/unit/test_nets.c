/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nets and ports: the compiled tables against a matcher that tries every entry of the policy in
 * turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "build_policy.h"
#include "policy/compile.h"
#include "policy/image.h"

static struct ruleset *compile_ok(void)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), 0);
	assert_int_equal(diags.count, 0);
	assert_int_equal(image_verify(image, image->size), 0);
	diags_free(&diags);
	return image;
}

static uint16_t rule_for(const struct ruleset *image, const char *text, uint16_t port,
			 enum protocol proto)
{
	uint8_t addr[16];

	build_address(text, addr);
	return image_decide_net(image, addr, port, proto).rule;
}

/* --- the reference -------------------------------------------------------------------------- */

struct claim {
	const struct policy_net *net;
	uint16_t rule, lo, hi;
	uint8_t protos;
};

static struct claim claims[4096];
static size_t claim_count;

/* Every (net, ports, rule) that the policy makes. */
static void claims_list(void)
{
	static const struct policy_ports all = { .lo = 0, .hi = 65535, .protos = PROTO_ALL };

	claim_count = 0;
	for (size_t r = 0; r < build.rule_count; r++) {
		const struct policy_service *s = &build.services[build.rules[r].service];

		for (size_t n = 0; n < s->net_count; n++) {
			for (size_t p = 0; p < (s->port_count ? s->port_count : 1); p++) {
				const struct policy_ports *ports =
					s->port_count ? &s->ports[p] : &all;

				assert_true(claim_count < 4096);
				claims[claim_count++] = (struct claim) {
					&s->nets[n], (uint16_t)r, ports->lo, ports->hi,
					ports->protos,
				};
			}
		}
	}
}

static bool is_v4(const uint8_t *addr)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return !memcmp(addr, mapped, 12);
}

static bool covers(const struct policy_net *net, const uint8_t *addr)
{
	if (is_v4(addr) != (is_v4(net->addr) && net->bits >= 96))
		return false;
	for (int i = 0; i < net->bits; i++)
		if ((net->addr[i / 8] ^ addr[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static int bit_count(unsigned int bits)
{
	int count = 0;

	for (; bits; bits >>= 1)
		count += bits & 1;
	return count;
}

/* Whether @a is more specific than @b, or as specific and listed first. */
static bool beats(const struct claim *a, const struct claim *b)
{
	int width = (a->hi - a->lo) - (b->hi - b->lo);
	int protos = bit_count(a->protos) - bit_count(b->protos);

	if (a->net->bits != b->net->bits)
		return a->net->bits > b->net->bits;
	if (width)
		return width < 0;
	return protos ? protos < 0 : a->rule < b->rule;
}

static uint16_t reference_rule(const uint8_t *addr, uint32_t port, int proto)
{
	const struct claim *best = NULL;

	for (size_t i = 0; i < claim_count; i++) {
		const struct claim *claim = &claims[i];

		if (claim->lo <= port && port <= claim->hi && claim->protos >> proto & 1 &&
		    covers(claim->net, addr) && (!best || beats(claim, best)))
			best = claim;
	}
	return best ? best->rule : RULE_DEFAULT;
}

static int reference_verdict(uint16_t rule)
{
	return rule == RULE_DEFAULT ? build.defaults[CLASS_NET] : build.rules[rule].verdict;
}

/* What has no ports gets the strictest answer that any port of any protocol would get. */
static uint16_t reference_portless(const uint8_t *addr)
{
	bool covered = false;
	uint16_t strictest = RULE_DEFAULT;

	for (size_t i = 0; i < claim_count; i++)
		covered |= covers(claims[i].net, addr);
	if (!covered)
		return RULE_DEFAULT;
	strictest = reference_rule(addr, 0, 0);
	for (int proto = 0; proto < PROTO_COUNT; proto++) {
		for (size_t i = 0; i < 2 * claim_count + 1; i++) {
			const struct claim *claim = &claims[i / 2];
			uint32_t port = i == 2 * claim_count ? 0 :
				i & 1 ? claim->lo : claim->hi + 1u;
			uint16_t rule;

			if (port > 65535)
				continue;
			rule = reference_rule(addr, port, proto);
			if (reference_verdict(rule) > reference_verdict(strictest) ||
			    (reference_verdict(rule) == reference_verdict(strictest) &&
			     rule < strictest))
				strictest = rule;
		}
	}
	return strictest;
}

/* Two claims that are equally specific, overlap, and answer differently. */
static bool reference_conflict(void)
{
	for (size_t i = 0; i < claim_count; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct claim *a = &claims[i], *b = &claims[j];
			const struct policy_rule *one = &build.rules[a->rule];
			const struct policy_rule *other = &build.rules[b->rule];

			if (a->net->bits == b->net->bits &&
			    !memcmp(a->net->addr, b->net->addr, 16) &&
			    a->hi - a->lo == b->hi - b->lo &&
			    bit_count(a->protos) == bit_count(b->protos) &&
			    a->protos & b->protos && a->lo <= b->hi && b->lo <= a->hi &&
			    (one->verdict != other->verdict ||
			     (one->verdict == VERDICT_DENY && one->err != other->err)))
				return true;
		}
	}
	return false;
}

/* --- random policies ------------------------------------------------------------------------ */

static const char *const bases[] = {
	"0.0.0.0", "10.0.0.0", "10.0.0.128", "10.0.1.0", "10.255.255.255", "127.0.0.1", "128.0.0.0",
	"255.255.255.255", "255.255.255.254", "::", "::1", "::fffe:ffff:ffff", "::1:0:0:0",
	"::ffff:0:0", "2001:db8::", "2001:db8::8000:0:0:0", "2001:db8:0:1::", "fe80::1",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::", "8000::",
};

/* One of the bases, or something near it. */
static void random_address(uint8_t addr[16])
{
	build_address(bases[build_random(sizeof(bases) / sizeof(*bases))], addr);
	if (build_random(2))
		return;
	/* A flipped low bit steps to a neighbour; a higher one to another subtree. */
	for (uint32_t i = build_random(3); i; i--) {
		int bit = (int)build_random(is_v4(addr) ? 32 : 128);

		addr[15 - bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void random_net(void)
{
	static const uint8_t v4_bits[] = { 0, 1, 8, 16, 23, 24, 25, 30, 31, 32 };
	static const uint8_t v6_bits[] = { 0, 1, 32, 48, 64, 65, 80, 95, 96, 97, 127, 128 };
	uint8_t addr[16], bits;

	if (!build_random(2)) {		/* so that rules meet often enough */
		build_net(build_random(2) ? "10.0.0.0" : "0.0.0.0", build_random(2) ? 24 : 32);
		return;
	}
	random_address(addr);
	if (is_v4(addr))
		bits = 96 + v4_bits[build_random(sizeof(v4_bits))];
	else
		bits = v6_bits[build_random(sizeof(v6_bits))];
	build_net_bytes(addr, bits);
}

static void random_ports(void)
{
	static const uint16_t edges[] = { 0, 1, 22, 53, 79, 80, 81, 443, 8000, 65534, 65535 };
	uint16_t a = edges[build_random(11)], b = edges[build_random(11)];

	if (build_random(2))
		b = a;
	build_ports(a < b ? a : b, a < b ? b : a, (uint8_t)(1 + build_random(PROTO_ALL)));
}

static void random_policy(void)
{
	uint32_t services = 1 + build_random(6);
	bool agree = !build_random(4);

	build_begin();
	build.defaults[CLASS_NET] = (enum verdict)build_random(3);
	for (uint32_t s = 0; s < services; s++) {
		build_service();
		for (uint32_t i = 1 + build_random(8); i; i--)
			random_net();
		for (uint32_t i = build_random(4); i; i--)
			random_ports();
		if (build_random(8))
			build_rule(agree ? VERDICT_DENY : (enum verdict)build_random(3),
				   agree || build_random(2) ? EPERM : EHOSTUNREACH);
	}
	claims_list();
}

static void check_query(const struct ruleset *image)
{
	static const uint16_t ports[] = {
		0, 1, 2, 21, 22, 23, 52, 53, 54, 78, 79, 80, 81, 82, 442, 443, 444, 7999, 8000,
		8001, 30000, 65533, 65534, 65535,
	};
	uint16_t port = ports[build_random(24)], want;
	int proto = build_random(16) ? (int)build_random(PROTO_COUNT) : PROTO_NONE;
	struct decision decision;
	uint8_t addr[16], reached[16];

	random_address(addr);
	memcpy(reached, addr, 16);
	if (is_v4(addr) && !memcmp(addr + 12, "\0\0\0\0", 4))
		build_address("127.0.0.1", reached);
	else if (!is_v4(addr) && !memcmp(addr, (uint8_t[16]) { 0 }, 16))
		build_address("::1", reached);
	want = proto == PROTO_NONE ? reference_portless(reached) :
				     reference_rule(reached, port, proto);

	decision = image_decide_net(image, addr, port, (enum protocol)proto);
	assert_int_equal(decision.rule, want);
	assert_int_equal(decision.verdict, reference_verdict(want));
	if (decision.verdict != VERDICT_DENY)
		assert_int_equal(decision.err, 0);
	else
		assert_int_equal(decision.err,
				 want == RULE_DEFAULT ? -EPERM : -build.rules[want].err);
}

static void test_random_policies(void **state)
{
	size_t compiled = 0, refused = 0;

	(void)state;
	while (compiled < 2500) {
		struct ruleset *image = NULL;
		struct diags diags = { 0 };
		int err;

		random_policy();
		err = policy_compile(&build, NULL, 1, &diags, &image);
		assert_int_equal(err, reference_conflict() ? -EINVAL : 0);
		assert_int_equal(diags.errors > 0, err != 0);
		diags_free(&diags);
		if (err) {
			assert_null(image);
			refused++;
			continue;
		}
		assert_int_equal(image_verify(image, image->size), 0);
		for (int i = 0; i < 100; i++)
			check_query(image);
		free(image);
		compiled++;
	}
assert_true(refused > 100);
	build_end();
}

/* --- by hand -------------------------------------------------------------------------------- */

static void test_no_nets(void **state)
{
	struct ruleset *image;

	(void)state;
	build_begin();
	build.defaults[CLASS_NET] = VERDICT_AUDIT;
	image = compile_ok();
	assert_int_equal(image->v4_start.count, 0);
	assert_int_equal(image->v6_start.count, 0);
	assert_int_equal(rule_for(image, "10.0.0.1", 80, PROTO_TCP), RULE_DEFAULT);
	assert_int_equal(rule_for(image, "::2", 80, PROTO_NONE), RULE_DEFAULT);
	free(image);
	build_end();
}

static void test_edges_of_the_address_space(void **state)
{
	static const char last_v6[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
	struct ruleset *image;

	(void)state;
	build_begin();
	build_service();
	build_net("0.0.0.0", 0);
	build_net("::", 0);
	build_rule(VERDICT_AUDIT, EPERM);
	build_service();
	build_net("255.255.255.255", 32);
	build_net("0.0.0.0", 32);
	build_net(last_v6, 128);
	build_rule(VERDICT_DENY, EPERM);
	image = compile_ok();
	assert_int_equal(rule_for(image, "255.255.255.255", 1, PROTO_TCP), 1);
	assert_int_equal(rule_for(image, "255.255.255.254", 1, PROTO_TCP), 0);
	assert_int_equal(rule_for(image, "0.0.0.1", 1, PROTO_TCP), 0);
	assert_int_equal(rule_for(image, "0.0.0.0", 1, PROTO_TCP), 0);	/* is 127.0.0.1 */
	assert_int_equal(rule_for(image, last_v6, 1, PROTO_UDP), 1);
	assert_int_equal(rule_for(image, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 1, 1), 0);
	assert_int_equal(rule_for(image, "::2", 1, PROTO_UDP), 0);
	free(image);
	build_end();
}

static void test_v6_nets_leave_v4_alone(void **state)
{
	struct ruleset *image;

	(void)state;
	build_begin();
	build_service();
	build_net("::", 0);
	build_rule(VERDICT_DENY, EPERM);
	image = compile_ok();
	assert_int_equal(rule_for(image, "10.0.0.1", 80, PROTO_TCP), RULE_DEFAULT);
	assert_int_equal(rule_for(image, "::fffe:ffff:ffff", 80, PROTO_TCP), 0);
	assert_int_equal(rule_for(image, "::1:0:0:0", 80, PROTO_TCP), 0);
	free(image);
	build_end();
}

/* Where the inner prefix says nothing about a port, the outer one does. */
static void test_fall_through(void **state)
{
	struct ruleset *image;

	(void)state;
	build_begin();
	build_service();
	build_net("10.0.0.0", 8);
	build_ports(1, 1000, PROTO_ALL);
	build_rule(VERDICT_DENY, EHOSTUNREACH);
	build_service();
	build_net("10.1.0.0", 16);
	build_ports(443, 443, PROTO_BIT(PROTO_TCP));
	build_rule(VERDICT_ALLOW, EPERM);
	image = compile_ok();
	assert_int_equal(rule_for(image, "10.1.2.3", 443, PROTO_TCP), 1);
	assert_int_equal(rule_for(image, "10.1.2.3", 443, PROTO_UDP), 0);
	assert_int_equal(rule_for(image, "10.1.2.3", 442, PROTO_TCP), 0);
	assert_int_equal(rule_for(image, "10.1.2.3", 0, PROTO_TCP), RULE_DEFAULT);
	assert_int_equal(rule_for(image, "10.1.2.3", 0, PROTO_NONE), 0);
	assert_int_equal(rule_for(image, "10.2.2.3", 443, PROTO_TCP), 0);
	free(image);
	build_end();
}

static void test_strictest_counts_the_default(void **state)
{
	struct ruleset *image;

	(void)state;
	build_begin();
	build_service();
	build_net("10.0.0.0", 8);
	build_ports(80, 80, PROTO_ALL);
	build_rule(VERDICT_AUDIT, EPERM);
	build.defaults[CLASS_NET] = VERDICT_DENY;
	image = compile_ok();
	assert_int_equal(rule_for(image, "10.1.2.3", 0, PROTO_NONE), RULE_DEFAULT);
	free(image);
	build.defaults[CLASS_NET] = VERDICT_AUDIT;
	image = compile_ok();
	assert_int_equal(rule_for(image, "10.1.2.3", 0, PROTO_NONE), 0);
	free(image);
	build_end();
}

static void test_neighbours_merge(void **state)
{
	struct ruleset *image;

	(void)state;
	build_begin();
	build_service();
	build_net("10.0.0.0", 9);
	build_net("10.128.0.0", 9);
	build_net("10.3.0.0", 16);
	build_net("11.0.0.0", 8);
	build_rule(VERDICT_DENY, EPERM);
	image = compile_ok();
	assert_int_equal(image->v4_start.count, 3);	/* before, within, after */
	assert_int_equal(image->port_maps.count, 1);
	free(image);
	build_end();
}

/* --- conflicts ------------------------------------------------------------------------------ */

static void compile_conflicts(size_t count, const char *message)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), -EINVAL);
	assert_null(image);
	assert_int_equal(diags.errors, count);
	if (message)
		assert_string_equal(diags.list[0].message, message);
	diags_free(&diags);
}

static void conflicting_services(const char *one, const char *other)
{
	build_begin();
	build_service();
	build_net(one, strchr(one, ':') ? 32 : 8);
	build_ports(80, 90, PROTO_BIT(PROTO_TCP));
	build_rule(VERDICT_DENY, EHOSTUNREACH);
	build_service();
	build_net(other, strchr(other, ':') ? 32 : 8);
	build_ports(85, 95, PROTO_BIT(PROTO_TCP));
	build_rule(VERDICT_ALLOW, EPERM);
}

static void test_conflict_names_both_rules(void **state)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	(void)state;
	conflicting_services("10.0.0.0", "10.0.0.0");
	compile_conflicts(1, "rules \"deny s0\" with EHOSTUNREACH (test.yaml:4) and \"allow s1\" "
			     "(test.yaml:8) disagree on 10.0.0.0/8 ports 85-90 and are equally "
			     "specific");
	conflicting_services("2001:db8::", "2001:db8::");
	build.services[1].ports[0].hi = 85;
	build.services[0].ports[0].lo = 85;
	build.services[0].ports[0].hi = 85;
	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), -EINVAL);
	assert_non_null(strstr(diags.list[0].message, "2001:db8::/32 port 85 "));
	assert_int_equal(diags.list[0].where.line, build.services[1].nets[0].where.line);
	diags_free(&diags);
	build_end();
}

static void test_no_conflict(void **state)
{
	(void)state;
	conflicting_services("10.0.0.0", "11.0.0.0");		/* another prefix */
	free(compile_ok());
	conflicting_services("10.0.0.0", "10.0.0.0");
	build.services[1].ports[0].hi = 96;			/* another width */
	free(compile_ok());
	conflicting_services("10.0.0.0", "10.0.0.0");
	build.services[1].ports[0].protos = PROTO_BIT(PROTO_UDP);
	free(compile_ok());
	conflicting_services("10.0.0.0", "10.0.0.0");
	build.services[1].ports[0].protos = PROTO_ALL;		/* more protocols: less specific */
	free(compile_ok());
	conflicting_services("10.0.0.0", "10.0.0.0");
	build.rules[0].verdict = VERDICT_ALLOW;			/* allowed whatever the errno */
	free(compile_ok());
	conflicting_services("10.0.0.0", "10.0.0.0");
	build.rules[1].verdict = VERDICT_DENY;
	build.rules[1].err = EHOSTUNREACH;
	free(compile_ok());
	build.rules[1].err = EPERM;
	compile_conflicts(1, NULL);
	build_end();
}

/* Thousands of nets and ports in common are one message for each pair of rules, whichever of
 * three is the one that differs. */
static void test_one_message_for_each_pair(void **state)
{
	(void)state;
	for (int odd = 0; odd < 3; odd++) {
		build_begin();
		for (int s = 0; s < 3; s++) {
			build_service();
			for (int i = 0; i < 1000; i++) {
				uint8_t addr[16] = { 0x20, 0x01, (uint8_t)(i >> 8), (uint8_t)i };

				build_net_bytes(addr, 32);
			}
			build_ports(1, 1, PROTO_ALL);
			build_ports(3, 3, PROTO_ALL);
			build_rule(s == odd ? VERDICT_DENY : VERDICT_ALLOW, EPERM);
		}
		compile_conflicts(2, NULL);
	}
	build_end();
}

/* --- limits --------------------------------------------------------------------------------- */

static void compile_too_big(void)
{
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_compile(&build, NULL, 1, &diags, &image), -E2BIG);
	assert_null(image);
	assert_int_equal(diags.errors, 1);
	diags_free(&diags);
}

/* Every other port: one start more than a port map can count. */
static void test_port_starts_limit(void **state)
{
	struct ruleset *image;

	(void)state;
	build_begin();
	build_service();
	build_net("10.0.0.0", 8);
	for (uint32_t port = 1; port < 65535; port += 2)
		build_ports((uint16_t)port, (uint16_t)port, PROTO_BIT(PROTO_UDP));
	build_rule(VERDICT_DENY, EPERM);
	image = compile_ok();
	for (uint16_t port = 1; port < 65535; port++)
		assert_int_equal(rule_for(image, "10.0.0.1", port, PROTO_UDP),
				 port % 2 ? 0 : RULE_DEFAULT);
	free(image);
	build_ports(65535, 65535, PROTO_BIT(PROTO_UDP));
	compile_too_big();
	build_end();
}

static void build_scattered(uint32_t count, uint32_t distance)
{
	build_begin();
	build_service();
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = htonl(i * distance);
		uint8_t addr[16] = { [10] = 0xff, [11] = 0xff };

		memcpy(addr + 12, &number, 4);
		build_net_bytes(addr, 128);
	}
	build_rule(VERDICT_DENY, EPERM);
}

static void test_range_limit(void **state)
{
	struct ruleset *image;

	(void)state;
	build_scattered(SEARCH_MAX / 2, 2);	/* the last is followed by one more: from 0 on */
	image = compile_ok();
	assert_int_equal(image->v4_start.count, SEARCH_MAX);
	assert_int_equal(rule_for(image, "0.15.255.254", 1, PROTO_TCP), 0);
	assert_int_equal(rule_for(image, "0.15.255.255", 1, PROTO_TCP), RULE_DEFAULT);
	free(image);
	build_scattered(SEARCH_MAX / 2 + 1, 2);
	compile_too_big();
	build_end();
}

static void test_memory_per_range(void **state)
{
	struct ruleset *image;
	size_t bytes;

	(void)state;
	build_scattered(100000, 40000);
	image = compile_ok();
	bytes = image->size - sizeof(*image) - image->v4_index.count * sizeof(__u32);
	assert_true(bytes <= 25 * 100000);
	free(image);
	build_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_policies),
		cmocka_unit_test(test_no_nets),
		cmocka_unit_test(test_edges_of_the_address_space),
		cmocka_unit_test(test_v6_nets_leave_v4_alone),
		cmocka_unit_test(test_fall_through),
		cmocka_unit_test(test_strictest_counts_the_default),
		cmocka_unit_test(test_neighbours_merge),
		cmocka_unit_test(test_conflict_names_both_rules),
		cmocka_unit_test(test_no_conflict),
		cmocka_unit_test(test_one_message_for_each_pair),
		cmocka_unit_test(test_port_starts_limit),
		cmocka_unit_test(test_range_limit),
		cmocka_unit_test(test_memory_per_range),
	};

	return cmocka_run_group_tests_name("nets", tests, NULL, NULL);
}
