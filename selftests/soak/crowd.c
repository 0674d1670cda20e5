/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

#define SHARED		WORK "/soak-shared"
#define SERVER_IP	"127.5.1.1"
#define SERVER_PORT	7

struct shared *shared;

static int server = -1;
static int own = -1;			/* the socket of all attempts; inherited by every member */
static struct sockaddr_storage target;
static socklen_t target_size;

/* --- its far side --------------------------------------------------------------------------- */

static bool map_shared(int flags)
{
	int fd = open(SHARED, O_RDWR | O_CLOEXEC | flags, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*shared)))
		return false;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return shared != MAP_FAILED;
}

bool crowd_join(void)
{
	target_size = place_address_as(SERVER_IP, SERVER_PORT, &target);
	own = socket(AF_INET, SOCK_DGRAM, 0);
	return own >= 0 && map_shared(0);
}

bool crowd_prepare(struct why *why)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (!map_shared(O_CREAT | O_TRUNC) || !crowd_join())
		return fail(why, "no shared memory: %s", strerrorname_np(errno));
	server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(server, (struct sockaddr *)&target, target_size))
		return fail(why, "no server: %s", strerrorname_np(errno));
	return true;
}

/* A datagram is the letter of its kind: large when the tree had been tagged. */
#define LETTER(kind, tagged) ((kind) + ((tagged) ? 'A' : 'a'))

static unsigned long hear(char least, char most)
{
	unsigned long heard = 0;
	char letter;

	while (recv(server, &letter, 1, 0) >= 0)
		heard += letter >= least && letter <= most;
	return heard;
}

unsigned long crowd_heard(void)
{
	return hear('A', 'z');
}

unsigned long crowd_heard_tagged(void)
{
	return hear('A', 'Z');
}

void crowd_reset(void)
{
	memset(shared, 0, sizeof(*shared));
	crowd_heard();
}

struct sum crowd_sum(void)
{
	struct sum sum = {};

	for (int i = 0; i < KINDS; i++) {
		sum.made += shared->kind[i].made;
		sum.failed += shared->kind[i].failed;
		sum.denied += shared->kind[i].denied;
		sum.through += shared->kind[i].through;
		sum.odd += shared->kind[i].odd;
		sum.odd_errno = sum.odd_errno ?: shared->kind[i].odd_errno;
	}
	return sum;
}

bool crowd_all_denied(struct why *why)
{
	unsigned long heard = crowd_heard();
	struct sum sum = crowd_sum();

	if (sum.through || heard)
		return fail(why, "%lu attempts were let through, the server heard %lu: fork %lu, vfork %lu, "
			    "clone3 %lu, thread %lu, double fork %lu", sum.through, heard,
			    shared->kind[KIND_FORK].through, shared->kind[KIND_VFORK].through,
			    shared->kind[KIND_CLONE3].through, shared->kind[KIND_THREAD].through,
			    shared->kind[KIND_DOUBLE].through);
	if (sum.odd)
		return fail(why, "%lu attempts met something else (%s)", sum.odd,
			    strerrorname_np(sum.odd_errno));
	return sum.denied == sum.made ||
		fail(why, "%lu members, but %lu denials", sum.made, sum.denied);
}

/* --- a member ------------------------------------------------------------------------------- */

int crowd_attempt(enum kind kind)
{
	struct tally *tally = &shared->kind[kind];
	bool tagged = shared->tagged;
	char letter = LETTER(kind, tagged);

	if (sendto(own, &letter, 1, MSG_DONTWAIT, (struct sockaddr *)&target, target_size) == 1) {
		tally->through++;
		if (tagged)
			shared->survivors[kind]++;
		return 0;
	}
	if (errno == EHOSTUNREACH || errno == ETIMEDOUT) {
		tally->denied++;
	} else {
		tally->odd++;
		tally->odd_errno = errno;
	}
	return -errno;
}

void crowd_talk(enum kind kind)
{
	while (!shared->stop) {
		shared->kind[kind].made++;
		crowd_attempt(kind);
		if (shared->calm)
			usleep(shared->calm);
	}
}

/* --- the crowd ------------------------------------------------------------------------------ */

bool crowd_start(struct crowd *crowd, void (*main)(void), struct why *why)
{
	int go[2];
	char byte;

	*crowd = (struct crowd){ .go = -1 };
	if (pipe2(go, O_CLOEXEC))
		return fail(why, "no pipe: %s", strerrorname_np(errno));
	fflush(stdout);
	crowd->pid = fork();
	if (!crowd->pid) {
		close(go[1]);
		setpgid(0, 0);
		if (read(go[0], &byte, 1) == 1)
			main();
		_exit(0);
	}
	setpgid(crowd->pid, crowd->pid);
	close(go[0]);
	crowd->go = go[1];
	return crowd->pid > 0 || fail(why, "cannot fork: %s", strerrorname_np(errno));
}

void crowd_go(struct crowd *crowd)
{
	if (write(crowd->go, "", 1) != 1)
		perror("soak");
	close(crowd->go);
	crowd->go = -1;
}

bool crowd_tag(struct crowd *crowd, struct why *why)
{
	struct command command;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", crowd->pid);
	command_run(&command, 0, COMMAND("ringfence", "tag", "--tag", TAG, "--pid", pid, "--tree"));
	if (command.status || sscanf(command.out, "run %63[^:]:", crowd->run) != 1)
		return fail(why, "ringfence tag ended with %d: %.300s", command.status, command.err);
	return true;
}

bool crowd_start_tagged(struct crowd *crowd, void (*main)(void), struct why *why)
{
	if (!crowd_start(crowd, main, why))
		return false;
	if (!crowd_tag(crowd, why)) {
		kill(crowd->pid, SIGKILL);
		crowd_end(crowd, WAIT_MS, why);
		return false;
	}
	crowd_go(crowd);
	return true;
}

bool crowd_end(struct crowd *crowd, int64_t timeout_ms, struct why *why)
{
	struct pollfd end = { .fd = syscall(SYS_pidfd_open, crowd->pid, 0), .events = POLLIN };
	bool ended = poll(&end, 1, timeout_ms) == 1;

	if (crowd->go >= 0)
		close(crowd->go);
	kill(-crowd->pid, SIGKILL);
	while (waitpid(-crowd->pid, NULL, 0) > 0)
		;
	close(end.fd);
	return ended || fail(why, "the crowd did not end in %lld ms", (long long)timeout_ms);
}
