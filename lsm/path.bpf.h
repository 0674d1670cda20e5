/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A file or program as an object: its name as the task sees it, and its identity with that of every
 * directory above it, which no bind mount, chroot or link can change. What file.bpf.c and
 * exec.bpf.c have in common.
 */
#pragma once

#include "record.bpf.h"
#include "scratch.bpf.h"

struct chain_walk {
	struct path_object *path;
	struct dentry *dentry;
};

/* Reads one identity and goes to the parent; the root of a file system is its own. */
static long chain_step(__u32 i, void *ctx)
{
	struct chain_walk *walk = ctx;
	struct dentry *dentry = walk->dentry, *parent;
	struct inode_id *id = &walk->path->chain[i & (DENTRY_DEPTH_MAX - 1)];
	struct super_block *sb;
	struct inode *inode;

	if (!dentry)
		return 1;
	inode = dentry->d_inode;
	sb = inode ? inode->i_sb : NULL;
	id->ino = inode ? inode->i_ino : 0;
	id->dev = sb ? sb->s_dev : 0;
	walk->path->depth = i + 1;
	parent = dentry->d_parent;
	walk->path->traced = parent == dentry;
	walk->dentry = parent;
	return walk->path->traced ? 1 : 0;
}

/* Reads the identities of the file and its ancestors. False: there are more than we look at. */
static __always_inline bool path_read_chain(struct path_object *path, struct file *file)
{
	struct chain_walk walk = { .path = path, .dentry = file->f_path.dentry };

	bpf_loop(DENTRY_DEPTH_MAX, chain_step, &walk, 0);
	return path->traced;
}

/* Reads the name. False: it is longer than PATH_LENGTH_MAX, or cannot be told. */
static __always_inline bool path_read_name(struct path_object *path, struct file *file)
{
	long length = bpf_d_path(&file->f_path, path->path, sizeof(path->path));

	if (length <= 0 || length > PATH_LENGTH_MAX) {
		path->length = 0;
		return false;
	}
	path->length = length - 1;
	return true;
}

static __always_inline struct decision decide_file(const struct rules *rules,
						   struct path_object *path, struct file *file)
{
	bool named, traced;

	if (!path_table(rules, path).count)
		return decision_of_rule(rules, path->object, RULE_DEFAULT);
	named = path_read_name(path, file);
	traced = path_read_chain(path, file);
	if (!named || !traced)
		return decision_doubt(RULE_UNRESOLVED);
	return decide_path(rules, path);
}

/* The object's identity and name, as the record's text. Returns the size of the text. */
static __always_inline __u32 record_path(struct record *record, char *text,
					 struct path_object *path, struct file *file)
{
	struct inode *inode = file->f_inode;
	__u32 size;

	if (inode) {
		struct super_block *sb = inode->i_sb;

		record->ino = inode->i_ino;
		record->dev = sb ? sb->s_dev : 0;
	}
	if (!path->length && !path_read_name(path, file)) {
		record->flags |= RECORD_UNREADABLE;
		return 0;
	}
	size = path->length + 1;
	if (size > PATH_LENGTH_MAX)
		size = PATH_LENGTH_MAX;
	bpf_probe_read_kernel(text, size, path->path);
	return size;
}

/* Puts the script behind the interpreter's path. Returns the size of both. */
static __always_inline __u32 record_script(struct record *record, char *text, __u32 size,
					   const char *script)
{
	long length;

	if (!size || size > PATH_LENGTH_MAX)
		return size;
	length = bpf_probe_read_kernel_str(text + size, PATH_LENGTH_MAX, script);
	if (length <= 0)
		return size;
	record->script = size;
	return size + length;
}

/* What is asked about a file. */
struct path_question {
	enum hook hook;
	enum object_class object;
	__u8 access;			/* ACCESS_* */
	const char *script;		/* that this program is to interpret, or NULL */
};

/* Records a decision that was made without looking at the path. */
static __always_inline long judge_without_path(const struct tag *tag, const struct rules *rules,
					       const struct path_question *question,
					       struct decision decision)
{
	struct record record;
	long err;

	record_begin(&record, RECORD_DECISION, tag, bpf_get_current_task_btf());
	record.flags |= RECORD_UNREADABLE;
	record.hook = question->hook;
	record.object = question->object;
	record.access = question->access;
	err = record_decision(&record, rules, tag, decision);
	record_submit(&record, sizeof(record));
	return err;
}

static __always_inline long judge_in(struct scratch *scratch, const struct tag *tag,
				     const struct rules *rules, struct file *file,
				     const struct path_question *question)
{
	struct path_object *path = &scratch->path;
	struct record *record = &scratch->record;
	struct decision decision;
	__u32 size;
	long err;

	path_begin(path, question->object, question->access);
	decision = decide_file(rules, path, file);
	if (decision.verdict == VERDICT_ALLOW)
		return 0;
	record_begin(record, RECORD_DECISION, tag, bpf_get_current_task_btf());
	record->hook = question->hook;
	record->object = question->object;
	record->access = question->access;
	size = record_path(record, scratch->text, path, file);
	if (question->script)
		size = record_script(record, scratch->text, size, question->script);
	if (size > RECORD_TEXT_MAX)
		size = RECORD_TEXT_MAX;
	record->text_size = size;
	record->size = sizeof(*record) + size;
	err = record_decision(record, rules, tag, decision);
	record_submit(record, sizeof(*record) + size);
	return err;
}

/* Judges a file for a tagged task: what the hook returns. Where the policy has no path of this
 * class and lets its default pass, nothing is looked at. */
static __always_inline long judge_file(const struct tag *tag, struct file *file,
				       const struct path_question *question)
{
	struct scratch *scratch;
	struct rules rules;
	long err;

	rules_of(tag, &rules);
	if (!rules.head)
		return judge_without_path(tag, &rules, question,
					  decision_doubt(RULE_NO_RULESET));
	if (!rules.head->paths[question->object].count &&
	    rules.head->defaults[question->object] == VERDICT_ALLOW)
		return 0;
	scratch = scratch_take();
	if (!scratch)
		return judge_without_path(tag, &rules, question, decision_doubt(RULE_UNRESOLVED));
	err = judge_in(scratch, tag, &rules, file, question);
	scratch_give(scratch);
	return err;
}
