/* SPDX-License-Identifier: BSD-2-Clause */
#include "listener.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define FRESH_NS (1000 * MS)		/* how long an answer holds */
#define ANSWERS 128			/* that are kept */
#define PROCESSES 64			/* whose name space is kept */
#define SPACES 8			/* name spaces whose addresses are kept */
#define ADDRESSES_MAX 4096		/* of a name space */
#define SOCKETS_MAX 16			/* that share a port, as workers do with SO_REUSEPORT */
#define TABLE_LINES_MAX 200000		/* of a file in /proc/PID/net */
/* Looking may take a fifth of the time in the long run, and half a second at once: of the time of a CPU, so that
 * what else a busy host does is not held against it. Where that host leaves us little, this is much: there are
 * no more than so many looks, in the long run and at once. */
#define SHARE 5
#define BURST_NS (500 * MS)
#define LOOK_NS (1000 * MS / 32)
#define LOOKS_AT_ONCE 128
#define SCAN_NS (250 * MS)		/* and one look at all descriptors so long, */
#define SCAN_WAIT_NS (2000 * MS)	/* with all that it has to wait for */

/* A range of addresses that are the host's own. */
struct range {
	uint8_t addr[16];
	unsigned int bits;
};

/* A network name space. */
struct space {
	uint64_t id;			/* inode number; 0: a free place */
	uint64_t used;			/* when, in calls: the oldest gives way */
	int64_t read_ns;		/* when its addresses were read; 0: never */
	struct range *ranges;
	size_t count;
};

struct process {
	uint32_t pid;
	int64_t until_ns;
	uint64_t space;			/* its id, */
	uint32_t seen_from;		/* and a process whose /proc/PID/net shows it */
};

struct answer {
	struct destination to;		/* pid: 0 */
	uint64_t space;			/* 0: a free place */
	int64_t until_ns;
	enum listener_answer answer;
	struct peer peer;
	unsigned long long ticks;
};

struct listeners {
	struct process processes[PROCESSES];
	struct space spaces[SPACES];
	struct answer answers[ANSWERS];
	uint64_t calls;
	int64_t budget_ns, looks_ns;	/* what is left: of time, and of looks, LOOK_NS each */
	int64_t budget_since_ns;	/* when that was reckoned */
};

struct listeners *listeners_new(void)
{
	struct listeners *listeners = calloc(1, sizeof(*listeners));

	if (listeners) {
		listeners->budget_ns = BURST_NS;
		listeners->looks_ns = LOOKS_AT_ONCE * LOOK_NS;
	}
	return listeners;
}

void listeners_free(struct listeners *listeners)
{
	for (int i = 0; listeners && i < SPACES; i++)
		free(listeners->spaces[i].ranges);
	free(listeners);
}

/* --- time ----------------------------------------------------------------------------------- */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000 * MS + now.tv_nsec;
}

static int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t used_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static int64_t refilled(int64_t left, int64_t more, int64_t most)
{
	return left + more < most ? left + more : most;
}

/* Whether there is time to look. What it takes is paid with pay(). */
static bool may_look(struct listeners *listeners, int64_t now)
{
	int64_t passed = listeners->budget_since_ns ? now - listeners->budget_since_ns : 0;

	listeners->budget_ns = refilled(listeners->budget_ns, passed / SHARE, BURST_NS);
	listeners->looks_ns = refilled(listeners->looks_ns, passed, LOOKS_AT_ONCE * LOOK_NS);
	listeners->budget_since_ns = now;
	return listeners->budget_ns > 0 && listeners->looks_ns > 0;
}

/* @since: used_ns() before. */
static void pay(struct listeners *listeners, int64_t since)
{
	listeners->budget_ns -= used_ns() - since;
	listeners->looks_ns -= LOOK_NS;
}

/* --- whose addresses ------------------------------------------------------------------------ */

static uint64_t space_of(uint32_t pid)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	return stat(path, &st) ? 0 : st.st_ino;
}

/* The name space of a process. Of one that has gone it is taken to be the host's: that of the first process. */
static void find_space(struct listeners *listeners, uint32_t pid, int64_t now, struct process *ret_process)
{
	struct process *kept = &listeners->processes[pid % PROCESSES];

	if (kept->pid != pid || kept->until_ns < now) {
		const uint32_t others[] = { pid, 1, getpid() };

		*kept = (struct process){ .pid = pid, .until_ns = now + FRESH_NS };
		for (int i = 0; i < 3 && !kept->space; i++) {
			kept->space = space_of(others[i]);
			kept->seen_from = others[i];
		}
	}
	*ret_process = *kept;
}

