/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../base/locations.h"
#include "../base/pid_space.h"
#include "../fence/hooks.h"
#include "liveness.h"

#define STALE_S 10			/* without a probe, where there is to be one every second */

static size_t host_faults(struct finding *ret_faults)
{
	struct finding findings[FINDINGS_MAX];
	size_t all = host_examine(findings), count = 0;

	for (size_t i = 0; i < all; i++)
		if (!findings[i].ok)
			ret_faults[count++] = findings[i];
	return count;
}

static size_t missing_pins(const struct fence *fence, struct finding *ret_fault)
{
	char names[256];
	size_t count = fence_missing_pins(fence, names, sizeof(names));

	if (!count)
		return 0;
	*ret_fault = (struct finding){ .topic = "pins" };
	snprintf(ret_fault->text, sizeof(ret_fault->text), "%zu %s removed: %s", count,
		 count == 1 ? "was" : "were", names);
	snprintf(ret_fault->remedy, sizeof(ret_fault->remedy),
		 "ringfence unload, then ringfence load; only root outside the fence can have removed it");
	return 1;
}

static size_t missed_hooks(const struct about *about, struct finding *ret_fault)
{
	char names[256];

	if (!about->missed)
		return 0;
	hook_list(about->missed, names, sizeof(names));
	*ret_fault = (struct finding){ .topic = "probe" };
	snprintf(ret_fault->text, sizeof(ret_fault->text), "it was not denied at %s", names);
	snprintf(ret_fault->remedy, sizeof(ret_fault->remedy),
		 "ringfence doctor tells what is wrong with the host; if nothing is: ringfence unload, then ringfence load");
	return 1;
}

/* Of a probe that was not made nothing is known, however well the one before had ended. */
static size_t probe_faults(const struct about *about, struct finding *ret_fault)
{
	if (!about->fault)
		return 0;
	*ret_fault = (struct finding){ .topic = "probe" };
	if (about->fault == -ENODATA) {
		snprintf(ret_fault->text, sizeof(ret_fault->text),
			 "it was denied, but its records did not arrive in the audit log");
		snprintf(ret_fault->remedy, sizeof(ret_fault->remedy),
			 "is the process that holds " PATH_COLLECTOR " stopped, or the disk of the log full?");
	} else {
		snprintf(ret_fault->text, sizeof(ret_fault->text), "it cannot be run: %s",
			 strerror(-about->fault));
		snprintf(ret_fault->remedy, sizeof(ret_fault->remedy),
			 "ringfence doctor tells what is wrong with the host");
	}
	return 1;
}

int64_t liveness_probe_age(const struct about *about)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return about->probed_ns ? now.tv_sec - (int64_t)(about->probed_ns / 1000000000) : -1;
}

/* Without a daemon nobody makes one but those who start a run, load or tag. */
static size_t stale_probe(const struct fence *fence, const struct about *about,
			  struct finding *ret_fault)
{
	int64_t age = liveness_probe_age(about);
	pid_t watcher = age > STALE_S && pid_space_is_initial() ? fence_watcher(fence) : 0;

	if (!watcher)
		return 0;
	*ret_fault = (struct finding){ .topic = "daemon" };
	snprintf(ret_fault->text, sizeof(ret_fault->text),
		 "process %d is to have a probe made every second, and the last was %lld s ago", watcher,
		 (long long)age);
	snprintf(ret_fault->remedy, sizeof(ret_fault->remedy),
		 "is it stopped? kill -CONT %d, or start ringfence daemon anew", watcher);
	return 1;
}

size_t liveness_look(const struct fence *fence, struct finding ret_faults[LIVENESS_FAULTS_MAX])
{
	size_t count = host_faults(ret_faults);

	return count + missing_pins(fence, &ret_faults[count]);
}

size_t liveness_examine(const struct fence *fence, struct finding ret_faults[LIVENESS_FAULTS_MAX])
{
	size_t count = liveness_look(fence, ret_faults);
	struct about about = {};

	if (fence_about(fence, &about))
		return count;
	count += missed_hooks(&about, &ret_faults[count]);
	count += probe_faults(&about, &ret_faults[count]);
	return count + stale_probe(fence, &about, &ret_faults[count]);
}

void liveness_line(const struct finding *faults, size_t count, char *ret_line, size_t size)
{
	size_t used = 0;

	ret_line[0] = 0;
	for (size_t i = 0; i < count && used < size; i++)
		used += snprintf(ret_line + used, size - used, "%s%s: %s", used ? "; " : "",
				 faults[i].topic, faults[i].text);
}
