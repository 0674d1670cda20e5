/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/policy.h"

static const char everything[] = "selftests/unit/good/everything.yaml";
static const char *const service_dirs[] = { "selftests/unit/good/dir", NULL };

static char *printed(struct diags *diags)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	diags_print(diags, out, false);
	fclose(out);
	return text;
}

/* A whole file, with a 0 at its end; NULL where there is none. */
static char *contents(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return NULL;
	if (getdelim(&text, &size, 0, in) < 0)
		text[0] = 0;
	fclose(in);
	return text;
}

/* --- fixtures ------------------------------------------------------------------------------ */

static void each_file(const char *pattern, void (*check)(const char *path))
{
	glob_t found;

	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check(found.gl_pathv[i]);
	globfree(&found);
}

static void assert_diags(const char *path, struct diags *diags)
{
	char *expected_path = NULL, *expected, *text = printed(diags);

	assert_true(asprintf(&expected_path, "%.*s.expected", (int)strlen(path) - 5, path) > 0);
	expected = contents(expected_path);
	if (strcmp(text, expected ? expected : ""))
		fail_msg("%s: expected\n%s\nprinted\n%s", path, expected ? expected : "", text);
	free(expected_path);
	free(expected);
	free(text);
}

static void check_good(const char *path)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	int r = policy_read(path, service_dirs, &diags, &policy);

	assert_diags(path, &diags);
	assert_int_equal(r, 0);
	assert_int_equal(diags.errors, 0);
	assert_string_equal(policy->file, path);
	policy_free(policy);
	diags_free(&diags);
}

static void check_bad(const char *path)
{
	struct diags diags = { 0 };
	struct policy *untouched = (struct policy *)&diags, *policy = untouched;
	int r = policy_read(path, service_dirs, &diags, &policy);

	assert_diags(path, &diags);
	assert_int_equal(r, -EINVAL);
	assert_ptr_equal(policy, untouched);
	diags_free(&diags);
}

static void test_good(void **state)
{
	(void)state;
	each_file("selftests/unit/good/*.yaml", check_good);
}

static void test_bad(void **state)
{
	(void)state;
	each_file("selftests/unit/bad/*.yaml", check_bad);
}

static void test_examples(void **state)
{
	(void)state;
	each_file("policy/examples/*.yaml", check_good);
}

/* --- what a policy says -------------------------------------------------------------------- */

static struct policy *parse_good(const char *text, size_t size, struct diags *diags)
{
	struct policy *policy = NULL;

	assert_int_equal(policy_parse("t.yaml", text, size, NULL, diags, &policy), 0);
	return policy;
}

/* What the policy itself says, without what every policy implies. */
static size_t said_services(const struct policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->service_count; i++)
		count += !policy->services[i].implied;
	return count;
}

static size_t said_rules(const struct policy *policy)
{
	size_t count = 0;

	for (size_t i = 0; i < policy->rule_count; i++)
		count += !policy->rules[i].implied;
	return count;
}

static const struct policy_service *service(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->service_count; i++)
		if (!strcmp(policy->services[i].name, name))
			return &policy->services[i];
	fail_msg("no service %s", name);
	return NULL;
}

static void assert_net(const struct policy_net *net, const char *addr, unsigned int bits)
{
	assert_memory_equal(net->addr, addr, 16);
	assert_int_equal(net->bits, bits);
}

static void assert_ports(const struct policy_ports *ports, unsigned int lo, unsigned int hi,
			 unsigned int protos)
{
	assert_int_equal(ports->lo, lo);
	assert_int_equal(ports->hi, hi);
	assert_int_equal(ports->protos, protos);
}

static void assert_path(const struct policy_path *path, const char *text, bool tree)
{
	assert_string_equal(path->path, text);
	assert_int_equal(path->tree, tree);
}

