/* SPDX-License-Identifier: BSD-2-Clause */
#include "parts.h"

int answer(void)
{
	return 42;
}
