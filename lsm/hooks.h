/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The hooks, once: X(NAME, name, what stays open where a kernel lacks it).
 *
 * `name` is the LSM hook's in the kernel (include/linux/lsm_hook_defs.h); the program on it is
 * SEC("lsm/name"). The first five are what a fence cannot be without.
 */
#pragma once

#define HOOKS(X) \
	X(SOCKET_CONNECT,	socket_connect,		"every connection") \
	X(SOCKET_SENDMSG,	socket_sendmsg,		"every message") \
	X(FILE_OPEN,		file_open,		"every file") \
	X(BPRM_CHECK_SECURITY,	bprm_check_security,	"every program") \
	X(TASK_ALLOC,		task_alloc,		"every child of a tagged task") \
	X(BPRM_CREDS_FOR_EXEC,	bprm_creds_for_exec,	"runs that a program or a control group begins") \
	X(BPRM_COMMITTING_CREDS, bprm_committing_creds,	"the same") \
	X(SOCKET_RECVMSG,	socket_recvmsg,		"reading from sockets connected outside") \
	X(SOCKET_CREATE,	socket_create,		"sockets whose packets name no address") \
	X(SCTP_BIND_CONNECT,	sctp_bind_connect,	"sctp_connectx(3)") \
	X(TUN_DEV_CREATE,	tun_dev_create,		"packets written to a tun device") \
	X(TUN_DEV_OPEN,		tun_dev_open,		"packets written to a tun device") \
	X(NETLINK_SEND,		netlink_send,		"a record of address rewriting set up by a deploy") \
	X(SOCKET_SETSOCKOPT,	socket_setsockopt,	"the same, set up by iptables of old") \
	X(UNIX_STREAM_CONNECT,	unix_stream_connect,	"connections to unix sockets") \
	X(UNIX_MAY_SEND,	unix_may_send,		"messages to unix sockets") \
	X(FILE_PERMISSION,	file_permission,	"descriptors opened before, splice, sendfile") \
	X(FILE_RECEIVE,		file_receive,		"descriptors received from other processes") \
	X(FILE_TRUNCATE,	file_truncate,		"ftruncate(2) of descriptors opened before") \
	X(MMAP_FILE,		mmap_file,		"code mapped past execve(2)") \
	X(FILE_MPROTECT,	file_mprotect,		"mapped files made executable later") \
	X(PATH_TRUNCATE,	path_truncate,		"truncate(2)") \
	X(PATH_UNLINK,		path_unlink,		"unlink(2)") \
	X(PATH_RMDIR,		path_rmdir,		"rmdir(2)") \
	X(PATH_MKDIR,		path_mkdir,		"mkdir(2)") \
	X(PATH_MKNOD,		path_mknod,		"the empty file that a denied open with O_CREAT leaves") \
	X(PATH_SYMLINK,		path_symlink,		"symlink(2)") \
	X(PATH_LINK,		path_link,		"hard links to denied files") \
	X(PATH_RENAME,		path_rename,		"rename(2) out of and into denied folders") \
	X(PATH_CHMOD,		path_chmod,		"chmod(2)") \
	X(PATH_CHOWN,		path_chown,		"chown(2)") \
	X(INODE_GETATTR,	inode_getattr,		"stat(2)") \
	X(INODE_READLINK,	inode_readlink,		"readlink(2)") \
	X(INODE_CREATE,		inode_create,		"files made in a layer of a union file system") \
	X(INODE_LINK,		inode_link,		"hard links made in a layer of a union") \
	X(INODE_UNLINK,		inode_unlink,		"files removed from a layer of a union") \
	X(INODE_SYMLINK,	inode_symlink,		"symbolic links made in a layer of a union") \
	X(INODE_MKDIR,		inode_mkdir,		"folders made in a layer of a union") \
	X(INODE_RMDIR,		inode_rmdir,		"folders removed from a layer of a union") \
	X(INODE_MKNOD,		inode_mknod,		"devices made in a layer of a union") \
	X(INODE_RENAME,		inode_rename,		"files renamed in a layer of a union") \
	X(INODE_SETATTR,	inode_setattr,		"truncate(2), chmod(2), chown(2) in a layer of a union") \
	X(SB_MOUNT,		sb_mount,		"mounts that give files other names, and network mounts") \
	X(MOVE_MOUNT,		move_mount,		"the same by move_mount(2)") \
	X(SB_PIVOTROOT,		sb_pivotroot,		"pivot_root(2)") \
	X(FS_CONTEXT_PARSE_PARAM, fs_context_parse_param, "network file systems by fsopen(2)") \
	X(KERNEL_MODULE_REQUEST, kernel_module_request,	"a record of modules that the kernel loads for a deploy") \
	X(KEY_ALLOC,		key_alloc,		"a record of keys that the kernel fetches for a deploy") \
	X(SB_UMOUNT,		sb_umount,		"the fence's pins: unmounted by tagged root") \
	X(BPF,			bpf,			"the fence's programs: replaced by tagged root") \
	X(BPF_MAP,		bpf_map,		"the fence's maps: written by tagged root") \
	X(BPF_PROG,		bpf_prog,		"the fence's programs: opened by tagged root") \
	X(PTRACE_ACCESS_CHECK,	ptrace_access_check,	"the memory and descriptors of processes outside") \
	X(TASK_KILL,		task_kill,		"signals to the daemon and to launchers") \
	X(FILE_SEND_SIGIOTASK,	file_send_sigiotask,	"signals to them by way of F_SETOWN") \
	X(TASK_SETRLIMIT,	task_setrlimit,		"limits of the daemon and of launchers") \
	X(LOCKED_DOWN,		locked_down,		"/dev/mem, kexec and the like") \
	X(KERNEL_READ_FILE,	kernel_read_file,	"kernel modules and kexec images") \
	X(KERNEL_LOAD_DATA,	kernel_load_data,	"kernel modules and kexec images from memory") \
	X(FILE_IOCTL,		file_ioctl,		"input typed into terminals (TIOCSTI)") \
	X(FILE_IOCTL_COMPAT,	file_ioctl_compat,	"the same by 32-bit programs")
