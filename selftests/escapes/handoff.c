/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that is handed to a process outside the run: allowed, and recorded by the rules that every policy
 * has (policy/services/handoff.yaml). The far side of sockets is the tester, in the place of each daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../hooks/hooks.h"

static int act_connect(const struct vector *vector, struct report *report)
{
	struct sockaddr_un address;
	socklen_t size = unix_address(vector, &address);
	int fd = socket(AF_UNIX, vector->place.type | SOCK_CLOEXEC, 0);

	(void)report;
	if (connect(fd, (struct sockaddr *)&address, size))
		return -errno;
	close(fd);
	return 0;
}

static int act_new_file(const struct vector *vector, struct report *report)
{
	(void)report;
	return write_small(vector_path(vector, vector->target), FILE_WRITTEN);
}

/* As editors do. */
static int act_rename_into(const struct vector *vector, struct report *report)
{
	static const char new[] = "/run/new.service";

	(void)report;
	if (write_small(new, FILE_WRITTEN))
		return -EIO;
	return rename(new, vector_path(vector, vector->target)) ? -errno : 0;
}

static int act_append(const struct vector *vector, struct report *report)
{
	int fd = open(vector_path(vector, vector->target), O_WRONLY | O_APPEND | O_CLOEXEC), err = 0;

	(void)report;
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, 0) || write(fd, FILE_WRITTEN, strlen(FILE_WRITTEN)) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* The folder, without the file. */
static void prepare_missing(const struct vector *vector)
{
	files_prepare(vector);
	unlink(vector_path(vector, vector->target));
}

#define DAEMON(service_name, path) .judged = IMPLIED, .service = service_name, .target = path, \
	.hook = "unix_stream_connect", .place = { .type = SOCK_STREAM }, .act = act_connect, \
	.prepare = unix_prepare, .count = unix_count
#define SPOOL(service_name, path) .judged = IMPLIED, .service = service_name, .target = path, \
	.seen_path = path, .seen_access = "write", .count = files_count_written
#define NEW .hook = "path_mknod", .no_inode = true, .act = act_new_file, .prepare = prepare_missing

const struct vector handoff_vectors[] = {
	{ DAEMON("container-engine", "/run/docker.sock"), .name = "handoff-docker" },
	{ DAEMON("container-engine", "/run/containerd/containerd.sock"),
	  .name = "handoff-containerd" },
	{ DAEMON("container-engine", "/run/podman/podman.sock"), .name = "handoff-podman" },
	{ DAEMON("container-engine", "/run/buildkit/buildkitd.sock"), .name = "handoff-buildkit" },
	{ DAEMON("virtual-machines", "/run/libvirt/libvirt-sock"), .name = "handoff-libvirt" },
	{ DAEMON("message-bus", "/run/dbus/system_bus_socket"), .name = "handoff-system-bus" },
	{ DAEMON("service-manager", "/run/systemd/private"), .name = "handoff-systemd" },
	{ DAEMON("user-daemons", "/run/user/1000/bus"), .name = "handoff-session-bus" },
	{ DAEMON("user-daemons", "/run/user/1000/systemd/private"),
	  .name = "handoff-user-systemd" },
	{ DAEMON("user-daemons", "/run/user/1000/gnupg/S.gpg-agent"),
	  .name = "handoff-gpg-agent" },
	{ DAEMON("sockets-in-tmp", "/tmp/tmux-1000/default"), .name = "handoff-tmux" },
	{ DAEMON("sockets-in-tmp", "/tmp/ssh-XXXXabcd/agent.42"), .name = "handoff-ssh-agent" },
	{ DAEMON("sockets-in-homes", "/root/.ssh/control"), .name = "handoff-ssh-control" },
	{ DAEMON("sockets-in-homes", "/home/deploy/.cache/build/server"),
	  .name = "handoff-build-daemon" },
	{ DAEMON("name-services", "/run/nscd/socket"), .name = "handoff-nscd" },
	{ DAEMON("name-services", "/run/systemd/resolve/io.systemd.Resolve"),
	  .name = "handoff-resolved" },
	{ DAEMON("package-daemons", "/run/snapd.socket"), .name = "handoff-snapd" },
	{ SPOOL("job-spools", "/var/spool/cron/crontabs/root"), NEW, .name = "handoff-crontab" },
	{ SPOOL("job-spools", "/var/spool/cron/atjobs/a0001"), NEW, .name = "handoff-at-job" },
	{ SPOOL("job-spools", "/etc/cron.d/deploy"), NEW, .name = "handoff-cron.d" },
	{ SPOOL("job-spools", "/etc/crontab"), .hook = "file_open", .act = act_append,
	  .prepare = files_prepare, .name = "handoff-etc-crontab" },
	{ SPOOL("unit-files", "/etc/systemd/system/deploy.service"), NEW, .name = "handoff-unit" },
	{ SPOOL("unit-files", "/run/systemd/transient/deploy.service"), .hook = "path_rename",
	  .no_inode = true, .act = act_rename_into, .prepare = prepare_missing,
	  .name = "handoff-transient-unit" },
	{ SPOOL("system-hooks", "/etc/profile.d/deploy.sh"), NEW, .name = "handoff-profile" },
	{ SPOOL("system-hooks", "/etc/udev/rules.d/deploy.rules"), NEW, .name = "handoff-udev-rule" },
	{ SPOOL("boot-settings", "/boot/grub/grub.cfg"), .hook = "file_open", .act = act_append,
	  .prepare = files_prepare, .name = "handoff-boot-loader" },
	{ SPOOL("fence-files", "/etc/ringfence/policy.d/deploy.yaml"), NEW,
	  .name = "handoff-policy" },
	{},
};
