/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "execute.h"

#define ENVIRONMENT_MAX 20		/* a PATH, and the variables of the language: some 15 */

static bool is_language(const char *variable)
{
	return !strncmp(variable, "LANG=", 5) || !strncmp(variable, "LANGUAGE=", 9) ||
	       !strncmp(variable, "LC_", 3);
}

int execute(char *const argv[])
{
	char *environment[ENVIRONMENT_MAX + 1] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin" };
	posix_spawn_file_actions_t actions;
	int status = 0, count = 1, err;
	pid_t pid;

	if (access(argv[0], X_OK))
		return -errno;
	for (char **each = environ; *each && count < ENVIRONMENT_MAX; each++)
		if (is_language(*each))
			environment[count++] = *each;
	err = posix_spawn_file_actions_init(&actions);
	if (err)
		return -err;
	err = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO) ?:
		posix_spawn(&pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
