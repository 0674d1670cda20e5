/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Published address lists, and one of 100,000 ranges: SAMPLES addresses of each, most of them at
 * the edge of a range. What is expected of each is found on the host from the list itself, by
 * looking at every range of it; the policy library has no part in it. In the guest a tagged process
 * connects a datagram socket to each, which sends nothing: the errno tells.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks.h"

#define SAMPLES 1000
#define CANDIDATES (20 * SAMPLES)
#define LOG WORK "/ranges.jsonl"

/* --- ranges --------------------------------------------------------------------------------- */

/* Addresses as numbers; IPv4 stands behind ::ffff:0:0/96. */
typedef unsigned __int128 address_t;

#define V4_MAPPED ((address_t)0xffff << 32)

struct range {
	address_t first, last;
};

static struct range *ranges;
static size_t range_count, range_room;

static void add_range(address_t first, unsigned int bits)
{
	address_t size = bits ? (address_t)1 << (128 - bits) : 0;

	if (range_count == range_room) {
		range_room = range_room * 2 ?: 1024;
		ranges = reallocarray(ranges, range_room, sizeof(*ranges));
		if (!ranges)
			abort();
	}
	ranges[range_count++] = (struct range){ first, first + (size - 1) };
}

static bool parse_address(const char *text, address_t *ret_address)
{
	unsigned char bytes[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET, size = family == AF_INET ? 4 : 16;
	address_t address = 0;

	if (inet_pton(family, text, bytes) != 1)
		return false;
	for (int i = 0; i < size; i++)
		address = address << 8 | bytes[i];
	*ret_address = family == AF_INET ? V4_MAPPED | address : address;
	return true;
}

static void format_address(address_t address, char ret_text[INET6_ADDRSTRLEN])
{
	bool v4 = address >> 32 == 0xffff;
	unsigned char bytes[16];

	for (int i = 15; i >= 0; i--, address >>= 8)
		bytes[i] = address;
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, ret_text, INET6_ADDRSTRLEN);
}

/* Adds a text that is a prefix, and nothing else. */
static void add_text(const char *text)
{
	char address_text[64], *slash;
	address_t address;
	unsigned int bits;

	snprintf(address_text, sizeof(address_text), "%s", text);
	slash = strchr(address_text, '/');
	if (!slash)
		return;
	*slash = 0;
	if (!parse_address(address_text, &address))
		return;
	bits = atoi(slash + 1) + (strchr(address_text, ':') ? 0 : 96);
	add_range(address, bits);
}

/* Every prefix in a document, wherever it stands. */
static void add_document(const json_t *value)
{
	const char *key;
	json_t *each;
	size_t i;

	if (json_is_string(value))
		add_text(json_string_value(value));
	json_array_foreach(value, i, each)
		add_document(each);
	json_object_foreach((json_t *)value, key, each)
		add_document(each);
}

/* --- samples -------------------------------------------------------------------------------- */

static bool inside(address_t address)
{
	for (size_t i = 0; i < range_count; i++)
		if (address >= ranges[i].first && address <= ranges[i].last)
			return true;
	return false;
}

/* xorshift64 (Marsaglia, "Xorshift RNGs", 2003): the same samples every time. */
static uint64_t random_number(void)
{
	static uint64_t state = 88172645463325252ULL;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static address_t choose(int number)
{
	const struct range *range = &ranges[random_number() % range_count];
	address_t size = range->last - range->first;

	switch (number % 6) {
	case 0:
		return range->first;
	case 1:
		return range->last;
	case 2:
		return range->first - 1;
	case 3:
		return range->last + 1;
	case 4:
		return range->first + (size ? random_number() % ((uint64_t)size ?: ~0ULL) : 0);
	default:
		return V4_MAPPED | (uint32_t)random_number();
	}
}

/* As many inside as outside: lists whose ranges touch have few edges that lead out. */
static int write_samples(const char *path)
{
	int written[2] = {};
	FILE *file = fopen(path, "we");

	if (!file || !range_count)
		return 1;
	for (int i = 0; written[0] + written[1] < SAMPLES && i < CANDIDATES; i++) {
		address_t address = choose(i);
		bool in = inside(address);
		char text[INET6_ADDRSTRLEN];

		if (written[in] == SAMPLES / 2)
			continue;
		written[in]++;
		format_address(address, text);
		fprintf(file, "%s %d\n", text, in);
	}
	return fclose(file) || written[0] + written[1] != SAMPLES;
}

/* hooks sample LIST.json OUT.samples [SECTION]...: of the whole list, or of these keys of it. */
int sample_main(int argc, char **argv)
{
	json_error_t error;
	json_t *list = argc >= 4 ? json_load_file(argv[2], 0, &error) : NULL;

	if (!list) {
		fprintf(stderr, "usage: hooks sample LIST.json OUT.samples [SECTION]...\n");
		return 2;
	}
	if (argc == 4)
		add_document(list);
	for (int i = 4; i < argc; i++)
		add_document(json_object_get(list, argv[i]));
	json_decref(list);
	return write_samples(argv[3]);
}

/* --- the large policy ----------------------------------------------------------------------- */

#define BIG_FILES 5
#define BIG_V4	  4			/* files of IPv4: the rest is IPv6 */
#define BIG_EACH  20000

/* Neighbours stay apart, so that none can be merged. */
static void big_range(FILE *file, int number)
{
	char text[INET6_ADDRSTRLEN];
	unsigned int bits = 124;
	address_t first;

	if (number < BIG_V4 * BIG_EACH) {
		first = V4_MAPPED | (0x10000000 + 32 * (address_t)number);
	} else {
		first = (address_t)(0x2a000000 + 2 * (uint64_t)number) << 96;
		bits = 32;
	}
	add_range(first, bits);
	format_address(first, text);
	fprintf(file, "      - \"%s/%u\"\n", text, number < BIG_V4 * BIG_EACH ? bits - 96 : bits);
}

static int big_service(const char *folder, int part)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/services/big-%d.yaml", folder, part);
	file = fopen(path, "we");
	if (!file)
		return 1;
	fprintf(file, "services:\n  big-%d:\n    nets:\n", part);
	for (int i = 0; i < BIG_EACH; i++)
		big_range(file, part * BIG_EACH + i);
	return fclose(file) != 0;
}

