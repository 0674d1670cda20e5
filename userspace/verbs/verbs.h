/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of the command line, one file each. argv[0] is the verb. Each returns the exit code.
 */
#pragma once

#include "../base/options.h"

int apply_main(int argc, char **argv);
int boot_main(int argc, char **argv);
int check_main(int argc, char **argv);
int completion_main(int argc, char **argv);
int daemon_main(int argc, char **argv);
int diff_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int import_main(int argc, char **argv);
int load_main(int argc, char **argv);
int log_main(int argc, char **argv);
int ps_main(int argc, char **argv);
int release_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int report_main(int argc, char **argv);
int run_main(int argc, char **argv);
int runs_main(int argc, char **argv);
int status_main(int argc, char **argv);
int suggest_main(int argc, char **argv);
int tag_main(int argc, char **argv);
int unload_main(int argc, char **argv);

extern const struct verb apply_verb, boot_verb, check_verb, completion_verb, daemon_verb, diff_verb,
	doctor_verb, explain_verb, import_verb, load_verb, log_verb, ps_verb, release_verb, replay_verb, report_verb,
	run_verb, runs_verb, status_verb, suggest_verb, tag_verb, unload_verb;

struct verb_entry {
	const struct verb *verb;	/* NULL ends the table */
	int (*main)(int argc, char **argv);
	const char *about;		/* in a few words; NULL: for scripts, not shown to people */
};

/* All of them, in the order they are shown. */
extern const struct verb_entry verb_table[];
