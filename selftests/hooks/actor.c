/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks.h"

#define ATTEMPT_SECONDS 30

/* Open from the start: some attempts change their root or their user. */
static int reports = -1;

int actor_report(const struct report *report)
{
	return write(reports, report, sizeof(*report)) == sizeof(*report) ? 0 : -EIO;
}

static int attempt(const struct vector *vector)
{
	struct report report = { .vector = vector_number(vector) };

	vector_bear_name(vector);
	report.err = vector->act(vector, &report);
	return report.err == REPORTED_LATER ? 0 : actor_report(&report);
}

/* hooks actor [inherited]: all vectors but those that need inherited descriptors, or those alone. */
int actor_main(int argc, char **argv)
{
	bool inherited = argc > 2 && !strcmp(argv[2], "inherited");

	reports = open(REPORTS, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (reports < 0)
		return 1;
	for (uint32_t i = 0; i < vector_count(); i++) {
		const struct vector *vector = vector_at(i);
		pid_t child;

		if (vector->inherited != inherited || vector_missing(vector))
			continue;
		if (vector->in_main) {
			attempt(vector);
			prctl(PR_SET_NAME, "actor");
			continue;
		}
		child = fork();
		if (!child) {
			alarm(ATTEMPT_SECONDS);
			_exit(attempt(vector) ? 1 : 0);
		}
		waitpid(child, NULL, 0);
	}
	return 0;
}

/* Writes a marker: the effect of an exec. */
int mark_main(int argc, char **argv)
{
	return argc == 3 && !write_small(argv[2], FILE_WRITTEN) ? 0 : 1;
}

int mark_script_main(int argc, char **argv)
{
	return argc == 4 && !write_small(argv[3], FILE_WRITTEN) ? 0 : 1;
}
