/* SPDX-License-Identifier: BSD-2-Clause */
#include "pid_space.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define INITIAL 0xEFFFFFFCU		/* its inode number, ever since there are any: PROC_PID_INIT_INO */

static uint64_t number_of(const char *space)
{
	struct stat st;

	return stat(space, &st) ? 0 : st.st_ino;
}

uint64_t pid_space_id(void)
{
	return number_of("/proc/self/ns/pid");
}

bool pid_space_is_initial(void)
{
	return pid_space_id() == INITIAL;
}

pid_t pid_space_number_shown(void)
{
	char text[16] = "";
	ssize_t size = readlink("/proc/self", text, sizeof(text) - 1);

	return size > 0 ? atoi(text) : 0;
}

bool pid_space_is_shown(void)
{
	return pid_space_number_shown() == getpid();
}

/* Who may not look at the first process may know it all the same, being one of them. */
bool pid_space_initial_is_shown(void)
{
	return number_of("/proc/1/ns/pid") == INITIAL || (pid_space_is_initial() && pid_space_is_shown());
}
