/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the log that a report is made from, in every format but HTML. The corpus is selftests/fuzz/logs. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "userspace/review/report.h"

#define RUN "20270331-142355-9f03ac"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No character that a terminal obeys. */
static void look(const char *text, size_t size)
{
	size_t used;

	for (size_t i = 0; i < size; i += used) {
		int32_t code = text_next(text + i, size - i, &used);

		if (code != '\n' && code != '\t' && (code < 0x20 || code == 0x7f || (code >= 0x80 && code < 0xa0)))
			abort();
	}
}

static int plain(const json_t *report, FILE *out)
{
	return report_text(report, out, term_style(TERM_NEVER, out));
}

static void render(const json_t *report)
{
	static int (*const renderers[])(const json_t *report, FILE *out) = { plain, report_md, report_dot };

	for (size_t i = 0; i < sizeof(renderers) / sizeof(renderers[0]); i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		if (!out || renderers[i](report, out) || fclose(out))
			abort();
		look(text, size);
		free(text);
	}
}

/* Every record is part of a dependency, and each of those has a place in the list. */
static void check(const struct deps *deps, const struct classified *classified)
{
	uint64_t count = 0;

	for (size_t i = 0; i < deps->reach_count; i++) {
		count += deps->reaches[i].count;
		if (classified->of_reach[i] >= classified->count)
			abort();
	}
	if (count != deps->records || count != deps->denied + deps->would_deny + deps->audited + deps->allowed)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	const char *const paths[] = { path };
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct classified classified;
	struct kinds kinds = { 0 };
	const char *reading;
	struct deps deps;
	json_t *report;
	int err;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = deps_read(paths, 1, RUN, &deps, &reading);
	if (err == -EBADMSG || err == -EMEDIUMTYPE) {	/* packed, and damaged or not by gzip */
		close(fd);
		return 0;
	}
	if (err || classify(&deps, &kinds, &classified))
		abort();
	check(&deps, &classified);
	report = report_json(&deps, &classified);
	if (!report)
		abort();
	render(report);
	json_decref(report);
	classified_free(&classified);
	deps_free(&deps);
	close(fd);
	return 0;
}
