/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a published address list: the request is checked first, then the file, then its syntax,
 * then whether it is that provider's list at all; only then the walk over its entries begins.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "collapse.h"
#include "import_walk.h"

#define READ_STEP (1024 * 1024)

static struct diag_where whole_file(const char *file)
{
	return (struct diag_where){ .file = file, .len = 1 };
}

/* --- the file ------------------------------------------------------------------------------- */

/* Opens a regular file; waits for nothing else, and does not touch devices. */
static int open_list(const char *path)
{
	struct stat st;
	int fd;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTSUP;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Reads into a buffer that grows with what is there, up to IMPORT_FILE_MAX; a 0 ends it. */
static int read_fd(int fd, char **text, size_t *ret_size)
{
	size_t size = 0, room = 0;

	for (;;) {
		ssize_t got;

		if (size == room) {
			char *grown = realloc(*text, room += READ_STEP);

			if (!grown)
				return -ENOMEM;
			*text = grown;
		}
		got = read(fd, *text + size, room - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		size += got;
		if (size > IMPORT_FILE_MAX)
			return -EFBIG;
		if (!got) {
			(*text)[size] = 0;
			*ret_size = size;
			return 0;
		}
	}
}

static int read_list(const char *path, struct diags *diags, const char *file, char **ret_text,
		     size_t *ret_size)
{
	static_assert(IMPORT_FILE_MAX == 64 << 20, "the message below names the limit");
	int fd = open_list(path), err = fd;
	char *text = NULL;

	if (fd >= 0) {
		err = read_fd(fd, &text, ret_size);
		close(fd);
	}
	if (!err && *ret_size) {
		*ret_text = text;
		return 0;
	}
	free(text);
	if (err == -ENOMEM)
		return err;
	if (err)
		diags_add(diags, DIAG_ERROR, whole_file(file), NULL, 0, NULL, "cannot read: %s",
			  err == -EFBIG ? "it is larger than 64 MiB" : text_problem(err));
	else
		diags_add(diags, DIAG_ERROR, whole_file(file), NULL, 0, NULL, "the file is empty");
	return -EINVAL;
}

/* --- its syntax ----------------------------------------------------------------------------- */

/* The place of the character that ends at byte @end of @text. White space at the end of the text
 * is stepped over: where a text ends too early, its last character is what to look at. */
static struct diag_where where_at(const char *file, const char *text, size_t size, size_t end)
{
	struct diag_where where = { .file = file, .line = 1, .col = 1, .len = 1 };
	size_t at = end < size ? end : size;

	while (end >= size && at > 1 && isspace((unsigned char)text[at - 1]))
		at--;
	at -= at > 0;
	while (at && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	for (size_t i = 0; i < at; i++) {
		where.col = text[i] == '\n' ? 1 : where.col + 1;
		where.line += text[i] == '\n';
	}
	return where;
}

static json_t *parse_json(const char *text, size_t size, struct diags *diags, const char *file)
{
	const char *zero = memchr(text, 0, size), *near, *hint = NULL;
	json_error_t error;
	json_t *root;
	size_t end;

	if (zero) {
		diags_add(diags, DIAG_ERROR, where_at(file, text, size, zero - text + 1), NULL, 0,
			  NULL, "binary data (a zero byte); expected JSON text");
		return NULL;
	}
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (root)
		return root;
	if (json_error_code(&error) == json_error_out_of_memory) {
		diags->out_of_memory = true;
		return NULL;
	}
	if (text[strspn(text, " \t\r\n")] == '<')
		hint = "this looks like a web page; save the list itself";
	/* The position is that of the last byte read, which a byte that is no text is not. */
	end = error.position + (json_error_code(&error) == json_error_invalid_utf8);
	/* What jansson found the fault near to is shown by the source line. */
	near = strstr(error.text, " near '");
	diags_add(diags, DIAG_ERROR, where_at(file, text, size, end), text, size, hint,
		  "not valid JSON: %.*s", near ? (int)(near - error.text) : JSON_ERROR_TEXT_LENGTH,
		  error.text);
	return NULL;
}

/* --- what it is ----------------------------------------------------------------------------- */

/* The first top-level key of @provider's list that @root lacks, or NULL. */
static const char *missing_mark(const struct import_provider *provider, json_t *root)
{
	for (const char *const *mark = provider->marks; *mark; mark++) {
		if (!json_object_get(root, *mark))
			return *mark;
	}
	return NULL;
}

static bool is_list_of(const struct import_walk *walk)
{
	const char *missing = missing_mark(walk->provider, walk->root);
	const struct import_provider *other = import_providers;
	char hint[128];

	if (!missing)
		return true;
	while (other->name && missing_mark(other, walk->root))
		other++;
	if (other->name)
		snprintf(hint, sizeof(hint), "it looks like that of %s: ringfence import %s",
			 other->title, other->name);
	else
		snprintf(hint, sizeof(hint), "the list is published at %s", walk->provider->url);
	diags_add(walk->diags, DIAG_ERROR, whole_file(walk->file), NULL, 0, hint,
		  "this does not look like the list of %s: no key \"%s\"", walk->provider->title,
		  missing);
	return false;
}

/* --- what was not found --------------------------------------------------------------------- */

static int compare_words(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Walks again for the values that entries have for @key: sorted, each once, ended by NULL. */
static int collect_values(struct import_walk *walk, const char *key)
{
	size_t kept = 0;
	void *words;

	walk->collect = key;
	walk->word_count = 0;
	walk->provider->walk(walk);
	if (walk->err)
		return walk->err;
	words = reallocarray(walk->words, walk->word_count + 1, sizeof(*walk->words));
	if (!words)
		return -ENOMEM;
	walk->words = words;
	walk->word_room = walk->word_count + 1;
	qsort(walk->words, walk->word_count, sizeof(*walk->words), compare_words);
	for (size_t i = 0; i < walk->word_count; i++) {
		if (!kept || strcmp(walk->words[kept - 1], walk->words[i]))
			walk->words[kept++] = walk->words[i];
	}
	walk->words[kept] = NULL;
	walk->word_count = kept;
	return 0;
}

/* Writes into @hint what could have been meant: the nearest value, or all where they fit. */
static void hint_values(const struct import_walk *walk, const char *value, char *hint, size_t size)
{
	const char *nearest = diag_nearest(value, walk->words);
	struct word_list list = word_list(walk->words);

	if (nearest)
		snprintf(hint, size, "did you mean \"%s\"?", nearest);
	else if (strlen(list.text) < sizeof(list.text) - 1)
		snprintf(hint, size, "expected %s", list.text);
	else
		snprintf(hint, size, "it has %zu others, such as \"%.*s\"", walk->word_count,
			 IMPORT_WORD_SHOWN, walk->words[walk->word_count / 2]);
}

static int report_unseen(struct import_walk *walk, const struct import_select *select)
{
	int err = collect_values(walk, select->key);
	char hint[512];

	if (err)
		return err;
	hint_values(walk, select->value, hint, sizeof(hint));
	diags_add(walk->diags, select->implied ? DIAG_WARNING : DIAG_ERROR, whole_file(walk->file),
		  NULL, 0, walk->word_count && !select->implied ? hint : NULL,
		  "no entry has %s \"%s\"%s", select->key, select->value,
		  select->implied ? ", which is taken by default" : "");
	return 0;
}

/* Every condition must have met something, and so must all of them together. */
static int check_found(struct import_walk *walk)
{
	for (size_t i = 0; i < walk->select_count; i++) {
		int err = walk->selects[i].seen ? 0 : report_unseen(walk, &walk->selects[i]);

		if (err)
			return err;
	}
	if (!walk->net_count && !walk->diags->errors)
		diags_add(walk->diags, DIAG_ERROR, whole_file(walk->file), NULL, 0, NULL,
			  walk->select_count ? "no entry fulfils all of the selection" :
					       "the list holds no address ranges");
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------ */

/* "createDate 2025-07-24, syncToken 17", or NULL in @ret_text where the list has no date. */
static int list_dates(const struct import_walk *walk, char **ret_text)
{
	char text[512], word[IMPORT_WORD_SHOWN + 1];
	size_t length = 0;

	for (const char *const *key = walk->provider->dates; *key; key++) {
		json_t *value = json_object_get(walk->root, *key);

		if (json_is_string(value))
			snprintf(word, sizeof(word), "%s", json_string_value(value));
		else if (json_is_integer(value))
			snprintf(word, sizeof(word), "%lld", (long long)json_integer_value(value));
		else
			continue;
		length += snprintf(text + length, sizeof(text) - length, "%s%s %s",
				   length ? ", " : "", *key, word);
	}
	if (!length)
		return 0;
	*ret_text = strdup(text);
	return *ret_text ? 0 : -ENOMEM;
}

static int walk_list(struct import_walk *walk)
{
	int err;

	if (!is_list_of(walk))
		return -EINVAL;
	walk->provider->walk(walk);
	if (walk->err)
		return walk->err;
	if (walk->diags->errors)
		return -EINVAL;
	err = check_found(walk);
	if (err)
		return err;
	return walk->diags->errors ? -EINVAL : 0;
}

static int read_and_walk(struct import_walk *walk, const char *path)
{
	char *text = NULL;
	size_t size = 0;
	int err = read_list(path, walk->diags, walk->file, &text, &size);

	if (err)
		return err;
	walk->root = parse_json(text, size, walk->diags, walk->file);
	free(text);
	return walk->root ? walk_list(walk) : -EINVAL;
}

static int take_result(struct import_walk *walk, const char *path,
		       const struct import_request *request, struct import *ret_import)
{
	const char *slash = strrchr(path, '/');
	struct import import = {
		.provider = walk->provider,
		.request = *request,
		.file = strdup(slash ? slash + 1 : path),
		.read_count = walk->net_count,
	};

	if (!import.file || list_dates(walk, &import.dates)) {
		import_free(&import);
		walk->diags->out_of_memory = true;
		return -ENOMEM;
	}
	import.nets = walk->nets;
	import.net_count = collapse_nets(walk->nets, walk->net_count);
	walk->nets = NULL;
	*ret_import = import;
	return 0;
}

int import_read(const char *path, const struct import_request *request, struct diags *diags,
		struct import *ret_import)
{
	struct import_walk walk = { .diags = diags, .file = diags_file(diags, path) };
	int err = -EINVAL;

	if (import_check_request(&walk, request))
		err = read_and_walk(&walk, path);
	if (err == -ENOMEM)
		diags->out_of_memory = true;
	if (!err && !diags->out_of_memory)
		err = take_result(&walk, path, request, ret_import);
	json_decref(walk.root);
	free(walk.nets);
	free(walk.words);
	return diags->out_of_memory ? -ENOMEM : err;
}

void import_free(struct import *import)
{
	if (!import)
		return;
	free(import->file);
	free(import->dates);
	free(import->nets);
}
