/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence check: reads and compiles policies as apply would, looks for what is hardly meant, and changes
 * nothing.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../policy/lint.h"
#include "../base/options.h"
#include "../base/print_json.h"
#include "../base/say.h"
#include "../base/text.h"
#include "../policies/policy_file.h"
#include "verbs.h"

static const struct verb_option options[] = {
	{ 'q', "quiet", NULL, "say nothing about files without faults and warnings" },
	{ 's', "strict", NULL, "warnings count as faults" },
	{ 'j', "json", NULL, "print faults, warnings and notes as a JSON array, and nothing else" },
	{},
};

const struct verb check_verb = {
	.name = "check",
	.arguments = "[--quiet] [--strict] [--json] FILE...",
	.help = "Checks policy files: every fault is told as FILE:LINE:COLUMN with the line and a\n"
		"caret. Warnings are about what is hardly meant, notes about what is good to know.\n"
		"Nothing is applied.\n\n"
		"Exit status: 0 when all are sound, 1 when one has a fault; with --strict also when one\n"
		"has a warning.",
	.options = options,
	.colored = true,
};

struct check {
	bool quiet, strict;
	json_t *json;			/* NULL: text */
};

/* --- JSON ---------------------------------------------------------------------------------- */

/* A string of a file, which may be anything but JSON's UTF-8; null for NULL. */
static json_t *clean_string(const char *bytes)
{
	struct text clean = { 0 };
	json_t *string;

	if (!bytes)
		return json_null();
	text_clean(&clean, bytes, strlen(bytes));
	string = clean.failed ? NULL : json_stringn(clean.data ? clean.data : "", clean.size);
	text_free(&clean);
	return string;
}

static json_t *number_or_null(unsigned int number)
{
	return number ? json_integer(number) : json_null();
}

/* NULL without memory: the set functions of jansson take NULL for the failure that it was. */
static json_t *diag_json(const struct diag *diag)
{
	const struct diag_where *where = &diag->where;
	json_t *json = json_object();
	int err;

	err = json_object_set_new(json, "file", clean_string(where->file));
	err |= json_object_set_new(json, "line", number_or_null(where->line));
	err |= json_object_set_new(json, "col", number_or_null(where->line ? where->col : 0));
	err |= json_object_set_new(json, "end", number_or_null(where->line ? where->col + where->len : 0));
	err |= json_object_set_new(json, "severity", json_string(diag_severity_name(diag->severity)));
	err |= json_object_set_new(json, "lint", clean_string(diag->lint));
	err |= json_object_set_new(json, "message", clean_string(diag->message));
	err |= json_object_set_new(json, "hint", clean_string(diag->hint));
	if (!err)
		return json;
	json_decref(json);
	return NULL;
}

static int add_json(struct check *check, struct diags *diags)
{
	struct diag **sorted = diags_sorted(diags);
	int err = sorted ? 0 : -1;

	for (size_t i = 0; i < diags->count && !err; i++)
		err = json_array_append_new(check->json, diag_json(sorted[i]));
	free(sorted);
	return err;
}

/* --- a file -------------------------------------------------------------------------------- */

static void print_text(const struct check *check, const char *path, struct diags *diags,
		       const struct ruleset *image, bool failed)
{
	/* What is good to know is no reason to break a silence. */
	if (!check->quiet || diags->errors || diags->warnings)
		diags_print(diags, stderr, *verb_style(stderr)->reset);
	if (failed && image)
		say("%s: %zu warning%s, and --strict counts %s as %s", path, diags->warnings,
		    diags->warnings == 1 ? "" : "s", diags->warnings == 1 ? "it" : "them",
		    diags->warnings == 1 ? "a fault" : "faults");
	else if (image && !check->quiet)
		printf("%s: ok: tag %s, %s mode, %u rule%s, %u KiB compiled\n", path, image->tag,
		       image->mode == MODE_ENFORCE ? "enforce" : "audit", image->rules_said,
		       image->rules_said == 1 ? "" : "s", image->size / 1024);
}

/* Returns whether the file is sound. */
static bool check_file(struct check *check, const char *path)
{
	struct ruleset *image = NULL;
	struct policy *policy = NULL;
	struct diags diags = {};
	bool failed;
	int err = policy_file_parts(path, true, 1, &diags, &policy, &image);

	if (!err) {
		err = policy_lint(policy, image, &diags);
		if (err)
			say_errno(err, "%s", path);
	}
	failed = err || (check->strict && diags.warnings);
	if (!check->json) {
		print_text(check, path, &diags, err ? NULL : image, failed);
	} else if (add_json(check, &diags)) {
		say("%s: out of memory", path);
		failed = true;
	}
	free(image);
	policy_free(policy);
	diags_free(&diags);
	return !failed;
}

static int parse(struct check *check, int argc, char **argv)
{
	int id;

	while ((id = verb_next(&check_verb, argc, argv)) != VERB_END) {
		switch (id) {
		case 'q':
			check->quiet = true;
			break;
		case 's':
			check->strict = true;
			break;
		case 'j':
			if (!check->json)
				check->json = json_array();
			break;
		default:
			return VERB_BAD;
		}
	}
	return optind == argc ? verb_misused(&check_verb, "which files?") : 0;
}

int check_main(int argc, char **argv)
{
	struct check check = {};
	int failed = 0;

	if (parse(&check, argc, argv)) {
		json_decref(check.json);
		return 1;
	}
	for (int i = optind; i < argc; i++)
		failed |= !check_file(&check, argv[i]);
	if (check.json && print_json(check.json)) {
		say("cannot print the faults");
		failed = 1;
	}
	json_decref(check.json);
	return failed;
}
