/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit_json.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../../policy/image.h"
#include "../../policy/policy.h"
#include "../fence/hooks.h"
#include "../runs/run_id.h"
#include "../runs/run_note.h"

#define NS_PER_SECOND 1000000000

/* How much of what processes choose goes into a line. The last one always fits: no byte becomes
 * more than 6 (\u001b), and of arguments with one byte each another 3 for quotes and comma. So 6
 * images with 512 bytes of executable, twice 512 bytes of arguments and two paths of 512 bytes make
 * less than 40 KiB. The rest is for names, numbers and the texts of the rule, which are the policy
 * author's, no longer than POLICY_STRING_MAX each. */
static const struct detail {
	size_t own_args;		/* bytes of the process's and its parent's arguments */
	size_t ancestor_args;		/* bytes of each further ancestor's */
	size_t path;			/* bytes of each path */
	unsigned int ancestors;
} details[] = {
	{ SIZE_MAX, SIZE_MAX, SIZE_MAX, LINEAGE_DEPTH },
	{ SIZE_MAX, 256, SIZE_MAX, LINEAGE_DEPTH },
	{ 512, 0, 512, 4 },
};

/* What is known so far to be wrong with the texts of a line. */
struct writer {
	struct text *out;
	const struct detail *detail;
	json_t *note;			/* of a run that begins or is over, or NULL */
	unsigned int text_flags;	/* TEXT_* */
	bool args_cut;
	bool shortened;
};

/* --- JSON --------------------------------------------------------------------------------- */

static void write_name(struct writer *w, const char *name)
{
	char last = w->out->size ? w->out->data[w->out->size - 1] : '\n';

	if (last != '{' && last != '[' && last != '\n')
		text_append(w->out, ",", 1);
	if (!name)
		return;
	text_append(w->out, "\"", 1);
	text_append_string(w->out, name);
	text_append(w->out, "\":", 2);
}

static void begin(struct writer *w, const char *name, const char *bracket)
{
	write_name(w, name);
	text_append(w->out, bracket, 1);
}

static void end(struct writer *w, const char *bracket)
{
	text_append(w->out, bracket, 1);
}

static void append_escaped(struct text *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char code[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	switch (c) {
	case '"':
		text_append(out, "\\\"", 2);
		break;
	case '\\':
		text_append(out, "\\\\", 2);
		break;
	case '\n':
		text_append(out, "\\n", 2);
		break;
	case '\t':
		text_append(out, "\\t", 2);
		break;
	default:
		text_append(out, code, sizeof(code));
	}
}

/* A string of @size bytes, whatever they are. */
static void write_bytes(struct writer *w, const char *name, const char *bytes, size_t size)
{
	size_t run = 0, used = 1;

	write_name(w, name);
	text_append(w->out, "\"", 1);
	for (size_t i = 0; i < size; i += used) {
		unsigned char c = bytes[i];

		used = 1;
		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\')
			continue;
		if (c >= 0x80 && text_next(bytes + i, size - i, &used) >= 0)
			continue;
		text_append(w->out, bytes + run, i - run);
		run = i + used;
		if (c >= 0x80)
			w->text_flags |= text_clean(w->out, bytes + i, used);
		else
			append_escaped(w->out, c);
	}
	text_append(w->out, bytes + run, size - run);
	text_append(w->out, "\"", 1);
}

static void write_string(struct writer *w, const char *name, const char *string)
{
	write_bytes(w, name, string, strlen(string));
}

/* A text that a process chose, cut where the line asks for it. */
static void write_path(struct writer *w, const char *name, const char *path, size_t size)
{
	size_t kept = text_cut(path, size, w->detail->path);

	w->shortened |= kept < size;
	write_bytes(w, name, path, kept);
}

/* Writes the digits of @number so that they end before @end, and returns where they begin. */
static char *digits_before(char *end, uint64_t number)
{
	do {
		*--end = '0' + number % 10;
		number /= 10;
	} while (number);
	return end;
}

static void write_number(struct writer *w, const char *name, uint64_t number)
{
	char digits[20], *first = digits_before(digits + sizeof(digits), number);

	write_name(w, name);
	text_append(w->out, first, digits + sizeof(digits) - first);
}

/* Numbers that the schema has as keywords. */
static void write_id(struct writer *w, const char *name, uint64_t number)
{
	char digits[20], *first = digits_before(digits + sizeof(digits), number);

	write_bytes(w, name, first, digits + sizeof(digits) - first);
}

static void write_bool(struct writer *w, const char *name, bool value)
{
	write_name(w, name);
	text_append_string(w->out, value ? "true" : "false");
}

/* Only where it is true. */
static void write_flag(struct writer *w, const char *name, bool value)
{
	if (value)
		write_bool(w, name, true);
}

/* --- the parts of a line ------------------------------------------------------------------ */

static const char *const class_names[] = { "net", "file", "exec", "socket", "kernel", "fence" };
static const char *const category_names[] = {
	"network", "file", "process", "network", "configuration", "intrusion_detection",
};
static const char *const verdict_names[] = { "allow", "audit", "deny" };
static const char *const protocol_names[] = { "tcp", "udp", "other", NULL };
static const char *const access_names[] = { NULL, "read", "write", "read,write" };

static_assert(sizeof(class_names) / sizeof(class_names[0]) == OBJECT_COUNT, "a name per class");
static_assert(sizeof(category_names) == sizeof(class_names), "a category per class");
static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) == VERDICT_DENY + 1,
	      "a name per verdict");
