/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What differs, kept within bounds. A log may be made up to have neither two steps nor two rules that are the same:
 * what was chosen by others is cut where it is long, and gathered where there is too much of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/siphash.h"
#include "../base/text.h"
#include "numbers.h"
#include "rehearsal_private.h"

#define CUT_MARK "…"

/* A class that the system call of a record is judged by as well, where that would be told. */
struct companion {
	uint64_t seen;			/* what would be in `seen` if the log had a record of it */
	struct finding finding;		/* whose step is its own */
	char *step, *object;
	uint64_t count;
};

struct rehearsal_memory {
	struct siphash_key key;
	struct numbers differences;	/* by what tells them apart */
	struct numbers seen;		/* objects of files and programs that have a record */
	struct numbers companions;
	struct companion *kept;
	size_t kept_count;
	bool unseen;			/* there was no room for all that belongs into `seen` */
	uint32_t more[CHANGE_COUNT];	/* differences that others are gathered in, + 1; 0: none */
};

static struct rehearsal_memory *memory_of(struct rehearsal *rehearsal)
{
	struct rehearsal_memory *memory = rehearsal->memory;

	if (memory)
		return memory;
	memory = rehearsal->memory = calloc(1, sizeof(*memory));
	if (memory)
		memory->key = siphash_key_new();
	return memory;
}

/* --- texts ---------------------------------------------------------------------------------- */

/* For free(); NULL without memory. */
static char *keep_text(const char *text, size_t max)
{
	size_t length = strlen(text), cut = length > max ? text_cut(text, length, max - strlen(CUT_MARK)) : length;
	struct text kept = { 0 };

	text_append(&kept, text, cut);
	text_append_string(&kept, cut < length ? CUT_MARK : "");
	text_append(&kept, "", 1);
	if (kept.failed)
		text_free(&kept);
	return kept.data;
}

static bool outcome_keep(const struct outcome_of_policy *outcome, struct rehearsal_outcome *ret_kept)
{
	*ret_kept = (struct rehearsal_outcome){
		.verdict = outcome->verdict,
		.err = outcome->err,
		.refused = outcome->refused,
		.service = keep_text(outcome->service, REHEARSAL_TEXT_MAX),
		.rule = keep_text(outcome->rule, REHEARSAL_TEXT_MAX),
		.where = keep_text(outcome->where, REHEARSAL_TEXT_MAX),
		.why = keep_text(outcome->why, REHEARSAL_TEXT_MAX),
		.reason = keep_text(outcome->reason, REHEARSAL_TEXT_MAX),
	};
	return ret_kept->service && ret_kept->rule && ret_kept->where && ret_kept->why && ret_kept->reason;
}

static void outcome_free(struct rehearsal_outcome *outcome)
{
	free(outcome->service);
	free(outcome->rule);
	free(outcome->where);
	free(outcome->why);
	free(outcome->reason);
}

static void difference_free(struct rehearsal_difference *difference)
{
	for (size_t i = 0; i < difference->object_count; i++)
		free(difference->objects[i].name);
	outcome_free(&difference->before);
	outcome_free(&difference->after);
	free(difference->step);
}

/* The hash of a key, which is used up. */
static int hash_of(const struct rehearsal_memory *memory, struct text *key, uint64_t *ret_hash)
{
	int err = key->failed ? -ENOMEM : 0;

	if (!err)
		*ret_hash = siphash(&memory->key, key->data, key->size);
	text_free(key);
	return err;
}

static void append_string(struct text *key, const char *string)
{
	text_append(key, string, strlen(string) + 1);
}

/* --- differences ---------------------------------------------------------------------------- */

static void append_outcome(struct text *key, const struct outcome_of_policy *outcome)
{
	text_append_format(key, "%d %d %d ", (int)outcome->verdict, outcome->err, outcome->refused);
	append_string(key, outcome->rule);
	append_string(key, outcome->reason);
}

/* Places in a file are no part of it: of several versions of a policy they differ. */
static void append_finding(struct text *key, const struct finding *finding)
{
	text_append_format(key, "%d %d ", (int)finding->class, finding->unrecorded);
	append_string(key, finding->step);
	append_outcome(key, &finding->before);
	append_outcome(key, &finding->after);
}

static int difference_make(const struct finding *finding, struct rehearsal_difference *ret_difference)
{
	*ret_difference = (struct rehearsal_difference){
		.change = change_of(&finding->before, &finding->after),
		.class = finding->class,
		.unrecorded = finding->unrecorded,
		.step = keep_text(finding->step, REHEARSAL_NAME_MAX),
	};
	/* Both, so that both can be freed. */
	if (outcome_keep(&finding->before, &ret_difference->before) &
	    outcome_keep(&finding->after, &ret_difference->after) && ret_difference->step)
		return 0;
	difference_free(ret_difference);
	return -ENOMEM;
}

