/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence explain: asks decide.h, as the kernel does, about one object.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../../policy/consider.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../base/text.h"
#include "../fence/fence.h"
#include "../policies/policy_file.h"
#include "../upkeep/fence_up.h"
#include "considered.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 't', "tag", "TAG", "ask the policy that is in force for TAG" },
	{ 'p', "policy", "FILE", "ask this policy; needs no kernel" },
	{ 'P', "proto", "tcp|udp|other", "protocol of connect (default tcp)" },
	{ 'a', "access", "read|write", "how open opens (default read)" },
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

const struct verb explain_verb = {
	.name = "explain",
	.arguments = "(--tag TAG | --policy FILE) [OPTION]... connect ADDRESS[:PORT]\n"
		"       ringfence explain (--tag TAG | --policy FILE) [OPTION]... connect /SOCKET|@NAME\n"
		"       ringfence explain (--tag TAG | --policy FILE) [OPTION]... open PATH\n"
		"       ringfence explain (--tag TAG | --policy FILE) [OPTION]... exec PATH",
	.help = "Tells what a policy says about an address, a unix socket, a file or a program, by which rule\n"
		"and why; and below which entries were considered, and why one of them wins. An IPv6 address\n"
		"with a port stands in brackets: [2a0a:a440::1]:443. Without a port the answer is for what has\n"
		"none (raw sockets, ping): the strictest of all ports. A unix socket is named by its path, or by\n"
		"@ and its abstract name. A path is judged as it stands on this host, links followed, by its\n"
		"name and the folders it is named by: other names that bind mounts give it, which the kernel\n"
		"knows, are not looked for.\n\n"
		"Exit status: 0 with an answer, whatever it is; 1 without.",
	.options = options,
	.words = "connect open exec",
	.colored = true,
};

struct question {
	const char *tag, *policy;
	enum protocol proto;
	__u8 access;
	bool json;
	const char *verb, *object;	/* "connect", "140.82.112.3:443" */
	char shown[PATH_MAX + 64];	/* the object as it was understood */
	enum object_class class;
};

/* Whom it is put to. */
struct asked {
	struct diags diags;		/* the policy borrows from it */
	struct policy *policy;		/* NULL: nothing but the ruleset is known */
	struct ruleset *image;
};

struct reply {
	struct decision decision;
	struct consideration considered;
};

/* --- the command line ----------------------------------------------------------------------- */

static int parse_option(struct question *question, int id)
{
	switch (id) {
	case 't':
		question->tag = optarg;
		return 0;
	case 'p':
		question->policy = optarg;
		return 0;
	case 'j':
		question->json = true;
		return 0;
	case 'P':
		for (int proto = 0; proto < PROTO_COUNT; proto++) {
			static const char *const names[PROTO_COUNT] = { "tcp", "udp", "other" };

			if (!strcmp(optarg, names[proto])) {
				question->proto = proto;
				return 0;
			}
		}
		return verb_misused(&explain_verb, "--proto %s: expected tcp, udp or other",
				    optarg);
	case 'a':
		question->access = !strcmp(optarg, "read") ? ACCESS_READ :
				   !strcmp(optarg, "write") ? ACCESS_WRITE : 0;
		return question->access ? 0 :
			verb_misused(&explain_verb, "--access %s: expected read or write", optarg);
	default:
		return -EINVAL;
	}
}

static int parse(struct question *question, int argc, char **argv)
{
	int id;

	question->access = ACCESS_READ;
	while ((id = verb_next(&explain_verb, argc, argv)) != VERB_END)
		if (parse_option(question, id))
			return -EINVAL;
	if (!question->tag == !question->policy)
		return verb_misused(&explain_verb, "which policy? Give either --tag or --policy");
	if (argc - optind != 2)
		return verb_misused(&explain_verb,
				    "what about? Expected connect, open or exec, and an object");
	question->verb = argv[optind];
	question->object = argv[optind + 1];
	return 0;
}

/* --- addresses ------------------------------------------------------------------------------ */

static int parse_port(const char *text, uint16_t *ret_port)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (end == text || *end || port < 0 || port > 65535)
		return -EINVAL;
	*ret_port = port;
	return 0;
}

