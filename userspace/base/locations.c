/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "locations.h"

const char *const path_services[] = {
	"/etc/ringfence/services",
#ifdef RINGFENCE_PREFIX			/* other than /usr */
	RINGFENCE_PREFIX "/share/ringfence/services",
#endif
	"/usr/share/ringfence/services",
	NULL,
};

int path_make(const char *folder)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/", folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool path_is_policy(const char *file, char ret_path[PATH_MAX])
{
	struct stat one, other;

	snprintf(ret_path, PATH_MAX, PATH_POLICIES "/%s", path_base(file));
	return !strcmp(file, ret_path) ||	/* also where it cannot be read */
	       (!stat(file, &one) && !stat(ret_path, &other) && one.st_dev == other.st_dev &&
		one.st_ino == other.st_ino);
}

/* Not from the name service, which may be what is down. 0: there is none. */
static gid_t group_adm(void)
{
	FILE *file = fopen("/etc/group", "re");
	struct group *group;
	gid_t gid = 0;

	while (file && !gid && (group = fgetgrent(file)))
		if (!strcmp(group->gr_name, "adm"))
			gid = group->gr_gid;
	if (file)
		fclose(file);
	return gid;
}

int path_make_log_folder(const char *log)
{
	const char *slash = strrchr(log, '/');
	char folder[PATH_MAX];
	struct stat st;
	gid_t adm;

	if (!slash || slash == log)
		return 0;
	if (snprintf(folder, sizeof(folder), "%.*s", (int)(slash - log), log) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	if (!mkdir(folder, 0750))
		chmod(folder, 0750);	/* whatever the umask takes away */
	else if (errno != EEXIST)
		return -errno;
	adm = !stat(folder, &st) && !st.st_gid ? group_adm() : 0;
	if (adm && chown(folder, -1, adm))
		return errno == EPERM ? 0 : -errno;
	return 0;
}

int path_make_logs(void)
{
	return path_make("/var/log") ?: path_make_log_folder(PATH_LOG);
}

int path_lock(const char *file, int operation)
{
	char folder[PATH_MAX];
	int err, fd;

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(file, '/') - file), file);
	err = path_make(folder);
	if (err)
		return err;
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, operation)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}
