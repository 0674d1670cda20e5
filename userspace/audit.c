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

#include "audit_json.h"
#include "audit_line.h"
#include "lineage.h"
#include "text.h"

#define CPU_MAX 65536			/* more than any kernel has (CONFIG_NR_CPUS) */
#define TAIL_SIZE (4 * AUDIT_LINE_MAX)	/* where the last lines of a log are looked for */
#define NS_PER_SECOND INT64_C(1000000000)
#define HOSTNAME_SIZE 65		/* HOST_NAME_MAX and the final 0 */

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
	struct lineage *lineage;
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

/* Looks at the end of a log: where its sequence stands, and whether its last line is broken. */
static int read_tail(const char *path, const struct stat *st, const char *boot_id,
		     uint64_t *ret_seq, bool *ret_broken)
{
	off_t begin = st->st_size > TAIL_SIZE ? st->st_size - TAIL_SIZE : 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *tail = malloc(TAIL_SIZE);
	ssize_t size = -1;
	int r = 0;

	if (fd >= 0 && tail)
		size = pread(fd, tail, TAIL_SIZE, begin);
	if (size < 0) {
		r = tail ? -errno : -ENOMEM;
	} else if (size) {
		*ret_seq = seq_of_tail(tail, size, boot_id);
		*ret_broken = tail[size - 1] != '\n';
	}
	if (fd >= 0)
		close(fd);
	free(tail);
	return r;
}

/* Opens the log for appending; of a regular file also tells *ret_seq and *ret_broken. */
static int open_log(const char *path, const char *boot_id, int *ret_fd, uint64_t *ret_seq,
		    bool *ret_broken)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	struct stat st;
	int r = 0;

	*ret_seq = 0;
	*ret_broken = false;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = -errno;
	else if (S_ISREG(st.st_mode) && st.st_size)
		r = read_tail(path, &st, boot_id, ret_seq, ret_broken);
	else if (S_ISREG(st.st_mode) && fchmod(fd, 0640))	/* whatever the umask takes away */
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static void audit_free(struct audit *audit)
{
	if (audit->fd >= 0)
		close(audit->fd);
	lineage_free(audit->lineage);
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
		r = open_log(audit->path, audit->boot_id, &audit->fd, &audit->seq, &audit->broken);
	if (r >= 0)
		r = lineage_new(LINEAGE_PROCESSES_MAX, LINEAGE_BYTES_MAX, &audit->lineage);
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

static int add_line(struct audit *audit, const struct record *record,
		    const struct lineage_process *process)
{
	const struct audit_config *config = &audit->config;
	const size_t size = audit->buffer.size;
	struct peer peer;
	struct audit_event event = {
		.record = record,
		.ruleset = record->rule <= RULE_LIVENESS && record->rule >= RULE_SPECIAL ? NULL : /* of none */
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
		peer_read(&record->peer, &peer);
		event.peer = &peer;
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

int audit_flush(struct audit *audit)
{
	size_t done = 0;
	int r = 0;

	if (audit->broken) {
		r = write_all(audit->fd, "\n", 1, &done);
		audit->broken = r < 0;
	}
	if (r >= 0)
		r = write_all(audit->fd, audit->buffer.data, audit->buffer.size, &audit->written);
	finish_lines(audit);
	return r;
}

/* Does the path still lead to the file that is open? */
static bool is_same_file(const struct audit *audit)
{
	struct stat open_one, named;

	return !fstat(audit->fd, &open_one) && !stat(audit->path, &named) &&
	       open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

int audit_reopen(struct audit *audit)
{
	uint64_t seq;
	bool broken;
	int fd, r;

	audit_flush(audit);
	if (is_same_file(audit))
		return 0;
	r = open_log(audit->path, audit->boot_id, &fd, &seq, &broken);
	if (r < 0)
		return r;
	close(audit->fd);
	audit->fd = fd;
	audit->broken = broken;
	/* The half of a line that the old file may end with says nothing: here comes all of it. */
	audit->written = 0;
	return 0;
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
