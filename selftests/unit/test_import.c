/* SPDX-License-Identifier: BSD-2-Clause */
/* Published address lists -> service files: every provider's shape, selection, every fault, and
 * the real lists where they are at hand. */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <jansson.h>
#include <unistd.h>

#include "../../policy/collapse.h"
#include "../../policy/import_walk.h"
/* The verb is not part of the library: its functions are compiled in here. */
#include "../../userspace/verbs/import.c"

#define FIXTURES "selftests/unit/import/"
#define REAL_LISTS "../shared/data/ip-ranges/"

static char folder[] = "/tmp/test_import.XXXXXX";

/* --- collapse ------------------------------------------------------------------------------- */

/* An independent reading of "ADDRESS/BITS" to check against. */
static struct policy_net net(const char *text)
{
	struct policy_net net = { 0 };
	char address[64];
	int bits;

	assert_int_equal(sscanf(text, "%63[^/]/%d", address, &bits), 2);
	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, address, net.addr), 1);
		net.bits = bits;
	} else {
		assert_int_equal(inet_pton(AF_INET, address, net.addr + 12), 1);
		net.addr[10] = net.addr[11] = 0xff;
		net.bits = 96 + bits;
	}
	return net;
}

static bool is_ipv4(const struct policy_net *net)
{
	return net->bits >= 96 && !memcmp(net->addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
}

static bool covers(const struct policy_net *net, const uint8_t addr[16], bool ipv4)
{
	if (is_ipv4(net) != ipv4)
		return false;
	if (memcmp(net->addr, addr, net->bits / 8))
		return false;
	for (int bit = net->bits & ~7; bit < net->bits; bit++) {
		if ((net->addr[bit / 8] ^ addr[bit / 8]) & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

static bool any_covers(const struct policy_net *nets, size_t count, const uint8_t addr[16],
		       bool ipv4)
{
	for (size_t i = 0; i < count; i++) {
		if (covers(&nets[i], addr, ipv4))
			return true;
	}
	return false;
}

static void check_collapse(const char *const *before, const char *const *after)
{
	struct policy_net nets[16];
	size_t count = 0, left;

	for (; before[count]; count++)
		nets[count] = net(before[count]);
	left = collapse_nets(nets, count);
	for (size_t i = 0; i < left; i++) {
		struct policy_net want;

		assert_non_null(after[i]);
		want = net(after[i]);
		assert_memory_equal(nets[i].addr, want.addr, 16);
		assert_int_equal(nets[i].bits, want.bits);
	}
	assert_null(after[left]);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_collapse_cases(void **state)
{
	(void)state;
	assert_int_equal(collapse_nets(NULL, 0), 0);
	check_collapse(LIST("10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"), LIST("10.0.0.0/8"));
	check_collapse(LIST("10.0.1.0/24", "10.0.0.0/24"), LIST("10.0.0.0/23"));
	/* Neighbours that are not halves of one prefix stay. */
	check_collapse(LIST("10.0.1.0/24", "10.0.2.0/24"), LIST("10.0.1.0/24", "10.0.2.0/24"));
	/* Joined again and again, over prefixes of different lengths. */
	check_collapse(LIST("10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/30"),
		       LIST("10.0.0.0/29"));
	check_collapse(LIST("0.0.0.0/1", "128.0.0.0/1"), LIST("0.0.0.0/0"));
	check_collapse(LIST("::/1", "8000::/1"), LIST("::/0"));
	check_collapse(LIST("255.255.255.255/32", "255.255.255.254/32"),
		       LIST("255.255.255.254/31"));
	check_collapse(LIST("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "::/128"),
		       LIST("::/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"));
}

static void test_collapse_keeps_families_apart(void **state)
{
	(void)state;
	check_collapse(LIST("::/0", "10.0.0.0/8"), LIST("10.0.0.0/8", "::/0"));
	check_collapse(LIST("0.0.0.0/0", "::fffe:0:0/96"), LIST("0.0.0.0/0", "::fffe:0:0/96"));
	check_collapse(LIST("::ffff:0:0/95", "10.0.0.0/8"), LIST("10.0.0.0/8", "::ffff:0:0/95"));
}

/* The fewest aligned blocks that make up the marked part of 256 addresses, counted top down. */
static size_t fewest_blocks(const bool *marked, unsigned int size)
{
	bool all = true, any = false;

	for (unsigned int i = 0; i < size; i++) {
		all &= marked[i];
		any |= marked[i];
	}
	if (all || !any)
		return all;
	return fewest_blocks(marked, size / 2) + fewest_blocks(marked + size / 2, size / 2);
}

/* Random prefixes within one /24, or the /120 of another family: exact and shortest. */
static void check_random_round(const struct policy_net *base, size_t count)
{
	bool before[256] = { false }, after[256] = { false };
	struct policy_net nets[40];
	size_t left;

	for (size_t i = 0; i < count; i++) {
		unsigned int bits = rand() % 9, first = rand() & 0xff & ~(0xff >> bits);

		nets[i] = *base;
		nets[i].addr[15] = first;
		nets[i].bits = 120 + bits;
		memset(before + first, true, 256 >> bits);
	}
	left = collapse_nets(nets, count);
	for (size_t i = 0; i < left; i++) {
		for (unsigned int at = 0; at < 256; at++) {
			uint8_t addr[16];

			memcpy(addr, base->addr, sizeof(addr));
			addr[15] = at;
			after[at] |= covers(&nets[i], addr, is_ipv4(base));
		}
		if (i)
			assert_true(memcmp(nets[i - 1].addr, nets[i].addr, 16) < 0);
	}
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(left, fewest_blocks(before, 256));
}

static void test_collapse_random(void **state)
{
	const struct policy_net v4 = net("203.0.113.0/24"), v6 = net("2001:db8::/120");

	(void)state;
	srand(1);
	for (int round = 0; round < 4000; round++) {
		/* Few wide prefixes in every other round, or everything would be covered. */
		check_random_round(round & 1 ? &v4 : &v6, 1 + rand() % (round & 2 ? 4 : 40));
	}
}

/* --- lists ---------------------------------------------------------------------------------- */

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;
	ssize_t size;

	if (!file)
		fail_msg("cannot open %s; run from the top of the tree", path);
	size = getdelim(&text, &room, 0, file);
	fclose(file);
	if (size < 0 && text)
		text[0] = 0;
	return text;
}

static const char *write_temp(const char *name, const char *text)
{
	static char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* What import prints for a list: the service file, or the faults. For free(). */
static char *import_text(const char *path, struct import_request request)
{
	struct import import = { 0 };
	struct diags diags = { 0 };
	char *text = NULL;
	size_t size;
	int err = import_read(path, &request, &diags, &import);
	FILE *out;

	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_true(diags.errors > 0);
		assert_null(import.nets);
		out = open_memstream(&text, &size);
		diags_print(&diags, out, false);
		fclose(out);
	} else {
		assert_int_equal(diags.errors, 0);
		assert_int_equal(import_format(&import, &text, &size), 0);
		assert_int_equal(strlen(text), size);
	}
	import_free(&import);
	diags_free(&diags);
	return text;
}

static void check_golden(const char *list, const char *golden, struct import_request request)
{
	char *want = read_whole(golden), *got = import_text(list, request);

	assert_string_equal(got, want);
	free(want);
	free(got);
}

#define SELECTS(...) \
	.selects = (const char *const[]){ __VA_ARGS__ }, \
	.select_count = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

static void test_golden(void **state)
{
	(void)state;
	for (const struct import_provider *known = import_providers; known->name; known++) {
		struct import_request request = { .provider = known->name };
		char list[128], golden[128];

		snprintf(list, sizeof(list), FIXTURES "%s.json", known->name);
		snprintf(golden, sizeof(golden), FIXTURES "%s.yaml", known->name);
		check_golden(list, golden, request);
	}
	check_golden(FIXTURES "google.json", FIXTURES "google-selected.yaml",
		     (struct import_request){ .provider = "google",
					      SELECTS("service=Google Cloud",
						      "scope=europe-west1"),
					      .name = "google-west",
					      .ports = "443/tcp,8000-8100" });
}

/* The prefixes of a result, one per line, to compare. */
static void check_selected(const char *list, struct import_request request, const char *want)
{
	struct import import = { 0 };
	struct diags diags = { 0 };
	char got[1024] = "", text[IMPORT_NET_TEXT];

	assert_int_equal(import_read(list, &request, &diags, &import), 0);
	for (size_t i = 0; i < import.net_count; i++) {
		strcat(got, import_net_text(&import.nets[i], text));
		strcat(got, " ");
	}
	assert_string_equal(got, want);
	import_free(&import);
	diags_free(&diags);
}

#define CHECK_SELECTED(list, want, ...) \
	check_selected(FIXTURES list ".json", \
		       (struct import_request){ .provider = list, SELECTS(__VA_ARGS__) }, want)

static void test_selection(void **state)
{
	(void)state;
	CHECK_SELECTED("aws", "192.0.2.0/28 198.51.100.0/24 2001:db8:1::/48 ", "service=S3");
	/* Different keys: all of them. */
	CHECK_SELECTED("aws", "192.0.2.0/28 2001:db8:1::/48 ", "service=S3", "region=eu-west-1");
	CHECK_SELECTED("aws", "192.0.2.0/28 ", "service=S3", "region=eu-west-1", "family=ipv4");
	/* The same key: any of them. */
	CHECK_SELECTED("aws", "192.0.2.0/25 198.51.100.0/24 ", "service=S3", "family=ipv4",
		       "service=AMAZON");
	CHECK_SELECTED("aws", "192.0.2.64/26 ", "network_border_group=us-east-1-bos-1");
	CHECK_SELECTED("github", "203.0.113.128/26 ", "section=actions");
	CHECK_SELECTED("github", "2001:db8::/32 ", "family=ipv6");
	CHECK_SELECTED("azure", "192.0.2.4/30 2001:db8:2::/48 ", "region=westeurope");
	CHECK_SELECTED("azure", "192.0.2.0/30 198.51.100.44/32 ", "systemService=AzureSQL");
	CHECK_SELECTED("azure", "192.0.2.4/30 2001:db8:2::/48 ", "name=AzureStorage.WestEurope");
	CHECK_SELECTED("azure", "192.0.2.0/30 198.51.100.44/32 ", "id=AzureSQL");
	CHECK_SELECTED("azure", "192.0.2.0/30 198.51.100.44/32 ", "region=");
	CHECK_SELECTED("google", "198.51.100.0/24 ", "scope=asia-east1");
	CHECK_SELECTED("oracle", "192.0.2.128/25 ", "tags=OBJECT_STORAGE");
	CHECK_SELECTED("oracle", "192.0.2.128/25 ", "tags=OSN", "region=us-ashburn-1");
	CHECK_SELECTED("fastly", "2001:db8:40::/48 ", "family=ipv6");
	CHECK_SELECTED("zscaler", "192.0.2.0/24 ", "family=ipv4");
}

/* --- faults --------------------------------------------------------------------------------- */

static void check_fault_of(const char *list, struct import_request request, const char *want)
{
	char *got = import_text(list, request);

	assert_string_equal(got, want);
	free(got);
}

static void test_request_faults(void **state)
{
	(void)state;
	check_fault_of(FIXTURES "aws.json", (struct import_request){ .provider = "awss" },
		       "PROVIDER: error: unknown provider \"awss\"; expected github, aws, azure, "
		       "google, fastly, oracle or zscaler\n"
		       "      = hint: did you mean \"aws\"?\n");
	check_fault_of(FIXTURES "aws.json",
		       (struct import_request){ .provider = "aws",
						SELECTS("sevice=S3", "S3", "=x") },
		       "--select: error: unknown key \"sevice\"; expected service, region, "
		       "network_border_group or family\n"
		       "      = hint: did you mean \"service\"?\n"
		       "--select: error: expected KEY=VALUE, found \"S3\"\n"
		       "--select: error: unknown key \"\"; expected service, region, "
		       "network_border_group or family\n");
	check_fault_of(FIXTURES "aws.json",
		       (struct import_request){ .provider = "aws",
						SELECTS("service=s3", "region=mars") },
		       FIXTURES "aws.json: error: no entry has service \"s3\"\n"
		       "      = hint: did you mean \"S3\"?\n"
		       FIXTURES "aws.json: error: no entry has region \"mars\"\n"
		       "      = hint: expected eu-west-1 or us-east-1\n");
	/* Each is there, but not together. */
	check_fault_of(FIXTURES "aws.json",
		       (struct import_request){ .provider = "aws",
						SELECTS("region=us-east-1", "family=ipv6") },
		       FIXTURES "aws.json: error: no entry fulfils all of the selection\n");
	/* What is no list of addresses is not offered. */
	check_fault_of(FIXTURES "github.json",
		       (struct import_request){ .provider = "github", SELECTS("section=x") },
		       FIXTURES "github.json: error: no entry has section \"x\"\n"
		       "      = hint: expected actions, api, git, hooks, packages, pages or web\n");
}

static void test_names_and_ports_are_those_of_a_policy(void **state)
{
	static const char *const names[] = { "", "-x", "a b", "a\nb", "null", "a:", "a/b",
		"x234567890123456789012345678901234567890123456789012345678901234" };
	static const char *const ports[] = { "", "x", "65536", "9-8", "22,", ",", "22,80/icmp",
		"22]\n", "1-2-3" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *got = import_text(FIXTURES "fastly.json",
					(struct import_request){ .provider = "fastly",
								 .name = names[i] });

		if (strncmp(got, "--name:1:1: error: ", 19))
			fail_msg("name \"%s\" gave: %s", names[i], got);
		free(got);
	}
	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
		char *got = import_text(FIXTURES "fastly.json",
					(struct import_request){ .provider = "fastly",
								 .ports = ports[i] });

		if (strncmp(got, "--ports:1:", 10) || !strstr(got, ": error: "))
			fail_msg("ports \"%s\" gave: %s", ports[i], got);
		free(got);
	}
}

#define GOOGLE(entries) \
	"{\"creationTime\": \"x\", \"prefixes\": [" entries "]}"

/* What a list that is not as it should be says; PATH stands for its path. */
static const struct bad_list {
	const char *provider, *text, *want;
} bad_lists[] = {
	{ "fastly", "", "PATH: error: the file is empty\n" },
	{ "fastly", "<!DOCTYPE html>",
	  "PATH:1:1: error: not valid JSON: '[' or '{' expected\n"
	  "    1 | <!DOCTYPE html>\n"
	  "      | ^\n"
	  "      = hint: this looks like a web page; save the list itself\n" },
	{ "fastly", "{\n\t\"a\": \"\xc3\xa9\" x}",
	  "PATH:2:12: error: not valid JSON: '}' expected\n"
	  "    2 |  \"a\": \"\xc3\xa9\" x}\n"
	  "      |           ^\n" },
	{ "fastly", "{\"addresses\": [\"192.0.2.0/24\",\n",
	  "PATH:1:30: error: not valid JSON: ']' expected near end of file\n"
	  "    1 | {\"addresses\": [\"192.0.2.0/24\",\n"
	  "      |                              ^\n" },
	{ "fastly", "{\"a\": 1, \"a\": 2}",
	  "PATH:1:12: error: not valid JSON: duplicate object key\n"
	  "    1 | {\"a\": 1, \"a\": 2}\n"
	  "      |            ^\n" },
	{ "fastly", "{} {}",
	  "PATH:1:4: error: not valid JSON: end of file expected\n"
	  "    1 | {} {}\n"
	  "      |    ^\n" },
	{ "fastly", "{\"a\": \"\xff\"}",
	  "PATH:1:8: error: not valid JSON: unable to decode byte 0xff\n"
	  "    1 | {\"a\": \"?\"}\n"
	  "      |        ^\n" },
	{ "fastly", "[]",
	  "PATH: error: this does not look like the list of Fastly: no key \"addresses\"\n"
	  "      = hint: the list is published at https://api.fastly.com/public-ip-list\n" },
	{ "aws", GOOGLE(""),
	  "PATH: error: this does not look like the list of Amazon Web Services: "
	  "no key \"createDate\"\n"
	  "      = hint: it looks like that of Google Cloud: ringfence import google\n" },
	{ "google", GOOGLE(""), "PATH: error: the list holds no address ranges\n" },
	{ "google", GOOGLE("{\"ipv4Prefix\": 5}, 7, {}"),
	  "PATH: error: .prefixes[0].ipv4Prefix: expected an address range as text\n"
	  "PATH: error: .prefixes[1]: expected an object\n"
	  "PATH: error: .prefixes[2]: no \"ipv4Prefix\"\n" },
	{ "google", GOOGLE("{\"ipv4Prefix\": \"192.0.2.1\", \"scope\": null}"),
	  "PATH: error: .prefixes[0].scope: expected text\n" },
	{ "google", "{\"creationTime\": \"x\", \"prefixes\": {}}",
	  "PATH: error: .prefixes: expected a list\n" },
	{ "fastly", "{\"addresses\": null, \"ipv6_addresses\": []}",
	  "PATH: error: .addresses: expected a list\n" },
	{ "azure", "{\"changeNumber\": 1, \"values\": [{}, {\"properties\": {}}]}",
	  "PATH: error: .values[0].properties: expected an object\n"
	  "PATH: error: .values[1].properties.addressPrefixes: is missing; expected a list\n" },
	{ "oracle", "{\"last_updated_timestamp\": \"x\", \"regions\": [{\"region\": \"r\", "
		    "\"cidrs\": [{\"tags\": [1], \"cidr\": []}]}, 1]}",
	  "PATH: error: .regions[0].cidrs[0].tags: expected text\n"
	  "PATH: error: .regions[0].cidrs[0].cidr: expected an address range as text\n"
	  "PATH: error: .regions[1]: expected an object\n" },
};

static char *with_path(const char *text, const char *path)
{
	char *out = NULL;
	size_t size;
	FILE *stream = open_memstream(&out, &size);

	for (const char *at; (at = strstr(text, "PATH")); text = at + 4)
		fprintf(stream, "%.*s%s", (int)(at - text), text, path);
	fputs(text, stream);
	fclose(stream);
	return out;
}

static void test_bad_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_lists) / sizeof(*bad_lists); i++) {
		const char *path = write_temp("bad.json", bad_lists[i].text);
		char *want = with_path(bad_lists[i].want, path);

		check_fault_of(path, (struct import_request){ .provider = bad_lists[i].provider },
			       want);
		free(want);
		unlink(path);
	}
}

/* What a list of one prefix says of it. For free(). */
static char *import_prefix(const char *prefix)
{
	char list[256], *text;
	const char *path;

	snprintf(list, sizeof(list), GOOGLE("{\"ipv4Prefix\": \"%s\"}"), prefix);
	path = write_temp("bad.json", list);
	text = import_text(path, (struct import_request){ .provider = "google" });
	unlink(path);
	return text;
}

static void test_bad_prefixes(void **state)
{
	static const char *const bad[] = { "", "/", "/8", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1",
		"10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/08", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0/8",
		"010.0.0.0/8", "10.0.0.0/8/8", "10.0.0.0/33", "::/129", "::/999999999999", ":::/8",
		"fe80::1%lo/128", "example.com", "10.0.0.0/8x", "~", "null", "10.0.0.1/31",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *got = import_prefix(bad[i]);

		if (!strstr(got, ": error: .prefixes[0].ipv4Prefix: "))
			fail_msg("\"%s\" gave: %s", bad[i], got);
		free(got);
	}
}

/* Refused, with what to write instead. */
static void test_host_bits(void **state)
{
	char *got = import_prefix("192.0.2.77/26");

	(void)state;
	assert_non_null(strstr(got, "= hint: the range around it is 192.0.2.64/26\n"));
	free(got);
	got = import_prefix("2001:db8::1/32");
	assert_non_null(strstr(got, "= hint: the range around it is 2001:db8::/32\n"));
	free(got);
}

/* A section taken by default that the list no longer has: said, but no reason to fail. */
static void test_default_section_gone(void **state)
{
	const char *path = write_temp("gone.json", "{\"web\": [\"192.0.2.0/24\"], \"api\": "
						   "[\"192.0.2.0/24\"], \"git\": [\"10.0.0.1\"]}");
	struct import_request request = { .provider = "github" };
	struct import import = { 0 };
	struct diags diags = { 0 };

	(void)state;
	assert_int_equal(import_read(path, &request, &diags, &import), 0);
	assert_int_equal(import.net_count, 2);
	assert_int_equal(import.read_count, 3);
	assert_int_equal(diags.count, 2);
	assert_int_equal(diags.list[0].severity, DIAG_WARNING);
	assert_string_equal(diags.list[0].message,
			    "no entry has section \"packages\", which is taken by default");
	import_free(&import);
	diags_free(&diags);
	unlink(path);
}

static void check_unreadable(const char *path, const char *want)
{
	char *got = import_text(path, (struct import_request){ .provider = "fastly" });
	char *whole = with_path(want, path);

	assert_string_equal(got, whole);
	free(whole);
	free(got);
}

static void test_unreadable_files(void **state)
{
	char path[256];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/none", folder);
	check_unreadable(path, "PATH: error: cannot read: there is no such file\n");
	check_unreadable(folder, "PATH: error: cannot read: it is a directory\n");
	assert_int_equal(mkfifo(path, 0600), 0);
	check_unreadable(path, "PATH: error: cannot read: it is not a regular file\n");
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, IMPORT_FILE_MAX + 1), 0);
	check_unreadable(path, "PATH: error: cannot read: it is larger than 64 MiB\n");
	assert_int_equal(ftruncate(fd, 5), 0);
	close(fd);
	check_unreadable(path, "PATH:1:1: error: binary data (a zero byte); expected JSON text\n");
	unlink(path);
}