static void check_services(const struct policy *policy)
{
	const struct policy_service *one = service(policy, "one"), *two = service(policy, "two");

	assert_int_equal(one->net_count, 7);
	assert_net(&one->nets[0], "\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0", 96);
	assert_net(&one->nets[1], "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 0);
	assert_net(&one->nets[2], "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 128);
	assert_net(&one->nets[3], "\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", 128);
	assert_net(&one->nets[4], "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\0", 32);
	assert_net(&one->nets[5], "\x2a\xa\xa4\x40\0\0\0\0\0\0\0\0\0\0\0\0", 29);
	assert_net(&one->nets[6], "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\0", 120);
	assert_int_equal(one->nets[6].where.line, 20);
	assert_int_equal(one->nets[6].where.col, 9);
	assert_int_equal(one->port_count, 6);
	assert_ports(&one->ports[0], 0, 0, PROTO_ALL);
	assert_ports(&one->ports[1], 65535, 65535, PROTO_ALL);
	assert_ports(&one->ports[2], 8000, 8100, PROTO_ALL);
	assert_ports(&one->ports[3], 53, 53, PROTO_BIT(PROTO_UDP));
	assert_ports(&one->ports[4], 443, 443, PROTO_BIT(PROTO_TCP));
	assert_ports(&one->ports[5], 1, 2, PROTO_BIT(PROTO_UDP));
	assert_int_equal(one->exec_count, 2);
	assert_path(&one->execs[0], "/usr/bin/gh", false);
	assert_path(&one->execs[1], "/opt/tools/bin", true);
	assert_false(one->included);
	assert_int_equal(one->need_count, 3);
	assert_string_equal(one->needs[0].name, "outside");
	assert_string_equal(one->needs[1].name, "two");
	assert_string_equal(one->needs[2].name, "message-bus");
	assert_int_equal(one->needs[0].where.line, one->where.line + 12);
	assert_int_equal(two->need_count, 0);
	assert_int_equal(two->file_count, 5);
	assert_path(&two->files[0], "", true);
	assert_path(&two->files[1], "/srv/mirror", true);
	assert_path(&two->files[2], "/etc/passwd", false);
	assert_path(&two->files[3], "/srv", true);
	assert_path(&two->files[4], "/tmp/gr\xc3\xb6\xc3\x9f" "e", false);
	assert_true(service(policy, "outside")->included);
	assert_string_equal(service(policy, "outside")->where.file,
			    "selftests/unit/good/services/extra.yaml");
	assert_true(service(policy, "not-named-by-a-rule")->included);
}

static void check_enter(const struct policy *policy)
{
	static const char *const cgroups[] = {
		"deploy.service", "deploy@.service", "deploy@main\\x2d1.scope", "/deploys.slice",
		"/system.slice/x.service",
	};

	assert_int_equal(policy->enter_exec_count, 2);
	assert_string_equal(policy->enter_execs[0].path, "/usr/local/bin/deploy");
	assert_false(policy->enter_execs[0].tree);
	assert_string_equal(policy->enter_execs[1].path, "/srv/deploy");
	assert_true(policy->enter_execs[1].tree);
	assert_int_equal(policy->enter_cgroup_count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(policy->enter_cgroups[i].name, cgroups[i]);
}

static void test_everything(void **state)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	const struct policy_rule *rules;

	(void)state;
	assert_int_equal(policy_read(everything, NULL, &diags, &policy), 0);
	assert_string_equal(policy->tag, "Every.thing_1-2");
	assert_int_equal(policy->mode, MODE_ENFORCE);
	assert_true(policy->deny_unrecorded);
	assert_int_equal(policy->record, RECORDING_MATCHED);
	assert_int_equal(policy->defaults[CLASS_NET], VERDICT_AUDIT);
	assert_int_equal(policy->defaults[CLASS_FILE], VERDICT_ALLOW);
	assert_int_equal(policy->defaults[CLASS_EXEC], VERDICT_DENY);
	assert_int_equal(policy->defaults[CLASS_SOCKET], VERDICT_AUDIT);
	assert_int_equal(said_services(policy), 4);
	check_services(policy);
	assert_int_equal(said_rules(policy), 4);
	rules = policy->rules;
	assert_int_equal(rules[0].verdict, VERDICT_DENY);
	assert_int_equal(rules[0].err, ECONNREFUSED);
	assert_int_equal(rules[0].access, ACCESS_READ | ACCESS_WRITE);
	assert_string_equal(rules[0].why, "it is a long story");
	assert_ptr_equal(&policy->services[rules[0].service], service(policy, "one"));
	assert_int_equal(rules[0].where.line, 4);
	assert_int_equal(rules[1].verdict, VERDICT_AUDIT);
	assert_int_equal(rules[1].access, ACCESS_WRITE);
	assert_null(rules[1].why);
	assert_int_equal(rules[2].verdict, VERDICT_ALLOW);
	assert_int_equal(rules[2].access, ACCESS_READ);
	assert_ptr_equal(&policy->services[rules[3].service], service(policy, "outside"));
	assert_int_equal(policy->waiver_count, 1);
	assert_ptr_equal(&policy->services[policy->waivers[0].service], service(policy, "one"));
	assert_string_equal(policy->waivers[0].exec, "/usr/local/bin/legacy-sync");
	assert_string_equal(policy->waivers[0].owner, "storage team");
	assert_string_equal(policy->waivers[0].why, "being rewritten");
	assert_true(policy->waivers[0].until == 4078598400 + 24 * 60 * 60);	/* date -d 2099-03-31 */
	assert_int_equal(policy->user_count, 2);
	assert_string_equal(policy->users[0].name, "deploy");
	assert_string_equal(policy->users[1].name, "1001");
	assert_int_equal(policy->group_count, 1);
	assert_string_equal(policy->groups[0].name, "deployers");
	check_enter(policy);
	policy_free(policy);
	diags_free(&diags);
}

/* Copies are read in place of the files, and called as those: also what they include. */
static void test_copies(void **state)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_read_under("selftests/unit", "/good/everything.yaml", NULL, &diags,
					   &policy), 0);
	assert_string_equal(policy->file, "/good/everything.yaml");
	assert_int_equal(policy->include_count, 2);
	assert_string_equal(policy->includes[0], "/good/services/extra.yaml");
	assert_string_equal(policy->includes[1], "/good/more.service");
	policy_free(policy);
	policy = NULL;
	assert_int_equal(policy_read_under("/no/such", "/good/everything.yaml", NULL, &diags, &policy),
			 -EINVAL);
	assert_null(policy);
	diags_free(&diags);
}

