/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../base/lines.h"
#include "../runs/run_id.h"
#include "audit_json.h"
#include "log_files.h"
#include "log_unpack.h"

#define STAMP "20270331-142355-123"
#define STAMP_SHORT (sizeof("20270331-142355") - 1)
#define DAY (24 * 60 * 60)
#define BUFFER_SIZE 65536

/* --- names ---------------------------------------------------------------------------------- */

/* "/var/log/ringfence", "audit" and ".jsonl". */
struct parts {
	char folder[PATH_MAX];
	char stem[NAME_MAX + 1];
	char suffix[NAME_MAX + 1];	/* "": none */
};

static int split(const char *path, struct parts *ret_parts)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);

	if (strlen(path) >= PATH_MAX - sizeof("-" STAMP) || strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	if (!slash)
		strcpy(ret_parts->folder, ".");
	else
		snprintf(ret_parts->folder, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	snprintf(ret_parts->stem, sizeof(ret_parts->stem), "%.*s", length, name);
	snprintf(ret_parts->suffix, sizeof(ret_parts->suffix), "%s", name + length);
	return 0;
}

/* Whether @size bytes are a stamp, with or without milliseconds: digits where STAMP has some. */
static bool is_stamp(const char *text, size_t size)
{
	if (size != STAMP_SHORT && size != sizeof(STAMP) - 1)
		return false;
	for (size_t i = 0; i < size; i++)
		if (STAMP[i] == '-' ? text[i] != '-' : !isdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* The length of a name without what gzip adds. */
static size_t plain_length(const char *name)
{
	size_t size = strlen(name), more = sizeof(LOG_PACKED) - 1;

	return size > more && !strcmp(name + size - more, LOG_PACKED) ? size - more : size;
}

/* The name that gzip gives a file. */
static bool packed_name(const char *path, char ret_name[PATH_MAX])
{
	return snprintf(ret_name, PATH_MAX, "%s" LOG_PACKED, path) < PATH_MAX;
}

static bool is_rotated_name(const struct parts *parts, const char *name, size_t size)
{
	size_t stem = strlen(parts->stem), suffix = strlen(parts->suffix);

	return size > stem + 1 + suffix && !strncmp(name, parts->stem, stem) && name[stem] == '-' &&
	       !strncmp(name + size - suffix, parts->suffix, suffix) &&
	       is_stamp(name + stem + 1, size - stem - 1 - suffix);
}

static bool is_rotated(const struct parts *parts, const char *name)
{
	return is_rotated_name(parts, name, strlen(name)) || is_rotated_name(parts, name, plain_length(name));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_name(struct log_files *files, const char *folder, const char *name)
{
	char **rotated = reallocarray(files->rotated, files->count + 1, sizeof(*rotated));

	if (!rotated)
		return -ENOMEM;
	files->rotated = rotated;
	if (asprintf(&rotated[files->count], "%s/%s", folder, name) < 0)
		return -ENOMEM;
	files->count++;
	return 0;
}

/* While a file is compressed, it is there with both names, and the new one need not be whole. Of names in order. */
static void drop_unfinished(struct log_files *files)
{
	size_t kept = 0;

	for (size_t i = 0; i < files->count; i++) {
		char *name = files->rotated[i], *more = name + plain_length(name), first = *more;
		bool twice;

		*more = 0;
		twice = first && kept && bsearch(&name, files->rotated, kept, sizeof(name), by_name);
		*more = first;
		if (twice)
			free(name);
		else
			files->rotated[kept++] = name;
	}
	files->count = kept;
}

/* Finds the rotated files, by name. */
static int find_rotated(const char *path, struct log_files *ret_files)
{
	struct dirent *entry;
	struct parts parts;
	int err = split(path, &parts);
	DIR *folder = err ? NULL : opendir(parts.folder);

	if (!folder)
		return err ?: -errno;
	while (!err && (entry = readdir(folder)))
		if (is_rotated(&parts, entry->d_name))
			err = add_name(ret_files, parts.folder, entry->d_name);
	closedir(folder);
	if (!err && ret_files->count)
		qsort(ret_files->rotated, ret_files->count, sizeof(*ret_files->rotated), by_name);
	drop_unfinished(ret_files);
	return err;
}

/* Of one that was rotated away, and may have been compressed since it was found. */
static int stat_rotated(const char *path, struct stat *ret_st)
{
	char packed[PATH_MAX];
	int err = stat(path, ret_st);

	if (err && errno == ENOENT && packed_name(path, packed))
		err = stat(packed, ret_st);
	return err;
}

/* Lets go of the names that @drop says so of. */
static void filter(struct log_files *files, bool (*drop)(const char *path, const void *ctx), const void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < files->count; i++)
		if (drop(files->rotated[i], ctx))
			free(files->rotated[i]);
		else
			files->rotated[kept++] = files->rotated[i];
	files->count = kept;
}

static bool is_same(const char *path, const void *ctx)
{
	const struct stat *other = ctx;
	struct stat st;

	return stat_rotated(path, &st) || (st.st_dev == other->st_dev && st.st_ino == other->st_ino);
}

static bool is_older(const char *path, const void *ctx)
{
	struct stat st;

	return stat_rotated(path, &st) || st.st_mtime < *(const time_t *)ctx;
}

/* --- reading -------------------------------------------------------------------------------- */

/* The file that is written is opened first: what is rotated afterwards is known by being that one. */
int log_files_open(const char *path, time_t since, struct log_files *ret_files)
{
	struct log_files files = { .last = log_unpack_open(path) };
	struct stat st;
	int err = files.last || errno == ENOENT ? 0 : -errno;

	if (!err)
		err = find_rotated(path, &files);
	if (!err && files.last && !fstat(fileno(files.last), &st))
		filter(&files, is_same, &st);
	if (!err && !files.last && !files.count)
		err = -ENOENT;
	if (err) {
		log_files_close(&files);
		return err;
	}
	if (since)
		filter(&files, is_older, &since);
	*ret_files = files;
	return 0;
}

void log_files_close(struct log_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->rotated[i]);
	free(files->rotated);
	if (files->last)
		fclose(files->last);
	*files = (struct log_files){ 0 };
}

FILE *log_files_open_rotated(const char *path)
{
	FILE *in = log_unpack_open(path);
	char packed[PATH_MAX];

	if (!in && errno == ENOENT && packed_name(path, packed))
		in = log_unpack_open(packed);
	return in;
}

bool log_files_is_growing(FILE *in)
{
	return fileno(in) >= 0;
}

/* How many bytes can be read of a file. What is compressed says so at its end, and anything where it was cut: it is
 * read through. */
static uint64_t size_of(const char *path)
{
	FILE *in = log_files_open_rotated(path);
	char bytes[4096];
	uint64_t total = 0;
	struct stat st;
	ssize_t size;

	if (!in)
		return 0;
	if (!fstat(fileno(in), &st))
		total = st.st_size;
	else
		while ((size = log_unpack_read(in, bytes, sizeof(bytes))) > 0)
			total += size;
	fclose(in);
	return total;
}

/* How many bytes of the log at @path go before the last @tail ones: those of the first files, *ret_first of
 * them, as a whole, and what is returned of the next. */
static uint64_t bytes_before(const char *path, const struct log_files *files, uint64_t tail, size_t *ret_first)
{
	struct stat st;
	uint64_t size = files->last && !fstat(fileno(files->last), &st) ? (uint64_t)st.st_size :
		files->last ? size_of(path) : 0;
	size_t first = files->count;

	while (size < tail && first)
		size += size_of(files->rotated[--first]);
	*ret_first = first;
	return size > tail ? size - tail : 0;
}

/* Goes to the first line that begins at @offset or behind. */
static int skip_to(FILE *in, uint64_t offset)
{
	int c;

	if (!offset)
		return 0;
	if (fseeko(in, (off_t)offset - 1, SEEK_SET))
		return -errno;
	while ((c = getc(in)) != EOF && c != '\n')
		;
	return 0;
}

struct line_reader {
	int (*each)(void *ctx, const char *line, size_t size);
	void *ctx;
	struct text line;		/* with its newline and a 0 */
	struct lines lines;
	char *buffer;
};

static int take_line(void *ctx, const char *line, size_t size, bool ended)
{
	struct line_reader *reader = ctx;

	if (size > LINES_MAX)
		return 0;
	reader->line.size = 0;
	text_append(&reader->line, line, size);
	text_append(&reader->line, ended ? "\n" : "", ended ? 2 : 1);
	if (reader->line.failed)
		return -ENOMEM;
	return reader->each(reader->ctx, reader->line.data, reader->line.size - 1);
}

static int read_file(struct line_reader *reader, FILE *in, uint64_t offset)
{
	int err = skip_to(in, offset);
	ssize_t size;

	while (!err && (size = log_unpack_read(in, reader->buffer, BUFFER_SIZE)) > 0)
		err = lines_take(&reader->lines, reader->buffer, size);
	if (!err && size < 0 && size != -EBADMSG)
		err = (int)size;
	return err ?: lines_end(&reader->lines);
}

static int read_files(struct line_reader *reader, const struct log_files *files, size_t first, uint64_t offset)
{
	int err = 0;

	for (size_t i = first; !err && i < files->count; i++) {
		FILE *in = log_files_open_rotated(files->rotated[i]);

		if (!in)
			continue;	/* removed as too old since it was found, or not to be read */
		err = read_file(reader, in, offset);
		offset = 0;
		fclose(in);
	}
	return !err && files->last ? read_file(reader, files->last, offset) : err;
}

int log_files_read(const char *path, struct log_part part,
		   int (*each)(void *ctx, const char *line, size_t size), void *ctx)
{
	struct line_reader reader = { .each = each, .ctx = ctx, .lines = { .each = take_line, .ctx = &reader } };
	struct log_files files;
	int err = log_files_open(path, part.since, &files);
	uint64_t offset = 0;
	size_t first = 0;

	if (err)
		return err;
	if (part.tail)
		offset = bytes_before(path, &files, part.tail, &first);
	reader.buffer = malloc(BUFFER_SIZE);
	err = reader.buffer ? read_files(&reader, &files, first, offset) : -ENOMEM;
	free(reader.buffer);
	text_free(&reader.line);
	text_free(&reader.lines.rest);
	log_files_close(&files);
	return err;
}

time_t log_files_since(uint64_t run)
{
	time_t began = (time_t)(run >> RUN_RANDOM_BITS);

	return began > DAY ? began - DAY : 0;
}

/* --- rotating ------------------------------------------------------------------------------- */

static void write_stamp(const struct timespec *when, char ret_stamp[sizeof(STAMP)])
{
	struct tm tm;
	size_t used = strftime(ret_stamp, sizeof(STAMP), "%Y%m%d-%H%M%S", gmtime_r(&when->tv_sec, &tm));

	snprintf(ret_stamp + used, sizeof(STAMP) - used, "-%03u", (unsigned int)(when->tv_nsec / 1000000) % 1000);
}

/* The stamp of a name right behind @name, by a millisecond: where the clock was set back, names go on. */
static bool stamp_behind(const struct parts *parts, const char *name, char ret_stamp[sizeof(STAMP)])
{
	const char *stamp = strrchr(name, '/') + 1 + strlen(parts->stem) + 1;
	struct timespec when = { 0 };
	struct tm tm = { 0 };
	const char *rest = strptime(stamp, "%Y%m%d-%H%M%S", &tm);

	if (!rest)
		return false;		/* digits, but no time */
	when.tv_sec = timegm(&tm);
	if (*rest == '-')
		when.tv_nsec = strtol(rest + 1, NULL, 10) * 1000000;
	when.tv_nsec += 1000000;
	if (when.tv_nsec >= 1000000000) {
		when.tv_nsec -= 1000000000;
		when.tv_sec++;
	}
	write_stamp(&when, ret_stamp);
	return true;
}

static int write_name(const struct parts *parts, const char *stamp, char ret_name[PATH_MAX])
{
	int length = snprintf(ret_name, PATH_MAX, "%s/%s-%s%s", parts->folder, parts->stem, stamp, parts->suffix);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int log_files_name(const char *path, char ret_name[PATH_MAX])
{
	struct log_files files = { 0 };
	char stamp[sizeof(STAMP)];
	struct timespec now;
	struct parts parts;
	int err = split(path, &parts) ?: find_rotated(path, &files);
	const char *newest = files.count ? files.rotated[files.count - 1] : "";

	clock_gettime(CLOCK_REALTIME, &now);
	write_stamp(&now, stamp);
	if (!err)
		err = write_name(&parts, stamp, ret_name);
	if (!err && strcmp(newest, ret_name) >= 0 && stamp_behind(&parts, newest, stamp))
		err = write_name(&parts, stamp, ret_name);
	log_files_close(&files);
	return err;
}

/* And what is being made from it. */
static void remove_rotated(const char *path)
{
	char packed[PATH_MAX];

	unlink(path);
	if (packed_name(path, packed))
		unlink(packed);
}

void log_files_prune(const char *path, unsigned int keep)
{
	struct log_files files = { 0 };

	if (keep && !find_rotated(path, &files))
		for (size_t i = 0; i + keep < files.count; i++)
			remove_rotated(files.rotated[i]);
	log_files_close(&files);
}

void log_files_unlink_twins(const char *path)
{
	struct log_files files = { 0 };
	struct stat st;

	if (!stat(path, &st) && !find_rotated(path, &files))
		for (size_t i = 0; i < files.count; i++)
			if (is_same(files.rotated[i], &st))
				unlink(files.rotated[i]);
	log_files_close(&files);
}

/* --- writing -------------------------------------------------------------------------------- */

/* Whether a file that is open has room for one more line. Reserving it is the test, where that can be
 * done; the room goes to the lines to come. */
static int look_for_room(int fd)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || !fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size, AUDIT_LINE_MAX))
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	if (fstatvfs(fd, &fs))
		return -errno;
	return fs.f_blocks && fs.f_bfree * fs.f_frsize < AUDIT_LINE_MAX ? -ENOSPC : 0;
}

int log_files_writable(const char *path)
{
	int err, fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	err = look_for_room(fd);
	close(fd);
	return err;
}
