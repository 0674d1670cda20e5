/* SPDX-License-Identifier: BSD-2-Clause */
#include "path_here.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LINKS_MAX 40			/* as path_resolution(7) */

/* On the way through a path. */
struct walk {
	struct path_here *here;		/* path: as far as it came */
	char rest[2 * PATH_MAX];	/* what is still to come */
	size_t missing;			/* how many names at the end of it are not there */
	unsigned int links;
};

/* --- the name ------------------------------------------------------------------------------- */

static int go_up(struct walk *walk)
{
	char *slash = strrchr(walk->here->path, '/');

	if (walk->missing)
		return -ENOENT;
	if (slash)
		*slash = 0;
	return 0;
}

/* Puts where a link leads to in the place of its name. */
static int follow(struct walk *walk)
{
	char target[PATH_MAX], rest[sizeof(walk->rest)];
	ssize_t size = readlink(walk->here->path, target, sizeof(target) - 1);

	if (size < 0)
		return -errno;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	target[size] = 0;
	if (snprintf(rest, sizeof(rest), "%s%s", target, walk->rest) >= (int)sizeof(rest))
		return -ENAMETOOLONG;
	strcpy(walk->rest, rest);
	if (*target == '/')
		*walk->here->path = 0;
	else
		go_up(walk);
	return 0;
}

/* Looks at the name that was just added. */
static int look(struct walk *walk, bool last)
{
	struct path_here *here = walk->here;
	struct stat st;

	if (!walk->missing && !here->blind && lstat(here->path, &st)) {
		if (errno == EACCES)
			here->blind = true;
		else if (errno != ENOENT)
			return -errno;
	} else if (!walk->missing && !here->blind) {
		here->mode = st.st_mode;
		if (S_ISLNK(st.st_mode))
			return follow(walk);
		return S_ISDIR(st.st_mode) || last ? 0 : -ENOTDIR;
	}
	here->mode = 0;
	walk->missing++;
	return 0;
}

static int step(struct walk *walk)
{
	size_t begin = strspn(walk->rest, "/"), length = strcspn(walk->rest + begin, "/");
	char name[NAME_MAX + 1], *path = walk->here->path;
	size_t used = strlen(path);

	if (length > NAME_MAX || used + length + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(name, walk->rest + begin, length);
	name[length] = 0;
	memmove(walk->rest, walk->rest + begin + length, strlen(walk->rest + begin + length) + 1);
	if (!length || !strcmp(name, "."))
		return 0;
	if (!strcmp(name, ".."))
		return go_up(walk);
	path[used] = '/';
	strcpy(path + used + 1, name);
	return look(walk, !*walk->rest);
}

/* --- the identity --------------------------------------------------------------------------- */

/* On the way up: zeros for what is not there. What a mount hides of the folder that it is on is not seen. */
static void identify(struct path_here *here)
{
	size_t max = sizeof(here->chain) / sizeof(*here->chain);
	char above[PATH_MAX], *slash;
	struct stat st;

	strcpy(above, strcmp(here->path, "/") ? here->path : "");
	for (; here->count < max; *slash = 0) {
		struct inode_id *id = &here->chain[here->count++];

		slash = strrchr(above, '/');
		*id = (struct inode_id){ 0 };
		if (!stat(*above ? above : "/", &st)) {
			id->ino = st.st_ino;
			id->dev = major(st.st_dev) << 20 | minor(st.st_dev);
		}
		if (!slash)
			break;
	}
}

int path_here_find(const char *path, struct path_here *ret_here)
{
	struct walk walk = { .here = ret_here };
	struct stat st;

	*ret_here = (struct path_here){ 0 };
	if (!*path)
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*path != '/' && !getcwd(ret_here->path, sizeof(ret_here->path)))
		return -errno;
	if (!strcmp(ret_here->path, "/"))
		*ret_here->path = 0;
	strcpy(walk.rest, path);
	while (*walk.rest) {
		int err = step(&walk);

		if (err)
			return err;
	}
	if (!*ret_here->path)
		strcpy(ret_here->path, "/");
	if (!walk.missing && !lstat(ret_here->path, &st))	/* it may end with .. */
		ret_here->mode = st.st_mode;
	if (!ret_here->blind)
		identify(ret_here);
	return 0;
}
