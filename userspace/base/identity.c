/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <unistd.h>

#include "identity.h"

int identity_find(const char *name, const struct passwd **ret_user)
{
	const struct passwd *user;
	unsigned long number;
	char *end;

	errno = 0;
	user = getpwnam(name);
	if (!user && *name) {
		number = strtoul(name, &end, 10);
		user = *end ? NULL : getpwuid((uid_t)number);
	}
	if (!user)
		return errno && errno != ENOENT && errno != ESRCH ? -errno : -ENOENT;
	*ret_user = user;
	return 0;
}

void identity_name(uid_t uid, char *ret_name, size_t size)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd *entry;

	ret_name[0] = 0;
	while (file && (entry = fgetpwent(file)))
		if (entry->pw_uid == uid) {
			snprintf(ret_name, size, "%s", entry->pw_name);
			break;
		}
	if (file)
		fclose(file);
}

static int drop_capabilities(void)
{
	cap_t none = cap_init();
	int err = !none || cap_set_proc(none) || cap_reset_ambient() ? -errno : 0;

	cap_free(none);
	return err;
}

int identity_become(const struct passwd *user)
{
	if (initgroups(user->pw_name, user->pw_gid) ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid))
		return -errno;
	/* From 0 to 0 nothing is dropped, and that is what was asked for. */
	if (user->pw_uid) {
		int err = drop_capabilities();

		if (err)
			return err;
	}
	return setenv("HOME", user->pw_dir, true) || setenv("USER", user->pw_name, true) ||
	       setenv("LOGNAME", user->pw_name, true) ? -errno : 0;
}
