/* SPDX-License-Identifier: BSD-2-Clause */
#include "suggestion_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_DENIED 20			/* in the one about what stays denied */
#define NAMED_STEPS 4
#define FOLDER_MIN 3			/* so many things in a folder are the folder, */
#define FOLDER_DEPTH 2			/* if it is at least so deep: /srv/mirror */
#define ASIDE_MAX 500			/* files and the like in the comment at the end */

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

static int by_count(const void *a, const void *b, void *ctx)
{
	const struct reached_step *one = a, *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	return strcmp(string_at(ctx, one->name), string_at(ctx, other->name));
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

void drafting_note_origin(struct drafting *drafting, uint32_t name, size_t service)
{
	size_t count = drafting->origin_count;
	struct origin *origins = drafting->origins;

	/* Those of a service stand together, at the end. */
	for (size_t i = count; i && origins[i - 1].service == service; i--)
		if (origins[i - 1].name == name)
			return;
	if (!(count & (count - 1)))
		origins = reallocarray(origins, count ? 2 * count : 1, sizeof(*origins));
	if (!origins) {
		drafting->draft->failed = true;
		return;
	}
	origins[count] = (struct origin){ name, service };
	drafting->origins = origins;
	drafting->origin_count++;
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
	for (size_t i = 0; i < count; i++) {
		objects[i]->done = true;
		drafting_note_origin(drafting, objects[i]->service, service - drafting->draft->services);
	}
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

void drafting_include(struct drafting *drafting, size_t known)
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
			drafting_include(drafting, need);
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
	drafting_include(drafting, known);
	add_rule(drafting, draft_refer(draft, service->name), members, count);
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
	suggestion_needs_include(drafting);
	for (size_t i = 0; !err && i < count; i++)
		if (is_included(drafting->draft, known_at(known, i)))
			draft_take_name(drafting->draft, known_at(known, i)->name);
	free(order);
	free(members);
	free(met);
	return err;
}

/* --- folders --------------------------------------------------------------------------------- */

/* Paths of a class, in order, without repetition. */
struct fold {
	struct drafting *drafting;
	struct draft_list *list;
	enum object_class class;
	char *const *paths;
};

/* A folder is one service's: of two, neither would be more specific. Returns whether it is this one's now. */
static bool claim_folder(const struct fold *fold, const char *path, size_t size)
{
	struct intern *folders = &fold->drafting->folders;
	size_t known = folders->count;
	struct text key = { 0 };
	uint32_t number = 0;

	text_append_format(&key, "%d%.*s", (int)fold->class, (int)size, path);
	fold->drafting->draft->failed |= key.failed || intern_add(folders, key.data, key.size, &number);
	text_free(&key);
	return number == known;
}

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
		draft_list_add(fold->drafting->draft, fold->list, fold->paths[lo++]);
	for (size_t i = lo; i < hi; i = end, names++)
		end = same_name(fold, i, hi, prefix, &length);
	if (depth >= FOLDER_DEPTH && names >= FOLDER_MIN && claim_folder(fold, fold->paths[lo], prefix)) {
		draft_list_format(fold->drafting->draft, fold->list, "%.*s/", (int)prefix, fold->paths[lo]);
		return;
	}
	for (size_t i = lo; i < hi; i = end) {
		end = same_name(fold, i, hi, prefix, &length);
		if (end == i + 1)
			draft_list_add(fold->drafting->draft, fold->list, fold->paths[i]);
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
		      size_t count, bool folded)
{
	char **paths = calloc(count + 1, sizeof(*paths));
	struct fold fold = { drafting, list, objects[0]->class, paths };

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

static void note_stand_ins(struct draft *draft)
{
	if (draft->stand_ins.count)
		draft_list_add(draft, &draft->notes,
			       "Needed, but in no record, and so with an address for documentation (RFC 5737) in "
			       "the place of their own:");
	for (size_t i = 0; i < draft->stand_ins.count; i++)
		draft_list_format(draft, &draft->notes, "  %s", draft->stand_ins.items[i]);
}

static void note_rest(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;
	size_t freed = 0;

	if (suggestion->needs_cut)
		draft_list_add(draft, &draft->notes, "Services need more than the log has room for.");
	if (suggestion->waived)
		draft_list_format(draft, &draft->notes,
				  "%" PRIu64 " record%s passed by waivers, which this draft does not have. "
				  "Take them over from the policy:", suggestion->waived,
				  suggestion->waived == 1 ? "" : "s");
	for (uint32_t i = 0; i < suggestion->waivers.count; i++)
		draft_list_format(draft, &draft->notes, "  %s",
				  (const char *)intern_bytes(&suggestion->waivers, i));
	if (suggestion->more_waivers)
		draft_list_add(draft, &draft->notes, "  and more");
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

static void name_runs(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;
	size_t runs = suggestion->runs.count;

	draft_list_format(draft, &draft->about, "A draft, made of %" PRIu64 " records of %s%zu run%s:",
			  suggestion->records, suggestion->more_runs ? "more than " : "", runs, runs == 1 ? "" : "s");
	for (size_t i = 0; i < runs && i < SUGGESTION_RUNS_NAMED; i++)
		draft_list_format(draft, &draft->about, "  %s", suggestion->run_names[i]);
	if (runs > SUGGESTION_RUNS_NAMED)
		draft_list_format(draft, &draft->about, "  and %zu more%s", runs - SUGGESTION_RUNS_NAMED,
				  suggestion->more_runs ? ", at least" : "");
}

static void head(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;

	name_runs(drafting);
	draft_list_add(draft, &draft->about,
		       "What a rule denied stays denied. Of a service that is no known one, it has what was "
		       "reached, and its neighbours.");
	if (!known_has_files(suggestion->known)) {
		draft_list_add(draft, &draft->about,
			       "No service file was found, such as the list of GitHub's addresses: of every service "
			       "it has");
		draft_list_add(draft, &draft->about,
			       "only what was reached. Install ringfence, or name their folder: --from-services DIR.");
	}
	if (suggestion_is_cut(suggestion))
		draft_list_format(draft, &draft->about,
				  "NOT COMPLETE: %" PRIu64 " records, %" PRIu64 " of them of addresses, are of more "
				  "objects than there is room for (%zu). Name fewer runs.", suggestion->no_room,
				  suggestion->no_room_net, suggestion->object_count);
}

/* Without a record of what was let pass, the default cannot deny what was not seen. */
static void choose_default(struct drafting *drafting)
{
	const struct suggestion *suggestion = drafting->suggestion;
	struct draft *draft = drafting->draft;

	if (suggestion->no_room_net) {
		draft->default_net = VERDICT_AUDIT;
		draft->default_about = "deny, once there is a draft that has all that was reached";
	} else if (suggestion->by_default || (suggestion->by_rule && suggestion->default_denied)) {
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
		draft_groups(&drafting, false) ?: suggestion_needs_draft(&drafting);
	if (!err)
		suggestion_nets_loopback(draft, suggestion->known);
	err = err ?: draft_aside(&drafting, CLASS_FILE, "files") ?:
		draft_aside(&drafting, CLASS_EXEC, "programs") ?:
		draft_aside(&drafting, CLASS_SOCKET, "sockets");
	note_denied(&drafting);
	note_stand_ins(draft);
	note_rest(&drafting);
	draft->failed |= err != 0;
	free(drafting.all);
	free(drafting.origins);
	intern_free(&drafting.folders);
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
