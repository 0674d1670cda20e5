/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * (ruleset, object) -> decision. The one matcher: compiled into the kernel programs, and into user
 * space where explain, the tests and the fuzzers ask it.
 *
 * The most specific match wins. No match: the default of the object's class. Doubt denies.
 */
#pragma once

#include "decide_net.h"
#include "decide_path.h"
#include "decide_waiver.h"