static void test_defaults(void **state)
{
	static const char text[] = "tag: a\nrules: [{deny: b}]\n"
				   "services: {b: {nets: [10.0.0.1]}}\n";
	struct diags diags = { 0 };
	struct policy *policy = parse_good(text, sizeof(text) - 1, &diags);

	(void)state;
	assert_int_equal(policy->mode, MODE_AUDIT);
	assert_false(policy->deny_unrecorded);
	assert_int_equal(policy->record, RECORDING_BY_MODE);
	for (int i = 0; i < CLASS_COUNT; i++)
		assert_int_equal(policy->defaults[i], VERDICT_ALLOW);
	assert_int_equal(policy->rules[0].err, EPERM);
	assert_int_equal(policy->services[0].port_count, 0);
	assert_int_equal(diags.count, 0);
	policy_free(policy);
	diags_free(&diags);
}

static size_t warnings_of(const char *text)
{
	struct diags diags = { 0 };
	struct policy *policy = parse_good(text, strlen(text), &diags);
	size_t count = diags.count;

	policy_free(policy);
	diags_free(&diags);
	return count;
}

/* A policy that records what it allows is good for something. */
static void test_idle(void **state)
{
	static const char *const modes[] = { "mode: audit\n", "mode: enforce\n" };
	static const struct {
		const char *record;
		size_t warnings[2], without_rules[2];
	} expected[] = {
		{ "", { 0, 1 }, { 0, 1 } },
		{ "record: all\n", { 0, 0 }, { 0, 0 } },
		{ "record: matched\n", { 0, 0 }, { 1, 1 } },
		{ "record: denied\n", { 1, 1 }, { 1, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		for (int mode = 0; mode < 2; mode++) {
			char text[256];
			int length = snprintf(text, sizeof(text), "tag: a\n%s%s", modes[mode],
					      expected[i].record);

			assert_int_equal(warnings_of(text), expected[i].without_rules[mode]);
			strcpy(text + length, "services: {b: {nets: [10.0.0.1]}}\nrules: [{allow: b}]\n");
			assert_int_equal(warnings_of(text), expected[i].warnings[mode]);
		}
}

/* What another service needs is named, if by no rule. */
static void test_needed(void **state)
{
	(void)state;
	assert_int_equal(warnings_of("tag: a\nrules: [{deny: b}]\nservices:\n"
				     "  b: {nets: [10.0.0.1], needs: [c]}\n  c: {nets: [10.0.0.2]}\n"), 0);
	assert_int_equal(warnings_of("tag: a\nrules: [{deny: b}]\nservices:\n"
				     "  b: {nets: [10.0.0.1]}\n  c: {nets: [10.0.0.2], needs: [b]}\n"), 1);
}

static void test_errnos(void **state)
{
	(void)state;
	assert_int_equal(policy_errno("EHOSTUNREACH"), EHOSTUNREACH);
	assert_int_equal(policy_errno("EPERM"), EPERM);
	assert_int_equal(policy_errno("ehostunreach"), 0);
	assert_int_equal(policy_errno(""), 0);
	assert_int_equal(policy_errno("0"), 0);
	assert_null(policy_errno_name(0));
	assert_null(policy_errno_name(-EPERM));
	assert_null(policy_errno_name(100000));
	for (int err = 1; err < 200; err++)
		if (policy_errno_name(err))
			assert_int_equal(policy_errno(policy_errno_name(err)), err);
}

/* Every place a net, port, path or rule names is where its text stands. */
static void test_places(void **state)
{
	static const char text[] = "tag: a\nservices:\n  b:\n    nets: [10.0.0.1]\n"
				   "    ports:   [22]\n    files:\n    - /x\nrules:\n-   deny: b\n";
	struct diags diags = { 0 };
	struct policy *policy = parse_good(text, sizeof(text) - 1, &diags);
	const struct policy_service *b = policy->services;
	const struct diag_where where[] = { b->where, b->nets[0].where, b->ports[0].where,
					    b->files[0].where, policy->rules[0].where };
	static const unsigned int expected[][3] = { { 3, 3, 1 }, { 4, 12, 8 }, { 5, 15, 2 },
						    { 7, 7, 2 }, { 9, 5, 4 } };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(where[i].file, "t.yaml");
		assert_int_equal(where[i].line, expected[i][0]);
		assert_int_equal(where[i].col, expected[i][1]);
		assert_int_equal(where[i].len, expected[i][2]);
	}
	policy_free(policy);
	diags_free(&diags);
}

/* --- files --------------------------------------------------------------------------------- */

static void assert_unreadable(const char *path, const char *message)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	char *text, *expected = NULL;

	assert_int_equal(policy_read(path, NULL, &diags, &policy), -EINVAL);
	assert_null(policy);
	text = printed(&diags);
	assert_true(asprintf(&expected, "%s: error: %s\n", path, message) > 0);
	assert_string_equal(text, expected);
	free(expected);
	free(text);
	diags_free(&diags);
}

static void write_file(const char *path, size_t size, char byte)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	for (size_t i = 0; i < size; i++)
		fputc(byte, out);
	assert_int_equal(fclose(out), 0);
}

