/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a host must have for the fence, looked at one by one, each with what to do where it is
 * missing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* How much it matters that something is not as it should be. */
enum severity {
	SEVERITY_FAIL,			/* there can be no fence, or others can change it */
	SEVERITY_WARN,			/* somebody should see to it */
	SEVERITY_NOTE,			/* good to know */
};

struct finding {
	const char *topic;		/* "kernel" */
	bool ok;
	enum severity severity;		/* where not ok */
	char text[384];			/* what was seen */
	char remedy[768];		/* what to do; "" where ok */
};

#define FINDINGS_MAX 8

/* Looks at the kernel's version, its LSM list, ftrace and BTF, bpffs, and the capabilities of this process.
 * Fills @ret_list and returns how many there are. */
size_t host_examine(struct finding ret_list[FINDINGS_MAX]);

/* 0, or -EOPNOTSUPP for a kernel that is too old to be relied on, or was booted without bpf among its
 * LSMs: loading would be for nothing. */
int host_check(void);

/* Whether this process holds every capability that the fence needs. */
bool host_capable(void);

/* Tells on stderr why the fence could not be brought up (fence_load()'s error @err, or 0 when it
 * was up but the probe found it dead): the findings that are not ok, or, where all are, what is
 * left. */
void host_explain(int err);

/* The same as text and remedy, for err != 0 and a host on which all findings are ok. */
void host_explain_load(int err, struct finding *ret_finding);
