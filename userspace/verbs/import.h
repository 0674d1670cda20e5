/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* The verb `import`; argv[0] is the verb itself. Returns the exit status. */
int import_main(int argc, char **argv);
