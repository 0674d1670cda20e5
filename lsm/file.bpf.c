// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Which files a tagged task may open.
 *
 *	file_open	open(2) and all that ends in one, for reading, writing or to be executed
 *
 * Threat: another name for the same file. Names are second to identity; a file whose name or
 * ancestors cannot be told is denied where the policy has rules about files.
 */
#include "path.bpf.h"

/* O_TRUNC writes even where the file is opened for reading; a mode of neither is doubt. */
static __always_inline __u8 access_of(const struct file *file)
{
	unsigned int mode = file->f_mode;
	__u8 access = 0;

	if (mode & FMODE_READ)
		access |= ACCESS_READ;
	if (mode & FMODE_WRITE || file->f_flags & O_TRUNC)
		access |= ACCESS_WRITE;
	return access ?: ACCESS_READ | ACCESS_WRITE;
}

SEC("lsm/file_open")
long BPF_PROG(file_file_open, struct file *file, int ret)
{
	struct path_question question = { .hook = HOOK_FILE_OPEN, .object = CLASS_FILE };
	struct tag *tag;

	if (ret)
		return ret;
	tag = tag_of_current();
	if (!tag)
		return 0;
	question.access = access_of(file);
	return judge_file(tag, file, &question);
}
