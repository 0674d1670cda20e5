/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/review/known.h"

static char folder[64], first[80], second[80];
static const char *named[3];
static struct known *known;
static int old_stderr;

static void write_file(const char *in, const char *name, const char *text)
{
	char file[256];
	FILE *out;

	snprintf(file, sizeof(file), "%s/%s", in, name);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(first, sizeof(first), "%s/first", folder);
	snprintf(second, sizeof(second), "%s/second", folder);
	mkdir(first, 0755);
	mkdir(second, 0755);
	named[0] = first;
	named[1] = second;
	old_stderr = dup(2);
	return freopen("/dev/null", "w", stderr) ? 0 : -1;
}

static int finish(void **state)
{
	char command[128];

	(void)state;
	known_free(known);
	known = NULL;
	fflush(stderr);
	dup2(old_stderr, 2);
	close(old_stderr);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static const struct known_service *find_net(const char *ip, uint16_t port)
{
	struct recorded object = { .class = CLASS_NET, .proto = PROTO_TCP, .port = port, .whole = true,
				   .path = "" };
	size_t found;

	object.addr[10] = object.addr[11] = 0xff;
	inet_pton(AF_INET, ip, object.addr + 12);
	found = known_find(known, &object);
	return found < known_count(known) ? known_at(known, found) : NULL;
}

static const struct known_service *find_path(enum object_class class, const char *path)
{
	struct recorded object = { .class = class, .access = ACCESS_READ, .whole = true, .path = path };
	size_t found = known_find(known, &object);

	return found < known_count(known) ? known_at(known, found) : NULL;
}

static void load(void)
{
	assert_int_equal(known_load(named, NULL, 0, &known), 0);
}

static void services_are_found_by_name_and_by_range(void **state)
{
	static const uint8_t loopback[16] = { [10] = 0xff, [11] = 0xff, [12] = 127 }, v6[16] = { [15] = 1 };
	size_t proxy, all, none;

	(void)state;
	load();
	assert_false(known_has_files(known));
	assert_int_equal(known_named(known, "proxy"), known_count(known));
	known_free(known);
	write_file(first, "a.yaml", "services: {proxy: {nets: [127.0.0.9/32]}, all: {nets: [0.0.0.0/0]},\n"
		   "  none: {nets: [128.0.0.0/8], files: [/x]}}\n");
	load();
	assert_true(known_has_files(known));
	proxy = known_named(known, "proxy");
	all = known_named(known, "all");
	none = known_named(known, "none");
	assert_string_equal(known_at(known, proxy)->name, "proxy");
	assert_true(known_meets(known, proxy, loopback, 96 + 8));
	assert_true(known_meets(known, all, loopback, 96 + 8));
	assert_false(known_meets(known, none, loopback, 96 + 8));
	assert_false(known_meets(known, proxy, v6, 128));
	assert_false(known_meets(known, all, v6, 128));
}

static void objects_belong_to_the_most_specific_service(void **state)
{
	(void)state;
	write_file(first, "a.yaml",
		   "services: {wide: {nets: [10.0.0.0/8]}, narrow: {nets: [10.1.0.0/16], ports: [443]},\n"
		   "  tools: {execs: [/opt/tools/]}, one: {execs: [/opt/tools/one]}}\n");
	load();
	assert_string_equal(find_net("10.1.2.3", 443)->name, "narrow");
	assert_string_equal(find_net("10.1.2.3", 80)->name, "wide");
	assert_string_equal(find_net("10.1.2.3", 443)->include, "a");
	assert_null(find_net("11.0.0.1", 443));
	assert_string_equal(find_path(CLASS_EXEC, "/opt/tools/one")->name, "one");
	assert_string_equal(find_path(CLASS_EXEC, "/opt/tools/two")->name, "tools");
	assert_null(find_path(CLASS_FILE, "/opt/tools/two"));
}

static void what_every_policy_has_is_known(void **state)
{
	const struct known_service *service;

	(void)state;
	load();
	service = find_path(CLASS_SOCKET, "/run/docker.sock");
	assert_string_equal(service->name, "container-engine");
	assert_true(service->implied);
	assert_null(service->include);
	assert_int_equal(service->verdict, VERDICT_AUDIT);
	service = find_path(CLASS_FILE, "/usr/lib/x");
	assert_string_equal(service->name, "system-files");
	assert_int_equal(service->verdict, VERDICT_ALLOW);
	assert_int_equal(service->access, ACCESS_READ);
}

/* As a policy finds them. */
static void the_first_file_of_a_name_counts(void **state)
{
	(void)state;
	write_file(first, "a.yaml", "services: {one: {nets: [10.0.0.1]}}\n");
	write_file(second, "a.yaml", "services: {two: {nets: [10.0.0.2]}}\n");
	write_file(second, "b.yaml", "services: {one: {nets: [10.0.0.3]}, three: {nets: [10.0.0.4]}}\n");
	load();
	assert_string_equal(find_net("10.0.0.1", 1)->name, "one");
	assert_null(find_net("10.0.0.2", 1));
	assert_null(find_net("10.0.0.3", 1));
	assert_string_equal(find_net("10.0.0.4", 1)->include, "b");
}

static void other_folders_come_first_and_by_path(void **state)
{
	const char *const others[] = { second };
	char path[256];

	(void)state;
	write_file(first, "a.yaml", "services: {one: {nets: [10.0.0.1]}}\n");
	write_file(second, "a.yaml", "services: {one: {nets: [10.0.0.2]}}\n");
	assert_int_equal(known_load(named, others, 1, &known), 0);
	snprintf(path, sizeof(path), "%s/a.yaml", second);
	assert_string_equal(find_net("10.0.0.2", 1)->include, path);
	assert_null(find_net("10.0.0.1", 1));
	known_free(known);
	known = NULL;
	assert_int_equal(known_load(named, (const char *const[]){ "/nowhere" }, 1, &known), -ENOENT);
	assert_null(known);
}

static void a_faulty_file_is_left_out(void **state)
{
	(void)state;
	write_file(first, "a.yaml", "services: {one: {nets: [10.0.0.1]}}\n");
	write_file(first, "b.yaml", "services: {two: {netz: [10.0.0.2]}}\n");
	write_file(first, "notes.txt", "no service\n");
	load();
	assert_string_equal(find_net("10.0.0.1", 1)->name, "one");
	assert_null(find_net("10.0.0.2", 1));
}

static void services_may_need_those_of_other_files(void **state)
{
	size_t needing, needed;

	(void)state;
	write_file(first, "a.yaml", "services: {releases: {nets: [10.0.0.1], needs: [forge]}}\n");
	write_file(first, "b.yaml", "services: {forge: {nets: [10.0.0.2], needs: [mirror]}}\n");
	write_file(second, "c.yaml", "services: {mirror: {nets: [10.0.0.3]}}\n");
	write_file(second, "d.yaml", "services: {lost: {nets: [10.0.0.4], needs: [nothing]}}\n");
	load();
	assert_string_equal(find_net("10.0.0.1", 1)->name, "releases");
	assert_null(find_net("10.0.0.4", 1));
	needing = (size_t)(find_net("10.0.0.1", 1) - known_at(known, 0));
	needed = known_need(known, needing, 0);
	assert_string_equal(known_at(known, needed)->name, "forge");
	assert_int_equal(known_need(known, needing, 1), known_count(known));
}

static void what_names_an_object_alone_is_exact(void **state)
{
	struct recorded object = { .class = CLASS_NET, .whole = true, .path = "/x" };
	size_t service;

	(void)state;
	write_file(first, "a.yaml", "services: {one: {nets: [10.0.0.1, 10.0.1.0/24], files: [/x, /y/]}}\n");
	load();
	service = (size_t)(find_net("10.0.0.1", 1) - known_at(known, 0));
	memcpy(object.addr, (uint8_t[16]){ [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 }, 16);
	assert_true(known_is_exact(known, service, &object));
	object.addr[14] = 1;
	assert_false(known_is_exact(known, service, &object));
	object.class = CLASS_FILE;
	assert_true(known_is_exact(known, service, &object));
	object.path = "/y";
	assert_false(known_is_exact(known, service, &object));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(services_are_found_by_name_and_by_range),
		TEST(objects_belong_to_the_most_specific_service),
		TEST(what_every_policy_has_is_known),
		TEST(the_first_file_of_a_name_counts),
		TEST(other_folders_come_first_and_by_path),
		TEST(a_faulty_file_is_left_out),
		TEST(services_may_need_those_of_other_files),
		TEST(what_names_an_object_alone_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
