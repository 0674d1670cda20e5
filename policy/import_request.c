/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is wanted of a list, checked. Names and ports are read by what reads them in a policy, so
 * whatever passes here passes there.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "import_walk.h"

#define PROVIDERS_MAX 15
#define PORT_TEXT 64		/* of one item of --ports; a longer one is none */

static struct diag_where option_where(const char *option)
{
	return (struct diag_where){ .file = option, .len = 1 };
}

/* Reports a word that is none of @known (NULL-terminated). */
static void unknown_word(struct diags *diags, const char *option, const char *what,
			 const char *word, const char *const *known)
{
	const char *nearest = diag_nearest(word, known);
	char hint[128];

	snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest ?: "");
	diags_add(diags, DIAG_ERROR, option_where(option), NULL, 0, nearest ? hint : NULL,
		  "unknown %s \"%s\"; expected %s", what, word, word_list(known).text);
}

static const struct import_provider *find_provider(const char *name, struct diags *diags)
{
	const char *names[PROVIDERS_MAX + 1] = { NULL };

	for (size_t i = 0; import_providers[i].name; i++) {
		assert(i < PROVIDERS_MAX);
		if (!strcmp(import_providers[i].name, name))
			return &import_providers[i];
		names[i] = import_providers[i].name;
	}
	unknown_word(diags, "PROVIDER", "provider", name, names);
	return NULL;
}

static void add_select(struct import_walk *walk, const char *key, const char *value, bool implied)
{
	if (walk->select_count == IMPORT_SELECTS_MAX) {
		diags_add(walk->diags, DIAG_ERROR, option_where("--select"), NULL, 0, NULL,
			  "given too often; at most %d times", IMPORT_SELECTS_MAX);
		return;
	}
	walk->selects[walk->select_count++] =
		(struct import_select){ .key = key, .value = value, .implied = implied };
}

/* Reads "KEY=VALUE". */
static void parse_select(struct import_walk *walk, const char *text)
{
	const char *equals = strchr(text, '=');
	char key[IMPORT_WORD_SHOWN + 1];

	if (!equals) {
		diags_add(walk->diags, DIAG_ERROR, option_where("--select"), NULL, 0, NULL,
			  "expected KEY=VALUE, found \"%s\"", text);
		return;
	}
	snprintf(key, sizeof(key), "%.*s", (int)(equals - text), text);
	for (const char *const *known = walk->provider->keys; *known; known++) {
		if (!strcmp(*known, key)) {
			add_select(walk, *known, equals + 1, false);
			return;
		}
	}
	unknown_word(walk->diags, "--select", "key", key, walk->provider->keys);
}

/* Where no section is selected, the provider's own choice of them is. */
static void parse_selects(struct import_walk *walk, const struct import_request *request)
{
	const char *const *section = walk->provider->sections;

	for (size_t i = 0; i < request->select_count; i++)
		parse_select(walk, request->selects[i]);
	if (import_selects_section(request))
		return;
	for (; section && *section; section++)
		add_select(walk, "section", *section, true);
}

/* Part of an option's text as the scalar it will be in the service file. */
static struct node option_node(const char *text, size_t size, size_t offset)
{
	return (struct node){
		.kind = NODE_SCALAR,
		.plain = true,
		.line = 1,
		.col = offset + 1,
		.len = size ? size : 1,
		.text = text,
		.size = size,
	};
}

static struct checker option_checker(struct diags *diags, const char *option, const char *text)
{
	return (struct checker){
		.diags = diags,
		.source = { .name = option, .text = text, .size = strlen(text) },
	};
}

static void check_name(const char *name, struct diags *diags)
{
	struct checker checker = option_checker(diags, "--name", name);
	struct node node = option_node(name, strlen(name), 0);

	name_read(&checker, &node, "the name of a service");
}

static void check_ports(const char *ports, struct diags *diags)
{
	struct checker checker = option_checker(diags, "--ports", ports);
	const char *item = ports;

	for (;;) {
		size_t size = strcspn(item, ",");
		struct policy_ports range = { 0 };
		char text[PORT_TEXT];
		struct node node;

		snprintf(text, sizeof(text), "%.*s", (int)size, item);
		node = option_node(text, strlen(text), item - ports);
		port_items.read(&checker, &node, &range);
		if (!item[size])
			break;
		item += size + 1;
	}
}

bool import_selects_section(const struct import_request *request)
{
	for (size_t i = 0; i < request->select_count; i++) {
		if (!strncmp(request->selects[i], "section=", strlen("section=")))
			return true;
	}
	return false;
}

bool import_check_request(struct import_walk *walk, const struct import_request *request)
{
	walk->provider = find_provider(request->provider, walk->diags);
	if (walk->provider)
		parse_selects(walk, request);
	if (request->name)
		check_name(request->name, walk->diags);
	if (request->ports)
		check_ports(request->ports, walk->diags);
	return !walk->diags->errors;
}
