/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel does on a task's behalf: connects to the server that mount options name, or starts a
 * helper, as root and nobody's child. The far side of mounts is a server that answers every call with
 * a refusal; that of helpers a script in their place.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/nfs.h>
#include <linux/nfs_mount.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../hooks/hooks.h"

/* --- a server ------------------------------------------------------------------------------- */

static pid_t servers[VECTORS_MAX];
static unsigned int *asked;		/* connections of each vector, counted by its server */

/* RFC 5531: a record of one reply, which says that there is no such program. To SMB it is noise. */
static void answer(int client)
{
	uint32_t call[256], reply[7] = { htonl(0x80000000 | 24), 0, htonl(1), 0, 0, 0, htonl(1) };

	if (read(client, call, sizeof(call)) < 8)
		return;
	reply[1] = call[1];
	send(client, reply, sizeof(reply), MSG_NOSIGNAL);
}

static void serve(const struct vector *vector, int listener)
{
	int client;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(listener, STDIN_FILENO);
	close_range(STDERR_FILENO + 1, ~0U, 0);	/* the far sides of others */
	listener = STDIN_FILENO;
	fcntl(listener, F_SETFL, 0);	/* far_listen() does not block */
	while ((client = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		asked[vector_number(vector)]++;
		answer(client);
		close(client);
	}
	_exit(1);
}

static void prepare_server(const struct vector *vector)
{
	pid_t *server = &servers[vector_number(vector)];
	int listener;

	if (!asked)
		asked = mmap(NULL, sizeof(*asked) * VECTORS_MAX, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(asked != MAP_FAILED, vector);
	if (*server) {
		kill(*server, SIGKILL);
		waitpid(*server, NULL, 0);
	}
	asked[vector_number(vector)] = 0;
	files_prepare(vector);
	listener = far_listen(vector->place.ip, vector->place.port);
	need(listener >= 0, vector);
	fflush(stdout);
	*server = fork();
	if (!*server)
		serve(vector, listener);
	close(listener);
}

/* Some ask again. */
static unsigned int count_asked(const struct vector *vector, const struct report *report)
{
	(void)report;
	return asked[vector_number(vector)] != 0;
}

/* --- mounts --------------------------------------------------------------------------------- */

struct option {
	const char *name, *value;	/* NULL: none; "": the server's address; ":": its port */
};

#define NFS_OPTIONS 7
static const struct option nfs_options[NFS_OPTIONS + 1] = {
	{ "vers", "3" }, { "addr", "" }, { "mountport", ":" }, { "mountproto", "tcp" },
	{ "proto", "tcp" }, { "nolock", NULL }, { "soft", NULL }, {},
};

#define CIFS_OPTIONS 5
static const struct option cifs_options[CIFS_OPTIONS + 1] = {
	{ "ip", "" }, { "port", ":" }, { "vers", "3.0" }, { "user", "deploy" }, { "pass", "x" }, {},
};

static bool is_cifs(const struct vector *vector)
{
	return !strcmp(vector->what, "cifs");
}

static const char *value_of(const struct vector *vector, const struct option *option)
{
	static char port[8];

	if (!strcmp(option->value, ""))
		return vector->place.ip;
	if (strcmp(option->value, ":"))
		return option->value;
	snprintf(port, sizeof(port), "%u", vector->place.port);
	return port;
}

static void name_source(const struct vector *vector, char *ret_source, size_t size)
{
	snprintf(ret_source, size, is_cifs(vector) ? "//%s/share" : "%s:/share", vector->place.ip);
}

/* The server declines; whoever learns that has asked it. */
static int answered(long ret)
{
	return ret < 0 && errno != EPFNOSUPPORT && errno != EHOSTDOWN ? -errno : 0;
}

static int act_mount(const struct vector *vector, struct report *report)
{
	const struct option *option = is_cifs(vector) ? cifs_options : nfs_options;
	char source[64], text[256] = "";

	(void)report;
	name_source(vector, source, sizeof(source));
	for (; option->name; option++) {
		size_t length = strlen(text);

		snprintf(text + length, sizeof(text) - length, "%s%s%s%s", length ? "," : "",
			 option->name, option->value ? "=" : "",
			 option->value ? value_of(vector, option) : "");
	}
	return answered(mount(source, vector_path(vector, ""), vector->what, 0, text));
}

static int configure(int context, const char *name, const char *value)
{
	return syscall(SYS_fsconfig, context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, name,
		       value, 0);
}

static int act_fsopen(const struct vector *vector, struct report *report)
{
	const struct option *option = is_cifs(vector) ? cifs_options : nfs_options;
	int context = syscall(SYS_fsopen, vector->what, FSOPEN_CLOEXEC);
	char source[64];

	(void)report;
	name_source(vector, source, sizeof(source));
	if (context < 0 || configure(context, "source", source))
		return -errno;
	for (; option->name; option++)
		if (configure(context, option->name,
			      option->value ? value_of(vector, option) : NULL))
			return -errno;
	return answered(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

/* As mount.nfs did of old: all in a structure, and nothing of it an option. */
static int act_mount_binary(const struct vector *vector, struct report *report)
{
	struct nfs_mount_data data = {
		.version = 6, .fd = -1, .flags = NFS_MOUNT_VER3 | NFS_MOUNT_TCP | NFS_MOUNT_SOFT |
			NFS_MOUNT_NONLM,
		.addr = { AF_INET, htons(vector->place.port) }, .namlen = 255,
		.hostname = "server", .root = { .size = 8 }, .pseudoflavor = 1,
	};
	char source[64];

	(void)report;
	inet_pton(AF_INET, vector->place.ip, &data.addr.sin_addr);
	name_source(vector, source, sizeof(source));
	return answered(mount(source, vector_path(vector, ""), vector->what, 0, &data));
}

/* Without a key the kernel declines: after the hook. */
static int act_mount_stacked(const struct vector *vector, struct report *report)
{
	const char *folder = vector_path(vector, "");

	(void)report;
	return mount(folder, folder, vector->what, 0, NULL) ? -errno : 0;
}

static const char *missing_type(const struct vector *vector)
{
	int context = syscall(SYS_fsopen, vector->what, FSOPEN_CLOEXEC);

	if (context < 0)
		return "the kernel has no such file system";
	close(context);
	return NULL;
}

/* --- helpers -------------------------------------------------------------------------------- */

/* Puts a script in the helper's place, which marks @target when it is started for @what. */
static void place_helper(const struct vector *vector, const char *path)
{
	char script[1024];

	files_prepare(vector);
	snprintf(script, sizeof(script),
		 "#!/bin/sh\ncase $* in *'%s'*) printf %s >%s ;; esac\n", vector->what, FILE_WRITTEN,
		 vector_path(vector, vector->target));
	need(!write_small(path, script) && !chmod(path, 0755), vector);
}

static void prepare_modprobe(const struct vector *vector)
{
	const char *helper = vector_path(vector, "helper");

	place_helper(vector, helper);
	need(!write_small("/proc/sys/kernel/modprobe", helper), vector);
}

/* Nobody has a file system of that name. */
static int act_module(const struct vector *vector, struct report *report)
{
	(void)report;
	return mount("none", vector_path(vector, ""), vector->what, 0, NULL) && errno != ENODEV ?
		-errno : 0;
}

static void prepare_request_key(const struct vector *vector)
{
	place_helper(vector, "/sbin/request-key");
}

static int act_request_key(const struct vector *vector, struct report *report)
{
	(void)report;
	return syscall(SYS_request_key, "user", vector->name, "x", KEY_SPEC_PROCESS_KEYRING) < 0 &&
		errno != ENOKEY ? -errno : 0;
}

static const char *missing_keys(const struct vector *vector)
{
	(void)vector;
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) < 0 ?
		"the kernel has no keys" : NULL;
}

#define TCP(address) .place = { AF_INET, SOCK_STREAM, 0, address, 2049 }, .nets = ""
#define BEHALF .reason = "done by the kernel on the task's behalf"
#define MOUNT(type) BEHALF, .judged = BY_DOUBT, .what = type, .seen_act = "mount " type, \
	.hook = "fs_context_parse_param", .missing = missing_type, .prepare = prepare_server, \
	.count = count_asked
/* Each option is recorded where none is denied; the source is one. */
#define OPTIONS(number) .records = (number) + 1, .records_denied = 1
#define HELPER BEHALF, .judged = AUDITED, .target = "marker", .count = files_count_written

const struct vector behalf_vectors[] = {
	{ MOUNT("nfs"), OPTIONS(NFS_OPTIONS), .name = "behalf-mount-nfs", .act = act_mount,
	  TCP("127.8.1.1") },
	{ MOUNT("nfs"), OPTIONS(NFS_OPTIONS), .name = "behalf-fsopen-nfs", .act = act_fsopen,
	  TCP("127.8.1.2") },
	{ MOUNT("nfs"), OPTIONS(0), .name = "behalf-mount-nfs-binary", .act = act_mount_binary,
	  TCP("127.8.1.3") },
	{ MOUNT("cifs"), OPTIONS(CIFS_OPTIONS), .name = "behalf-mount-cifs", .act = act_mount,
	  TCP("127.8.1.4") },
	{ MOUNT("cifs"), OPTIONS(CIFS_OPTIONS), .name = "behalf-fsopen-cifs", .act = act_fsopen,
	  TCP("127.8.1.5") },
	/* No server: a thread of the kernel opens the files below. */
	{ MOUNT("ecryptfs"), OPTIONS(0), .name = "behalf-mount-ecryptfs", .act = act_mount_stacked,
	  .control_errno = EINVAL, TCP("127.8.1.6") },
	{ HELPER, .name = "behalf-module", .hook = "kernel_module_request", .act = act_module,
	  .prepare = prepare_modprobe, .what = "ringfence", .seen_act = "module fs-ringfence" },
	/* The key, and another that lets the helper see to it. */
	{ HELPER, .name = "behalf-request-key", .hook = "key_alloc", .act = act_request_key,
	  .prepare = prepare_request_key, .missing = missing_keys, .what = "create",
	  .seen_act = "key of type user", .records = 2 },
	{},
};
