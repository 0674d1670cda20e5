/* SPDX-License-Identifier: BSD-2-Clause */
#include "draft.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../policy/policy.h"

#define NAME_MAX_LENGTH 63
#define COMMENT_COLUMN 30
#define LINE_MAX_LENGTH 100

/* --- lists and names ------------------------------------------------------------------------ */

void draft_list_add(struct draft *draft, struct draft_list *list, const char *item)
{
	char **items = list->items;

	if (!(list->count & (list->count - 1)))
		items = reallocarray(items, list->count ? 2 * list->count : 1, sizeof(*items));
	if (items)
		list->items = items;
	if (items && (items[list->count] = strdup(item)))
		list->count++;
	else
		draft->failed = true;
}

void draft_list_format(struct draft *draft, struct draft_list *list, const char *fmt, ...)
{
	char *item;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&item, fmt, args) < 0)
		item = NULL;
	va_end(args);
	if (item)
		draft_list_add(draft, list, item);
	else
		draft->failed = true;
	free(item);
}

void draft_list_free(struct draft_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct draft_list){ 0 };
}

/* A letter or digit, then those, dots, underscores and hyphens. */
static void make_name(const char *text, char ret_name[NAME_MAX_LENGTH + 1])
{
	size_t size = 0;

	for (; *text && size < NAME_MAX_LENGTH; text++) {
		unsigned char c = *text;

		if (isascii(c) && isalnum(c))
			ret_name[size++] = c;
		else if (size && strchr("._-", c))
			ret_name[size++] = c;
		else if (size && ret_name[size - 1] != '-')
			ret_name[size++] = '-';
	}
	while (size && ret_name[size - 1] == '-')
		size--;
	ret_name[size] = 0;
	if (!size)
		strcpy(ret_name, "service");
}

static bool is_taken(const struct draft *draft, const char *name)
{
	return intern_find(&draft->names, name, strlen(name) + 1) != INTERN_UNSET;
}

void draft_take_name(struct draft *draft, const char *name)
{
	uint32_t number;

	draft->failed |= intern_add(&draft->names, name, strlen(name) + 1, &number) != 0;
}

/* With a number behind it, where others have it: of many with one name each goes on where the last one ended. */
static void number_name(struct draft *draft, const char *base, char ret_name[NAME_MAX_LENGTH + 1])
{
	uint32_t at = intern_find(&draft->names, base, strlen(base) + 1), i;

	if (at == INTERN_UNSET) {
		strcpy(ret_name, base);
		return;
	}
	i = draft->names.items[at].value == INTERN_UNSET ? 1 : draft->names.items[at].value;
	do
		snprintf(ret_name, NAME_MAX_LENGTH + 1, "%.*s-%u", NAME_MAX_LENGTH - 11, base, ++i);
	while (is_taken(draft, ret_name));
	draft->names.items[at].value = i;
}

struct draft_service *draft_refer(struct draft *draft, const char *name)
{
	struct draft_service *services;

	draft_take_name(draft, name);
	services = reallocarray(draft->services, draft->service_count + 1, sizeof(*services));
	if (services) {
		draft->services = services;
		services += draft->service_count;
		*services = (struct draft_service){ .name = strdup(name) };
	}
	if (!services || !services->name) {
		draft->failed = true;
		return NULL;
	}
	draft->service_count++;
	return services;
}

struct draft_service *draft_add(struct draft *draft, const char *name)
{
	char base[NAME_MAX_LENGTH + 1], numbered[NAME_MAX_LENGTH + 1];

	make_name(name, base);
	number_name(draft, base, numbered);
	return draft_refer(draft, numbered);
}

void draft_free(struct draft *draft)
{
	for (size_t i = 0; i < draft->service_count; i++) {
		struct draft_service *service = &draft->services[i];

		draft_list_free(&service->nets);
		draft_list_free(&service->ports);
		draft_list_free(&service->files);
		draft_list_free(&service->execs);
		draft_list_free(&service->sockets);
		draft_list_free(&service->needs);
		free(service->name);
		free(service->about);
		free(service->why);
	}
	free(draft->services);
	free(draft->tag);
	draft_list_free(&draft->about);
	draft_list_free(&draft->includes);
	draft_list_free(&draft->notes);
	draft_list_free(&draft->stand_ins);
	intern_free(&draft->names);
	*draft = (struct draft){ 0 };
}

/* --- texts ---------------------------------------------------------------------------------- */

/* In double quotes, with escapes for all but printable ASCII. */
static void write_quoted(struct text *out, const char *utf8)
{
	size_t size = strlen(utf8), used;

	text_append(out, "\"", 1);
	for (size_t i = 0; i < size; i += used) {
		int32_t code = text_next(utf8 + i, size - i, &used);

		if (code == '"' || code == '\\')
			text_append_format(out, "\\%c", (char)code);
		else if (code >= 0x20 && code < 0x7f)
			text_append_format(out, "%c", (char)code);
		else
			text_append_format(out, "\\U%08x", code < 0 ? 0xfffd : (unsigned int)code);
	}
	text_append(out, "\"", 1);
}

/* What needs no quotes stands without. What YAML would take for no value needs them. */
static void write_item(struct text *out, const char *item)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";

	if (*item && !item[strspn(item, plain)] && *item != '-' && strcasecmp(item, "null"))
		text_append_string(out, item);
	else
		write_quoted(out, item);
}

/* A name that YAML would take for no value needs quotes as well. */
static void write_name(struct text *out, const char *name)
{
	if (strcasecmp(name, "null"))
		text_append_string(out, name);
	else
		write_quoted(out, name);
}

