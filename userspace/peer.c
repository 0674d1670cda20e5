/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_FIELD 22

unsigned long long peer_start_ticks(const char *stat)
{
	const char *at = strrchr(stat, ')');	/* the name before it may hold anything */

	for (int field = 3; at && field <= START_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static bool read_text(int folder, const char *name, char *ret_text, size_t size)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, ret_text, size - 1);

	if (fd >= 0)
		close(fd);
	ret_text[got > 0 ? got : 0] = 0;
	return got > 0;
}

void peer_read(const struct process_id *id, struct peer *ret_peer)
{
	char path[32], stat[1024];
	ssize_t size;
	int folder;

	ret_peer->name[0] = ret_peer->executable[0] = 0;
	snprintf(path, sizeof(path), "/proc/%u", id->pid);
	folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return;
	size = readlinkat(folder, "exe", ret_peer->executable, sizeof(ret_peer->executable) - 1);
	ret_peer->executable[size > 0 ? size : 0] = 0;
	if (read_text(folder, "comm", ret_peer->name, sizeof(ret_peer->name)))
		ret_peer->name[strcspn(ret_peer->name, "\n")] = 0;
	/* Last: what was read before was read of the process that has this time of birth. */
	if (!read_text(folder, "stat", stat, sizeof(stat)) ||
	    peer_start_ticks(stat) != id->start_ns / KEEPER_TICK_NS)
		ret_peer->name[0] = ret_peer->executable[0] = 0;
	close(folder);
}
