/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of the audit log for people. What it holds was chosen by processes that are not trusted, and is
 * shown on a terminal: everything goes through text_printable().
 */
#include <inttypes.h>
#include <string.h>

#include "log.h"

#define OWN_ARGS_SHOWN 160		/* bytes of the process's arguments, */
#define ANCESTOR_ARGS_SHOWN 60		/* and of each ancestor's: the rest is in the JSON */
#define HINT_KEY_SIZE 256

static void append(struct text *out, const char *utf8)
{
	text_printable(out, utf8, strlen(utf8));
}

/* An argument as a shell would want it, more or less: to be read, not to be pasted. */
static void append_argument(struct text *out, const char *arg, size_t size)
{
	bool quoted = !size || memchr(arg, ' ', size);

	text_append_string(out, quoted ? "'" : "");
	text_printable(out, arg, size);
	text_append_string(out, quoted ? "'" : "");
}

static void append_args(struct text *out, const json_t *args, size_t max)
{
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg) {
		size_t size = json_string_length(arg), kept;

		if (!json_is_string(arg))
			continue;
		text_append_string(out, i ? " " : "");
		kept = text_cut(json_string_value(arg), size, max);
		append_argument(out, json_string_value(arg), kept);
		if (kept < size || (max - kept < 2 && i + 1 < json_array_size(args))) {
			text_append_string(out, "…");
			break;
		}
		max -= kept + 1;
	}
}

/* "curl -fsSL https://... [812]"; @name where the arguments are not known. */
static void append_process(struct text *out, const json_t *args, const char *name, uint64_t pid,
			   size_t max)
{
	if (json_array_size(args))
		append_args(out, args, max);
	else
		append(out, name);
	text_append_format(out, " [%" PRIu64 "]", pid);
}

static void append_ancestors(struct text *out, const struct audit_line *line)
{
	const json_t *ancestor;
	size_t i;

	json_array_foreach(line->ancestors, i, ancestor) {
		const char *name = json_string_value(json_object_get(ancestor, "executable"));

		text_append_string(out, " < ");
		append_process(out, json_object_get(ancestor, "args"), name ? name : "?",
			       json_integer_value(json_object_get(ancestor, "pid")),
			       ANCESTOR_ARGS_SHOWN);
	}
	if (line->deeper)
		text_append_string(out, " < …");
	else if (line->incomplete)
		text_append_string(out, " < (not known)");
}

/* "deny github (mysql.yaml:12)", or why it was judged without a rule. */
static void append_rule_name(struct text *out, const struct audit_line *line)
{
	if (*line->rule_id) {
		append(out, *line->rule ? line->rule : "number");
		text_append_string(out, " (");
		append(out, line->rule_id);
		text_append_string(out, ")");
	} else {
		append(out, line->reason);
	}
}

static void append_rule(struct text *out, const struct audit_line *line)
{
	append_rule_name(out, line);
	if (*line->why) {
		text_append_string(out, ": ");
		append(out, line->why);
	}
}

/* "14:23:55.123", and the day before it when it was not today (UTC, as everything in the log). */
static void append_time(struct text *out, const struct log *log, const struct audit_line *line)
{
	struct text stamp = { 0 };
	const char *t = line->timestamp;

	if (strlen(t) >= sizeof("2027-03-31T14:23:55.123") - 1 && t[10] == 'T') {
		if (strncmp(t, log->today, 10)) {
			text_printable(&stamp, t, 10);
			text_append_string(&stamp, " ");
		}
		text_printable(&stamp, t + 11, 12);
	} else {
		append(&stamp, t);
	}
	text_append_string(out, log->style->dim);
	text_append(out, stamp.data, stamp.size);
	text_append_string(out, log->style->reset);
	out->failed |= stamp.failed;
	text_free(&stamp);
}