static void write_comment(struct text *out, const char *text)
{
	for (const char *c = text; *c; c++)
		text_append(out, *c >= 0x20 && *c < 0x7f ? c : "?", 1);
}

/* Behind what stands in the line already. */
static void write_comment_beside(struct text *out, size_t begun, const char *text)
{
	size_t width = out->size - begun;

	if (!text)
		return;
	text_append_format(out, "%*s# ", width < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - width) : 1, "");
	write_comment(out, text);
}

/* "    nets: [a, b]", or one item a line where that would be too long. */
static void write_list(struct text *out, const char *before, const char *key, const struct draft_list *list)
{
	size_t width = strlen(before) + strlen(key) + 4;

	if (!list->count)
		return;
	for (size_t i = 0; i < list->count; i++)
		width += strlen(list->items[i]) + 2;
	text_append_format(out, "%s%s:%s", before, key, width <= LINE_MAX_LENGTH ? " [" : "\n");
	for (size_t i = 0; i < list->count; i++) {
		if (width <= LINE_MAX_LENGTH)
			text_append_string(out, i ? ", " : "");
		else
			text_append_format(out, "%s  - ", before);
		write_item(out, list->items[i]);
		text_append_string(out, width <= LINE_MAX_LENGTH ? "" : "\n");
	}
	text_append_string(out, width <= LINE_MAX_LENGTH ? "]\n" : "");
}

/* --- the policy ------------------------------------------------------------------------------- */

bool draft_is_defined(const struct draft_service *service)
{
	return service->nets.count || service->files.count || service->execs.count || service->sockets.count;
}

static void write_service(struct text *out, const struct draft_service *service)
{
	const char *margin = service->aside ? "#   " : "  ";
	size_t begun = out->size;
	char before[16];

	text_append_string(out, margin);
	write_name(out, service->name);
	text_append_string(out, ":");
	write_comment_beside(out, begun, service->about);
	text_append_string(out, "\n");
	snprintf(before, sizeof(before), "%s  ", margin);
	write_list(out, before, "nets", &service->nets);
	write_list(out, before, "ports", &service->ports);
	write_list(out, before, "files", &service->files);
	write_list(out, before, "execs", &service->execs);
	write_list(out, before, "sockets", &service->sockets);
	write_list(out, before, "needs", &service->needs);
}

/* Those that are as @aside says. Returns how many there are. */
static size_t write_services(const struct draft *draft, struct text *out, bool aside, const char *head)
{
	size_t count = 0;

	for (size_t i = 0; i < draft->service_count; i++) {
		if (draft->services[i].aside != aside || !draft_is_defined(&draft->services[i]))
			continue;
		if (!count++)
			text_append_string(out, head);
		write_service(out, &draft->services[i]);
	}
	return count;
}

static void write_rule(struct text *out, const struct draft_service *service)
{
	static const char *const verdicts[] = { "allow", "audit", "deny" };
	const char *err = service->err ? policy_errno_name(service->err) : NULL;
	size_t begun = out->size;

	text_append_format(out, "  - %s: ", verdicts[service->verdict]);
	write_name(out, service->name);
	/* Where it is defined, that says so. */
	write_comment_beside(out, begun, draft_is_defined(service) ? NULL : service->about);
	text_append_string(out, "\n");
	if (service->access)
		text_append_format(out, "    access: %s\n",
				   service->access == ACCESS_READ ? "read" : "write");
	if (err && service->verdict == VERDICT_DENY)
		text_append_format(out, "    errno: %s\n", err);
	if (service->why && *service->why) {
		text_append_string(out, "    why: ");
		write_quoted(out, service->why);
		text_append_string(out, "\n");
	}
}

/* What is denied comes first. */
static void write_rules(const struct draft *draft, struct text *out)
{
	size_t count = 0;

	for (int verdict = VERDICT_DENY; verdict >= VERDICT_ALLOW; verdict--)
		for (size_t i = 0; i < draft->service_count; i++) {
			if (draft->services[i].aside || draft->services[i].unruled ||
			    (int)draft->services[i].verdict != verdict)
				continue;
			if (!count++)
				text_append_string(out, "\nrules:\n");
			write_rule(out, &draft->services[i]);
		}
}

static void write_comments(struct text *out, const struct draft_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		text_append_string(out, *list->items[i] ? "# " : "#");
		write_comment(out, list->items[i]);
		text_append_string(out, "\n");
	}
}

void draft_write(const struct draft *draft, struct text *out)
{
	static const char *const verdicts[] = { "allow", "audit", "deny" };
	size_t begun;

	write_comments(out, &draft->about);
	text_append_string(out, "tag: ");
	write_name(out, draft->tag);
	text_append_format(out, "\nmode: %s\n", draft->mode == MODE_ENFORCE ? "enforce" : "audit");
	write_list(out, "", "include", &draft->includes);
	write_services(draft, out, false, "\nservices:\n");
	write_rules(draft, out);
	text_append_string(out, "\n");
	begun = out->size;
	text_append_format(out, "default: {net: %s}", verdicts[draft->default_net]);
	write_comment_beside(out, begun, draft->default_about);
	text_append_string(out, "\n");
	if (draft->notes.count)
		text_append_string(out, "\n");
	write_comments(out, &draft->notes);
	write_services(draft, out, true,
		       "\n# What else it reached, and the default lets pass. To have it denied, or recorded\n"
		       "# by name, move it up among the services, and write a rule for it.\n# services:\n");
}
