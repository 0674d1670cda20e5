/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each lint has a policy in selftests/unit/lint/ that it speaks of, with what it says in a file .expected,
 * and one where it nearly does, without.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/compile.h"
#include "policy/lint.h"

static const char *const service_dirs[] = { "policy/services", NULL };

/* What is printed about a policy in a file or, with @text, in memory. For free(). */
static char *lint(const char *name, const char *text, struct diags *diags)
{
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	char *printed = NULL;
	size_t size = 0;
	FILE *out;

	if (text)
		assert_int_equal(policy_parse(name, text, strlen(text), NULL, diags, &policy), 0);
	else
		assert_int_equal(policy_read(name, service_dirs, diags, &policy), 0);
	assert_int_equal(policy_compile(policy, NULL, 1, diags, &image), 0);
	assert_int_equal(policy_lint(policy, image, diags), 0);
	out = open_memstream(&printed, &size);
	assert_non_null(out);
	diags_print(diags, out, false);
	fclose(out);
	free(image);
	policy_free(policy);
	return printed;
}

/* A whole file, with a 0 at its end; "" where there is none. */
static char *contents(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return strdup("");
	if (getdelim(&text, &size, 0, in) < 0)
		text[0] = 0;
	fclose(in);
	return text;
}

static void check_fixture(const char *path)
{
	struct diags diags = { 0 };
	char *printed = lint(path, NULL, &diags), *expected_path = NULL, *expected;
	bool near_miss = strstr(path, "-not.") != NULL;

	assert_true(asprintf(&expected_path, "%.*s.expected", (int)strlen(path) - 5, path) > 0);
	expected = contents(expected_path);
	if (strcmp(printed, expected))
		fail_msg("%s: expected\n%s\nprinted\n%s", path, expected, printed);
	for (size_t i = 0; i < diags.count && near_miss; i++)
		if (diags.list[i].lint && strstr(path, diags.list[i].lint))
			fail_msg("%s: a near miss was hit:\n%s", path, printed);
	free(expected_path);
	free(expected);
	free(printed);
	diags_free(&diags);
}

static void test_fixtures(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob("selftests/unit/lint/*.yaml", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_fixture(found.gl_pathv[i]);
	globfree(&found);
}

/* check --strict has nothing to say about what is shipped. */
static void test_shipped(void **state)
{
	static const char *const patterns[] = { "policy/examples/*.yaml", "selftests/demo/*.yaml" };
	glob_t found;

	(void)state;
	assert_int_equal(glob(patterns[0], 0, NULL, &found), 0);
	assert_int_equal(glob(patterns[1], GLOB_APPEND, NULL, &found), 0);
	assert_true(found.gl_pathc >= 3);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct diags diags = { 0 };
		char *printed = lint(found.gl_pathv[i], NULL, &diags);

		if (diags.errors || diags.warnings)
			fail_msg("%s", printed);
		free(printed);
		diags_free(&diags);
	}
	globfree(&found);
}

/* Without a file to read anew there is no line to show, and the rest is said. */
static void test_without_a_file(void **state)
{
	static const char text[] = "tag: a\nrules: [{deny: b}]\nservices: {b: {execs: [/var/run/x]}}\n";
	struct diags diags = { 0 };
	char *printed = lint("not-there.yaml", text, &diags);

	(void)state;
	assert_string_equal(printed, "not-there.yaml:3:24: warning: /var/run is a link to /run: what is made "
			    "there later is not known by this name [linked-path]\n"
			    "      = hint: write /run/x\n");
	assert_int_equal(diags.warnings, 1);
	assert_string_equal(diags.list[0].lint, "linked-path");
	free(printed);
	diags_free(&diags);
}

#define RULES 6				/* of a policy made by chance, */
#define ADDRESSES 16			/* which speaks of so many addresses */
#define PORTS 8				/* and ports */

