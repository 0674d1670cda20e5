/* SPDX-License-Identifier: BSD-2-Clause */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define DEFAULT_SEARCH "/bin:/usr/bin"	/* of execvp(3), without PATH */

/* --- the script ----------------------------------------------------------------------------- */

/* Programs that are given a script, themselves or by way of another, as the first of their arguments that is
 * a text; and options after which none follows: what is to be done is given with them. */
static const struct interpreter {
	const char *name;		/* up to a version: python3.11 */
	const char *inline_options;	/* letters, which may stand behind others: -ec */
} interpreters[] = {
	{ "sh", "c" }, { "bash", "c" }, { "dash", "c" }, { "ash", "c" }, { "ksh", "c" }, { "zsh", "c" },
	{ "fish", "c" }, { "python", "cm" }, { "perl", "eE" }, { "ruby", "e" }, { "node", "ep" }, { "php", "r" },
	{ "lua", "e" }, { "tclsh", "" }, { "busybox", "c" },
	{ "env", "" }, { "nice", "" }, { "ionice", "" }, { "nohup", "" }, { "timeout", "" }, { "setsid", "" },
	{ "stdbuf", "" }, { "sudo", "" }, { "time", "" },
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const struct interpreter *find_interpreter(const char *program)
{
	const char *name = base_of(program);

	for (size_t i = 0; i < ARRAY_SIZE(interpreters); i++) {
		size_t length = strlen(interpreters[i].name);

		if (!strncmp(name, interpreters[i].name, length) &&
		    !name[length + strspn(name + length, "0123456789.")])
			return &interpreters[i];
	}
	return NULL;
}

/* Only what is a regular file: to open a device may be to use it. */
static int open_file(const char *path)
{
	struct stat st;
	int fd = stat(path, &st) || !S_ISREG(st.st_mode) ? -1 :
		open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A file of which it can be told at the beginning that it is no program. */
static int open_text(const char *path)
{
	int fd = open_file(path);
	char head[512];
	ssize_t size = fd < 0 ? 0 : pread(fd, head, sizeof(head), 0);

	if (fd >= 0 && size > 0 && memchr(head, 0, size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Whether an option says that no script follows. */
static bool is_inline(const struct interpreter *interpreter, const char *option)
{
	return option[0] == '-' && option[1] != '-' && strpbrk(option, interpreter->inline_options);
}

/* The first argument that is a text; what an option is given hardly is one. */
static int open_argument(const struct interpreter *interpreter, char *const *argv, const char **ret_path)
{
	for (; *argv && !is_inline(interpreter, *argv); argv++) {
		int fd = **argv == '-' || **argv == '+' ? -1 : open_text(*argv);

		*ret_path = *argv;
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* As execvp(3) finds it, in @found. */
static int open_program(const char *name, char found[PATH_MAX])
{
	const char *at = getenv("PATH");
	int fd = -1;

	if (strchr(name, '/')) {
		snprintf(found, PATH_MAX, "%s", name);
		return open_file(found);
	}
	for (at = at ? at : DEFAULT_SEARCH; at && fd < 0; at = *at ? at + 1 : NULL) {
		size_t size = strcspn(at, ":");

		if (snprintf(found, PATH_MAX, "%.*s%s%s", (int)size, at, size ? "/" : "", name) < PATH_MAX &&
		    !access(found, X_OK))
			fd = open_file(found);
		at += size;
	}
	return fd;
}

static bool is_script(int fd)
{
	char head[2];

	return pread(fd, head, sizeof(head), 0) == sizeof(head) && head[0] == '#' && head[1] == '!';
}

/* Reads what there is from the beginning, at most @max bytes. */
static void read_text(int fd, struct text *out, size_t max)
{
	char buf[16384];
	ssize_t got;

	while (out->size < max &&
	       (got = pread(fd, buf, max - out->size < sizeof(buf) ? max - out->size : sizeof(buf), out->size)) > 0)
		text_append(out, buf, got);
}

static void find_script(char *const *argv, struct facts *facts)
{
	const struct interpreter *interpreter = find_interpreter(argv[0]);
	char found[PATH_MAX], real[PATH_MAX];
	const char *path = found;
	int fd = open_program(argv[0], found);

	if (fd >= 0 && !is_script(fd)) {
		close(fd);
		fd = interpreter ? open_argument(interpreter, argv + 1, &path) : -1;
	}
	if (fd < 0)
		return;
	text_append_string(&facts->script, realpath(path, real) ? real : path);
	read_text(fd, &facts->lines, FACTS_SCRIPT_MAX);
	close(fd);
}

/* --- all of it ------------------------------------------------------------------------------ */

/* Strings with their final 0, as many as there is room for; of the last one a part with @part. */
static void add_strings(struct text *out, char *const *strings, size_t max, bool part)
{
	for (; *strings; strings++) {
		size_t size = strlen(*strings) + 1, room = max - out->size;

		if (size > room && part)
			text_append(out, *strings, room);
		if (size > room)
			return;
		text_append(out, *strings, size);
	}
}

static bool is_whole(const struct facts *facts)
{
	return !facts->command.failed && !facts->environment.failed && !facts->directory.failed &&
	       !facts->script.failed && !facts->lines.failed;
}

int facts_gather(char *const *argv, char *const *environment, struct facts *ret_facts)
{
	struct facts facts = {};
	char here[PATH_MAX];

	add_strings(&facts.command, argv, FACTS_COMMAND_MAX, true);
	add_strings(&facts.environment, environment, FACTS_ENVIRONMENT_MAX, false);
	if (getcwd(here, sizeof(here)))
		text_append_string(&facts.directory, here);
	find_script(argv, &facts);
	if (!is_whole(&facts)) {
		facts_free(&facts);
		return -ENOMEM;
	}
	*ret_facts = facts;
	return 0;
}

void facts_free(struct facts *facts)
{
	text_free(&facts->command);
	text_free(&facts->environment);
	text_free(&facts->directory);
	text_free(&facts->script);
	text_free(&facts->lines);
}

/* --- from one process to another ------------------------------------------------------------ */

#define PARTS 5
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* At the beginning of the file; the parts follow each other. */
struct packing {
	uint32_t sizes[PARTS];
};

static const uint32_t part_max[PARTS] = {
	FACTS_COMMAND_MAX, FACTS_ENVIRONMENT_MAX, FACTS_PATH_MAX, FACTS_PATH_MAX, FACTS_SCRIPT_MAX,
};

static void list_parts(struct facts *facts, struct text *ret_parts[PARTS])
{
	ret_parts[0] = &facts->command;
	ret_parts[1] = &facts->environment;
	ret_parts[2] = &facts->directory;
	ret_parts[3] = &facts->script;
	ret_parts[4] = &facts->lines;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
	return !size || write(fd, bytes, size) == (ssize_t)size;
}

int facts_pack(const struct facts *facts)
{
	int fd = memfd_create("ringfence-facts", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct packing packing;
	struct text *parts[PARTS];
	bool written;
	int err;

	if (fd < 0)
		return -errno;
	list_parts((struct facts *)facts, parts);
	for (int i = 0; i < PARTS; i++)
		packing.sizes[i] = parts[i]->size;
	errno = EIO;			/* a short write */
	written = write_all(fd, &packing, sizeof(packing));
	for (int i = 0; i < PARTS; i++)
		written = written && write_all(fd, parts[i]->data, parts[i]->size);
	if (written && !fcntl(fd, F_ADD_SEALS, SEALS))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* With all seals it is a file in memory: no file system of the sender's has a say in it. */
static bool is_packed(int fd, struct packing *ret_packing)
{
	uint64_t size = sizeof(*ret_packing);
	struct stat st;

	if ((fcntl(fd, F_GET_SEALS) & SEALS) != SEALS || fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st) ||
	    pread(fd, ret_packing, sizeof(*ret_packing), 0) != sizeof(*ret_packing))
		return false;
	for (int i = 0; i < PARTS; i++) {
		if (ret_packing->sizes[i] > part_max[i])
			return false;
		size += ret_packing->sizes[i];
	}
	return (uint64_t)st.st_size == size;
}

int facts_unpack(int fd, struct facts *ret_facts)
{
	struct facts facts = {};
	struct packing packing;
	struct text *parts[PARTS];
	off_t at = sizeof(packing);
	char *bytes = NULL;
	int err = is_packed(fd, &packing) ? 0 : -EBADMSG;

	list_parts(&facts, parts);
	for (int i = 0; !err && i < PARTS; i++) {
		bytes = malloc(packing.sizes[i] + 1);
		if (!bytes)
			err = -ENOMEM;
		else if (pread(fd, bytes, packing.sizes[i], at) != (ssize_t)packing.sizes[i])
			err = -EBADMSG;
		else
			text_append(parts[i], bytes, packing.sizes[i]);
		free(bytes);
		at += packing.sizes[i];
	}
	if (!err && !is_whole(&facts))
		err = -ENOMEM;
	if (err) {
		facts_free(&facts);
		return err;
	}
	*ret_facts = facts;
	return 0;
}
