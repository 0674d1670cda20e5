/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the runs of this boot reached for, by service: counted from the end of the audit log, and told with
 * the time that the count begins at. The kernel counts by run only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SERVICES_BYTES (16 << 20)	/* of the log that are looked at */
#define SERVICES_MAX 256		/* that are told apart; the rest are one */
#define SERVICE_NAME_SIZE 64
#define SERVICES_SINCE_SIZE 32

enum service_count {
	SERVICE_DENIED,			/* refused */
	SERVICE_WOULD_DENY,		/* in audit mode */
	SERVICE_AUDITED,
	SERVICE_ALLOWED,
	SERVICE_COUNTS,
};

struct service {
	char name[SERVICE_NAME_SIZE];	/* "" for what no rule of a service decided */
	uint64_t counts[SERVICE_COUNTS];
};

struct services {
	struct service list[SERVICES_MAX];
	size_t count;
	char since[SERVICES_SINCE_SIZE];	/* timestamp of the first line that was counted, or "" */
};

/*
 * Counts the lines of boot @boot_id in the last SERVICES_BYTES of the log at @path, also where they were rotated
 * away from it. Lines are not parsed, so that it stays cheap: they are taken as audit_json.h writes them, and
 * others are left out.
 *
 * Returns 0 and *ret_services, all zero where there is no log; or -errno of reading it.
 */
int services_count(const char *path, const char *boot_id, struct services *ret_services);
