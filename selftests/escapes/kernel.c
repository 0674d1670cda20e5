/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tampering with the kernel by a tagged process that is root: settings that switch the fence off or name a
 * program for the kernel to start, modules, another kernel, devices, terminals.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hooks/hooks.h"

static int reported(const struct vector *vector, struct report *report, long ret)
{
	if (ret < 0)
		return ret;
	snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return 0;
}

/* For calls that say in errno what they met. */
static int reported_errno(const struct vector *vector, struct report *report, long ret)
{
	return reported(vector, report, ret < 0 ? -errno : ret);
}

/* @target is a setting; what it holds is put back before each round. */
static char settings[VECTORS_MAX][128];

static void prepare_setting(const struct vector *vector)
{
	char *before = settings[vector_number(vector)];

	if (!*before)
		read_small(vector->target, before, sizeof(settings[0]));
	else
		write_small(vector->target, before);
}

static unsigned int count_setting(const struct vector *vector, const struct report *report)
{
	char text[128] = "";

	(void)report;
	read_small(vector->target, text, sizeof(text));
	return !strncmp(text, FILE_WRITTEN, strlen(FILE_WRITTEN));
}

static const char *missing_setting(const struct vector *vector)
{
	return access(vector->target, F_OK) ? "the kernel has no such setting" : NULL;
}

static int act_setting(const struct vector *vector, struct report *report)
{
	int fd = open(vector->target, O_WRONLY | O_CLOEXEC);
	const char *text = vector->what ?: FILE_WRITTEN;

	return reported_errno(vector, report, fd < 0 ? fd : write(fd, text, strlen(text)));
}

/* Opened outside, and handed over. */
static int open_setting(const struct vector *vector)
{
	return open(vector->target, O_WRONLY | O_CLOEXEC);
}

static int act_passed_setting(const struct vector *vector, struct report *report)
{
	int fd = giver_ask(vector);

	return fd < 0 ? fd : reported_errno(vector, report, write(fd, vector->what, 1));
}

static int act_inherited_setting(const struct vector *vector, struct report *report)
{
	return reported_errno(vector, report, write(INHERITED_FD(vector), vector->what, 1));
}

/* --- helpers -------------------------------------------------------------------------------- */

/* What the kernel is to start, as root and nobody's child: it marks @target. */
static void prepare_helper(const struct vector *vector)
{
	const char *helper;
	char script[640];

	files_prepare(vector);
	helper = vector_path(vector, "helper");
	unlink(vector_path(vector, vector->target));
	snprintf(script, sizeof(script), "#!/bin/sh\nprintf %s >%s\n", FILE_WRITTEN,
		 vector_path(vector, vector->target));
	need(!write_small(helper, script) && !chmod(helper, 0755), vector);
	mkdir(vector_path(vector, "mount"), 0755);
}

/* Control groups as they were once: a hierarchy without controllers, of the vector's name. */
#define OLD_GROUPS "none,name=ringfence"

static const char *missing_old_groups(const struct vector *vector)
{
	int context = syscall(SYS_fsopen, "cgroup", FSOPEN_CLOEXEC);
	bool there = context >= 0 &&
		!syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "none", NULL, 0) &&
		!syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "name", "ringfence", 0) &&
		!syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);

	(void)vector;
	if (context >= 0)
		close(context);
	return there ? NULL : "the kernel has no control groups of version 1";
}

/* Enters a group of its own and leaves it by ending: the kernel starts the helper for it. */
static int leave_group(const struct vector *vector)
{
	int status = -1;
	pid_t child = fork();

	if (!child)
		_exit(write_small(vector_path(vector, "mount/group/cgroup.procs"), "0") != 0);
	waitpid(child, &status, 0);
	return status ? -EIO : 0;
}

/* In a mount name space of its own: the hierarchy is the same for all. */
static int act_release_agent(const struct vector *vector, struct report *report)
{
	const char *helper = vector_path(vector, "helper"), *group = vector_path(vector, "mount/group");
	int64_t end = now_ms() + 5000;
	int fd, err;

	(void)report;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", vector_path(vector, "mount"), "cgroup", 0, OLD_GROUPS))
		return -errno;
	fd = open(vector_path(vector, "mount/release_agent"), O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, helper, strlen(helper)) < 0 || (mkdir(group, 0755) && errno != EEXIST))
		return -errno;
	err = write_small(vector_path(vector, "mount/group/notify_on_release"), "1") ?:
		leave_group(vector);
	while (!err && access(vector_path(vector, vector->target), F_OK) && now_ms() < end)
		pause_briefly();
	rmdir(group);
	return err;
}