/* "ADDRESS", "ADDRESS:PORT", "[ADDRESS]:PORT" -> a v4-mapped or IPv6 address; port 0: none
 * given. */
static int parse_endpoint(const char *text, uint8_t ret_addr[16], uint16_t *ret_port, bool *ret_any)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char host[INET6_ADDRSTRLEN + 1] = "";
	const char *port = NULL, *bracket = *text == '[' ? strchr(text, ']') : NULL;
	size_t length = strlen(text);

	if (bracket) {
		length = bracket - ++text;
		port = bracket[1] == ':' ? bracket + 2 : NULL;
		if (bracket[1] && !port)
			return -EINVAL;
	} else if (strchr(text, ':') && strchr(text, ':') == strrchr(text, ':')) {
		length = strchr(text, ':') - text;
		port = text + length + 1;
	}
	if (length >= sizeof(host) || (port && parse_port(port, ret_port)))
		return -EINVAL;
	memcpy(host, text, length);
	*ret_any = !port;
	memcpy(ret_addr, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, host, ret_addr + 12) == 1 ||
	    inet_pton(AF_INET6, host, ret_addr) == 1)
		return 0;
	return -EINVAL;
}

static int ask_address(struct question *question, const struct asked *asked, struct reply *reply)
{
	char host[INET6_ADDRSTRLEN];
	struct in6_addr address;
	uint16_t port = 0;
	bool any, v4;

	if (parse_endpoint(question->object, address.s6_addr, &port, &any)) {
		say("%s: expected ADDRESS, ADDRESS:PORT, [IPV6]:PORT, /SOCKET or @NAME",
		    question->object);
		say_remedy("names are not looked up: ringfence asks nothing of the network");
		return -EINVAL;
	}
	question->class = CLASS_NET;
	v4 = IN6_IS_ADDR_V4MAPPED(&address);
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &address.s6_addr[12] : address.s6_addr, host,
		  sizeof(host));
	if (any)
		snprintf(question->shown, sizeof(question->shown), "%s, any port", host);
	else
		snprintf(question->shown, sizeof(question->shown), v4 ? "%s:%u/%s" : "[%s]:%u/%s",
			 host, port, question->proto == PROTO_TCP ? "tcp" :
			 question->proto == PROTO_UDP ? "udp" : "other");
	if (any)
		question->proto = PROTO_NONE;
	reply->decision = image_decide_net(asked->image, address.s6_addr, port, question->proto);
	return consider_net(asked->image, asked->policy, address.s6_addr, port, question->proto,
			    &reply->considered);
}

/* --- paths ---------------------------------------------------------------------------------- */

/* The identities of @path and of the folders above it on the same file system: what the kernel
 * walks, unless that was mounted there from one of its inner folders. */
static size_t read_chain(const char *path, struct inode_id chain[DENTRY_DEPTH_MAX])
{
	char above[PATH_MAX];
	size_t count = 0;
	dev_t dev = 0;

	snprintf(above, sizeof(above), "%s", path);
	while (count < DENTRY_DEPTH_MAX) {
		char *slash = strrchr(above, '/');
		struct stat st;

		if (stat(*above ? above : "/", &st) || (count && st.st_dev != dev))
			break;
		dev = st.st_dev;
		chain[count++] = (struct inode_id){
			.ino = st.st_ino,
			.dev = major(dev) << 20 | minor(dev),
		};
		if (!slash || !*above)
			break;
		*slash = 0;
	}
	return count;
}

/* What the kernel would be asked about the path. */
static int ask_class(struct question *question, const struct asked *asked, const char *path,
		     const struct inode_id *chain, size_t count, struct reply *reply)
{
	const struct ruleset *image = asked->image;

	if (question->class == CLASS_SOCKET) {
		reply->decision = image_decide_path(image, CLASS_SOCKET, ACCESS_READ, path, chain, count);
		return consider_socket(image, asked->policy, path, chain, count, &reply->considered);
	}
	if (question->class == CLASS_EXEC) {
		reply->decision = image_decide_exec(image, path, chain, count, &question->class);
		return consider_exec(image, asked->policy, path, chain, count, &reply->considered);
	}
	reply->decision = image_decide_open(image, question->access, path, chain, count, &question->class);
	return consider_open(image, asked->policy, question->access, path, chain, count, &reply->considered);
}

