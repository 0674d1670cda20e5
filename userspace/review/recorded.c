/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorded.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../policy/policy.h"
#include "../audit/executable.h"
#include "../fence/hooks.h"
#include "program.h"

/* A path this long may have been cut where its line was too long (audit_json.c). */
#define SHORTENED_MIN 508
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static const char *const class_names[] = { "net", "file", "exec", "socket" };
static const char *const default_reasons[] = {
	"default of net", "default of file", "default of exec", "default of socket",
};
static_assert(sizeof(class_names) / sizeof(*class_names) == CLASS_COUNT, "a name per class");
static_assert(sizeof(default_reasons) / sizeof(*default_reasons) == CLASS_COUNT, "a reason per class");

const char *recorded_class_name(enum object_class class)
{
	return class_names[class];
}

/* --- reading -------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool says(const struct audit_line *line, const char *flag)
{
	return json_is_true(json_object_get(json_object_get(line->root, "ringfence"), flag));
}

static enum hook hook_of(const struct audit_line *line)
{
	enum hook hook = 0;

	while (hook < HOOK_COUNT && strcmp(hook_name(hook), line->action))
		hook++;
	return hook;
}

/* CLASS_COUNT where no policy has rules for it. */
static enum object_class class_of(const struct audit_line *line)
{
	if (!strcmp(line->category, "file"))
		return CLASS_FILE;
	if (!strcmp(line->category, "process"))
		return CLASS_EXEC;
	if (strcmp(line->category, "network"))
		return CLASS_COUNT;
	return strcmp(text_of(json_object_get(line->root, "network"), "type"), "unix") ? CLASS_NET :
		CLASS_SOCKET;
}

/* A rule of the policy decided, or its default. What has an action of its own was judged by nobody. */
static bool is_of_policy(const struct audit_line *line, enum object_class class)
{
	static const char *const own[] = { "run-begin", "run-end", "liveness", "release", "run" };

	if (class == CLASS_COUNT)
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!strcmp(line->action, own[i]))
			return false;
	return *line->rule_id || !strcmp(line->reason, default_reasons[class]);
}

static bool read_address(const struct audit_line *line, struct recorded *object)
{
	static const char *const names[] = { "tcp", "udp", "other" };
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	static_assert(sizeof(names) / sizeof(*names) == PROTO_COUNT, "a name per protocol");
	memcpy(object->addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, line->ip, object->addr + sizeof(mapped)) != 1 &&
	    inet_pton(AF_INET6, line->ip, object->addr) != 1)
		return false;
	object->proto = 0;
	while (object->proto < PROTO_COUNT && strcmp(line->transport, names[object->proto]))
		object->proto++;
	if (*line->transport && object->proto == PROTO_NONE)
		return false;
	object->port = (uint16_t)line->port;
	return line->port <= UINT16_MAX;
}

/* "8:1", as the kernel holds it. */
static struct inode_id identity_of(const struct audit_line *line)
{
	const json_t *file = json_object_get(line->root, "file");
	struct inode_id id = { .ino = strtoull(text_of(file, "inode"), NULL, 10) };
	unsigned int major, minor;

	if (sscanf(text_of(file, "device"), "%u:%u", &major, &minor) == 2)
		id.dev = major << 20 | (minor & 0xfffff);
	else
		id.ino = 0;
	return id;
}

static uint8_t access_of(const struct audit_line *line, enum object_class class)
{
	uint8_t access = 0;

	if (class != CLASS_FILE)
		return ACCESS_READ;
	access |= strstr(line->access, "read") ? ACCESS_READ : 0;
	access |= strstr(line->access, "write") ? ACCESS_WRITE : 0;
	return access;
}

/* Whether the log was written since this host was booted. */
static bool is_of_this_boot(const struct audit_line *line)
{
	static char boot[64];
	FILE *in;

	if (!*boot) {
		in = fopen(BOOT_ID, "re");
		if (!in || !fgets(boot, sizeof(boot), in))
			strcpy(boot, "?");
		boot[strcspn(boot, "\n")] = 0;
		if (in)
			fclose(in);
	}
	return !strcmp(line->boot_id, boot);
}

static bool read_path(const struct audit_line *line, struct recorded *object)
{
	object->path = object->class == CLASS_SOCKET ? line->address : line->path;
	object->access = access_of(line, object->class);
	object->id = identity_of(line);
	object->here = object->id.ino && is_of_this_boot(line);
	if (!object->access || says(line, "path_truncated"))
		return false;
	/* That hook is told no mount: the name is only that within its file system. */
	if (object->hook == HOOK_INODE_READLINK)
		return false;
	return !says(line, "shortened") || strlen(object->path) < SHORTENED_MIN;
}

/* A verdict of the kernel's has an errno in every denial; the line may be anybody's. */
static int errno_of(const struct audit_line *line)
{
	int err = policy_errno(line->err) ?: atoi(line->err);

	if (strcmp(line->verdict, "deny"))
		return 0;
	return err > 0 ? err : EPERM;
}

