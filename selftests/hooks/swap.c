/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run has open while the policy is switched: it was judged by the old one, and is judged by the new
 * one when it is used. To be run on the fence that shared.c has loaded. (Connections: selftests/soak.)
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempts.h"

#define FOLDER	WORK "/swap"
#define PROGRAM	FOLDER "/program"
#define SECRET	FOLDER "/secret"
#define POLICY	WORK "/swap.yaml"

/* --- what is open --------------------------------------------------------------------------- */

static const char *met(long result)
{
	return result < 0 ? strerrorname_np(errno) : "none";
}

/* hooks keep: opens the secret, maps the program to be read; for every line on stdin, reads the one and
 * makes the other executable, and tells what it met. */
int keep_main(int argc, char **argv)
{
	int secret = open(SECRET, O_RDONLY | O_CLOEXEC), program = open(PROGRAM, O_RDONLY | O_CLOEXEC);
	void *mapping = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, program, 0);
	char line[16], text[16];

	(void)argc;
	(void)argv;
	if (secret < 0 || mapping == MAP_FAILED)
		return 99;
	while (fgets(line, sizeof(line), stdin)) {
		printf("%s ", met(pread(secret, text, sizeof(text), 0)));
		printf("%s\n", met(mprotect(mapping, 1, PROT_READ | PROT_EXEC)));
		fflush(stdout);
		mprotect(mapping, 1, PROT_READ);
	}
	return 0;
}

/* --- the tests ------------------------------------------------------------------------------ */

static struct background keeping;

static bool apply(const char *verdict, struct why *why)
{
	struct command command;
	char text[512];

	snprintf(text, sizeof(text), "tag: swap\nmode: enforce\nservices:\n"
		 "  program: {execs: [%s]}\n  secret: {files: [%s]}\n"
		 "rules: [{%s: program}, {%s: secret}]\n", PROGRAM, SECRET, verdict, verdict);
	if (write_small(POLICY, text))
		return fail(why, "cannot write the policy");
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	return !command.status || fail(why, "apply: status %d: %.300s", command.status, command.err);
}

static bool meets(const char *want, struct why *why)
{
	char line[64] = "no answer";

	if (write(keeping.in, "\n", 1) != 1 ||
	    !background_line(&keeping, line, sizeof(line)) || strcmp(line, want))
		return fail(why, "reading and executing met %s, and not %s", line, want);
	return true;
}

/* The control, and that a policy which forbids nothing changes nothing. */
static bool test_allowed(struct why *why)
{
	mkdir(FOLDER, 0755);
	if (write_small(SECRET, "secret") || write_small(PROGRAM, "program") || !apply("allow", why))
		return fail(why, "cannot prepare it");
	if (background_start(&keeping, COMMAND("ringfence", "run", "--tag", "swap", "--quiet", "--",
					       (char *)self_path(), "keep")))
		return fail(why, "cannot start the run");
	return meets("none none", why) && apply("allow", why) && meets("none none", why);
}

static bool test_denied(struct why *why)
{
	return apply("deny", why) && meets("EPERM EPERM", why);
}

static bool test_allowed_again(struct why *why)
{
	bool ok = apply("allow", why) && meets("none none", why);
	int end = background_end(&keeping);

	return ok && (!end || fail(why, "the run ended with %d", end));
}

const struct test swap_tests[] = {
	{ "allowed", test_allowed },
	{ "denied", test_denied },
	{ "allowed-again", test_allowed_again },
	{},
};
