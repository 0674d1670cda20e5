/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/endpoint.h"
#include "../base/path_here.h"
#include "../base/say.h"
#include "../base/text.h"
#include "explain.h"
#include "verbs.h"

/* What is asked about, as the kernel would have it. */
struct subject {
	enum object_class class;
	uint8_t access;
	struct named_endpoint endpoint;	/* CLASS_NET */
	struct path_here here;
};

/* --- addresses ------------------------------------------------------------------------------ */

static enum protocol protocol_asked(const struct subject *subject)
{
	const struct named_endpoint *endpoint = &subject->endpoint;

	if (!endpoint->has_port)
		return PROTO_NONE;
	return endpoint->proto < 0 ? PROTO_TCP : (enum protocol)endpoint->proto;
}

/* The protocol stands in the object or beside it. */
static int take_protocol(const struct question *question, struct named_endpoint *endpoint)
{
	if (question->proto < 0)
		return 0;
	if (!endpoint->has_port)
		return verb_misused(&explain_verb, "--protocol goes with a port: %s:PORT", question->object);
	if (endpoint->proto >= 0 && endpoint->proto != question->proto)
		return verb_misused(&explain_verb, "%s, and --protocol %s: which of the two?", question->object,
				    protocol_name(question->proto));
	endpoint->proto = question->proto;
	return 0;
}

static int read_address(const struct question *question, struct subject *subject, struct reply *reply)
{
	struct named_endpoint *endpoint = &subject->endpoint;
	struct endpoint_fault fault;
	char host[INET6_ADDRSTRLEN];
	const uint8_t *addr = endpoint->addr;

	if (!endpoint_parse(question->object, endpoint, &fault)) {
		say("%s: %s", *question->object ? question->object : "connect", fault.message);
		say_remedy("%s", fault.remedy);
		return -EINVAL;
	}
	if (take_protocol(question, endpoint))
		return -EINVAL;
	inet_ntop(endpoint->v4 ? AF_INET : AF_INET6, endpoint->v4 ? addr + 12 : addr, host, sizeof(host));
	if (endpoint->has_port)
		snprintf(reply->shown, sizeof(reply->shown), endpoint->v4 ? "%s:%u/%s" : "[%s]:%u/%s", host,
			 endpoint->port, protocol_name((int)protocol_asked(subject)));
	else
		snprintf(reply->shown, sizeof(reply->shown), "%s, any port", host);
	return 0;
}

/* --- paths ---------------------------------------------------------------------------------- */

/* A program by its name alone: where a shell would find it. */
static bool in_search_path(const char *name, char ret_path[PATH_MAX])
{
	const char *dirs = getenv("PATH");

	for (size_t length; dirs && *dirs; dirs += length + (dirs[length] == ':')) {
		length = strcspn(dirs, ":");
		if (snprintf(ret_path, PATH_MAX, "%.*s/%s", (int)length, dirs, name) < PATH_MAX &&
		    !access(ret_path, X_OK))
			return true;
	}
	return false;
}

static int find_path(const char *path, bool program, struct path_here *ret_here)
{
	char found[PATH_MAX];
	int err;

	if (!*path) {
		say("expected a path, found nothing");
		return -EINVAL;
	}
	err = path_here_find(path, ret_here);
	if (err) {
		say_errno(err, "%s", path);
		if (err == -ENOENT)
			say_remedy("it leads through a folder that is not there");
		return err;
	}
	if (program && !ret_here->mode && !strchr(path, '/')) {
		say("%s: there is no such file here", path);
		say_remedy("programs are not searched for: write %s", in_search_path(path, found) ? found :
			   "the whole path");
		return -ENOENT;
	}
	return 0;
}

/* What is odd about a path, for what is asked about it. */
static int remark(const struct subject *subject)
{
	const struct path_here *here = &subject->here;
	char path[PATH_MAX];

	text_show(here->path, path, sizeof(path));
	if (here->blind)
		say("%s cannot be looked at (%s): judged by its name alone", path, strerror(EACCES));
	else if (!here->mode)
		say("%s does not exist here: judged by its name and the folders that are there", path);
	else if (subject->class == CLASS_EXEC && S_ISDIR(here->mode)) {
		say("%s is a directory: nothing executes it", path);
		say_remedy("name a program in it");
		return -EISDIR;
	} else if (subject->class == CLASS_EXEC && !(S_ISREG(here->mode) && here->mode & 0111))
		say("%s is not executable here: that fails whatever a policy says", path);
	else if (subject->class == CLASS_SOCKET && !S_ISSOCK(here->mode))
		say("%s is no socket here: connecting fails whatever a policy says", path);
	return 0;
}

static int read_path(const struct question *question, struct subject *subject, struct reply *reply)
{
	struct path_here *here = &subject->here;
	int err;

	if (subject->class == CLASS_SOCKET && *question->object == '@') {
		if (!question->object[1] || strlen(question->object) >= sizeof(here->path)) {
			say("expected an abstract name behind the @");
			return -EINVAL;
		}
		strcpy(here->path, question->object);
	} else {
		err = find_path(question->object, subject->class == CLASS_EXEC, here) ?: remark(subject);
		if (err)
			return err;
	}
	text_show(here->path, reply->shown, sizeof(reply->shown) - 16);
	if (subject->class == CLASS_FILE)
		strcat(reply->shown, subject->access == ACCESS_WRITE ? " for writing" : " for reading");
	return 0;
}

