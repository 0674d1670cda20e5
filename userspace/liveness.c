/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "hooks.h"
#include "liveness.h"

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

static size_t missed_hooks(const struct fence *fence, struct finding *ret_fault)
{
	struct about about = {};
	char names[256];

	if (fence_about(fence, &about) || !about.missed)
		return 0;
	hook_list(about.missed, names, sizeof(names));
	*ret_fault = (struct finding){ .topic = "probe" };
	snprintf(ret_fault->text, sizeof(ret_fault->text), "it was not denied at %s", names);
	snprintf(ret_fault->remedy, sizeof(ret_fault->remedy),
		 "ringfence doctor tells what is wrong with the host; if nothing is: ringfence unload, then ringfence load");
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

	return count + missed_hooks(fence, &ret_faults[count]);
}

void liveness_line(const struct finding *faults, size_t count, char *ret_line, size_t size)
{
	size_t used = 0;

	ret_line[0] = 0;
	for (size_t i = 0; i < count && used < size; i++)
		used += snprintf(ret_line + used, size - used, "%s%s: %s", used ? "; " : "",
				 faults[i].topic, faults[i].text);
}
