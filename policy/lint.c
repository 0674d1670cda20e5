/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "lint_pass.h"
#include "ports.h"

/* --- messages ------------------------------------------------------------------------------ */

/* The text of a file; NULL where it cannot be read, or memory ran out: then no line is shown. */
static const struct lint_text *find_text(struct linter *linter, const char *file)
{
	struct lint_text *texts;

	for (size_t i = 0; i < linter->text_count; i++)
		if (!strcmp(linter->texts[i].file, file))
			return &linter->texts[i];
	texts = reallocarray(linter->texts, linter->text_count + 1, sizeof(*texts));
	if (!texts)
		return NULL;
	linter->texts = texts;
	texts += linter->text_count++;
	*texts = (struct lint_text){ .file = file };
	if (text_read("", file, &texts->text, &texts->size))
		texts->text = NULL;
	return texts;
}

void lint_add(struct linter *linter, enum diag_severity severity, const char *lint,
	      struct diag_where where, const char *hint, const char *fmt, ...)
{
	const struct lint_text *text = find_text(linter, where.file);
	char *message = NULL;
	va_list args;
	int length;

	va_start(args, fmt);
	length = vasprintf(&message, fmt, args);
	va_end(args);
	if (length < 0) {
		linter->diags->out_of_memory = true;
		return;
	}
	diags_add_lint(linter->diags, severity, lint, where, text ? text->text : NULL,
		       text ? text->size : 0, hint, "%s", message);
	free(message);
}

struct shown lint_rule_words(const struct policy *policy, size_t rule)
{
	const struct policy_rule *it = &policy->rules[rule];
	struct shown words;

	snprintf(words.text, sizeof(words.text), "\"%s %s\" (%.150s:%u)", show_verdict(it->verdict),
		 policy->services[it->service].name, it->where.file, it->where.line);
	return words;
}

/* --- nets ---------------------------------------------------------------------------------- */

bool lint_net_holds(const struct policy_net *outer, const struct policy_net *inner)
{
	size_t bytes = outer->bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> outer->bits % 8);

	if (outer->bits > inner->bits || policy_net_is_v4(outer) != policy_net_is_v4(inner) ||
	    memcmp(outer->addr, inner->addr, bytes))
		return false;
	return bytes == 16 || !((outer->addr[bytes] ^ inner->addr[bytes]) & mask);
}

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
static int lint_paths(struct linter *linter)
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
static int lint_enter(struct linter *linter)
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

/* --- broad-waiver -------------------------------------------------------------------------- */

/* Programs that run what they are told to, by the beginning of their names: python3.11 is python. */
static const char *const runners[] = {
	"sh", "bash", "dash", "ksh", "zsh", "fish", "busybox", "env", "python", "perl", "ruby", "node", "nodejs",
	"php", "lua", "tclsh", "awk", "gawk", "mawk", "make", "xargs", "find", "sudo", "su", "doas", "nohup",
	"timeout", "nice", "setsid", "systemd-run", "ld.so", "ld-linux-x86-64.so", "ld-linux-aarch64.so",
};

static bool is_runner(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	for (size_t i = 0; i < sizeof(runners) / sizeof(*runners); i++) {
		size_t length = strlen(runners[i]);

		/* What may follow is a version. */
		if (!strncmp(name, runners[i], length) && !name[length + strspn(name + length, "0123456789.-")])
			return true;
	}
	return false;
}

static int lint_waivers(struct linter *linter)
{
	for (size_t i = 0; i < linter->policy->waiver_count; i++) {
		const struct policy_waiver *waiver = &linter->policy->waivers[i];

		if (is_runner(waiver->exec))
			lint_add(linter, DIAG_WARNING, "broad-waiver", waiver->where,
				 "name the program that needs it, or the script, if that is executed itself (#!)",
				 "a waiver for %s is one for whatever that is told to run", waiver->exec);
	}
	return 0;
}

/* --- all ----------------------------------------------------------------------------------- */

int policy_lint(const struct policy *policy, const struct ruleset *image, struct diags *diags)
{
	struct linter linter = { .policy = policy, .image = image, .diags = diags };
	int err;

	err = lint_overlaps(&linter) ?: lint_private_ranges(&linter) ?: lint_families(&linter) ?:
		lint_reach(&linter) ?: lint_paths(&linter) ?: lint_enter(&linter) ?: lint_waivers(&linter);
	for (size_t i = 0; i < linter.text_count; i++)
		free(linter.texts[i].text);
	free(linter.texts);
	return err ?: diags->out_of_memory ? -ENOMEM : 0;
}