static int ask_path(struct question *question, const struct asked *asked, struct reply *reply)
{
	struct inode_id chain[DENTRY_DEPTH_MAX];
	char path[PATH_MAX], shown[PATH_MAX];
	size_t count = 0;

	if (question->class == CLASS_SOCKET && *question->object == '@') {
		snprintf(path, sizeof(path), "%s", question->object);
	} else if (realpath(question->object, path)) {
		count = read_chain(strcmp(path, "/") ? path : "", chain);
	} else if (*question->object == '/' && strlen(question->object) < sizeof(path)) {
		strcpy(path, question->object);
		say("%s does not exist here: judged by its name alone", path);
	} else {
		say_errno(errno, "%s", question->object);
		say_remedy("give an absolute path");
		return -errno;
	}
	text_show(path, shown, sizeof(shown));
	snprintf(question->shown, sizeof(question->shown), "%s%s", shown,
		 question->class != CLASS_FILE ? "" :
		 question->access == ACCESS_WRITE ? " for writing" : " for reading");
	return ask_class(question, asked, path, chain, count, reply);
}

static int ask(struct question *question, const struct asked *asked, struct reply *reply)
{
	if (!strcmp(question->verb, "connect") && strchr("/@", *question->object)) {
		question->class = CLASS_SOCKET;
		return ask_path(question, asked, reply);
	}
	if (!strcmp(question->verb, "connect"))
		return ask_address(question, asked, reply);
	question->class = !strcmp(question->verb, "exec") ? CLASS_EXEC : CLASS_FILE;
	if (question->class == CLASS_EXEC || !strcmp(question->verb, "open"))
		return ask_path(question, asked, reply);
	return verb_misused(&explain_verb, "%s: expected connect, open or exec", question->verb);
}

/* --- the answer ----------------------------------------------------------------------------- */

static const char *default_reason(const struct question *question, const struct decision *decision)
{
	static const char *const defaults[CLASS_COUNT] = {
		"no rule matches: the policy's default for net",
		"no rule matches: the policy's default for file",
		"no rule matches: the policy's default for exec",
		"no rule matches: the policy's default for socket",
	};

	if (decision->rule == RULE_DEFAULT)
		return defaults[question->class];
	return decision->rule == RULE_UNRESOLVED ? "the path cannot be told: doubt denies" :
						   "the ruleset is damaged: doubt denies";
}

static void answer_rule(json_t *json, const struct question *question, const struct ruleset *image,
			const struct rule *rule)
{
	json_object_set_new(json, "service", json_string(image_string(image, rule->service)));
	json_object_set_new(json, "rule", json_string(image_string(image, rule->name)));
	json_object_set_new(json, "where", json_string(image_string(image, rule->where)));
	if (*image_string(image, rule->why))
		json_object_set_new(json, "why", json_string(image_string(image, rule->why)));
	if (question->class == CLASS_EXEC && !strcmp(question->verb, "open"))
		json_object_set_new(json, "note", json_string(
			"a rule about executing: what could be read could be copied and executed"));
	if (question->class == CLASS_FILE && !strcmp(question->verb, "exec"))
		json_object_set_new(json, "note", json_string(
			"a rule about files: what is executed is opened first"));
}