static void test_deep_nesting(void **state)
{
	char text[10001], *got;
	const char *path;

	(void)state;
	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	path = write_temp("deep.json", text);
	got = import_text(path, (struct import_request){ .provider = "fastly" });
	assert_non_null(strstr(got, ": error: not valid JSON: maximum parsing depth reached"));
	free(got);
	unlink(path);
}

/* Cut off anywhere, a list is never half a list. */
static void test_truncated_anywhere(void **state)
{
	char *text = read_whole(FIXTURES "oracle.json");
	size_t end = strrchr(text, '}') - text;

	(void)state;
	for (size_t size = end; size > 0; size--) {
		const char *path;

		text[size] = 0;
		path = write_temp("cut.json", text);
		free(import_text(path, (struct import_request){ .provider = "oracle" }));
		assert_int_not_equal(0, access(path, X_OK));
	}
	free(text);
	unlink(write_temp("cut.json", ""));
}

/* --- the text ------------------------------------------------------------------------------- */

/* Neither a file's name nor the list's words may end a comment or a command's word. */
static void test_comment_cannot_be_left(void **state)
{
	const char *path = write_temp("-a'\n\x80.json",
				      "{\"creationTime\": \"x\\nservices: {}\", \"prefixes\": "
				      "[{\"ipv6Prefix\": \"::/0\", \"scope\": \"a\\nb\"}]}");
	char *got = import_text(path, (struct import_request){ .provider = "google",
							       SELECTS("scope=a\nb") });

	(void)state;
	assert_string_equal(got,
		"# Address ranges that Google Cloud publishes, as a service.\n"
		"# published:  https://www.gstatic.com/ipranges/cloud.json\n"
		"# list:       -a'??.json, creationTime x?services: {}\n"
		"# selection:  scope=a?b\n"
		"# prefixes:   1 read, 1 after collapsing\n"
		"# regenerate: ringfence import google --select 'scope=a?b' -- '-a'\\''??.json'\n"
		"services:\n"
		"  google:\n"
		"    nets:\n"
		"      - \"::/0\"\n");
	free(got);
	unlink(path);
}