/* --- the question --------------------------------------------------------------------------- */

static int read_object(const struct question *question, struct subject *subject, struct reply *reply)
{
	const char *object = question->object;

	subject->access = question->access ? question->access : ACCESS_READ;
	if (!strcmp(question->verb, "connect")) {
		bool is_socket = *object == '/' || *object == '@' || *object == '.';

		subject->class = is_socket ? CLASS_SOCKET : CLASS_NET;
		return is_socket ? read_path(question, subject, reply) : read_address(question, subject, reply);
	}
	subject->class = !strcmp(question->verb, "exec") ? CLASS_EXEC : CLASS_FILE;
	return read_path(question, subject, reply);
}

/* The process that asks: what its program is let pass. */
static int read_as(const struct question *question, const struct asked *asked, struct reply *reply)
{
	struct path_here here;
	char shown[PATH_MAX];
	int err;

	if (!question->as)
		return 0;
	err = find_path(question->as, true, &here);
	if (err)
		return err;
	text_show(here.path, shown, sizeof(shown));
	if (S_ISDIR(here.mode)) {
		say("--as %s is a directory, not a program", shown);
		return -EISDIR;
	}
	if (!here.mode)
		say("%s does not exist here: a waiver knows a program by its name", shown);
	strcpy(reply->as, here.path);
	reply->waivers = image_waivers_of(asked->image, here.path);
	return 0;
}

/* --- what decide.h says --------------------------------------------------------------------- */

static struct decision judge(const struct subject *subject, const struct ruleset *image,
			     const struct image_waived *waived, enum object_class *ret_class)
{
	const struct path_here *here = &subject->here;
	struct decision decision;

	*ret_class = subject->class;
	if (subject->class == CLASS_EXEC)
		return image_decide_exec_waived(image, waived, here->path, here->chain, here->count, ret_class);
	if (subject->class == CLASS_FILE)
		return image_decide_open_waived(image, waived, subject->access, here->path, here->chain,
						here->count, ret_class);
	decision = subject->class == CLASS_NET ?
		image_decide_net(image, subject->endpoint.addr, subject->endpoint.port, protocol_asked(subject)) :
		image_decide_path(image, CLASS_SOCKET, ACCESS_READ, here->path, here->chain, here->count);
	image_waive(image, waived->waivers, waived->now_ns, &decision);
	return decision;
}

/* Whether a waiver is for the one access only that is asked about: who opens a file for both is let pass where one
 * rule denies both, and not where another has a say in the other. */
static bool is_for_one_access(const struct subject *subject, const struct ruleset *image)
{
	const struct path_here *here = &subject->here;

	return subject->class == CLASS_FILE &&
	       image_decide_path(image, CLASS_FILE, ACCESS_READ | ACCESS_WRITE, here->path, here->chain,
				 here->count).shared;
}

/* Tries each waiver beside those that who asks has; also as long ago as it cannot have expired. */
static void try_waivers(const struct subject *subject, const struct ruleset *image, uint64_t now_ns,
			struct reply *reply)
{
	const struct waiver *waiver;

	for (uint32_t i = 0; (waiver = image_waiver_at(image, i)); i++) {
		struct reply_waiver found = { .waiver = waiver, .had = reply->waivers & 1u << i };
		struct image_waived with = { .waivers = reply->waivers | 1u << i };
		struct image_waived without = { .waivers = reply->waivers & ~(1u << i) };
		enum object_class class, before;

		found.expired = waiver->until_ns <= now_ns;
		with.now_ns = without.now_ns = found.expired ? 0 : now_ns;
		found.decision = judge(subject, image, &with, &class);
		if (found.decision.rule == judge(subject, image, &without, &before).rule)
			continue;
		found.for_one_access = class == CLASS_FILE && is_for_one_access(subject, image);
		reply->list[reply->count++] = found;
	}
}

static int consider(const struct subject *subject, const struct asked *asked, struct consideration *ret_list)
{
	const struct path_here *here = &subject->here;

	if (subject->class == CLASS_NET)
		return consider_net(asked->image, asked->policy, subject->endpoint.addr, subject->endpoint.port,
				    protocol_asked(subject), ret_list);
	if (subject->class == CLASS_SOCKET)
		return consider_socket(asked->image, asked->policy, here->path, here->chain, here->count, ret_list);
	if (subject->class == CLASS_EXEC)
		return consider_exec(asked->image, asked->policy, here->path, here->chain, here->count, ret_list);
	return consider_open(asked->image, asked->policy, subject->access, here->path, here->chain, here->count,
			     ret_list);
}

int explain_ask(const struct question *question, const struct asked *asked, struct reply *ret_reply)
{
	const struct image_waived nothing = { 0 };
	struct image_waived has;
	struct subject subject = { 0 };
	struct timespec now;
	int err;

	*ret_reply = (struct reply){ 0 };
	err = read_object(question, &subject, ret_reply) ?: read_as(question, asked, ret_reply);
	if (err)
		return err;
	clock_gettime(CLOCK_REALTIME, &now);
	has.waivers = ret_reply->waivers;
	has.now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	ret_reply->plain = judge(&subject, asked->image, &nothing, &ret_reply->class);
	ret_reply->decision = judge(&subject, asked->image, &has, &ret_reply->class);
	try_waivers(&subject, asked->image, has.now_ns, ret_reply);
	err = consider(&subject, asked, &ret_reply->considered);
	if (err)
		say_errno(err, "%s", question->object);
	return err;
}
