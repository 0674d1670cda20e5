/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_line.h"

#include <errno.h>
#include <string.h>

/* The value at a path of keys, the last one NULL; NULL where there is none. */
static const json_t *value_at(const json_t *root, const char *const *keys)
{
	for (; root && *keys; keys++)
		root = json_object_get(root, *keys);
	return root;
}
#define VALUE(root, ...) value_at(root, (const char *const[]){ __VA_ARGS__, NULL })

static const char *string_of(const json_t *value)
{
	const char *string = json_string_value(value);

	return string ? string : "";
}

static uint64_t number_of(const json_t *value)
{
	json_int_t number = json_integer_value(value);

	return number < 0 ? 0 : number;
}

static bool is_verdict(const char *word)
{
	return !strcmp(word, "allow") || !strcmp(word, "audit") || !strcmp(word, "deny");
}

int audit_line_parse(const char *text, size_t size, struct audit_line *ret_line)
{
	json_t *root = json_loadb(text, size, 0, NULL);
	const json_t *own = VALUE(root, "ringfence");
	struct audit_line line = {
		.root = root,
		.timestamp = string_of(VALUE(root, "@timestamp")),
		.run = string_of(VALUE(own, "run")),
		.tag = string_of(VALUE(own, "tag")),
		.service = string_of(VALUE(own, "service")),
		.verdict = string_of(VALUE(own, "verdict")),
		.err = string_of(VALUE(own, "errno")),
		.rule = string_of(VALUE(root, "rule", "name")),
		.rule_id = string_of(VALUE(root, "rule", "id")),
		.why = string_of(VALUE(root, "rule", "description")),
		.reason = string_of(VALUE(own, "reason")),
		.category = string_of(json_array_get(VALUE(root, "event", "category"), 0)),
		.ip = string_of(VALUE(root, "destination", "ip")),
		.address = string_of(VALUE(root, "destination", "address")),
		.act = string_of(VALUE(own, "act")),
		.peer_pid = number_of(VALUE(own, "peer", "pid")),
		.peer_name = string_of(VALUE(own, "peer", "name")),
		.transport = string_of(VALUE(root, "network", "transport")),
		.family = VALUE(own, "family"),
		.path = string_of(VALUE(root, "file", "path")),
		.access = string_of(VALUE(own, "access")),
		.script = string_of(VALUE(own, "script")),
		.comm = string_of(VALUE(root, "process", "name")),
		.entity_id = string_of(VALUE(root, "process", "entity_id")),
		.args = VALUE(root, "process", "args"),
		.ancestors = VALUE(own, "ancestors"),
		.pid = number_of(VALUE(root, "process", "pid")),
		.port = number_of(VALUE(root, "destination", "port")),
		.seq = number_of(VALUE(own, "seq")),
		.lost_before = number_of(VALUE(own, "lost_before")),
		.boot_id = string_of(VALUE(own, "boot_id")),
		.enforced = json_is_true(VALUE(own, "enforced")),
		.incomplete = strcmp(string_of(VALUE(own, "lineage")), "complete"),
		.deeper = json_is_true(VALUE(own, "ancestors_truncated")),
	};

	if (!*line.timestamp || !*line.run || !is_verdict(line.verdict)) {
		json_decref(root);
		return -EBADMSG;
	}
	*ret_line = line;
	return 0;
}

void audit_line_free(struct audit_line *line)
{
	json_decref(line->root);
	line->root = NULL;
}

static void append_peer(struct text *out, const struct audit_line *line)
{
	if (!line->peer_pid)
		return;
	text_append_string(out, " (");
	text_printable(out, line->peer_name, strlen(line->peer_name));
	text_append_format(out, "%s%llu)", *line->peer_name ? " " : "pid ",
			   (unsigned long long)line->peer_pid);
}

static void append_network(struct text *out, const struct audit_line *line)
{
	bool v6 = strchr(line->ip, ':') != NULL;

	if (*line->address) {
		text_printable(out, line->address, strlen(line->address));
		append_peer(out, line);
		return;
	}
	if (!*line->ip) {
		text_append_string(out, "(address not known");
		if (json_is_integer(line->family))
			text_append_format(out, ", family %llu",
					   (unsigned long long)number_of(line->family));
		text_append_string(out, ")");
		return;
	}
	text_append_string(out, v6 && *line->transport ? "[" : "");
	text_printable(out, line->ip, strlen(line->ip));
	text_append_string(out, v6 && *line->transport ? "]" : "");
	if (!*line->transport)
		return;
	text_append_format(out, ":%llu/", (unsigned long long)line->port);
	text_printable(out, line->transport, strlen(line->transport));
}

void audit_line_object(struct text *out, const struct audit_line *line)
{
	if (!strcmp(line->category, "network")) {
		append_network(out, line);
		return;
	}
	if (*line->act) {
		text_printable(out, line->act, strlen(line->act));
		append_peer(out, line);
		return;
	}
	if (*line->path)
		text_printable(out, line->path, strlen(line->path));
	else
		text_append_string(out, "(path not known)");
	if (!strcmp(line->category, "file") && *line->access) {
		text_append_string(out, " (");
		text_printable(out, line->access, strlen(line->access));
		text_append_string(out, ")");
	}
	if (*line->script) {
		text_append_string(out, " (for script ");
		text_printable(out, line->script, strlen(line->script));
		text_append_string(out, ")");
	}
}