/* Lines stay within the width and every prefix is there once; too long a text is refused. */
static void test_long_lists(void **state)
{
	size_t count = 100000, size = 0, longest = 0, commas = 0, got;
	struct import import = { .provider = import_providers, .file = strdup("x"),
				 .nets = calloc(count, sizeof(*import.nets)) };
	char *text = NULL;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		import.nets[i] = net("10.0.0.0/32");
		import.nets[i].addr[13] = i >> 15;
		import.nets[i].addr[14] = i >> 7;
		import.nets[i].addr[15] = i << 1;
	}
	import.net_count = count;
	assert_int_equal(import_format(&import, &text, &size), -E2BIG);
	assert_null(text);

	import.net_count = 50000;
	assert_int_equal(import_format(&import, &text, &size), 0);
	assert_true(size <= POLICY_TEXT_MAX);
	for (char *line = strstr(text, "nets: ["); *line; line += got + 1) {
		got = strcspn(line, "\n");
		longest = got > longest ? got : longest;
	}
	for (char *at = strstr(text, "nets: ["); *at; at++)
		commas += *at == ',';
	assert_in_range(longest, 80, 100);
	assert_int_equal(commas, 49999);
	free(text);
	import_free(&import);
}

/* --- the real lists ------------------------------------------------------------------------- */

