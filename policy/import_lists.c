/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lists that can be imported, one walker per shape. A walker calls offer() for every prefix
 * with the attributes it stands under; selection, checks and faults are the same for all.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "import_walk.h"

#define ATTRIBUTES_MAX 12	/* of one entry: five keys on two levels, and the family */

/* The one key that every list has: it follows from the prefix. */
#define FAMILY "family"

/* What an entry can be selected by. */
struct attribute {
	const char *key;
	const char *text;	/* its value, or */
	json_t *list;		/* its values */
};

struct list_entry {
	struct attribute attributes[ATTRIBUTES_MAX];
	size_t count;
};

typedef void (*visit_fn)(struct import_walk *walk, json_t *element, const struct list_entry *entry);

/* --- where the walk is, and what is wrong there --------------------------------------------- */

static void enter(struct import_walk *walk, const char *key, size_t index)
{
	assert(walk->depth < IMPORT_PATH_DEPTH);
	walk->path[walk->depth++] = (struct import_step){ .key = key, .index = index };
}

static void leave(struct import_walk *walk)
{
	walk->depth--;
}

/* Writes walk->path as ".prefixes[17].ip_prefix"; the list itself is ".". */
static void path_text(const struct import_walk *walk, char *out, size_t size)
{
	size_t length = 0;

	snprintf(out, size, ".");
	for (size_t i = 0; i < walk->depth && length < size; i++) {
		const struct import_step *step = &walk->path[i];

		if (step->key)
			length += snprintf(out + length, size - length, ".%.*s", IMPORT_WORD_SHOWN,
					   step->key);
		else
			length += snprintf(out + length, size - length, "[%zu]", step->index);
	}
}

void import_fault(struct import_walk *walk, const char *hint, const char *fmt, ...)
{
	struct diag_where where = { .file = walk->file, .len = 1 };
	char path[IMPORT_PATH_DEPTH * (IMPORT_WORD_SHOWN + 2)], message[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	path_text(walk, path, sizeof(path));
	diags_add(walk->diags, DIAG_ERROR, where, NULL, 0, hint, "%s: %s", path, message);
}

static void out_of_memory(struct import_walk *walk)
{
	walk->err = -ENOMEM;
}

/* --- prefixes ------------------------------------------------------------------------------- */

/* Reads a prefix as one of a policy is read; its faults go to @diags. */
static bool read_net(const char *text, struct diags *diags, struct policy_net *ret_net)
{
	struct checker checker = { .diags = diags, .source = { .name = "" } };
	struct node node = { .kind = NODE_SCALAR, .text = text, .size = strlen(text) };

	*ret_net = (struct policy_net){ 0 };
	return net_items.read(&checker, &node, ret_net);
}

static bool is_net(const char *text)
{
	struct policy_net net;
	struct diags diags = { 0 };
	bool good = read_net(text, &diags, &net);

	diags_free(&diags);
	return good;
}

static void add_net(struct import_walk *walk, const char *text)
{
	struct diags diags = { 0 };
	struct policy_net net;

	if (!read_net(text, &diags, &net)) {
		if (diags.count)
			import_fault(walk, diags.list[0].hint, "%s", diags.list[0].message);
		else
			out_of_memory(walk);
		diags_free(&diags);
		return;
	}
	if (walk->net_count == walk->net_room) {
		size_t room = walk->net_room ? walk->net_room * 2 : 256;
		void *nets = reallocarray(walk->nets, room, sizeof(*walk->nets));

		if (!nets) {
			out_of_memory(walk);
			return;
		}
		walk->nets = nets;
		walk->net_room = room;
	}
	walk->nets[walk->net_count++] = net;
}

/* --- selection ------------------------------------------------------------------------------ */

static bool has_value(const struct attribute *attribute, const char *value)
{
	json_t *item;
	size_t i;

	if (attribute->text)
		return !strcmp(attribute->text, value);
	json_array_foreach(attribute->list, i, item) {
		if (!strcmp(json_string_value(item), value))
			return true;
	}
	return false;
}

static bool entry_has(const struct list_entry *entry, const struct import_select *select)
{
	for (size_t i = 0; i < entry->count; i++) {
		const struct attribute *attribute = &entry->attributes[i];

		if (!strcmp(attribute->key, select->key) && has_value(attribute, select->value))
			return true;
	}
	return false;
}

/* Of the conditions with the same key one must hold. Marks those the entry fulfils as seen. */
static bool selected(struct import_walk *walk, const struct list_entry *entry)
{
	bool all = true;

	for (size_t i = 0; i < walk->select_count; i++)
		walk->selects[i].seen |= entry_has(entry, &walk->selects[i]);
	for (size_t i = 0; i < walk->select_count; i++) {
		bool any = false;

		for (size_t j = 0; j < walk->select_count && !any; j++)
			any = !strcmp(walk->selects[i].key, walk->selects[j].key) &&
			      entry_has(entry, &walk->selects[j]);
		all &= any;
	}
	return all;
}

static void add_word(struct import_walk *walk, const char *word)
{
	if (walk->word_count == walk->word_room) {
		size_t room = walk->word_room ? walk->word_room * 2 : 256;
		void *words = reallocarray(walk->words, room, sizeof(*walk->words));

		if (!words) {
			out_of_memory(walk);
			return;
		}
		walk->words = words;
		walk->word_room = room;
	}
	walk->words[walk->word_count++] = word;
}

static void collect(struct import_walk *walk, const struct list_entry *entry)
{
	for (size_t i = 0; i < entry->count; i++) {
		const struct attribute *attribute = &entry->attributes[i];
		json_t *item;
		size_t at;

		if (strcmp(attribute->key, walk->collect))
			continue;
		if (attribute->text)
			add_word(walk, attribute->text);
		json_array_foreach(attribute->list, at, item)
			add_word(walk, json_string_value(item));
	}
}

static void add_attribute(struct list_entry *entry, const char *key, const char *text, json_t *list)
{
	assert(entry->count < ATTRIBUTES_MAX);
	entry->attributes[entry->count++] =
		(struct attribute){ .key = key, .text = text, .list = list };
}

/* One prefix of the list, and what it stands under. */
static void offer(struct import_walk *walk, json_t *prefix, const struct list_entry *entry)
{
	const char *text = json_string_value(prefix);
	struct list_entry whole = *entry;

	if (text)
		add_attribute(&whole, FAMILY, strchr(text, ':') ? "ipv6" : "ipv4", NULL);
	if (walk->collect) {
		/* What holds no prefixes at all, such as a list of keys, is nothing to offer. */
		if (text && is_net(text))
			collect(walk, &whole);
	} else if (selected(walk, &whole)) {
		if (text)
			add_net(walk, text);
		else
			import_fault(walk, NULL, "expected an address range as text");
	}
}

/* --- the shapes ----------------------------------------------------------------------------- */

static bool text_list(json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (!json_is_string(item))
			return false;
	}
	return json_is_array(list);
}

