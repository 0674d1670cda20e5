/* SPDX-License-Identifier: BSD-2-Clause */
#include "comparison.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "report_read.h"

#define COMPARISON_VERSION 1
#define OBJECTS_SHOWN 3

/* --- what is the same dependency -------------------------------------------------------------- */

/* What the evidence tells, whatever a person says of it. */
static const char *kind_told(const json_t *dependency)
{
	const json_t *override = json_object_get(dependency, "override");

	return document_string(json_is_object(override) ? override : dependency, "kind");
}

/* The id is WHAT/KIND/PROGRAM, and may go on behind that. For free(). */
static char *program_of(const json_t *dependency)
{
	const char *id = document_string(dependency, "id");
	size_t before = strlen(document_string(dependency, "what")) + strlen(kind_told(dependency)) + 2;

	if (strlen(id) < before)
		return strdup("");
	return strndup(id + before, strcspn(id + before, "/"));
}

/* By what dependencies of two runs are told to be one; without @kind, whatever kind they are. For free(). */
static char *key_of(const json_t *dependency, bool kind)
{
	char *program = program_of(dependency), *key;

	if (!program || asprintf(&key, "%s\n%s\n%s\n%s", document_string(dependency, "what"),
				 document_string(dependency, "class"), program,
				 kind ? kind_told(dependency) : "") < 0)
		key = NULL;
	free(program);
	return key;
}

static int strictness(const json_t *judged)
{
	const char *verdict = document_string(judged, "verdict");

	return !strcmp(verdict, "deny") ? 2 : !strcmp(verdict, "audit") ? 1 : 0;
}

static bool is_same_verdict(const json_t *one, const json_t *other)
{
	return !strcmp(document_string(one, "verdict"), document_string(other, "verdict")) &&
	       !strcmp(document_string(one, "errno"), document_string(other, "errno"));
}

static void copy(json_t *to, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	json_object_set(to, key, value ? value : json_null());
}

static void copy_all(json_t *to, const json_t *from, const char *const *keys)
{
	for (; *keys; keys++)
		copy(to, from, *keys);
}

static bool is_compared(const json_t *dependency, bool services_only)
{
	return json_is_object(dependency) && (!services_only || *document_string(dependency, "service"));
}

/* By strictness, and by errno where that is the same: so that lists of the same verdicts are alike. */
static bool comes_before(const json_t *judged, const json_t *other)
{
	int order = strictness(judged) - strictness(other);

	return order ? order > 0 : strcmp(document_string(judged, "errno"), document_string(other, "errno")) < 0;
}

/* Adds how a dependency was judged, unless that is in the list. */
static void add_verdict(json_t *verdicts, const json_t *dependency)
{
	static const char *const keys[] = { "verdict", "errno", NULL };
	json_t *judged, *other;
	size_t i, at = 0;

	json_array_foreach(verdicts, i, other) {
		if (is_same_verdict(other, dependency))
			return;
		at += !comes_before(dependency, other);
	}
	judged = json_object();
	copy_all(judged, dependency, keys);
	json_array_insert_new(verdicts, at, judged);
}

/* Adds the names that are not in the list. */
static void add_objects(json_t *names, const json_t *dependency)
{
	const json_t *objects = json_object_get(dependency, "objects"), *object, *other;
	size_t i, k;

	json_array_foreach(objects, i, object) {
		const char *name = document_string(object, "object");

		json_array_foreach(names, k, other)
			if (!strcmp(json_string_value(other), name))
				break;
		if (k == json_array_size(names))
			json_array_append_new(names, json_string(name));
	}
}

/* Makes @dependency part of *@group, which are several with one key: told as the strictest of them, with the verdicts
 * and the objects of all. Of none, NULL, it makes the first. Returns false without memory. */
static bool group_add(json_t **group, const json_t *dependency)
{
	const json_t *old = *group;
	json_t *told = json_copy((json_t *)(old && !comes_before(dependency, old) ? old : dependency));
	json_t *verdicts = old ? json_incref(json_object_get(old, "verdicts")) : json_array();
	json_t *objects = old ? json_incref(json_object_get(old, "objects")) : json_array();
	uint64_t count = document_count(dependency, "count") + (old ? document_count(old, "count") : 0);

	if (told && verdicts && objects) {
		add_verdict(verdicts, dependency);
		add_objects(objects, dependency);
		json_object_set(told, "verdicts", verdicts);
		json_object_set(told, "objects", objects);
		json_object_set_new(told, "count", json_integer(count < INT64_MAX ? count : INT64_MAX));
	}
	json_decref(verdicts);
	json_decref(objects);
	*group = told;
	return told && verdicts && objects;
}