struct net_list {
	struct policy_net *nets;
	size_t count, room;
};

/* Every text anywhere in the list that is a prefix, found without knowing its shape. */
static void gather(json_t *value, struct net_list *list)
{
	const char *text = json_string_value(value), *key;
	unsigned char addr[16];
	char address[64];
	json_t *child;
	size_t i;
	int bits;

	json_array_foreach(value, i, child)
		gather(child, list);
	json_object_foreach(value, key, child)
		gather(child, list);
	if (!text || sscanf(text, "%63[0-9a-f.:]/%d", address, &bits) != 2)
		return;
	if (inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, address, addr) != 1)
		return;
	if (list->count == list->room) {
		list->room = list->room * 2 + 64;
		list->nets = reallocarray(list->nets, list->room, sizeof(*list->nets));
		assert_non_null(list->nets);
	}
	list->nets[list->count++] = net(text);
}

/* Addresses at and just past the ends of random prefixes are in both lists or in neither. */
static void compare_cover(const struct net_list *want, const struct policy_net *nets, size_t count)
{
	for (int round = 0; round < 200; round++) {
		const struct policy_net *at = &want->nets[rand() % want->count];
		uint8_t addr[16];

		memcpy(addr, at->addr, sizeof(addr));
		for (int bit = at->bits; bit < 128; bit++)
			addr[bit / 8] |= (rand() & 1) << (7 - bit % 8);
		assert_true(any_covers(nets, count, addr, is_ipv4(at)));
		/* Its sibling, which the list may or may not hold as well. */
		if (at->bits > (is_ipv4(at) ? 96 : 0))
			addr[(at->bits - 1) / 8] ^= 0x80 >> (at->bits - 1) % 8;
		assert_int_equal(any_covers(want->nets, want->count, addr, is_ipv4(at)),
				 any_covers(nets, count, addr, is_ipv4(at)));
	}
}

