/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is told of a decision never disagrees with it: over policies and objects made by chance, the one
 * entry that wins has the rule and the verdict of decide.h, and is the most specific of those that match.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "build_policy.h"
#include "policy/compile.h"
#include "policy/consider.h"

#define POLICIES 400
#define OBJECTS 150

static const char *const service_dirs[] = { "policy/services", "selftests/unit/good/dir", NULL };

/* How often each was the case, so that a test which shows nothing fails. */
static struct {
	int policies, rules, defaults, losers, strictest, identities, execs, implied;
} seen;

/* --- what holds of every list -------------------------------------------------------------- */

static int compare_rank(const struct considered *a, const struct considered *b)
{
	for (int i = 0; i < 3; i++)
		if (a->rank[i] != b->rank[i])
			return a->rank[i] > b->rank[i] ? -1 : 1;
	return 0;
}

/* Exactly one wins, as decided; returns it. */
static const struct considered *the_winner(const struct consideration *list, const struct decision *decision)
{
	const struct considered *winner = NULL;

	for (size_t i = 0; i < list->count; i++) {
		assert_true(*list->list[i].why);
		assert_non_null(list->list[i].entry);
		if (!list->list[i].wins)
			continue;
		assert_null(winner);
		winner = &list->list[i];
	}
	assert_non_null(winner);
	assert_int_equal(winner->number, decision->rule);
	assert_int_equal(winner->verdict, decision->verdict);
	assert_true(winner->matches);
	seen.rules += winner->number != RULE_DEFAULT;
	seen.defaults += winner->number == RULE_DEFAULT;
	return winner;
}

/* Nothing of its class that matches is more specific, and what is as specific says the same. */
static void is_most_specific(const struct consideration *list, const struct considered *winner)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct considered *entry = &list->list[i];

		if (entry == winner || entry->object != winner->object || !entry->matches)
			continue;
		seen.losers++;
		assert_true(entry->number == RULE_DEFAULT || compare_rank(winner, entry) <= 0);
		if (!compare_rank(winner, entry) && entry->number != RULE_DEFAULT)
			assert_int_equal(entry->verdict, winner->verdict);
		assert_true(winner->number != RULE_DEFAULT);
	}
}

/* --- addresses ----------------------------------------------------------------------------- */

/* An address in or near one of the policy's nets. */
static void chance_address(const struct policy *policy, uint8_t addr[16])
{
	const struct policy_service *service = &policy->services[build_random((uint32_t)policy->service_count)];

	memset(addr, 0, 16);
	if (build_random(2))
		addr[10] = addr[11] = 0xff;
	if (!service->net_count || !build_random(8)) {
		addr[12] = (uint8_t)(build_random(2) ? 127 : 0);
		addr[15] = (uint8_t)build_random(2);
		return;
	}
	memcpy(addr, service->nets[build_random((uint32_t)service->net_count)].addr, 16);
	addr[15] ^= (uint8_t)build_random(32);
	if (!build_random(4))
		addr[13] ^= (uint8_t)build_random(256);
}

static uint16_t chance_port(const struct policy *policy)
{
	const struct policy_service *service = &policy->services[build_random((uint32_t)policy->service_count)];
	const struct policy_ports *ports;

	if (!service->port_count)
		return (uint16_t)build_random(65536);
	ports = &service->ports[build_random((uint32_t)service->port_count)];
	return (uint16_t)((build_random(2) ? ports->lo : ports->hi) + build_random(3) - 1);
}

/* The strictest of what wins at any port, as port_maps_entry() has it: looked for where a range begins or
 * ends. */
static uint16_t strictest(const struct policy *policy, const struct ruleset *image, const uint8_t addr[16])
{
	uint16_t best = RULE_DEFAULT;
	int verdict = -1;

	for (size_t i = 0; i <= policy->service_count; i++) {
		size_t count = i < policy->service_count ? policy->services[i].port_count : 1;

		for (size_t j = 0; j < 2 * count * PROTO_COUNT; j++) {
			const struct policy_ports whole = { .lo = 0, .hi = 65535 };
			const struct policy_ports *ports = i < policy->service_count ?
				&policy->services[i].ports[j / 2 / PROTO_COUNT] : &whole;
			uint16_t port = j % 2 ? (uint16_t)(ports->hi + 1) : ports->lo;
			struct decision decision = image_decide_net(image, addr, port,
								    (enum protocol)(j / 2 % PROTO_COUNT));

			if (decision.verdict < verdict || (decision.verdict == verdict && decision.rule >= best))
				continue;
			best = decision.rule;
			verdict = decision.verdict;
		}
	}
	return best;
}

