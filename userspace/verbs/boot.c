/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ringfence boot: bpf among the LSMs of the next boot. Shows what it would change unless told to do it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../policy/diag.h"
#include "../base/options.h"
#include "../base/say.h"
#include "../host/boot_grub.h"
#include "../host/boot_plan.h"
#include "../host/boot_state.h"
#include "verbs.h"

#define HOST ""				/* the root of its files */

/* Of status. */
enum {
	EXIT_LIVE = 0,
	EXIT_NOT = 1,
	EXIT_AFTER_REBOOT = 2,
	EXIT_UNTIL_REBOOT = 3,
};

static const struct verb_option options[] = {
	{ 'w', "write", NULL, "enable, disable: make the change, and run update-grub" },
	{ 'j', "json", NULL, "status: print a JSON object" },
	{},
};

const struct verb boot_verb = {
	.name = "boot",
	.arguments = "status [--json] | enable [--write] | disable [--write]",
	.help = "BPF programs decide only where bpf is in the list of LSMs that the kernel was booted with.\n\n"
		"  status   the list that is active, whether bpf is in it, what the next boot will have, and what\n"
		"           is to be done for it to be there\n"
		"  enable   shows the change that has grub pass the active list with bpf at its end, in the\n"
		"           file " BOOT_GRUB_FILE "; with --write, makes it. Refuses\n"
		"           where somebody else sets lsm=, and says what to change there\n"
		"  disable  the same for removing that file\n\n"
		"Exit status: of status, 0 when bpf is in the active list; 1 when it is not; 2 when it will be\n"
		"after a reboot; 3 when it is, and will not be after a reboot. Of the others, 0 when the change\n"
		"was shown or made or there is nothing to do, 1 when it is refused or failed.",
	.options = options,
	.words = "status enable disable",
};

/* --- status ----------------------------------------------------------------------------------- */

static const char *const next_names[] = {
	[BOOT_NEXT_UNKNOWN] = "unknown",
	[BOOT_NEXT_NO] = "no",
	[BOOT_NEXT_YES] = "yes",
};

static const char *const owner_names[] = {
	[BOOT_NOBODY] = "absent",
	[BOOT_OURS] = "ringfence",
	[BOOT_SOMEBODY_ELSE] = "other",
};

static int exit_of(const struct boot_state *state)
{
	if (state->live)
		return state->next == BOOT_NEXT_NO ? EXIT_UNTIL_REBOOT : EXIT_LIVE;
	return state->next == BOOT_NEXT_YES ? EXIT_AFTER_REBOOT : EXIT_NOT;
}

