/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence explain: asks decide.h, as the kernel does, about one object.
 */
#include "explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/endpoint.h"
#include "../base/options.h"
#include "../base/print_json.h"
#include "../base/say.h"
#include "../fence/fence.h"
#include "../policies/policy_file.h"
#include "../upkeep/fence_up.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 't', "tag", "TAG", "ask the policy that is in force for TAG" },
	{ 'p', "policy", "FILE", "ask this policy; needs no kernel" },
	{ 'P', "protocol", "tcp|udp|other", "protocol of connect (default tcp)" },
	{ 'a', "access", "read|write", "how open opens (default read)" },
	{ 's', "as", "PROGRAM", "for who executed PROGRAM, or was started by it: with its waivers" },
	{ 'j', "json", NULL, "print a JSON object" },
	{},
};

const struct verb explain_verb = {
	.name = "explain",
	.arguments = "(--tag TAG | --policy FILE) [OPTION]... connect ADDRESS[:PORT[/PROTOCOL]]\n"
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
		"Where a waiver lets some program pass what a rule denies, the answer names it, and is given for\n"
		"who has no waiver; --as PROGRAM asks for that program.\n\n"
		"Exit status: 0 with an answer, whatever it is; 1 without.",
	.options = options,
	.words = "connect open exec",
	.colored = true,
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
	case 's':
		question->as = optarg;
		return 0;
	case 'j':
		question->json = true;
		return 0;
	case 'P':
		question->proto = protocol_parse(optarg);
		return question->proto >= 0 ? 0 :
			verb_misused(&explain_verb, "--protocol %s: expected tcp, udp or other", optarg);
	case 'a':
		question->access = !strcmp(optarg, "read") ? ACCESS_READ :
				   !strcmp(optarg, "write") ? ACCESS_WRITE : 0;
		return question->access ? 0 :
			verb_misused(&explain_verb, "--access %s: expected read or write", optarg);
	default:
		return -EINVAL;
	}
}

/* Whether the words are a question: said before a policy is read. */
static int check_words(const struct question *question)
{
	bool connects = !strcmp(question->verb, "connect"), opens = !strcmp(question->verb, "open");

	if (!connects && !opens && strcmp(question->verb, "exec"))
		return verb_misused(&explain_verb, "%s: expected connect, open or exec", question->verb);
	if (question->proto >= 0 && !connects)
		return verb_misused(&explain_verb, "--protocol is for connect");
	if (question->access && !opens)
		return verb_misused(&explain_verb, "--access is for open");
	return 0;
}

static int parse(struct question *question, int argc, char **argv)
{
	int id;

	question->proto = -1;
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
	return check_words(question);
}

/* --- the ruleset ---------------------------------------------------------------------------- */

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

/* Returns 0 or a negative errno, without a word. */
static int answer(const struct question *question, const struct asked *asked, const struct reply *reply)
{
	json_t *json = explain_answer(question, asked, reply);
	int err = json ? 0 : -ENOMEM;

	if (json && question->json)
		err = print_json(json);
	else if (json)
		explain_print(json);
	json_decref(json);
	return err;
}

int explain_main(int argc, char **argv)
{
	struct question question = {};
	struct asked asked = {};
	struct reply reply = {};
	int err;

	err = parse(&question, argc, argv) ?: find_ruleset(&question, &asked) ?:
		explain_ask(&question, &asked, &reply);
	if (!err) {
		err = answer(&question, &asked, &reply);
		if (err)
			say_errno(err, "cannot print the answer");
	}
	consideration_free(&reply.considered);
	free(asked.image);
	policy_free(asked.policy);
	diags_free(&asked.diags);
	return err ? 1 : 0;
}
