/* SPDX-License-Identifier: BSD-2-Clause */
#include "summary.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "../runs/run_id.h"
#include "audit_line.h"
#include "log_files.h"

#define NAME_SHOWN 60			/* bytes of an object, a rule or a reason: more is in the log */

/* What is kept while a log is read. */
struct reader {
	struct summary summary;
	char run[RUN_NAME_SIZE];
	bool begun;			/* there was a line of the run */
	uint64_t lost_since;		/* after the last line of the run */
	uint64_t *processes;		/* hashes of entity ids, one per line */
	size_t process_count, process_capacity;
};

/* --- reading ------------------------------------------------------------------------------ */

/* A copy that is fit for a terminal, or NULL. */
static char *printable(const char *utf8)
{
	struct text text = { 0 };

	text_printable(&text, utf8, strlen(utf8));
	text_append(&text, "", 1);
	if (text.failed)
		text_free(&text);
	return text.data;
}

/* "deny github (mysql.yaml:12)", or what there is of it. */
static char *rule_of(const struct audit_line *line)
{
	struct text text = { 0 };
	const char *name = *line->rule ? line->rule : *line->rule_id ? "rule" : line->reason;

	text_printable(&text, name, strlen(name));
	if (*line->rule_id) {
		text_append_string(&text, " (");
		text_printable(&text, line->rule_id, strlen(line->rule_id));
		text_append_string(&text, ")");
	}
	text_append(&text, "", 1);
	if (text.failed)
		text_free(&text);
	return text.data;
}

static enum summary_kind kind_of(const struct audit_line *line)
{
	if (!strcmp(line->verdict, "deny"))
		return line->enforced ? SUMMARY_DENIED : SUMMARY_WOULD_DENY;
	return !strcmp(line->verdict, "audit") ? SUMMARY_AUDITED : SUMMARY_ALLOWED;
}

static void group_free(struct summary_group *group)
{
	for (size_t i = 0; i < SUMMARY_OBJECTS; i++) {
		free(group->objects[i].name);
		free(group->programs[i].name);
	}
	free(group->service);
	free(group->rule);
	free(group->why);
	free(group->err);
}

static int group_add(struct summary *summary, struct summary_group group)
{
	struct summary_group *groups = reallocarray(summary->groups, summary->group_count + 1,
						    sizeof(*groups));

	if (groups)
		summary->groups = groups;
	if (!groups || !group.service || !group.rule || !group.why || !group.err) {
		group_free(&group);
		return -ENOMEM;
	}
	groups[summary->group_count++] = group;
	return 0;
}

/* The group of that line, made where it is missing; NULL without memory. */
static struct summary_group *group_of(struct summary *summary, const struct audit_line *line)
{
	struct summary_group group = {
		.kind = kind_of(line),
		.service = printable(line->service),
		.rule = rule_of(line),
		.why = printable(line->why),
		.err = printable(line->err),
	};

	for (size_t i = 0; i < summary->group_count && group.service && group.rule; i++) {
		struct summary_group *old = &summary->groups[i];

		if (old->kind != group.kind || strcmp(old->service, group.service) ||
		    strcmp(old->rule, group.rule))
			continue;
		group_free(&group);
		return old;
	}
	if (group_add(summary, group) < 0)
		return NULL;
	return &summary->groups[summary->group_count - 1];
}

/* Counts @name among the first few; takes it over. */
static int item_count(struct summary_item *items, size_t *count, uint64_t *others, char *name)
{
	if (!name)
		return -ENOMEM;
	for (size_t i = 0; i < *count; i++)
		if (!strcmp(items[i].name, name)) {
			items[i].count++;
			free(name);
			return 0;
		}
	if (*count < SUMMARY_OBJECTS) {
		items[(*count)++] = (struct summary_item){ name, 1 };
		return 0;
	}
	free(name);
	(*others)++;
	return 0;
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/): 64 bits tell processes of a run apart. */
static uint64_t hash_of(const char *string)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *string; string++)
		hash = (hash ^ (unsigned char)*string) * UINT64_C(0x100000001b3);
	return hash;
}

