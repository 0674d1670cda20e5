/* SPDX-License-Identifier: BSD-2-Clause */
#include "services.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log_files.h"

#define STAMP "{\"@timestamp\":\""

/* The string behind @mark in a line, up to its closing quote, as it stands there. In a JSON string a quote
 * has a backslash before it: no process can have a mark in its line. */
static bool string_after(const char *line, const char *mark, char *ret_string, size_t size)
{
	const char *begin = strstr(line, mark);
	size_t length;

	if (!begin)
		return false;
	begin += strlen(mark);
	length = strcspn(begin, "\"\\");
	if (begin[length] != '"' || length >= size)
		return false;
	memcpy(ret_string, begin, length);
	ret_string[length] = 0;
	return true;
}

static bool count_of(const char *line, enum service_count *ret_count)
{
	char verdict[8];

	if (!string_after(line, "\"verdict\":\"", verdict, sizeof(verdict)))
		return false;
	if (!strcmp(verdict, "deny"))
		*ret_count = strstr(line, "\"enforced\":true") ? SERVICE_DENIED : SERVICE_WOULD_DENY;
	else
		*ret_count = !strcmp(verdict, "audit") ? SERVICE_AUDITED : SERVICE_ALLOWED;
	return true;
}

/* Its entry, made where there is none; past SERVICES_MAX the last one. */
static struct service *find(struct services *services, const char *name)
{
	for (size_t i = 0; i < services->count; i++)
		if (!strcmp(services->list[i].name, name))
			return &services->list[i];
	if (services->count == SERVICES_MAX)
		return &services->list[SERVICES_MAX - 1];
	snprintf(services->list[services->count].name, SERVICE_NAME_SIZE, "%s",
		 services->count == SERVICES_MAX - 1 ? "(others)" : name);
	return &services->list[services->count++];
}

struct counter {
	struct services *services;
	char boot[64];
};

/* What nothing was judged in has no policy's mode, or tells of a run's beginning or end. */
static int count_line(void *ctx, const char *line, size_t size)
{
	const struct counter *counter = ctx;
	struct services *services = counter->services;
	char name[SERVICE_NAME_SIZE] = "";
	enum service_count count;

	(void)size;
	if (!strstr(line, counter->boot) || !strstr(line, "\"mode\":\"") || strstr(line, "\"action\":\"run-") ||
	    !count_of(line, &count))
		return 0;
	string_after(line, "\"service\":\"", name, sizeof(name));
	find(services, name)->counts[count]++;
	if (!*services->since && !strncmp(line, STAMP, strlen(STAMP)))
		string_after(line, STAMP, services->since, sizeof(services->since));
	return 0;
}

int services_count(const char *path, const char *boot_id, struct services *ret_services)
{
	struct counter counter = { .services = ret_services };
	struct log_part part = { .tail = SERVICES_BYTES };
	int err;

	*ret_services = (struct services){ 0 };
	snprintf(counter.boot, sizeof(counter.boot), "\"boot_id\":\"%s\"", boot_id);
	err = log_files_read(path, part, count_line, &counter);
	return err == -ENOENT ? 0 : err;
}
