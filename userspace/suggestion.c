/* SPDX-License-Identifier: BSD-2-Clause */
#include "suggestion.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_RUNS 5			/* in the comment at the top */
#define NAMED_DENIED 20			/* in the one about what stays denied */
#define NAMED_STEPS 4
#define FOLDER_MIN 3			/* so many things in a folder are the folder, */
#define FOLDER_DEPTH 2			/* if it is at least so deep: /srv/mirror */
#define ASIDE_MAX 500			/* files and the like in the comment at the end */
#define NAME_IN_PATH_MAX 255

static const char *string_at(const struct suggestion *suggestion, uint32_t number)
{
	return intern_bytes(&suggestion->strings, number);
}

static int keep_string(struct intern *strings, const char *string, uint32_t *ret_number)
{
	int err = intern_add(strings, string, strlen(string) + 1, ret_number);

	return err == -E2BIG ? -ENOMEM : err;
}

/* --- taking --------------------------------------------------------------------------------- */

static enum fate fate_of(const struct outcome_of_policy *outcome)
{
	if (outcome->verdict == VERDICT_DENY)
		return *outcome->where ? FATE_DENIED : FATE_DEFAULT_DENIED;
	return outcome->verdict == VERDICT_AUDIT && *outcome->where ? FATE_AUDITED : FATE_REACHED;
}

/* Whether a policy could name it: what is no UTF-8 has lost its name on the way. */
static bool can_be_named(const struct recorded *object)
{
	const char *path = object->path;

	if (!object->whole)
		return false;
	if (object->class == CLASS_NET)
		return true;
	if (object->class == CLASS_SOCKET && *path == '@')
		return path[1] && strlen(path) <= 108 && !strstr(path, "\xef\xbf\xbd");
	if (*path != '/' || strlen(path) >= PATH_LENGTH_MAX - 1 || strstr(path, "\xef\xbf\xbd"))
		return false;
	while (*path) {
		size_t length = strcspn(path + 1, "/");

		/* With a slash at its end, as "/" has, it would mean all below. */
		if (!length || length > NAME_IN_PATH_MAX || (length <= 2 && !strncmp(path + 1, "..", length)))
			return false;
		path += 1 + length;
	}
	return true;
}

static int find_object(struct suggestion *suggestion, const struct recorded *object,
		       struct reached **ret_reached)
{
	struct reached reached = { .class = object->class, .fate = FATE_DEFAULT_DENIED };
	struct reached *all = suggestion->objects;
	size_t count = suggestion->object_count;
	struct text key = { 0 };
	uint32_t number;
	int err;

	text_append_format(&key, "%d ", (int)object->class);
	if (object->class == CLASS_NET) {
		memcpy(reached.addr, object->addr, sizeof(reached.addr));
		reached.port = object->proto == PROTO_NONE ? 0 : object->port;
		reached.proto = object->proto;
		text_append(&key, reached.addr, sizeof(reached.addr));
		text_append_format(&key, "%u %d", reached.port, (int)reached.proto);
	} else {
		text_append_string(&key, object->path);
	}
	err = key.failed ? -ENOMEM : keep_string(&suggestion->strings, object->path, &reached.path) ?:
		intern_add(&suggestion->keys, key.data, key.size, &number);
	text_free(&key);
	if (!err && number == count && !(count & (count - 1))) {
		all = reallocarray(all, count ? 2 * count : 1, sizeof(*all));
		err = all ? 0 : -ENOMEM;
		suggestion->objects = all ?: suggestion->objects;
	}
	if (err)
		return err == -E2BIG ? -ENOMEM : err;
	if (number == count)
		suggestion->objects[suggestion->object_count++] = reached;
	*ret_reached = &suggestion->objects[number];
	return 0;
}

static void count_step(struct reached_step *steps, size_t max, uint64_t *others, struct reached_step step)
{
	for (size_t i = 0; i < max; i++)
		if (!steps[i].count || steps[i].name == step.name) {
			steps[i].name = step.name;
			steps[i].count += step.count;
			return;
		}
	*others += step.count;
}

/* The greatest fate holds, and of equal ones the first. */
static int take_fate(struct suggestion *suggestion, struct reached *reached, const struct recorded *object,
		     const struct outcome_of_policy *outcome)
{
	enum fate fate = fate_of(outcome);
	bool first = !reached->count;

	reached->access[fate] |= object->access;
	if (!first && fate <= reached->fate)
		return 0;
	reached->fate = fate;
	reached->err = outcome->err;
	return keep_string(&suggestion->strings, outcome->service, &reached->service) ?:
		keep_string(&suggestion->strings, outcome->why, &reached->why);
}