static void append_verdict(struct text *out, const struct log *log, const struct audit_line *line)
{
	const struct term_style *style = log->style;
	const char *word = "ALLOW", *color = style->good;

	if (!strcmp(line->verdict, "deny")) {
		word = line->enforced ? "DENY" : "WOULD DENY";
		color = line->enforced ? style->bad : style->warn;
	} else if (!strcmp(line->verdict, "audit")) {
		word = "AUDIT";
		color = style->warn;
	}
	text_append_format(out, " %s%-10s%s ", color, word, style->reset);
}

/* --- hints --------------------------------------------------------------------------------- */

/* What a program makes of an errno, and is none of it. */
static const char *mistaken_for(const struct audit_line *line)
{
	bool permission = !strcmp(line->err, "EPERM") || !strcmp(line->err, "EACCES");
	bool missing = !strcmp(line->err, "ENOENT");

	if (!strcmp(line->category, "network") && !*line->address)
		return "a network fault";
	if (permission)
		return "a missing permission";
	if (!strcmp(line->category, "network"))
		return "a fault of whoever listens there";
	if (!strcmp(line->category, "file"))
		return missing ? "a missing file" : "a fault of the file system";
	return missing ? "a missing program" : "a fault of the system";
}

/* Is it the first time that this rule is to be explained for such an object? What rules are called is as long as
 * whoever wrote the log likes. */
static bool needs_hint(struct log *log, const struct audit_line *line)
{
	char key[HINT_KEY_SIZE];

	if (strcmp(line->verdict, "deny") || !line->enforced || log->hinted_count == LOG_HINTS_MAX)
		return false;
	snprintf(key, sizeof(key), "%s %s", mistaken_for(line), *line->rule_id ? line->rule_id : line->reason);
	for (size_t i = 0; i < log->hinted_count; i++)
		if (!strcmp(log->hinted[i], key))
			return false;
	log->hinted[log->hinted_count] = strdup(key);
	log->hinted_count += log->hinted[log->hinted_count] != NULL;
	return true;
}

/* What a program prints about an errno reads as if something were down, missing or forbidden by somebody
 * else. */
static void append_hint(struct text *out, const struct log *log, const struct audit_line *line)
{
	text_append_format(out, "    %shint: ", log->style->dim);
	append(out, *line->err ? line->err : "the error");
	text_append_format(out, " is not %s: denied by %s", mistaken_for(line),
			   *line->rule_id ? "rule " : "the policy: ");
	append_rule_name(out, line);
	text_append_format(out, "%s\n", log->style->reset);
}

/* That a run begins or is over, and which. */
static void append_note(struct text *out, const struct log *log, const struct audit_line *line)
{
	const struct term_style *style = log->style;

	text_append_format(out, " %s%-10s%s ", style->bold, "RUN", style->reset);
	audit_line_object(out, line);
	text_append_format(out, "  %s", style->dim);
	append(out, line->run);
	if (*line->tag)
		text_append_string(out, " of ");
	append(out, line->tag);
	if (!strcmp(line->mode, "audit"))
		text_append_string(out, ", audit mode");
	text_append_format(out, "%s\n", style->reset);
}

void log_record(struct text *out, struct log *log, const struct audit_line *line)
{
	const struct term_style *style = log->style;

	if (line->lost_before)
		text_append_format(out, "%s%" PRIu64 " records were lost here%s\n", style->bad,
				   line->lost_before, style->reset);
	append_time(out, log, line);
	if (audit_line_is_note(line)) {
		append_note(out, log, line);
		return;
	}
	append_verdict(out, log, line);
	append(out, *line->err ? line->err : "-");
	text_append_format(out, " %s", style->bold);
	append(out, *line->service ? line->service : "-");
	text_append_format(out, "%s  ", style->reset);
	audit_line_object(out, line);
	if (*line->ip)			/* of a socket with a name that is told already */
		audit_line_peer(out, line);
	text_append_string(out, "  ");
	append_process(out, line->args, line->comm, line->pid, OWN_ARGS_SHOWN);
	append_ancestors(out, line);
	text_append_format(out, " %s; rule: ", style->dim);
	append_rule(out, line);
	text_append_format(out, "%s\n", style->reset);
	if (needs_hint(log, line))
		append_hint(out, log, line);
}
