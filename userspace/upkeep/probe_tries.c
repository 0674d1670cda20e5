/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/pid_space.h"
#include "probe_tries.h"

#define CANARY_ERRNO EBFONT
#define CANARY_FILE "/dev/null"
#define CANARY_NAME "ringfence-canary"
#define CANARY_SOCKETS PATH_RUN "/canary/"
/* By identity alone, since that hook knows no names: one that is the same in every mount name space, as
 * that of /proc is not. */
#define CANARY_LINKS CANARY_SOCKETS "links/"
#define CANARY_STATUS "/proc/self/status"
#define CANARY_COMM "/proc/self/comm"
#define CANARY_PROGRAM "/proc/self/exe"
/* Nothing can be made in sysfs, nor moved there. */
#define CANARY_NEW "/sys/" CANARY_NAME
#define CANARY_OLD "/sys/kernel/notes"
/* A family that once was Econet's: there are no such sockets, and no module that would bring them. */
#define CANARY_FAMILY 19

const char canary_policy[] =
	"tag: canary\n"
	"mode: enforce\n"
	"services:\n"
	"  canary:\n"
	"    nets: [127.0.0.0/8]\n"
	"    files: [" CANARY_FILE ", /proc/, " CANARY_LINKS ", " CANARY_NEW "]\n"
	"    execs: [/]\n"
	"    sockets: [" CANARY_SOCKETS "]\n"
	"  nothing: {files: [/" CANARY_NAME "]}\n"
	"rules:\n"
	"  - {deny: canary, errno: EBFONT, why: proves that the fence is live}\n"
	"  - {allow: nothing, why: a name that permits makes mounts doubtful}\n";

static const struct sockaddr_in discard = {
	.sin_family = AF_INET,
	.sin_port = 9 << 8,		/* discard, RFC 863: harmless if the fence is dead */
	.sin_addr = { 0x0100007f },
};

/* Sockets of a canary's own, where nobody but root could put another one in their place. One of a container, which may
 * share this folder, has a pid of its own, too. */
static struct sockaddr_un socket_name(pid_t canary, const char *type)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	snprintf(name.sun_path, sizeof(name.sun_path), CANARY_SOCKETS "%" PRIx64 "-%d-%s", pid_space_id(), canary,
		 type);
	return name;
}

static int bind_socket(const struct sockaddr_un *name, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	unlink(name->sun_path);		/* of one that bore the same pid and was killed */
	if (!bind(fd, (const struct sockaddr *)name, sizeof(*name)) && type == SOCK_STREAM)
		listen(fd, 1);
	return fd;
}

int canary_prepare(void)
{
	int err = path_make(CANARY_LINKS);

	if (err)
		return err;
	return symlink("/", CANARY_LINKS "nowhere") && errno != EEXIST ? -errno : 0;
}

void canary_clean(pid_t pid)
{
	unlink(socket_name(pid, "stream").sun_path);
	unlink(socket_name(pid, "datagram").sun_path);
}

void canary_open(struct canary *canary)
{
	canary->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	connect(canary->udp, (const struct sockaddr *)&discard, sizeof(discard));
	canary_prepare();		/* /run may have been swept since */
	canary->stream_name = socket_name(getpid(), "stream");
	canary->datagram_name = socket_name(getpid(), "datagram");
	canary->stream = bind_socket(&canary->stream_name, SOCK_STREAM);
	canary->datagram = bind_socket(&canary->datagram_name, SOCK_DGRAM);
	canary->status = open(CANARY_STATUS, O_RDONLY | O_CLOEXEC);
	canary->comm = open(CANARY_COMM, O_RDWR | O_CLOEXEC);
	canary->program = open(CANARY_PROGRAM, O_RDONLY | O_CLOEXEC);
	canary->mapping = mmap(NULL, getpagesize(), PROT_READ, MAP_PRIVATE, canary->program, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, canary->pair))
		canary->pair[0] = canary->pair[1] = -1;
}

/* --- the acts ------------------------------------------------------------------------------- */

static bool by_rule(long result)
{
	return result < 0 && errno == CANARY_ERRNO;
}

static bool by_doubt(long result)
{
	return result < 0 && errno == EPERM;
}

static bool try_connect(struct canary *canary)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)canary;
	return by_rule(connect(fd, (const struct sockaddr *)&discard, sizeof(discard)));
}

static bool try_send(struct canary *canary)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)canary;
	return by_rule(sendto(fd, "", 0, 0, (const struct sockaddr *)&discard, sizeof(discard)));
}

static bool try_receive(struct canary *canary)
{
	char byte;

	return by_rule(recv(canary->udp, &byte, 1, MSG_DONTWAIT));
}