/* It passed by a waiver, of which a record has only the owner and the last day. */
static int take_waived(struct suggestion *suggestion, const json_t *waiver)
{
	const char *owner = json_string_value(json_object_get(waiver, "owner"));
	const char *until = json_string_value(json_object_get(waiver, "until"));
	struct text text = { 0 };
	uint32_t number;
	int err;

	text_append_format(&text, "%s, until %s", owner ? owner : "?", until ? until : "?");
	text_append(&text, "", 1);
	err = text.failed ? -ENOMEM : keep_string(&suggestion->waivers, text.data, &number);
	text_free(&text);
	suggestion->waived++;
	return err;
}

static int take_object(struct suggestion *suggestion, const struct audit_line *line,
		       const struct recorded *object,
		       const struct outcome_of_policy *outcome)
{
	struct reached_step step = { .count = 1 };
	struct text name = { 0 };
	struct reached *reached;
	int err;

	recorded_step(&name, line);
	text_append(&name, "", 1);
	err = name.failed ? -ENOMEM : keep_string(&suggestion->strings, name.data, &step.name);
	text_free(&name);
	if (!err)
		err = find_object(suggestion, object, &reached);
	if (!err)
		err = take_fate(suggestion, reached, object, outcome);
	if (err)
		return err;
	if (!reached->count++) {
		reached->known = known_find(suggestion->known, object);
		reached->known_exact = reached->known < known_count(suggestion->known) &&
			known_is_exact(suggestion->known, reached->known, object);
	}
	count_step(reached->steps, REACHED_STEPS, &reached->other_steps, step);
	return 0;
}

int suggestion_take(struct suggestion *suggestion, const struct audit_line *line)
{
	struct outcome_of_policy outcome;
	struct recorded object;
	enum recorded_kind kind = recorded_read(line, &object, &outcome);
	const json_t *waiver = json_object_get(json_object_get(line->root, "ringfence"), "waiver");
	uint32_t number;
	int err;

	err = keep_string(&suggestion->runs, line->run, &number);
	if (!err && *line->tag)
		err = keep_string(&suggestion->tags, line->tag, &number);
	if (err || kind == RECORDED_OTHER)
		return err;
	suggestion->records++;
	if (waiver)
		return take_waived(suggestion, waiver);
	if (kind == RECORDED_UNCLEAR || !can_be_named(&object)) {
		suggestion->untold++;
		return 0;
	}
	suggestion->by_default += !*outcome.where && outcome.verdict != VERDICT_DENY;
	suggestion->by_rule += *outcome.where && outcome.verdict == VERDICT_ALLOW;
	suggestion->default_denied += object.class == CLASS_NET && fate_of(&outcome) == FATE_DEFAULT_DENIED;
	return take_object(suggestion, line, &object, &outcome);
}

void suggestion_free(struct suggestion *suggestion)
{
	free(suggestion->objects);
	intern_free(&suggestion->keys);
	intern_free(&suggestion->strings);
	intern_free(&suggestion->runs);
	intern_free(&suggestion->tags);
	intern_free(&suggestion->waivers);
	*suggestion = (struct suggestion){ 0 };
}

/* --- order ---------------------------------------------------------------------------------- */

static int compare_objects(const struct suggestion *suggestion, const struct reached *one,
			   const struct reached *other)
{
	if (one->class != other->class)
		return one->class < other->class ? -1 : 1;
	return memcmp(one->addr, other->addr, sizeof(one->addr)) ?: (int)one->proto - (int)other->proto ?:
		(int)one->port - (int)other->port ?:
		strcmp(string_at(suggestion, one->path), string_at(suggestion, other->path));
}

/* The access that a rule has to name, where another passed; else 0, all. Who opens a file for both is
 * denied for one. */
static uint8_t access_meant(const struct reached *reached)
{
	uint8_t passed = reached->access[FATE_REACHED] | reached->access[FATE_AUDITED];

	if (reached->class != CLASS_FILE || reached->fate != FATE_DENIED || !passed)
		return 0;
	return reached->access[FATE_DENIED] & ~passed;
}

