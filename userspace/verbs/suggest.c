/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence suggest: a draft of a policy, made of what runs reached.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../policy/compile.h"
#include "../../policy/lint.h"
#include "../base/locations.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../review/journal.h"
#include "../review/known.h"
#include "../review/suggestion.h"
#include "logs.h"
#include "verbs.h"

#define FOLDERS_MAX 16
#define TAGS_MAX 1024			/* kept to be offered */
#define DRAFT_NAME "the draft"

static const struct verb_option options[] = {
	LOGS_OPTIONS,
	{ 't', "tag", "TAG", "only runs of TAG" },
	{ 'f', "from-services", "DIR", "know the service files in DIR, too; may be repeated" },
	{ 'm', "mode", "audit|enforce", "mode of the draft (default audit)" },
	{},
};

const struct verb suggest_verb = {
	.name = "suggest",
	.arguments = "[OPTION]... [RUN]... [LOG]...",
	.help = "Prints a draft of a policy, made of what the runs reached that are named, or else all\n"
		"runs in the log. What a rule denied stays denied, with its errno and reason; what else\n"
		"was reached in the network is allowed, or audited as before; nothing else of the network\n"
		"is. Files, programs and sockets are let pass, and those that were reached listed in a\n"
		"comment. An object goes to the service that is known on this host, by the files in\n"
		"/etc/ringfence/services and those shipped; or to one by the name that the log has; or to\n"
		"the range of its neighbours. Comments say which step needs it, and how often.\n\n"
		"The log has what was let pass only where the policy of the runs has that recorded\n"
		"(\"record: all\", or a default that audits). Read the draft before you use it: what a run\n"
		"reached, it need not be meant to reach.\n\n"
		"Exit status: 0 with a draft, 1 without.",
	.options = options,
};

struct suggest {
	struct logs logs;
	const char *folders[FOLDERS_MAX];
	size_t folder_count;
	const char *tag;
	bool tag_seen;			/* a run of that tag is in the logs, */
	struct intern other_tags;	/* or runs of these */
	enum mode mode;
	struct suggestion suggestion;
	struct journal_counts counts;
	size_t unread;			/* logs */
};

/* --- the command line ----------------------------------------------------------------------- */

static int parse_option(struct suggest *suggest, int id)
{
	switch (id) {
	case LOGS_OPTION_LOG:
		return logs_add(&suggest->logs, &suggest_verb, optarg);
	case LOGS_OPTION_RUN:
		return logs_add_run(&suggest->logs, &suggest_verb, optarg);
	case 'f':
		if (suggest->folder_count == FOLDERS_MAX)
			return verb_misused(&suggest_verb, "--from-services %s: %d folders at most", optarg,
					    FOLDERS_MAX);
		suggest->folders[suggest->folder_count++] = optarg;
		return 0;
	case 't':
		suggest->tag = optarg;
		return 0;
	case 'm':
		if (strcmp(optarg, "audit") && strcmp(optarg, "enforce"))
			return verb_misused(&suggest_verb, "--mode %s: expected audit or enforce", optarg);
		suggest->mode = !strcmp(optarg, "enforce") ? MODE_ENFORCE : MODE_AUDIT;
		return 0;
	default:
		return VERB_BAD;
	}
}

static int parse(struct suggest *suggest, int argc, char **argv)
{
	int id;

	while ((id = verb_next(&suggest_verb, argc, argv)) != VERB_END)
		if (parse_option(suggest, id))
			return -EINVAL;
	return logs_end(&suggest->logs, &suggest_verb, argc, argv, LOGS_RUNS_MAX);
}

/* --- reading -------------------------------------------------------------------------------- */

/* Whether a line has the tag that is asked for. */
static bool has_tag(struct suggest *suggest, const struct audit_line *line)
{
	uint32_t number;

	if (!suggest->tag || !strcmp(line->tag, suggest->tag))
		return suggest->tag_seen = true;
	if (suggest->other_tags.count < TAGS_MAX)
		intern_add(&suggest->other_tags, line->tag, strlen(line->tag) + 1, &number);
	return false;
}

static bool is_wanted(struct suggest *suggest, const struct audit_line *line)
{
	bool wanted = !suggest->logs.run_count;

	for (size_t i = 0; i < suggest->logs.run_count && !wanted; i++)
		wanted = !strcmp(line->run, suggest->logs.runs[i]);
	return wanted && *line->tag && has_tag(suggest, line);
}

static int take_line(void *ctx, const struct audit_line *line)
{
	struct suggest *suggest = ctx;

	return is_wanted(suggest, line) ? suggestion_take(&suggest->suggestion, line) : 0;
}

static void tell_unread(void *ctx, const char *path, int err)
{
	struct suggest *suggest = ctx;

	logs_unreadable(path, err);
	suggest->unread++;
}

/* A tag that no run has: mistyped, most likely. */
static void tell_no_tag(const struct suggest *suggest)
{
	struct text out = { 0 };

	text_append_string(&out, "no tag ");
	text_printable(&out, suggest->tag, strlen(suggest->tag));
	text_append_string(&out, suggest->logs.run_count ? " among these runs in " : " in ");
	text_printable(&out, suggest->logs.paths[0], strlen(suggest->logs.paths[0]));
	text_append_string(&out, suggest->logs.count > 1 ? " and the other logs" : "");
	logs_append_offer(&out, suggest->tag, &suggest->other_tags);
	say("%.*s", (int)out.size, out.size ? out.data : "");
	text_free(&out);
}

