/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io_uring: operations that are handed to the kernel in shared memory. It carries them out at once, in a
 * thread of its own for the task (IOSQE_ASYNC), or in one that looks for them by itself
 * (IORING_SETUP_SQPOLL).
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../hooks/hooks.h"

#define TEXT FILE_WRITTEN
#define ENTRIES 4

/* --- rings ---------------------------------------------------------------------------------- */

/* As @what says: "", "async" or "poll". */
static bool is_way(const struct vector *vector, const char *way)
{
	return vector->what && !strcmp(vector->what, way);
}

static void ring_open(const struct vector *vector, struct io_uring *ring)
{
	need(!io_uring_queue_init(ENTRIES, ring, is_way(vector, "poll") ? IORING_SETUP_SQPOLL : 0), vector);
}

/* Hands over the one operation, and returns what came of it. */
static int ring_run(const struct vector *vector, struct io_uring *ring, struct io_uring_sqe *sqe)
{
	struct io_uring_cqe *cqe;
	int result;

	if (is_way(vector, "async"))
		sqe->flags |= IOSQE_ASYNC;
	if (io_uring_submit(ring) < 0 || io_uring_wait_cqe(ring, &cqe))
		return -EIO;
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

/* Which operation a vector makes, prepared on a fresh ring. */
static int ring_do(const struct vector *vector,
		   void (*prepare)(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx),
		   void *ctx)
{
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	int result;

	ring_open(vector, &ring);
	sqe = io_uring_get_sqe(&ring);
	prepare(vector, sqe, ctx);
	result = ring_run(vector, &ring, sqe);
	io_uring_queue_exit(&ring);
	return result;
}

static const char *missing_ring(const struct vector *vector)
{
	struct io_uring ring;
	int err = io_uring_queue_init(ENTRIES, &ring, 0);

	(void)vector;
	if (err)
		return err == -ENOSYS ? "the kernel has no io_uring" : "io_uring is switched off";
	io_uring_queue_exit(&ring);
	return NULL;
}

static const char *missing_operation(int operation)
{
	struct io_uring_probe *probe = io_uring_get_probe();
	bool there = probe && io_uring_opcode_supported(probe, operation);

	io_uring_free_probe(probe);
	return there ? NULL : "io_uring does not have this operation";
}

static const char *missing_send_zc(const struct vector *vector)
{
	return missing_ring(vector) ?: missing_operation(IORING_OP_SEND_ZC);
}

/* --- files ---------------------------------------------------------------------------------- */

static void prepare_open(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	(void)ctx;
	io_uring_prep_openat(sqe, AT_FDCWD, vector_path(vector, "secret"), O_RDONLY | O_CLOEXEC, 0);
}

static int read_out(int fd, struct report *report)
{
	ssize_t got;

	if (fd < 0)
		return fd;
	got = read(fd, report->got, sizeof(report->got) - 1);
	close(fd);
	return got < 0 ? -errno : 0;
}

static int act_open(const struct vector *vector, struct report *report)
{
	return read_out(ring_do(vector, prepare_open, NULL), report);
}

static void prepare_open2(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	io_uring_prep_openat2(sqe, AT_FDCWD, vector_path(vector, "secret"), ctx);
}

static int act_open2(const struct vector *vector, struct report *report)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };

	return read_out(ring_do(vector, prepare_open2, &how), report);
}

static void prepare_unlink(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	(void)ctx;
	io_uring_prep_unlinkat(sqe, AT_FDCWD, vector_path(vector, "secret"), 0);
}

static int act_unlink(const struct vector *vector, struct report *report)
{
	(void)report;
	return ring_do(vector, prepare_unlink, NULL);
}

static void prepare_rename(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	(void)ctx;
	io_uring_prep_renameat(sqe, AT_FDCWD, vector_path(vector, "secret"), AT_FDCWD,
			       vector_path(vector, "other"), 0);
}

static int act_rename(const struct vector *vector, struct report *report)
{
	(void)report;
	return ring_do(vector, prepare_rename, NULL);
}

static void prepare_stat(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	io_uring_prep_statx(sqe, AT_FDCWD, vector_path(vector, "secret"), 0, STATX_SIZE, ctx);
}

static int act_stat(const struct vector *vector, struct report *report)
{
	struct statx st = {};
	int err = ring_do(vector, prepare_stat, &st);

	if (!err && st.stx_size == strlen(vector->name))
		snprintf(report->got, sizeof(report->got), "%s", vector->name);
	return err;
}

static int open_secret(const struct vector *vector)
{
	return open(vector_path(vector, "secret"), O_RDWR);
}