/* Adds a difference, the last one. */
static int difference_add(struct rehearsal *rehearsal, const struct finding *finding)
{
	struct rehearsal_difference *all = rehearsal->differences;
	size_t count = rehearsal->difference_count;
	int err;

	if (!(count & (count - 1))) {
		all = reallocarray(all, count ? 2 * count : 1, sizeof(*all));
		if (!all)
			return -ENOMEM;
		rehearsal->differences = all;
	}
	err = difference_make(finding, &all[count]);
	rehearsal->difference_count += !err;
	return err;
}

static struct outcome_of_policy without_texts(const struct outcome_of_policy *outcome)
{
	return (struct outcome_of_policy){
		.verdict = outcome->verdict, .refused = outcome->refused, .err = outcome->err,
		.service = "", .rule = "", .where = "", .why = "", .reason = "",
	};
}

/* The difference that all of its change are gathered in that have no room. */
static int difference_more(struct rehearsal *rehearsal, const struct finding *finding, uint32_t *ret_number)
{
	uint32_t *more = &rehearsal->memory->more[change_of(&finding->before, &finding->after)];
	const struct finding other = {
		.class = finding->class, .step = "",
		.before = without_texts(&finding->before), .after = without_texts(&finding->after),
	};
	int err = *more ? 0 : difference_add(rehearsal, &other);

	if (err)
		return err;
	if (!*more) {
		*more = (uint32_t)rehearsal->difference_count;
		rehearsal->differences[*more - 1].more = true;
	}
	*ret_number = *more - 1;
	return 0;
}

/* The difference of a finding, be it a new one. */
static int difference_of(struct rehearsal *rehearsal, const struct finding *finding, uint32_t *ret_number)
{
	struct rehearsal_memory *memory = rehearsal->memory;
	struct text key = { 0 };
	uint64_t hash;
	int err;

	append_finding(&key, finding);
	err = hash_of(memory, &key, &hash);
	if (err || numbers_find(&memory->differences, hash, ret_number))
		return err;
	*ret_number = (uint32_t)rehearsal->difference_count;
	err = numbers_add(&memory->differences, REHEARSAL_DIFFERENCES_MAX, hash, *ret_number);
	return err == -ENOSPC ? difference_more(rehearsal, finding, ret_number) :
		err ?: difference_add(rehearsal, finding);
}

/* Counts an object among the first few. */
static int count_object(struct rehearsal_difference *difference, const char *object, uint64_t times)
{
	char *name = keep_text(object, REHEARSAL_NAME_MAX);

	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < difference->object_count; i++)
		if (!strcmp(difference->objects[i].name, name)) {
			difference->objects[i].count += times;
			free(name);
			return 0;
		}
	if (difference->object_count < REHEARSAL_OBJECTS) {
		difference->objects[difference->object_count++] = (struct rehearsal_object){ name, times };
		return 0;
	}
	free(name);
	difference->other_objects += times;
	return 0;
}

/* Counts it as the kind of difference that it is, be it none. */
static void count_change(struct rehearsal *rehearsal, const struct finding *finding, uint64_t times)
{
	const struct outcome_of_policy *before = &finding->before, *after = &finding->after;
	enum change change = change_of(before, after);
	bool denied = after->verdict == VERDICT_DENY;

	rehearsal->counts[change] += times;
	if (finding->instead)
		rehearsal->counts[CHANGE_NONE] -= times;
	if (change == CHANGE_NEWLY_DENIED && before->verdict == VERDICT_DENY)
		rehearsal->let_through += times;
	if (denied && !after->refused && !before->refused)
		rehearsal->would_deny += times;
	if (change == CHANGE_NONE && denied)
		*(after->refused ? &rehearsal->same_denied : &rehearsal->same_would_deny) += times;
}

int rehearsal_count(struct rehearsal *rehearsal, const struct finding *finding, const char *object, uint64_t times)
{
	struct rehearsal_difference *difference;
	uint32_t number;
	int err;

	count_change(rehearsal, finding, times);
	if (change_of(&finding->before, &finding->after) == CHANGE_NONE)
		return 0;
	err = memory_of(rehearsal) ? difference_of(rehearsal, finding, &number) : -ENOMEM;
	if (err)
		return err;
	difference = &rehearsal->differences[number];
	difference->count += times;
	if (!difference->more)
		return count_object(difference, object, times);
	difference->other_objects += times;
	rehearsal->gathered += times;
	return 0;
}

/* --- companions ----------------------------------------------------------------------------- */

/* An object of a step, as an object of @class. */
static int hash_object(struct rehearsal_memory *memory, const struct audit_line *line, const char *step,
		       enum object_class class, const char *path, uint64_t *ret_hash)
{
	struct text key = { 0 };

	text_append_format(&key, "%d ", (int)class);
	append_string(&key, line->run);
	append_string(&key, step);
	append_string(&key, path);
	return hash_of(memory, &key, ret_hash);
}

int rehearsal_see(struct rehearsal *rehearsal, const struct audit_line *line, const char *step,
		  enum object_class class, const char *path)
{
	struct rehearsal_memory *memory = memory_of(rehearsal);
	uint32_t number;
	uint64_t hash;
	int err = memory ? hash_object(memory, line, step, class, path, &hash) : -ENOMEM;