/* What goes into one service, but for addresses with other ports. */
static int compare_groups(const struct suggestion *suggestion, const struct reached *one,
			  const struct reached *other)
{
	return strcmp(string_at(suggestion, one->service), string_at(suggestion, other->service)) ?:
		(int)one->class - (int)other->class ?: (int)other->fate - (int)one->fate ?:
		one->err - other->err ?:
		access_meant(one) - access_meant(other) ?: one->exception - other->exception ?:
		strcmp(string_at(suggestion, one->why), string_at(suggestion, other->why));
}

static int by_object(const void *a, const void *b, void *ctx)
{
	return compare_objects(ctx, *(struct reached *const *)a, *(struct reached *const *)b);
}

static int by_group(const void *a, const void *b, void *ctx)
{
	const struct reached *one = *(struct reached *const *)a, *other = *(struct reached *const *)b;

	return compare_groups(ctx, one, other) ?: compare_objects(ctx, one, other);
}

/* --- what is said of a service --------------------------------------------------------------- */

/* At work. */
struct drafting {
	struct suggestion *suggestion;
	struct draft *draft;
	struct reached **all;			/* in order */
	size_t count;
};

static int by_count(const void *a, const void *b, void *ctx)
{
	const struct reached_step *one = a, *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	return strcmp(string_at(ctx, one->name), string_at(ctx, other->name));
}

/* "12 times: schema-tool 10, deploy 2"; for free(). */
static char *about(const struct drafting *drafting, struct reached *const *objects, size_t count)
{
	struct reached_step steps[4 * NAMED_STEPS] = { 0 };
	uint64_t times = 0, others = 0;
	struct text text = { 0 };
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		times += objects[i]->count;
		others += objects[i]->other_steps;
		for (size_t k = 0; k < REACHED_STEPS && objects[i]->steps[k].count; k++)
			count_step(steps, 4 * NAMED_STEPS, &others, objects[i]->steps[k]);
	}
	while (used < 4 * NAMED_STEPS && steps[used].count)
		used++;
	qsort_r(steps, used, sizeof(*steps), by_count, drafting->suggestion);
	text_append_format(&text, times == 1 ? "once" : "%" PRIu64 " times", times);
	for (size_t i = 0; i < used && i < NAMED_STEPS; i++) {
		text_append_format(&text, "%s%s", i ? ", " : used == 1 && !others ? ", by " : ": ",
				   string_at(drafting->suggestion, steps[i].name));
		if (used > 1 || others)
			text_append_format(&text, " %" PRIu64, steps[i].count);
	}
	for (size_t i = NAMED_STEPS; i < used; i++)
		others += steps[i].count;
	if (others)
		text_append_format(&text, ", others %" PRIu64, others);
	text_append(&text, "", 1);
	drafting->draft->failed |= text.failed;
	return text.data;
}

/* The rule of a service, and what is said of it. */
static void add_rule(void *ctx, struct draft_service *service, struct reached **objects, size_t count)
{
	static const enum verdict verdicts[] = {
		[FATE_DEFAULT_DENIED] = VERDICT_DENY, [FATE_REACHED] = VERDICT_ALLOW,
		[FATE_AUDITED] = VERDICT_AUDIT,
		[FATE_DENIED] = VERDICT_DENY,
	};
	struct drafting *drafting = ctx;

	static_assert(sizeof(verdicts) / sizeof(*verdicts) == FATE_COUNT, "a verdict per fate");
	if (!service)
		return;
	service->about = about(drafting, objects, count);
	service->verdict = verdicts[objects[0]->fate];
	service->err = objects[0]->err;
	service->access = access_meant(objects[0]);
	if (objects[0]->fate >= FATE_AUDITED)
		service->why = strdup(string_at(drafting->suggestion, objects[0]->why));
	for (size_t i = 0; i < count; i++)
		objects[i]->done = true;
}

/* --- known services -------------------------------------------------------------------------- */

static bool is_of(const struct drafting *drafting, const struct reached *reached, size_t known)
{
	const struct known_service *service = known_at(drafting->suggestion->known, known);

	if (reached->known != known || reached->fate == FATE_DEFAULT_DENIED)
		return false;
	/* What every policy has, it has with a rule: only what another rule said of it needs one. */
	return !service->implied || !strcmp(string_at(drafting->suggestion, reached->service), service->name);
}