static int print_json(const struct boot_state *state)
{
	json_t *settings = json_array(), *status;

	for (size_t i = 0; i < state->setting_count; i++)
		json_array_append_new(settings, json_pack("{s:s, s:i, s:s}",
			"file", state->settings[i].file, "line", state->settings[i].line,
			"lsm", state->settings[i].list));
	status = json_pack("{s:s, s:b, s:s?, s:s, s:s, s:{s:s, s:s, s:s?}, s:o}",
			   "running", state->running, "live", state->live,
			   "given", *state->given ? state->given : NULL,
			   "next", next_names[state->next], "why", state->why,
			   "file", "path", BOOT_GRUB_FILE, "writer", owner_names[state->owner],
			   "lsm", *state->ours ? state->ours : NULL, "settings", settings);
	if (!status) {
		say("out of memory, or a file has what is no UTF-8");
		return EXIT_NOT;
	}
	json_dumpf(status, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(status);
	return exit_of(state);
}

static int print_status(const struct boot_state *state)
{
	char remedy[BOOT_REMEDY_SIZE];

	if (state->error)
		printf("running   cannot read " BOOT_LSM_FILE ": %s\n", strerror(-state->error));
	else
		printf("running   %s: bpf is %sin the list\n", state->running,
		       state->live ? "" : "not ");
	printf("next boot %s: %s\n", state->next == BOOT_NEXT_YES ? "has bpf" :
	       state->next == BOOT_NEXT_NO ? "has no bpf" : "cannot be told", state->why);
	if (state->owner == BOOT_OURS)
		printf("file      " BOOT_GRUB_FILE ": lsm=%s\n", state->ours);
	else if (state->owner == BOOT_SOMEBODY_ELSE)
		printf("file      " BOOT_GRUB_FILE ": not written by ringfence\n");
	for (size_t i = 0; i < state->setting_count; i++)
		printf("setting   %s:%u: lsm=%s\n", state->settings[i].file, state->settings[i].line,
		       state->settings[i].list);
	if (boot_remedy(state, remedy))
		printf("to do     %s\n", remedy);
	return exit_of(state);
}

/* --- enable, disable -------------------------------------------------------------------------- */

static int tell_refusal(const struct boot_plan *plan)
{
	for (size_t i = 0; i < plan->reason_count; i++) {
		say("%s", plan->reasons[i].text);
		say_remedy("%s", plan->reasons[i].remedy);
	}
	return 1;
}

/* Whether the boot menu came to say what was asked for; others can have the last word in it. */
static int tell_outcome(bool enable)
{
	struct boot_state state;

	boot_look(HOST, &state);
	if (enable && state.next == BOOT_NEXT_NO) {
		say("update-grub has run, but the next boot still has no bpf: %s", state.why);
		say_remedy("does a file after " BOOT_GRUB_FILE " or in /etc/grub.d set GRUB_CMDLINE_LINUX without what it had?");
		return 1;
	}
	if (enable)
		say("bpf is in the list after a reboot; then: ringfence boot status");
	else if (state.next == BOOT_NEXT_YES)
		say("bpf stays in the list all the same: %s", state.why);
	else
		say("bpf is not in the list any more after a reboot; until then, nothing changes");
	return 0;
}

static int renew_menu(bool enable)
{
	int err;

	say("running update-grub");
	err = boot_grub_update();
	if (err == -ENOENT) {
		say("there is no update-grub here");
		say_remedy("grub-mkconfig -o /boot/grub/grub.cfg, and reboot");
		return 0;
	}
	if (err) {
		say("update-grub failed: the boot menu is as it was, " BOOT_GRUB_FILE " is %s",
		    enable ? "written" : "removed");
		say_remedy("mend what it says above and run update-grub; or ringfence boot %s --write",
			   enable ? "disable" : "enable");
		return 1;
	}
	return tell_outcome(enable);
}

static int change(const struct boot_plan *plan, const char *before)
{
	bool enable = *plan->after, changed = strcmp(before, plan->after);
	int err = 0;

	if (changed)
		err = enable ? boot_grub_write(HOST, plan->after) : boot_grub_remove(HOST);
	if (err) {
		say_errno(err, "cannot %s " BOOT_GRUB_FILE, enable ? "write" : "remove");
		if (geteuid())
			say_remedy("run it as root");
		return 1;
	}
	say(BOOT_GRUB_FILE " %s", !changed ? "is there already" : enable ? "written" : "removed");
	return renew_menu(enable);
}

static int carry_out(const struct boot_plan *plan, bool write)
{
	char before[BOOT_GRUB_SIZE];
	int err;

	if (plan->action == BOOT_REFUSE)
		return tell_refusal(plan);
	if (plan->action == BOOT_NOTHING) {
		say("%s", plan->text);
		return 0;
	}
	err = boot_grub_read(HOST, before);
	if (err) {
		say_errno(err, "cannot read " BOOT_GRUB_FILE);
		return 1;
	}
	boot_grub_diff(stdout, before, plan->after);
	fflush(stdout);
	if (write)
		return change(plan, before);
	if (strcmp(before, plan->after))
		say("nothing was changed");
	else
		say(BOOT_GRUB_FILE " is there already; update-grub and a reboot put it in force");
	say_remedy("ringfence boot %s --write %s runs update-grub; a reboot does the rest",
		   *plan->after ? "enable" : "disable",
		   strcmp(before, plan->after) ? "makes this change and" : "");
	return 0;
}

int boot_main(int argc, char **argv)
{
	static const char *const words[] = { "status", "enable", "disable", NULL };
	bool write = false, json = false;
	const char *word, *near;
	struct boot_state state;
	struct boot_plan plan;
	int id;

	while ((id = verb_next(&boot_verb, argc, argv)) != VERB_END) {
		if (id == VERB_BAD)
			return 1;
		write |= id == 'w';
		json |= id == 'j';
	}
	if (optind + 1 != argc)
		return verb_misused(&boot_verb, "expected one of status, enable and disable"), 1;
	word = argv[optind];
	if (write && !strcmp(word, "status"))
		return verb_misused(&boot_verb, "status writes nothing: --write is for enable and disable"), 1;
	if (json && strcmp(word, "status"))
		return verb_misused(&boot_verb, "--json is for status"), 1;
	boot_look(HOST, &state);
	if (!strcmp(word, "status"))
		return json ? print_json(&state) : print_status(&state);
	if (!strcmp(word, "enable"))
		boot_plan_enable(&state, &plan);
	else if (!strcmp(word, "disable"))
		boot_plan_disable(&state, &plan);
	else {
		near = diag_nearest(word, words);
		return verb_misused(&boot_verb, "\"%s\": expected status, enable or disable%s%s%s", word,
				    near ? "; did you mean " : "", near ?: "", near ? "?" : ""), 1;
	}
	return carry_out(&plan, write);
}