static void prepare_read(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	struct report *report = ctx;

	io_uring_prep_read(sqe, INHERITED_FD(vector), report->got, sizeof(report->got) - 1, 0);
}

static int act_read(const struct vector *vector, struct report *report)
{
	int got = ring_do(vector, prepare_read, report);

	return got < 0 ? got : 0;
}

/* Under a number of the ring's own. */
static int act_read_registered(const struct vector *vector, struct report *report)
{
	int fd = INHERITED_FD(vector), got;
	struct io_uring_sqe *sqe;
	struct io_uring ring;

	ring_open(vector, &ring);
	got = io_uring_register_files(&ring, &fd, 1);
	if (got)
		return got;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_read(sqe, 0, report->got, sizeof(report->got) - 1, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	got = ring_run(vector, &ring, sqe);
	io_uring_queue_exit(&ring);
	return got < 0 ? got : 0;
}

static unsigned int count_gone(const struct vector *vector, const struct report *report)
{
	(void)report;
	return access(vector_path(vector, "secret"), F_OK) != 0;
}

/* --- sockets -------------------------------------------------------------------------------- */

struct message {
	int fd;
	struct sockaddr_storage address;
	socklen_t size;
	struct iovec text;
	struct msghdr header;
};

static void message_make(const struct vector *vector, struct message *message)
{
	*message = (struct message){ .text = { TEXT, sizeof(TEXT) } };
	message->size = place_address(&vector->place, &message->address);
	message->header = (struct msghdr){
		.msg_name = &message->address, .msg_namelen = message->size,
		.msg_iov = &message->text, .msg_iovlen = 1,
	};
	message->fd = vector->inherited ? INHERITED_FD(vector) :
		socket(message->address.ss_family, vector->place.type | SOCK_CLOEXEC, 0);
}

static void prepare_connect(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	struct message *message = ctx;

	(void)vector;
	io_uring_prep_connect(sqe, message->fd, (struct sockaddr *)&message->address, message->size);
}

static void prepare_sendmsg(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	struct message *message = ctx;

	(void)vector;
	io_uring_prep_sendmsg(sqe, message->fd, &message->header, 0);
}

static void prepare_send(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	struct message *message = ctx;

	(void)vector;
	io_uring_prep_send(sqe, message->fd, TEXT, sizeof(TEXT), 0);
}

static void prepare_send_zc(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	struct message *message = ctx;

	(void)vector;
	io_uring_prep_send_zc(sqe, message->fd, TEXT, sizeof(TEXT), 0, 0);
}

static void prepare_write(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	struct message *message = ctx;

	(void)vector;
	io_uring_prep_write(sqe, message->fd, TEXT, sizeof(TEXT), 0);
}

static int with_message(const struct vector *vector,
			void (*prepare)(const struct vector *vector, struct io_uring_sqe *sqe,
					void *ctx))
{
	struct message message;
	int result;

	message_make(vector, &message);
	result = ring_do(vector, prepare, &message);
	return result < 0 ? result : 0;
}

static int act_connect(const struct vector *vector, struct report *report)
{
	(void)report;
	return with_message(vector, prepare_connect);
}

static int act_sendmsg(const struct vector *vector, struct report *report)
{
	(void)report;
	return with_message(vector, prepare_sendmsg);
}

static int act_send(const struct vector *vector, struct report *report)
{
	(void)report;
	return with_message(vector, prepare_send);
}

static int act_send_zc(const struct vector *vector, struct report *report)
{
	(void)report;
	return with_message(vector, prepare_send_zc);
}

static int act_write(const struct vector *vector, struct report *report)
{
	(void)report;
	return with_message(vector, prepare_write);
}

struct pipe_to {
	int from, to;
};

static void prepare_splice(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	struct pipe_to *pipe = ctx;

	(void)vector;
	io_uring_prep_splice(sqe, pipe->from, -1, pipe->to, -1, sizeof(TEXT), 0);
}

static int act_splice(const struct vector *vector, struct report *report)
{
	int ends[2], result;
	struct pipe_to pipe;

	(void)report;
	if (pipe2(ends, O_CLOEXEC) || write(ends[1], TEXT, sizeof(TEXT)) < 0)
		return -errno;
	pipe = (struct pipe_to){ ends[0], INHERITED_FD(vector) };
	result = ring_do(vector, prepare_splice, &pipe);
	return result < 0 ? result : 0;
}

static void prepare_receive(const struct vector *vector, struct io_uring_sqe *sqe, void *ctx)
{
	struct report *report = ctx;

	io_uring_prep_recv(sqe, INHERITED_FD(vector), report->got, sizeof(report->got) - 1, 0);
}

static int act_receive(const struct vector *vector, struct report *report)
{
	int got = ring_do(vector, prepare_receive, report);

	return got < 0 ? got : 0;
}

#define TCP(ip)	.place = { AF_INET, SOCK_STREAM, 0, ip, 80 }
#define UDP(ip)	.place = { AF_INET, SOCK_DGRAM, 0, ip, 80 }

#define RING .missing = missing_ring
#define OPEN RING, .hook = "file_open", .prepare = files_prepare, .count = files_count_read, \
	.target = "secret", .files = "secret", .seen_path = "secret", .seen_access = "read"
#define CHANGE(name, access) RING, .hook = name, .prepare = files_prepare, .target = "secret", \
	.files = "secret", .seen_path = "secret", .seen_access = access
#define READ RING, .hook = "file_permission", .prepare = files_prepare, .open = open_secret, \
	.inherited = true, .count = files_count_read, .target = "secret", .files = "secret", \
	.seen_path = "secret", .seen_access = "read"
#define CONNECT RING, .hook = "socket_connect", .prepare = far_prepare, .count = far_count
#define MESSAGE RING, .hook = "socket_sendmsg", .prepare = far_prepare, .count = far_count
#define SEND .hook = "socket_sendmsg", .prepare = far_prepare, .count = far_count_heard, \
	.open = far_connect, .inherited = true
#define WRITE RING, .hook = "file_permission", .prepare = far_prepare, .count = far_count_heard, \
	.open = far_connect, .inherited = true

const struct vector io_uring_vectors[] = {
	{ OPEN, .name = "ring-open", .act = act_open },
	{ OPEN, .name = "ring-open-async", .act = act_open, .what = "async" },
	{ OPEN, .name = "ring-open-poll", .act = act_open, .what = "poll" },
	{ OPEN, .name = "ring-open2", .act = act_open2 },
	{ CHANGE("path_unlink", "write"), .name = "ring-unlink", .act = act_unlink,
	  .count = count_gone },
	{ CHANGE("path_rename", "read,write"), .name = "ring-rename", .act = act_rename,
	  .count = count_gone },
	{ CHANGE("inode_getattr", "read"), .name = "ring-stat", .act = act_stat,
	  .count = files_count_read },
	{ READ, .name = "ring-inherited-read", .act = act_read },
	{ READ, .name = "ring-inherited-read-async", .act = act_read, .what = "async" },
	{ READ, .name = "ring-inherited-read-poll", .act = act_read, .what = "poll" },
	{ READ, .name = "ring-inherited-read-registered", .act = act_read_registered },
	{ CONNECT, .name = "ring-connect", .act = act_connect, TCP("127.6.1.1") },
	{ CONNECT, .name = "ring-connect-async", .act = act_connect, .what = "async",
	  TCP("127.6.1.2") },
	{ CONNECT, .name = "ring-connect-poll", .act = act_connect, .what = "poll",
	  TCP("127.6.1.3") },
	{ MESSAGE, .name = "ring-send-message", .act = act_sendmsg, UDP("127.6.1.4") },
	{ MESSAGE, .name = "ring-send-message-async", .act = act_sendmsg, .what = "async",
	  UDP("127.6.1.5") },
	{ MESSAGE, .name = "ring-send-message-poll", .act = act_sendmsg, .what = "poll",
	  UDP("127.6.1.6") },
	{ RING, SEND, .name = "ring-inherited-send", .act = act_send, TCP("127.6.1.7") },
	{ RING, SEND, .name = "ring-inherited-send-async", .act = act_send, .what = "async",
	  TCP("127.6.1.8") },
	{ RING, SEND, .name = "ring-inherited-send-poll", .act = act_send, .what = "poll",
	  TCP("127.6.1.9") },
	{ SEND, .missing = missing_send_zc, .name = "ring-inherited-send-without-copy",
	  .act = act_send_zc, TCP("127.6.1.10") },
	{ WRITE, .name = "ring-inherited-write", .act = act_write, TCP("127.6.1.11") },
	{ WRITE, .name = "ring-inherited-splice", .act = act_splice, TCP("127.6.1.12") },
	{ RING, .hook = "socket_recvmsg", .prepare = far_prepare, .count = far_as_reported,
	  .open = far_connect_and_greet, .inherited = true, .name = "ring-inherited-receive",
	  .act = act_receive, TCP("127.6.1.13") },
	{},
};