/* What is to become of a service, by what happened to it most of all: NULL where nothing did. */
static struct reached *outcome_of_service(const struct drafting *drafting, size_t known)
{
	struct reached *found = NULL;

	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		if (!is_of(drafting, it, known))
			continue;
		if (!found || it->fate > found->fate ||
		    (it->fate == found->fate && it->err != found->err && it->count > found->count))
			found = it;
	}
	return found;
}

static bool goes_with(const struct reached *reached, const struct reached *outcome)
{
	if (outcome->fate == FATE_DENIED)
		return reached->fate == FATE_DENIED && reached->err == outcome->err && !access_meant(reached);
	return reached->fate != FATE_DENIED;
}

/* Puts the one that decides first, for its rule, and the others that go the same way. Returns how many;
 * 0 where one of those that do not cannot be made an exception, which has to be more specific. */
static size_t find_members(const struct drafting *drafting, size_t known, struct reached *outcome,
			   struct reached **members)
{
	size_t count = 0;

	members[count++] = outcome;
	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		if (it == outcome || !is_of(drafting, it, known))
			continue;
		if (goes_with(it, outcome))
			members[count++] = it;
		else if (it->known_exact || access_meant(it))
			return 0;
	}
	return count;
}

static void mark_exceptions(const struct drafting *drafting, size_t known, const struct reached *outcome)
{
	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		it->exception |= is_of(drafting, it, known) && !goes_with(it, outcome) && it != outcome;
	}
}

/* Whether the draft has the service: none of its own is to be called so. */
static bool is_included(const struct draft *draft, const struct known_service *service)
{
	if (service->implied)
		return true;
	for (size_t i = 0; i < draft->includes.count; i++)
		if (!strcmp(draft->includes.items[i], service->include))
			return true;
	return false;
}

/* Includes the file of a service, and those of all that services in it need. */
static void include_service(struct drafting *drafting, size_t known)
{
	const struct known *all = drafting->suggestion->known;
	const struct known_service *service = known_at(all, known);
	size_t need;

	if (is_included(drafting->draft, service) || drafting->draft->failed)
		return;
	draft_list_add(drafting->draft, &drafting->draft->includes, service->include);
	for (size_t i = 0; i < known_count(all); i++) {
		if (known_at(all, i)->implied || strcmp(known_at(all, i)->include, service->include))
			continue;
		for (size_t k = 0; (need = known_need(all, i, k)) < known_count(all); k++)
			include_service(drafting, need);
	}
}

static int draft_known(struct drafting *drafting, size_t known, struct reached **members)
{
	const struct known_service *service = known_at(drafting->suggestion->known, known);
	struct reached *outcome = outcome_of_service(drafting, known);
	struct draft *draft = drafting->draft;
	size_t count;

	count = outcome ? find_members(drafting, known, outcome, members) : 0;
	if (!count)
		return 0;
	mark_exceptions(drafting, known, outcome);
	/* As it is without a word. */
	if (service->implied && outcome->fate != FATE_DENIED &&
	    service->verdict == (outcome->fate == FATE_AUDITED ? VERDICT_AUDIT : VERDICT_ALLOW)) {
		for (size_t i = 0; i < count; i++)
			members[i]->done = true;
		return 0;
	}
	include_service(drafting, known);
	add_rule(drafting, draft_add(draft, service->name), members, count);
	return draft->failed ? -ENOMEM : 0;
}

static int by_known_name(const void *a, const void *b, void *ctx)
{
	return strcmp(known_at(ctx, *(const size_t *)a)->name, known_at(ctx, *(const size_t *)b)->name);
}

static int draft_known_services(struct drafting *drafting)
{
	const struct known *known = drafting->suggestion->known;
	size_t count = known_count(known), *order = calloc(count + 1, sizeof(*order));
	struct reached **members = calloc(drafting->count + 1, sizeof(struct reached *));
	int err = order && members ? 0 : -ENOMEM;
	bool *met = err ? NULL : calloc(count + 1, sizeof(*met));

	for (size_t i = 0; met && i < drafting->count; i++)
		met[drafting->all[i]->known] = true;
	for (size_t i = 0; !err && i < count; i++)
		order[i] = i;
	if (!err && count)
		qsort_r(order, count, sizeof(*order), by_known_name, (void *)known);
	for (size_t i = 0; !err && i < count; i++)
		if (met && met[order[i]])
			err = draft_known(drafting, order[i], members);
	for (size_t i = 0; !err && i < count; i++)
		if (is_included(drafting->draft, known_at(known, i)))
			draft_list_add(drafting->draft, &drafting->draft->taken, known_at(known, i)->name);
	free(order);
	free(members);
	free(met);
	return err;
}

