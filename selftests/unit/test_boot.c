/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bpf among the LSMs of the next boot: hosts made of a few files, what is seen on them, what enable and
 * disable do there, and what a shell makes of the file that is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "userspace/base/locations.h"
#include "userspace/host/boot_grub.h"
#include "userspace/host/boot_plan.h"
#include "userspace/host/boot_state.h"

#define RUNNING "lockdown,capability,landlock,yama,apparmor"
#define WANTED RUNNING ",bpf"
#define OURS "/etc/default/grub.d/ringfence.cfg"

static char root[64];
static struct boot_state state;
static struct boot_plan plan;

static int begin(void **unused)
{
	(void)unused;
	strcpy(root, "/tmp/ringfence-test-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
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
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s%s", root, file);
	*strrchr(path, '/') = 0;
	assert_int_equal(path_make(path), 0);
	path[strlen(path)] = '/';
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void get(const char *file, char *ret_text, size_t size)
{
	char path[256];
	FILE *in;

	snprintf(path, sizeof(path), "%s%s", root, file);
	in = fopen(path, "re");
	assert_non_null(in);
	ret_text[fread(ret_text, 1, size - 1, in)] = 0;
	fclose(in);
}

/* A host with grub, and without bpf. */
static void put_debian(void)
{
	put("/sys/kernel/security/lsm", RUNNING "\n");
	put("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet\n");
	put("/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
	    "# GRUB_CMDLINE_LINUX=\"lsm=yama\"\nGRUB_CMDLINE_LINUX=\"console=ttyS0\" # lsm=bpf\n");
	put("/usr/sbin/grub-mkconfig", "for x in ${sysconfdir}/default/grub.d/*.cfg ; do\n");
	put("/boot/grub/grub.cfg", "menuentry 'a' {\n\tlinux\t/vmlinuz root=/dev/vda1 ro quiet\n}\n");
}

static void look(void)
{
	boot_look(root, &state);
	boot_plan_enable(&state, &plan);
}

/* As enable --write does. */
static void enable(void)
{
	look();
	assert_int_equal(plan.action, BOOT_WRITE);
	assert_int_equal(boot_grub_write(root, plan.after), 0);
}

static void expect_reason(size_t i, const char *text, const char *remedy)
{
	assert_int_equal(plan.action, BOOT_REFUSE);
	assert_true(i < plan.reason_count);
	if (!strstr(plan.reasons[i].text, text))
		assert_string_equal(plan.reasons[i].text, text);
	if (!strstr(plan.reasons[i].remedy, remedy))
		assert_string_equal(plan.reasons[i].remedy, remedy);
}

static void expect_next(enum boot_next next, const char *why)
{
	if (!strstr(state.why, why))
		assert_string_equal(state.why, why);
	assert_int_equal(state.next, next);
}

/* --- lists and lines -------------------------------------------------------------------------- */

static void finds_names_in_lists(void **unused)
{
	(void)unused;
	assert_true(boot_list_has("bpf", "bpf"));
	assert_true(boot_list_has("yama,bpf", "bpf"));
	assert_true(boot_list_has("bpf,yama", "bpf"));
	assert_false(boot_list_has("yama,bpfx,xbpf", "bpf"));
	assert_false(boot_list_has("", "bpf"));
}

static void finds_lists_on_lines(void **unused)
{
	static const struct {
		const char *line, *list;
	} rows[] = {
		{ "GRUB_CMDLINE_LINUX=\"lsm=a,b\"", "a,b" },
		{ "GRUB_CMDLINE_LINUX='quiet lsm=a'", "a" },
		{ "GRUB_CMDLINE_LINUX=lsm=a", "a" },
		{ "X=\"$X lsm=a lsm=b quiet\"", "b" },
		{ "X=\"lsm=a # lsm=b\"", "b" },
		{ "X=\"lsm=a\"\t# lsm=b", "a" },
		{ "X=\"lsm=$LIST\"", "$LIST" },
		{ "X=lsm=", "" },
		{ "X=\"quiet\" # lsm=a", NULL },
		{ "  # X=lsm=a", NULL },
		{ "X=\"xlsm=a my.lsm=b the-lsm=c lsm.debug\"", NULL },
		{ "", NULL },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char list[BOOT_LIST_SIZE] = "untouched";
		bool found = boot_find_list(rows[i].line, list);

		assert_int_equal(found, !!rows[i].list);
		assert_string_equal(list, rows[i].list ?: "untouched");
	}
}

/* --- enable ----------------------------------------------------------------------------------- */

static void appends_to_the_running_list(void **unused)
{
	char text[BOOT_GRUB_SIZE];
	struct stat st;
	char path[256];

	(void)unused;
	put_debian();
	umask(077);
	enable();
	umask(022);
	get(OURS, text, sizeof(text));
	assert_string_equal(text, plan.after);
	assert_non_null(strstr(text, "\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX lsm=" WANTED "\"\n"));
	snprintf(path, sizeof(path), "%s" OURS, root);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

/* As grub-mkconfig does: with sh -e, after /etc/default/grub. */
static void a_shell_takes_the_file(void **unused)
{
	char command[512], out[256] = "";
	FILE *sh;

	(void)unused;
	put_debian();
	enable();
	snprintf(command, sizeof(command), "sh -euc '. %s/etc/default/grub; for x in %s/etc/default/grub.d/*.cfg; do . $x; done;"
		 " echo \"[$GRUB_CMDLINE_LINUX]\"' 2>&1", root, root);
	sh = popen(command, "re");
	assert_non_null(sh);
	assert_non_null(fgets(out, sizeof(out), sh));
	assert_int_equal(pclose(sh), 0);
	assert_string_equal(out, "[console=ttyS0 lsm=" WANTED "]\n");
}

static void leaves_nothing_else_behind(void **unused)
{
	char pattern[256];
	glob_t found = {};

	(void)unused;
	put_debian();
	enable();
	enable();
	snprintf(pattern, sizeof(pattern), "%s/etc/default/grub.d/{.[!.],?}*", root);
	assert_int_equal(glob(pattern, GLOB_BRACE, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 1);
	globfree(&found);
}

static void does_nothing_where_bpf_is_active(void **unused)
{
	(void)unused;
	put_debian();
	put("/sys/kernel/security/lsm", WANTED);
	look();
	assert_true(state.live);
	expect_next(BOOT_NEXT_YES, "/boot/grub/grub.cfg:2 has no lsm=");
	assert_int_equal(plan.action, BOOT_NOTHING);
	assert_string_equal(plan.after, "");
}

/* It was typed at the boot menu, or the file was removed since. */
static void writes_what_runs_where_it_would_be_gone(void **unused)
{
	(void)unused;
	put_debian();
	put("/sys/kernel/security/lsm", "capability,bpf,ima");
	put("/proc/cmdline", "ro lsm=bpf");
	put("/boot/grub/grub.cfg", "linux /vmlinuz lsm=yama\n");
	look();
	assert_true(state.live);
	expect_next(BOOT_NEXT_NO, "/boot/grub/grub.cfg:1 has lsm=yama");
	assert_int_equal(plan.action, BOOT_WRITE);
	assert_non_null(strstr(plan.after, " lsm=capability,bpf,ima\"\n"));
}

static void refuses_where_lsm_is_set(void **unused)
{
	(void)unused;
	put_debian();
	put("/etc/default/grub", "A=b\nGRUB_CMDLINE_LINUX=\"lsm=yama,apparmor\"\n");
	put("/etc/default/grub.d/10-cloud.cfg", "GRUB_CMDLINE_LINUX_DEFAULT='lsm=yama'\n");
	look();
	assert_int_equal(plan.reason_count, 2);
	expect_reason(0, "/etc/default/grub:2: lsm=yama,apparmor", "make it lsm=yama,apparmor,bpf there");
	expect_reason(1, "/etc/default/grub.d/10-cloud.cfg:1: lsm=yama", "make it lsm=yama,bpf there");
}

static void says_what_is_left_where_bpf_is_set(void **unused)
{
	(void)unused;
	put_debian();
	put("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"lsm=yama,bpf\"\n");
	look();
	assert_int_equal(plan.action, BOOT_NOTHING);
	assert_non_null(strstr(plan.text, "/etc/default/grub:1 sets lsm=yama,bpf already: what is left is update-grub"));
}

static void refuses_where_the_command_line_has_another(void **unused)
{
	(void)unused;
	put_debian();
	put("/proc/cmdline", "ro lsm=yama,apparmor quiet");
	look();
	expect_reason(0, "/proc/cmdline:1: this kernel was given lsm=yama,apparmor",
		      "make it lsm=yama,apparmor,bpf");
}

static void refuses_a_kernel_without(void **unused)
{
	char config[128];
	struct utsname name;

	(void)unused;
	put_debian();
	uname(&name);
	snprintf(config, sizeof(config), "/boot/config-%s", name.release);
	put(config, "CONFIG_SECURITY=y\n# CONFIG_BPF_LSM is not set\n");
	look();
	expect_reason(0, "without CONFIG_BPF_LSM", "boot one that has it");
	put(config, "CONFIG_SECURITY=y\nCONFIG_BPF_LSM=y\n");
	look();
	assert_int_equal(plan.action, BOOT_WRITE);
	/* What was asked for did not come. */
	put("/proc/cmdline", "ro lsm=" WANTED);
	look();
	expect_reason(0, "without CONFIG_BPF_LSM", "boot one that has it");
}

static void refuses_hosts_without_grub(void **unused)
{
	(void)unused;
	put("/sys/kernel/security/lsm", RUNNING);
	put("/proc/cmdline", "ro");
	look();
	expect_reason(0, "no /etc/default/grub", "append lsm=" WANTED " where your boot loader");
	put("/proc/cmdline", "ro lsm=yama");
	look();
	expect_reason(0, "no /etc/default/grub", "make lsm=yama lsm=yama,bpf");
	put("/proc/cmdline", "ro");
	put("/boot/efi/loader/entries/a.conf", "title a\noptions root=/dev/vda1 ro\n");
	look();
	assert_int_equal(state.loader, BOOT_KERNEL_INSTALL);
	expect_reason(0, "systemd-boot", "append lsm=" WANTED " in the one line of /etc/kernel/cmdline");
	expect_next(BOOT_NEXT_NO, "/boot/efi/loader/entries/a.conf:2 has no lsm=");
	put("/etc/kernel/cmdline", "root=/dev/vda1 lsm=yama");
	look();
	expect_reason(0, "/etc/kernel/cmdline:1: lsm=yama", "kernel-install");
}

static void refuses_grub_that_reads_no_folder(void **unused)
{
	(void)unused;
	put_debian();
	put("/usr/sbin/grub-mkconfig", "if test -f ${sysconfdir}/default/grub ; then\n");
	look();
	expect_reason(0, "does not read /etc/default/grub.d", "--args=lsm=" WANTED);
}

static void refuses_lists_that_a_shell_would_obey(void **unused)
{
	(void)unused;
	put_debian();
	put("/sys/kernel/security/lsm", "yama,$(reboot)");
	look();
	expect_reason(0, "unexpected list", "by hand");
	put("/sys/kernel/security/lsm", "");
	look();
	expect_reason(0, "cannot read /sys/kernel/security/lsm", "mount -t securityfs");
}

static void expect_remedy(const char *text)
{
	char remedy[BOOT_REMEDY_SIZE] = "";

	boot_look(root, &state);
	assert_int_equal(boot_remedy(&state, remedy), *text != 0);
	if (!strstr(remedy, text))
		assert_string_equal(remedy, text);
}

/* What `boot status` and `doctor` say is to be done, with no other command to ask. */
static void tells_what_to_do(void **unused)
{
	(void)unused;
	put_debian();
	expect_remedy("ringfence boot enable --write, and reboot");
	enable();
	expect_remedy("ringfence boot enable --write, and reboot");	/* the menu is as it was */
	put("/boot/grub/grub.cfg", "menuentry 'a' {\n\tlinux\t/vmlinuz ro lsm=" RUNNING ",bpf\n}\n");
	expect_remedy("reboot");
	put("/etc/default/grub", "GRUB_CMDLINE_LINUX=lsm=yama\n");
	put("/boot/grub/grub.cfg", "menuentry 'a' {\n\tlinux\t/vmlinuz ro lsm=yama\n}\n");
	expect_remedy("make it lsm=yama,bpf there");
	put("/sys/kernel/security/lsm", RUNNING ",bpf\n");
	put("/boot/grub/grub.cfg", "menuentry 'a' {\n\tlinux\t/vmlinuz ro lsm=" RUNNING ",bpf\n}\n");
	expect_remedy("");
	put("/sys/kernel/security/lsm", "");
	expect_remedy("mount -t securityfs");
}

static void leaves_files_of_others_alone(void **unused)
{
	(void)unused;
	put_debian();
	put(OURS, "GRUB_TIMEOUT=1\n");
	look();
	expect_reason(0, OURS ":1: this file was not written by ringfence", "mv " OURS);
	boot_plan_disable(&state, &plan);
	expect_reason(0, OURS ":1: this file was not written by ringfence", "mv " OURS);
}

static void takes_no_link_for_its_own(void **unused)
{
	char path[256], target[256];

	(void)unused;
	put_debian();
	enable();
	snprintf(path, sizeof(path), "%s" OURS, root);
	snprintf(target, sizeof(target), "%s/elsewhere", root);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(boot_grub_owner(root), BOOT_SOMEBODY_ELSE);
}

/* --- what the next boot will have ------------------------------------------------------------- */

static void tells_the_next_boot(void **unused)
{
	(void)unused;
	put_debian();
	look();
	expect_next(BOOT_NEXT_NO, "/boot/grub/grub.cfg:2 has no lsm=");
	enable();
	look();
	assert_int_equal(state.owner, BOOT_OURS);
	assert_string_equal(state.ours, WANTED);
	assert_int_equal(state.setting_count, 0);
	expect_next(BOOT_NEXT_NO, "generated without " OURS);
	put("/boot/grub/grub.cfg", "\tlinux\t/vmlinuz ro lsm=" WANTED " quiet\n\tlinux16 /memtest\n");
	look();
	expect_next(BOOT_NEXT_YES, "/boot/grub/grub.cfg:1 has lsm=" WANTED);
	put("/boot/grub/grub.cfg", "linux /vmlinuz lsm=" WANTED "\nlinux /other\n");
	look();
	expect_next(BOOT_NEXT_YES, "of 2 entries of the boot menu, 1 have bpf");
	assert_int_equal(boot_grub_remove(root), 0);
	look();
	expect_next(BOOT_NEXT_YES, "gone with the next update-grub");
}

static void does_not_guess(void **unused)
{
	(void)unused;
	put("/sys/kernel/security/lsm", WANTED);
	put("/proc/cmdline", "ro lsm=" WANTED);
	look();
	assert_int_equal(state.loader, BOOT_OTHER);
	expect_next(BOOT_NEXT_UNKNOWN, "settings are not known");
	assert_int_equal(plan.action, BOOT_NOTHING);
	put_debian();
	put("/boot/grub/grub.cfg", "blscfg\n");
	look();
	expect_next(BOOT_NEXT_UNKNOWN, "does not name");
}

/* --- disable ---------------------------------------------------------------------------------- */

static void removes_its_own(void **unused)
{
	char text[BOOT_GRUB_SIZE];

	(void)unused;
	put_debian();
	enable();
	look();
	boot_plan_disable(&state, &plan);
	assert_int_equal(plan.action, BOOT_WRITE);
	assert_string_equal(plan.after, "");
	assert_int_equal(boot_grub_remove(root), 0);
	assert_int_equal(boot_grub_read(root, text), 0);
	assert_string_equal(text, "");
	look();
	boot_plan_disable(&state, &plan);
	assert_int_equal(plan.action, BOOT_NOTHING);
}

/* patch(1) makes of nothing the file, and of the file nothing. */
static void shows_the_change(void **unused)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)unused;
	boot_grub_diff(out, "", "a\nb\n");
	boot_grub_diff(out, "a\n", "a\n");
	boot_grub_diff(out, "a\nb\n", "c\n");
	boot_grub_diff(out, "c\n", "");
	fclose(out);
	assert_string_equal(text, "--- /dev/null\n+++ " OURS "\n@@ -0,0 +1,2 @@\n+a\n+b\n"
			    "--- " OURS "\n+++ " OURS "\n@@ -1,2 +1,1 @@\n-a\n-b\n+c\n"
			    "--- " OURS "\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-c\n");
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_names_in_lists),
		TEST(finds_lists_on_lines),
		TEST(appends_to_the_running_list),
		TEST(a_shell_takes_the_file),
		TEST(leaves_nothing_else_behind),
		TEST(does_nothing_where_bpf_is_active),
		TEST(writes_what_runs_where_it_would_be_gone),
		TEST(refuses_where_lsm_is_set),
		TEST(says_what_is_left_where_bpf_is_set),
		TEST(refuses_where_the_command_line_has_another),
		TEST(refuses_a_kernel_without),
		TEST(refuses_hosts_without_grub),
		TEST(refuses_grub_that_reads_no_folder),
		TEST(refuses_lists_that_a_shell_would_obey),
		TEST(tells_what_to_do),
		TEST(leaves_files_of_others_alone),
		TEST(takes_no_link_for_its_own),
		TEST(tells_the_next_boot),
		TEST(does_not_guess),
		TEST(removes_its_own),
		TEST(shows_the_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