	if (err || numbers_find(&memory->seen, hash, &number))
		return err;
	err = numbers_add(&memory->seen, REHEARSAL_SEEN_MAX, hash, 0);
	memory->unseen |= err == -ENOSPC;
	return err == -ENOSPC ? 0 : err;
}

/* Whether the log has a record of it; where that cannot be told, it is said that it has none. */
static bool has_record(struct rehearsal *rehearsal, uint64_t seen, uint64_t times)
{
	uint32_t number;

	if (numbers_find(&rehearsal->memory->seen, seen, &number))
		return true;
	if (rehearsal->memory->unseen)
		rehearsal->unsure += times;
	return false;
}

static void companion_free(struct companion *companion)
{
	free(companion->step);
	free(companion->object);
}

static int companion_add(struct rehearsal_memory *memory, const struct finding *finding, uint64_t seen,
			 const char *object)
{
	struct companion *companion, *all = memory->kept;
	size_t count = memory->kept_count;

	if (!(count & (count - 1))) {
		all = reallocarray(all, count ? 2 * count : 1, sizeof(*all));
		if (!all)
			return -ENOMEM;
		memory->kept = all;
	}
	companion = &all[count];
	*companion = (struct companion){
		.seen = seen, .finding = *finding, .count = 1,
		.step = keep_text(finding->step, REHEARSAL_NAME_MAX),
		.object = keep_text(object, REHEARSAL_NAME_MAX),
	};
	companion->finding.step = companion->step;
	if (!companion->step || !companion->object) {
		companion_free(companion);
		return -ENOMEM;
	}
	memory->kept_count++;
	return 0;
}

/* Counts it as one more of those that are kept, be it the first of its kind. Returns 0, -ENOSPC or -ENOMEM. */
static int keep_companion(struct rehearsal_memory *memory, const struct finding *finding, uint64_t seen,
			  const char *object)
{
	struct text key = { 0 };
	uint32_t number;
	uint64_t hash;
	int err;

	text_append(&key, &seen, sizeof(seen));
	text_append(&key, &finding->instead, sizeof(finding->instead));
	append_finding(&key, finding);
	err = hash_of(memory, &key, &hash);
	if (err)
		return err;
	if (numbers_find(&memory->companions, hash, &number)) {
		memory->kept[number].count++;
		return 0;
	}
	err = numbers_add(&memory->companions, REHEARSAL_COMPANIONS_MAX, hash, (uint32_t)memory->kept_count);
	return err ?: companion_add(memory, finding, seen, object);
}

/* What there is no room to wait for counts now, unless its record is known already. */
static int count_at_once(struct rehearsal *rehearsal, const struct finding *finding, uint64_t seen,
			 const char *object)
{
	uint32_t number;

	if (numbers_find(&rehearsal->memory->seen, seen, &number))
		return 0;
	rehearsal->unsure++;
	return rehearsal_count(rehearsal, finding, object, 1);
}

int rehearsal_keep(struct rehearsal *rehearsal, const struct audit_line *line, const struct finding *finding,
		   const char *path)
{
	struct rehearsal_memory *memory = memory_of(rehearsal);
	struct text object = { 0 };
	uint64_t seen;
	int err = memory ? hash_object(memory, line, finding->step, finding->class, path, &seen) : -ENOMEM;

	text_printable(&object, path, strlen(path));
	text_append(&object, "", 1);
	if (!err)
		err = object.failed ? -ENOMEM : keep_companion(memory, finding, seen, object.data);
	if (err == -ENOSPC)
		err = count_at_once(rehearsal, finding, seen, object.data);
	text_free(&object);
	return err;
}

int rehearsal_count_kept(struct rehearsal *rehearsal)
{
	struct rehearsal_memory *memory = rehearsal->memory;
	int err = 0;

	for (size_t i = 0; memory && !err && i < memory->kept_count; i++) {
		const struct companion *companion = &memory->kept[i];

		if (!has_record(rehearsal, companion->seen, companion->count))
			err = rehearsal_count(rehearsal, &companion->finding, companion->object,
					      companion->count);
	}
	return err;
}

/* --- the end -------------------------------------------------------------------------------- */

static void memory_free(struct rehearsal_memory *memory)
{
	if (!memory)
		return;
	for (size_t i = 0; i < memory->kept_count; i++)
		companion_free(&memory->kept[i]);
	free(memory->kept);
	numbers_free(&memory->differences);
	numbers_free(&memory->seen);
	numbers_free(&memory->companions);
	free(memory);
}

void rehearsal_free(struct rehearsal *rehearsal)
{
	for (size_t i = 0; i < rehearsal->difference_count; i++)
		difference_free(&rehearsal->differences[i]);
	free(rehearsal->differences);
	memory_free(rehearsal->memory);
	run_folders_free(&rehearsal->folders);
	*rehearsal = (struct rehearsal){ 0 };
}
