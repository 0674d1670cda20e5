/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the service manager is told, and what it hands over (sd_notify(3), sd_listen_fds(3)). Without a
 * service manager all of it does nothing.
 */
#pragma once

/* The fence holds: whoever waits for the service may go on. @text: one line for `systemctl status`. */
void service_ready(const char *text);
/* Policies and the log are read anew, until service_ready() is called again. */
void service_reloading(void);
void service_stopping(void);
/* One line for `systemctl status`. */
void service_status(const char *text);

/* Says that this process gets on with its work, to the watchdog of its unit. */
void service_ping(void);

/* The listening socket that was handed over, the caller's; -ENOENT: none. */
int service_socket(void);