static json_t *answer(const struct question *question, const struct asked *asked, const struct reply *reply)
{
	const struct decision *decision = &reply->decision;
	const struct ruleset *image = asked->image;
	static const char *const verdicts[] = { "allow", "audit", "deny" };
	const struct rule *rule = image_rule(image, decision->rule);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "question", question->verb,
				 "object", question->shown, "tag", image->tag,
				 "mode", image->mode == MODE_ENFORCE ? "enforce" : "audit",
				 "verdict", verdicts[decision->verdict]);

	if (decision->verdict == VERDICT_DENY)
		json_object_set_new(json, "errno", json_string(policy_errno_name(-decision->err)));
	if (decision->verdict == VERDICT_ALLOW)
		json_object_set_new(json, "recorded", json_boolean(
			decision_is_told(image, recording_in(image, image->mode), decision)));
	if (decision->verdict == VERDICT_AUDIT && image->deny_unrecorded && image->mode == MODE_ENFORCE)
		json_object_set_new(json, "unrecorded", json_string("deny with EPERM, where it cannot be recorded"));
	if (rule)
		answer_rule(json, question, image, rule);
	else
		json_object_set_new(json, "reason", json_string(default_reason(question, decision)));
	json_object_set_new(json, "considered", considered_json(&reply->considered));
	if (question->class == CLASS_NET && !asked->policy)
		json_object_set_new(json, "considered_note", json_string(
			"the ruleset in force keeps which rules hold on which addresses and ports; --policy FILE "
			"tells the nets that it was made from"));
	return json;
}

static void print_row(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (text)
		printf("  %-8s %s\n", key, text);
}

static void print(const json_t *json)
{
	const char *err = json_string_value(json_object_get(json, "errno"));
	const char *where = json_string_value(json_object_get(json, "where"));
	bool enforced = !strcmp(json_string_value(json_object_get(json, "mode")), "enforce");

	printf("%s %s\n", json_string_value(json_object_get(json, "question")),
	       json_string_value(json_object_get(json, "object")));
	printf("  %-8s %s", "verdict", json_string_value(json_object_get(json, "verdict")));
	if (err)
		printf(" with %s%s", err, enforced ? "" : " (audit mode: recorded, not denied)");
	if (json_object_get(json, "recorded"))
		printf(" (%srecorded)", json_is_true(json_object_get(json, "recorded")) ? "" : "not ");
	putchar('\n');
	if (json_object_get(json, "unrecorded"))
		printf("  %-8s or %s\n", "", json_string_value(json_object_get(json, "unrecorded")));
	print_row(json, "service");
	if (where)
		printf("  %-8s %s (%s)\n", "rule", json_string_value(json_object_get(json, "rule")),
		       where);
	print_row(json, "why");
	print_row(json, "reason");
	print_row(json, "note");
	considered_print(json_object_get(json, "considered"), stdout, verb_style(stdout));
	if (json_object_get(json, "considered_note"))
		printf("  %s\n", json_string_value(json_object_get(json, "considered_note")));
}

/* Compiles the ruleset to ask from a file. */
static int read_policy(const char *path, struct asked *asked)
{
	int err = policy_file_parts(path, true, 1, &asked->diags, &asked->policy, &asked->image);

	diags_print(&asked->diags, stderr, *verb_style(stderr)->reset);
	return err;
}

/* The ruleset to ask: compiled from the file, or read back from the kernel. */
static int find_ruleset(const struct question *question, struct asked *asked)
{
	struct fence *fence = NULL;
	uint32_t slot;
	int err;

	if (question->policy)
		return read_policy(question->policy, asked);
	err = fence_open_told(&fence);
	if (err)
		return err;
	err = fence_find_tag(fence, question->tag, &slot, NULL, NULL) ?:
		fence_get_ruleset(fence, slot, &asked->image);
	if (err == -ENOENT)
		say("unknown tag \"%s\": no policy for it is in force", question->tag);
	else if (err)
		say_errno(err, "cannot read the policy back");
	fence_close(fence);
	return err;
}

int explain_main(int argc, char **argv)
{
	struct question question = {};
	struct asked asked = {};
	struct reply reply = {};
	json_t *json;
	int err;

	err = parse(&question, argc, argv) ?: find_ruleset(&question, &asked) ?:
		ask(&question, &asked, &reply);
	if (!err) {
		json = answer(&question, &asked, &reply);
		if (question.json) {
			json_dumpf(json, stdout, JSON_INDENT(2));
			putchar('\n');
		} else {
			print(json);
		}
		json_decref(json);
	}
	consideration_free(&reply.considered);
	free(asked.image);
	policy_free(asked.policy);
	diags_free(&asked.diags);
	return err ? 1 : 0;
}
