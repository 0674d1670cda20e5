/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What run.c and shared.c run behind the fence. Servers are the tests' own and not tagged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"

int attempt_connect(const char *ip, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t size = place_address_as(ip, port, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = connect(fd, (struct sockaddr *)&address, size) ? -errno : 0;

	close(fd);
	return err;
}

/* hooks attempt STATUS: writes the marker, connects, and exits with STATUS. */
int attempt_main(int argc, char **argv)
{
	if (argc != 3 || write_small(MARKER, "started"))
		return 99;
	attempt_connect(SERVER_IP, SERVER_PORT);
	return atoi(argv[2]);
}

/* hooks step: for every line on stdin, connects and tells what it met. Ends with stdin. */
int step_main(int argc, char **argv)
{
	char line[16];
	int err;

	(void)argc;
	(void)argv;
	while (fgets(line, sizeof(line), stdin)) {
		err = attempt_connect(SERVER_IP, SERVER_PORT);
		printf("%s\n", err ? strerrorname_np(-err) : "none");
		fflush(stdout);
	}
	return 0;
}

static int burst(void)
{
	int let_through = 0;

	for (int i = 0; i < BURST_EACH; i++)
		let_through += attempt_connect(SERVER_IP, SERVER_PORT) != -EHOSTUNREACH;
	return let_through != 0;
}

/* hooks burst: BURST_PROCESSES make BURST_EACH attempts each; tells how it went, and stays until
 * stdin ends. */
int burst_main(int argc, char **argv)
{
	int failed = 0, status;
	char byte;

	(void)argc;
	(void)argv;
	for (int i = 0; i < BURST_PROCESSES; i++)
		if (!fork())
			_exit(burst());
	while (wait(&status) > 0)
		failed += status != 0;
	printf("%s\n", failed ? "some were let through" : "all denied");
	fflush(stdout);
	return read(0, &byte, 1) < 0;
}

const char *attempt_step(struct background *stepper)
{
	static char line[64];

	if (write(stepper->in, "\n", 1) != 1 || !background_line(stepper, line, sizeof(line)))
		return "no answer";
	return line;
}

bool marker_taken(void)
{
	return !unlink(MARKER);
}

int policy_write(const char *path, const char *tag, const char *rule)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "tag: %s\nmode: enforce\nservices:\n"
		 "  server: {nets: [" SERVER_IP "], ports: [%d]}\n"
		 "rules:\n  - {%s}\n", tag, SERVER_PORT, rule);
	return write_small(path, text);
}

int policy_write_faulty(const char *path)
{
	return write_small(path, "tag: shared\nmode: enforce\nrules:\n  - {deny: nobody}\n");
}
