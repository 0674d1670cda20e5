/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#define RINGFENCE_VERSION "0.1.0"

/* Seconds since 1970 when that version was made, to the day: a clock that is before it is wrong. */
#define RINGFENCE_MADE 1795564800LL	/* 2026-11-25 */