static FILE *open_table(uint32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/net/%s", pid, name);
	return fopen(path, "re");
}

static void map_v4(uint8_t ret_addr[16], const void *v4)
{
	memset(ret_addr, 0, 10);
	memset(ret_addr + 10, 0xff, 2);
	memcpy(ret_addr + 12, v4, 4);
}

static void add_range(struct space *space, const uint8_t addr[16], unsigned int bits)
{
	struct range *ranges;

	if (space->count == ADDRESSES_MAX)
		return;
	if (!(space->count & (space->count - 1))) {
		ranges = reallocarray(space->ranges, space->count ? 2 * space->count : 1, sizeof(*ranges));
		if (!ranges)
			return;
		space->ranges = ranges;
	}
	space->ranges[space->count].bits = bits;
	memcpy(space->ranges[space->count++].addr, addr, 16);
}

/* Of "|-- 192.0.2.7" and, below it, "/32 host LOCAL". */
static void read_v4_addresses(struct space *space, FILE *table)
{
	char line[256], text[64], type[32];
	uint8_t addr[16] = {}, v4[4];
	unsigned int bits;

	for (int i = 0; i < TABLE_LINES_MAX && fgets(line, sizeof(line), table); i++) {
		if (sscanf(line, " |-- %63s", text) == 1 && inet_pton(AF_INET, text, v4) == 1)
			map_v4(addr, v4);
		else if (sscanf(line, " /%u host %31s", &bits, type) == 2 && bits <= 32 && !strcmp(type, "LOCAL"))
			add_range(space, addr, 96 + bits);
	}
}

/* Of "20010db8000000000000000000000001 02 40 00 80 eth0". */
static void read_v6_addresses(struct space *space, FILE *table)
{
	char line[256];
	uint8_t addr[16];

	while (fgets(line, sizeof(line), table)) {
		int read = 0;

		while (read < 16 && sscanf(line + 2 * read, "%2hhx", &addr[read]) == 1)
			read++;
		if (read == 16)
			add_range(space, addr, 128);
	}
}

static void read_addresses(struct space *space, uint32_t seen_from)
{
	FILE *v4 = open_table(seen_from, "fib_trie"), *v6 = open_table(seen_from, "if_inet6");

	space->count = 0;
	if (v4) {
		read_v4_addresses(space, v4);
		fclose(v4);
	}
	if (v6) {
		read_v6_addresses(space, v6);
		fclose(v6);
	}
}

/* Its place, the one that was not used for the longest time where it has none yet. */
static struct space *place_of(struct listeners *listeners, uint64_t id)
{
	struct space *oldest = &listeners->spaces[0];

	for (int i = 0; i < SPACES; i++) {
		struct space *space = &listeners->spaces[i];

		if (space->id == id)
			return space;
		if (space->used < oldest->used)
			oldest = space;
	}
	free(oldest->ranges);
	*oldest = (struct space){ .id = id };
	return oldest;
}

static bool is_inside(const uint8_t addr[16], const struct range *range)
{
	unsigned int bytes = range->bits / 8, rest = range->bits % 8;

	return !memcmp(addr, range->addr, bytes) &&
		(!rest || !((addr[bytes] ^ range->addr[bytes]) >> (8 - rest)));
}

/* Whatever a name space has for addresses, these are its own. */
static bool is_loopback(const uint8_t addr[16])
{
	static const struct range v4 = { { [10] = 0xff, 0xff, 127 }, 104 }, v6 = { { [15] = 1 }, 128 };

	return is_inside(addr, &v4) || is_inside(addr, &v6);
}

static bool is_own(struct listeners *listeners, const struct process *process, const uint8_t addr[16], int64_t now)
{
	struct space *space;

	if (is_loopback(addr))
		return true;
	space = place_of(listeners, process->space);
	space->used = ++listeners->calls;
	if ((!space->read_ns || space->read_ns + FRESH_NS < now) && may_look(listeners, now)) {
		int64_t since = used_ns();

		read_addresses(space, process->seen_from);
		space->read_ns = now;
		pay(listeners, since);
	}
	for (size_t i = 0; i < space->count; i++)
		if (is_inside(addr, &space->ranges[i]))
			return true;
	return false;
}

