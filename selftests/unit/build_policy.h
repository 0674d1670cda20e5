/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policies made by hand, for the tests of what comes after the parser. Built in a fixed place that
 * the next build_begin() clears.
 */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#define BUILD_UNUSED __attribute__((unused))

static struct policy build;
static unsigned int build_line;

/* Grows a list by one zeroed element and returns that. */
static BUILD_UNUSED void *build_grow(void *list, size_t *count, size_t size)
{
	void **array = list;

	if ((*count & (*count - 1)) == 0) {
		*array = realloc(*array, (*count ? 2 * *count : 1) * size);
		assert(*array);
	}
	memset((char *)*array + *count * size, 0, size);
	return (char *)*array + (*count)++ * size;
}

static BUILD_UNUSED void build_end(void)
{
	for (size_t i = 0; i < build.service_count; i++) {
		struct policy_service *service = &build.services[i];

		for (size_t j = 0; j < service->file_count; j++)
			free(service->files[j].path);
		for (size_t j = 0; j < service->exec_count; j++)
			free(service->execs[j].path);
		free(service->name);
		free(service->nets);
		free(service->ports);
		free(service->files);
		free(service->execs);
		free(service->needs);
	}
	free(build.services);
	free(build.rules);
	memset(&build, 0, sizeof(build));
}

static BUILD_UNUSED struct policy *build_begin(void)
{
	build_end();
	build.file = (char *)"test.yaml";
	build.tag = (char *)"test";
	build.mode = MODE_ENFORCE;
	build_line = 0;
	return &build;
}

static BUILD_UNUSED struct diag_where build_where(void)
{
	return (struct diag_where) {
		.file = "test.yaml",
		.line = ++build_line,
		.col = 1,
		.len = 1,
	};
}

/* Things are added to the service made last. */
static BUILD_UNUSED size_t build_service(void)
{
	struct policy_service *service =
		build_grow(&build.services, &build.service_count, sizeof(*service));
	int length = asprintf(&service->name, "s%zu", build.service_count - 1);

	assert(length > 0);
	service->where = build_where();
	return build.service_count - 1;
}

static BUILD_UNUSED struct policy_service *build_last(void)
{
	return &build.services[build.service_count - 1];
}

/* "10.0.0.0", 8: the bits of the family's own addresses. Host bits are cleared. */
static BUILD_UNUSED void build_address(const char *text, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (inet_pton(AF_INET6, text, addr) == 1)
		return;
	addr[10] = 0xff;
	addr[11] = 0xff;
	if (inet_pton(AF_INET, text, addr + 12) != 1)
		abort();
}

static BUILD_UNUSED void build_net_bytes(const uint8_t addr[16], uint8_t bits)
{
	struct policy_service *service = build_last();
	struct policy_net *net = build_grow(&service->nets, &service->net_count, sizeof(*net));

	net->where = build_where();
	net->bits = bits;
	for (int i = 0; i < bits; i++)
		net->addr[i / 8] |= addr[i / 8] & 0x80 >> i % 8;
}

static BUILD_UNUSED void build_net(const char *text, uint8_t bits)
{
	uint8_t addr[16];

	build_address(text, addr);
	build_net_bytes(addr, strchr(text, ':') ? bits : bits + 96);
}

static BUILD_UNUSED void build_ports(uint16_t lo, uint16_t hi, uint8_t protos)
{
	struct policy_service *service = build_last();
	struct policy_ports *ports = build_grow(&service->ports, &service->port_count,
						sizeof(*ports));

	ports->where = build_where();
	ports->lo = lo;
	ports->hi = hi;
	ports->protos = protos;
}

/* A slash at the end makes a tree. */
static BUILD_UNUSED void build_path(enum object_class object, const char *text)
{
	struct policy_service *service = build_last();
	struct policy_path *path = object == CLASS_EXEC ?
		build_grow(&service->execs, &service->exec_count, sizeof(*path)) :
		build_grow(&service->files, &service->file_count, sizeof(*path));
	size_t length = strlen(text);

	path->where = build_where();
	path->tree = length && text[length - 1] == '/';
	path->path = strndup(text, length - path->tree);
	assert(path->path);
}

/* That the service made last needs another. @name is borrowed. */
static BUILD_UNUSED void build_need(const char *name)
{
	struct policy_service *service = build_last();
	struct policy_need *need = build_grow(&service->needs, &service->need_count, sizeof(*need));

	need->where = build_where();
	need->name = (char *)name;
}

/* A rule for the service made last. */
static BUILD_UNUSED struct policy_rule *build_rule(enum verdict verdict, int err)
{
	struct policy_rule *rule = build_grow(&build.rules, &build.rule_count, sizeof(*rule));

	rule->where = build_where();
	rule->verdict = verdict;
	rule->err = err;
	rule->access = ACCESS_READ | ACCESS_WRITE;
	rule->service = build.service_count - 1;
	return rule;
}

/* The same numbers on every run: xorshift64* (Vigna, 2016). */
static uint64_t build_seed = 1;

static BUILD_UNUSED uint32_t build_random(uint32_t below)
{
	build_seed ^= build_seed >> 12;
	build_seed ^= build_seed << 25;
	build_seed ^= build_seed >> 27;
	return (uint32_t)((build_seed * 0x2545f4914f6cdd1dULL >> 32) % below);
}
