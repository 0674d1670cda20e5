/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suggestion_private.h"

#define FOLDER_MIN 3			/* so many things in a folder are the folder, */
#define FOLDER_DEPTH 2			/* if it is at least so deep: /srv/mirror */
#define ASIDE_MAX 500			/* files and the like in the comment at the end, or of what is needed */

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
				       drafting_add_rule, drafting);
	service = draft_add(drafting->draft, *name ? name : recorded_class_name(class));
	if (!service)
		return -ENOMEM;
	add_paths(drafting, list_of(service, class), objects, count, class == CLASS_FILE && !exact);
	drafting_add_rule(drafting, service, objects, count);
	return 0;
}

int suggestion_groups(struct drafting *drafting, bool named)
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
		qsort_r(members, count, sizeof(*members), reached_by_group, drafting->suggestion);
	for (size_t i = 0; !err && i < count; i = end) {
		for (end = i + 1; end < count &&
		     !reached_compare_groups(drafting->suggestion, members[i], members[end]); end++)
			;
		err = draft_group(drafting, members + i, end - i);
	}
	free(members);
	return err;
}

/* --- what the default lets pass --------------------------------------------------------------- */

/* @name: of what is cut, of which the draft has a note then. */
static void cut_list(struct draft *draft, struct draft_list *list, const char *name)
{
	if (list->count > ASIDE_MAX)
		draft_list_format(draft, &draft->notes, "%zu further %s are not listed.",
				  list->count - ASIDE_MAX, name);
	while (list->count > ASIDE_MAX)
		free(list->items[--list->count]);
}

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

int suggestion_aside(struct drafting *drafting, enum object_class class, const char *name)
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
		drafting_add_rule(drafting, service, members, count);
		service->aside = true;
		cut_list(drafting->draft, list, name);
	}
	free(members);
	return 0;
}

/* @members in order, and so each class together. */
static void add_unruled(struct drafting *drafting, uint32_t name, struct reached **members, size_t count)
{
	static const char *const names[] = {
		[CLASS_FILE] = "files", [CLASS_EXEC] = "programs", [CLASS_SOCKET] = "sockets",
	};
	struct draft_service *service = draft_add(drafting->draft, string_at(drafting->suggestion, name));
	size_t end;

	for (size_t i = 0; service && i < count; i = end) {
		enum object_class class = members[i]->class;
		struct draft_list *list = list_of(service, class);

		for (end = i + 1; end < count && members[end]->class == class; end++)
			;
		add_paths(drafting, list, members + i, end - i, class == CLASS_FILE);
		cut_list(drafting->draft, list, names[class]);
	}
	drafting_add_rule(drafting, service, members, count);
	if (service)
		service->unruled = true;
}

int suggestion_group_unruled(struct drafting *drafting, uint32_t name)
{
	struct reached **members = calloc(drafting->count + 1, sizeof(struct reached *));
	size_t count = 0;

	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < drafting->count; i++) {
		struct reached *it = drafting->all[i];

		if (it->service == name && it->class != CLASS_NET && !it->done && it->fate != FATE_DEFAULT_DENIED)
			members[count++] = it;
	}
	if (count)
		add_unruled(drafting, name, members, count);
	free(members);
	return 0;
}
