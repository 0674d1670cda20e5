/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of the command line, one file each. argv[0] is the verb. Each returns the exit code.
 */
#pragma once

int apply_main(int argc, char **argv);
int check_main(int argc, char **argv);
int daemon_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int import_main(int argc, char **argv);
int load_main(int argc, char **argv);
int log_main(int argc, char **argv);
int ps_main(int argc, char **argv);
int release_main(int argc, char **argv);
int run_main(int argc, char **argv);
int runs_main(int argc, char **argv);
int status_main(int argc, char **argv);
int tag_main(int argc, char **argv);
int unload_main(int argc, char **argv);