#define NOBODY 65534

static void test_files(void **state)
{
	char folder[] = "/tmp/ringfence-check-XXXXXX";
	char path[64], no_access[64];
	uid_t user = geteuid();

	(void)state;
	assert_non_null(mkdtemp(folder));
	alarm(60);			/* a read that waits for ever fails the test */
	assert_unreadable("selftests/unit/missing.yaml", "cannot read it: there is no such file");
	assert_unreadable("selftests/unit/bad/empty.yaml/x", "cannot read it: Not a directory");
	assert_unreadable(folder, "cannot read it: it is a directory");
	assert_unreadable("/dev/null", "cannot read it: it is not a regular file");
	snprintf(path, sizeof(path), "%s/fifo.yaml", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_unreadable(path, "cannot read it: it is not a regular file");
	unlink(path);
	snprintf(path, sizeof(path), "%s/large.yaml", folder);
	write_file(path, 2 * POLICY_TEXT_MAX, '#');
	assert_unreadable(path, "cannot read it: it is larger than 1 MiB");
	write_file(path, POLICY_TEXT_MAX, '#');
	assert_unreadable(path, "the file is empty: nothing but blanks and comments");
	snprintf(no_access, sizeof(no_access), "%s/loop.yaml", folder);
	assert_int_equal(symlink(no_access, no_access), 0);
	assert_unreadable(no_access, "cannot read it: Too many levels of symbolic links");
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(chmod(folder, 0755), 0);
	if (!user)			/* nothing is unreadable to root */
		assert_int_equal(seteuid(NOBODY), 0);
	assert_unreadable(path, "cannot read it: permission denied; read it as a user who may");
	assert_int_equal(seteuid(user), 0);
	alarm(0);
	unlink(path);
	unlink(no_access);
	rmdir(folder);
}

static void test_includes_stand_beside_the_policy(void **state)
{
	static const char text[] = "tag: a\ninclude: [extra, ../good/more.service]\n"
				   "default: {net: deny}\n";
	struct diags diags = { 0 };
	struct policy *policy = NULL;

	(void)state;
	assert_int_equal(policy_parse("selftests/unit/good/x.yaml", text, sizeof(text) - 1, NULL,
				      &diags, &policy), 0);
	assert_int_equal(said_services(policy), 2);
	policy_free(policy);
	policy = NULL;
	assert_int_equal(policy_parse("x.yaml", text, sizeof(text) - 1, NULL, &diags, &policy),
			 -EINVAL);
	assert_string_equal(diags.list[0].hint, "looked for services/extra.yaml");
	assert_string_equal(diags.list[1].hint, "looked for ../good/more.service");
	diags_free(&diags);
}

static void test_too_many_includes(void **state)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	char folder[] = "/tmp/ringfence-check-XXXXXX", path[64], text[4096];
	size_t size = (size_t)sprintf(text, "tag: a\ndefault: {net: deny}\ninclude:\n");

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < 65; i++) {
		FILE *out;

		size += (size_t)sprintf(text + size, "- %s/%d\n", folder, i);
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		out = fopen(path, "w");
		assert_non_null(out);
		fprintf(out, "services: {s%d: {execs: [/bin/true]}}\n", i);
		fclose(out);
	}
	assert_int_equal(policy_parse("x.yaml", text, size, NULL, &diags, &policy), -EINVAL);
	assert_int_equal(diags.errors, 1);
	assert_string_equal(diags.list[0].message, "more than 64 includes");
	assert_int_equal(diags.list[0].where.line, 68);
	diags_free(&diags);
	for (int i = 0; i < 65; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		unlink(path);
	}
	rmdir(folder);
}

