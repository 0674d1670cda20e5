/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "suggestion_private.h"

static int compare_objects(const struct suggestion *suggestion, const struct reached *one,
			   const struct reached *other)
{
	if (one->class != other->class)
		return one->class < other->class ? -1 : 1;
	return memcmp(one->addr, other->addr, sizeof(one->addr)) ?: (int)one->proto - (int)other->proto ?:
		(int)one->port - (int)other->port ?:
		strcmp(string_at(suggestion, one->path), string_at(suggestion, other->path));
}

uint8_t reached_access_meant(const struct reached *reached)
{
	uint8_t passed = reached->access[FATE_REACHED] | reached->access[FATE_AUDITED];

	if (reached->class != CLASS_FILE || reached->fate != FATE_DENIED || !passed)
		return 0;
	return reached->access[FATE_DENIED] & ~passed;
}

int reached_compare_groups(const struct suggestion *suggestion, const struct reached *one,
			  const struct reached *other)
{
	return strcmp(string_at(suggestion, one->service), string_at(suggestion, other->service)) ?:
		(int)one->class - (int)other->class ?: (int)other->fate - (int)one->fate ?:
		one->err - other->err ?:
		reached_access_meant(one) - reached_access_meant(other) ?: one->exception - other->exception ?:
		strcmp(string_at(suggestion, one->why), string_at(suggestion, other->why));
}

int reached_by_object(const void *a, const void *b, void *ctx)
{
	return compare_objects(ctx, *(struct reached *const *)a, *(struct reached *const *)b);
}

int reached_by_group(const void *a, const void *b, void *ctx)
{
	const struct reached *one = *(struct reached *const *)a, *other = *(struct reached *const *)b;

	return reached_compare_groups(ctx, one, other) ?: compare_objects(ctx, one, other);
}
