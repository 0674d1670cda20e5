/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What root, tagged, would do to switch the fence off, or to have a process act for it that is not part
 * of the run. It is tried on decoys, so that the controls leave the fence as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lsm/abi.h"
#include "../hooks/hooks.h"

#define BPFFS "/sys/fs/bpf/"

static int reported(const struct vector *vector, struct report *report, long ret)
{
	if (ret < 0)
		return ret;
	snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return 0;
}

/* --- pins ----------------------------------------------------------------------------------- */

/* In bpffs; what is there before the attempt and not after it. */
static const char *pin_of(const struct vector *vector)
{
	static char path[128];

	snprintf(path, sizeof(path), BPFFS "%s", vector->name);
	return path;
}

static const char *other_pin_of(const struct vector *vector)
{
	static char path[128];

	snprintf(path, sizeof(path), BPFFS "%s-other", vector->name);
	return path;
}

static void prepare_pin(const struct vector *vector)
{
	unlink(pin_of(vector));
	unlink(other_pin_of(vector));
	need(!decoy_pin(pin_of(vector)), vector);
}

static void prepare_pin_folder(const struct vector *vector)
{
	rmdir(pin_of(vector));
	need(!mkdir(pin_of(vector), 0700), vector);
}

static unsigned int count_gone(const struct vector *vector, const struct report *report)
{
	(void)report;
	return access(pin_of(vector), F_OK) && errno == ENOENT;
}

static int act_unlink(const struct vector *vector, struct report *report)
{
	(void)report;
	return unlink(pin_of(vector)) ? -errno : 0;
}

static int act_rename(const struct vector *vector, struct report *report)
{
	(void)report;
	return rename(pin_of(vector), other_pin_of(vector)) ? -errno : 0;
}

static int act_rmdir(const struct vector *vector, struct report *report)
{
	(void)report;
	return rmdir(pin_of(vector)) ? -errno : 0;
}

/* By another name, in a mount name space of its own. */
static int act_unlink_elsewhere(const struct vector *vector, struct report *report)
{
	char path[256];

	(void)report;
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(BPFFS, vector_path(vector, ""), NULL, MS_BIND, NULL))
		return -errno;
	snprintf(path, sizeof(path), "%s/%s", vector_path(vector, ""), vector->name);
	return unlink(path) ? -errno : 0;
}

static void prepare_pin_and_folder(const struct vector *vector)
{
	files_prepare(vector);
	prepare_pin(vector);
}

/* --- mounts --------------------------------------------------------------------------------- */

static bool holds(const struct vector *vector, long magic)
{
	struct statfs st;

	return !statfs(vector_path(vector, "mount"), &st) && st.f_type == magic;
}

static void prepare_mount(const struct vector *vector)
{
	while (!umount2(vector_path(vector, "mount"), MNT_DETACH)) {
	}
	files_prepare(vector);
	mkdir(vector_path(vector, "mount"), 0700);
	need(!mount("bpf", vector_path(vector, "mount"), "bpf", 0, NULL), vector);
}

static unsigned int count_unmounted(const struct vector *vector, const struct report *report)
{
	(void)report;
	return !holds(vector, BPF_FS_MAGIC);
}

static int act_umount(const struct vector *vector, struct report *report)
{
	(void)report;
	return umount2(vector_path(vector, "mount"), *vector->what ? MNT_DETACH : 0) ? -errno : 0;
}

static int act_mount_over(const struct vector *vector, struct report *report)
{
	(void)report;
	return mount("tmpfs", vector_path(vector, "mount"), "tmpfs", 0, NULL) ? -errno : 0;
}

/* Flags that say two things: the kernel obeys the first. */
static int act_bind_over(const struct vector *vector, struct report *report)
{
	(void)report;
	return mount(vector_path(vector, ""), vector_path(vector, "mount"), NULL,
		     MS_BIND | MS_PRIVATE, NULL) ? -errno : 0;
}