/* Adds to @entry what @object has of the keys that can be selected by. */
static void take_attributes(struct import_walk *walk, json_t *object, struct list_entry *entry)
{
	for (const char *const *key = walk->provider->keys; *key; key++) {
		json_t *value = json_object_get(object, *key);

		if (!value || !strcmp(*key, FAMILY))
			continue;
		if (json_is_string(value)) {
			add_attribute(entry, *key, json_string_value(value), NULL);
		} else if (text_list(value)) {
			add_attribute(entry, *key, NULL, value);
		} else {
			enter(walk, *key, 0);
			import_fault(walk, NULL, "expected text");
			leave(walk);
		}
	}
}

/* Calls @visit for every element of the list that @object holds under @key. */
static void each(struct import_walk *walk, json_t *object, const char *key, visit_fn visit,
		 const struct list_entry *entry)
{
	json_t *list = json_object_get(object, key), *element;
	size_t i;

	enter(walk, key, 0);
	if (!json_is_array(list))
		import_fault(walk, NULL, list ? "expected a list" : "is missing; expected a list");
	json_array_foreach(list, i, element) {
		if (walk->err)
			break;
		enter(walk, NULL, i);
		visit(walk, element, entry);
		leave(walk);
	}
	leave(walk);
}

static bool is_object(struct import_walk *walk, json_t *element)
{
	if (!json_is_object(element))
		import_fault(walk, NULL, "expected an object");
	return json_is_object(element);
}

/* An object with its prefix under one of provider->prefix_keys. */
static void visit_object(struct import_walk *walk, json_t *element, const struct list_entry *entry)
{
	struct list_entry whole = *entry;
	bool found = false;

	if (!is_object(walk, element))
		return;
	take_attributes(walk, element, &whole);
	for (const char *const *key = walk->provider->prefix_keys; *key; key++) {
		json_t *prefix = json_object_get(element, *key);

		if (!prefix)
			continue;
		found = true;
		enter(walk, *key, 0);
		offer(walk, prefix, &whole);
		leave(walk);
	}
	if (!found)
		import_fault(walk, NULL, "no \"%s\"", walk->provider->prefix_keys[0]);
}

/* { "prefixes": [ { "ip_prefix": PREFIX, "service": ... } ] } */
static void walk_objects(struct import_walk *walk)
{
	const struct list_entry none = { 0 };

	for (const char *const *array = walk->provider->arrays; *array; array++)
		each(walk, walk->root, *array, visit_object, &none);
}

/* { "web": [ PREFIX ], "api": [ PREFIX ] }: what is not a list is something else, but the marks
 * are lists. */
