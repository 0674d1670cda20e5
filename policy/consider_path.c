/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries about a path. They rank as path_offer() in lsm/decide_path.h has it: what the policy says before
 * what every policy implies, the longer before the shorter, the path itself before all below a folder:
 * rank[0] to rank[2].
 */
#include <errno.h>
#include <string.h>

#include "consider_pass.h"
#include "show.h"

/* What is asked about one class. */
struct question {
	const struct ruleset *image;
	const struct policy *policy;
	enum object_class object;
	int kind;			/* of access: the index of a rule */
	const char *path;
	const struct inode_id *chain;
	size_t chain_count;
	struct decision decision;
	size_t first;			/* its entries in the list */
};

/* --- what matches -------------------------------------------------------------------------- */

static bool matches_name(const struct ruleset *image, const struct path_entry *entry, const char *path)
{
	const char *string = image_string(image, entry->string);

	/* Of a damaged ruleset nothing else is read. */
	if (strlen(string) != entry->length || strncmp(path, string, entry->length))
		return false;
	return entry->kind & PATH_EXACT ? !path[entry->length] :
	       !path[entry->length] || path[entry->length] == '/';
}

static bool in_chain(const struct question *question, const struct inode_entry *inode, uint32_t kind)
{
	for (size_t i = 0; i < question->chain_count; i++)
		if (inode->ino == question->chain[i].ino && inode->dev == question->chain[i].dev)
			return !i || kind & PATH_TREE;
	return false;
}

/* Whether one of the identities of the entry at @index is the object's, or that of a folder above it. */
static bool matches_identity(const struct question *question, const struct path_entry *entry, uint32_t index)
{
	struct table table = question->image->inodes[question->object];
	const char *image = (const char *)question->image;
	const struct inode_entry *inodes = (const struct inode_entry *)(image + table.off);

	for (uint32_t i = 0; i < table.count; i++)
		if (inodes[i].ino && inodes[i].path == index && in_chain(question, &inodes[i], entry->kind))
			return true;
	return false;
}

/* --- entries ------------------------------------------------------------------------------- */

static struct considered *add_entry(const struct question *question, struct consideration *list,
				    const struct path_entry *path, uint16_t rule, bool by_name)
{
	struct shown shown = show_path(image_string(question->image, path->string), path->kind & PATH_TREE);
	struct considered *entry = consider_add(list, question->image, question->object, rule, "%s%s%s",
						shown.text, question->object == CLASS_EXEC ? " (execs)" : "",
						by_name ? "" : " (another name of it)");

	if (entry) {
		entry->rank[0] = !(path->kind & PATH_IMPLIED);
		entry->rank[1] = path->length;
		entry->rank[2] = path->kind & PATH_EXACT ? 1 : 0;
	}
	return entry;
}

/* With the policy: where the rules say so, and those that say the same as another. */
static void add_claims(const struct question *question, struct consideration *list,
		       const struct path_entry *path, bool by_name, size_t rule)
{
	const struct policy *policy = question->policy;
	const struct policy_service *service = &policy->services[policy->rules[rule].service];
	const struct policy_path *paths = question->object == CLASS_FILE ? service->files :
					  question->object == CLASS_EXEC ? service->execs : service->sockets;
	size_t count = question->object == CLASS_FILE ? service->file_count :
		       question->object == CLASS_EXEC ? service->exec_count : service->socket_count;

	for (size_t i = 0; i < count; i++) {
		struct considered *entry;

		if (paths[i].tree != !!(path->kind & PATH_TREE) ||
		    strcmp(paths[i].path, image_string(question->image, path->string)))
			continue;
		entry = add_entry(question, list, path, (uint16_t)rule, by_name);
		if (!entry)
			return;
		entry->entry_where = paths[i].where;
		entry->matches = policy->rules[rule].access & 1 << question->kind;
		/* Nothing implied holds for a path that the policy speaks of, of whatever access. */
		if (entry->matches && policy->rules[rule].implied && !(path->kind & PATH_IMPLIED)) {
			entry->matches = false;
			consider_why(entry, "gives way to what the policy says");
		}
	}
}

static void add_path(const struct question *question, struct consideration *list,
		     const struct path_entry *path, bool by_name)
{
	for (size_t i = 0; question->policy && i < question->policy->rule_count; i++)
		add_claims(question, list, path, by_name, i);
	if (question->policy)
		return;
	for (int kind = 0; kind < ACCESS_KINDS; kind++) {
		struct considered *entry;

		if (path->rule[kind] == RULE_DEFAULT || (kind != question->kind &&
							 path->rule[kind] == path->rule[question->kind]))
			continue;
		entry = add_entry(question, list, path, path->rule[kind], by_name);
		if (entry)
			entry->matches = kind == question->kind;
	}
}

/* Fills in the entries of the class of @question, and its default where that is asked for. */
static void add_class(struct question *question, struct consideration *list, bool with_default)
{
	struct table table = question->image->paths[question->object];
	const char *image = (const char *)question->image;
	const struct path_entry *paths = (const struct path_entry *)(image + table.off);

	question->first = list->count;
	for (uint32_t i = 0; i < table.count; i++) {
		bool by_name;

		if (!paths[i].hash)
			continue;
		by_name = matches_name(question->image, &paths[i], question->path);
		if (by_name || matches_identity(question, &paths[i], i))
			add_path(question, list, &paths[i], by_name);
	}
	consider_sort(list, question->first);
	if (with_default)
		consider_default(list, question->image, question->policy, question->object);
}