static int act_move_away(const struct vector *vector, struct report *report)
{
	(void)report;
	mkdir(vector_path(vector, "away"), 0700);
	return mount(vector_path(vector, "mount"), vector_path(vector, "away"), NULL, MS_MOVE, NULL) ?
		-errno : 0;
}

static int act_move_tree_away(const struct vector *vector, struct report *report)
{
	(void)report;
	mkdir(vector_path(vector, "away"), 0700);
	return syscall(SYS_move_mount, AT_FDCWD, vector_path(vector, "mount"), AT_FDCWD,
		       vector_path(vector, "away"), 0) ? -errno : 0;
}

/* What is on a shared mount is on all that share it, also in other mount name spaces. */
static void prepare_shared_mount(const struct vector *vector)
{
	const char *folder = vector_path(vector, "");

	while (!umount2(vector_path(vector, "mount"), MNT_DETACH)) {
	}
	while (!umount2(folder, MNT_DETACH)) {
	}
	files_prepare(vector);
	need(!mount(folder, folder, NULL, MS_BIND, NULL) &&
	     !mount(NULL, folder, NULL, MS_SHARED, NULL), vector);
	mkdir(vector_path(vector, "mount"), 0700);
	need(!mount("bpf", vector_path(vector, "mount"), "bpf", 0, NULL), vector);
}

static int act_umount_shared(const struct vector *vector, struct report *report)
{
	return unshare(CLONE_NEWNS) ? -errno : act_umount(vector, report);
}

static int act_move_over(const struct vector *vector, struct report *report)
{
	int context = syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), fd;

	(void)report;
	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	fd = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	return fd < 0 || syscall(SYS_move_mount, fd, "", AT_FDCWD, vector_path(vector, "mount"),
				 MOVE_MOUNT_F_EMPTY_PATH) ? -errno : 0;
}

/* --- the root ------------------------------------------------------------------------------- */

/* A process outside with mounts of its own, which it shares with who comes into its mount name space: its
 * root lies on another, as where a root was moved over that of the initramfs. */
static void be_bystander(const struct vector *vector)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(STDERR_FILENO + 1, ~0U, 0);	/* the far sides of others */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(NULL, "/", NULL, MS_SHARED, NULL))
		_exit(1);
	write_small(vector_path(vector, "pid"), "");	/* before it is covered */
	mount(vector->name, "/", "tmpfs", 0, NULL);
	for (;;)
		pause();
}

static unsigned int count_uncovered(const struct vector *vector, const struct report *report)
{
	char path[64], text[8192];
	FILE *file;

	(void)report;
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", decoy_pid(vector));
	file = fopen(path, "re");
	if (!file)
		return 0;
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return !strstr(text, vector->name);
}

static void prepare_bystander(const struct vector *vector)
{
	static pid_t bystander;
	int64_t end = now_ms() + WAIT_MS;
	char text[16];

	if (bystander > 0) {
		kill(bystander, SIGKILL);
		waitpid(bystander, NULL, 0);
	}
	files_prepare(vector);
	fflush(stdout);
	bystander = fork();
	if (!bystander)
		be_bystander(vector);
	while (access(vector_path(vector, "pid"), F_OK) && now_ms() < end)
		pause_briefly();
	snprintf(text, sizeof(text), "%d", bystander);
	write_small(vector_path(vector, "pid"), text);
	while (count_uncovered(vector, NULL) && now_ms() < end)
		pause_briefly();
	need(!count_uncovered(vector, NULL), vector);
}

/* Takes the root off the bystander, from a mount name space of its own. */
static int act_umount_root(const struct vector *vector, struct report *report)
{
	int fd = syscall(SYS_pidfd_open, decoy_pid(vector), 0);

	(void)report;
	return setns(fd, CLONE_NEWNS) || unshare(CLONE_NEWNS) || umount2("/", MNT_DETACH) ? -errno : 0;
}

/* Where nobody shares it, it is the task's own. */
static int act_umount_own_root(const struct vector *vector, struct report *report)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	return reported(vector, report, umount2("/", MNT_DETACH) ? -errno : 0);
}