static_assert(sizeof(protocol_names) / sizeof(protocol_names[0]) == PROTO_NONE + 1,
	      "a name per protocol");
static_assert(sizeof(access_names) / sizeof(access_names[0]) == (ACCESS_READ | ACCESS_WRITE) + 1,
	      "a name per access");

/* "2027-03-31T14:23:55.123456789Z" */
static void write_timestamp(struct writer *w, const struct audit_event *event)
{
	uint64_t ns = event->record->time_ns + event->realtime_ns;
	time_t seconds = ns / NS_PER_SECOND;
	char stamp[sizeof("2027-03-31T14:23:55.123456789Z")];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S.", &tm);
	/* Nine digits: the leading 1 makes room for zeros and is then overwritten by the dot. */
	digits_before(stamp + sizeof(stamp) - 2, NS_PER_SECOND + ns % NS_PER_SECOND);
	stamp[19] = '.';
	stamp[sizeof(stamp) - 2] = 'Z';
	write_bytes(w, "@timestamp", stamp, sizeof(stamp) - 1);
}

static bool is_refused(const struct record *record)
{
	return record->verdict == VERDICT_DENY && record->flags & RECORD_ENFORCED;
}

/* Lines about a run that no hook is the cause of. */
static bool is_note(const struct record *record)
{
	return record->rule == RULE_BEGIN || record->rule == RULE_END;
}

static const char *category_of(const struct record *record)
{
	return is_note(record) ? "process" : category_names[record->object];
}

static const char *type_of(const struct record *record)
{
	switch (record->rule) {
	case RULE_BEGIN:
		return "start";
	case RULE_END:
		return "end";
	case RULE_LIVENESS:
		return "info";
	case RULE_RELEASE:
		return "change";
	case RULE_REFUSED:
		return "denied";
	default:
		return is_refused(record) ? "denied" : "allowed";
	}
}

static const char *action_of(const struct record *record)
{
	switch (record->rule) {
	case RULE_BEGIN:
		return "run-begin";
	case RULE_END:
		return "run-end";
	case RULE_LIVENESS:
		return "liveness";
	case RULE_RELEASE:
		return "release";
	case RULE_REFUSED:
		return "run";
	default:
		return hook_name(record->hook);
	}
}

static void write_event(struct writer *w, const struct record *record)
{
	bool failed = is_refused(record) || record->rule == RULE_REFUSED ||
		(record->rule == RULE_RELEASE && record->err);

	begin(w, "event", "{");
	write_string(w, "kind", record->rule == RULE_LIVENESS ? "alert" : "event");
	begin(w, "category", "[");
	write_string(w, NULL, category_of(record));
	end(w, "]");
	begin(w, "type", "[");
	write_string(w, NULL, type_of(record));
	end(w, "]");
	write_string(w, "action", action_of(record));
	write_string(w, "outcome", failed ? "failure" : "success");
	end(w, "}");
}

/* The boot, the pid and the time of birth: unique over hosts and boots, and to be joined by eye. */
static void write_identity(struct writer *w, const char *boot_id, const struct process_id *id)
{
	char entity[AUDIT_BOOT_ID_SIZE + 2 * 21], *first, *last = entity + sizeof(entity);

	first = digits_before(last, id->start_ns);
	*--first = '-';
	first = digits_before(first, id->pid);
	*--first = '-';
	first -= strlen(boot_id);
	memcpy(first, boot_id, strlen(boot_id));
	write_number(w, "pid", id->pid);
	write_bytes(w, "entity_id", first, last - first);
}

