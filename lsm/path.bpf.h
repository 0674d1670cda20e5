/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Judges what has a path: files, programs and unix sockets. What file.bpf.c, exec.bpf.c and
 * ipc.bpf.c have in common: a hook says in a path_question what is done with what, and returns what
 * judge_path() says.
 */
#pragma once

#include "record.bpf.h"
#include "waive.bpf.h"
#include "walk.bpf.h"

#define CLASS_BIT(object) (1 << (object))

/* What is asked about a path. Passed by address, so that judge_path() is verified once and not with
 * every state that a hook can be in. */
struct path_question {
	struct tag tag;
	struct place place;
	__u64 text;			/* const char *, or 0: of a program the script that it is to
					 * interpret; of a unix socket its abstract name, without a place */
	struct process_id peer;
	__u32 text_length;		/* of an abstract name, */
	__u8 abstract;			/* which this is about */
	__u8 hook;			/* enum hook */
	__u8 object;			/* enum object_class */
	__u8 access;			/* ACCESS_* */
	__u8 rules_only;		/* the default does not speak of this */
	__u8 also;			/* CLASS_BIT()s: classes whose rules speak of it, too */
	__u8 tell;			/* enum tell: whether this is news to the run */
	__u8 by_the_way;		/* another hook tells of it: where the default allows it, it is not
					 * recorded */
	/* judge_path() puts here: */
	__u8 classes;			/* CLASS_BIT()s of the classes that have anything to say */
	__u8 for_record;		/* nothing can deny it: it is only looked at to be recorded */
	__u8 unused[2];
	struct outcome outcome;		/* where it looked at no path */
};

/* When something that is allowed, but recorded, is recorded. */
enum tell {
	TELL_ALWAYS,
	TELL_ONCE,			/* not when TELL_ALWAYS or TELL_ONCE did before */
	TELL_FIRST,			/* always; the next TELL_AGAIN is part of the same system call */
	TELL_AGAIN,			/* not right behind TELL_FIRST */
};

#define TOLD_FIRST 0x100		/* in struct told's `what`, beside the class */

/* What was recorded is no news any more: @scratch->told is of find_news(). */
static __noinline int keep_news(struct scratch *scratch, const struct path_question *question)
{
	struct told *key = &scratch->told;
	__u32 value = 1;

	bpf_map_update_elem(&told, key, &value, BPF_ANY);
	if (question->tell != TELL_FIRST)
		return 0;
	key->hi = key->lo = 0;
	key->what |= TOLD_FIRST;
	bpf_map_update_elem(&told, key, &value, BPF_ANY);
	return 0;
}

static long path_digest_step(__u32 i, void *ctx)
{
	struct scratch *scratch = *(struct scratch **)ctx;
	struct allowed *key = &scratch->allowed;

	key->hi = path_hash_step(key->hi, scratch->path.path[i & (PATH_LENGTH_MAX - 1)]);
	return 0;
}

/* Which object it is that is allowed, for all that the process does with it. */
static __always_inline void find_allowed(struct scratch *scratch, const struct path_question *question)
{
	struct allowed *key = &scratch->allowed;

	process_id_of(&key->process, bpf_get_current_task_btf());
	key->process.unused = 0;
	key->hi = key->lo = 0;
	if (scratch->path.depth) {
		key->hi = scratch->path.chain[0].ino;
		key->lo = scratch->path.chain[0].dev;
	}
	/* And its name: numbers of inodes are given out again, and some file systems have one for all. */
	bpf_loop(scratch->path.length, path_digest_step, &scratch, 0);
	key->what = scratch->path.object | (__u32)question->access << 8;
	key->generation = scratch->outcome.generation;
}

static __noinline int keep_allowed(struct scratch *scratch)
{
	__u32 value = 1;

	bpf_map_update_elem(&allowed, &scratch->allowed, &value, BPF_ANY);
	return 0;
}

/* Whether what was allowed is to be recorded; what is not is counted. */
static __noinline int find_first(struct scratch *scratch, const struct path_question *question)
{
	find_allowed(scratch, question);
	scratch->news = !bpf_map_lookup_elem(&allowed, &scratch->allowed);
	if (!scratch->news)
		count_repeated(question->tag.run);
	return 0;
}

