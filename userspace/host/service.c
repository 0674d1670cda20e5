/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "service.h"

void service_ready(const char *text)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", text);
}

void service_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void service_status(const char *text)
{
	sd_notifyf(0, "STATUS=%s", text);
}

void service_ping(void)
{
	sd_notify(0, "WATCHDOG=1");
}

int service_socket(void)
{
	int fd = SD_LISTEN_FDS_START, count = sd_listen_fds(1);

	if (count < 0)
		return count;
	return count == 1 && sd_is_socket(fd, AF_UNIX, SOCK_SEQPACKET, 1) > 0 ? fd : -ENOENT;
}
