/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a lookup costs in user space, and what it costs to compile: nanoseconds for one key asked
 * again and again, and for keys all over; milliseconds for the whole of policy_compile().
 */
#include <time.h>

#include "../unit/build_policy.h"
#include "policy/compile.h"
#include "policy/image.h"

#define KEYS 65536
#define LOOKUPS 4000000
#define ROUNDS 5			/* the best is printed */
#define HOT_KEYS 32			/* each asked again and again, one after the other */

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint32_t random_u32(void)
{
	return build_random(65536) << 16 | build_random(65536);
}

/* Ranges all over the address space, of the sizes that published lists have, for two services. */
static void ranges_build(uint32_t count)
{
	build_begin();
	for (uint32_t service = 0; service < 2; service++) {
		build_service();
		build_ports(443, 443, PROTO_BIT(PROTO_TCP));
		if (service)
			build_ports(22, 22, PROTO_BIT(PROTO_TCP));
		for (uint32_t i = 0; i < (count + 1) / 2; i++) {
			uint8_t bits = (uint8_t)(16 + build_random(9));
			/* The last bit set says whose it is: no two services claim one prefix. */
			uint32_t range = (random_u32() >> (32 - bits) & ~1u) | service;
			uint32_t number = htonl(range << (32 - bits));
			uint8_t addr[16] = { [10] = 0xff, [11] = 0xff };

			memcpy(addr + 12, &number, sizeof(number));
			build_net_bytes(addr, 96 + bits);
		}
		build_rule(service ? VERDICT_AUDIT : VERDICT_DENY, EPERM);
	}
}

static double compile_ms(struct ruleset **ret_image)
{
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct diags diags = { 0 };
		double begun = now_ns(), taken;

		free(*ret_image);
		*ret_image = NULL;
		if (policy_compile(&build, NULL, 1, &diags, ret_image)) {
			diags_print(&diags, stderr, false);
			exit(1);
		}
		taken = (now_ns() - begun) / 1e6;
		if (!round || taken < best)
			best = taken;
		diags_free(&diags);
	}
	return best;
}

/* @hot: the same key many times before the next, so that all it touches is in the nearest cache. */
static double net_lookup_ns(const struct ruleset *image, bool hot)
{
	static struct endpoint endpoints[KEYS];
	const struct rules rules = { .head = image };
	double best = 0;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		endpoints[i] = (struct endpoint) {
			.lo = ENDPOINT_V4_MAPPED << 32 | random_u32(),
			.port = 443,
			.proto = PROTO_TCP,
		};
	for (int round = 0; round < ROUNDS; round++) {
		double begun = now_ns(), taken;

		for (uint32_t i = 0; i < LOOKUPS; i++)
			sum += decide_net(&rules, &endpoints[hot ? i / (LOOKUPS / HOT_KEYS) :
								 i % KEYS]).rule;
		taken = (now_ns() - begun) / LOOKUPS;
		if (!round || taken < best)
			best = taken;
	}
	__asm__ volatile("" : : "r"(sum));
	return best;
}

static void bench_nets(void)
{
	static const uint32_t counts[] = { 10, 1000, 100000 };

	printf("%-10s %10s %10s %12s %12s %12s\n", "ranges", "hot ns", "random ns", "compile ms",
	       "bytes/range", "index bytes");
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct ruleset *image = NULL;
		double compiled, index;

		ranges_build(counts[i]);
		compiled = compile_ms(&image);
		index = image->v4_index.count * (double)sizeof(__u32);
		printf("%-10u %10.1f %10.1f %12.2f %12.1f %12.0f\n", counts[i],
		       net_lookup_ns(image, true), net_lookup_ns(image, false), compiled,
		       image->v4_start.count * 2.0 * sizeof(__u32) / counts[i], index);
		free(image);
	}
}

static double path_lookup_ns(const struct ruleset *image, const char *path)
{
	struct rules rules = { .head = image };
	static struct path_object judged;
	size_t length = strlen(path);
	double best = 0;
	uint32_t sum = 0;

	judged.name = NAME_OWN;
	snprintf(judged.path, sizeof(judged.path), "%s", path);
	for (int round = 0; round < ROUNDS; round++) {
		double begun = now_ns(), taken;

		for (uint32_t i = 0; i < LOOKUPS / 8; i++) {
			path_ask(&judged, CLASS_FILE, ACCESS_READ);
			judged.length = (__u32)length;
			decide_path(&rules, &judged);
			sum += judged.outcome.rule;
		}
		taken = (now_ns() - begun) / (LOOKUPS / 8);
		if (!round || taken < best)
			best = taken;
	}
	__asm__ volatile("" : : "r"(sum));
	return best;
}

static void bench_paths(void)
{
	static const uint32_t counts[] = { 10, 1000, 10000 };

	printf("\n%-10s %10s %10s %12s %12s\n", "paths", "hit ns", "miss ns", "compile ms",
	       "bytes/path");
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct ruleset *image = NULL;
		double compiled;
		char path[128];

		build_begin();
		build_service();
		for (uint32_t j = 0; j < counts[i]; j++) {
			snprintf(path, sizeof(path), "/srv/mirror/pool/main/%u/", j);
			build_path(CLASS_FILE, path);
		}
		build_rule(VERDICT_DENY, EPERM);
		compiled = compile_ms(&image);
		printf("%-10u %10.1f %10.1f %12.2f %12.1f\n", counts[i],
		       path_lookup_ns(image, "/srv/mirror/pool/main/7/package/dists/stable/source/"
				      "files/of/eighty/bytes/and/more"),
		       path_lookup_ns(image, "/usr/share/doc/packages/somewhere/else/stable/source/"
				      "files/of/eighty/bytes/and/more"),
		       compiled,
		       (image->paths[CLASS_FILE].count * (double)sizeof(struct path_entry) +
			image->strings.count) / counts[i]);
		free(image);
	}
}

int main(void)
{
	bench_nets();
	bench_paths();
	build_end();
	return 0;
}