/* The dependencies of a report by their key, those with one key as a group. NULL without memory. */
static json_t *index_of(const json_t *report, bool kind, bool services_only)
{
	const json_t *list = json_object_get(report, "dependencies");
	json_t *index = json_object(), *dependency;
	size_t i;

	json_array_foreach(list, i, dependency) {
		char *key;
		json_t *group;

		if (!is_compared(dependency, services_only))
			continue;
		key = key_of(dependency, kind);
		group = key ? json_object_get(index, key) : NULL;
		if (!key || !group_add(&group, dependency) || json_object_set_new(index, key, group)) {
			json_decref(index);
			index = NULL;
		}
		free(key);
		if (!index)
			break;
	}
	return index;
}

/* --- the document ------------------------------------------------------------------------------- */

static void set_program(json_t *to, const json_t *dependency)
{
	char *program = program_of(dependency);

	json_object_set_new(to, "program", json_string(program ? program : ""));
	free(program);
}

static json_t *side_of(const json_t *report)
{
	static const char *const keys[] = { "run", "tag", "policy", "mode", NULL };
	const json_t *completeness = json_object_get(report, "completeness");
	uint64_t lost = document_count(completeness, "lost");
	json_t *side = json_object(), *notes = json_deep_copy(json_object_get(completeness, "notes"));

	if (!json_is_array(notes)) {
		json_decref(notes);
		notes = json_array();
	}
	copy_all(side, report, keys);
	copy(side, completeness, "complete");
	if (lost)
		json_array_append_new(notes,
				      json_sprintf("%" PRIu64 " records were lost: dependencies may be "
							  "missing.", lost));
	json_object_set_new(side, "notes", notes);
	return side;
}

static json_t *whole_of(const json_t *dependency)
{
	static const char *const keys[] = {
		"id", "what", "service", "class", "kind", "verdict", "errno", "rule", "why", "evidence",
		"count", "verdicts", "objects", NULL,
	};
	json_t *whole = json_object();

	copy_all(whole, dependency, keys);
	set_program(whole, dependency);
	return whole;
}

static json_t *change_of(const json_t *before, const json_t *after)
{
	static const char *const keys[] = { "id", "what", "service", "class", NULL };
	static const char *const judged[] = { "kind", "verdict", "errno", "verdicts", NULL };
	json_t *change = json_object(), *was = json_object(), *is = json_object();

	copy_all(change, after, keys);
	set_program(change, after);
	copy_all(was, before, judged);
	copy_all(is, after, judged);
	json_object_set_new(change, "before", was);
	json_object_set_new(change, "after", is);
	return change;
}

/* Whether the two are the same in all that counts: of a key that has several dependencies, in each verdict. */
static bool are_alike(const json_t *before, const json_t *after)
{
	return !strcmp(document_string(before, "kind"), document_string(after, "kind")) &&
	       json_equal(json_object_get(before, "verdicts"), json_object_get(after, "verdicts"));
}

/* Two reports, as they are worked off: what has found its match leaves the indexes. */
struct comparing {
	json_t *before, *after;		/* by key with the kind */
	json_t *fresh, *vanished, *changed;
	json_int_t same;
	bool failed;
};

static void match(struct comparing *it)
{
	const char *key;
	json_t *after;
	void *next;

	json_object_foreach_safe(it->after, next, key, after) {
		const json_t *before = json_object_get(it->before, key);

		if (!before)
			continue;
		if (are_alike(before, after))
			it->same++;
		else
			json_array_append_new(it->changed, change_of(before, after));
		json_object_del(it->before, key);
		json_object_del(it->after, key);
	}
}

/* What is left, by keys without the kind: the first dependency of each. */
static json_t *rest_of(struct comparing *it, json_t *index)
{
	json_t *rest = json_object(), *dependency;
	const char *name;

	json_object_foreach(index, name, dependency) {
		char *key = key_of(dependency, false);

		if (!key)
			it->failed = true;
		else if (!json_object_get(rest, key))
			json_object_set_new(rest, key, json_string(name));
		free(key);
	}
	return rest;
}