static void check_address(const struct policy *policy, const struct ruleset *image)
{
	enum protocol proto = (enum protocol)build_random(PROTO_COUNT + 1);
	uint16_t port = chance_port(policy);
	struct consideration list;
	struct decision decision;
	uint8_t addr[16];

	chance_address(policy, addr);
	decision = image_decide_net(image, addr, port, proto);
	assert_int_equal(consider_net(image, policy, addr, port, proto, &list), 0);
	if (proto == PROTO_NONE) {
		assert_int_equal(the_winner(&list, &decision)->number, strictest(policy, image, addr));
		seen.strictest += list.count > 2;
	} else {
		is_most_specific(&list, the_winner(&list, &decision));
	}
	consideration_free(&list);
	assert_int_equal(consider_net(image, NULL, addr, port, proto, &list), 0);
	the_winner(&list, &decision);
	consideration_free(&list);
}

static void build_nets_by_chance(void)
{
	static const char *const bases[] = { "10.0.0.0", "10.0.0.8", "10.0.0.24", "fd00::", "fd00::8", "::" };

	for (uint32_t i = 1 + build_random(2); i; i--) {
		const char *base = bases[build_random(6)];
		uint8_t bits = (uint8_t)(28 + build_random(5)), sizes[] = { 0, 8, bits, bits };

		bits = sizes[build_random(4)];
		build_net(base, strchr(base, ':') && bits ? (uint8_t)(bits + 96) : bits);
	}
	for (uint32_t i = build_random(3); i; i--) {
		uint16_t lo = (uint16_t)build_random(8);

		build_ports(lo, (uint16_t)(lo + build_random(4)), (uint8_t)(1 + build_random(7)));
	}
}

static enum verdict chance_verdict(void)
{
	return (enum verdict)build_random(3);
}

static void test_addresses(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	for (int i = 0; i < POLICIES; i++) {
		struct policy *policy = build_begin();
		struct ruleset *image = NULL;
		struct diags diags = { 0 };

		policy->defaults[CLASS_NET] = chance_verdict();
		for (uint32_t rules = 1 + build_random(6); rules; rules--) {
			build_service();
			build_nets_by_chance();
			build_rule(chance_verdict(), EPERM);
		}
		if (!policy_compile(policy, NULL, 1, &diags, &image)) {
			seen.policies++;
			for (int object = 0; object < OBJECTS; object++)
				check_address(policy, image);
		}
		free(image);
		diags_free(&diags);
	}
	build_end();
	assert_true(seen.policies > POLICIES / 4);
	assert_true(seen.rules > 1000 && seen.defaults > 1000 && seen.losers > 1000 && seen.strictest > 1000);
}

/* --- paths --------------------------------------------------------------------------------- */

/* Few names, so that most are below others. */
static const char *chance_path(bool tree, char path[64])
{
	size_t size = 0;

	for (uint32_t depth = build_random(4) + !tree; depth; depth--)
		size += (size_t)sprintf(path + size, "/%c", 'a' + build_random(2));
	sprintf(path + size, tree ? "/" : "");
	return path;
}

/* Every second path leads to one of a few things, under whatever name. */
static uint64_t chance_inode(const char *path)
{
	uint64_t sum = 0;

	for (; *path; path++)
		sum = sum * 31 + (unsigned char)*path;
	return sum % 2 ? 1 + sum / 2 % 9 : 0;
}

static int find_inode(void *ctx, const char *path, bool tree, struct path_identity **ret_list, size_t *ret_count)
{
	uint64_t inode = chance_inode(path);

	(void)ctx;
	(void)tree;
	*ret_count = inode != 0;
	*ret_list = calloc(1, sizeof(**ret_list));
	assert_non_null(*ret_list);
	(*ret_list)->ino = inode;
	(*ret_list)->dev = 1;
	return 0;
}

static const struct path_resolver resolver = { .find = find_inode };

static size_t chance_chain(struct inode_id chain[4])
{
	size_t count = build_random(5);

	for (size_t i = 0; i < count; i++)
		chain[i] = (struct inode_id){ .ino = 1 + build_random(12), .dev = 1 };
	return count;
}

static void count_path(const struct considered *winner, const struct policy *policy)
{
	seen.identities += strstr(winner->entry, "another name") != NULL;
	seen.execs += winner->object == CLASS_EXEC;
	seen.implied += winner->number != RULE_DEFAULT && policy->rules[winner->number].implied;
}

/* Told by names alone, it is the most specific; identities tell of other places as well. */
static void check_list(const struct policy *policy, struct consideration *list, const struct decision *decision,
		       enum object_class object, bool by_name)
{
	const struct considered *winner = the_winner(list, decision);

	assert_int_equal(winner->object, object);
	count_path(winner, policy);
	if (by_name)
		is_most_specific(list, winner);
	consideration_free(list);
}

