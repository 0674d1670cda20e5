/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../base/say.h"
#include "../fence/fence.h"
#include "boot_state.h"
#include "host.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"
#define FTRACE_FILE "/proc/sys/kernel/ftrace_enabled"

/* Before 6.1.54, LSM programs could be skipped when they ran into each other. */
#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1
#define KERNEL_PATCH 54

static void examine_kernel(struct finding *finding)
{
	unsigned int major = 0, minor = 0, patch = 0;
	struct utsname name;

	uname(&name);
	/* Debian's "6.1.0-51-amd64" names the ABI; what was built stands in the version string:
	 * "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-1 (2026-09-01)". */
	const char *debian = strstr(name.version, "Debian ");

	if (!debian || sscanf(debian, "Debian %u.%u.%u", &major, &minor, &patch) != 3)
		sscanf(name.release, "%u.%u.%u", &major, &minor, &patch);
	finding->ok = major > KERNEL_MAJOR ||
		(major == KERNEL_MAJOR && (minor > KERNEL_MINOR ||
					   (minor == KERNEL_MINOR && patch >= KERNEL_PATCH)));
	snprintf(finding->text, sizeof(finding->text), "Linux %s (%u.%u.%u)", name.release, major,
		 minor, patch);
	snprintf(finding->remedy, sizeof(finding->remedy),
		 "boot a kernel of %d.%d.%d or later: older ones can skip BPF LSM programs",
		 KERNEL_MAJOR, KERNEL_MINOR, KERNEL_PATCH);
}

/* Returns 0 or -errno. */
static int read_lsm_list(char *ret_list, size_t size)
{
	FILE *file = fopen(BOOT_LSM_FILE, "re");
	int err = file && fgets(ret_list, (int)size, file) ? 0 : -(errno ?: EIO);

	if (file)
		fclose(file);
	ret_list[err ? 0 : strcspn(ret_list, "\n")] = 0;
	return err;
}

static void examine_lsm(struct finding *finding)
{
	char list[200];
	int err = read_lsm_list(list, sizeof(list));

	if (err) {
		snprintf(finding->text, sizeof(finding->text), "cannot read %s: %s", BOOT_LSM_FILE,
			 strerror(-err));
		snprintf(finding->remedy, sizeof(finding->remedy),
			 "mount -t securityfs securityfs /sys/kernel/security");
		return;
	}
	finding->ok = boot_list_has(list, "bpf");
	snprintf(finding->text, sizeof(finding->text), "%s%s", list,
		 finding->ok ? "" : ": bpf is not in the list, so no BPF LSM program ever runs");
	snprintf(finding->remedy, sizeof(finding->remedy),
		 "boot with lsm=%s,bpf on the kernel command line: see ringfence boot enable", list);
}

/* A list that cannot be read proves nothing: the probe will. */
int host_check(void)
{
	struct finding finding = {};
	char list[200];

	examine_kernel(&finding);
	return finding.ok && (read_lsm_list(list, sizeof(list)) || boot_list_has(list, "bpf")) ? 0 :
		-EOPNOTSUPP;
}

/* Programs are attached by way of ftrace. Where that is off, most kernels skip them without a word. A
 * kernel without the setting cannot be told to. */
static void examine_ftrace(struct finding *finding)
{
	FILE *file = fopen(FTRACE_FILE, "re");

	finding->ok = !file || fgetc(file) != '0';
	snprintf(finding->text, sizeof(finding->text), "kernel.ftrace_enabled is %s",
		 finding->ok ? file ? "1" : "not there" : "0: no BPF LSM program runs");
	snprintf(finding->remedy, sizeof(finding->remedy), "sysctl kernel.ftrace_enabled=1");
	if (file)
		fclose(file);
}

static void examine_btf(struct finding *finding)
{
	finding->ok = !access(BTF_FILE, R_OK);
	if (finding->ok)
		snprintf(finding->text, sizeof(finding->text), "%s", BTF_FILE);
	else
		snprintf(finding->text, sizeof(finding->text), "%s: %s", BTF_FILE, strerror(errno));
	snprintf(finding->remedy, sizeof(finding->remedy),
		 "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (distribution kernels are)");
}

static void examine_bpffs(struct finding *finding)
{
	struct statfs fs;

	finding->ok = !statfs(FENCE_BPFFS, &fs) && fs.f_type == BPF_FS_MAGIC;
	snprintf(finding->text, sizeof(finding->text), "%s is %s", FENCE_BPFFS,
		 finding->ok ? "mounted" : "not a mounted bpf file system");
	snprintf(finding->remedy, sizeof(finding->remedy), "mount -t bpf bpf %s", FENCE_BPFFS);
}