/* Whether what was let pass is to be recorded. */
static __noinline int find_news(struct scratch *scratch, const struct path_question *question)
{
	__u32 object = scratch->path.object;
	struct told *key = &scratch->told;
	bool news = true;

	key->run = question->tag.run;
	key->object = question->place.dentry;
	key->hi = key->lo = 0;
	key->what = object | TOLD_FIRST;
	key->process = bpf_get_current_pid_tgid() >> 32;
	key->generation = scratch->outcome.generation;
	if (question->tell == TELL_AGAIN)
		news = bpf_map_delete_elem(&told, key) != 0;
	if (scratch->path.depth) {
		key->hi = scratch->path.chain[0].ino;
		key->lo = scratch->path.chain[0].dev;
	}
	key->what = object;
	if (question->tell == TELL_ONCE)
		news = !bpf_map_lookup_elem(&told, key);
	scratch->news = news;
	return 0;
}

/* Whether a descriptor may be from another time than the ruleset in force: before the tag, or under
 * another ruleset. */
static __always_inline bool is_from_before(const struct tag *tag)
{
	struct rules rules;

	rules_of(tag, &rules);
	return !rules.head || (__u32)rules.head->generation != tag->generation;
}

/* An io_uring. One that another task made acts for that: in its threads, with what it had opened. */
static __always_inline bool is_ring(const struct file *file)
{
	static const char ring[] = "[io_uring]";
	char name[sizeof(ring)] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	for (int i = 0; i < (int)sizeof(ring); i++)
		if (name[i] != ring[i])
			return false;
	return true;
}

/* --- the record ------------------------------------------------------------------------------ */

/* Programs and sockets know no writing. */
static __always_inline __u8 access_to(enum object_class object, __u8 access)
{
	return object == CLASS_FILE ? access : ACCESS_READ;
}

static __always_inline void record_question(struct record *record,
					    const struct path_question *question,
					    enum object_class object)
{
	record->hook = question->hook;
	record->object = object;
	record->access = access_to(object, question->access);
	record->peer = question->peer;
}

/* The path and the identity. Returns the size of the text. */
static __always_inline __u32 record_path(struct scratch *scratch)
{
	struct record *record = &scratch->record;
	__u32 size = scratch->path.length + 1;

	if (scratch->path.depth) {
		record->ino = scratch->path.chain[0].ino;
		record->dev = scratch->path.chain[0].dev;
	}
	if (!scratch->path.length) {
		record->flags |= RECORD_UNREADABLE;
		return 0;
	}
	if (size > PATH_LENGTH_MAX)
		size = PATH_LENGTH_MAX;
	bpf_probe_read_kernel(scratch->text, size, scratch->path.path);
	return size;
}

/* Puts the script behind the interpreter's path. Returns the size of both. */
static __always_inline __u32 record_script(struct scratch *scratch, __u32 size, __u64 script)
{
	long length;

	if (!size || size > PATH_LENGTH_MAX)
		return size;
	length = bpf_probe_read_kernel_str(scratch->text + size, PATH_LENGTH_MAX,
					   (const char *)script);
	if (length <= 0)
		return size;
	scratch->record.script = size;
	return size + length;
}

/* --- the decision ---------------------------------------------------------------------------- */

/* A decision that is made without looking at the path. */
__noinline long judge_unseen(struct path_question *question, __u16 why)
{
	struct decision decision = decision_doubt(why);
	struct record_about about;
	struct record *record;
	struct rules rules;

	if (!question)
		return -EPERM;
	rules_of(&question->tag, &rules);
	outcome_of(&question->outcome, &question->tag, &rules, &decision);
	about = record_about_decision(&question->tag, decision.verdict);
	record = record_open(&about, sizeof(*record));
	if (!record)
		return outcome_unrecorded(&question->outcome, question->tag.run);
	record_outcome(record, &question->outcome, &decision);
	record_question(record, question, question->object);
	record->flags |= RECORD_UNREADABLE;
	record_close(record);
	return question->outcome.err;
}

static long trim_step(__u32 i, void *ctx)
{
	struct scratch *scratch = *(struct scratch **)ctx;
	__u32 last = scratch->path.length - 1;

	if (scratch->path.path[last & (PATH_LENGTH_MAX - 1)])
		return 1;
	scratch->path.length = last;
	return 0;
}