#define FORMATS "/proc/sys/fs/binfmt_misc/"

static const char *missing_formats(const struct vector *vector)
{
	(void)vector;
	return access(FORMATS "register", F_OK) &&
		mount("binfmt_misc", FORMATS, "binfmt_misc", 0, NULL) ?
		"the kernel has no binfmt_misc" : NULL;
}

static void prepare_format(const struct vector *vector)
{
	const char *script;

	write_small(FORMATS "tamper", "-1");
	prepare_helper(vector);
	script = vector_path(vector, "script.tamper");
	need(!write_small(script, vector->name) && !chmod(script, 0755), vector);
}

/* Files that end in .tamper are what the helper is to run, whoever executes them. */
static int act_format(const struct vector *vector, struct report *report)
{
	int fd = open(FORMATS "register", O_WRONLY | O_CLOEXEC);
	char text[640];

	(void)report;
	snprintf(text, sizeof(text), ":tamper:E::tamper::%s:", vector_path(vector, "helper"));
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Somebody outside executes one. */
static unsigned int count_format(const struct vector *vector, const struct report *report)
{
	const char *script = vector_path(vector, "script.tamper");
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		execv(script, COMMAND((char *)script));
		_exit(1);
	}
	waitpid(child, NULL, 0);
	return files_count_written(vector, report);
}

/* --- code and devices ----------------------------------------------------------------------- */

static const char *missing_kexec(const struct vector *vector)
{
	(void)vector;
	return syscall(SYS_kexec_load, 0, 0, NULL, KEXEC_ARCH_DEFAULT) ?
		"the kernel has no kexec" : NULL;
}

static int act_kexec(const struct vector *vector, struct report *report)
{
	return reported_errno(vector, report, syscall(SYS_kexec_load, 0, 0, NULL, KEXEC_ARCH_DEFAULT));
}

/* A module that is none: what the kernel says of it is not EPERM. */
static int act_module(const struct vector *vector, struct report *report)
{
	char image[4096] = "no module";

	if (syscall(SYS_init_module, image, sizeof(image), "") && errno == ENOEXEC)
		return reported(vector, report, 0);
	return -errno;
}

static int act_module_file(const struct vector *vector, struct report *report)
{
	int fd = open(self_path(), O_RDONLY | O_CLOEXEC);

	if (syscall(SYS_finit_module, fd, "", 0) && errno == ENOEXEC)
		return reported(vector, report, 0);
	return -errno;
}

static const char *missing_device(const struct vector *vector)
{
	int fd = open(vector->what, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return "the kernel has no such device";
	close(fd);
	return NULL;
}

static int act_device(const struct vector *vector, struct report *report)
{
	return reported_errno(vector, report, open(vector->what, O_RDONLY | O_CLOEXEC));
}

static int act_io_port(const struct vector *vector, struct report *report)
{
	return reported_errno(vector, report, ioperm(0x80, 1, 1));
}

/* A terminal of its own; to type into that of somebody else is no different. */
static int open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	return master < 0 || unlockpt(master) ? -1 :
					       open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int act_terminal_input(const struct vector *vector, struct report *report)
{
	int fd = open_terminal();

	return reported_errno(vector, report, fd < 0 ? fd : ioctl(fd, TIOCSTI, "x"));
}

#ifdef __x86_64__
/* As a 32-bit program does: ioctl(2) is number 54 there, and addresses have 32 bits. */
static int old_ioctl(int fd, unsigned int command, const void *argument)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) :
			 "a"(54), "b"(fd), "c"(command), "d"((uint32_t)(uintptr_t)argument) :
			 "memory", "r8", "r9", "r10", "r11");
	errno = result < 0 ? -result : 0;
	return result < 0 ? -1 : result;
}
#else
static int old_ioctl(int fd, unsigned int command, const void *argument)
{
	(void)fd;
	(void)command;
	(void)argument;
	errno = ENOSYS;
	return -1;
}
#endif

static int act_old_terminal_input(const struct vector *vector, struct report *report)
{
	char *low = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
			 0);
	int fd = open_terminal();

	*low = 'x';
	return reported_errno(vector, report, fd < 0 ? fd : old_ioctl(fd, TIOCSTI, low));
}

