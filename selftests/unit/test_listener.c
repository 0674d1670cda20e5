/* SPDX-License-Identifier: BSD-2-Clause */
/* Who accepts at an address of this host: sockets of this process and of its children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "userspace/audit/listener.h"

static struct listeners *listeners;

static int begin(void **state)
{
	(void)state;
	listeners = listeners_new();
	return listeners ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	listeners_free(listeners);
	return 0;
}

static void to_address(const char *text, uint8_t ret_addr[16])
{
	memset(ret_addr, 0, 16);
	if (inet_pton(AF_INET6, text, ret_addr) == 1)
		return;
	memset(ret_addr + 10, 0xff, 2);
	assert_int_equal(inet_pton(AF_INET, text, ret_addr + 12), 1);
}

/* A socket that is bound to @text and port *ret_port, or any that is free for 0; it listens where it can. */
static int bind_socket(const char *text, int type, uint16_t *ret_port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	bool is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;
	struct sockaddr *name = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t size = is_v4 ? sizeof(v4) : sizeof(v6);
	int fd = socket(is_v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);

	if (fd < 0 && !is_v4)
		skip();
	assert_true(fd >= 0);
	assert_true(is_v4 || inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
	v4.sin_port = v6.sin6_port = htons(*ret_port);
	if (bind(fd, name, size)) {
		close(fd);
		skip();			/* a host without that family */
	}
	assert_false(type == SOCK_STREAM && listen(fd, 8));
	assert_false(getsockname(fd, name, &size));
	*ret_port = ntohs(is_v4 ? v4.sin_port : v6.sin6_port);
	return fd;
}

static int open_socket(const char *text, int type, uint16_t *ret_port)
{
	*ret_port = 0;
	return bind_socket(text, type, ret_port);
}

static enum listener_answer find(const char *text, enum protocol proto, uint16_t port, struct peer *ret_peer)
{
	struct destination to = { .pid = getpid(), .proto = proto, .port = port };
	unsigned long long ticks = 0;
	enum listener_answer answer;

	to_address(text, to.addr);
	memset(ret_peer, 0, sizeof(*ret_peer));
	answer = listeners_find(listeners, &to, ret_peer, &ticks);
	assert_true(answer != LISTENER_FOUND || ticks);
	return answer;
}

static void assert_here(const char *text, enum protocol proto, uint16_t port)
{
	char self[256] = "";
	struct peer peer;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_int_equal(find(text, proto, port, &peer), LISTENER_FOUND);
	assert_int_equal(peer.id.pid, getpid());
	assert_int_equal(peer.id.start_ns, 0);
	assert_string_equal(peer.name, "test_listener");
	assert_string_equal(peer.executable, self);
}

static void finds_tcp(void **state)
{
	static const struct {
		const char *bound, *to;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1" },
		{ "0.0.0.0", "127.0.0.1" },
		{ "0.0.0.0", "127.8.9.10" },
		{ "::1", "::1" },
		{ "::", "::1" },
		{ "::", "127.0.0.1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t port;
		int fd = open_socket(cases[i].bound, SOCK_STREAM, &port);

		assert_here(cases[i].to, PROTO_TCP, port);
		close(fd);
	}
}

static void finds_udp(void **state)
{
	uint16_t port;
	int fd = open_socket("127.0.0.1", SOCK_DGRAM, &port);
	struct peer peer;

	(void)state;
	assert_here("127.0.0.1", PROTO_UDP, port);
	assert_int_equal(find("127.0.0.1", PROTO_TCP, port, &peer), LISTENER_UNKNOWN);
	close(fd);
}

/* One that is bound to the address itself takes it before one for all addresses; one for another does not. */
static void minds_the_address(void **state)
{
	uint16_t port;
	int fd = open_socket("127.0.0.2", SOCK_STREAM, &port);
	struct peer peer;

	(void)state;
	assert_int_equal(find("127.0.0.1", PROTO_TCP, port, &peer), LISTENER_UNKNOWN);
	assert_here("127.0.0.2", PROTO_TCP, port);
	close(fd);
}

static void tells_what_is_elsewhere(void **state)
{
	struct peer peer;

	(void)state;
	assert_int_equal(find("198.51.100.7", PROTO_TCP, 443, &peer), LISTENER_ELSEWHERE);
	assert_int_equal(find("2001:db8::7", PROTO_TCP, 443, &peer), LISTENER_ELSEWHERE);
	assert_int_equal(find("128.0.0.1", PROTO_TCP, 443, &peer), LISTENER_ELSEWHERE);
	assert_int_equal(find("::2", PROTO_TCP, 443, &peer), LISTENER_ELSEWHERE);
	assert_int_equal(find("127.0.0.1", PROTO_OTHER, 443, &peer), LISTENER_HERE);
	assert_int_equal(find("127.0.0.1", PROTO_NONE, 0, &peer), LISTENER_HERE);
}

/* Every address that this host has is its own. */
static void knows_its_own_addresses(void **state)
{
	struct ifaddrs *all, *each;
	char text[INET6_ADDRSTRLEN];
	size_t count = 0;
	uint16_t port;
	int fd = open_socket("0.0.0.0", SOCK_STREAM, &port);

	(void)state;
	assert_false(getifaddrs(&all));
	for (each = all; each; each = each->ifa_next) {
		if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET)
			continue;
		inet_ntop(AF_INET, &((struct sockaddr_in *)each->ifa_addr)->sin_addr, text, sizeof(text));
		assert_here(text, PROTO_TCP, port);
		count++;
	}
	assert_true(count > 0);
	freeifaddrs(all);
	close(fd);
}

static void tells_that_nobody_listens(void **state)
{
	uint16_t port;
	int fd = open_socket("127.0.0.1", SOCK_STREAM, &port);
	struct peer peer;

	(void)state;
	close(fd);
	assert_int_equal(find("127.0.0.1", PROTO_TCP, port, &peer), LISTENER_UNKNOWN);
}

/* An answer holds for a moment: ten thousand records of one connection are one look. */
static void keeps_an_answer(void **state)
{
	uint16_t port;
	int fd = open_socket("127.0.0.1", SOCK_STREAM, &port);

	(void)state;
	assert_here("127.0.0.1", PROTO_TCP, port);
	close(fd);
	assert_here("127.0.0.1", PROTO_TCP, port);
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* A flood of destinations is not looked for one by one: of sockets that all listen, so many are known. */
static void bounds_the_time(void **state)
{
	enum { MANY = 300, AT_ONCE = 128, EACH_SECOND = 32 };
	static int fds[MANY];
	static uint16_t ports[MANY];
	double wall, used;
	size_t known = 0;
	struct peer peer;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		fds[i] = open_socket("127.0.0.1", SOCK_STREAM, &ports[i]);
	wall = seconds(CLOCK_MONOTONIC);
	used = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (size_t i = 0; i < MANY; i++) {
		enum listener_answer answer = find("127.0.0.1", PROTO_TCP, ports[i], &peer);

		assert_true(answer == LISTENER_FOUND || answer == LISTENER_UNKNOWN);
		known += answer == LISTENER_FOUND;
	}
	wall = seconds(CLOCK_MONOTONIC) - wall;
	used = seconds(CLOCK_THREAD_CPUTIME_ID) - used;
	assert_true(known > 0);
	assert_true(known <= AT_ONCE + 1 + wall * EACH_SECOND);
	/* Half a second at once and a fifth of the time; and the last look, which had begun by then. */
	assert_true(used < 0.5 + wall / 5 + 0.5);
	for (size_t i = 0; i < MANY; i++)
		close(fds[i]);
}

/* Starts a child that does nothing. The gap to the tick in which this process began is as it happens. */
static pid_t start_child(const char *name)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_false(pipe(ready));
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Workers hold the socket of their master, which is older. */
static void prefers_the_oldest(void **state)
{
	uint16_t port;
	int fd = open_socket("127.0.0.1", SOCK_STREAM, &port);
	pid_t worker = start_child("worker");

	(void)state;
	assert_here("127.0.0.1", PROTO_TCP, port);
	close(fd);
	end_child(worker);
}

/* One that listens at the address itself has what is sent there, and who listens at all of them the rest. */
static void prefers_the_most_specific(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {	/* the port decides which the kernel lists first */
		uint16_t port;
		int all = open_socket("0.0.0.0", SOCK_STREAM, &port);
		int one = bind_socket("127.0.0.2", SOCK_STREAM, &port);
		pid_t child = start_child("specific");
		struct peer peer;

		close(one);
		assert_int_equal(find("127.0.0.2", PROTO_TCP, port, &peer), LISTENER_FOUND);
		assert_int_equal(peer.id.pid, child);
		assert_here("127.0.0.3", PROTO_TCP, port);
		close(all);
		end_child(child);
		listeners_free(listeners);	/* and the time that it may take */
		listeners = listeners_new();
	}
}

/* A service manager has opened it for whom it starts. */
static void prefers_a_service_to_its_manager(void **state)
{
	struct peer peer;
	pid_t service;
	uint16_t port;
	int fd;

	(void)state;
	prctl(PR_SET_NAME, "systemd");
	fd = open_socket("127.0.0.1", SOCK_STREAM, &port);
	service = start_child("service");
	assert_int_equal(find("127.0.0.1", PROTO_TCP, port, &peer), LISTENER_FOUND);
	assert_int_equal(peer.id.pid, service);
	assert_string_equal(peer.name, "service");
	end_child(service);
	close(fd);
	/* Before it has started one, it is who accepts. */
	fd = open_socket("127.0.0.1", SOCK_STREAM, &port);
	assert_int_equal(find("127.0.0.1", PROTO_TCP, port, &peer), LISTENER_FOUND);
	assert_int_equal(peer.id.pid, getpid());
	close(fd);
	prctl(PR_SET_NAME, "test_listener");
}

/* A process that has gone is taken to have been where the first one is. */
static void looks_for_one_that_has_gone(void **state)
{
	struct destination to = { .proto = PROTO_TCP };
	unsigned long long ticks;
	struct peer peer;
	int fd = open_socket("127.0.0.1", SOCK_STREAM, &to.port);
	pid_t child = start_child("gone");

	(void)state;
	end_child(child);
	to.pid = child;
	to_address("127.0.0.1", to.addr);
	assert_int_equal(listeners_find(listeners, &to, &peer, &ticks), LISTENER_FOUND);
	assert_int_equal(peer.id.pid, getpid());
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(finds_tcp),
		TEST(finds_udp),
		TEST(minds_the_address),
		TEST(tells_what_is_elsewhere),
		TEST(knows_its_own_addresses),
		TEST(tells_that_nobody_listens),
		TEST(keeps_an_answer),
		TEST(bounds_the_time),
		TEST(prefers_the_oldest),
		TEST(prefers_the_most_specific),
		TEST(prefers_a_service_to_its_manager),
		TEST(looks_for_one_that_has_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