/* "@" and the abstract name. Names that are padded with zeros stand without them. */
static __always_inline void name_abstract(struct scratch *scratch,
					  const struct path_question *question)
{
	__u32 length = question->text_length & 127;

	scratch->path.path[0] = '@';
	bpf_probe_read_kernel(scratch->path.path + 1, length, (const void *)question->text);
	scratch->path.path[length + 1] = 0;
	scratch->path.length = length + 1;
	scratch->path.depth = 0;
	scratch->path.name = NAME_OWN;
	bpf_loop(length, trim_step, &scratch, 0);
}

/* The steps of a judgement stand in functions of their own, and hand on what they find in @scratch:
 * the verifier forgets what it knew about that, and need not look at a step once for every way through
 * the one before. */
static __always_inline void decide_class(struct scratch *scratch, const struct rules *rules,
				   enum object_class object, __u8 access)
{
	access = access_to(object, access);
	path_ask(&scratch->path, object, access);
	if (scratch->walked)
		decide_path(rules, &scratch->path);
	else if (rules->head->said[object & 3] & access)
		scratch->path.outcome = decision_doubt(RULE_UNRESOLVED);
	else
		scratch->path.outcome = decision_of_rule(rules, object, RULE_DEFAULT);
}

static __noinline int find_outcome(struct scratch *scratch, const struct rules *rules,
				   const struct tag *tag)
{
	outcome_of(&scratch->outcome, tag, rules, &scratch->path.outcome);
	return 0;
}

static __noinline int draft_record(struct scratch *scratch, const struct path_question *question)
{
	enum object_class object = scratch->path.object;
	struct record_about about = record_about_decision(&question->tag, scratch->path.outcome.verdict);
	__u32 size;

	record_begin(&scratch->record, &about);
	record_outcome(&scratch->record, &scratch->outcome, &scratch->path.outcome);
	record_question(&scratch->record, question, object);
	size = record_path(scratch);
	if (question->text && object == CLASS_EXEC)
		size = record_script(scratch, size, question->text);
	scratch->record.text_size = size;
	return 0;
}

/* Pipes, name spaces, descriptors for processes and the like: files that no user can ever give a
 * name. */
static __always_inline bool is_nameless(__u64 dentry)
{
	return KREAD(dentry, dentry, d_sb, s_flags) & SB_NOUSER;
}

/* Whether no rule and no default can mean it. What is executed is always meant, also where it never had a
 * name (memfd_create(2)). */
static __always_inline bool is_nobodys(const struct path_question *question)
{
	return !question->abstract && question->object != CLASS_EXEC &&
	       is_nameless(question->place.dentry);
}

static __noinline long judge_unrecorded(struct scratch *scratch, const struct path_question *question)
{
	long err = outcome_unrecorded(&scratch->outcome, question->tag.run);

	scratch->denied |= err != 0;
	return err;
}

/* Records what is allowed. */
static __always_inline long judge_allowed(struct scratch *scratch, const struct path_question *question)
{
	find_first(scratch, question);
	if (!scratch->news)
		return 0;
	draft_record(scratch, question);
	if (!record_submit(&scratch->record))
		keep_allowed(scratch);
	return 0;
}

/* Whether the default speaks of the object: only of one that is asked about itself. */
static __always_inline bool default_speaks(const struct scratch *scratch,
					   const struct path_question *question)
{
	return !question->rules_only && scratch->path.object == question->object;
}

/* Whether what is allowed is recorded. Not of a class whose rules only speak of it, too: a program that is
 * read is not executed. Nor of code that is mapped, which every process does; nor of a creation, of which
 * the opening tells, with the identity of the file. */
static __always_inline bool is_told(const struct scratch *scratch, const struct path_question *question,
				    const struct ruleset *head)
{
	const struct decision *outcome = &scratch->path.outcome;

	if (scratch->path.object != question->object || question->tell == TELL_FIRST ||
	    (question->rules_only && question->object == CLASS_EXEC) ||
	    (question->by_the_way && outcome->rule == RULE_DEFAULT))
		return false;
	return decision_is_told(head, recording_of(&question->tag, head), outcome);
}

static __noinline int find_silent(struct scratch *scratch, const struct path_question *question,
				  const struct rules *rules)
{
	const struct decision *outcome = &scratch->path.outcome;

	scratch->silent = outcome->rule == RULE_DEFAULT && !default_speaks(scratch, question);
	if (!scratch->silent && outcome->verdict == VERDICT_ALLOW)
		scratch->silent = !is_told(scratch, question, rules->head);
	return 0;
}

