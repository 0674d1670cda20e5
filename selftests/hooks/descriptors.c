/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command has open when `ringfence run` starts it: tests of shared.c, behind the loaded fence.
 *
 * The tester opens descriptors that are not close-on-exec, at numbers of its own choice, and starts
 * the launcher, which inherits them.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempts.h"

#define KEPT_FILE	WORK "/kept"
#define FILE_FD		7
#define SOCKET_FD	9
#define HIGH_FD		300
#define CLOSED_FD	11		/* close-on-exec from the beginning */
#define RING_FD		12

#define RUN "ringfence", "run", "--tag", "shared", "--quiet"
#define LIST "--", (char *)self_path(), "list-fds"
/* Has FD of the tester as the standard input of what follows; closes it at its own number. */
#define WITH_INPUT(fd) "bash", "-c", "exec \"$@\" <&" #fd " " #fd "<&-", "bash"

/* hooks list-fds: writes the marker, and prints a line "NUMBER WHAT" for each descriptor above 2. */
int list_fds_main(int argc, char **argv)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	(void)argc;
	(void)argv;
	write_small(MARKER, "started");
	while (folder && (entry = readdir(folder))) {
		char what[256] = "";
		int fd = atoi(entry->d_name);

		if (!isdigit((unsigned char)*entry->d_name) || fd <= STDERR_FILENO ||
		    fd == dirfd(folder))
			continue;
		if (readlinkat(dirfd(folder), entry->d_name, what, sizeof(what) - 1) < 0)
			return 99;
		printf("%d %s\n", fd, what);
	}
	return !folder;
}

static void move_to(int fd, int number)
{
	dup2(fd, number);
	close(fd);
}

static void open_all(void)
{
	write_small(KEPT_FILE, "kept");
	move_to(open(KEPT_FILE, O_RDONLY | O_CLOEXEC), FILE_FD);
	move_to(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), SOCKET_FD);
	dup2(FILE_FD, HIGH_FD);
	dup3(FILE_FD, CLOSED_FD, O_CLOEXEC);
}

static void close_all(void)
{
	static const int fds[] = { FILE_FD, SOCKET_FD, HIGH_FD, CLOSED_FD, RING_FD };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		close(fds[i]);
}

/* Status 0, the marker, and a list of descriptors: the three of open_all(), or none. */
static bool lists(const struct command *command, bool all, struct why *why)
{
	char want[128] = "", has[64];
	const char *socket = strstr(command->out, "socket:");

	if (command->status || !marker_taken())
		return fail(why, "status %d: %.300s", command->status, command->err);
	snprintf(has, sizeof(has), "%.*s", socket ? (int)strcspn(socket, "\n") : 0, socket ?: "");
	if (all)
		snprintf(want, sizeof(want), "%d " KEPT_FILE "\n%d %s\n%d " KEPT_FILE "\n", FILE_FD,
			 SOCKET_FD, has, HIGH_FD);
	return !strcmp(command->out, want) || fail(why, "it has: %.300s", command->out);
}

bool test_descriptors_closed(struct why *why)
{
	struct command command;
	bool ok;

	open_all();
	command_run(&command, 0, COMMAND((char *)self_path(), "list-fds"));
	ok = lists(&command, true, why);
	if (ok) {
		command_run(&command, 0, COMMAND(RUN, LIST));
		ok = lists(&command, false, why);
	}
	if (ok && strstr(command.err, "descriptor"))
		ok = fail(why, "stderr: %.300s", command.err);
	close_all();
	return ok;
}

/* They are told one by one, and a file that was close-on-exec is not handed on. */
bool test_descriptors_kept(struct why *why)
{
	static const char *const told[] = {
		"keeps descriptor 7: " KEPT_FILE, "keeps descriptor 9: socket:",
		"keeps descriptor 300: " KEPT_FILE,
	};
	struct command command;
	bool ok;

	open_all();
	command_run(&command, 0, COMMAND(RUN, "--keep-fds", LIST));
	close_all();
	ok = lists(&command, true, why);
	for (size_t i = 0; ok && i < sizeof(told) / sizeof(*told); i++)
		if (!strstr(command.err, told[i]))
			ok = fail(why, "stderr lacks \"%s\": %.300s", told[i], command.err);
	if (ok && strstr(command.err, "descriptor 11"))
		ok = fail(why, "stderr: %.300s", command.err);
	return ok;
}

