/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every policy includes without saying so, as files whose text is part of the program, and a rule for
 * each of their services that the policy does not name itself:
 *
 *	services/handoff.yaml		where work is handed to others; audit rules
 *	services/system-files.yaml, services/null-devices.yaml
 *					what every process opens; allow rules, which tell the kernel what not
 *					to record of what is allowed
 */
#pragma once

#include "check.h"

/* Adds the services that the policy does not define; before its rules are read. */
void implied_services(struct checker *checker);

/* Adds the rules; after the policy's own. */
void implied_rules(struct checker *checker);
