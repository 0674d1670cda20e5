/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../policy/image.h"
#include "../base/locations.h"
#include "rulesets.h"

/* One image per slot: records of two generations of a policy are rarely mixed. */
struct rulesets {
	const struct fence *fence;
	struct ruleset *image[POLICY_SLOTS];
};

struct rulesets *rulesets_new(const struct fence *fence)
{
	struct rulesets *rulesets = calloc(1, sizeof(*rulesets));

	if (rulesets)
		rulesets->fence = fence;
	return rulesets;
}

void rulesets_free(struct rulesets *rulesets)
{
	if (!rulesets)
		return;
	for (int slot = 0; slot < POLICY_SLOTS; slot++)
		free(rulesets->image[slot]);
	free(rulesets);
}

static void kept_path(char ret_path[PATH_MAX], uint32_t slot, uint64_t generation)
{
	/* Padded, so that names sort as the numbers do. */
	snprintf(ret_path, PATH_MAX, PATH_RULESETS "/%u-%020" PRIu64 ".image", slot, generation);
}

static struct ruleset *read_kept(uint32_t slot, uint64_t generation)
{
	char path[PATH_MAX], *data = NULL;
	struct ruleset *image = NULL;
	struct stat st;
	int fd;

	kept_path(path, slot, generation);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && st.st_size <= RULESET_MAX && (data = malloc(st.st_size)) &&
	    read(fd, data, st.st_size) == st.st_size && !image_verify(data, st.st_size))
		image = (struct ruleset *)data;
	else
		free(data);
	close(fd);
	return image;
}

const struct ruleset *rulesets_find(void *ctx, uint32_t slot, uint64_t generation)
{
	struct rulesets *rulesets = ctx;
	struct ruleset *image = NULL;

	if (slot >= POLICY_SLOTS)
		return NULL;
	if (rulesets->image[slot] && rulesets->image[slot]->generation == generation)
		return rulesets->image[slot];
	if (!fence_get_ruleset(rulesets->fence, slot, &image) && image->generation != generation) {
		free(image);
		image = NULL;
	}
	if (!image)
		image = read_kept(slot, generation);
	if (!image)
		return NULL;
	free(rulesets->image[slot]);
	rulesets->image[slot] = image;
	return image;
}

/* Removes all but the newest RULESETS_KEPT images of a slot. */
static void drop_old(uint32_t slot)
{
	char pattern[PATH_MAX];
	glob_t found = {};

	snprintf(pattern, sizeof(pattern), PATH_RULESETS "/%u-*.image", slot);
	if (!glob(pattern, 0, NULL, &found))
		for (size_t i = 0; i + RULESETS_KEPT < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
	globfree(&found);
}

int rulesets_keep(const struct ruleset *image, uint32_t slot)
{
	char path[PATH_MAX], temp[PATH_MAX + 8];
	int fd, err;

	err = path_make(PATH_RULESETS);
	if (err)
		return err;
	kept_path(path, slot, image->generation);
	snprintf(temp, sizeof(temp), "%s.new", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	errno = EIO;			/* a short write */
	if (write(fd, image, image->size) != image->size || rename(temp, path))
		err = -errno;
	close(fd);
	if (err) {
		unlink(temp);
		return err;
	}
	drop_old(slot);
	return 0;
}