static int read_logs(struct suggest *suggest)
{
	struct journal_options journal = {
		.run = suggest->logs.run_count == 1 ? suggest->logs.runs[0] : NULL,
		.progress = true, .unread = tell_unread, .unread_ctx = suggest,
	};
	int err = journal_read(suggest->logs.paths, suggest->logs.count, &journal, take_line, suggest,
			       &suggest->counts);

	if (err) {
		logs_unreadable(suggest->counts.reading ?: suggest->logs.paths[0], err);
		return err;
	}
	/* A draft would deny what only these have. */
	if (suggest->unread)
		return -EIO;
	if (suggest->tag && !suggest->tag_seen && suggest->other_tags.count) {
		tell_no_tag(suggest);
		return -ENODATA;
	}
	if (!suggest->suggestion.records) {
		say("nothing was recorded that a policy could be made of");
		say_remedy("is it the right log (--log), run and tag? A run in audit mode with \"record: "
			   "all\" in its policy, "
			   "or \"default: {net: audit}\", has what it takes");
		return -ENODATA;
	}
	return 0;
}

/* --- the draft ------------------------------------------------------------------------------ */

/* The tag that all of it has, for free(); NULL after a fault. */
static char *find_tag(const struct suggest *suggest)
{
	const struct intern *tags = &suggest->suggestion.tags;
	struct text names = { 0 };

	if (tags->count == 1)
		return strdup(intern_bytes(tags, 0));
	for (uint32_t i = 0; i < tags->count && i < 8; i++) {
		const char *name = intern_bytes(tags, i);

		text_append_string(&names, i ? ", " : "");
		text_printable(&names, name, strlen(name));
	}
	text_append(&names, "", 1);
	say("the log has runs of %u tags%s, and a policy is for one: %s", (unsigned int)tags->count,
	    suggest->suggestion.more_tags ? " and more" : "", names.data ?: "");
	say_remedy("choose one: --tag TAG");
	text_free(&names);
	return NULL;
}

static void add_notes(const struct suggest *suggest, struct draft *draft)
{
	if (suggest->counts.lost)
		draft_list_format(draft, &draft->about,
				  "%" PRIu64 " records were lost when the log was written: it may have "
				  "reached more.", suggest->counts.lost);
	draft_list_add(draft, &draft->about,
		       "Next: ringfence check FILE; ringfence replay --policy FILE LOG; a run with "
		       "it; mode: enforce.");
	draft_list_add(draft, &draft->about, "");
}

/* What it does not know, and what can be done about that. */
static void tell_gaps(const struct suggest *suggest, const struct draft *draft)
{
	const struct suggestion *suggestion = &suggest->suggestion;

	if (!known_has_files(suggestion->known)) {
		say("no service file was found, such as the list of GitHub's addresses: services are only what was "
		    "reached");
		for (size_t i = 0; path_services[i]; i++)
			say_remedy("not in %s", path_services[i]);
		say_remedy("install ringfence, or name the folder of the shipped ones: --from-services "
			   "policy/services");
	}
	if (suggestion_is_cut(suggestion)) {
		say("the draft is not complete: %" PRIu64 " records are of more than the %zu objects it has room for",
		    suggestion->no_room, suggestion->object_count);
		say_remedy("name fewer runs");
	}
	for (size_t i = 0; i < draft->stand_ins.count; i++)
		say("%s is needed, and in no record: replace its address in the draft", draft->stand_ins.items[i]);
}

/* Whether a policy came of it, that lets pass what was let pass. */
static int verify(const struct suggest *suggest, const struct text *text)
{
	struct policy *policy = NULL;
	struct ruleset *image = NULL;
	struct diags diags = { 0 };
	struct text denied = { 0 };
	int err;

	err = policy_parse(DRAFT_NAME, text->data, text->size, path_services, &diags, &policy) ?:
		policy_compile(policy, NULL, 1, &diags, &image);
	if (!err)
		err = policy_lint(policy, image, &diags);
	if (diags.errors || diags.warnings)
		diags_print(&diags, stderr, *verb_style(stderr)->reset);
	if (err) {
		say("no policy can be made of this as a whole");
		say_remedy("name fewer runs, or runs of one policy");
	} else if (suggestion_denied(&suggest->suggestion, image, &denied)) {
		say("what the draft cannot let pass, though it passed:");
		text_append(&denied, "", 1);
		for (char *line = strtok(denied.data, "\n"); line; line = strtok(NULL, "\n"))
			say_remedy("%s", line);
	}
	free(image);
	policy_free(policy);
	diags_free(&diags);
	text_free(&denied);
	return err;
}

static int print_draft(struct suggest *suggest)
{
	struct draft draft = { .tag = find_tag(suggest), .mode = suggest->mode };
	struct text text = { 0 };
	int err = draft.tag ? 0 : -EINVAL;

	if (!err) {
		suggestion_draft(&suggest->suggestion, &draft);
		add_notes(suggest, &draft);
		draft_write(&draft, &text);
		err = draft.failed || text.failed ? -ENOMEM : 0;
		if (err)
			say_errno(err, "suggest");
	}
	if (!err)
		tell_gaps(suggest, &draft);
	if (!err)
		err = verify(suggest, &text);
	if (!err && (fwrite(text.data, 1, text.size, stdout) != text.size || fflush(stdout)))
		err = -EIO;
	text_free(&text);
	draft_free(&draft);
	return err;
}

int suggest_main(int argc, char **argv)
{
	struct suggest suggest = { .mode = MODE_AUDIT };
	struct known *known = NULL;
	int err;

	if (parse(&suggest, argc, argv))
		return EXIT_FAILURE;
	err = known_load(path_services, suggest.folders, suggest.folder_count, &known);
	suggest.suggestion.known = known;
	if (!err)
		err = read_logs(&suggest) ?: print_draft(&suggest);
	suggestion_free(&suggest.suggestion);
	intern_free(&suggest.other_tags);
	known_free(known);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
