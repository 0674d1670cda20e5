/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/say.h"
#include "../base/text.h"
#include "faulty.h"
#include "policy_file.h"

/* A note has the name of its policy, and two lines: the fault, and what holds instead. */
static void note_path(const char *file, char ret_path[PATH_MAX])
{
	snprintf(ret_path, PATH_MAX, PATH_FAULTY "/%s", path_base(file));
}

static int write_note(const char *file, const char *fault, const char *instead)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	int err = path_make(PATH_FAULTY);
	FILE *out;

	if (err)
		return err;
	note_path(file, path);
	/* Of one that begins with a dot, glob(3) sees nothing. */
	snprintf(temporary, sizeof(temporary), PATH_FAULTY "/.%s", path_base(file));
	out = fopen(temporary, "we");
	if (!out)
		return -errno;
	fprintf(out, "%s\n%s\n", fault, instead);
	if (fclose(out) || rename(temporary, path)) {
		err = -errno;
		unlink(temporary);
	}
	return err;
}

void faulty_note(const char *file, const char *fault, const char *instead)
{
	char path[PATH_MAX], shown[POLICY_FAULT_SIZE];
	int err;

	if (!path_is_policy(file, path))
		return;
	text_show(fault, shown, sizeof(shown));
	err = write_note(file, shown, instead);
	if (err)
		say_errno(err, "warning: status will not show the fault of %s", file);
}

void faulty_clear(const char *file)
{
	char path[PATH_MAX];

	if (!path_is_policy(file, path))
		return;
	note_path(file, path);
	unlink(path);
}

static json_t *describe_note(const char *note)
{
	char fault[POLICY_FAULT_SIZE + 1] = "", instead[256] = "", policy[PATH_MAX], shown[PATH_MAX];
	FILE *in;

	snprintf(policy, sizeof(policy), PATH_POLICIES "/%s", path_base(note));
	in = faccessat(AT_FDCWD, policy, F_OK, AT_SYMLINK_NOFOLLOW) ? NULL : fopen(note, "re");
	if (!in)
		return NULL;
	if (fgets(fault, sizeof(fault), in))
		fgets(instead, sizeof(instead), in);
	fclose(in);
	fault[strcspn(fault, "\n")] = 0;
	instead[strcspn(instead, "\n")] = 0;
	text_show(policy, shown, sizeof(shown));
	return json_pack("{s:s, s:s, s:s}", "file", shown, "fault", fault, "instead", instead);
}

json_t *faulty_describe(void)
{
	json_t *list = json_array();
	glob_t found = {};

	glob(PATH_FAULTY "/*", 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++)
		json_array_append_new(list, describe_note(found.gl_pathv[i]));
	globfree(&found);
	return list;
}
