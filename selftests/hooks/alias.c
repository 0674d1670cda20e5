/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that permit: under a policy that denies all files, or programs, but those with certain names. A
 * deploy that can mount could give any file such a name; a program may have none at all. To be run on the
 * fence that shared.c has loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attempts.h"

#define FOLDER	WORK "/alias"
#define ALLOWED	FOLDER "/allowed"
#define OTHER_ROOT FOLDER "/other-root"
#define HIDDEN	OTHER_ROOT ALLOWED	/* where it would be allowed below another root */
#define POLICY	WORK "/alias.yaml"
#define SECRET	"not to be read"
#define LOG	WORK "/alias.jsonl"

/* --- what is tried -------------------------------------------------------------------------- */

static int bind_mount(void)
{
	return mount(HIDDEN, ALLOWED, NULL, MS_BIND, NULL);
}

/* Flags that say two things: the kernel obeys the first. */
static int bind_private(void)
{
	return mount(HIDDEN, ALLOWED, NULL, MS_BIND | MS_PRIVATE, NULL);
}

static int move_clone(void)
{
	int tree = syscall(SYS_open_tree, AT_FDCWD, HIDDEN, OPEN_TREE_CLONE | O_CLOEXEC);

	if (tree < 0)
		return -1;
	return syscall(SYS_move_mount, tree, "", AT_FDCWD, ALLOWED, MOVE_MOUNT_F_EMPTY_PATH);
}

/* What is below a new root has the name it has there. */
static int pivot(void)
{
	if (mount(OTHER_ROOT, OTHER_ROOT, NULL, MS_BIND, NULL) || chdir(OTHER_ROOT))
		return -1;
	return syscall(SYS_pivot_root, ".", ".");
}

static int in_user_namespace(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) ? -1 : bind_mount();
}

/* hooks copy: executes a copy of this program that never had a name, which leaves a marker. Exits with the
 * errno it met. */
int copy_main(int argc, char **argv)
{
	char *mark[] = { "copy", "mark", MARKER, NULL };
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = memfd_create("copy", MFD_CLOEXEC);

	(void)argc;
	(void)argv;
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	fexecve(to, mark, environ);
	return errno;
}

static const struct {
	const char *name;
	int (*give)(void);
} ways[] = {
	{ "bind", bind_mount },
	{ "bind-private", bind_private },
	{ "move", move_clone },
	{ "pivot", pivot },
	{ "user-namespace", in_user_namespace },
};

/* hooks alias WAY: gives the hidden file an allowed name, and prints what it reads there. Exits with the
 * errno it met. */
int alias_main(int argc, char **argv)
{
	char text[64];
	ssize_t size;

	if (argc != 3 || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 255;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(argv[2], ways[i].name) && ways[i].give())
			return errno;
	size = read_small(ALLOWED "/file", text, sizeof(text));
	if (size < 0)
		return -size;
	printf("%s\n", text);
	return 0;
}

/* --- the tests ------------------------------------------------------------------------------ */

static bool write_policy(const char *verdict)
{
	char text[512];

	snprintf(text, sizeof(text), "tag: alias\nmode: enforce\nservices:\n"
		 "  allowed: {files: [%s/]}\n  program: {files: [%s]}\n"
		 "rules: [{allow: allowed}, {allow: program}]\ndefault: {file: %s}\n", ALLOWED,
		 self_path(), verdict);
	return !write_small(POLICY, text);
}

static bool apply(const char *verdict, struct why *why)
{
	struct command command;

	if (!write_policy(verdict))
		return fail(why, "cannot write the policy");
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	return !command.status || fail(why, "apply: status %d: %.300s", command.status, command.err);
}

static void attempt(struct command *command, bool tagged, const char *way)
{
	char *program = (char *)self_path();

	if (tagged)
		command_run(command, 0, COMMAND("ringfence", "run", "--tag", "alias", "--quiet",
						"--log", LOG, "--", program, "alias", (char *)way));
	else
		command_run(command, 0, COMMAND(program, "alias", (char *)way));
}

