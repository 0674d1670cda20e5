/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lint_pass.h"

/* --- linked-path --------------------------------------------------------------------------- */

/* Links of every host that has the Filesystem Hierarchy Standard 3.0 (5.13.2, 3.15). */
static const struct {
	const char *link, *target;
} links[] = {
	{ "/var/run", "/run" },
	{ "/var/lock", "/run/lock" },
};

static void lint_path(struct linter *linter, const struct policy_path *path)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		size_t length = strlen(links[i].link);
		const char *rest = path->path + length;
		char *hint = NULL;

		if (strncmp(path->path, links[i].link, length) || (*rest && *rest != '/'))
			continue;
		if (asprintf(&hint, "write %s%s%s", links[i].target, rest, path->tree ? "/" : "") < 0)
			hint = NULL;
		lint_add(linter, DIAG_WARNING, "linked-path", path->where, hint,
			 "%s is a link to %s: what is made there later is not known by this name",
			 links[i].link, links[i].target);
		free(hint);
	}
}

static void lint_service_paths(struct linter *linter, const struct policy_service *service)
{
	for (size_t i = 0; i < service->file_count; i++)
		lint_path(linter, &service->files[i]);
	for (size_t i = 0; i < service->exec_count; i++)
		lint_path(linter, &service->execs[i]);
	for (size_t i = 0; i < service->socket_count; i++)
		lint_path(linter, &service->sockets[i]);
}

/* Of every service that a rule of the policy names; once, also where two do. */
int lint_paths(struct linter *linter)
{
	const struct policy *policy = linter->policy;
	bool *named = calloc(policy->service_count + 1, sizeof(*named));

	if (!named)
		return -ENOMEM;
	for (size_t i = 0; i < policy->rule_count; i++)
		named[policy->rules[i].service] |= !policy->rules[i].implied;
	for (size_t i = 0; i < policy->service_count; i++)
		if (named[i])
			lint_service_paths(linter, &policy->services[i]);
	for (size_t i = 0; i < policy->enter_exec_count; i++)
		lint_path(linter, &policy->enter_execs[i]);
	free(named);
	return 0;
}

/* --- enter-directory ----------------------------------------------------------------------- */

/* Of a service's paths the compiler tells that, which looks at them anyway. */
int lint_enter_paths(struct linter *linter)
{
	for (size_t i = 0; i < linter->policy->enter_exec_count; i++) {
		const struct policy_path *path = &linter->policy->enter_execs[i];
		char *hint = NULL;
		struct stat st;

		if (path->tree || stat(path->path, &st) || !S_ISDIR(st.st_mode))
			continue;
		if (asprintf(&hint, "write %s/ for all programs in it and below", path->path) < 0)
			hint = NULL;
		lint_add(linter, DIAG_WARNING, "enter-directory", path->where, hint,
			 "%s is a directory: nothing executes it, and so it begins no run", path->path);
		free(hint);
	}
	return 0;
}