/* --- folders --------------------------------------------------------------------------------- */

/* Paths in order, without repetition. */
struct fold {
	struct draft *draft;
	struct draft_list *list;
	char *const *paths;
};

/* The end of those from @lo on that have the same next name behind @prefix bytes, a slash and that;
 * *ret_length: of the prefix with it. */
static size_t same_name(const struct fold *fold, size_t lo, size_t hi, size_t prefix, size_t *ret_length)
{
	const char *first = fold->paths[lo];
	size_t length = prefix + 1 + strcspn(first + prefix + 1, "/"), end = lo + 1;

	while (end < hi && !strncmp(fold->paths[end], first, length) &&
	       strchr("/", fold->paths[end][length]))
		end++;
	*ret_length = length;
	return end;
}

/* The names in the folder that is the first @prefix bytes of the paths @lo … @hi - 1, @depth deep: one
 * path each, or the folder where there are many. */
static void fold_paths(const struct fold *fold, size_t lo, size_t hi, size_t prefix, unsigned int depth)
{
	size_t names = 0, length, end;

	/* The folder itself. */
	if (lo < hi && !fold->paths[lo][prefix])
		draft_list_add(fold->draft, fold->list, fold->paths[lo++]);
	for (size_t i = lo; i < hi; i = end, names++)
		end = same_name(fold, i, hi, prefix, &length);
	if (depth >= FOLDER_DEPTH && names >= FOLDER_MIN) {
		draft_list_format(fold->draft, fold->list, "%.*s/", (int)prefix, fold->paths[lo]);
		return;
	}
	for (size_t i = lo; i < hi; i = end) {
		end = same_name(fold, i, hi, prefix, &length);
		if (end == i + 1)
			draft_list_add(fold->draft, fold->list, fold->paths[i]);
		else
			fold_paths(fold, i, end, length, depth + 1);
	}
}

/* As paths are sorted where a slash comes before every other byte: what is below a folder stands together. */
static int compare_paths(const void *a, const void *b)
{
	const unsigned char *one = *(const unsigned char *const *)a,
		*other = *(const unsigned char *const *)b;

	while (*one && *one == *other)
		one++, other++;
	return (*one == '/' ? 1 : *one ? *one + 1 : 0) - (*other == '/' ? 1 : *other ? *other + 1 : 0);
}

/* @folded: folders take the place of what is in them. */
static void add_paths(struct drafting *drafting, struct draft_list *list, struct reached **objects,
		      size_t count,
		      bool folded)
{
	char **paths = calloc(count + 1, sizeof(*paths));
	struct fold fold = { drafting->draft, list, paths };

	if (!paths) {
		drafting->draft->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		paths[i] = (char *)string_at(drafting->suggestion, objects[i]->path);
	qsort(paths, count, sizeof(*paths), compare_paths);
	if (folded)
		fold_paths(&fold, 0, count, 0, 0);
	else
		for (size_t i = 0; i < count; i++)
			draft_list_add(drafting->draft, list, paths[i]);
	free(paths);
}

static struct draft_list *list_of(struct draft_service *service, enum object_class class)
{
	return class == CLASS_FILE ? &service->files : class == CLASS_EXEC ? &service->execs :
		&service->sockets;
}

/* --- by the name in the record, by range ------------------------------------------------------- */

/* What needs a rule: all of the network, and of the rest what a rule denied or had recorded, or would
 * deny now. */
static bool needs_rule(const struct reached *reached)
{
	return !reached->done && reached->fate != FATE_DEFAULT_DENIED &&
	       (reached->class == CLASS_NET || reached->fate >= FATE_AUDITED || reached->exception);
}

static int draft_group(struct drafting *drafting, struct reached **objects, size_t count)
{
	const char *name = string_at(drafting->suggestion, objects[0]->service);
	bool exact = objects[0]->fate == FATE_DENIED || objects[0]->exception;
	enum object_class class = objects[0]->class;
	struct draft_service *service;

	if (class == CLASS_NET)
		return suggestion_nets(drafting->draft, *name ? name : NULL, objects, count, exact,
				       add_rule, drafting);
	service = draft_add(drafting->draft, *name ? name : recorded_class_name(class));
	if (!service)
		return -ENOMEM;
	add_paths(drafting, list_of(service, class), objects, count, class == CLASS_FILE && !exact);
	add_rule(drafting, service, objects, count);
	return 0;
}

/* Those without a name of their own come last: their ranges give way to the others'. */
static int draft_groups(struct drafting *drafting, bool named)
{
	struct reached **members = calloc(drafting->count + 1, sizeof(struct reached *));
	size_t count = 0, end;
	int err = members ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		if (needs_rule(it) && named == !!*string_at(drafting->suggestion, it->service))
			members[count++] = it;
	}
	if (count)
		qsort_r(members, count, sizeof(*members), by_group, drafting->suggestion);
	for (size_t i = 0; !err && i < count; i = end) {
		for (end = i + 1; end < count &&
		     !compare_groups(drafting->suggestion, members[i], members[end]); end++)
			;
		err = draft_group(drafting, members + i, end - i);
	}
	free(members);
	return err;
}