/* The same numbers on every run: the generator of MMIX (Knuth). */
static unsigned int chance(unsigned int below)
{
	static uint64_t seed = 7;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(seed >> 33) % below;
}

static void write_by_chance(char *text)
{
	text += sprintf(text, "tag: a\nservices:\n");
	for (int i = 0; i < RULES; i++) {
		unsigned int bits = 28 + chance(5), lo = chance(4);

		text += sprintf(text, " s%d: {nets: [10.0.0.%u/%u]", i, chance(ADDRESSES) & ~0u << (32 - bits), bits);
		text += chance(2) ? sprintf(text, "}\n") :
			sprintf(text, ", ports: [%u-%u]}\n", lo, lo + chance(PORTS - 4));
	}
	text += sprintf(text, "rules:\n");
	for (int i = 0; i < RULES; i++)
		text += sprintf(text, " - deny: s%d\n", i);
}

/* Which rules are the answer for any address and port. */
static void ask_all(const struct ruleset *image, bool ret_reached[RULES])
{
	for (int at = 0; at < ADDRESSES * PORTS; at++) {
		uint8_t addr[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = (uint8_t)(at / PORTS) };
		struct decision decision = image_decide_net(image, addr, (uint16_t)(at % PORTS), PROTO_TCP);

		if (decision.rule < RULES)
			ret_reached[decision.rule] = true;
	}
}

static bool is_told(const struct diags *diags, unsigned int line)
{
	for (size_t i = 0; i < diags->count; i++)
		if (diags->list[i].where.line == line && diags->list[i].lint &&
		    !strcmp(diags->list[i].lint, "never-matches"))
			return true;
	return false;
}

/* A rule never matches exactly if it is the answer for no address and port. */
static void test_never_matches_is_exact(void **state)
{
	int unreachable = 0;

	(void)state;
	for (int round = 0; round < 300; round++) {
		bool reached[RULES] = { false };
		struct diags diags = { 0 };
		struct policy *policy = NULL;
		struct ruleset *image = NULL;
		char text[2048];

		write_by_chance(text);
		assert_int_equal(policy_parse("t.yaml", text, strlen(text), NULL, &diags, &policy), 0);
		assert_int_equal(policy_compile(policy, NULL, 1, &diags, &image), 0);
		assert_int_equal(policy_lint(policy, image, &diags), 0);
		ask_all(image, reached);
		for (int i = 0; i < RULES; i++) {
			if (is_told(&diags, policy->rules[i].where.line) == reached[i])
				fail_msg("rule %d is %s, and the lint says the opposite:\n%s", i,
					 reached[i] ? "reached" : "never reached", text);
			unreachable += !reached[i];
		}
		free(image);
		policy_free(policy);
		diags_free(&diags);
	}
	assert_true(unreachable > 100);		/* else it shows nothing */
}

/* As many nets as a text holds, each inside of others. */
static void test_many_nets(void **state)
{
	char *text = malloc(POLICY_TEXT_MAX + 1);
	int size = sprintf(text, "tag: a\nservices:\n deep: {nets: [");
	struct diags diags = { 0 };
	char *printed;

	(void)state;
	assert_non_null(text);
	for (int bits = 1; bits <= 127; bits++)
		size += sprintf(text + size, "\"::/%d\", ", bits);
	size += sprintf(text + size, "\"::/0\"]}\n many: {nets: [");
	for (unsigned int i = 0; i < 40000; i++)
		size += sprintf(text + size, "\"::%x:%x\",", i >> 16, i & 0xffff);
	size += sprintf(text + size, "\"::ffff\"]}\nrules: [{deny: deep}, {audit: many}]\n");
	printed = lint("not-there.yaml", text, &diags);
	assert_int_equal(diags.notes, 1);
	assert_non_null(strstr(printed, "more of its nets"));
	free(printed);
	free(text);
	diags_free(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_without_a_file),
		cmocka_unit_test(test_never_matches_is_exact),
		cmocka_unit_test(test_many_nets),
	};

	return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