/* CAP_SYS_ADMIN: to read the rulesets back by their ids. */
static const struct {
	cap_value_t value;
	const char *name;
} capabilities[] = {
	{ CAP_BPF, "CAP_BPF" },
	{ CAP_PERFMON, "CAP_PERFMON" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
};

/* Writes the names of those that are missing. */
static bool find_missing(char *ret_names, size_t size)
{
	cap_t held = cap_get_proc();
	size_t used = 0;

	ret_names[0] = 0;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++) {
		cap_flag_value_t set = CAP_CLEAR;

		if (held)
			cap_get_flag(held, capabilities[i].value, CAP_EFFECTIVE, &set);
		if (set != CAP_SET && used < size)
			used += snprintf(ret_names + used, size - used, "%s%s", used ? ", " : "",
					 capabilities[i].name);
	}
	cap_free(held);
	return used;
}

bool host_capable(void)
{
	char names[128];

	return !find_missing(names, sizeof(names));
}

static void examine_capabilities(struct finding *finding)
{
	char names[128];

	finding->ok = !find_missing(names, sizeof(names));
	snprintf(finding->text, sizeof(finding->text), "%s%s", finding->ok ? "held" : "missing: ",
		 names);
	snprintf(finding->remedy, sizeof(finding->remedy), "run it as root");
}

size_t host_examine(struct finding ret_list[FINDINGS_MAX])
{
	static const struct {
		const char *topic;
		void (*examine)(struct finding *finding);
	} topics[] = {
		{ "kernel", examine_kernel },
		{ "lsm", examine_lsm },
		{ "ftrace", examine_ftrace },
		{ "btf", examine_btf },
		{ "bpffs", examine_bpffs },
		{ "capabilities", examine_capabilities },
	};
	size_t count = sizeof(topics) / sizeof(*topics);

	_Static_assert(sizeof(topics) / sizeof(*topics) <= FINDINGS_MAX, "all fit");
	memset(ret_list, 0, count * sizeof(*ret_list));
	for (size_t i = 0; i < count; i++) {
		ret_list[i].topic = topics[i].topic;
		topics[i].examine(&ret_list[i]);
		if (ret_list[i].ok)
			ret_list[i].remedy[0] = 0;
	}
	return count;
}

/* Of a fault that came before the programs were looked at. */
static const char *remedy_of(int err)
{
	if (err == -ENOMEM)
		return "free some memory, or raise the limit of it that the control group around this process has";
	return "mend what else ringfence doctor shows, btf and bpffs first; dmesg may have what the kernel found";
}

void host_explain_load(int err, struct finding *finding)
{
	const char *log = fence_log(), *last;
	size_t length = strlen(log);

	switch (err) {
	case -EPERM:
		snprintf(finding->text, sizeof(finding->text),
			 "this kernel refuses to load BPF LSM programs (EPERM, although the capabilities are held)");
		snprintf(finding->remedy, sizeof(finding->remedy),
			 "its builder, its lockdown mode, the container around it or, inside a run, the fence forbids them: use a distribution kernel, outside of those");
		break;
	case -EBUSY:
	case -E2BIG:
		snprintf(finding->text, sizeof(finding->text),
			 "a hook takes no more programs: %s", strerror(-err));
		snprintf(finding->remedy, sizeof(finding->remedy),
			 "bpftool link list shows who else is attached; detach one of them");
		break;
	default:
		/* The last line says most. */
		while (length && log[length - 1] == '\n')
			length--;
		for (last = log + length; last > log && last[-1] != '\n'; last--)
			;
		snprintf(finding->text, sizeof(finding->text), length ? "the fence could not be loaded: %s (%.*s)" :
			 "the fence could not be loaded: %s, and the kernel did not say why", strerror(-err),
			 (int)(log + length - last), last);
		snprintf(finding->remedy, sizeof(finding->remedy), "%s", length ?
			 "ringfence doctor --verbose shows what the kernel said" : remedy_of(err));
	}
}

void host_explain(int err)
{
	struct finding findings[FINDINGS_MAX], left = {};
	size_t count = host_examine(findings);

	for (size_t i = 0; i < count; i++) {
		if (findings[i].ok)
			continue;
		say("%s: %s", findings[i].topic, findings[i].text);
		say_remedy("%s", findings[i].remedy);
	}
	if (err && err != -EOPNOTSUPP && host_capable()) {
		host_explain_load(err, &left);
		say("%s", left.text);
		say_remedy("%s", left.remedy);
	}
}
