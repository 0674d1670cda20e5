/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is no fault of a policy, and yet hardly meant, or good to know:
 *
 *	overlap		a net lies inside of another service's, or is the same, with another outcome (a note)
 *	never-matches	a rule in whose place others hold, whatever is reached for
 *	private-range	everything is denied, and loopback or private ranges were not thought of
 *	one-family	all of IPv4 is denied and nothing is said of IPv6, or the other way round
 *	linked-path	a path through a link that every host has: the kernel knows it by another name
 *	enter-directory	a directory where a program is due that begins a run (on this host)
 *	broad-waiver	a waiver for a program that runs whatever it is told to
 *
 * Two more are found when the policy is read, and so told by whatever reads it:
 *
 *	waiver-expired	a waiver that does not apply any more
 *	waiver-ends	one that will soon be so
 */
#pragma once

#include "image.h"
#include "policy.h"

/*
 * Looks at a policy without faults and the ruleset it was compiled to, and adds warnings and notes to @diags.
 * The lines that they show are read anew from the policy's files; where those are gone, none is shown.
 *
 * Returns 0 or -ENOMEM.
 */
int policy_lint(const struct policy *policy, const struct ruleset *image, struct diags *diags);
