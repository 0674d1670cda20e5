/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/locations.h"
#include "../base/pid_space.h"
#include "../base/text.h"
#include "audit_json.h"
#include "audit_line.h"
#include "lineage.h"
#include "listener.h"
#include "log_files.h"

#define CPU_MAX 65536			/* more than any kernel has (CONFIG_NR_CPUS) */
#define TAIL_SIZE (4 * AUDIT_LINE_MAX)	/* where the last lines of a log are looked for */
#define NS_PER_SECOND INT64_C(1000000000)
#define HOSTNAME_SIZE 65		/* HOST_NAME_MAX and the final 0 */
#define LOG_MODE 0640
#define RETRY_S 60			/* after a rotation that failed */

/* A line in the buffer that is not wholly written. */
struct line {
	size_t end;			/* offset in the buffer behind its newline */
	struct record record;		/* for audit_logged_fn */
};

struct cpu {
	bool seen;
	uint64_t lost;			/* its counter, in the last record from there */
};

struct audit {
	struct audit_config config;
	char *path;
	int fd;
	bool broken;			/* its last line is not ended */
	time_t begun;			/* when its first line was written; 0: it has none */
	uint64_t rotations;
	int rotation_fault;
	time_t retry;			/* no rotation before */
	struct lineage *lineage;
	struct listeners *listeners;
	struct text buffer;		/* begins with the first line that is not wholly written */
	size_t written;			/* of it, less than that line */
	struct line *lines;
	size_t line_count, line_capacity;
	struct cpu *cpus;
	size_t cpu_count;
	uint64_t lost;			/* since the last line */
	uint64_t seq;			/* of the last line */
	char boot_id[AUDIT_BOOT_ID_SIZE];
	char hostname[HOSTNAME_SIZE];
};

/* --- opening ------------------------------------------------------------------------------ */