static void check_real(const char *provider, const char *file, struct import_request request)
{
	struct import import = { 0 };
	struct diags diags = { 0 };
	struct net_list want = { 0 };
	json_t *root;

	request.provider = provider;
	assert_int_equal(import_read(file, &request, &diags, &import), 0);
	root = json_load_file(file, 0, NULL);
	gather(root, &want);
	assert_int_equal(want.count, import.read_count);
	compare_cover(&want, import.nets, import.net_count);
	print_message("%s: %zu prefixes, %zu after collapsing\n", provider, import.read_count,
		      import.net_count);
	json_decref(root);
	free(want.nets);
	import_free(&import);
	diags_free(&diags);
}

static void test_real_lists(void **state)
{
	(void)state;
	if (access(REAL_LISTS, R_OK)) {
		print_message("no " REAL_LISTS ": the providers' real lists are not tested\n");
		skip();
	}
	srand(2);
	check_real("aws", REAL_LISTS "aws-ip-ranges.json", (struct import_request){ 0 });
	check_real("azure", REAL_LISTS "microsoft-azure-ip-ranges.json",
		   (struct import_request){ 0 });
	check_real("google", REAL_LISTS "google-cloud-ip-ranges.json",
		   (struct import_request){ 0 });
	check_real("oracle", REAL_LISTS "oracle-cloud-ip-ranges.json",
		   (struct import_request){ 0 });
	check_real("fastly", REAL_LISTS "fastly-ip-ranges.json", (struct import_request){ 0 });
	check_real("zscaler", REAL_LISTS "zscaler-cloud-ip-ranges.json",
		   (struct import_request){ 0 });
	check_real("github", REAL_LISTS "github-ip-ranges.json",
		   (struct import_request){
			   SELECTS("section=hooks", "section=web", "section=api", "section=git",
				   "section=github_enterprise_importer", "section=packages",
				   "section=pages", "section=importer", "section=actions",
				   "section=actions_macos", "section=codespaces",
				   "section=dependabot", "section=copilot") });
}

