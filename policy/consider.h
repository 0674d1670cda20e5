/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why decide.h answers as it does: every entry that speaks of an object, the most specific first, and
 * which of them decided.
 *
 * With the policy at hand, the entries are those that its author wrote. With nothing but the ruleset, as
 * it is read back from the kernel, paths are what they were, but of nets it tells no more than which rules
 * hold on which ports of the addresses around the one that was asked for.
 */
#pragma once

#include "image.h"
#include "policy.h"

/* One entry. What is borrowed belongs to the ruleset. */
struct considered {
	char *entry;			/* "10.0.0.0/8 ports 22, 443/tcp", "/srv/mirror/", "default net" */
	struct diag_where entry_where;	/* where the policy says so; line 0: not known */
	const char *service;		/* borrowed; "" of a default */
	const char *rule;		/* borrowed: "deny github"; "" of a default */
	const char *rule_where;		/* borrowed: "mysql.yaml:12"; "" of a default */
	uint16_t number;		/* of the rule, or RULE_DEFAULT */
	uint8_t object;			/* enum object_class: among whose entries it stands */
	enum verdict verdict;
	bool matches;			/* else its path or net does, and its ports or access do not */
	bool wins;			/* of one entry; of none where doubt decided */
	char why[80];
	uint32_t rank[3];		/* how specific it is, compared from the first: the larger wins */
};

struct consideration {
	struct considered *list;	/* by class, the most specific first */
	size_t count, space;
	bool out_of_memory;
};

/*
 * Tells what image_decide_net(), image_decide_path(), image_decide_open() and image_decide_exec() consider.
 *
 * @policy: what @image was compiled from, or NULL.
 * @ret_list: the caller's to consideration_free().
 *
 * Return 0 or -ENOMEM.
 */
int consider_net(const struct ruleset *image, const struct policy *policy, const uint8_t addr[16],
		 uint16_t port, enum protocol proto, struct consideration *ret_list);
int consider_socket(const struct ruleset *image, const struct policy *policy, const char *path,
		    const struct inode_id *chain, size_t chain_count, struct consideration *ret_list);

/* @access: ACCESS_READ or ACCESS_WRITE. */
int consider_open(const struct ruleset *image, const struct policy *policy, uint8_t access, const char *path,
		  const struct inode_id *chain, size_t chain_count, struct consideration *ret_list);
int consider_exec(const struct ruleset *image, const struct policy *policy, const char *path,
		  const struct inode_id *chain, size_t chain_count, struct consideration *ret_list);

void consideration_free(struct consideration *list);