/* --- which socket --------------------------------------------------------------------------- */

/* Sockets that would take it, the most specific ones. */
struct sockets {
	int rank;
	uint64_t inodes[SOCKETS_MAX];
	size_t count;
};

/* Reads an address as /proc/PID/net has it: numbers of 32 bits as they stand in memory, in hex. */
static bool read_address(const char *hex, uint8_t ret_addr[16])
{
	size_t words = strlen(hex) / 8;
	uint32_t word[4];

	if (words != 1 && words != 4)
		return false;
	for (size_t i = 0; i < words; i++)
		if (sscanf(hex + 8 * i, "%8" SCNx32, &word[i]) != 1)
			return false;
	if (words == 1)
		map_v4(ret_addr, word);
	else
		memcpy(ret_addr, word, 16);
	return true;
}

/* How well a socket that is bound to @bound fits an address; 0: not at all. */
static int rank_of(const uint8_t bound[16], const uint8_t addr[16])
{
	static const uint8_t any[16], any_v4[16] = { [10] = 0xff, 0xff };

	if (!memcmp(bound, addr, 16))
		return 3;
	if (!memcmp(bound, any_v4, 16))
		return memcmp(addr, any_v4, 12) ? 0 : 2;
	return memcmp(bound, any, 16) ? 0 : 1;
}

static void add_socket(struct sockets *sockets, int rank, uint64_t inode)
{
	if (rank > sockets->rank)
		*sockets = (struct sockets){ .rank = rank };
	if (rank && rank == sockets->rank && inode && sockets->count < SOCKETS_MAX)
		sockets->inodes[sockets->count++] = inode;
}

#define STATE_LISTEN 0x0a
#define STATE_UNCONNECTED 0x07

/* Those of a table that listen, or that take datagrams from anybody. */
static void read_sockets(struct sockets *sockets, FILE *table, const struct destination *to)
{
	const unsigned int wanted = to->proto == PROTO_TCP ? STATE_LISTEN : STATE_UNCONNECTED;
	char line[512], local[33];
	unsigned int port, state;
	uint8_t bound[16];
	uint64_t inode;

	for (int i = 0; i < TABLE_LINES_MAX && fgets(line, sizeof(line), table); i++) {
		if (sscanf(line, " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*d %*d %" SCNu64,
			   local, &port, &state, &inode) != 4)
			continue;
		/* The kernel lists those that listen first. */
		if (to->proto == PROTO_TCP && state != wanted)
			break;
		if (state == wanted && port == to->port && read_address(local, bound))
			add_socket(sockets, rank_of(bound, to->addr), inode);
	}
}

static void find_sockets(uint32_t seen_from, const struct destination *to, struct sockets *ret_sockets)
{
	const char *const names[] = { to->proto == PROTO_TCP ? "tcp" : "udp", to->proto == PROTO_TCP ? "tcp6" : "udp6" };

	*ret_sockets = (struct sockets){ 0 };
	for (int i = 0; i < 2; i++) {
		FILE *table = open_table(seen_from, names[i]);

		if (!table)
			continue;
		read_sockets(ret_sockets, table, to);
		fclose(table);
	}
}

/* --- who holds it --------------------------------------------------------------------------- */

struct holder {
	uint32_t pid;
	bool manages;			/* it holds the socket for somebody else */
	unsigned long long ticks;
};

static bool is_one_of(const struct sockets *sockets, const char *link)
{
	uint64_t inode;

	if (sscanf(link, "socket:[%" SCNu64 "]", &inode) != 1)
		return false;
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->inodes[i] == inode)
			return true;
	return false;
}

/* Whether a process holds one of them, in @fds, its folder of descriptors. */
static bool holds(DIR *fds, const struct sockets *sockets)
{
	const struct dirent *entry;
	char link[64];

	while ((entry = readdir(fds))) {
		ssize_t size = readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1);

		if (size <= 0)
			continue;
		link[size] = 0;
		if (is_one_of(sockets, link))
			return true;
	}
	return false;
}

static DIR *open_descriptors(uint32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	return opendir(path);
}

static bool read_holder(uint32_t pid, struct holder *ret_holder)
{
	char path[32], stat[1024] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	stat[fread(stat, 1, sizeof(stat) - 1, file)] = 0;
	fclose(file);
	*ret_holder = (struct holder){
		.pid = pid,
		.manages = pid == 1 || strstr(stat, " (systemd) "),
		.ticks = peer_start_ticks(stat),
	};
	return ret_holder->ticks;
}