/* hooks big FOLDER: writes the policy big.yaml, its services and big.samples. */
int big_main(int argc, char **argv)
{
	char path[512];
	int failed = argc != 3;
	FILE *file;

	for (int part = 0; !failed && part < BIG_FILES; part++)
		failed = big_service(argv[2], part);
	if (failed)
		return 1;
	snprintf(path, sizeof(path), "%s/big.yaml", argv[2]);
	file = fopen(path, "we");
	if (!file)
		return 1;
	fprintf(file, "tag: big\nmode: enforce\n"
		"include: [big-0, big-1, big-2, big-3, big-4]\nrules:\n");
	for (int part = 0; part < BIG_FILES; part++)
		fprintf(file, "  - {deny: big-%d, errno: EBFONT, why: sampled}\n", part);
	if (fclose(file))
		return 1;
	snprintf(path, sizeof(path), "%s/big.samples", argv[2]);
	return write_samples(path);
}
static_assert(BIG_FILES == 5, "the policy includes them by name");

/* --- in the guest --------------------------------------------------------------------------- */

/* What a datagram socket meets that connects to @ip. */
static int connect_errno(const char *ip)
{
	struct sockaddr_storage address;
	socklen_t size = place_address_as(ip, 443, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = connect(fd, (struct sockaddr *)&address, size) ? errno : 0;

	close(fd);
	return err;
}

/* hooks ranges-actor SAMPLES tagged|untagged: prints which were wrongly denied or let through. */
int ranges_actor_main(int argc, char **argv)
{
	FILE *file = argc == 4 ? fopen(argv[2], "re") : NULL;
	bool tagged = file && !strcmp(argv[3], "tagged");
	int want, total = 0, wrong = 0;
	char ip[64];

	while (file && fscanf(file, "%63s %d", ip, &want) == 2) {
		bool denied = connect_errno(ip) == EBFONT;

		total++;
		if (denied != (tagged && want) && wrong++ < 3)
			printf("%s is %sdenied; ", ip, denied ? "" : "not ");
	}
	if (wrong || total != SAMPLES)
		printf("%d of %d are wrong", wrong, total);
	return wrong || total != SAMPLES;
}

static size_t samples_inside(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t count = 0;
	int want;

	while (file && fscanf(file, "%*s %d", &want) == 1)
		count += want;
	if (file)
		fclose(file);
	return count;
}

static bool test_samples(char *tag, char *samples, struct why *why)
{
	size_t want = samples_inside(samples), records;
	struct command command;
	struct journal journal;

	if (want != SAMPLES / 2)
		return fail(why, "of %d samples %zu are inside, and not half", SAMPLES, want);
	command_run(&command, 0, COMMAND((char *)self_path(), "ranges-actor", samples, "untagged"));
	if (command.status)
		return fail(why, "untagged: %.400s", command.out);
	unlink(LOG);
	command_run(&command, 0, COMMAND("ringfence", "run", "--tag", tag, "--quiet", "--log", LOG,
					 "--", (char *)self_path(), "ranges-actor", samples,
					 "tagged"));
	if (command.status)
		return fail(why, "status %d: %.200s%.200s", command.status, command.out,
			    command.err);
	journal_read(&journal, LOG, NULL);
	records = journal_count(&journal, "ringfence.errno", "EBFONT");
	journal_free(&journal);
	return records == want || fail(why, "%zu denials, and %zu in the log", want, records);
}

/* hooks ranges FOLDER: its policies NAME.yaml, each for the tag NAME, and NAME.samples. */
int ranges_main(int argc, char **argv)
{
	struct command command;
	char pattern[512];
	glob_t found = {};
	int failed = 0;

	snprintf(pattern, sizeof(pattern), "%s/*.samples", argc == 3 ? argv[2] : "");
	glob(pattern, 0, NULL, &found);
	command_run(&command, 0, COMMAND("ringfence", "load", "--policy-dir", argv[2]));
	for (char *line = strtok(command.out, "\n"); line; line = strtok(NULL, "\n"))
		printf("# %s\n", line);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *name = strdup(strrchr(found.gl_pathv[i], '/') + 1);
		struct why why = {};
		bool ok;

		*strrchr(name, '.') = 0;
		if (command.status)
			ok = fail(&why, "the policies cannot be loaded: %.400s", command.err);
		else
			ok = test_samples(name, found.gl_pathv[i], &why);
		tests_print("ranges", name, &why, ok);
		failed += !ok;
		free(name);
	}
	globfree(&found);
	command_run(&command, 0, COMMAND("ringfence", "unload"));
	return failed != 0;
}