static int process_add(struct reader *reader, const char *entity)
{
	if (reader->process_count == reader->process_capacity) {
		size_t capacity = reader->process_capacity ? 2 * reader->process_capacity : 64;
		uint64_t *hashes = reallocarray(reader->processes, capacity, sizeof(*hashes));

		if (!hashes)
			return -ENOMEM;
		reader->processes = hashes;
		reader->process_capacity = capacity;
	}
	reader->processes[reader->process_count++] = hash_of(entity);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t count_distinct(uint64_t *numbers, size_t count)
{
	uint64_t distinct = 0;

	if (count)
		qsort(numbers, count, sizeof(*numbers), by_number);
	for (size_t i = 0; i < count; i++)
		distinct += !i || numbers[i] != numbers[i - 1];
	return distinct;
}

/* What was lost before this line of the run. Before its beginning that was others'. */
static void count_lost(struct reader *reader, const struct audit_line *line)
{
	if (reader->begun || strcmp(line->action, "run-begin"))
		reader->summary.lost += reader->lost_since + line->lost_before;
	reader->lost_since = 0;
	reader->begun = true;
}

/* Names what a line is about in its group. */
static int group_line(struct summary *summary, const struct audit_line *line)
{
	struct summary_group *group = group_of(summary, line);
	struct text object = { 0 };
	int r;

	if (!group)
		return -ENOMEM;
	group->count++;
	audit_line_object(&object, line);
	text_append(&object, "", 1);
	if (object.failed)
		text_free(&object);
	r = item_count(group->objects, &group->object_count, &group->other_objects, object.data);
	if (r >= 0)
		r = item_count(group->programs, &group->program_count, &group->other_programs,
			       printable(line->comm));
	return r;
}

static int count_line(struct reader *reader, const struct audit_line *line)
{
	struct summary *summary = &reader->summary;
	enum summary_kind kind = kind_of(line);

	count_lost(reader, line);
	if (audit_line_is_note(line))
		return 0;
	summary->lines++;
	summary->counts[kind]++;
	summary->incomplete += line->incomplete;
	/* Of what was allowed there may be a great deal. */
	return (kind == SUMMARY_ALLOWED ? 0 : group_line(summary, line)) ?:
		process_add(reader, line->entity_id);
}

/* A daemon's log holds many runs, and parsing is what costs: a line is parsed when it may be of
 * this run, or tells of losses. (In a JSON string the quotes would stand behind a backslash.) */
static bool may_matter(const struct reader *reader, const char *line)
{
	return strstr(line, reader->run) || !strstr(line, "\"lost_before\":0}");
}

static int read_line(void *ctx, const char *text, size_t size)
{
	struct reader *reader = ctx;
	struct audit_line line;
	int r = 0;

	if (!may_matter(reader, text))
		return 0;
	if (audit_line_parse(text, size, &line) < 0) {
		/* Older ones, of other runs, were somebody else's to hear of. */
		if (reader->begun || strstr(text, reader->run))
			reader->summary.broken++;
		return 0;
	}
	if (!strcmp(line.run, reader->run))
		r = count_line(reader, &line);
	else if (reader->begun)
		reader->lost_since += line.lost_before;
	audit_line_free(&line);
	return r;
}

/* Denials first; qsort is not stable, so the order of the log is kept by hand. */
static void sort_groups(struct summary *summary)
{
	for (size_t i = 1; i < summary->group_count; i++) {
		struct summary_group group = summary->groups[i];
		size_t k = i;

		for (; k && summary->groups[k - 1].kind > group.kind; k--)
			summary->groups[k] = summary->groups[k - 1];
		summary->groups[k] = group;
	}
}

int summary_read(const char *path, uint64_t run, struct summary *ret_summary)
{
	struct reader reader = { .summary = { .run = run, .path = strdup(path) } };
	struct log_part part = { .since = log_files_since(run) };
	int r = reader.summary.path ? 0 : -ENOMEM;

	run_id_name(run, reader.run);
	if (r >= 0)
		r = log_files_read(path, part, read_line, &reader);
	reader.summary.processes = count_distinct(reader.processes, reader.process_count);
	sort_groups(&reader.summary);
	free(reader.processes);
	if (r < 0)
		summary_free(&reader.summary);
	else
		*ret_summary = reader.summary;
	return r;
}

void summary_free(struct summary *summary)
{
	for (size_t i = 0; i < summary->group_count; i++)
		group_free(&summary->groups[i]);
	free(summary->groups);
	free(summary->path);
	*summary = (struct summary){ 0 };
}

/* --- printing ----------------------------------------------------------------------------- */

static const char *const kind_words[] = {
	"denied", "would have been denied", "audited", "allowed",
};
static_assert(sizeof(kind_words) / sizeof(kind_words[0]) == SUMMARY_KINDS, "a word per kind");

static const char *kind_style(enum summary_kind kind, const struct term_style *style)
{
	return kind == SUMMARY_DENIED ? style->bad :
	       kind == SUMMARY_WOULD_DENY ? style->warn : "";
}

static void print_head(const struct summary *summary, FILE *out, const struct term_style *style)
{
	char run[RUN_NAME_SIZE];
	bool comma = false;

	fprintf(out, "ringfence: run %s: ", run_id_name(summary->run, run));
	if (!summary->counts[SUMMARY_DENIED] && !summary->counts[SUMMARY_WOULD_DENY]) {
		fprintf(out, "%snothing denied%s", style->good, style->reset);
		comma = true;
	}
	for (enum summary_kind kind = 0; kind < SUMMARY_KINDS; kind++) {
		if (!summary->counts[kind])
			continue;
		fprintf(out, "%s%s%" PRIu64 " %s%s", comma ? ", " : "", kind_style(kind, style),
			summary->counts[kind], kind_words[kind], *kind_style(kind, style) ?
			style->reset : "");
		comma = true;
	}
	fputc('\n', out);
}

static void print_cut(FILE *out, const char *name)
{
	size_t size = strlen(name), kept = text_cut(name, size, NAME_SHOWN);

	fprintf(out, "%.*s%s", (int)kept, name, kept < size ? "…" : "");
}

/* "2 × 140.82.112.3:443/tcp, 1 × ..." or, without counts, "curl, git" */
static void print_items(FILE *out, const struct summary_item *items, size_t count,
			uint64_t others, bool counts)
{
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ", " : "", out);
		if (counts)
			fprintf(out, "%" PRIu64 " × ", items[i].count);
		print_cut(out, items[i].name);
	}
	if (others && counts)
		fprintf(out, ", %" PRIu64 " × others", others);
	else if (others)
		fputs(", ...", out);
}