static void write_args(struct writer *w, const struct lineage_image *image, size_t max)
{
	size_t at = image->args, left = max;

	begin(w, "args", "[");
	while (at < image->size && left) {
		size_t length = strlen(image->text + at);
		size_t kept = text_cut(image->text + at, length, left);

		write_bytes(w, NULL, image->text + at, kept);
		left -= kept < left ? kept + 1 : left;
		at += length + 1;
		w->shortened |= kept < length;
	}
	end(w, "]");
	w->shortened |= at < image->size;
}

/* The executable and the arguments; nothing where they are not known. */
static void write_image(struct writer *w, const struct lineage_image *image, size_t args_max)
{
	if (!image)
		return;
	w->text_flags |= image->text_flags;
	w->args_cut |= image->cut;
	write_path(w, "executable", image->text, image->args - 1);
	if (!image->unreadable)
		write_args(w, image, args_max);
}

/* A value that was parsed: without bytes that are no UTF-8. */
static void write_json(struct writer *w, const char *name, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	write_name(w, name);
	text_append_string(w->out, text ? text : "null");
	w->out->failed |= !text;
	free(text);
}

/* Of a process that is about to become the command. */
static void write_command(struct writer *w)
{
	const json_t *directory = json_object_get(w->note, "directory");

	write_json(w, "args", json_object_get(w->note, "command"));
	if (directory)
		write_json(w, "working_directory", directory);
	w->args_cut |= json_object_get(w->note, "command_cut") != NULL;
}

static void write_process(struct writer *w, const struct audit_event *event)
{
	const struct record *record = event->record;
	const struct lineage_process *process = event->process;
	const struct lineage_ancestor *parent = process->ancestor_count ? process->ancestors : NULL;

	begin(w, "process", "{");
	write_identity(w, event->boot_id, &record->process);
	write_bytes(w, "name", record->comm, strnlen(record->comm, sizeof(record->comm)));
	write_image(w, process->image, w->detail->own_args);
	if (process->image && !process->image->unreadable)
		write_number(w, "args_count", process->image->arg_count);
	if (record->rule == RULE_BEGIN && w->note && !process->image)
		write_command(w);
	begin(w, "thread", "{");
	write_number(w, "id", record->tid);
	end(w, "}");
	begin(w, "parent", "{");
	write_identity(w, event->boot_id, parent ? &parent->id : &record->parent);
	if (parent)
		write_image(w, parent->image, w->detail->own_args);
	end(w, "}");
	end(w, "}");
	begin(w, "user", "{");
	write_id(w, "id", record->uid);
	end(w, "}");
	begin(w, "group", "{");
	write_id(w, "id", record->gid);
	end(w, "}");
}

/* Whether an address could be told. The kernel connects "::" to ::1 and records that, so zeros mean
 * that there is none. */
static bool has_address(const struct record *record)
{
	static const uint8_t none[sizeof(record->addr)];

	return record->rule != RULE_MALFORMED && memcmp(record->addr, none, sizeof(none));
}

static void write_inode(struct writer *w, const struct record *record)
{
	char device[2 * 20 + 1], *first, *last = device + sizeof(device);

	if (!record->ino)
		return;
	first = digits_before(last, record->dev & 0xfffff);
	*--first = ':';
	first = digits_before(first, record->dev >> 20);
	write_id(w, "inode", record->ino);
	write_bytes(w, "device", first, last - first);
}

/* A unix socket: the path or the abstract name that it was bound to. */
static void write_socket(struct writer *w, const struct record *record)
{
	begin(w, "destination", "{");
	if (!(record->flags & RECORD_UNREADABLE))
		write_path(w, "address", record->text, strnlen(record->text, record->text_size));
	end(w, "}");
	begin(w, "network", "{");
	write_string(w, "type", "unix");
	end(w, "}");
	if (!record->ino)
		return;
	begin(w, "file", "{");
	write_inode(w, record);
	end(w, "}");
}