static bool try_socket(struct canary *canary)
{
	(void)canary;
	return by_doubt(socket(CANARY_FAMILY, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static bool try_unix_connect(struct canary *canary)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return by_rule(connect(fd, (const struct sockaddr *)&canary->stream_name,
			       sizeof(canary->stream_name)));
}

static bool try_unix_send(struct canary *canary)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return by_rule(sendto(fd, "", 0, MSG_DONTWAIT,
			      (const struct sockaddr *)&canary->datagram_name,
			      sizeof(canary->datagram_name)));
}

static bool try_open(struct canary *canary)
{
	(void)canary;
	return by_rule(open(CANARY_FILE, O_RDONLY | O_CLOEXEC));
}

static bool try_read(struct canary *canary)
{
	char byte;

	return by_rule(read(canary->status, &byte, 1));
}

/* A descriptor that is refused does not come: the message says that it was cut. */
static bool try_pass_descriptor(struct canary *canary)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
	} };
	char byte = 0;
	struct iovec text = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &text, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	memcpy(CMSG_DATA(&control.header), &canary->status, sizeof(int));
	return sendmsg(canary->pair[0], &message, 0) == 1 &&
		recvmsg(canary->pair[1], &message, MSG_DONTWAIT) == 1 &&
		message.msg_flags & MSG_CTRUNC;
}

static bool try_ftruncate(struct canary *canary)
{
	return by_rule(ftruncate(canary->comm, 0));
}

static bool try_map(struct canary *canary)
{
	void *mapping = mmap(NULL, getpagesize(), PROT_READ | PROT_EXEC, MAP_PRIVATE,
			     canary->program, 0);

	return by_rule(mapping == MAP_FAILED ? -1 : 0);
}

static bool try_protect(struct canary *canary)
{
	return by_rule(mprotect(canary->mapping, getpagesize(), PROT_READ | PROT_EXEC));
}

static bool try_truncate(struct canary *canary)
{
	(void)canary;
	return by_rule(truncate(CANARY_COMM, 0));
}

static bool try_unlink(struct canary *canary)
{
	(void)canary;
	return by_rule(unlink(CANARY_COMM));
}

static bool try_rmdir(struct canary *canary)
{
	(void)canary;
	return by_rule(rmdir("/proc/self/fd"));
}

static bool try_mkdir(struct canary *canary)
{
	(void)canary;
	return by_rule(mkdir(CANARY_NEW, 0700));
}

static bool try_mknod(struct canary *canary)
{
	(void)canary;
	return by_rule(mknod(CANARY_NEW, S_IFREG | 0600, 0));
}

static bool try_symlink(struct canary *canary)
{
	(void)canary;
	return by_rule(symlink("/", CANARY_NEW));
}

static bool try_link(struct canary *canary)
{
	(void)canary;
	return by_rule(link(CANARY_OLD, CANARY_NEW));
}

static bool try_rename(struct canary *canary)
{
	(void)canary;
	return by_rule(rename(CANARY_OLD, CANARY_NEW));
}

static bool try_chmod(struct canary *canary)
{
	(void)canary;
	return by_rule(chmod(CANARY_COMM, 0644));
}

static bool try_chown(struct canary *canary)
{
	(void)canary;
	return by_rule(chown(CANARY_COMM, -1, -1));
}

static bool try_stat(struct canary *canary)
{
	struct stat st;

	(void)canary;
	return by_rule(stat(CANARY_COMM, &st));
}

static bool try_readlink(struct canary *canary)
{
	char target[8];

	(void)canary;
	return by_rule(readlink(CANARY_LINKS "nowhere", target, sizeof(target)));
}

static bool try_mount(struct canary *canary)
{
	(void)canary;
	return by_doubt(mount("none", "/", CANARY_NAME, 0, NULL));
}

static bool try_move_mount(struct canary *canary)
{
	(void)canary;
	return by_doubt(syscall(SYS_move_mount, AT_FDCWD, "/proc/self", AT_FDCWD, "/proc/self", 0));
}

static bool try_pivot_root(struct canary *canary)
{
	(void)canary;
	return by_doubt(syscall(SYS_pivot_root, "/proc/self", "/proc/self"));
}

static long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* Without an instruction it is no program. */
static bool try_bpf(struct canary *canary)
{
	union bpf_attr attributes = { .prog_type = BPF_PROG_TYPE_KPROBE };

	(void)canary;
	return by_doubt(bpf(BPF_PROG_LOAD, &attributes));
}

static bool try_bpf_map(struct canary *canary)
{
	union bpf_attr attributes = { .map_id = canary->map_id };

	return by_doubt(bpf(BPF_MAP_GET_FD_BY_ID, &attributes));
}

static bool try_bpf_prog(struct canary *canary)
{
	union bpf_attr attributes = { .prog_id = canary->program_id };

	return by_doubt(bpf(BPF_PROG_GET_FD_BY_ID, &attributes));
}