/* --- what the default lets pass --------------------------------------------------------------- */

/* What every process opens: a policy has a rule for it, without saying so, that allows it. */
static bool is_of_system(const struct drafting *drafting, const struct reached *reached)
{
	uint8_t access = reached->access[FATE_REACHED] | reached->access[FATE_AUDITED];
	const struct known *known = drafting->suggestion->known;
	const struct known_service *service;

	if (reached->class != CLASS_FILE || reached->known == known_count(known))
		return false;
	service = known_at(known, reached->known);
	return service->implied && service->verdict == VERDICT_ALLOW && !(access & ~service->access);
}

static int draft_aside(struct drafting *drafting, enum object_class class, const char *name)
{
	struct reached **members = calloc(drafting->count + 1, sizeof(struct reached *));
	struct draft_service *service;
	struct draft_list *list;
	size_t count = 0;

	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		if (it->class == class && !it->done && it->fate != FATE_DEFAULT_DENIED &&
		    !is_of_system(drafting, it))
			members[count++] = it;
	}
	service = count ? draft_add(drafting->draft, name) : NULL;
	if (service) {
		list = list_of(service, class);
		add_paths(drafting, list, members, count, class != CLASS_SOCKET);
		add_rule(drafting, service, members, count);
		service->aside = true;
		if (list->count > ASIDE_MAX)
			draft_list_format(drafting->draft, &drafting->draft->notes,
					  "%zu further %s are not listed below.", list->count - ASIDE_MAX,
					  name);
		while (list->count > ASIDE_MAX)
			free(list->items[--list->count]);
	}
	free(members);
	return 0;
}

/* --- comments --------------------------------------------------------------------------------- */

static void append_object(struct text *out, const struct suggestion *suggestion,
			  const struct reached *reached)
{
	static const char *const protocols[] = { "/tcp", "/udp", "/other", "" };
	const char *path = string_at(suggestion, reached->path);
	char host[INET6_ADDRSTRLEN];
	bool v4;

	if (reached->class != CLASS_NET) {
		text_printable(out, path, strlen(path));
		return;
	}
	v4 = IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)reached->addr);
	inet_ntop(v4 ? AF_INET : AF_INET6, reached->addr + (v4 ? 12 : 0), host, sizeof(host));
	text_append_format(out, v4 ? "%s" : "[%s]", host);
	if (reached->proto != PROTO_NONE)
		text_append_format(out, ":%u%s", reached->port, protocols[reached->proto]);
}

static void note_denied(struct drafting *drafting)
{
	struct draft *draft = drafting->draft;
	size_t count = 0;

	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];
		struct text text = { 0 };
		char *by;

		if (it->class != CLASS_NET || it->fate != FATE_DEFAULT_DENIED || count++ >= NAMED_DENIED)
			continue;
		if (count == 1)
			draft_list_add(draft, &draft->notes, "Denied by the default, and given no rule:");
		by = about(drafting, &drafting->all[i], 1);
		append_object(&text, drafting->suggestion, it);
		text_append(&text, "", 1);
		draft_list_format(draft, &draft->notes, "  %s  %s", text.data ?: "", by ?: "");
		draft->failed |= text.failed;
		text_free(&text);
		free(by);
	}
	if (count > NAMED_DENIED)
		draft_list_format(draft, &draft->notes, "  and %zu more", count - NAMED_DENIED);
}

