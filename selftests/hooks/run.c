/* SPDX-License-Identifier: BSD-2-Clause */
#include "hooks.h"
const struct test run_tests[] = { {} };
const struct test shared_tests[] = { {} };
int ranges_main(int c, char **v){(void)c;(void)v;return 0;}
int ranges_actor_main(int c, char **v){(void)c;(void)v;return 0;}
int sample_main(int c, char **v){(void)c;(void)v;return 0;}
int big_main(int c, char **v){(void)c;(void)v;return 0;}
int attempt_main(int c, char **v){(void)c;(void)v;return 0;}
int step_main(int c, char **v){(void)c;(void)v;return 0;}
int burst_main(int c, char **v){(void)c;(void)v;return 0;}
int open_long_path_main(int c, char **v){(void)c;(void)v;return 0;}