/* --- who wins ------------------------------------------------------------------------------ */

static const char *why_wins(const struct considered *winner, const struct considered *next)
{
	if (winner->number == RULE_DEFAULT)
		return "no rule matches";
	if (!next)
		return "the only one that matches";
	if (winner->rank[0] != next->rank[0])
		return "the policy's own goes before what every policy implies";
	if (winner->rank[1] != next->rank[1])
		return "longest path";
	if (winner->rank[2] != next->rank[2])
		return "the path itself goes before all below it";
	return winner->verdict == next->verdict ? "listed first; others say the same" :
						  "nearest to the object";
}

static const char *why_loses(const struct question *question, const struct considered *winner,
			     const struct considered *entry)
{
	if (!entry->matches && *entry->why)
		return NULL;
	if (!entry->matches)
		return question->kind ? "speaks of reading only" : "speaks of writing only";
	if (!winner)
		return "the path cannot be told: doubt denies";
	if (entry->number == RULE_DEFAULT)
		return "a rule matches";
	if (winner->rank[0] != entry->rank[0])
		return "gives way to what the policy says";
	if (winner->rank[1] != entry->rank[1])
		return "a longer path matches";
	if (winner->rank[2] != entry->rank[2])
		return "the path itself goes before all below it";
	return winner->verdict == entry->verdict ? "says the same, and is listed later" :
						   "farther from the object";
}

/* Settles one class by itself. */
static void settle(const struct question *question, struct consideration *list, size_t end)
{
	struct consideration own = { .list = list->list, .count = end };
	struct considered *winner = consider_winner(&own, question->first, &question->decision);

	for (size_t i = question->first; i < end; i++) {
		struct considered *entry = &list->list[i];
		const char *why = entry == winner ? why_wins(entry, consider_next(&own, entry)) :
						    why_loses(question, winner, entry);

		entry->wins = entry == winner;
		if (why)
			consider_why(entry, why);
	}
}

/* Of the winners of two classes only one decided; @why the one of @question did not. */
static void outdo(const struct question *question, struct consideration *list, size_t end, const char *why)
{
	for (size_t i = question->first; i < end; i++) {
		if (!list->list[i].wins)
			continue;
		list->list[i].wins = false;
		consider_why(&list->list[i], why);
	}
}

static struct question ask(const struct ruleset *image, const struct policy *policy, enum object_class object,
			   uint8_t access, const char *path, const struct inode_id *chain, size_t chain_count)
{
	return (struct question){
		.image = image,
		.policy = policy,
		.object = object,
		.kind = access & ACCESS_READ ? 0 : 1,
		.path = path,
		.chain = chain,
		.chain_count = chain_count,
		.decision = image_decide_path(image, object, access, path, chain, chain_count),
	};
}

int consider_socket(const struct ruleset *image, const struct policy *policy, const char *path,
		    const struct inode_id *chain, size_t chain_count, struct consideration *ret_list)
{
	struct question question = ask(image, policy, CLASS_SOCKET, ACCESS_READ, path, chain, chain_count);
	struct consideration list = { 0 };

	add_class(&question, &list, true);
	if (list.out_of_memory) {
		consideration_free(&list);
		return -ENOMEM;
	}
	settle(&question, &list, list.count);
	*ret_list = list;
	return 0;
}

/* Files and programs in one: @decided is the class whose rule is the answer. */
static int consider_both(struct question *file, struct question *exec, bool exec_default,
			 enum object_class decided, struct consideration *ret_list)
{
	bool read = file->kind == 0;
	struct consideration list = { 0 };
	size_t end;

	add_class(file, &list, true);
	end = list.count;
	if (read)
		add_class(exec, &list, exec_default);
	if (list.out_of_memory) {
		consideration_free(&list);
		return -ENOMEM;
	}
	settle(file, &list, end);
	if (read)
		settle(exec, &list, list.count);
	if (read && decided == CLASS_FILE)
		outdo(exec, &list, list.count, "not stricter than the answer for files");
	if (decided == CLASS_EXEC)
		outdo(file, &list, end, "not stricter than the answer for programs");
	*ret_list = list;
	return 0;
}

int consider_open(const struct ruleset *image, const struct policy *policy, uint8_t access, const char *path,
		  const struct inode_id *chain, size_t chain_count, struct consideration *ret_list)
{
	struct question file = ask(image, policy, CLASS_FILE, access, path, chain, chain_count);
	struct question exec = ask(image, policy, CLASS_EXEC, ACCESS_READ, path, chain, chain_count);
	enum object_class decided;

	image_decide_open(image, access, path, chain, chain_count, &decided);
	return consider_both(&file, &exec, false, decided, ret_list);
}

int consider_exec(const struct ruleset *image, const struct policy *policy, const char *path,
		  const struct inode_id *chain, size_t chain_count, struct consideration *ret_list)
{
	struct question file = ask(image, policy, CLASS_FILE, ACCESS_READ, path, chain, chain_count);
	struct question exec = ask(image, policy, CLASS_EXEC, ACCESS_READ, path, chain, chain_count);
	enum object_class decided;

	image_decide_exec(image, path, chain, chain_count, &decided);
	return consider_both(&file, &exec, true, decided, ret_list);
}
