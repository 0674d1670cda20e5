/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a launcher knows of a command that it is about to start: as it is, neither cleaned nor redacted.
 */
#pragma once

#include "../base/text.h"

#define FACTS_SCRIPT_MAX (256 << 10)	/* bytes of the script that are looked at, */
#define FACTS_ENVIRONMENT_MAX (256 << 10) /* of the environment, */
#define FACTS_COMMAND_MAX 2048		/* and of the command's arguments */
#define FACTS_PATH_MAX 4096		/* PATH_MAX */

/* Each empty where it is not known, or there is none. */
struct facts {
	struct text command;		/* arguments, each with its final 0 unless the last was cut */
	struct text environment;	/* NAME=VALUE, each with its final 0 */
	struct text directory;		/* where it is started */
	struct text script;		/* path of the script that it is, or that it interprets, */
	struct text lines;		/* and its text from the beginning */
};

/* Gathers what there is to know of @argv, started here with @environment. Returns 0 and *ret_facts, the
 * caller's to facts_free(), or -ENOMEM. A script that cannot be read is none. */
int facts_gather(char *const *argv, char *const *environment, struct facts *ret_facts);

void facts_free(struct facts *facts);

/* Packs them into a file in memory that nobody can change any more. Returns its descriptor, the caller's to
 * close, or -errno. */
int facts_pack(const struct facts *facts);

/* Unpacks such a file, from whomever: reading it never waits. Returns 0 and *ret_facts, the caller's to
 * facts_free(), -EBADMSG for what facts_pack() does not make, or -ENOMEM. */
int facts_unpack(int fd, struct facts *ret_facts);