static unsigned int count_harmless(const struct vector *vector, const struct report *report)
{
	struct statfs st;

	return far_as_reported(vector, report) && !statfs(BPFFS, &st) && st.f_type == BPF_FS_MAGIC;
}

/* --- bpf(2) --------------------------------------------------------------------------------- */

static void prepare_map_id(const struct vector *vector)
{
	char text[16];

	files_prepare(vector);
	snprintf(text, sizeof(text), "%d", fence_map_id(vector->what));
	write_small(vector_path(vector, "id"), text);
}

static int act_map_by_id(const struct vector *vector, struct report *report)
{
	union bpf_attr attr = {};
	char text[16];

	read_small(vector_path(vector, "id"), text, sizeof(text));
	attr.map_id = atoi(text);
	return reported(vector, report, bpf_call(BPF_MAP_GET_FD_BY_ID, &attr));
}

static int act_map_by_pin(const struct vector *vector, struct report *report)
{
	union bpf_attr attr = { .pathname = (uintptr_t)vector->what, .file_flags = BPF_F_RDONLY };

	return reported(vector, report, bpf_call(BPF_OBJ_GET, &attr));
}

/* A map like those that hold the rulesets, which programs may not write. */
static int chunk_fd = -1;

static void write_map_id(const struct vector *vector, int map)
{
	struct bpf_map_info info = {};
	union bpf_attr attr = { .info = {
		.bpf_fd = map, .info_len = sizeof(info), .info = (uintptr_t)&info,
	} };
	char text[16];

	files_prepare(vector);
	need(map >= 0 && !bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr), vector);
	snprintf(text, sizeof(text), "%u", info.id);
	need(!write_small(vector_path(vector, "id"), text), vector);
}

static void prepare_chunk(const struct vector *vector)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = sizeof(uint32_t),
		.value_size = RULESET_CHUNK, .max_entries = 1, .map_flags = BPF_F_RDONLY_PROG,
	};

	if (chunk_fd >= 0)
		close(chunk_fd);
	chunk_fd = bpf_call(BPF_MAP_CREATE, &attr);
	write_map_id(vector, chunk_fd);
}

static unsigned int count_chunk_written(const struct vector *vector, const struct report *report)
{
	static char chunk[RULESET_CHUNK];
	uint32_t key = 0;
	union bpf_attr attr = {
		.map_fd = chunk_fd, .key = (uintptr_t)&key, .value = (uintptr_t)chunk,
	};

	(void)vector;
	(void)report;
	return !bpf_call(BPF_MAP_LOOKUP_ELEM, &attr) && !strcmp(chunk, FILE_WRITTEN);
}

static int act_update_chunk(const struct vector *vector, struct report *report)
{
	static char chunk[RULESET_CHUNK] = FILE_WRITTEN;
	union bpf_attr by_id = {}, update = { .value = (uintptr_t)chunk };
	uint32_t key = 0;
	char text[16];
	long fd;

	(void)report;
	read_small(vector_path(vector, "id"), text, sizeof(text));
	by_id.map_id = atoi(text);
	fd = bpf_call(BPF_MAP_GET_FD_BY_ID, &by_id);
	if (fd < 0)
		return fd;
	update.map_fd = fd;
	update.key = (uintptr_t)&key;
	return bpf_call(BPF_MAP_UPDATE_ELEM, &update);
}

/* That of a ruleset in force; held, so that it is there when the next one is. */
static void prepare_fence_chunk(const struct vector *vector)
{
	union bpf_attr attr = { .map_id = fence_map_id("chunks") };
	static int held = -1;

	if (held >= 0)
		close(held);
	held = bpf_call(BPF_MAP_GET_FD_BY_ID, &attr);
	write_map_id(vector, held);
}

