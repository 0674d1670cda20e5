/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a command inherits from its launcher: descriptors that nobody judged when they were opened.
 */
#pragma once

#include <stdbool.h>

/*
 * Looks at the descriptors that a command would inherit: standard input, output and error, and with
 * @keep those above that are not close-on-exec. Tells on stderr which of the first are sockets, and
 * which of the others there are.
 *
 * Returns 0 with *ret_vouched: whether all of them are pipes, terminals or /dev/null, so that none
 * need be judged when it is used; or -EPERM, told, where one is an io_uring, whose thread in the kernel
 * would act in the name of the process that made it.
 */
int descriptors_examine(bool keep, bool *ret_vouched);

/* Has every descriptor above standard error closed at the next execve(2). Returns 0, or -errno where they
 * all stay open. */
int descriptors_close_later(void);