static void match_other_kinds(struct comparing *it)
{
	json_t *before = rest_of(it, it->before), *after = rest_of(it, it->after), *name;
	const char *key;

	json_object_foreach(after, key, name) {
		const char *old = json_string_value(json_object_get(before, key));
		const char *new = json_string_value(name);

		if (!old)
			continue;
		json_array_append_new(it->changed, change_of(json_object_get(it->before, old),
							     json_object_get(it->after, new)));
		json_object_del(it->before, old);
		json_object_del(it->after, new);
	}
	json_decref(before);
	json_decref(after);
}

static void take_rest(json_t *index, json_t *list)
{
	const char *key;
	json_t *dependency;

	json_object_foreach(index, key, dependency)
		json_array_append_new(list, whole_of(dependency));
}

static bool has_allowed(const json_t *report)
{
	return document_count(json_object_get(report, "verdict"), "allowed") > 0;
}

static void note(json_t *notes, json_t *sentence)
{
	json_array_append_new(notes, sentence);
}

static json_t *notes_of(const json_t *before, const json_t *after)
{
	json_t *notes = json_array();

	if (strcmp(document_string(before, "tag"), document_string(after, "tag")))
		note(notes, json_string("The runs are of different tags."));
	if (strcmp(document_string(before, "policy"), document_string(after, "policy")))
		note(notes, json_string("The runs ran under different policies: what differs may only be "
					"called otherwise."));
	if (has_allowed(before) != has_allowed(after))
		note(notes, json_string(has_allowed(after) ?
			"What was allowed is recorded of the second run alone: what is new may be as old as the first." :
			"What was allowed is recorded of the first run alone: what vanished may be there still."));
	return notes;
}

json_t *comparison_make(const json_t *before, const json_t *after, bool services_only)
{
	struct comparing it = {
		.before = index_of(before, true, services_only),
		.after = index_of(after, true, services_only),
		.fresh = json_array(), .vanished = json_array(), .changed = json_array(),
	};
	json_t *comparison = NULL;

	it.failed = !it.before || !it.after;
	if (!it.failed) {
		match(&it);
		match_other_kinds(&it);
		take_rest(it.after, it.fresh);
		take_rest(it.before, it.vanished);
	}
	if (!it.failed)
		comparison = json_pack("{s:i, s:o, s:o, s:I, s:O, s:O, s:O, s:o}", "diff", COMPARISON_VERSION,
				       "before", side_of(before), "after", side_of(after), "same", it.same,
				       "new", it.fresh, "vanished", it.vanished, "changed", it.changed,
				       "notes", notes_of(before, after));
	json_decref(it.before);
	json_decref(it.after);
	json_decref(it.fresh);
	json_decref(it.vanished);
	json_decref(it.changed);
	return comparison;
}

bool comparison_is_news(const json_t *comparison)
{
	return json_array_size(json_object_get(comparison, "new")) ||
	       json_array_size(json_object_get(comparison, "changed"));
}

/* --- for people ------------------------------------------------------------------------------- */

static void show(FILE *out, const char *utf8)
{
	struct text shown = { 0 };

	text_printable(&shown, utf8, strlen(utf8));
	if (shown.size)
		fwrite(shown.data, 1, shown.size, out);
	text_free(&shown);
}

static void print_side(const json_t *comparison, const char *key, const char *sign, FILE *out,
		       const struct term_style *style)
{
	const json_t *side = json_object_get(comparison, key), *notes = json_object_get(side, "notes");
	bool complete = document_flag(side, "complete");

	fprintf(out, "%s %s", sign, style->bold);
	show(out, document_string(side, "run"));
	fprintf(out, "%s", style->reset);
	if (*document_string(side, "tag")) {
		fputs(" of ", out);
		show(out, document_string(side, "tag"));
	}
	if (*document_string(side, "policy")) {
		fputs(" (", out);
		show(out, document_string(side, "policy"));
		fputs(")", out);
	}
	fprintf(out, ": %s%s%s\n", complete ? "" : style->warn,
		complete ? "complete" : "not complete: dependencies may be missing", style->reset);
	for (size_t i = 0; i < json_array_size(notes); i++) {
		fprintf(out, "    %s", style->dim);
		show(out, report_item(notes, i));
		fprintf(out, "%s\n", style->reset);
	}
}