/* The shipped service is what the tool makes of the real list. */
static void test_shipped_github(void **state)
{
	(void)state;
	if (access(REAL_LISTS, R_OK)) {
		print_message("no " REAL_LISTS ": services/github.yaml is not made again\n");
		skip();
	}
	check_golden(REAL_LISTS "github-ip-ranges.json", "policy/services/github.yaml",
		     (struct import_request){ .provider = "github", .ports = "22,80,443" });
}

/* --- as a policy's include ------------------------------------------------------------------ */

/* A policy takes what import writes, with as many nets. */
static void check_included(const char *provider, const char *list)
{
	struct import_request request = { .provider = provider, .ports = "22,80-90,53/udp" };
	char *service = import_text(list, request), path[256];
	struct policy *policy = NULL;
	struct diags diags = { 0 };
	const char *file;

	snprintf(path, sizeof(path), "tag: t\ninclude: [./service.yaml]\nrules:\n  - deny: %s\n",
		 provider);
	write_temp("service.yaml", service);
	file = write_temp("policy.yaml", path);
	if (policy_read(file, NULL, &diags, &policy)) {
		diags_print(&diags, stderr, false);
		fail_msg("%s", list);
	}
	assert_int_equal(diags.count, 0);
	assert_false(policy->services[0].implied);
	assert_true(policy->services[1].implied);
	assert_true(policy->services[0].net_count > 1);
	assert_int_equal(policy->services[0].port_count, 3);
	policy_free(policy);
	diags_free(&diags);
	unlink(file);
	unlink(write_temp("service.yaml", ""));
	free(service);
}