/* --- sizes --------------------------------------------------------------------------------- */

static void test_a_megabyte_of_nets(void **state)
{
	char *text = malloc(POLICY_TEXT_MAX);
	struct diags diags = { 0 };
	struct policy *policy;
	size_t size;

	(void)state;
	assert_non_null(text);
	alarm(60);			/* were it not linear, it would be hours */
	size = (size_t)sprintf(text, "tag: a\nrules: [{deny: b}]\nservices: {b: {nets: [1.1.1.1");
	for (unsigned int i = 0; i < 60000; i++)
		size += (size_t)sprintf(text + size, ",10.%u.%u.%u", i >> 12, i >> 4 & 255, i & 15);
	size += (size_t)sprintf(text + size, "]}}\n");
	policy = parse_good(text, size, &diags);
	assert_int_equal(policy->services[0].net_count, 60001);
	assert_int_equal(diags.count, 0);
	policy_free(policy);
	/* all the same, and all of them odd */
	size = (size_t)sprintf(text, "tag: a\nrules: [{deny: b}]\nservices: {b: {nets: [1.1.1.1");
	while (size < POLICY_TEXT_MAX - 20)
		size += (size_t)sprintf(text + size, ",1.1.1.1");
	size += (size_t)sprintf(text + size, "]}}\n");
	policy = parse_good(text, size, &diags);
	assert_true(diags.warnings > 100000);
	assert_int_equal(diags.count, DIAG_KEPT_MAX);
	policy_free(policy);
	diags_free(&diags);
	alarm(0);
	free(text);
}