/* --- io_uring ------------------------------------------------------------------------------- */

static bool open_ring(struct why *why)
{
	struct io_uring ring;
	int err = io_uring_queue_init(2, &ring, 0);

	if (err)
		return fail(why, "no io_uring: %s", strerrorname_np(-err));
	dup2(ring.ring_fd, RING_FD);
	io_uring_queue_exit(&ring);
	return true;
}

/* Status 125, a word of it, and no marker. */
static bool refused_ring(const struct command *command, struct why *why)
{
	if (marker_taken())
		return fail(why, "the command was started");
	if (command->status != 125)
		return fail(why, "status %d: %.300s", command->status, command->err);
	return strstr(command->err, "io_uring") || fail(why, "stderr: %.300s", command->err);
}

bool test_ring_kept(struct why *why)
{
	struct command command;
	bool ok;

	if (!open_ring(why))
		return false;
	command_run(&command, 0, COMMAND(RUN, "--keep-fds", LIST));
	ok = refused_ring(&command, why);
	if (ok) {
		command_run(&command, 0, COMMAND(RUN, LIST));
		ok = lists(&command, false, why);
	}
	close_all();
	return ok;
}

/* Standard input is handed on in any case. */
bool test_ring_as_input(struct why *why)
{
	struct command command;
	bool ok;

	if (!open_ring(why))
		return false;
	command_run(&command, 0, COMMAND(WITH_INPUT(12), (char *)self_path(), "list-fds"));
	ok = lists(&command, false, why);
	if (ok) {
		command_run(&command, 0, COMMAND(WITH_INPUT(12), RUN, LIST));
		ok = refused_ring(&command, why);
	}
	close_all();
	return ok;
}

/* --- a socket as standard input ------------------------------------------------------------- */

/* What came on the connection that waits at @server, until its other end is closed everywhere. */
static ssize_t hear(int server, char *ret_text, size_t size)
{
	int64_t end = now_ms() + WAIT_MS;
	int fd;
	ssize_t got;

	while ((fd = accept4(server, NULL, NULL, SOCK_CLOEXEC)) < 0 && now_ms() < end)
		pause_briefly();
	got = read(fd, ret_text, size);
	close(fd);
	return got;
}

/* Has a command say something on its standard input, which is connected to the server. */
static bool says(struct command *command, int server, char *const argv[], ssize_t *ret_heard)
{
	struct sockaddr_storage address;
	socklen_t size = place_address_as(SERVER_IP, SERVER_PORT, &address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = !connect(fd, (struct sockaddr *)&address, size);
	char text[16];

	move_to(fd, SOCKET_FD);
	if (connected)
		command_run(command, 0, argv);
	close(SOCKET_FD);
	*ret_heard = connected ? hear(server, text, sizeof(text)) : -1;
	return connected;
}

#define SAY "bash", "-c", "echo hello >&0"

/* It is told, with its peer; and it is judged by that. */
bool test_socket_as_input(struct why *why)
{
	struct command command;
	ssize_t heard;

	far_accepted(shared_server);
	if (!says(&command, shared_server, COMMAND(WITH_INPUT(9), SAY), &heard) || command.status ||
	    heard != 6)
		return fail(why, "untagged: the server heard %zd bytes, status %d: %.300s", heard,
			    command.status, command.err);
	if (!says(&command, shared_server, COMMAND(WITH_INPUT(9), RUN, "--", SAY), &heard) ||
	    command.status != 1 || heard)
		return fail(why, "the server heard %zd bytes, status %d: %.300s", heard,
			    command.status, command.err);
	return strstr(command.err, "standard input is a socket, connected to " SERVER_IP " port 80") ||
		fail(why, "stderr: %.300s", command.err);
}
