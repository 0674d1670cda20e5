/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which file an item of `include` means, and what to say where there is none: the service files that are there.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define SUFFIX ".yaml"
#define NAMES_MAX 256			/* of a host that are looked at, */
#define NAMES_SHOWN 12			/* and that are listed */

__attribute__((format(printf, 2, 3)))
static char *path_make(struct checker *checker, const char *fmt, ...)
{
	char *path = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&path, fmt, args) < 0) {
		path = NULL;
		checker->out_of_memory = true;
	}
	va_end(args);
	return path;
}

/* How much of the policy's path is its folder. */
static int folder_length(const struct checker *checker)
{
	const char *policy = checker->policy->file;
	const char *slash = strrchr(policy, '/');

	return slash ? (int)(slash - policy) + 1 : 0;
}

/* The @n-th folder in which names are looked for, with a slash at its end; for free(). NULL when there are no
 * more. */
static char *name_folder(struct checker *checker, size_t n)
{
	const char *const *dirs = checker->service_dirs;

	if (!n)
		return path_make(checker, "%.*sservices/", folder_length(checker), checker->policy->file);
	for (size_t i = 1; dirs && dirs[i - 1]; i++)
		if (i == n)
			return path_make(checker, "%s/", dirs[i - 1]);
	return NULL;
}

/* The @n-th path an item may mean, for free(); NULL when there are no more. */
static char *candidate(struct checker *checker, const char *name, size_t n)
{
	bool path = strchr(name, '/');
	char *folder, *file;

	while (!strncmp(name, "./", 2))
		name += 2;
	if (*name == '/')
		return n ? NULL : path_make(checker, "%s", name);
	if (path)
		return n ? NULL : path_make(checker, "%.*s%s", folder_length(checker), checker->policy->file, name);
	folder = name_folder(checker, n);
	file = folder ? path_make(checker, "%s%s" SUFFIX, folder, name) : NULL;
	free(folder);
	return file;
}

/* --- what is there -------------------------------------------------------------------------- */

/* Names of files, ended by a NULL. */
struct names {
	char *list[NAMES_MAX + 1];
	size_t count;
};

/* Adds the service files of a folder, those that have a name to be included by. */
static void names_add(struct checker *checker, struct names *names, const char *folder)
{
	char whole[2 * PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	if (snprintf(whole, sizeof(whole), "%s%s", checker->root, *folder ? folder : ".") >= (int)sizeof(whole))
		return;
	dir = opendir(whole);
	while (dir && names->count < NAMES_MAX && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (*entry->d_name == '.' || length <= strlen(SUFFIX) ||
		    strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX))
			continue;
		names->list[names->count] = path_make(checker, "%.*s", (int)(length - strlen(SUFFIX)), entry->d_name);
		if (names->list[names->count])
			names->count++;
	}
	if (dir)
		closedir(dir);
}

static int names_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order, each once. */
static void names_sort(struct names *names)
{
	size_t kept = 0;

	qsort(names->list, names->count, sizeof(*names->list), names_compare);
	for (size_t i = 0; i < names->count; i++) {
		if (kept && !strcmp(names->list[kept - 1], names->list[i]))
			free(names->list[i]);
		else
			names->list[kept++] = names->list[i];
	}
	names->count = kept;
	names->list[kept] = NULL;
}

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
}

/* What a name can mean. */
static void names_read(struct checker *checker, struct names *names)
{
	char *folder;

	for (size_t n = 0; (folder = name_folder(checker, n)); n++) {
		names_add(checker, names, folder);
		free(folder);
	}
	names_sort(names);
}

/* "github, handoff and null-devices" */
static struct word_list names_words(const struct names *names)
{
	struct word_list words = { "" };
	size_t used = 0;

	for (size_t i = 0; i < names->count && i < NAMES_SHOWN && used < sizeof(words.text); i++)
		used += (size_t)snprintf(words.text + used, sizeof(words.text) - used, "%s%.60s",
					 !i ? "" : i + 1 == names->count ? " and " : ", ", names->list[i]);
	if (names->count > NAMES_SHOWN && used < sizeof(words.text))
		snprintf(words.text + used, sizeof(words.text) - used, ", ...");
	return words;
}

/* --- what is not ---------------------------------------------------------------------------- */

