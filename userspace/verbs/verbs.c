/* SPDX-License-Identifier: BSD-2-Clause */
#include "verbs.h"

const struct verb_entry verb_table[] = {
	{ &run_verb, run_main, "start a command behind the fence" },
	{ &check_verb, check_main, "check policy files" },
	{ &explain_verb, explain_main,
	  "tell what a policy says about an address, a file or a program" },
	{ &import_verb, import_main, "turn a published address list into a service definition" },
	{ &log_verb, log_main, "show the audit log" },
	{ &report_verb, report_main, "tell what a run depends on, why, and where that is a loop" },
	{ &diff_verb, diff_main, "tell what a run depends on that another did not" },
	{ &replay_verb, replay_main, "tell what a policy would have done to what a log has" },
	{ &suggest_verb, suggest_main, "draft a policy from what runs reached" },
	{ &load_verb, load_main, "load the fence into the kernel, for all runs" },
	{ &apply_verb, apply_main, "put policies in force" },
	{ &daemon_verb, daemon_main, "collect the audit log; loads the fence if need be" },
	{ &status_verb, status_main, "show the fence, its policies and runs" },
	{ &tag_verb, tag_main, "put behind the fence what already runs" },
	{ &ps_verb, ps_main, "show the tagged processes" },
	{ &runs_verb, runs_main, "show the runs" },
	{ &release_verb, release_main, "break-glass: take the tags of a run back" },
	{ &unload_verb, unload_main, "take the fence down" },
	{ &doctor_verb, doctor_main, "look whether this host can hold a fence" },
	{ &boot_verb, boot_main, "have the kernel booted with bpf among its LSMs" },
	{ &completion_verb, completion_main, NULL },
	{},
};