static void check_path(const struct policy *policy, const struct ruleset *image, bool with_policy)
{
	const struct policy *told = with_policy ? policy : NULL;
	uint8_t access = build_random(2) ? ACCESS_READ : ACCESS_WRITE;
	struct inode_id chain[4];
	size_t count = build_random(2) ? chance_chain(chain) : 0;
	struct consideration list;
	struct decision decision;
	enum object_class object;
	char path[64];

	chance_path(false, path);
	decision = image_decide_open(image, access, path, chain, count, &object);
	assert_int_equal(consider_open(image, told, access, path, chain, count, &list), 0);
	check_list(policy, &list, &decision, object, !count);
	decision = image_decide_exec(image, path, chain, count, &object);
	assert_int_equal(consider_exec(image, told, path, chain, count, &list), 0);
	check_list(policy, &list, &decision, object, !count);
	decision = image_decide_path(image, CLASS_SOCKET, ACCESS_READ, path, chain, count);
	assert_int_equal(consider_socket(image, told, path, chain, count, &list), 0);
	check_list(policy, &list, &decision, CLASS_SOCKET, !count);
}

static void build_paths_by_chance(void)
{
	char path[64];

	for (uint32_t i = 1 + build_random(3); i; i--)
		build_path(build_random(3) ? CLASS_FILE : CLASS_EXEC, chance_path(build_random(2), path));
}

static void test_paths(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	for (int i = 0; i < POLICIES; i++) {
		struct policy *policy = build_begin();
		struct ruleset *image = NULL;
		struct diags diags = { 0 };
		bool implied = false;

		policy->defaults[CLASS_FILE] = chance_verdict();
		policy->defaults[CLASS_EXEC] = chance_verdict();
		for (uint32_t rules = 1 + build_random(6); rules; rules--) {
			struct policy_rule *rule;

			build_service();
			build_paths_by_chance();
			rule = build_rule(chance_verdict(), EPERM);
			rule->access = (uint8_t)(1 + build_random(3));
			implied |= !build_random(5);
			rule->implied = implied;
		}
		if (!policy_compile(policy, i % 2 ? &resolver : NULL, 1, &diags, &image)) {
			seen.policies++;
			for (int object = 0; object < OBJECTS; object++)
				check_path(policy, image, object % 2);
		}
		free(image);
		diags_free(&diags);
	}
	build_end();
	assert_true(seen.policies > POLICIES / 4);
	assert_true(seen.rules > 1000 && seen.defaults > 1000 && seen.losers > 1000);
	assert_true(seen.identities > 100 && seen.execs > 1000 && seen.implied > 100);
}

/* --- policies of people -------------------------------------------------------------------- */

static void check_file(const char *name)
{
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	struct diags diags = { 0 };

	assert_int_equal(policy_read(name, service_dirs, &diags, &policy), 0);
	assert_int_equal(policy_compile(policy, NULL, 1, &diags, &image), 0);
	for (int i = 0; i < OBJECTS; i++)
		check_address(policy, image);
	for (size_t i = 0; i < policy->service_count; i++) {
		const struct policy_service *service = &policy->services[i];

		for (size_t j = 0; j < service->file_count; j++) {
			struct consideration list;
			struct decision decision;
			enum object_class object;
			char path[256];

			snprintf(path, sizeof(path), "%s/x", service->files[j].path);
			decision = image_decide_open(image, ACCESS_WRITE, path, NULL, 0, &object);
			assert_int_equal(consider_open(image, policy, ACCESS_WRITE, path, NULL, 0, &list), 0);
			check_list(policy, &list, &decision, object, true);
		}
	}
	free(image);
	policy_free(policy);
	diags_free(&diags);
}