static struct outcome_of_policy outcome_of_line(const struct audit_line *line)
{
	struct outcome_of_policy outcome = {
		.verdict = !strcmp(line->verdict, "deny") ? VERDICT_DENY :
			   !strcmp(line->verdict, "audit") ? VERDICT_AUDIT : VERDICT_ALLOW,
		.err = errno_of(line),
		.refused = !strcmp(line->verdict, "deny") && line->enforced,
		.service = line->service,
		.rule = line->rule,
		.where = line->rule_id,
		.why = line->why,
		.reason = line->reason,
	};

	return outcome;
}

enum recorded_kind recorded_read(const struct audit_line *line, struct recorded *ret_object,
				 struct outcome_of_policy *ret_outcome)
{
	struct recorded object = {
		.class = class_of(line), .hook = hook_of(line), .access = ACCESS_READ, .path = "",
		.line = line,
	};
	bool clear;

	if (!is_of_policy(line, object.class))
		return RECORDED_OTHER;
	if (object.class == CLASS_NET) {
		object.whole = *line->ip;
		clear = !object.whole || read_address(line, &object);
	} else {
		clear = read_path(line, &object);
		object.whole = *object.path;
	}
	/* A rule that decided knew what about. */
	if (!clear || (!object.whole && *line->rule_id && !object.here))
		return RECORDED_UNCLEAR;
	*ret_object = object;
	*ret_outcome = outcome_of_line(line);
	return RECORDED_OBJECT;
}

/* --- judging -------------------------------------------------------------------------------- */

/* As the hooks ask: of what was opened before, or is only looked at or mapped, rules alone speak. */
static bool is_default_asked(const struct recorded *object, enum object_class class)
{
	if (class == CLASS_NET || class == CLASS_SOCKET)
		return true;
	switch (object->hook) {
	case HOOK_FILE_OPEN:
		return class == CLASS_FILE;
	case HOOK_FILE_PERMISSION:
	case HOOK_FILE_TRUNCATE:
	case HOOK_INODE_GETATTR:
	case HOOK_INODE_READLINK:
		return false;
	case HOOK_MMAP_FILE:
	case HOOK_FILE_MPROTECT:	/* the library was opened before that */
		return class == CLASS_FILE && object->class == CLASS_EXEC;
	case HOOK_BPRM_CHECK_SECURITY:
		return true;
	default:
		return class == CLASS_FILE;
	}
}

/* What cannot be told is doubt where the policy has rules that it might fall under, as in the kernel. */
static struct decision judge_untold(const struct ruleset *image, const struct recorded *object,
				    enum object_class class)
{
	struct rules rules = { .head = image };

	if (class == CLASS_NET)
		return image->v4_start.count || image->v6_start.count ? decision_doubt(RULE_MALFORMED) :
			decision_of_rule(&rules, class, RULE_DEFAULT);
	return image->said[class] & object->access ? decision_doubt(RULE_UNRESOLVED) :
		decision_of_rule(&rules, class, RULE_DEFAULT);
}

static struct outcome_of_policy outcome_of_decision(const struct ruleset *image, enum object_class class,
						    const struct decision *decision)
{
	const struct rule *rule = image_rule(image, decision->rule);
	struct outcome_of_policy outcome = {
		.verdict = decision->verdict,
		.err = decision->verdict == VERDICT_DENY ? -decision->err : 0,
		.service = "", .rule = "", .where = "", .why = "", .reason = "",
	};

	if (rule) {
		outcome.service = image_string(image, rule->service);
		outcome.rule = image_string(image, rule->name);
		outcome.where = image_string(image, rule->where);
		outcome.why = image_string(image, rule->why);
	} else if (decision->rule == RULE_DEFAULT) {
		outcome.reason = default_reasons[class];
	} else {
		outcome.reason = class == CLASS_NET ? "address could not be told" :
			"path could not be resolved";
	}
	return outcome;
}

/* Waivers that a process has: a bit for each of the ruleset. */
struct waived {
	uint32_t sure;
	uint32_t likely;		/* these, and those it has if its programs were started where the run was */
	uint32_t possible;		/* and those it has if they were started elsewhere */
};

static void add_program(struct waived *waived, const struct ruleset *image, const json_t *process, const char *folder)
{
	const char *executable = text_of(process, "executable");
	const char *told = json_string_value(json_object_get(process, "working_directory"));
	const struct waiver *waiver;
	char path[PATH_MAX];

	if (executable_path(executable, told, path)) {
		waived->sure |= image_waivers_of(image, path);
		return;
	}
	if (executable_path(executable, folder, path))
		waived->likely |= image_waivers_of(image, path);
	for (uint32_t k = 0; (waiver = image_waiver_at(image, k)); k++)
		if (executable_may_be(executable, image_string(image, waiver->exec)))
			waived->possible |= 1u << k;
}