static __always_inline long judge_class(struct scratch *scratch, const struct path_question *question,
					const struct rules *rules, enum object_class object)
{
	const struct decision *outcome = &scratch->path.outcome;

	decide_class(scratch, rules, object, question->access);
	waive(rules, &question->tag, &scratch->path.outcome);
	find_silent(scratch, question, rules);
	if (scratch->silent)
		return 0;
	scratch->denied = outcome->verdict == VERDICT_DENY;
	find_outcome(scratch, rules, &question->tag);
	if (outcome->verdict == VERDICT_ALLOW)
		return judge_allowed(scratch, question);
	if (!scratch->outcome.err) {
		find_news(scratch, question);
		if (!scratch->news) {
			keep_news(scratch, question);
			return 0;
		}
	}
	draft_record(scratch, question);
	if (record_submit(&scratch->record))
		return judge_unrecorded(scratch, question);
	if (!scratch->outcome.err)
		keep_news(scratch, question);
	return scratch->outcome.err;
}

/* Whether rules speak of this access to a class. */
static __always_inline bool rules_speak(const struct rules *rules, enum object_class object,
					__u8 access)
{
	const struct ruleset *head = rules->head;

	return (head->said[object & 3] | head->implied[object & 3]) & access_to(object, access);
}
_Static_assert(CLASS_COUNT == 4, "a class is an index modulo 4");

/* The classes that have anything to say: where there are none, nothing is looked at. */
static __always_inline __u32 classes_asked(struct path_question *question, const struct rules *rules)
{
	__u32 classes = 0;

	if (rules_speak(rules, question->object, question->access) ||
	    (!question->rules_only &&
	     rules->head->defaults[question->object & 3] != VERDICT_ALLOW))
		classes = CLASS_BIT(question->object & 3);
	for (int object = CLASS_EXEC; object <= CLASS_SOCKET; object++)
		if (question->also & CLASS_BIT(object) &&
		    rules_speak(rules, object, question->access))
			classes |= CLASS_BIT(object);
	if (!question->rules_only && recording_of(&question->tag, rules->head) == RECORDING_ALL) {
		question->for_record = !classes;
		classes |= CLASS_BIT(question->object & 3);
	}
	return classes;
}

/* What would only be recorded, and cannot be looked at. */
static __noinline long pass_unseen(const struct path_question *question)
{
	count_submitted(question->tag.run, RECORD_DECISION, VERDICT_ALLOW);
	count_lost(question->tag.run, RECORD_DECISION);
	return 0;
}

static __noinline int walk_question(struct scratch *scratch, const struct path_question *question)
{
	if (question->abstract) {
		name_abstract(scratch, question);
		scratch->walked = true;
	} else {
		scratch->walked = walk_place(scratch, &question->place);
	}
	return 0;
}

struct class_walk {
	struct scratch *scratch;
	const struct path_question *question;
	struct rules rules;
};

static long class_step(__u32 object, void *ctx)
{
	struct class_walk *walk = ctx;

	if (walk->question->classes & CLASS_BIT(object & 3))
		walk->scratch->err = judge_class(walk->scratch, walk->question, &walk->rules, object & 3);
	return walk->scratch->denied ? 1 : 0;	/* in audit mode, too */
}

/* Judges a path for a tagged task: what the hook returns, to be passed through hook_result(). */
__noinline long judge_path(struct path_question *question)
{
	struct class_walk walk = { .question = question };
	long err;

	if (!question)
		return -EPERM;
	rules_of(&question->tag, &walk.rules);
	if (!walk.rules.head)
		return judge_unseen(question, RULE_NO_RULESET);
	question->classes = classes_asked(question, &walk.rules);
	if (!question->classes || is_nobodys(question))
		return 0;
	walk.scratch = scratch_take();
	if (!walk.scratch)
		return question->for_record ? pass_unseen(question) : judge_unseen(question, RULE_UNRESOLVED);
	walk.scratch->denied = false;
	walk.scratch->err = 0;
	walk_question(walk.scratch, question);
	bpf_loop(CLASS_COUNT, class_step, &walk, 0);
	err = walk.scratch->err;
	scratch_give(walk.scratch);
	return err;
}
