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

static const json_t *object_of(const json_t *value)
{
	return json_is_object(value) ? value : NULL;
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
		.action = string_of(VALUE(root, "event", "action")),
		.run = string_of(VALUE(own, "run")),
		.tag = string_of(VALUE(own, "tag")),
		.policy = string_of(VALUE(own, "policy")),
		.mode = string_of(VALUE(own, "mode")),
		.ruleset = number_of(VALUE(own, "ruleset")),
		.begin = object_of(VALUE(own, "begin")),
		.end = object_of(VALUE(own, "end")),
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
		.peer_executable = string_of(VALUE(own, "peer", "executable")),
		.peer_entity = string_of(VALUE(own, "peer", "entity_id")),
		.peer_unit = string_of(VALUE(own, "peer", "unit")),
		.peer_unknown = json_is_true(VALUE(own, "peer_unknown")),
		.local = json_is_true(VALUE(own, "local")),
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

bool audit_line_is_note(const struct audit_line *line)
{
	return !strcmp(line->action, "run-begin") || !strcmp(line->action, "run-end");
}

/* --- what it says, for people --------------------------------------------------------------- */

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

void audit_line_peer(struct text *out, const struct audit_line *line)
{
	if (line->peer_unknown)
		text_append_string(out, " (on this host; who accepts there, if anybody, is not known)");
	if (!line->peer_pid)
		return;
	text_append_string(out, " (");
	text_printable(out, line->peer_name, strlen(line->peer_name));
	text_append_format(out, "%s%llu", *line->peer_name ? " " : "pid ", (unsigned long long)line->peer_pid);
	text_append_string(out, *line->peer_unit ? ", " : "");
	text_printable(out, line->peer_unit, strlen(line->peer_unit));
	text_append_string(out, ")");
}

/* "run begins: ./deploy --fast in /srv/deploy" */
static void append_begin(struct text *out, const struct audit_line *line)
{
	const json_t *command = VALUE(line->begin, "command"), *argument;
	const char *directory = string_of(VALUE(line->begin, "directory"));
	size_t i;

	text_append_string(out, "run begins");
	json_array_foreach(command, i, argument) {
		const char *string = string_of(argument);

		text_append_string(out, i ? " " : ": ");
		text_printable(out, string, strlen(string));
	}
	if (json_is_true(VALUE(line->begin, "command_cut")))
		text_append_string(out, " …");
	if (!*directory)
		return;
	text_append_string(out, " in ");
	text_printable(out, directory, strlen(directory));
}

/* "run is over: status 0, 3 denied, 0 lost"; in audit mode they only would have been */
static void append_end(struct text *out, const struct audit_line *line)
{
	static const struct {
		const char *key, *words;
		bool always;
	} counts[] = {
		{ "denied", "denied", true },
		{ "lost", "lost", true },
		{ "lost_lineage", "lost of its processes", false },
		{ "unrecorded", "denied without a record", false },
		{ "refused_forks", "forks refused", false },
		{ "outlived_by", "processes outlive it", false },
	};
	const json_t *status = VALUE(line->end, "status");
	const char *first = strcmp(line->mode, "audit") ? "" : "would have been ";

	text_append_string(out, "run is over");
	if (!line->end)
		return;
	text_append_string(out, ": status ");
	if (json_is_integer(status))
		text_append_format(out, "%llu", (unsigned long long)number_of(status));
	else
		text_append_string(out, "not known");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t count = number_of(VALUE(line->end, counts[i].key));

		if (count || counts[i].always)
			text_append_format(out, ", %llu %s%s", (unsigned long long)count, i ? "" : first,
					   counts[i].words);
	}
}

void audit_line_object(struct text *out, const struct audit_line *line)
{
	if (audit_line_is_note(line)) {
		if (!strcmp(line->action, "run-begin"))
			append_begin(out, line);
		else
			append_end(out, line);
		return;
	}
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
