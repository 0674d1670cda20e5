/* SPDX-License-Identifier: BSD-2-Clause */
#include "executable.h"

#include <errno.h>
#include <string.h>

/* --- where runs began ------------------------------------------------------------------------- */

int run_folders_note(struct run_folders *folders, const struct audit_line *line)
{
	const char *folder = json_string_value(json_object_get(line->begin, "directory"));
	uint32_t run, number;
	int err;

	if (!folder || *folder != '/' || strlen(folder) >= PATH_MAX || folders->runs.count >= RUN_FOLDERS_MAX ||
	    intern_find(&folders->runs, line->run, strlen(line->run) + 1) != INTERN_UNSET)
		return 0;
	err = intern_add(&folders->folders, folder, strlen(folder) + 1, &number) ?:
		intern_add(&folders->runs, line->run, strlen(line->run) + 1, &run);
	if (!err)
		folders->runs.items[run].value = number;
	/* No room for more is as if there were too many. */
	return err == -E2BIG ? 0 : err;
}

const char *run_folders_of(const struct run_folders *folders, const struct audit_line *line)
{
	uint32_t run = intern_find(&folders->runs, line->run, strlen(line->run) + 1);

	return run == INTERN_UNSET ? NULL : intern_bytes(&folders->folders, folders->runs.items[run].value);
}

void run_folders_free(struct run_folders *folders)
{
	intern_free(&folders->runs);
	intern_free(&folders->folders);
}

/* --- paths ------------------------------------------------------------------------------------ */

/* A path that is being put together: without a slash at its end, "" for the root. */
struct path {
	char text[PATH_MAX];
	size_t length;
};

/* Returns false where it becomes too long. */
static bool enter(struct path *path, const char *name, size_t length)
{
	if (!length || (length == 1 && *name == '.'))
		return true;
	if (length == 2 && !strncmp(name, "..", 2)) {
		while (path->length && path->text[--path->length] != '/')
			;
		return true;
	}
	if (path->length + 1 + length >= sizeof(path->text))
		return false;
	path->text[path->length++] = '/';
	memcpy(path->text + path->length, name, length);
	path->length += length;
	return true;
}

static bool enter_all(struct path *path, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, "/");

		if (!enter(path, names, length))
			return false;
		names += length;
		names += *names == '/';
	}
	return true;
}

bool executable_path(const char *executable, const char *folder, char ret_path[PATH_MAX])
{
	struct path path = { .length = 0 };
	bool relative = *executable != '/';

	if (!*executable || (relative && (!folder || *folder != '/')))
		return false;
	if ((relative && !enter_all(&path, folder)) || !enter_all(&path, executable) || !path.length)
		return false;
	memcpy(ret_path, path.text, path.length);
	ret_path[path.length] = 0;
	return true;
}

bool executable_may_be(const char *executable, const char *path)
{
	char end[PATH_MAX];
	size_t length, size = strlen(path);

	/* Whatever is above the root is not known. */
	if (!executable_path(executable, "/", end))
		return false;
	length = strlen(end);
	return *executable == '/' ? !strcmp(end, path) : size >= length && !strcmp(path + size - length, end);
}