/* A byte of what the parent has in common with its child. */
static bool try_ptrace(struct canary *canary)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)canary_policy, 1 };

	(void)canary;
	return by_doubt(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static bool try_signal(struct canary *canary)
{
	(void)canary;
	return by_doubt(kill(getppid(), SIGURG));	/* which nobody notices by default */
}

static bool try_limit(struct canary *canary)
{
	struct rlimit limit;

	(void)canary;
	getrlimit(RLIMIT_CORE, &limit);			/* the parent's, too */
	return by_doubt(prlimit(getppid(), RLIMIT_CORE, &limit, NULL));
}

/* A port that is written to gain time, in the old days (0x80). */
static bool try_lockdown(struct canary *canary)
{
	(void)canary;
#ifdef SYS_ioperm
	return by_doubt(syscall(SYS_ioperm, 0x80, 1, 1));
#else
	errno = EPERM;			/* there are no such ports */
	return true;
#endif
}

static bool try_module_file(struct canary *canary)
{
	return by_doubt(syscall(SYS_finit_module, canary->program, "", 0));
}

static bool try_module(struct canary *canary)
{
	static const char no_module[128];

	(void)canary;
	return by_doubt(syscall(SYS_init_module, no_module, sizeof(no_module), ""));
}

static bool try_ioctl(struct canary *canary)
{
	return by_doubt(ioctl(canary->status, TIOCSTI, ""));
}

static bool try_exec(struct canary *canary)
{
	char *argv[] = { "ringfence", "--version", NULL }, *environment[] = { NULL };

	(void)canary;
	return by_rule(execve(CANARY_PROGRAM, argv, environment));
}

static bool try_fork(struct canary *canary)
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(try_connect(canary) ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	if (WIFSIGNALED(status))	/* it is no keeper: then the canary was killed in it */
		raise(SIGKILL);
	return status == 0;
}

/* Those that are missing record and do not deny, need a module (of a union file system, too), or another
 * machine word; or, of sb_umount, the very mount that they are about. */
static bool (*const tries[HOOK_COUNT])(struct canary *canary) = {
	[HOOK_SOCKET_CONNECT] = try_connect,
	[HOOK_SOCKET_SENDMSG] = try_send,
	[HOOK_SOCKET_RECVMSG] = try_receive,
	[HOOK_SOCKET_CREATE] = try_socket,
	[HOOK_UNIX_STREAM_CONNECT] = try_unix_connect,
	[HOOK_UNIX_MAY_SEND] = try_unix_send,
	[HOOK_FILE_OPEN] = try_open,
	[HOOK_FILE_PERMISSION] = try_read,
	[HOOK_FILE_RECEIVE] = try_pass_descriptor,
	[HOOK_FILE_TRUNCATE] = try_ftruncate,
	[HOOK_MMAP_FILE] = try_map,
	[HOOK_FILE_MPROTECT] = try_protect,
	[HOOK_PATH_TRUNCATE] = try_truncate,
	[HOOK_PATH_UNLINK] = try_unlink,
	[HOOK_PATH_RMDIR] = try_rmdir,
	[HOOK_PATH_MKDIR] = try_mkdir,
	[HOOK_PATH_MKNOD] = try_mknod,
	[HOOK_PATH_SYMLINK] = try_symlink,
	[HOOK_PATH_LINK] = try_link,
	[HOOK_PATH_RENAME] = try_rename,
	[HOOK_PATH_CHMOD] = try_chmod,
	[HOOK_PATH_CHOWN] = try_chown,
	[HOOK_INODE_GETATTR] = try_stat,
	[HOOK_INODE_READLINK] = try_readlink,
	[HOOK_SB_MOUNT] = try_mount,
	[HOOK_MOVE_MOUNT] = try_move_mount,
	[HOOK_SB_PIVOTROOT] = try_pivot_root,
	[HOOK_BPF] = try_bpf,
	[HOOK_BPF_MAP] = try_bpf_map,
	[HOOK_BPF_PROG] = try_bpf_prog,
	[HOOK_PTRACE_ACCESS_CHECK] = try_ptrace,
	[HOOK_TASK_KILL] = try_signal,
	[HOOK_TASK_SETRLIMIT] = try_limit,
	[HOOK_LOCKED_DOWN] = try_lockdown,
	[HOOK_KERNEL_READ_FILE] = try_module_file,
	[HOOK_KERNEL_LOAD_DATA] = try_module,
	[HOOK_FILE_IOCTL] = try_ioctl,
	[HOOK_TASK_ALLOC] = try_fork,
	[HOOK_BPRM_CHECK_SECURITY] = try_exec,
};

bool canary_has_try(enum hook hook)
{
	return tries[hook];
}

bool canary_try(struct canary *canary, enum hook hook)
{
	return tries[hook](canary);
}