static struct waived waivers_of(const struct ruleset *image, const struct recorded *object)
{
	const struct audit_line *line = object->line;
	const struct waiver *waiver;
	struct waived waived = { 0 };
	const json_t *ancestor;
	size_t i;

	add_program(&waived, image, json_object_get(line->root, "process"), object->folder);
	json_array_foreach(line->ancestors, i, ancestor)
		add_program(&waived, image, ancestor, object->folder);
	for (uint32_t k = 0; (waiver = image_waiver_at(image, k)); k++)
		if (!strcmp(line->rule, image_string(image, image_rule(image, waiver->rule)->name)))
			waived.sure |= 1u << k;
	waived.likely |= waived.sure;
	waived.possible |= waived.likely;
	return waived;
}

/* When it was judged: a waiver that is over by now was not over then. */
static uint64_t time_of(const struct audit_line *line)
{
	struct tm tm = { 0 };
	const char *rest = strptime(line->timestamp, "%Y-%m-%dT%H:%M:%S", &tm);
	time_t seconds = rest ? timegm(&tm) : 0;

	return seconds > 0 ? (uint64_t)seconds * 1000000000 : 0;
}

/* Lets pass what is waived. Returns whether that depends on what the log does not tell. */
static bool waive(const struct ruleset *image, const struct recorded *object, struct decision *decision)
{
	struct waived waived = waivers_of(image, object);
	struct decision sure = *decision, possible = *decision;
	uint64_t now = time_of(object->line);

	image_waive(image, waived.sure, now, &sure);
	image_waive(image, waived.possible, now, &possible);
	image_waive(image, waived.likely, now, decision);
	return sure.rule != possible.rule || sure.verdict != possible.verdict;
}

enum mode judge_mode(const struct judge *judge)
{
	return judge->mode == MODE_POLICY ? judge->image->mode : judge->mode;
}

static bool is_in_force(const struct judge *judge, const struct outcome_of_policy *outcome)
{
	return judge_mode(judge) == MODE_ENFORCE ||
	       (judge->is_down && *outcome->service && judge->is_down(judge->ctx, outcome->service));
}

struct outcome_of_policy recorded_judge(const struct judge *judge, const struct recorded *object,
					enum object_class class)
{
	bool unasked, untold = false, here = class != CLASS_NET && object->here && judge->image_here;
	const struct ruleset *image = here ? judge->image_here(judge->ctx) : NULL;
	uint8_t access = class == object->class ? object->access : ACCESS_READ;
	struct outcome_of_policy outcome;
	struct decision decision;

	here = image;
	image = image ?: judge->image;
	if (!object->whole && !here)
		decision = judge_untold(image, object, class);
	else if (class == CLASS_NET)
		decision = image_decide_net(image, object->addr, object->port, object->proto);
	else
		decision = image_decide_path(image, class, access, object->path, &object->id, here);
	unasked = decision.rule == RULE_DEFAULT && !is_default_asked(object, class);
	if (unasked) {
		decision.verdict = VERDICT_ALLOW;
		decision.err = 0;
	}
	if (image->waivers.count && object->line)
		untold = waive(image, object, &decision);
	outcome = outcome_of_decision(image, class, &decision);
	outcome.unasked = unasked;
	outcome.waiver_untold = untold;
	outcome.refused = outcome.verdict == VERDICT_DENY && is_in_force(judge, &outcome);
	return outcome;
}

enum object_class recorded_companion(const struct recorded *object)
{
	if (!object->whole || !(object->access & ACCESS_READ))
		return CLASS_COUNT;
	switch (object->hook) {
	case HOOK_FILE_OPEN:
	case HOOK_FILE_PERMISSION:
	case HOOK_FILE_RECEIVE:
	case HOOK_MMAP_FILE:
	case HOOK_PATH_LINK:
	case HOOK_PATH_RENAME:
		return object->class == CLASS_FILE ? CLASS_EXEC :
		       object->class == CLASS_EXEC ? CLASS_FILE : CLASS_COUNT;
	case HOOK_FILE_MPROTECT:
	case HOOK_BPRM_CHECK_SECURITY:
		return object->class == CLASS_EXEC ? CLASS_FILE : CLASS_COUNT;
	default:
		return CLASS_COUNT;
	}
}

/* --- steps ---------------------------------------------------------------------------------- */

static void append_program(struct text *out, const json_t *process, const char *comm)
{
	struct program program = {
		.executable = text_of(process, "executable"), .comm = comm, .args = json_object_get(process, "args"),
	};
	const char *name = program_name(&program);

	text_printable(out, name, strlen(name));
}

void recorded_step(struct text *out, const struct audit_line *line)
{
	size_t count = json_array_size(line->ancestors);
	const json_t *step = json_array_get(line->ancestors, count - 2);

	if (!line->incomplete && !line->deeper && count >= 2) {
		append_program(out, step, "");
		return;
	}
	append_program(out, json_object_get(line->root, "process"), line->comm);
	if (line->incomplete || line->deeper)
		text_append_string(out, "?");
}
