/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What doctor says about hosts that are, or are not, set up to have a fence from boot on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "userspace/base/locations.h"
#include "userspace/host/host_setup.h"

#define UNIT "/usr/lib/systemd/system/" SETUP_UNIT
#define WANTS "/etc/systemd/system/sysinit.target.wants"
#define POLICY(tag) "tag: " tag "\nservices: {a: {files: [/srv/mirror/]}}\nrules: [{deny: a}]\n"

static char root[64];
static struct finding findings[SETUP_FINDINGS];

static const char *under(const char *path)
{
	static char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return full;
}

static int begin(void **unused)
{
	(void)unused;
	umask(022);
	strcpy(root, "/tmp/ringfence-test-XXXXXX");
	return mkdtemp(root) ? path_make(under("/var/log")) : -1;
}

static int finish(void **unused)
{
	char command[128];

	(void)unused;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void put(const char *file, const char *text)
{
	char folder[256];
	FILE *out;

	snprintf(folder, sizeof(folder), "%s", under(file));
	*strrchr(folder, '/') = 0;
	assert_int_equal(path_make(folder), 0);
	out = fopen(under(file), "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void put_folder(const char *folder, mode_t mode)
{
	assert_int_equal(path_make(under(folder)), 0);
	assert_int_equal(chmod(under(folder), mode), 0);
}

static void make_resident(void)
{
	put(UNIT, "[Unit]\n");
	assert_int_equal(path_make(under(WANTS)), 0);
	assert_int_equal(symlink(UNIT, under(WANTS "/" SETUP_UNIT)), 0);
}

static const struct finding *find(const char *topic)
{
	setup_examine(root, geteuid(), findings);
	for (size_t i = 0; i < SETUP_FINDINGS; i++)
		if (!strcmp(findings[i].topic, topic))
			return &findings[i];
	fail_msg("no finding about %s", topic);
	return NULL;
}

static void expect_ok(const char *topic, const char *text)
{
	const struct finding *finding = find(topic);

	if (!finding->ok || !strstr(finding->text, text) || *finding->remedy)
		fail_msg("%s: ok %d: %s; %s", topic, finding->ok, finding->text, finding->remedy);
}

static void expect(const char *topic, enum severity severity, const char *text, const char *remedy)
{
	const struct finding *finding = find(topic);

	if (finding->ok || finding->severity != severity || !strstr(finding->text, text) ||
	    !strstr(finding->remedy, remedy))
		fail_msg("%s: ok %d, severity %d: %s; %s", topic, finding->ok, finding->severity,
			 finding->text, finding->remedy);
}

/* --- the host as a whole ---------------------------------------------------------------------- */

/* It runs a deploy behind a fence of its own now and then. */
static void a_bare_host_has_notes_only(void **unused)
{
	(void)unused;
	setup_examine(root, geteuid(), findings);
	for (size_t i = 0; i < SETUP_FINDINGS; i++)
		assert_true(findings[i].ok || findings[i].severity == SEVERITY_NOTE ||
			    !strcmp(findings[i].topic, "clock"));
	expect("unit", SEVERITY_NOTE, "not installed", "ringfence load");
	expect("policies", SEVERITY_NOTE, "no /etc/ringfence/policy.d", "mkdir");
	expect_ok("log", "not there yet");
}

static void a_resident_host_is_warned(void **unused)
{
	(void)unused;
	make_resident();
	expect_ok("unit", UNIT " is enabled");
	expect("policies", SEVERITY_WARN, "no /etc/ringfence/policy.d", "mkdir");
	put_folder("/var/log/ringfence", 0755);
	expect("log", SEVERITY_WARN, "mode 0755", "chmod 0750");
	put("/sys/kernel/security/lsm", "yama");
	put("/proc/cmdline", "ro");
	expect("boot", SEVERITY_WARN, "has no bpf", "append lsm=yama,bpf where your boot loader");
}

/* --- unit ------------------------------------------------------------------------------------- */

static void tells_what_becomes_of_the_unit(void **unused)
{
	(void)unused;
	put(UNIT, "[Unit]\n");
	expect("unit", SEVERITY_NOTE, UNIT " is installed and not enabled", "systemctl enable");
	put_folder("/etc/systemd/system", 0755);
	assert_int_equal(symlink("/dev/null", under("/etc/systemd/system/" SETUP_UNIT)), 0);
	expect("unit", SEVERITY_NOTE, "is masked", "unmask");
}

/* --- boot ------------------------------------------------------------------------------------- */

static void tells_of_the_next_boot(void **unused)
{
	(void)unused;
	put("/sys/kernel/security/lsm", "yama,bpf");
	put("/proc/cmdline", "ro");
	expect_ok("boot", "the next boot has bpf");
	put("/proc/cmdline", "ro lsm=yama,bpf");
	expect("boot", SEVERITY_NOTE, "cannot be told", "whether bpf is still in /sys/kernel/security/lsm");
	put("/sys/kernel/security/lsm", "yama");
	put("/proc/cmdline", "ro");
	expect("boot", SEVERITY_NOTE, "has no bpf", "append lsm=yama,bpf where your boot loader");
	put("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"\"\n");
	put("/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do\n");
	put("/boot/grub/grub.cfg", "menuentry 'a' {\n\tlinux\t/vmlinuz ro\n}\n");
	expect("boot", SEVERITY_NOTE, "has no bpf", "ringfence boot enable --write, and reboot");
}

/* --- policies --------------------------------------------------------------------------------- */

static void counts_sound_policies(void **unused)
{
	(void)unused;
	put_folder(PATH_POLICIES, 0755);
	expect("policies", SEVERITY_NOTE, "0 in " PATH_POLICIES, "put policies there");
	put(PATH_POLICIES "/a.yaml", POLICY("t"));
	put(PATH_POLICIES "/b.yaml", POLICY("b"));
	put(PATH_POLICIES "/c.yaml.old", "tag: [");
	expect_ok("policies", "2 in " PATH_POLICIES);
}

static void names_the_first_faulty_policy(void **unused)
{
	(void)unused;
	put(PATH_POLICIES "/a.yaml", POLICY("t"));
	put(PATH_POLICIES "/b.yaml", "tag: b\nrules:\n  - denny: a\n");
	expect("policies", SEVERITY_FAIL, "/b.yaml:3:5: ", "ringfence check ");
	put(PATH_POLICIES "/c.yaml", "mode: audit\n");
	expect("policies", SEVERITY_FAIL, "(the first of 2 faulty ones)", "b.yaml");
}

static void allows_one_policy_per_tag(void **unused)
{
	(void)unused;
	put(PATH_POLICIES "/a.yaml", POLICY("t"));
	put(PATH_POLICIES "/b.yaml", POLICY("t"));
	expect("policies", SEVERITY_FAIL, "are both for tag t", "one policy per tag");
}

static void fails_where_others_can_write_policies(void **unused)
{
	(void)unused;
	put(PATH_POLICIES "/a.yaml", POLICY("t"));
	assert_int_equal(chmod(under(PATH_POLICIES "/a.yaml"), 0664), 0);
	expect("policies", SEVERITY_FAIL, "a.yaml has mode 0664", "chmod go-w " PATH_POLICIES "/a.yaml");
	assert_int_equal(chmod(under(PATH_POLICIES "/a.yaml"), 0644), 0);
	put_folder(PATH_POLICIES, 01777);
	expect("policies", SEVERITY_FAIL, PATH_POLICIES " has mode 1777", "chmod go-w");
	put_folder(PATH_POLICIES, 0755);
	setup_examine(root, geteuid() + 1, findings);
	assert_non_null(strstr(findings[2].text, "/etc/ringfence belongs to user"));
	assert_int_equal(findings[2].severity, SEVERITY_FAIL);
}

/* A name can hold what a terminal would obey. */
static void shows_names_safely(void **unused)
{
	(void)unused;
	put(PATH_POLICIES "/\033[2J\xff.yaml", "tag: [");
	expect("policies", SEVERITY_FAIL, "/\\x1b[2J\xef\xbf\xbd.yaml:", "ringfence check ");
}

/* --- log -------------------------------------------------------------------------------------- */

static void looks_who_can_reach_the_log(void **unused)
{
	(void)unused;
	put_folder(PATH_LOGS, 0700);
	expect_ok("log", PATH_LOGS);
	put_folder(PATH_LOGS, 0755);
	expect("log", SEVERITY_NOTE, "mode 0755", "chmod 0750");
	put_folder(PATH_LOGS, 0770);
	expect("log", SEVERITY_WARN, "mode 0770", "chmod 0750");
	put_folder(PATH_LOGS, 0750);
	if (geteuid())
		return;			/* cannot give it away */
	expect_ok("log", PATH_LOGS);
	put("/etc/group", "root:x:0:\nadm:x:4711:\nusers:x:100:\n");
	assert_int_equal(chown(under(PATH_LOGS), 0, 4711), 0);
	expect_ok("log", PATH_LOGS);
	assert_int_equal(chown(under(PATH_LOGS), 0, 100), 0);
	expect("log", SEVERITY_NOTE, "group 100", "chgrp adm");
}

static void wants_a_folder_for_the_log(void **unused)
{
	(void)unused;
	put(PATH_LOGS, "");
	expect("log", SEVERITY_NOTE, "Not a directory", "make it a folder");
	make_resident();
	expect("log", SEVERITY_WARN, "Not a directory", "make it a folder");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bare_host_has_notes_only),
		TEST(a_resident_host_is_warned),
		TEST(tells_what_becomes_of_the_unit),
		TEST(tells_of_the_next_boot),
		TEST(counts_sound_policies),
		TEST(names_the_first_faulty_policy),
		TEST(allows_one_policy_per_tag),
		TEST(fails_where_others_can_write_policies),
		TEST(shows_names_safely),
		TEST(looks_who_can_reach_the_log),
		TEST(wants_a_folder_for_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