static bool is_better(const struct holder *a, const struct holder *b)
{
	if (!b->pid || a->manages != b->manages)
		return !b->pid || b->manages;
	return a->ticks != b->ticks ? a->ticks < b->ticks : a->pid < b->pid;
}

/* Looks at the descriptors of all processes, as far as there is time. */
static struct holder find_holder(const struct sockets *sockets)
{
	int64_t end = used_ns() + SCAN_NS, latest = now_ns() + SCAN_WAIT_NS;
	DIR *proc = opendir("/proc");
	struct holder best = { 0 };
	const struct dirent *entry;

	while (proc && (entry = readdir(proc)) && used_ns() < end && now_ns() < latest) {
		struct holder holder;
		DIR *fds;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		fds = open_descriptors(strtoul(entry->d_name, NULL, 10));
		if (!fds)
			continue;
		if (holds(fds, sockets) && read_holder(strtoul(entry->d_name, NULL, 10), &holder) &&
		    is_better(&holder, &best))
			best = holder;
		closedir(fds);
	}
	if (proc)
		closedir(proc);
	return best;
}

/* --- answers -------------------------------------------------------------------------------- */

/* A kept one says who it was; that one may hold the socket still, and then there is nobody to look for. */
static bool still_holds(const struct answer *answer, const struct sockets *sockets)
{
	struct holder holder;
	bool found;
	DIR *fds;

	if (answer->answer != LISTENER_FOUND || !read_holder(answer->peer.id.pid, &holder) ||
	    holder.ticks != answer->ticks || holder.manages)
		return false;
	fds = open_descriptors(holder.pid);
	found = fds && holds(fds, sockets);
	if (fds)
		closedir(fds);
	return found;
}

/* In the name space of the process, and where the address is not its loopback's in the host's, too: what
 * containers reach on their host. */
static void look(struct answer *answer, const struct process *process)
{
	struct sockets sockets;
	struct holder holder;

	find_sockets(process->seen_from, &answer->to, &sockets);
	if (!sockets.count && process->seen_from != 1 && !is_loopback(answer->to.addr))
		find_sockets(1, &answer->to, &sockets);
	if (sockets.count && still_holds(answer, &sockets))
		return;
	answer->answer = LISTENER_UNKNOWN;
	holder = sockets.count ? find_holder(&sockets) : (struct holder){ 0 };
	if (!holder.pid)
		return;
	answer->peer.id = (struct process_id){ .pid = holder.pid };
	answer->ticks = peer_look(holder.pid, &answer->peer);
	if (answer->ticks == holder.ticks)
		answer->answer = LISTENER_FOUND;
}

static struct answer *kept_answer(struct listeners *listeners, const struct destination *to)
{
	const uint8_t *bytes = (const uint8_t *)to;
	uint32_t hash = 2166136261u;	/* FNV-1a */

	for (size_t i = 0; i < sizeof(*to); i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return &listeners->answers[hash % ANSWERS];
}

enum listener_answer listeners_find(struct listeners *listeners, const struct destination *to,
				    struct peer *ret_peer, unsigned long long *ret_ticks)
{
	int64_t now = now_ns();
	struct process process;
	struct answer *answer;
	struct destination key;

	find_space(listeners, to->pid, now, &process);
	if (!is_own(listeners, &process, to->addr, now))
		return LISTENER_ELSEWHERE;
	if (to->proto != PROTO_TCP && to->proto != PROTO_UDP)
		return LISTENER_HERE;
	memset(&key, 0, sizeof(key));	/* with what lies between its members */
	key.proto = to->proto;
	key.port = to->port;
	memcpy(key.addr, to->addr, sizeof(key.addr));
	answer = kept_answer(listeners, &key);
	if (answer->space != process.space || memcmp(&answer->to, &key, sizeof(key)))
		*answer = (struct answer){ .to = key, .space = process.space };
	if (answer->until_ns < now) {
		int64_t since = used_ns();

		if (!may_look(listeners, now))
			return LISTENER_UNKNOWN;
		look(answer, &process);
		answer->until_ns = now + FRESH_NS;
		pay(listeners, since);
	}
	*ret_peer = answer->peer;
	*ret_ticks = answer->ticks;
	return answer->answer;
}
