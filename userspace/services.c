/* SPDX-License-Identifier: BSD-2-Clause */
#include "services.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* What nothing was judged in has no rule's and no policy's mode. */
static void count_line(struct services *services, const char *line, const char *boot)
{
	char name[SERVICE_NAME_SIZE] = "";
	enum service_count count;

	if (!strstr(line, boot) || !strstr(line, "\"mode\":\"") || !count_of(line, &count))
		return;
	string_after(line, "\"service\":\"", name, sizeof(name));
	find(services, name)->counts[count]++;
	if (!*services->since && !strncmp(line, STAMP, strlen(STAMP)))
		string_after(line, STAMP, services->since, sizeof(services->since));
}

/* Goes to the first whole line of the last SERVICES_BYTES. */
static int go_to_tail(FILE *log)
{
	off_t size;
	int c;

	if (fseeko(log, 0, SEEK_END) || (size = ftello(log)) < 0)
		return -errno;
	if (size <= SERVICES_BYTES)
		return fseeko(log, 0, SEEK_SET) ? -errno : 0;
	if (fseeko(log, size - SERVICES_BYTES - 1, SEEK_SET))
		return -errno;
	while ((c = getc(log)) != EOF && c != '\n')
		;
	return 0;
}

int services_count(const char *path, const char *boot_id, struct services *ret_services)
{
	FILE *log = fopen(path, "re");
	char boot[64], *line = NULL;
	size_t room = 0;
	int err;

	*ret_services = (struct services){ 0 };
	if (!log)
		return errno == ENOENT ? 0 : -errno;
	snprintf(boot, sizeof(boot), "\"boot_id\":\"%s\"", boot_id);
	err = go_to_tail(log);
	while (!err && getline(&line, &room, log) > 0)
		count_line(ret_services, line, boot);
	if (!err && ferror(log))
		err = -EIO;
	free(line);
	fclose(log);
	return err;
}