static int read_boot_id(char ret_id[AUDIT_BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return -errno;
	size = read(fd, ret_id, AUDIT_BOOT_ID_SIZE);
	close(fd);
	if (size != AUDIT_BOOT_ID_SIZE || ret_id[AUDIT_BOOT_ID_SIZE - 1] != '\n')
		return -EIO;
	ret_id[AUDIT_BOOT_ID_SIZE - 1] = 0;
	return 0;
}

/* The sequence number of the last line in @tail that can be read, where this boot wrote it. */
static uint64_t seq_of_tail(const char *tail, size_t size, const char *boot_id)
{
	while (size) {
		const char *newline = memrchr(tail, '\n', size - 1);
		size_t begin = newline ? newline + 1 - tail : 0;
		struct audit_line line;
		uint64_t seq = 0;

		if (!audit_line_parse(tail + begin, size - begin, &line)) {
			if (!strcmp(line.boot_id, boot_id))
				seq = line.seq;
			audit_line_free(&line);
			return seq;
		}
		size = begin;
	}
	return 0;
}

/* What there is to know of a file before it is written to. */
struct log_file {
	int fd;
	uint64_t seq;			/* of its last line, where this boot wrote it */
	bool broken;			/* that is not ended */
	time_t begun;
};

/* Reads from @offset on, where the file's name may be read at all. Returns the size, or -errno. */
static ssize_t read_part(const char *path, off_t offset, char *ret_bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got = fd < 0 ? -errno : pread(fd, ret_bytes, size, offset);

	if (fd >= 0 && got < 0)
		got = -errno;
	if (fd >= 0)
		close(fd);
	return got;
}

/* Looks at the end of a log: where its sequence stands, and whether its last line is broken. */
static int read_tail(const char *path, off_t end, const char *boot_id, struct log_file *file)
{
	off_t begin = end > TAIL_SIZE ? end - TAIL_SIZE : 0;
	char *tail = malloc(TAIL_SIZE);
	ssize_t size = tail ? read_part(path, begin, tail, TAIL_SIZE) : -ENOMEM;

	if (size > 0) {
		file->seq = seq_of_tail(tail, size, boot_id);
		file->broken = tail[size - 1] != '\n';
	}
	free(tail);
	return size < 0 ? size : 0;
}

/* When the first line was written: its stamp, or where it is none of ours the file's last change. */
static time_t read_begun(const char *path, const struct stat *st)
{
	static const char mark[] = "{\"@timestamp\":\"";
	char head[sizeof(mark) + sizeof("2027-03-31T14:23:55")] = "";
	struct tm tm = { 0 };
	ssize_t size = read_part(path, 0, head, sizeof(head) - 1);

	if (size > 0 && !strncmp(head, mark, sizeof(mark) - 1) &&
	    strptime(head + sizeof(mark) - 1, "%Y-%m-%dT%H:%M:%S", &tm))
		return timegm(&tm);
	return st->st_mtime;
}

/* The host's log is its group's to read: that of the folder. Where this process may not do that, it stays
 * root's alone. */
static void give_to_group(const struct audit *audit, int fd, const struct stat *st)
{
	struct stat folder;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s.", (int)(strrchr(audit->path, '/') + 1 - audit->path), audit->path);
	if (st->st_gid || stat(path, &folder) || !folder.st_gid)
		return;
	if (fchown(fd, -1, folder.st_gid))
		return;
}

static int examine_file(const struct audit *audit, const char *path, struct log_file *file)
{
	struct stat st;
	int r = 0;

	if (fstat(file->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	if (flock(file->fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	if (audit->config.host)
		give_to_group(audit, file->fd, &st);
	if (!st.st_size)		/* whatever the umask takes away */
		return fchmod(file->fd, LOG_MODE) ? -errno : 0;
	r = read_tail(path, st.st_size, audit->boot_id, file);
	file->begun = read_begun(path, &st);
	return r;
}

/* Opens a log for appending; @flags: more than that takes. Returns 0 or -errno. */
static int open_log(const struct audit *audit, const char *path, int flags, struct log_file *ret_file)
{
	struct log_file file = { .fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | flags,
					    LOG_MODE) };
	int r = file.fd < 0 ? -errno : examine_file(audit, path, &file);

	if (r < 0) {
		if (file.fd >= 0)
			close(file.fd);
		return r;
	}
	*ret_file = file;
	return 0;
}

/* Goes on in another file. The half of a line that the old one may end with says nothing: here comes all
 * of it. */
static void take_file(struct audit *audit, const struct log_file *file)
{
	if (audit->fd >= 0)
		close(audit->fd);
	audit->fd = file->fd;
	audit->broken = file->broken;
	audit->begun = file->begun;
	audit->written = 0;
}

struct last_seq {
	const char *boot_id;
	uint64_t seq;
};

static int take_seq(void *ctx, const char *text, size_t size)
{
	struct last_seq *last = ctx;
	struct audit_line line;

	if (audit_line_parse(text, size, &line))
		return 0;
	last->seq = !strcmp(line.boot_id, last->boot_id) ? line.seq : 0;
	audit_line_free(&line);
	return 0;
}

/* The last number of this boot where the log is empty: it was rotated just before, and maybe compressed. */
static uint64_t seq_of_rotated(const struct audit *audit)
{
	struct last_seq last = { .boot_id = audit->boot_id };

	log_files_read(audit->path, (struct log_part){ .tail = TAIL_SIZE }, take_seq, &last);
	return last.seq;
}

void audit_give(const struct audit *audit)
{
	struct log_files files;
	struct stat st;

	if (!audit->config.host || path_make_log_folder(audit->path) < 0 ||
	    log_files_open(audit->path, 0, &files) < 0)
		return;
	for (size_t i = 0; i < files.count; i++) {
		int fd = open(files.rotated[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		if (fd >= 0 && !fstat(fd, &st))
			give_to_group(audit, fd, &st);
		if (fd >= 0)
			close(fd);
	}
	log_files_close(&files);
	if (!fstat(audit->fd, &st))
		give_to_group(audit, audit->fd, &st);
}

static int begin_log(struct audit *audit)
{
	struct log_file file;
	int r;

	if (audit->config.host)
		log_files_unlink_twins(audit->path);
	r = open_log(audit, audit->path, 0, &file);
	if (r < 0)
		return r;
	take_file(audit, &file);
	audit_give(audit);
	audit->seq = file.begun || !audit->config.host ? file.seq : seq_of_rotated(audit);
	return 0;
}

static void audit_free(struct audit *audit)
{
	if (audit->fd >= 0)
		close(audit->fd);
	lineage_free(audit->lineage);
	listeners_free(audit->listeners);
	text_free(&audit->buffer);
	free(audit->lines);
	free(audit->cpus);
	free(audit->path);
	free(audit);
}

int audit_open(const struct audit_config *config, struct audit **ret_audit)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	int r;

	if (!audit)
		return -ENOMEM;
	audit->fd = -1;
	audit->config = *config;
	audit->path = strdup(config->path);
	r = audit->path ? read_boot_id(audit->boot_id) : -ENOMEM;
	if (r >= 0)
		r = begin_log(audit);
	if (r >= 0)
		r = lineage_new(LINEAGE_PROCESSES_MAX, LINEAGE_BYTES_MAX, &audit->lineage);
	audit->listeners = listeners_new();
	if (r >= 0 && !audit->listeners)
		r = -ENOMEM;
	if (r < 0) {
		audit_free(audit);
		return r;
	}
	*ret_audit = audit;
	return 0;
}

/* --- taking ------------------------------------------------------------------------------- */

/* Whether these bytes are a record that this program can read, and all its parts lie inside. */
static bool is_record(const void *data, size_t size)
{
	const struct record *record = data;

	if (size < sizeof(*record) || record->version != ABI_VERSION || record->size > size ||
	    record->size < sizeof(*record) || record->text_size > record->size - sizeof(*record) ||
	    record->cpu >= CPU_MAX || record->kind > RECORD_EXIT)
		return false;
	if (record->kind != RECORD_DECISION)
		return true;
	return record->verdict <= VERDICT_DENY && record->hook < HOOK_COUNT &&
	       record->object < OBJECT_COUNT && record->proto <= PROTO_NONE &&
	       record->access <= (ACCESS_READ | ACCESS_WRITE) && record->err <= 0 &&
	       (!record->script || record->script < record->text_size);
}

/* What this CPU's counter has grown by was lost before the next line. */
static int take_losses(struct audit *audit, const struct record *record)
{
	struct cpu *cpu;

	if (record->cpu >= audit->cpu_count) {
		size_t count = record->cpu + 1;
		struct cpu *cpus = reallocarray(audit->cpus, count, sizeof(*cpus));

		if (!cpus)
			return -ENOMEM;
		memset(cpus + audit->cpu_count, 0, (count - audit->cpu_count) * sizeof(*cpus));
		audit->cpus = cpus;
		audit->cpu_count = count;
	}
	cpu = &audit->cpus[record->cpu];
	if ((cpu->seen || audit->config.fresh) && record->cpu_lost > cpu->lost)
		audit->lost += record->cpu_lost - cpu->lost;
	/* An interrupt may submit between the reading of the counter and the submission. */
	if (!cpu->seen || record->cpu_lost > cpu->lost)
		cpu->lost = record->cpu_lost;
	cpu->seen = true;
	return 0;
}

/* Read for every line, since either may change: at boot both are often set late. */
static int64_t realtime_ahead(void)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (real.tv_sec - boot.tv_sec) * NS_PER_SECOND + real.tv_nsec - boot.tv_nsec;
}

static const char *hostname(struct audit *audit)
{
	if (gethostname(audit->hostname, sizeof(audit->hostname)) < 0)
		audit->hostname[0] = 0;
	audit->hostname[sizeof(audit->hostname) - 1] = 0;
	return audit->hostname;
}

/* Notes that the line which @record became ends where the buffer ends. */
static int queue_line(struct audit *audit, const struct record *record)
{
	struct line *line;

	if (audit->line_count == audit->line_capacity) {
		size_t capacity = audit->line_capacity ? 2 * audit->line_capacity : 64;
		struct line *lines = reallocarray(audit->lines, capacity, sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		audit->lines = lines;
		audit->line_capacity = capacity;
	}
	line = &audit->lines[audit->line_count++];
	line->end = audit->buffer.size;
	line->record = *record;
	line->record.text_size = 0;
	line->record.size = sizeof(*record);
	return 0;
}

/* Who accepts at a destination on this host. */
static void find_listener(struct audit *audit, const struct record *record, struct audit_event *event,
			  struct peer *peer)
{
	static const uint8_t none[sizeof(record->addr)];
	struct destination to = { .pid = record->process.pid, .proto = record->proto, .port = record->port };
	enum listener_answer answer;
	unsigned long long ticks;

	if (record->object != CLASS_NET || record->rule == RULE_MALFORMED ||
	    !memcmp(record->addr, none, sizeof(none)))
		return;
	memcpy(to.addr, record->addr, sizeof(to.addr));
	if (audit->config.foreign_numbers)	/* by our own network name space, and without who it is */
		to.pid = pid_space_number_shown();
	answer = listeners_find(audit->listeners, &to, peer, &ticks);
	event->local = answer != LISTENER_ELSEWHERE;
	event->peer_unknown = answer == LISTENER_UNKNOWN ||
		(answer == LISTENER_FOUND && audit->config.foreign_numbers);
	if (answer != LISTENER_FOUND || audit->config.foreign_numbers)
		return;
	peer->id.start_ns = lineage_start(audit->lineage, peer->id.pid, ticks);
	event->peer = peer;
}

static int add_line(struct audit *audit, const struct record *record,
		    const struct lineage_process *process)
{
	const struct audit_config *config = &audit->config;
	const size_t size = audit->buffer.size;
	struct peer peer;
	struct audit_event event = {
		.record = record,
		.ruleset = record->rule <= RULE_LIVENESS && record->rule >= RULE_REFUSED ? NULL : /* of none */
			config->ruleset(config->ctx, record->policy, record->generation),
		.process = process,
		.hostname = hostname(audit),
		.boot_id = audit->boot_id,
		.realtime_ns = realtime_ahead(),
		.seq = audit->seq + 1,
		.lost_before = audit->lost,
	};
	int r;

	if (record->peer.pid) {
		peer = (struct peer){ .id = record->peer };
		if (!config->foreign_numbers)
			peer_read(&record->peer, &peer);
		event.peer = &peer;
	} else {
		find_listener(audit, record, &event, &peer);
	}
	r = audit_json_line(&audit->buffer, &event);

	if (r >= 0)
		r = queue_line(audit, record);
	if (r < 0) {
		audit->buffer.size = size;
		return r;
	}
	audit->seq++;
	audit->lost = 0;
	return 0;
}

int audit_take(struct audit *audit, const void *data, size_t size)
{
	const struct lineage_process *process;
	const struct record *record = data;
	int r;

	if (!is_record(data, size))
		return -EBADMSG;
	r = take_losses(audit, record);
	if (record->kind == RECORD_DECISION && record->flags & RECORD_PROBE) {
		if (audit->config.logged)
			audit->config.logged(audit->config.ctx, record);
		return r;
	}
	if (r >= 0)
		r = lineage_take(audit->lineage, record, &process);
	if (record->kind != RECORD_DECISION)
		return r;
	if (r >= 0)
		r = add_line(audit, record, process);
	if (r < 0)
		audit->lost++;
	return r;
}

int audit_note(struct audit *audit, uint16_t rule, uid_t uid, uint64_t run, const char *text)
{
	size_t length = strlen(text) + 1;
	struct record *record = calloc(1, sizeof(*record) + length);
	const struct lineage_process *process;
	struct timespec now;
	int r;

	if (!record)
		return -ENOMEM;
	clock_gettime(CLOCK_BOOTTIME, &now);
	record->version = ABI_VERSION;
	record->kind = RECORD_DECISION;
	record->flags = RECORD_ROOT;
	record->size = sizeof(*record) + length;
	record->time_ns = now.tv_sec * NS_PER_SECOND + now.tv_nsec;
	record->run = run;
	record->process.pid = record->tid = getpid();
	record->uid = uid;
	record->gid = getgid();
	prctl(PR_GET_NAME, record->comm);
	record->rule = rule;
	record->verdict = rule == RULE_REFUSED ? VERDICT_DENY : VERDICT_AUDIT;
	record->object = CLASS_FENCE;
	record->text_size = length;
	memcpy(record->text, text, length);
	r = lineage_take(audit->lineage, record, &process);
	if (r >= 0)
		r = add_line(audit, record, process);
	free(record);
	return r;
}

/* --- writing ------------------------------------------------------------------------------ */

/* Lets go of the lines that are written, and tells about them. */
static void finish_lines(struct audit *audit)
{
	size_t count = 0, size;

	while (count < audit->line_count && audit->lines[count].end <= audit->written) {
		const struct line *line = &audit->lines[count++];

		if (audit->config.logged)
			audit->config.logged(audit->config.ctx, &line->record);
	}
	if (!count)
		return;
	size = audit->lines[count - 1].end;
	audit->written -= size;
	audit->buffer.size -= size;
	memmove(audit->buffer.data, audit->buffer.data + size, audit->buffer.size);
	audit->line_count -= count;
	memmove(audit->lines, audit->lines + count, audit->line_count * sizeof(*audit->lines));
	for (size_t i = 0; i < audit->line_count; i++)
		audit->lines[i].end -= size;
}

/* Writes bytes *done..@size and moves *done on. */
static int write_all(int fd, const char *bytes, size_t size, size_t *done)
{
	while (*done < size) {
		ssize_t n = write(fd, bytes + *done, size - *done);

		if (!n)
			return -EIO;
		if (n > 0)
			*done += n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

size_t audit_pending(const struct audit *audit)
{
	return audit->buffer.size - audit->written;
}

/* --- rotating ----------------------------------------------------------------------------- */

/* Does the path still lead to the file that is open? */
static bool is_same_file(const struct audit *audit)
{
	struct stat open_one, named;

	return !fstat(audit->fd, &open_one) && !stat(audit->path, &named) &&
	       open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* Of the host's log: is the file that is open nobody's any more? What is written to it is lost. */
static bool is_removed(const struct audit *audit)
{
	struct stat st;

	return audit->config.host && !fstat(audit->fd, &st) && !st.st_nlink;
}

/* Opens the file that the path leads to now, made where there is none, the host's with its folder. */
static int open_anew(struct audit *audit)
{
	struct log_file file;
	int r = audit->config.host ? path_make_log_folder(audit->path) : 0;

	if (r >= 0)
		r = open_log(audit, audit->path, 0, &file);
	if (r >= 0)
		take_file(audit, &file);
	return r;
}

static uint64_t file_size(const struct audit *audit)
{
	struct stat st;

	return !fstat(audit->fd, &st) && S_ISREG(st.st_mode) ? st.st_size : 0;
}

static const struct log_rotation *rotation_of(const struct audit *audit)
{
	static const struct log_rotation never;

	return audit->config.host && audit->config.rotation && time(NULL) >= audit->retry ?
		audit->config.rotation : &never;
}

static bool is_too_old(struct audit *audit)
{
	time_t age = rotation_of(audit)->age, now = time(NULL);

	if (audit->begun > now)		/* the clock was set back */
		audit->begun = now;
	return age && audit->begun && now - audit->begun >= age && !audit->written && file_size(audit);
}

/* How much of the buffer this file is to take: whole lines, as long as they fit, and at least the one that
 * it has a part of, or is empty without. */
static size_t fitting(const struct audit *audit)
{
	uint64_t size = file_size(audit), max = rotation_of(audit)->size;
	size_t fit = 0;

	if (!max)
		return audit->buffer.size;
	for (size_t i = 0; i < audit->line_count; i++) {
		size_t end = audit->lines[i].end;

		if (size + (end - audit->written) > max && (i || (size && !audit->written)))
			break;
		fit = end;
	}
	return fit;
}

/* Gives the file its other name before the new one takes its place, so that there always is a log. */
static int swap_files(struct audit *audit, const char *fresh, const char *away)
{
	if (link(audit->path, away) < 0)
		return -errno;
	if (!rename(fresh, audit->path))
		return 0;
	unlink(away);
	return -errno;
}

static int rotate_to(struct audit *audit, const char *fresh)
{
	struct log_file file = { .fd = -1 };
	char away[PATH_MAX];
	int r = log_files_name(audit->path, away);

	if (r >= 0)
		r = open_log(audit, fresh, O_TRUNC | O_NOFOLLOW, &file);
	if (r < 0)
		return r;
	r = swap_files(audit, fresh, away);
	if (r < 0) {
		close(file.fd);
		unlink(fresh);
		return r;
	}
	take_file(audit, &file);
	log_files_prune(audit->path, audit->config.rotation->keep);
	return 0;
}

/* A file that somebody else has renamed is left by audit_reopen(). */
static void rotate(struct audit *audit)
{
	char fresh[PATH_MAX];
	int r = -ENAMETOOLONG;

	if (!is_same_file(audit))
		return;
	if (snprintf(fresh, sizeof(fresh), "%s.new", audit->path) < (int)sizeof(fresh))
		r = rotate_to(audit, fresh);
	audit->rotation_fault = r;
	audit->rotations += !r;
	audit->retry = r < 0 ? time(NULL) + RETRY_S : 0;
}

/* --- flushing ----------------------------------------------------------------------------- */

/* Writes what this file is to take. */
static int write_lines(struct audit *audit)
{
	size_t done = 0, fit;
	int r = 0;

	if (audit->broken) {
		r = write_all(audit->fd, "\n", 1, &done);
		audit->broken = r < 0;
	}
	fit = r < 0 ? 0 : fitting(audit);
	if (fit && !audit->begun)
		audit->begun = time(NULL);
	if (fit)
		r = write_all(audit->fd, audit->buffer.data, fit, &audit->written);
	return r;
}

int audit_flush(struct audit *audit)
{
	int r;

	for (;;) {
		if (is_removed(audit) && (r = open_anew(audit)) < 0)
			return r;
		if (is_too_old(audit))
			rotate(audit);
		r = write_lines(audit);
		if (is_removed(audit)) {
			audit->written = 0;
			continue;
		}
		finish_lines(audit);
		if (r < 0 || !audit_pending(audit))
			return r;
		rotate(audit);
		if (!is_same_file(audit))	/* and so it was not rotated */
			audit->retry = time(NULL) + RETRY_S;
	}
}

int audit_reopen(struct audit *audit)
{
	int r = audit_flush(audit);

	if (is_removed(audit) || (audit->config.host && r < 0 && is_same_file(audit)))
		return r;
	return is_same_file(audit) ? 0 : open_anew(audit);
}

void audit_look(const struct audit *audit, struct audit_state *ret_state)
{
	*ret_state = (struct audit_state){
		.rotations = audit->rotations,
		.rotation_fault = audit->rotation_fault,
		.size = file_size(audit),
	};
}

int audit_close(struct audit *audit)
{
	int r;

	if (!audit)
		return 0;
	r = audit_flush(audit);
	audit_free(audit);
	return r;
}