static void test_a_megabyte_of_faults(void **state)
{
	static const char *const texts[][2] = {
		{ "tag: a\nrules:\n", "- deny: b\n" },		/* no such service */
		{ "tag: a\nrules:\n", "- [[]]\n" },
		{ "tag: a\nservices:\n", " a-name-that-is-long-enough-to-compare: x\n" },
		{ "tag: a\n", "{}: x\n" },
		{ "", "x: y\n" },
		{ "tag: a\nrules: [{deny: b}]\nservices:\n b:\n  nets:\n", "  - x\n" },
	};
	char *text = malloc(POLICY_TEXT_MAX);

	(void)state;
	assert_non_null(text);
	alarm(120);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct diags diags = { 0 };
		struct policy *policy = NULL;
		size_t size = (size_t)sprintf(text, "%s", texts[i][0]);

		while (size + strlen(texts[i][1]) < POLICY_TEXT_MAX)
			size += (size_t)sprintf(text + size, "%s", texts[i][1]);
		assert_int_equal(policy_parse("t.yaml", text, size, NULL, &diags, &policy), -EINVAL);
		assert_true(diags.errors > 10000);
		assert_true(diags.count <= 2 * DIAG_KEPT_MAX);
		diags_free(&diags);
	}
	alarm(0);
	free(text);
}

static void test_too_many_rules(void **state)
{
	char *text = malloc(POLICY_TEXT_MAX);
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	size_t size;

	(void)state;
	assert_non_null(text);
	size = (size_t)sprintf(text, "tag: a\nservices: {b: {execs: [/b]}}\nrules:\n");
	for (int i = 0; i < RULE_COUNT_MAX + 10; i++)
		size += (size_t)sprintf(text + size, "- deny: b\n");
	assert_int_equal(policy_parse("t.yaml", text, size, NULL, &diags, &policy), -EINVAL);
	/* every rule but the first says the same again, and one fault for all beyond the limit */
	assert_int_equal(diags.errors, RULE_COUNT_MAX - 1 + 1);
	diags_free(&diags);
	free(text);
}

static void test_many_services_and_rules(void **state)
{
	char *text = malloc(POLICY_TEXT_MAX);
	struct diags diags = { 0 };
	struct policy *policy;
	size_t size;

	(void)state;
	assert_non_null(text);
	size = (size_t)sprintf(text, "tag: a\nservices:\n");
	for (int i = 0; i < 20000; i++)
		size += (size_t)sprintf(text + size, " s%d: {execs: [/b%d]}\n", i, i);
	size += (size_t)sprintf(text + size, "rules:\n");
	for (int i = 20000; i--;)
		size += (size_t)sprintf(text + size, "- deny: s%d\n", i);
	policy = parse_good(text, size, &diags);
	assert_int_equal(said_rules(policy), 20000);
	for (size_t i = 0; i < 20000; i++)
		assert_int_equal(policy->rules[i].service, 19999 - i);
	assert_int_equal(diags.count, 0);
	policy_free(policy);
	diags_free(&diags);
	free(text);
}

/* --- damage -------------------------------------------------------------------------------- */

static void parse_any(const char *text, size_t size)
{
	struct diags diags = { 0 };
	struct policy *policy = NULL;
	int r = policy_parse("selftests/unit/good/x.yaml", text, size, NULL, &diags, &policy);

	assert_int_equal(r == 0, diags.errors == 0);
	assert_int_equal(r == 0, policy != NULL);
	free(printed(&diags));
	policy_free(policy);
	diags_free(&diags);
}

static void test_damaged_texts(void **state)
{
	static const char bytes[] = "\0 \n\t:,-[]{}\"'#&*!|>%@/0a\x7f\xc3\xff";
	char *text = contents(everything);
	size_t size = strlen(text);

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		char *exact = malloc(cut ? cut : 1);	/* so that a byte too far is noticed */

		assert_non_null(exact);
		memcpy(exact, text, cut);
		parse_any(exact, cut);
		free(exact);
	}
	for (size_t at = 0; at < size; at++) {
		char kept = text[at];

		for (size_t i = at % 3; i < sizeof(bytes) - 1; i += 3) {
			text[at] = bytes[i];
			parse_any(text, size);
		}
		text[at] = kept;
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_errnos),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_includes_stand_beside_the_policy),
		cmocka_unit_test(test_too_many_includes),
		cmocka_unit_test(test_a_megabyte_of_nets),
		cmocka_unit_test(test_a_megabyte_of_faults),
		cmocka_unit_test(test_too_many_rules),
		cmocka_unit_test(test_many_services_and_rules),
		cmocka_unit_test(test_damaged_texts),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
