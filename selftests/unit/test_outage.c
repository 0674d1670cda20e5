/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "policy/image.h"
#include "userspace/outage.h"

static const char policy_text[] =
	"tag: t\n"
	"services:\n"
	"  forge: {nets: [140.82.112.0/20], ports: [443]}\n"
	"  forge-status: {nets: [140.82.112.9]}\n"
	"  state: {files: [/var/state/]}\n"
	"rules:\n"
	"  - allow: forge\n"
	"  - allow: forge-status\n"
	"  - {allow: state, access: read}\n"
	"  - {deny: state, access: write, errno: EROFS}\n"
	"waivers:\n"
	"  - {service: state, exec: /opt/sync, owner: storage, until: 2027-03-31, why: moves}\n";

static char folder[64], path[128];
static struct outage *outage;
static int old_stderr;

static void write_file(const char *name, const char *text)
{
	char file[256];
	FILE *out;

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* Standard error goes to a file, for expect_told(). */
static int begin(void **state)
{
	char file[128];
	int fd;

	(void)state;
	strcpy(folder, "/tmp/ringfence-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/p.yaml", folder);
	snprintf(file, sizeof(file), "%s/services", folder);
	mkdir(file, 0755);
	write_file("p.yaml", policy_text);
	write_file("services/mirror.yaml",
		   "services: {mirror: {nets: [10.0.0.1]}, other: {nets: [10.0.0.2]}}\n");
	snprintf(file, sizeof(file), "%s/told", folder);
	old_stderr = dup(2);
	fd = open(file, O_RDWR | O_CREAT, 0600);
	return fd < 0 || dup2(fd, 2) < 0 || close(fd);
}

static int finish(void **state)
{
	char command[128];

	(void)state;
	outage_close(outage);
	outage = NULL;
	dup2(old_stderr, 2);
	close(old_stderr);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void expect_told(const char *text)
{
	char told[4096] = "";
	ssize_t size = pread(2, told, sizeof(told) - 1, 0);

	assert_true(size > 0);
	assert_non_null(strstr(told, text));
}

static struct decision net(const char *ip)
{
	uint8_t addr[16] = { [10] = 0xff, [11] = 0xff };

	inet_pton(AF_INET, ip, addr + 12);
	return image_decide_net(outage_image(outage), addr, 443, PROTO_TCP);
}

static struct decision file(uint8_t access)
{
	return image_decide_path(outage_image(outage), CLASS_FILE, access, "/var/state/x", NULL, 0);
}

static void open_with(const char *const *down, size_t count)
{
	assert_int_equal(outage_open(path, down, count, &outage), 0);
}

static void a_policy_is_asked_as_it_stands(void **state)
{
	(void)state;
	open_with(NULL, 0);
	assert_int_equal(net("140.82.112.3").verdict, VERDICT_ALLOW);
	assert_int_equal(file(ACCESS_READ).verdict, VERDICT_ALLOW);
	assert_int_equal(file(ACCESS_WRITE).err, -EROFS);
	assert_int_equal(outage_image(outage)->waivers.count, 1);
}

static void a_service_that_is_down_is_denied(void **state)
{
	static const char *const down[] = { "forge" };
	struct decision decision;

	(void)state;
	open_with(down, 1);
	decision = net("140.82.112.3");
	assert_int_equal(decision.verdict, VERDICT_DENY);
	assert_int_equal(decision.err, -EHOSTUNREACH);
	assert_string_equal(image_string(outage_image(outage),
					 image_rule(outage_image(outage), decision.rule)->name),
			    "deny forge");
	/* The others are up, also those within. */
	assert_int_equal(net("140.82.112.9").verdict, VERDICT_ALLOW);
	assert_int_equal(file(ACCESS_READ).verdict, VERDICT_ALLOW);
}

static void whatever_rules_say_of_it_gives_way(void **state)
{
	static const char *const down[] = { "state" };

	(void)state;
	open_with(down, 1);
	assert_int_equal(file(ACCESS_READ).err, -EHOSTUNREACH);
	assert_int_equal(file(ACCESS_WRITE).err, -EHOSTUNREACH);
	assert_int_equal(outage_image(outage)->waivers.count, 0);
	assert_int_equal(net("140.82.112.3").verdict, VERDICT_ALLOW);
}

static void what_a_policy_includes_without_a_word_can_be_down(void **state)
{
	static const char *const down[] = { "container-engine" };
	struct decision decision;

	(void)state;
	open_with(down, 1);
	decision = image_decide_path(outage_image(outage), CLASS_SOCKET, ACCESS_READ, "/run/docker.sock",
				     NULL, 0);
	assert_int_equal(decision.err, -EHOSTUNREACH);
	decision = image_decide_path(outage_image(outage), CLASS_SOCKET, ACCESS_READ, "/run/dbus/x", NULL, 0);
	assert_int_equal(decision.verdict, VERDICT_AUDIT);
}

static void what_a_policy_could_include_can_be_down(void **state)
{
	static const char *const down[] = { "mirror", "forge", "mirror" };

	(void)state;
	open_with(down, 3);
	assert_int_equal(net("10.0.0.1").err, -EHOSTUNREACH);
	assert_int_equal(net("10.0.0.2").verdict, VERDICT_ALLOW);
	assert_int_equal(net("140.82.112.3").err, -EHOSTUNREACH);
}

static void nobodys_service_is_a_fault(void **state)
{
	static const char *const down[] = { "forgo" }, *const strange[] = { "../x\"]" };

	(void)state;
	assert_int_equal(outage_open(path, down, 1, &outage), -EINVAL);
	assert_null(outage);
	expect_told("has no such service");
	expect_told("did you mean \"forge\"?");
	assert_int_equal(outage_open(path, strange, 1, &outage), -EINVAL);
	expect_told("put its service file into /etc/ringfence/services");
}

static void a_faulty_policy_is_told(void **state)
{
	(void)state;
	write_file("p.yaml", "tag: t\nrules: [{denny: x}]\n");
	assert_int_equal(outage_open(path, NULL, 0, &outage), -EINVAL);
	expect_told("did you mean \"deny\"?");
}

static void identities_are_those_of_here_and_now(void **state)
{
	struct decision here;
	struct inode_id id;
	char text[512];
	struct stat st;

	(void)state;
	snprintf(text, sizeof(text), "tag: t\nservices: {s: {files: [%s]}}\nrules: [{deny: s}]\n", path);
	write_file("p.yaml", text);
	open_with(NULL, 0);
	assert_int_equal(stat(path, &st), 0);
	id = (struct inode_id){ .ino = st.st_ino, .dev = major(st.st_dev) << 20 | minor(st.st_dev) };
	assert_non_null(outage_image_here(outage));
	assert_ptr_equal(outage_image_here(outage), outage_image_here(outage));
	here = image_decide_path(outage_image_here(outage), CLASS_FILE, ACCESS_READ, "/alias", &id, 1);
	assert_int_equal(here.verdict, VERDICT_DENY);
	here = image_decide_path(outage_image(outage), CLASS_FILE, ACCESS_READ, "/alias", &id, 1);
	assert_int_equal(here.verdict, VERDICT_ALLOW);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_policy_is_asked_as_it_stands),
		TEST(a_service_that_is_down_is_denied),
		TEST(whatever_rules_say_of_it_gives_way),
		TEST(what_a_policy_includes_without_a_word_can_be_down),
		TEST(what_a_policy_could_include_can_be_down),
		TEST(nobodys_service_is_a_fault),
		TEST(a_faulty_policy_is_told),
		TEST(identities_are_those_of_here_and_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
