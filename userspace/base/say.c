/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

/* In one write, so that lines of several processes do not mix. */
static void print(const char *prefix, const char *fmt, va_list args, const char *error)
{
	char text[4096];
	int size = snprintf(text, sizeof(text), "%s", prefix);

	vsnprintf(text + size, sizeof(text) - size, fmt, args);
	fprintf(stderr, "%s%s%s\n", text, error ? ": " : "", error ? error : "");
}

void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print("ringfence: ", fmt, args, NULL);
	va_end(args);
}

void say_errno(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print("ringfence: ", fmt, args, strerror(abs(err)));
	va_end(args);
}

void say_remedy(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print("  ", fmt, args, NULL);
	va_end(args);
}
