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

/* --- units ---------------------------------------------------------------------------------- */

/* Whether a folder of control groups is that of a unit that a process can be in. */
static bool is_unit(const char *name, size_t size)
{
	static const char *const kinds[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t length = strlen(kinds[i]);

		if (size > length && !memcmp(name + size - length, kinds[i], length))
			return true;
	}
	return false;
}

/* The path in a line "0::/system.slice/nginx.service", or in that of systemd's own hierarchy of old. */
static const char *unit_path(const char *cgroup)
{
	const char *line = cgroup, *named = NULL;

	for (; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *path = strchr(line, '/');

		if (!path)
			break;
		if (!strncmp(line, "0::", 3) && path[1] && path[1] != '\n')
			return path;
		if (memmem(line, path - line, ":name=systemd:", 14))
			named = path;
	}
	return named;
}

void peer_unit(const char *cgroup, char ret_unit[PEER_UNIT_SIZE])
{
	const char *at = unit_path(cgroup);

	ret_unit[0] = 0;
	while (at && *at == '/') {
		size_t size = strcspn(++at, "/\n");

		/* Where a service manager keeps itself says less than whose it is. */
		if (size < PEER_UNIT_SIZE && is_unit(at, size) &&
		    (!*ret_unit || size != 10 || memcmp(at, "init.scope", 10))) {
			memcpy(ret_unit, at, size);
			ret_unit[size] = 0;
		}
		at += size;
	}
}

/* --- processes ------------------------------------------------------------------------------ */

static void forget(struct peer *peer)
{
	peer->name[0] = peer->executable[0] = peer->unit[0] = 0;
}

unsigned long long peer_look(uint32_t pid, struct peer *ret_peer)
{
	char path[32], text[4096];
	unsigned long long ticks = 0;
	ssize_t size;
	int folder;

	forget(ret_peer);
	snprintf(path, sizeof(path), "/proc/%u", pid);
	folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return 0;
	size = readlinkat(folder, "exe", ret_peer->executable, sizeof(ret_peer->executable) - 1);
	ret_peer->executable[size > 0 ? size : 0] = 0;
	if (read_text(folder, "comm", ret_peer->name, sizeof(ret_peer->name)))
		ret_peer->name[strcspn(ret_peer->name, "\n")] = 0;
	if (read_text(folder, "cgroup", text, sizeof(text)))
		peer_unit(text, ret_peer->unit);
	/* Last: what was read before was read of the process that has this time of birth. */
	if (read_text(folder, "stat", text, sizeof(text)))
		ticks = peer_start_ticks(text);
	close(folder);
	if (!ticks)
		forget(ret_peer);
	return ticks;
}

void peer_read(const struct process_id *id, struct peer *ret_peer)
{
	ret_peer->id = *id;
	if (peer_look(id->pid, ret_peer) != id->start_ns / KEEPER_TICK_NS)
		forget(ret_peer);
}
