/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a compiled ruleset in user space: the same image and the same decide.h as in the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lsm/decide.h"

/*
 * Tells whether @data of @size bytes is a ruleset this program can evaluate: magic, version, size,
 * and every table inside the image and aligned. To be called on every image that comes from a file
 * or a kernel map, before anything else here. Returns 0 or -EBADMSG.
 */
int image_verify(const void *data, size_t size);

/* The rule of that number, or NULL for a special one (RULE_DEFAULT ...) or one out of range. */
const struct rule *image_rule(const struct ruleset *image, uint16_t number);

/* The string at @offset; "" where there is none. Lives as long as the image. */
const char *image_string(const struct ruleset *image, uint32_t offset);

/* The name at a place of image->users and the tables beside it, NULL behind the last. Borrowed from the image. */
const char *image_name(const struct ruleset *image, struct table table, uint32_t number);

/* What is recorded of what is allowed in that mode (MODE_POLICY: the policy's own): "denied", which is nothing,
 * "matched" or "all". Reads nothing but the header. */
const char *image_recording(const struct ruleset *image, enum mode mode);

/* That a service needs another in turn. Borrowed from the image. */
struct image_need {
	const char *service, *needs;	/* names */
	const char *where;		/* "mysql.yaml:9": where the first of the two is defined */
};

/* The need of that number, false behind the last. Those of one service stand together, as the policy lists
 * them; a service that needs none is not there. */
bool image_need(const struct ruleset *image, uint32_t number, struct image_need *ret_need);

/* The name of the service of that number which @service needs, NULL behind the last, with the place where
 * @service is defined in *ret_where (may be NULL; untouched for NULL). Borrowed from the image. */
const char *image_needs(const struct ruleset *image, const char *service, uint32_t number, const char **ret_where);
/* The entry of a path among those of @object, or NULL. @path without its trailing slash, as in struct
 * policy_path; @kind: PATH_EXACT or PATH_TREE. */
const struct path_entry *image_path(const struct ruleset *image, enum object_class object,
				    const char *path, uint32_t kind);

/* Judges an address: decide_net() on the image. @addr as in struct record. */
struct decision image_decide_net(const struct ruleset *image, const uint8_t addr[16],
				 uint16_t port, enum protocol proto);

/* Judges a path by name and by the identities in @chain: that of the object itself, then those of
 * its ancestors up to the root of its file system. @object: CLASS_FILE, CLASS_EXEC or
 * CLASS_SOCKET. */
struct decision image_decide_path(const struct ruleset *image, enum object_class object,
				  uint8_t access, const char *path, const struct inode_id *chain,
				  size_t chain_count);

/* Judges the opening of a file: what may not be executed may not be read either. *ret_object is the
 * class whose rules decided: CLASS_FILE or CLASS_EXEC. */
struct decision image_decide_open(const struct ruleset *image, uint8_t access, const char *path,
				  const struct inode_id *chain, size_t chain_count,
				  enum object_class *ret_object);

/* The waiver whose rule that is, or NULL for any other. Lives as long as the image. */
const struct waiver *image_waiver(const struct ruleset *image, uint16_t rule);

/* The waivers for a program, by its path: a bit for each. What a task has is those of all programs that it and
 * its ancestors were since they came under this ruleset. */
uint32_t image_waivers_of(const struct ruleset *image, const char *program);

/* The waiver of that number, NULL behind the last. Lives as long as the image. */
const struct waiver *image_waiver_at(const struct ruleset *image, uint32_t number);

/* Puts the outcome of a waiver in the place of a deny, where one of @waived applies at @now_ns, since 1970: to
 * what an image_decide_…() has decided. Returns whether it did. */
bool image_waive(const struct ruleset *image, uint32_t waived, uint64_t now_ns, struct decision *decision);

/* Judges the execution of a file, which opens it as well: what may not be read may not be executed either.
 * *ret_object as in image_decide_open(). */
struct decision image_decide_exec(const struct ruleset *image, const char *path,
				  const struct inode_id *chain, size_t chain_count,
				  enum object_class *ret_object);

/* Waivers that a process has, a bit for each of the ruleset, and when it asks, since 1970. */
struct image_waived {
	uint32_t waivers;
	uint64_t now_ns;
};

/* The two above for a process with waivers: in each of the classes one that applies takes the place of a deny. */
struct decision image_decide_open_waived(const struct ruleset *image, const struct image_waived *waived,
					 uint8_t access, const char *path, const struct inode_id *chain,
					 size_t chain_count, enum object_class *ret_object);
struct decision image_decide_exec_waived(const struct ruleset *image, const struct image_waived *waived,
					 const char *path, const struct inode_id *chain,
					 size_t chain_count, enum object_class *ret_object);
