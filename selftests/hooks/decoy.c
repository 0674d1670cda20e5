/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoys for attempts against the fence: a process that the fence takes for a keeper, with memory that can
 * be read back and a control group of its own, and pins and maps that nobody needs.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lsm/abi.h"
#include "hooks.h"

char decoy_memory[NAME_SIZE];
static pid_t decoys[VECTORS_MAX];

long bpf_call(enum bpf_cmd cmd, union bpf_attr *attr)
{
	long ret = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

/* --- the fence's objects -------------------------------------------------------------------- */

int fence_map_id(const char *name)
{
	union bpf_attr attr = {};

	while (!bpf_call(BPF_MAP_GET_NEXT_ID, &attr)) {
		struct bpf_map_info info = {};
		union bpf_attr by_id = { .map_id = attr.next_id };
		long fd = bpf_call(BPF_MAP_GET_FD_BY_ID, &by_id);
		union bpf_attr about = { .info = {
			.bpf_fd = fd, .info_len = sizeof(info), .info = (uintptr_t)&info,
		} };
		bool found = fd >= 0 && !bpf_call(BPF_OBJ_GET_INFO_BY_FD, &about) &&
			     !strcmp(info.name, name);

		if (fd >= 0)
			close(fd);
		if (found)
			return attr.next_id;
		attr.start_id = attr.next_id;
	}
	return -ENOENT;
}

static int open_fence_map(const char *name)
{
	union bpf_attr attr = { .map_id = fence_map_id(name) };

	return bpf_call(BPF_MAP_GET_FD_BY_ID, &attr);
}

int decoy_pin(const char *path)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1,
	};
	long fd = bpf_call(BPF_MAP_CREATE, &map);
	union bpf_attr pin = { .pathname = (uintptr_t)path, .bpf_fd = fd };
	long err = fd < 0 ? fd : bpf_call(BPF_OBJ_PIN, &pin);

	close(fd);
	return err;
}

/* --- the process ---------------------------------------------------------------------------- */

static const char *group_of(const struct vector *vector, const char *file)
{
	static char paths[4][256];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "/sys/fs/cgroup/decoy-%s%s%s", vector->name,
		 *file ? "/" : "", file);
	return path;
}

const char *decoy_group(const struct vector *vector, const char *file)
{
	return group_of(vector, file);
}

/* Field 22 of /proc/PID/stat, proc(5): its beginning in clock ticks. */
static uint64_t start_ticks(pid_t pid)
{
	char path[64], text[1024];
	const char *field;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	read_small(path, text, sizeof(text));
	field = strrchr(text, ')');
	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field + 1, NULL, 10) : 0;
}

/* Enters a process among those that hold the fence, as ringfence does for itself. Without fence there is
 * nothing to enter it into. */
static void make_keeper(const struct vector *vector, uint32_t pid)
{
	struct keeper keeper = { .start_ticks = start_ticks(pid) };
	struct stat st = {};
	int map = open_fence_map("keepers");
	union bpf_attr attr = {
		.map_fd = map, .key = (uintptr_t)&pid, .value = (uintptr_t)&keeper,
	};

	stat(group_of(vector, ""), &st);
	keeper.cgroups[0] = st.st_ino;
	need(map >= 0 && !bpf_call(BPF_MAP_UPDATE_ELEM, &attr), vector);
	close(map);
}

static void end_decoy(const struct vector *vector)
{
	pid_t *pid = &decoys[vector_number(vector)];

	if (*pid <= 0)
		return;
	write_small(group_of(vector, "cgroup.freeze"), "0");
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

static void be_decoy(const struct vector *vector)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(STDERR_FILENO + 1, ~0U, 0);	/* the far sides of others */
	setpgid(0, 0);
	snprintf(decoy_memory, sizeof(decoy_memory), "%s", vector->name);
	write_small(group_of(vector, "cgroup.procs"), "0");
	write_small(vector_path(vector, "pid"), "");
	for (;;)
		pause();
}

void decoy_prepare(const struct vector *vector)
{
	pid_t *pid = &decoys[vector_number(vector)];
	struct stat st;
	char text[16];

	end_decoy(vector);
	files_prepare(vector);
	mkdir(group_of(vector, ""), 0755);
	fflush(stdout);
	*pid = fork();
	if (!*pid)
		be_decoy(vector);
	while (stat(vector_path(vector, "pid"), &st))	/* it is as it is to be */
		pause_briefly();
	/* What a file's owner is sent, a keeper does not get: whoever sends it, it was not asked for. */
	if (rounds_tagged() || strcmp(vector->hook, "file_send_sigiotask"))
		make_keeper(vector, *pid);
	snprintf(text, sizeof(text), "%d", *pid);
	write_small(vector_path(vector, "pid"), text);
}

pid_t decoy_pid(const struct vector *vector)
{
	char text[16];

	return read_small(vector_path(vector, "pid"), text, sizeof(text)) > 0 ? atoi(text) : -1;
}

unsigned int decoy_count_dead(const struct vector *vector, const struct report *report)
{
	siginfo_t info = {};

	(void)report;
	waitid(P_PID, decoys[vector_number(vector)], &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT);
	return info.si_pid != 0;
}

unsigned int decoy_count_written(const struct vector *vector, const struct report *report)
{
	char text[NAME_SIZE] = "";
	struct iovec here = { text, sizeof(text) }, there = { decoy_memory, sizeof(text) };

	(void)report;
	process_vm_readv(decoys[vector_number(vector)], &here, 1, &there, 1, 0);
	return !strncmp(text, FILE_WRITTEN, strlen(FILE_WRITTEN));
}