static bool reads_it(bool tagged, const char *way, struct why *why)
{
	struct command command;

	attempt(&command, tagged, way);
	return (!command.status && strstr(command.out, SECRET)) ||
		fail(why, "%s: it could not be read%s: status %d", way, tagged ? " tagged" : "",
		     command.status);
}

static bool is_recorded(struct why *why)
{
	struct journal journal;
	bool ok;

	journal_read(&journal, LOG, NULL);
	ok = !*journal.error && journal_count(&journal, "ringfence.act", "mount") == 1 &&
		json_array_size(journal.lines) == 1;
	if (!ok)
		fail(why, "not one record of the mount, but %zu lines",
		     json_array_size(journal.lines));
	journal_free(&journal);
	return ok;
}

/* Where names do not permit, mounts are nobody's business. */
static bool test_free_without_grants(struct why *why)
{
	struct command command;

	command_run(&command, 0, COMMAND("mkdir", "-p", ALLOWED, HIDDEN));
	if (write_small(HIDDEN "/file", SECRET) || !apply("allow", why))
		return fail(why, "cannot prepare it");
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!reads_it(true, ways[i].name, why))
			return false;
	return true;
}

static bool denied(const char *way, struct why *why)
{
	struct command command;

	unlink(LOG);
	if (!reads_it(false, way, why))
		return false;
	attempt(&command, true, way);
	if (command.status != EPERM || strstr(command.out, SECRET))
		return fail(why, "%s: status %d and not EPERM: %s", way, command.status, command.out);
	return is_recorded(why);
}

/* The control of the denials: what has the name by right can be read. */
static bool test_allowed_by_name(struct why *why)
{
	struct command command;
	bool ok;

	if (!apply("deny", why) || write_small(ALLOWED "/file", SECRET))
		return false;
	attempt(&command, true, "none");
	ok = !command.status && strstr(command.out, SECRET);
	unlink(ALLOWED "/file");
	return ok || fail(why, "status %d: %.300s", command.status, command.err);
}

static bool test_bind(struct why *why)
{
	return denied("bind", why);
}

static bool test_bind_private(struct why *why)
{
	return denied("bind-private", why);
}

static bool test_move(struct why *why)
{
	return denied("move", why);
}

static bool test_pivot(struct why *why)
{
	return denied("pivot", why);
}

static bool test_user_namespace(struct why *why)
{
	return denied("user-namespace", why);
}

static bool copy_ends_with(int want, bool executed, char *const argv[], struct why *why)
{
	struct command command;
	bool marked;

	marker_taken();			/* of an earlier test */
	command_run(&command, 0, argv);
	marked = marker_taken();
	return (command.status == want && marked == executed) ||
		fail(why, "status %d, %s: %.300s", command.status,
		     marked ? "and it was executed" : "not executed", command.err);
}

/* Only this program may be executed; what it reads it may read. */
static bool test_program_without_name(struct why *why)
{
	char *program = (char *)self_path();
	struct command command;
	char text[512];

	snprintf(text, sizeof(text), "tag: alias\nmode: enforce\nservices: {program: {execs: [%s]}}\n"
		 "rules: [{allow: program}]\ndefault: {exec: deny}\n", program);
	if (write_small(POLICY, text))
		return fail(why, "cannot write the policy");
	command_run(&command, 0, COMMAND("ringfence", "apply", POLICY));
	if (command.status)
		return fail(why, "apply: status %d: %.300s", command.status, command.err);
	return copy_ends_with(0, true, COMMAND(program, "copy"), why) &&
		copy_ends_with(EPERM, false, COMMAND("ringfence", "run", "--tag", "alias", "--quiet",
						     "--", program, "copy"), why);
}

const struct test alias_tests[] = {
	{ "free-without-grants", test_free_without_grants },
	{ "allowed-by-name", test_allowed_by_name },
	{ "bind", test_bind },
	{ "bind-private", test_bind_private },
	{ "move", test_move },
	{ "pivot", test_pivot },
	{ "user-namespace", test_user_namespace },
	{ "program-without-name", test_program_without_name },
	{},
};
