/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "lint_pass.h"

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

int lint_waivers(struct linter *linter)
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