static void walk_sections(struct import_walk *walk)
{
	const char *key;
	json_t *value;

	json_object_foreach(walk->root, key, value) {
		struct list_entry entry = { 0 };
		bool due = false;

		for (const char *const *mark = walk->provider->marks; *mark; mark++)
			due |= !strcmp(*mark, key);
		add_attribute(&entry, "section", key, NULL);
		if (due || json_is_array(value))
			each(walk, walk->root, key, offer, &entry);
	}
}

static void visit_azure_tag(struct import_walk *walk, json_t *element, const struct list_entry *entry)
{
	struct list_entry whole = *entry;
	json_t *properties;

	if (!is_object(walk, element))
		return;
	take_attributes(walk, element, &whole);
	properties = json_object_get(element, "properties");
	enter(walk, "properties", 0);
	if (is_object(walk, properties)) {
		take_attributes(walk, properties, &whole);
		each(walk, properties, "addressPrefixes", offer, &whole);
	}
	leave(walk);
}

/* { "values": [ { "name": ..., "properties": { ..., "addressPrefixes": [ PREFIX ] } } ] } */
static void walk_azure(struct import_walk *walk)
{
	const struct list_entry none = { 0 };

	each(walk, walk->root, "values", visit_azure_tag, &none);
}

static void visit_oracle_region(struct import_walk *walk, json_t *element,
				const struct list_entry *entry)
{
	struct list_entry whole = *entry;

	if (!is_object(walk, element))
		return;
	take_attributes(walk, element, &whole);
	each(walk, element, "cidrs", visit_object, &whole);
}

/* { "regions": [ { "region": ..., "cidrs": [ { "cidr": PREFIX, "tags": [ ... ] } ] } ] } */
static void walk_oracle(struct import_walk *walk)
{
	const struct list_entry none = { 0 };

	each(walk, walk->root, "regions", visit_oracle_region, &none);
}

/* --- the providers -------------------------------------------------------------------------- */

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

const struct import_provider import_providers[] = {
	{
		.name = "github",
		.title = "GitHub",
		.url = "https://api.github.com/meta",
		.keys = WORDS("section", FAMILY),
		.sections = WORDS("web", "api", "git", "packages", "pages"),
		.sections_why = "what a deploy reaches; "
				"not what calls out: runners, hooks, importers",
		.marks = WORDS("web", "api", "git"),
		.dates = WORDS(NULL),
		.walk = walk_sections,
	},
	{
		.name = "aws",
		.title = "Amazon Web Services",
		.url = "https://ip-ranges.amazonaws.com/ip-ranges.json",
		.keys = WORDS("service", "region", "network_border_group", FAMILY),
		.marks = WORDS("createDate", "prefixes", "ipv6_prefixes"),
		.dates = WORDS("createDate", "syncToken"),
		.arrays = WORDS("prefixes", "ipv6_prefixes"),
		.prefix_keys = WORDS("ip_prefix", "ipv6_prefix"),
		.walk = walk_objects,
	},
	{
		.name = "azure",
		.title = "Microsoft Azure",
		.url = "https://www.microsoft.com/download/details.aspx?id=56519",
		.keys = WORDS("name", "id", "systemService", "region", FAMILY),
		.marks = WORDS("changeNumber", "values"),
		.dates = WORDS("changeNumber", "cloud"),
		.walk = walk_azure,
	},
	{
		.name = "google",
		.title = "Google Cloud",
		.url = "https://www.gstatic.com/ipranges/cloud.json",
		.keys = WORDS("service", "scope", FAMILY),
		.marks = WORDS("creationTime", "prefixes"),
		.dates = WORDS("creationTime", "syncToken"),
		.arrays = WORDS("prefixes"),
		.prefix_keys = WORDS("ipv4Prefix", "ipv6Prefix"),
		.walk = walk_objects,
	},
	{
		.name = "fastly",
		.title = "Fastly",
		.url = "https://api.fastly.com/public-ip-list",
		.keys = WORDS(FAMILY),
		.marks = WORDS("addresses", "ipv6_addresses"),
		.dates = WORDS(NULL),
		.walk = walk_sections,
	},
	{
		.name = "oracle",
		.title = "Oracle Cloud",
		.url = "https://docs.oracle.com/iaas/tools/public_ip_ranges.json",
		.keys = WORDS("region", "tags", FAMILY),
		.marks = WORDS("last_updated_timestamp", "regions"),
		.dates = WORDS("last_updated_timestamp"),
		.prefix_keys = WORDS("cidr"),
		.walk = walk_oracle,
	},
	{
		.name = "zscaler",
		.title = "Zscaler",
		.url = "https://config.zscaler.com/api/zscaler.net/hubs/cidr/json/recommended",
		.keys = WORDS(FAMILY),
		.marks = WORDS("hubPrefixes"),
		.dates = WORDS(NULL),
		.walk = walk_sections,
	},
	{ 0 },
};
