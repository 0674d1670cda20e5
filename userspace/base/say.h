/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a verb tells its user on stderr.
 */
#pragma once

/* Prints "ringfence: " and the message as a line. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same with ": " and the text of the errno @err (either sign) at the end. */
void say_errno(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line below, indented: what to do about it. */
void say_remedy(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
