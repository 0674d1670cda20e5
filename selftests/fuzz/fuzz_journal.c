/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as an audit log. The corpus is selftests/fuzz/logs. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "userspace/review/journal.h"

#define RUN "20270331-142355-9f03ac"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is shown of a record is well-formed, and no terminal obeys it. */
static int show(void *ctx, const struct audit_line *line)
{
	struct text out = { 0 };
	size_t used;

	audit_line_object(&out, line);
	for (size_t i = 0; i < out.size; i += used) {
		int32_t code = text_next(out.data + i, out.size - i, &used);

		if (code < 0x20 || code == 0x7f)
			abort();
	}
	text_free(&out);
	++*(uint64_t *)ctx;
	return 0;
}

/* What is unpacked has another size, and may be damaged; what is packed otherwise is not read. */
static bool is_packed(const char *path, int err)
{
	FILE *in = fopen(path, "re");
	int first = in ? getc(in) : EOF, second = in ? getc(in) : EOF;

	if (in)
		fclose(in);
	return err == -EMEDIUMTYPE || (first == 0x1f && second == 0x8b);
}

static void read_log(const char *path, const char *run, size_t size)
{
	struct journal_options options = { .run = run };
	struct journal_counts counts;
	uint64_t shown = 0;
	int err = journal_read(&path, 1, &options, show, &shown, &counts);
	bool packed = is_packed(path, err);

	if (err && !packed)
		abort();
	if (counts.records + counts.torn + counts.foreign + counts.newer != counts.lines ||
	    (counts.bytes != size && !packed) || (run ? shown > counts.records : shown != counts.records))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal_counts counts;
	char path[64], run[RUN_NAME_SIZE];
	const char *const paths[] = { path };
	int fd = memfd_create("log", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_log(path, NULL, size);
	read_log(path, RUN, size);
	journal_newest_run(paths, 1, run, &counts);
	close(fd);
	return 0;
}