static void test_files(void **state)
{
	static const char *const patterns[] = {
		"policy/examples/*.yaml", "selftests/unit/lint/*.yaml", "selftests/unit/good/[ems]*.yaml",
	};
	glob_t found;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	for (int i = 0; i < 3; i++)
		assert_int_equal(glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_file(found.gl_pathv[i]);
	globfree(&found);
	assert_true(seen.rules > 500 && seen.losers > 100);
}

/* --- in words ------------------------------------------------------------------------------ */

static void assert_told(const struct consideration *list, size_t at, const char *entry, const char *rule,
			bool wins, const char *why)
{
	assert_true(at < list->count);
	assert_string_equal(list->list[at].entry, entry);
	assert_string_equal(list->list[at].rule, rule);
	assert_int_equal(list->list[at].wins, wins);
	assert_string_equal(list->list[at].why, why);
}

static struct policy *read_text(const char *text, struct diags *diags, struct ruleset **ret_image)
{
	struct policy *policy = NULL;

	assert_int_equal(policy_parse("t.yaml", text, strlen(text), NULL, diags, &policy), 0);
	assert_int_equal(policy_compile(policy, NULL, 1, diags, ret_image), 0);
	return policy;
}

static void test_nets_in_words(void **state)
{
	static const uint8_t addr[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1, [14] = 2, [15] = 3 };
	struct diags diags = { 0 };
	struct ruleset *image = NULL;
	struct policy *policy = read_text("tag: a\n"
					  "services:\n"
					  "  site: {nets: [10.0.0.0/8]}\n"
					  "  web: {nets: [10.1.2.0/24], ports: [80-443]}\n"
					  "  safe: {nets: [10.1.2.0/24], ports: [443]}\n"
					  "  mail: {nets: [10.1.2.3], ports: [25/tcp]}\n"
					  "rules: [{deny: site}, {allow: web}, {audit: safe}, {audit: mail}]\n",
					  &diags, &image);
	struct consideration list;

	(void)state;
	assert_int_equal(consider_net(image, policy, addr, 443, PROTO_TCP, &list), 0);
	assert_int_equal(list.count, 5);
	assert_told(&list, 0, "10.1.2.3/32 port 25/tcp", "audit mail", false, "its ports do not match");
	assert_told(&list, 1, "10.1.2.0/24 port 443", "audit safe", true, "narrowest port range");
	assert_told(&list, 2, "10.1.2.0/24 ports 80-443", "allow web", false, "a narrower port range matches");
	assert_told(&list, 3, "10.0.0.0/8", "deny site", false, "a longer prefix matches");
	assert_told(&list, 4, "default net", "", false, "a rule matches");
	assert_int_equal(list.list[1].entry_where.line, 5);
	assert_string_equal(list.list[1].rule_where, "t.yaml:7");
	assert_string_equal(list.list[1].service, "safe");
	consideration_free(&list);
	assert_int_equal(consider_net(image, policy, addr, 0, PROTO_NONE, &list), 0);
	assert_told(&list, 3, "10.0.0.0/8", "deny site", true, "the strictest for what has no ports");
	consideration_free(&list);
	/* The ruleset alone: what holds on the ports of the addresses around it. */
	assert_int_equal(consider_net(image, NULL, addr, 443, PROTO_TCP, &list), 0);
	assert_int_equal(list.count, 5);
	assert_told(&list, 0, "10.1.2.3-10.1.2.3 port 443/tcp", "audit safe", true,
		    "holds for these addresses and ports");
	assert_told(&list, 1, "10.1.2.3-10.1.2.3 ports 0-24/tcp, 26-79/tcp, 444-65535/tcp", "deny site", false,
		    "its ports do not match");
	consideration_free(&list);
	free(image);
	policy_free(policy);
	diags_free(&diags);
}

static void test_paths_in_words(void **state)
{
	struct diags diags = { 0 };
	struct ruleset *image = NULL;
	struct policy *policy = read_text("tag: a\n"
					  "services:\n"
					  "  tools: {files: [/opt/], execs: [/opt/tool]}\n"
					  "  conf: {files: [/opt/tool]}\n"
					  "rules: [{audit: tools}, {allow: conf, access: write}]\n",
					  &diags, &image);
	struct consideration list;

	(void)state;
	assert_int_equal(consider_open(image, policy, ACCESS_READ, "/opt/tool", NULL, 0, &list), 0);
	assert_int_equal(list.count, 4);
	assert_told(&list, 0, "/opt/tool", "allow conf", false, "speaks of writing only");
	assert_told(&list, 1, "/opt/", "audit tools", true, "the only one that matches");
	assert_told(&list, 2, "default file", "", false, "a rule matches");
	assert_told(&list, 3, "/opt/tool (execs)", "audit tools", false, "not stricter than the answer for files");
	consideration_free(&list);
	assert_int_equal(consider_open(image, policy, ACCESS_WRITE, "/opt/tool", NULL, 0, &list), 0);
	assert_int_equal(list.count, 3);
	assert_told(&list, 0, "/opt/tool", "allow conf", true, "longest path");
	assert_told(&list, 1, "/opt/", "audit tools", false, "a longer path matches");
	consideration_free(&list);
	assert_int_equal(consider_socket(image, policy, "/run/docker.sock", NULL, 0, &list), 0);
	assert_told(&list, 0, "/run/docker.sock", "audit container-engine", true, "the only one that matches");
	assert_told(&list, 1, "default socket", "", false, "a rule matches");
	consideration_free(&list);
	free(image);
	policy_free(policy);
	diags_free(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_nets_in_words),
		cmocka_unit_test(test_paths_in_words),
	};

	return cmocka_run_group_tests_name("consider", tests, NULL, NULL);
}