/* A program that writes it; the kernel has none of that even without a fence. It is not run. */
static int act_write_chunk(const struct vector *vector, struct report *report)
{
	union bpf_attr by_id = {};
	char text[16];
	long map;

	read_small(vector_path(vector, "id"), text, sizeof(text));
	by_id.map_id = atoi(text);
	map = bpf_call(BPF_MAP_GET_FD_BY_ID, &by_id);
	if (map < 0)
		return map;

	const struct bpf_insn writing[] = {
		{ BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4 },
		{ BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, (int)map },
		{ 0, 0, 0, 0, 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem },
		{ BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 1, 0 },
		{ BPF_ST | BPF_MEM | BPF_W, BPF_REG_0, 0, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)writing,
		.insn_cnt = sizeof(writing) / sizeof(*writing), .license = (uintptr_t)"GPL",
	};

	return reported(vector, report, bpf_call(BPF_PROG_LOAD, &load));
}

/* The first there is: that of the fence, or as good. */
static int act_program_by_id(const struct vector *vector, struct report *report)
{
	union bpf_attr attr = {}, by_id = {};
	long err = bpf_call(BPF_PROG_GET_NEXT_ID, &attr);

	if (err)
		return err;
	by_id.prog_id = attr.next_id;
	return reported(vector, report, bpf_call(BPF_PROG_GET_FD_BY_ID, &by_id));
}