static void write_destination(struct writer *w, const struct record *record)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool v4 = !memcmp(record->addr, mapped, sizeof(mapped));
	char ip[INET6_ADDRSTRLEN];

	if (!has_address(record))
		return;
	inet_ntop(v4 ? AF_INET : AF_INET6, record->addr + (v4 ? sizeof(mapped) : 0), ip,
		  sizeof(ip));
	begin(w, "destination", "{");
	write_string(w, "ip", ip);
	if (record->proto != PROTO_NONE)
		write_number(w, "port", record->port);
	end(w, "}");
	begin(w, "network", "{");
	if (record->proto != PROTO_NONE)
		write_string(w, "transport", protocol_names[record->proto]);
	write_string(w, "type", v4 ? "ipv4" : "ipv6");
	end(w, "}");
}

static void write_file(struct writer *w, const struct record *record)
{
	begin(w, "file", "{");
	if (!(record->flags & RECORD_UNREADABLE))
		write_path(w, "path", record->text, strnlen(record->text, record->text_size));
	write_inode(w, record);
	end(w, "}");
}

/* "policies/mysql.yaml:12" -> "mysql.yaml" */
static void write_policy(struct writer *w, const char *where)
{
	const char *slash = strrchr(where, '/'), *colon;

	where = slash ? slash + 1 : where;
	colon = strrchr(where, ':');
	write_bytes(w, "policy", where, colon ? (size_t)(colon - where) : strlen(where));
}

static void write_rule(struct writer *w, const struct audit_event *event, const struct rule *rule)
{
	const char *why;

	if (event->record->rule >= RULE_SPECIAL)
		return;
	begin(w, "rule", "{");
	if (rule) {
		why = image_string(event->ruleset, rule->why);
		write_string(w, "name", image_string(event->ruleset, rule->name));
		write_string(w, "id", image_string(event->ruleset, rule->where));
		if (*why)
			write_string(w, "description", why);
	} else {
		write_id(w, "id", event->record->rule);
	}
	end(w, "}");
}

/* Why it was judged so where no rule tells. */
static void write_reason(struct writer *w, const struct record *record, const struct rule *rule)
{
	char text[sizeof("default of socket")] = "default of ";

	switch (record->rule) {
	case RULE_DEFAULT:
		strcat(text, class_names[record->object]);
		write_string(w, "reason", text);
		break;
	case RULE_UNRESOLVED:
		write_string(w, "reason", "path could not be resolved");
		break;
	case RULE_MALFORMED:
		write_string(w, "reason", "address could not be told");
		break;
	case RULE_NO_RULESET:
		write_string(w, "reason", "policy is not loaded or damaged");
		break;
	case RULE_ALIAS:
		write_string(w, "reason", "files would get other names, and names decide here");
		break;
	case RULE_BEHALF:
		write_string(w, "reason", "done by the kernel on the task's behalf");
		break;
	case RULE_GUARD:
		write_string(w, "reason", "the fence protects itself");
		break;
	case RULE_LIVENESS:
		write_string(w, "reason", "whether the fence holds");
		break;
	case RULE_BEGIN:
		write_string(w, "reason", "a run begins");
		break;
	case RULE_END:
		write_string(w, "reason", "a run is over");
		break;
	case RULE_REFUSED:
		write_string(w, "reason", "only whom the policy names may start runs");
		break;
	default:
		if (!rule)
			write_string(w, "reason", "ruleset is gone: rule by number only");
	}
}

static void write_errno(struct writer *w, int err)
{
	const char *name = policy_errno_name(err);

	if (name)
		write_string(w, "errno", name);
	else
		write_id(w, "errno", err);
}

/* What let pass that a rule denies. */
static void write_waiver(struct writer *w, const struct audit_event *event)
{
	const struct waiver *waiver = event->ruleset ? image_waiver(event->ruleset, event->record->rule) : NULL;
	char day[sizeof("2027-03-31")];
	time_t last;
	struct tm tm;

	if (!waiver)
		return;
	last = waiver->until_ns / NS_PER_SECOND - 1;
	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&last, &tm));
	begin(w, "waiver", "{");
	write_string(w, "owner", image_string(event->ruleset, waiver->owner));
	write_string(w, "until", day);
	end(w, "}");
}