/* "deny EHOSTUNREACH"; "deny EPERM and audit" where several with one key were judged otherwise. */
static void print_verdicts(const json_t *judged, FILE *out)
{
	const json_t *verdicts = json_object_get(judged, "verdicts"), *each;
	size_t i;

	json_array_foreach(verdicts, i, each) {
		fputs(!i ? "" : i + 1 < json_array_size(verdicts) ? ", " : " and ", out);
		show(out, document_string(each, "verdict"));
		if (*document_string(each, "errno")) {
			fputs(" ", out);
			show(out, document_string(each, "errno"));
		}
	}
}

/* "github  hidden, schema-tool" */
static void print_name(const json_t *dependency, const char *kind, FILE *out, const struct term_style *style)
{
	fputs(style->bold, out);
	show(out, document_string(dependency, "what"));
	fprintf(out, "%s  ", style->reset);
	if (kind) {
		show(out, kind);
		fputs(", ", out);
	}
	fputs("step ", out);
	show(out, *document_string(dependency, "program") ? document_string(dependency, "program") :
	     "not known");
}

static void print_whole(const json_t *dependency, FILE *out, const struct term_style *style)
{
	const json_t *objects = json_object_get(dependency, "objects");
	const json_t *evidence = json_object_get(dependency, "evidence");

	print_name(dependency, document_string(dependency, "kind"), out, style);
	fputs(": ", out);
	print_verdicts(dependency, out);
	fprintf(out, ", %" PRIu64 " time%s", document_count(dependency, "count"),
		document_count(dependency, "count") == 1 ? "" : "s");
	for (size_t i = 0; i < json_array_size(objects) && i < OBJECTS_SHOWN; i++) {
		fputs(i ? ", " : ": ", out);
		show(out, report_item(objects, i));
	}
	fputs(json_array_size(objects) > OBJECTS_SHOWN ? ", ...\n" : "\n", out);
	for (size_t i = 0; i < json_array_size(evidence); i++) {
		fprintf(out, "    %s", style->dim);
		show(out, report_item(evidence, i));
		fprintf(out, "%s\n", style->reset);
	}
}

static void print_change(const json_t *change, FILE *out, const struct term_style *style)
{
	const json_t *before = json_object_get(change, "before"), *after = json_object_get(change, "after");

	print_name(change, NULL, out, style);
	fputs(": ", out);
	if (strcmp(document_string(before, "kind"), document_string(after, "kind"))) {
		show(out, document_string(before, "kind"));
		fputs(" -> ", out);
		show(out, document_string(after, "kind"));
		fputs(", ", out);
	}
	print_verdicts(before, out);
	if (!json_equal(json_object_get(before, "verdicts"), json_object_get(after, "verdicts"))) {
		fputs(" -> ", out);
		print_verdicts(after, out);
	}
	fputs("\n", out);
}

static void print_list(const json_t *comparison, const char *key, const char *color, FILE *out,
		       const struct term_style *style)
{
	const json_t *list = json_object_get(comparison, key);

	for (size_t i = 0; i < json_array_size(list); i++) {
		fprintf(out, "%s%-8s%s  ", color, key, style->reset);
		if (!strcmp(key, "changed"))
			print_change(json_array_get(list, i), out, style);
		else
			print_whole(json_array_get(list, i), out, style);
	}
}

void comparison_print(const json_t *comparison, FILE *out, const struct term_style *style)
{
	const json_t *notes = json_object_get(comparison, "notes");

	print_side(comparison, "before", "-", out, style);
	print_side(comparison, "after", "+", out, style);
	for (size_t i = 0; i < json_array_size(notes); i++) {
		fprintf(out, "%s", style->warn);
		show(out, report_item(notes, i));
		fprintf(out, "%s\n", style->reset);
	}
	print_list(comparison, "new", style->bad, out, style);
	print_list(comparison, "changed", style->warn, out, style);
	print_list(comparison, "vanished", style->good, out, style);
	fprintf(out, "%zu new, %zu changed, %zu vanished, %" PRIu64 " the same\n",
		json_array_size(json_object_get(comparison, "new")),
		json_array_size(json_object_get(comparison, "changed")),
		json_array_size(json_object_get(comparison, "vanished")), document_count(comparison, "same"));
}