/* Where it was looked for. */
static void places_write(struct checker *checker, const char *name, char *places, size_t size)
{
	size_t used = 0;
	char *path;

	*places = 0;
	for (size_t n = 0; (path = candidate(checker, name, n)); n++) {
		if (used < size)
			used += (size_t)snprintf(places + used, size - used, "%s%s", n ? ", " : "", path);
		free(path);
	}
}

static const char *hint_for_name(struct checker *checker, const char *name)
{
	char places[sizeof(checker->hint) / 2], bare[FILENAME_MAX];
	struct names names = { .count = 0 };
	size_t length = strlen(name);
	const char *hint = NULL;

	/* github.yaml for github */
	if (length > strlen(SUFFIX) && !strcmp(name + length - strlen(SUFFIX), SUFFIX))
		length -= strlen(SUFFIX);
	snprintf(bare, sizeof(bare), "%.*s", (int)length, name);
	names_read(checker, &names);
	places_write(checker, name, places, sizeof(places));
	hint = check_nearest(checker, bare, (const char *const *)names.list);
	if (!hint && strcmp(bare, name))
		hint = check_hint(checker, "a file beside this one is written ./%.200s; looked for %s", name, places);
	else if (!hint && names.count)
		hint = check_hint(checker, "there %s %s; looked for %s", names.count == 1 ? "is" : "are",
				  names_words(&names).text, places);
	else if (!hint)
		hint = check_hint(checker, "looked for %s", places);
	names_free(&names);
	return hint;
}

/* An item with a slash means one file: one of its folder, perhaps. */
static const char *hint_for_path(struct checker *checker, const char *name)
{
	const char *base = strrchr(name, '/') + 1, *nearest = NULL;
	char bare[FILENAME_MAX], *path = candidate(checker, name, 0), *slash;
	size_t length = strlen(base);
	struct names names = { .count = 0 };
	const char *hint;

	if (!path)
		return NULL;
	if (length > strlen(SUFFIX) && !strcmp(base + length - strlen(SUFFIX), SUFFIX))
		length -= strlen(SUFFIX);
	snprintf(bare, sizeof(bare), "%.*s", (int)length, base);
	hint = check_hint(checker, "looked for %s", path);
	slash = strrchr(path, '/');
	if (slash)
		slash[1] = 0;
	names_add(checker, &names, slash ? path : "");
	names_sort(&names);
	if (checker->diags->errors < DIAG_SHOWN_MAX)
		nearest = diag_nearest(bare, (const char *const *)names.list);
	if (nearest)
		hint = check_hint(checker, "did you mean \"%.*s%s" SUFFIX "\"?", (int)(base - name), name, nearest);
	names_free(&names);
	free(path);
	return hint;
}

const char *include_hint(struct checker *checker, const char *service)
{
	struct names names = { .count = 0 };
	const char *nearest = NULL;

	if (checker->diags->errors >= DIAG_SHOWN_MAX || strchr(service, '/'))
		return NULL;
	names_read(checker, &names);
	nearest = diag_nearest(service, (const char *const *)names.list);
	if (nearest)
		nearest = check_hint(checker, strcmp(nearest, service) ?
				     "did you mean \"%s\"? Its file is not included: include: [%s]" :
				     "\"%s\" has a file that is not included: write include: [%s]", nearest, nearest);
	names_free(&names);
	return nearest;
}

bool include_read(struct checker *checker, const struct node *item, char **ret_path,
		  char **ret_text, size_t *ret_size)
{
	const char *name = scalar_read(checker, item, "the name or path of a service file",
				       PATH_LENGTH_MAX - 1);
	char *path;
	int r;

	if (!name)
		return false;
	for (size_t n = 0; (path = candidate(checker, name, n)); n++) {
		r = text_read(checker->root, path, ret_text, ret_size);
		if (!r) {
			*ret_path = path;
			return true;
		}
		if (r == -ENOMEM)
			checker->out_of_memory = true;
		else if (r != -ENOENT && r != -ENOTDIR)
			check_fault(checker, item, NULL, "cannot read %.1000s: %s", path,
				    text_problem(r));
		free(path);
		if (r != -ENOENT && r != -ENOTDIR)
			return false;
	}
	check_fault(checker, item, strchr(name, '/') ? hint_for_path(checker, name) : hint_for_name(checker, name),
		    "cannot find the service file \"%s\"", name);
	return false;
}