static void write_verdict(struct writer *w, const struct audit_event *event,
			  const struct rule *rule)
{
	const struct record *record = event->record;

	if (record->rule == RULE_LIVENESS || record->rule == RULE_REFUSED) {	/* of no policy */
		write_string(w, "verdict", verdict_names[record->verdict]);
		write_reason(w, record, NULL);
		return;
	}
	if (event->ruleset)
		write_bytes(w, "tag", event->ruleset->tag,
			    strnlen(event->ruleset->tag, TAG_NAME_MAX));
	if (is_note(record) && event->ruleset && event->ruleset->rules_said)
		write_policy(w, image_string(event->ruleset, image_rule(event->ruleset, 0)->where));
	else if (rule)
		write_policy(w, image_string(event->ruleset, rule->where));
	else if (event->ruleset)
		write_bytes(w, "policy", event->ruleset->tag,
			    strnlen(event->ruleset->tag, TAG_NAME_MAX));
	else
		write_number(w, "slot", record->policy);
	write_number(w, "ruleset", record->generation);
	if (rule)
		write_string(w, "service", image_string(event->ruleset, rule->service));
	write_string(w, "verdict", verdict_names[record->verdict]);
	if (record->err)
		write_errno(w, -record->err);
	write_bool(w, "enforced", is_refused(record));
	/* The one that holds: a run may override its policy's. */
	write_string(w, "mode", record->flags & RECORD_ENFORCED ? "enforce" : "audit");
	write_reason(w, record, rule);
	write_waiver(w, event);
}

/* --- a release --- */

/* What the text of its record says, in that order (struct notice). */
enum release_field {
	RELEASE_RUN,
	RELEASE_REASON,
	RELEASE_TASKS,
	RELEASE_LOGIN_UID,
	RELEASE_LOGIN_NAME,
	RELEASE_FIELDS,
};

/* Finds the strings of the text; what is missing is "". */
static void read_release(const struct record *record, const char *ret_fields[RELEASE_FIELDS])
{
	const char *at = record->text, *end = at + record->text_size;

	for (int i = 0; i < RELEASE_FIELDS; i++) {
		const char *last = at < end ? memchr(at, 0, end - at) : NULL;

		ret_fields[i] = last ? at : "";
		at = last ? last + 1 : end;
	}
}

/* "release of 3 tasks by alice" */
static void write_release_act(struct writer *w, const char *const fields[RELEASE_FIELDS], bool failed)
{
	struct text act = { 0 };

	text_append_format(&act, "release of %s task%s", fields[RELEASE_TASKS],
			   strcmp(fields[RELEASE_TASKS], "1") ? "s" : "");
	if (*fields[RELEASE_LOGIN_NAME])
		text_append_format(&act, " by %s", fields[RELEASE_LOGIN_NAME]);
	else if (*fields[RELEASE_LOGIN_UID])
		text_append_format(&act, " by login uid %s", fields[RELEASE_LOGIN_UID]);
	if (failed)
		text_append_string(&act, " was not carried out");
	write_bytes(w, "act", act.data, act.size);
	w->out->failed |= act.failed;
	text_free(&act);
}

static void write_release(struct writer *w, const struct record *record)
{
	const char *fields[RELEASE_FIELDS];

	read_release(record, fields);
	write_string(w, "run", fields[RELEASE_RUN]);
	write_string(w, "verdict", verdict_names[record->verdict]);
	write_string(w, "reason", fields[RELEASE_REASON]);
	write_release_act(w, fields, record->err);
	if (record->err)
		write_errno(w, -record->err);
	write_number(w, "tasks", strtoull(fields[RELEASE_TASKS], NULL, 10));
	if (!*fields[RELEASE_LOGIN_UID])
		return;
	begin(w, "login", "{");
	write_string(w, "uid", fields[RELEASE_LOGIN_UID]);
	if (*fields[RELEASE_LOGIN_NAME])
		write_string(w, "name", fields[RELEASE_LOGIN_NAME]);
	end(w, "}");
}

/* Who is at the other end, or whom it was about. */
static void write_peer(struct writer *w, const struct audit_event *event)
{
	const struct peer *peer = event->peer;
	const struct process_id *id = peer ? &peer->id : &event->record->peer;

	write_flag(w, "local", event->local);
	write_flag(w, "peer_unknown", event->peer_unknown);
	if (!id->pid)
		return;
	begin(w, "peer", "{");
	if (id->start_ns)
		write_identity(w, event->boot_id, id);
	else
		write_number(w, "pid", id->pid);
	if (peer && *peer->name)
		write_string(w, "name", peer->name);
	if (peer && *peer->executable)
		write_path(w, "executable", peer->executable, strlen(peer->executable));
	if (peer && *peer->unit)
		write_string(w, "unit", peer->unit);
	end(w, "}");
}

static void write_note(struct writer *w, const struct record *record)
{
	if (w->note)
		write_json(w, record->rule == RULE_BEGIN ? "begin" : "end", w->note);
}

