/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every policy includes without saying so: services/handoff.yaml, whose text is part of the
 * program, and an audit rule for each of its services that the policy does not name itself.
 */
#pragma once

#include "check.h"

/* Adds the services that the policy does not define; before its rules are read. */
void implied_services(struct checker *checker);

/* Adds the rules; after the policy's own. */
void implied_rules(struct checker *checker);