static const char *missing_old_calls(const struct vector *vector)
{
	struct utsname name;

	(void)vector;
	uname(&name);
	return strcmp(name.machine, "x86_64") ? "another machine" : NULL;
}

/* Where a denial is only told, the next hook tells it once more. */
#define TWICE .records = 2, .records_denied = 1
#define GUARDED .judged = BY_DOUBT, .reason = "the fence protects itself"
#define REPORTED GUARDED, .count = far_as_reported
#define SETTING(act) GUARDED, .missing = missing_setting, .prepare = prepare_setting, .seen_act = act
#define OPENED .hook = "file_open", .act = act_setting
#define FTRACE SETTING("write ftrace_enabled"), .target = "/proc/sys/kernel/ftrace_enabled", \
	.what = "1", .count = far_as_reported
#define HELPER GUARDED, TWICE, .hook = "file_open", .target = "marker"
#define LOCKED REPORTED, .hook = "locked_down", .seen_act = "change of the kernel"

const struct vector kernel_vectors[] = {
	{ FTRACE, OPENED, TWICE, .name = "tamper-ftrace" },
	{ FTRACE, TWICE, .name = "tamper-ftrace-passed", .hook = "file_receive",
	  .act = act_passed_setting, .open = open_setting, .hides_errno = true },
	{ FTRACE, .name = "tamper-ftrace-inherited", .hook = "file_permission",
	  .act = act_inherited_setting, .open = open_setting, .inherited = true },
	{ SETTING("write core_pattern"), OPENED, TWICE, .name = "tamper-core-pattern",
	  .target = "/proc/sys/kernel/core_pattern", .count = count_setting },
	{ SETTING("write modprobe"), OPENED, TWICE, .name = "tamper-modprobe",
	  .target = "/proc/sys/kernel/modprobe", .count = count_setting },
	{ SETTING("write poweroff_cmd"), OPENED, TWICE, .name = "tamper-poweroff",
	  .target = "/proc/sys/kernel/poweroff_cmd", .count = count_setting },
	{ SETTING("write hotplug"), OPENED, TWICE, .name = "tamper-hotplug",
	  .target = "/proc/sys/kernel/hotplug", .count = count_setting },
	{ SETTING("write uevent_helper"), OPENED, TWICE, .name = "tamper-uevent-helper",
	  .target = "/sys/kernel/uevent_helper", .count = count_setting },
	{ HELPER, .name = "tamper-release-agent", .act = act_release_agent,
	  .missing = missing_old_groups, .prepare = prepare_helper, .count = files_count_written,
	  .seen_act = "write release_agent" },
	{ HELPER, .name = "tamper-format", .act = act_format, .missing = missing_formats,
	  .prepare = prepare_format, .count = count_format, .seen_act = "write register" },
	{ REPORTED, OPENED, TWICE, .name = "tamper-sysrq", .target = "/proc/sysrq-trigger", .what = "h",
	  .seen_act = "write sysrq-trigger", .missing = missing_setting },
	{ REPORTED, TWICE, .name = "tamper-kexec", .hook = "kernel_load_data", .act = act_kexec,
	  .missing = missing_kexec, .seen_act = "kexec image" },
	{ REPORTED, TWICE, .name = "tamper-module", .hook = "kernel_load_data", .act = act_module,
	  .seen_act = "kernel module" },
	{ REPORTED, TWICE, .name = "tamper-module-file", .hook = "kernel_read_file",
	  .act = act_module_file, .seen_act = "kernel module" },
	{ LOCKED, .name = "tamper-memory-device", .act = act_device, .missing = missing_device,
	  .what = "/dev/mem" },
	{ LOCKED, .name = "tamper-port-device", .act = act_device, .missing = missing_device,
	  .what = "/dev/port" },
	{ LOCKED, .name = "tamper-all-memory", .act = act_device, .missing = missing_device,
	  .what = "/proc/kcore" },
	{ LOCKED, .name = "tamper-io-port", .act = act_io_port },
	{ REPORTED, .name = "tamper-terminal-input", .hook = "file_ioctl",
	  .act = act_terminal_input, .seen_act = "terminal input" },
	{ REPORTED, .name = "tamper-old-terminal-input", .hook = "file_ioctl_compat|file_ioctl",
	  .act = act_old_terminal_input, .missing = missing_old_calls,
	  .seen_act = "terminal input" },
	{},
};