/* return 1: nothing is dropped, where it filters. */
static const struct bpf_insn instructions[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static int load_program(enum bpf_prog_type type)
{
	union bpf_attr attr = {
		.prog_type = type, .insns = (uintptr_t)instructions, .insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};

	if (type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
		attr.expected_attach_type = BPF_CGROUP_INET4_CONNECT;
	return bpf_call(BPF_PROG_LOAD, &attr);
}

static int act_load_tracing(const struct vector *vector, struct report *report)
{
	return reported(vector, report, load_program(BPF_PROG_TYPE_KPROBE));
}

static int act_load_rewriting(const struct vector *vector, struct report *report)
{
	return reported(vector, report, load_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR));
}

static int act_load_filter(const struct vector *vector, struct report *report)
{
	return reported(vector, report, load_program(BPF_PROG_TYPE_SOCKET_FILTER));
}

/* A link that can be detached; the fence's cannot, on any kernel so far. */
static int link_fd = -1;

static void prepare_link(const struct vector *vector)
{
	int group, program = load_program(BPF_PROG_TYPE_CGROUP_SKB);
	union bpf_attr attr = {};

	mkdir(decoy_group(vector, ""), 0755);
	group = open(decoy_group(vector, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	attr.link_create.prog_fd = program;
	attr.link_create.target_fd = group;
	attr.link_create.attach_type = BPF_CGROUP_INET_INGRESS;
	if (link_fd >= 0)
		close(link_fd);
	link_fd = bpf_call(BPF_LINK_CREATE, &attr);
	need(link_fd >= 0, vector);
	close(group);
	close(program);
}

static int open_link(const struct vector *vector)
{
	(void)vector;
	return dup(link_fd);
}

static int act_detach(const struct vector *vector, struct report *report)
{
	union bpf_attr attr = { .link_detach.link_fd = INHERITED_FD(vector) };

	(void)report;
	return bpf_call(BPF_LINK_DETACH, &attr);
}

static unsigned int count_detached(const struct vector *vector, const struct report *report)
{
	struct bpf_link_info info = {};
	union bpf_attr attr = { .info = {
		.bpf_fd = link_fd, .info_len = sizeof(info), .info = (uintptr_t)&info,
	} };

	(void)vector;
	(void)report;
	return !bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr) && !info.cgroup.cgroup_id;
}

/* --- processes outside ---------------------------------------------------------------------- */

static int act_ptrace(const struct vector *vector, struct report *report)
{
	pid_t pid = decoy_pid(vector);
	long words[NAME_SIZE / sizeof(long)] = {};

	(void)report;
	memcpy(words, FILE_WRITTEN, sizeof(FILE_WRITTEN));
	if (ptrace(PTRACE_ATTACH, pid, 0, 0))
		return -errno;
	waitpid(pid, NULL, __WALL);
	if (ptrace(PTRACE_POKEDATA, pid, decoy_memory, words[0]))
		return -errno;
	return ptrace(PTRACE_DETACH, pid, 0, 0) ? -errno : 0;
}

static int act_vm_write(const struct vector *vector, struct report *report)
{
	struct iovec here = { FILE_WRITTEN, sizeof(FILE_WRITTEN) };
	struct iovec there = { decoy_memory, sizeof(FILE_WRITTEN) };

	(void)report;
	return process_vm_writev(decoy_pid(vector), &here, 1, &there, 1, 0) < 0 ? -errno : 0;
}

static int act_vm_read(const struct vector *vector, struct report *report)
{
	struct iovec here = { report->got, sizeof(report->got) };
	struct iovec there = { decoy_memory, sizeof(report->got) };

	return process_vm_readv(decoy_pid(vector), &here, 1, &there, 1, 0) < 0 ? -errno : 0;
}

static int act_memory_file(const struct vector *vector, struct report *report)
{
	char path[64];
	int fd;

	(void)report;
	snprintf(path, sizeof(path), "/proc/%d/mem", decoy_pid(vector));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || pwrite(fd, FILE_WRITTEN, sizeof(FILE_WRITTEN), (off_t)(uintptr_t)decoy_memory) < 0 ?
		-errno : 0;
}

static int act_kill(const struct vector *vector, struct report *report)
{
	(void)report;
	return kill(decoy_pid(vector), SIGKILL) ? -errno : 0;
}

static int act_stop(const struct vector *vector, struct report *report)
{
	(void)report;
	return kill(decoy_pid(vector), SIGSTOP) ? -errno : 0;
}

static int act_kill_group(const struct vector *vector, struct report *report)
{
	(void)report;
	return kill(-decoy_pid(vector), SIGTERM) ? -errno : 0;
}

static int act_kill_thread(const struct vector *vector, struct report *report)
{
	pid_t pid = decoy_pid(vector);

	(void)report;
	return syscall(SYS_tgkill, pid, pid, SIGKILL) ? -errno : 0;
}

static int act_kill_by_pidfd(const struct vector *vector, struct report *report)
{
	int fd = syscall(SYS_pidfd_open, decoy_pid(vector), 0);

	(void)report;
	return syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) ? -errno : 0;
}

/* The kernel sends it, for the owner of a file that has news. */
static int act_kill_as_owner(const struct vector *vector, struct report *report)
{
	int fds[2];

	(void)report;
	if (pipe2(fds, O_CLOEXEC) || fcntl(fds[0], F_SETOWN, decoy_pid(vector)) ||
	    fcntl(fds[0], F_SETSIG, SIGKILL) || fcntl(fds[0], F_SETFL, O_ASYNC))
		return -errno;
	return write(fds[1], "", 1) == 1 ? 0 : -errno;
}

static int act_limit(const struct vector *vector, struct report *report)
{
	struct rlimit limit = { 7, 7 };

	(void)report;
	return prlimit(decoy_pid(vector), RLIMIT_CORE, &limit, NULL) ? -errno : 0;
}

static unsigned int count_limited(const struct vector *vector, const struct report *report)
{
	struct rlimit limit = {};

	(void)report;
	prlimit(decoy_pid(vector), RLIMIT_CORE, NULL, &limit);
	return limit.rlim_max == 7;
}

static int write_group(const struct vector *vector, const char *file)
{
	int fd = open(decoy_group(vector, file), O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "1", 1) != 1 ? -errno : 0;
}

static int act_cgroup(const struct vector *vector, struct report *report)
{
	(void)report;
	return write_group(vector, vector->what);
}

/* Into a group of its own, which is opened before. */
static int act_cgroup_elsewhere(const struct vector *vector, struct report *report)
{
	char group[64], path[128], pid[16];
	int fd, err;

	(void)report;
	snprintf(pid, sizeof(pid), "%d", decoy_pid(vector));
	snprintf(group, sizeof(group), "/sys/fs/cgroup/elsewhere-%s", pid);
	mkdir(group, 0755);
	snprintf(path, sizeof(path), "%s/cgroup.kill", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	err = write_small(path, pid);
	if (fd < 0 || err)
		return fd < 0 ? fd : err;
	return write(fd, "1", 1) < 0 ? -errno : 0;
}

static int act_badness(const struct vector *vector, struct report *report)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", decoy_pid(vector));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return reported(vector, report, fd < 0 || write(fd, "999", 3) < 0 ? -errno : 0);
}

static unsigned int count_frozen(const struct vector *vector, const struct report *report)
{
	char text[64] = "";

	(void)report;
	read_small(decoy_group(vector, "cgroup.events"), text, sizeof(text));
	return strstr(text, "frozen 1") != NULL;
}

/* Where a denial is only told, the next hook tells it once more. */
#define TWICE .records = 2, .records_denied = 1
#define GUARDED .judged = BY_DOUBT, .reason = "the fence protects itself"
#define PIN GUARDED, .prepare = prepare_pin, .count = count_gone
#define MOUNTED GUARDED, .prepare = prepare_mount, .count = count_unmounted
#define REPORTED GUARDED, .count = far_as_reported
#define KEEPER GUARDED, .prepare = decoy_prepare
#define MEMORY KEEPER, .hook = "ptrace_access_check", .seen_act = "ptrace"
#define SIGNAL KEEPER, .hook = "task_kill", .seen_act = "signal", .count = decoy_count_dead

const struct vector tampering_vectors[] = {
	{ PIN, .name = "tamper-pin-unlink", .hook = "path_unlink", .act = act_unlink,
	  .seen_act = "pin tamper-pin-unlink" },
	{ PIN, TWICE, .name = "tamper-pin-rename", .hook = "path_rename", .act = act_rename,
	  .seen_act = "pin tamper-pin-rename" },
	{ GUARDED, .prepare = prepare_pin_folder, .count = count_gone, .name = "tamper-pin-rmdir",
	  .hook = "path_rmdir", .act = act_rmdir, .seen_act = "pin tamper-pin-rmdir" },
	{ GUARDED, .prepare = prepare_pin_and_folder, .count = count_gone,
	  .name = "tamper-pin-elsewhere", .hook = "path_unlink", .act = act_unlink_elsewhere,
	  .seen_act = "pin tamper-pin-elsewhere" },
	{ MOUNTED, .name = "tamper-umount", .hook = "sb_umount", .act = act_umount, .what = "",
	  .seen_act = "umount of the fence's pins" },
	{ MOUNTED, .name = "tamper-umount-lazily", .hook = "sb_umount", .act = act_umount,
	  .what = "lazily", .seen_act = "umount of the fence's pins" },
	{ MOUNTED, .name = "tamper-mount-over", .hook = "sb_mount", .act = act_mount_over,
	  .seen_act = "mount of the fence's pins" },
	{ MOUNTED, .name = "tamper-bind-over", .hook = "sb_mount", .act = act_bind_over,
	  .seen_act = "mount of the fence's pins" },
	{ MOUNTED, .name = "tamper-move-away", .hook = "sb_mount", .act = act_move_away,
	  .seen_act = "mount of the fence's pins" },
	{ MOUNTED, .name = "tamper-move-tree-away", .hook = "move_mount", .act = act_move_tree_away,
	  .seen_act = "mount of the fence's pins" },
	{ GUARDED, .prepare = prepare_shared_mount, .count = count_unmounted,
	  .name = "tamper-umount-shared", .hook = "sb_umount", .act = act_umount_shared,
	  .what = "lazily", .seen_act = "umount of the fence's pins" },
	{ MOUNTED, .name = "tamper-move-mount-over", .hook = "move_mount", .act = act_move_over,
	  .seen_act = "mount of the fence's pins" },
	{ GUARDED, .prepare = prepare_bystander, .count = count_uncovered,
	  .name = "tamper-umount-root", .hook = "sb_umount", .act = act_umount_root,
	  .seen_act = "umount of the fence's pins" },
	{ .judged = NOT_JUDGED, .count = count_harmless, .name = "tamper-umount-own-root",
	  .act = act_umount_own_root },
	{ REPORTED, .name = "tamper-map-by-id", .hook = "bpf_map", .act = act_map_by_id,
	  .prepare = prepare_map_id, .what = "tags", .seen_act = "bpf map of the fence" },
	{ REPORTED, .name = "tamper-map-by-pin", .hook = "bpf_map", .act = act_map_by_pin,
	  .what = BPFFS "ringfence/maps/rulesets", .seen_act = "bpf map of the fence" },
	{ GUARDED, .name = "tamper-chunk-update", .hook = "bpf_map", .act = act_update_chunk,
	  .prepare = prepare_chunk, .count = count_chunk_written,
	  .seen_act = "bpf map of the fence" },
	{ REPORTED, .name = "tamper-chunk-by-program", .hook = "bpf_map", .act = act_write_chunk,
	  .prepare = prepare_fence_chunk, .control_errno = EACCES,
	  .seen_act = "bpf map of the fence" },
	{ REPORTED, .name = "tamper-program-by-id", .hook = "bpf_prog", .act = act_program_by_id,
	  .seen_act = "bpf program" },
	{ REPORTED, TWICE, .name = "tamper-load-tracing", .hook = "bpf", .act = act_load_tracing,
	  .seen_act = "bpf program load" },
	{ REPORTED, TWICE, .name = "tamper-load-rewriting", .hook = "bpf", .act = act_load_rewriting,
	  .seen_act = "bpf program load" },
	{ .judged = NOT_JUDGED, .count = far_as_reported, .name = "tamper-load-filter",
	  .act = act_load_filter },
	{ GUARDED, .name = "tamper-detach", .hook = "bpf", .act = act_detach, .open = open_link,
	  .inherited = true, .prepare = prepare_link, .count = count_detached,
	  .seen_act = "bpf link change" },
	{ MEMORY, .name = "tamper-ptrace", .act = act_ptrace, .count = decoy_count_written },
	{ MEMORY, .name = "tamper-vm-write", .act = act_vm_write, .count = decoy_count_written },
	{ MEMORY, .name = "tamper-vm-read", .act = act_vm_read, .count = far_as_reported },
	{ MEMORY, .name = "tamper-memory-file", .act = act_memory_file,
	  .count = decoy_count_written, .hides_errno = true },
	{ SIGNAL, .name = "tamper-kill", .act = act_kill },
	{ SIGNAL, .name = "tamper-stop", .act = act_stop },
	{ SIGNAL, .name = "tamper-kill-group", .act = act_kill_group },
	{ SIGNAL, .name = "tamper-kill-thread", .act = act_kill_thread },
	{ SIGNAL, .name = "tamper-kill-by-pidfd", .act = act_kill_by_pidfd },
	{ KEEPER, .name = "tamper-kill-as-owner", .act = act_kill_as_owner,
	  .hook = "file_send_sigiotask", .seen_act = "signal", .count = decoy_count_dead,
	  .hides_errno = true, .records = 2 },	/* the pipe's end is news, too */
	{ KEEPER, .name = "tamper-limit", .act = act_limit, .hook = "task_setrlimit",
	  .seen_act = "limit", .count = count_limited },
	{ KEEPER, TWICE, .name = "tamper-cgroup-kill", .act = act_cgroup, .hook = "file_open",
	  .what = "cgroup.kill", .seen_act = "write cgroup.kill", .count = decoy_count_dead },
	{ KEEPER, .name = "tamper-cgroup-elsewhere", .act = act_cgroup_elsewhere,
	  .hook = "file_permission", .seen_act = "write cgroup.kill", .count = decoy_count_dead },
	{ KEEPER, TWICE, .name = "tamper-badness", .act = act_badness, .hook = "file_open",
	  .seen_act = "write oom_score_adj", .count = far_as_reported },
	{ KEEPER, TWICE, .name = "tamper-cgroup-freeze", .act = act_cgroup, .hook = "file_open",
	  .what = "cgroup.freeze", .seen_act = "write cgroup.freeze", .count = count_frozen },
	{},
};
