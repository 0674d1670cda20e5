/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "parts.h"

int packages(const char *file)
{
	FILE *in = fopen(file, "r");
	char line[4096];
	int count = 0;

	while (in && fgets(line, sizeof(line), in))
		count += !strncmp(line, "Package: ", 9);
	if (in)
		fclose(in);
	return count;
}
