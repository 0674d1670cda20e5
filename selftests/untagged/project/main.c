/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "parts.h"

int main(void)
{
	printf("%d packages, %d\n", packages(STATUS), answer());
	return 0;
}