static void write_object(struct writer *w, const struct record *record)
{
	if (record->object == CLASS_NET) {
		if (!has_address(record))
			write_number(w, "family", record->family);
		return;
	}
	if (record->object >= CLASS_COUNT) {
		write_path(w, "act", record->text, strnlen(record->text, record->text_size));
		return;
	}
	if (record->object == CLASS_SOCKET)
		return;
	if (access_names[record->access])
		write_string(w, "access", access_names[record->access]);
	if (record->script)
		write_path(w, "script", record->text + record->script,
			   strnlen(record->text + record->script,
				   record->text_size - record->script));
	write_flag(w, "path_truncated", record->flags & RECORD_TRUNCATED);
}

static void write_ancestors(struct writer *w, const struct audit_event *event)
{
	const struct lineage_process *process = event->process;
	unsigned int count = process->ancestor_count;
	bool deeper = process->deeper;

	if (count > w->detail->ancestors) {
		count = w->detail->ancestors;
		w->shortened = true;
		deeper = true;
	}
	begin(w, "ancestors", "[");
	for (unsigned int i = 0; i < count; i++) {
		begin(w, NULL, "{");
		write_identity(w, event->boot_id, &process->ancestors[i].id);
		write_image(w, process->ancestors[i].image, w->detail->ancestor_args);
		end(w, "}");
	}
	end(w, "]");
	write_flag(w, "ancestors_truncated", deeper);
	write_string(w, "lineage", lineage_incomplete(process) ? "incomplete" : "complete");
}

static void write_ringfence(struct writer *w, const struct audit_event *event,
			    const struct rule *rule)
{
	char run[RUN_NAME_SIZE];

	begin(w, "ringfence", "{");
	if (event->record->rule == RULE_RELEASE) {
		write_release(w, event->record);
	} else {
		write_string(w, "run", run_id_name(event->record->run, run));
		write_verdict(w, event, rule);
		if (is_note(event->record))
			write_note(w, event->record);
		else
			write_object(w, event->record);
	}
	write_peer(w, event);
	write_ancestors(w, event);
	write_flag(w, "args_truncated", w->args_cut);
	write_flag(w, "not_utf8", w->text_flags & TEXT_NOT_UTF8);
	write_flag(w, "redacted", w->text_flags & TEXT_REDACTED);
	write_flag(w, "shortened", w->shortened);
	write_string(w, "boot_id", event->boot_id);
	write_number(w, "seq", event->seq);
	write_number(w, "lost_before", event->lost_before);
	end(w, "}");
}

static void write_target(struct writer *w, const struct record *record)
{
	switch (record->object) {
	case CLASS_NET:
		write_destination(w, record);
		break;
	case CLASS_SOCKET:
		write_socket(w, record);
		break;
	case CLASS_FILE:
	case CLASS_EXEC:
		write_file(w, record);
		break;
	}
}

static void write_line(struct text *out, const struct audit_event *event, json_t *note,
		       unsigned int note_flags, const struct detail *detail)
{
	struct writer w = { .out = out, .detail = detail, .note = note, .text_flags = note_flags };
	const struct rule *rule = NULL;

	if (event->ruleset)
		rule = image_rule(event->ruleset, event->record->rule);
	begin(&w, NULL, "{");
	write_timestamp(&w, event);
	write_event(&w, event->record);
	begin(&w, "host", "{");
	write_string(&w, "hostname", event->hostname);
	end(&w, "}");
	write_process(&w, event);
	write_target(&w, event->record);
	write_rule(&w, event, rule);
	/* Last: it says what had to be done to all texts before. */
	write_ringfence(&w, event, rule);
	end(&w, "}");
	text_append(out, "\n", 1);
}

int audit_json_line(struct text *out, const struct audit_event *event)
{
	const size_t start = out->size, last = sizeof(details) / sizeof(details[0]) - 1;
	const struct record *record = event->record;
	json_t *note = is_note(record) ? run_note_read(record->rule, record->text, record->text_size) : NULL;
	unsigned int note_flags = run_note_take_flags(note);

	for (size_t i = 0; i <= last; i++) {
		write_line(out, event, note, note_flags, &details[i]);
		if (out->failed || out->size - start <= AUDIT_LINE_MAX)
			break;
		if (i < last)
			out->size = start;
	}
	json_decref(note);
	if (out->failed) {
		out->failed = false;
		out->size = start;
		return -ENOMEM;
	}
	return 0;
}