static void print_group(const struct summary_group *group, FILE *out,
			const struct term_style *style)
{
	fprintf(out, "  %s%s%s  ", style->bold, *group->service ? group->service : "(no service)",
		style->reset);
	print_items(out, group->objects, group->object_count, group->other_objects, true);
	fputs(" by ", out);
	print_items(out, group->programs, group->program_count, group->other_programs, false);
	if (*group->err)
		fprintf(out, "  %s%s%s", kind_style(group->kind, style), group->err,
			*kind_style(group->kind, style) ? style->reset : "");
	fputs("  ", out);
	print_cut(out, group->rule);
	if (*group->why) {
		fputs(": ", out);
		print_cut(out, group->why);
	}
	fputc('\n', out);
}

/* How many rows of a terminal a group takes. */
static unsigned int count_rows(const struct summary_group *group)
{
	unsigned int columns = 0;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return 1;
	print_group(group, out, term_style(TERM_NEVER, out));
	fclose(out);
	for (size_t i = 0; text && i + 1 < size; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	free(text);
	return columns ? (columns + SUMMARY_COLUMNS - 1) / SUMMARY_COLUMNS : 1;
}

/* What was not shown, from the group @from up to @end. */
static void print_more(const struct summary *summary, size_t from, size_t end, FILE *out)
{
	uint64_t counts[SUMMARY_KINDS] = { 0 };
	char run[RUN_NAME_SIZE];
	const char *comma = ": ";

	for (size_t i = from; i < end; i++)
		counts[summary->groups[i].kind] += summary->groups[i].count;
	fprintf(out, "  ... and %zu more", end - from);
	for (enum summary_kind kind = 0; kind < SUMMARY_KINDS; kind++) {
		if (!counts[kind])
			continue;
		fprintf(out, "%s%" PRIu64 " %s", comma, counts[kind], kind_words[kind]);
		comma = ", ";
	}
	fprintf(out, "; all of it: ringfence report %s\n", run_id_name(summary->run, run));
}

/* Denials come first, and so find room first. What was allowed is not shown at all. */
static void print_groups(const struct summary *summary, FILE *out, const struct term_style *style)
{
	size_t end = 0, i = 0;
	unsigned int rows = 0;

	while (end < summary->group_count && summary->groups[end].kind <= SUMMARY_AUDITED)
		end++;
	for (; i < end; i++) {
		rows += count_rows(&summary->groups[i]);
		if (i && rows > SUMMARY_ROWS)
			break;
		print_group(&summary->groups[i], out, style);
	}
	if (i < end)
		print_more(summary, i, end, out);
}

static void print_doubts(const struct summary *summary, FILE *out,
			 const struct term_style *style)
{
	if (summary->lost)
		fprintf(out, "  %sWARNING: %" PRIu64 " audit record%s lost: this list is not "
			"complete%s\n", style->bad, summary->lost,
			summary->lost == 1 ? " was" : "s were", style->reset);
	if (summary->broken)
		fprintf(out, "  %sWARNING: %" PRIu64 " line%s of the log could not be read%s\n",
			style->bad, summary->broken, summary->broken == 1 ? "" : "s",
			style->reset);
	if (summary->incomplete)
		fprintf(out, "  %snote: the ancestors of %" PRIu64 " of %" PRIu64 " records are "
			"not all known%s\n", style->warn, summary->incomplete, summary->lines,
			style->reset);
}

void summary_print(const struct summary *summary, FILE *out, const struct term_style *style)
{
	struct text path = { 0 };

	print_head(summary, out, style);
	print_groups(summary, out, style);
	print_doubts(summary, out, style);
	text_printable(&path, summary->path, strlen(summary->path));
	if (summary->lines || summary->lost || summary->broken)
		fprintf(out, "  %slog: %.*s%s\n", style->dim, (int)path.size, path.data,
			style->reset);
	text_free(&path);
}