static void note_rest(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;
	size_t freed = 0;

	if (suggestion->waived)
		draft_list_format(draft, &draft->notes,
				  "%" PRIu64 " records passed by waivers, which this draft does not have. "
				  "Take them over from the policy:", suggestion->waived);
	for (uint32_t i = 0; i < suggestion->waivers.count && i < NAMED_DENIED; i++)
		draft_list_format(draft, &draft->notes, "  %s",
				  (const char *)intern_bytes(&suggestion->waivers, i));
	for (size_t i = 0; i < drafting->count; i++)
		freed += drafting->all[i]->class != CLASS_NET &&
			drafting->all[i]->fate == FATE_DEFAULT_DENIED;
	if (freed)
		draft_list_format(draft, &draft->notes,
				  "%zu files, programs or sockets were denied by a default that this draft "
				  "does not have.", freed);
	if (suggestion->untold)
		draft_list_format(draft, &draft->notes,
				  "%" PRIu64 " records are of what no policy can name: addresses that "
					     "cannot be told (of raw "
				  "packets, say), half a path, bytes that are no UTF-8.", suggestion->untold);
}

static void head(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;
	size_t runs = suggestion->runs.count;

	draft_list_format(draft, &draft->about, "A draft, made of %" PRIu64 " records of %zu run%s:",
			  suggestion->records,
			  runs, runs == 1 ? "" : "s");
	for (size_t i = 0; i < runs && i < NAMED_RUNS; i++)
		draft_list_format(draft, &draft->about, "  %s",
				  (const char *)intern_bytes(&suggestion->runs, i));
	if (runs > NAMED_RUNS)
		draft_list_format(draft, &draft->about, "  and %zu more", runs - NAMED_RUNS);
	draft_list_add(draft, &draft->about,
		       "What a rule denied stays denied. Of a service that is no known one, it has what was "
		       "reached, and its neighbours.");
}

/* Without a record of what was let pass, the default cannot deny what was not seen. */
static void choose_default(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;

	if (suggestion->by_default || (suggestion->by_rule && suggestion->default_denied)) {
		draft->default_net = VERDICT_DENY;
		draft->default_about = "what was not reached is not needed";
	} else {
		draft->default_net = VERDICT_AUDIT;
		draft->default_about =
			"deny, once there is a log of a run with record: all: this one has not what was "
			"let pass";
	}
}

void suggestion_draft(struct suggestion *suggestion, struct draft *draft)
{
	struct drafting drafting = { .suggestion = suggestion, .draft = draft,
				     .count = suggestion->object_count };
	int err;

	drafting.all = calloc(drafting.count + 1, sizeof(struct reached *));
	if (!drafting.all) {
		draft->failed = true;
		return;
	}
	for (size_t i = 0; i < drafting.count; i++)
		drafting.all[i] = &suggestion->objects[i];
	qsort_r(drafting.all, drafting.count, sizeof(*drafting.all), by_object, suggestion);
	head(&drafting);
	choose_default(&drafting);
	err = draft_known_services(&drafting) ?: draft_groups(&drafting, true) ?:
		draft_groups(&drafting, false) ?:
		draft_aside(&drafting, CLASS_FILE, "files") ?:
		draft_aside(&drafting, CLASS_EXEC, "programs") ?:
		draft_aside(&drafting, CLASS_SOCKET, "sockets");
	note_denied(&drafting);
	note_rest(&drafting);
	draft->failed |= err != 0;
	free(drafting.all);
}

size_t suggestion_denied(const struct suggestion *suggestion, const struct ruleset *image, struct text *out)
{
	size_t count = 0;

	for (size_t i = 0; i < suggestion->object_count; i++) {
		const struct reached *it = &suggestion->objects[i];
		uint8_t access = it->access[FATE_REACHED] | it->access[FATE_AUDITED];
		struct decision decision;

		if (it->fate != FATE_REACHED && it->fate != FATE_AUDITED)
			continue;
		decision = it->class == CLASS_NET ? image_decide_net(image, it->addr, it->port, it->proto) :
			image_decide_path(image, it->class, access, string_at(suggestion, it->path), NULL, 0);
		if (decision.verdict != VERDICT_DENY)
			continue;
		append_object(out, suggestion, it);
		text_append_string(out, "\n");
		count++;
	}
	return count;
}