static void test_included_by_a_policy(void **state)
{
	static const char *const real[][2] = {
		{ "github", "github" }, { "aws", "aws" }, { "azure", "microsoft-azure" },
		{ "google", "google-cloud" }, { "fastly", "fastly" }, { "oracle", "oracle-cloud" },
		{ "zscaler", "zscaler-cloud" },
	};
	char list[128];

	(void)state;
	for (size_t i = 0; i < sizeof(real) / sizeof(*real); i++) {
		snprintf(list, sizeof(list), FIXTURES "%s.json", real[i][0]);
		check_included(real[i][0], list);
		snprintf(list, sizeof(list), REAL_LISTS "%s-ip-ranges.json", real[i][1]);
		if (!access(list, R_OK))
			check_included(real[i][0], list);
	}
}

/* --- the verb ------------------------------------------------------------------------------- */

static int verb(const char *output, const char *list)
{
	char *argv[] = { "import", "-o", (char *)output, "fastly", (char *)list, NULL };
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), status;

	dup2(null, STDERR_FILENO);
	status = import_main(5, argv);
	dup2(saved, STDERR_FILENO);
	close(null);
	close(saved);
	return status;
}

static size_t files_in_folder(void)
{
	DIR *dir = opendir(folder);
	size_t count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static void check_content(const char *path, const char *want)
{
	char *got = read_whole(path);

	assert_string_equal(got, want);
	free(got);
}

/* A file is written as a whole or not at all, keeps its mode, and is reached through a link. */
static void test_output_file(void **state)
{
	char *want = read_whole(FIXTURES "fastly.yaml"), link[256], out[256];
	struct stat st;

	(void)state;
	snprintf(out, sizeof(out), "%s/out.yaml", folder);
	snprintf(link, sizeof(link), "%s/link.yaml", folder);
	assert_int_equal(verb(out, FIXTURES "fastly.json"), 0);
	check_content(out, want);

	write_temp("out.yaml", "old");
	assert_int_equal(chmod(out, 0640), 0);
	assert_int_equal(verb(out, FIXTURES "aws.json"), 1);
	check_content(out, "old");
	assert_int_equal(symlink("out.yaml", link), 0);
	assert_int_equal(verb(link, FIXTURES "fastly.json"), 0);
	check_content(out, want);
	assert_int_equal(stat(out, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(files_in_folder(), 2);
	unlink(link);
	unlink(out);
	free(want);
}

static void test_output_refused(void **state)
{
	char path[256];
	struct stat st;

	(void)state;
	assert_int_equal(verb(folder, FIXTURES "fastly.json"), 1);
	snprintf(path, sizeof(path), "%s/none/out.yaml", folder);
	assert_int_equal(verb(path, FIXTURES "fastly.json"), 1);
	/* A pipe is neither waited on nor replaced. */
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(verb(path, FIXTURES "fastly.json"), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	unlink(path);
	assert_int_equal(files_in_folder(), 0);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_collapse_cases),
		cmocka_unit_test(test_collapse_keeps_families_apart),
		cmocka_unit_test(test_collapse_random),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_selection),
		cmocka_unit_test(test_request_faults),
		cmocka_unit_test(test_names_and_ports_are_those_of_a_policy),
		cmocka_unit_test(test_bad_lists),
		cmocka_unit_test(test_bad_prefixes),
		cmocka_unit_test(test_host_bits),
		cmocka_unit_test(test_default_section_gone),
		cmocka_unit_test(test_unreadable_files),
		cmocka_unit_test(test_deep_nesting),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_comment_cannot_be_left),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_real_lists),
		cmocka_unit_test(test_shipped_github),
		cmocka_unit_test(test_included_by_a_policy),
		cmocka_unit_test(test_output_file),
		cmocka_unit_test(test_output_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
